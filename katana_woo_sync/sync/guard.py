"""Telling an outage from one order that a service chokes on."""

from __future__ import annotations

from katana_woo_sync.clients.errors import ServiceError, Throttled, Unavailable, Unreachable
from katana_woo_sync.sync.context import Context, Store


def is_an_outage(context: Context, store: Store, error: Unavailable) -> bool:
    """Whether the service is down, and not only unable to answer about one order.

    A plugin that breaks on one order answers 500 for it for ever; that must not hold up the others.
    So the service is asked something simple: if it answers, the failure was the order's own.
    """
    if isinstance(error, (Throttled, Unreachable)):
        return True
    try:
        if error.service == store.name:
            store.shop.newest_modified()
        else:
            context.katana.locations()
    except ServiceError:
        return True
    return False
