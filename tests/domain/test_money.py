"""Rule 4's options: discounts shown apart, totals matched to the cent, and odd amounts."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs
from msgspec.structs import replace

from katana_woo_sync.domain.fields import Amount
from katana_woo_sync.domain.rows import price_and_discount
from katana_woo_sync.domain.sales_order import Mapped, Terms
from katana_woo_sync.domain.woocommerce import LineItem, Order
from tests.domain.samples import (
    IDENTITY,
    TERMS,
    Json,
    item,
    make_order,
    make_refund,
    mapped,
    refunded,
    shipping,
)
from tests.domain.test_properties import orders

SEPARATE = replace(TERMS, separate_discounts=True)
MATCHED = replace(TERMS, match_totals=True)


def discounted(quantity: str = "3") -> Json:
    """37.20 with tax, less 1.38: 35.82."""
    full: Json = {"subtotal": "30", "subtotal_tax": "7.20"}
    return item(1, "28.89", {1: "6.93"}, quantity, **full)


def test_a_separate_discount_leaves_the_price_undiscounted() -> None:
    (row,) = mapped(make_order(discounted()), terms=SEPARATE).draft.sales_order_rows
    assert row.price_per_unit == 10
    # 1.38 with tax is 1.1129032258 without
    assert row.total_discount == Decimal("1.1129032258")


def test_a_line_without_a_discount_has_none() -> None:
    plain = item(1, "10", {1: "2.40"}, subtotal="10", subtotal_tax="2.40")
    (row,) = mapped(make_order(plain), terms=SEPARATE).draft.sales_order_rows
    assert (str(row.price_per_unit), row.total_discount) == ("10", None)


def test_a_line_that_costs_more_than_before_has_its_own_price() -> None:
    dearer = item(1, "12", {1: "2.88"}, subtotal="10", subtotal_tax="2.40")
    (row,) = mapped(make_order(dearer), terms=SEPARATE).draft.sales_order_rows
    assert (str(row.price_per_unit), row.total_discount) == ("12", None)


def test_a_refunded_piece_takes_its_share_of_the_discount() -> None:
    refund = make_refund("11.94", refunded(1, "-9.63", {1: "-2.31"}, quantity=-1))
    result = mapped(make_order(discounted()), refund, terms=SEPARATE)
    (row,) = result.draft.sales_order_rows
    assert (str(row.quantity), str(row.price_per_unit)) == ("2", "10")
    assert round(result.total, 6) == result.expected == Decimal("23.88")


def us_order() -> Order:
    """3 for 37.20 at 8.875 %: 40.5015, which the shop rounded to 40.50."""
    taxes = {1: "1.49", 2: "1.67", 3: "0.14"}
    rates = {1: "4", 2: "4.5", 3: "0.375"}
    return make_order(item(1, "37.20", taxes, "3"), rates=rates, inclusive=False)


def test_match_totals_puts_the_shops_roundings_onto_the_largest_row() -> None:
    assert round(mapped(us_order()).total, 4) == Decimal("40.5015")
    assert round(mapped(us_order(), terms=MATCHED).total, 6) == Decimal("40.50")


def test_match_totals_puts_them_onto_the_fee_where_no_row_can_bear_them() -> None:
    free = item(1, "0", quantity="1")
    ships = [shipping(9, "4.99", {1: "0.45"})]
    order = make_order(free, ships=ships, rates={1: "8.875"}, inclusive=False, total="5.43")
    result = mapped(order, terms=MATCHED)
    assert result.fee is not None
    assert total_of(result) == Decimal("5.43")


def test_match_totals_leaves_alone_what_roundings_do_not_explain() -> None:
    gift_card = make_order(item(1, "10", {1: "2.40"}), total="9.00")
    assert mapped(gift_card, terms=MATCHED).total == Decimal("12.40")


def test_a_thousand_pieces_are_exact_through_the_rows_discount() -> None:
    price, discount = price_and_discount(Decimal(10) / 3, Decimal(10) / 3, Decimal(1_000_000))
    exact = price * 1_000_000 - discount
    assert abs(exact - Decimal(10) / 3) < Decimal("0.000001")
    assert discount >= 0


def _before(line: LineItem, factor: Decimal) -> LineItem:
    """The line with a discount that brought it down to what it costs."""
    full = {
        "subtotal": Amount(line.total * factor),
        "subtotal_tax": Amount(line.total_tax * factor),
    }
    return structs.replace(line, **full)


def total_of(result: Mapped) -> Decimal:
    """The total to six decimals: Katana keeps ten of each price."""
    return round(result.total, 6)


@given(st.booleans().flatmap(lambda inclusive: orders(inclusive=inclusive)), st.integers(0, 9))
def test_separate_discounts_change_no_total(order: Order, percent: int) -> None:
    dearer = tuple(_before(line, 1 + Decimal(percent) / 10) for line in order.line_items)
    order = structs.replace(order, line_items=dearer)
    if order.total >= 0:
        assert abs(mapped(order).total - mapped(order, terms=SEPARATE).total) < Decimal("0.0001")


@given(st.booleans().flatmap(lambda inclusive: orders(inclusive=inclusive)))
def test_match_totals_makes_both_totals_agree(order: Order) -> None:
    if order.total >= 1:
        result = mapped(order, terms=MATCHED)
        assert abs(result.total - result.expected) < Decimal("0.0001")
        rows = result.draft.sales_order_rows
        assert all(row.price_per_unit >= 0 and (row.total_discount or 0) >= 0 for row in rows)


@pytest.mark.parametrize("quantity", ["2.5", "0.333", "1000"])
def test_decimal_quantities(quantity: str) -> None:
    result = mapped(make_order(item(1, "10", {1: "2.40"}, quantity)))
    assert result.draft.sales_order_rows[0].quantity == Decimal(quantity)
    assert total_of(result) == Decimal("12.40")


@pytest.mark.parametrize(("net", "tax"), [("12345", "0"), ("10.1", "2.42"), ("0.0813", "0.0195")])
def test_prices_of_any_number_of_decimals(net: str, tax: str) -> None:
    result = mapped(make_order(item(1, net, {1: tax} if tax != "0" else {})))
    assert total_of(result) == Decimal(net) + Decimal(tax)


def test_shipping_that_bears_two_rates_at_once_is_one_fee() -> None:
    order = make_order(
        item(1, "10", {1: "2.40"}),
        ships=[shipping(9, "10", {1: "2.40", 2: "0.90"})],
        rates={1: "24", 2: "9"},
    )
    result = mapped(order)
    assert result.fee is not None
    assert (result.fee.amount, total_of(result)) == ("10", Decimal("25.70"))


def test_a_shop_that_rounds_at_the_subtotal_is_held_to_its_few_roundings() -> None:
    lines = [item(n, "10", {1: "2.40"}) for n in range(1, 21)]
    each = mapped(make_order(*lines), terms=Terms(IDENTITY))
    whole = mapped(make_order(*lines), terms=Terms(IDENTITY, rounds_each_line=False))
    assert (each.tolerance, whole.tolerance) == (Decimal("0.200"), Decimal("0.015"))
