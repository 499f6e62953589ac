"""Rules 3 to 9 as they show in Katana; what each field and sum is, the domain's tests say."""

from __future__ import annotations

from decimal import Decimal

import pytest

from katana_woo_sync.sandbox.woocommerce import Coupon, Fee, Item, Shipping
from tests.sync.world import ANNA, World

COURIER = Shipping("Courier", Decimal("5.00"))


def line_id(world: World, order: int) -> int:
    """The id of an order's first line."""
    return world.shop.state.orders[order].lines[0].id


def total_in_katana(world: World, order: int) -> Decimal:
    """The total of the order's one sales order."""
    return world.katana.order_total(world.sales_order(order).id)


def test_rule_03_number_dates_note_and_location(world: World) -> None:
    world.configure(stores={"eu": 'order_number_prefix = "EU-"'})
    order = world.order(customer_note="Ring twice")
    created = world.clock()
    world.sync()
    sales_order = world.sales_order(order)
    assert sales_order.order_no == f"EU-{order}"
    assert sales_order.order_created_date == created
    assert sales_order.delivery_date is not None
    assert (sales_order.delivery_date - created).days == 14
    assert "Ring twice" in str(sales_order.additional_info)
    assert sales_order.location_id == world.katana.main_location_id


def test_rule_03_shipping_is_the_shipping_fee(world: World) -> None:
    order = world.order(shipping=[COURIER])
    world.sync()
    (fee,) = world.katana.shipping_fees(world.sales_order(order).id)
    assert fee.amount == Decimal(5)
    assert total_in_katana(world, order) == Decimal("12.40") + Decimal("6.20")


def test_rule_03_a_fee_is_a_row_of_one_service(world: World) -> None:
    orders = [world.order(fees=[Fee("Gift wrap", Decimal("2.50"))]) for _ in range(2)]
    world.sync()
    (service,) = world.katana.services()
    assert service.name == "WooCommerce fee"
    assert [total_in_katana(world, each) for each in orders] == [Decimal("15.50")] * 2


def test_rule_03_a_negative_fee_is_a_discount(world: World) -> None:
    order = world.order(fees=[Fee("Loyalty", Decimal("-1.00"))])
    world.sync()
    assert total_in_katana(world, order) == Decimal("11.16")


def test_rule_03_an_empty_order_is_skipped(world: World) -> None:
    order = world.shop.place_order([])
    report = world.sync()
    assert world.state(order) == ("skipped", "empty_order")
    assert int(report.exit_code) == 0


def test_rule_04_prices_with_tax_and_a_coupon(world: World) -> None:
    order = world.order(quantity=3, coupons=[Coupon("ten", "percent", Decimal(10))])
    world.sync()
    assert round(total_in_katana(world, order), 2) == Decimal("33.48")


def test_rule_04_prices_without_tax(two: World) -> None:
    order = two.order(shop="us", quantity=3)
    two.sync()
    expected = Decimal(str(two.shops["us"].order(order)["total"]))
    total = two.katana.order_total(two.sales_order(order, shop="us").id)
    assert abs(total - expected) <= Decimal("0.015")


def test_rule_04_a_total_that_a_plugin_lowered_needs_a_person(world: World) -> None:
    order = world.order(total=Decimal("2.40"))
    report = world.sync()
    assert world.state(order) == ("attention", "total_differs")
    assert int(report.exit_code) == 1


def test_rule_05_a_rate_is_matched_and_created_only_where_none_exists(world: World) -> None:
    existing = world.katana.add_tax_rate(Decimal(24), "VAT 24")
    for _ in range(2):
        order = world.order()
        world.sync()
    assert {row.tax_rate_id for row in world.sales_order(order).rows} == {existing}
    assert sum(rate.rate == 24 for rate in world.katana.tax_rates()) == 1


def test_rule_05_no_tax_is_zero_and_never_the_default(world: World) -> None:
    order = world.order(vat_exempt=True)
    world.sync()
    (row,) = world.sales_order(order).rows
    rates = {rate.id: rate.rate for rate in world.katana.tax_rates()}
    assert rates[row.tax_rate_id] == 0  # type: ignore[index]


def test_rule_06_an_order_keeps_its_currency(world: World) -> None:
    order = world.order(currency="GBP")
    world.sync()
    assert world.sales_order(order).currency == "GBP"


def test_rule_06_a_foreign_currency_heals_when_katana_may_take_it(world: World) -> None:
    world.configure(katana="multi_currency = false")
    foreign, own = world.order(currency="GBP"), world.order()
    world.sync()
    assert world.state(foreign) == ("attention", "foreign_currency")
    assert world.state(own)[0] == "imported"
    world.configure(katana="multi_currency = true")
    world.sync(minutes=61)
    assert world.state(foreign)[0] == "imported"


def test_rule_07_a_customer_is_created_once(world: World) -> None:
    orders = [world.order(customer_id=7) for _ in range(3)]
    world.sync()
    (customer,) = world.katana.customers()
    assert customer.reference_id == f"{world.identity}#7"
    assert {world.sales_order(each).customer_id for each in orders} == {customer.id}


def test_rule_07_a_guest_seen_before_is_the_same_customer(world: World) -> None:
    for _ in range(2):
        world.order()
        world.sync()
    assert len(world.katana.customers()) == 1


