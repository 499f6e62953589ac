"""One Katana, two shops, the program between them, and what is remembered of what people did."""

from __future__ import annotations

import random
import re
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cached_property, lru_cache
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any
from unittest import mock

import requests
from urllib3.util import parse_url

from katana_woo_sync.cli import retry
from katana_woo_sync.cli.program import StopSignals, code_and_words
from katana_woo_sync.clients import http, together
from katana_woo_sync.clients.deadline import DeadlineAdapter
from katana_woo_sync.clients.throttle import Throttle
from katana_woo_sync.domain.order_record import RECHECK
from katana_woo_sync.domain.order_rules import TILL
from katana_woo_sync.domain.reasons import Reason
from katana_woo_sync.sandbox.server import SandboxServer
from katana_woo_sync.sandbox.woocommerce import Order
from katana_woo_sync.sync import cycle, lines, lock, wishes
from katana_woo_sync.sync.cycle import SweepWhen
from katana_woo_sync.sync.report import Report
from tests.config_samples import replaced
from tests.simulation.machine import Disk, Locks
from tests.simulation.network import Network
from tests.simulation.scheduler import Concurrency, Crash, Process, Scheduler
from tests.sync.world import Clock, World, new_ledger

STORES = ("eu", "us")
SLOT, WHEN = "_delivery_slot", "Friday morning"
"""Where a plugin keeps when a customer is at home, and what stands there."""

NAMED_RATE = "Export 24 %"
"""The tax rate that the options name, where they do."""

PACKING, SHIPPED = "packing", "shipped"
"""A plugin's statuses: for what is paid, and for what is completed."""

SINCE = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
"""Before which nothing is imported, where the options say so."""

UNEXPECTED = "Something unexpected"
ACCEPTING = {"accept_completions": True, "accept_stock": True}


class Broken(Exception):
    """A promise is broken; the text begins with its number."""


def hold(number: int, is_so: object, words: str) -> None:
    """A promise holds. Raises `Broken`."""
    if not is_so:
        raise Broken(f"P{number} {words}")


class Skew:
    """How far a clock is before the true time. It may be set otherwise, and run too quick or too
    slow."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._set(timedelta(0), 0.0)

    def _set(self, ahead: timedelta, rate: float) -> None:
        self._ahead, self._rate, self._since = ahead, rate, self._clock.now

    @property
    def ahead(self) -> timedelta:
        """By now."""
        return self._ahead + (self._clock.now - self._since) * self._rate

    def jump(self, by: timedelta) -> None:
        """The clock is set."""
        self._set(self.ahead + by, self._rate)

    def drift(self, rate: float) -> None:
        """From now on the clock gains so many seconds in a second."""
        self._set(self.ahead, rate)


class _Stop(StopSignals):
    """Waiting is virtual."""

    def __init__(self, scheduler: Scheduler) -> None:
        super().__init__()
        self._scheduler = scheduler

    def wait(self, seconds: float) -> None:
        self._scheduler.sleep(seconds)


class SimulatedWorld(World):
    """A world whose program takes its turns and its time from a scheduler."""

    attempts = 3

    def __init__(self, scheduler: Scheduler, directory: Path, stack: ExitStack) -> None:
        self._scheduler = scheduler
        self.ours = Skew(scheduler.clock)
        """This machine's clock."""
        super().__init__(directory, stack, clock=scheduler.clock, names=STORES)

    def program_clock(self) -> datetime:
        """The time as the program's machine has it."""
        return self.clock.now + self.ours.ahead

    def stop_signals(self) -> StopSignals:
        """What the program waits by."""
        return _Stop(self._scheduler)

    def sleep(self, seconds: float) -> None:
        """Virtual."""
        self._scheduler.sleep(seconds)

    def _throttle(self, per_minute: int) -> Throttle:
        return Throttle(
            per_minute,
            monotonic=self._scheduler.monotonic,
            sleep=self._scheduler.sleep,
            wall=lambda: self.program_clock().timestamp(),
        )


