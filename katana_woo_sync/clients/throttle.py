"""Keeping to Katana's quota: all of it, and no more."""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping

WINDOW = 60.0
MARGIN = 0.25
"""Seconds added to a wait: the server's clock and the network's delay are not ours."""

LONGEST_WAIT = 120.0
NAP = 0.5
"""How often a waiting thread looks whether it should stop."""

BLINK = 0.02
"""How often a thread looks whether those that asked before it have gone."""


class Cancelled(Exception):
    """A stop was asked for while waiting; the request was not sent."""


class Throttle:
    """At most `per_minute` requests in any 60 seconds, in bursts where they are left.

    Shared by all threads. Katana's own answers rule below the ceiling: a lower limit replaces it,
    no requests remaining means waiting for the reset (another program may share the key), a 429
    for its Retry-After. No library is used, since none takes the server's word for what is left,
    and none of the usual ones can be interrupted while it waits.
    """

    def __init__(
        self,
        per_minute: int,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._ceiling = max(1, per_minute)
        self._limit = self._ceiling
        self._monotonic = monotonic
        self._sleep = sleep
        self._wall = wall
        self._sent: deque[float] = deque()
        self._blocked_until = 0.0
        self._lock = threading.Lock()
        self._waiting: deque[object] = deque()
        self.allowed: int | None = None
        """Requests a minute that the service said it allows; None before it was heard."""

    def acquire(self, cancelled: Callable[[], bool] = lambda: False) -> None:
        """Wait for a turn, in the order of asking. Raises `Cancelled` where a stop is asked for."""
        ticket = object()
        with self._lock:
            self._waiting.append(ticket)
        try:
            while (wait := self._take_or_wait(ticket)) > 0:
                if cancelled():
                    raise Cancelled
                self._sleep(min(max(wait, BLINK), NAP))
        finally:
            with self._lock:
                self._waiting.remove(ticket)

    def wait_for_room(self, requests: int, cancelled: Callable[[], bool] = lambda: False) -> None:
        """Wait until so many requests could be sent at once, without taking a turn.

        Raises `Cancelled` where a stop is asked for.
        """
        while (wait := self._until_room(requests)) > 0:
            if cancelled():
                raise Cancelled
            self._sleep(min(wait, NAP))

    @property
    def room(self) -> int:
        """How many requests could be sent now."""
        with self._lock:
            now = self._monotonic()
            self._forget_old(now)
            return 0 if now < self._blocked_until else max(0, self._limit - len(self._sent))

    @property
    def recent(self) -> list[float]:
        """When the requests of the last minute were sent: seconds since the epoch, oldest first."""
        with self._lock:
            now = self._monotonic()
            self._forget_old(now)
            return [round(self._wall() - (now - sent), 3) for sent in self._sent]

    def remember(self, sent: Iterable[float]) -> None:
        """Count requests that another process sent at these times (seconds since the epoch)."""
        own = set(self.recent)
        with self._lock:
            now, wall = self._monotonic(), self._wall()
            ages = (wall - at for at in sent if at not in own)
            others = (now - max(age, 0.0) for age in ages if -MARGIN <= age < WINDOW)
            self._sent = deque(sorted((*self._sent, *others)))

    def _until_room(self, requests: int) -> float:
        with self._lock:
            now = self._monotonic()
            self._forget_old(now)
            over = len(self._sent) + min(requests, self._limit) - self._limit
            until_free = self._sent[over - 1] + WINDOW - now if over > 0 else 0.0
            return max(self._blocked_until - now, until_free, 0.0)

    def _forget_old(self, now: float) -> None:
        while self._sent and now - self._sent[0] >= WINDOW:
            self._sent.popleft()

    def _take_or_wait(self, ticket: object) -> float:
        """Take the turn (0), or the seconds after which to look again."""
        with self._lock:
            now = self._monotonic()
            self._forget_old(now)
            ahead = self._waiting.index(ticket)
            if ahead and len(self._sent) + ahead >= self._limit:
                return BLINK  # there is not enough for all who asked before
            wait = self._blocked_until - now
            if wait <= 0 and len(self._sent) >= self._limit:
                wait = self._sent[-self._limit] + WINDOW - now
            if wait <= 0:
                self._sent.append(now)
            return max(wait, 0.0)

    def observe(self, headers: Mapping[str, str]) -> None:
        """Learn from an answer's `X-Ratelimit-*` headers."""
        limit = _number(headers.get("X-Ratelimit-Limit"))
        remaining = _number(headers.get("X-Ratelimit-Remaining"))
        with self._lock:
            if limit is not None and limit >= 1:
                self.allowed = int(limit)
                self._limit = min(self._ceiling, self.allowed)
        if remaining is not None and remaining <= 0:
            wait = self._until_reset(headers.get("X-Ratelimit-Reset"))
            if wait is not None:
                self.block(min(wait, WINDOW))

    def _until_reset(self, text: str | None) -> float | None:
        """Seconds until the reset. Katana's documentation says milliseconds since the epoch, its
        example shows seconds; a small number can only be seconds from now."""
        reset = _number(text)
        if reset is None:
            return None
        if reset > 1e11:
            return reset / 1000 - self._wall()
        if reset > 1e6:
            return reset - self._wall()
        return reset

    def block(self, seconds: float) -> None:
        """Let nobody send for so long (never over two minutes)."""
        wait = min(max(seconds, 0.0) + MARGIN, LONGEST_WAIT)
        with self._lock:
            self._blocked_until = max(self._blocked_until, self._monotonic() + wait)


def _number(text: str | None) -> float | None:
    try:
        number = float(text) if text is not None else math.nan
    except ValueError:
        return None
    return number if math.isfinite(number) else None
