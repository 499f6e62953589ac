"""Hearing a store: its changed orders merged into the ledger, with the cursor, in one group."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal

from msgspec import Struct
from msgspec.structs import replace

from katana_woo_sync.clients.errors import BadRequest, MissingPermission, NotFound
from katana_woo_sync.clients.order_reader import ChangedOrders, UnreadableOrder
from katana_woo_sync.domain.cursors import SHOP_OVERLAP, Cursor, advance, read_from
from katana_woo_sync.domain.decide import (
    GONE,
    Note,
    is_stale,
    left_before_import,
    may_be_imported,
    see_in_shop,
    settle,
)
from katana_woo_sync.domain.reasons import Reason
from katana_woo_sync.domain.records import InKatana, OrderRecord, State
from katana_woo_sync.domain.sub_orders import left_out, parent_of
from katana_woo_sync.domain.transitions import for_attention
from katana_woo_sync.domain.woocommerce import Order, StoreFacts
from katana_woo_sync.sync.context import (
    Context,
    FreshCopy,
    Store,
    StoreProblem,
    first_today,
    log,
)
from katana_woo_sync.sync.ports import ReadOrder
from katana_woo_sync.sync.stock_hearing import forget_taken, hear_taken


class Polled(Struct, frozen=True):
    """What a poll of a store brought; made in a thread of its own, without the ledger."""

    changed: ChangedOrders
    facts: StoreFacts | None
    read_at: datetime


def cursor_name(store: Store) -> str:
    """The name of the cursor of a store's changed orders."""
    return f"shop:{store.identity}"


def poll(
    store: Store, cursor: Cursor | None, facts: StoreFacts | None, read_at: datetime
) -> Polled:
    """Ask a store for the orders that changed: one request where a page holds them.

    The settings are asked for too where they are not known. Raises a `ServiceError`.
    """
    learnt = None
    if facts is None:
        learnt = learn_facts(store)
        facts = learnt
    changed = store.shop.changed_orders(read_from(cursor, SHOP_OVERLAP), facts.dp)
    return Polled(changed, learnt, read_at)


def learn_facts(store: Store) -> StoreFacts:
    """Ask for the settings that tell how a store counts its money.

    A key whose user may not see settings still does the main job: WooCommerce's defaults are taken,
    and a store that rounds otherwise shows it in its orders' totals. Raises a `ServiceError`.
    """
    try:
        return store.shop.facts()
    except (MissingPermission, NotFound, BadRequest) as error:
        log.warning("%s: taking WooCommerce's default rounding: %s", store.name, error)
        return StoreFacts()


def hear(context: Context, store: Store, polled: Polled) -> dict[int, FreshCopy]:
    """Merge what a poll brought, and move the cursor, all or nothing.

    Returns the copies that were read, for the imports of this cycle. Raises `StoreProblem` where
    the orders are those of another identity (rule 2).
    """
    orders = polled.changed.orders
    name = cursor_name(store)
    with context.step(), context.ledger.atomic():
        if polled.facts is not None:
            context.ledger.stores.set_facts(store.identity, polled.facts)
        merge(context, store, orders)
        cursor = context.ledger.stores.cursor(name)
        moved = advance(cursor, polled.changed.mark, polled.read_at, SHOP_OVERLAP)
        context.ledger.stores.set_cursor(name, moved)
    return {
        int(order.id): FreshCopy(order, polled.read_at)
        for order in orders
        if isinstance(order, Order)
    }


