"""What the status page asks of the ledger over time, what is counted for it, and the thinning."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum

import msgspec
from msgspec import Struct

from katana_woo_sync.domain.fields import convert
from katana_woo_sync.ledger.sqlite import LedgerDatabase, time_text

_MINUTE = 16
"""How much of a time's text names its minute: as fine as any time zone's days need."""

REQUESTS = "requests"
STOCK_PUSHES = "stock_pushes"

_WAITING = "('queued', 'importing', 'failed', 'attention')"


class Tally(StrEnum):
    """What is counted, hour by hour."""

    KATANA_REQUESTS = "katana_requests"
    """Of the account: its identity is ""."""
    STOCK_UPDATED = "stock_updated"
    """Products and variations whose stock was set in a store."""


class Moment(Struct, frozen=True):
    """So many of something at `at` (UTC, to the minute or the hour), of a store or of none ("")."""

    identity: str
    at: datetime
    count: int


class Wait(Struct, frozen=True):
    """An order's way to Katana; times UTC. `end` is None while it waits."""

    identity: str
    begin: datetime
    end: datetime | None


class Statistics:
    """Questions about a span of time, and the counts that nothing else in the ledger holds.

    Indexes are named: without statistics SQLite would rather go through everything.
    """

    def __init__(self, db: LedgerDatabase) -> None:
        self._db = db

    def placed(self, since: datetime) -> list[Moment]:
        """How many orders were placed in the shops, by minute."""
        return self._moments(
            f"SELECT identity, substr(created, 1, {_MINUTE}) AS at, count(*) AS count "  # noqa: S608
            "FROM orders INDEXED BY orders_by_created WHERE created >= ? GROUP BY 1, 2",
            [time_text(since)],
        )

    def went_wrong(self, since: datetime) -> list[Moment]:
        """How often an order failed or came to need attention, by minute."""
        return self._moments(
            f"SELECT identity, substr(at, 1, {_MINUTE}) AS at, count(*) AS count "  # noqa: S608
            "FROM history INDEXED BY history_by_time WHERE at >= ? AND side = 'ledger' "
            "AND action IN ('failed', 'attention') AND identity IS NOT NULL GROUP BY 1, 2",
            [time_text(since)],
        )

    def counted(self, what: Tally, since: datetime) -> list[Moment]:
        """What was counted, by hour."""
        return self._moments(
            "SELECT identity, substr(hour, 1, 16) AS at, count FROM tallies "
            "WHERE what = ? AND hour >= ? ORDER BY hour",
            [str(what), time_text(since)],
        )

    def from_payment(self, since: datetime) -> list[Wait]:
        """The orders imported in this span, from payment on (from when they were placed, where the
        shop names no payment). Those older than their store's connection waited for that alone and
        are left out."""
        return self._waits(
            "SELECT o.identity, coalesce(o.paid, o.created) AS begin, o.imported_at AS end "
            "FROM orders o JOIN stores s ON s.identity = o.identity "
            "WHERE o.imported_at >= ? AND coalesce(o.paid, o.created) >= s.connected_at",
            [time_text(since)],
        )

    def in_backlog(self, since: datetime) -> list[Wait]:
        """The orders that waited for their import at any time in this span, from when they were
        first seen on."""
        return self._waits(
            "SELECT identity, first_seen_at AS begin, imported_at AS end FROM orders "  # noqa: S608
            "WHERE imported_at >= ? AND imported_at > first_seen_at "
            "UNION ALL SELECT identity, first_seen_at, NULL FROM orders "
            "INDEXED BY orders_by_state WHERE identity IN (SELECT identity FROM stores) "
            f"AND state IN {_WAITING} AND in_katana = 'no'",
            [time_text(since)],
        )

    def count(self, what: Tally, identity: str, now: datetime, count: int) -> None:
        """Add to what was counted in this hour."""
        hour = now.replace(minute=0, second=0, microsecond=0)
        with self._db.atomic():
            self._db.execute(
                "INSERT INTO tallies VALUES (?, ?, ?, ?) "
                "ON CONFLICT (hour, identity, what) DO UPDATE SET count = count + excluded.count",
                [time_text(hour), identity, str(what), count],
            )

    def totals(self, what: str) -> dict[str, int]:
        """How many of these were counted since metrics are written, by stores' identities (requests
        to Katana by its name). The counts by hour are no such totals: they are thinned."""
        row = self._db.table("meta").find(f"total:{what}")
        return {} if row is None else convert(msgspec.json.decode(row["value"]), dict[str, int])

    def add_to_totals(self, what: str, counts: Mapping[str, int]) -> None:
        """Add to them; names that are new begin at 0."""
        totals = self.totals(what)
        added = {name: totals.get(name, 0) + count for name, count in counts.items()}
        value = msgspec.json.encode({**totals, **added}).decode()
        self._db.table("meta").put({"key": f"total:{what}", "value": value})

    def thin(self, before: datetime) -> int:
        """Erase what is older than this from the history, the runs, the counts, and the notes and
        details of orders that are done with. Returns how many lines of history went.

        What keeps an order from being imported twice stays (ids, numbers, totals, digests), and so
        does all of an order that is still open: a note of a refund decides about its delivery. Of
        items created in Katana the line stays, without its text: they are counted.
        """
        limit = time_text(before)
        # without it what was erased can still be read in the file
        self._db.execute("PRAGMA secure_delete = ON")
        with self._db.atomic():
            gone = self._db.execute(
                "DELETE FROM history WHERE at < ? "
                "AND NOT (order_id IS NULL AND action LIKE 'created %')",
                [limit],
            ).rowcount
            old = "at < ? AND detail != ''"
            self._db.table("history").update_where(old, [limit], detail="")
            self._db.execute(
                "DELETE FROM notes WHERE at < ? AND (identity, order_id) IN "
                "(SELECT identity, order_id FROM orders WHERE state IN ('fulfilled', 'skipped'))",
                [limit],
            )
            self._db.execute(
                "UPDATE orders SET detail = '' WHERE created < ? AND detail != '' "
                "AND state IN ('fulfilled', 'skipped')",
                [limit],
            )
            self._db.table("runs").delete_where("started_at < ?", [limit])
            self._db.table("tallies").delete_where("hour < ?", [limit])
        return gone

    def _moments(self, sql: str, values: Sequence[object]) -> list[Moment]:
        rows = self._db.query(sql, values)
        return [convert({**row, "at": f"{row['at']}:00Z"}, Moment) for row in rows]

    def _waits(self, sql: str, values: Sequence[object]) -> list[Wait]:
        return [convert(row, Wait) for row in self._db.query(sql, values) if row["begin"]]
