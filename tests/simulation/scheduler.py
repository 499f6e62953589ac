"""Virtual time, and whose turn it is: everything that goes on at once, one piece at a time.

Each piece of work is a greenlet. It gives up its turn where the real one would wait: for an
answer, a lock, another piece, or some seconds. Then the dice choose among those that could go on;
where none could, time moves on to the next that wakes. So a history is the same for the same dice.
"""

from __future__ import annotations

import heapq
import math
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from concurrent.futures import ALL_COMPLETED, FIRST_COMPLETED
from datetime import timedelta
from itertools import count
from random import Random
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, NamedTuple
from weakref import WeakKeyDictionary

from greenlet import getcurrent, greenlet

if TYPE_CHECKING:
    from tests.sync.world import Clock


class Crash(BaseException):
    """The process is killed: nothing that it still does has any effect."""


A_MICROSECOND = 1e-6
"""As exactly as a clock goes."""


class Stuck(Exception):
    """Nobody can go on."""


class Heard(NamedTuple):
    """A request and its good answer. `sent` is its body, None where it had none."""

    server: str
    method: str
    path: str
    sent: Any


class Process:
    """A process of the program. `crash_at` counts down the points where it touches the world; at
    the last of them it dies."""

    def __init__(self, name: str, crash_at: int = 0) -> None:
        self.name = name
        self.is_dead = False
        self.pieces: list[Future] = []
        self.asked: Counter[str] = Counter()
        """How many requests it has sent to each server."""
        self.did: list[Heard] = []
        """What it was answered as it should be."""
        self._crash_at = crash_at

    def point(self) -> None:
        """The process touches the world. Raises `Crash` where it ends here, or has ended."""
        if self._crash_at and not self.is_dead:
            self._crash_at -= 1
            self.is_dead = self._crash_at == 0
        if self.is_dead:
            raise Crash


class _Piece(greenlet):
    """A piece of work, and whose it is; nobody's where it is people's or a service's."""

    owner: Process | None = None


class Scheduler:
    """Turns and virtual time."""

    def __init__(self, clock: Clock, dice: Random) -> None:
        self.clock = clock
        self._begun = clock.now - timedelta(days=1)
        self.dice = dice
        self._ready: list[greenlet] = []
        self._asleep: list[tuple[float, int, greenlet]] = []
        self._waiting: list[tuple[Callable[[], bool], float, greenlet]] = []
        self._order = count()
        self._pieces: list[_Piece] = []
        self._main = getcurrent()
        self._is_over = False

    def monotonic(self) -> float:
        """Seconds of virtual time."""
        return (self.clock.now - self._begun).total_seconds()

    def process(self) -> Process | None:
        """Whose work is in turn; None for people and services."""
        return getattr(getcurrent(), "owner", None)

    def point(self) -> None:
        """Whoever is in turn touches the world."""
        process = self.process()
        if process is not None:
            process.point()

    def run(self, process: Process, work: Callable[[], Any]) -> Any:
        """Do this as the process, and wait for it. Returns what it returns; raises what it raises,
        `Crash` where it was killed."""
        begun = self.begin(work, process)
        try:
            return begun.result()
        finally:
            self.wait_until(lambda: _all_done(process.pieces))

    def begin(self, work: Callable[[], Any], process: Process | None = None) -> Future:
        """Do this beside all else, as a part of the process in turn, or of that one."""
        return self._begin(work, process or self.process())

    def begin_alone(self, work: Callable[[], Any]) -> Future:
        """Do this beside all else, as nobody's part: people's work, a service's."""
        return self._begin(work, None)

    def _begin(self, work: Callable[[], Any], owner: Process | None) -> Future:
        future = Future(self, next(self._order))

        def whole(*_ended: object) -> None:
            try:
                if self._is_over:
                    raise Crash
                future.end(work())
            except BaseException as error:  # noqa: BLE001 (who waits for it is told)
                future.end(None, error)
            getcurrent().parent = self._main if self._is_over else self._next()

        piece = _Piece(whole, parent=self._main)
        piece.owner = owner
        if owner is not None:
            owner.pieces.append(future)
        self._ready.append(piece)
        self._pieces.append(piece)
        return future

    def give_way(self) -> None:
        """Let others have their turn."""
        self._ready.append(getcurrent())
        self._switch()

    def sleep(self, seconds: float) -> None:
        """Others have their turn for so long at least: some time passes, however short it is."""
        at = self.monotonic() + max(seconds, A_MICROSECOND)
        heapq.heappush(self._asleep, (at, next(self._order), getcurrent()))
        self._switch()

    def wait_until(self, is_so: Callable[[], bool], timeout: float | None = None) -> bool:
        """Let others go on until something is so; whether it is, after so many seconds at most."""
        if not is_so():
            limit = math.inf if timeout is None else self.monotonic() + timeout
            self._waiting.append((is_so, limit, getcurrent()))
            self._switch()
        return is_so()

    def end(self) -> None:
        """Whatever still goes on is over."""
        self._is_over = True
        for piece in self._pieces:
            while not piece.dead:
                piece.switch()

    def _switch(self) -> None:
        if self._is_over:
            raise Crash
        upcoming = self._next()
        if upcoming is not getcurrent():
            upcoming.switch()
        process = self.process()
        if self._is_over or (process is not None and process.is_dead):
            raise Crash

    def _next(self) -> greenlet:
        """Whoever goes on; time moves on to that."""
        now = self.monotonic()
        while self._asleep and self._asleep[0][0] <= now:
            self._ready.append(heapq.heappop(self._asleep)[2])
        for each in [each for each in self._waiting if self._goes_on(*each, now)]:
            self._waiting.remove(each)
            self._ready.append(each[2])
        if self._ready:
            return self._ready.pop(self.dice.randrange(len(self._ready)))
        first = min(self._waiting, key=lambda each: each[1], default=None)
        if first is not None and first[1] < (self._asleep[0][0] if self._asleep else math.inf):
            self._waiting.remove(first)
            at, piece = first[1], first[2]
        elif self._asleep:
            at, _order, piece = heapq.heappop(self._asleep)
        else:
            raise Stuck("everybody waits for everybody else")
        self.clock.now += timedelta(seconds=at - now)
        return piece

    def _goes_on(
        self, is_so: Callable[[], bool], limit: float, piece: greenlet, now: float
    ) -> bool:
        owner = _owner(piece)
        return is_so() or limit <= now or (owner is not None and owner.is_dead)


