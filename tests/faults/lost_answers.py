"""The sweep of lost answers: every request's answer is lost in each way in which networks and
servers lose them, and the end is compared with that of an undisturbed run.

    python -m tests.faults.lost_answers              # every request, every way
    python -m tests.faults.lost_answers --every 5    # every fifth request
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache, partial
from multiprocessing import get_context

from katana_woo_sync.sandbox.server import Fault, FaultKind, SandboxServer
from tests.faults.crash_sweep import differences, scenario
from tests.faults.points import quiet, say
from tests.faults.scenario import Scenario, State

TIMEOUT = 1
"""Seconds that the program waits where an answer comes too late."""

TOO_LATE = 1.3
"""Seconds after which a server that is too slow acts or answers."""

PAGE = "<html><head><title>Bad Gateway</title></head><body>Sorry.</body></html>"


def ways() -> dict[str, Fault]:
    """Each way in which one answer is lost."""
    html = "text/html; charset=UTF-8"
    return {
        "closed before it acted": Fault(FaultKind.DROP_BEFORE),
        "closed after it acted": Fault(FaultKind.DROP_AFTER),
        "500 before": Fault(FaultKind.STATUS, status=500),
        "500 after": Fault(FaultKind.STATUS_AFTER, status=500),
        "502 with a page": Fault(FaultKind.STATUS, status=502, body=PAGE, content_type=html),
        "504 with a page, after": Fault(
            FaultKind.STATUS_AFTER, status=504, body=PAGE, content_type=html
        ),
        "429": Fault(FaultKind.STATUS, status=429, headers={"Retry-After": "1"}),
        "cut off": Fault(FaultKind.TRUNCATE),
        "empty": Fault(FaultKind.EMPTY),
        "a page with 200": Fault(FaultKind.HTML),
        "time-out, never acted": Fault(FaultKind.SILENT, seconds=TOO_LATE),
        "time-out after it acted": Fault(FaultKind.DELAY_AFTER, seconds=TOO_LATE),
        "time-out, acted later": Fault(FaultKind.DELAY, seconds=TOO_LATE),
    }


@dataclass(frozen=True)
class Loss:
    """An answer to lose: of which server, at which of its requests in which step, and how."""

    step: int
    server: str
    request: int
    way: str


def server_of(there: Scenario, name: str) -> SandboxServer:
    """One of the two servers."""
    return there.world.katana.server if name == "katana" else there.world.shop.server


@cache
def undisturbed() -> tuple[list[Loss], State]:
    """Every answer that there is to lose, in every way, and the end state; run once."""
    losses = []
    with scenario() as there:
        for number, step in enumerate(there.steps()):
            there.before(number)
            there.world.reset_counts()
            step()
            losses += [
                Loss(number, name, request, way)
                for name in ("katana", "shop")
                for request in range(len(server_of(there, name).requests))
                for way in ways()
            ]
        there.finish()
        return losses, there.wanted()


def lose(loss: Loss, wanted: State) -> tuple[Loss, tuple[str, ...]]:
    """Run the scenario with this answer lost; how the end differs from the undisturbed one."""
    fault = ways()[loss.way]
    with scenario(timeout=TIMEOUT if fault.seconds else 5) as there:
        # minutes pass only once a slow server has finished: that is what is waited for
        there.world.clock.before_moving = lambda: _finished(server_of(there, loss.server))
        for number, step in enumerate(there.steps()):
            there.before(number)
            if number == loss.step:
                fault.skip = loss.request
                server_of(there, loss.server).add_fault(fault)
            _attempt(there, number, step)
            if number == loss.step:
                there.finish()  # what the next step needs must be there
        there.finish()
        return loss, tuple(differences(wanted, there.state()))


def _finished(server: SandboxServer) -> None:
    """Wait until the server is done with all that it was asked."""
    while server.in_hand:
        time.sleep(0.01)


def _attempt(there: Scenario, number: int, step: object) -> None:
    """A person runs the backfill, or its import of stock, again where it failed as a whole."""
    assert callable(step)
    for _ in range(3):
        try:
            step()
        except Exception as error:
            if number > 1:
                raise
            there.world.clock.tick(minutes=5)
            last = error
        else:
            connected = there.world.find(there.orders[0]) is not None
            if number or connected:
                return
    raise last


def sweep(
    *, every: int = 1, jobs: int = 1, first: int = 1, only: str = ""
) -> tuple[int, list[str]]:
    """Lose every so many-th answer, `only` in the ways that have this in their name; returns how
    many were lost, and what ended otherwise."""
    losses, wanted = undisturbed()
    losses = [loss for loss in losses if only in loss.way]
    chosen = losses[first - 1 :: every]
    work = partial(lose, wanted=wanted)
    if jobs == 1:
        outcomes = [work(loss) for loss in chosen]
    else:
        with ProcessPoolExecutor(jobs, get_context("spawn"), initializer=quiet) as pool:
            outcomes = list(pool.map(work, chosen))
    return len(chosen), list(_words(outcomes))


def _words(outcomes: list[tuple[Loss, tuple[str, ...]]]) -> Iterator[str]:
    for loss, differs in outcomes:
        if differs:
            yield f"{loss}: " + "\n  ".join(differs)


def main() -> int:
    """Run the sweep; returns the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n", maxsplit=1)[0])
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--only", default="", help="only the ways that have this in their name")
    options = parser.parse_args()
    lost, wrong = sweep(every=options.every, jobs=options.jobs, only=options.only)
    for words in wrong:
        say(words)
    say(f"{lost} answers lost, {len(wrong)} of the runs ended otherwise than undisturbed")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
