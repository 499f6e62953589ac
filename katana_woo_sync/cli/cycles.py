"""A cycle with all that belongs to it: the lock, the monitor's pings, the run in the ledger, what
people are told, the status page. `sync`, `retry` and each turn of `run` are this.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from functools import partial

from katana_woo_sync.cli.program import Program, code_and_words
from katana_woo_sync.clients.katana_http import KATANA
from katana_woo_sync.clients.throttle import Cancelled
from katana_woo_sync.ledger.statistics import REQUESTS, STOCK_PUSHES, Tally
from katana_woo_sync.sync.context import Context, Stopped, Store, log, once_a_day
from katana_woo_sync.sync.cycle import Options, run_cycle
from katana_woo_sync.sync.lock import LockHeld
from katana_woo_sync.sync.notify import Notifier
from katana_woo_sync.sync.report import Report

ENDING = 2.0
"""Seconds that a person's command waits for a run at work: one that takes up no more wishes, since
it comes to its end, has ended by then."""


class Cycles:
    """The cycles of one process."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._after = AfterCycle()

    def work(
        self,
        stores: Sequence[Store],
        options: Options,
        *,
        command: str = "sync",
        first: Callable[[Context], None] | None = None,
        patience: float = 0.0,
    ) -> Report:
        """Run one cycle, after `first`; returns what it did. Raises `LockHeld` where another run is
        at work for so many seconds, of which the monitor is not told, and what else ends a run."""
        notifier = self._program.notifier
        with (
            _monitored(notifier) as begin,
            self._program.context() as context,
            context.only_run(patience=patience),
        ):
            begin()
            run = context.ledger.journal.begin_run(command, context.clock())
            if first is not None:
                first(context)
            run_cycle(
                context, stores, options, meanwhile=partial(self._meanwhile, context, notifier)
            )
            report = context.report
            code = int(report.exit_code)
            context.ledger.journal.end_run(run, context.clock(), code, "")
            self._after.done(context)
            notifier.tell(context)
        notifier.end(code, report)
        return report

    def _meanwhile(self, context: Context, notifier: Notifier) -> None:
        """A cycle that goes on for long is none that has stopped: the page and the monitor."""
        self._after.refresh(context)
        notifier.end(int(context.report.exit_code), context.report)
        notifier.begin()


@contextmanager
def _monitored(notifier: Notifier) -> Iterator[Callable[[], None]]:
    """What tells a monitor that a cycle begins. It is told of one that ends before its end too:
    not of one that was stopped, or that another run's lock kept from beginning."""
    begun = list[bool]()

    def begin() -> None:
        if not begun:
            begun.append(True)
            notifier.begin()

    try:
        yield begin
    except (Stopped, Cancelled, LockHeld):
        raise
    except Exception as error:
        begin()
        notifier.end(int(code_and_words(error)[0]))
        raise


class AfterCycle:
    """What follows the cycles of one process: requests are counted, the history is thinned, the
    page is written. None of it is what the program is for, so none of it makes a cycle fail."""

    def __init__(self) -> None:
        self._requests = dict[str, int]()
        self._pushes = dict[str, int]()
        self._report: Report | None = None

    def done(self, context: Context) -> None:
        """Follow a cycle that has ended. What fails is only warned of."""
        if context.dry_run:
            return
        _try("The ledger's history could not be thinned", _thin, context)
        self.refresh(context)

    def refresh(self, context: Context) -> None:
        """Count, and write the status page and the metrics, also while a long cycle goes on."""
        if not context.dry_run:
            for what, work in (
                ("The cycle could not be counted", self._count),
                ("The metrics could not be written", _write_metrics),
            ):
                _try(what, work, context)
            refresh_page(context)

    def _count(self, context: Context) -> None:
        """Add what was done since it was counted last."""
        now, statistics = context.clock(), context.ledger.statistics
        sent = {KATANA: context.katana.sent}
        sent |= {store.identity: store.shop.sent for store in context.stores.values()}
        # clients count on from cycle to cycle, reports do not
        if context.report is not self._report:
            self._pushes, self._report = {}, context.report
        requests = _since(self._requests, sent)
        pushes = _since(
            self._pushes,
            {
                context.stores[name].identity: store.stock_updated
                for name, store in context.report.stores.items()
            },
        )
        with context.ledger.atomic():
            if requests[KATANA]:
                statistics.count(Tally.KATANA_REQUESTS, "", now, requests[KATANA])
            for identity, count in pushes.items():
                if count:
                    statistics.count(Tally.STOCK_UPDATED, identity, now, count)
            if context.settings.report.metrics is not None:
                statistics.add_to_totals(REQUESTS, requests)
                statistics.add_to_totals(STOCK_PUSHES, pushes)


def _since(counted: dict[str, int], now: Mapping[str, int]) -> dict[str, int]:
    """What was added to each number since it was counted last; it is counted with this."""
    added = {name: number - counted.get(name, 0) for name, number in now.items()}
    counted.update(now)
    return added


def _try(what: str, work: Callable[[Context], None], context: Context) -> None:
    try:
        work(context)
    except Exception as error:  # noqa: BLE001 (the cycle's work is done, whatever this is)
        log.warning("%s: %s", what, error)


def _thin(context: Context) -> None:
    days = context.settings.report.history_days
    if days and once_a_day(context.ledger, "thinned", context.clock()):
        gone = context.ledger.statistics.thin(context.clock() - timedelta(days=days))
        log.info("thinned the history: %d lines older than %d days", gone, days)


def _write_metrics(context: Context) -> None:
    path = context.settings.report.metrics
    if path is not None:
        # imported late: without metrics a cycle need not load what writes them
        from katana_woo_sync.cli import metrics

        metrics.write(metrics.gather(context), path)


def refresh_page(context: Context) -> None:
    """Write the status page, if there is to be one. What fails is only warned of."""
    if not context.dry_run:
        _try("The status page could not be written", _write_page, context)


def _write_page(context: Context) -> None:
    path = context.settings.report.path
    if path is not None:
        # imported late: without a page a cycle need not load the templates
        from katana_woo_sync.cli.page import NotWritten, gather, write

        try:
            write(gather(context.settings, context.ledger, context.clock()), path)
        except NotWritten as error:
            log.warning("%s", error)