def test_rule_07_a_customer_is_matched_by_mail_and_not_overwritten(world: World) -> None:
    there = world.katana.add_customer("A. Kosta", email="ANNA@example.test")
    order = world.order(customer_id=7)
    world.sync()
    assert world.sales_order(order).customer_id == there
    (customer,) = world.katana.customers()
    assert (customer.name, customer.reference_id or "") == ("A. Kosta", "")


def test_rule_07_a_product_is_matched_by_sku_and_created_where_missing(world: World) -> None:
    items = [Item(world.mug["eu"]), Item(world.lamp["eu"])]
    for _ in range(2):
        order = world.shop.place_order(items, billing=ANNA)
        world.sync()
    assert [v.sku for v in world.katana.variants()].count("LAMP") == 1
    assert world.mug_variant in {row.variant_id for row in world.sales_order(order).rows}


def test_rule_07_a_variable_product_is_created_with_all_its_variations(world: World) -> None:
    options = [("TS-R", 20, {"Colour": "Red"}), ("TS-B", 22, {"Colour": "Blue"})]
    shirt, (red, _blue) = world.shop.add_variable_product("Shirt", "TS", options)
    world.shop.place_order([Item(shirt, 1, red)], billing=ANNA)
    world.sync()
    item_ids = {v.sku: v.item_id for v in world.katana.variants()}
    assert item_ids["TS-R"] == item_ids["TS-B"]


@pytest.mark.parametrize(
    ("reason", "details"),
    [
        ("sku_ambiguous", {}),
        ("item_archived", {"archived": True}),
        ("item_not_sellable", {"is_sellable": False}),
    ],
)
def test_rule_07_an_item_that_cannot_be_meant_needs_a_person(
    world: World, reason: str, details: dict[str, bool]
) -> None:
    for _ in range(2 if reason == "sku_ambiguous" else 1):
        world.katana.add_product("Lamp", "LAMP", **details)  # type: ignore[arg-type]
    bad = world.shop.place_order([Item(world.lamp["eu"])], billing=ANNA)
    good = world.order()
    world.sync()
    assert world.state(bad) == ("attention", reason)
    assert world.state(good)[0] == "imported"


def test_rule_08_a_refunded_line_is_left_out(world: World) -> None:
    order = world.order(quantity=3)
    world.shop.refund(order, lines={line_id(world, order): 1})
    world.sync()
    assert [row.quantity for row in world.sales_order(order).rows] == [2]
    assert total_in_katana(world, order) == Decimal("24.80")


def test_rule_08_an_amount_is_spread_as_discount(world: World) -> None:
    order = world.order(quantity=3)
    world.shop.refund(order, "7.20")
    world.sync()
    assert round(total_in_katana(world, order), 2) == Decimal("30.00")


def test_rule_08_all_refunded_is_skipped(world: World) -> None:
    order = world.order()
    world.shop.refund(order, lines={line_id(world, order): 1})
    world.shop.edit_order(order, status="processing")
    report = world.sync()
    assert world.state(order) == ("skipped", "refunded_before_import")
    assert int(report.exit_code) == 0


def test_rule_09_an_edit_in_the_shop_does_not_cross_and_is_noted_once(world: World) -> None:
    order = world.order()
    world.sync()
    before = world.sales_order(order)
    world.shop.edit_order(order, customer_note="Blue, please")
    for _ in range(3):
        report = world.sync()
    assert world.sales_order(order) == before
    assert world.notes(order) == ["edited"]
    assert int(report.exit_code) == 0


def test_rule_09_an_edit_in_katana_does_not_cross(world: World) -> None:
    order = world.order()
    world.sync()
    world.katana.edit_order(world.sales_order(order).id, additional_info="Urgent")
    before = world.shop.order(order)
    world.sync()
    assert world.shop.order(order) == before


def test_rule_09_a_deletion_in_katana_is_a_note(world: World) -> None:
    order = world.order()
    world.sync()
    world.katana.delete_order(world.sales_order(order).id)
    for _ in range(2):
        report = world.sync()
    assert world.notes(order) == ["deleted_in_katana"]
    assert world.status(order) == "processing"
    assert int(report.exit_code) == 0


@pytest.mark.parametrize("status", ["cancelled", "refunded", "trash"])
def test_rule_09_cancelled_while_open_in_katana_needs_a_person(world: World, status: str) -> None:
    order = world.order()
    world.sync()
    if status == "trash":
        world.shop.trash(order)
    else:
        world.shop.set_status(order, status)
    world.sync(minutes=25 * 60)
    assert world.state(order) == ("attention", "cancelled_in_shop")
    assert world.sales_order(order).status == "NOT_SHIPPED"


def test_rule_09_that_attention_ends_when_katana_deletes_it(world: World) -> None:
    order = world.order()
    world.sync()
    world.shop.set_status(order, "cancelled")
    world.sync()
    world.katana.delete_order(world.sales_order(order).id)
    report = world.sync()
    assert int(report.exit_code) == 0


def test_rule_09_a_refund_after_the_import_is_a_note(world: World) -> None:
    order = world.order(quantity=2)
    world.sync()
    world.shop.refund(order, "1.00")
    report = world.sync()
    assert world.notes(order) == ["refunded_in_shop"]
    assert int(report.exit_code) == 0
