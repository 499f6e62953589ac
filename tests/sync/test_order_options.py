"""Options of an order: a grace before its import, notes on the shop's order, chosen meta, a store
that is left alone."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from katana_woo_sync.config import ConfigError
from katana_woo_sync.sandbox.server import Fault, FaultKind
from katana_woo_sync.sandbox.woocommerce import Fee, Item, Shipping
from tests.cli.support import run, run_json
from tests.sync.world import ANNA, World


def orders(world: World, line: str) -> None:
    """Set a line of [orders]."""
    world.configure(top=f"[orders]\n{line}")


def told(world: World, order: int) -> list[tuple[object, object]]:
    """The notes that the program wrote on the shop's order, and whether the customer was mailed."""
    return [
        (note["note"], note["customer_note"])
        for note in world.shop.notes(order)
        if note["author"] == "admin"
    ]


# A grace before the import


def test_an_order_waits_for_the_import_delay(world: World) -> None:
    orders(world, 'import_delay = "30m"')
    order = world.order()
    world.sync(minutes=5)
    assert world.state(order) == ("queued", "")
    assert world.in_katana(order) == []
    world.sync(minutes=26)
    assert len(world.in_katana(order)) == 1


def test_what_the_customer_corrected_meanwhile_is_imported(world: World) -> None:
    orders(world, 'import_delay = "30m"')
    order = world.order()
    world.sync(minutes=5)
    world.shop.edit_order(order, customer_note="Leave it at the door")
    world.sync(minutes=30)
    assert "Leave it at the door" in str(world.sales_order(order).additional_info)


def test_an_order_cancelled_within_the_delay_is_never_imported(world: World) -> None:
    orders(world, 'import_delay = "30m"')
    order = world.order()
    world.sync(minutes=5)
    world.shop.set_status(order, "cancelled")
    world.sync(minutes=30)
    assert world.in_katana(order) == []
    assert world.state(order)[0] == "skipped"


def test_an_older_order_is_imported_at_once(world: World) -> None:
    orders(world, 'import_delay = "30m"')
    order = world.order(created=world.clock() - timedelta(hours=1))
    world.sync(minutes=1)
    assert len(world.in_katana(order)) == 1


def test_a_shops_clock_that_is_ahead_makes_the_delay_no_longer(world: World) -> None:
    orders(world, 'import_delay = "30m"')
    world.shop.state.clock = lambda: world.clock.now + timedelta(hours=6)
    order = world.order()
    world.sync(minutes=1)
    world.sync(minutes=31)
    assert len(world.in_katana(order)) == 1


def test_a_sub_order_that_comes_in_its_parents_place_waits_for_the_delay(world: World) -> None:
    orders(world, 'import_delay = "30m"')
    parent = world.order()
    child = world.order(parent_id=parent, created_via="dokan")
    world.sync(minutes=5)
    assert world.state(child) == ("skipped", "sub_order")
    world.shop.set_status(parent, "cancelled")
    world.sync(minutes=5)
    assert (world.state(child), world.in_katana(child)) == (("queued", ""), [])
    world.sync(minutes=25)
    assert len(world.in_katana(child)) == 1


def test_an_order_that_made_no_sense_for_a_while_waits_for_the_delay(world: World) -> None:
    orders(world, 'import_delay = "30m"')
    order = world.order()
    world.sync(minutes=5)
    world.shop.edit_order(order, number=["57"])
    world.sync(minutes=5)
    assert world.state(order) == ("attention", "unreadable")
    world.shop.edit_order(order, number=None)
    world.sync(minutes=5)
    assert (world.state(order), world.in_katana(order)) == (("queued", ""), [])
    world.sync(minutes=25)
    assert len(world.in_katana(order)) == 1


# Notes on the shop's order


def test_the_shops_order_says_where_it_is_in_katana(world: World) -> None:
    orders(world, "import_note = true")
    order = world.order()
    world.settle(3)
    sales_order = world.sales_order(order)
    link = f"https://factory.katanamrp.com/salesorder/{sales_order.id}"
    assert told(world, order) == [(f"In Katana as {sales_order.order_no}: {link}", False)]


def test_without_the_options_nothing_is_written_on_orders(world: World) -> None:
    order = world.order()
    world.sync()
    world.katana.deliver(world.sales_order(order).id)
    world.katana.track(world.sales_order(order).id, "RR123", carrier="Posti")
    world.settle(2)
    assert world.status(order) == "completed"
    assert told(world, order) == []


@pytest.mark.parametrize(("setting", "mailed"), [("private", False), ("customer", True)])
def test_tracking_is_told_once_when_the_order_is_completed(
    world: World, setting: str, mailed: bool
) -> None:
    orders(world, f'tracking_note = "{setting}"')
    order = world.order()
    world.sync()
    world.katana.deliver(world.sales_order(order).id)
    url = "https://posti.example/RR123"
    world.katana.track(world.sales_order(order).id, "RR123", carrier="Posti", url=url)
    world.settle(3)
    assert told(world, order) == [(f"Sent with Posti RR123 {url}", mailed)]


def test_a_delivery_without_tracking_needs_no_note(world: World) -> None:
    orders(world, 'tracking_note = "customer"')
    order = world.order()
    world.sync()
    world.katana.deliver(world.sales_order(order).id)
    world.settle(2)
    assert told(world, order) == []


