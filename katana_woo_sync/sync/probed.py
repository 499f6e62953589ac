"""What `probe` has found out about the Katana account, and what of it is still to be deleted."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta

import msgspec
from msgspec import Struct

from katana_woo_sync.domain.fields import convert
from katana_woo_sync.domain.probe import Found
from katana_woo_sync.ledger import Ledger

FOUND = "probe:found"
"""Where the ledger keeps what was found, by the questions' names."""

LEFT = "probe:left"
"""Where it keeps what a probe has created, or was about to, until that is deleted."""


class Begun(Struct, frozen=True):
    """A create: when it began (UTC), and the id of what came of it; 0 as long as no answer came."""

    at: datetime
    id: int = 0


def found(ledger: Ledger) -> dict[str, Found]:
    """What was found by the last probes, by the questions' names; empty before the first."""
    kept: dict[str, object] = json.loads(ledger.stores.meta(FOUND) or "{}")
    return {name: convert(each, Found) for name, each in kept.items()}


def left(ledger: Ledger) -> dict[str, Begun]:
    """What is still to be deleted in Katana, by its kind and name ("customer probe-1a2b")."""
    kept: dict[str, object] = json.loads(ledger.stores.meta(LEFT) or "{}")
    return {name: convert(each, Begun) for name, each in kept.items()}


def keep_left(ledger: Ledger, things: Mapping[str, Begun]) -> None:
    """Keep what is still to be deleted."""
    ledger.stores.set_meta(LEFT, msgspec.json.encode(things).decode())


def unknown_wait(ledger: Ledger, configured: timedelta) -> timedelta:
    """How long after a create Katana may be asked what became of it: as configured, and twice as
    long as it took an order to come into Katana's list."""
    listed = found(ledger).get("listed")
    return max(configured, timedelta(seconds=2 * listed.amount)) if listed else configured
