"""Bundles through whole cycles: which rows they become depends on what Katana knows."""

from __future__ import annotations

from decimal import Decimal

import pytest

from katana_woo_sync.sandbox.woocommerce import Item
from tests.sync.world import ANNA, World


def hamper(world: World) -> int:
    """An order for a hamper with two mugs in it, as Product Bundles writes it."""
    box = world.shop.add_product("Hamper", "HAMPER", "20.00")
    parent = (("_bundle_cart_key", "k1"), ("_bundled_items", ["k2"]))
    child = (("_bundled_by", "k1"), ("_bundle_cart_key", "k2"))
    items = [Item(box, 1, meta=parent), Item(world.mug["eu"], 2, meta=child)]
    return world.shop.place_order(items, billing=ANNA)


def skus(world: World, order: int) -> list[tuple[str | None, int]]:
    """SKU and quantity of the order's rows in Katana."""
    known = {variant.id: variant.sku for variant in world.katana.variants()}
    return [(known[row.variant_id], int(row.quantity)) for row in world.sales_order(order).rows]


def total(world: World, order: int) -> Decimal:
    """The order's total in Katana, to the cent."""
    return round(world.katana.order_total(world.sales_order(order).id), 2)


def test_a_bundle_that_katana_knows_is_one_row(world: World) -> None:
    world.katana.add_product("Hamper", "HAMPER")
    order = hamper(world)
    world.sync()
    assert skus(world, order) == [("HAMPER", 1)]
    assert total(world, order) == Decimal("44.80")
    assert world.state(order) == ("imported", "")


def test_a_bundle_that_katana_lacks_is_its_children_and_a_fee(world: World) -> None:
    order = hamper(world)
    world.sync()
    assert skus(world, order) == [("MUG", 2), ("WOO-FEE", 1)]
    assert total(world, order) == Decimal("44.80")
    assert "HAMPER" not in {variant.sku for variant in world.katana.variants()}


@pytest.mark.parametrize(
    ("mode", "rows"),
    [
        ("children", [("MUG", 2), ("WOO-FEE", 1)]),
        ("both", [("HAMPER", 1), ("MUG", 2)]),
    ],
)
def test_a_store_says_how_it_wants_its_bundles(
    world: World, mode: str, rows: list[tuple[str | None, int]]
) -> None:
    world.katana.add_product("Hamper", "HAMPER")
    world.configure(stores={"eu": f'bundles = "{mode}"'})
    order = hamper(world)
    world.sync()
    assert skus(world, order) == rows
    assert total(world, order) == Decimal("44.80")


def test_discounts_apart_and_totals_matched(world: World) -> None:
    world.configure(top='[orders]\ndiscounts = "separate"\nmatch_totals = true\n')
    order = world.shop.place_order([Item(world.mug["eu"], 3, total=Decimal("27.00"))], billing=ANNA)
    world.sync()
    (row,) = world.sales_order(order).rows
    assert row.price_per_unit == 10
    assert row.total_discount == 3
    assert total(world, order) == Decimal("33.48")
