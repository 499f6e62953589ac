"""Rule 1: which orders are imported."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from katana_woo_sync.domain.order_record import retried
from katana_woo_sync.ledger import Ledger
from katana_woo_sync.sandbox.woocommerce import Item
from katana_woo_sync.sync.cycle import SweepWhen
from tests.sync.world import World


def retry(world: World, order_id: int) -> None:
    """What `retry` does to an order before its cycle."""
    with Ledger.open(world.ledger) as ledger:
        again = retried(world.record(order_id))
        assert again is not None
        ledger.orders.save([again])


def test_rule_01_backfill_imports_every_open_processing_order(unconnected: World) -> None:
    orders = [unconnected.order() for _ in range(3)]
    report = unconnected.backfill()
    assert report.store("eu").imported == 3
    assert [len(unconnected.in_katana(order)) for order in orders] == [1, 1, 1]
    assert int(report.exit_code) == 0


@pytest.mark.parametrize(
    "status", ["pending", "on-hold", "completed", "cancelled", "refunded", "failed"]
)
def test_rule_01_no_other_status_is_imported(unconnected: World, status: str) -> None:
    order = unconnected.order(status=status)
    unconnected.backfill()
    unconnected.sync()
    assert unconnected.in_katana(order) == []


def test_rule_01_the_last_order_of_before_is_none_that_came_since(unconnected: World) -> None:
    unconnected.configure(top='[orders]\ncompleted_unseen = "import"')
    order = unconnected.order(status="completed")
    unconnected.clock.tick(minutes=1)
    unconnected.backfill()
    unconnected.sync()
    assert (unconnected.in_katana(order), unconnected.find(order)) == ([], None)


def test_rule_01_backfill_tells_what_it_found(unconnected: World) -> None:
    unconnected.order(quantity=2)
    unconnected.clock.tick(days=10)
    unconnected.order()
    (found,) = unconnected.backfill_found()[1]
    assert (found.orders, [*found.by_age.values()]) == (2, [1, 1, 0])
    assert found.sums["EUR"] == Decimal("37.20")


def test_rule_01_a_new_order_is_imported_by_the_next_cycle(world: World) -> None:
    order = world.order()
    report = world.sync()
    assert report.store("eu").imported == 1
    assert world.state(order) == ("imported", "")


def test_rule_01_an_order_that_becomes_processing_is_imported_then(world: World) -> None:
    order = world.order(status="on-hold")
    world.sync()
    assert world.in_katana(order) == []
    world.shop.set_status(order, "processing")
    world.sync()
    assert len(world.in_katana(order)) == 1


def test_rule_01_completed_before_its_turn_is_imported_then_delivered(world: World) -> None:
    order = world.order()
    with world.down(world.katana.server):
        world.sync()
    world.shop.set_status(order, "completed")
    world.sync()
    assert world.sales_order(order).status == "DELIVERED"
    assert world.state(order)[0] == "fulfilled"


@pytest.mark.parametrize("status", ["cancelled", "refunded", "failed", "on-hold"])
def test_rule_01_one_that_left_before_its_turn_is_not_imported(world: World, status: str) -> None:
    order = world.order()
    with world.down(world.katana.server):
        world.sync()
    world.shop.set_status(order, status)
    report = world.sync()
    assert world.in_katana(order) == []
    assert world.state(order)[0] == "skipped"
    assert int(report.exit_code) == 0


def test_rule_01_one_in_the_trash_before_its_turn_is_not_imported(world: World) -> None:
    order = world.order()
    with world.down(world.katana.server):
        world.sync()
    world.shop.trash(order)
    world.sync()
    assert world.in_katana(order) == []
    assert world.state(order) == ("skipped", "gone_before_import")


def test_rule_01_completed_unseen_needs_a_person(world: World) -> None:
    world.clock.tick(minutes=1)
    order = world.order(status="completed")
    report = world.sync()
    assert world.in_katana(order) == []
    assert world.state(order) == ("attention", "completed_unseen")
    assert int(report.exit_code) == 1


def test_rule_01_retry_imports_and_delivers_what_was_completed_unseen(world: World) -> None:
    world.clock.tick(minutes=1)
    order = world.order(status="completed")
    world.sync()
    retry(world, order)
    world.sync()
    assert world.sales_order(order).status == "DELIVERED"
    assert world.completions(order) == 0


@pytest.mark.parametrize("meanwhile", ["on-hold", "cancelled"])
def test_rule_01_what_is_completed_unseen_again_is_shown_again(
    world: World, meanwhile: str
) -> None:
    world.clock.tick(minutes=1)
    order = world.order(status="completed")
    world.sync()
    world.shop.set_status(order, meanwhile)
    world.sync()
    assert world.state(order)[0] == "skipped"
    world.shop.set_status(order, "completed")
    world.sync()
    assert world.state(order) == ("attention", "completed_unseen")


@pytest.mark.parametrize(("setting", "imported"), [("skip", 0), ("import", 1)])
def test_rule_01_completed_unseen_as_configured(world: World, setting: str, imported: int) -> None:
    world.configure(top=f'[orders]\ncompleted_unseen = "{setting}"')
    world.clock.tick(minutes=1)
    order = world.order(status="completed")
    report = world.sync()
    assert len(world.in_katana(order)) == imported
    assert int(report.exit_code) == 0


def test_rule_01_completed_unseen_before_the_connection_is_left_alone(world: World) -> None:
    order = world.order(status="completed", created=world.clock() - timedelta(days=2))
    world.sync()
    assert world.find(order) is None
    assert world.in_katana(order) == []


def test_rule_01_a_download_is_not_a_gap(world: World) -> None:
    world.clock.tick(minutes=1)
    download = world.shop.add_product("E-book", "EBOOK", 5, virtual=True)
    order = world.shop.place_order([Item(download)], status="completed")
    report = world.sync()
    assert world.in_katana(order) == []
    assert int(report.exit_code) == 0


def test_rule_01_since_of_backfill_holds_for_every_path(unconnected: World) -> None:
    old = unconnected.order()
    unconnected.clock.tick(days=30)
    new = unconnected.order()
    unconnected.backfill(since=unconnected.clock() - timedelta(days=7))
    unconnected.shop.edit_order(old, customer_note="please")
    unconnected.sync()
    unconnected.sync(sweep=SweepWhen.NOW)
    assert (len(unconnected.in_katana(old)), len(unconnected.in_katana(new))) == (0, 1)


def test_rule_01_since_of_the_config(unconnected: World) -> None:
    old = unconnected.order()
    unconnected.clock.tick(days=30)
    unconnected.configure(top="[orders]\nsince = 2026-03-20")
    unconnected.backfill()
    unconnected.shop.set_status(old, "on-hold")
    unconnected.sync()
    unconnected.shop.set_status(old, "processing")
    unconnected.sync()
    assert unconnected.in_katana(old) == []


def test_rule_01_the_sweep_finds_what_a_cursor_missed(world: World) -> None:
    world.order()
    world.sync()
    missed = world.order()
    world.shop.edit_order(missed, modified=world.clock() - timedelta(days=1))
    world.sync()
    assert world.in_katana(missed) == []
    world.sync(sweep=SweepWhen.NOW)
    assert len(world.in_katana(missed)) == 1
