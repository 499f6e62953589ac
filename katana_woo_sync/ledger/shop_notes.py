"""The notes that shops' orders are to have, until they are there."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from katana_woo_sync.domain.fields import convert
from katana_woo_sync.ledger.sqlite import DUE, LedgerDatabase, time_text


class DueNote(Struct, frozen=True):
    """A note of a kind ("import", "tracking") that an order is to have; sent so many times."""

    order_id: int
    kind: str
    attempts: int


class ShopNotes:
    """The shop_notes table; times UTC."""

    def __init__(self, db: LedgerDatabase) -> None:
        self._db = db
        self._table = db.table("shop_notes")

    def add(self, identity: str, order_id: int, kind: str) -> None:
        """The order is to have a note of this kind. One that is due already stays as it is."""
        with self._db.atomic():
            self._db.execute(
                "INSERT OR IGNORE INTO shop_notes VALUES (?, ?, ?, 0, NULL)",
                [identity, order_id, kind],
            )

    def due(self, identity: str, now: datetime, order_id: int | None = None) -> list[DueNote]:
        """The notes that may be sent now, of one order or of all."""
        rows = self._table.rows_where(
            f"{DUE} AND order_id = coalesce(?, order_id)",
            [identity, time_text(now), order_id],
            order_by="order_id, kind",
        )
        return [convert(row, DueNote) for row in rows]

    def retry(self, identity: str, order_id: int) -> None:
        """The order's notes may be sent at once."""
        which = "identity = ? AND order_id = ?"
        self._table.update_where(which, [identity, order_id], next_attempt_at=None)

    def sending(self, identity: str, note: DueNote, again_at: datetime) -> None:
        """The note is about to be sent; if nothing more is heard of it, it is looked for then."""
        self._table.update_where(
            _THIS_NOTE,
            [identity, note.order_id, note.kind],
            attempts=note.attempts + 1,
            next_attempt_at=time_text(again_at),
        )

    def settled(self, identity: str, note: DueNote) -> None:
        """The note is there, or there is nothing to tell."""
        self._table.delete_where(_THIS_NOTE, [identity, note.order_id, note.kind])


_THIS_NOTE = "identity = ? AND order_id = ? AND kind = ?"
