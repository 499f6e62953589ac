"""How far a list of changes was read: marks are the servers' own times, never this machine's.

A server may commit a change some seconds after the time that it stamps on it, and a store's stamps
are whole seconds. So a mark is read again with an overlap until it has *settled*: until a read,
made at least the overlap after the mark was first seen, brought nothing later. (That is a duration
by our clock, not a date.) A settled mark is read from exactly, so an idle shop costs one short
answer however many orders its last busy second holds.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

SHOP_OVERLAP = timedelta(seconds=10)
KATANA_OVERLAP = timedelta(seconds=20)
KATANA_SWEEP = timedelta(days=2)
"""How far back the daily sweep hears Katana again, in case a cursor missed something."""


class Cursor(Struct, frozen=True):
    """How far a list was read.

    `mark` is the newest modification time that the server itself reported (UTC; None while the
    list was always empty), `seen_at` when this program saw it first (UTC).
    """

    mark: datetime | None
    seen_at: datetime
    settled: bool = False


def read_from(
    cursor: Cursor | None, overlap: timedelta, *, sweep: timedelta | None = None
) -> datetime | None:
    """The time after which to ask for changes; None for everything. A sweep goes back further."""
    if cursor is None or cursor.mark is None:
        return None
    if sweep is not None:
        return cursor.mark - sweep
    return cursor.mark if cursor.settled else cursor.mark - overlap


def advance(
    cursor: Cursor | None, reported: datetime | None, now: datetime, overlap: timedelta
) -> Cursor:
    """The cursor after a read whose safe mark is `reported` (None: nothing came)."""
    if cursor is None or cursor.mark is None:
        return Cursor(reported, now)
    if reported is not None and reported > cursor.mark:
        return Cursor(reported, now)
    waited = now - cursor.seen_at >= overlap
    return replace(cursor, settled=cursor.settled or waited)
