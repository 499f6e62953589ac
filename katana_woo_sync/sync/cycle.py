"""One cycle: hear both sides, settle what is unknown, import, deliver, complete, sweep if due."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from datetime import timedelta
from enum import Enum

from msgspec import Struct

from katana_woo_sync.clients.errors import (
    MissingPermission,
    Moved,
    RefusedKey,
    ServiceError,
    Unavailable,
)
from katana_woo_sync.clients.katana_http import KATANA
from katana_woo_sync.clients.order_reader import UnreadableOrder
from katana_woo_sync.domain.records import OrderRecord, State
from katana_woo_sync.domain.woocommerce import Order, StoreFacts
from katana_woo_sync.sync.adoption import adopt_waiting
from katana_woo_sync.sync.context import Context, FreshCopy, Store, StoreProblem, first_today, log
from katana_woo_sync.sync.creating import forget_old_intents
from katana_woo_sync.sync.fulfilment import Fulfilment
from katana_woo_sync.sync.guard import FATAL
from katana_woo_sync.sync.hosts import warn_of_clocks
from katana_woo_sync.sync.importer import Importer
from katana_woo_sync.sync.katana_side import hear_katana
from katana_woo_sync.sync.rebuild import reconnect
from katana_woo_sync.sync.report import Problem
from katana_woo_sync.sync.resolve import Resolver
from katana_woo_sync.sync.shop_notes import write_notes
from katana_woo_sync.sync.shop_side import (
    Polled,
    cursor_name,
    hear,
    hear_missing,
    merge,
    poll,
)
from katana_woo_sync.sync.stock import sync_stock
from katana_woo_sync.sync.sweep import sweep, sweep_due, sweep_katana
from katana_woo_sync.sync.takeover import check_account, katana_holds

CHUNK = 50
"""Orders that are imported from one reading of the shop: under two minutes at 60 a minute."""

KATANA_ERROR = "katana_error"
"""Where the ledger keeps why Katana could not be worked last; empty once it could."""

FRESH = timedelta(minutes=3)
"""How old a copy may be that an order is imported from."""


class SweepWhen(Enum):
    """Whether a cycle sweeps: when the interval has passed, now, or not at all."""

    DUE = "due"
    NOW = "now"
    NEVER = "never"


class Options(Struct, frozen=True):
    """What is asked of a cycle."""

    accept_completions: bool = False
    sweep: SweepWhen = SweepWhen.DUE
    stock: bool = True
    """Whether stock is worked where it is due."""
    stock_now: bool = False
    """Whether it is worked even where it is not due yet."""
    accept_stock: bool = False


def run_cycle(context: Context, stores: Sequence[Store], options: Options) -> None:
    """Work the stores once. What goes wrong with one of them is in the report, and the others go
    on; raises only what ends the whole run (`FATAL`)."""
    for store in stores:
        context.report.store(store.name)
    with ThreadPoolExecutor(max_workers=max(1, len(stores)), thread_name_prefix="poll") as pool:
        polls = {
            pool.submit(
                poll,
                store,
                context.ledger.stores.cursor(cursor_name(store)),
                _known_facts(context, store),
                context.clock(),
            ): store
            for store in stores
            if _is_connected(context, store)
        }
        cycle = _Cycle(context, options)
        cycle.hear_katana(stores)
        for store in stores:
            if not _is_connected(context, store):
                cycle.connect_again(store)
        for future, store in _as_they_come(polls):
            cycle.work(store, future)
    cycle.sync_stock(stores)
    finish(context)


def _known_facts(context: Context, store: Store) -> StoreFacts | None:
    known = context.ledger.stores.get(store.identity)
    return known.facts if known else None


def _is_connected(context: Context, store: Store) -> bool:
    known = context.ledger.stores.get(store.identity)
    return known is not None and known.connected_at is not None


def _as_they_come(
    polls: dict[Future[Polled], Store],
) -> Iterator[tuple[Future[Polled], Store]]:
    """The stores in the order in which they answer: a slow one holds up no other."""
    for future in as_completed(polls):
        yield future, polls[future]


def finish(context: Context) -> None:
    """Complete the report: requests, and the problems there are now."""
    warn_of_clocks(context)
    forget_old_intents(context)
    report = context.report
    report.finished_at = context.clock()
    report.katana_requests = context.katana.sent
    report.problems.clear()
    for name in report.stores:
        store = context.stores[name]
        report.store_requests[name] = store.shop.sent
        records = context.ledger.orders.find(identities=[store.identity], problems=True)
        report.problems += [Problem.of(name, record) for record in records]
        report.store(name).failed = sum(record.state is State.FAILED for record in records)
        report.store(name).attention = len(records) - report.store(name).failed


def declined(store: Store) -> str:
    """Where the ledger keeps that a person did not want the store's orders imported yet."""
    return f"declined:{store.identity}"


