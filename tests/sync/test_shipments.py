"""Rule 17: each delivery in Katana is told to the shop, once, where its buyers and mails look."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path

import pytest

from katana_woo_sync.domain.reasons import Reason
from katana_woo_sync.sandbox.server import Fault, FaultKind
from katana_woo_sync.sandbox.woocommerce import Item, Shipping
from katana_woo_sync.sandbox.woocommerce.shipments import AST, SHIPMENT_TRACKING
from katana_woo_sync.sync.cycle import SweepWhen
from tests.sync.world import ANNA, World

ON = 'shipments = "auto"'


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A store whose shipments are told, connected with nothing in it."""
    with ExitStack() as stack:
        world = World(tmp_path, stack)
        world.configure(stores={"eu": ON})
        world.backfill()
        yield world


def two_lines(world: World) -> int:
    """An order for four mugs and two lamps, in Katana."""
    items = [Item(world.mug["eu"], 4), Item(world.lamp["eu"], 2)]
    order = world.shop.place_order(items, billing=ANNA)
    world.sync()
    return order


def told(world: World, order: int) -> list[tuple[dict[int, int], str]]:
    """The goods (by line, counted from 0) and the tracking number of each Fulfillment."""
    lines = [line["id"] for line in world.shop.order(order)["line_items"]]  # type: ignore[attr-defined]
    found = []
    for part in world.shop.fulfillments(order):
        items: list[dict[str, int]] = part.values["_items"]  # type: ignore[assignment]
        goods = {lines.index(item["item_id"]): item["qty"] for item in items}
        found.append((goods, str(part.values.get("_tracking_number", ""))))
    return found


def shown_when_completed(world: World, order: int) -> list[int]:
    """Will hold how many Fulfillments the shop has right before the order is completed."""
    seen: list[int] = []

    def count() -> None:
        seen.append(len(world.shop.fulfillments(order)))

    world.before(world.shop.server, "PUT", f"/orders/{order}", count)
    return seen


def imported_by_another(world: World, order: int) -> int:
    """Another program has imported the order of mugs; returns the sales order's id."""
    quantity = world.shop.state.orders[order].lines[0].quantity
    return world.katana.create_foreign_order(
        customer_id=world.katana.add_customer("Anna"),
        rows=[(world.mug_variant, quantity, Decimal(10))],
        order_no="K-1",
        ecommerce_store_name=world.identities[0],
        ecommerce_order_id=str(order),
        order_created_date=world.clock(),
    )


def test_rule_17_the_first_look_is_by_katanas_clock(tmp_path: Path) -> None:
    with ExitStack() as stack:
        world = World(tmp_path, stack)
        world.shop.switch_on_fulfillments()
        for server in (world.katana, world.shop):  # this machine is a day and more before them
            server.set_clock(lambda: world.clock() - timedelta(hours=26))
        world.backfill()
        order = two_lines(world)
        world.katana.deliver_part(world.sales_order(order).id, Decimal(3), row=0)
        world.configure(stores={"eu": ON})
        world.sync()
        assert told(world, order) == [({0: 3}, "")]


def test_rule_17_partial_deliveries_become_fulfillments_before_the_completion(
    world: World,
) -> None:
    world.shop.switch_on_fulfillments()
    order = two_lines(world)
    sales_order = world.sales_order(order)
    world.katana.deliver_part(sales_order.id, Decimal(3), row=0)
    world.sync()
    assert told(world, order) == [({0: 3}, "")]
    assert world.status(order) == "processing"
    world.katana.deliver(sales_order.id)
    seen = shown_when_completed(world, order)
    world.sync()
    assert told(world, order) == [({0: 3}, ""), ({0: 1, 1: 2}, "")]
    assert seen == [2]
    assert (world.status(order), world.completions(order)) == ("completed", 1)
    assert world.shop.shipment_mails == []
    world.settle(3)
    assert len(world.shop.fulfillments(order)) == 2


