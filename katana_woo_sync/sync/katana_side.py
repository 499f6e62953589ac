"""Hearing Katana: the one list request of each cycle, and what it means for known orders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from katana_woo_sync.domain.adoption import woocommerce_id
from katana_woo_sync.domain.cursors import (
    KATANA_OVERLAP,
    KATANA_SWEEP,
    advance,
    is_beyond,
    read_from,
)
from katana_woo_sync.domain.katana import WOOCOMMERCE, SalesOrder
from katana_woo_sync.domain.order_record import InKatana, OrderRecord
from katana_woo_sync.domain.order_rules import Rules, see_in_katana
from katana_woo_sync.domain.reasons import Reason
from katana_woo_sync.ledger.sqlite import read_time, time_text
from katana_woo_sync.sync.cancelling import keep_deletion, was_deleted_here
from katana_woo_sync.sync.context import Context, Store, log

CURSOR = "katana:sales_orders"

UNTOLD_AT = "katana_untold_at"
"""Where the ledger keeps when a change was found that the list of changes had not told of."""

ASKED_AT = "katana_open_orders_asked_at"
"""Where the ledger keeps when Katana was last asked for the open orders by their ids."""

AT_ONCE = 100
"""Sales orders that are asked for by their ids in one request."""

Candidates = Mapping[str, Sequence[str]]
"""Every name (in lower case) under which Katana may hold orders of ours, with the identities of the
stores whose they may be. Two shops on one host may both have been the bare host once."""


def hear_katana(context: Context, *, sweep: bool = False) -> None:
    """Ask Katana what changed among WooCommerce's sales orders, and merge it.

    It brings deliveries, deletions, and orders that another program imported meanwhile; those are
    kept, in the cursor's own group of writes, until their store says whether they are its own.
    Raises a `ServiceError`.
    """
    cursor = context.ledger.stores.cursor(CURSOR)
    told_from = read_from(cursor, KATANA_OVERLAP)
    since = read_from(cursor, KATANA_OVERLAP, sweep=KATANA_SWEEP) if sweep else told_from
    changed = context.katana.sales_orders_changed(since)
    if is_beyond(cursor, changed.as_of, KATANA_OVERLAP):
        cursor, changed = None, context.katana.sales_orders_changed(None)
    with context.step(), context.ledger.atomic():
        merge_sales_orders(context, changed.orders, told_from)
        moved = advance(cursor, changed.mark, context.clock(), KATANA_OVERLAP)
        context.ledger.stores.set_cursor(CURSOR, moved)
    context.katana_heard_at = context.clock()


def is_open_orders_due(context: Context) -> bool:
    """Whether Katana is to be asked for the open orders between sweeps: where its list of changes
    was seen not to tell of all, as often as stock is looked at."""
    stores = context.ledger.stores
    if stores.meta(UNTOLD_AT) is None:
        return False
    asked = read_time(stores.meta(ASKED_AT))
    return asked is None or context.clock() - asked >= context.settings.schedule.stock


def hear_open_orders(context: Context) -> None:
    """Ask Katana for the orders that are open there by their ids, a hundred in a request: a
    delivery that leaves `updated_at` alone is in no list of changes. Raises a `ServiceError`."""
    ledger = context.ledger
    ids = ledger.orders.open_sales_orders([s.identity for s in context.stores.values()])
    told_from = read_from(ledger.stores.cursor(CURSOR), KATANA_OVERLAP)
    for start in range(0, len(ids), AT_ONCE):
        answered = context.katana.sales_orders_by_id(ids[start : start + AT_ONCE])
        with context.step(), ledger.atomic():
            merge_sales_orders(context, answered, told_from)
    with context.step():
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
    heard = {s.identity: (s, context.rules(s)) for s in context.stores.values()} if known else {}
    for sales_order in sales_orders:
        record = known.get(int(sales_order.id))
        if record is None:
            keep_for_adoption(context, sales_order, names)
        elif record.identity in heard:
            store, rules = heard[record.identity]
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
        for name in (store.identity, *context.settings.twins(store.settings)):
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
    if seen.record is not None and seen.record != record:
        context.save(store, seen.record, record)
        notes = seen.notes
        if seen.record.in_katana is InKatana.DELETED:
            context.ledger.adoptables.ask_again(store.identity, record.order_id)
            if was_deleted_here(context, record):
                keep_deletion(context, store, record)
                notes = tuple(n for n in notes if n.reason is not Reason.DELETED_IN_KATANA)
        context.note(store, record, *notes)
