"""Rule 7 for odd products: what is renamed, deleted, without a SKU, new, virtual, or stale."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

import pytest

from katana_woo_sync.domain.reasons import Reason
from katana_woo_sync.sandbox.katana import SalesOrder, Variant
from katana_woo_sync.sandbox.server import Fault, FaultKind
from katana_woo_sync.sandbox.woocommerce import Fee, Item, Variation
from katana_woo_sync.sync.cycle import SweepWhen
from tests.sync.world import ANNA, World

RED = ("SHIRT-R", "20.00", {"Colour": "Red"})
BLUE = ("SHIRT-B", "20.00", {"Colour": "Blue"})


def shirt(world: World, *variations: tuple[str, str, dict[str, str]]) -> tuple[int, list[int]]:
    """A variable product with the SKU SHIRT; its options are all colours there may ever be."""
    colours = ["Red", "Blue", "Green"]
    return world.shop.add_variable_product(
        "Shirt", "SHIRT", list(variations), attributes={"Colour": colours}
    )


def sold(world: World, product: int, quantity: int = 1) -> int:
    """An order for a product or variation."""
    parent = world.shop.state.products[product].parent_id
    item = Item(parent, quantity, product) if parent else Item(product, quantity)
    return world.shop.place_order([item], billing=ANNA)


def variant_of(world: World, order: int) -> Variant:
    """The Katana variant of an order's first row."""
    return variant_in(world, world.sales_order(order))


def variant_in(world: World, sales_order: SalesOrder, row: int = 0) -> Variant:
    """The Katana variant of a row."""
    wanted = sales_order.rows[row].variant_id
    return next(v for v in world.katana.variants() if v.id == wanted)


def item_names(world: World) -> list[str]:
    """The names of Katana's products, without those that it had."""
    return sorted(item.name for item in world.katana.products() if item.name != "Mug")


def test_rule_07_a_new_variation_is_added_to_the_product_that_katana_has(world: World) -> None:
    _parent, (red,) = shirt(world, RED)
    first = sold(world, red)
    world.sync()
    blue = world.shop.add_variation(_parent, Variation(*BLUE))
    second = sold(world, blue)
    world.sync()
    assert item_names(world) == ["Shirt"]
    assert variant_of(world, second).sku == "SHIRT-B"
    assert variant_of(world, first).item_id == variant_of(world, second).item_id


def test_rule_07_a_value_that_katana_does_not_list_yet_is_added_and_nothing_else_changes(
    world: World,
) -> None:
    parent, (red,) = shirt(world, RED)
    sold(world, red)
    world.sync()
    before = next(item for item in world.katana.products() if item.name == "Shirt")
    purple = world.shop.add_variation(parent, Variation("SHIRT-P", "20.00", {"Colour": "Purple"}))
    order = sold(world, purple)
    world.sync()
    assert variant_of(world, order).sku == "SHIRT-P"
    after = next(item for item in world.katana.products() if item.name == "Shirt")
    assert after.configs[0].values == (*before.configs[0].values, "Purple")
    assert replace(after, configs=before.configs, updated_at=before.updated_at) == before


def test_rule_07_a_new_variation_whose_answer_is_lost_is_added_once(world: World) -> None:
    parent, (red,) = shirt(world, RED)
    sold(world, red)
    world.sync()
    blue = world.shop.add_variation(parent, Variation(*BLUE))
    order = sold(world, blue)
    world.katana.server.add_fault(Fault(FaultKind.DROP_AFTER, "POST", "/variants"))
    world.settle(3)
    assert [v.sku for v in world.katana.variants()].count("SHIRT-B") == 1
    assert len(world.in_katana(order)) == 1


def test_rule_07_a_variation_without_sku_is_created_without_one(world: World) -> None:
    _parent, (red, bare) = shirt(world, RED, ("", "20.00", {"Colour": "Green"}))
    katanas = world.katana.add_product("Not this one", "SHIRT")
    orders = [sold(world, bare), sold(world, bare), sold(world, red)]
    world.sync()
    first, second, other = (variant_of(world, order) for order in orders)
    assert first.id == second.id not in (katanas, other.id)
    assert (first.sku, first.item_id) == (None, other.item_id)


def test_rule_07_a_variation_without_sku_is_found_again_without_the_ledger(world: World) -> None:
    _parent, (_red, bare) = shirt(world, RED, ("", "20.00", {"Colour": "Green"}))
    first = sold(world, bare)
    world.sync()
    world.ledger.unlink()
    second = sold(world, bare)
    world.sync()
    assert variant_of(world, first).id == variant_of(world, second).id