class _Cycle:
    """A cycle in progress."""

    def __init__(self, context: Context, options: Options) -> None:
        self._context = context
        self._options = options
        self._resolver = Resolver(context)
        self._katana_works = False

    def _sweeps(self, store: Store) -> bool:
        match self._options.sweep:
            case SweepWhen.DUE:
                return sweep_due(self._context, store)
            case SweepWhen.NOW:
                return True
            case SweepWhen.NEVER:
                return False

    def hear_katana(self, stores: Sequence[Store]) -> None:
        """The list request that comes before any create; without it nothing is imported."""
        context = self._context
        try:
            check_account(context)
            sweeps = any(self._sweeps(store) for store in stores)
            hear_katana(context, sweep=sweeps)
            self._katana_works = True
            if context.ledger.stores.meta(KATANA_ERROR):
                context.ledger.stores.set_meta(KATANA_ERROR, "")
            if sweeps:
                sweep_katana(context, self._resolver)
        except FATAL:
            raise
        except ServiceError as error:
            self._katana_failed(error)

    def _katana_failed(self, error: ServiceError) -> None:
        self._katana_works = False
        self._context.report.katana_failed(error)
        stores = self._context.ledger.stores
        level = self._level(stores.meta(KATANA_ERROR) or "", str(error), "Katana")
        stores.set_meta(KATANA_ERROR, str(error))
        log.log(level, "%s", error)

    def connect_again(self, store: Store) -> None:
        """A store that the ledger does not know: taken over if Katana holds its orders."""
        context = self._context
        if not self._katana_works:
            return
        try:
            if context.ledger.stores.meta(declined(store)) or not katana_holds(context, store):
                raise StoreProblem(
                    "this store was never connected; run "
                    f"`katana-woo-sync backfill --store {store.name}` first"
                )
            log.info("%s: Katana holds its orders, the ledger does not: taking over", store.name)
            for error in reconnect(context, [store]).values():
                raise error
            self._work(store, {})
        except Exception as error:  # noqa: BLE001 (one store never holds up another)
            self._store_failed(store, error)

    def work(self, store: Store, future: Future[Polled]) -> None:
        """Work a store whose poll has ended."""
        try:
            copies = hear(self._context, store, future.result())
            if self._katana_works:
                self._work(store, copies)
        except Exception as error:  # noqa: BLE001 (one store never holds up another)
            self._store_failed(store, error)

    def _work(self, store: Store, copies: dict[int, FreshCopy]) -> None:
        context = self._context
        adopt_waiting(context, store)
        if self._sweeps(store):
            sweep(context, store)
        self._resolver.location(store)
        importer = Importer(context, store, self._resolver)
        importer.settle_unknown()
        importer.add_missing_fees()
        import_due(context, store, importer, copies)
        Fulfilment(context, store).carry(accept_completions=self._options.accept_completions)
        write_notes(context, store)
        if not context.dry_run:
            context.ledger.stores.succeeded(store.identity, context.clock())

    def sync_stock(self, stores: Sequence[Store]) -> None:
        """Stock comes after the orders of all stores: what they sold is subtracted by then."""
        if not (self._options.stock and self._katana_works):
            return
        connected = [store for store in stores if _is_connected(self._context, store)]
        try:
            sync_stock(
                self._context,
                connected,
                self._resolver,
                accept_stock=self._options.accept_stock,
                now=self._options.stock_now,
            )
        except FATAL:
            raise
        except ServiceError as error:
            self._katana_failed(error)

    def _store_failed(self, store: Store, error: Exception) -> None:
        if isinstance(error, FATAL):
            raise error
        whole_service = isinstance(error, (Unavailable, RefusedKey, MissingPermission, Moved))
        if isinstance(error, ServiceError) and whole_service and error.service == KATANA:
            self._katana_failed(error)
            return
        report = self._context.report
        report.store_failed(store.name, error)
        text = report.store(store.name).error or ""
        if not isinstance(error, (ServiceError, StoreProblem)):
            text = f"unexpected: {type(error).__name__}: {text}"
            log.debug("%s", store.name, exc_info=error)
        report.store(store.name).error = text
        stores = self._context.ledger.stores
        known = stores.get(store.identity)
        level = self._level(known.last_error if known else "", text, store.identity)
        log.log(level, "%s: %s", store.name, text, extra={"store": store.name})
        stores.went_wrong(store.identity, text)

    def _level(self, before: str, text: str, what: str) -> int:
        """What goes on being wrong is an error once a day: days of it flood no log. The report
        and `status` show it as long as it is so."""
        context = self._context
        is_news = first_today(context.ledger, f"error {what}", context.clock())
        return logging.ERROR if is_news or text != before else logging.DEBUG


