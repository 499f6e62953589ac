"""One cycle: hear both sides, settle what is unknown, import, deliver, complete, sweep if due."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from enum import Enum
from functools import partial

from msgspec import Struct

from katana_woo_sync.clients.errors import ServiceError
from katana_woo_sync.clients.katana_http import KATANA
from katana_woo_sync.domain.woocommerce import StoreFacts
from katana_woo_sync.ledger.values import time_text
from katana_woo_sync.sync.adoption import adopt_waiting
from katana_woo_sync.sync.context import Context, Store, StoreProblem, first_today, log
from katana_woo_sync.sync.creating import forget_old_intents
from katana_woo_sync.sync.fees import Fees
from katana_woo_sync.sync.fulfilment import Fulfilment
from katana_woo_sync.sync.guard import FATAL, is_katana_down, store_part
from katana_woo_sync.sync.hosts import warn_of_clocks
from katana_woo_sync.sync.import_queue import Queue, import_due
from katana_woo_sync.sync.katana_side import hear_katana, hear_open_orders, is_open_orders_due
from katana_woo_sync.sync.rebuild import reconnect
from katana_woo_sync.sync.report import Problem, unread_lately
from katana_woo_sync.sync.resolve import Resolver
from katana_woo_sync.sync.settling import settle_unknown
from katana_woo_sync.sync.shop_notes import write_notes
from katana_woo_sync.sync.shop_side import (
    Polled,
    cursor_name,
    hear,
    poll,
)
from katana_woo_sync.sync.stock import sync_stock
from katana_woo_sync.sync.sweep import look_for_gone, sweep, sweep_due, sweep_katana
from katana_woo_sync.sync.takeover import check_account, katana_holds

KATANA_ERROR = "katana_error"
"""Where the ledger keeps why Katana could not be worked last; empty once it could."""


ABOUT_THE_SAME_TIME = 0.5
"""Seconds for which stores that have answered wait for others, so that their orders go together."""

LATE = 5.0
"""Seconds without an answer of another store, after which the stock of those that have answered
waits for the others no longer."""


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
                context.ledger.stores.ahead(cursor_name(store)),
            ): store
            for store in stores
            if context.is_connected(store)
        }
        cycle = _Cycle(context, options)
        cycle.hear_katana(stores)
        cycle.connect_again([s for s in stores if not context.is_connected(s)])
        context.silent = {store.name for store in polls.values()}
        late = list(stores)
        for ended in _as_they_come(polls):
            context.silent -= {store.name for store, _polled in ended}
            cycle.work(ended)
            if not ended:
                cycle.sync_stock([s for s in stores if s.name not in context.silent])
                late = [s for s in stores if s.name in context.silent]
    cycle.sync_stock(late)
    finish(context)


def _known_facts(context: Context, store: Store) -> StoreFacts | None:
    known = context.ledger.stores.get(store.identity)
    return known.facts if known else None


def _as_they_come(
    polls: dict[Future[Polled], Store],
) -> Iterator[list[tuple[Store, Future[Polled]]]]:
    """The stores that have answered by now, then those that did meanwhile: those that answer at
    about the same time are worked together, and a slow one holds up no other. Once, when nobody has
    answered for `LATE` seconds, the list is empty: the others are late."""
    waiting = dict(polls)
    is_late = False
    while waiting:
        done, _ = wait(waiting, timeout=None if is_late else LATE, return_when=FIRST_COMPLETED)
        if not done:
            is_late = True
            yield []
            continue
        ended, _ = wait(waiting, timeout=ABOUT_THE_SAME_TIME)
        yield [(waiting.pop(future), future) for future in polls if future in ended]


def finish(context: Context) -> None:
    """Complete the report: requests, and the problems there are now."""
    warn_of_clocks(context)
    forget_old_intents(context)
    report = context.report
    report.finished_at = context.clock()
    report.katana_requests = context.katana.sent
    report.problems.clear()
    unread = context.katana.take_unread()
    report.katana_unread += [text for text in unread if text not in report.katana_unread]
    _keep_unread(context, KATANA, KATANA, report.katana_unread)
    for name in report.stores:
        store = context.stores[name]
        part = report.store(name)
        part.unread += [text for text in store.shop.take_unread() if text not in part.unread]
        _keep_unread(context, store.identity, name, part.unread)
        report.store_requests[name] = store.shop.sent
        records = context.ledger.orders.find(identities=[store.identity], problems=True)
        problems = [Problem.of(name, record) for record in records]
        report.problems += problems
        report.store(name).failed = sum(problem.is_tried_again for problem in problems)
        report.store(name).attention = len(problems) - report.store(name).failed


def _keep_unread(context: Context, place: str, name: str, texts: Sequence[str]) -> None:
    """Keep what could not be read for `status`, which shows it for a day, and log what is new."""
    now, stores = context.clock(), context.ledger.stores
    before = unread_lately(context.ledger, place, now)
    if not texts and not before:
        return
    for text in texts:
        if text not in before:
            log.warning("%s: could not be read: %s", name, text)
    if not context.dry_run:
        kept = {**before, **dict.fromkeys(texts, time_text(now) or "")}
        stores.set_meta(f"unread:{place}", json.dumps(kept) if kept else "")


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
            if sweeps or is_open_orders_due(context):
                hear_open_orders(context)
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

    def connect_again(self, stores: Sequence[Store]) -> None:
        """Stores that the ledger does not know: taken over where Katana holds their orders."""
        queues = []
        for store in stores:
            with self._part_of(store):
                if self._katana_works:
                    self._connect(store)
                    self._begin(store)
                    queues.append(Queue(store))
        self._import_and_carry(queues)

    def _connect(self, store: Store) -> None:
        context = self._context
        if context.ledger.stores.meta(declined(store)) or not katana_holds(context, store):
            raise StoreProblem(
                "this store was never connected; run "
                f"`katana-woo-sync backfill --store {store.name}` first"
            )
        log.info("%s: Katana holds its orders, the ledger does not: taking over", store.name)
        for error in reconnect(context, [store]).values():
            raise error

    def work(self, polls: Sequence[tuple[Store, Future[Polled]]]) -> None:
        """Work stores whose polls have ended."""
        queues = []
        for store, future in polls:
            with self._part_of(store):
                copies = hear(self._context, store, future.result())
                if self._katana_works:
                    dp = self._context.facts(store).dp
                    self._begin(store)
                    if self._context.facts(store).dp != dp:
                        copies = {}  # their amounts do not add up by the settings of now
                    queues.append(Queue(store, copies))
        self._import_and_carry(queues)

    def _begin(self, store: Store) -> None:
        """What comes before a store's orders are imported."""
        context = self._context
        adopt_waiting(context, store)
        look_for_gone(context, store)
        if self._sweeps(store):
            sweep(context, store)
        self._resolver.location(store)
        settle_unknown(context, store)
        Fees(context).add_missing(store)

    def _import_and_carry(self, queues: Sequence[Queue]) -> None:
        """Import what is due in these stores, then carry their deliveries and completions."""
        if queues and self._katana_works:
            self._import(queues)
        for queue in queues:
            with self._part_of(queue.store):
                if queue.error is not None:
                    raise queue.error
                if self._katana_works:
                    self._carry(queue.store)

    def _import(self, queues: Sequence[Queue]) -> None:
        try:
            import_due(self._context, self._resolver, queues)
        except FATAL:
            raise
        except Exception as error:  # noqa: BLE001 (no store's own, so it is shown with each)
            if is_katana_down(error):
                self._katana_failed(error)
                return
            for queue in queues:
                queue.error = queue.error or error

    def _carry(self, store: Store) -> None:
        context = self._context
        Fulfilment(context, store).carry(accept_completions=self._options.accept_completions)
        write_notes(context, store)
        if not context.dry_run:
            context.ledger.stores.succeeded(store.identity, context.clock())

    def sync_stock(self, stores: Sequence[Store]) -> None:
        """Stock comes after the orders of all stores: what they sold is subtracted by then."""
        if not (self._options.stock and self._katana_works):
            return
        connected = [store for store in stores if self._context.is_connected(store)]
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

    @contextmanager
    def _part_of(self, store: Store) -> Iterator[None]:
        """A store's own part: what goes wrong in it holds up no other store."""
        try:
            with store_part(partial(self._store_failed, store)):
                yield
        except ServiceError as error:
            self._katana_failed(error)

    def _store_failed(self, store: Store, error: Exception) -> None:
        text = self._context.report.store_failed(store.name, error)
        log.debug("%s", store.name, exc_info=error)
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
