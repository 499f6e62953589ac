"""Tax rates: from what WooCommerce's lines say to the Katana tax rates that hold them.

The lines' tax amounts decide. The percentage that the order states (`rate_percent`) is used if it
gives these amounts. It may be wrong: WooCommerce writes today's percentage into old orders, or 0
where the rate was deleted since.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Decimal, InvalidOperation

from msgspec import Struct

from katana_woo_sync.domain.katana import TaxRate, TaxRateDraft
from katana_woo_sync.domain.woocommerce import Line, LineTax, TaxLine

HUNDRED = Decimal(100)
HALF_A_CENT = Decimal("0.005")
ZERO = Decimal(0)
ABSURD_DIGITS = 9
HIGHEST_PERCENT = Decimal("999.999")
"""The highest rate that Katana's contract takes."""

FINE = Decimal("1.01")

MOST_DECIMALS = 3
"""Of a rate that is created: a tax rate in Katana can never be deleted."""

_PERCENT_IN_LABEL = re.compile(r"\s*\(?\d+(?:[.,]\d+)?\s*%\)?")


class Taxed(Struct, frozen=True):
    """An amount without tax and the tax on it, in the order's currency. `taxes` counts the taxes
    in it, each rounded by up to `half`, half a unit of the shop's decimals, as the amount is."""

    net: Decimal
    tax: Decimal
    taxes: int
    half: Decimal

    def excess(self, percent: Decimal) -> Decimal:
        """By how much a percentage misses the tax beyond what the shop rounded (after rounding to
        four decimals or more, which `FINE` allows for)."""
        share = percent / HUNDRED
        rounded = self.half * (self.taxes + share) * FINE
        return max(ZERO, abs(self.net * share - self.tax) - rounded)


class TaxNeed(Struct, frozen=True):
    """The tax that lines of an order bear.

    `percent` is the rate as the shop states it, several rates added up or compounded. It is None
    where that does not give the taxes; then `taxed`, the lines, says what the rate must reproduce
    (and so it does for a percentage of more decimals than a rate is created with).
    """

    percent: Decimal | None
    label: str = ""
    taxed: tuple[Taxed, ...] = ()


NO_TAX = TaxNeed(ZERO)


class Part(Struct, frozen=True):
    """A part of a line, with its tax: `net` and `tax` are its shares of the line's (1: all)."""

    need: TaxNeed
    net: Decimal = Decimal(1)
    tax: Decimal = Decimal(1)


class OrderTaxes(Struct, frozen=True):
    """The parts of each line, in the lines' order; nearly always one. `by_a_cent` has the labels of
    the rates whose percentage is taken though it misses the taxes by up to a cent."""

    parts: tuple[tuple[Part, ...], ...]
    by_a_cent: tuple[str, ...] = ()


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


def taxes_of(
    lines: Sequence[Line],
    tax_lines: Iterable[TaxLine],
    *,
    decimals: int = 2,
    rounds_each_line: bool = True,
) -> OrderTaxes:
    """The taxes of all lines of an order, decided for each rate over all lines together.

    `decimals` are the shop's; `rounds_each_line` is false where it rounds tax at the subtotal.
    """
    rates = {str(rate.rate_id): rate for rate in tax_lines}
    return _Decision(lines, rates, decimals, rounds_each_line=rounds_each_line).decided()


