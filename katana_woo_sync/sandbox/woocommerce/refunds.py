"""Refunds: what is refunded of an order's lines, and how its list of refunds shows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Literal

from werkzeug.wrappers import Response

from katana_woo_sync.sandbox.woocommerce.api import Call, route
from katana_woo_sync.sandbox.woocommerce.lines import Line, Meta, TaxLine, shown_lines
from katana_woo_sync.sandbox.woocommerce.resource import Json, View, field, shown
from katana_woo_sync.sandbox.woocommerce.state import StoreState
from katana_woo_sync.sandbox.woocommerce.totals import ZERO, tax_lines

if TYPE_CHECKING:
    from katana_woo_sync.sandbox.woocommerce.orders import Order


@dataclass(frozen=True)
class Refund:
    """A refund; `amount` with tax, positive. Its lines hold negative quantities and amounts.
    `whole` is one that left nothing. `listed` tells how the order's list of refunds shows it:
    as it is, with positive quantities and amounts (as WooCommerce's own till stored them), as an
    error in its place, or not at all (both happen under HPOS); the order itself always tells of it.
    """

    id: int
    amount: Decimal
    created: datetime = field(name="date_created")
    lines: tuple[Line, ...] = field(default=(), shown=False)
    tax_lines: tuple[TaxLine, ...] = field(default=(), shown=False)
    reason: str = ""
    meta_id: int = field(default=0, shown=False)
    whole: bool = field(default=False, shown=False)
    listed: Literal["whole", "positive", "error", "missing"] = field(default="whole", shown=False)

    @property
    def total_tax(self) -> Decimal:
        """The tax in it, negative; 0 in a refund of an amount only."""
        return sum((line.total_tax for line in self.lines), ZERO)


def show_summary(refund: Refund, view: View) -> Json:
    """A refund as its order tells of it."""
    found: Json = {
        "id": refund.id,
        "reason": refund.reason,
        "total": view.money(refund.amount if refund.listed == "positive" else -refund.amount),
    }
    if view.is_new:
        found["total_tax"] = view.money(refund.total_tax)
    return found


def show(refund: Refund, order: Order, view: View) -> Json:
    """A refund with its lines: quantities and amounts are negative (see `Refund.listed`)."""
    if refund.listed == "positive":
        refund = replace(refund, lines=tuple(_positive(line) for line in refund.lines))
    kind = "full" if refund.whole else "partial"
    entry = {"id": refund.meta_id, "key": "_refund_type", "value": kind}
    path = ("orders", str(order.id), "refunds", str(refund.id))
    return {
        **shown(refund, view),
        "refunded_by": 1,
        "refunded_payment": False,
        "meta_data": [entry] if view.is_new else [],
        **shown_lines(refund.lines, refund.tax_lines, view),
        "_links": view.links(*path, up=f"orders/{order.id}", allow=("GET", "DELETE")),
    }


def _positive(line: Line) -> Line:
    return replace(
        line,
        quantity=abs(line.quantity),
        total=abs(line.total),
        total_tax=abs(line.total_tax),
        taxes={rate_id: abs(tax) for rate_id, tax in line.taxes.items()},
    )


LOST_REFUND: Json = {
    "code": "woocommerce_rest_invalid_order_refund_id",
    "message": "Invalid order refund ID.",
    "data": {"status": 404},
}
"""What stands in the list for a refund that the shop lost a part of."""


@route("GET", r"/orders/(?P<id>\d+)/refunds")
def list_refunds(call: Call) -> Response:
    """GET /orders/{id}/refunds, newest first unless it says otherwise."""
    with call.state.lock:
        order = call.order("Invalid order ID.", "woocommerce_rest_invalid_order_id")
        oldest_first = call.query.get("order", "desc") == "asc"
        refunds = sorted(order.refunds, key=lambda r: r.id, reverse=not oldest_first)
        return call.listing(
            [
                LOST_REFUND if refund.listed == "error" else show(refund, order, call.view)
                for refund in refunds
                if refund.listed != "missing"
            ]
        )


@dataclass(frozen=True)
class Part:
    """What is refunded of a line: a quantity, and money with tax (None: the quantity's share)."""

    quantity: Decimal
    money: Decimal | None = None


def made(
    state: StoreState,
    order: Order,
    parts: Mapping[int, Part],
    amount: Decimal | None,
    reason: str,
) -> Refund:
    """A refund of parts of lines, or of an amount, which is not with the order yet.

    Raises `ValueError` for more than is left. The state's lock is held.
    """
    known = {line.id: line for line in order.lines}
    lines = tuple(_refunded(state, known[i], part) for i, part in parts.items())
    rounding = state.rounding
    of_lines = -sum((rounding.shown(line.gross) for line in lines), ZERO)
    given = of_lines if amount is None else amount
    if not 0 < given <= order.refundable:
        raise ValueError(f"{given} cannot be refunded of {order.refundable}")
    return Refund(
        id=state.next_post(),
        amount=given,
        created=state.clock(),
        lines=lines,
        tax_lines=tuple(
            tax_lines(lines, {rate.id: rate for rate in state.rates}, rounding, state.next_line)
        ),
        reason=reason,
        meta_id=state.next_meta(),
        whole=given == order.refundable,
    )


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