def merge(context: Context, store: Store, orders: Sequence[ReadOrder]) -> None:
    """Merge orders that the shop gave into their records; call inside a step."""
    known = context.ledger.orders.known(store.identity, [int(order.id) for order in orders])
    rules, now = context.rules(store), context.clock()
    context.report.store(store.name).seen += len(orders)
    for order in sorted(orders, key=_is_sub_order):  # parents first: what becomes of them decides
        before = known.get(int(order.id))
        if before is not None and before.parent_id:
            before = context.ledger.orders.get(store.identity, int(order.id))
        if isinstance(order, UnreadableOrder):
            _merge_unreadable(context, store, order, before)
            continue
        if before is not None and is_stale(before, order):
            warn_of_cache(context, store, order)
            continue
        seen = see_in_shop(order, before, rules, now)
        if seen.record is None:
            continue
        record = _left_to_parent(context, store, seen.record, order)
        if record == before:
            continue
        if before is None:
            other = context.ledger.orders.identity_with_key(
                str(order.order_key), other_than=store.identity
            )
            refuse_other_identity(store, order.number, other)
        context.save(store, record, before or replace(record, state=State.QUEUED))
        notes = [*seen.notes]
        if record.reason == Reason.SUB_ORDER:
            notes.append(Note(Reason.SUB_ORDER, record.detail))
        context.note(store, replace(record, identity=store.identity), *notes)
    hear_taken(context, store, [o for o in orders if not _is_old(known.get(int(o.id)), o)])


def _is_sub_order(order: ReadOrder) -> bool:
    return isinstance(order, Order) and parent_of(order) > 0


def _left_to_parent(
    context: Context, store: Store, record: OrderRecord, order: Order
) -> OrderRecord:
    """The record of an order, left out where its parent is known to hold the same goods; one whose
    parent is not known is looked at again when it is to be imported."""
    if not record.parent_id:
        return record
    parent = context.ledger.orders.get(store.identity, record.parent_id)
    as_children = context.rules(store).sub_orders == "children"
    return left_out(record, order, parent, as_children=as_children)


def _is_old(before: OrderRecord | None, order: ReadOrder) -> bool:
    return before is not None and isinstance(order, Order) and is_stale(before, order)


def warn_of_cache(context: Context, store: Store, order: Order) -> None:
    """Tell once a day that the shop answers with copies older than what it had told before."""
    if first_today(context.ledger, f"cache {store.identity}", context.clock()):
        log.warning(
            "%s: order %s came as it was before its last change: a cache seems to answer in the "
            "shop's place; let it leave out /wp-json",
            store.name,
            order.number,
            extra={"store": store.name},
        )


def _merge_unreadable(
    context: Context, store: Store, order: UnreadableOrder, before: OrderRecord | None
) -> None:
    """Show an order whose answer makes no sense, unless it is in Katana already."""
    if before is not None and (
        before.in_katana is not InKatana.NO or before.state in (State.IGNORED, State.SKIPPED)
    ):
        return
    record = before or OrderRecord(
        identity=store.identity,
        order_id=int(order.id),
        number=order.number or str(order.id),
        order_key="",
        created=None,
        currency="",
        total=Decimal(0),
        shop_status="",
        first_seen_at=context.clock(),
    )
    unreadable = for_attention(record, Reason.UNREADABLE, order.problem, context.clock())
    if unreadable != before:
        context.save(store, unreadable, before or replace(record, state=State.QUEUED))


def refuse_other_identity(store: Store, number: str, other: str | None) -> None:
    """Rule 2: an order that is known under another identity means a shop that moved or a copy."""
    if other is not None and other != store.identity:
        raise StoreProblem(
            f'order {number} is known as an order of "{other}", but this store is '
            f'"{store.identity}". If the shop moved to a new address, set katana_store_name = '
            f'"{other}" for it; if it is a copy of that shop (staging), take it out of the config'
        )


def hear_missing(context: Context, store: Store, order_ids: Iterable[int]) -> None:
    """Record orders that are in no list any more: in the trash, or deleted for good."""
    rules, order_ids = context.rules(store), list(order_ids)
    forget_taken(context, store, order_ids)
    for order_id in order_ids:
        record = context.ledger.orders.get(store.identity, order_id)
        if record is None or record.state in (State.IGNORED, State.SKIPPED):
            continue
        gone = replace(record, shop_status=GONE)
        if record.in_katana is not InKatana.NO:
            gone = settle(gone, rules)
        elif record.state is not State.IMPORTING and not may_be_imported(gone, rules):
            gone = left_before_import(gone)
        context.save(store, gone, record)
