"""What the job costs in requests, held to the least: a change that costs a request is seen here.

What is counted here is measured at greater numbers in `benchmarks/`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from decimal import Decimal
from pathlib import Path

import pytest

from katana_woo_sync.sandbox.server import SandboxServer
from katana_woo_sync.sandbox.woocommerce import Address, Item, Shipping
from tests.sync.world import ANNA, World

COURIER = Shipping("Courier", Decimal("4.90"))


@pytest.fixture
def quiet(tmp_path: Path) -> Iterator[World]:
    """A connected store whose stock is synced; its customer, product and taxes are known."""
    with ExitStack() as stack:
        world = World(tmp_path, stack)
        world.shop.set_stock(world.mug["eu"], 100)
        world.configure(stores={"eu": "sync_stock = true"})
        world.order()
        world.backfill()
        _settle(world)
        yield world


def _settle(world: World) -> None:
    """Let the last changes be read to their end, and the stock be set."""
    for _ in range(3):
        world.sync(minutes=20)
    world.reset_counts()


def sent(server: SandboxServer) -> Counter[str]:
    """Requests since the last reset, by method and the path's first word."""
    paths = (
        (r.method, r.path.partition("/v1")[2] or r.path.partition("/v3")[2])
        for r in server.requests
    )
    return Counter(f"{method} /{path.strip('/').split('/')[0]}" for method, path in paths)


def both(world: World) -> tuple[Counter[str], Counter[str]]:
    """What Katana and the store were sent."""
    return sent(world.katana.server), sent(world.shop.server)


def test_an_idle_cycle(quiet: World) -> None:
    quiet.sync(minutes=1)
    assert both(quiet) == ({"GET /sales_orders": 1}, {"GET /orders": 1})


def test_an_idle_stock_run(quiet: World) -> None:
    quiet.sync(minutes=20)
    katana, store = both(quiet)
    assert katana == {"GET /sales_orders": 2, "GET /inventory_movements": 1}
    assert store == {"GET /orders": 1, "GET /products": 1}


def test_one_order(quiet: World) -> None:
    quiet.order(shipping=[COURIER])
    quiet.sync(minutes=1)
    katana, store = both(quiet)
    assert katana == {
        "GET /sales_orders": 1,
        "POST /sales_orders": 1,
        "POST /sales_order_shipping_fee": 1,
    }
    assert store == {"GET /orders": 1}


def test_ten_completions(quiet: World) -> None:
    orders = [quiet.order() for _ in range(10)]
    _settle(quiet)
    for order in orders:
        quiet.shop.set_status(order, "completed")
    quiet.sync(minutes=1)
    assert both(quiet) == (
        # the list, and the first to be delivered: whether that empties its information is not known
        {"GET /sales_orders": 2, "PATCH /sales_orders": 10},
        {"GET /orders": 1},
    )


def test_ten_deliveries(quiet: World) -> None:
    orders = [quiet.order() for _ in range(10)]
    _settle(quiet)
    for order in orders:
        quiet.katana.deliver(quiet.sales_order(order).id)
    quiet.sync(minutes=1)
    # the second list tells the statuses again: each completion sends a mail
    assert both(quiet) == ({"GET /sales_orders": 1}, {"GET /orders": 2, "PUT /orders": 10})


def test_a_backfill(tmp_path: Path) -> None:
    """Forty orders, half with shipping, of ten new customers and four new products; three tax
    rates, with the one of nothing that shipping has beside the reduced one."""
    with ExitStack() as stack:
        world = World(tmp_path, stack)
        shop = world.shop
        products = [
            shop.add_product(f"Item {n}", f"NEW-{n}", 9, tax_class="reduced-rate" if n % 2 else "")
            for n in range(4)
        ]
        for number in range(40):
            buyer = {
                **vars(ANNA),
                "email": f"b{number % 10}@x.test",
                "first_name": f"B{number % 10}",
            }
            shop.place_order(
                [Item(products[number % 4])],
                billing=Address(**buyer),
                shipping=[COURIER] if number % 2 else [],
            )
        world.backfill()
        katana, store = both(world)
    created = {name: count for name, count in katana.items() if name.startswith("POST")}
    assert created == {
        "POST /sales_orders": 40,
        "POST /sales_order_shipping_fee": 20,
        "POST /customers": 10,
        "POST /products": 4,
        "POST /tax_rates": 3,
    }
    assert katana - Counter(created) == {
        "GET /customers": 1,
        "GET /factory": 1,
        "GET /locations": 1,
        "GET /sales_orders": 2,
        "GET /tax_rates": 1,
        "GET /variants": 1,
    }
    assert store == {"GET /orders": 3, "GET /products": 1, "GET /settings": 2}


def test_new_variable_products(quiet: World) -> None:
    """Each variation is of a product of its own; what Katana has of them all is asked twice: for
    what was sold, then for the other variations of what it lacks."""
    for number in range(6):
        colours = [(f"V{number}-{c}", 9, {"Colour": c}) for c in ("red", "blue", "green")]
        parent, (sold, *_others) = quiet.shop.add_variable_product(
            f"Shirt {number}", f"V{number}", colours
        )
        quiet.shop.place_order([Item(parent, variation_id=sold)], billing=ANNA)
    quiet.sync(minutes=1)
    katana, store = both(quiet)
    assert katana == {
        "GET /sales_orders": 1,
        "GET /variants": 2,
        "POST /products": 6,
        "POST /sales_orders": 6,
    }
    assert store == {"GET /orders": 1, "GET /products": 1 + 6}


def test_a_new_product_of_which_several_variations_were_sold(quiet: World) -> None:
    colours = [(f"CAP-{c}", 9, {"Colour": c}) for c in ("red", "blue", "green")]
    parent, sold = quiet.shop.add_variable_product("Cap", "CAP", colours)
    for variation in sold:
        quiet.shop.place_order([Item(parent, variation_id=variation)], billing=ANNA)
    quiet.sync(minutes=1)
    katana, store = both(quiet)
    assert (katana["GET /variants"], katana["POST /products"]) == (1, 1)
    assert store == {"GET /orders": 1, "GET /products": 1 + 1}
