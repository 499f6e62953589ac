"""The loop: read both sides, then some of each in turn: imports, deliveries, completions, stock."""

from __future__ import annotations

import json
import logging
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from datetime import datetime, timedelta
from enum import Enum
from functools import partial

from msgspec import Struct, field
from msgspec.structs import replace

from katana_woo_sync.clients.errors import ServiceError
from katana_woo_sync.clients.katana_http import KATANA
from katana_woo_sync.ledger.sqlite import time_text
from katana_woo_sync.sync.adoption import adopt_waiting
from katana_woo_sync.sync.connect import check_account, katana_holds, reconnect
from katana_woo_sync.sync.context import (
    Context,
    Store,
    StoreProblem,
    log,
    once_a_day,
)
from katana_woo_sync.sync.create_once import forget_old_intents
from katana_woo_sync.sync.failures import part_of_store
from katana_woo_sync.sync.fulfilment import Fulfilment
from katana_woo_sync.sync.hosts import warn_of_clocks
from katana_woo_sync.sync.import_slices import SLICE, Queue, import_slice
from katana_woo_sync.sync.orders import KatanaSide, resolve_unknown
from katana_woo_sync.sync.poll import (
    Polled,
    apply_poll,
    cursor_name,
    is_open_orders_due,
    poll,
    read_katana,
    read_open_orders,
)
from katana_woo_sync.sync.report import Problem, unread_lately
from katana_woo_sync.sync.shipments import read_shipments
from katana_woo_sync.sync.shipping_fees import add_missing_shipping_fees
from katana_woo_sync.sync.shop_notes import write_notes
from katana_woo_sync.sync.stock import sync_stock
from katana_woo_sync.sync.sweep import look_for_gone, sweep, sweep_due, sweep_katana
from katana_woo_sync.sync.wishes import Wish, take_wishes

KATANA_ERROR = "katana_error"
"""Where the ledger keeps why Katana could not be worked last; empty once it could."""


ABOUT_THE_SAME_TIME = 0.5
"""Seconds for which stores that have answered wait for others, so that their orders go together."""

READ_AGAIN = timedelta(minutes=2)
"""How often both sides are read in a cycle that takes long."""

LONGEST = timedelta(minutes=30)
"""How long a cycle goes on while something is left."""

WORTH_IT = 15
"""As long as lists are read, orders are imported when the quota has room for so many requests: the
shop is asked for orders by the dozen, and nothing waits."""

REQUESTS_OF_AN_ORDER = 3
"""An order, its shipping fee, and something that is new."""

Progress = Callable[[int, int], None]
"""Told how many orders are done, and of how many."""

Pages = Iterator[set[int]]
"""A store's list of open orders: the ids on each page, which is in the ledger when it comes."""

Read = Callable[[Store], None]
"""Told that a store's list of open orders was read to its end."""

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


def run_cycle(
    context: Context,
    stores: Sequence[Store],
    options: Options,
    *,
    longest: timedelta | None = LONGEST,
    backlog: Backlog | None = None,
    meanwhile: Callable[[], None] = lambda: None,
) -> None:
    """Work the stores until all is done that is due, or for so long: what is left then is the next
    run's.

    The run holds the lock. It goes by slices, each of about half a minute of the quota: a thousand
    orders to import hold up no delivery, no completion and no stock. In between it takes up wishes,
    and calls `meanwhile` at the interval of `[schedule] orders`. What goes wrong with one of the
    stores is in the report, and the others go on; raises only what ends the whole run: `LockHeld`,
    say.
    """
    for store in stores:
        context.report.store(store.name)
    pool = ThreadPoolExecutor(max_workers=max(1, len(stores)), thread_name_prefix="poll")
    with context.only_run(), pool:
        cycle = _Cycle(
            context, stores, options, pool, backlog=backlog or Backlog(), meanwhile=meanwhile
        )
        cycle.work(longest)
        finish(context)


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


