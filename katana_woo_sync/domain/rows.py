"""The money of a sales order's rows: discounts spread, prices per unit, totals matched.

Amounts are without tax unless said otherwise, in the order's currency.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, ROUND_UP, Decimal

from msgspec import Struct, structs

from katana_woo_sync.domain.charges import Charge, ChargeKind
from katana_woo_sync.domain.katana import RowDraft
from katana_woo_sync.domain.taxes import HUNDRED

TEN_DECIMALS = Decimal("1E-10")
"""Katana keeps prices with ten decimals."""

WORTH_MATCHING = Decimal("0.000001")
"""What totals may differ by before `match_totals` acts: less is Katana's own ten decimals."""


class Bearer(Struct):
    """A row or the shipping fee while discounts are spread: amounts are without tax."""

    charge: Charge
    rate: Decimal
    net: Decimal
    full_net: Decimal = Decimal(0)
    discount: Decimal = Decimal(0)

    @property
    def left(self) -> Decimal:
        return self.net - self.discount

    @property
    def gross(self) -> Decimal:
        return self.left * self.factor

    @property
    def factor(self) -> Decimal:
        return 1 + self.rate / HUNDRED


def spread(
    discount: Charge, rows: list[Bearer], shipping: Bearer | None, *, inclusive: bool
) -> Decimal:
    """Take a negative charge off the rows in proportion: those of its tax rate first, then the
    others, then the shipping fee. What is taken from another rate keeps the amount with tax.

    Returns the amount, with tax, that nothing could bear."""
    # a refund of an amount alone has no rate: all rows bear it alike (rule 8)
    any_rate = discount.kind is ChargeKind.REFUND
    same = [row for row in rows if _is_of_rate(row, discount) and not any_rate]
    net_left = -discount.net
    gross_left = -discount.gross
    if same and not inclusive:
        taken = _take(net_left, same, gross=False)
        gross_left *= (net_left - taken) / net_left if net_left else Decimal(0)
    else:
        gross_left -= _take(gross_left, same, gross=True)
    others = [row for row in rows if any_rate or not _is_of_rate(row, discount)]
    gross_left -= _take(gross_left, others, gross=True)
    if shipping is not None:
        gross_left -= _take(gross_left, [shipping], gross=True)
    return gross_left


def _is_of_rate(row: Bearer, discount: Charge) -> bool:
    return row.charge.need == discount.need or row.rate == discount.need.percent


def _take(amount: Decimal, bearers: Sequence[Bearer], *, gross: bool) -> Decimal:
    """Take up to `amount` from the bearers in proportion to what is left of them."""
    capacities = [b.left * (b.factor if gross else 1) for b in bearers]
    capacity = sum(capacities, Decimal(0))
    taken = min(amount, capacity)
    if taken <= 0:
        return Decimal(0)
    for bearer, part in zip(bearers, capacities, strict=True):
        share = taken * part / capacity
        bearer.discount += min(share / (bearer.factor if gross else 1), bearer.left)
    return taken


def total_of(rows: Sequence[RowDraft], bearers: Sequence[Bearer]) -> Decimal:
    """What Katana will compute for the rows, with tax."""
    totals = (
        (row.quantity * row.price_per_unit - (row.total_discount or 0)) * bearer.factor
        for row, bearer in zip(rows, bearers, strict=True)
    )
    return sum(totals, Decimal(0))


def matched(
    rows: tuple[RowDraft, ...], bearers: Sequence[Bearer], short: Decimal
) -> tuple[RowDraft, ...]:
    """The rows with the shop's own cent roundings (`short`, with tax) put onto the largest one."""
    nets = [row.quantity * row.price_per_unit - (row.total_discount or 0) for row in rows]
    place = max(range(len(rows)), key=lambda n: nets[n])
    wanted = nets[place] + short / bearers[place].factor
    if wanted < 0:
        return rows
    row = rows[place]
    full = wanted + (row.total_discount or 0)
    price, discount = price_and_discount(full, wanted, row.quantity)
    changed = structs.replace(row, price_per_unit=price, total_discount=discount or None)
    return (*rows[:place], changed, *rows[place + 1 :])


def price_and_discount(
    full: Decimal, wanted: Decimal, quantity: Decimal
) -> tuple[Decimal, Decimal]:
    """A price per unit for `full`, and the row's discount down to `wanted` (both for the whole
    quantity, without tax), in ten decimals. A price that many pieces would make inexact is rounded
    up, and the discount takes off what that adds."""
    price = ten_decimals(full / quantity)
    if quantity * price < wanted - WORTH_MATCHING or abs(quantity * price - full) > WORTH_MATCHING:
        price = ten_decimals(full / quantity, ROUND_UP)
    discount = quantity * price - wanted
    return price, ten_decimals(discount) if discount > WORTH_MATCHING else Decimal(0)


def ten_decimals(amount: Decimal, rounding: str = ROUND_HALF_UP) -> Decimal:
    rounded = amount.quantize(TEN_DECIMALS, rounding)
    # without the zeros at the end, and without an exponent: 100, not 1E+2
    return rounded.quantize(Decimal(1)) if rounded == int(rounded) else rounded.normalize()
