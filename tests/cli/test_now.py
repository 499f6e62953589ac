"""`sync --now stock` and `sync --now sweep`: what has an interval of its own, at once."""

from __future__ import annotations

from decimal import Decimal

import pytest

from katana_woo_sync.ledger import Ledger
from tests.cli.support import run, run_json, start, wait_until
from tests.cli.test_one_run import at_work
from tests.sync.world import World


@pytest.fixture
def stocked(world: World) -> World:
    """A store whose stock is that of Katana, and was brought just now."""
    world.configure(stores={"eu": "sync_stock = true"})
    world.shop.set_stock(world.mug["eu"], 0)
    count(world, 10)
    run(world, "sync")
    assert stock(world) == 10
    return world


def count(world: World, quantity: int) -> None:
    """A person counts the mugs in Katana."""
    world.katana.set_stock(world.mug_variant, world.katana.main_location_id, Decimal(quantity))


def stock(world: World) -> int | None:
    """The mugs that the shop thinks it has."""
    return world.shop.stock(world.mug["eu"])


def swept_at(world: World) -> object:
    """When all open orders were compared last."""
    with Ledger.open_to_read(world.ledger) as ledger:
        known = ledger.stores.get(world.identity)
        return known and known.swept_at


def compared_at(world: World) -> object:
    """When the whole stock was compared last."""
    with Ledger.open_to_read(world.ledger) as ledger:
        state = ledger.stock.state(world.identity)
        return state and state.compared_at


def test_stock_is_set_before_its_interval_has_passed(stocked: World) -> None:
    count(stocked, 7)
    run(stocked, "sync")
    assert stock(stocked) == 10
    ended = run(stocked, "sync", "--now", "stock")
    assert ended.exit_code == 0, ended.output
    assert stock(stocked) == 7


def test_a_dry_run_says_so_and_sets_nothing(stocked: World) -> None:
    count(stocked, 7)
    said = run(stocked, "sync", "--now", "stock", "--now", "sweep", "--dry-run")
    assert "would be: 1 stock quantity set" in said.stdout
    assert stock(stocked) == 10


def test_a_sweep_compares_all_open_orders_and_the_whole_stock_once(stocked: World) -> None:
    swept, compared = swept_at(stocked), compared_at(stocked)
    run(stocked, "sync")
    assert (swept_at(stocked), compared_at(stocked)) == (swept, compared)
    assert run(stocked, "sync", "--now", "sweep").exit_code == 0
    again = swept_at(stocked), compared_at(stocked)
    assert again[0] != swept
    assert again[1] != compared
    run(stocked, "sync")
    assert (swept_at(stocked), compared_at(stocked)) == again


def test_a_store_whose_stock_is_left_alone_has_none_to_set(world: World) -> None:
    ended = run(world, "sync", "--now", "stock")
    assert ended.exit_code == 2
    assert "No store has sync_stock = true" in ended.output


def test_both_are_handed_over_to_the_run_at_work(stocked: World) -> None:
    swept = swept_at(stocked)
    with at_work(stocked, orders=300, seconds=0.2):
        count(stocked, 5000)
        said = run_json(stocked, "sync", "--now", "stock", "--now", "sweep")
        assert said == {"handed_over": True}
        wait_until(lambda: (stock(stocked) or 0) > 600, 40)
        wait_until(lambda: swept_at(stocked) != swept, 40)
        assert len(stocked.katana.sales_orders()) < 300


def test_they_are_done_beside_run_which_sleeps(stocked: World) -> None:
    """Between its cycles `run` does not hold the lock: the command works by itself."""
    loop = start(stocked, "run")
    try:
        before = stocked.katana.server.count("GET", "/sales_orders")
        wait_until(lambda: stocked.katana.server.count("GET", "/sales_orders") > before)
        count(stocked, 5)
        wait_until(
            lambda: run(stocked, "sync", "--now", "stock").exit_code == 0 and stock(stocked) == 5
        )
    finally:
        loop.terminate()
        loop.communicate(timeout=30)
