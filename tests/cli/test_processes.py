"""Whole processes: killed, stopped, and two at once."""

from __future__ import annotations

import json
import signal
import subprocess
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from katana_woo_sync.cli.program import exits
from katana_woo_sync.sandbox.server import Fault, FaultKind
from katana_woo_sync.sandbox.woocommerce import Shipping
from katana_woo_sync.sync.lock import LockHeld
from tests.cli.support import run, start, wait_until
from tests.sync.world import World

COURIER = Shipping("Courier", Decimal(5))


@pytest.mark.parametrize(
    "path", ["/sales_orders", "/customers", "/tax_rates", "/sales_order_shipping_fee"]
)
def test_killed_while_it_waits_for_an_answer(world: World, path: str) -> None:
    order = world.order(shipping=[COURIER])
    server = world.katana.server
    server.add_fault(Fault(FaultKind.DELAY_AFTER, "POST", path, seconds=0.8))
    sync = start(world, "sync")
    wait_until(lambda: not any(f.times for f in server.faults))
    sync.kill()
    sync.communicate()
    wait_until(lambda: server.count("POST", path) == 1)
    world.settle(4)
    assert len(world.in_katana(order)) == 1
    assert len(world.katana.customers()) == 1
    assert [rate.rate for rate in world.katana.tax_rates()].count(Decimal(24)) == 1
    assert len(world.katana.shipping_fees(world.sales_order(order).id)) == 1
    assert world.state(order) == ("imported", "")


def reports_of(syncs: list[subprocess.Popen[str]]) -> list[dict[str, Any]]:
    """What those that worked report; the others left at once, since another was at work."""
    said = [(each.communicate(timeout=120), each.returncode) for each in syncs]
    for (_out, words), code in said:
        assert code == 0 or (code == 75 and "Another run" in words), words
    return [json.loads(out) for (out, _words), code in said if code == 0]


def test_two_syncs_at_once_double_nothing(world: World) -> None:
    orders = [world.order() for _ in range(8)]
    both = [start(world, "sync", "--json") for _ in range(2)]
    reports = reports_of(both)
    assert [len(world.in_katana(order)) for order in orders] == [1] * 8
    assert len(world.katana.customers()) == 1
    assert sum(report["stores"]["eu"]["imported"] for report in reports) == 8


def test_several_syncs_complete_an_order_once(world: World) -> None:
    orders = [world.order() for _ in range(4)]
    world.sync()
    for order in orders:
        world.katana.deliver(world.sales_order(order).id)
    world.shop.server.add_fault(Fault(FaultKind.DELAY, "PUT", "/orders/", times=9, seconds=0.5))
    several = [start(world, "sync", "--json") for _ in range(3)]
    reports = reports_of(several)
    assert sum(report["stores"]["eu"]["completed_in_store"] for report in reports) == 4
    assert [world.completions(order) for order in orders] == [1] * 4
    assert world.shop.server.count("PUT", "/orders/") == 4
    assert [world.state(order) for order in orders] == [("fulfilled", "")] * 4


def test_run_works_and_leaves_cleanly_on_sigterm(world: World) -> None:
    order = world.order()
    process = start(world, "run")
    wait_until(lambda: len(world.in_katana(order)) == 1)
    second = start(world, "run")
    _out, words = second.communicate(timeout=30)
    assert second.returncode == 75
    assert "only one may" in words
    process.send_signal(signal.SIGTERM)
    _out, words = process.communicate(timeout=30)
    assert process.returncode == 0
    assert "Traceback" not in words
    assert world.state(order) == ("imported", "")


def test_sigterm_finishes_the_step_in_hand(world: World) -> None:
    orders = [world.order() for _ in range(3)]
    slow = Fault(FaultKind.DELAY_AFTER, "POST", "/sales_orders", seconds=0.7)
    world.katana.server.add_fault(slow)
    sync = start(world, "sync")
    wait_until(lambda: len(world.katana.sales_orders()) == 1)
    sync.send_signal(signal.SIGTERM)
    _out, words = sync.communicate(timeout=30)
    assert sync.returncode == 75
    assert "Nothing is lost" in words
    (there,) = world.katana.sales_orders()
    assert world.state(int(str(there.ecommerce_order_id))) == ("imported", "")
    assert run(world, "sync").exit_code == 0
    assert [len(world.in_katana(order)) for order in orders] == [1, 1, 1]


def test_a_lock_that_is_held_is_for_later(world: World) -> None:
    order = world.order()
    with FileLock(f"{world.ledger}.lock"):
        with pytest.raises(LockHeld, match="trying later is right"):
            world.sync(minutes=0)
        with pytest.raises(SystemExit) as ended, exits():
            world.sync(minutes=0)
    assert ended.value.code == 75
    assert world.in_katana(order) == []


def test_reading_commands_need_no_lock(world: World) -> None:
    order = world.order()
    run(world, "sync")
    with FileLock(f"{world.ledger}.lock"):
        for command in (["status"], ["orders"], ["order", "eu", str(order)]):
            assert run(world, *command).exit_code == 0


def test_retry_works_beside_run(world: World, tmp_path: Path) -> None:
    process = start(world, "run")
    try:
        wait_until(lambda: Path(f"{world.ledger}.run.lock").exists())
        order = world.order()
        assert run(world, "retry").exit_code == 0
        wait_until(lambda: len(world.in_katana(order)) == 1)
    finally:
        process.terminate()
        process.communicate(timeout=30)
