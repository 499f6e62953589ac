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
    """Threads for requests, besides the caller's own; each keeps its connection. Made when they are
    first needed."""

    def __init__(self) -> None:
        self._threads: ThreadPoolExecutor | None = None

    def do(self, calls: Sequence[Callable[[], T]]) -> list[T | Exception]:
        """What each call gave or raised, in their order. The caller makes the first one itself."""
        if not calls:
            return []
        if self._threads is None and len(calls) > 1:
            self._threads = ThreadPoolExecutor(AT_ONCE - 1, thread_name_prefix="request")
        futures = [self._threads.submit(outcome, c) for c in calls[1:]] if self._threads else []
        return [outcome(calls[0]), *(future.result() for future in futures)]


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
