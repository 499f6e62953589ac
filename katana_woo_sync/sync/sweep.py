"""The sweep: all open orders compared with the ledger, so that nothing a cursor missed stays so."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

from katana_woo_sync.clients.errors import Incomplete
from katana_woo_sync.clients.order_reader import ReadOrder
from katana_woo_sync.domain.cursors import Cursor
from katana_woo_sync.domain.products import is_gone
from katana_woo_sync.domain.woocommerce import Order
from katana_woo_sync.ledger.sqlite import read_time, time_text
from katana_woo_sync.ledger.stores import StoreRecord
from katana_woo_sync.sync.context import Context, Store
from katana_woo_sync.sync.gone import came_back, gone_to_look_for
from katana_woo_sync.sync.katana_facts import KatanaFacts
from katana_woo_sync.sync.poll import (
    apply_missing,
    believe,
    cursor_name,
    lacks_orders,
    learn_facts,
    merge,
    warn_of_cache,
)

A_DAY = timedelta(days=1)

THE_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)

VARIANTS_READ = "katana_variants_heard_at"
"""Where the ledger keeps when Katana was last asked which variants changed."""


def sweep_due(context: Context, store: Store) -> bool:
    """Whether the store's last sweep is longer ago than the schedule's interval."""
    known = context.ledger.stores.get(store.identity)
    return is_sweep_due(known, context.settings.schedule.sweep, context.clock())


def is_sweep_due(known: StoreRecord | None, interval: timedelta, now: datetime) -> bool:
    """Whether a store is swept at `now` (UTC), where it is every `interval`."""
    if known is None or known.swept_at is None:
        return True
    return now - known.swept_at >= interval


def sweep(context: Context, store: Store) -> None:
    """Compare the store's open orders with the ledger, and refresh what is known of the store.

    Orders that are Processing and unknown are queued; those that the ledger believes Processing,
    or has in Katana undelivered, and the list does not hold are asked for by their ids. Raises a
    `ServiceError`.
    """
    context.ledger.stores.set_facts(store.identity, learn_facts(store))
    _mend_cursor(context, store)
    listed = scan(context, store)
    is_whole = not context.report.store(store.name).lacks_orders
    orders = context.ledger.orders
    believed = orders.open_in_shop(store.identity, store.settings.import_statuses)
    _ask_for(context, store, sorted((believed | orders.undelivered(store.identity)) - listed))
    if is_whole:
        context.ledger.stores.swept(store.identity, context.clock())


def look_for_gone(context: Context, store: Store) -> None:
    """Look again for orders that were gone a while ago. Raises a `ServiceError`."""
    _ask_for(context, store, gone_to_look_for(context, store))


def scan(context: Context, store: Store) -> set[int]:
    """Merge every order whose status is imported; returns their ids."""
    return {order_id for page in scan_pages(context, store) for order_id in page}


def scan_pages(context: Context, store: Store) -> Iterator[set[int]]:
    """Merge every order whose status is imported, page by page; gives the ids of each. Where some
    did not come, that is in the report."""
    began = context.clock()
    for page in _whole_or_told(context, store):
        ids = [int(order.id) for order in page]
        known = context.ledger.orders.known(store.identity, ids)
        # the list is slim: an order that is known is not compared with it, or it would look edited
        news = [order for order in page if int(order.id) not in known]
        changed = [
            order
            for order in page
            if isinstance(order, Order)
            and order.id in known
            and known[int(order.id)].shop_status != order.status
        ]
        context.go_on()
        with context.ledger.atomic():
            merge(context, store, news, began)
        _ask_for(context, store, [int(order.id) for order in changed], changed)
        yield set(ids)


def _whole_or_told(context: Context, store: Store) -> Iterator[tuple[ReadOrder, ...]]:
    try:
        yield from store.shop.open_orders(store.settings.import_statuses)
    except Incomplete as error:
        lacks_orders(context, store, f"{error.reason}. {error.remedy}")


def _ask_for(
    context: Context, store: Store, order_ids: list[int], listed: Sequence[Order] = ()
) -> None:
    """Read the status today of orders that the ledger sees otherwise than a list did."""
    dp, ledger = context.facts(store).dp, context.ledger
    for start in range(0, len(order_ids), 100):
        wanted = order_ids[start : start + 100]
        before = ledger.orders.known(store.identity, wanted)
        read_at = context.clock()
        answered = store.shop.orders(wanted, dp)
        _look_for_cache(context, store, listed, answered)
        context.go_on()
        with ledger.atomic():
            believe(context, store, before, answered)
            merge(context, store, answered, read_at)
            found = {int(order.id) for order in answered}
            came_back(context, store, found)
            apply_missing(context, store, [i for i in wanted if i not in found], read_at)


def _look_for_cache(
    context: Context, store: Store, listed: Sequence[Order], answered: Sequence[ReadOrder]
) -> None:
    """Tell of a list that holds an order as it was before what the shop itself answers now."""
    real = {int(order.id): order.modified for order in answered if isinstance(order, Order)}
    for order in listed:
        now = real.get(int(order.id))
        if now is not None and order.modified is not None and order.modified < now:
            warn_of_cache(context, store, order)


def _mend_cursor(context: Context, store: Store) -> None:
    """A store whose clock was set back reports times before the cursor: go back to them. One that
    reports none, having no order or only such as are in its future, is read whole."""
    name = cursor_name(store)
    cursor = context.ledger.stores.cursor(name)
    newest = store.shop.newest_modified()
    if cursor is None or cursor.mark is None or (newest is not None and newest >= cursor.mark):
        return
    with context.ledger.atomic():
        context.ledger.stores.set_cursor(name, Cursor(newest, context.clock()))
        context.ledger.orders.forget_modified_after(store.identity, newest or THE_BEGINNING)


def sweep_katana(context: Context, katana_facts: KatanaFacts) -> None:
    """Refresh what is remembered of Katana: locations, tax rates, base currency, SKUs."""
    katana_facts.refresh()
    factory = context.katana.factory()
    context.ledger.stores.set_meta("base_currency", str(factory.base_currency_code))
    _refresh_variants(context)


def _refresh_variants(context: Context) -> None:
    """Forget SKUs that have moved in Katana since the last sweep: one list of what changed."""
    now, last = context.now_in_katana(), read_time(context.ledger.stores.meta(VARIANTS_READ))
    if last is not None:
        # a day more than the time that has passed: either clock may have been set
        changed = context.katana.variants_changed(last - A_DAY)
        gone = [int(variant.id) for variant in changed if is_gone(variant)]
        context.go_on()
        with context.ledger.atomic():
            context.ledger.catalogue.forget_variants(gone)
            context.ledger.catalogue.forget_changed((str(v.sku), int(v.id)) for v in changed)
    context.ledger.stores.set_meta(VARIANTS_READ, time_text(now) or "")