class _Decision:
    """Lines in groups that bear the same rates; those of one rate first, which show its percentage
    where a line is split between several."""

    def __init__(
        self,
        lines: Sequence[Line],
        rates: Mapping[str, TaxLine],
        decimals: int,
        *,
        rounds_each_line: bool,
    ) -> None:
        self._lines = lines
        self._rates = rates
        self._percents = {key: percent_of(rate) for key, rate in rates.items()}
        self._decimals = decimals
        self._unit = Decimal(1).scaleb(-decimals)
        self._rounds_each_line = rounds_each_line
        self._idle = self._idle_rates()
        self._parts: dict[int, tuple[Part, ...]] = {}
        self._by_a_cent: list[str] = []

    def decided(self) -> OrderTaxes:
        groups: dict[tuple[str, ...], list[int]] = {}
        for place, line in enumerate(self._lines):
            key = self._key(line)
            if key is None:
                self._parts[place] = (Part(NO_TAX),)
            else:
                groups.setdefault(key, []).append(place)
        single: dict[str, TaxNeed] = {}
        for key in sorted(groups, key=len):
            need = self._decide(key, groups[key], single)
            if len(key) == 1 and need is not None:
                single[key[0]] = need
        parts = tuple(self._parts[place] for place in range(len(self._lines)))
        return OrderTaxes(parts, tuple(self._by_a_cent))

    def _half(self, line: Line) -> Decimal:
        """Half a unit of what the line's amounts are rounded to. A shop that rounds at the subtotal
        keeps four decimals and more, but for its orders of before it did so."""
        amounts = (Decimal(line.total), Decimal(line.total_tax))
        whole = all(_decimals(amount) <= self._decimals for amount in amounts)
        return self._unit / (2 if whole or self._rounds_each_line else 200)

    def _taxed(self, line: Line, taxes: int) -> Taxed:
        return Taxed(Decimal(line.total), Decimal(line.total_tax), max(1, taxes), self._half(line))

    def _is_beyond(self, line: Line, rate_id: str) -> bool:
        """Whether a rate of which a line bears 0.00 would be more on it: it does not apply."""
        percent = self._percents.get(rate_id)
        if percent is None:
            return bool(line.total)
        return Taxed(Decimal(line.total), ZERO, 1, self._half(line)).excess(percent) > 0

    def _idle_rates(self) -> frozenset[str]:
        """Rates that bear money on no line, though they would on some."""
        busy, beyond = set(), set()
        for line in self._lines:
            for tax in line.taxes:
                if tax.applies and _money(tax) != 0:
                    busy.add(str(tax.id))
                elif tax.applies and self._is_beyond(line, str(tax.id)):
                    beyond.add(str(tax.id))
        return frozenset(beyond - busy)

    def _key(self, line: Line) -> tuple[str, ...] | None:
        """The rates that bear money on a line, or would if it were not so small; None without any
        tax. () is a tax of which the shop names no rate."""
        listed = {str(tax.id): _money(tax) for tax in line.taxes if tax.applies}
        bears = any(listed.values())
        key = tuple(
            rate_id
            for rate_id, money in listed.items()
            if money != 0
            or not (
                rate_id in self._idle
                or self._is_beyond(line, rate_id)
                or (bears and not self._percents.get(rate_id))
            )
        )
        if line.total_tax:
            return key
        percent = self._combined(key)
        if percent is None or self._taxed(line, len(key)).excess(percent):
            return None
        return key or None

    def _combined(self, key: Sequence[str]) -> Decimal | None:
        percents = [self._percents.get(rate_id) for rate_id in key]
        if not key or None in percents:
            return None
        return _combined((self._rates[i], p) for i, p in zip(key, percents, strict=True))

    def _decide(
        self, key: tuple[str, ...], places: Sequence[int], single: Mapping[str, TaxNeed]
    ) -> TaxNeed | None:
        """Decide a group; returns the need of its lines, None where all of them were split."""
        label = " + ".join(dict.fromkeys(str(self._rates[i].label) for i in key if self._label(i)))
        percent = self._combined(key)
        taxed = {place: self._taxed(self._lines[place], len(key)) for place in places}
        if len(key) > 1:
            for place in places:
                self._split(place, key, percent, taxed[place], single)
        whole = {place: each for place, each in taxed.items() if place not in self._parts}
        # what is given back (a negative fee) has to fit, but needs no rate of its own
        charged = [each for each in whole.values() if each.net >= 0] or [*whole.values()]
        if not charged:
            return None
        need = self._need(percent, label, charged)
        # taxes of which the shop names no rate need not be of one
        together = bool(key) or shortest(need.taxed) is not None
        for place, each in whole.items():
            fits = (each in charged and together) or self._fits(need, each)
            self._parts[place] = (Part(need if fits else TaxNeed(None, label, (each,))),)
        return need

    def _label(self, rate_id: str) -> str:
        return str(self._rates[rate_id].label) if rate_id in self._rates else ""

    def _need(self, percent: Decimal | None, label: str, charged: Sequence[Taxed]) -> TaxNeed:
        lines = tuple(charged)
        if percent is not None:
            excess = sum((each.excess(percent) for each in charged), ZERO)
            if excess <= self._unit:
                if excess:
                    self._by_a_cent.append(label or f"{percent:f} %")
                return TaxNeed(percent, label, lines if _decimals(percent) > MOST_DECIMALS else ())
        return TaxNeed(None, label, lines)

    def _fits(self, need: TaxNeed, each: Taxed) -> bool:
        percent = need.percent if need.percent is not None else shortest(need.taxed)
        return percent is not None and each.excess(percent) <= self._unit

    def _split(
        self,
        place: int,
        key: Sequence[str],
        percent: Decimal | None,
        taxed: Taxed,
        single: Mapping[str, TaxNeed],
    ) -> None:
        """Split a line of which each rate bears a share (German shops tax shipping and fees like
        the goods): where the rates together do not give its taxes, but the shares that each rate's
        tax shows add up to its net amount."""
        line = self._lines[place]
        if percent is not None and taxed.excess(percent) <= self._unit:
            return
        money = {str(tax.id): _money(tax) for tax in line.taxes if tax.applies}
        needs = {rate_id: single.get(rate_id) or self._alone(rate_id) for rate_id in key}
        percents = {rate_id: stated(need) for rate_id, need in needs.items()}
        if not all(percents.values()) or not all(money[rate_id] for rate_id in key):
            return
        # how far each share may be off, since its tax was rounded
        off = {i: taxed.half * HUNDRED / (percents[i] or 1) for i in key}
        shares = {i: money[i] * HUNDRED / (percents[i] or 1) for i in key}
        rest = taxed.net - sum(shares.values())
        all_off = sum(off.values())
        tax = sum((money[i] for i in key), ZERO)
        if abs(rest) > all_off + taxed.half or not taxed.net or not tax:
            return
        self._parts[place] = tuple(
            Part(needs[i], (shares[i] + rest * off[i] / all_off) / taxed.net, money[i] / tax)
            for i in key
        )

    def _alone(self, rate_id: str) -> TaxNeed:
        return TaxNeed(self._percents.get(rate_id), self._label(rate_id))


