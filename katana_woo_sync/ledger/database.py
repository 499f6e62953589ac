"""Opening the ledger: permissions, migrations, durability, and the groups of writes."""

from __future__ import annotations

import logging
import os
import secrets
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from types import TracebackType

from sqlite_utils import Database

from katana_woo_sync.ledger.adoptables import Adoptables
from katana_woo_sync.ledger.catalogue import Catalogue
from katana_woo_sync.ledger.copies import BEFORE_UPGRADE, write_copy
from katana_woo_sync.ledger.customers import Customers
from katana_woo_sync.ledger.history import Journal
from katana_woo_sync.ledger.intents import Intents
from katana_woo_sync.ledger.notifications import Notifications
from katana_woo_sync.ledger.orders import Orders
from katana_woo_sync.ledger.personal import PersonalData
from katana_woo_sync.ledger.schema import migrations
from katana_woo_sync.ledger.shipments import Shipments
from katana_woo_sync.ledger.shipping_fees import ShippingFees
from katana_woo_sync.ledger.shop_notes import ShopNotes
from katana_woo_sync.ledger.sqlite import LedgerDatabase
from katana_woo_sync.ledger.statistics import Statistics
from katana_woo_sync.ledger.stock import Stock
from katana_woo_sync.ledger.stores import Stores

BUSY_SECONDS = 30.0
WAL_PAUSE = 0.02

log = logging.getLogger("katana_woo_sync")


class LedgerError(Exception):
    """The ledger cannot be used; the text says why and what to do.

    `for_later` tells that trying later may be right (a full disk, a lock); `is_broken` that the
    file is damaged.
    """

    def __init__(self, text: str, *, for_later: bool = False, is_broken: bool = False) -> None:
        super().__init__(text)
        self.for_later = for_later
        self.is_broken = is_broken


