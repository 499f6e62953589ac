"""Rule 11: what the shop completed is delivered in Katana, batches, packed parts and all."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from katana_woo_sync.sandbox.server import Fault, FaultKind
from katana_woo_sync.sandbox.woocommerce import Fee, Item
from tests.sync.world import ANNA, World


def jam(world: World, *batches: int) -> tuple[int, list[int]]:
    """Batch-tracked jam: the variant, and its batches, of which the last is the oldest."""
    variant = world.katana.add_product("Jam", "JAM", batch_tracked=True)
    place = world.katana.main_location_id
    made = [
        world.katana.add_batch(
            variant, place, Decimal(n), f"B{i}", created=world.clock() - timedelta(days=i)
        )
        for i, n in enumerate(batches)
    ]
    return variant, made


def ordered(world: World, quantity: int = 7, *, sku: str = "JAM") -> tuple[int, int]:
    """An order in Katana: its ids in the shop and there."""
    product = world.shop.add_product(sku.title(), sku, "4.00")
    order = world.shop.place_order([Item(product, quantity)], billing=ANNA)
    world.sync()
    return order, world.sales_order(order).id


def imported(world: World, quantity: int = 2) -> tuple[int, int]:
    """An order of goods alone, in Katana: its ids in the shop and there."""
    order = world.order(quantity=quantity)
    world.sync()
    return order, world.sales_order(order).id


def complete(world: World, order: int) -> None:
    """The shop completes the order, and a cycle follows."""
    world.shop.set_status(order, "completed")
    world.sync()


def batches_of(world: World, there: int) -> list[tuple[int | None, int]]:
    """The batches that were delivered, with their quantities."""
    parts = world.katana.fulfillments(there)
    return [(b, int(n)) for part in parts for row in part.rows for b, n in row.batches]


def test_rule_11_completed_in_the_shop_delivers_in_katana(world: World) -> None:
    order, there = imported(world)
    world.shop.set_status(order, "completed")
    report = world.sync()
    assert world.katana.sales_order(there).status == "DELIVERED"
    assert report.store("eu").delivered_in_katana == 1
    assert world.state(order)[0] == "fulfilled"


def test_rule_11_all_that_is_left_is_delivered(world: World) -> None:
    order, there = imported(world, quantity=3)
    world.katana.deliver_part(there)
    world.shop.set_status(order, "completed")
    world.sync()
    parts = [row.quantity for part in world.katana.fulfillments(there) for row in part.rows]
    assert world.katana.sales_order(there).status == "DELIVERED"
    assert sorted(parts) == [1, 2]


def test_rule_11_deleted_in_katana_is_nothing(world: World) -> None:
    order, there = imported(world)
    world.katana.delete_order(there)
    world.shop.set_status(order, "completed")
    report = world.sync()
    assert world.katana.fulfillments(there) == []
    assert int(report.exit_code) == 0


def test_rule_11_refunded_goods_that_never_left_need_a_person_first(world: World) -> None:
    order, there = imported(world)
    line = world.shop.state.orders[order].lines[0].id
    world.shop.refund(order, lines={line: 1})
    world.shop.set_status(order, "completed")
    world.sync()
    assert world.state(order) == ("attention", "refunded_since_import")
    assert world.katana.sales_order(there).status == "NOT_SHIPPED"


@pytest.mark.parametrize("status", [400, 404])
def test_rule_11_what_the_shop_says_of_refunds_is_not_taken_for_katanas_refusal(
    world: World, status: int
) -> None:
    order, there = imported(world)
    world.shop.refund(order, "1.00")
    body = '{"code": "woocommerce_rest_shop_order_invalid_id", "message": "Invalid ID."}'
    path = f"/orders/{order}/refunds"
    world.shop.server.add_fault(Fault(FaultKind.STATUS, "GET", path, status=status, body=body))
    world.shop.set_status(order, "completed")
    world.sync()
    assert [fault.times for fault in world.shop.server.faults] == [0]
    assert world.state(order) == ("failed", "temporary")
    assert "Invalid ID" in world.record(order).detail
    assert world.katana.sales_order(there).status == "NOT_SHIPPED"
    world.sync(minutes=4)
    assert world.state(order) == ("fulfilled", "")


def test_rule_11_a_refund_of_an_amount_holds_nothing_back(world: World) -> None:
    order, there = imported(world)
    world.shop.refund(order, "1.00")
    world.shop.set_status(order, "completed")
    world.sync()
    assert world.katana.sales_order(there).status == "DELIVERED"


def test_rule_11_batches_go_first_in_first_out(world: World) -> None:
    variant = world.katana.add_product("Lamp", "LAMP", batch_tracked=True)
    main = world.katana.main_location_id
    day = world.clock() - timedelta(days=9)
    old = world.katana.add_batch(variant, main, Decimal(1), "B1", created=day)
    new = world.katana.add_batch(variant, main, Decimal(5), "B2")
    order = world.shop.place_order([Item(world.lamp["eu"], 2)], billing=ANNA)
    world.sync()
    world.shop.set_status(order, "completed")
    world.sync()
    assert [world.katana.batch_quantity(b, main) for b in (old, new)] == [0, 4]


def test_rule_11_what_katana_refuses_needs_a_person_with_its_words(world: World) -> None:
    order, there = imported(world)
    said = '{"statusCode": 422, "name": "UnprocessableEntityError", "message": "Period is closed"}'
    fault = Fault(FaultKind.STATUS, "PATCH", f"/sales_orders/{there}", status=422, body=said)
    world.katana.server.add_fault(fault)
    world.shop.set_status(order, "completed")
    world.sync()
    assert world.state(order) == ("attention", "delivery_refused")
    assert "Period is closed" in world.record(order).detail


def test_rule_11_a_shortage_that_ends_is_delivered(world: World) -> None:
    variant = world.katana.add_product("Lamp", "LAMP", batch_tracked=True)
    order = world.shop.place_order([Item(world.lamp["eu"])], billing=ANNA)
    world.sync()
    world.shop.set_status(order, "completed")
    world.sync()
    world.katana.add_batch(variant, world.katana.main_location_id, Decimal(1), "B1")
    report = world.sync(minutes=61)
    assert world.state(order)[0] == "fulfilled"
    assert int(report.exit_code) == 0


def test_rule_11_katana_chooses_the_batches_itself(world: World) -> None:
    _jam, (_newest, middle, oldest) = jam(world, 5, 4, 3)
    order, there = ordered(world)
    complete(world, order)
    assert world.state(order) == ("fulfilled", "")
    assert batches_of(world, there) == [(oldest, 3), (middle, 4)]


def test_rule_11_where_katana_does_not_the_oldest_are_named_to_it(world: World) -> None:
    world.katana.leave_batches_to_others()
    _jam, (_newest, middle, oldest) = jam(world, 5, 4, 3)
    order, there = ordered(world)
    complete(world, order)
    assert world.state(order) == ("fulfilled", "")
    assert batches_of(world, there) == [(oldest, 3), (middle, 4)]


def test_rule_11_stock_without_a_batch_is_used_last(world: World) -> None:
    world.katana.leave_batches_to_others()
    variant, (only,) = jam(world, 5)
    world.katana.set_stock(variant, world.katana.main_location_id, Decimal(2))
    order, there = ordered(world)
    complete(world, order)
    assert world.state(order) == ("fulfilled", "")
    assert batches_of(world, there) == [(only, 5), (None, 2)]


@pytest.mark.parametrize("chooses", [True, False])
def test_rule_11_a_shortage_says_what_is_short_and_heals(world: World, chooses: bool) -> None:
    if not chooses:
        world.katana.leave_batches_to_others()
    variant, _batches = jam(world, 5)
    order, there = ordered(world)
    complete(world, order)
    assert world.state(order) == ("attention", "batch_shortage")
    assert world.record(order).detail == "JAM: 7 needed, 5 in batches"
    assert batches_of(world, there) == []
    world.katana.add_batch(variant, world.katana.main_location_id, Decimal(2), "new")
    world.sync(minutes=61)
    assert world.state(order) == ("fulfilled", "")


def test_rule_11_serial_numbers_are_a_persons_choice(world: World) -> None:
    world.katana.add_product("Watch", "WATCH", serial_tracked=True)
    order, there = ordered(world, 1, sku="WATCH")
    complete(world, order)
    assert world.state(order) == ("attention", "serial_numbers_needed")
    assert world.record(order).detail == "WATCH"
    assert batches_of(world, there) == []


@pytest.mark.parametrize("what", ["pack", "pack_part", "deliver_part"])
@pytest.mark.parametrize("chooses", [True, False])
def test_rule_11_what_is_left_of_a_part_is_delivered(
    world: World, what: str, chooses: bool
) -> None:
    variant, _batches = jam(world, 5, 4)
    order, there = ordered(world)
    getattr(world.katana, what)(there)
    if not chooses:
        world.katana.leave_batches_to_others()
    complete(world, order)
    assert world.state(order) == ("fulfilled", "")
    assert sum(n for _batch, n in batches_of(world, there)) == 7
    assert world.katana.in_stock(variant, world.katana.main_location_id) == 2


@pytest.mark.parametrize("kind", [FaultKind.DROP_BEFORE, FaultKind.DROP_AFTER])
def test_rule_11_a_delivery_whose_answer_is_lost_is_made_once(
    world: World, kind: FaultKind
) -> None:
    world.katana.leave_batches_to_others()
    variant, _batches = jam(world, 9)
    order, _there = ordered(world)
    world.katana.server.add_fault(Fault(kind, "POST", "/sales_order_fulfillments"))
    complete(world, order)
    world.sync(minutes=1)
    world.settle(3)
    assert world.state(order) == ("fulfilled", "")
    assert world.katana.in_stock(variant, world.katana.main_location_id) == 2


def line_id(world: World, order: int) -> int:
    """The id of the order's first line."""
    return world.shop.state.orders[order].lines[0].id


