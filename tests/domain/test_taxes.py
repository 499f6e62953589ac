"""Rule 5: from the taxes of a line to the Katana tax rate that holds them."""

from __future__ import annotations

from decimal import Decimal

import pytest

from katana_woo_sync.domain.fields import Amount, Text, Whole, convert
from katana_woo_sync.domain.katana import TaxRate, encode
from katana_woo_sync.domain.taxes import (
    HALF_A_CENT,
    NO_TAX,
    Part,
    Taxed,
    TaxNeed,
    choose_rate,
    new_rate,
    percent_of,
    taxes_of,
)
from katana_woo_sync.domain.woocommerce import Line, TaxLine
from tests.domain.samples import Json, item, tax_line

VAT_24 = TaxNeed(Decimal(24), "VAT 24%")


def rate(rate_id: int, percent: str, name: str = "") -> TaxRate:
    """A Katana tax rate."""
    return TaxRate(id=Whole(rate_id), name=Text(name), rate=Amount(percent))


def needs(*items: Json, rates: dict[int, object], **more: object) -> list[TaxNeed]:
    """The needs of lines, none of which is split, of an order with these rates."""
    lines = [convert(tax_line(i, percent), TaxLine) for i, percent in rates.items()]
    found = taxes_of([convert(each, Line) for each in items], lines, **more)  # type: ignore[arg-type]
    return [parts[0].need for parts in found.parts if len(parts) == 1]


def need(taxes: dict[int, str], rates: dict[int, object], net: str = "10") -> TaxNeed:
    """The need of the only line of an order."""
    (found,) = needs(item(1, net, taxes), rates=rates)
    return found


def amounts(*lines: tuple[str, str], taxes: int = 1) -> TaxNeed:
    """The need of lines of which only amounts tell the rate."""
    taxed = (Taxed(Decimal(net), Decimal(tax), taxes, Decimal("0.005")) for net, tax in lines)
    return TaxNeed(None, "", tuple(taxed))


def created(wanted: TaxNeed) -> Decimal | None:
    """The percentage of the rate that would be created."""
    draft = new_rate(wanted, {})
    return None if draft is None else draft.rate


@pytest.mark.parametrize(
    ("value", "percent"),
    [(24, "24"), ("24.0000", "24"), (0.375, "0.375"), ("25.5", "25.5"), (0, "0")],
)
def test_rule_05_rate_percent_is_read_as_decimal(value: object, percent: str) -> None:
    assert percent_of(convert(tax_line(1, value), TaxLine)) == Decimal(percent)


@pytest.mark.parametrize("value", [None, "", True, "VAT", "NaN", "Infinity", []])
def test_a_percentage_that_is_none_is_unknown(value: object) -> None:
    assert percent_of(convert(tax_line(1, value), TaxLine)) is None


def test_rule_05_several_rates_add_up() -> None:
    taxes = {2: "0.40", 3: "0.45", 4: "0.04"}
    assert need(taxes, {2: 4, 3: "4.5", 4: 0.375}).percent == Decimal("8.875")


def test_rule_05_a_rate_is_never_derived_by_division_where_it_is_known() -> None:
    assert need({1: "0.01"}, {1: 24}, net="0.03").percent == 24  # by division: 33.3 %


def test_rule_05_only_rates_that_apply_to_the_line_count() -> None:
    line = item(1, "10", {1: "2.40"}) | {"taxes": [_tax(1, "2.40"), _tax(2, "")]}
    assert [n.percent for n in needs(line, rates={1: 24, 2: 9})] == [24]


def _tax(rate_id: int, total: str) -> dict[str, object]:
    return {"id": rate_id, "total": total}


def test_rule_05_no_tax_is_zero_percent() -> None:
    assert need({}, {}) == NO_TAX
    assert need({1: "0.00"}, {1: 0}) == TaxNeed(Decimal(0), "VAT 0%")
    assert need({8: "0.00"}, {8: None}) == NO_TAX


def test_a_tax_that_the_order_does_not_list_has_no_percentage() -> None:
    assert need({8: "2.40"}, {}) == amounts(("10", "2.40"))
    assert need({1: "1", 8: "1.40"}, {1: 10}).percent is None


