"""What `order` and the page say the program will do next with an order."""

from __future__ import annotations

import pytest

from katana_woo_sync.sandbox.woocommerce import Item
from tests.cli.support import run
from tests.sync.world import World


def step(world: World, order: int) -> str:
    """What `order` says comes next; empty where it says nothing."""
    lines = run(world, "order", "eu", f"id:{order}").stdout.splitlines()
    said = [line for line in lines if line.startswith("  next     ")]
    return said[0].removeprefix("  next     ") if said else ""


def page_of(world: World) -> str:
    """The page, made anew."""
    return run(world, "report", "--output", "-").stdout


def test_an_open_order_waits_for_its_delivery(world: World) -> None:
    order = world.order()
    run(world, "sync")
    assert step(world, order) == "waits for its delivery"
    assert "<b>Next:</b> waits for its delivery" in page_of(world)


def test_nothing_is_to_come_for_an_order_that_is_done(world: World) -> None:
    order = world.order()
    run(world, "sync")
    world.katana.deliver(int(world.sales_order(order).id))
    run(world, "sync")
    assert world.record(order).state == "fulfilled"
    assert step(world, order) == ""
    assert "<b>Next:</b>" not in page_of(world)


def test_an_order_with_a_problem_says_when_it_is_tried_again(world: World) -> None:
    world.configure(top="[orders]\ncreate_products = false")
    order = world.shop.place_order([Item(world.lamp["eu"])])
    run(world, "sync")
    at = world.record(order).next_attempt_at
    assert at is not None
    when = at.astimezone().strftime("%Y-%m-%d %H:%M")
    assert step(world, order) == f"is tried again at {when}, in case its cause is gone"


def test_where_fulfilment_is_off_no_delivery_is_waited_for(world: World) -> None:
    world.configure(stores={"eu": "sync_fulfillment = false"})
    order = world.order()
    run(world, "sync")
    assert step(world, order) == ""


@pytest.mark.parametrize("command", ["order", "report"])
def test_a_paused_store_does_nothing(world: World, command: str) -> None:
    order = world.order()
    run(world, "sync")
    world.configure(stores={"eu": "paused = true"})
    said = step(world, order) if command == "order" else page_of(world)
    assert "nothing: the store is left alone (paused = true)" in said


def test_the_page_says_what_the_next_cycle_does(world: World) -> None:
    run(world, "sync")
    assert "Next cycle: look for changes" in page_of(world)