@pytest.mark.parametrize("lost_ledger", [False, True])
def test_rule_07_a_product_without_sku_is_one_product(world: World, lost_ledger: bool) -> None:
    bare = world.shop.add_product("Bowl", "", "8.00")
    world.katana.add_product("Bowl", "BOWL")  # of this name, but not ours: never matched by name
    first = sold(world, bare)
    world.sync()
    if lost_ledger:
        world.ledger.unlink()
    second = sold(world, bare)
    world.sync()
    assert variant_of(world, first).id == variant_of(world, second).id
    assert variant_of(world, first).sku is None
    assert item_names(world) == ["Bowl", "Bowl"]


@pytest.mark.parametrize("lost_ledger", [False, True])
def test_rule_07_products_deleted_since_are_one_for_each_name(
    world: World, lost_ledger: bool
) -> None:
    vase, jug = (world.shop.add_product(name, name.upper(), "9.00") for name in ("Vase", "Jug"))
    orders = [sold(world, product) for product in (vase, jug, vase)]
    world.shop.delete_product(vase)
    world.shop.delete_product(jug)
    world.sync()
    if lost_ledger:
        world.ledger.unlink()
        world.sync()
    first, second, third = (variant_of(world, order) for order in orders)
    assert first.id == third.id != second.id
    assert first.sku is None
    assert item_names(world) == ["Jug", "Vase"]
    total = world.katana.order_total(world.sales_order(orders[0]).id)
    assert round(total, 2) == Decimal("9.00")


def test_rule_07_a_deleted_variation_is_never_its_parent(world: World) -> None:
    _parent, (red, _blue) = shirt(world, RED, BLUE)
    katanas = world.katana.add_product("The parent's SKU", "SHIRT")
    order = sold(world, red)
    world.shop.delete_product(red)
    world.sync()
    assert world.state(order) == ("imported", "")
    assert variant_of(world, order).id != katanas


def forget_variation(world: World, order: int, **line: object) -> None:
    """What a plugin, or WooCommerce itself, makes of an order's line."""
    for name, value in line.items():
        setattr(world.shop.state.orders[order].lines[0], name, value)


def test_rule_07_a_deleted_variation_is_the_variant_that_it_was(world: World) -> None:
    _parent, (red, blue) = shirt(world, RED, BLUE)
    before = [sold(world, red), sold(world, blue)]
    world.sync()
    after = [sold(world, red), sold(world, red)]
    world.shop.delete_product(red)
    world.sync()
    assert [variant_of(world, order).sku for order in (*before, *after)] == [
        "SHIRT-R",
        "SHIRT-B",
        "SHIRT-R",
        "SHIRT-R",
    ]
    assert item_names(world) == ["Shirt"]


def test_rule_07_deleted_variations_of_one_name_are_items_of_their_own(world: World) -> None:
    _parent, (red, blue) = shirt(world, RED, BLUE)
    orders = [sold(world, red), sold(world, blue), sold(world, red)]
    for order in orders:
        forget_variation(world, order, name="Shirt")
    world.shop.delete_product(red)
    world.shop.delete_product(blue)
    world.sync()
    first, second, third = (variant_of(world, order) for order in orders)
    assert first.id == third.id != second.id
    assert item_names(world) == ["Shirt - Blue", "Shirt - Red"]
    assert {first.sku, second.sku} == {None}


def test_rule_07_a_variable_product_sold_without_a_variation_is_itself(world: World) -> None:
    parent, _ = shirt(world, RED, BLUE)
    katanas = world.katana.add_product("The shirt", "SHIRT")
    orders = [
        world.shop.place_order([Item(parent, price=Decimal(20), meta=meta)], billing=ANNA)
        for meta in ((), (("Engraving", "To Anna"),))
    ]
    world.sync()
    assert [variant_of(world, order).id for order in orders] == [katanas, katanas]


def test_rule_07_one_that_katana_lacks_is_created_as_the_product(world: World) -> None:
    parent, _ = shirt(world, RED, BLUE)
    item = Item(parent, price=Decimal(20))
    orders = [world.shop.place_order([item], billing=ANNA) for _ in range(2)]
    world.sync()
    assert {variant_of(world, order).sku for order in orders} == {"SHIRT"}
    assert item_names(world) == ["Shirt"]


def test_rule_07_after_the_product_itself_a_deleted_variation_is_not_it(world: World) -> None:
    parent, (red, _blue) = shirt(world, RED, BLUE)
    itself = world.shop.place_order([Item(parent, price=Decimal(20))], billing=ANNA)
    before = sold(world, red)
    world.sync()
    after = sold(world, red)
    world.shop.delete_product(red)
    world.sync()
    assert variant_of(world, itself).sku == "SHIRT"
    assert variant_of(world, after).id == variant_of(world, before).id


