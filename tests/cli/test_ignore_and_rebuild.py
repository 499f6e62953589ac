"""`ignore`, and `rebuild-ledger`: what a person does when the program cannot go on by itself."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from katana_woo_sync.ledger import Ledger
from katana_woo_sync.sandbox.server import Fault, FaultKind
from katana_woo_sync.sync.connect import NOT_KNOWN
from tests.cli.support import inside, run, run_json
from tests.sync.test_lost_answers import rich_order
from tests.sync.world import World


def unwanted(world: World) -> tuple[int, int]:
    """An order that needs a person, and why: a second variant in Katana that has its SKU."""
    second = world.katana.add_product("Another mug", "MUG")
    order = world.order()
    assert run(world, "sync").exit_code == 1
    assert world.state(order) == ("attention", "sku_ambiguous")
    return order, second


def test_an_ignored_order_is_tried_no_more(world: World) -> None:
    order, second = unwanted(world)
    result = run(world, "ignore", "eu", str(order))
    assert result.exit_code == 0
    assert "left alone from now on" in result.stdout
    assert world.state(order) == ("ignored", "")
    world.katana.archive_variant(second)
    assert run(world, "sync").exit_code == 0
    assert world.in_katana(order) == []


@pytest.mark.parametrize("lost", [FaultKind.DROP_BEFORE, FaultKind.DROP_AFTER])
def test_nothing_is_done_about_the_shipping_fee_of_an_ignored_order(
    world: World, lost: FaultKind
) -> None:
    order = rich_order(world)
    world.katana.server.add_fault(Fault(lost, "POST", "/sales_order_shipping_fee"))
    world.sync()
    assert world.state(order)[1] == "shipping_fee_missing"
    assert run(world, "ignore", "eu", str(order)).exit_code == 0
    world.katana.server.reset_counts()
    for minutes in (1, 10, 10):
        world.sync(minutes=minutes)
        assert world.state(order) == ("ignored", "")
    assert world.katana.server.count(path="shipping_fee") == 0
    with Ledger.open_to_read(world.ledger) as ledger:
        assert ledger.intents.all_open() == []
    assert run(world, "retry", "eu", str(order)).exit_code == 0
    assert world.state(order) == ("imported", "")
    assert len(world.katana.shipping_fees(world.sales_order(order).id)) == 1


def test_the_delivery_of_an_ignored_order_is_waited_for_no_more(world: World) -> None:
    world.configure(stores={"eu": 'shipments = "auto"'})
    order = world.order()
    world.sync()
    world.shop.set_status(order, "completed")
    world.katana.server.add_fault(Fault(FaultKind.DROP_BEFORE, "PATCH", "/sales_orders"))
    world.sync()
    assert run(world, "ignore", "eu", str(order)).exit_code == 0
    for _ in range(2):
        world.sync(minutes=10)
    with Ledger.open_to_read(world.ledger) as ledger:
        assert ledger.intents.all_open() == []
    assert world.state(order) == ("ignored", "")


def test_no_shop_is_told_of_a_shipment_of_an_ignored_order(world: World) -> None:
    world.configure(stores={"eu": 'shipments = "auto"'})
    world.shop.switch_on_fulfillments()
    world.sync()
    order = world.order()
    world.sync()
    sales_order = world.sales_order(order).id
    world.katana.deliver(sales_order)
    world.katana.track(sales_order, "X1", carrier="DHL")
    fault = Fault(FaultKind.STATUS, "POST", "/fulfillments", status=504)
    world.shop.server.add_fault(fault)
    assert run(world, "sync").exit_code == 1
    assert "note_failed" in run(world, "status").output
    assert run(world, "ignore", "eu", str(order)).exit_code == 0
    for _ in range(2):
        assert run(world, "retry").exit_code == 0  # all that failed: this one is ignored
        world.sync(minutes=30)
    assert (world.state(order), world.shop.fulfillments(order)) == (("ignored", ""), [])


@pytest.mark.parametrize("days", [0, 400])
def test_an_ignored_order_stays_so_where_another_program_imports_it(
    world: World, days: int
) -> None:
    """Under its id, or by mistake: one that was made on another day is not the order's."""
    order = world.order(status="completed")
    world.sync()
    assert run(world, "ignore", "eu", str(order)).exit_code == 0
    created = world.shop.state.orders[order].created - timedelta(days=days)
    there = world.foreign(order, store_name=world.identity, order_created_date=created)
    for minutes in (5, 70):
        world.sync(minutes=minutes)
        assert world.state(order) == ("ignored", "")
    assert world.katana.sales_order(there).status == "NOT_SHIPPED"


def test_retry_takes_an_ignored_order_back(world: World) -> None:
    order, second = unwanted(world)
    run(world, "ignore", "eu", f"id:{order}")
    world.katana.archive_variant(second)
    assert run(world, "retry", "eu", str(order)).exit_code == 0
    assert world.state(order)[0] == "imported"


