"""What is tested on this machine: the files, the ledger, and whether anything runs the program."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from katana_woo_sync.config import Settings, permission_warnings
from katana_woo_sync.domain.checks import Cause, Finding, error, ok, schedule, warning
from katana_woo_sync.ledger import Ledger, LedgerError
from katana_woo_sync.sync.context import Store

CONFIG = "config"
LEDGER = "ledger"


def check_config(settings: Settings) -> list[Finding]:
    """What a config that could be loaded may still have."""
    stores = len(settings.stores)
    found = f"{settings.path}: {stores} {'store' if stores == 1 else 'stores'}"
    return [ok(CONFIG, "can be used", found), *_permissions(settings)]


def _permissions(settings: Settings) -> list[Finding]:
    tested = "file permissions"
    if sys.platform == "win32":
        return []  # a file's mode says nothing there
    told = permission_warnings(settings.path, settings.ledger)
    if not told:
        return [ok(CONFIG, tested, "nobody else on this machine can read keys or orders")]
    parts = [each.partition("; ") for each in told]
    return [
        warning(CONFIG, tested, what, remedy[:1].upper() + remedy[1:]) for what, _, remedy in parts
    ]


def open_ledger(path: Path) -> tuple[Ledger | None, list[Finding]]:
    """The ledger to read from, None where it cannot be; and what there is to say about it."""
    tested = "can be used"
    try:
        if not path.exists():
            return Ledger.open_copy(path), [_to_be_made(path)]
        Ledger.check(path)
        ledger = Ledger.open_to_read(path)
    except LedgerError as broken:
        what, _, remedy = str(broken).partition(". ")
        cause = Cause.LATER if broken.for_later else Cause.CONFIG
        return None, [error(LEDGER, tested, what.rstrip("."), remedy.rstrip("."), cause)]
    except PermissionError:
        return None, [_not_writable(path)]
    if not (os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)):
        return ledger, [_not_writable(path)]
    return ledger, [ok(LEDGER, tested, str(path))]


def _to_be_made(path: Path) -> Finding:
    if not path.parent.is_dir():
        remedy = f"Make it: mkdir -m 700 {path.parent}"
        return error(LEDGER, "can be used", f"its folder {path.parent} is not there", remedy)
    if not os.access(path.parent, os.W_OK):
        return _not_writable(path)
    return ok(LEDGER, "can be used", f"{path} is made by the first run")


def _not_writable(path: Path) -> Finding:
    return error(
        LEDGER,
        "can be used",
        f"this user may not write {path} and its folder",
        "Run check as the user that runs the program; if that is this one, give it the folder",
        Cause.CONFIG,
    )


def check_schedule(
    ledger: Ledger, settings: Settings, stores: Sequence[Store], now: datetime
) -> Finding:
    """Whether cycles are run. `now` is UTC."""
    known = [ledger.stores.get(store.identity) for store in stores]
    connected = any(store is not None and store.connected_at is not None for store in known)
    times = [ledger.journal.last_run("sync")]
    # `run` keeps no record of each cycle but the one of a store that went through
    times += [store.last_success_at for store in known if store is not None]
    last = max((at for at in times if at is not None), default=None)
    return schedule(connected, last, settings.schedule.orders, now)