def test_rule_07_a_line_without_a_product_has_the_sku_that_it_shows(world: World) -> None:
    items = [Item(0, name="Old vase", price=Decimal(9)), Item(0, name="Cup", price=Decimal(9))]
    orders = [world.shop.place_order([item], billing=ANNA) for item in (*items, items[0])]
    for order, sku in zip(orders, ("OLD-1", "MUG", "OLD-2"), strict=True):
        forget_variation(world, order, shown_sku=sku)
    world.sync()
    assert [variant_of(world, order).sku for order in orders] == ["OLD-1", "MUG", "OLD-2"]
    again = world.shop.place_order([items[0]], billing=ANNA)
    forget_variation(world, again, shown_sku="OLD-1")
    world.sync()
    assert variant_of(world, again).id == variant_of(world, orders[0]).id


@pytest.mark.parametrize("sold_one", [0, 1])
def test_default_prices_of_variations_are_by_their_own_tax_class(
    world: World, sold_one: int
) -> None:
    variations = [
        Variation("TEA-S", "4.58", {"Size": "S"}),
        Variation("TEA-L", "4.58", {"Size": "L"}, tax_class="reduced-rate"),
    ]
    _parent, ids = world.shop.add_variable_product("Tea", "TEA", variations)
    sold(world, ids[sold_one])
    world.sync()
    prices = {v.sku: v.sales_price for v in world.katana.variants() if v.sku != "MUG"}
    assert {sku: round(price or 0, 2) for sku, price in prices.items()} == {
        "TEA-S": Decimal("3.69"),
        "TEA-L": Decimal("4.20"),
    }


def test_rule_07_a_trashed_product_is_still_its_sku(world: World) -> None:
    order = world.order()
    world.shop.trash_product(world.mug["eu"])
    world.sync()
    assert world.sales_order(order).rows[0].variant_id == world.mug_variant


def test_rule_07_a_trashed_product_that_katana_lacks_is_created_with_its_sku(world: World) -> None:
    order = sold(world, world.lamp["eu"])
    world.shop.trash_product(world.lamp["eu"])
    world.sync()
    assert variant_of(world, order).sku == "LAMP"


def test_rule_07_a_sku_renamed_in_the_shop_is_still_the_same_product(world: World) -> None:
    world.order()
    world.sync()
    world.shop.rename_sku(world.mug["eu"], "MUG-NEW")
    order = world.order()
    world.sync()
    assert world.sales_order(order).rows[0].variant_id == world.mug_variant


def test_rule_07_a_sku_renamed_to_another_items_is_that_item(world: World) -> None:
    other = world.katana.add_product("Large mug", "MUG-L")
    world.order()
    world.sync()
    world.shop.rename_sku(world.mug["eu"], "MUG-L")
    order = world.order()
    world.sync()
    assert world.sales_order(order).rows[0].variant_id == other


ODD_SKUS = ["A,B", "two words", "MÜG-ß", "\"q'", "50%+1&x=1#?", "日本", "a" * 300]


@pytest.mark.parametrize("sku", ODD_SKUS)
def test_rule_07_odd_skus_are_matched_and_created(world: World, sku: str) -> None:
    known = world.katana.add_product("Odd", sku)
    bought = world.shop.add_product("Odd", sku, "5.00")
    new = world.shop.add_product("Odder", sku + "2", "5.00")
    orders = [sold(world, bought), sold(world, new)]
    world.sync()
    assert variant_of(world, orders[0]).id == known
    assert variant_of(world, orders[1]).sku == sku + "2"


def test_rule_07_a_sku_that_differs_in_case_is_another_product_and_is_noted(world: World) -> None:
    known = world.katana.add_product("Cup", "cup-1")
    order = sold(world, world.shop.add_product("Cup", "CUP-1", "5.00"))
    plain = world.order()
    world.sync()
    assert world.state(order) == ("imported", "")
    assert variant_of(world, order).id != known
    assert variant_of(world, order).sku == "CUP-1"
    assert (world.notes(order), world.notes(plain)) == ([Reason.SKU_LOOKS_ALIKE], [])


def test_rule_07_an_alias_names_katanas_item(world: World) -> None:
    world.configure(top="[sku_aliases]\n" + '"CUP-1" = "MUG"\n"CUP-2" = "BECHER"')
    first = sold(world, world.shop.add_product("Cup", "CUP-1", "5.00"))
    second = sold(world, world.shop.add_product("Big cup", "CUP-2", "5.00"))
    world.sync()
    assert variant_of(world, first).id == world.mug_variant
    assert variant_of(world, second).sku == "BECHER"
    world.reset_counts()
    again = sold(world, world.shop.add_product("Cup", "CUP-1", "5.00"))
    world.sync()
    assert variant_of(world, again).id == world.mug_variant


