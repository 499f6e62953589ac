"""The lock: one run at a time works with a ledger; a second `run` is refused."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from filelock import BaseFileLock, FileLock, Timeout

from katana_woo_sync.ledger import LedgerError


class LockHeld(Exception):
    """Another run holds the lock; trying later is right. `is_stuck`: it has not got on for long,
    and a person should look."""

    def __init__(self, text: str, *, is_stuck: bool = False) -> None:
        super().__init__(text)
        self.is_stuck = is_stuck


class RunLock(Protocol):
    """Held by one run from its beginning to its end."""

    def acquire(self, patience: float) -> None:
        """Take the lock, after waiting for it so many seconds. Raises `LockHeld`, and `LedgerError`
        where the lock file cannot be opened."""

    def release(self) -> None:
        """Give the lock back."""


class LedgerLock:
    """The lock of a ledger. It may be taken again by who has it. Of its two files, older versions
    of the program hold one for each step, and the other as long as they work stock."""

    def __init__(self, ledger: Path) -> None:
        self._files = [
            FileLock(f"{ledger}.lock", mode=0o600),
            FileLock(f"{ledger}.stock.lock", mode=0o600),
        ]
        self._is_held = (
            f"Another run of katana-woo-sync is at work (it holds {ledger}.lock); trying later is "
            "right."
        )

    def acquire(self, patience: float) -> None:
        """As `RunLock` says."""
        first, second = self._files
        _acquire(first, patience, self._is_held)
        try:
            _acquire(second, patience, self._is_held)
        except BaseException:
            first.release()
            raise

    def release(self) -> None:
        """As `RunLock` says."""
        for file in reversed(self._files):
            file.release()


class NoLock:
    """For a dry run, which writes nothing."""

    def acquire(self, patience: float) -> None:
        """Nothing is taken."""

    def release(self) -> None:
        """Nothing was taken."""


def _acquire(lock: BaseFileLock, patience: float, is_held: str) -> None:
    """Raises `LockHeld`, and `LedgerError` for a lock file that this user may not open."""
    try:
        lock.acquire(timeout=patience)
    except Timeout as error:
        raise LockHeld(is_held) from error
    except OSError as error:
        path = Path(lock.lock_file)
        if not isinstance(error, PermissionError):
            raise LedgerError(
                f"The lock file {path} cannot be opened ({error.strerror or error}).",
                for_later=True,
            ) from error
        raise LedgerError(
            f"The lock file {path} may not be opened by this user"
            f"{_owner(path)}. Run as the user that the ledger belongs to. If that is this user, "
            "delete the lock file while no run is at work."
        ) from error


def _owner(path: Path) -> str:
    if sys.platform == "win32":  # which has no such ids
        return ""
    import pwd

    try:
        owner = path.stat().st_uid
    except OSError:
        return ""
    try:
        return f": it belongs to {pwd.getpwuid(owner).pw_name}"
    except KeyError:
        return f": it belongs to the user with the id {owner}"


@contextmanager
def only_run(ledger: Path) -> Iterator[None]:
    """Held by `run` as long as it lives. Raises `LockHeld` at once where another one lives."""
    lock = FileLock(f"{ledger}.run.lock", mode=0o600)
    is_held = f"Another `katana-woo-sync run` works with the ledger {ledger}; only one may."
    _acquire(lock, 0, is_held)
    try:
        yield
    finally:
        lock.release()
