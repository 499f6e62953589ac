"""From a WooCommerce order to Katana's sales order: examples worked by hand."""

from __future__ import annotations

from decimal import Decimal

import pytest
from msgspec.structs import replace

from katana_woo_sync.domain.reasons import Reason
from katana_woo_sync.domain.sales_order import (
    SERVICE_NAME,
    Mapped,
    Unmappable,
    map_order,
    plan_order,
)
from katana_woo_sync.domain.woocommerce import Order, Refund
from tests.domain.samples import (
    SERVICE,
    TERMS,
    Json,
    fee,
    item,
    make_order,
    make_refund,
    mapped,
    rate_id,
    refunded,
    resolve,
    row_of,
    shipping,
    tax_line,
)

MUG = item(1, "10", {1: "2.40"})
BOOK = item(2, "100", {2: "9"}, name="Book")
TWO_RATES = {1: "24", 2: "9"}


def prices(result: Mapped) -> list[str]:
    """Each row's price per unit."""
    return [f"{row.price_per_unit:f}" for row in result.draft.sales_order_rows]


def discounts(result: Mapped) -> list[Decimal | None]:
    """Each row's discount."""
    return [row.total_discount for row in result.draft.sales_order_rows]


def refusal(order: Order, *refunds: Refund) -> tuple[Reason, str]:
    """Why the order is not imported."""
    with pytest.raises(Unmappable) as caught:
        mapped(order, *refunds)
    return caught.value.reason, caught.value.detail


# Rules 3 to 5: price per unit and tax


def test_rule_04_prices_with_tax_and_a_coupon() -> None:
    # 3 mugs at 12.40 = 37.20 less a coupon of 1.38 = 35.82 with tax: 28.89 + 6.93 as rounded.
    # 35.82 / 1.24 / 3 = 9.6290322581; times 3 times 1.24 = 35.82 again.
    order = make_order(item(1, "28.89", {1: "6.93"}, quantity="3"))
    result = mapped(order)
    assert prices(result) == ["9.6290322581"]
    assert round(result.total, 8) == result.expected == Decimal("35.82")
    assert result.draft.sales_order_rows[0].total_discount is None


def test_rule_04_prices_without_tax_and_three_us_rates() -> None:
    # 4 + 4.5 + 0.375 = 8.875 %. 37.20 / 3 = 12.40 a mug; 37.20 * 1.08875 = 40.5015, while the
    # shop rounded 1.49 + 1.67 + 0.14 = 3.30 of tax: 40.50.
    rates = {2: 4, 3: "4.5", 4: 0.375}
    taxes = {2: "1.49", 3: "1.67", 4: "0.14"}
    order = make_order(item(1, "37.20", taxes, quantity="3"), rates=rates, inclusive=False)
    result = mapped(order)
    assert prices(result) == ["12.4"]
    assert result.draft.sales_order_rows[0].tax_rate_id == rate_id("8.875")
    assert (result.total, result.expected) == (Decimal("40.5015"), Decimal("40.50"))
    assert result.tolerance == Decimal("0.02")  # four amounts, half a cent each


def test_rule_05_compound_rates_apply_to_the_price_with_the_taxes_before_them() -> None:
    # Quebec as it was: 5 %, then 9.975 % of the sum: 1.05 * 1.09975 = 1.1547375
    lines = [tax_line(1, 5), tax_line(2, "9.975", compound=True)]
    order = make_order(item(1, "100", {1: "5", 2: "10.47"}), inclusive=False, tax_lines=lines)
    assert row_of(order).tax_rate_id == rate_id("15.474")  # no rate has more than three decimals
    assert mapped(order).total == Decimal("115.474")


def test_rule_05_the_zero_rate_is_never_katanas_default() -> None:
    zero_rated = make_order(item(1, "10", {1: "0.00"}), rates={1: 0})
    untaxed = make_order(item(1, "10"), rates={})
    assert row_of(zero_rated).tax_rate_id == row_of(untaxed).tax_rate_id == rate_id("0")