@pytest.mark.parametrize(
    ("net", "tax", "stated", "right"),
    [("20.00", "4.80", 0, 24), ("100.00", "19.00", 24, 19), ("20.00", "4.80", 4.8, 24)],
)
def test_rule_05_where_the_percentage_does_not_give_the_taxes_the_amounts_decide(
    net: str, tax: str, stated: object, right: int
) -> None:
    wanted = need({1: tax}, {1: stated}, net)
    assert wanted.percent is None
    assert created(wanted) == right
    rates = [rate(1, str(stated)), rate(2, str(right)), rate(3, f"{right}.01")]
    assert choose_rate(wanted, rates, {}) == rates[1]


def test_rule_05_a_rate_that_bears_nothing_on_a_line_is_not_added() -> None:
    assert need({1: "1.00", 2: "0.00"}, {1: 5, 2: 6}, "20").percent == 5
    # of so little it may bear nothing and apply all the same
    assert need({1: "0.01", 2: "0.01", 3: "0.00"}, {1: 4, 2: 4.5, 3: 0.375}, "0.15").percent == (
        Decimal("8.875")
    )


def test_rule_05_whether_a_rate_applies_is_told_by_all_lines_together() -> None:
    book, gift = item(1, "20", {1: "1.00", 2: "0.00"}), item(2, "0", {1: "0.00", 2: "0.00"})
    assert [n.percent for n in needs(book, gift, rates={1: 5, 2: 6})] == [5, 5]
    taxed_by_both = item(3, "20", {1: "1.00", 2: "1.20"})
    found = needs(book, gift, taxed_by_both, rates={1: 5, 2: 6})
    assert [n.percent for n in found] == [5, 11, 11]


def test_rule_05_one_rate_is_decided_over_all_lines_together() -> None:
    # each line alone would do with 19 %, or 20 %, or 18.5 %
    lines = [item(1, "1.00", {1: "0.19"}), item(2, "333.33", {1: "63.17"})]
    first, second = needs(*lines, rates={1: 0})
    assert first == second
    assert created(first) == Decimal("18.95")


def test_rule_05_taxes_that_are_not_of_one_rate_are_not_representable() -> None:
    lines = [item(1, "100", {1: "19.00"}), item(2, "100", {1: "7.00"})]
    first, second = needs(*lines, rates={1: 24})
    assert created(first) is created(second) is None
    rates = [rate(n, str(n)) for n in range(30)]
    assert choose_rate(first, rates, {}) is None


def test_rule_05_what_is_given_back_needs_no_rate_of_its_own() -> None:
    lines = [item(1, "100", {1: "19.00"}), item(2, "-10", {1: "-1.00"})]
    first, second = needs(*lines, rates={1: 24})
    assert created(first) == 19
    assert second != first


def test_rule_05_a_percentage_that_misses_by_a_cent_is_taken_and_told() -> None:
    lines = [convert(item(1, "10.00", {1: "2.41"}), Line)]
    taxes = taxes_of(lines, [convert(tax_line(1, 24), TaxLine)])
    assert taxes.parts[0][0].need.percent == 24
    assert taxes.by_a_cent == ("VAT 24%",)
    assert need({1: "2.43"}, {1: 24}).percent is None


def test_rule_05_shipping_that_bears_two_rates_by_shares_is_split() -> None:
    goods = [item(1, "100", {1: "19.00"}), item(2, "99.99", {2: "7.00"})]
    post = item(3, "4.34", {1: "0.41", 2: "0.15"})
    rates = [convert(tax_line(i, p), TaxLine) for i, p in ((1, 19), (2, 7))]
    lines = [convert(each, Line) for each in (*goods, post)]
    first, second = taxes_of(lines, rates).parts[2]
    assert [part.need.percent for part in (first, second)] == [Decimal(19), Decimal(7)]
    assert first.net + second.net == first.tax + second.tax == 1
    for part, tax in ((first, "0.41"), (second, "0.15")):
        share = part.net * Decimal("4.34") * (part.need.percent or 0) / 100
        assert abs(share - Decimal(tax)) <= HALF_A_CENT


def test_rule_05_the_shares_are_of_the_rates_that_the_goods_show() -> None:
    goods = [item(1, "100", {1: "16.00"}), item(2, "100", {2: "5.00"})]
    post = item(3, "10.00", {1: "0.80", 2: "0.25"})  # half each, as in the year of 16 % and 5 %
    rates = [convert(tax_line(i, p), TaxLine) for i, p in ((1, 19), (2, 7))]
    parts = taxes_of([convert(each, Line) for each in (*goods, post)], rates).parts
    assert parts[2] == (
        Part(parts[0][0].need, Decimal("0.5"), Decimal("0.80") / Decimal("1.05")),
        Part(parts[1][0].need, Decimal("0.5"), Decimal("0.25") / Decimal("1.05")),
    )


