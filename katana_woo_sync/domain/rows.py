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


class DiscountableRow(Struct):
    """A row, or the shipping fee, while discounts are spread. Amounts are without tax."""

    charge: Charge
    rate: Decimal
    net: Decimal
    full_net: Decimal = Decimal(0)
    discount: Decimal = Decimal(0)

    @property
    def discounted(self) -> Decimal:
        """The amount less its discount."""
        return self.net - self.discount

    @property
    def gross(self) -> Decimal:
        """The same with tax."""
        return self.discounted * self.factor

    @property
    def factor(self) -> Decimal:
        """What an amount is multiplied by to have its tax in it."""
        return 1 + self.rate / HUNDRED


def spread(
    discount: Charge,
    rows: list[DiscountableRow],
    shipping: DiscountableRow | None,
    *,
    inclusive: bool,
) -> Decimal:
    """Subtract a negative charge from the rows in proportion: those of its tax rate first, then the
    others, then the shipping fee. Across rates it is the amount with tax that stays the same.

    Returns the amount, with tax, that exceeds what rows and shipping come to."""
    # a refund of an amount alone has no rate: it is subtracted from all rows alike (rule 8)
    any_rate = discount.kind is ChargeKind.REFUND
    same = [row for row in rows if _is_of_rate(row, discount) and not any_rate]
    net = -discount.net
    gross = -discount.gross
    if same and not inclusive:
        subtracted = _subtract(net, same, with_tax=False)
        gross *= (net - subtracted) / net if net else Decimal(0)
    else:
        gross -= _subtract(gross, same, with_tax=True)
    others = [row for row in rows if any_rate or not _is_of_rate(row, discount)]
    gross -= _subtract(gross, others, with_tax=True)
    if shipping is not None:
        gross -= _subtract(gross, [shipping], with_tax=True)
    return gross


def _is_of_rate(row: DiscountableRow, discount: Charge) -> bool:
    return row.charge.need == discount.need or row.rate == discount.need.percent


def _subtract(amount: Decimal, rows: Sequence[DiscountableRow], *, with_tax: bool) -> Decimal:
    """Subtract up to `amount` from the rows in proportion to their discounted amounts; returns how
    much that was."""
    amounts = [row.gross if with_tax else row.discounted for row in rows]
    total = sum(amounts, Decimal(0))
    subtracted = min(amount, total)
    if subtracted <= 0:
        return Decimal(0)
    for row, part in zip(rows, amounts, strict=True):
        share = subtracted * part / total
        row.discount += min(share / (row.factor if with_tax else 1), row.discounted)
    return subtracted


def total_of(rows: Sequence[RowDraft], priced: Sequence[DiscountableRow]) -> Decimal:
    """What Katana will compute for the rows, with tax; `priced` are the same rows in that order."""
    totals = (
        (row.quantity * row.price_per_unit - (row.total_discount or 0)) * each.factor
        for row, each in zip(rows, priced, strict=True)
    )
    return sum(totals, Decimal(0))


def matched(
    rows: tuple[RowDraft, ...], priced: Sequence[DiscountableRow], short: Decimal
) -> tuple[RowDraft, ...]:
    """The rows with the shop's own cent roundings (`short`, with tax) added to the largest one;
    `priced` are the same rows in that order."""
    nets = [row.quantity * row.price_per_unit - (row.total_discount or 0) for row in rows]
    place = max(range(len(rows)), key=lambda n: nets[n])
    wanted = nets[place] + short / priced[place].factor
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