def test_tracking_goes_along_and_follows(world: World) -> None:
    world.configure(stores={"eu": f"{ON}\nshipment_mail = true"})
    world.shop.switch_on_fulfillments()
    order = two_lines(world)
    sales_order = world.sales_order(order).id
    world.katana.deliver(sales_order)
    world.katana.track(sales_order, "X1", carrier="Our van", url="https://t.example/X1")
    world.sync()
    (part,) = world.shop.fulfillments(order)
    assert part.values["_tracking_number"] == "X1"
    assert part.values["_shipment_provider"] == "other"
    assert part.values["_provider_name"] == "Our van"
    assert part.values["_tracking_url"] == "https://t.example/X1"
    assert world.shop.shipment_mails == [part.id]
    world.katana.track(sales_order, "X2", carrier="Our van")
    world.sync()
    (again,) = world.shop.fulfillments(order)
    assert (again.id, again.values["_tracking_number"]) == (part.id, "X2")
    assert told(world, order) == [({0: 4, 1: 2}, "X2")]


@pytest.mark.parametrize("plugin", [SHIPMENT_TRACKING, AST])
def test_a_tracking_plugin_gets_an_entry_and_no_note(world: World, plugin: str) -> None:
    world.configure(top='[orders]\ntracking_note = "private"', stores={"eu": ON})
    world.shop.install(plugin)
    order = two_lines(world)
    sales_order = world.sales_order(order).id
    world.katana.deliver(sales_order)
    world.katana.track(sales_order, "X1", carrier="DHL", url="https://t.example/X1")
    world.settle(3)
    (entry,) = world.shop.trackings(order)
    assert (entry.tracking_number, entry.tracking_provider) == ("X1", "DHL")
    assert entry.tracking_link == "https://t.example/X1"
    assert world.status(order) == "completed"
    assert not any("X1" in str(note["note"]) for note in world.shop.notes(order))
    world.katana.track(sales_order, "X2", carrier="DHL")
    world.settle(3)
    assert [entry.tracking_number for entry in world.shop.trackings(order)] == ["X2"]


def test_without_any_of_them_the_note_is_written_as_ever(world: World) -> None:
    world.configure(top='[orders]\ntracking_note = "private"', stores={"eu": ON})
    order = two_lines(world)
    sales_order = world.sales_order(order).id
    world.katana.deliver(sales_order)
    world.katana.track(sales_order, "X1", carrier="DHL")
    world.settle(3)
    assert any("X1" in str(note["note"]) for note in world.shop.notes(order))


def test_off_asks_nothing(world: World) -> None:
    world.configure()
    world.shop.switch_on_fulfillments()
    order = two_lines(world)
    world.katana.server.reset_counts()
    world.katana.deliver(world.sales_order(order).id)
    world.settle(3)
    assert world.shop.fulfillments(order) == []
    assert world.katana.server.count("GET", "fulfillments") == 0


def test_what_this_program_delivered_is_not_told_but_tracking_is(world: World) -> None:
    world.shop.switch_on_fulfillments()
    order = two_lines(world)
    world.shop.set_status(order, "completed")
    world.settle(3)
    assert world.sales_order(order).status == "DELIVERED"
    assert world.shop.fulfillments(order) == []
    world.katana.track(world.sales_order(order).id, "X1", carrier="DHL")
    world.settle(3)
    assert told(world, order) == [({0: 4, 1: 2}, "X1")]


def test_a_delivery_that_is_taken_back_is_noted(world: World) -> None:
    world.shop.switch_on_fulfillments()
    order = two_lines(world)
    sales_order = world.sales_order(order).id
    world.katana.deliver_part(sales_order, Decimal(1), row=0)
    world.sync()
    world.katana.revert(sales_order)
    world.sync()
    assert "shipment_taken_back" in world.notes(order)


FAULTS = [FaultKind.DROP_BEFORE, FaultKind.DROP_AFTER, FaultKind.STATUS_AFTER, FaultKind.TRUNCATE]


@pytest.mark.parametrize("kind", FAULTS)
@pytest.mark.parametrize("way", ["fulfillments", SHIPMENT_TRACKING])
def test_a_lost_answer_doubles_nothing(world: World, kind: FaultKind, way: str) -> None:
    if way == "fulfillments":
        world.shop.switch_on_fulfillments()
    else:
        world.shop.install(way)
    order = two_lines(world)
    sales_order = world.sales_order(order).id
    world.katana.deliver(sales_order)
    world.katana.track(sales_order, "X1", carrier="DHL")
    path = "fulfillments" if way == "fulfillments" else "shipment-trackings"
    world.shop.server.add_fault(Fault(kind, method="POST", path=path))
    world.sync()
    assert world.status(order) == "processing"  # held up for this one
    world.sync()
    assert world.status(order) == "completed"
    world.settle(3)
    there = world.shop.fulfillments(order) if way == "fulfillments" else world.shop.trackings(order)
    assert len(there) == 1
    assert world.state(order)[0] == "fulfilled"