def test_rule_05_a_tax_exempt_order_of_a_tax_inclusive_store() -> None:
    result = mapped(make_order(item(1, "10.00"), inclusive=True, tax_lines=[]))
    assert (prices(result), result.total) == (["10"], Decimal(10))


def test_rule_05_a_tax_without_percentage_is_reproduced_by_the_shortest_rate() -> None:
    # 7.37 on 99.99: 7.4 % would be 7.399, 7.37 % is 7.369, so two decimals do
    order = make_order(item(1, "99.99", {8: "7.37"}), rates={8: None}, inclusive=False)
    assert row_of(order).tax_rate_id == rate_id("7.37")


def test_rule_05_todays_percentage_on_an_old_order_changes_no_price() -> None:
    deleted_rate = make_order(item(1, "20.00", {1: "4.80"}, "2"), rates={1: 0})
    assert row_of(deleted_rate).tax_rate_id == rate_id(24)
    assert prices(mapped(deleted_rate)) == ["10"]
    raised_since = make_order(item(1, "100.00", {1: "19.00"}), rates={1: 24})
    assert row_of(raised_since).tax_rate_id == rate_id(19)
    assert prices(mapped(raised_since)) == ["100"]


def test_rule_05_shipping_of_two_rates_becomes_a_share_for_each() -> None:
    goods = [item(1, "100", {1: "19.00"}), item(2, "100", {2: "7.00"})]
    post = shipping(9, "4.34", {1: "0.41", 2: "0.15"})
    result = mapped(make_order(*goods, ships=[post], rates={1: "19", 2: "7"}))
    assert result.fee is not None
    service = result.draft.sales_order_rows[2]
    assert {result.fee.tax_rate_id, service.tax_rate_id} == {rate_id(19), rate_id(7)}
    assert (service.variant_id, service.quantity) == (SERVICE, Decimal(1))
    assert abs(result.total - result.expected) < Decimal("1E-8")


def test_rule_05_an_item_of_two_rates_stays_one_item() -> None:
    goods = [item(1, "100", {1: "19.00"}), item(2, "100", {2: "7.00"})]
    box = item(3, "20.00", {1: "1.90", 2: "0.70"}, "2", subtotal="20.00", subtotal_tax="2.60")
    result = mapped(make_order(*goods, box, rates={1: "19", 2: "7"}))
    rows = result.draft.sales_order_rows
    assert [(row.variant_id, row.quantity) for row in rows if row.variant_id != SERVICE] == [
        (1001, Decimal(1)),
        (1002, Decimal(1)),
        (1003, Decimal(2)),
    ]
    assert abs(result.total - result.expected) < Decimal("1E-8")


def test_rule_08_refunded_shipping_of_two_rates_is_gone() -> None:
    goods = [item(1, "100", {1: "19.00"}), item(2, "100", {2: "7.00"})]
    taxes = {1: "0.41", 2: "0.15"}
    order = make_order(*goods, ships=[shipping(9, "4.34", taxes)], rates={1: "19", 2: "7"})
    back = refunded(9, "-4.34", {1: "-0.41", 2: "-0.15"})
    result = mapped(order, make_refund("4.90", back))
    assert (result.fee, len(result.draft.sales_order_rows)) == (None, 2)
    assert round(result.total, 6) == result.expected == 226


def test_rule_04_the_order_itself_says_whether_prices_include_tax() -> None:
    # 1 % of 0.35 is 0.0035, which the shop rounds to nothing
    line = item(1, "0.35", {1: "0.00"})
    assert prices(mapped(make_order(line, rates={1: 1}))) == ["0.3465346535"]  # 0.35 / 1.01
    assert prices(mapped(make_order(line, rates={1: 1}, inclusive=False))) == ["0.35"]


def test_rule_04_katana_totals_are_compared_with_the_shops_roundings() -> None:
    order = make_order(MUG, BOOK, rates=TWO_RATES, ships=[shipping(3, "5", {1: "1.20"})])
    assert mapped(order).tolerance == Decimal("0.030")  # 3 amounts and 3 taxes
    assert mapped(order, terms=replace(TERMS, decimals=0)).tolerance == Decimal(3)


