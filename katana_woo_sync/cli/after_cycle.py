"""What follows a cycle: its requests are counted, the history is thinned, the page is written.

None of it is what the program is for, so none of it makes a cycle fail.
"""

from __future__ import annotations

import threading
from datetime import timedelta

from katana_woo_sync.ledger.statistics import Tally
from katana_woo_sync.sync.context import Context, log, once_a_day


class AfterCycle:
    """What follows the cycles of one process; several threads may have cycles at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counted = 0

    def done(self, context: Context) -> None:
        """Follow a cycle that has ended. What fails is only warned of."""
        if context.dry_run:
            return
        for what, work in (
            ("The cycle could not be counted", self._count),
            ("The ledger's history could not be thinned", _thin),
            ("The status page could not be written", _refresh),
        ):
            try:
                work(context)
            except Exception as error:  # noqa: BLE001 (the cycle's work is done, whatever this is)
                log.warning("%s: %s", what, error)

    def _count(self, context: Context) -> None:
        now, ledger = context.clock(), context.ledger
        with self._lock:
            # the client counts on from cycle to cycle
            requests, self._counted = context.katana.sent - self._counted, context.katana.sent
        with ledger.atomic():
            if requests:
                ledger.statistics.count(Tally.KATANA_REQUESTS, "", now, requests)
            for name, store in context.report.stores.items():
                if store.stock_updated:
                    identity = context.stores[name].identity
                    ledger.statistics.count(Tally.STOCK_UPDATED, identity, now, store.stock_updated)


def _thin(context: Context) -> None:
    days = context.settings.report.history_days
    if days and once_a_day(context.ledger, "thinned", context.clock()):
        gone = context.ledger.statistics.thin(context.clock() - timedelta(days=days))
        log.info("thinned the history: %d lines older than %d days", gone, days)


def _refresh(context: Context) -> None:
    path = context.settings.report.path
    if path is not None:
        # imported late: without a page a cycle need not load the templates
        from katana_woo_sync.cli.page import NotWritten, gather, write

        try:
            write(gather(context.settings, context.ledger, context.clock()), path)
        except NotWritten as error:
            log.warning("%s", error)
