"""Requests are the scarce thing: how many a cycle and an order cost."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from werkzeug.wrappers import Request, Response

from katana_woo_sync.sandbox.woocommerce import Item, Shipping
from tests.sync.world import ANNA, World


@pytest.fixture
def known(tmp_path: Path) -> Iterator[World]:
    """A world in which Anna, the mug, the tax and the location are known, and all is quiet."""
    with ExitStack() as stack:
        world = World(tmp_path, stack)
        world.order(shipping=[Shipping("Courier", Decimal(5))])
        world.backfill()
        world.sync()
        world.reset_counts()
        yield world


def counts(world: World) -> tuple[int, int]:
    """Requests to the store and to Katana since the last reset."""
    return world.shop.server.count(), world.katana.server.count()


def test_an_idle_cycle_is_one_request_to_each(known: World) -> None:
    known.sync()
    assert counts(known) == (1, 1)


def test_idle_with_two_stores(two: World) -> None:
    two.sync()
    two.reset_counts()
    two.sync()
    assert [s.server.count() for s in two.shops.values()] == [1, 1]
    assert two.katana.server.count() <= 2


def test_idle_right_after_a_backfill_of_many(unconnected: World) -> None:
    for _ in range(120):
        unconnected.order()
        unconnected.clock.tick(minutes=10)
    unconnected.backfill()
    unconnected.reset_counts()
    unconnected.sync()
    store, katana = counts(unconnected)
    assert store == 1
    assert katana <= 2


def test_idle_after_a_bulk_edit_in_one_second(unconnected: World) -> None:
    now = unconnected.clock()
    orders = [unconnected.order(created=now - timedelta(days=2)) for _ in range(150)]
    unconnected.backfill(since=now)
    unconnected.sync()
    for order in orders:
        unconnected.shop.edit_order(order, customer_note="bulk")
    unconnected.sync(minutes=0)
    unconnected.sync(minutes=1)
    unconnected.reset_counts()
    unconnected.sync()
    assert counts(unconnected) == (1, 1)


def test_a_known_order_costs_one_request_to_katana(known: World) -> None:
    known.order()
    known.sync()
    assert counts(known) == (1, 1 + 1)


def test_with_shipping_one_more(known: World) -> None:
    known.order(shipping=[Shipping("Courier", Decimal(5))])
    known.sync()
    assert counts(known) == (1, 1 + 2)


def test_many_known_orders_cost_one_each(known: World) -> None:
    for _ in range(30):
        known.order()
    known.sync()
    assert counts(known)[1] == 1 + 30


def test_unknown_skus_of_a_cycle_are_asked_together(known: World) -> None:
    for number in range(40):
        known.katana.add_product(f"Thing {number}", f"SKU-{number}")
        product = known.shop.add_product(f"Thing {number}", f"SKU-{number}", 5)
        known.shop.place_order([Item(product)], billing=ANNA)
    known.sync()
    assert known.katana.server.count("GET", "/variants") == 1
    assert known.shop.server.count("GET", "/products") == 1


def test_customers_are_listed_once_in_a_cycle(known: World) -> None:
    for number in range(10):
        known.order(customer_id=100 + number)
    known.sync()
    assert known.katana.server.count("GET", "/customers") == 1


def test_customers_are_listed_once_in_a_backfill(unconnected: World) -> None:
    for number in range(60):
        unconnected.order(customer_id=100 + number)
    unconnected.backfill()
    assert unconnected.katana.server.count("GET", "/customers") <= 2


def test_a_delivery_costs_one_request(known: World) -> None:
    order = known.order()
    known.sync()
    known.shop.set_status(order, "completed")
    known.sync()
    known.reset_counts()
    known.sync()
    assert counts(known) == (1, 1)
    assert known.state(order)[0] == "fulfilled"


def test_a_completion_costs_two_requests_to_the_store(known: World) -> None:
    order = known.order()
    known.sync()
    known.katana.deliver(known.sales_order(order).id)
    known.reset_counts()
    known.sync()
    assert counts(known) == (1 + 2, 1)


def test_the_report_tells_how_many(known: World) -> None:
    known.order()
    report = known.sync()
    assert (report.store_requests["eu"], report.katana_requests) == counts(known)


def test_a_run_that_follows_at_once_keeps_to_the_quota_of_the_last(tmp_path: Path) -> None:
    """Another program may have the rest of the key's quota: the ceiling is that of all runs."""
    with ExitStack() as stack:
        world = World(tmp_path, stack, requests_per_minute=60)
        world.configure(katana="requests_per_minute = 12")
        handle, times = world.katana.server._handle, list[float]()

        def counted(request: Request) -> Response:
            times.append(world.clock().timestamp())
            return handle(request)

        world.katana.server._handle = counted
        world.backfill()
        for _ in range(6):
            world.order()
            world.sync(minutes=0)
    assert len(times) > 20
    assert max(bisect_left(times, t + 60) - i for i, t in enumerate(times)) <= 12
