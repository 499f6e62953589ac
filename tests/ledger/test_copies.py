"""What is kept of a ledger before an upgrade changes it."""

from __future__ import annotations

import logging
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest
from sqlite_utils import Database

from katana_woo_sync.ledger import Ledger
from katana_woo_sync.ledger.copies import kept_beside
from katana_woo_sync.ledger.schema import migrations
from tests.domain.samples import IDENTITY

with Database(memory=True) as empty:
    LAST = migrations.pending(empty)[-1].name


@pytest.fixture
def older(path: Path) -> Path:
    """A ledger as the version before wrote it."""
    with closing(sqlite3.connect(path)) as connection:
        db = Database(connection)
        migrations.apply(db, stop_before=LAST)
        db.execute("INSERT INTO stores (identity, name) VALUES (?, 'eu')", [IDENTITY])
        connection.commit()
    return path


def test_an_upgrade_keeps_a_copy_and_says_where(
    older: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "katana_woo_sync"):
        Ledger.open(older).close()
    (kept,) = kept_beside(older)
    assert str(kept) in caplog.text
    assert oct(kept.stat().st_mode & 0o777) == "0o600"
    with closing(sqlite3.connect(kept)) as connection:
        assert connection.execute("SELECT name FROM stores").fetchall() == [("eu",)]
        assert [each.name for each in migrations.pending(Database(connection))] == [LAST]


def test_it_is_kept_once(older: Path) -> None:
    for _ in range(2):
        Ledger.open(older).close()
    assert len(kept_beside(older)) == 1


def test_several_that_begin_at_once_keep_one(older: Path) -> None:
    ready = threading.Barrier(4)

    def begin() -> None:
        ready.wait()
        Ledger.open(older).close()

    threads = [threading.Thread(target=begin) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(kept_beside(older)) == 1


def test_a_new_ledger_and_a_look_at_an_older_one_keep_none(older: Path, tmp_path: Path) -> None:
    Ledger.open_to_read(older).close()
    Ledger.open_copy(older).close()
    assert kept_beside(older) == []
    Ledger.open(tmp_path / "new.db").close()
    assert kept_beside(tmp_path / "new.db") == []
