"""A shop that is slow, or silent, costs the others nothing: neither the lock nor their stock."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from katana_woo_sync.cli.retry import prepare
from katana_woo_sync.sandbox.server import Fault, FaultKind
from katana_woo_sync.sync import cycle
from tests.sync.test_stock import count, stock, stocked
from tests.sync.world import World

SLOW = 3
"""Seconds of an answer here."""

MakeWorld = Callable[..., World]


def meanwhile(work: Callable[[], object]) -> threading.Thread:
    """Do it in a thread."""
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


@pytest.mark.parametrize("kind", [FaultKind.DELAY, FaultKind.DRIP_BODY])
def test_the_stock_of_the_others_does_not_wait_for_a_late_shop(
    make_world: MakeWorld, monkeypatch: pytest.MonkeyPatch, kind: FaultKind
) -> None:
    monkeypatch.setattr(cycle, "LATE", 0.3)
    world = stocked(make_world, "eu", "us", timeout=f"timeout = {SLOW}")
    count(world, 7)
    pause = SLOW if kind is FaultKind.DELAY else 0.05
    world.shops["us"].server.add_fault(Fault(kind, "GET", "/orders", seconds=pause))
    began = time.monotonic()
    cycle_of_both = meanwhile(lambda: world.sync(minutes=20))
    while stock(world, "eu") != 7:
        assert time.monotonic() - began < SLOW
        time.sleep(0.02)
    assert stock(world, "us") == 10
    cycle_of_both.join(60)
    world.sync(minutes=20)
    assert stock(world, "us") == 7


def test_what_a_late_shop_sold_before_still_counts(
    make_world: MakeWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its last known state stands: the others' stock neither rises nor falls by its silence."""
    monkeypatch.setattr(cycle, "LATE", 0.3)
    world = stocked(make_world, "eu", "us")
    order = world.order(shop="us", quantity=2, status="on-hold")
    world.sync(minutes=20)
    assert stock(world, "eu") == 8
    world.shops["us"].server.add_fault(Fault(FaultKind.DELAY, "GET", "/orders", seconds=SLOW))
    count(world, 9)
    world.sync(minutes=20)
    assert stock(world, "eu") == 7
    assert world.find(order, shop="us") is None


def test_while_a_shop_takes_seconds_for_a_completion_a_person_need_not_wait(world: World) -> None:
    orders = [world.order() for _ in range(3)]
    world.sync()
    for order in orders:
        world.katana.deliver(world.sales_order(order).id)
    world.shop.server.add_fault(Fault(FaultKind.DELAY, "PUT", "/orders/", times=9, seconds=0.5))
    completing = meanwhile(world.sync)
    began = time.monotonic()
    waited: list[float] = []
    program = world.program()
    while completing.is_alive():
        asked = time.monotonic()
        with program.context() as context:
            prepare(program, None, None, context)
        waited.append(time.monotonic() - asked)
        time.sleep(0.01)
    assert time.monotonic() - began > 1.4
    assert max(waited) < 0.45
    assert [world.state(order) for order in orders] == [("fulfilled", "")] * 3
    assert [world.completions(order) for order in orders] == [1] * 3


def test_a_completion_whose_answer_was_lost_leaves_no_reason_behind(world: World) -> None:
    order = world.order()
    world.sync()
    world.katana.deliver(world.sales_order(order).id)
    world.shop.server.add_fault(Fault(FaultKind.DROP_AFTER, "PUT", "/orders/"))
    world.sync()
    assert world.state(order) == ("failed", "temporary")
    world.settle(3)
    assert world.state(order) == ("fulfilled", "")
    assert world.record(order).next_attempt_at is None
    assert world.completions(order) == 1
