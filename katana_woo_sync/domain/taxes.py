"""Tax rates: from what a WooCommerce line says to the Katana tax rate that holds it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation

from msgspec import Struct

from katana_woo_sync.domain.katana import TaxRate, TaxRateDraft
from katana_woo_sync.domain.woocommerce import Line, TaxLine

HUNDRED = Decimal(100)
HALF_A_CENT = Decimal("0.005")
ABSURD_DIGITS = 9
HIGHEST_PERCENT = Decimal("999.999")
"""The highest rate that Katana's contract takes."""


class TaxNeed(Struct, frozen=True):
    """The tax that a line bears.

    `percent` is the rate as the shop states it, several rates added up or compounded. It is None
    where the shop keeps no percentage (some plugins); then `net` and `tax`, amounts in the order's
    currency, say what the rate must reproduce.
    """

    percent: Decimal | None
    label: str = ""
    net: Decimal = Decimal(0)
    tax: Decimal = Decimal(0)


NO_TAX = TaxNeed(Decimal(0))


def percent_of(tax_line: TaxLine) -> Decimal | None:
    """The rate's percentage as the order keeps it; None where it does not, or nobody charges it."""
    value = tax_line.rate_percent
    if value is None or isinstance(value, bool) or value == "":
        return None
    try:
        percent = Decimal(str(value))
    except InvalidOperation:
        return None
    return percent if percent.is_finite() and percent.adjusted() < ABSURD_DIGITS else None


def tax_need(line: Line, tax_lines: Mapping[str, TaxLine]) -> TaxNeed:
    """The tax of a line, by the percentages of its rates, never by division where they exist.

    Compound rates apply to the price with the taxes before them, as WooCommerce computes them.
    """
    applied = [tax for tax in line.taxes if tax.applies]
    lines = [tax_lines[tax.id] for tax in applied if tax.id in tax_lines]
    percents = [percent_of(tax_line) for tax_line in lines]
    label = " + ".join(dict.fromkeys(str(t.label) for t in lines if t.label))
    if not applied and not line.total_tax:
        return NO_TAX
    if not applied or len(lines) < len(applied) or None in percents:
        if not line.total_tax:
            return NO_TAX
        return TaxNeed(None, label, Decimal(line.total), Decimal(line.total_tax))
    return TaxNeed(_combined(zip(lines, percents, strict=True)), label)


def _combined(rates: Iterable[tuple[TaxLine, Decimal | None]]) -> Decimal:
    factor, compound = Decimal(1), Decimal(1)
    for tax_line, percent in rates:
        share = (percent or Decimal(0)) / HUNDRED
        if tax_line.compound:
            compound *= 1 + share
        else:
            factor += share
    percent = (factor * compound - 1) * HUNDRED
    # 8.875, not 8.87500; and 20, not 2E+1
    return percent.quantize(Decimal(1)) if percent == int(percent) else percent.normalize()


def choose_rate(
    need: TaxNeed, rates: Iterable[TaxRate], names: Mapping[Decimal, str]
) -> TaxRate | None:
    """The Katana tax rate for a need, or None where Katana has none.

    Of several with the percentage: the one that `names` (the config's `[taxes]`) asks for, else the
    one called like the shop's rate, else the lowest id.
    """
    if need.percent is None:
        fitting = [r for r in rates if _reproduces(r.rate, need)]
        return min(fitting, key=lambda r: (_miss(r.rate, need), r.id), default=None)
    percent = need.percent
    same = sorted((r for r in rates if _is_same(r.rate, percent)), key=lambda r: r.id)
    wanted = (names.get(need.percent), need.label)
    for name in wanted:
        for rate in same:
            if name and rate.name.strip().casefold() == name.strip().casefold():
                return rate
    return same[0] if same else None


def _is_same(rate: Decimal, percent: Decimal) -> bool:
    """Whether Katana's rate is the shop's percentage, or that rounded to three decimals or more:
    how many Katana keeps of a compound rate such as 15.47375 is not documented."""
    exponent = rate.as_tuple().exponent
    if rate == percent or not isinstance(exponent, int) or exponent > -3:
        return rate == percent
    return rate == percent.quantize(Decimal(1).scaleb(exponent), ROUND_HALF_UP)


def new_rate(need: TaxNeed, names: Mapping[Decimal, str]) -> TaxRateDraft | None:
    """The tax rate to create for a need; None where no rate that Katana takes can hold it."""
    percent = need.percent if need.percent is not None else _shortest(need)
    if percent is None or not 0 <= percent <= HIGHEST_PERCENT:
        return None
    shown = f"{percent.normalize():f}"
    label = names.get(percent) or need.label or ("No tax" if percent == 0 else "Tax")
    name = label if shown in label else f"{label} {shown}%"
    return TaxRateDraft(rate=percent, name=name)


def _miss(rate: Decimal, need: TaxNeed) -> Decimal:
    return abs(need.net * rate / HUNDRED - need.tax)


def _reproduces(rate: Decimal, need: TaxNeed) -> bool:
    return _miss(rate, need) <= HALF_A_CENT


def _shortest(need: TaxNeed) -> Decimal | None:
    """The percentage with the fewest decimals that gives the tax to the cent."""
    if not need.net:
        return None
    exact = need.tax / need.net * HUNDRED
    for decimals in range(7):
        candidate = exact.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP)
        if _reproduces(candidate, need):
            return candidate
    return exact
