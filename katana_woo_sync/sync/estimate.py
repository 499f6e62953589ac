"""How many requests an import will take, before it is begun."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from katana_woo_sync.clients.errors import ServiceError
from katana_woo_sync.domain.customers import reference_id
from katana_woo_sync.domain.woocommerce import Order
from katana_woo_sync.sync.context import Context, Store
from katana_woo_sync.sync.cycle import READ_AGAIN
from katana_woo_sync.sync.orders import KatanaSide, OrderImports
from katana_woo_sync.sync.products import KatanaVariants

LOOKED_AT = 300
"""Orders of a store that are looked at one by one; what the rest need is taken from the last of
them, by when most of what is new has come."""

LAST = 100

USUAL = 2.0
"""An order and its shipping fee: what is assumed of a shop that does not answer."""

REQUESTS_TO_READ = 2
"""What it takes to read Katana again, which a long import does now and then."""


def requests_needed(context: Context, stores: Sequence[Store]) -> int:
    """About how many requests to Katana the open orders of these stores need: each order, its
    shipping fee, customers and products that Katana lacks, and the lists that are read again
    meanwhile. Raises a `ServiceError` where Katana cannot be asked."""
    katana, variants = KatanaSide(context), KatanaVariants(context)
    needed = sum(_of_store(context, store, katana, variants) for store in stores)
    minutes = needed / context.settings.katana.requests_per_minute
    return round(needed + minutes * (timedelta(minutes=1) / READ_AGAIN) * REQUESTS_TO_READ)


def _of_store(
    context: Context, store: Store, katana: KatanaSide, variants: KatanaVariants
) -> float:
    orders = context.ledger.orders
    count = orders.backlog(store.identity).count
    due = orders.due_for_import(store.identity, context.clock(), LOOKED_AT)
    imports = OrderImports(context, store, katana, variants)
    try:
        read = store.shop.orders([r.order_id for r in due], context.facts(store).dp)
    except ServiceError:
        return count * USUAL
    looked_at = [order for order in read if isinstance(order, Order)]
    imports.items.look_up(looked_at)
    costs, new = [], set[object]()
    for order in looked_at:
        lacking: set[object] = {*imports.items.lacking(order)}
        if not katana.customers.is_there(store, order):
            lacking.add(reference_id(store.identity, order))
        costs.append(imports.requests_of_its_own(order) + len(lacking - new))
        new |= lacking
    if not costs:
        return count * USUAL
    last = costs[-LAST:]
    return sum(costs) + max(0, count - len(costs)) * sum(last) / len(last)