class Life:
    """The world of one history. Whatever counts in it follows from its dice."""

    def __init__(self, seed: int, directory: Path, stack: ExitStack) -> None:
        self.trace: list[tuple[datetime, str, str]] = []
        self.occurred: Counter[str] = Counter()
        self.scheduler = Scheduler(Clock(), Random(f"{seed} turns"))
        self.network = Network(self.scheduler, Random(f"{seed} ways"), self._tell_request)
        self.disk = Disk(self.scheduler, Random(f"{seed} disk"))
        random.seed(seed)  # tenacity's pauses
        new_ledger()  # on a real disk, once
        stack.callback(self.disk.close)
        stack.enter_context(self._installed())
        self.world = SimulatedWorld(self.scheduler, directory, stack)
        self.set_back = timedelta(0)
        """How far this machine's clock was set back in all."""
        self.skews = {store: Skew(self.world.clock) for store in STORES}
        """The shops' clocks."""
        self.world.katana.add_location("Second")
        for place in self.world.katana.locations():
            self.world.katana.set_stock(self.world.mug_variant, place.id, Decimal(60))
        for name, shop in self.world.shops.items():
            shop.set_clock(self._clock_of(name))
            shop.set_stock(self.world.mug[name], 50)
        self.keys = {name: shop.gate.consumer_key for name, shop in self.world.shops.items()}
        self.top = ""
        self.katana = ""
        """The options of Katana."""
        self.base = {"eu": "", "us": 'location = "Second"'}
        """The options of each store that hold when all is quiet."""
        self.places = {"eu": "Main location", "us": "Second"}
        """Where each store is in Katana."""
        self.own = dict.fromkeys(STORES, "")
        """What a person has added for a while."""
        self.connected = self.world.clock.now
        """When the first backfill had ended."""
        self.processing: dict[tuple[str, int], bool] = {}
        """Orders that ever were Processing, and whether a person has changed them since."""
        self.completed: Counter[tuple[str, int]] = Counter()
        """How often people completed an order."""
        self.reverted: set[int] = set()
        self.worked_on: set[int] = set()
        """Sales orders that the warehouse has worked on."""
        self.refunded: set[tuple[str, int]] = set()
        """Orders of whose goods some were refunded while they were open in Katana."""
        self.to_be_noted: set[tuple[str, int, Reason]] = set()
        """What people changed in orders that are in Katana, by the reason of its note."""
        self.has_forgotten = False
        """Whether the ledger was lost, or an older one was put back."""
        self.shops_set: set[str] = set()
        """Shops whose clock was set: the times of their orders tell nothing of their order."""
        self.seen: set[tuple[str, int]] = set()
        """Orders that the program has seen as Processing."""
        self.backups: list[dict[str, bytes]] = []
        self.has_others = False
        """Whether another program has imported an order of which a person must say what it is."""
        self.is_odd = False
        """Whether answers were untrue: then the program may believe them."""
        self.unannounced: set[tuple[str, int]] = set()
        """Orders of which a shop's list of changes has not told."""
        self.longest_lag = timedelta(0)
        """How long Katana's lists kept a new order back at most."""
        self.is_hasty = False
        """Whether a person said `retry`, or our clock was set ahead, while a service was still at
        it: see "What cannot be promised"."""
        self.deleted: set[int] = set()
        """Sales orders that the program has deleted."""
        self.told_late: set[int] = set()
        """Deliveries that a shop did not show yet when their order was completed there, though
        nothing had gone wrong."""
        self.ignored: set[tuple[str, int]] = set()
        """Orders that a person has left alone."""
        self.counted = {self.world.mug_variant}
        """Variants that people have counted in Katana, at each place."""
        self.look_at_report: Callable[[Process, Report], None] = lambda _process, _report: None
        """Called when a run has ended with a report."""
        self.is_alone = True
        """Whether nobody else sends requests with the key."""
        self.begun = self.world.clock.now
        """When the program was started last."""
        self.running = 0
        """How many processes of the program there are now."""
        self.broken = ""
        """The promise that was broken in the middle of a step, first of all."""
        self._wrote: Process | None = None
        self._overtaken: set[Process] = set()
        self.processes = 0
        self.looked_after = 0
        """How many processes had been when the ledger was looked at last."""

    def _clock_of(self, store: str) -> Callable[[], datetime]:
        return lambda: self.world.clock.now + self.skews[store].ahead

    @contextmanager
    def _installed(self) -> Iterator[None]:
        """Meanwhile time, turns, network, disk and locks are this history's."""
        at_once = Concurrency(self.scheduler)
        network, locks = self.network, Locks(self.scheduler)
        names = iter(("katana", *STORES))
        virtual = SimpleNamespace(monotonic=self.scheduler.monotonic, sleep=self.scheduler.sleep)
        with ExitStack() as stack:

            def put(place: Any, name: str, what: Any) -> None:
                stack.enter_context(mock.patch.object(place, name, what))

            put(SandboxServer, "start", lambda server: network.start(server, next(names)))
            put(SandboxServer, "stop", lambda _server: None)
            put(DeadlineAdapter, "send", _as_method(network.send))
            put(requests.Session, "send", _sent)
            put(requests.models, "get_cookie_header", lambda *_asked: None)
            put(requests.models, "parse_url", _parsed)
            put(requests.models, "requote_uri", lambda address: address)  # quoted as it was made
            for module in (cycle, lines, together):
                put(module, "ThreadPoolExecutor", at_once.executor)
            for module in (cycle, lines):
                put(module, "wait", at_once.wait)
            put(lines, "threading", at_once.threading)
            put(http, "time", virtual)
            put(wishes, "time", virtual)
            put(lock, "FileLock", locks.file_lock)
            # asked by each new process, which takes long
            put(requests.sessions, "get_environ_proxies", lambda *_asked, **_named: {})
            put(sqlite3, "connect", self.disk.connect)
            yield

    # What is told

    def tell(self, who: str, what: str) -> None:
        """Something happened."""
        self.trace.append((self.world.clock.now, who, what))

    def _tell_request(self, server: str, what: str) -> None:
        process = self.scheduler.process()
        self.tell(process.name if process else "the past", f"{server}: {what}")
        if process is not None and not what.startswith("GET"):
            self._writes(process)

    def _writes(self, process: Process) -> None:
        """A process writes to a service: from now on, those that have written before may not."""
        if process.name.startswith("sync --dry-run"):
            self.breaks("P17 a dry run writes")
        before = self._wrote
        if process in self._overtaken:
            others = before.name if before else ""
            self.breaks(f"P17 {process.name} and {others} write by turns")
        elif before is not None and before is not process:
            self._overtaken.add(before)
        self._wrote = process

    def happened(self, kind: str) -> None:
        """For the count of what occurred."""
        self.occurred[kind] += 1

    # Config

    def configure(self) -> None:
        """Write the config."""
        stores = {name: replaced(self.base[name], self.own[name]) for name in STORES}
        self.world.configure(top=self.top, katana=self.katana, stores=stores)

    # The program

    def process(self, name: str, crash_at: int = 0) -> Process:
        """A new process of the program."""
        self.processes += 1
        return Process(f"{name} {self.processes}", crash_at)

    def run(self, name: str, work: Callable[[], Any], crash_at: int = 0) -> Any:
        """Run the program, and wait for it; what it returns, None where it ended otherwise."""
        process = self.process(name, crash_at)
        self.begun = self.world.clock.now
        self.tell(process.name, "begins")
        return self.ended(process, lambda: self.scheduler.run(process, work))

    def ended(self, process: Process, work: Callable[[], Any]) -> Any:
        """Do this, which is the process; what it returns, None where it ended otherwise."""
        self.running += 1
        try:
            result = work()
        except Crash:
            self.tell(process.name, "is killed")
            self.happened("crash")
            return None
        except Broken:
            raise
        except Exception as error:
            code, words = code_and_words(error)
            self.tell(process.name, f"ends with {int(code)}: {words[:300]}")
            if words.startswith(UNEXPECTED):
                raise Broken(f"P12 the program has no word for it: {words}") from error
            return None
        finally:
            self.running -= 1
        if isinstance(result, Report):
            self._look_at(process, result)
        return result

    def _look_at(self, process: Process, report: Report) -> None:
        why = [f"{each.store} order {each.order_number} {each.reason}" for each in report.problems]
        why += [f"{name}: {part.error}" for name, part in report.stores.items() if part.error]
        why += [report.katana_error] if report.katana_error else []
        ended = f"ends with {int(report.exit_code)}"
        self.tell(process.name, f"{ended}: {'; '.join(why[:5])}" if why else ended)
        self.look_at_report(process, report)

    def sync(self, crash_at: int = 0, **options: Any) -> Report | None:
        """A cycle, in a process of its own."""
        result: Report | None = self.run(
            "sync", lambda: self.world.sync(minutes=0, **options), crash_at
        )
        return result

    def retry_all(self) -> None:
        """A person has everything tried again."""
        self.is_hasty |= self.network.late > 0
        program = self.world.program()
        with program.context() as context:
            for record in context.ledger.orders.find(identities=list(self.names), problems=True):
                if record.reason == Reason.COMPLETED_UNSEEN:  # imported because a person says so
                    self.processing.setdefault((self.names[record.identity], record.order_id), True)
            retry.prepare(program, None, None, context)

    def _is_connected(self) -> bool:
        with self.world.program().context() as context:
            return all(map(context.is_connected, context.stores.values()))

    def identity(self, store: str) -> str:
        """What a store is called in Katana."""
        given = re.search(r'katana_store_name = "(.*)"', self.base[store])
        return given[1] if given else self.world.shops[store].url.removeprefix("https://")

    def place(self, store: str) -> int:
        """The id of Katana's location where a store is."""
        places = self.world.katana.locations()
        return next(place.id for place in places if place.name == self.places[store])

    def skus_of(self, store: str, item_id: int) -> list[str]:
        """The SKUs whose stock an item of a shop keeps: those of its variations, else its own."""
        products = self.world.shops[store].state.products
        sharing = [each for each in products.values() if each.parent_id == item_id]
        return [each.sku for each in sharing or [products[item_id]]]

    def sku_in_katana(self, sku: str) -> str:
        """A SKU of a shop's as Katana has it, by the options."""
        return "CUP" if sku == "MUG" and "[sku_aliases]" in self.top else sku

    def imports(self, store: str, status: str) -> bool:
        """Whether the options have orders of a status imported."""
        return status in _named(self.base[store], "import_statuses", "processing")

    def completes_from(self, store: str, status: str) -> bool:
        """Whether the options have orders of a status completed."""
        return status in _named(self.base[store], "complete_from", "processing")

    def own_statuses(self, store: str) -> list[str]:
        """The statuses that the shop has of a plugin's."""
        return [status for status in (PACKING, SHIPPED) if f'"{status}"' in self.base[store]]

    def is_completed(self, store: str, status: str) -> bool:
        """Whether orders of a status count as completed in the shop."""
        return status in _named(self.base[store], "completed_statuses", "completed")

    def complete_to(self, store: str) -> str:
        """The status that an order gets in the shop once it is delivered."""
        return SHIPPED if f'complete_to = "{SHIPPED}"' in self.base[store] else "completed"

    def is_before_since(self, order: Order) -> bool:
        """Whether an order was placed too early to be imported."""
        return "since = " in self.top and order.created < SINCE

    def leaves_out(self, store: str, sku: str) -> bool:
        """Whether the options say that the stock of a SKU is left alone."""
        return sku == "MUG" and "stock_exclude" in self.base[store]

    @cached_property
    def names(self) -> dict[str, str]:
        """The stores, by what they are called in Katana."""
        return {self.identity(store): store for store in STORES}

    def breaks(self, words: str) -> None:
        """A promise is broken in the middle of a step, and told after it. The first one counts."""
        self.broken = self.broken or words

    # People

    def order(self, store: str, number: int) -> Order | None:
        """One of the shop's orders, if it has any."""
        orders = sorted(self.world.shops[store].state.orders)
        return (
            self.world.shops[store].state.orders[orders[number % len(orders)]] if orders else None
        )

    def edited(self, store: str, order_id: int) -> None:
        """A person has changed an order."""
        if (store, order_id) in self.processing:
            self.processing[store, order_id] = True

    def imports_completed(self, order: Order) -> bool:
        """Whether an order is imported that is completed before it was Processing."""
        if order.created_via == TILL and "pos = " in self.top:
            return 'pos = "import"' in self.top
        return 'completed_unseen = "import"' in self.top

    def shop_set(self, store: str) -> None:
        """A shop's clock was set. By it, what was completed before the shop was connected may be
        since, where it is connected again."""
        self.shops_set.add(store)
        for order in self.world.shops[store].state.orders.values():
            if self.is_completed(store, order.status):
                self.processing.setdefault((store, order.id), False)

    def forget(self) -> None:
        """The ledger is not what it was: what only it knew is gone."""
        self.seen.clear()
        self.ignored.clear()
        self.to_be_noted.clear()
        self.has_forgotten = True
        for place in self.processing:
            self.processing[place] = True  # what its total lacked is forgotten
            self.completed[place] += 1

    # Afterwards

    def end_troubles(self) -> None:
        """Whatever was wrong ends; the shops' clocks are set right."""
        world = self.world
        self.tell("-", "from here on nothing goes wrong")
        self.network.troubles.clear()
        self.network.quickest, self.network.slowest = 0.02, 0.3
        self.disk.full_for = self.disk.fails_in = 0
        world.katana.lag_lists(timedelta(0))
        for name, shop in world.shops.items():
            shop.gate.consumer_key = self.keys[name]
        self.world.ours.drift(0)
        for name, skew in self.skews.items():
            if skew.ahead:
                self.shop_set(name)
            skew.drift(0)
            skew.jump(-skew.ahead)
        self.own = dict.fromkeys(STORES, "")
        self.configure()

    def first_cycle(self, *, is_ordinary: bool, patience: bool) -> None:
        """A person has all tried again, or has the `patience` to wait until all is tried again by
        itself; then comes a cycle. After an ordinary day that one settles all that people did: what
        needs a person is looked at again within an hour."""
        if is_ordinary:
            self.scheduler.sleep(RECHECK.total_seconds())
            self.sync()
            return
        self.scheduler.sleep(12.5 * 3600 if patience else 5 * 60)
        if self.set_back > timedelta(0):
            self.tell("clock", f"the waits of before it was set back end, in {self.set_back}")
            self.scheduler.sleep(self.set_back.total_seconds())
        if not self._is_connected():  # as `sync` has said since
            self.run("backfill", self.world.backfill)
        if not patience:
            self.run("retry", self.retry_all)
        self.sync(**ACCEPTING)

    def last_cycle(self, *, is_ordinary: bool) -> None:
        """The cycle after which all is done. Where something has gone wrong, all open orders are
        compared in it; what it delivers shows later on some accounts."""
        if is_ordinary:
            self.sync()
            return
        self.sync(sweep=SweepWhen.NOW, **ACCEPTING)
        if self.world.katana._state.delivered_after:
            self.scheduler.sleep(5 * 60)
            self.sync()


@lru_cache(maxsize=256)
def _named(options: str, option: str, usual: str) -> frozenset[str]:
    """The statuses that an option names, else the usual one. It is asked at each commit, for each
    order."""
    given = re.search(rf"^{option} = \[(.*)\]", options, re.MULTILINE)
    return frozenset(re.findall(r'"(.*?)"', given[1]) if given else [usual])


def _sent(
    session: requests.Session, request: requests.PreparedRequest, **named: Any
) -> requests.Response:
    """As requests sends: the program wants neither cookies nor redirects, and looking for them
    takes longer than the answer."""
    return session.get_adapter(request.url or "").send(request, **named)


_parsed = lru_cache(maxsize=1000)(parse_url)
"""Most addresses are asked time and again."""


def _as_method(send: Callable[..., Any]) -> Callable[..., Any]:
    def sent(*arguments: Any, **named: Any) -> Any:
        return send(*arguments, **named)

    return sent
