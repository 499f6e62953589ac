"""Orders that change while they are read: no Processing order is missed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from katana_woo_sync.sandbox.woocommerce import WooCommerceSandbox
from katana_woo_sync.sync.cycle import SweepWhen
from tests.sync.world import Clock, World

MANY = 250
"""Three pages."""

START = Clock().now - timedelta(hours=1)
"""Orders from then on are imported."""


def complete(world: World, orders: list[int]) -> None:
    """Orders that were read are completed."""
    for order in orders[:40]:
        world.shop.set_status(order, "completed")


def trash(world: World, orders: list[int]) -> None:
    """Orders leave every list."""
    for order in orders[5:45]:
        world.shop.trash(order)


def delete(world: World, orders: list[int]) -> None:
    """Orders are gone for good."""
    for order in orders[-30:]:
        world.shop.delete_order(order)


def edit(world: World, orders: list[int]) -> None:
    """Orders go to the other end of a list by modification."""
    world.clock.tick(seconds=1)
    for order in orders[::3]:
        world.shop.edit_order(order, customer_note="changed")


def create(world: World, orders: list[int]) -> None:
    """New orders come in."""
    orders += [world.order() for _ in range(20)]


HAPPENINGS = [complete, trash, delete, edit, create]


@pytest.fixture(params=[("11.0.1", True), ("8.2.0", False)], ids=["11.0", "8.2"])
def busy(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[tuple[World, list[int]]]:
    """A shop with many open orders; every fifteenth was placed since the date to import from."""
    version, hpos = request.param
    with ExitStack() as stack:
        world = World(tmp_path, stack)
        world.shop.state.version = tuple(int(part) for part in version.split("."))
        world.shop.state.hpos = hpos
        ages = [timedelta(days=0 if number % 15 == 0 else 2) for number in range(MANY)]
        yield world, [world.order(created=apart(world) - age) for age in ages]


def apart(world: World) -> datetime:
    """The time a while later: changes this far apart are not read again by the next cycle."""
    return world.clock.tick(seconds=20)


def each_between_pages(shop: WooCommerceSandbox, *actions: Callable[[], None]) -> None:
    """Do these one by one before the second list and those after it."""
    shop.app.before_list += [lambda: None, *actions]


def check_none_is_missed(world: World, orders: list[int]) -> None:
    """After one more cycle each order that is Processing is in Katana, once."""
    world.shop.app.before_list.clear()
    world.sync()
    shop = world.shop.state.orders
    young = [o for o in orders if o in shop and shop[o].created >= START]
    open_orders = [o for o in young if shop[o].status == "processing"]
    held = [str(s.ecommerce_order_id) for s in world.katana.sales_orders()]
    assert sorted(held) == sorted(set(held))
    assert open_orders
    assert {str(order) for order in open_orders} <= set(held)


@pytest.mark.parametrize("happening", HAPPENINGS)
def test_a_backfill_misses_none(
    busy: tuple[World, list[int]], happening: Callable[[World, list[int]], None]
) -> None:
    world, orders = busy
    # the first list asks only for the newest time
    each_between_pages(world.shop, lambda: None, lambda: happening(world, orders))
    world.backfill(since=START)
    check_none_is_missed(world, orders)


@pytest.mark.parametrize("happening", HAPPENINGS)
def test_a_cycle_misses_none(
    busy: tuple[World, list[int]], happening: Callable[[World, list[int]], None]
) -> None:
    world, orders = busy
    for order in orders:
        world.shop.edit_order(order, status="on-hold")
    world.backfill(since=START)
    for order in orders:
        apart(world)
        world.shop.set_status(order, "processing")
    each_between_pages(world.shop, lambda: happening(world, orders))
    world.sync()
    check_none_is_missed(world, orders)


def test_what_changes_after_its_page_is_heard_by_the_next_cycle(
    busy: tuple[World, list[int]],
) -> None:
    world, orders = busy
    on_the_first_page, on_the_last = orders[240], orders[0]
    world.shop.edit_order(on_the_first_page, status="on-hold")
    world.backfill(since=START)
    for order in orders:
        apart(world)
        world.shop.edit_order(order, customer_note="changed")

    def becomes_processing() -> None:
        apart(world)
        world.shop.set_status(on_the_first_page, "processing")

    def changes_later() -> None:
        world.clock.tick(minutes=2)
        world.shop.edit_order(on_the_last, customer_note="changed again")

    each_between_pages(world.shop, becomes_processing, changes_later)
    world.sync()
    assert world.in_katana(on_the_first_page) == []
    check_none_is_missed(world, orders)


def test_a_change_at_a_time_that_was_read_already_is_found_by_the_sweep(tmp_path: Path) -> None:
    """The shop's clock was set back, an order was paid, and the clock is right again."""
    with ExitStack() as stack:
        world = World(tmp_path, stack)
        world.connect()
        order = world.order(status="on-hold")
        world.shop.set_status(order, "processing")
        world.shop.set_status(order, "on-hold")
        world.sync()
        newer = world.order()
        world.sync()
        then = world.clock.now - timedelta(hours=1)
        world.shop.edit_order(order, status="processing", modified=then)
        world.sync()
        assert (world.in_katana(order), len(world.in_katana(newer))) == ([], 1)
        world.sync(sweep=SweepWhen.NOW)
        assert len(world.in_katana(order)) == 1


@pytest.mark.parametrize("minutes", [0, 5])
def test_an_order_is_imported_from_the_copy_that_was_read_last(world: World, minutes: int) -> None:
    """One that is paid while the cycle reads; within the second in which it was placed, too, when
    by their times both copies are as new."""
    order = world.order(status="on-hold")
    paid = partial(world.shop.set_status, order, "processing")
    # after the list of changes has been read, before that of the open orders is
    world.before(world.shop.server, "GET", "/orders", paid, skip=1)
    world.sync(minutes=minutes, sweep=SweepWhen.NOW)
    assert world.state(order)[0] == "imported"