def import_due(
    context: Context, store: Store, importer: Importer, copies: dict[int, FreshCopy]
) -> None:
    """Import the orders whose turn it is, oldest first. Raises a `ServiceError` where a whole
    side cannot be worked."""
    while import_chunk(context, store, importer, copies):
        if importer.is_losing_answers:
            log.warning("%s: Katana's answers are lost; the other orders wait", store.name)
            return


def import_chunk(
    context: Context,
    store: Store,
    importer: Importer,
    copies: dict[int, FreshCopy],
    most: int = CHUNK,
) -> int:
    """Import the next orders from copies read in the last minutes; returns how many were tried.

    Every order that is tried leaves the queue, or has a time for its next attempt: one that
    doesn't would be tried for ever, so that is an error of its own.
    """
    _hear_katana_again(context, store)
    now = context.clock()
    chunk = context.ledger.orders.due_for_import(store.identity, now, most)
    fresh = _fresh(context, store, chunk, copies)
    with context.step():
        importer.look_up(list(fresh.values()))
    tried: list[OrderRecord] = []
    waiting = deque(chunk)
    while waiting and not importer.is_losing_answers:
        together = _together(context, importer, waiting, fresh)
        tried += together
        orders = [fresh[record.order_id] for record in together if record.order_id in fresh]
        with context.step():
            importer.import_together(orders)
    after = context.ledger.orders.due_for_import(store.identity, now, most)
    stuck = {r.order_id for r in after} & {r.order_id for r in tried}
    for order_id in sorted(stuck):
        error = RuntimeError("the order was tried and stayed as it was")
        with context.step():
            importer.fail(order_id, str(order_id), error)
    return len(tried)


def _hear_katana_again(context: Context, store: Store) -> None:
    """Nothing is created on a list of Katana's that is older than the copies may be: in a long
    backlog another program may import what was queued."""
    heard_at = context.katana_heard_at
    if heard_at is None or context.clock() - heard_at > FRESH:
        hear_katana(context)
        adopt_waiting(context, store)


def _together(
    context: Context, importer: Importer, waiting: deque[OrderRecord], fresh: Mapping[int, Order]
) -> list[OrderRecord]:
    """Take the next orders whose requests the quota allows now, one at least.

    The quota is waited for before the lock is taken: others must not wait for a minute with it.
    """
    taken: list[OrderRecord] = []
    needed = 0
    while waiting and len(taken) < importer.at_once:
        order = fresh.get(waiting[0].order_id)
        needed += importer.requests_for(order) if order is not None else 0
        if taken and needed > context.katana.room:
            break
        if not taken:
            context.katana.wait_for_room(needed)
        taken.append(waiting.popleft())
    return taken


def _fresh(
    context: Context,
    store: Store,
    records: Sequence[OrderRecord],
    copies: dict[int, FreshCopy],
) -> dict[int, Order]:
    """Copies read in the last few minutes; what was not is read again, a hundred at a time."""
    now = context.clock()
    fresh = {
        record.order_id: copies[record.order_id].order
        for record in records
        if record.order_id in copies and now - copies[record.order_id].read_at <= FRESH
    }
    wanted = [record.order_id for record in records if record.order_id not in fresh]
    if not wanted:
        return fresh
    missing = set(wanted)
    for order in store.shop.orders(wanted, context.facts(store).dp):
        missing.discard(int(order.id))
        if isinstance(order, UnreadableOrder):
            with context.step(), context.ledger.atomic():
                merge(context, store, [order])
        else:
            fresh[int(order.id)] = order
    with context.step(), context.ledger.atomic():
        hear_missing(context, store, missing)
    return fresh
