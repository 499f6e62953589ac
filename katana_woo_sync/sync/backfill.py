"""Backfill: the first import after connecting. It can be stopped and run again at any point."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from itertools import islice
from types import MappingProxyType

from msgspec import Struct
from msgspec.structs import replace

from katana_woo_sync.domain.order_record import State
from katana_woo_sync.domain.reasons import Reason
from katana_woo_sync.ledger.intents import IntentKind
from katana_woo_sync.sync.connect import (
    OtherShopsOrders,
    check_account,
    connect,
    refuse_known_copy,
    shown_as_known,
    start_cursor,
    take_over,
)
from katana_woo_sync.sync.context import Context, Store, log
from katana_woo_sync.sync.create_once import ask_at
from katana_woo_sync.sync.cycle import (
    Backlog,
    Options,
    Pages,
    Progress,
    Read,
    declined,
    run_cycle,
)
from katana_woo_sync.sync.failures import part_of_store
from katana_woo_sync.sync.katana_facts import KatanaFacts
from katana_woo_sync.sync.poll import learn_facts
from katana_woo_sync.sync.sweep import scan_pages, sweep_katana

AGES = (("up to a week old", timedelta(days=7)), ("up to a month old", timedelta(days=30)))
OLDER = "older"


class Found(Struct, frozen=True):
    """What a store holds that is to be imported; sums with tax, by currency; oldest in UTC."""

    store: str
    orders: int
    by_age: Mapping[str, int]
    oldest: datetime | None
    sums: Mapping[str, Decimal]
    adopted: int


LONG = 3
"""Pages of a hundred open orders that are read before any is imported, whoever waits for what."""


class Prepared(Struct, frozen=True):
    """The stores that can be worked, and what each of them holds that is to be imported.

    Those of which a long list is still being read, by their names, are not among `found`.
    """

    stores: list[Store]
    found: list[Found]
    reading: dict[str, Pages]


def prepare(
    context: Context, stores: Sequence[Store], since: datetime | None, *, wholly: bool = True
) -> Prepared:
    """Take over what Katana holds, and find what is to be imported.

    What is wrong with a store is in the report. A long list of open orders is not read `wholly`
    where nobody waits for what is in it: `import_all` does that while it imports. Raises a
    `ServiceError` where Katana cannot be asked.
    """
    check_account(context)
    sweep_katana(context, KatanaFacts(context))
    ready = []
    for store in stores:
        context.report.store(store.name)
        if guarded_store(context, store, partial(_look, context, store, since)):
            ready.append(store)
    others = OtherShopsOrders(context)
    ready = _adopt_all(context, ready, others)
    prepared = Prepared([], [], {})
    # a copy of a shop that Katana knows by another name is seen by all of its orders
    most = None if wholly or others.any else LONG
    for store in ready:
        if guarded_store(context, store, partial(_scan, context, store, others, most, prepared)):
            prepared.stores.append(store)
    return prepared


def _look(context: Context, store: Store, since: datetime | None) -> None:
    KatanaFacts(context).location(store)
    context.ledger.stores.add(store.identity, store.name)
    if since is not None:
        context.ledger.stores.set_since(store.identity, since)
    context.ledger.stores.set_facts(store.identity, learn_facts(store))
    start_cursor(context, store)


def _adopt_all(context: Context, stores: Sequence[Store], others: OtherShopsOrders) -> list[Store]:
    """Takeover, once per store: a list of everything that Katana holds from WooCommerce.

    Returns the stores with which that went well."""
    new = [store for store in stores if not context.is_connected(store)]
    failed = take_over(context, new, others) if new else {}
    for store in new:
        if store.name in failed:
            store_failed(context, store, failed[store.name])
    return [store for store in stores if store.name not in failed]


def _scan(
    context: Context, store: Store, others: OtherShopsOrders, most: int | None, prepared: Prepared
) -> None:
    pages = scan_pages(context, store)
    count = sum(1 for _page in islice(pages, most))
    if shown_as_known(context, store):
        count, most = count + sum(1 for _page in pages), None  # to be counted before any import
    _apply_since(context, store)
    if not context.is_connected(store):
        refuse_known_copy(context, store)
    others.refuse_copy(store)
    if count == most:
        prepared.reading[store.name] = pages
    else:
        if not context.report.store(store.name).lacks_orders:
            context.ledger.stores.swept(store.identity, context.clock())
        prepared.found.append(what_is_open(context, store))


def _apply_since(context: Context, store: Store) -> None:
    """Orders that an earlier, wider backfill had queued are left out where `--since` moved."""
    rules = context.rules(store)
    if rules.since is None:
        return
    with context.ledger.atomic():
        for record in context.ledger.orders.find(identities=[store.identity], state="queued"):
            if record.created is not None and record.created < rules.since:
                left = replace(record, state=State.SKIPPED, reason=Reason.BEFORE_SINCE)
                context.save(store, left, record)


def what_is_open(context: Context, store: Store) -> Found:
    """What the ledger has of a store's open orders that are to be imported."""
    backlog = context.ledger.orders.backlog(store.identity)
    now = context.clock()
    by_age = dict.fromkeys([name for name, _age in AGES] + [OLDER], 0)
    for created in backlog.created:
        young = (name for name, age in AGES if created and now - created <= age)
        by_age[next(young, OLDER)] += 1
    return Found(
        store=store.name,
        orders=backlog.count,
        by_age=by_age,
        oldest=min((c for c in backlog.created if c), default=None),
        sums=backlog.sums,
        adopted=context.report.store(store.name).adopted,
    )


