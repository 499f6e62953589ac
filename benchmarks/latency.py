"""How often one cycle waits for the network, with slow answers of both sides.

    python -m benchmarks.latency [--quick]

Each cycle is run with an answer's latency and without; what it takes longer, by the latency, is how
many answers it waited for one after the other. The least: lists before creates, customers and
products before the orders that need them, orders before their shipping fees, and all that does not
depend on each other at once. The program sends the first create of each kind alone, and no more
than eight at once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.processes import program
from benchmarks.services import Setup, World, services, slow_down
from benchmarks.shop import COURIER, count, customer, place
from benchmarks.table import heading, options, table
from katana_woo_sync.sandbox.woocommerce import Item

STORES = 10
ORDERS = 8


@dataclass(frozen=True)
class Work:
    """Something that one cycle has to do: the answers that it must wait for in a row at least, how
    it comes about, and in how many stores."""

    name: str
    least: int
    arrange: Callable[[World], None]
    stores: int = 1


@dataclass(frozen=True)
class Took:
    """What a cycle took: seconds, and requests to both sides."""

    wall: float
    requests: int


def main() -> None:
    """Measure and print."""
    quick = options(__doc__).quick
    heading("Latency")
    rows: list[tuple[object, ...]] = []
    for latency in (0.3,) if quick else (0.05, 0.3):
        for work in WORKS:
            slow, fast = cycle(work, latency), cycle(work, 0.0)
            in_a_row = (slow.wall - fast.wall) / latency
            milliseconds = round(latency * 1000)
            rows.append((work.name, milliseconds, slow.requests, slow.wall, in_a_row, work.least))
    table(("a cycle with", "latency ms", "requests", "wall s", "answers in a row", "least"), rows)


def cycle(work: Work, latency: float) -> Took:
    """A cycle of connected stores that has this to do; customer 0 and the product are known."""
    with services(Setup(stores=work.stores)) as served:
        served.ask(open_shops)
        config = served.config()
        program(config, "backfill", "--yes", "--json", good=(0,))
        served.ask(work.arrange)
        served.ask(slow_down, latency)
        served.ask(count)
        cost = program(config, "sync", "--json", good=(0,))
        katana, stores = served.ask(count)
        return Took(cost.wall, sum(katana.values()) + sum(stores.values()))


def open_shops(world: World) -> None:
    """A product that Katana has, and an order of it by customer 0, in each store."""
    world.katana.add_product("Item 0", "SKU-00000")
    for shop in world.shops:
        product = shop.add_product("Item 0", "SKU-00000", "12.40")
        shop.place_order([Item(product)], billing=customer(0), customer_id=0)


def nothing(_world: World) -> None:
    """Nothing has changed."""


def one_in_each(world: World) -> None:
    """An order in each store."""
    for shop in range(len(world.shops)):
        place(world, 1, shop=shop)


def of_new_customers(world: World) -> None:
    """Orders of a new customer each, with shipping."""
    shop = world.shops[0]
    (product,) = shop.state.products
    for number in range(1, ORDERS + 1):
        shop.place_order([Item(product)], billing=customer(number), shipping=[COURIER])


def of_new_products(world: World) -> None:
    """Orders of a product each that Katana lacks."""
    shop = world.shops[0]
    for number in range(1, ORDERS + 1):
        product = shop.add_product(f"Item {number}", f"SKU-{number:05}", "12.40")
        shop.place_order([Item(product)], billing=customer(0))


WORKS = (
    Work("nothing to do", 1, nothing),
    Work(f"an order in each of {STORES} stores", 2, one_in_each, STORES),
    Work(f"{ORDERS} orders of new customers, with shipping", 5, of_new_customers),
    Work(f"{ORDERS} orders of new products", 5, of_new_products),
)


if __name__ == "__main__":
    main()