def _money(tax: LineTax) -> Decimal:
    """A tax of a line; what is no number is taken for some tax."""
    try:
        money = Decimal(str(tax.total))
    except InvalidOperation:
        return Decimal(1)
    return money if money.is_finite() else Decimal(1)


def _combined(rates: Iterable[tuple[TaxLine, Decimal | None]]) -> Decimal:
    """Compound rates apply to the price with the taxes before them, as WooCommerce computes."""
    factor, compound = Decimal(1), Decimal(1)
    for tax_line, percent in rates:
        share = (percent or ZERO) / HUNDRED
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
    one called like the shop's rate, else the lowest id. Where the amounts decide, the percentage is
    that of the rate that gives them: one of these names, else of the fewest decimals, else the
    closest.
    """
    rates = sorted(rates, key=lambda r: r.id)
    same = [r for r in rates if _is_same(r.rate, need)]
    if not same and _short(need) is None:
        same = _that_reproduce(need, rates)
    if not same:
        return None
    named = (names.get(percent) for percent in (need.percent, same[0].rate) if percent is not None)
    for name in (*named, need.label):
        for rate in same:
            if name and _is_called(rate, name):
                return rate
    return same[0]


def _that_reproduce(need: TaxNeed, rates: Iterable[TaxRate]) -> list[TaxRate]:
    """The rates, of one percentage, that give a need's taxes best."""
    fitting = [r for r in rates if _reproduces(r.rate, need.taxed)]
    if not fitting:
        return []
    best = min(
        fitting,
        key=lambda r: (
            not _is_called(r, need.label),
            _decimals(r.rate),
            _missed(r.rate, need.taxed),
        ),
    )
    return [r for r in fitting if r.rate == best.rate]


