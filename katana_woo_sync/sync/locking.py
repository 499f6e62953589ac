"""The lock: one process at a time does a step; a second `run` is refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Protocol

from filelock import FileLock, Timeout

PATIENCE = 30.0
"""Seconds that a step waits for another run's step."""


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

    @contextmanager
    def hold() -> Iterator[None]:
        try:
            lock.acquire(timeout=patience)
        except Timeout as error:
            raise LockHeld(
                f"Another run of katana-woo-sync has held the lock {ledger}.lock for "
                f"{patience:.0f} seconds; trying later is right."
            ) from error
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
            lock.acquire(timeout=patience if wait else 0)
        except Timeout:
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


def no_lock() -> AbstractContextManager[None]:
    """For a dry run, which writes nothing."""
    return nullcontext()


@contextmanager
def only_run(ledger: Path) -> Iterator[None]:
    """Held by `run` as long as it lives. Raises `LockHeld` at once where another one lives."""
    lock = FileLock(f"{ledger}.run.lock", mode=0o600)
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise LockHeld(
            f"Another `katana-woo-sync run` works with the ledger {ledger}; only one may."
        ) from error
    try:
        yield
    finally:
        lock.release()
