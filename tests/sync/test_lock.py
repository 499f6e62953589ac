"""The lock is given back whatever happens right after it was taken."""

from __future__ import annotations

import sqlite3

import pytest

from katana_woo_sync.sync.lock import LedgerLock
from tests.sync.world import World


def test_a_ledger_that_cannot_be_written_keeps_no_lock(world: World) -> None:
    with world.program().context(to_read=True) as context:
        with (
            pytest.raises(sqlite3.OperationalError, match="readonly"),
            context.only_run(),
        ):
            raise AssertionError("the ledger cannot be written")
        # the same process goes on, as `run` does: it must not find itself at work
        lock = LedgerLock(world.ledger)
        lock.acquire(0)
        lock.release()
