"""What goes wrong with one order alone is recorded with it and stops no other."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TypeGuard, TypeVar

from katana_woo_sync.clients.errors import (
    MissingPermission,
    Moved,
    RefusedKey,
    ServiceError,
    Throttled,
    Unavailable,
    Unreachable,
)
from katana_woo_sync.clients.katana_http import KATANA
from katana_woo_sync.clients.throttle import Cancelled
from katana_woo_sync.domain.order_record import State, failed
from katana_woo_sync.domain.reasons import Reason
from katana_woo_sync.ledger import LedgerError
from katana_woo_sync.ledger.orders import StaleRecord
from katana_woo_sync.sync.context import Context, OtherAccount, Stopped, Store, StoreProblem, log
from katana_woo_sync.sync.lock import LockHeld

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

WHOLE_SERVICE = (Unavailable, RefusedKey, MissingPermission, Moved)
"""What says that a service cannot be worked at all."""


T = TypeVar("T")


def is_katana_down(error: Exception) -> TypeGuard[ServiceError]:
    """Whether Katana cannot be worked now, for whichever store."""
    return isinstance(error, WHOLE_SERVICE) and error.service == KATANA


@contextmanager
def store_part(fail: Callable[[Exception], None]) -> Iterator[None]:
    """One store's part: what goes wrong in it, foreseen or not, is given to `fail`, and holds up no
    other store. Raises what ends the run, and Katana's failures."""
    try:
        yield
    except FATAL:
        raise
    except Exception as error:
        if is_katana_down(error):
            raise
        fail(error)


def guarded_order(context: Context, store: Store, order_id: int, work: Callable[[], T]) -> T | None:
    """Do one order's part; what goes wrong with that order alone is recorded with it."""
    return guarded(context, store, work, partial(fail_order, context, store, order_id))


def fail_order(context: Context, store: Store, order_id: int, error: Exception) -> None:
    """Record an order that failed for a reason the program was not made for.

    One whose create has no outcome yet stays as it is: Katana is asked for that first. So does one
    that is fulfilled: nothing is left to do for it.
    """
    record = context.ledger.orders.get(store.identity, order_id)
    if record is None or record.state in (State.IMPORTING, State.FULFILLED):
        return
    if isinstance(error, ServiceError):
        reason, detail = Reason.TEMPORARY, str(error)
    else:
        reason, detail = Reason.UNEXPECTED, f"{type(error).__name__}: {error}"
    log.debug("%s: order %s", store.name, record.number, exc_info=error)
    context.save(store, failed(record, reason, detail, context.clock()), record)


def guarded(
    context: Context, store: Store, work: Callable[[], T], fail: Callable[[Exception], None]
) -> T | None:
    """Do one order's part, and return what it gives. What is wrong with that order alone is given
    to `fail`; raises where a whole side cannot be worked, or the run must end."""
    try:
        return work()
    except (*FATAL, *OF_THE_STORE):
        raise
    except StaleRecord as error:
        log.info("%s: %s: it is looked at anew in the next cycle", store.name, error)
    except Unavailable as error:
        if is_an_outage(context, store, error):
            raise
        fail(error)
    except Exception as error:  # noqa: BLE001 (one order never stops the others)
        fail(error)
    return None


@contextmanager
def left_to_each() -> Iterator[None]:
    """What fails for many orders together is left to each of them, which is tried alone, unless it
    concerns a whole store or Katana."""
    try:
        yield
    except (*FATAL, *OF_THE_STORE):
        raise
    except Exception as error:  # noqa: BLE001 (who it concerns meets it again)
        log.debug("what orders need is asked for each alone: %s", error)


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
