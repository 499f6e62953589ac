"""What people were told of, so that nothing is told twice."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from katana_woo_sync.domain.fields import convert
from katana_woo_sync.domain.notices import Remembered
from katana_woo_sync.ledger.sqlite import (
    IN_LIST,
    LedgerDatabase,
    json_list,
    time_text,
)

CLAIM = timedelta(minutes=10)
"""How long a message may take to send. What was claimed before and never told (a crash in
between) is told by the next who looks."""


class Notifications:
    """The notifications table; times UTC."""

    def __init__(self, db: LedgerDatabase) -> None:
        self._table = db.table("notifications")

    def all(self) -> dict[str, Remembered]:
        """Everything remembered, by key."""
        return {row["key"]: convert(row, Remembered) for row in self._table.rows}

    def keep(self, each: Remembered) -> None:
        """Write what is remembered of a trouble; a claim on it stays."""
        self._table.put(
            {
                "key": each.key,
                "kind": str(each.kind),
                "who": each.who,
                "since": time_text(each.since),
                "notified_at": time_text(each.notified_at),
                "gone_at": time_text(each.gone_at),
            }
        )

    def forget(self, keys: Iterable[str]) -> None:
        """Remember these no longer."""
        self._table.delete_where(f"key {IN_LIST}", [json_list(keys)])

    def claim(self, key: str, now: datetime) -> bool:
        """Whether the caller is the one to tell of this now: no other process is just doing so."""
        where = "key = ? AND (claimed_at IS NULL OR claimed_at <= ?)"
        free = [key, time_text(now - CLAIM)]
        return bool(self._table.update_where(where, free, claimed_at=time_text(now)))

    def release(self, keys: Iterable[str]) -> None:
        """Sending is over, whatever came of it."""
        self._table.update_where(f"key {IN_LIST}", [json_list(keys)], claimed_at=None)