@pytest.mark.parametrize("kind", [FaultKind.DROP_BEFORE, FaultKind.DROP_AFTER])
def test_a_note_whose_answer_was_lost_is_there_once(world: World, kind: FaultKind) -> None:
    orders(world, "import_note = true")
    order = world.order()
    world.shop.server.add_fault(Fault(kind, "POST", f"/wp-json/wc/v3/orders/{order}/notes"))
    world.settle(3)
    world.sync(minutes=10)
    assert [fault.times for fault in world.shop.server.faults] == [0]
    assert len(told(world, order)) == 1


def test_an_order_whose_creates_answer_was_lost_gets_its_note_too(world: World) -> None:
    orders(world, "import_note = true")
    world.katana.server.add_fault(Fault(FaultKind.DROP_AFTER, "POST", "/v1/sales_orders"))
    order = world.order()
    world.settle(4)
    assert [fault.times for fault in world.katana.server.faults] == [0]
    assert len(told(world, order)) == 1


def test_a_completion_whose_answer_was_lost_gets_its_note_too(world: World) -> None:
    orders(world, 'tracking_note = "private"')
    order = world.order()
    world.sync()
    world.katana.deliver(world.sales_order(order).id)
    world.katana.track(world.sales_order(order).id, "RR123")
    path = f"/wp-json/wc/v3/orders/{order}"
    world.shop.server.add_fault(Fault(FaultKind.DROP_AFTER, "PUT", path))
    world.settle(4)
    assert [fault.times for fault in world.shop.server.faults] == [0]
    assert told(world, order) == [("Sent with RR123", False)]


def test_a_note_that_the_shop_refuses_stops_nothing(world: World) -> None:
    orders(world, "import_note = true")
    first = world.order()
    path = f"/wp-json/wc/v3/orders/{first}/notes"
    refusal = Fault(FaultKind.STATUS, "POST", path, status=400, body='{"code":"x","message":"no"}')
    world.shop.server.add_fault(refusal)
    second = world.order()
    world.settle(3)
    assert [fault.times for fault in world.shop.server.faults] == [0]
    assert (len(told(world, first)), len(told(world, second))) == (0, 1)
    assert "noted" not in run(world, "order", "eu", f"id:{first}").output
    assert "noted" in run(world, "order", "eu", f"id:{second}").output
    assert world.state(first) == ("imported", "")


def test_a_dry_run_writes_no_note(world: World) -> None:
    orders(world, "import_note = true")
    order = world.order()
    world.sync(dry_run=True)
    assert told(world, order) == []


# Chosen meta


def test_chosen_meta_stands_in_the_additional_info(world: World) -> None:
    world.configure(stores={"eu": 'additional_info_meta = ["_vat_number", "slots", "none"]'})
    order = world.shop.place_order(
        [Item(world.mug["eu"], 1)],
        meta={"_vat_number": "EL<b>123</b>", "slots": ["Mon", "Tue"], "secret": "no"},
    )
    world.sync()
    info = str(world.sales_order(order).additional_info)
    assert "Vat number: EL123" in info
    assert "Slots: Mon, Tue" in info
    assert "secret" not in info.lower()


def test_meta_is_asked_for_only_where_it_is_used(world: World) -> None:
    world.order()
    world.sync()
    asked = [sent.query for sent in world.shop.server.requests]
    assert not any("meta_data" in str(query) for query in asked)


# A store that is left alone


def test_a_paused_store_is_neither_asked_nor_written_to(world: World) -> None:
    order = world.order()
    world.configure(stores={"eu": "paused = true"})
    world.shop.server.reset_counts()
    run_json(world, "sync")
    assert world.shop.server.count() == 0
    assert world.in_katana(order) == []
    assert "left alone" in run(world, "status").output
    named = run(world, "sync", "--store", "eu")
    assert named.exit_code == 2
    assert "paused = true" in named.output
    world.configure()
    world.sync()
    assert len(world.in_katana(order)) == 1


# Shipping


@pytest.mark.parametrize("shipping", ["fee", "row"])
def test_shipping_is_a_fee_or_a_row(world: World, shipping: str) -> None:
    world.configure(top=f'[orders]\nshipping = "{shipping}"')
    courier = [Shipping("Courier", Decimal("4.90")), Shipping("Insurance", Decimal("1.10"))]
    first = world.order(shipping=courier)
    world.sync()  # what is new of it is known from here on
    fee = [Fee("Gift wrap", Decimal("2.50"))]
    order = world.shop.place_order(
        [Item(world.mug["eu"], 3)], billing=ANNA, shipping=courier, fees=fee
    )
    world.reset_counts()
    world.sync()
    for each in (first, order):
        there = world.sales_order(each)
        shop = Decimal(str(world.shop.order(each)["total"]))
        assert abs(world.katana.order_total(there.id) - shop) < Decimal("0.01")
        assert bool(world.katana.shipping_fees(there.id)) is (shipping == "fee")
    names = [service.name for service in world.katana.services()]
    assert ("WooCommerce shipping" in names) is (shipping == "row")
    assert world.katana.server.count("POST", "/sales_order_shipping_fee") == (shipping == "fee")
    assert world.katana.server.count("POST", "/sales_orders") == 1
    assert world.state(order) == ("imported", "")


def test_shipping_as_a_row_needs_shipping(world: World) -> None:
    world.configure(top='[orders]\nshipping = "row"\nimport_shipping = false')
    with pytest.raises(ConfigError, match="needs import_shipping = true"):
        world.program()
