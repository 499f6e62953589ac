"""What is sold in the benchmarks' stores, and to whom: plain mixes whose least cost is known."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from katana_woo_sync.sandbox.server import SandboxServer
from katana_woo_sync.sandbox.woocommerce import Address, Item, Shipping, TaxRate

if TYPE_CHECKING:
    from benchmarks.services import World

VAT = (TaxRate(Decimal(24), "VAT"), TaxRate(Decimal(9), "Reduced", "reduced-rate", shipping=False))
COURIER = Shipping("Courier", Decimal("4.90"))
WHO = Address(
    last_name="Kosta", address_1="Ermou 12", city="Athens", postcode="10552", country="GR"
)
GAP = timedelta(minutes=7)


@dataclass(frozen=True)
class Mix:
    """So many orders, of so many customers and products, every `shipped`-th with shipping.

    Katana holds none of the customers, the first `known` of the products, and no tax rate of the
    two that the lines have. Where they are `variable`, each product has three variations, of which
    the first is sold.
    """

    orders: int
    customers: int
    products: int
    known: int = 0
    shipped: int = 2
    variable: bool = False

    @property
    def fees(self) -> int:
        """How many orders have shipping."""
        return -(-self.orders // self.shipped)

    @property
    def customers_met(self) -> int:
        """How many customers there are among the orders."""
        return min(self.orders, self.customers)


def mix_of(orders: int, *, variable: bool = False) -> Mix:
    """A quarter of the orders are of new customers; half of the products are new."""
    products = max(2, orders // 10)
    return Mix(orders, max(1, orders // 4), products, known=products // 2, variable=variable)


def furnish(world: World, mix: Mix) -> None:
    """Put products on sale and place the mix's orders in the first store, `GAP` apart until now."""
    shop = world.shops[0]
    products = [offer(world, mix, number) for number in range(mix.products)]
    start = datetime.now(UTC) - GAP * (mix.orders + 1)
    for number in range(mix.orders):
        chosen = {products[(number + step) % len(products)] for step in range(2)}
        shop.place_order(
            sorted(chosen, key=lambda item: item.product_id),
            billing=customer(number % mix.customers),
            shipping=[COURIER] if number % mix.shipped == 0 else [],
            created=start + GAP * number,
        )


def offer(world: World, mix: Mix, number: int) -> Item:
    """Put a product on sale; returns what is sold of it."""
    name, sku, tax_class = (
        f"Item {number}",
        f"SKU-{number:05}",
        "reduced-rate" if number % 2 else "",
    )
    if number < mix.known:
        world.katana.add_product(name, sku, in_stock=Decimal(100_000))
    if not mix.variable:
        return Item(world.shops[0].add_product(name, sku, "12.40", tax_class=tax_class))
    sizes = [(sku, "12.40", {"Size": "S"})]
    sizes += [(f"{sku}-{size}", "12.40", {"Size": size}) for size in ("M", "L")]
    parent, (small, *_others) = world.shops[0].add_variable_product(
        name, f"{sku}-ALL", sizes, tax_class=tax_class
    )
    return Item(parent, variation_id=small)


def customer(number: int) -> Address:
    """One of the customers, guests all."""
    return Address(
        **{**vars(WHO), "first_name": f"Buyer{number}", "email": f"buyer{number}@example.test"}
    )


def place(world: World, count: int, *, by: int = 0, shop: int = 0) -> list[int]:
    """Place so many orders for the store's first product, by a customer. Returns their ids."""
    state = world.shops[shop].state
    item = Item(next(iter(state.products)))
    return [
        world.shops[shop].place_order([item], billing=customer(by), shipping=[])
        for _ in range(count)
    ]


def complete_in_shop(world: World, orders: list[int]) -> None:
    """Complete orders in the first store."""
    for order in orders:
        world.shops[0].set_status(order, "completed")


def deliver_in_katana(world: World, orders: list[int]) -> None:
    """Deliver the sales orders of these orders of the first store."""
    wanted = {str(order) for order in orders}
    for sales_order in world.katana.sales_orders():
        if sales_order.ecommerce_order_id in wanted:
            world.katana.deliver(sales_order.id)


def furnish_stock(world: World, skus: int) -> None:
    """Put so many products on sale whose stock is managed, ten of each in Katana and in the first
    store."""
    for number in range(skus):
        sku = f"SKU-{number:05}"
        product = world.shops[0].add_product(f"Item {number}", sku, "12.40")
        world.shops[0].set_stock(product, 10)
        world.katana.add_product(f"Item {number}", sku, in_stock=Decimal(10))


def count_in_katana(world: World, quantity: int) -> None:
    """Set the stock of everything in Katana, at the location that the config names."""
    here = next(place for place in world.katana.locations() if place.name == "Main location")
    for variant in world.katana.variants():
        world.katana.set_stock(variant.id, here.id, Decimal(quantity))


Counts = dict[str, int]
"""Requests by method and path, ids left out, such as "POST /sales_orders"."""


def count(world: World) -> tuple[Counts, Counts]:
    """The requests to Katana, and to all stores, since this was last asked."""
    katana = _drained([world.katana.server])
    stores = _drained([shop.server for shop in world.shops])
    return katana, stores


def _drained(servers: list[SandboxServer]) -> Counts:
    seen: Counter[str] = Counter()
    for server in servers:
        seen.update(f"{sent.method} {_kind(sent.path)}" for sent in server.requests)
        server.reset_counts()
    return dict(seen)


def _kind(path: str) -> str:
    parts = path.removeprefix("/v1").removeprefix("/wp-json/wc/v3").split("/")
    return "/".join("ID" if part.isdigit() else part for part in parts)
