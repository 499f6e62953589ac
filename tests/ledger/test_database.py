"""Opening the ledger: permissions, versions, damage, and groups of writes."""

from __future__ import annotations

import hashlib
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from sqlite_utils import Database

from katana_woo_sync.domain.cursors import Cursor
from katana_woo_sync.ledger import Ledger, LedgerError, database
from katana_woo_sync.ledger.intents import Intent, IntentKind
from katana_woo_sync.ledger.schema import migrations
from katana_woo_sync.ledger.shop_notes import DueNote
from katana_woo_sync.ledger.sqlite import time_text
from tests.domain.samples import DAY, IDENTITY, NOW, make_record

Opener = Callable[[Path], Ledger]
every_way = pytest.mark.parametrize("opener", [Ledger.open, Ledger.open_to_read, Ledger.open_copy])
NOBODY = 65534


def refusal(opener: Opener, path: Path) -> LedgerError:
    """Why the ledger is not opened."""
    with pytest.raises(LedgerError) as caught:
        opener(path)
    return caught.value


def change(path: Path, statement: str) -> None:
    """Change a ledger as another program would."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(statement)


def schema(path: Path) -> list[tuple[str, str]]:
    """The ledger's tables and indexes."""
    with closing(sqlite3.connect(path)) as connection:
        found = connection.execute("SELECT name, sql FROM sqlite_master ORDER BY name")
        return found.fetchall()


@pytest.fixture
def others_directory() -> Iterator[Path]:
    """A directory that this process may read but not write; root becomes nobody for that."""
    with tempfile.TemporaryDirectory() as name:
        directory, root = Path(name), os.geteuid() == 0
        Ledger.open(directory / "there.db").close()
        (directory / "there.db").chmod(0o644)
        directory.chmod(0o555)
        if root:
            os.seteuid(NOBODY)
        try:
            yield directory
        finally:
            if root:
                os.seteuid(0)
            directory.chmod(0o755)


# Permissions


def test_a_new_ledger_is_for_its_owner_only(path: Path) -> None:
    before = os.umask(0)
    try:
        with Ledger.open(path) as ledger:
            ledger.stores.add(IDENTITY, "eu")
            files = sorted(path.parent.iterdir())
            assert [file.name for file in files] == ["ledger.db", "ledger.db-shm", "ledger.db-wal"]
            assert {oct(file.stat().st_mode & 0o777) for file in files} == {"0o600"}
    finally:
        os.umask(before)


def test_a_directory_that_cannot_be_written_is_named_with_a_remedy(others_directory: Path) -> None:
    for name in ("new.db", "there.db"):
        error = refusal(Ledger.open, others_directory / name)
        assert str(others_directory / name) in str(error)
        assert "cannot be written" in str(error)
        assert "Run as its owner" in str(error)


def test_a_directory_that_is_not_there_is_refused(path: Path) -> None:
    assert "No such file or directory" in str(refusal(Ledger.open, path / "deeper" / "ledger.db"))


# Versions


def test_migrations_run_once(path: Path) -> None:
    with Ledger.open(path) as ledger:
        ledger.stores.add(IDENTITY, "eu")
    first = schema(path)
    with Ledger.open(path) as ledger:
        assert ledger.stores.get(IDENTITY) is not None
    assert schema(path) == first


@pytest.mark.parametrize(
    ("before", "digest"),
    [
        ("m008_shop_notes", "2429e74fa7ec1aca"),
        ("m010_to_import", "cb67ea6a34f17cc5"),
        ("m011_order_counts", "09e18fa0c3318ae2"),
    ],
)
def test_a_migration_that_was_run_somewhere_never_changes(before: str, digest: str) -> None:
    """Ledgers that ran those before it have exactly this, and the later ones build on it."""
    own = "sql IS NOT NULL AND name NOT LIKE 'sqlite%' AND name != '_sqlite_migrations'"
    with Database(memory=True) as db:
        migrations.apply(db, stop_before=before)
        rows = db.execute(f"SELECT sql FROM sqlite_master WHERE {own} ORDER BY sql").fetchall()
    made = "\n".join(row[0] for row in rows)
    assert "history_by_time" in made
    assert hashlib.sha256(made.encode()).hexdigest()[:16] == digest