def test_rule_11_goods_refunded_since_the_import_are_not_delivered(world: World) -> None:
    order, there = ordered(world)
    world.shop.refund(order, lines={line_id(world, order): 2})
    world.sync()
    complete(world, order)
    assert world.state(order) == ("attention", "refunded_since_import")
    assert world.katana.sales_order(there).status == "NOT_SHIPPED"


def test_rule_11_a_refund_that_was_deleted_again_holds_nothing_back(world: World) -> None:
    order, _there = ordered(world)
    refund = world.shop.refund(order, lines={line_id(world, order): 2})
    world.sync()
    complete(world, order)
    world.shop.delete_refund(order, refund)
    world.sync(minutes=61)
    assert world.state(order) == ("fulfilled", "")


def test_rule_11_money_given_back_holds_no_goods_back(world: World) -> None:
    order, _there = ordered(world)
    world.shop.refund(order, "1.00")
    world.sync()
    complete(world, order)
    assert world.state(order) == ("fulfilled", "")


# What accounts do


def patches(world: World) -> int:
    """How often the status of a sales order was set."""
    return world.katana.server.count("PATCH", "/sales_orders")


def test_rule_11_where_the_status_changes_nothing_a_fulfilment_is_made(world: World) -> None:
    world.katana.compute_status_from_fulfillments()
    order, there = imported(world, 7)
    complete(world, order)
    assert world.state(order) == ("fulfilled", "")
    assert [part.status for part in world.katana.fulfillments(there)] == ["DELIVERED"]
    # it is known now, and tried anew after a week
    for days, tries in ((0, 0), (8, 1)):
        another, _there = imported(world, 7)
        world.reset_counts()
        world.clock.tick(days=days)
        complete(world, another)
        assert world.state(another) == ("fulfilled", "")
        assert patches(world) == tries


