"""What a sales order and its rows are to come to, worked out from the shop's order alone."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal

from msgspec import Struct

from katana_woo_sync.domain.taxes import HALF_A_CENT
from katana_woo_sync.sandbox.woocommerce import Order, TaxRate
from katana_woo_sync.sandbox.woocommerce.lines import Line
from tests.simulation.carts import CREDIT
from tests.simulation.life import Life

CENT = Decimal("0.01")


class Worth(Struct):
    """What is left of a line: its pieces, and its money with tax, at this percentage."""

    line: Line
    percent: Decimal
    pieces: Decimal
    gross: Decimal


class Worths(Struct):
    """Those of the rows for goods, of the other rows, and of the shipping fee (several lines of one
    percentage)."""

    goods: list[Worth]
    others: list[Worth]
    fee: list[Worth]

    @property
    def by_percent(self) -> dict[Decimal, Decimal]:
        """The money of each percentage."""
        found: dict[Decimal, Decimal] = {}
        for each in (*self.goods, *self.others, *self.fee):
            found[each.percent] = found.get(each.percent, Decimal(0)) + each.gross
        return found


def in_cents(amount: Decimal) -> Decimal:
    """As the shop answers it."""
    return amount.quantize(CENT, ROUND_HALF_UP)


def worths_of(
    order: Order, rates: Sequence[TaxRate], left_out: Collection[str], *, shipping_rows: bool
) -> Worths:
    """What its lines come to, less what was refunded; `left_out` are kinds of lines that are not
    imported. What is given (a negative fee) comes off the rows of its own percentage first, then
    off the others; an amount that is refunded without lines off all alike; the shipping fee is
    last."""
    percents = {rate.id: rate.percent for rate in rates}
    found = {line.id: _whole(line, percents) for line in order.lines if line.kind not in left_out}
    amounts = []
    for refund in sorted(order.refunds, key=lambda each: each.id):
        for part in refund.lines:
            worth = found.get(_refunded_id(part))
            if worth is not None:
                worth.gross -= (abs(in_cents(part.total)) + abs(part.total_tax)).copy_sign(
                    worth.line.gross
                )
                worth.pieces -= abs(part.quantity) if part.kind == "item" else 0
        of_lines = sum(
            (abs(in_cents(p.total)) + abs(p.total_tax) for p in refund.lines), Decimal(0)
        )
        amounts.append(refund.amount - of_lines)
    there = [each for each in found.values() if each.pieces > 0 or abs(each.gross) >= HALF_A_CENT]
    kept = [each for each in there if each.gross >= 0]
    worths = _sorted(kept, shipping_rows=shipping_rows)
    rows = [*worths.goods, *worths.others]
    for given in (each for each in there if each.gross < 0):
        same = [row for row in rows if row.percent == given.percent]
        others = [row for row in rows if row.percent != given.percent]
        _take(-given.gross, same, others, worths.fee)
    for amount in amounts:
        if amount > HALF_A_CENT:
            _take(amount, rows, worths.fee)
    return worths


def _whole(line: Line, percents: Mapping[int, Decimal]) -> Worth:
    percent = sum((percents[each] for each in line.taxes), Decimal(0))
    return Worth(line, percent, line.quantity, in_cents(line.total) + line.total_tax)


def _sorted(kept: Sequence[Worth], *, shipping_rows: bool) -> Worths:
    goods = [each for each in kept if each.line.kind == "item" and each.pieces > 0]
    others = [each for each in kept if each not in goods and each.gross > 0]
    shipping = [each for each in others if each.line.kind == "shipping" and not shipping_rows]
    groups: dict[Decimal, list[Worth]] = {}
    for each in shipping:
        groups.setdefault(each.percent, []).append(each)
    fee = max(groups.values(), key=lambda some: sum(each.gross for each in some), default=[])
    rest = [each for each in others if each not in fee]
    return Worths(goods, rest, fee) if goods or rest else Worths([], fee, [])


def _take(amount: Decimal, *groups: Sequence[Worth]) -> None:
    """Take an amount off the first of these in proportion, and what exceeds it off the next."""
    for group in groups:
        whole = sum((each.gross for each in group), Decimal(0))
        part = min(amount, whole)
        if part > 0:
            amount -= part
            for each in group:
                each.gross -= part * each.gross / whole


def _refunded_id(line: Line) -> int:
    """The line of the order that a refund's line takes from."""
    return next(int(str(each.value)) for each in line.meta if each.key == "_refunded_item_id")


def kinds_left_out(life: Life) -> list[str]:
    """The kinds of lines that the options leave out."""
    options = {"shipping": "import_shipping = false", "fee": "import_fees = false"}
    return [kind for kind, option in options.items() if option in life.top]


def left_out_of(life: Life, order: Order) -> Decimal:
    """What of the shop's total is not in Katana's: what the options leave out, less what was paid
    by store credit, which the shop's total lacks."""
    kinds = kinds_left_out(life)
    left_out = (line.gross for line in order.lines if line.kind in kinds)
    _id, paid = order.meta.get(CREDIT, (0, "0"))
    return sum((round(amount, 2) for amount in left_out), -Decimal(str(paid)))


def refunded_of(life: Life, order: Order) -> Decimal:
    """What was refunded, but for lines that the options leave out anyway."""
    kinds = kinds_left_out(life)
    lines = [line for refund in order.refunds for line in refund.lines if line.kind in kinds]
    amounts = [each.amount for each in order.refunds]
    return sum((*amounts, *(round(line.gross, 2) for line in lines)), Decimal(0))  # below zero


def total_of_lines(life: Life, order: Order) -> Decimal:
    """The sum of an order's lines that Katana is to hold, whoever has paid for them."""
    left_out = kinds_left_out(life)
    return sum((line.gross for line in order.lines if line.kind not in left_out), Decimal(0))


def most_rounded(order: Order) -> Decimal:
    """What the shop's roundings come to at most: half a cent for each tax of each line, refunded
    ones too, and for the total. The total of an order that nobody has changed is not further from
    that of its sales order, whatever the order says of it."""
    refunded = [line for refund in order.refunds for line in refund.lines]
    return HALF_A_CENT * (1 + sum(len(line.taxes) for line in (*order.lines, *refunded)))
