"""sqlite-utils' database, without the savepoints that the ledger has no use for."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal

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


def read_amount(text: object) -> Decimal | None:
    """The amount that `amount_text` wrote."""
    return Decimal(text) if isinstance(text, str) and text else None
