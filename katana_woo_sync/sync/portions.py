"""What may be worked at once: the first alone, then as much as the quota has room for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

from katana_woo_sync.clients.together import AT_ONCE
from katana_woo_sync.sync.ports import Katana

T = TypeVar("T")


def portions(katana: Katana, things: Sequence[T], requests: int) -> Iterator[Sequence[T]]:
    """These things, of which each may need so many requests, in portions; each comes when there is
    room for the requests of one thing at least. A Katana in trouble is asked for one of them."""
    start, at_once = 0, 1
    while start < len(things):
        katana.wait_for_room(requests)
        count = min(at_once, max(1, katana.room // requests))
        yield things[start : start + count]
        start, at_once = start + count, AT_ONCE
