"""Rule 7 for odd products, continued: the trash, open choices, aliases, services, SKUs in doubt."""

from __future__ import annotations

import pytest

from katana_woo_sync.domain.reasons import Reason
from katana_woo_sync.sandbox.server import Fault, FaultKind
from katana_woo_sync.sandbox.woocommerce import Item, Variation
from katana_woo_sync.sync.cycle import SweepWhen
from tests.sync.test_products import BLUE, RED, item_names, known_mug, shirt, sold, variant_of
from tests.sync.test_which_orders import retry
from tests.sync.world import ANNA, World

GREEN = ("SHIRT-G", "20.00", {"Colour": "Green"})
BARE_ANY = ("", "20.00", {"Colour": ""})
ALIAS = '[sku_aliases]\n"CUP-1" = "MUG"\n'


@pytest.mark.parametrize("known", [False, True])
def test_rule_07_a_trashed_products_variations_are_still_their_skus(
    world: World, known: bool
) -> None:
    parent, (red, blue) = shirt(world, RED, BLUE)
    if known:
        world.katana.add_product("Shirt blue", "SHIRT-B")
    order = sold(world, blue if known else red)
    world.shop.trash_product(parent)
    world.sync()
    assert world.state(order) == ("imported", "")
    assert variant_of(world, order).sku == ("SHIRT-B" if known else "SHIRT-R")
    assert [v.sku for v in world.katana.variants()].count("SHIRT") == 0


def test_rule_07_further_trashed_variations_join_the_product(world: World) -> None:
    parent, (red, blue) = shirt(world, RED, BLUE)
    orders = [sold(world, red), sold(world, blue)]
    world.shop.trash_product(parent)
    world.sync()
    first, second = (variant_of(world, order) for order in orders)
    assert (first.sku, second.sku) == ("SHIRT-R", "SHIRT-B")
    assert item_names(world) == ["Shirt"]
    assert first.item_id == second.item_id


def test_rule_07_variations_that_leave_a_choice_open_stay_themselves_without_the_ledger(
    world: World,
) -> None:
    _parent, variations = shirt(world, BARE_ANY, RED, BARE_ANY)
    before = [variant_of_new_order(world, each) for each in variations]
    world.ledger.unlink()
    after = [variant_of_new_order(world, each) for each in reversed(variations)]
    assert after == before[::-1]
    assert len(set(before)) == 3


def variant_of_new_order(world: World, product: int) -> int:
    """The Katana variant of an order for this."""
    order = sold(world, product)
    world.sync()
    return variant_of(world, order).id


@pytest.mark.parametrize("answer", [0, 1])
def test_rule_07_an_open_choice_whose_answer_is_lost_is_added_once(
    world: World, answer: int
) -> None:
    parent, (red,) = shirt(world, RED)
    variant_of_new_order(world, red)
    order = sold(world, world.shop.add_variation(parent, Variation(*BARE_ANY)))
    # the first is a refusal: Katana does not list the value yet
    fault = Fault(FaultKind.DROP_AFTER, "POST", "/variants", skip=answer)
    world.katana.server.add_fault(fault)
    world.settle(3)
    shirts = [v for v in world.katana.variants() if dict(v.config_attributes).get("Colour")]
    assert world.state(order) == ("imported", "")
    assert len(shirts) == 2


def test_rule_07_the_customers_choice_is_on_the_order(world: World) -> None:
    parent, (bare,) = shirt(world, BARE_ANY)
    chosen = Item(parent, 1, bare, meta=(("Colour", "Blue"),))
    order = world.shop.place_order([chosen], billing=ANNA)
    world.sync()
    (row,) = world.sales_order(order).rows
    assert ("Colour", "Blue") in row.attributes
    assert dict(variant_of(world, order).config_attributes) == {"Colour": "Any"}


def test_rule_07_an_alias_given_later_takes_effect(world: World) -> None:
    cup = world.shop.add_product("Cup", "CUP-1", "5.00")
    assert variant_of_new_order(world, cup) != world.mug_variant
    world.configure(top=ALIAS)
    assert variant_of_new_order(world, cup) == world.mug_variant


def test_rule_07_an_aliased_sku_that_moved_is_noticed_by_the_sweep(world: World) -> None:
    world.configure(top=ALIAS)
    cup = world.shop.add_product("Cup", "CUP-1", "5.00")
    variant_of_new_order(world, cup)
    world.sync(sweep=SweepWhen.NOW)
    world.katana.rename_sku(world.mug_variant, "MUG-OLD")
    new = world.katana.add_product("New mug", "MUG")
    world.sync(sweep=SweepWhen.NOW)
    assert variant_of_new_order(world, cup) == new


def test_rule_07_a_known_product_costs_no_look_up_whatever_its_sku_looks_like(
    world: World,
) -> None:
    world.configure(top=ALIAS)
    spaced = world.shop.add_product("Odd", " X-1 ", "5.00")
    aliased = world.shop.add_product("Cup", "CUP-1", "5.00")
    parent, variations = shirt(world, (" R ", "20.00", {"Colour": "Red"}), BARE_ANY)
    everything = [spaced, aliased, *variations]
    for product in everything:
        variant_of_new_order(world, product)
    world.reset_counts()
    for product in everything:
        sold(world, product)
    world.sync()
    asked = [r.path for r in [*world.katana.server.requests, *world.shop.server.requests]]
    looked_up = ("/variants", "/products", "/services", f"/products/{parent}/variations")
    assert not [path for path in asked if path.endswith(looked_up)]