def _is_called(rate: TaxRate, name: str) -> bool:
    return bool(name) and rate.name.strip().casefold() == name.strip().casefold()


def _is_same(rate: Decimal, need: TaxNeed) -> bool:
    """Whether Katana's rate is the shop's percentage, or that rounded to three decimals or more
    where it still gives the taxes: how many Katana keeps of 15.47375 is not documented."""
    if need.percent is None or rate == need.percent:
        return rate == need.percent
    decimals = max(MOST_DECIMALS, _decimals(rate))
    return rate == _rounded(need.percent, decimals) and _reproduces(rate, need.taxed)


def _short(need: TaxNeed) -> Decimal | None:
    """The percentage of a need in at most three decimals; None where that does not give its taxes,
    or the shop states none."""
    if need.percent is None or _decimals(need.percent) <= MOST_DECIMALS:
        return need.percent
    rounded = _rounded(need.percent, MOST_DECIMALS)
    return rounded if _reproduces(rounded, need.taxed) else None


def _rounded(percent: Decimal, decimals: int) -> Decimal:
    return percent.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP)


def new_rate(need: TaxNeed, names: Mapping[Decimal, str]) -> TaxRateDraft | None:
    """The tax rate to create for a need; None where no rate of at most three decimals that Katana
    takes can hold it."""
    percent = _short(need)
    if percent is None:
        percent = shortest(need.taxed)
    if percent is None or not 0 <= percent <= HIGHEST_PERCENT:
        return None
    shown = f"{percent.normalize():f}"
    # a percentage in the shop's own name for the rate is wrong where the amounts gave another
    called = need.label if need.percent is not None else _PERCENT_IN_LABEL.sub("", need.label)
    label = names.get(percent) or called.strip() or ("No tax" if percent == 0 else "Tax")
    name = label if shown in label else f"{label} {shown}%"
    return TaxRateDraft(rate=percent, name=name)


def shortest(taxed: Sequence[Taxed]) -> Decimal | None:
    """The percentage of the fewest decimals, three at most, that gives the taxes of all of these
    within what the shop rounded; None where there is none."""
    net = sum((each.net for each in taxed), ZERO)
    if not net:
        return None
    exact = max(ZERO, sum((each.tax for each in taxed), ZERO) / net * HUNDRED)
    lowest, highest = ZERO, HIGHEST_PERCENT
    for each in taxed:
        if abs(each.net) > each.half:
            sign = 1 if each.net > 0 else -1
            tax, amount, off = sign * each.tax, abs(each.net), each.half * each.taxes
            lowest = max(lowest, (tax - off) / (amount + each.half) * HUNDRED)
            highest = min(highest, (tax + off) / (amount - each.half) * HUNDRED)
    for decimals in range(MOST_DECIMALS + 1):
        step = Decimal(1).scaleb(-decimals)
        for near, rounding in (
            (exact, ROUND_HALF_UP),
            (lowest, ROUND_CEILING),
            (highest, ROUND_FLOOR),
        ):
            candidate = near.quantize(step, rounding)
            if _reproduces(candidate, taxed):
                return candidate
    return None


def stated(need: TaxNeed) -> Decimal | None:
    """The percentage of a need; the shortest that gives its taxes where the shop states none."""
    return need.percent if need.percent is not None else shortest(need.taxed)


def _reproduces(percent: Decimal, taxed: Sequence[Taxed]) -> bool:
    """Whether a percentage gives all of these taxes, and is no 0 % for some tax."""
    if percent <= 0 and any(each.tax for each in taxed):
        return False
    return all(not each.excess(percent) for each in taxed)


def _missed(percent: Decimal, taxed: Sequence[Taxed]) -> Decimal:
    return sum((abs(each.net * percent / HUNDRED - each.tax) for each in taxed), ZERO)


def _decimals(number: Decimal) -> int:
    exponent = number.normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0
