"""Orders whose goods are on another order too: whatever was ordered comes to Katana once."""

from __future__ import annotations

from katana_woo_sync.domain.order_record import OrderRecord, State
from katana_woo_sync.domain.order_rules import Note
from katana_woo_sync.domain.reasons import Reason
from katana_woo_sync.domain.sales_order import Unmappable
from katana_woo_sync.domain.sub_orders import (
    are_in_katana,
    are_to_be,
    hold_all,
    left_out,
    numbers_of,
    parent_of,
    replaced,
)
from katana_woo_sync.domain.woocommerce import Order
from katana_woo_sync.sync.context import Context, Store
from katana_woo_sync.sync.poll import merge


def left_to_others(
    context: Context, store: Store, record: OrderRecord, order: Order
) -> OrderRecord | None:
    """The record of an order whose goods others hold, which are in Katana or are to be; None for
    one that is to be imported itself. The shop is asked for what the ledger does not know of them.

    Raises `Unmappable` where others hold a part of them, and a `ServiceError`.
    """
    if record.wanted:
        return None
    ledger, as_children = context.ledger, context.rules(store).sub_orders == "children"
    parent_id = parent_of(order)
    if parent_id:
        parent = ledger.orders.get(store.identity, parent_id) or _ask_for(context, store, parent_id)
        after = left_out(record, order, parent, as_children=as_children)
        return after if after.state is State.SKIPPED else None
    children = ledger.orders.sub_orders(store.identity, int(order.id))
    if as_children and are_to_be(children):
        dp = context.facts(store).dp
        answered = store.shop.orders([child.order_id for child in are_to_be(children)], dp)
        whole = hold_all(order, (each for each in answered if isinstance(each, Order)))
        if whole:
            return replaced(record, are_to_be(children))
        if whole is False:
            raise Unmappable(Reason.PARTLY_IN_SUB_ORDERS, numbers_of(are_to_be(children)))
    doubled = are_in_katana(children)
    if doubled:
        raise Unmappable(Reason.PARTLY_IN_SUB_ORDERS, numbers_of(doubled))
    return None


def _ask_for(context: Context, store: Store, order_id: int) -> OrderRecord | None:
    """An order that the ledger does not know, once the shop was asked for it."""
    read_at = context.clock()
    answered = store.shop.orders([order_id], context.facts(store).dp)
    with context.ledger.atomic():
        merge(context, store, answered, read_at)
    return context.ledger.orders.get(store.identity, order_id)


def save_left_out(
    context: Context, store: Store, record: OrderRecord, before: OrderRecord | None
) -> None:
    """Keep the record of an order that is left to others, with a note that names them."""
    context.save(store, record, before)
    context.note(store, record, Note(Reason(record.reason), record.detail))