def test_a_dry_run_of_ignore_changes_nothing(world: World) -> None:
    order, _second = unwanted(world)
    result = run(world, "ignore", "eu", str(order), "--dry-run")
    assert "would be left alone" in result.stdout
    assert world.state(order) == ("attention", "sku_ambiguous")


@pytest.mark.parametrize("delivered", [False, True])
def test_a_total_that_differs_is_set_aside_and_the_fulfilment_goes_on(
    world: World, delivered: bool
) -> None:
    order = world.order(total=Decimal(1))
    run(world, "sync")
    world.katana.deliver(world.sales_order(order).id)
    if delivered:
        assert run(world, "sync").exit_code == 1
        shown = run_json(world, "order", "eu", str(order))
        assert (shown["state"], shown["reason"]) == ("fulfilled", "total_differs")
    assert "its fulfilment goes on" in run(world, "ignore", "eu", str(order)).stdout
    assert run(world, "sync").exit_code == 0
    assert world.state(order) == ("fulfilled", "")
    assert world.status(order) == "completed"


def test_there_is_nothing_to_ignore_about_a_fulfilled_order(world: World) -> None:
    order = world.order()
    run(world, "sync")
    world.katana.deliver(world.sales_order(order).id)
    run(world, "sync")
    result = run(world, "ignore", "eu", str(order))
    assert result.exit_code == 2
    assert "nothing to ignore" in result.stderr


def test_ignore_json_is_the_order(world: World) -> None:
    order, _second = unwanted(world)
    assert run_json(world, "ignore", "eu", str(order))["state"] == "ignored"


def test_a_lost_ledger_is_rebuilt_deleted_orders_included(world: World) -> None:
    kept, deleted = world.order(), world.order()
    run(world, "sync")
    world.katana.delete_order(world.sales_order(deleted).id)
    world.ledger.unlink()
    new = world.order()
    result = run(world, "rebuild-ledger")
    assert result.exit_code == 0, result.output
    assert "eu: 2 orders taken over; now 2 imported, 1 queued" in result.stdout
    assert "1 of them are deleted in Katana" in result.stdout
    assert all(thing in result.stdout for thing in NOT_KNOWN)
    assert world.in_katana(new) == []
    assert run(world, "sync").exit_code == 0
    assert [len(world.in_katana(each)) for each in (kept, deleted, new)] == [1, 1, 1]
    assert world.record(deleted).in_katana == "deleted"


def test_a_broken_ledger_is_kept_beside_the_new_one(world: World) -> None:
    order = world.order()
    run(world, "sync")
    broken = world.ledger.read_bytes()[:5000]
    world.ledger.write_bytes(broken)
    assert "rebuild-ledger" in run(world, "sync").stderr
    result = run(world, "rebuild-ledger")
    assert result.exit_code == 0, result.output
    found = world.directory.glob("ledger.db.broken-*")
    (kept,) = [path for path in found if not path.name.endswith(("-wal", "-shm"))]
    assert kept.read_bytes() == broken
    assert kept.name in result.stderr
    assert world.state(order)[0] == "imported"


def test_a_dry_run_shows_what_would_become_of_a_broken_ledger(world: World) -> None:
    world.order()
    run(world, "sync")
    broken = world.ledger.read_bytes()[:5000]
    world.ledger.write_bytes(broken)
    result = run(world, "rebuild-ledger", "--dry-run")
    assert result.exit_code == 0, result.output
    assert "it would be kept" in result.stderr
    assert "1 orders would be taken over" in result.stdout
    assert world.ledger.read_bytes() == broken


def test_a_ledger_that_is_in_order_only_gets_what_it_lacks(world: World) -> None:
    order = world.order()
    run(world, "sync")
    run(world, "rebuild-ledger")
    report = run_json(world, "rebuild-ledger")
    assert inside(report, "rebuilt", "eu", "adopted") == 0
    assert inside(report, "rebuilt", "eu", "states") == {"imported": 1}
    assert world.state(order) == ("imported", "")


def test_a_store_that_was_never_connected_is_not_rebuilt(unconnected: World) -> None:
    order = unconnected.order()
    result = run(unconnected, "rebuild-ledger")
    assert result.exit_code == 2
    assert "backfill --store eu" in result.stdout
    assert unconnected.find(order) is None


def test_a_dry_run_of_rebuild_makes_no_ledger(world: World) -> None:
    world.order()
    run(world, "sync")
    world.ledger.unlink()
    result = run(world, "rebuild-ledger", "--dry-run")
    assert "1 orders would be taken over" in result.stdout
    assert not world.ledger.exists()


def test_no_to_the_question_is_remembered(
    unconnected: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = unconnected.order(), unconnected.order()
    unconnected.foreign(old, store_name=unconnected.identity)
    monkeypatch.setattr("katana_woo_sync.cli.backfill.confirmed", lambda: False)
    run(unconnected, "backfill")
    result = run(unconnected, "sync")
    assert result.exit_code == 2
    assert "backfill --store eu" in result.stdout
    assert unconnected.in_katana(new) == []
