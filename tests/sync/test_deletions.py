"""Rule 9: what is cancelled in the shop is shown, and deleted in Katana where that is wanted."""

from __future__ import annotations

from copy import deepcopy
from functools import partial

import pytest

from katana_woo_sync.ledger import Ledger
from katana_woo_sync.sandbox.server import Fault, FaultKind
from katana_woo_sync.sync.cycle import SweepWhen
from tests.cli.support import run
from tests.sync.world import World


def deletes(world: World) -> None:
    """Cancelled orders are deleted in Katana."""
    world.configure(top='[orders]\ncancelled = "delete"')


def to_be_deleted(world: World) -> int:
    """An order in Katana that the shop has cancelled, where that is deleted."""
    deletes(world)
    order = world.order()
    world.sync()
    world.shop.set_status(order, "cancelled")
    return order


def test_rule_09_a_cancelled_order_is_deleted_where_nothing_was_begun(world: World) -> None:
    order = to_be_deleted(world)
    world.settle(2)
    assert world.sales_order(order).deleted_at is not None
    assert world.state(order) == ("imported", "")
    assert world.katana.server.count("DELETE") == 1
    assert world.notes(order) == []
    world.shop.set_status(order, "processing")
    world.settle(2)
    assert len(world.in_katana(order)) == 1


def test_rule_09_nothing_is_deleted_for_what_a_cache_tells(world: World) -> None:
    order = to_be_deleted(world)
    copies = deepcopy(world.shop.state.orders)
    paid = partial(world.shop.set_status, order, "processing")
    with world.cached(copies):
        # after the list of changes, before the order is asked for by its id
        world.before(world.shop.server, "GET", "/orders", paid, skip=1)
        world.sync()
    assert world.sales_order(order).deleted_at is None
    world.sync()
    assert world.state(order) == ("imported", "")


def test_rule_09_an_order_that_was_deleted_and_is_processing_again_needs_a_person(
    world: World,
) -> None:
    order = to_be_deleted(world)
    world.sync()
    world.shop.set_status(order, "processing")
    report = world.sync()
    assert int(report.exit_code) == 1
    assert world.state(order) == ("attention", "reopened_in_shop")
    said = run(world, "status").output
    assert "reopened_in_shop" in said
    assert "by hand" in said
    assert run(world, "retry", "eu", str(order)).exit_code != 0
    world.sync(sweep=SweepWhen.NOW)
    assert world.state(order) == ("attention", "reopened_in_shop")
    assert run(world, "ignore", "eu", str(order)).exit_code == 0
    assert int(world.sync().exit_code) == 0
    assert len(world.in_katana(order)) == 1


def test_rule_09_it_needs_nobody_once_it_is_cancelled_again(world: World) -> None:
    deletes(world)
    order = world.order()
    world.sync()
    for status in ("cancelled", "on-hold", "processing"):
        world.shop.set_status(order, status)
        world.sync()
    assert world.state(order) == ("attention", "reopened_in_shop")
    world.shop.set_status(order, "cancelled")
    world.sync()
    assert world.state(order) == ("imported", "")


def test_rule_09_what_a_person_deleted_as_cancelled_is_shown_when_it_is_processing_again(
    world: World,
) -> None:
    order = world.order()
    world.sync()
    world.shop.set_status(order, "cancelled")
    world.sync()
    world.katana.delete_order(world.sales_order(order).id)
    world.sync()
    assert world.notes(order) == ["deleted_in_katana"]
    world.shop.set_status(order, "processing")
    world.sync()
    assert world.state(order) == ("attention", "reopened_in_shop")


def test_rule_09_what_katana_refuses_to_delete_is_left_to_a_person(world: World) -> None:
    deletes(world)
    order = world.order()
    world.sync()
    said = '{"statusCode":412,"name":"PreconditionFailedError","message":"It has returns"}'
    world.katana.server.add_fault(Fault(FaultKind.STATUS, "DELETE", status=412, body=said))
    world.shop.set_status(order, "cancelled")
    world.settle(2)
    assert world.state(order) == ("attention", "cancelled_in_shop")
    assert "not deleted in Katana: It has returns" in world.record(order).detail


@pytest.mark.parametrize("begun", ["packed", "produced", "partly delivered"])
def test_rule_09_a_cancelled_order_that_was_begun_is_shown(world: World, begun: str) -> None:
    deletes(world)
    order = world.order(quantity=2)
    world.sync()
    sales_order = world.sales_order(order).id
    match begun:
        case "packed":
            world.katana.pack(sales_order)
        case "produced":
            world.katana.set_production(sales_order, "IN_PROGRESS")
        case _:
            world.katana.deliver_part(sales_order)
    world.shop.set_status(order, "cancelled")
    world.settle(2)
    assert world.sales_order(order).deleted_at is None
    assert world.state(order) == ("attention", "cancelled_in_shop")
    assert "not deleted in Katana" in world.record(order).detail
    world.reset_counts()
    world.sync()
    assert world.katana.server.count("GET", f"/sales_orders/{sales_order}") == 0


@pytest.mark.parametrize("kind", [FaultKind.DROP_BEFORE, FaultKind.DROP_AFTER])
def test_rule_09_a_deletion_whose_answer_was_lost_is_seen(world: World, kind: FaultKind) -> None:
    deletes(world)
    order = world.order()
    world.sync()
    path = f"/v1/sales_orders/{world.sales_order(order).id}"
    world.katana.server.add_fault(Fault(kind, "DELETE", path))
    world.shop.set_status(order, "cancelled")
    world.settle(3)
    assert [fault.times for fault in world.katana.server.faults] == [0]
    assert world.sales_order(order).deleted_at is not None
    assert world.state(order) == ("imported", "")
    assert world.notes(order) == []
    with Ledger.open_to_read(world.ledger) as ledger:
        assert ledger.intents.all_open() == []
        done = [
            (entry.side, entry.action) for entry in ledger.journal.of_order(world.identity, order)
        ]
    assert done.count(("katana", "deleted")) == 1


def test_rule_09_a_deletion_that_is_not_wanted_any_more_is_waited_for_no_longer(
    world: World,
) -> None:
    order = to_be_deleted(world)
    world.katana.server.add_fault(Fault(FaultKind.STATUS, "DELETE", status=503))
    world.sync()
    world.shop.set_status(order, "processing")
    for _ in range(3):
        world.sync(minutes=15)
    assert world.state(order) == ("imported", "")
    with Ledger.open_to_read(world.ledger) as ledger:
        assert ledger.intents.all_open() == []


def test_rule_09_most_orders_cancelled_at_once_are_left_to_a_person(world: World) -> None:
    deletes(world)
    placed = [world.order() for _ in range(51)]
    world.sync()
    for order in placed:
        world.shop.set_status(order, "cancelled")
    world.settle(2)
    assert all(world.sales_order(order).deleted_at is None for order in placed)
    assert world.state(placed[0]) == ("attention", "cancelled_in_shop")


def test_rule_09_by_default_a_cancelled_order_is_only_shown(world: World) -> None:
    order = world.order()
    world.sync()
    world.shop.set_status(order, "cancelled")
    world.settle(2)
    assert world.sales_order(order).deleted_at is None
    assert world.state(order) == ("attention", "cancelled_in_shop")


def test_rule_09_a_cancellation_is_shown_whatever_is_carried(world: World) -> None:
    world.configure(stores={"eu": "sync_fulfillment = false"})
    order = world.order()
    world.sync()
    world.shop.set_status(order, "cancelled")
    world.sync()
    assert world.state(order) == ("attention", "cancelled_in_shop")
