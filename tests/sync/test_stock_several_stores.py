"""Stores that share a location: what is not known of one of them never moves another's stock."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest

from katana_woo_sync.ledger import Ledger
from katana_woo_sync.sync.backfill import import_all, prepare
from katana_woo_sync.sync.cycle import Options
from tests.sync.test_stock import SYNCED, count, stock, stocked
from tests.sync.world import World

MakeWorld = Callable[..., World]


def moved(world: World) -> str:
    """The config's lines of the store "us" at a new address."""
    return f'{SYNCED}\nurl = "{world.shops["us"].url.replace("127.0.0.1", "localhost")}"'


def busy(make_world: MakeWorld) -> World:
    """Two stores at one place: of fifty mugs, "us" has sold some that Katana holds, and has two
    more on hold."""
    world = stocked(make_world, "eu", "us")
    count(world, 50)
    for _ in range(4):
        world.order(shop="us", quantity=3)
    world.order(shop="us", quantity=2, status="on-hold")
    world.sync(minutes=15)
    world.sync(minutes=15)
    assert (stock(world, "eu"), stock(world, "us")) == (36, 36)
    return world


@pytest.mark.parametrize("days", [0, 2])
def test_a_shop_that_moved_lowers_nothing_of_anothers(make_world: MakeWorld, days: int) -> None:
    world = busy(make_world)
    world.configure(stores={"eu": SYNCED, "us": moved(world)})
    report = world.sync(minutes=15 + days * 24 * 60)
    assert report.store("us").error
    assert report.store("eu").error is None
    assert stock(world, "eu") == 36
    world.configure(stores={"eu": SYNCED, "us": f"{moved(world)}\n{kept_name(world)}"})
    world.order(shop="us", quantity=1)
    world.sync(minutes=15)
    assert (stock(world, "eu"), stock(world, "us")) == (35, 35)


def kept_name(world: World) -> str:
    """The line that keeps the store's identity of before."""
    with Ledger.open_to_read(world.ledger) as ledger:
        (identity,) = ledger.stores.connected_as("us")
    return f'katana_store_name = "{identity}"'


def test_a_store_that_was_never_connected_lowers_nothing_of_anothers(
    make_world: MakeWorld,
) -> None:
    world = make_world(names=("eu", "us"))
    count(world, 50)
    for name, shop in world.shops.items():
        shop.set_stock(world.mug[name], 8)
    world.order(shop="us", quantity=3)
    world.configure(stores=dict.fromkeys(world.shops, SYNCED))
    program = world.program()
    with program.context() as context:
        prepared = prepare(context, program.chosen("eu"), None)
        import_all(context, prepared.stores, Options(), lambda _done, _total: None)
    world.sync(minutes=15)
    assert stock(world, "eu") == 50


def test_a_paused_store_is_not_asked_and_its_orders_still_count(make_world: MakeWorld) -> None:
    world = busy(make_world)
    world.configure(stores={"eu": SYNCED, "us": f"{SYNCED}\npaused = true"})
    world.order(shop="us", quantity=5)
    world.shops["us"].server.reset_counts()
    world.sync(minutes=24 * 60 + 15)
    assert world.shops["us"].server.count() == 0
    assert stock(world, "eu") == 36


def test_a_store_that_fails_holds_up_no_others_comparison(make_world: MakeWorld) -> None:
    world = busy(make_world)
    count(world, 60)
    with world.down(world.shops["us"].server):
        report = world.sync(minutes=24 * 60 + 15)
    assert report.store("us").error
    assert report.store("eu").error is None
    assert stock(world, "eu") == 46


def test_what_a_store_has_taken_is_read_once_it_answers(make_world: MakeWorld) -> None:
    world = stocked(make_world, "eu", "us")
    world.order(shop="us", quantity=2, status="on-hold")
    with Ledger.open(world.ledger) as ledger:
        us = next(s.identity for s in world.settings.stores if s.name == "us")
        ledger.stock.compare_again(world.identity)
        ledger.stock._update(us, scanned_at=None)
    with world.down(world.shops["us"].server):
        world.sync(minutes=15)
    assert stock(world, "eu") == 10
    world.sync(minutes=15)
    assert stock(world, "eu") == 8


def test_what_was_taken_stays_so_where_a_stores_location_is_gone(make_world: MakeWorld) -> None:
    world = busy(make_world)
    world.configure(stores={"eu": SYNCED, "us": f'{SYNCED}\nlocation = "Mian location"'})
    report = world.sync(minutes=15)
    assert "Mian location" in (report.store("us").error or "")
    count(world, Decimal(51))
    world.sync(minutes=15)
    assert stock(world, "eu") == 37