@pytest.mark.parametrize("sku", [" X-1", "X-1 ", " X-1 "])
def test_rule_07_spaces_around_a_sku_are_not_seen_and_do_not_count(world: World, sku: str) -> None:
    known = world.katana.add_product("Odd", "X-1")
    assert variant_of_new_order(world, world.shop.add_product("Odd", sku, "5.00")) == known
    order = sold(world, world.shop.add_product("New", sku + "2 ", "5.00"))
    world.sync()
    assert variant_of(world, order).sku == (sku + "2").strip()


def test_rule_07_a_sku_with_the_same_spaces_in_katana_is_that_item(world: World) -> None:
    world.katana.add_product("Without", "X-1")
    known = world.katana.add_product("With", "X-1 ")
    assert variant_of_new_order(world, world.shop.add_product("Odd", "X-1 ", "5.00")) == known


@pytest.mark.parametrize("hidden", [False, True])
@pytest.mark.parametrize("virtual", [False, True])
def test_rule_07_a_services_sku_is_that_service(world: World, hidden: bool, virtual: bool) -> None:
    known = world.katana.add_service("Insurance, as Katana calls it", "INS")
    if hidden:
        world.katana.hide_service_variants()
    product = world.shop.add_product("Care", "INS", "2.00", virtual=virtual, downloadable=False)
    assert variant_of_new_order(world, product) == known
    assert variant_of_new_order(world, product) == known


def test_rule_07_an_item_that_is_no_longer_sold_is_told_of_and_heals(world: World) -> None:
    known_mug(world)
    world.katana.set_sellable(world.mug_variant, False)
    order = world.order()
    world.sync()
    assert world.state(order) == ("attention", "item_not_sellable")
    world.katana.set_sellable(world.mug_variant, True)
    retry(world, order)
    world.sync()
    assert world.state(order) == ("imported", "")


def test_rule_07_variations_that_share_a_sku_are_left_to_a_person(world: World) -> None:
    twin = ("SHIRT-R", "20.00", {"Colour": "Blue"})
    _parent, (red, _blue) = shirt(world, RED, twin)
    order = sold(world, red)
    world.sync()
    assert world.state(order) == ("attention", Reason.VARIATIONS_SHARE_SKU)
    assert item_names(world) == []


@pytest.mark.parametrize("where", ["two products", "a material"])
def test_rule_07_a_variation_whose_siblings_are_no_one_product_is_left_to_a_person(
    world: World, where: str
) -> None:
    if where == "a material":
        world.katana.add_material("Shirt", "SHIRT-R", is_sellable=True)
    else:
        world.katana.add_product("Red shirt", "SHIRT-R")
        world.katana.add_product("Blue shirt", "SHIRT-B")
    _parent, (_red, _blue, green) = shirt(world, RED, BLUE, GREEN)
    order = sold(world, green)
    world.sync()
    assert world.state(order) == ("attention", "new_variation")


def test_rule_07_a_simple_product_that_got_variations_is_a_new_product(world: World) -> None:
    cup = world.shop.add_product("Cup", "CUP", "5.00")
    before = variant_of_new_order(world, cup)
    world.shop.make_variable(cup, {"Colour": ["Red"]})
    red = world.shop.add_variation(cup, Variation("CUP-R", "5.00", {"Colour": "Red"}))
    assert variant_of_new_order(world, red) != before
    assert item_names(world) == ["Cup", "Cup"]


def test_rule_07_a_bare_variant_deleted_in_katana_is_added_again(world: World) -> None:
    _parent, (_red, bare) = shirt(world, RED, BARE_ANY)
    deleted = variant_of_new_order(world, bare)
    world.katana.delete_variant(deleted)
    assert variant_of_new_order(world, bare) != deleted
    assert item_names(world) == ["Shirt"]


def test_rule_07_a_product_deleted_in_katana_is_created_again_as_one(world: World) -> None:
    _parent, (red, bare) = shirt(world, RED, BARE_ANY)
    world.katana.delete_item(variant_of_new_order(world, bare))
    orders = [sold(world, bare), sold(world, red)]
    world.sync()
    first, second = (variant_of(world, order) for order in orders)
    assert first.item_id == second.item_id
    assert (first.sku, second.sku) == (None, "SHIRT-R")


def test_rule_07_a_service_deleted_in_katana_is_created_again(world: World) -> None:
    gift = world.shop.add_product("Wrap", "", "2.00", virtual=True, downloadable=False)
    deleted = variant_of_new_order(world, gift)
    world.katana.delete_item(deleted)
    assert variant_of_new_order(world, gift) not in (deleted, world.mug_variant)


def test_rule_07_skus_that_change_places_are_followed(world: World) -> None:
    _parent, (red, blue) = shirt(world, RED, BLUE)
    before = [variant_of_new_order(world, each) for each in (red, blue)]
    world.shop.rename_sku(red, "SHIRT-B")
    world.shop.rename_sku(blue, "SHIRT-R")
    assert [variant_of_new_order(world, each) for each in (blue, red)] == before