def test_rule_07_more_than_ten_options_and_any_choice(world: World) -> None:
    options = {f"Option {n}": f"v{n}" for n in range(12)} | {"Colour": ""}
    _parent, (kit,) = world.shop.add_variable_product("Kit", "KIT", [("KIT-1", "9.00", options)])
    order = sold(world, kit)
    world.sync()
    assert world.state(order) == ("imported", "")
    attributes = dict(variant_of(world, order).config_attributes)
    assert len(attributes) == 10
    assert attributes["Option 9 / Option 10 / Option 11 / Colour"].startswith("v9 / v10 / v11")


def test_rule_07_a_virtual_product_becomes_a_service(world: World) -> None:
    gift = world.shop.add_product("Gift wrap", "WRAP", "2.00", virtual=True, downloadable=False)
    orders = [sold(world, gift), sold(world, gift)]
    world.sync()
    (service,) = [item for item in world.katana.services() if item.name == "Gift wrap"]
    assert [variant_of(world, order).item_id for order in orders] == [service.id] * 2
    world.ledger.unlink()
    again = sold(world, gift)
    world.sync()
    assert variant_of(world, again).item_id == service.id


def test_rule_07_a_virtual_product_that_katana_stocks_is_that(world: World) -> None:
    known = world.katana.add_product("Card", "CARD")
    order = sold(world, world.shop.add_product("Card", "CARD", "2.00", virtual=True))
    world.shop.edit_order(order, needs_processing=True)
    world.sync()
    assert variant_of(world, order).id == known


def known_mug(world: World) -> None:
    """The ledger knows the mug."""
    world.order()
    world.sync()


def test_rule_07_a_variant_deleted_in_katana_is_asked_for_anew(world: World) -> None:
    known_mug(world)
    world.katana.delete_variant(world.mug_variant)
    new = world.katana.add_product("Mug again", "MUG")
    order = world.order()
    world.sync()
    assert variant_of(world, order).id == new


def test_a_variant_and_a_customer_that_are_gone_are_both_asked_for_anew(world: World) -> None:
    known_mug(world)
    new = world.katana.add_product("Mug again", "CUP")
    world.katana.delete_variant(world.mug_variant)
    world.katana.rename_sku(new, "MUG")
    (customer,) = [c for c in world.katana.customers() if c.reference_id]
    world.katana.delete_customer(customer.id)
    order = world.order()
    world.sync()
    assert world.state(order) == ("imported", "")
    assert variant_of(world, order).id == new
    assert world.sales_order(order).customer_id != customer.id


def test_rule_07_an_item_archived_in_katana_is_told_of(world: World) -> None:
    known_mug(world)
    world.katana.archive_variant(world.mug_variant)
    order = world.order()
    world.sync()
    assert world.state(order) == ("attention", "item_archived")


def test_rule_07_an_archived_service_item_of_this_program_is_told_of(world: World) -> None:
    gift = [Fee("Gift", Decimal(3))]
    world.order(fees=gift)
    world.sync()
    (service,) = world.katana.services()
    (variant,) = [v.id for v in world.katana.variants() if v.item_id == service.id]
    world.katana.archive_variant(variant)
    order = world.order(fees=gift)
    world.sync()
    assert world.state(order) == ("attention", "item_archived")
    assert world.record(order).detail == "WooCommerce fee"


def test_rule_07_a_sku_that_moved_to_another_item_is_noticed_by_the_sweep(world: World) -> None:
    known_mug(world)
    world.sync(sweep=SweepWhen.NOW)
    world.katana.rename_sku(world.mug_variant, "MUG-OLD")
    new = world.katana.add_product("New mug", "MUG")
    world.sync(sweep=SweepWhen.NOW)
    order = world.order()
    world.sync()
    assert variant_of(world, order).id == new


def test_rule_07_a_deleted_product_whose_stand_in_was_deleted_gets_another(world: World) -> None:
    vase = world.shop.add_product("Vase", "VASE", "9.00")
    orders = [sold(world, vase), sold(world, vase)]
    world.shop.delete_product(vase)
    world.shop.set_status(orders[1], "on-hold")
    world.sync()
    world.katana.delete_variant(variant_of(world, orders[0]).id)
    world.shop.set_status(orders[1], "processing")
    world.sync()
    assert world.state(orders[1]) == ("imported", "")


def test_create_products_false_leaves_what_is_unknown_to_a_person(world: World) -> None:
    world.configure(top="[orders]\ncreate_products = false\n")
    known, unknown = world.order(), sold(world, world.lamp["eu"])
    world.sync()
    states: Sequence[tuple[str, str]] = [world.state(known), world.state(unknown)]
    assert states == [("imported", ""), ("attention", "unknown_sku")]
