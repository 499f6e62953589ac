"""sqlite-utils' database, without the savepoints that the ledger has no use for."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager

from sqlite_utils import Database


class LedgerDatabase(Database):
    """A question is one statement, and a group of writes inside of another is part of it.

    sqlite-utils puts a savepoint around each, so that a question which is none changes nothing, and
    a failed inner group can be given up alone. Here questions are the ledger's own, and whatever
    fails ends the whole group; importing an order asks and writes so often that the savepoints
    were most of what SQLite had to do.
    """

    def query(
        self, sql: str, params: Sequence[object] | dict[str, object] | None = None
    ) -> Generator[dict[str, object], None, None]:
        """Ask, at once; the rows as dictionaries are read as they are taken."""
        cursor = self.conn.execute(sql, params or ())
        names = [column[0] for column in cursor.description]
        return (dict(zip(names, row, strict=True)) for row in cursor)

    @contextmanager
    def atomic(self) -> Generator[Database, None, None]:
        """A group of writes: committed whole, or not at all."""
        if self.conn.in_transaction:
            yield self
        else:
            with super().atomic():
                yield self
