"""`run`: the loop in the foreground."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from threading import Event, Lock, Thread
from time import monotonic

import click

from katana_woo_sync.cli.cycles import Cycles
from katana_woo_sync.cli.main import Globals
from katana_woo_sync.cli.program import Program, exits, start
from katana_woo_sync.cli.systemd import Systemd
from katana_woo_sync.clients.throttle import Cancelled
from katana_woo_sync.config import Settings
from katana_woo_sync.ledger import LedgerError
from katana_woo_sync.schedule import start_schedule
from katana_woo_sync.sync.context import OtherAccount, Stopped, log
from katana_woo_sync.sync.cycle import Options
from katana_woo_sync.sync.lock import LockHeld, only_run
from katana_woo_sync.sync.report import ExitCode, Report

STUCK = timedelta(minutes=30)
"""How long a cycle may send nothing until systemd's watchdog is let to end it: longer than any
answer, any pause that a service asks for, and any wait for the lock."""


@click.command("run")
@click.pass_obj
def command(options: Globals) -> None:
    """Do the same as sync every few minutes ([schedule] in the config), until it is stopped.

    Ctrl-C or SIGTERM: the order in hand is finished first. A second time: it stops at once, and
    nothing is lost.
    """
    program = start(options)
    with exits(), only_run(program.settings.ledger):
        with program.context():
            pass  # a ledger that cannot be used ends the program here, not in its loop
        Loop(program, Systemd()).forever()


class Pulse:
    """Whether the loop still gets on: cycles begin, and one in progress sends a request now and
    then. `sent` counts requests, `interval` is how often a cycle begins."""

    def __init__(
        self, sent: Callable[[], int], interval: timedelta, now: Callable[[], float] = monotonic
    ) -> None:
        self._sent = sent
        self._idle = (3 * interval + STUCK).total_seconds()
        self._now = now
        self._cycles = 0
        self._seen = (sent(), now())
        self._lock = Lock()

    @contextmanager
    def cycle(self) -> Iterator[None]:
        """A cycle in progress."""
        self._count(+1)
        try:
            yield
        finally:
            self._count(-1)

    def _count(self, change: int) -> None:
        with self._lock:
            self._cycles += change
            self._seen = (self._sent(), self._now())

    def beats(self) -> bool:
        """False where a cycle has sent nothing for `STUCK`, or none has begun for far too long."""
        with self._lock:
            if self._sent() != self._seen[0]:
                self._seen = (self._sent(), self._now())
            limit = STUCK.total_seconds() if self._cycles else self._idle
            return self._now() - self._seen[1] < limit


class Loop:
    """The scheduled job. Each cycle opens the ledger for itself: it may have another thread."""

    def __init__(self, program: Program, systemd: Systemd) -> None:
        self._program = program
        self._systemd = systemd
        self._pulse = Pulse(self._sent, interval(program.settings))
        self._cycles = Cycles(program)
        self._fatal: Exception | None = None

    def _sent(self) -> int:
        return self._program.katana.sent + sum(s.shop.sent for s in self._program.stores.values())

    def forever(self) -> None:
        """Run the schedule until a stop is asked for. Raises what no later cycle can mend."""
        logging.getLogger("apscheduler").setLevel(logging.ERROR)
        every = interval(self._program.settings)
        scheduler = start_schedule(self.cycle, every, now=self._program.clock())
        log.info("running: a cycle every %s", every)
        with self._watched():
            self._systemd.ready()
            self._program.stop.soon.wait()
            self._systemd.stopping()
            scheduler.shutdown(wait=True)
        if self._fatal is not None:
            raise self._fatal
        log.info("stopped")

    @contextmanager
    def _watched(self) -> Iterator[None]:
        """Systemd's watchdog hears that the loop is alive, if it is; also while it stops."""
        limit, ended = self._systemd.watchdog_seconds, Event()

        def tell() -> None:
            while not ended.wait(limit / 3 if limit else None):
                if self._pulse.beats():
                    self._systemd.alive()

        Thread(target=tell, name="watchdog", daemon=True).start()
        try:
            yield
        finally:
            ended.set()

    def cycle(self) -> None:
        """What cron's `sync` does, with what ends it in the log; the loop goes on."""
        try:
            with self._pulse.cycle():
                report = self._cycles.work(self._program.chosen(None), Options())
        except (Stopped, Cancelled):
            pass
        except LockHeld as error:
            log.log(logging.WARNING if error.is_stuck else logging.INFO, "%s", error)
        except OtherAccount as error:
            self._end(error)
        except LedgerError as error:
            log.error("%s", error)
            if not error.for_later:
                self._end(error)
        else:
            if report.katana_error_code is ExitCode.USAGE:
                log.error("Katana refuses the key; the loop goes on and tries again")
            self._systemd.status(status_line(report))

    def _end(self, error: Exception) -> None:
        self._fatal = error
        self._program.stop.soon.set()


def interval(settings: Settings) -> timedelta:
    """How often `run` works: each time it does what is due. Stock may be due more often than orders
    are to be read."""
    schedule = settings.schedule
    syncs_stock = any(store.sync_stock for store in settings.stores)
    return min(schedule.orders, schedule.stock) if syncs_stock else schedule.orders


def status_line(report: Report) -> str:
    """The line that `systemctl status` shows after a cycle; the time is the machine's own."""
    at = report.finished_at or report.started_at
    parts = []
    if report.katana_error:
        parts.append("Katana could not be worked")
    failing = [name for name, part in report.stores.items() if part.error]
    if failing:
        parts.append(f"could not be worked: {', '.join(failing)}")
    if report.problems:
        count = len(report.problems)
        parts.append("1 order with a problem" if count == 1 else f"{count} orders with problems")
    return f"Last cycle {at.astimezone():%Y-%m-%d %H:%M}: {'; '.join(parts) or 'all well'}"
