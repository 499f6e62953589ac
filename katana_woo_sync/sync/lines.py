"""Whole orders side by side, where one after the other would not use Katana's quota.

Each is imported in a thread of its own, and only one thread works at a time. What it waits for is
an answer; meanwhile another has its turn. So requests overlap, and nothing else does: the ledger,
the report and what was looked up belong to one order's import at a time.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager

MOST = 4
"""Two to four lines use all of Katana's 60 requests a minute up to answers of three seconds."""

Line = Callable[[], None]


class Lines:
    """Does lines of work, some of them side by side."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._shared = threading.Lock()
        self._thread = threading.local()
        self._pool: ThreadPoolExecutor | None = None

    def work(self, lines: Iterable[Line], at_once: Callable[[], int]) -> None:
        """Do each of them; `at_once` says how many may be in progress now. One after the other
        they need no thread. What one raises ends all: those in progress come to their end, and no
        other begins."""
        running: set[Future[None]] = set()
        try:
            for line in lines:
                while running and len(running) >= at_once():
                    running = _first_ended(running)
                if not running and at_once() <= 1:
                    line()
                else:
                    running.add(self._begin(line))
        finally:
            while running:
                running = _first_ended(running)

    def _begin(self, line: Line) -> Future[None]:
        if self._pool is None:
            self._pool = ThreadPoolExecutor(MOST, thread_name_prefix="line")
        return self._pool.submit(self._in_turn, line)

    def _in_turn(self, line: Line) -> None:
        self._take_turn()
        try:
            line()
        finally:
            self._give_turn()

    def _take_turn(self) -> None:
        self._turn.acquire()
        self._thread.has_turn = True

    def _give_turn(self) -> None:
        self._thread.has_turn = False
        self._turn.release()

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Others have their turn while this line waits: for an answer, or for what is shared."""
        if not getattr(self._thread, "has_turn", False):
            yield  # no other line is there
            return
        self._give_turn()
        try:
            yield
        finally:
            self._take_turn()

    @contextmanager
    def shared(self) -> Iterator[None]:
        """One line at a time, its requests included: what several orders need (a customer, a
        product) is looked up and created by one of them, and found by the others."""
        with self.waiting():
            self._shared.acquire()
        try:
            yield
        finally:
            self._shared.release()


def _first_ended(running: set[Future[None]]) -> set[Future[None]]:
    """Those that are still in progress after one has ended. Raises what that one raised."""
    ended, rest = wait(running, return_when=FIRST_COMPLETED)
    for line in ended:
        running.discard(line)
    for line in ended:
        line.result()
    return rest
