"""What `status --healthcheck` says: whether the program works, whatever orders need."""

from __future__ import annotations

from datetime import datetime, timedelta

from katana_woo_sync.cli.output import moment
from katana_woo_sync.config import Settings
from katana_woo_sync.ledger import Ledger

INTERVALS = 3
"""A good cycle must be younger than so many `[schedule] orders`."""


def complaints(settings: Settings, ledger: Ledger, now: datetime) -> list[str]:
    """Why the program is not well at `now` (UTC); empty where each connected store had a good cycle
    lately, or a slice of a long one. A time in the future is that of a wrong clock."""
    limit = INTERVALS * settings.schedule.orders
    said, connected = [], 0
    for store in settings.stores:
        known = ledger.stores.get(store.identity)
        if store.paused or known is None or known.connected_at is None:
            continue
        connected += 1
        at = known.last_success_at
        if at is None or not -limit < now - at < limit:
            said.append(f"{store.name}: last good cycle {moment(at)}; {_limit(limit)}")
    if not connected:
        said.append("no store was connected yet: run `katana-woo-sync backfill`")
    return said


def _limit(limit: timedelta) -> str:
    return f"it should be younger than {int(limit.total_seconds() // 60)} minutes"
