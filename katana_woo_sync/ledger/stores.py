"""Stores, cursors and the few facts about the Katana account."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

import msgspec
from msgspec import Struct
from sqlite_utils import Database

from katana_woo_sync.domain.cursors import Cursor
from katana_woo_sync.domain.fields import Text, convert
from katana_woo_sync.domain.notices import Kind, Remembered
from katana_woo_sync.domain.woocommerce import StoreFacts
from katana_woo_sync.ledger.sqlite import read_time, time_text


class StoreRecord(Struct, frozen=True):
    """A store as the ledger knows it; times UTC.

    `connected_at` is when its first import was confirmed; None until then. `since` is the
    import-from date given to `backfill`.
    """

    identity: str
    name: str
    connected_at: datetime | None
    since: datetime | None
    facts: StoreFacts | None
    last_success_at: datetime | None
    last_error: str
    swept_at: datetime | None


class Stores:
    """Stores, cursors, and single values."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def meta(self, key: str) -> str | None:
        """A single value, or None."""
        rows = self._db.query("SELECT value FROM meta WHERE key = ?", [key])
        return next((str(row["value"]) for row in rows), None)

    def set_meta(self, key: str, value: str) -> None:
        """Keep a single value."""
        with self._db.atomic():
            self._db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", [key, value])

    def get(self, identity: str) -> StoreRecord | None:
        """A store's record, or None if it was never seen."""
        rows = self._db.query("SELECT * FROM stores WHERE identity = ?", [identity])
        for row in rows:
            facts = row["facts"]
            return StoreRecord(
                identity=row["identity"],
                name=row["name"],
                connected_at=read_time(row["connected_at"]),
                since=read_time(row["since"]),
                facts=convert(msgspec.json.decode(facts), _Facts).facts() if facts else None,
                last_success_at=read_time(row["last_success_at"]),
                last_error=row["last_error"] or "",
                swept_at=read_time(row["swept_at"]),
            )
        return None

    def add(self, identity: str, name: str) -> None:
        """Make sure that the store has a record, under its name of today."""
        with self._db.atomic():
            self._db.execute(
                "INSERT INTO stores (identity, name) VALUES (?, ?) "
                "ON CONFLICT (identity) DO UPDATE SET name = excluded.name",
                [identity, name],
            )

    def connected_as(self, name: str) -> list[str]:
        """The identities of the stores that were connected under this name of the config."""
        rows = self._db.query(
            "SELECT identity FROM stores WHERE name = ? AND connected_at IS NOT NULL", [name]
        )
        return [row["identity"] for row in rows]

    def connect(self, identity: str, now: datetime) -> None:
        """Record that the store's first import was confirmed, at the first time it is."""
        with self._db.atomic():
            self._db.execute(
                "UPDATE stores SET connected_at = coalesce(connected_at, ?) WHERE identity = ?",
                [time_text(now), identity],
            )

    def set_since(self, identity: str, since: datetime) -> None:
        """Keep the import-from date that `backfill --since` was given."""
        self._update(identity, "since", time_text(since))

    def set_facts(self, identity: str, facts: StoreFacts) -> None:
        """Keep what was learnt of the store's settings."""
        kept = _Facts(facts.round_at_subtotal, facts.decimals, str(facts.currency))
        self._update(identity, "facts", msgspec.json.encode(kept).decode())

    def connection(self, identity: str) -> Mapping[str, object]:
        """What was found out about how the store is reached; empty where nothing was."""
        rows = self._db.query("SELECT connection FROM stores WHERE identity = ?", [identity])
        kept = next((row["connection"] for row in rows), None)
        return msgspec.json.decode(kept, type=dict[str, object]) if kept else {}

    def set_connection(self, identity: str, connection: Mapping[str, object]) -> None:
        """Keep how the store is reached."""
        self._update(identity, "connection", msgspec.json.encode(connection).decode())

    def succeeded(self, identity: str, now: datetime) -> None:
        """The store's cycle went through."""
        with self._db.atomic():
            self._update(identity, "last_success_at", time_text(now))
            self._update(identity, "last_error", None)

    def went_wrong(self, identity: str, error: str) -> None:
        """The store could not be worked."""
        self._update(identity, "last_error", error)

    def swept(self, identity: str, now: datetime) -> None:
        """All open orders were compared with the ledger."""
        self._update(identity, "swept_at", time_text(now))

    def sweep_again(self, identity: str) -> None:
        """The store's next sweep is due now."""
        self._update(identity, "swept_at", None)

    def _update(self, identity: str, column: str, value: str | None) -> None:
        with self._db.atomic():
            self._db.execute(
                f"UPDATE stores SET {column} = ? WHERE identity = ?",  # noqa: S608
                [value, identity],
            )

    def cursor(self, name: str) -> Cursor | None:
        """How far a list was read, or None if it never was."""
        rows = self._db.query("SELECT * FROM cursors WHERE name = ?", [name])
        for row in rows:
            seen_at = read_time(row["seen_at"])
            if seen_at is not None:
                return Cursor(read_time(row["mark"]), seen_at, bool(row["settled"]))
        return None

    def set_cursor(self, name: str, cursor: Cursor) -> None:
        """Record how far a list was read; in one group with what was read."""
        with self._db.atomic():
            self._db.execute(
                "INSERT OR REPLACE INTO cursors VALUES (?, ?, ?, ?)",
                [name, time_text(cursor.mark), time_text(cursor.seen_at), int(cursor.is_complete)],
            )

    def ahead(self, name: str) -> dict[int, datetime]:
        """What a list held that was modified in its server's future: the times (UTC) by id."""
        rows = self._db.query("SELECT id, modified FROM ahead WHERE name = ?", [name])
        times = ((int(row["id"]), read_time(row["modified"])) for row in rows)
        return {order_id: time for order_id, time in times if time is not None}

    def set_ahead(self, name: str, ahead: Mapping[int, datetime]) -> None:
        """Keep that instead of what was kept; in one group with what was read."""
        known = self.ahead(name)
        if known == ahead:
            return
        with self._db.atomic():
            for gone in known.keys() - ahead.keys():
                self._db.execute("DELETE FROM ahead WHERE name = ? AND id = ?", [name, gone])
            for each, time in ahead.items():
                if known.get(each) != time:
                    self._db.execute(
                        "INSERT OR REPLACE INTO ahead VALUES (?, ?, ?)",
                        [name, each, time_text(time)],
                    )


class _Facts(msgspec.Struct):
    round_at_subtotal: bool
    decimals: int
    currency: str

    def facts(self) -> StoreFacts:
        return StoreFacts(
            round_at_subtotal=self.round_at_subtotal,
            decimals=self.decimals,
            currency=Text(self.currency),
        )


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
                    time_text(each.notified_at),
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
        notified_at=read_time(row["told_at"]),
        gone_at=read_time(row["gone_at"]),
    )
