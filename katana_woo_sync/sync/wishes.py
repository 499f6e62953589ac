"""What a command wishes of the run that is at work, which takes it up in its next slice."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from enum import StrEnum

from katana_woo_sync.ledger import Ledger
from katana_woo_sync.ledger.sqlite import read_time, time_text
from katana_woo_sync.sync.context import Context
from katana_woo_sync.sync.lock import LockHeld

KEPT = "wishes"
"""Where the ledger keeps them: each with the time of the wish."""

FORGOTTEN_AFTER = timedelta(hours=1)
"""A wish that nobody was at work to take up is not one of another day."""

LONGEST_SLICE = 300.0
"""Seconds that a run at work is given to come to the end of its slice."""


class Wish(StrEnum):
    """What a run at work may be asked for."""

    ACCEPT_COMPLETIONS = "accept_completions"
    """Complete orders in the shop even if it is most of them at once."""
    ACCEPT_STOCK = "accept_stock"
    """Set stock even if much of the shop sells out at once."""
    STOCK = "stock"
    """Set stock now."""
    SWEEP = "sweep"
    """Compare all open orders with the ledger now, and the whole stock."""
    AGAIN = "again"
    """Read both sides again, and try what a person has given a clean slate."""
    STOP = "stop"
    """Come to an end after the slice in hand: another command is to have the lock."""


def wish(context: Context, wishes: set[Wish]) -> None:
    """Keep wishes for the run that is at work."""
    now = time_text(context.clock())
    with context.ledger.atomic():
        kept = json.loads(context.ledger.stores.meta(KEPT) or "{}")
        kept |= {str(each): now for each in wishes}
        context.ledger.stores.set_meta(KEPT, json.dumps(kept))


def take_wishes(context: Context) -> set[Wish]:
    """The wishes that are open; with this they are taken up."""
    if not context.ledger.stores.meta(KEPT):
        return set()
    wished = open_wishes(context.ledger, context.clock())
    context.ledger.stores.set_meta(KEPT, "")
    return set(wished)


def open_wishes(ledger: Ledger, now: datetime) -> dict[Wish, datetime]:
    """The wishes that nobody has taken up yet, with their times (UTC)."""
    kept = json.loads(ledger.stores.meta(KEPT) or "{}")
    wished = ((each, read_time(kept.get(each))) for each in Wish)
    return {each: at for each, at in wished if at and now - at < FORGOTTEN_AFTER}


@contextmanager
def next_run(context: Context, tell: Callable[[str], None]) -> Iterator[None]:
    """Hold the lock, as the only run. One that is at work is asked to stop after its slice, and is
    waited for, of which `tell` tells. Raises `LockHeld` where it does not come to that."""
    begun = time.monotonic()
    try:
        context.lock.acquire(0)
    except LockHeld:
        wish(context, {Wish.STOP})
        tell("Another run is at work. It is asked to make room, which may take some minutes.")
        while not _acquired(context, is_last=time.monotonic() - begun >= LONGEST_SLICE):
            context.go_on()
            wish(context, {Wish.STOP})  # another run may have begun meanwhile
    try:
        with context.only_run():
            yield
    finally:
        context.lock.release()


def _acquired(context: Context, *, is_last: bool) -> bool:
    try:
        context.lock.acquire(1.0)
    except LockHeld:
        if is_last:
            raise
        return False
    return True
