"""Backfill: the first import after connecting. It can be stopped and run again at any point."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial

from msgspec import Struct
from msgspec.structs import replace

from katana_woo_sync.clients.errors import ServiceError
from katana_woo_sync.clients.katana_http import KATANA
from katana_woo_sync.domain.reasons import Reason
from katana_woo_sync.domain.records import State
from katana_woo_sync.sync.adoption import adopt_waiting
from katana_woo_sync.sync.context import Context, Store, StoreProblem, log
from katana_woo_sync.sync.creating import ask_at
from katana_woo_sync.sync.cycle import Options, declined, import_chunk, run_cycle
from katana_woo_sync.sync.guard import FATAL
from katana_woo_sync.sync.importer import Importer
from katana_woo_sync.sync.katana_side import hear_katana
from katana_woo_sync.sync.resolve import Resolver
from katana_woo_sync.sync.shop_side import learn_facts
from katana_woo_sync.sync.strangers import Strangers
from katana_woo_sync.sync.sweep import scan, sweep_katana
from katana_woo_sync.sync.takeover import check_account, connect, start_cursor, take_over

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


Progress = Callable[[int, int], None]
"""Told how many orders are done, and of how many."""


def prepare(
    context: Context, stores: Sequence[Store], since: datetime | None
) -> tuple[list[Store], list[Found]]:
    """Take over what Katana holds, and find what is to be imported.

    Returns the stores that can be worked, and what each of them holds; what is wrong with another
    is in the report. Raises a `ServiceError` where Katana cannot be asked.
    """
    check_account(context)
    sweep_katana(context, Resolver(context))
    ready = []
    for store in stores:
        context.report.store(store.name)
        if _guarded(context, store, partial(_look, context, store, since)):
            ready.append(store)
    strangers = Strangers(context)
    ready = _adopt_all(context, ready, strangers)
    found = []
    for store in list(ready):
        if _guarded(context, store, partial(_scan, context, store, strangers)):
            found.append(_found(context, store))
        else:
            ready.remove(store)
    return ready, found


def _guarded(context: Context, store: Store, work: Callable[[], None]) -> bool:
    """Do one store's part; what goes wrong is its own and holds up no other."""
    try:
        work()
    except FATAL:
        raise
    except (ServiceError, StoreProblem) as error:
        if isinstance(error, ServiceError) and error.service == KATANA:
            raise
        _failed(context, store, error)
        return False
    return True


def _failed(context: Context, store: Store, error: Exception) -> None:
    context.report.store_failed(store.name, error)
    log.error("%s: %s", store.name, error, extra={"store": store.name})


def _look(context: Context, store: Store, since: datetime | None) -> None:
    Resolver(context).location(store)
    with context.step():
        context.ledger.stores.add(store.identity, store.name)
        if since is not None:
            context.ledger.stores.set_since(store.identity, since)
    context.ledger.stores.set_facts(store.identity, learn_facts(store))
    start_cursor(context, store)


def _adopt_all(context: Context, stores: Sequence[Store], strangers: Strangers) -> list[Store]:
    """Takeover, once per store: a list of everything that Katana holds from WooCommerce.

    Returns the stores with which that went well."""
    new = [store for store in stores if not _is_connected(context, store)]
    failed = take_over(context, new, strangers) if new else {}
    for store in new:
        if store.name in failed:
            _failed(context, store, failed[store.name])
    return [store for store in stores if store.name not in failed]


def _is_connected(context: Context, store: Store) -> bool:
    known = context.ledger.stores.get(store.identity)
    return known is not None and known.connected_at is not None


def _scan(context: Context, store: Store, strangers: Strangers) -> None:
    scan(context, store)
    _apply_since(context, store)
    strangers.refuse_copy(store)
    context.ledger.stores.swept(store.identity, context.clock())


def _apply_since(context: Context, store: Store) -> None:
    """Orders that an earlier, wider backfill had queued are left out where `--since` moved."""
    rules = context.rules(store)
    if rules.since is None:
        return
    with context.step(), context.ledger.atomic():
        for record in context.ledger.orders.find(identities=[store.identity], state="queued"):
            if record.created is not None and record.created < rules.since:
                left = replace(record, state=State.SKIPPED, reason=Reason.BEFORE_SINCE)
                context.save(store, left, record)


def _found(context: Context, store: Store) -> Found:
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


def import_all(
    context: Context, stores: Sequence[Store], options: Options, progress: Progress
) -> None:
    """Import every order that is queued, chunk by chunk, with ordinary cycles in between.

    What became of a create whose answer was lost is waited for. Raises what ends the whole run.
    """
    for store in stores:
        connect(context, store)
        context.ledger.stores.set_meta(declined(store), "")
    total = sum(context.ledger.orders.backlog(store.identity).count for store in stores)
    _hear_again(context, stores)
    done, last_cycle = 0, context.clock()
    progress(done, total)
    waiting = list(stores)
    resolver = Resolver(context)
    while waiting:
        for store in list(waiting):
            tried = _chunk(context, store, resolver)
            done += tried
            progress(min(done, total), total)
            if not tried:
                waiting.remove(store)
        if context.clock() - last_cycle >= context.settings.schedule.orders:
            run_cycle(context, stores, options)
            last_cycle = context.clock()
            resolver = Resolver(context)  # customers that others made meanwhile are listed anew
    run_cycle(context, stores, options)
    if _wait_for_unknown(context):
        run_cycle(context, stores, options)


def _hear_again(context: Context, stores: Sequence[Store]) -> None:
    """The list request before any create: another program may have imported orders while a person
    looked at the question."""
    hear_katana(context)
    for store in stores:
        _guarded(context, store, partial(adopt_waiting, context, store))


def decline(context: Context, stores: Sequence[Store]) -> None:
    """Remember that a person did not want these stores imported: no later cycle does it unasked."""
    for store in stores:
        if not _is_connected(context, store):
            context.ledger.stores.set_meta(declined(store), "yes")


def _chunk(context: Context, store: Store, resolver: Resolver) -> int:
    tried = 0

    def work() -> None:
        nonlocal tried
        importer = Importer(context, store, resolver)
        tried = import_chunk(context, store, importer, {})
        if importer.is_losing_answers:
            tried = 0  # the cycles between the chunks, and the waits, take them up again

    return tried if _guarded(context, store, work) else 0


def _wait_for_unknown(context: Context) -> bool:
    """Wait until Katana may be asked for creates whose answer was lost; whether there were any."""
    intents = context.ledger.intents.all_open()
    if not intents or context.dry_run:
        return False
    until = max(ask_at(context, intent) for intent in intents)
    seconds = max(0.0, (until - context.clock()).total_seconds())
    log.info("waiting %.0f s to ask Katana what became of %d requests", seconds, len(intents))
    context.wait(seconds)
    return True
