"""Requests that do not depend on each other, at once: the network is waited for only once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

AT_ONCE = 8
"""More connections than this to one service would be rude, and gain little: at Katana's 60 requests
a minute even one of them is idle most of the time."""

T = TypeVar("T")


class Together:
    """Threads for requests; each keeps its connection. Made when they are first needed."""

    def __init__(self) -> None:
        self._threads: ThreadPoolExecutor | None = None

    def do(self, calls: Sequence[Callable[[], T]]) -> list[T | Exception]:
        """What each call gave or raised, in their order. A single one needs no thread."""
        if len(calls) < 2:
            return [outcome(call) for call in calls]
        if self._threads is None:
            self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="request")
        return list(self._threads.map(outcome, calls))


def outcome(call: Callable[[], T]) -> T | Exception:
    """What a call gives, or raises."""
    try:
        return call()
    except Exception as error:  # noqa: BLE001 (it is handed on)
        return error


def given(outcome: T | Exception) -> T:
    """What a call gave. Raises what it raised."""
    if isinstance(outcome, Exception):
        raise outcome
    return outcome
