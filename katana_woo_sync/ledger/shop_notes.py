"""Notes that shops' orders are to have: kept until they are there."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct
from sqlite_utils import Database

from katana_woo_sync.ledger.values import time_text


class DueNote(Struct, frozen=True):
    """A note of a kind ("import", "tracking") that an order is to have; sent so many times."""

    order_id: int
    kind: str
    attempts: int


class ShopNotes:
    """The shop_notes table; times UTC."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def add(self, identity: str, order_id: int, kind: str) -> None:
        """The order is to have a note of this kind. One that is due already stays as it is."""
        with self._db.atomic():
            self._db.execute(
                "INSERT OR IGNORE INTO shop_notes (identity, order_id, kind, attempts) "
                "VALUES (?, ?, ?, 0)",
                [identity, order_id, kind],
            )

    def due(self, identity: str, now: datetime, order_id: int | None = None) -> list[DueNote]:
        """The notes that may be sent now, of one order or of all."""
        rows = self._db.query(
            "SELECT order_id, kind, attempts FROM shop_notes WHERE identity = ? "
            "AND order_id = coalesce(?, order_id) "
            "AND (next_attempt_at IS NULL OR next_attempt_at <= ?) ORDER BY order_id, kind",
            [identity, order_id, time_text(now)],
        )
        return [DueNote(int(r["order_id"]), str(r["kind"]), int(r["attempts"])) for r in rows]

    def retry(self, identity: str, order_id: int) -> None:
        """The order's notes may be sent at once."""
        with self._db.atomic():
            self._db.execute(
                "UPDATE shop_notes SET next_attempt_at = NULL WHERE identity = ? AND order_id = ?",
                [identity, order_id],
            )

    def sending(self, identity: str, note: DueNote, again_at: datetime) -> None:
        """The note is about to be sent; if nothing more is heard of it, it is looked for then."""
        with self._db.atomic():
            self._db.execute(
                "UPDATE shop_notes SET attempts = attempts + 1, next_attempt_at = ? "
                "WHERE identity = ? AND order_id = ? AND kind = ?",
                [time_text(again_at), identity, note.order_id, note.kind],
            )

    def settled(self, identity: str, note: DueNote) -> None:
        """The note is there, or there is nothing to tell."""
        with self._db.atomic():
            self._db.execute(
                "DELETE FROM shop_notes WHERE identity = ? AND order_id = ? AND kind = ?",
                [identity, note.order_id, note.kind],
            )
