"""sqlite-utils as the ledger uses it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest

from katana_woo_sync.ledger.sqlite import IN_LIST, LedgerDatabase, LedgerTable, json_list

Cursors = tuple[LedgerTable, list[str]]


@pytest.fixture
def table() -> Iterator[Cursors]:
    """A table with one row, and the statements that are run from now on."""
    statements: list[str] = []
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("CREATE TABLE t (key TEXT PRIMARY KEY, n INTEGER) WITHOUT ROWID")
        connection.execute("INSERT INTO t VALUES ('a', 1)")
        connection.commit()
        made = LedgerDatabase(connection, execute_plugins=False).table("t")
        made.upsert({"key": "a", "n": 1})  # which looks the columns up
        connection.set_trace_callback(statements.append)
        yield made, statements


def own(statements: list[str]) -> int:
    """How many of them are neither the beginning nor the end of a group."""
    return sum(not text.startswith(("BEGIN", "COMMIT")) for text in statements)


def test_each_read_and_write_is_one_statement(table: Cursors) -> None:
    rows, statements = table
    rows.upsert({"key": "a", "n": 2})
    rows.insert({"key": "b", "n": 3})
    assert rows.find("a") == {"key": "a", "n": 2}
    assert rows.find("c") is None
    assert rows.update_where("key = ?", ["b"], n=4) == 1
    assert rows.update_where("key = ?", ["c"], n=4) == 0
    assert list(rows.rows_where("n > ?", [3])) == [{"key": "b", "n": 4}]
    rows.delete_where("key = ?", ["b"])
    assert rows.count_where() == 1
    assert own(statements) == 9


def test_any_number_of_values_is_one_parameter(table: Cursors) -> None:
    rows, statements = table
    keys = [*"abc", "'); DROP TABLE t; --", *(f"k{n}" for n in range(5000))]
    rows.upsert_all({"key": key, "n": 1} for key in keys)
    statements.clear()
    assert len(list(rows.rows_where(f"key {IN_LIST}", [json_list(keys)]))) == len(keys)
    rows.delete_where(f"key {IN_LIST}", [json_list(keys)])
    assert rows.count_where(f"key {IN_LIST}", [json_list([])]) == rows.count_where() == 0
    assert own(statements) == 4
