"""The metrics file: its figures are gathered from the ledger and the cycle, and it is written."""

from __future__ import annotations

from pathlib import Path

from katana_woo_sync import __version__
from katana_woo_sync.clients.katana_http import KATANA
from katana_woo_sync.config import StoreSettings
from katana_woo_sync.config.files import may_replace, replacing
from katana_woo_sync.domain.order_record import State
from katana_woo_sync.ledger import Ledger
from katana_woo_sync.ledger.statistics import REQUESTS, STOCK_PUSHES
from katana_woo_sync.report.metrics import MARK, Figures, StoreFigures, text_of
from katana_woo_sync.sync.context import Context
from katana_woo_sync.sync.cycle import KATANA_ERROR

FOR_ALL = 0o644
"""The exporter runs as another user, and the file holds figures alone."""


def gather(context: Context) -> Figures:
    """The figures at the end of a cycle, or of a part of one that goes on."""
    settings, ledger, report = context.settings, context.ledger, context.report
    now = context.clock()
    requests = ledger.statistics.totals(REQUESTS)
    pushes = ledger.statistics.totals(STOCK_PUSHES)
    return Figures(
        version=__version__,
        cycle_ended=now,
        cycle_seconds=max(0.0, (now - report.started_at).total_seconds()),
        exit_code=int(report.exit_code),
        katana_works=not ledger.stores.meta(KATANA_ERROR),
        quota=settings.katana.requests_per_minute,
        quota_used=len(context.katana.recent_requests),
        requests=requests.get(KATANA, 0),
        stores=tuple(
            _store(ledger, store, requests.get(store.identity, 0), pushes.get(store.identity, 0))
            for store in settings.stores
            if not store.paused
        ),
    )


def _store(ledger: Ledger, store: StoreSettings, requests: int, pushes: int) -> StoreFigures:
    known, stock = ledger.stores.get(store.identity), ledger.stock.state(store.identity)
    counts = ledger.orders.counts(store.identity)
    is_connected = known is not None and known.connected_at is not None
    return StoreFigures(
        name=store.name,
        # all of them, so that none is missing before its first order
        orders={str(state): counts.get(str(state), 0) for state in State},
        oldest_waiting=ledger.orders.oldest_queued(store.identity),
        last_good_cycle=known.last_success_at if known else None,
        stock_updated=stock.updated_at if stock and store.sync_stock else None,
        works=is_connected and known is not None and not known.last_error,
        requests=requests,
        pushes=pushes,
    )


def write(figures: Figures, path: Path) -> None:
    """Write the file; whoever reads it meanwhile sees the old one whole. Raises OSError, also where
    another file stands there."""
    if not may_replace(path, MARK):
        raise OSError(f"{path} holds something else than metrics, and was left as it is")
    with replacing(path) as file:
        file.write(text_of(figures, path.stem))
        Path(file.name).chmod(FOR_ALL)
