"""What people were told of, so that nothing is told twice."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlite_utils import Database

from katana_woo_sync.domain.notices import Kind, Remembered
from katana_woo_sync.ledger.values import read_time, time_text

CLAIM = timedelta(minutes=10)
"""How long a message may take to send. What was claimed before and never told (a crash in
between) is told by the next who looks."""


class Notifications:
    """The notifications table; times UTC."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def all(self) -> dict[str, Remembered]:
        """Everything remembered, by key."""
        rows = self._db.query("SELECT * FROM notifications")
        return {row["key"]: _remembered(row) for row in rows}

    def keep(self, each: Remembered) -> None:
        """Write what is remembered of a trouble; a claim on it stays."""
        with self._db.atomic():
            self._db.execute(
                "INSERT INTO notifications (key, kind, who, since, told_at, gone_at) "
                "VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (key) DO UPDATE SET kind = excluded.kind, "
                "who = excluded.who, since = excluded.since, told_at = excluded.told_at, "
                "gone_at = excluded.gone_at",
                [
                    each.key,
                    str(each.kind),
                    each.who,
                    time_text(each.since),
                    time_text(each.told_at),
                    time_text(each.gone_at),
                ],
            )

    def forget(self, keys: Iterable[str]) -> None:
        """Remember these no longer."""
        with self._db.atomic():
            for key in keys:
                self._db.execute("DELETE FROM notifications WHERE key = ?", [key])

    def claim(self, key: str, now: datetime) -> bool:
        """Whether the caller is the one to tell of this now: no other process is just doing so."""
        with self._db.atomic():
            cursor = self._db.execute(
                "UPDATE notifications SET claimed_at = ? "
                "WHERE key = ? AND (claimed_at IS NULL OR claimed_at <= ?)",
                [time_text(now), key, time_text(now - CLAIM)],
            )
        return bool(cursor.rowcount)

    def release(self, keys: Iterable[str]) -> None:
        """Sending is over, whatever came of it."""
        with self._db.atomic():
            for key in keys:
                self._db.execute("UPDATE notifications SET claimed_at = NULL WHERE key = ?", [key])


def _remembered(row: dict[str, object]) -> Remembered:
    since = read_time(row["since"])
    assert since is not None  # noqa: S101 (NOT NULL in the table)
    return Remembered(
        key=str(row["key"]),
        kind=Kind(str(row["kind"])),
        who=str(row["who"]),
        since=since,
        told_at=read_time(row["told_at"]),
        gone_at=read_time(row["gone_at"]),
    )
