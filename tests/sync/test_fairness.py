"""A long backlog holds up nothing else: both sides are read every two minutes, and some of each
kind of work is done in turn. Times are virtual: waiting for the quota moves the clock on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from werkzeug.wrappers import Request, Response

from katana_woo_sync.sandbox.server import SandboxServer
from tests.sync.world import World

WAITING = 240
"""Orders that wait: at 60 requests a minute over four minutes of nothing but creates."""

SOON = timedelta(minutes=4)
"""Two minutes until a side is heard again, and a slice of each kind of work."""


class Busy(World):
    """A world with a long backlog, and two orders that are in Katana."""

    first: int
    second: int


@pytest.fixture
def busy(tmp_path: Path) -> Iterator[Busy]:
    """A store with a long backlog, whose stock is synced; and two orders that are in Katana."""
    with ExitStack() as stack:
        world = Busy(tmp_path, stack, requests_per_minute=60)
        world.configure(katana="requests_per_minute = 60", stores={"eu": "sync_stock = true"})
        world.shop.set_stock(world.mug["eu"], 10_000)
        world.first, world.second = world.order(), world.order()
        world.backfill()
        world.sync()
        for _ in range(WAITING):
            world.order()
        yield world


def times_of(
    world: World, server: SandboxServer, wanted: Callable[[Request], bool]
) -> list[datetime]:
    """When the server gets such requests, from now on."""
    handle, times = server._handle, list[datetime]()

    def watched(request: Request) -> Response:
        if wanted(request):
            times.append(world.clock())
        return handle(request)

    server._handle = watched
    return times


def after_creates(world: World, count: int, do: Callable[[], object]) -> list[datetime]:
    """Do this when so many of the backlog are in Katana; returns a list for when that was."""
    handle, seen, at = world.katana.server._handle, [0], list[datetime]()

    def counting(request: Request) -> Response:
        if request.method == "POST" and request.path.endswith("/sales_orders"):
            seen[0] += 1
            if seen[0] == count:
                do()
                at.append(world.clock())
        return handle(request)

    world.katana.server._handle = counting
    return at


def created(world: World) -> int:
    """How many sales orders there are in Katana."""
    return len(world.katana.sales_orders())


def test_a_delivery_and_a_completion_do_not_wait_for_a_backlog(busy: Busy) -> None:
    delivery, completion = busy.first, busy.second
    completed = times_of(busy, busy.shop.server, lambda r: r.method == "PUT")
    delivered = times_of(busy, busy.katana.server, lambda r: r.method == "PATCH")

    def happen() -> None:
        busy.katana.deliver(busy.sales_order(delivery).id)
        busy.shop.set_status(completion, "completed")

    happened = after_creates(busy, 20, happen)
    busy.sync()
    assert created(busy) == WAITING + 2
    assert busy.status(delivery) == "completed"
    assert busy.sales_order(completion).status == "DELIVERED"
    assert completed[0] - happened[0] <= SOON
    assert delivered[0] - happened[0] <= SOON


def test_a_new_order_and_stock_do_not_wait_for_a_backlog(busy: Busy) -> None:
    pushed = times_of(busy, busy.shop.server, lambda r: r.path.endswith("/products/batch"))

    def happen() -> None:
        busy.clock.tick(minutes=15)  # stock is due again
        place = busy.katana.main_location_id
        busy.katana.set_stock(busy.mug_variant, place, Decimal(5_000))

    happened = after_creates(busy, 20, happen)
    busy.sync()
    assert created(busy) == WAITING + 2
    assert any(at - happened[0] <= SOON for at in pushed if at >= happened[0])


def test_a_backfill_is_the_same_loop(tmp_path: Path) -> None:
    with ExitStack() as stack:
        world = World(tmp_path, stack, requests_per_minute=60)
        world.configure(katana="requests_per_minute = 60")
        first = world.order()
        for _ in range(WAITING):
            world.order()
        completed = times_of(world, world.shop.server, lambda r: r.method == "PUT")
        happened = after_creates(
            world, 20, lambda: world.katana.deliver(world.sales_order(first).id)
        )
        world.backfill()
        assert created(world) == WAITING + 1
        assert completed[0] - happened[0] <= SOON


def test_what_is_left_after_half_an_hour_is_the_next_runs(busy: Busy) -> None:
    after_creates(busy, 30, lambda: busy.clock.tick(minutes=31))
    busy.sync()
    assert created(busy) < WAITING
    busy.sync()
    assert created(busy) == WAITING + 2


def test_orders_without_end_keep_a_run_no_longer_than_half_an_hour(busy: Busy) -> None:
    handle = busy.katana.server._handle

    def another(request: Request) -> Response:
        if request.method == "POST" and request.path.endswith("/sales_orders"):
            busy.order()
            busy.clock.tick(seconds=20)
        return handle(request)

    busy.katana.server._handle = another
    begun = busy.clock()
    busy.sync(minutes=0)
    assert busy.clock() - begun <= timedelta(minutes=32)
