"""Whose failure something is: one order's, a store's, Katana's, or the whole run's."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import IntEnum
from functools import partial
from typing import TypeGuard

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

Fail = Callable[[Exception], None]
"""Records what went wrong."""


class Reach(IntEnum):
    """What a failure holds up."""

    ORDER = 1
    """One order, product or customer; the others go on."""
    STORE = 2
    """A store: its key is refused, or it is down. The other stores go on."""
    KATANA = 3
    """Katana: nothing can be created or delivered, for whichever store."""
    RUN = 4
    """The whole run: a stop was asked for, the ledger cannot be used, the account is another."""


OF_THE_RUN = (Stopped, Cancelled, LockHeld, LedgerError, sqlite3.DatabaseError, OtherAccount)
"""SQLite's own errors get their words where the ledger is closed."""

OF_A_SERVICE = (Unavailable, RefusedKey, MissingPermission, Moved)
"""Errors that say that a service cannot be worked at all: Katana, or a store."""


def reach(error: Exception) -> Reach:
    """What a failure holds up, by its class. What the program was not made for is one order's."""
    if isinstance(error, OF_THE_RUN):
        return Reach.RUN
    if isinstance(error, OF_A_SERVICE):
        return Reach.KATANA if error.service == KATANA else Reach.STORE
    return Reach.STORE if isinstance(error, StoreProblem) else Reach.ORDER


@contextmanager
def part_of_store(fail: Fail) -> Iterator[None]:
    """One store's part of the work: what goes wrong in it is recorded by `fail`, and the other
    stores go on. Raises Katana's failures, and what ends the run."""
    try:
        yield
    except Exception as error:
        if reach(error) > Reach.STORE:
            raise
        fail(error)


@contextmanager
def part_of_order(
    context: Context, store: Store, order_id: int, fail: Fail | None = None
) -> Iterator[None]:
    """One order's part: what goes wrong in it is recorded with the order (or by `fail`), and the
    others go on. Raises what holds up more than that.

    A service that answers 500 may be down, or only unable to answer about this one order: a plugin
    that breaks on it does so for ever. So it is asked something simple.
    """
    try:
        yield
    except StaleRecord as error:
        log.info("%s: %s: it is looked at anew in the next cycle", store.name, error)
    except Exception as error:
        concerns_more = reach(error) > Reach.ORDER
        if isinstance(error, Unavailable):
            concerns_more = is_an_outage(context, store, error)
        if concerns_more:
            raise
        (fail or partial(fail_order, context, store, order_id))(error)


@contextmanager
def best_effort() -> Iterator[None]:
    """What is asked for many orders together, to save requests. If it fails each order asks for
    itself, and finds out whether it is its own fault. Raises what holds up more than an order."""
    try:
        yield
    except Exception as error:
        if isinstance(error, Unavailable) or reach(error) is Reach.ORDER:
            log.debug("what orders need is asked for each alone: %s", error)
        else:
            raise


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


def is_katana_down(error: Exception) -> TypeGuard[ServiceError]:
    """Whether Katana cannot be worked now, for whichever store."""
    return reach(error) is Reach.KATANA


def is_an_outage(context: Context, store: Store, error: Unavailable) -> bool:
    """Whether the service is down, and not only unable to answer about one order."""
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
