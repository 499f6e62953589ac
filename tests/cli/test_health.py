"""`status --healthcheck`: whether the program works, whatever orders need."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from katana_woo_sync.ledger import Ledger
from katana_woo_sync.sandbox.server import Fault, FaultKind
from tests.cli.support import run, run_json, wait_until
from tests.cli.test_one_run import at_work
from tests.sync.world import World


def last_success(world: World, store: str, ago: timedelta) -> None:
    """Have a store's last good cycle have been so long ago."""
    identity = next(s.identity for s in world.settings.stores if s.name == store)
    with Ledger.open(world.ledger) as ledger:
        ledger.stores.succeeded(identity, world.clock() - ago)


def test_it_is_healthy_after_a_cycle_even_if_orders_need_a_person(world: World) -> None:
    world.katana.add_product("Another mug", "MUG")
    world.order()
    assert run(world, "sync").exit_code == 1
    assert run(world, "status").exit_code == 1
    ended = run(world, "status", "--healthcheck")
    assert (ended.exit_code, ended.output) == (0, "healthy\n")


def test_it_is_not_once_the_last_good_cycle_is_three_intervals_old(world: World) -> None:
    run(world, "sync")
    last_success(world, "eu", timedelta(minutes=14, seconds=50))
    assert run(world, "status", "--healthcheck").exit_code == 0
    last_success(world, "eu", timedelta(minutes=15))
    ended = run(world, "status", "--healthcheck")
    assert ended.exit_code == 1
    assert "it should be younger than 15 minutes" in ended.output
    world.configure(top='[schedule]\norders = "10m"')
    assert run(world, "status", "--healthcheck").exit_code == 0


def test_cycles_that_do_not_work_do_not_count(world: World) -> None:
    run(world, "sync")
    last_success(world, "eu", timedelta(minutes=20))
    world.katana.server.add_fault(Fault(FaultKind.STATUS, "GET", "/", status=503, times=1000))
    assert run(world, "sync").exit_code == 75
    assert run(world, "status", "--healthcheck").exit_code == 1


def test_the_slices_of_a_long_cycle_count(world: World) -> None:
    with at_work(world, orders=60, seconds=0.2):
        last_success(world, "eu", timedelta(hours=1))
        assert run(world, "status", "--healthcheck").exit_code == 1
        wait_until(lambda: run(world, "status", "--healthcheck").exit_code == 0, 40)
        assert len(world.katana.sales_orders()) < 60


def test_one_of_two_stores_is_named(two: World) -> None:
    run(two, "sync")
    last_success(two, "us", timedelta(hours=1))
    said = run_json(two, "status", "--healthcheck", code=1)
    assert said["healthy"] is False
    assert str(said["complaints"]).startswith("['us: last good cycle ")


def test_a_time_in_the_future_is_that_of_a_wrong_clock(world: World) -> None:
    last_success(world, "eu", -timedelta(days=300))
    assert run(world, "status", "--healthcheck").exit_code == 1


def test_whatever_cannot_be_read_is_1_too(unconnected: World, tmp_path: Path) -> None:
    """Docker gives no other code a meaning."""
    ended = run(unconnected, "status", "--healthcheck")
    assert ended.exit_code == 1
    assert "no store was connected yet" in ended.output
    unconnected.ledger.write_bytes(b"no database at all" * 500)
    assert run(unconnected, "status", "--healthcheck").exit_code == 1
    unconnected.config = tmp_path / "none.toml"
    assert run(unconnected, "status", "--healthcheck").exit_code == 1