def decline(context: Context, stores: Sequence[Store]) -> None:
    """Remember that a person did not want these stores imported: no later cycle does it unasked."""
    for store in stores:
        if not context.is_connected(store):
            context.ledger.stores.set_meta(declined(store), "yes")


def guarded_store(context: Context, store: Store, work: Callable[[], None]) -> bool:
    """Do one store's part, and tell whether that went well; what goes wrong holds up no other."""
    failed: list[Exception] = []
    with part_of_store(failed.append):
        work()
    for error in failed:
        store_failed(context, store, error)
    return not failed


def store_failed(context: Context, store: Store, error: Exception) -> None:
    """Record what is wrong with a store."""
    text = context.report.store_failed(store.name, error)
    log.error("%s: %s", store.name, text, extra={"store": store.name})
    log.debug("%s", store.name, exc_info=error)


def import_all(
    context: Context,
    stores: Sequence[Store],
    options: Options,
    progress: Progress,
    *,
    reading: Mapping[str, Pages] = MappingProxyType({}),
    read: Read = lambda _store: None,
    meanwhile: Callable[[], None] = lambda: None,
) -> None:
    """Import every open order, with ordinary cycles in between.

    Lists that are not read to their end yet, by the names of their stores, are read meanwhile. What
    became of a create whose answer was lost is waited for. Raises what ends the whole run.
    """
    for store in stores:
        connect(context, store)
        context.ledger.stores.set_meta(declined(store), "")
    total = sum(context.ledger.orders.backlog(store.identity).count for store in stores)
    backlog = Backlog(dict(reading), read, progress, total=total)
    backlog.tell()
    run_cycle(context, stores, options, longest=None, backlog=backlog, meanwhile=meanwhile)
    if _wait_for_unknown(context):
        run_cycle(context, stores, options, longest=None)


def _wait_for_unknown(context: Context) -> bool:
    """Wait until Katana may be asked for creates whose answer was lost; whether there were any."""
    intents = [i for i in context.ledger.intents.all_open() if i.kind is not IntentKind.PROBE]
    if not intents or context.dry_run:
        return False
    until = max(ask_at(context, intent) for intent in intents)
    seconds = max(0.0, (until - context.clock()).total_seconds())
    log.info("waiting %.0f s to ask Katana what became of %d requests", seconds, len(intents))
    context.wait(seconds)
    return True
