"""sqlite-utils as the ledger uses it, and how times and amounts are written."""

from __future__ import annotations

import json
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from functools import cached_property
from typing import Any

from sqlite_utils import Database
from sqlite_utils.db import Column, Table, quote_identifier

IN_LIST = "IN (SELECT value FROM json_each(?))"
"""For any number of values in one parameter: what `json_list` makes of them."""

DUE = "identity = ? AND (next_attempt_at IS NULL OR next_attempt_at <= ?)"
"""What of a store may be tried at a time."""


class LedgerTable(Table):
    """A table whose columns are looked up once: after the migrations they stay as they are.

    sqlite-utils asks for them before each read and write, so that an upsert of a row is nine
    statements and takes a hundred times as long as one.
    """

    def exists(self) -> bool:
        """It does: the migrations made it."""
        return True

    @cached_property
    def columns(self) -> list[Column]:
        """The columns, in their order."""
        return super().columns

    @cached_property
    def columns_dict(self) -> dict[str, Any]:
        """The columns' types by name."""
        return super().columns_dict

    @cached_property
    def pks(self) -> list[str]:
        """The columns of the primary key."""
        return super().pks

    @cached_property
    def use_rowid(self) -> bool:
        """Whether there is no primary key but SQLite's own."""
        return super().use_rowid

    @cached_property
    def _by_key(self) -> str:
        where = " AND ".join(f"{quote_identifier(name)} = ?" for name in self.pks)
        return f"SELECT * FROM {quote_identifier(self.name)} WHERE {where}"  # noqa: S608

    def find(self, *key: str | int) -> dict[str, Any] | None:
        """The row with this primary key, or None."""
        return next(self.db.query(self._by_key, key), None)

    def put(self, record: Mapping[str, object]) -> None:
        """Put a row in, or set these columns of the one with its primary key.

        sqlite-utils' `upsert` takes ten times as long, and each list that is read ends with one.
        """
        names = [quote_identifier(name) for name in record]
        sets = [f"{name} = excluded.{name}" for name in names]
        keys = ", ".join(map(quote_identifier, self.pks))
        statement = (
            f"INSERT INTO {quote_identifier(self.name)} ({', '.join(names)}) "  # noqa: S608
            f"VALUES ({', '.join('?' * len(names))}) "
            f"ON CONFLICT ({keys}) DO UPDATE SET {', '.join(sets)}"
        )
        with self.db.atomic():
            self.db.execute(statement, list(record.values()))

    def update_where(self, where: str, where_args: Sequence[object], **values: object) -> int:
        """Set columns of the rows for which this holds; returns how many there are.

        sqlite-utils' `update` takes the primary key alone, and reads the row first.
        """
        sets = ", ".join(f"{quote_identifier(name)} = ?" for name in values)
        statement = f"UPDATE {quote_identifier(self.name)} SET {sets} WHERE {where}"  # noqa: S608
        with self.db.atomic():
            return self.db.execute(statement, [*values.values(), *where_args]).rowcount


class LedgerDatabase(Database):
    """A question is one statement, and a group of writes inside of another is part of it.

    sqlite-utils puts a savepoint around each, so that a question which is none changes nothing, and
    a failed inner group can be given up alone. Here questions are the ledger's own, and whatever
    fails ends the whole group; importing an order asks and writes so often that the savepoints
    were most of what SQLite had to do.
    """

    def table(self, table_name: str, **_defaults: object) -> LedgerTable:
        """One of the ledger's tables."""
        return LedgerTable(self, table_name)

    @property
    def supports_on_conflict(self) -> bool:
        """It does. sqlite-utils makes a table to find out, and drops it."""
        return True

    def query(
        self, sql: str, params: Sequence[object] | dict[str, object] | None = None
    ) -> Generator[dict[str, Any], None, None]:
        """Ask, at once; the rows as dictionaries are read as they are taken."""
        cursor = self.conn.execute(sql, params or ())
        names = [column[0] for column in cursor.description]
        return (dict(zip(names, row, strict=True)) for row in cursor)

    @contextmanager
    def atomic(self) -> Generator[Database, None, None]:
        """A group of writes: committed whole, or not at all. It may write from its beginning: one
        that read first could not, where another process has written meanwhile."""
        if self.conn.in_transaction:
            yield self
        else:
            self.conn.execute("BEGIN IMMEDIATE")
            with self.conn:
                yield self


def time_text(moment: datetime | None) -> str | None:
    """An aware time as fixed-width UTC text, which sorts as the times do."""
    if moment is None:
        return None
    utc = moment if moment.tzinfo is UTC else moment.astimezone(UTC)
    # not strftime: it writes the years before 1000 with fewer digits
    return f"{utc.isoformat(timespec='microseconds').removesuffix('+00:00')}Z"


def read_time(text: object) -> datetime | None:
    """The time that `time_text` wrote."""
    return datetime.fromisoformat(text) if isinstance(text, str) and text else None


def amount_text(amount: Decimal | None) -> str | None:
    """An amount as decimal text with every digit."""
    return None if amount is None else f"{amount:f}"


def json_list(values: Iterable[str | int]) -> str:
    """Values as one parameter for `IN_LIST`."""
    return json.dumps(list(values))
