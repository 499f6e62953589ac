"""Orders whose goods are on another order too: a marketplace's sub-orders, a deposit's balance.

Only what a known plugin writes itself shows one. `parent_id` alone does not: a renewal, a
replacement and a part of a split order have a parent too, and are orders of their own.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal

from msgspec.structs import replace

from katana_woo_sync.domain.order_record import OVER, InKatana, OrderRecord, State, queued
from katana_woo_sync.domain.reasons import Reason
from katana_woo_sync.domain.woocommerce import LineItem, Order

MARKETPLACES = frozenset(
    {
        "dokan",
        "mvx_vendor_order",  # MultiVendorX 4
        "multivendorx_store_order",  # MultiVendorX 5
        "wcmp_vendor_order",  # WC Marketplace, as MultiVendorX was called
        "yith_wcmv_vendor_suborder",  # YITH Multi Vendor
    }
)
"""`created_via` of an order that holds one vendor's part of its parent. (WCFM makes none, and those
of WC Vendors are of a type that the shop's list of orders leaves out.)"""

BALANCES = frozenset(
    {
        "yith_wcdp_balance_order",  # YITH Deposits and Down Payments
        "wc_deposits",  # WooCommerce Deposits
    }
)
"""`created_via` of an order by which the rest is paid for what its parent holds."""

ORIGINAL = "_original_order_id"
"""Where WooCommerce Deposits names the parent, on the lines of the balance order."""

_WAITS = frozenset({State.QUEUED, State.IMPORTING, State.FAILED, State.ATTENTION})
_MAY_BE_LEFT_OUT = frozenset({State.QUEUED, State.FAILED, State.ATTENTION})


def is_balance(order: Order) -> bool:
    """Whether it is what is left to pay of another order."""
    return order.created_via in BALANCES


def parent_of(order: Order) -> int:
    """The id of the order that has this one's goods too, by its plugin's own mark; else 0.

    A marketplace's other orders (a vendor's subscription, made by Dokan too) have no parent.
    """
    if order.created_via in MARKETPLACES:
        return int(order.parent_id)
    if order.created_via not in BALANCES:
        return 0
    named = (m.value for line in order.line_items for m in line.meta_data if m.key == ORIGINAL)
    original = next((str(value) for value in named if str(value).isdigit()), "0")
    return int(order.parent_id) or int(original)


def left_out(
    record: OrderRecord, order: Order, parent: OrderRecord | None, *, as_children: bool
) -> OrderRecord:
    """The record of an order whose parent holds its goods: left out where the parent is in Katana
    or waits for that; else as it is. `as_children`: sub-orders are imported, not their parents,
    but for those of a parent that is in Katana already."""
    if parent is None or record.wanted or record.in_katana is not InKatana.NO:
        return record
    if record.state not in _MAY_BE_LEFT_OUT:
        return record
    waits = parent.state in _WAITS and (is_balance(order) or not as_children)
    if parent.in_katana is InKatana.NO and not waits:
        return record
    return replace(
        record,
        state=State.SKIPPED,
        reason=Reason.SUB_ORDER,
        detail=f"order {parent.number}",
        next_attempt_at=None,
    )


def ended_unimported(record: OrderRecord) -> bool:
    """Whether the order will not come to be in Katana, so that its sub-orders are to be."""
    return record.in_katana is InKatana.NO and record.state in (State.SKIPPED, State.IGNORED)


def are_cancelled(children: Iterable[OrderRecord]) -> bool:
    """Whether none of an order's sub-orders will come to be in Katana, so that it is to be."""
    return all(ended_unimported(child) and child.shop_status in OVER for child in children)


def to_be_imported(record: OrderRecord, at: datetime | None) -> OrderRecord:
    """The record of an order that was left to its parent or its sub-orders, which ended
    unimported; its turn comes `at` this time (UTC), None for now."""
    if record.was_processing or record.shop_status != "completed":
        return replace(queued(record), next_attempt_at=at)
    return replace(record, state=State.ATTENTION, reason=Reason.COMPLETED_UNSEEN, detail="")


def are_in_katana(children: Iterable[OrderRecord]) -> list[OrderRecord]:
    """Those of an order's sub-orders that are in Katana, or may be."""
    return [c for c in children if c.in_katana is InKatana.YES or c.state is State.IMPORTING]


def are_to_be(children: Iterable[OrderRecord]) -> list[OrderRecord]:
    """Those of an order's sub-orders that are in Katana or wait for that."""
    return [
        child
        for child in children
        if child.in_katana is InKatana.YES
        or (child.in_katana is InKatana.NO and child.state in _WAITS)
    ]


def replaced(record: OrderRecord, children: Iterable[OrderRecord]) -> OrderRecord:
    """The record of a parent whose sub-orders are imported in its place."""
    return replace(
        record,
        state=State.SKIPPED,
        reason=Reason.HAS_SUB_ORDERS,
        detail=numbers_of(children),
        next_attempt_at=None,
    )


def numbers_of(orders: Iterable[OrderRecord]) -> str:
    """Their numbers, as people read them."""
    return "orders " + ", ".join(order.number for order in orders)


def hold_all(order: Order, others: Iterable[Order]) -> bool | None:
    """Whether an order's sub-orders among these hold all of its goods; None where there is none
    that could be imported."""
    children = [
        other
        for other in others
        if parent_of(other) == order.id and not is_balance(other) and other.status not in OVER
    ]
    if not children:
        return None
    held = _pieces(line for child in children for line in child.line_items)
    return all(held.get(key, 0) >= wanted for key, wanted in _pieces(order.line_items).items())


def _pieces(lines: Iterable[LineItem]) -> dict[tuple[int, int, str], Decimal]:
    found: dict[tuple[int, int, str], Decimal] = {}
    for line in lines:
        key = int(line.product_id), int(line.variation_id), str(line.name)
        found[key] = found.get(key, Decimal(0)) + line.quantity
    return found
