"""Takeover: what Katana already holds of a store's orders is adopted, never imported again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial

from katana_woo_sync.domain.cursors import Cursor
from katana_woo_sync.domain.customers import digest
from katana_woo_sync.sync.adoption import adopt_waiting
from katana_woo_sync.sync.context import Context, OtherAccount, Store
from katana_woo_sync.sync.failures import store_part
from katana_woo_sync.sync.poll import CURSOR, candidates, cursor_name, merge_sales_orders
from katana_woo_sync.sync.strangers import Strangers

CLOCKS_APART = timedelta(hours=1)
"""How far a store's clock may be from Katana's when its changes are read from an import on."""


def check_account(context: Context) -> None:
    """Make sure that the ledger and the key are of one Katana account.

    Asks only when the key is another than last time: an account is known by its locations, whose
    ids no other account has. Raises `OtherAccount`, or a `ServiceError`.
    """
    stores = context.ledger.stores
    key = digest(context.ledger.salt, "api_key", context.settings.katana.api_key)
    if stores.meta("katana_key") == key:
        return
    known = {int(location.id) for location in context.ledger.catalogue.locations()}
    locations = context.katana.locations()
    listed = {int(location.id) for location in locations}
    if known and listed and not known & listed:
        raise OtherAccount(
            f"The ledger {context.settings.ledger} belongs to another Katana account than this "
            "API key. Use the key of that account, or set `ledger` to a new file for this one."
        )
    with context.ledger.atomic():
        context.ledger.catalogue.set_locations(locations)
        stores.set_meta("katana_key", key)


def take_over(
    context: Context, stores: Sequence[Store], strangers: Strangers | None = None
) -> dict[str, Exception]:
    """Adopt what Katana holds of these stores' orders, deleted ones too: one list for all.

    `strangers` hears of them all. Returns what went wrong with a store, by its name; it holds up
    no other. Raises a `ServiceError` where Katana cannot be asked; what was adopted before stays
    adopted.
    """
    failed: dict[str, Exception] = {}
    newest: datetime | None = None
    for page in context.katana.all_sales_orders():
        if newest is None:
            # Whatever changes while the list is read has a later time than its first page.
            newest = page.mark
        with context.step(), context.ledger.atomic():
            merge_sales_orders(context, page.orders)
        if strangers is not None:
            strangers.hear(page.orders)
        for store in [store for store in stores if store.name not in failed]:
            with store_part(partial(failed.__setitem__, store.name)):
                adopt_waiting(context, store)
    with context.step():
        cursor = context.ledger.stores.cursor(CURSOR)
        if cursor is None and newest is not None:
            context.ledger.stores.set_cursor(CURSOR, Cursor(newest, context.clock()))
    return failed


def katana_holds(context: Context, store: Store) -> bool:
    """Whether Katana holds any order of the store: one that was connected, whose ledger was lost.

    A name that other stores share (the bare host of several) tells nothing about this one.
    """
    names = {
        name: identities
        for name, identities in candidates(context).items()
        if list(identities) == [store.identity]
    }
    return any(
        sales_order.ecommerce_store_name.lower() == name
        for name in names
        for sales_order in context.katana.sales_orders(store_name=name)
    )


def start_cursor(context: Context, store: Store) -> None:
    """Mark where the store's changes are to be read from, before its open orders are listed."""
    name = cursor_name(store)
    newest = store.shop.newest_modified()
    with context.step():
        if context.ledger.stores.cursor(name) is None:
            context.ledger.stores.set_cursor(name, Cursor(newest, context.clock()))


def connect(context: Context, store: Store) -> None:
    """Record that the store is connected, from its own newest change on.

    By the store's clock, since orders placed later are told by it; by ours only where the store
    has no order yet. A store that is connected already stays so from when it was.
    """
    cursor = context.ledger.stores.cursor(cursor_name(store))
    since = cursor.mark if cursor is not None and cursor.mark is not None else context.clock()
    with context.step():
        context.ledger.stores.connect(store.identity, since)


def connect_as_before(context: Context, store: Store) -> None:
    """Connect a store whose ledger was lost: from when Katana has its first import, and with its
    changes read from its last import on, so that what happened since is not passed over."""
    first, last = context.ledger.orders.import_span(store.identity)
    if first is None or last is None:
        connect(context, store)
        return
    name = cursor_name(store)
    with context.step(), context.ledger.atomic():
        cursor = context.ledger.stores.cursor(name)
        back = last - CLOCKS_APART
        if cursor is None or cursor.mark is None or back < cursor.mark:
            context.ledger.stores.set_cursor(name, Cursor(back, context.clock()))
        context.ledger.stores.connect(store.identity, first)