@pytest.mark.parametrize(
    ("quantity", "net", "price"), [("2.5", "25", "10"), ("0.333", "1", "3.003003003")]
)
def test_rule_03_decimal_quantities(quantity: str, net: str, price: str) -> None:
    row = row_of(make_order(item(1, net, quantity=quantity)))
    assert (str(row.quantity), f"{row.price_per_unit:f}") == (quantity, price)


def test_rule_06_the_order_keeps_its_currency() -> None:
    order = make_order(item(1, "1234.56"), currency="jpy")
    result = mapped(order)
    assert (result.draft.currency, prices(result)) == ("JPY", ["1234.56"])


def test_rule_03_a_free_item_is_a_row_without_price() -> None:
    result = mapped(make_order(item(1, "0.00", quantity="2"), item(2, "5")))
    assert prices(result) == ["0", "5"]


# Rule 3: shipping


def test_rule_03_shipping_is_the_orders_shipping_fee() -> None:
    # 4.90 with 24 % tax of 1.18 is 6.08 with tax: 6.08 / 1.24 = 4.9032258065
    result = mapped(make_order(MUG, ships=[shipping(3, "4.90", {1: "1.18"})]))
    assert result.fee is not None
    assert (result.fee.amount, result.fee.tax_rate_id) == ("4.9032258065", rate_id("24"))
    assert result.fee.description == "Courier"
    assert round(result.total, 8) == Decimal("18.48")
    assert round(result.rows_total, 8) == Decimal("12.40")


def test_rule_03_two_shipping_lines_of_one_rate_are_one_fee() -> None:
    ships = [shipping(3, "5", {1: "1.20"}), shipping(4, "10", {1: "2.40"}, "Cooling")]
    result = mapped(make_order(MUG, ships=ships))
    assert result.fee is not None
    assert (result.fee.amount, result.fee.description) == ("15", "Courier, Cooling")


def test_rule_03_a_shipping_line_of_another_rate_is_a_service_row() -> None:
    ships = [shipping(3, "5", {1: "1.20"}), shipping(4, "20", {2: "1.80"}, "Cooling")]
    result = mapped(make_order(MUG, ships=ships, rates=TWO_RATES))
    other = result.draft.sales_order_rows[1]
    assert result.fee is not None
    assert (result.fee.amount, result.fee.tax_rate_id) == ("20", rate_id("9"))
    assert (other.variant_id, str(other.price_per_unit)) == (SERVICE, "5")
    assert [(a.key, a.value) for a in other.attributes] == [("Name", "Courier")]
    assert result.total == result.expected == Decimal("40.40")


def test_rule_03_free_shipping_is_no_fee() -> None:
    assert mapped(make_order(MUG, ships=[shipping(3, "0.00")])).fee is None


def test_rule_03_an_order_of_only_shipping_is_one_service_row() -> None:
    result = mapped(make_order(ships=[shipping(3, "5", {1: "1.20"})]))
    (row,) = result.draft.sales_order_rows
    assert (row.variant_id, str(row.price_per_unit), result.fee) == (SERVICE, "5", None)
    assert result.total == result.expected == Decimal("6.20")


def test_shipping_and_fees_that_the_settings_leave_out_are_not_expected() -> None:
    terms = replace(TERMS, import_shipping=False, import_fees=False)
    parts: Json = {"ships": [shipping(3, "5", {1: "1.20"})], "fees": [fee(4, "2")]}
    result = mapped(make_order(MUG, **parts), terms=terms)
    assert (len(result.draft.sales_order_rows), result.fee) == (1, None)
    assert result.total == result.expected == Decimal("12.40")


# Rule 3: fees


def test_rule_03_a_positive_fee_is_a_service_row_with_its_name() -> None:
    result = mapped(make_order(MUG, fees=[fee(4, "3.00", {1: "0.72"}, "Gift &amp; card")]))
    row = result.draft.sales_order_rows[1]
    assert (row.variant_id, str(row.price_per_unit), str(row.quantity)) == (SERVICE, "3", "1")
    assert [(a.key, a.value) for a in row.attributes] == [("Name", "Gift & card")]
    assert result.total == result.expected


