"""Katana's rate limit: so many requests in a fixed window of 60 seconds."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from datetime import datetime, timedelta

from katana_woo_sync.sandbox.katana.errors import Refusal

WINDOW = timedelta(seconds=60)
UNLIMITED = 1_000_000


class Quota:
    """Counts requests. The window opens with the first request after the last one closed."""

    def __init__(
        self,
        per_minute: int | None,
        clock: Callable[[], datetime],
        *,
        reset_in_seconds: bool = False,
    ) -> None:
        self._limit = UNLIMITED if per_minute is None else per_minute
        self._enforced = per_minute is not None
        self._clock = clock
        self._reset_in_seconds = reset_in_seconds
        self._lock = threading.Lock()
        self._used = 0
        self._ends: datetime | None = None

    def take(self) -> tuple[dict[str, str], Refusal | None]:
        """Count a request: the headers of its answer, and the 429 if it was one too many."""
        with self._lock:
            now = self._clock()
            if self._ends is None or now >= self._ends:
                self._used, self._ends = 0, now + WINDOW
            self._used += 1
            headers = self._headers(self._ends)
            if not self._enforced or self._used <= self._limit:
                return headers, None
            wait = max(1, math.ceil((self._ends - now).total_seconds()))
        message = "Too many requests, please try again later."
        return headers, Refusal(429, message, headers={"Retry-After": str(wait)})

    def _headers(self, ends: datetime) -> dict[str, str]:
        unit = 1 if self._reset_in_seconds else 1000
        return {
            "X-Ratelimit-Limit": str(self._limit),
            "X-Ratelimit-Remaining": str(max(0, self._limit - self._used)),
            "X-Ratelimit-Reset": str(math.ceil(ends.timestamp() * unit)),
        }