@pytest.mark.parametrize("alone", [True, False])
def test_goods_that_were_matched_anew_since_the_import_are_shown(world: World, alone: bool) -> None:
    """Their SKU was changed in Katana, and another order brought a new item."""
    world.shop.switch_on_fulfillments()
    mugs, lamps = Item(world.mug["eu"], 4), Item(world.lamp["eu"], 2)
    items = [mugs] if alone else [lamps, mugs]
    order = world.shop.place_order(items, billing=ANNA, shipping=[Shipping("Courier", Decimal(5))])
    world.sync()
    world.katana.rename_sku(world.mug_variant, "CUP")
    world.order()
    world.sync(sweep=SweepWhen.NOW)
    assert {"CUP", "MUG"} <= {variant.sku for variant in world.katana.variants()}
    world.katana.deliver(world.sales_order(order).id)
    world.sync()
    wanted = {0: 4} if alone else {0: 2, 1: 4}
    assert told(world, order) == [(wanted, "")]


def test_the_completion_waits_for_the_second_attempt_however_soon_a_cycle_comes(
    world: World,
) -> None:
    """The completed mail has the tracking, and no note tells of it once more."""
    world.configure(top='[orders]\ntracking_note = "customer"', stores={"eu": ON})
    world.shop.switch_on_fulfillments()
    order = two_lines(world)
    sales_order = world.sales_order(order).id
    world.katana.deliver(sales_order)
    world.katana.track(sales_order, "X1", carrier="DHL")
    world.shop.server.add_fault(Fault(FaultKind.DROP_BEFORE, method="POST", path="fulfillments"))
    for _ in range(3):
        world.sync(minutes=1)
        assert world.status(order) == "processing"
    world.sync(minutes=1)
    assert world.status(order) == "completed"
    assert told(world, order) == [({0: 4, 1: 2}, "X1")]
    assert not any("X1" in str(note["note"]) for note in world.shop.notes(order))


@pytest.mark.parametrize("meanwhile", ["nothing", "tracking"])
def test_what_a_shop_may_still_carry_out_is_not_sent_again(world: World, meanwhile: str) -> None:
    world.shop.install(SHIPMENT_TRACKING)
    order = two_lines(world)
    sales_order = world.sales_order(order).id
    world.katana.deliver(sales_order)
    world.katana.track(sales_order, "X1", carrier="DHL")
    lost = Fault(FaultKind.DROP_BEFORE, method="POST", path="shipment-trackings")
    world.shop.server.add_fault(lost)
    world.sync()
    if meanwhile == "tracking":
        world.katana.track(sales_order, "X2", carrier="DHL")
    world.sync(minutes=2)
    sent = [r for r in world.shop.server.requests if r.path.endswith("shipment-trackings")]
    assert [r.method for r in sent].count("POST") == 1  # the lost one
    world.sync(minutes=3)
    (there,) = world.shop.trackings(order)
    assert there.tracking_number == ("X2" if meanwhile == "tracking" else "X1")


def test_a_shop_that_goes_on_failing_holds_a_completion_for_one_cycle_alone(world: World) -> None:
    world.shop.switch_on_fulfillments()
    order = two_lines(world)
    world.katana.deliver(world.sales_order(order).id)
    fault = Fault(FaultKind.STATUS, method="POST", path="fulfillments", times=1_000, status=500)
    world.shop.server.add_fault(fault)
    report = world.sync()
    assert world.status(order) == "processing"
    assert "shipment" in world.record(order).note_failed
    assert report.exit_code != 0
    world.sync()
    assert world.status(order) == "completed"
    for _ in range(40):
        world.sync(minutes=52)
    assert "shipment_not_told" in world.notes(order)


def test_a_new_ledger_tells_nothing_twice(world: World) -> None:
    world.shop.switch_on_fulfillments()
    order = two_lines(world)
    sales_order = world.sales_order(order).id
    world.katana.deliver_part(sales_order, Decimal(3), row=0)
    world.sync()
    world.ledger.unlink()
    world.settle(3)
    assert told(world, order) == [({0: 3}, "")]
    world.katana.deliver(sales_order)
    world.settle(3)
    assert told(world, order) == [({0: 3}, ""), ({0: 1, 1: 2}, "")]
    assert world.completions(order) == 1


