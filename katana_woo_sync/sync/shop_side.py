"""Hearing a store: its changed orders merged into the ledger, with the cursor, in one group."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from msgspec import Struct
from msgspec.structs import replace

from katana_woo_sync.clients.errors import BadRequest, MissingPermission, NotFound
from katana_woo_sync.clients.order_reader import ChangedOrders, UnreadableOrder
from katana_woo_sync.clients.woocommerce import missing_orders
from katana_woo_sync.domain.cursors import SHOP_OVERLAP, Cursor, advance, read_from
from katana_woo_sync.domain.decide import (
    GONE,
    is_stale,
    left_before_import,
    may_be_imported,
    see_in_shop,
    settle,
)
from katana_woo_sync.domain.records import InKatana, OrderRecord, State
from katana_woo_sync.domain.transitions import FIRST_WAITS, unreadable
from katana_woo_sync.domain.woocommerce import Order, StoreFacts
from katana_woo_sync.ledger.values import read_time, time_text
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
        if polled.changed.missing:  # then the same changes are asked for again
            lacks_orders(context, store, ". ".join(missing_orders(polled.changed.missing)))
        else:
            cursor = context.ledger.stores.cursor(name)
            moved = advance(cursor, polled.changed.mark, polled.read_at, SHOP_OVERLAP)
            context.ledger.stores.set_cursor(name, moved)
    return {
        int(order.id): FreshCopy(order, polled.read_at)
        for order in orders
        if isinstance(order, Order)
    }


def lacks_orders(context: Context, store: Store, what: str) -> None:
    """Report that orders of the store did not come. Those that did are worked, but no stock is set
    that does not know of all orders."""
    part = context.report.store(store.name)
    part.lacks_orders = True
    if what not in part.unread:
        part.unread.append(what)


def merge(context: Context, store: Store, orders: Sequence[ReadOrder]) -> None:
    """Merge orders that the shop gave into their records; call inside a step."""
    known = context.ledger.orders.known(store.identity, [int(order.id) for order in orders])
    rules, now = context.rules(store), context.clock()
    context.report.store(store.name).seen += len(orders)
    hear_taken(context, store, [o for o in orders if not _is_old(known.get(int(o.id)), o)])
    for order in orders:
        before = known.get(int(order.id))
        if isinstance(order, UnreadableOrder):
            _merge_unreadable(context, store, order, before)
            continue
        if before is not None and is_stale(before, order):
            warn_of_cache(context, store, order)
            continue
        seen = see_in_shop(order, before, rules, now)
        if seen.record is None or seen.record == before:
            continue
        if before is None:
            other = context.ledger.orders.identity_with_key(
                str(order.order_key), other_than=store.identity
            )
            refuse_other_identity(store, order.number, other)
        context.save(store, seen.record, before or replace(seen.record, state=State.QUEUED))
        context.note(store, replace(seen.record, identity=store.identity), *seen.notes)


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
    shown = unreadable(record, order.problem, context.clock(), may_pass=order.may_pass)
    if shown != before:
        context.save(store, shown, before or replace(record, state=State.QUEUED))


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
    forget_taken(context, store, keep_gone(context, store, order_ids))
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


def keep_gone(context: Context, store: Store, order_ids: Sequence[int]) -> list[int]:
    """Remember orders that the shop does not have, to be looked for again in the next cycles: in
    some moments a shop answers nothing at all. Returns those that were gone before. Call inside a
    step."""
    kept, now = _gone(context, store), context.clock()
    again = [order_id for order_id in order_ids if str(order_id) in kept]
    for order_id in order_ids:
        looks = kept.pop(str(order_id), (0, ""))[0]
        if looks < len(FIRST_WAITS):  # later the sweep alone looks
            kept[str(order_id)] = (looks + 1, time_text(now + FIRST_WAITS[looks]) or "")
    _set_gone(context, store, kept)
    return again


def gone_to_look_for(context: Context, store: Store) -> list[int]:
    """The orders that were gone and are to be looked for now."""
    now = context.clock()
    due = ((i, read_time(at)) for i, (_looks, at) in _gone(context, store).items())
    return sorted(int(order_id) for order_id, at in due if at is None or at <= now)


def came_back(context: Context, store: Store, order_ids: Iterable[int]) -> None:
    """Orders that were gone are there; call inside a step."""
    kept = _gone(context, store)
    there = kept.keys() & {str(order_id) for order_id in order_ids}
    if there:
        _set_gone(context, store, {i: at for i, at in kept.items() if i not in there})


def _gone(context: Context, store: Store) -> dict[str, tuple[int, str]]:
    """How often each order was found gone, and when it is looked for again."""
    kept = json.loads(context.ledger.stores.meta(f"gone:{store.identity}") or "{}")
    return {order_id: (int(looks), str(at)) for order_id, (looks, at) in kept.items()}


def _set_gone(context: Context, store: Store, kept: Mapping[str, tuple[int, str]]) -> None:
    before = context.ledger.stores.meta(f"gone:{store.identity}") or ""
    text = json.dumps(kept) if kept else ""
    if text != before:
        context.ledger.stores.set_meta(f"gone:{store.identity}", text)