def test_rule_03_a_fee_without_a_name_has_one_in_katana() -> None:
    row = row_of(make_order(fees=[fee(4, "3", name="<b></b>")]))
    assert row.attributes[0].value == SERVICE_NAME


def test_rule_03_a_negative_fee_is_a_discount_on_rows_of_its_rate_first() -> None:
    # -3.72 with 24 % comes off the two rows at 24 % as 10 : 20, without tax: 1.00 and 2.00
    mugs = item(3, "20", {1: "4.80"})
    order = make_order(MUG, BOOK, mugs, rates=TWO_RATES, fees=[fee(4, "-3", {1: "-0.72"})])
    result = mapped(order)
    assert discounts(result) == [Decimal(1), None, Decimal(2)]
    assert result.total == result.expected == Decimal("142.48")  # 37.20 + 109 - 3.72


def test_rule_03_a_negative_fee_beyond_its_rate_comes_off_the_other_rows() -> None:
    # -24.80 with tax: the mug bears all of its 12.40, the book the other 12.40 / 1.09
    order = make_order(MUG, BOOK, rates=TWO_RATES, fees=[fee(4, "-20", {1: "-4.80"})])
    result = mapped(order)
    assert discounts(result) == [Decimal(10), Decimal("11.376146789")]
    assert round(result.total, 8) == result.expected == Decimal("96.60")


def test_rule_03_a_negative_fee_beyond_the_rows_comes_off_the_shipping() -> None:
    ships = [shipping(3, "5", {1: "1.20"})]
    result = mapped(make_order(MUG, ships=ships, fees=[fee(4, "-12", {1: "-2.88"})]))
    assert discounts(result) == [Decimal(10)]
    assert result.fee is not None
    assert (result.fee.amount, result.total) == ("3", Decimal("3.72"))


def test_rule_20_a_wallets_fee_is_a_payment_whatever_tax_it_was_given() -> None:
    mark = [{"key": "_legacy_fee_key", "value": "_via_wallet_partial_payment"}]
    wallet = fee(3, "-8.00", {1: "-1.92"}, "Via wallet") | {"meta_data": mark}
    result = mapped(make_order(item(1, "10", {1: "2.40"}), fees=[wallet]))
    assert discounts(result) == [None]
    assert round(result.total, 6) == result.expected == Decimal("12.40")


@pytest.mark.parametrize(
    ("kind", "info"),
    [("smart_coupon", True), ("store_credit", False), ("percent", True), ("fixed_cart", False)],
)
def test_rule_20_a_coupon_that_is_store_credit_is_a_payment(kind: str, info: bool) -> None:
    entry: Json = {"key": "coupon_data", "value": {"discount_type": kind}}
    if info:
        entry = {"key": "coupon_info", "value": f'[7,"gift","{kind}",50]'}
    coupon = {"code": "gift", "discount": "8", "discount_tax": "2", "meta_data": [entry]}
    order = make_order(item(1, "10", {1: "2.40"}), coupon_lines=[coupon], total="2.40")
    result = mapped(order)
    is_credit = kind in ("smart_coupon", "store_credit")
    assert result.expected == (Decimal("12.40") if is_credit else Decimal("2.40"))


def test_rule_03_a_negative_fee_beyond_all_cannot_be_held() -> None:
    order = make_order(MUG, fees=[fee(4, "-10.01", {1: "-2.40"}, "Gift card")])
    assert refusal(order) == (Reason.CANNOT_HOLD, "Gift card: -12.41")


def test_rule_03_a_negative_fee_in_a_tax_exclusive_store() -> None:
    # same rate: -2 off the mug's 10; 8 * 1.24 = 9.92
    order = make_order(MUG, inclusive=False, fees=[fee(4, "-2", {1: "-0.48"})])
    result = mapped(order)
    assert (discounts(result), result.total) == ([Decimal(2)], Decimal("9.92"))
    # beyond it: -15 net is 18.60; the mug bears 10 of 15, the book 5 * 1.24 = 6.20 with its 9 %
    order = make_order(
        MUG, BOOK, rates=TWO_RATES, inclusive=False, fees=[fee(4, "-15", {1: "-3.60"})]
    )
    result = mapped(order)
    assert discounts(result) == [Decimal(10), Decimal("5.6880733945")]
    assert round(result.total, 8) == result.expected == Decimal("102.80")


