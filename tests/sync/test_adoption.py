"""Rule 2: what Katana holds already is adopted, whoever made it, however late its store answers."""

from __future__ import annotations

from copy import deepcopy
from datetime import timedelta
from decimal import Decimal

import pytest

from katana_woo_sync.domain.reasons import Reason
from katana_woo_sync.sandbox.server import Fault, FaultKind
from katana_woo_sync.sandbox.woocommerce import Shipping
from katana_woo_sync.sync.cycle import SweepWhen
from tests.sync.world import World

BARE_HOST = "127.0.0.1"
"""The name that both stores' addresses share, without their ports."""


def test_rule_02_an_adoption_outlives_an_outage_of_its_store(two: World) -> None:
    order = two.order()
    two.foreign(order, store_name=two.identity)
    with two.down(two.shop.server):
        for _ in range(3):  # the other store's orders move Katana's cursor on meanwhile
            two.order(shop="us")
            two.sync(minutes=30)
    two.sync()
    assert len(two.in_katana(order)) == 1
    assert two.state(order)[0] == "imported"


def test_rule_02_an_adoption_outlives_cycles_of_other_stores_alone(two: World) -> None:
    order = two.order()
    two.foreign(order, store_name=two.identity)
    for _ in range(3):
        two.order(shop="us")
        two.sync(only="us")
    assert two.sync().store("eu").adopted == 1
    assert len(two.in_katana(order)) == 1


def test_rule_02_a_bare_host_that_two_stores_share_is_told_apart_by_the_order(two: World) -> None:
    eu = two.order()
    two.clock.tick(minutes=30)
    us = two.order(shop="us")
    assert eu == us, "the same id in both shops, or the test shows nothing"
    two.foreign(eu, store_name=BARE_HOST)
    report = two.sync()
    assert (report.store("eu").adopted, report.store("us").adopted) == (1, 0)
    assert two.state(eu) == ("imported", "")
    assert two.in_katana(eu) == []
    two.sync(minutes=61)  # if "us" was worked first, it waited for "eu" to say
    assert two.state(us, shop="us") == ("imported", "")
    assert len(two.in_katana(us, shop="us")) == 1


def test_rule_02_a_shared_name_waits_for_the_store_that_is_down(two: World) -> None:
    eu = two.order()
    two.foreign(eu, store_name=BARE_HOST)
    with two.down(two.shop.server):
        two.sync(minutes=30)
    two.sync(minutes=30)
    assert two.in_katana(eu) == []
    assert two.state(eu) == ("imported", "")


def test_rule_02_the_www_name_that_only_its_number_shows_is_adopted(world: World) -> None:
    world.configure(stores={"eu": 'katana_store_name = "shop.example.com"'})
    world.backfill()
    order = world.order()
    there = world.foreign(order, store_name="WWW.shop.example.com")
    hidden = Fault(FaultKind.STATUS, "GET", "/sales_orders", status=200, body='{"data": []}')
    world.katana.server.add_fault(hidden)
    world.sync()
    assert world.in_katana(order) == []
    assert world.state(order) == ("imported", "")
    assert world.record(order).sales_order_id == there


def test_rule_02_a_restored_shop_that_uses_the_id_of_a_lost_order_again(world: World) -> None:
    order = world.order()
    world.foreign(order, store_name=world.identity)
    world.shop.trash(order)
    world.sync()
    assert world.record(order).shop_status == "gone"
    later = world.clock() + timedelta(days=3)
    world.clock.tick(days=3)
    world.shop.edit_order(order, created=later, order_key="wc_order_new", status="processing")
    world.sync()
    assert world.state(order) == ("attention", "order_key_changed")


def test_rule_02_a_lost_order_that_comes_back_is_the_same(world: World) -> None:
    order = world.order()
    world.foreign(order, store_name=world.identity)
    world.shop.trash(order)
    world.sync()
    world.shop.restore(order)
    world.sync()
    assert world.state(order) == ("imported", "")


def test_rule_02_an_adoption_waits_for_a_copy_that_makes_sense(world: World) -> None:
    order = world.order()
    world.foreign(order, store_name=world.identity)
    world.shop.edit_order(order, number=["57"])
    world.sync()
    assert world.record(order).in_katana == "no"
    world.shop.edit_order(order, number=None)
    world.sync()
    assert world.state(order) == ("imported", "")
    assert len(world.in_katana(order)) == 1


def test_rule_02_an_adoption_asks_no_cache(world: World) -> None:
    order = world.order(status="on-hold")
    world.sync()
    copies = deepcopy(world.shop.state.orders)
    world.shop.set_status(order, "processing")
    with world.down(world.katana.server):
        world.sync()  # the list of changes tells of it once
    world.foreign(order, store_name=world.identity)
    with world.cached(copies):
        world.sync()
    assert world.record(order).shop_status == "processing"
    assert world.state(order) == ("imported", "")


