"""The crash sweep: kill the program at every point where it touches the world, start it again, and
compare the end with that of an undisturbed run.

    python -m tests.faults.crash_sweep              # every point
    python -m tests.faults.crash_sweep --every 10   # every tenth
    python -m tests.faults.crash_sweep --twice      # and again at the same point of the next run
    python -m tests.faults.crash_sweep --lose-ledger    # and with the ledger gone after the crash
    python -m tests.faults.crash_sweep --account no-op  # where Katana delivers in another way
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache, partial
from multiprocessing import get_context
from pathlib import Path

from tests.faults.points import Told, in_a_child, quiet, say
from tests.faults.scenario import ACCOUNTS, Scenario, State

Break = Callable[[], None]
"""Breaks the program on purpose, to see that the sweep sees it."""


SERVICES = frozenset(
    {"sales orders", "customers", "products", "services", "variants", "tax rates", "stock"}
    | {"adjustments", "shipments", "shops", "quantities", "mails", "secrets told"}
)
"""The parts of the state that are not the ledger's."""


@dataclass(frozen=True)
class Outcome:
    """What became of a crash: the step and point, and how the end differs from the undisturbed
    one; empty where it does not."""

    step: int
    point: int
    differs: tuple[str, ...]


@contextmanager
def scenario(*, timeout: float = 5, account: str = "usual") -> Iterator[Scenario]:
    """A scenario in a directory of its own; the program waits so many seconds for an answer."""
    with tempfile.TemporaryDirectory() as directory, ExitStack() as stack:
        yield Scenario(Path(directory), stack, timeout=timeout, account=account)


@cache
def undisturbed(account: str = "usual") -> tuple[list[Told], State]:
    """What each step told, and the end state; run once."""
    told = []
    with scenario(account=account) as there:
        for number, step in enumerate(there.steps()):
            there.before(number)
            told.append(in_a_child(step, 0))
        there.finish()
        return told, there.wanted()


def crash(
    step: int,
    point: int,
    wanted: State,
    *,
    twice: bool = False,
    lose_ledger: bool = False,
    account: str = "usual",
) -> Outcome:
    """Run the scenario with a crash at this point of this step, and see how it ends.

    Where the ledger is lost too, it is rebuilt from what Katana holds; then both services must end
    as undisturbed (a new ledger cannot know how an order came to be where it is)."""
    with scenario(account=account) as there:
        for number, work in enumerate(there.steps()):
            there.before(number)
            killed = in_a_child(work, point if number == step else 0).killed
            if killed and twice:
                killed = in_a_child(work, point).killed
            if killed and lose_ledger:
                there.lose_ledger()
            if killed:
                in_a_child(work, 0)
                there.finish()  # what the next step needs must be there
            if killed and lose_ledger:
                there.retry_all()
                there.finish()
        there.finish()
        parts = {k: v for k, v in wanted.items() if k in SERVICES or not lose_ledger}
        return Outcome(step, point, tuple(differences(parts, there.state())))


def differences(wanted: State, found: State) -> Iterator[str]:
    """What differs, in words."""
    for name, value in wanted.items():
        if found[name] != value:
            yield f"{name}:\n    wanted {value}\n    found  {found[name]}"


def sweep(
    *,
    every: int = 1,
    twice: bool = False,
    lose_ledger: bool = False,
    jobs: int = 1,
    first: int = 1,
    account: str = "usual",
) -> tuple[int, list[Outcome]]:
    """Crash at every so many-th point; returns how many were tried, and the outcomes that are
    wrong."""
    steps, wanted = undisturbed(account)
    places = [(step, p) for step, told in enumerate(steps) for p in range(1, told.passed + 1)]
    chosen = places[first - 1 :: every]
    work = partial(_at, wanted=wanted, twice=twice, lose_ledger=lose_ledger, account=account)
    if jobs == 1:
        outcomes = [work(place) for place in chosen]
    else:
        # each job begins as a new process: the servers' threads must not be forked half-way
        with ProcessPoolExecutor(jobs, get_context("spawn"), initializer=quiet) as pool:
            outcomes = list(pool.map(work, chosen))
    return len(chosen), [outcome for outcome in outcomes if outcome.differs]


def _at(
    place: tuple[int, int], wanted: State, *, twice: bool, lose_ledger: bool, account: str
) -> Outcome:
    return crash(*place, wanted, twice=twice, lose_ledger=lose_ledger, account=account)


def main() -> int:
    """Run the sweep; returns the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n", maxsplit=1)[0])
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--twice", action="store_true")
    parser.add_argument("--lose-ledger", action="store_true")
    parser.add_argument("--account", choices=ACCOUNTS, default="usual")
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    tried, wrong = sweep(
        every=options.every,
        twice=options.twice,
        lose_ledger=options.lose_ledger,
        jobs=options.jobs,
        account=options.account,
    )
    for outcome in wrong:
        say(f"step {outcome.step}, point {outcome.point}: " + "\n  ".join(outcome.differs))
    say(f"{tried} points tried, {len(wrong)} of them ended otherwise than undisturbed")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
