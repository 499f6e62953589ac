"""How a refund comes into being."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

from katana_woo_sync.sandbox.woocommerce.records import Line, Meta, Order, Refund
from katana_woo_sync.sandbox.woocommerce.store import StoreState
from katana_woo_sync.sandbox.woocommerce.totals import ZERO, tax_lines


@dataclass(frozen=True)
class Part:
    """What is refunded of a line: a quantity, and money with tax (None: the quantity's share)."""

    quantity: Decimal
    money: Decimal | None = None


def refund(
    state: StoreState,
    order: Order,
    parts: Mapping[int, Part],
    amount: Decimal | None,
    reason: str,
) -> Refund:
    """Refund parts of lines, or an amount; a refund of all that is left makes the order refunded.

    Raises `ValueError` for more than is left. The state's lock is held.
    """
    known = {line.id: line for line in order.lines}
    lines = tuple(_refunded(state, known[i], part) for i, part in parts.items())
    rounding = state.rounding
    of_lines = -sum((rounding.shown(line.gross) for line in lines), ZERO)
    given = of_lines if amount is None else amount
    if not 0 < given <= order.refundable:
        raise ValueError(f"{given} cannot be refunded of {order.refundable}")
    whole = given == order.refundable
    done = Refund(
        id=state.next_post(),
        amount=given,
        created=state.clock(),
        lines=lines,
        tax_lines=tuple(
            tax_lines(lines, {rate.id: rate for rate in state.rates}, rounding, state.next_line)
        ),
        reason=reason,
        meta_id=state.next_meta(),
        whole=whole,
    )
    order.refunds.insert(0, done)  # newest first
    order.modified = state.clock()
    if whole:
        state.change_status(order, "refunded")
    return done


def _refunded(state: StoreState, line: Line, part: Part) -> Line:
    """The refund's line: with negative quantity and amounts, and the order's line in its meta."""
    shown = state.rounding.shown
    share = part.quantity / line.quantity if part.money is None else part.money / line.gross
    taxes = {rate_id: -shown(tax * share) for rate_id, tax in line.taxes.items()}
    total_tax = sum(taxes.values(), ZERO)
    total = -shown(line.total * share) if part.money is None else -(part.money + total_tax)
    entry = Meta(state.next_meta(), "_refunded_item_id", str(line.id), "_refunded_item_id")
    return replace(
        line,
        id=state.next_line(),
        total=total,
        taxes=taxes,
        total_tax=total_tax,
        quantity=-part.quantity,
        subtotal=total,
        subtotal_taxes=dict(taxes),
        subtotal_tax=total_tax,
        meta=[entry],
    )