def test_rule_02_katana_is_heard_again_in_a_long_backlog(world: World) -> None:
    orders = [world.order() for _ in range(60)]
    last = orders[-1]

    def minutes_later() -> None:
        world.clock.tick(minutes=4)
        world.foreign(last, store_name=world.identity)

    world.before(world.katana.server, "POST", "/sales_orders", minutes_later)
    world.sync()
    assert len(world.in_katana(last)) == 1
    assert [len(world.in_katana(order)) for order in orders] == [1] * 60


def test_rule_02_orders_completed_while_the_ledger_was_lost_are_shown(world: World) -> None:
    world.order()
    world.sync()
    world.clock.tick(days=1)
    world.ledger.unlink()
    missed = world.order()
    world.shop.set_status(missed, "completed")
    world.sync()
    world.sync()
    assert world.state(missed) == ("attention", "completed_unseen")


def test_rule_01_what_since_had_left_out_is_not_imported_when_the_ledger_is_lost(
    unconnected: World,
) -> None:
    world = unconnected
    old = world.order()
    world.clock.tick(days=10)
    world.order()
    world.backfill(since=world.clock() - timedelta(days=1))
    world.ledger.unlink()
    world.clock.tick(days=1)
    world.sync()
    world.sync()
    assert world.in_katana(old) == []
    assert world.state(old) == ("attention", "left_out_before")


def test_rule_04_a_fee_that_was_due_when_the_ledger_was_lost_is_added(world: World) -> None:
    order = world.order(shipping=[Shipping("Courier", Decimal(5))])
    lost = Fault(FaultKind.STATUS, "POST", "/sales_order_shipping_fee", status=503, times=9)
    world.katana.server.add_fault(lost)
    world.sync()
    world.katana.server.faults.clear()
    assert world.katana.shipping_fees(world.sales_order(order).id) == []
    world.ledger.unlink()
    world.settle(3)
    assert len(world.katana.shipping_fees(world.sales_order(order).id)) == 1
    assert world.state(order) == ("imported", "")


def test_rule_07_a_look_up_that_failed_is_no_answer(world: World) -> None:
    world.katana.server.add_fault(Fault(FaultKind.STATUS, "GET", "/variants", status=400))
    order = world.order()
    world.sync()
    assert world.sales_order(order).rows[0].variant_id == world.mug_variant


def test_rule_04_a_total_that_differs_stays_shown_after_the_fulfilment(world: World) -> None:
    order = world.order(total=Decimal("9.00"))
    world.sync()
    assert world.state(order) == ("attention", "total_differs")
    world.katana.deliver(world.sales_order(order).id)
    report = world.sync()
    assert world.state(order)[0] == "fulfilled"
    assert [problem.reason for problem in report.problems] == [Reason.TOTAL_DIFFERS]
    assert int(report.exit_code) == 1


def test_rule_04_a_total_that_is_set_right_in_katana_heals(world: World) -> None:
    order = world.order(total=Decimal("9.00"))
    world.sync()
    there = world.sales_order(order)
    price = there.rows[0].price_per_unit * Decimal("9.00") / Decimal("12.40")
    world.katana.set_price(there.id, price)
    world.sync()
    assert world.state(order) == ("imported", "")


def test_rule_04_a_lost_answer_does_not_hide_a_total_that_differs(world: World) -> None:
    order = world.order(total=Decimal("9.00"))
    world.katana.server.add_fault(Fault(FaultKind.DROP_AFTER, "POST", "/sales_orders"))
    world.sync()
    world.sync()
    assert world.state(order) == ("attention", "total_differs")


def test_rule_15_answers_that_are_lost_again_and_again_stop_the_creates(world: World) -> None:
    orders = [world.order() for _ in range(10)]
    fault = Fault(FaultKind.STATUS, "POST", "/sales_orders", status=503, times=1000)
    world.katana.server.add_fault(fault)
    world.sync()
    assert [world.state(order)[0] for order in orders].count("importing") == 2
    world.katana.server.faults.clear()
    world.sync(sweep=SweepWhen.NEVER)
    world.settle(3)
    assert [len(world.in_katana(order)) for order in orders] == [1] * 10


def test_what_came_into_katana_lately_is_said_where_sync_takes_a_store_over(
    unconnected: World, caplog: pytest.LogCaptureFixture
) -> None:
    """It may be Katana's own integration, which nobody was asked about."""
    unconnected.foreign(unconnected.order(), store_name=unconnected.identity)
    unconnected.sync()
    (said,) = [r.getMessage() for r in caplog.records if "own integration" in r.getMessage()]
    assert "customers are mailed twice" in said