def test_rule_05_the_rate_of_the_percentage_with_the_lowest_id() -> None:
    rates = [rate(9, "24"), rate(3, "24.000"), rate(1, "9")]
    assert choose_rate(VAT_24, rates, {}) == rates[1]
    assert choose_rate(VAT_24, [rate(1, "23.99")], {}) is None


def test_rule_05_the_config_names_the_rate_before_the_shops_name() -> None:
    rates = [rate(1, "24"), rate(2, "24", " vat 24% "), rate(3, "24", "Sales VAT")]
    assert choose_rate(VAT_24, rates, {}) == rates[1]
    assert choose_rate(VAT_24, rates, {Decimal("24.0"): "sales vat"}) == rates[2]
    assert choose_rate(VAT_24, rates, {Decimal(24): "gone"}) == rates[1]


def test_rule_05_a_tax_without_percentage_takes_the_rate_that_reproduces_it() -> None:
    # 2.37 on 9.87: 24 % gives 2.3688, 24.05 % gives 2.3737
    unknown = amounts(("9.87", "2.37"))
    rates = [rate(1, "25"), rate(2, "24.05"), rate(3, "24")]
    assert choose_rate(unknown, rates, {}) == rates[2]
    assert choose_rate(unknown, rates[:1], {}) is None


def test_rule_05_else_the_shortest_percentage_that_reproduces_it() -> None:
    draft = new_rate(amounts(("9.87", "2.37")), {})
    assert draft is not None
    assert (draft.rate, draft.name) == (Decimal(24), "Tax 24%")


@pytest.mark.parametrize(
    ("wanted", "names", "name"),
    [
        (VAT_24, {}, "VAT 24%"),
        (TaxNeed(Decimal("8.875"), "State Tax + City"), {}, "State Tax + City 8.875%"),
        (TaxNeed(Decimal("24.00")), {}, "Tax 24%"),
        (TaxNeed(Decimal(100)), {}, "Tax 100%"),
        (NO_TAX, {}, "No tax 0%"),
        (VAT_24, {Decimal(24): "Sales VAT"}, "Sales VAT 24%"),
    ],
)
def test_rule_05_a_rate_that_is_created_says_its_percentage(
    wanted: TaxNeed, names: dict[Decimal, str], name: str
) -> None:
    draft = new_rate(wanted, names)
    assert draft is not None
    assert (draft.rate, draft.name) == (wanted.percent, name)
    assert b'"name":"' in encode(draft)


@pytest.mark.parametrize(
    "wanted",
    [
        TaxNeed(Decimal(-1)),
        TaxNeed(Decimal(1000)),
        amounts(("0", "1")),
        amounts(("1", "-1")),
    ],
)
def test_a_tax_that_katana_cannot_hold_is_none(wanted: TaxNeed) -> None:
    assert new_rate(wanted, {}) is None


def test_a_percentage_that_nobody_charges_is_none() -> None:
    assert percent_of(convert({"rate_percent": 1e28}, TaxLine)) is None


def test_rule_05_no_rate_of_more_than_three_decimals_is_created() -> None:
    compound = TaxNeed(Decimal("15.47375"))
    assert created(compound) == Decimal("15.474")
    large = TaxNeed(Decimal("15.47375"), "", amounts(("1000000", "154737.50")).taxed)
    assert created(large) is None
    own = rate(1, "15.47375")
    assert choose_rate(large, [rate(2, "15.474"), own], {}) == own


def test_rule_05_a_rounded_rate_is_found_again_though_it_ends_with_a_zero() -> None:
    compound = TaxNeed(Decimal("64.5901125"))
    assert created(compound) == Decimal("64.59")
    own = rate(1, "64.59")
    assert choose_rate(compound, [own], {}) == own
    assert choose_rate(TaxNeed(Decimal("64.595")), [own], {}) is None


def test_rule_05_a_new_rate_is_not_named_for_a_percentage_that_it_has_not() -> None:
    draft = new_rate(TaxNeed(None, "VAT 24%", amounts(("100", "19.00")).taxed), {})
    assert draft is not None
    assert draft.name == "VAT 19%"


def test_rule_05_the_config_names_the_rate_of_amounts_too() -> None:
    rates = [rate(1, "24"), rate(2, "24", "Sales VAT")]
    assert choose_rate(amounts(("20", "4.80")), rates, {Decimal(24): "Sales VAT"}) == rates[1]