class Backlog(Struct):
    """What a first import adds to a cycle: lists of open orders that are still read, by the names
    of their stores, and who is told how far it is."""

    pages: dict[str, Pages] = field(default_factory=dict)
    read: Read = lambda _store: None
    progress: Progress = lambda _done, _total: None
    done: int = 0
    total: int = 0

    def tell(self) -> None:
        """Tell how many orders are done, and of how many."""
        self.progress(min(self.done, self.total), self.total)


class _Work(Struct):
    """A store that is worked: what it has to import, and what to carry."""

    queue: Queue
    fulfilment: Fulfilment
    carries: bool = True
    """Whether its deliveries and completions go on: not after the brake, say."""


class _Cycle:
    """A cycle in progress."""

    def __init__(
        self,
        context: Context,
        stores: Sequence[Store],
        options: Options,
        pool: ThreadPoolExecutor,
        *,
        backlog: Backlog,
        meanwhile: Callable[[], None],
    ) -> None:
        self._context = context
        self._stores = stores
        self._options = options
        self._pool = pool
        self._backlog = backlog
        self._meanwhile = meanwhile
        self._told_at = context.clock()
        self._katana = KatanaSide(context)
        self._katana_works = False
        self._polls: dict[Future[Polled], Store] = {}
        self._works: dict[str, _Work] = {}
        self._stock_at: dict[str, datetime] = {}
        self._read_at = self._begun = context.clock()
        self._is_late = False
        self._turn = 0
        self._is_woken = False

    def work(self, longest: timedelta | None) -> None:
        """Work slice by slice, and read both sides every two minutes."""
        self._take_up_wishes()  # what was asked of a run that has ended meanwhile is this one's
        self._read_both_sides()
        self._connect_again()
        is_left = bool(self._works)
        while is_left or self._polls:
            self._take_in(wait_for_one=not is_left)
            is_left = self._slice()
            now = self._context.clock()
            if longest is not None and now - self._begun >= longest and is_left:
                log.warning("The cycle has taken %s; what is left is the next one's", longest)
                return
            if self._is_to_stop(now):
                log.info("The cycle makes room for another command; the next one goes on")
                return
            if self._is_woken or (is_left and now - self._read_at >= READ_AGAIN):
                self._read_both_sides()
                is_left |= bool(self._works)

    def _is_to_stop(self, now: datetime) -> bool:
        """Take up what other commands wish, and do what is due in between; whether one of them is
        to have the lock."""
        wishes = self._take_up_wishes()
        self._is_woken = bool(wishes - {Wish.STOP})
        if now - self._told_at >= self._context.settings.schedule.orders:
            self._told_at = now
            finish(self._context)
            self._meanwhile()
        return Wish.STOP in wishes

    def _take_up_wishes(self) -> set[Wish]:
        wishes = set() if self._context.dry_run else take_wishes(self._context)
        if Wish.ACCEPT_COMPLETIONS in wishes:
            self._options = replace(self._options, accept_completions=True)
            for name, work in self._works.items():
                if not work.carries:  # the brake held it
                    work.carries = True
                    self._context.report.store(name).error = None
        if Wish.ACCEPT_STOCK in wishes:
            self._options = replace(self._options, accept_stock=True)
        if Wish.STOCK in wishes:
            self._options = replace(self._options, stock_now=True)
        if Wish.SWEEP in wishes:
            for store in self._stores:
                self._context.ledger.stores.sweep_again(store.identity)
                if store.settings.sync_stock:
                    self._context.ledger.stock.compare_again(store.identity)
        if wishes & {Wish.ACCEPT_STOCK, Wish.STOCK, Wish.SWEEP}:
            self._stock_at.clear()
        return wishes

    def _read_both_sides(self) -> None:
        """Ask the shops aside, each in its own time, and Katana."""
        self._read_at = self._context.clock()
        for store in self._stores:
            if self._context.is_connected(store) and store not in self._polls.values():
                self._polls[self._ask(store)] = store
        self._context.silent = {store.name for store in self._polls.values()}
        self._read_katana(self._stores)

    def _ask(self, store: Store) -> Future[Polled]:
        stores, name = self._context.ledger.stores, cursor_name(store)
        known = stores.get(store.identity)
        facts = known.facts if known else None
        now = self._context.clock()
        return self._pool.submit(poll, store, stores.cursor(name), facts, now, stores.ahead(name))

    def _take_in(self, *, wait_for_one: bool) -> None:
        """Take in what the shops have answered by now. Where nothing else is to be done, one is
        waited for, and those that answer at about the same time, so that their orders go together;
        one that is late holds up no other's stock."""
        if self._polls and wait_for_one:
            limit = None if self._is_late else LATE
            ended, _ = wait(self._polls, timeout=limit, return_when=FIRST_COMPLETED)
            self._is_late = not ended
            if ended:
                wait(self._polls, timeout=ABOUT_THE_SAME_TIME)
        for polled in [polled for polled in self._polls if polled.done()]:
            store = self._polls.pop(polled)
            self._context.silent.discard(store.name)
            with self._part_of(store):
                self._hear(store, polled.result())

    def _hear(self, store: Store, polled: Polled) -> None:
        apply_poll(self._context, store, polled)
        if self._katana_works:
            dp = self._context.facts(store).dp
            self._begin(store)
            if self._context.facts(store).dp != dp:
                # their amounts do not add up by the settings of now
                self._context.copies.pop(store.identity, None)
            self._join(store)

    def _join(self, store: Store) -> None:
        if store.name not in self._works:
            self._works[store.name] = _Work(Queue(store), Fulfilment(self._context, store))

    def _slice(self) -> bool:
        """Some of each kind of work; whether more of it is left."""
        if not self._katana_works:
            return False
        is_left = self._read_on()
        is_left |= self._import()
        for work in list(self._works.values()):
            is_left |= self._carry(work)
        self._sync_stock()
        return is_left

    def _sweeps(self, store: Store) -> bool:
        if store.name in self._backlog.pages:
            return False  # its list of open orders is being read
        match self._options.sweep:
            case SweepWhen.DUE:
                return sweep_due(self._context, store)
            case SweepWhen.NOW:
                return True
            case SweepWhen.NEVER:
                return False

    def _read_katana(self, stores: Sequence[Store]) -> None:
        """The list request that comes before any create; without it nothing is imported."""
        context = self._context
        with self._part_of_katana():
            check_account(context)
            sweeps = any(self._sweeps(store) for store in stores)
            read_katana(context, sweep=sweeps)
            if sweeps or is_open_orders_due(context):
                read_open_orders(context)
            read_shipments(context)  # last, so that what was seen delivered is among them
            self._katana_works = True
            if context.ledger.stores.meta(KATANA_ERROR):
                context.ledger.stores.set_meta(KATANA_ERROR, "")
            if sweeps:
                sweep_katana(context, self._katana.facts)

    def _katana_failed(self, error: ServiceError) -> None:
        self._katana_works = False
        self._context.report.katana_failed(error)
        stores = self._context.ledger.stores
        level = self._level(stores.meta(KATANA_ERROR) or "", str(error), "Katana")
        stores.set_meta(KATANA_ERROR, str(error))
        log.log(level, "%s", error)

    def _connect_again(self) -> None:
        """Stores that the ledger does not know: taken over where Katana holds their orders."""
        for store in [s for s in self._stores if not self._context.is_connected(s)]:
            with self._part_of(store):
                if self._katana_works:
                    self._connect(store)
                    self._begin(store)
                    self._join(store)

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

    def _begin(self, store: Store) -> None:
        """What comes before a store's orders are imported."""
        context = self._context
        adopt_waiting(context, store)
        look_for_gone(context, store)
        if self._sweeps(store):
            sweep(context, store)
        self._katana.facts.location(store)
        resolve_unknown(context, store)
        add_missing_shipping_fees(context, store)

    def _read_on(self) -> bool:
        """Read a page of each list of open orders that is still read; whether more may come. What
        is left of one that fails is the next sweep's."""
        pages = self._backlog.pages
        for name in [name for name in pages if name in self._works]:
            store, has_ended = self._works[name].queue.store, False
            with self._part_of(store):
                page = next(pages[name], None)
                if page is not None:
                    self._backlog.total += len(page)
                    self._backlog.tell()
                    continue
                has_ended = True
            del pages[name]
            if has_ended:
                if not self._context.report.store(name).lacks_orders:
                    self._context.ledger.stores.swept(store.identity, self._context.clock())
                self._backlog.read(store)
        return any(name in self._works for name in pages)

    def _import(self) -> bool:
        """Import some orders, of each store in turn; whether more may be left."""
        room, most = self._context.katana.room, min(SLICE, max(1, self._slice_of_quota // 2))
        if self._backlog.pages:
            if room < WORTH_IT:
                return True
            most = min(most, room // REQUESTS_OF_AN_ORDER)
        queues = deque(work.queue for work in self._works.values())
        queues.rotate(-self._turn)  # a long queue holds up no other store
        self._turn += 1
        tried, is_left = 0, False
        with self._part_of_katana():
            if not self._katana.is_in_trouble:
                tried, is_left = import_slice(self._context, self._katana, queues, most)
                if self._katana.is_in_trouble:
                    log.warning("Katana's answers are lost; the other orders wait")
        for queue in queues:
            if queue.error is not None:
                self._drop(queue.store, queue.error)
        self._backlog.done += tried
        if tried:
            self._backlog.tell()
        return is_left and self._katana_works and not self._katana.is_in_trouble

    @property
    def _slice_of_quota(self) -> int:
        """Requests to Katana that a slice of one kind of work may take."""
        return max(2, self._context.settings.katana.requests_per_minute // 2)

    def _drop(self, store: Store, error: Exception) -> None:
        """A store that cannot be worked holds up no other."""
        del self._works[store.name]
        self._backlog.pages.pop(store.name, None)
        with self._part_of(store):
            raise error

    def _carry(self, work: _Work) -> bool:
        """Carry some of a store's deliveries and completions, and write notes; whether more is
        left."""
        context, store, is_left = self._context, work.queue.store, False
        if not self._katana_works or not work.carries:
            return False
        work.carries = False  # unless it goes well
        with self._part_of(store):
            is_left = work.fulfilment.carry(
                accept_completions=self._options.accept_completions, most=self._slice_of_quota
            )
            is_left |= write_notes(context, store)
            if not context.dry_run:
                context.ledger.stores.succeeded(store.identity, context.clock())
            work.carries = True
        return is_left

    def _sync_stock(self) -> None:
        """Stock comes after orders, of all stores that have answered or the others are late: what
        they sold is subtracted by then. A store that cannot be worked is tried once."""
        if not (self._options.stock and self._katana_works):
            return
        now, interval = self._context.clock(), self._context.settings.schedule.stock
        is_late = self._is_late or now - self._read_at >= timedelta(seconds=LATE)
        if self._context.silent and not is_late:
            return
        due = [
            store
            for store in self._stores
            if store.name not in self._context.silent
            and self._context.is_connected(store)
            and (store.name not in self._stock_at or now - self._stock_at[store.name] >= interval)
        ]
        if not due:
            return
        self._stock_at.update(dict.fromkeys((store.name for store in due), now))
        with self._part_of_katana():
            sync_stock(
                self._context,
                due,
                self._katana.facts,
                accept_stock=self._options.accept_stock,
                now=self._options.stock_now,
            )

    @contextmanager
    def _part_of_katana(self) -> Iterator[None]:
        """What needs Katana. Where it cannot be worked this cycle does without it."""
        try:
            yield
        except ServiceError as error:
            self._katana_failed(error)

    @contextmanager
    def _part_of(self, store: Store) -> Iterator[None]:
        """A store's own part: what goes wrong in it holds up no other store."""
        with self._part_of_katana(), part_of_store(partial(self._store_failed, store)):
            yield

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
        is_news = once_a_day(context.ledger, f"error {what}", context.clock())
        return logging.ERROR if is_news or text != before else logging.DEBUG
