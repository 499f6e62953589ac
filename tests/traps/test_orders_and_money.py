"""Orders come with the right money: the traps of WooCommerce's orders, one by one.

Each test shows the trap as the shop's answer has it, and that the program does not fall into it.
What the sandbox computes is held against real stores in sandbox/test_woocommerce_recorded. Tested
elsewhere already (the trap in the first file, the program in the second):

| trap | where |
|---|---|
| several rates, compound rates | sandbox/test_woocommerce_recorded; domain/test_taxes |
| zero rate, no rate, tax-exempt | sandbox/test_woocommerce_recorded; sync/test_orders (rule 5) |
| `rate_percent` of today, or 0 | sync/test_money, both |
| tax split by shares | sync/test_money, domain/test_taxes |
| refunds stored positive, not listed, errors in their list | sync/test_money, both |
| gift cards and store credit lower only the total | sync/test_money, both |
| refunds of many kinds | sandbox/test_woocommerce_orders; here, domain/test_mapping (rule 8) |
| a full refund makes it refunded | sandbox/test_woocommerce_orders; sync/test_orders (rule 8) |
| `order_key` tells orders of one id apart | sandbox/test_woocommerce_orders; sync/test_once |
| no `needs_processing` | sandbox/test_woocommerce_orders; sync/test_which_orders |
| `_reduced_stock` | sandbox/test_woocommerce_orders |
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from katana_woo_sync.sandbox.woocommerce import (
    Address,
    Coupon,
    Fee,
    Item,
    Shipping,
    TaxRate,
    WooCommerceSandbox,
)
from katana_woo_sync.sandbox.woocommerce.resource import Json
from katana_woo_sync.sandbox.woocommerce.taxes import numbered
from katana_woo_sync.sandbox.woocommerce.totals import Rounding
from tests.sandbox.woocommerce_support import ask, rows_of
from tests.sync.world import ANNA, World
from tests.traps.support import (
    client_of,
    total_in_katana,
    total_in_shop,
    variants_in_katana,
)

COURIER = Shipping("Courier", Decimal("4.90"))


def amount(row: Json, name: str) -> Decimal:
    return Decimal(str(row[name]))


def sum_of_lines(order: Json) -> Decimal:
    return sum(
        (amount(row, "total") + amount(row, "total_tax") for row in rows_of(order, "line_items")),
        Decimal(0),
    )


def test_line_totals_are_net_even_where_prices_include_tax(world: World) -> None:
    order = world.order(quantity=3)
    (line,) = rows_of(world.shop.order(order), "line_items")
    assert (line["total"], line["total_tax"]) == ("30.00", "7.20")
    world.sync()
    assert total_in_katana(world, order) == total_in_shop(world, order) == Decimal("37.20")


def test_price_is_a_float_of_what_the_lines_total_was_before_it_was_rounded(world: World) -> None:
    order = world.shop.place_order([Item(world.mug["eu"], 7, price=Decimal("3.33"))])
    (line,) = rows_of(ask(world.shop, f"orders/{order}").json(), "line_items")
    by_price = Decimal(str(line["price"])) * 7
    assert by_price != amount(line, "total")
    world.sync()
    (row,) = world.sales_order(order).rows
    gross = row.price_per_unit * 7 * Decimal("1.24")
    assert round(gross, 6) == amount(line, "total") + amount(line, "total_tax") == Decimal("23.31")


@pytest.mark.parametrize(("at_subtotal", "fitting", "other"), [(True, "6", "2"), (False, "2", "6")])
def test_an_order_adds_up_only_in_the_decimals_that_fit_the_store(
    at_subtotal: bool, fitting: str, other: str
) -> None:
    rates = (TaxRate(Decimal(20)),)
    with WooCommerceSandbox(tax_rates=rates, round_at_subtotal=at_subtotal) as shop:
        pen = shop.add_product("Pen", "PEN", "3.33")
        coupon = Coupon("eighth", "percent", Decimal("12.5"))
        order = shop.place_order([Item(pen, n) for n in (1, 3, 5, 7, 9)], coupons=[coupon])
        adds_up = {}
        for dp in (fitting, other):
            answer = ask(shop, f"orders/{order}", {"dp": dp}).json()
            adds_up[dp] = sum_of_lines(answer) == amount(answer, "total")
        client = client_of(shop)
        read = client.order(order, client.facts().dp)
    assert adds_up == {fitting: True, other: False}
    assert sum(line.gross for line in read.line_items) == read.total


def test_a_store_that_rounds_at_the_subtotal_has_the_same_total_in_katana(
    unconnected: World,
) -> None:
    world = unconnected
    world.shop.state.rounding = Rounding(True, 2, True)
    world.shop.state.rates = numbered([TaxRate(Decimal(20), "VAT")])
    items = [Item(world.mug["eu"], n, price=Decimal("3.33")) for n in (1, 3, 5, 7, 9)]
    order = world.shop.place_order(items, billing=ANNA)
    assert sum_of_lines(world.shop.order(order)) != total_in_shop(world, order)
    world.backfill()
    assert total_in_katana(world, order) == total_in_shop(world, order)


def test_fees_and_shipping_have_taxes_without_a_subtotal(world: World) -> None:
    fee = Fee("Gift wrap", Decimal("2.50"))
    order = world.order(fees=[fee], shipping=[COURIER])
    answer = world.shop.order(order)
    for kind in ("fee_lines", "shipping_lines"):
        (line,) = rows_of(answer, kind)
        assert [tax["subtotal"] for tax in rows_of(line, "taxes")] == [""]
    world.sync()
    assert total_in_katana(world, order) == total_in_shop(world, order)


def test_a_coupons_discount_may_differ_by_a_cent_from_what_it_took(world: World) -> None:
    pen = world.shop.add_product("Pen", "PEN", "3.33")
    lamp = world.shop.add_product("Cup", "CUP", "6.67")
    book = world.shop.add_product("Book", "BOOK", "11.11", tax_class="reduced-rate")
    coupon = Coupon("eighth", "percent", Decimal("12.5"))
    items = [Item(pen, 7), Item(lamp, 3), Item(book, 9)]
    order = world.shop.place_order(items, coupons=[coupon], billing=ANNA)
    answer = world.shop.order(order)
    (used,) = rows_of(answer, "coupon_lines")
    assert amount(used, "discount") - amount(answer, "discount_total") == Decimal("0.01")
    world.sync()
    assert total_in_katana(world, order) == total_in_shop(world, order)


def test_a_coupons_discount_is_not_padded(world: World) -> None:
    order = world.order(coupons=[Coupon("half", "percent", Decimal(50))])
    (used,) = rows_of(world.shop.order(order), "coupon_lines")
    assert (used["discount"], used["discount_tax"]) == ("5", "1.2")
    world.sync()
    assert total_in_katana(world, order) == Decimal("6.20")


def test_a_line_may_be_discounted_without_a_coupon(world: World) -> None:
    item = Item(world.mug["eu"], 3, total=Decimal("25.00"))
    order = world.shop.place_order([item], billing=ANNA)
    answer = world.shop.order(order)
    (line,) = rows_of(answer, "line_items")
    assert (answer["coupon_lines"], line["subtotal"], line["total"]) == ([], "30.00", "25.00")
    world.sync()
    assert total_in_katana(world, order) == Decimal("31.00")


@pytest.mark.parametrize(
    ("has_mug", "fees", "shipping"),
    [
        (True, [Fee("Loyalty", Decimal(-2))], []),
        (True, [Fee("Loyalty", Decimal(-2), None)], []),
        (True, [Fee("Deposit", Decimal("1.25"), None)], [COURIER]),
        (True, [Fee("Loyalty", Decimal(-3)), Fee("Wrap", Decimal(1))], [COURIER]),
        (True, [], [COURIER, Shipping("Pallet", Decimal(30))]),
        (True, [], [COURIER, Shipping("Book rate", Decimal(3), "reduced-rate")]),
        (False, [Fee("Workshop", Decimal(80))], []),
        (False, [], [COURIER]),
        (False, [Fee("Workshop", Decimal(80))], [COURIER]),
    ],
)
def test_orders_of_negative_untaxed_or_only_fees_and_of_several_or_only_shipping_lines(
    world: World, has_mug: bool, fees: list[Fee], shipping: list[Shipping]
) -> None:
    items = [Item(world.mug["eu"], 2)] if has_mug else []
    order = world.shop.place_order(items, fees=fees, shipping=shipping, billing=ANNA)
    world.sync()
    assert world.state(order)[0] == "imported"
    assert total_in_katana(world, order) == total_in_shop(world, order)


def test_a_negative_fee_may_have_a_negative_tax(world: World) -> None:
    order = world.order(fees=[Fee("Loyalty", Decimal(-5))])
    (fee,) = rows_of(world.shop.order(order), "fee_lines")
    assert (fee["total"], fee["total_tax"]) == ("-5.00", "-1.20")
    world.sync()
    assert total_in_katana(world, order) == Decimal("6.20")


def test_an_order_may_come_to_nothing_and_still_be_sent(world: World) -> None:
    order = world.order(quantity=2, coupons=[Coupon("gift", "percent", Decimal(100))])
    assert total_in_shop(world, order) == 0
    world.sync()
    assert [row.quantity for row in world.sales_order(order).rows] == [2]
    assert total_in_katana(world, order) == 0


def test_an_order_of_nothing_at_all_exists(world: World) -> None:
    order = world.shop.place_order([])
    assert world.shop.order(order)["line_items"] == []
    world.sync()
    assert (world.in_katana(order), world.state(order)[0]) == ([], "skipped")


def test_another_currency_changes_the_currency_only_and_yen_have_two_decimals(
    world: World,
) -> None:
    order = world.order(currency="JPY", quantity=2)
    assert world.shop.order(order)["total"] == "24.80"
    world.sync()
    assert world.sales_order(order).currency == "JPY"
    assert total_in_katana(world, order) == Decimal("24.80")


def test_a_refund_leaves_the_orders_own_lines_and_total(world: World) -> None:
    order = world.order(quantity=3, shipping=[COURIER])
    line, courier = (x.id for x in world.shop.state.orders[order].lines)
    before = world.shop.order(order)
    world.shop.refund(order, lines={line: 1, courier: (0, Decimal("1.24"))})
    world.shop.refund(order, "2.00")
    after = world.shop.order(order)
    for name in ("total", "line_items", "shipping_lines"):
        assert after[name] == before[name]
    world.sync()
    left = total_in_shop(world, order) - Decimal("12.40") - Decimal("1.24") - Decimal("2.00")
    assert total_in_katana(world, order) == left


def hoodie(world: World) -> tuple[int, int, int]:
    """A product with two variations, the second without its own SKU; Katana has the parent's SKU
    too, on another product. Returns parent, variation with and without SKU."""
    options = [("H-S", 20, {"Size": "S"}), ("", 20, {"Size": "L"})]
    parent, (small, large) = world.shop.add_variable_product("Hoodie", "HOODIE", options)
    return parent, small, large


def test_a_variation_without_its_own_sku_shows_its_parents_which_is_no_match(world: World) -> None:
    another = world.katana.add_product("Hoodie poster", "HOODIE")
    parent, _small, large = hoodie(world)
    order = world.shop.place_order([Item(parent, 1, large)], billing=ANNA)
    (line,) = rows_of(world.shop.order(order), "line_items")
    assert (line["sku"], line["variation_id"]) == ("HOODIE", large)
    world.sync()
    assert another not in variants_in_katana(world, order)


def test_a_line_of_a_deleted_variation_shows_the_parents_sku_which_is_no_match(
    world: World,
) -> None:
    another = world.katana.add_product("Hoodie poster", "HOODIE")
    parent, small, _large = hoodie(world)
    order = world.shop.place_order([Item(parent, 1, small)], billing=ANNA)
    world.shop.delete_product(small)
    (line,) = rows_of(world.shop.order(order), "line_items")
    assert (line["sku"], line["variation_id"], line["total"]) == ("HOODIE", 0, "16.13")
    world.sync()
    assert another not in variants_in_katana(world, order)


def test_a_line_of_a_deleted_product_keeps_only_name_and_money(world: World) -> None:
    order = world.shop.place_order([Item(world.mug["eu"], 2)], billing=ANNA)
    world.shop.delete_product(world.mug["eu"])
    (line,) = rows_of(world.shop.order(order), "line_items")
    assert (line["sku"], line["product_id"], line["name"]) == (None, 0, "Mug")
    assert line["total"] == "20.00"
    report = world.sync()
    assert report.store("eu").error is None
    assert world.mug_variant not in variants_in_katana(world, order)


def test_a_lines_sku_follows_a_renamed_product_which_stays_one_product_in_katana(
    world: World,
) -> None:
    first = world.shop.place_order([Item(world.lamp["eu"])], billing=ANNA)
    world.sync()
    world.shop.rename_sku(world.lamp["eu"], "LAMP-NEW")
    (line,) = rows_of(world.shop.order(first), "line_items")
    assert line["sku"] == "LAMP-NEW"
    second = world.shop.place_order([Item(world.lamp["eu"])], billing=ANNA)
    world.sync()
    assert variants_in_katana(world, first) == variants_in_katana(world, second) != set()
    assert [p.name for p in world.katana.products()].count("Lamp") == 1


def test_the_number_may_differ_from_the_id(world: World) -> None:
    order = world.order(number="2026-0007")
    assert world.shop.order(order)["id"] == order
    world.sync()
    found = world.sales_order(order)
    assert (found.order_no, found.ecommerce_order_id) == ("2026-0007", str(order))


def test_customer_0_is_a_guest_and_any_billing_field_may_be_empty(world: World) -> None:
    nobody = Address(country="GR")
    orders = [world.shop.place_order([Item(world.mug["eu"])], billing=nobody)]
    orders.append(world.shop.place_order([Item(world.mug["eu"])], billing=Address()))
    assert world.shop.order(orders[1])["customer_id"] == 0
    known = world.order()
    world.sync()
    assert {world.state(order)[0] for order in (*orders, known)} == {"imported"}
    customers = {world.sales_order(order).customer_id for order in orders}
    assert world.sales_order(known).customer_id not in customers


def test_names_of_products_are_escaped_and_what_customers_type_is_not(world: World) -> None:
    cup = world.shop.add_product("Tom & Jerry's", "CUP", 5)
    buyer = replace(ANNA, company="ACME &amp; Sons", email="acme@example.test")
    note = "1 < 2 &amp; <b>3</b>"
    order = world.shop.place_order([Item(cup)], billing=buyer, customer_note=note)
    answer = world.shop.order(order)
    assert rows_of(answer, "line_items")[0]["name"] == "Tom &amp; Jerry's"
    assert answer["customer_note"] == note
    world.sync()
    assert "Tom & Jerry's" in {product.name for product in world.katana.products()}
    assert note in str(world.sales_order(order).additional_info)


def test_bundle_plugins_put_child_lines_beside_the_parent(world: World) -> None:
    mug, lamp = world.mug["eu"], world.lamp["eu"]
    box = world.shop.add_product("Gift box", "BOX", "60.00")
    items = [
        Item(box, meta=(("_bundle_cart_key", "k1"), ("_bundled_items", ["k2", "k3"]))),
        Item(mug, 2, price=Decimal(0), meta=(("_bundled_by", "k1"), ("_bundle_cart_key", "k2"))),
        Item(lamp, meta=(("_bundled_by", "k1"), ("_bundle_cart_key", "k3"))),
    ]
    order = world.shop.place_order(items, billing=ANNA)
    assert len(rows_of(world.shop.order(order), "line_items")) == 3
    world.sync()
    held = [round(world.katana.order_total(sold.id), 2) for sold in world.in_katana(order)]
    assert held in ([], [total_in_shop(world, order)])  # never with the children's money twice


def test_decimal_quantities_are_json_numbers(world: World) -> None:
    order = world.shop.place_order([Item(world.mug["eu"], Decimal("2.5"))], billing=ANNA)
    assert rows_of(ask(world.shop, f"orders/{order}").json(), "line_items")[0]["quantity"] == 2.5
    world.sync()
    assert [row.quantity for row in world.sales_order(order).rows] == [Decimal("2.5")]
    assert total_in_katana(world, order) == Decimal("31.00")


def test_whether_prices_include_tax_is_on_the_order_and_may_differ_from_todays_setting(
    world: World,
) -> None:
    of_then = world.order(quantity=3)
    world.shop.state.rounding = replace(world.shop.state.rounding, prices_include_tax=False)
    of_today = world.order(quantity=3)
    orders = [world.shop.order(order) for order in (of_then, of_today)]
    assert [order["prices_include_tax"] for order in orders] == [True, False]
    world.sync()
    for order in (of_then, of_today):
        assert total_in_katana(world, order) == total_in_shop(world, order)
    assert total_in_shop(world, of_then) != total_in_shop(world, of_today)


def test_a_marketplaces_sub_orders_hold_the_parents_goods_again(world: World) -> None:
    mug, lamp = world.mug["eu"], world.lamp["eu"]
    parent = world.shop.place_order([Item(mug), Item(lamp)], billing=ANNA)
    for product in (mug, lamp):
        world.shop.place_order([Item(product)], billing=ANNA, parent_id=parent, created_via="dokan")
    listed = ask(world.shop, "orders", {"status": "processing"}).json()
    assert [order["parent_id"] for order in listed] == [parent, parent, 0]
    sold = sum((amount(order, "total") for order in listed), Decimal(0))
    world.sync()
    held = [world.katana.order_total(found.id) for found in world.katana.sales_orders()]
    assert round(sum(held, Decimal(0)), 2) == sold / 2


def test_the_creation_in_utc_may_be_lost(world: World) -> None:
    order = world.order()
    world.shop.edit_order(order, lost_gmt=True)
    shown = world.shop.order(order)
    assert (shown["date_created_gmt"], shown["date_created"]) == (None, "2026-03-02T11:00:00")


def test_a_deleted_variation_leaves_its_parent_and_what_was_chosen(world: World) -> None:
    variations = [("TEA-S", "5.00", {"Size": "S"}), ("TEA-L", "9.00", {"Size": "L"})]
    parent, (small, _large) = world.shop.add_variable_product("Tea", "TEA", variations)
    order = world.shop.place_order([Item(parent, variation_id=small)], billing=ANNA)
    world.shop.delete_product(small)
    (line,) = rows_of(world.shop.order(order), "line_items")
    assert (line["product_id"], line["variation_id"], line["sku"]) == (parent, 0, "TEA")
    assert [meta["display_value"] for meta in rows_of(line, "meta_data")] == ["S"]
