"""Reading both sides: what changed in a shop and in Katana, taken into the ledger."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType

from msgspec import Struct
from msgspec.structs import replace

from katana_woo_sync.clients.errors import BadRequest, MissingPermission, NotFound
from katana_woo_sync.clients.order_reader import ChangedOrders, ReadOrder, UnreadableOrder
from katana_woo_sync.clients.woocommerce import missing_orders
from katana_woo_sync.config import StoreSettings
from katana_woo_sync.domain.adoption import woocommerce_id
from katana_woo_sync.domain.checks import in_the_future, words_of_the_future
from katana_woo_sync.domain.cursors import (
    KATANA_OVERLAP,
    KATANA_SWEEP,
    OLD_ANSWER,
    SALES_ORDERS,
    SHOP_OVERLAP,
    Cursor,
    advance,
    is_beyond,
    is_cached_answer,
    read_from,
)
from katana_woo_sync.domain.katana import WOOCOMMERCE, SalesOrder
from katana_woo_sync.domain.order_record import (
    GONE,
    InKatana,
    OrderRecord,
    State,
    known_elsewhere,
    unreadable,
)
from katana_woo_sync.domain.order_rules import (
    Note,
    Rules,
    is_stale,
    may_be_imported,
    see_in_katana,
    see_in_shop,
    skipped_before_import,
    with_state,
)
from katana_woo_sync.domain.reasons import Reason
from katana_woo_sync.domain.sub_orders import left_out, parent_of
from katana_woo_sync.domain.woocommerce import Order, StoreFacts
from katana_woo_sync.ledger.sqlite import read_time, time_text
from katana_woo_sync.sync.context import (
    Context,
    FreshCopy,
    Store,
    log,
    once_a_day,
)
from katana_woo_sync.sync.deletions import (
    end_what_was_begun,
    keep_deletion,
    was_deleted_here,
)
from katana_woo_sync.sync.deliveries import keep_delivery, was_delivered_here
from katana_woo_sync.sync.gone import keep_gone
from katana_woo_sync.sync.stock_changes import (
    apply_reduced_stock,
    forget_taken,
    touch_variations,
)


class Polled(Struct, frozen=True):
    """What a poll of a store brought; made in a thread of its own, without the ledger."""

    changed: ChangedOrders
    facts: StoreFacts | None
    read_at: datetime


def cursor_name(store: Store | StoreSettings) -> str:
    """The name of the cursor of a store's changed orders."""
    return f"shop:{store.identity}"


def poll(
    store: Store,
    cursor: Cursor | None,
    facts: StoreFacts | None,
    read_at: datetime,
    ahead: Mapping[int, datetime] = MappingProxyType({}),
) -> Polled:
    """Ask a store for the orders that changed: one request where a page holds them.

    `ahead` is what is known of orders that were modified in the shop's future. The settings are
    asked for too where they are not known. Raises a `ServiceError`.
    """
    learnt = None
    if facts is None:
        learnt = learn_facts(store)
        facts = learnt
    changed = store.shop.changed_orders(read_from(cursor, SHOP_OVERLAP), facts.dp, ahead)
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


def apply_poll(context: Context, store: Store, polled: Polled) -> None:
    """Merge what a poll brought, move the cursor, all or nothing, and keep the copies that were
    read for the imports of this cycle.

    Raises `StoreProblem` where the orders are those of another identity (rule 2).
    """
    orders, as_of = polled.changed.orders, polled.changed.as_of or polled.read_at
    name, stores = cursor_name(store), context.ledger.stores
    with context.ledger.atomic():
        if polled.facts is not None:
            stores.set_facts(store.identity, polled.facts)
        merge(context, store, orders, polled.read_at)
        cursor = stores.cursor(name)
        if polled.changed.missing:  # then the same changes are asked for again
            lacks_orders(context, store, ". ".join(missing_orders(polled.changed.missing)))
        else:
            moved = advance(cursor, polled.changed.mark, polled.read_at, SHOP_OVERLAP)
            stores.set_cursor(name, moved)
        stores.set_ahead(name, polled.changed.ahead)
        is_cached = _is_cached(context, store, as_of, polled.read_at)
        is_old = is_cached or polled.read_at - as_of > OLD_ANSWER
        if is_beyond(cursor, as_of, SHOP_OVERLAP) and not is_old:
            stores.sweep_again(store.identity)  # which goes back to the shop's own time
        if _has_other_settings(context, store, orders):
            stores.sweep_again(store.identity)  # which reads them
        # by our clock too: an answer that was kept for hours is dated before what is new
        _tell_of_the_future(context, store, polled.changed.ahead, max(as_of, polled.read_at))
    context.copies.setdefault(store.identity, {}).update(
        (int(order.id), FreshCopy(order, polled.read_at))
        for order in orders
        if isinstance(order, Order)
    )


