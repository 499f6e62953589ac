"""Every kind of write, and every way in which its answer is lost: nothing doubled, nothing missing.

Time moves on between cycles, so that Katana is asked what became of the request.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from katana_woo_sync.ledger import Ledger
from katana_woo_sync.sandbox.server import Fault, FaultKind
from katana_woo_sync.sandbox.woocommerce import Fee, Item, Shipping
from tests.sync.world import ANNA, World

LOST = [
    (FaultKind.DROP_BEFORE, 0),
    (FaultKind.DROP_AFTER, 0),
    (FaultKind.STATUS, 500),
    (FaultKind.STATUS, 502),
    (FaultKind.STATUS_AFTER, 500),
    (FaultKind.STATUS_AFTER, 502),
    (FaultKind.HTML, 0),
    (FaultKind.TRUNCATE, 0),
    (FaultKind.EMPTY, 0),
]
CREATES = [
    "/sales_orders",
    "/sales_order_shipping_fee",
    "/customers",
    "/products",
    "/services",
    "/tax_rates",
]
EVERY_LOSS = pytest.mark.parametrize(
    ("kind", "status"), LOST, ids=[f"{kind.value}{status or ''}" for kind, status in LOST]
)


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[World]:
    """A connected store."""
    with ExitStack() as stack:
        world = World(tmp_path, stack)
        world.connect()
        yield world


def rich_order(world: World) -> int:
    """An order that needs everything: customer, product, service, tax rate, shipping fee."""
    return world.shop.place_order(
        [Item(world.lamp["eu"], 2)],
        billing=ANNA,
        fees=[Fee("Gift wrap", Decimal("2.50"))],
        shipping=[Shipping("Courier", Decimal(5))],
    )


def cycles(world: World, count: int) -> None:
    """Cycles far enough apart that every wait is over."""
    for _ in range(count):
        world.sync(minutes=35)


def check_one_of_each(world: World, *orders: int) -> None:
    """Exactly one of everything, and the totals right."""
    katana = world.katana
    for order in orders:
        there = world.sales_order(order)
        assert world.state(order) == ("imported", "")
        assert round(katana.order_total(there.id), 2) == Decimal("109.10")
        assert len(katana.shipping_fees(there.id)) == 1
    assert len(katana.sales_orders()) == len(orders)
    assert len(katana.customers()) == 1
    assert [v.sku for v in katana.variants()].count("LAMP") == 1
    assert len(katana.services()) == 1
    assert [rate.rate for rate in katana.tax_rates()].count(Decimal(24)) == 1
    assert katana.contract_violations == []


@EVERY_LOSS
@pytest.mark.parametrize("path", CREATES)
def test_a_lost_answer_to_a_create(fresh: World, path: str, kind: FaultKind, status: int) -> None:
    orders = [rich_order(fresh), rich_order(fresh)]
    fault = Fault(kind, "POST", path, status=status or 500)
    fresh.katana.server.add_fault(fault)
    cycles(fresh, 4)
    assert fault.times == 0
    check_one_of_each(fresh, *orders)
    assert int(fresh.sync().exit_code) == 0


@pytest.mark.parametrize("path", CREATES)
@pytest.mark.parametrize("kind", [FaultKind.DROP_BEFORE, FaultKind.DROP_AFTER])
def test_answers_lost_again_and_again(fresh: World, path: str, kind: FaultKind) -> None:
    order = rich_order(fresh)
    fresh.katana.server.add_fault(Fault(kind, "POST", path, times=3))
    cycles(fresh, 8)
    check_one_of_each(fresh, order)


@pytest.mark.parametrize("path", CREATES)
def test_a_lost_answer_and_a_lost_answer_to_the_question(fresh: World, path: str) -> None:
    order = rich_order(fresh)
    fresh.katana.server.add_fault(Fault(FaultKind.DROP_AFTER, "POST", path))
    fresh.sync()
    fresh.katana.server.add_fault(Fault(FaultKind.STATUS, "GET", path, status=500, skip=1))
    cycles(fresh, 6)
    check_one_of_each(fresh, order)


@pytest.mark.parametrize("path", CREATES)
def test_a_create_that_katana_carries_out_late(fresh: World, path: str) -> None:
    order = rich_order(fresh)
    server = fresh.katana.server
    server.add_fault(Fault(FaultKind.DROP_BEFORE, "POST", path))
    fresh.sync()
    held = [r.body for r in server.requests if r.method == "POST" and r.path.endswith(path)]
    # a minute later the request that seemed lost arrives all the same
    fresh.clock.tick(minutes=1)
    fresh.sync(minutes=0)
    late = fresh.send_to_katana("POST", path, held[0])
    assert late == 200
    cycles(fresh, 4)
    check_one_of_each(fresh, order)


def test_goods_that_were_refunded_while_an_answer_was_lost_are_not_delivered(fresh: World) -> None:
    order = fresh.order()
    fresh.katana.server.add_fault(Fault(FaultKind.DROP_AFTER, "POST", "/sales_orders"))
    fresh.sync()
    (line,) = fresh.shop.state.orders[order].lines
    fresh.shop.refund(order, lines={line.id: 1})
    fresh.shop.set_status(order, "completed")
    fresh.sync(minutes=1)
    fresh.settle(3)
    assert fresh.state(order) == ("attention", "refunded_since_import")
    assert fresh.sales_order(order).status == "NOT_SHIPPED"


def test_a_clock_that_is_set_shortens_no_wait(fresh: World) -> None:
    order, katana = rich_order(fresh), fresh.katana.server
    katana.add_fault(Fault(FaultKind.DROP_BEFORE, "POST", "/customers"))
    fresh.sync()
    fresh.clock.tick(minutes=180)  # this machine's alone
    katana.seconds_ahead = -180 * 60
    fresh.sync(minutes=1)
    assert katana.count("POST", "/customers") == 1
    fresh.sync(minutes=3)
    assert katana.count("POST", "/customers") == 2
    check_one_of_each(fresh, order)


def test_nothing_is_asked_for_whose_order_a_person_deleted(fresh: World) -> None:
    order = rich_order(fresh)
    fault = Fault(FaultKind.DROP_BEFORE, "POST", "/sales_order_shipping_fee")
    fresh.katana.server.add_fault(fault)
    fresh.sync()
    assert open_intents(fresh) == ["shipping_fee"]
    fresh.katana.delete_order(fresh.sales_order(order).id)
    cycles(fresh, 1)
    assert open_intents(fresh) == []


def test_nothing_is_asked_for_whose_order_this_program_deleted(fresh: World) -> None:
    order = begun_delivery(fresh, '[orders]\ncancelled = "delete"')
    fresh.shop.set_status(order, "cancelled")
    cycles(fresh, 1)
    assert fresh.sales_order(order).deleted_at is not None
    assert open_intents(fresh) == []


def test_a_delivery_that_came_to_nothing_is_over_when_the_shop_takes_the_order_back(
    fresh: World,
) -> None:
    order = begun_delivery(fresh)
    fresh.shop.set_status(order, "processing")
    cycles(fresh, 1)
    assert fresh.sales_order(order).status == "NOT_SHIPPED"
    assert open_intents(fresh) == []


def begun_delivery(world: World, top: str = "") -> int:
    """An order that is completed in the shop, and whose delivery Katana never heard of."""
    world.configure(top=top, stores={"eu": 'shipments = "auto"'})
    order = rich_order(world)
    world.sync()
    world.shop.set_status(order, "completed")
    world.katana.server.add_fault(Fault(FaultKind.DROP_BEFORE, "PATCH", "/sales_orders/"))
    world.sync()
    assert open_intents(world) == ["delivery"]
    return order


def open_intents(world: World) -> list[str]:
    """The kinds of what was begun in Katana and is not known to be there."""
    with Ledger.open_to_read(world.ledger) as ledger:
        return [str(intent.kind) for intent in ledger.intents.all_open()]


@EVERY_LOSS
def test_a_lost_answer_to_a_delivery(fresh: World, kind: FaultKind, status: int) -> None:
    order = fresh.order()
    fresh.sync()
    fresh.shop.set_status(order, "completed")
    fault = Fault(kind, "PATCH", "/sales_orders/", status=status or 500)
    fresh.katana.server.add_fault(fault)
    cycles(fresh, 3)
    there = fresh.sales_order(order)
    assert fault.times == 0
    assert there.status == "DELIVERED"
    assert len(fresh.katana.fulfillments(there.id)) == 1
    assert fresh.state(order) == ("fulfilled", "")


@EVERY_LOSS
def test_a_lost_answer_to_a_completion(fresh: World, kind: FaultKind, status: int) -> None:
    order = fresh.order()
    fresh.sync()
    fresh.katana.deliver(fresh.sales_order(order).id)
    fault = Fault(kind, "PUT", "/orders/", status=status or 500)
    fresh.shop.server.add_fault(fault)
    cycles(fresh, 3)
    assert fault.times == 0
    assert fresh.status(order) == "completed"
    assert fresh.completions(order) == 1
    assert fresh.state(order) == ("fulfilled", "")


@EVERY_LOSS
def test_a_lost_answer_to_a_product_without_sku(fresh: World, kind: FaultKind, status: int) -> None:
    nameless = fresh.shop.add_product("Hand-made thing", "", 5)
    order = fresh.shop.place_order([Item(nameless)], billing=ANNA)
    fresh.katana.server.add_fault(Fault(kind, "POST", "/products", status=status or 500))
    cycles(fresh, 4)
    assert [item.name for item in fresh.katana.products()].count("Hand-made thing") == 1
    assert fresh.state(order) == ("imported", "")


def test_a_sales_order_that_no_list_of_changes_brings(fresh: World) -> None:
    fresh.order()
    for _ in range(2):
        fresh.sync()
    lost = fresh.order()
    fresh.katana.server.add_fault(Fault(FaultKind.DROP_AFTER, "POST", "/sales_orders"))
    fresh.sync()
    there = fresh.sales_order(lost)
    stamped = replace(there, updated_at=fresh.clock() - timedelta(days=9))
    fresh.katana._state.orders.put(stamped)
    cycles(fresh, 2)
    assert fresh.sales_order(lost).id == there.id
    assert fresh.state(lost) == ("imported", "")
    assert fresh.katana.server.count("POST", "/sales_orders") == 2


def test_nothing_is_asked_before_katana_could_have_finished(fresh: World) -> None:
    order = rich_order(fresh)
    fresh.katana.server.add_fault(Fault(FaultKind.DROP_BEFORE, "POST", "/sales_orders"))
    fresh.sync()
    for _ in range(2):
        fresh.sync(minutes=1)
        assert fresh.state(order) == ("importing", "answer_awaited")
        assert fresh.katana.server.count("POST", "/sales_orders") == 1
    fresh.sync(minutes=1)
    assert fresh.state(order) == ("failed", "answer_lost")


def test_a_backfill_waits_for_what_became_of_its_creates(tmp_path: Path) -> None:
    with ExitStack() as stack:
        world = World(tmp_path, stack)
        orders = [world.order() for _ in range(3)]
        world.katana.server.add_fault(Fault(FaultKind.DROP_AFTER, "POST", "/sales_orders"))
        report = world.backfill()
        assert report.store("eu").imported == 3
        assert [len(world.in_katana(order)) for order in orders] == [1, 1, 1]


def test_the_intent_is_kept_for_as_long_as_it_takes(fresh: World) -> None:
    order = rich_order(fresh)
    fresh.katana.server.add_fault(Fault(FaultKind.DROP_AFTER, "POST", "/sales_orders"))
    fresh.sync()
    with fresh.down(fresh.katana.server):
        for _ in range(3):
            fresh.sync(minutes=timedelta(days=1).total_seconds() / 60)
    cycles(fresh, 2)
    check_one_of_each(fresh, order)


def test_a_customer_whose_answer_was_lost_is_the_other_stores_too(tmp_path: Path) -> None:
    """The order of another store comes in the same run, when the customer is in Katana by then."""
    with ExitStack() as stack:
        world = World(tmp_path, stack, names=("eu", "us"))
        world.configure(stores={"us": 'order_number_prefix = "US-"'})
        world.backfill()
        world.katana.server.add_fault(Fault(FaultKind.DROP_AFTER, "POST", "/v1/customers"))
        first, second = world.order(), world.order(shop="us")
        cycles(world, 3)
        assert [world.state(first), world.state(second, shop="us")] == [("imported", "")] * 2
        assert len(world.katana.customers()) == 1


def test_a_shipping_fee_that_a_person_has_entered_meanwhile_is_not_added(world: World) -> None:
    order = world.order(shipping=[Shipping("Courier", Decimal(5))])
    fault = Fault(FaultKind.STATUS, "POST", "/sales_order_shipping_fee", status=503)
    world.katana.server.add_fault(fault)
    world.sync()
    held = world.sales_order(order)
    world.katana.set_price(held.id, held.rows[0].price_per_unit + 5)
    world.settle(3)
    assert world.katana.shipping_fees(held.id) == []
    assert world.state(order) == ("imported", "")
