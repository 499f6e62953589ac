"""Rule 15: an order number that Katana already has."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from katana_woo_sync.sandbox.server import Fault, FaultKind
from katana_woo_sync.sandbox.woocommerce import Item, Shipping
from tests.cli.support import run
from tests.sync.world import ANNA, World


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


def test_rule_15_a_number_that_is_taken_and_an_item_that_is_gone(world: World) -> None:
    lamp = Item(world.lamp["eu"])
    before = world.shop.place_order([lamp], billing=ANNA)
    world.sync()
    world.katana.delete_item(world.sales_order(before).rows[0].variant_id)
    order = world.shop.place_order([lamp], billing=ANNA, number="1001")
    other_order(world, "1001")
    world.sync()
    assert world.state(order) == ("imported", "")
    assert world.sales_order(order).order_no == "1001-eu"


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


def test_rule_15_what_the_ledger_knows_to_be_taken_is_not_asked(two: World) -> None:
    pairs = [(two.order(number=f"{n}"), two.order(number=f"{n}", shop="us")) for n in range(5)]
    two.sync()
    later = two.order(number="3")
    two.sync()
    assert two.katana.refusals == []
    assert not any("order_no" in sent.query for sent in two.katana.server.requests)
    assert {two.sales_order(eu).order_no for eu, _us in pairs} == {"0", "1", "2", "3", "4"}
    assert all("number_taken" in two.notes(us, shop="us") for _eu, us in pairs)
    assert not any("number_taken" in two.notes(eu) for eu, _us in pairs)
    assert two.sales_order(later).order_no == "3-eu"


def test_rule_15_the_third_order_with_a_number_gets_its_id_too(world: World) -> None:
    orders = [world.order(number="1001") for _ in range(4)]
    world.sync()
    numbers = [world.sales_order(order).order_no for order in orders]
    assert numbers == [
        "1001",
        "1001-eu",
        *(f"1001-eu-{order}" for order in orders[2:]),
    ]
    assert [world.notes(order) for order in orders] == [[], *[["number_taken"]] * 3]
    assert world.katana.refusals == []


def test_rule_15_both_names_are_taken_by_others(world: World) -> None:
    for number in ("1001", "1001-eu"):
        other_order(world, number)
    order = world.order(number="1001")
    report = world.sync()
    assert world.sales_order(order).order_no == f"1001-eu-{order}"
    assert world.notes(order) == ["number_taken"]
    assert int(report.exit_code) == 0


def test_rule_15_every_name_is_taken(world: World) -> None:
    order = world.order(number="1001")
    for number in ("1001", "1001-eu", f"1001-eu-{order}"):
        other_order(world, number)
    world.sync()
    assert world.state(order) == ("attention", "refused_by_katana")
    assert "already exists" in world.record(order).detail


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


# A lost answer, and lists that do not show yet what was created


def lost_and_unlisted(world: World, hours: float) -> int:
    """An order that is in Katana, whose answer was lost, and which lists show so much later."""
    order = world.order(number="1001", shipping=[Shipping("Courier", Decimal(5))])
    world.katana.lag_lists(timedelta(hours=hours))
    world.katana.server.add_fault(Fault(FaultKind.DROP_AFTER, "POST", "/sales_orders"))
    world.sync()
    return order


def test_rule_15_a_number_that_is_taken_since_an_answer_was_lost_is_waited_for(
    world: World,
) -> None:
    order = lost_and_unlisted(world, 1)
    for _ in range(4):
        world.sync()
    assert world.state(order) == ("failed", "answer_lost")
    assert len(world.in_katana(order)) == 1
    world.settle(12)
    assert world.state(order) == ("imported", "")
    assert world.sales_order(order).order_no == "1001"
    assert len(world.katana.shipping_fees(world.sales_order(order).id)) == 1
    assert round(world.katana.order_total(world.sales_order(order).id), 2) == Decimal("18.60")
    assert world.notes(order) == []


def test_rule_15_what_no_list_shows_needs_a_person_at_last(world: World) -> None:
    order = lost_and_unlisted(world, 48)
    for _ in range(30):
        world.sync(minutes=40)
    assert world.state(order) == ("attention", "not_listed")
    assert len(world.in_katana(order)) == 1
    run(world, "retry")
    assert world.state(order) == ("attention", "not_listed")
    assert len(world.in_katana(order)) == 1
    world.clock.tick(hours=48)
    world.settle(3)
    assert world.state(order) == ("imported", "")
    assert len(world.in_katana(order)) == 1


def test_rule_15_a_person_who_has_looked_has_it_sent_under_another_number(world: World) -> None:
    order = world.order(number="1001")
    world.katana.server.add_fault(Fault(FaultKind.DROP_BEFORE, "POST", "/sales_orders"))
    world.sync()
    world.katana.lag_lists(timedelta(hours=48))
    other_order(world, "1001")  # nobody can tell that it is not the one that was sent
    for _ in range(4):
        world.sync(minutes=40)
    assert world.state(order) == ("attention", "not_listed")
    assert world.in_katana(order) == []
    assert run(world, "retry", "eu", "1001").exit_code == 0
    assert world.sales_order(order).order_no == "1001-eu"
    assert world.state(order) == ("imported", "")


def test_rule_15_a_living_order_of_the_number_explains_why_it_is_taken(world: World) -> None:
    order = world.order(number="1001")
    world.katana.server.add_fault(Fault(FaultKind.DROP_BEFORE, "POST", "/sales_orders"))
    world.sync()
    other_order(world, "1001")
    world.settle(2)
    assert world.sales_order(order).order_no == "1001-eu"


def test_rule_15_an_order_is_sent_again_under_the_number_it_was_sent_under(two: World) -> None:
    other_order(two, "7")
    order = two.order(number="7")
    lost = Fault(FaultKind.DROP_AFTER, "POST", "/sales_orders", skip=1)
    two.katana.server.add_fault(lost)
    two.sync()
    assert lost.times == 0
    two.katana.lag_lists(timedelta(hours=1))
    two.settle(3)
    assert two.state(order) == ("failed", "answer_lost")
    two.settle(8)
    assert two.sales_order(order).order_no == "7-eu"
    assert two.state(order) == ("imported", "")
    assert two.notes(order) == ["number_taken"]


def test_rule_15_a_number_that_is_taken_and_not_listed_yet_is_waited_for(world: World) -> None:
    order = world.order()
    world.katana.lag_lists(timedelta(seconds=150))

    def another_machine_sends_it() -> None:
        number = world.shop.state.orders[order].number
        world.foreign(order, store_name=world.identity, order_no=number)

    world.before(world.katana.server, "POST", "/sales_orders", another_machine_sends_it)
    world.sync()
    assert world.state(order) == ("failed", "temporary")
    assert "lists no order with it yet" in world.record(order).detail
    world.settle(3)
    assert len(world.in_katana(order)) == 1
    assert world.state(order)[0] == "imported"


def test_rule_15_a_number_that_is_never_listed_is_another_orders(world: World) -> None:
    order = world.order(number="1001")
    other_order(world, "1001")
    world.katana.lag_lists(timedelta(hours=5))
    world.sync()
    for _ in range(3):
        world.sync(minutes=6)
    (found,) = world.in_katana(order)
    assert found.order_no == "1001-eu"
