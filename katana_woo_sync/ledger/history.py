"""The append-only history of everything done on either side, and the runs."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct
from sqlite_utils import Database

from katana_woo_sync.ledger.sqlite import read_time, time_text


class Event(Struct, frozen=True):
    """Something done: `side` is "shop", "katana" or "ledger"; `at` is UTC."""

    at: datetime | None
    side: str
    action: str
    detail: str


class Journal:
    """History and runs."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def add(
        self,
        now: datetime,
        side: str,
        action: str,
        detail: str = "",
        *,
        identity: str | None = None,
        order_id: int | None = None,
    ) -> None:
        """Append to the history."""
        with self._db.atomic():
            self._db.execute(
                "INSERT INTO history (at, identity, order_id, side, action, detail) "
                "VALUES (?, ?, ?, ?, ?, ?)",
                [time_text(now), identity, order_id, side, action, detail],
            )

    def created_items(self) -> int:
        """How many products, variants and services were created in Katana so far."""
        rows = self._db.query(
            "SELECT count(*) AS n FROM history WHERE order_id IS NULL AND action IN "
            "('created product', 'created variant', 'created service')"
        )
        return int(next(iter(rows))["n"])

    def of_order(self, identity: str, order_id: int) -> list[Event]:
        """An order's history, oldest first."""
        rows = self._db.query(
            "SELECT at, side, action, detail FROM history "
            "WHERE identity = ? AND order_id = ? ORDER BY id",
            [identity, order_id],
        )
        return [
            Event(read_time(row["at"]), row["side"], row["action"], row["detail"]) for row in rows
        ]

    def begin_run(self, command: str, now: datetime) -> int:
        """Record that a command has begun; returns the run's id."""
        with self._db.atomic():
            cursor = self._db.execute(
                "INSERT INTO runs (command, started_at) VALUES (?, ?)", [command, time_text(now)]
            )
        return int(cursor.lastrowid or 0)

    def first_run(self) -> datetime | None:
        """When any command was first run with this ledger (UTC)."""
        rows = self._db.query("SELECT min(started_at) AS at FROM runs")
        return read_time(next(iter(rows))["at"])

    def last_run(self, command: str) -> datetime | None:
        """When a command last began (UTC), however it ended."""
        rows = self._db.query("SELECT max(started_at) AS at FROM runs WHERE command = ?", [command])
        return read_time(next(iter(rows))["at"])

    def end_run(self, run_id: int, now: datetime, exit_code: int, summary: str) -> None:
        """Record how a command ended."""
        with self._db.atomic():
            self._db.execute(
                "UPDATE runs SET finished_at = ?, exit_code = ?, summary = ? WHERE id = ?",
                [time_text(now), exit_code, summary, run_id],
            )
