"""The lock: one process at a time does a step; a second `run` is refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Protocol

from filelock import BaseFileLock, FileLock, Timeout

from katana_woo_sync.ledger import LedgerError

PATIENCE = 30.0
"""Seconds that a step waits for another run's step."""


STOCK_IS_HELD = "another run is working on stock; try again in some minutes"


class StockLock(Protocol):
    """Tells whether it is held by this run; `wait` waits for another run to end."""

    def __call__(self, *, wait: bool) -> AbstractContextManager[bool]: ...


class LockHeld(Exception):
    """Another run holds the lock; trying later is right."""


def step_lock(
    ledger: Path, patience: float = PATIENCE
) -> Callable[[], AbstractContextManager[None]]:
    """The lock of a ledger's steps. It may be taken again inside itself."""
    lock = FileLock(f"{ledger}.lock", mode=0o600)
    is_held = (
        f"Another run of katana-woo-sync has held the lock {ledger}.lock for {patience:.0f} "
        "seconds; trying later is right."
    )

    @contextmanager
    def hold() -> Iterator[None]:
        _acquire(lock, patience, is_held)
        try:
            yield
        finally:
            lock.release()

    return hold


def stock_lock(ledger: Path, patience: float = PATIENCE) -> StockLock:
    """The lock of whoever works stock, from the first reading to the last write: what one run
    computed from an older reading must not be set after what another read since."""

    @contextmanager
    def hold(*, wait: bool) -> Iterator[bool]:
        lock = FileLock(f"{ledger}.stock.lock", mode=0o600)
        try:
            _acquire(lock, patience if wait else 0, "")
        except LockHeld:
            yield False
            return
        try:
            yield True
        finally:
            lock.release()

    return hold


@contextmanager
def no_stock_lock(*, wait: bool) -> Iterator[bool]:
    """For a dry run, which writes nothing."""
    yield True


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
    import pwd

    try:
        owner = path.stat().st_uid
    except OSError:
        return ""
    try:
        return f": it belongs to {pwd.getpwuid(owner).pw_name}"
    except KeyError:
        return f": it belongs to the user with the id {owner}"


def no_lock() -> AbstractContextManager[None]:
    """For a dry run, which writes nothing."""
    return nullcontext()


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