class Ledger:
    """The ledger, open. One thread writes at a time; reading needs no lock (WAL)."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        path: Path,
        *,
        migrate: bool = True,
        keep_copy: bool = False,
    ) -> None:
        self._path = path
        # sqlite-utils' plugins are for its command line; loading them costs start-up time
        self._db = LedgerDatabase(connection, execute_plugins=False)
        self._db.execute("PRAGMA foreign_keys = ON")
        if migrate:
            _migrate(Database(connection, execute_plugins=False), path if keep_copy else None)
        self.orders = Orders(self._db)
        self.adoptables = Adoptables(self._db)
        self.shipping_fees = ShippingFees(self._db)
        self.customers = Customers(self._db)
        self.personal = PersonalData(self._db)
        self.catalogue = Catalogue(self._db)
        self.intents = Intents(self._db)
        self.journal = Journal(self._db)
        self.stores = Stores(self._db)
        self.stock = Stock(self._db)
        self.notifications = Notifications(self._db)
        self.statistics = Statistics(self._db)
        self.shop_notes = ShopNotes(self._db)
        self.shipments = Shipments(self._db)

    @classmethod
    def open(cls, path: Path) -> Ledger:
        """Open the ledger, made for its owner only if it is not there yet. One that an older
        version wrote is brought up to date; a copy of it as it was is kept beside it.

        Raises `LedgerError` where it cannot be read or written, is broken, or is of a newer
        version of the program.
        """
        try:
            if not path.exists():
                os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
            with _closed_on_failure(_connect(path)) as connection:
                return cls(connection, path, migrate=_is_older(connection, path), keep_copy=True)
        except (OSError, sqlite3.Error) as error:
            raise _explained(path, error) from error

    @classmethod
    def open_to_read(cls, path: Path) -> Ledger:
        """The ledger as it is, for commands that only look: no lock, and nothing is written.

        One that is not there, or was written by an older version, is read as a copy.
        """
        try:
            if path.exists():
                opened = sqlite3.connect(_read_only(path), uri=True, timeout=BUSY_SECONDS)
                with _closed_on_failure(opened) as connection:
                    if not _is_older(connection, path):
                        return cls(connection, path, migrate=False)
                connection.close()
        except (OSError, sqlite3.Error) as error:
            raise _explained(path, error) from error
        return cls.open_copy(path)

    @staticmethod
    def backup(path: Path, target: Path) -> None:
        """Copy the ledger into another file, also while a run works with it. A backup that is there
        already is replaced, when the new one is whole and sound.

        Raises `LedgerError`; another file than a ledger is left as it is.
        """
        if not path.exists():
            raise LedgerError(f"There is no ledger {path} yet: there is nothing to back up.")
        if target.name in _own_files(path) and _is_same(target.parent, path.parent):
            raise LedgerError(
                f"{target} is the ledger itself, or a file of its; name another file."
            )
        try:
            _refuse_other_files(target, path)
            with closing(sqlite3.connect(_read_only(path), uri=True)) as source:
                _is_older(source, path)
                write_copy(source, target)
        except sqlite3.Error as error:
            raise _explained(path, error) from error
        except OSError as error:
            raise LedgerError(
                f"The backup {target} could not be written ({error.strerror or error}). Name a "
                "file in a folder that exists and that this user may write to.",
                for_later="space" in str(error),
            ) from error

    @staticmethod
    def check(path: Path) -> None:
        """Look through the whole file, if it is there. Raises `LedgerError` where it is broken."""
        if not path.exists():
            return
        try:
            with closing(sqlite3.connect(_read_only(path), uri=True)) as connection:
                _is_older(connection, path)
                found = [row[0] for row in connection.execute("PRAGMA integrity_check(1)")]
                if found != ["ok"]:
                    raise sqlite3.DatabaseError(f"malformed: {found[0]}")
        except sqlite3.Error as error:
            raise _explained(path, error) from error

    @classmethod
    def open_copy(cls, path: Path) -> Ledger:
        """A copy for `--dry-run`: what is written to it is forgotten. SQLite keeps it in a nameless
        file of its own, which is gone when it is closed: a ledger may be larger than the memory."""
        opened = sqlite3.connect("", check_same_thread=False)
        try:
            with _closed_on_failure(opened) as copy:
                if path.exists():
                    with closing(sqlite3.connect(_read_only(path), uri=True)) as source:
                        _is_older(source, path)
                        source.backup(copy)
                return cls(copy, path)
        except (OSError, sqlite3.Error) as error:
            raise _explained(path, error) from error

    @contextmanager
    def atomic(self) -> Iterator[None]:
        """One group of writes: committed whole, or not at all. May be nested.

        Raises `LedgerError` where SQLite cannot write (a full disk, a lock held for long).
        """
        try:
            with self._db.atomic():
                yield
        except sqlite3.DatabaseError as error:
            raise _explained(self._path, error) from error

    @property
    def salt(self) -> str:
        """The salt of this ledger's digests of personal data."""
        salt = self.stores.meta("salt")
        if salt is None:
            salt = secrets.token_hex(16)
            self.stores.set_meta("salt", salt)
        return salt

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def __enter__(self) -> Ledger:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self.close()
        finally:
            if isinstance(error, sqlite3.DatabaseError):
                raise _explained(self._path, error) from error


def _read_only(path: Path) -> str:
    return f"{path.absolute().as_uri()}?mode=ro"


def _connect(path: Path) -> sqlite3.Connection:
    opened = sqlite3.connect(path, timeout=BUSY_SECONDS, check_same_thread=False)
    with _closed_on_failure(opened) as connection:
        _use_wal(connection)
        # FULL: an intent that was committed must be there after a power failure too
        connection.execute("PRAGMA synchronous = FULL")
        return connection


def _use_wal(connection: sqlite3.Connection) -> None:
    """Switch a new file to WAL; SQLite does not wait where another process is just doing so."""
    for _ in range(int(BUSY_SECONDS / WAL_PAUSE)):
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error):
                raise
            time.sleep(WAL_PAUSE)
    connection.execute("PRAGMA journal_mode = WAL")


def _migrate(db: Database, path: Path | None) -> None:
    """Bring the tables up to date; another process that begins to do so waits, then finds it done.

    `migrations.apply` looks what is pending inside of the transaction. What was at `path` before is
    copied first, inside of it too: nobody writes between the copy and the change.
    """
    if migrations.pending(db):
        db.conn.execute("BEGIN IMMEDIATE")
        with db.conn:
            if path is not None and migrations.pending(db) and migrations.applied(db):
                _keep_copy(path)
            migrations.apply(db)