def test_rule_11_what_was_packed_on_such_an_account_is_delivered_part_by_part(
    world: World,
) -> None:
    world.katana.compute_status_from_fulfillments()
    order, there = imported(world, 7)
    world.katana.pack_part(there, Decimal(3))
    complete(world, order)
    assert world.state(order) == ("fulfilled", "")
    assert {part.status for part in world.katana.fulfillments(there)} == {"DELIVERED"}


def test_rule_11_a_status_that_shows_late_is_waited_for(world: World) -> None:
    world.katana.deliver_late(timedelta(minutes=1))
    order, there = imported(world, 7)
    complete(world, order)
    assert world.state(order) == ("failed", "temporary")
    world.sync(minutes=6)
    assert world.state(order) == ("fulfilled", "")
    assert len(world.katana.fulfillments(there)) == 1


@pytest.mark.parametrize("refuses", [False, True])
def test_rule_11_services_go_along_or_are_left_out(world: World, refuses: bool) -> None:
    world.katana.compute_status_from_fulfillments()
    if refuses:
        world.katana.refuse_services()
    order = world.shop.place_order(
        [Item(world.mug["eu"], 2)], billing=ANNA, fees=[Fee("Gift wrap", Decimal(2))]
    )
    world.sync()
    complete(world, order)
    assert world.state(order) == ("fulfilled", "")
    (part,) = world.katana.fulfillments(world.sales_order(order).id)
    assert len(part.rows) == (1 if refuses else 2)