def test_rule_03_an_untaxed_negative_fee_keeps_the_amount_with_tax() -> None:
    # -1.24 untaxed comes off a row at 24 % as 1.00 without tax
    result = mapped(make_order(MUG, inclusive=False, fees=[fee(4, "-1.24")]))
    assert (discounts(result), result.total) == ([Decimal(1)], Decimal("11.16"))


def test_rule_03_a_gift_card_for_all_of_an_order_may_exceed_it_by_the_shops_rounding() -> None:
    # 10.00 with 8.875 % is 10.8875; the shop asks 10.89 and the card pays 10.89
    line, card = item(1, "10", {1: "0.89"}), fee(4, "-10.89", name="Gift card")
    result = mapped(make_order(line, fees=[card], rates={1: "8.875"}, inclusive=False))
    assert (discounts(result), result.total) == ([Decimal(10)], Decimal(0))
    assert result.expected == 0


def test_rule_03_a_discount_of_a_whole_row_never_exceeds_it() -> None:
    # 10 / 3 is rounded down to 3.3333333333; three of them are less than 10
    order = make_order(item(1, "10", quantity="3"), BOOK, rates={2: 9}, fees=[fee(4, "-10")])
    row = mapped(order).draft.sales_order_rows[0]
    assert row.total_discount == row.quantity * row.price_per_unit == Decimal("9.9999999999")


# Rule 8: refunded before import


def test_rule_08_refunded_lines_are_taken_off() -> None:
    # 1 of 3 back: 2 left, 20 + 4.80 of 30 + 7.20
    order = make_order(item(1, "30", {1: "7.20"}, quantity="3"), item(2, "5", {1: "1.20"}))
    back = make_refund("12.40", refunded(1, "-10", {1: "-2.40"}, quantity=-1))
    result = mapped(order, back)
    first = result.draft.sales_order_rows[0]
    assert (first.quantity, first.price_per_unit) == (Decimal(2), Decimal(10))
    assert result.total == result.expected == Decimal("31.00")


def test_rule_08_a_line_that_was_wholly_refunded_is_left_out() -> None:
    order = make_order(MUG, BOOK, rates=TWO_RATES)
    back = make_refund("12.40", refunded(1, "-10", {1: "-2.40"}, quantity=-1))
    result = mapped(order, back)
    assert [row.variant_id for row in result.draft.sales_order_rows] == [1002]
    assert result.total == result.expected == Decimal(109)


def test_rule_08_an_amount_only_refund_is_spread_over_the_rows_as_discount() -> None:
    # 6.20 of 37.20 with tax, over rows of 12.40 and 24.80: 2.0667 / 1.24 and 4.1333 / 1.24
    order = make_order(MUG, item(2, "20", {1: "4.80"}))
    result = mapped(order, make_refund("6.20"))
    assert discounts(result) == [Decimal("1.6666666667"), Decimal("3.3333333333")]
    assert round(result.total, 8) == result.expected == Decimal("31.00")


def test_rule_08_refunded_shipping_is_no_fee() -> None:
    order = make_order(MUG, ships=[shipping(3, "5", {1: "1.20"})])
    result = mapped(order, make_refund("6.20", refunded(3, "-5", {1: "-1.20"})))
    assert (result.fee, result.total, result.expected) == (None, Decimal("12.4"), Decimal("12.40"))


def test_rule_08_refunded_shipping_that_is_left_out_takes_nothing_off_the_rows() -> None:
    order = make_order(MUG, ships=[shipping(3, "5", {1: "1.20"})])
    back = make_refund("6.20", refunded(3, "-5", {1: "-1.20"}))
    result = mapped(order, back, terms=replace(TERMS, import_shipping=False))
    assert (discounts(result), result.total, result.expected) == (
        [None],
        Decimal("12.4"),
        Decimal("12.40"),
    )