def answered_name(store: Store) -> str:
    """The name under which the ledger keeps by what time a store answered last."""
    return f"answered:{store.identity}"


def _is_cached(context: Context, store: Store, as_of: datetime, read_at: datetime) -> bool:
    """Whether a cache answered in the shop's place, by this answer and those before it; call inside
    a step. Logged once a day."""
    stores, name = context.ledger.stores, answered_name(store)
    before = stores.cursor(name)
    if before is not None and before.mark is not None and as_of < before.mark:
        before = None  # its clock was set back
    answered = advance(before, as_of, read_at, SHOP_OVERLAP)
    stores.set_cursor(name, answered)
    is_cached = is_cached_answer(answered, read_at)
    if is_cached and once_a_day(context.ledger, f"kept answer {store.identity}", read_at):
        log.warning(
            "%s: every answer with its list of changed orders is dated %s: a cache answers in the "
            "shop's place. Let the cache leave out /wp-json",
            store.name,
            f"{as_of:%Y-%m-%d %H:%M} UTC",
            extra={"store": store.name},
        )
    return is_cached


def _has_other_settings(context: Context, store: Store, orders: Sequence[ReadOrder]) -> bool:
    """Whether the orders' own form shows that the shop counts its money otherwise than is known;
    once a day, since a plugin may give an order any form. Call inside a step."""
    facts = context.facts(store)
    if all(facts.shows(order) for order in orders if isinstance(order, Order)):
        return False
    return once_a_day(context.ledger, f"settings {store.identity}", context.clock())


def _tell_of_the_future(
    context: Context, store: Store, ahead: Mapping[int, datetime], now: datetime
) -> None:
    """Note once a day how many orders were modified in the shop's future."""
    times = in_the_future(ahead.values(), now)
    if times and once_a_day(context.ledger, f"future {store.identity}", context.clock()):
        log.warning("%s: %s", store.name, words_of_the_future(times), extra={"store": store.name})


def lacks_orders(context: Context, store: Store, what: str) -> None:
    """Report that orders of the store did not come. Those that did are worked, but no stock is set
    that does not know of all orders."""
    part = context.report.store(store.name)
    part.lacks_orders = True
    if what not in part.unread:
        part.unread.append(what)


def merge(context: Context, store: Store, orders: Sequence[ReadOrder], read_at: datetime) -> None:
    """Merge orders that the shop gave, asked at `read_at`, into their records; call inside a
    step."""
    known = context.ledger.orders.known(store.identity, [int(order.id) for order in orders])
    rules, now = context.rules(store), context.clock()
    context.report.store(store.name).seen += len(orders)
    copies = context.copies.get(store.identity, {})
    for order in orders:
        copies.pop(int(order.id), None)
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
        record = _unless_known_elsewhere(context, store, record, before)
        context.save(store, record, before or replace(record, state=State.QUEUED))
        if before is None or before.shop_status != order.status:
            touch_variations(context, store, order)
        notes = [*seen.notes]
        if record.reason == Reason.SUB_ORDER:
            notes.append(Note(Reason.SUB_ORDER, record.detail))
        context.note(store, replace(record, identity=store.identity), *notes)
    fresh = [o for o in orders if not _is_old(known.get(int(o.id)), o)]
    apply_reduced_stock(context, store, fresh, read_at)


