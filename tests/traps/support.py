"""What the tests of the traps share: naive requests, our own client, and what came to Katana."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from katana_woo_sync.clients.redact import Redactor
from katana_woo_sync.clients.woocommerce import WooCommerceClient
from katana_woo_sync.sandbox.woocommerce import WooCommerceSandbox
from tests.clients.support import StoreSettings
from tests.sandbox.woocommerce_support import ask, ids
from tests.sync.world import World


def client_of(shop: WooCommerceSandbox) -> WooCommerceClient:
    """The program's own client for a store; its requests are sent once."""
    login = StoreSettings(
        shop.url, consumer_key=shop.consumer_key, consumer_secret=shop.consumer_secret
    )
    return WooCommerceClient(login, redactor=Redactor(), attempts=1)


def page_by_page(shop: WooCommerceSandbox, params: Mapping[str, str]) -> set[int]:
    """A list of orders as one reads it who trusts page numbers: to the first page that is not
    full."""
    found: set[int] = set()
    per_page = int(params.get("per_page", "10"))
    for page in range(1, 100):
        rows = ids(ask(shop, "orders", {**params, "page": str(page)}))
        found.update(rows)
        if len(rows) < per_page:
            break
    return found


def total_in_katana(world: World, order: int, *, shop: str = "eu") -> Decimal:
    """The total of the order's one sales order, as Katana computes it, to the cent."""
    return round(world.katana.order_total(world.sales_order(order, shop=shop).id), 2)


def total_in_shop(world: World, order: int, *, shop: str = "eu") -> Decimal:
    """What the customer pays, with tax."""
    return Decimal(str(world.shops[shop].order(order)["total"]))


def variants_in_katana(world: World, order: int) -> set[int]:
    """The variants on the order's rows; none where it waits for a person."""
    return {row.variant_id for found in world.in_katana(order) for row in found.rows}