def test_a_feature_that_is_switched_off_again_is_no_outage(world: World) -> None:
    world.shop.switch_on_fulfillments()
    order = two_lines(world)
    sales_order = world.sales_order(order).id
    world.katana.deliver_part(sales_order, Decimal(3), row=0)
    world.sync()
    world.shop.switch_on_fulfillments(on=False)
    world.katana.deliver(sales_order)
    report = world.sync()
    assert report.exit_code == 0
    assert world.status(order) == "completed"


def test_goods_that_were_split_over_lines_are_shared_out(world: World) -> None:
    world.shop.switch_on_fulfillments()
    mug = world.mug["eu"]
    order = world.shop.place_order([Item(mug, 2), Item(mug, 3)], billing=ANNA)
    world.sync()
    sales_order = world.sales_order(order)
    for row in range(len(sales_order.rows)):
        world.katana.deliver_part(sales_order.id, Decimal(1), row=row)
        world.sync()
    world.katana.deliver(sales_order.id)
    world.settle(3)
    sent: dict[int, int] = {}
    for goods, _number in told(world, order):
        for line, quantity in goods.items():
            sent[line] = sent.get(line, 0) + quantity
    assert sent == {0: 2, 1: 3}


def test_a_dry_run_tells_nothing(world: World) -> None:
    world.shop.switch_on_fulfillments()
    order = two_lines(world)
    world.katana.deliver(world.sales_order(order).id)
    world.sync(dry_run=True)
    assert world.shop.fulfillments(order) == []


@pytest.mark.parametrize("answer", ["late", "lost"])
def test_what_this_program_delivered_is_not_told_if_the_answer_came_to_nothing(
    world: World, answer: str
) -> None:
    world.shop.switch_on_fulfillments()
    order = two_lines(world)
    if answer == "late":
        world.katana.deliver_late(timedelta(minutes=1))
    else:
        fault = Fault(FaultKind.DROP_AFTER, method="PATCH", path="/sales_orders")
        world.katana.server.add_fault(fault)
    world.shop.set_status(order, "completed")
    world.sync()
    world.sync(minutes=0.5)  # the fulfilment is listed before the order shows it
    world.settle(3)
    assert world.state(order) == ("fulfilled", "")
    assert world.record(order).delivered_at is not None
    assert told(world, order) == []


def test_what_a_person_delivers_after_a_refusal_is_told(world: World) -> None:
    world.shop.switch_on_fulfillments()
    order = two_lines(world)
    sales_order = world.sales_order(order).id
    world.katana.await_approval(sales_order)
    world.shop.set_status(order, "completed")
    world.sync()
    assert world.state(order)[0] == "attention"
    world.katana.await_approval(sales_order, approved=True)
    world.katana.deliver(sales_order)
    world.sync()
    assert told(world, order) == [({0: 4, 1: 2}, "")]


def test_goods_whose_item_was_deleted_since_are_known_by_what_is_left(world: World) -> None:
    world.shop.switch_on_fulfillments()
    order = world.order()
    world.sync()
    world.shop.rename_sku(world.mug["eu"], "MUG-2")
    sales_order = world.sales_order(order)
    world.katana.deliver(sales_order.id)
    world.katana.delete_item(world.mug_variant)
    world.order()
    world.sync()  # the mug is another item in Katana from now on
    assert told(world, order) == [({0: 1}, "")]
    assert Reason.SHIPMENT_NOT_TOLD not in world.notes(order)


@pytest.mark.parametrize("is_whole", [True, False])
def test_goods_that_may_be_any_line_are_noted(world: World, is_whole: bool) -> None:
    """Their item was deleted since, and staff have changed how many were ordered."""
    world.shop.switch_on_fulfillments()
    order = two_lines(world)
    sales_order = world.sales_order(order).id
    if is_whole:
        world.katana.deliver(sales_order)
    else:
        world.katana.deliver_part(sales_order, Decimal(4), row=0)
    world.shop.state.orders[order].lines[0].quantity = Decimal(5)
    world.shop.rename_sku(world.mug["eu"], "MUG-2")
    world.katana.delete_item(world.mug_variant)
    world.order()
    world.settle(2)
    assert told(world, order) == ([({1: 2}, "")] if is_whole else [])
    assert world.notes(order).count(Reason.SHIPMENT_NOT_TOLD) == 1