def believe(
    context: Context, store: Store, before: Mapping[int, OrderRecord], answered: Iterable[ReadOrder]
) -> None:
    """Have what was answered for orders by their ids count; call inside a step, before it is
    merged.

    No cache answers for orders by their ids. So a copy with an older time than the ledger knows is
    no stale one: the shop's clock had been set back when the order was changed. Unless a newer copy
    has come since the records were read as they were `before`.
    """
    now = context.ledger.orders.known(store.identity, list(before))
    unheard = {i for i in now if now[i].shop_modified == before[i].shop_modified}
    heard = {int(o.id) for o in answered if isinstance(o, Order) and not _is_old(now.get(o.id), o)}
    if unheard - heard:
        context.ledger.orders.forget_modified(store.identity, sorted(unheard - heard))


def _unless_known_elsewhere(
    context: Context, store: Store, record: OrderRecord, before: OrderRecord | None
) -> OrderRecord:
    """Rule 2: an order that comes to be imported, and whose key the ledger knows as that of another
    store's order, needs a person. One whom a person has had tried again is not looked at again."""
    is_new = before is None or before.state is State.SKIPPED or before.reason == Reason.UNREADABLE
    if not is_new or record.in_katana is not InKatana.NO or record.state is State.SKIPPED:
        return record
    other = context.ledger.orders.identity_with_key(record.order_key, other_than=store.identity)
    if other is None:
        return record
    return known_elsewhere(record, f'it has the order key of an order of "{other}"')


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
    if once_a_day(context.ledger, f"cache {store.identity}", context.clock()):
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


def apply_missing(
    context: Context, store: Store, order_ids: Iterable[int], read_at: datetime
) -> None:
    """Record orders that a reading begun at `read_at` did not find: in the trash, or deleted for
    good."""
    rules, order_ids = context.rules(store), list(order_ids)
    forget_taken(context, store, keep_gone(context, store, order_ids), read_at)
    for order_id in order_ids:
        record = context.ledger.orders.get(store.identity, order_id)
        if record is None or record.state in (State.IGNORED, State.SKIPPED):
            continue
        gone = replace(record, shop_status=GONE)
        if record.in_katana is not InKatana.NO:
            gone = with_state(gone, rules)
        elif record.state is not State.IMPORTING and not may_be_imported(gone, rules):
            gone = skipped_before_import(gone)
        context.save(store, gone, record)


UNTOLD_AT = "katana_untold_at"
"""Where the ledger keeps when a change was found that the list of changes had not told of."""

ASKED_AT = "katana_open_orders_asked_at"
"""Where the ledger keeps when Katana was last asked for the open orders by their ids."""

AT_ONCE = 100
"""Sales orders that are asked for by their ids in one request."""

Candidates = Mapping[str, Sequence[str]]
"""Every name (in lower case) under which Katana may hold orders of ours, with the identities of the
stores whose they may be. Two shops on one host may both have been the bare host once."""


def read_katana(context: Context, *, sweep: bool = False) -> None:
    """Ask Katana what changed among WooCommerce's sales orders, and merge it.

    It brings deliveries, deletions, and orders that another program imported meanwhile; those are
    kept, in the cursor's own group of writes, until their store says whether they are its own.
    Raises a `ServiceError`.
    """
    cursor = context.ledger.stores.cursor(SALES_ORDERS)
    told_from = read_from(cursor, KATANA_OVERLAP)
    since = read_from(cursor, KATANA_OVERLAP, sweep=KATANA_SWEEP) if sweep else told_from
    changed = context.katana.sales_orders_changed(since)
    if is_beyond(cursor, changed.as_of, KATANA_OVERLAP):
        cursor, changed = None, context.katana.sales_orders_changed(None)
    with context.ledger.atomic():
        merge_sales_orders(context, changed.orders, told_from)
        moved = advance(cursor, changed.mark, context.clock(), KATANA_OVERLAP)
        context.ledger.stores.set_cursor(SALES_ORDERS, moved)


def is_open_orders_due(context: Context) -> bool:
    """Whether Katana is to be asked for the open orders between sweeps: where its list of changes
    was seen not to tell of all, as often as stock is looked at."""
    stores = context.ledger.stores
    if stores.meta(UNTOLD_AT) is None:
        return False
    asked = read_time(stores.meta(ASKED_AT))
    return asked is None or context.clock() - asked >= context.settings.schedule.stock


