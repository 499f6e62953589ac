"""The throttle: all of the quota, no more, and what Katana's answers say."""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from katana_woo_sync.clients.throttle import Cancelled, Throttle

NOW = 1_780_000_000.0
"""The time of day at which the tests' clocks start, in seconds since the epoch."""


class Clock:
    """A clock that moves when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0
        self._lock = threading.Lock()

    def __call__(self) -> float:
        return self.now

    def wall(self) -> float:
        """The time of day."""
        return NOW + self.now

    def sleep(self, seconds: float) -> None:
        """Let the time pass."""
        with self._lock:
            self.now += seconds


def throttle(per_minute: int, clock: Clock) -> Throttle:
    return Throttle(per_minute, monotonic=clock, sleep=clock.sleep, wall=clock.wall)


def most_in_a_minute(times: list[float]) -> int:
    """The most requests in any sliding window of 60 seconds."""
    return max(bisect_left(times, t + 60) - i for i, t in enumerate(times))


@given(
    st.integers(1, 70),
    st.lists(st.floats(0, 90, allow_nan=False), min_size=1, max_size=200),
)
def test_never_more_than_the_quota_in_any_minute(per_minute: int, pauses: list[float]) -> None:
    clock, times = Clock(), []
    limited = throttle(per_minute, clock)
    for pause in pauses:
        clock.sleep(pause if pause > 60 else 0)
        limited.acquire()
        times.append(clock.now)
    assert most_in_a_minute(times) <= per_minute


def test_the_whole_quota_is_used_in_bursts() -> None:
    clock, times = Clock(), []
    limited = throttle(60, clock)
    for _ in range(600):
        limited.acquire()
        times.append(clock.now)
    assert times[59] == 0.0
    assert times[-1] <= 9 * 60.5


def test_many_threads_share_the_quota() -> None:
    clock, times, lock = Clock(), [], threading.Lock()
    limited = throttle(20, clock)

    def work() -> None:
        for _ in range(10):
            limited.acquire()
            with lock:
                times.append(clock.now)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(times) == 80
    # a thread may note its time a moment after its turn, when the clock has moved on a little
    assert times[-1] <= 3 * 60 + 60
    assert most_in_a_minute(sorted(times)) <= 20 + 8


def reset(seconds: float, unit: float) -> Mapping[str, str]:
    """An answer that leaves nothing, with the reset so many seconds away."""
    at = seconds if unit == 0 else (NOW + seconds) * unit
    return {"X-Ratelimit-Limit": "60", "X-Ratelimit-Remaining": "0", "X-Ratelimit-Reset": f"{at:f}"}


@pytest.mark.parametrize("unit", [1000, 1, 0], ids=["ms", "s", "s from now"])
def test_nothing_remaining_waits_for_the_reset(unit: float) -> None:
    clock = Clock()
    limited = throttle(60, clock)
    limited.observe(reset(20, unit))
    limited.acquire()
    assert 20 <= clock.now <= 21


def test_a_reset_far_away_is_not_believed() -> None:
    clock = Clock()
    limited = throttle(60, clock)
    limited.observe(reset(86_400, 1000))
    limited.acquire()
    assert 60 <= clock.now <= 61


def test_the_servers_lower_limit_replaces_ours_and_a_higher_one_does_not() -> None:
    clock, times = Clock(), []
    limited = throttle(60, clock)
    limited.observe({"X-Ratelimit-Limit": "10"})
    for _ in range(30):
        limited.acquire()
        times.append(clock.now)
    assert most_in_a_minute(times) == 10
    limited.observe({"X-Ratelimit-Limit": "500"})
    start = clock.now
    for _ in range(120):
        limited.acquire()
    assert clock.now - start > 60


@pytest.mark.parametrize("text", ["", "abc", "nan", "inf", "-1", "0", "1e999"])
def test_senseless_headers_change_nothing(text: str) -> None:
    clock = Clock()
    limited = throttle(60, clock)
    limited.observe({"X-Ratelimit-Limit": text, "X-Ratelimit-Remaining": "9"})
    for _ in range(60):
        limited.acquire()
    assert clock.now == 0


def test_a_429_blocks_everybody() -> None:
    clock = Clock()
    limited = throttle(60, clock)
    limited.block(30)
    limited.acquire()
    assert 30 <= clock.now <= 31


def test_waiting_can_be_interrupted_and_takes_no_turn() -> None:
    clock = Clock()
    limited = throttle(1, clock)
    limited.acquire()
    with pytest.raises(Cancelled):
        limited.acquire(lambda: clock.now > 5)
    assert clock.now < 6
    limited.acquire()
    assert 60 <= clock.now <= 61


def test_what_another_process_sent_counts() -> None:
    clock = Clock()
    first = throttle(5, clock)
    for _ in range(3):
        first.acquire()
    clock.sleep(20)
    second = throttle(5, clock)
    second.remember(first.recent)
    second.remember(first.recent)  # counted once
    assert second.room == 2
    second.acquire()
    clock.sleep(41)
    assert second.room == 4
