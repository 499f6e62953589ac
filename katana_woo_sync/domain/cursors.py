"""How far a list of changes was read: marks are the servers' own times, never this machine's.

A server may commit a change some seconds after the time that it stamps on it, and a store's stamps
are whole seconds. So a mark is read again with an overlap until it is *complete*: until a read,
made at least the overlap after the mark was first seen, brought nothing later. (That is a duration
by our clock, not a date.) A complete mark is read from exactly, so an idle shop costs one short
answer however many orders its last busy second holds.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

SALES_ORDERS = "katana:sales_orders"
"""The name of the cursor for Katana's sales orders."""

CUSTOMERS = "katana_customers"
"""The name of the cursor for Katana's customers."""

FULFILLMENTS = "katana:fulfillments"
"""The name of the cursor for Katana's fulfilments."""

SHOP_OVERLAP = timedelta(seconds=10)
KATANA_OVERLAP = timedelta(seconds=20)
OLD_ANSWER = timedelta(hours=1)
"""How far behind our clock an answer is that says nothing about the server's clock."""

KATANA_SWEEP = timedelta(days=2)
"""How far back the daily sweep reads Katana again, in case a cursor missed something."""


def newest(times: Iterable[datetime | None], as_of: datetime) -> datetime | None:
    """The newest of these times (UTC) that does not lie beyond `as_of`, when the server gave them
    by its own clock; None where there is none. A mark in the server's future would hide all that
    changes until then."""
    return max((t for t in times if t is not None and t <= as_of), default=None)


class Cursor(Struct, frozen=True):
    """How far a list was read.

    `mark` is the newest modification time that the server itself reported (UTC; None while the
    list was always empty), `seen_at` when this program saw it first (UTC).
    `is_complete`: all that the server stamped with the mark's time has been read.
    """

    mark: datetime | None
    seen_at: datetime
    is_complete: bool = False


def read_from(
    cursor: Cursor | None, overlap: timedelta, *, sweep: timedelta | None = None
) -> datetime | None:
    """The time after which to ask for changes; None for everything. A sweep goes back further."""
    if cursor is None or cursor.mark is None:
        return None
    if sweep is not None:
        return cursor.mark - sweep
    return cursor.mark if cursor.is_complete else cursor.mark - overlap


def is_beyond(cursor: Cursor | None, as_of: datetime, overlap: timedelta) -> bool:
    """Whether the mark lies in the future of a server that answered at `as_of` (UTC, its clock):
    that clock was ahead and was set right. What changes until then would not be read."""
    return cursor is not None and cursor.mark is not None and cursor.mark > as_of + overlap


def is_cached_answer(answered: Cursor | None, now: datetime) -> bool:
    """Whether a cache answers in a server's place: while our clock went on, what it answers by its
    own clock (which is the mark) did not, and that is over an hour ago. `now` is UTC."""
    if answered is None or answered.mark is None:
        return False
    return answered.is_complete and now - answered.mark > OLD_ANSWER


def advance(
    cursor: Cursor | None, reported: datetime | None, now: datetime, overlap: timedelta
) -> Cursor:
    """The cursor after a read whose safe mark is `reported` (None: nothing came)."""
    if cursor is None or cursor.mark is None:
        return Cursor(reported, now)
    if reported is not None and reported > cursor.mark:
        return Cursor(reported, now)
    waited = now - cursor.seen_at >= overlap
    return replace(cursor, is_complete=cursor.is_complete or waited)
