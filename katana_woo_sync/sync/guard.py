"""What goes wrong with one order alone is recorded with it and stops no other."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

from katana_woo_sync.clients.errors import (
    MissingPermission,
    Moved,
    RefusedKey,
    ServiceError,
    Throttled,
    Unavailable,
    Unreachable,
)
from katana_woo_sync.clients.throttle import Cancelled
from katana_woo_sync.ledger import LedgerError
from katana_woo_sync.sync.context import Context, OtherAccount, Stopped, Store, StoreProblem
from katana_woo_sync.sync.locking import LockHeld

FATAL = (
    Stopped,
    Cancelled,
    LockHeld,
    LedgerError,
    sqlite3.DatabaseError,
    OtherAccount,
    KeyboardInterrupt,
)
"""What ends the whole run, not one order or store. SQLite's own errors get their words where the
ledger is closed."""

OF_THE_STORE = (RefusedKey, MissingPermission, Moved, StoreProblem)
"""What concerns every order of a store, or of Katana."""


def guarded(
    context: Context, store: Store, work: Callable[[], None], fail: Callable[[Exception], None]
) -> None:
    """Do one order's part. What is wrong with that order alone is given to `fail`; raises where a
    whole side cannot be worked, or the run must end."""
    try:
        work()
    except (*FATAL, *OF_THE_STORE):
        raise
    except Unavailable as error:
        if is_an_outage(context, store, error):
            raise
        fail(error)
    except Exception as error:  # noqa: BLE001 (one order never stops the others)
        fail(error)


def is_an_outage(context: Context, store: Store, error: Unavailable) -> bool:
    """Whether the service is down, and not only unable to answer about one order.

    A plugin that breaks on one order answers 500 for it for ever; that must not hold up the others.
    So the service is asked something simple: if it answers, the failure was the order's own.
    """
    if isinstance(error, (Throttled, Unreachable)):
        return True
    try:
        if error.service == store.name:
            store.shop.ping()
        else:
            context.katana.locations()
    except ServiceError:
        return True
    return False
