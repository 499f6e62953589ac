"""Another program beside this one, most likely Katana's own integration: what shows that it is
still connected to a store. Both would set stock and complete orders."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from msgspec import Struct

from katana_woo_sync.domain.fields import utc_time
from katana_woo_sync.domain.katana import SalesOrder
from katana_woo_sync.ledger import Ledger

LATELY = timedelta(days=2)
"""How long ago an order of another program's making tells that it may still be at work."""

HOW_TO_LEAVE = (
    "Disconnect the store there (Katana, Settings, Integrations, WooCommerce): as long as both "
    "run, both set stock and complete orders, and customers are mailed twice. See docs/moving.md."
)


class LastOfOthers(Struct, frozen=True):
    """The newest sales order of a store that another program made: its number in Katana, and when
    (UTC)."""

    number: str
    at: datetime


def last_adopted(ledger: Ledger, identity: str, since: datetime) -> LastOfOthers | None:
    """The newest order of a store that another program put into Katana since then (UTC), of those
    that were taken over; None where there is none."""
    adopted = ledger.orders.adopted_since(identity, since)
    found = [LastOfOthers(r.sales_order_no, r.imported_at) for r in adopted if r.imported_at]
    return max(found, key=lambda last: last.at, default=None)


def still_at_work(ledger: Ledger, identity: str, now: datetime) -> LastOfOthers | None:
    """The same of a store that this program works already: what came lately, after the store was
    connected and the program first ran. What was there before was taken over."""
    known, first = ledger.stores.get(identity), ledger.journal.first_run()
    if known is None or known.connected_at is None or first is None:
        return None
    return last_adopted(ledger, identity, max(known.connected_at, first, now - LATELY))


def last_of_account(
    sales_orders: Iterable[SalesOrder], names: Iterable[str], now: datetime
) -> LastOfOthers | None:
    """The newest order of a store, by what Katana may call it, that was made lately; None where
    there is none."""
    wanted = {name.lower() for name in names}
    found = [
        LastOfOthers(str(order.order_no), at)
        for order in sales_orders
        if order.ecommerce_store_name.lower() in wanted
        and (at := utc_time(order.created_at)) is not None
        and at >= now - LATELY
    ]
    return max(found, key=lambda last: last.at, default=None)