def _keep_copy(path: Path) -> None:
    kept = path.with_name(f"{path.name}{BEFORE_UPGRADE}{datetime.now(UTC):%Y%m%d-%H%M%S}")
    with closing(sqlite3.connect(_read_only(path), uri=True)) as source:
        write_copy(source, kept)
    log.warning(
        "The ledger was written by an older version, and is brought up to date. It is kept as it "
        "was: %s. Delete that once all is well",
        kept,
    )


def _own_files(path: Path) -> set[str]:
    suffixes = ("", "-wal", "-shm", "-journal", ".lock", ".stock.lock", ".run.lock")
    return {path.name + suffix for suffix in suffixes}


def _is_same(one: Path, other: Path) -> bool:
    return one.resolve() == other.resolve()


def _refuse_other_files(target: Path, ledger: Path) -> None:
    """A typing error must cost neither the ledger nor any other file."""
    if not target.exists():
        return
    if target.samefile(ledger):
        raise LedgerError(f"{target} is the ledger itself; name another file.")
    if not target.is_file():
        raise LedgerError(f"{target} is no file; name one.")
    if target.stat().st_size == 0:
        return
    try:
        with closing(sqlite3.connect(_read_only(target), uri=True)) as connection:
            _is_older(connection, target)
    except (sqlite3.Error, LedgerError) as error:
        raise LedgerError(
            f"{target} holds something else than a ledger of this program, and was left as it is; "
            "name another file, or remove it."
        ) from error


@contextmanager
def _closed_on_failure(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    try:
        yield connection
    except BaseException:
        connection.close()
        raise


def _is_older(connection: sqlite3.Connection, path: Path) -> bool:
    """Whether an older version of the program has written the ledger, or none yet. Raises
    `LedgerError` where a newer one has, or another program."""
    tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master")}
    if migrations.migrations_table not in tables:
        if "orders" in tables or tables - {"sqlite_sequence"}:
            raise LedgerError(f"{path} is a database of another program; set `ledger` to another.")
        return True
    # the table itself, not its index: a page of it that is broken is found here
    rows = connection.execute(f"SELECT * FROM {migrations.migrations_table} NOT INDEXED")  # noqa: S608
    columns = [column[0] for column in rows.description]
    applied = [dict(zip(columns, row, strict=True)) for row in rows]
    names = {row["name"] for row in applied if row["migration_set"] == migrations.name}
    known = _migrations()
    if names - known:
        raise LedgerError(
            f"{path} was written by a newer version of katana-woo-sync; upgrade the program "
            "(pip install --upgrade katana-woo-sync)."
        )
    return names != known


@cache
def _migrations() -> frozenset[str]:
    """The names of all that an empty ledger needs."""
    with closing(sqlite3.connect(":memory:")) as empty:
        pending = migrations.pending(Database(empty, execute_plugins=False))
        return frozenset(migration.name for migration in pending)


def _explained(path: Path, error: Exception) -> LedgerError:
    text = str(error)
    return LedgerError(
        _explain(path, error),
        for_later="full" in text or "locked" in text or "I/O" in text,
        is_broken=_is_broken(text),
    )


def _is_broken(text: str) -> bool:
    return "malformed" in text or "not a database" in text


def _explain(path: Path, error: Exception) -> str:
    text = str(error)
    if isinstance(error, PermissionError) or "readonly" in text or "unable to open" in text:
        return (
            f"The ledger {path} cannot be written ({text}). Run as its owner, or make its "
            "directory writable for the user that runs katana-woo-sync."
        )
    if _is_broken(text):
        return (
            f"The ledger {path} is broken ({text}). Run `katana-woo-sync rebuild-ledger`: it keeps "
            "the file and makes a new one from what Katana holds; nothing is doubled."
        )
    if "full" in text:
        return f"The disk that holds the ledger {path} is full ({text}). Make room and run again."
    if "I/O" in text:
        return (
            f"The disk that holds the ledger {path} does not take or give what it should ({text}). "
            "It may be full, or failing: make room or look at it, then run again."
        )
    if "locked" in text:
        return f"The ledger {path} is locked by another program ({text}). Close it and run again."
    return f"The ledger {path} cannot be used: {text}."
