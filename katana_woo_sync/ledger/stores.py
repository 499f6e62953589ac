"""Stores, cursors and the few facts about the Katana account."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import msgspec
from msgspec import Struct

from katana_woo_sync.domain.cursors import Cursor
from katana_woo_sync.domain.fields import convert
from katana_woo_sync.domain.woocommerce import StoreFacts
from katana_woo_sync.ledger.sqlite import LedgerDatabase, read_time, time_text


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
    """Stores, cursors, and single values.

    A store's record is asked for time and again, and changes seldom, by the run that holds the lock
    alone: it is read once, and again after each change.
    """

    def __init__(self, db: LedgerDatabase) -> None:
        self._conn = db.conn
        self._known: dict[str, StoreRecord | None] = {}
        self._stores, self._cursors = db.table("stores"), db.table("cursors")
        self._meta = db.table("meta")

    def meta(self, key: str) -> str | None:
        """A single value, or None."""
        row = self._meta.find(key)
        return None if row is None else str(row["value"])

    def set_meta(self, key: str, value: str) -> None:
        """Keep a single value."""
        self._meta.put({"key": key, "value": value})

    def get(self, identity: str) -> StoreRecord | None:
        """A store's record, or None if it was never seen."""
        if identity in self._known:
            return self._known[identity]
        record = self._read(identity)
        if not self._conn.in_transaction:  # what a group of writes has done may be undone
            self._known[identity] = record
        return record

    def _read(self, identity: str) -> StoreRecord | None:
        row = self._stores.find(identity)
        if row is None:
            return None
        facts = msgspec.json.decode(row["facts"]) if row["facts"] else None
        error = row["last_error"] or ""
        return convert({**row, "facts": facts, "last_error": error}, StoreRecord)

    def add(self, identity: str, name: str) -> None:
        """Make sure that the store has a record, under its name of today."""
        self._known.pop(identity, None)
        self._stores.put({"identity": identity, "name": name})

    def connected_as(self, name: str) -> list[str]:
        """The identities of the stores that were connected under this name of the config."""
        rows = self._stores.rows_where("name = ? AND connected_at IS NOT NULL", [name])
        return [row["identity"] for row in rows]

    def connect(self, identity: str, now: datetime) -> None:
        """Record that the store's first import was confirmed, at the first time it is."""
        self._known.pop(identity, None)
        where = "identity = ? AND connected_at IS NULL"
        self._stores.update_where(where, [identity], connected_at=time_text(now))

    def set_since(self, identity: str, since: datetime) -> None:
        """Keep the import-from date that `backfill --since` was given."""
        self._update(identity, since=time_text(since))

    def set_facts(self, identity: str, facts: StoreFacts) -> None:
        """Keep what was learnt of the store's settings."""
        self._update(identity, facts=msgspec.json.encode(facts, enc_hook=str).decode())

    def connection(self, identity: str) -> Mapping[str, object]:
        """What was found out about how the store is reached; empty where nothing was."""
        row = self._stores.find(identity)
        kept = None if row is None else row["connection"]
        return msgspec.json.decode(kept, type=dict[str, object]) if kept else {}

    def set_connection(self, identity: str, connection: Mapping[str, object]) -> None:
        """Keep how the store is reached."""
        self._update(identity, connection=msgspec.json.encode(connection).decode())

    def succeeded(self, identity: str, now: datetime) -> None:
        """The store's cycle went through."""
        self._update(identity, last_success_at=time_text(now), last_error=None)

    def went_wrong(self, identity: str, error: str) -> None:
        """The store could not be worked."""
        self._update(identity, last_error=error)

    def swept(self, identity: str, now: datetime) -> None:
        """All open orders were compared with the ledger."""
        self._update(identity, swept_at=time_text(now))

    def sweep_again(self, identity: str) -> None:
        """The store's next sweep is due now."""
        self._update(identity, swept_at=None)

    def _update(self, identity: str, **values: str | None) -> None:
        self._known.pop(identity, None)
        self._stores.update_where("identity = ?", [identity], **values)

    def cursor(self, name: str) -> Cursor | None:
        """How far a list was read, or None if it never was."""
        row = self._cursors.find(name)
        return None if row is None else convert(row, Cursor)

    def set_cursor(self, name: str, cursor: Cursor) -> None:
        """Record how far a list was read; in one group with what was read."""
        mark, seen_at = time_text(cursor.mark), time_text(cursor.seen_at)
        self._cursors.put(
            {"name": name, "mark": mark, "seen_at": seen_at, "is_complete": int(cursor.is_complete)}
        )

    def ahead(self, name: str) -> dict[int, datetime]:
        """What a list held that was modified in its server's future: the times (UTC) by id.

        It comes with every read until then, and is read whole only when its time is another.
        """
        kept = self.meta(f"ahead:{name}")
        times: dict[str, object] = msgspec.json.decode(kept) if kept else {}
        found = {int(id_): read_time(at) for id_, at in times.items()}
        return {id_: at for id_, at in found.items() if at is not None}

    def set_ahead(self, name: str, ahead: Mapping[int, datetime]) -> None:
        """Keep that instead of what was kept; in one group with what was read."""
        if self.ahead(name) != ahead:
            self.set_meta(f"ahead:{name}", msgspec.json.encode(ahead).decode())
