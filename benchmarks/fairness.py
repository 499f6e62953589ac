"""How long what happens beside a backlog waits: a delivery, a completion, stock, a new order.

    python -m benchmarks.fairness [--quick]

Katana allows 60 requests a minute. 150 orders wait, and once 20 of them are in Katana one sales
order is delivered there, another order is completed in the store, stock is set in Katana, and a new
order is paid. Times are real, until each is on the other side; first with none waiting. Aim: each
within two minutes, stock within its interval and two minutes.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from pathlib import Path

from benchmarks.backlog import imported
from benchmarks.processes import program, running
from benchmarks.services import Setup, World, services
from benchmarks.shop import Mix, complete_in_shop, deliver_in_katana, furnish, place
from benchmarks.table import heading, options, table

PER_MINUTE = 60
BEFORE = 20
"""Orders of the backlog that are in Katana when things happen."""
STOCK = 4_321
LONGEST = 1_800.0

How = Callable[[Path], AbstractContextManager[object]]


def main() -> None:
    """Measure and print."""
    quick = options(__doc__).quick
    heading("Fairness")
    kinds: list[tuple[str, How, int]] = [("`run`", running, 150)]
    if not quick:
        kinds = [("`run`", running, 0), *kinds, ("`run`", running, 300)]
        kinds.append(("`sync` each minute", started_each_minute, 150))
    rows = [(name, waiting, *measure(how, waiting)) for name, how, waiting in kinds]
    table(("how it runs", "orders waiting", *(f"{name} s" for name in CARRIED)), rows)


@dataclass(frozen=True)
class Happened:
    """The orders that something happened to, by their ids."""

    delivered: int
    completed: int
    new: int


def measure(how: How, waiting: int) -> list[float]:
    """Seconds until each of the four is on the other side, with so many orders waiting."""
    with services(Setup(per_minute=PER_MINUTE)) as served:
        served.ask(furnish, Mix(2, customers=1, products=1, known=1, shipped=1_000))
        served.ask(furnish_unsold)
        config = served.config(per_minute=PER_MINUTE, of_stores="sync_stock = true\n", every="1m")
        program(config, "backfill", "--yes")
        program(config, "sync", "--accept-stock")
        orders = served.ask(ids)
        time.sleep(60)  # the quota is whole again
        served.ask(place, waiting)
        with how(config):
            while served.ask(imported) < len(orders) + min(BEFORE, waiting):
                time.sleep(0.1)
            if not waiting:
                time.sleep(30)  # between two cycles
            happened, begun = served.ask(happen, orders), time.monotonic()
            found: dict[str, float] = {}
            while len(found) < len(CARRIED) and time.monotonic() - begun < LONGEST:
                time.sleep(0.2)
                for name in served.ask(carried, happened) - found.keys():
                    found[name] = time.monotonic() - begun
    return [found.get(name, float("inf")) for name in CARRIED]


@contextmanager
def started_each_minute(config: Path) -> Iterator[None]:
    """`sync` as cron starts it: each minute, whether or not the one before has ended."""
    done = threading.Event()
    threads: list[threading.Thread] = []

    def cron() -> None:
        while not done.is_set():
            sync = partial(program, config, "sync", good=(0, 1, 75))
            threads.append(threading.Thread(target=sync))
            threads[-1].start()
            done.wait(60)

    clock = threading.Thread(target=cron)
    clock.start()
    try:
        yield
    finally:
        done.set()
        clock.join()
        for thread in threads:
            thread.join()


def furnish_unsold(world: World) -> None:
    """Put on sale what nobody buys: its stock is what is set in Katana."""
    world.shops[0].set_stock(world.shops[0].add_product("Unsold", UNSOLD, "12.40"), 10)
    world.katana.add_product("Unsold", UNSOLD, in_stock=Decimal(10))


def ids(world: World) -> list[int]:
    """The ids of the store's orders."""
    return sorted(world.shops[0].state.orders)


def happen(world: World, orders: list[int]) -> Happened:
    """Deliver the first order in Katana, complete the second in the store, set stock in Katana,
    and have a new order paid."""
    deliver_in_katana(world, orders[:1])
    complete_in_shop(world, orders[1:2])
    place_id = next(at.id for at in world.katana.locations() if at.name == "Main location")
    for variant in world.katana.variants():
        if variant.sku == UNSOLD:
            world.katana.set_stock(variant.id, place_id, Decimal(STOCK))
    (new,) = place(world, 1)
    return Happened(orders[0], orders[1], new)


def carried(world: World, happened: Happened) -> set[str]:
    """What of it is on the other side."""
    state = world.shops[0].state
    of_order = {order.ecommerce_order_id: order for order in world.katana.sales_orders()}
    is_carried = {
        "delivery": state.orders[happened.delivered].status == "completed",
        "completion": of_order[str(happened.completed)].status == "DELIVERED",
        "stock": STOCK in {product.stock for product in state.products.values()},
        "new order": str(happened.new) in of_order,
    }
    return {name for name, is_there in is_carried.items() if is_there}


UNSOLD = "SKU-UNSOLD"
CARRIED = ("delivery", "completion", "stock", "new order")


if __name__ == "__main__":
    main()
