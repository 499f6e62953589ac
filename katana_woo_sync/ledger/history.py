"""The append-only history of everything done on either side, and the runs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct

from katana_woo_sync.ledger.sqlite import (
    IN_LIST,
    LedgerDatabase,
    json_list,
    read_time,
    time_text,
)


class Event(Struct, frozen=True):
    """Something done: `side` is "shop", "katana" or "ledger"; `at` is UTC."""

    at: datetime | None
    side: str
    action: str
    detail: str


class Journal:
    """History and runs."""

    def __init__(self, db: LedgerDatabase) -> None:
        self._db = db
        self._history, self._runs = db.table("history"), db.table("runs")

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
        return self._history.count_where(
            "order_id IS NULL AND action IN "
            "('created product', 'created variant', 'created service')"
        )

    def of_order(self, identity: str, order_id: int) -> list[Event]:
        """An order's history, oldest first."""
        return self.of_orders(identity, [order_id]).get(order_id, [])

    def of_orders(self, identity: str, order_ids: Sequence[int]) -> dict[int, list[Event]]:
        """The histories of these orders of a store, as far as there are any, each oldest first."""
        where = f"identity = ? AND order_id {IN_LIST}"
        rows = self._history.rows_where(where, [identity, json_list(order_ids)], order_by="id")
        found: dict[int, list[Event]] = {}
        for row in rows:
            event = Event(read_time(row["at"]), row["side"], row["action"], row["detail"])
            found.setdefault(row["order_id"], []).append(event)
        return found

    def lately(self, since: datetime, most: int) -> list[dict[str, object]]:
        """The newest lines of the history of all orders since then (UTC), oldest first."""
        where = "at >= ?"
        rows = self._history.rows_where(where, [time_text(since)], order_by="id DESC", limit=most)
        return list(rows)[::-1]

    def runs(self, since: datetime, most: int) -> list[dict[str, object]]:
        """The newest runs that began since then (UTC), oldest first."""
        where = "started_at >= ?"
        rows = self._runs.rows_where(where, [time_text(since)], order_by="id DESC", limit=most)
        return list(rows)[::-1]

    def begin_run(self, command: str, now: datetime) -> int:
        """Record that a command has begun; returns the run's id."""
        self._runs.insert({"command": command, "started_at": time_text(now)})
        return int(self._runs.last_rowid or 0)

    def first_run(self) -> datetime | None:
        """When any command was first run with this ledger (UTC)."""
        row = next(self._runs.rows_where(select="min(started_at) AS at"))
        return read_time(row["at"])

    def last_run(self, command: str) -> datetime | None:
        """When a command last began (UTC), however it ended."""
        last = "max(started_at) AS at"
        row = next(self._runs.rows_where("command = ?", [command], select=last))
        return read_time(row["at"])

    def end_run(self, run_id: int, now: datetime, exit_code: int, summary: str) -> None:
        """Record how a command ended."""
        how = {"finished_at": time_text(now), "exit_code": exit_code, "summary": summary}
        self._runs.update_where("id = ?", [run_id], **how)
