"""Rule 5: from the taxes of a line to the Katana tax rate that holds them."""

from __future__ import annotations

from decimal import Decimal

import pytest

from katana_woo_sync.domain.fields import Amount, Text, Whole, convert
from katana_woo_sync.domain.katana import TaxRate, encode
from katana_woo_sync.domain.taxes import (
    NO_TAX,
    TaxNeed,
    choose_rate,
    new_rate,
    percent_of,
    tax_need,
)
from katana_woo_sync.domain.woocommerce import Line, TaxLine
from tests.domain.samples import item, tax_line

VAT_24 = TaxNeed(Decimal(24), "VAT 24%")


def rate(rate_id: int, percent: str, name: str = "") -> TaxRate:
    """A Katana tax rate."""
    return TaxRate(id=Whole(rate_id), name=Text(name), rate=Amount(percent))


def need(taxes: dict[int, str], rates: dict[int, object], net: str = "10") -> TaxNeed:
    """The need of a line with these taxes, of an order with these rates."""
    lines = {str(i): convert(tax_line(i, percent), TaxLine) for i, percent in rates.items()}
    return tax_need(convert(item(1, net, taxes), Line), lines)


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
    line = convert(item(1, "10", {1: "2.40"}) | {"taxes": [_tax(1, "2.40"), _tax(2, "")]}, Line)
    lines = {str(i): convert(tax_line(i, p), TaxLine) for i, p in ((1, 24), (2, 9))}
    assert tax_need(line, lines).percent == 24


def _tax(rate_id: int, total: str) -> dict[str, object]:
    return {"id": rate_id, "total": total}


def test_rule_05_no_tax_is_zero_percent() -> None:
    assert need({}, {}) == NO_TAX
    assert need({1: "0.00"}, {1: 0}).percent == 0
    assert need({8: "0.00"}, {8: None}) == NO_TAX


def test_a_tax_that_the_order_does_not_list_has_no_percentage() -> None:
    assert need({8: "2.40"}, {}) == TaxNeed(None, "", Decimal(10), Decimal("2.40"))
    assert need({1: "1", 8: "1.40"}, {1: 10}).percent is None


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
    unknown = TaxNeed(None, "", Decimal("9.87"), Decimal("2.37"))
    rates = [rate(1, "25"), rate(2, "24.05"), rate(3, "24")]
    assert choose_rate(unknown, rates, {}) == rates[2]
    assert choose_rate(unknown, rates[:1], {}) is None


def test_rule_05_else_the_shortest_percentage_that_reproduces_it() -> None:
    draft = new_rate(TaxNeed(None, "", Decimal("9.87"), Decimal("2.37")), {})
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
        TaxNeed(None, "", Decimal(0), Decimal(1)),
        TaxNeed(None, "", Decimal(1), Decimal(-1)),
    ],
)
def test_a_tax_that_katana_cannot_hold_is_none(wanted: TaxNeed) -> None:
    assert new_rate(wanted, {}) is None


def test_a_percentage_that_nobody_charges_is_none() -> None:
    assert percent_of(convert({"rate_percent": 1e28}, TaxLine)) is None
