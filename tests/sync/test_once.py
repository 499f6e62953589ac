"""Rule 2: an order is imported exactly once."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from katana_woo_sync.sandbox.server import Fault, FaultKind
from katana_woo_sync.sync.context import OtherAccount
from tests.sync.world import World


def test_rule_02_the_hidden_id(world: World) -> None:
    order = world.order()
    world.sync()
    sales_order = world.sales_order(order)
    assert sales_order.ecommerce_order_type == "wooCommerce"
    assert sales_order.ecommerce_store_name == world.shop.url.removeprefix("http://")
    assert sales_order.ecommerce_order_id == str(order)


def test_rule_02_running_again_doubles_nothing(world: World) -> None:
    order = world.order()
    for _ in range(3):
        world.sync(minutes=0)
    world.backfill()
    assert len(world.in_katana(order)) == 1


def test_rule_02_a_lost_answer_whose_request_did_arrive(world: World) -> None:
    order = world.order()
    world.katana.server.add_fault(Fault(FaultKind.DROP_AFTER, "POST", "/sales_orders"))
    world.sync()
    assert world.state(order)[0] == "importing"
    world.sync(minutes=1)
    world.sync(minutes=5)
    assert len(world.in_katana(order)) == 1
    assert world.state(order)[0] == "imported"


def test_rule_02_a_lost_ledger_is_made_again_by_sync(world: World) -> None:
    order = world.order()
    world.sync()
    world.ledger.unlink()
    new = world.order()
    report = world.sync()
    assert (report.store("eu").adopted, report.store("eu").imported) == (1, 1)
    assert [len(world.in_katana(each)) for each in (order, new)] == [1, 1]


def test_rule_02_a_lost_ledger_is_made_again_by_backfill(world: World) -> None:
    order = world.order()
    world.sync()
    world.ledger.unlink()
    assert world.backfill().store("eu").adopted == 1
    assert len(world.in_katana(order)) == 1


def test_rule_02_a_store_that_nobody_connected_is_not_imported(unconnected: World) -> None:
    order = unconnected.order()
    report = unconnected.sync()
    assert unconnected.in_katana(order) == []
    assert "backfill --store eu" in str(report.store("eu").error)
    assert int(report.exit_code) == 2


def test_rule_02_a_deleted_order_does_not_come_back(world: World) -> None:
    order = world.order()
    world.sync()
    world.katana.delete_order(world.sales_order(order).id)
    world.sync()
    world.ledger.unlink()
    world.sync()
    world.backfill()
    assert len(world.in_katana(order)) == 1
    assert world.record(order).in_katana == "deleted"


def test_rule_02_on_hold_and_back(world: World) -> None:
    order = world.order()
    world.sync()
    for status in ("on-hold", "processing"):
        world.shop.set_status(order, status)
        world.sync()
    assert len(world.in_katana(order)) == 1


def test_rule_02_what_katanas_own_integration_imported_is_adopted(unconnected: World) -> None:
    order = unconnected.order()
    unconnected.foreign(order, store_name=unconnected.identity)
    report = unconnected.backfill()
    assert (report.store("eu").adopted, report.store("eu").imported) == (1, 0)
    assert len(unconnected.in_katana(order)) == 1


def test_rule_02_a_deleted_foreign_order_is_adopted_too(unconnected: World) -> None:
    order = unconnected.order()
    there = unconnected.foreign(order, store_name=unconnected.identity)
    unconnected.katana.delete_order(there)
    unconnected.backfill()
    assert unconnected.record(order).in_katana == "deleted"
    assert len(unconnected.in_katana(order)) == 1


def test_rule_02_an_order_of_the_www_name_is_adopted(unconnected: World) -> None:
    unconnected.configure(stores={"eu": 'katana_store_name = "shop.example.com"'})
    order = unconnected.order()
    unconnected.foreign(order, store_name="www.shop.example.com")
    unconnected.backfill()
    assert unconnected.in_katana(order) == []
    assert unconnected.state(order)[0] == "imported"


def test_rule_02_what_another_program_imported_meanwhile_is_adopted(world: World) -> None:
    order = world.order()
    world.foreign(order, store_name=world.identity)
    report = world.sync()
    assert (report.store("eu").adopted, report.store("eu").imported) == (1, 0)
    assert len(world.in_katana(order)) == 1


def test_rule_02_nothing_is_imported_before_katana_has_said_what_it_holds(world: World) -> None:
    order = world.order()
    world.katana.server.add_fault(Fault(FaultKind.STATUS, "GET", "/sales_orders", status=503))
    world.sync()
    assert world.state(order)[0] == "queued"
    assert world.in_katana(order) == []
    world.sync()
    assert world.state(order)[0] == "imported"


def test_rule_02_a_hidden_id_that_does_not_agree_needs_a_person(unconnected: World) -> None:
    order = unconnected.order()
    unconnected.foreign(
        order,
        store_name=unconnected.identity,
        order_no="999",
        order_created_date=unconnected.clock() - timedelta(days=400),
    )
    report = unconnected.backfill()
    assert unconnected.state(order) == ("attention", "takeover_mismatch")
    assert len(unconnected.in_katana(order)) == 1
    assert int(report.exit_code) == 1


def test_rule_02_the_number_is_a_second_witness_for_a_date_without_time(
    unconnected: World,
) -> None:
    order = unconnected.order()
    day = unconnected.clock().replace(hour=0, minute=0)
    unconnected.foreign(order, store_name=unconnected.identity, order_created_date=day)
    unconnected.backfill()
    assert unconnected.state(order)[0] == "imported"


def test_rule_02_the_same_id_with_another_key_is_another_order(world: World) -> None:
    order = world.order()
    world.sync()
    world.shop.edit_order(order, order_key="wc_order_restored")
    world.sync()
    assert world.state(order) == ("attention", "order_key_changed")
    assert len(world.in_katana(order)) == 1


def test_rule_02_a_known_key_under_another_identity_refuses_the_store(world: World) -> None:
    orders = [world.order() for _ in range(3)]
    world.sync()
    world.configure(stores={"eu": 'katana_store_name = "new.example.com"'})
    report = world.backfill()
    error = str(report.store("eu").error)
    assert 'katana_store_name = "127.0.0.1' in error
    assert "take it out of the config" in error
    assert {s.ecommerce_order_id for s in world.katana.sales_orders()} == set(map(str, orders))
    assert len(world.katana.sales_orders()) == 3
    assert int(report.exit_code) == 2


def test_rule_02_a_moved_shop_keeps_its_orders_by_katana_store_name(tmp_path: Path) -> None:
    with ExitStack() as stack:
        world = World(tmp_path, stack)
        order = world.order()
        world.backfill()
        old = world.identity
        world.shop.stop()
        world.shop.server._port = 0
        world.shop.start()
        world.configure(stores={"eu": f'katana_store_name = "{old}"'})
        world.sync()
        new = world.order()
        world.sync()
        assert world.shop.url.removeprefix("http://") != old
        assert [len(world.in_katana(each)) for each in (order, new)] == [1, 1]


def test_rule_02_two_orders_in_katana_are_told_of(world: World) -> None:
    order = world.order()
    world.sync()
    world.foreign(order, store_name=world.identity, order_no="twice")
    world.sync()
    assert world.state(order) == ("attention", "doubled_in_katana")


def test_rule_02_another_katana_account_is_refused(world: World) -> None:
    world.order()
    world.sync()
    with ExitStack() as stack:
        other = World(world.directory, stack)
        other.katana.api_key = "other"
        for place in other.katana.locations():
            other.katana.remove_location(place.id)
        for _ in range(5):
            last = other.katana.add_location("Elsewhere", is_primary=True)
        assert last
        other.configure(katana='api_key = "other"')
        other.katana._app._api_key = "other"
        with pytest.raises(OtherAccount):
            other.sync()
        assert other.katana.sales_orders() == []


@pytest.mark.parametrize("path", ["/sales_orders", "/customers", "/sales_order_shipping_fee"])
def test_rule_02_too_many_requests_are_certainly_not_done_and_need_no_wait(
    world: World, path: str
) -> None:
    order = world.order()
    fault = Fault(FaultKind.STATUS, "POST", path, status=429, headers={"Retry-After": "1"})
    world.katana.server.add_fault(fault)
    world.sync()
    world.sync(minutes=2)
    assert len(world.in_katana(order)) == 1
    assert world.katana.order_total(world.sales_order(order).id) == Decimal("12.40")


def test_rule_02_a_moved_shop_is_refused(tmp_path: Path) -> None:
    with ExitStack() as stack:
        world = World(tmp_path, stack)
        orders = [world.order() for _ in range(3)]
        world.backfill()
        world.shop.stop()
        world.shop.server._port = 0
        world.shop.start()
        world.configure()
        report = world.backfill()
        assert "katana_store_name = " in str(report.store("eu").error)
        assert {s.ecommerce_order_id for s in world.katana.sales_orders()} == set(map(str, orders))
        assert len(world.katana.sales_orders()) == 3
        assert int(report.exit_code) == 2
