"""The first import: the same loop, with all that is open in the stores, while it is still read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from katana_woo_sync.sync.context import Context, Store, log
from katana_woo_sync.sync.create_once import ask_at
from katana_woo_sync.sync.cycle import (
    Backlog,
    Options,
    Pages,
    Progress,
    Read,
    declined,
    run_cycle,
)
from katana_woo_sync.sync.failures import store_part
from katana_woo_sync.sync.takeover import connect


def guarded_store(context: Context, store: Store, work: Callable[[], None]) -> bool:
    """Do one store's part, and tell whether that went well; what goes wrong holds up no other."""
    failed: list[Exception] = []
    with store_part(failed.append):
        work()
    for error in failed:
        store_failed(context, store, error)
    return not failed


def store_failed(context: Context, store: Store, error: Exception) -> None:
    """Record what is wrong with a store."""
    text = context.report.store_failed(store.name, error)
    log.error("%s: %s", store.name, text, extra={"store": store.name})
    log.debug("%s", store.name, exc_info=error)


def import_all(
    context: Context,
    stores: Sequence[Store],
    options: Options,
    progress: Progress,
    *,
    reading: Mapping[str, Pages] = MappingProxyType({}),
    read: Read = lambda _store: None,
) -> None:
    """Import every open order, with ordinary cycles in between.

    Lists that are not read to their end yet, by the names of their stores, are read meanwhile. What
    became of a create whose answer was lost is waited for. Raises what ends the whole run.
    """
    for store in stores:
        connect(context, store)
        context.ledger.stores.set_meta(declined(store), "")
    total = sum(context.ledger.orders.backlog(store.identity).count for store in stores)
    backlog = Backlog(dict(reading), read, progress, total=total)
    backlog.tell()
    run_cycle(context, stores, options, longest=None, backlog=backlog)
    if _wait_for_unknown(context):
        run_cycle(context, stores, options, longest=None)


def _wait_for_unknown(context: Context) -> bool:
    """Wait until Katana may be asked for creates whose answer was lost; whether there were any."""
    intents = context.ledger.intents.all_open()
    if not intents or context.dry_run:
        return False
    until = max(ask_at(context, intent) for intent in intents)
    seconds = max(0.0, (until - context.clock()).total_seconds())
    log.info("waiting %.0f s to ask Katana what became of %d requests", seconds, len(intents))
    context.wait(seconds)
    return True