def test_rule_08_a_part_of_a_refund_without_a_line_is_a_discount() -> None:
    order = make_order(item(1, "30", {1: "7.20"}, quantity="3"))
    back = make_refund("13.64", refunded(1, "-10", {1: "-2.40"}, quantity=-1))  # 1.24 more
    assert row_of(order, back).total_discount == Decimal(1)


@pytest.mark.parametrize("sign", [1, -1])
def test_rule_08_a_refund_takes_away_whatever_sign_its_numbers_have(sign: int) -> None:
    order = make_order(
        item(1, "20.00", {1: "4.80"}, "2"), fees=[fee(2, "-2.00", {1: "-0.48"}, "Loyalty")]
    )
    lines = [
        refunded(1, str(sign * 10), {1: str(sign * Decimal("2.40"))}, quantity=sign),
        refunded(2, str(sign), {1: str(sign * Decimal("0.24"))}),
    ]
    result = mapped(order, make_refund(str(sign * Decimal("11.16")), *lines))
    (row,) = result.draft.sales_order_rows
    assert (row.quantity, row.price_per_unit) == (Decimal(1), Decimal(10))
    assert row.total_discount == 1
    assert round(result.total, 6) == result.expected == Decimal("11.16")


def test_rule_08_a_refund_that_only_the_order_tells_of_is_one_of_an_amount() -> None:
    order = make_order(
        item(1, "20.00", {1: "4.80"}, "2"),
        refunds=[{"id": 900, "total": "-12.40"}, {"id": 901, "total": "2.40"}],
    )
    listed = make_refund("12.40", refunded(1, "-10", {1: "-2.40"}, quantity=-1))
    one = mapped(order, listed)
    assert one.draft.sales_order_rows[0].quantity == 1
    none = mapped(order)
    assert none.draft.sales_order_rows[0].quantity == 2
    for result in (one, none):
        assert round(result.total, 6) == result.expected == 10


def test_rule_08_all_refunded_is_skipped_though_the_refunds_are_not_listed() -> None:
    refunds = [{"id": 900, "total": "-12.40"}]
    assert refusal(make_order(refunds=refunds))[0] == Reason.REFUNDED_BEFORE_IMPORT


def test_rule_08_an_order_all_of_which_was_refunded_is_skipped() -> None:
    back = make_refund("12.40", refunded(1, "-10", {1: "-2.40"}, quantity=-1))
    assert refusal(make_order(MUG), back)[0] is Reason.REFUNDED_BEFORE_IMPORT


def test_rule_08_money_kept_of_a_refunded_item_is_a_service_row() -> None:
    # the mug comes back, 2.48 of its 12.40 are kept for restocking
    back = make_refund("9.92", refunded(1, "-8", {1: "-1.92"}, quantity=-1))
    row = row_of(make_order(MUG), back)
    assert (row.variant_id, str(row.quantity), str(row.price_per_unit)) == (SERVICE, "1", "2")


# What is not imported


@pytest.mark.parametrize("lines", [[], [item(1, "0", quantity="0")]])
def test_rule_03_an_empty_order_is_skipped(lines: list[Json]) -> None:
    assert refusal(make_order(*lines, fees=[]))[0] is Reason.EMPTY_ORDER


def test_rule_03_quantity_zero_with_money_is_a_service_row() -> None:
    row = row_of(make_order(item(1, "5", quantity="0")))
    assert (row.variant_id, str(row.quantity), str(row.price_per_unit)) == (SERVICE, "1", "5")


def test_an_order_without_any_date_is_unreadable() -> None:
    order = make_order(
        date_created_gmt="0000-00-00", date_created="", date_paid_gmt="", date_modified_gmt=""
    )
    assert refusal(order)[0] is Reason.UNREADABLE


def test_mapping_the_same_order_again_gives_the_same_sales_order() -> None:
    order = make_order(MUG, BOOK, rates=TWO_RATES, fees=[fee(4, "-3", {1: "-0.72"})])
    plan = plan_order(order, (), TERMS)
    assert map_order(plan, resolve(plan), TERMS) == map_order(plan, resolve(plan), TERMS)
    assert mapped(order) == mapped(order)