def _owner(piece: greenlet) -> Process | None:
    return piece.owner if isinstance(piece, _Piece) else None


class Future:
    """What becomes of a piece of work."""

    def __init__(self, scheduler: Scheduler, number: int) -> None:
        self._scheduler = scheduler
        self._number = number
        self._is_done = False
        self._value: Any = None
        self._error: BaseException | None = None

    def __hash__(self) -> int:
        """Sets of them are gone through in the same order each time."""
        return self._number

    def end(self, value: Any, error: BaseException | None = None) -> None:
        """It has come to its end."""
        self._is_done, self._value, self._error = True, value, error

    def done(self) -> bool:
        """Whether it has come to its end."""
        return self._is_done

    def result(self) -> Any:
        """What it returned, after waiting for it; raises what it raised."""
        self._scheduler.wait_until(self.done)
        if self._error is not None:
            raise self._error
        return self._value


class Ended(NamedTuple):
    """As `concurrent.futures.wait` returns it."""

    done: set[Future]
    not_done: set[Future]


class Concurrency:
    """What the program takes from `threading` and `concurrent.futures`, by the scheduler."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self.threading = SimpleNamespace(Lock=self._lock, local=_Local)

    def wait(
        self,
        futures: Iterable[Future],
        timeout: float | None = None,
        return_when: str = ALL_COMPLETED,
    ) -> Ended:
        """As `concurrent.futures.wait`."""
        waited = list(futures)
        enough = any if return_when == FIRST_COMPLETED else all
        self._scheduler.wait_until(lambda: enough(each.done() for each in waited), timeout)
        done = {each for each in waited if each.done()}
        return Ended(done, set(waited) - done)

    def executor(self, *_arguments: Any, **_named: Any) -> _Executor:
        """As `concurrent.futures.ThreadPoolExecutor`."""
        return _Executor(self._scheduler)

    def _lock(self) -> _Lock:
        return _Lock(self._scheduler)


class _Executor:
    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self._begun: list[Future] = []

    def submit(self, work: Callable[..., Any], /, *arguments: Any, **named: Any) -> Future:
        self._begun.append(self._scheduler.begin(lambda: work(*arguments, **named)))
        return self._begun[-1]

    def __enter__(self) -> _Executor:
        return self

    def __exit__(self, *_error: object) -> None:
        self._scheduler.wait_until(lambda: _all_done(self._begun))


def _all_done(futures: Collection[Future]) -> bool:
    return all(each.done() for each in futures)


class _Lock:
    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self._is_held = False

    def acquire(self) -> bool:
        while self._is_held:  # another may have taken it in the same moment
            self._scheduler.wait_until(lambda: not self._is_held)
        self._is_held = True
        return True

    def release(self) -> None:
        self._is_held = False


class _Local:
    """As `threading.local`: values that each piece of work has for itself."""

    def __init__(self) -> None:
        object.__setattr__(self, "_kept", WeakKeyDictionary())

    def __getattr__(self, name: str) -> Any:
        try:
            return self._kept[getcurrent()][name]
        except KeyError:
            raise AttributeError(name) from None

    def __setattr__(self, name: str, value: Any) -> None:
        self._kept.setdefault(getcurrent(), {})[name] = value
