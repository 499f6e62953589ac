"""After any mix of sales, deliveries, counts and edits on both sides, the shops' numbers are what
rule 13 says of the servers themselves."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from decimal import Decimal
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from katana_woo_sync.domain.stock import holds_stock
from katana_woo_sync.sandbox.katana import SalesOrder
from katana_woo_sync.sandbox.woocommerce import Item
from tests.sync.world import ANNA, World

SKUS = ("MUG", "LAMP", "PEN")
OPEN = ("NOT_SHIPPED", "PARTIALLY_PACKED", "PARTIALLY_DELIVERED")


class Chance:
    """Two stores at one location that sell three things, and what people do there."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.variants = {"MUG": world.mug_variant}
        self.products: dict[tuple[str, str], int] = {}
        for sku in SKUS:
            if sku != "MUG":
                self.variants[sku] = world.katana.add_product(sku, sku, in_stock=Decimal(50))
            for name, shop in world.shops.items():
                own = {"MUG": world.mug, "LAMP": world.lamp}.get(sku)
                number = own[name] if own else shop.add_product(sku, sku, "2.00")
                shop.set_stock(number, 40)
                self.products[name, sku] = number
        place = world.katana.main_location_id
        world.katana.set_stock(world.mug_variant, place, Decimal(60))
        self.place = place
        world.configure(stores=dict.fromkeys(world.shops, "sync_stock = true"))
        world.backfill()

    def order(self, shop: str, sku: str, quantity: int, status: str) -> None:
        item = Item(self.products[shop, sku], quantity)
        self.world.shops[shop].place_order([item], billing=ANNA, status=status)

    def move_on(self, shop: str, which: int, status: str) -> None:
        orders = sorted(self.world.shops[shop].state.orders)
        if orders:
            self.world.shops[shop].set_status(orders[which % len(orders)], status)

    def count(self, sku: str, quantity: int) -> None:
        self.world.katana.set_stock(self.variants[sku], self.place, Decimal(quantity))

    def wholesale(self, sku: str, quantity: int, status: str) -> None:
        customer = self.world.katana.add_customer("Wholesale")
        rows = [(self.variants[sku], Decimal(quantity), Decimal(1))]
        self.world.katana.create_foreign_order(
            customer_id=customer, rows=rows, ecommerce_order_type=None, status=status
        )

    def work_on(self, which: int, what: Callable[[int], object]) -> None:
        orders = [o for o in self.world.katana.sales_orders() if _is_open(o)]
        if orders:
            what(orders[which % len(orders)].id)

    def edit_shop(self, shop: str, sku: str, quantity: int) -> None:
        self.world.shops[shop].set_stock(self.products[shop, sku], quantity)

    def expected(self, sku: str) -> int:
        """Rule 13, from what the servers hold."""
        katana, variant = self.world.katana, self.variants[sku]
        free = katana.in_stock(variant, self.place) - katana.committed(variant, self.place)
        held = {
            (o.ecommerce_store_name, o.ecommerce_order_id)
            for o in katana.sales_orders()
            if o.deleted_at is None
        }
        identities = {store.name: store.identity for store in self.world.settings.stores}
        for name, shop in self.world.shops.items():
            for order in shop.state.orders.values():
                if not holds_stock(order.status) or (identities[name], str(order.id)) in held:
                    continue
                for line in order.lines:
                    if line.product_id == self.products[name, sku]:
                        meta = [m.value for m in line.meta if m.key == "_reduced_stock"]
                        free -= sum((Decimal(str(value)) for value in meta), Decimal(0))
        return max(int(free), 0)


def _is_open(order: SalesOrder) -> bool:
    return order.deleted_at is None and order.status in OPEN


shops, skus, few = st.sampled_from(["eu", "us"]), st.sampled_from(SKUS), st.integers(1, 4)
which = st.integers(0, 9)
actions = st.one_of(
    st.tuples(st.just("order"), shops, skus, few, st.sampled_from(["processing", "on-hold"])),
    st.tuples(
        st.just("move_on"),
        shops,
        which,
        st.sampled_from(["processing", "cancelled", "completed", "on-hold"]),
    ),
    st.tuples(st.just("count"), skus, st.integers(0, 80)),
    st.tuples(
        st.just("wholesale"), skus, few, st.sampled_from(["NOT_SHIPPED", "PACKED", "DELIVERED"])
    ),
    st.tuples(st.just("deliver"), which),
    st.tuples(st.just("deliver_part"), which),
    st.tuples(st.just("delete_order"), which),
    st.tuples(st.just("edit_shop"), shops, skus, st.integers(0, 99)),
    st.tuples(st.just("sync"), st.sampled_from([5, 15])),
)


def act(chance: Chance, action: tuple[object, ...]) -> None:
    name, *rest = action
    katana, world = chance.world.katana, chance.world
    world.clock.tick(seconds=7)
    if name == "sync":
        world.sync(minutes=float(str(rest[0])))
    elif name in ("deliver", "deliver_part", "delete_order"):
        chance.work_on(int(str(rest[0])), getattr(katana, str(name)))
    else:
        getattr(chance, str(name))(*rest)


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck), print_blob=True)
@given(st.lists(actions, min_size=3, max_size=14))
def test_the_shops_numbers_follow(what: list[tuple[object, ...]]) -> None:
    with tempfile.TemporaryDirectory() as directory, ExitStack() as stack:
        chance = Chance(World(Path(directory), stack, names=("eu", "us")))
        for action in what:
            act(chance, action)
        chance.world.sync(minutes=15)
        chance.world.sync(minutes=15)  # what the first carried over changes stock once more
        for sku in SKUS:
            found = {n: s.stock(chance.products[n, sku]) for n, s in chance.world.shops.items()}
            assert found == dict.fromkeys(chance.world.shops, chance.expected(sku)), sku
