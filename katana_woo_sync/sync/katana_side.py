"""Hearing Katana: the one list request of each cycle, and what it means for known orders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from katana_woo_sync.domain.cursors import (
    KATANA_OVERLAP,
    KATANA_SWEEP,
    advance,
    is_beyond,
    read_from,
)
from katana_woo_sync.domain.decide import Rules, see_in_katana
from katana_woo_sync.domain.katana import WOOCOMMERCE, SalesOrder
from katana_woo_sync.domain.records import InKatana, OrderRecord
from katana_woo_sync.domain.takeover import woocommerce_id
from katana_woo_sync.sync.context import Context, Store, log

CURSOR = "katana:sales_orders"

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
    since = read_from(cursor, KATANA_OVERLAP, sweep=KATANA_SWEEP if sweep else None)
    changed = context.katana.sales_orders_changed(since)
    if is_beyond(cursor, changed.as_of, KATANA_OVERLAP):
        cursor, changed = None, context.katana.sales_orders_changed(None)
    with context.step(), context.ledger.atomic():
        merge_sales_orders(context, changed.orders)
        moved = advance(cursor, changed.mark, context.clock(), KATANA_OVERLAP)
        context.ledger.stores.set_cursor(CURSOR, moved)
    context.katana_heard_at = context.clock()


def merge_sales_orders(context: Context, sales_orders: Sequence[SalesOrder]) -> None:
    """Merge sales orders into the records of their orders; call inside a step."""
    names = candidates(context)
    known = context.ledger.orders.by_sales_order([int(s.id) for s in sales_orders])
    heard = {s.identity: (s, context.rules(s)) for s in context.stores.values()} if known else {}
    for sales_order in sales_orders:
        record = known.get(int(sales_order.id))
        if record is None:
            keep_for_adoption(context, sales_order, names)
        elif record.identity in heard:
            store, rules = heard[record.identity]
            _hear_known(context, store, rules, sales_order, record)


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
        if seen.record.in_katana is InKatana.DELETED:
            context.ledger.adoptables.ask_again(store.identity, record.order_id)
        context.note(store, record, *seen.notes)
