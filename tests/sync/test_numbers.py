"""Rule 15: an order number that Katana already has."""

from __future__ import annotations

from decimal import Decimal

from katana_woo_sync.sandbox.server import Fault, FaultKind
from tests.sync.world import World


def other_order(world: World, number: str) -> int:
    """An order of this number that somebody typed into Katana."""
    rows = [(world.mug_variant, Decimal(1), Decimal(1))]
    customer = world.katana.add_customer("Someone")
    return world.katana.create_foreign_order(
        customer_id=customer, rows=rows, order_no=number, ecommerce_order_type=None
    )


def test_rule_15_a_number_that_is_taken_gets_the_stores_name(world: World) -> None:
    order = world.order(number="1001")
    other_order(world, "1001")
    report = world.sync()
    assert world.sales_order(order).order_no == "1001-eu"
    assert world.notes(order) == ["number_taken"]
    assert int(report.exit_code) == 0


def test_rule_15_a_number_that_only_looks_alike_is_no_reason(world: World) -> None:
    order = world.order(number="1001")
    other_order(world, "1001-eu")
    world.sync()
    assert world.sales_order(order).order_no == "1001"


def test_rule_15_two_stores_with_the_same_numbers(two: World) -> None:
    eu, us = two.order(number="7"), two.order(number="7", shop="us")
    two.sync()
    numbers = {two.sales_order(eu).order_no, two.sales_order(us, shop="us").order_no}
    assert numbers in ({"7", "7-us"}, {"7", "7-eu"})


def test_rule_15_the_number_was_taken_by_the_order_itself(world: World) -> None:
    order = world.order()

    def another_program() -> None:
        world.foreign(order, store_name=world.identity)

    world.before(world.katana.server, "POST", "/sales_orders", another_program)
    world.sync()
    assert world.sales_order(order).order_no == str(order)
    assert world.state(order)[0] == "imported"


def test_rule_15_no_other_refusal_is_answered_by_renaming(world: World) -> None:
    body = '{"statusCode":422,"name":"UnprocessableEntityError","message":"No","details":[]}'
    fault = Fault(FaultKind.STATUS, "POST", "/sales_orders", status=422, body=body, times=9)
    world.katana.server.add_fault(fault)
    order = world.order(number="1001")
    world.sync()
    sent = [r.body for r in world.katana.server.requests if r.path.endswith("/sales_orders")]
    assert not any(b"1001-eu" in body for body in sent)
    assert world.state(order) == ("attention", "refused_by_katana")
