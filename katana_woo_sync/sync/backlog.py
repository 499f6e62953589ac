"""Importing a backlog: all that is open in the stores, chunk by chunk, while it is still read."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from types import MappingProxyType

from katana_woo_sync.sync.adoption import adopt_waiting
from katana_woo_sync.sync.context import Context, Store, log
from katana_woo_sync.sync.creating import ask_at
from katana_woo_sync.sync.cycle import Options, declined, run_cycle
from katana_woo_sync.sync.guard import store_part
from katana_woo_sync.sync.import_queue import CHUNK, Queue, import_chunk
from katana_woo_sync.sync.katana_side import hear_katana
from katana_woo_sync.sync.resolve import Resolver
from katana_woo_sync.sync.takeover import connect

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


def guarded_store(context: Context, store: Store, work: Callable[[], None]) -> bool:
    """Do one store's part, and tell whether that went well; what goes wrong holds up no other."""
    failed: list[Exception] = []
    with store_part(failed.append):
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
) -> None:
    """Import every open order, with ordinary cycles in between.

    Lists that are not read to their end yet, by the names of their stores, are read meanwhile. What
    became of a create whose answer was lost is waited for. Raises what ends the whole run.
    """
    for store in stores:
        connect(context, store)
        context.ledger.stores.set_meta(declined(store), "")
    _hear_again(context, stores)
    _Backlog(context, stores, options, progress, reading).work(read)
    run_cycle(context, stores, options)
    if _wait_for_unknown(context):
        run_cycle(context, stores, options)


class _Backlog:
    """The import in progress."""

    def __init__(
        self,
        context: Context,
        stores: Sequence[Store],
        options: Options,
        progress: Progress,
        reading: Mapping[str, Pages],
    ) -> None:
        self._context = context
        self._stores = stores
        self._queues = deque(Queue(store) for store in stores)
        self._options = options
        self._progress = progress
        self._pages = dict(reading)
        self._resolver = Resolver(context)
        self._last_cycle = context.clock()
        self._done = 0
        self._total = sum(context.ledger.orders.backlog(s.identity).count for s in stores)
        self._tell()

    def work(self, read: Read) -> None:
        """Import until nothing is left."""
        while self._turn(read):
            self._queues.rotate(-1)
            if not self._pages:
                self._cycle_if_due()

    def _turn(self, read: Read) -> bool:
        """Read a page of each list that is still read, and import some orders; whether more may be
        left."""
        for queue in self._queues:
            if queue.store.name in self._pages:
                with queue.own():
                    if not self._read_on(queue.store):
                        read(queue.store)
        imported = self._import_some()
        for queue in list(self._queues):
            if queue.error is not None:
                self._drop(queue, queue.error)
        return imported or bool(self._pages)

    def _drop(self, queue: Queue, error: Exception) -> None:
        """A store that cannot be worked holds up no other."""
        store_failed(self._context, queue.store, error)
        self._queues.remove(queue)
        self._pages.pop(queue.store.name, None)

    def _read_on(self, store: Store) -> bool:
        """Read a page; whether there was one."""
        page = next(self._pages[store.name], None)
        if page is None:
            del self._pages[store.name]
            if not self._context.report.store(store.name).lacks_orders:
                self._context.ledger.stores.swept(store.identity, self._context.clock())
            return False
        self._total += len(page)
        self._tell()
        return True

    def _import_some(self) -> bool:
        """Import some orders; whether more may be left."""
        if self._resolver.answers.are_lost:
            return False  # the cycles between, and the waits, take the orders up again
        most = CHUNK
        if self._pages:
            room = self._context.katana.room
            if room < WORTH_IT:
                return True
            most = min(CHUNK, room // REQUESTS_OF_AN_ORDER)
        tried = import_chunk(self._context, self._resolver, self._queues, most)
        self._done += tried
        self._tell()
        return tried > 0

    def _tell(self) -> None:
        self._progress(min(self._done, self._total), self._total)

    def _cycle_if_due(self) -> None:
        context = self._context
        if context.clock() - self._last_cycle >= context.settings.schedule.orders:
            run_cycle(context, self._stores, self._options)
            self._last_cycle = context.clock()
            self._resolver = Resolver(context)  # customers made meanwhile are listed anew


def _hear_again(context: Context, stores: Sequence[Store]) -> None:
    """The list request before any create: another program may have imported orders while a person
    looked at the question."""
    hear_katana(context)
    for store in stores:
        guarded_store(context, store, partial(adopt_waiting, context, store))


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
