"""How WooCommerce computes an order's money, in Decimal.

Prices are entered with or without tax; an order keeps net amounts with the taxes beside them. A
shop rounds either each tax of each line to its decimals, or only the order's sums.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_DOWN, ROUND_HALF_UP, Decimal

HUNDRED = Decimal(100)
INTERNAL = Decimal("1E-6")


@dataclass(frozen=True)
class TaxRate:
    """A tax rate of a shop; `percent` as entered there. `tax_class` "" is the standard class."""

    percent: Decimal
    label: str = "Tax"
    tax_class: str = ""
    compound: bool = False
    shipping: bool = True
    id: int = 0


@dataclass(frozen=True)
class Rounding:
    """How a shop rounds: `decimals` are its price decimals."""

    at_subtotal: bool = False
    decimals: int = 2
    prices_include_tax: bool = False

    @property
    def unit(self) -> Decimal:
        """The smallest amount."""
        return Decimal(1).scaleb(-self.decimals)

    def tax(self, amount: Decimal) -> Decimal:
        """A line's tax as it is kept. Halves go down where prices include tax."""
        if self.at_subtotal:
            return amount.quantize(INTERNAL, ROUND_HALF_UP)
        mode = ROUND_HALF_DOWN if self.prices_include_tax else ROUND_HALF_UP
        return amount.quantize(self.unit, mode)

    def shown(self, amount: Decimal) -> Decimal:
        """An amount rounded to the shop's decimals."""
        return amount.quantize(self.unit, ROUND_HALF_UP)


@dataclass(frozen=True)
class Taxed:
    """An amount without tax, and its taxes by the rate's id."""

    net: Decimal
    taxes: dict[int, Decimal]

    @property
    def tax(self) -> Decimal:
        """All taxes together."""
        return sum(self.taxes.values(), Decimal(0))


def exclusive(amount: Decimal, rates: Sequence[TaxRate], rounding: Rounding) -> Taxed:
    """Tax on top of an amount; compound rates apply to the taxes before them too."""
    taxes: dict[int, Decimal] = {}
    for rate in (r for r in rates if not r.compound):
        taxes[rate.id] = amount * rate.percent / HUNDRED
    for rate in (r for r in rates if r.compound):
        base = amount + sum(taxes.values(), Decimal(0))
        taxes[rate.id] = base * rate.percent / HUNDRED
    return Taxed(amount, {i: rounding.tax(tax) for i, tax in taxes.items()})


def inclusive(amount: Decimal, rates: Sequence[TaxRate], rounding: Rounding) -> Taxed:
    """The tax that an amount holds."""
    net = amount
    taxes: dict[int, Decimal] = {}
    for rate in reversed([r for r in rates if r.compound]):
        before = net / (1 + rate.percent / HUNDRED)
        taxes[rate.id] = net - before
        net = before
    plain = [r for r in rates if not r.compound]
    base = net / (1 + sum((r.percent for r in plain), Decimal(0)) / HUNDRED)
    for rate in plain:
        taxes[rate.id] = base * rate.percent / HUNDRED
    rounded = {rate.id: rounding.tax(taxes[rate.id]) for rate in rates}
    return Taxed(amount - sum(rounded.values(), Decimal(0)), rounded)


def line(
    amount: Decimal,
    rates: Sequence[TaxRate],
    rounding: Rounding,
    *,
    base_rates: Sequence[TaxRate],
    exempt: bool,
) -> Taxed:
    """A product line's amount as entered in the shop, without and with tax.

    A customer who is exempt pays the price less the tax that the shop's base address has in it.
    """
    if rounding.prices_include_tax:
        taxed = inclusive(amount, base_rates if exempt else rates, rounding)
        return Taxed(taxed.net, {}) if exempt else taxed
    return Taxed(amount, {}) if exempt else exclusive(amount, rates, rounding)


def spread(discount: Decimal, amounts: Sequence[Decimal], unit: Decimal) -> list[Decimal]:
    """A fixed discount on a cart, in proportion to its lines; what rounding leaves goes first."""
    total = sum(amounts, Decimal(0))
    discount = min(discount, total)
    if total <= 0:
        return [Decimal(0) for _ in amounts]
    parts = [(discount * amount / total).quantize(unit, ROUND_HALF_UP) for amount in amounts]
    left = discount - sum(parts, Decimal(0))
    for index, amount in enumerate(amounts):
        if left == 0:
            break
        room = amount - parts[index] if left > 0 else parts[index]
        step = min(abs(left), room).copy_sign(left)
        parts[index] += step
        left -= step
    return parts
