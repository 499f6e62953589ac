"""`run`: the loop in the foreground."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from threading import Event, Lock, Thread
from time import monotonic

import click

from katana_woo_sync.cli.after_cycle import AfterCycle
from katana_woo_sync.cli.main import Globals
from katana_woo_sync.cli.program import Program, exits, start
from katana_woo_sync.cli.systemd import Systemd
from katana_woo_sync.clients.throttle import Cancelled
from katana_woo_sync.ledger import LedgerError
from katana_woo_sync.schedule import start_schedule
from katana_woo_sync.sync.context import OtherAccount, Stopped, log
from katana_woo_sync.sync.cycle import Options, SweepWhen, run_cycle
from katana_woo_sync.sync.lock import LockHeld, only_run
from katana_woo_sync.sync.report import ExitCode, Report

SWEEP_LOOK = timedelta(minutes=30)
"""How often `run` looks whether the sweep is due."""

STUCK = timedelta(minutes=30)
"""How long a cycle may send nothing until systemd's watchdog is let to end it: longer than any
answer, any pause that a service asks for, and any wait for the lock."""


@click.command("run")
@click.pass_obj
def command(options: Globals) -> None:
    """Work on a schedule until SIGTERM or Ctrl-C; the step in hand is finished, twice stops now."""
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
    """The scheduled jobs. Each opens the ledger for itself, since each has its own thread."""

    def __init__(self, program: Program, systemd: Systemd) -> None:
        self._program = program
        self._systemd = systemd
        self._pulse = Pulse(self._sent, program.settings.schedule.orders)
        self._after = AfterCycle()
        self._fatal: Exception | None = None

    def _sent(self) -> int:
        return self._program.katana.sent + sum(s.shop.sent for s in self._program.stores.values())

    def forever(self) -> None:
        """Run the schedule until a stop is asked for. Raises what no later cycle can mend."""
        schedule = self._program.settings.schedule
        logging.getLogger("apscheduler").setLevel(logging.ERROR)
        scheduler = start_schedule(
            {
                "orders": (self.orders, schedule.orders),
                # looked at more often than it is due: one that is not quite due yet would else be
                # put off for a whole interval
                "sweep": (self.sweep, min(schedule.sweep, SWEEP_LOOK)),
                **({"stock": (self.stock, schedule.stock)} if self._syncs_stock else {}),
            },
            now=self._program.clock(),
        )
        stock = f", stock every {schedule.stock}" if self._syncs_stock else ""
        log.info(
            "running: orders every %s, sweep every %s%s", schedule.orders, schedule.sweep, stock
        )
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

    def orders(self) -> None:
        """One ordinary cycle, of which a monitor is told."""
        notifier = self._program.notifier
        notifier.begin()
        report: Report | None = None
        try:
            report = self._cycle(Options(sweep=SweepWhen.NEVER, stock=False))
        finally:
            if report is not None:
                notifier.end(int(report.exit_code), report)
            elif self._fatal is not None:
                notifier.end(int(ExitCode.USAGE))
            elif not self._program.stop.soon.is_set():
                notifier.end(int(ExitCode.TRY_LATER))

    def sweep(self) -> None:
        """A cycle with the sweep, if none was made within its interval (a restart makes none)."""
        self._cycle(Options(sweep=SweepWhen.DUE, stock=False))

    def stock(self) -> None:
        """A cycle with stock: orders go before it."""
        self._cycle(Options(sweep=SweepWhen.NEVER))

    @property
    def _syncs_stock(self) -> bool:
        return any(store.sync_stock for store in self._program.settings.stores)

    def _cycle(self, options: Options) -> Report | None:
        """A cycle, and telling people what is new; None where it did not come to its end."""
        try:
            with self._pulse.cycle(), self._program.context() as context:
                run_cycle(context, self._program.chosen(None), options)
                if context.report.katana_error_code is ExitCode.USAGE:
                    log.error("Katana refuses the key; the loop goes on and tries again")
                self._after.done(context)
                self._program.notifier.tell(context)
                self._systemd.status(status_line(context.report))
                return context.report
        except (Stopped, Cancelled):
            pass
        except LockHeld as error:
            log.warning("%s", error)
        except LedgerError as error:
            log.error("%s", error)
            if not error.for_later:
                self._end(error)
        except OtherAccount as error:
            self._end(error)
        return None

    def _end(self, error: Exception) -> None:
        self._fatal = error
        self._program.stop.soon.set()


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