def test_rule_11_serial_numbers_that_a_person_has_reserved_go_along(world: World) -> None:
    world.katana.compute_status_from_fulfillments()
    world.katana.add_product("Watch", "WATCH", serial_tracked=True)
    order, there = ordered(world, 2, sku="WATCH")
    (row,) = world.katana.sales_order(there).rows
    world.katana.reserve_serials(row.id, [501, 502])
    complete(world, order)
    assert world.state(order) == ("fulfilled", "")
    (part,) = world.katana.fulfillments(there)
    assert part.rows[0].serial_numbers == (501, 502)


def test_rule_11_an_order_that_awaits_approval_needs_a_person(world: World) -> None:
    order, there = imported(world, 7)
    world.katana.await_approval(there)
    complete(world, order)
    assert world.state(order) == ("attention", "delivery_refused")
    assert "awaits its approval" in world.record(order).detail
    world.katana.await_approval(there, approved=True)
    world.sync(minutes=61)
    assert world.state(order) == ("fulfilled", "")


def test_rule_11_information_that_delivering_empties_is_put_back(world: World) -> None:
    """An account of which nothing is known shows it at the first delivery; from then on it goes
    along."""
    world.katana.blank_information()
    orders = []
    for number in range(2):
        order = world.shop.place_order(
            [Item(world.mug["eu"], 2)], billing=ANNA, customer_note=f"Ring {number} times"
        )
        world.sync()
        orders.append(order)
    before = [world.sales_order(order).additional_info for order in orders]
    assert "Ring 0 times" in str(before[0])
    complete(world, orders[0])
    complete(world, orders[1])
    assert [world.state(order) for order in orders] == [("fulfilled", "")] * 2
    assert [world.sales_order(order).additional_info for order in orders] == before
    assert patches(world) == 2 + 1


@pytest.mark.parametrize("lost", [1, 2])
def test_rule_11_information_that_a_lost_delivery_emptied_is_put_back(
    world: World, lost: int
) -> None:
    """Whether the answer to the status is lost, or that to what is put back."""
    world.katana.blank_information()
    order = world.order(customer_note="Ring twice")
    world.sync()
    before = world.sales_order(order).additional_info
    world.katana.server.add_fault(
        Fault(FaultKind.DROP_AFTER, "PATCH", "/sales_orders", skip=lost - 1)
    )
    complete(world, order)
    world.sync(minutes=61)
    assert world.state(order) == ("fulfilled", "")
    assert world.sales_order(order).additional_info == before
    world.katana.server.reset_counts()
    world.sync()
    assert world.katana.server.count("GET", "/sales_orders/") == 0


def test_rule_11_an_order_that_is_refused_is_not_asked_for_its_information(world: World) -> None:
    order = world.order(customer_note="Ring twice")
    world.sync()
    there = world.sales_order(order).id
    world.katana.await_approval(there)
    complete(world, order)
    assert world.state(order) == ("attention", "delivery_refused")
    world.katana.server.reset_counts()
    world.sync()
    assert world.katana.server.count("GET", f"/sales_orders/{there}") == 0


def test_rule_11_information_that_cannot_be_put_back_holds_nothing_up(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.katana.blank_information()
    order, other = world.order(customer_note="Ring twice"), world.order()
    world.sync()
    there = f"/sales_orders/{world.sales_order(order).id}"
    world.katana.server.add_fault(Fault(FaultKind.DROP_AFTER, "PATCH", there))
    body = '{"message": "The order is closed"}'
    world.katana.server.add_fault(Fault(FaultKind.STATUS, "PATCH", there, status=422, body=body))
    complete(world, order)
    world.sync(minutes=6)
    assert "cannot be put back" in caplog.text
    assert "The order is closed" in caplog.text
    complete(world, other)
    assert [world.state(each) for each in (order, other)] == [("fulfilled", "")] * 2


def test_rule_11_where_delivering_leaves_the_information_no_order_is_read_for_it(
    world: World,
) -> None:
    asked = []
    for _ in range(3):
        order = world.order(customer_note="Ring twice")
        world.sync()
        world.katana.server.reset_counts()
        complete(world, order)
        assert "Ring twice" in str(world.sales_order(order).additional_info)
        asked.append(world.katana.server.count("GET", "/sales_orders/"))
    assert asked == [1, 0, 0]


def test_rule_11_what_is_still_to_be_made_is_delivered_all_the_same(world: World) -> None:
    order, there = imported(world, 7)
    world.katana.set_production(there, "IN_PROGRESS")
    complete(world, order)
    assert world.state(order) == ("fulfilled", "")
    assert "delivered_unmade" in [str(reason) for reason in world.notes(order)]
