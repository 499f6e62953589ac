"""`run`: the loop in the foreground."""

from __future__ import annotations

import logging
from datetime import timedelta

import click

from katana_woo_sync.cli.after_cycle import AfterCycle
from katana_woo_sync.cli.main import Globals
from katana_woo_sync.cli.setup import Program, exits, say_once_what_is_not_acted_on, start
from katana_woo_sync.clients.throttle import Cancelled
from katana_woo_sync.ledger import LedgerError
from katana_woo_sync.schedule import start_schedule
from katana_woo_sync.sync.context import OtherAccount, Stopped, log
from katana_woo_sync.sync.cycle import Options, SweepWhen, run_cycle
from katana_woo_sync.sync.locking import LockHeld, only_run

SWEEP_LOOK = timedelta(minutes=30)
"""How often `run` looks whether the sweep is due."""


@click.command("run")
@click.pass_obj
def command(options: Globals) -> None:
    """Work on a schedule until SIGTERM or Ctrl-C; the step in hand is finished, twice stops now."""
    program = start(options)
    with exits(), only_run(program.settings.ledger):
        with program.context() as context:
            say_once_what_is_not_acted_on(context)
        Loop(program).forever()


class Loop:
    """The scheduled jobs. Each opens the ledger for itself, since each has its own thread."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._after = AfterCycle()
        self._fatal: Exception | None = None

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
            },
            now=self._program.clock(),
        )
        log.info("running: orders every %s, sweep every %s", schedule.orders, schedule.sweep)
        self._program.stop.soon.wait()
        scheduler.shutdown(wait=True)
        if self._fatal is not None:
            raise self._fatal
        log.info("stopped")

    def orders(self) -> None:
        """One ordinary cycle."""
        self._cycle(Options(sweep=SweepWhen.NEVER))

    def sweep(self) -> None:
        """A cycle with the sweep, if none was made within its interval (a restart makes none)."""
        self._cycle(Options(sweep=SweepWhen.DUE))

    def _cycle(self, options: Options) -> None:
        try:
            with self._program.context() as context:
                run_cycle(context, list(self._program.stores.values()), options)
                if context.report.katana_refused:
                    log.error("Katana refuses the key; the loop goes on and tries again")
                self._after.done(context)
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

    def _end(self, error: Exception) -> None:
        self._fatal = error
        self._program.stop.soon.set()