def test_the_orders_of_an_older_ledger_are_counted(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        older = Database(connection)
        migrations.apply(older, stop_before="m011_order_counts")
        older.execute("INSERT INTO stores (identity, name) VALUES (?, 'eu')", [IDENTITY])
        for order_id, state in enumerate(("fulfilled", "fulfilled", "imported"), start=1):
            _insert_order(older, order_id, state)
        connection.commit()
    with Ledger.open(path) as ledger:
        assert ledger.orders.counts(IDENTITY) == {"fulfilled": 2, "imported": 1}


def test_a_ledger_of_the_version_before_goes_on(path: Path) -> None:
    """All that it kept is there, and is read and written as this version's own."""
    at, later = time_text(NOW), time_text(NOW + DAY)
    with closing(sqlite3.connect(path)) as connection:
        older = Database(connection)
        migrations.apply(older, stop_before="m016_less_to_keep")
        older.execute("INSERT INTO stores (identity, name) VALUES (?, 'eu')", [IDENTITY])
        _insert_order(older, 57, "queued")
        older.execute(
            "INSERT INTO intents (kind, key, identity, order_id, at, lost_at) VALUES "
            "('customer', 'a#1', NULL, NULL, ?, NULL), ('sales_order', 'a#57', 'a', 57, ?, ?)",
            [at, later, later],
        )
        older.execute("INSERT INTO shop_notes VALUES (?, 57, 'import', 2, ?)", [IDENTITY, later])
        older.execute(
            "INSERT INTO ahead VALUES ('shop:a', 57, ?), ('shop:a', 58, ?), ('stock:a', 9, ?)",
            [at, later, later],
        )
        older.execute("INSERT INTO meta VALUES ('salt', 'pepper')")
        older.execute("INSERT INTO cursors VALUES ('shop:a', ?, ?, 1)", [at, later])
        older.execute("INSERT INTO stock_stores (identity, managed) VALUES (?, 7)", [IDENTITY])
        older.execute("INSERT INTO stock_due (identity, variant_id) VALUES (?, 77)", [IDENTITY])
        connection.commit()
    for _ in ("migrated", "opened again"):
        with Ledger.open(path) as ledger:
            assert ledger.intents.all_open() == [
                Intent(IntentKind.CUSTOMER, "a#1", NOW),
                Intent(IntentKind.SALES_ORDER, "a#57", NOW + DAY),
            ]
            assert ledger.shop_notes.due(IDENTITY, NOW) == []
            assert ledger.shop_notes.due(IDENTITY, NOW + DAY) == [DueNote(57, "import", 2)]
            assert ledger.stores.ahead("shop:a") == {57: NOW, 58: NOW + DAY}
            assert ledger.stores.ahead("stock:a") == {9: NOW + DAY}
            assert ledger.stores.cursor("shop:a") == Cursor(NOW, NOW + DAY, is_complete=True)
            assert ledger.salt == "pepper"
            state = ledger.stock.state(IDENTITY)
            assert state is not None
            assert (state.managed, state.compared_at) == (7, None)
            assert ledger.stock.due(IDENTITY).variant_ids == (77,)
            assert ledger.orders.counts(IDENTITY) == {"queued": 1}
    with Ledger.open(path) as ledger:
        ledger.intents.begin(IntentKind.CUSTOMER, "a#1", NOW + 2 * DAY)
        ledger.intents.end(IntentKind.SALES_ORDER, "a#57")
        assert ledger.intents.all_open() == [Intent(IntentKind.CUSTOMER, "a#1", NOW + 2 * DAY)]
        ledger.shop_notes.add(IDENTITY, 57, "import")
        ledger.shop_notes.add(IDENTITY, 57, "tracking")
        assert ledger.shop_notes.due(IDENTITY, NOW + DAY) == [
            DueNote(57, "import", 2),
            DueNote(57, "tracking", 0),
        ]
        ledger.stores.set_ahead("shop:a", {})
        assert ledger.stores.ahead("shop:a") == {}


def test_a_migrated_ledger_has_the_tables_of_a_new_one(path: Path, tmp_path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        migrations.apply(Database(connection), stop_before="m016_less_to_keep")
        connection.commit()
    Ledger.open(path).close()
    Ledger.open(tmp_path / "new.db").close()
    assert schema(path) == schema(tmp_path / "new.db")


def _insert_order(db: Database, order_id: int, state: str) -> None:
    """An order as a version before this one would have written it."""
    columns = {column.name: "" for column in db["orders"].columns if column.notnull}
    row = columns | {"identity": IDENTITY, "order_id": order_id, "state": state}
    names, marks = ", ".join(row), ", ".join("?" * len(row))
    db.execute(f"INSERT INTO orders ({names}) VALUES ({marks})", list(row.values()))


@every_way
def test_a_ledger_of_a_newer_version_is_refused(opener: Opener, path: Path) -> None:
    Ledger.open(path).close()
    change(
        path,
        "INSERT INTO _sqlite_migrations (migration_set, name, applied_at) "
        "VALUES ('katana_woo_sync', 'm999_later', '')",
    )
    before = path.read_bytes()
    assert "newer version of katana-woo-sync; upgrade" in str(refusal(opener, path))
    assert path.read_bytes() == before


@every_way
def test_a_database_of_another_program_is_refused_and_left_alone(
    opener: Opener, path: Path
) -> None:
    change(path, "CREATE TABLE orders (id INTEGER)")
    before = schema(path)
    assert "database of another program" in str(refusal(opener, path))
    assert schema(path) == before


def test_several_processes_may_start_with_a_new_ledger_at_once(path: Path) -> None:
    def start(_number: int) -> bool:
        with Ledger.open(path) as ledger:
            return ledger.stores.get(IDENTITY) is None

    with ThreadPoolExecutor(8) as starts:
        assert list(starts.map(start, range(8))) == [True] * 8


# Damage


@every_way
@pytest.mark.parametrize("damage", ["no database", "cut off"])
def test_a_broken_ledger_is_refused_with_a_remedy(opener: Opener, path: Path, damage: str) -> None:
    Ledger.open(path).close()
    whole = path.read_bytes()
    path.write_bytes(b"no database " * 1000 if damage == "no database" else whole[:5000])
    error = refusal(opener, path)
    assert "is broken" in str(error)
    assert "katana-woo-sync rebuild-ledger" in str(error)
    assert not error.for_later


def test_an_empty_file_is_a_new_ledger(path: Path) -> None:
    path.touch()
    with Ledger.open(path) as ledger:
        assert ledger.stores.get(IDENTITY) is None


# Reading only


def test_opening_to_read_writes_nothing_to_the_ledger(path: Path) -> None:
    with Ledger.open(path) as ledger:
        ledger.stores.add(IDENTITY, "eu")
    before, changed = path.read_bytes(), path.stat().st_mtime_ns
    with Ledger.open_to_read(path) as ledger:
        assert ledger.stores.get(IDENTITY) is not None
        with pytest.raises(LedgerError, match="readonly"), ledger.atomic():
            ledger.stores.add("other", "us")
    assert (path.read_bytes(), path.stat().st_mtime_ns) == (before, changed)


def test_reading_a_ledger_that_is_not_there_makes_none(path: Path) -> None:
    for opener in (Ledger.open_to_read, Ledger.open_copy):
        with opener(path) as ledger:
            assert ledger.stores.get(IDENTITY) is None
    assert not path.exists()


def test_a_ledger_of_an_older_version_is_read_as_a_copy(path: Path) -> None:
    columns = "id INTEGER PRIMARY KEY, migration_set TEXT, name TEXT, applied_at TEXT"
    change(path, f"CREATE TABLE _sqlite_migrations ({columns})")
    before = schema(path)
    with Ledger.open_to_read(path) as ledger:
        assert ledger.orders.counts(IDENTITY) == {}
    assert schema(path) == before


def test_what_is_written_to_a_copy_is_forgotten(ledger: Ledger, path: Path) -> None:
    with Ledger.open_copy(path) as copy:
        copy.orders.save([make_record()])
        assert copy.orders.get(IDENTITY, 57) is not None
    assert ledger.orders.get(IDENTITY, 57) is None


# Groups of writes


def test_an_exception_rolls_back_the_whole_group(ledger: Ledger) -> None:
    def fail_halfway() -> None:
        with ledger.atomic():
            ledger.orders.save([make_record()])
            ledger.intents.begin(IntentKind.SALES_ORDER, "a", NOW)
            with ledger.atomic():
                ledger.stores.set_meta("key", "value")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_halfway()
    assert ledger.orders.get(IDENTITY, 57) is None
    assert ledger.intents.all_open() == []
    assert ledger.stores.meta("key") is None


def test_a_group_is_committed_whole(ledger: Ledger, path: Path) -> None:
    with ledger.atomic():
        ledger.orders.save([make_record()])
        ledger.intents.begin(IntentKind.SALES_ORDER, "a", NOW)
    with Ledger.open(path) as again:
        assert again.orders.get(IDENTITY, 57) == make_record(version=1)
        assert len(again.intents.all_open()) == 1


def test_foreign_keys_hold(ledger: Ledger) -> None:
    with pytest.raises(LedgerError, match="FOREIGN KEY"), ledger.atomic():
        ledger.orders.save([make_record(identity="unknown.example.com")])


def test_one_reads_while_another_writes(ledger: Ledger, path: Path) -> None:
    with Ledger.open_to_read(path) as reader:
        with ledger.atomic():
            ledger.orders.save([make_record()])
            assert reader.orders.get(IDENTITY, 57) is None
        assert reader.orders.get(IDENTITY, 57) == make_record(version=1)


def test_a_second_writer_is_told_to_come_later(
    ledger: Ledger, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.05)
    with Ledger.open(path) as other, ledger.atomic():
        ledger.orders.save([make_record()])
        with pytest.raises(LedgerError, match="locked by another") as caught, other.atomic():
            other.stores.set_meta("key", "value")
        assert caught.value.for_later
    assert ledger.orders.get(IDENTITY, 57) is not None


def test_what_was_committed_survives_a_killed_process_and_nothing_else(path: Path) -> None:
    code = f"""
        import os, signal
        from datetime import UTC, datetime
        from pathlib import Path
        from katana_woo_sync.ledger import Ledger
        from katana_woo_sync.ledger.intents import IntentKind

        now = datetime(2026, 11, 23, tzinfo=UTC)
        ledger = Ledger.open(Path({str(path)!r}))
        ledger.intents.begin(IntentKind.SALES_ORDER, "committed", now)
        with ledger.atomic():
            ledger.intents.begin(IntentKind.SALES_ORDER, "not committed", now)
            os.kill(os.getpid(), signal.SIGKILL)
    """
    killed = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=False)
    assert killed.returncode == -signal.SIGKILL
    with Ledger.open(path) as ledger:
        assert [intent.key for intent in ledger.intents.all_open()] == ["committed"]


def test_the_salt_stays_the_same_and_is_another_in_another_ledger(
    ledger: Ledger, path: Path, tmp_path: Path
) -> None:
    salt = ledger.salt
    with Ledger.open(path) as again, Ledger.open(tmp_path / "other.db") as other:
        assert (again.salt, len(salt)) == (salt, 32)
        assert other.salt != salt