def read_open_orders(context: Context) -> None:
    """Ask Katana for the orders that are open there by their ids, a hundred in a request: a
    delivery that leaves `updated_at` alone is in no list of changes. Raises a `ServiceError`."""
    ledger = context.ledger
    ids = ledger.orders.open_sales_orders([s.identity for s in context.stores.values()])
    told_from = read_from(ledger.stores.cursor(SALES_ORDERS), KATANA_OVERLAP)
    for start in range(0, len(ids), AT_ONCE):
        answered = context.katana.sales_orders_by_id(ids[start : start + AT_ONCE])
        context.go_on()
        with ledger.atomic():
            merge_sales_orders(context, answered, told_from)
    ledger.stores.set_meta(ASKED_AT, time_text(context.clock()) or "")


def merge_sales_orders(
    context: Context, sales_orders: Sequence[SalesOrder], told_from: datetime | None = None
) -> None:
    """Merge sales orders into the records of their orders; call inside a step.

    A change that is stamped before `told_from` (UTC), from which on the list of changes is read, is
    one that the list would not have told of.
    """
    names = candidates(context)
    known = context.ledger.orders.by_sales_order([int(s.id) for s in sales_orders])
    of_stores = (
        {s.identity: (s, context.rules(s)) for s in context.stores.values()} if known else {}
    )
    for sales_order in sales_orders:
        record = known.get(int(sales_order.id))
        if record is None:
            keep_for_adoption(context, sales_order, names)
        elif record.identity in of_stores:
            store, rules = of_stores[record.identity]
            if _is_untold(sales_order, record, told_from):
                context.ledger.stores.set_meta(UNTOLD_AT, time_text(context.clock()) or "")
            _hear_known(context, store, rules, sales_order, record)


def _is_untold(sales_order: SalesOrder, record: OrderRecord, told_from: datetime | None) -> bool:
    stamped = sales_order.updated
    if told_from is None or stamped is None or stamped >= told_from:
        return False
    was_deleted = record.in_katana is InKatana.DELETED
    return sales_order.status != record.katana_status or sales_order.is_deleted != was_deleted


def candidates(context: Context) -> Candidates:
    """The names under which Katana may hold the stores' orders (rule 2)."""
    names: dict[str, list[str]] = {}
    for store in context.stores.values():
        for name in (store.identity, *context.settings.alternative_names(store.settings)):
            names.setdefault(name.lower(), []).append(store.identity)
    return names


def keep_for_adoption(context: Context, sales_order: SalesOrder, names: Candidates) -> None:
    """Keep a sales order that the ledger does not know for the stores whose it may be."""
    if sales_order.ecommerce_order_type != WOOCOMMERCE:
        return
    identities = names.get(sales_order.ecommerce_store_name.lower(), ())
    order_id = woocommerce_id(sales_order)
    if order_id is None and identities:
        log.warning(
            "%s: sales order %s in Katana carries the id %r, which is none of WooCommerce's",
            identities[0],
            sales_order.order_no,
            str(sales_order.ecommerce_order_id),
        )
    if order_id is not None:
        for identity in identities:
            context.ledger.adoptables.add(identity, order_id, sales_order)


def _hear_known(
    context: Context, store: Store, rules: Rules, sales_order: SalesOrder, record: OrderRecord
) -> None:
    seen = see_in_katana(sales_order, record, rules)
    if seen.record is not None and was_delivered_here(context, seen.record, record):
        keep_delivery(context, store, seen.record, record)
        return
    if seen.record is not None and seen.record != record:
        context.save(store, seen.record, record)
        notes = seen.notes
        if seen.record.in_katana is InKatana.DELETED:
            context.ledger.adoptables.ask_again(store.identity, record.order_id)
            end_what_was_begun(context, record)
            if was_deleted_here(context, record):
                keep_deletion(context, store, record)
                notes = tuple(n for n in notes if n.reason is not Reason.DELETED_IN_KATANA)
        context.note(store, record, *notes)