def test_rule_17_a_page_in_the_place_of_the_shops_index_is_no_shop_without_plugins(
    world: World,
) -> None:
    world.shop.install(SHIPMENT_TRACKING)
    order = world.order()
    world.sync()
    sales_order = world.sales_order(order).id
    world.katana.deliver(sales_order)
    world.katana.track(sales_order, "X1", carrier="DHL")
    server, page = world.shop.server, Fault(FaultKind.EMPTY, "GET", "/wp-json/")
    world.before(server, "GET", "/orders/0/fulfillments", partial(server.add_fault, page))
    world.sync(minutes=1)
    assert (page.times, world.shop.trackings(order)) == (0, [])
    world.sync(minutes=10)
    assert [each.tracking_number for each in world.shop.trackings(order)] == ["X1"]
    assert world.state(order) == ("fulfilled", "")


def test_rule_17_the_first_delivery_is_told_after_days_without_a_run(world: World) -> None:
    """Until then Katana's list is empty, and nothing in it tells how far it was read."""
    world.shop.switch_on_fulfillments()
    order = two_lines(world)
    world.sync()
    world.katana.deliver(world.sales_order(order).id)
    world.sync(minutes=60 * 60)
    assert len(told(world, order)) == 1


def test_rule_17_what_was_delivered_while_it_was_not_known_whether_it_is_there_is_told(
    world: World,
) -> None:
    """The answer to the order was lost, and it was delivered before it was found."""
    world.shop.switch_on_fulfillments()
    another = two_lines(world)
    world.katana.server.add_fault(Fault(FaultKind.DROP_AFTER, "POST", "/sales_orders"))
    order = two_lines(world)
    (held,) = world.in_katana(order)
    world.katana.deliver_part(held.id, Decimal(3), row=0)
    world.clock.tick(minutes=1)
    world.katana.deliver(world.sales_order(another).id)  # the list is read beyond the first
    world.sync(minutes=0)
    world.settle(3)
    assert world.state(order) == ("imported", "")
    assert told(world, order) == [({0: 3}, "")]


def test_what_was_delivered_long_before_the_takeover_is_not_told(tmp_path: Path) -> None:
    with ExitStack() as stack:
        world = World(tmp_path, stack)
        world.configure(stores={"eu": f"{ON}\nshipment_mail = true"})
        world.shop.switch_on_fulfillments()
        order = world.order(quantity=2)
        held = imported_by_another(world, order)
        world.katana.deliver_part(held, Decimal(1))
        world.clock.tick(days=30)
        world.backfill()
        world.settle(2)
        assert Reason.ADOPTED in world.notes(order)
        assert (told(world, order), world.shop.shipment_mails) == ([], [])


@pytest.mark.parametrize("first", ["backfill", "sync"])
def test_rule_17_what_was_delivered_before_the_order_was_known_is_told(
    world: World, first: str
) -> None:
    """Another program has imported it while the shop could not be asked. Its fulfilment was read
    then, and was nobody's."""
    world.shop.switch_on_fulfillments()
    out_of_order = Fault(FaultKind.STATUS, "GET", "/orders", status=503, times=99)
    world.shop.server.add_fault(out_of_order)
    order = world.order()
    held = imported_by_another(world, order)
    world.katana.deliver(held)
    world.katana.track(held, "X1", carrier="DHL")
    world.sync()
    world.shop.server.faults.clear()
    seen = shown_when_completed(world, order)
    if first == "backfill":
        world.backfill()
    world.settle(2)
    assert told(world, order) == [({0: 1}, "X1")]
    assert seen == [1]
    assert world.status(order) == "completed"


def test_what_is_asked_as_anybody_is_counted_too(world: World) -> None:
    """Which plugins a shop has is asked for without the key."""
    world.shop.install(SHIPMENT_TRACKING)
    order = two_lines(world)
    world.katana.deliver(world.sales_order(order).id)
    world.shop.server.reset_counts()
    report = world.sync()
    assert "/wp-json/" in [each.path for each in world.shop.server.requests]
    assert report.store_requests["eu"] == len(world.shop.server.requests)
