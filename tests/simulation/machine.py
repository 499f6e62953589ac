"""The machine that the program runs on: its disk, its locks, its power."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from filelock import Timeout

from katana_woo_sync.ledger.database import BUSY_SECONDS

if TYPE_CHECKING:
    from random import Random

    from tests.simulation.scheduler import Process, Scheduler

LOOK_AGAIN = 0.5
"""Seconds after which a lock that is held is looked at again."""


BUSY_PAUSE = 0.05

Execute = Callable[..., sqlite3.Cursor]


class Disk:
    """Where the ledger is. Each commit is a point where the process may die, before and after; the
    disk may be full for some commits, or fail in the middle of a group of writes; and others may
    have their turn between any two statements."""

    def __init__(self, scheduler: Scheduler, dice: Random) -> None:
        self._scheduler = scheduler
        self._dice = dice
        self.full_for = 0
        """How many more commits fail."""
        self.fails_in = 0
        """With which statement in a transaction, from now on, the disk fails; 0: with none."""
        self.ways = 0.0
        """How many of the statements let others have their turn first."""
        self.refused = 0
        self.look: Callable[[sqlite3.Connection, str], None] = lambda _ledger, _written: None
        """Called after each commit, with the statements that wrote: the process may die there."""
        self._idle: dict[tuple[object, ...], list[_Connection]] = {}

    def connect(self, path: str | Path, **named: Any) -> sqlite3.Connection:
        """As `sqlite3.connect`. Whoever comes next to the same file takes a connection that was
        given up: opening one and reading the tables takes longer than what is done with it."""
        place = (str(path), _inode(path), *sorted(named.items()))
        idle = self._idle.setdefault(place, [])
        # what SQLite waits for would never come: others go on when their turn is given to them;
        # and whoever comes next prepares nothing that was prepared before
        named |= {"timeout": 0, "cached_statements": 1000}
        opened = idle.pop() if idle else _connect(path, factory=_Connection, **named)
        assert isinstance(opened, _Connection)
        opened.disk = self
        opened.idle = idle if place[1] else None
        return opened

    def close(self) -> None:
        """Close what is open."""
        for idle in self._idle.values():
            while idle:
                sqlite3.Connection.close(idle.pop())

    def touched(self) -> None:
        """Whoever is in turn touches the disk."""
        self._scheduler.point()

    def executed(
        self, execute: Execute, sql: str, parameters: Any, *, in_group: bool
    ) -> sqlite3.Cursor:
        """A statement, when it is its turn."""
        process = self._scheduler.process()
        if process is None:
            return execute(sql, parameters)
        if self.ways and self._dice.random() < self.ways:
            self._scheduler.give_way()
        if process.is_dead:
            self.touched()
        if self.fails_in and in_group:
            self.fails_in -= 1
            if not self.fails_in:
                self.refused += 1
                raise sqlite3.OperationalError("disk I/O error")
        limit = 0.0
        while True:
            try:
                return execute(sql, parameters)
            except sqlite3.OperationalError as error:
                now = self._scheduler.monotonic()
                limit = limit or now + BUSY_SECONDS
                if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or now >= limit:
                    raise
                self._scheduler.sleep(BUSY_PAUSE)

    def commit(self, ledger: _Connection, commit: Callable[[], Any]) -> Any:
        """Commit, unless the process dies or the disk is full."""
        self.touched()
        if self.full_for > 0 and self._scheduler.process() is not None:
            self.full_for -= 1
            self.refused += 1
            raise sqlite3.OperationalError("database or disk is full")
        result = commit()
        written, ledger.written = ledger.written, ""
        self.look(ledger, written)
        self.touched()
        return result


_connect = sqlite3.connect


def _inode(path: str | Path) -> int:
    """Which file it is; 0 where it is none."""
    place = urlsplit(str(path)).path if str(path).startswith("file:") else str(path)
    try:
        return os.stat(unquote(place)).st_ino if place else 0
    except FileNotFoundError:
        return 0


class _Connection(sqlite3.Connection):
    disk: Disk | None = None
    idle: list[_Connection] | None = None

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._settings: set[str] = set()
        self.written = ""
        """The statements that have written since the last commit."""

    def close(self) -> None:
        if self.idle is None:
            super().close()
        else:
            self.rollback()
            self.idle.append(self)
            self.idle = None

    def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
        if self.disk is None:
            return super().execute(sql, parameters)
        if sql == "COMMIT":
            result: sqlite3.Cursor = self.disk.commit(
                self, lambda: super(_Connection, self).execute(sql)
            )
            return result
        execute: Execute = super().execute
        if sql in self._settings:  # SQLite would prepare all statements anew
            execute = self._nothing
        elif sql.startswith("PRAGMA") and "=" in sql:
            self._settings.add(sql)
        elif not sql.startswith(("SELECT", "select")):
            self.written += sql
        return self.disk.executed(execute, sql, parameters, in_group=self.in_transaction)

    def _nothing(self, _sql: str, _parameters: Any, /) -> sqlite3.Cursor:
        return self.cursor()

    def __exit__(self, kind: Any, error: Any, trace: Any, /) -> Any:
        if error is not None or self.disk is None or not self.in_transaction:
            return super().__exit__(kind, error, trace)
        try:
            return self.disk.commit(
                self, lambda: super(_Connection, self).__exit__(None, None, None)
            )
        except BaseException:
            self.rollback()
            raise


class Locks:
    """Files that processes lock. A process that is dead holds none."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self._held: dict[str, tuple[Process | None, int]] = {}

    def file_lock(self, path: str | Path, **_named: Any) -> _FileLock:
        """As `filelock.FileLock`."""
        return _FileLock(self, str(path))

    def take(self, path: str, timeout: float) -> None:
        """Take a lock, again where the process has it. Raises `filelock.Timeout`."""
        mine = self._scheduler.process()

        def is_free() -> bool:
            holder, _times = self._held.get(path, (None, 0))
            return (
                path not in self._held or holder is mine or (holder is not None and holder.is_dead)
            )

        limit = self._scheduler.monotonic() + timeout
        while not is_free():
            if self._scheduler.monotonic() >= limit:
                raise Timeout(path)
            self._scheduler.sleep(LOOK_AGAIN)
        holder, times = self._held.get(path, (None, 0))
        self._held[path] = (mine, times + 1 if holder is mine and path in self._held else 1)

    def give(self, path: str) -> None:
        """Give a lock back, once for each time it was taken."""
        holder, times = self._held.get(path, (None, 0))
        if holder is self._scheduler.process() and path in self._held:
            if times > 1:
                self._held[path] = (holder, times - 1)
            else:
                del self._held[path]


class _FileLock:
    def __init__(self, locks: Locks, path: str) -> None:
        self._locks = locks
        self.lock_file = path

    def acquire(self, timeout: float) -> None:
        self._locks.take(self.lock_file, timeout)

    def release(self) -> None:
        self._locks.give(self.lock_file)


def scattered(dice: Random, most: int) -> int:
    """A number from 1 to `most`: small ones more often."""
    return 1 + int(most * dice.random() ** 2)
