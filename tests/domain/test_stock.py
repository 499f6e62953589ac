"""Rules 13 and 14, the arithmetic."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from katana_woo_sync.config.values import NO_RESERVE, StockReserve
from katana_woo_sync.domain.fields import convert
from katana_woo_sync.domain.stock import (
    Inventory,
    LeftOut,
    Sellable,
    Target,
    WhyLeftOut,
    holds_stock,
    pieces,
    plan,
    reduced_stock,
    sellable,
    too_many_zeros,
)
from katana_woo_sync.domain.woocommerce import Order, StockItem

quantities = st.decimals("-1000", "100000", places=3)


def inventory(in_stock: object, committed: object = 0, **more: object) -> Inventory:
    """A row of Katana's inventory."""
    row = {"variant_id": 1, "location_id": 2, **more}
    return convert(
        {**row, "quantity_in_stock": in_stock, "quantity_committed": committed}, Inventory
    )


def item(**details: object) -> StockItem:
    """A product that keeps stock."""
    return convert(
        {"id": 7, "sku": "A", "manage_stock": True, "stock_quantity": 1, **details}, StockItem
    )


def planned(*items: StockItem, has: dict[str, int]) -> list[Target | LeftOut]:
    """What items are set to, where Katana may sell so many of each SKU."""
    variants = {sku: index for index, sku in enumerate(has, 1)}

    def what(variant_id: int) -> Sellable:
        quantity = Decimal(list(has.values())[variant_id - 1])
        return Sellable(quantity, quantity)

    made = plan(items, lambda i: variants.get(str(i.sku)), what, NO_RESERVE)
    return [*made.targets, *made.left_out]


def test_in_stock_less_committed_less_taken() -> None:
    found = sellable(
        inventory("10.00000", "3.00000"), committed_by_woocommerce=None, reduced=Decimal(2)
    )
    assert found == Sellable(Decimal(5), Decimal(10))


def test_potential_counts_for_bundles_alone() -> None:
    bundle = inventory(1, quantity_potential=4, variant={"id": 1, "type": "bundle"})
    product = inventory(1, quantity_potential=4, variant={"id": 1, "type": "product"})
    assert [
        sellable(i, committed_by_woocommerce=None, reduced=Decimal(0)).quantity
        for i in (bundle, product)
    ] == [5, 1]


@pytest.mark.parametrize(("of_shops", "left"), [("2", 8), ("0", 10), ("9", 6)])
def test_other_commitments_may_be_left_out(of_shops: str, left: int) -> None:
    """Never more than Katana's own sum is subtracted: what is known here may be old."""
    found = sellable(
        inventory(10, 4), committed_by_woocommerce=Decimal(of_shops), reduced=Decimal(0)
    )
    assert found.quantity == left


@given(quantities, st.booleans())
def test_a_shop_never_gets_more_than_may_be_sold(quantity: Decimal, backorders: bool) -> None:
    sent = pieces(Sellable(quantity, quantity), NO_RESERVE, backorders=backorders)
    assert sent <= max(quantity, Decimal(0))
    assert quantity - sent < 1 or not backorders
    assert backorders or sent >= 0


@given(quantities, quantities, st.booleans(), st.decimals(0, 100, places=1))
def test_a_reserve_never_makes_it_more_and_never_a_debt(
    quantity: Decimal, at_hand: Decimal, is_percentage: bool, reserve: Decimal
) -> None:
    what, kept = Sellable(quantity, at_hand), StockReserve(reserve, is_percentage)
    without = pieces(what, NO_RESERVE, backorders=True)
    assert min(without, 0) <= pieces(what, kept, backorders=True) <= without


@pytest.mark.parametrize(
    ("status", "takes"),
    [
        ("on-hold", True),
        ("processing", True),
        ("shipped", True),
        ("completed", False),
        ("trash", False),
        ("pending", False),
        ("cancelled", False),
        ("failed", False),
        ("refunded", False),
    ],
)
def test_which_orders_hold_what_they_took(status: str, takes: bool) -> None:
    assert holds_stock(status) is takes


@pytest.mark.parametrize("value", ["2", 2, 2.0, "2.0"])
def test_what_a_line_took_is_written_into_it(value: object) -> None:
    line = {
        "id": 1,
        "sku": "A",
        "product_id": 7,
        "meta_data": [{"key": "_reduced_stock", "value": value}],
    }
    order = convert({"id": 5, "status": "on-hold", "line_items": [line]}, Order)
    (taken,) = reduced_stock("shop", order)
    assert taken.quantity == Decimal(2)
    assert (taken.sku, taken.product_id) == ("A", 7)


@pytest.mark.parametrize("value", [None, "", "much", True, [], {}, "NaN", "1e99", "-3"])
def test_what_makes_no_sense_took_nothing(value: object) -> None:
    line = {"id": 1, "meta_data": [{"key": "_reduced_stock", "value": value}]}
    assert (
        reduced_stock("shop", convert({"id": 5, "status": "on-hold", "line_items": [line]}, Order))
        == []
    )


def test_an_item_is_set_to_what_its_sku_has() -> None:
    (target,) = planned(item(), has={"A": 4})
    assert isinstance(target, Target)
    assert (target.quantity, target.differs) == (4, True)


def test_what_keeps_no_stock_is_left_alone() -> None:
    assert planned(item(manage_stock=False), has={"A": 4}) == []


def test_a_sku_without_a_record_is_listed() -> None:
    assert planned(item(sku="B"), has={"A": 4}) == [LeftOut(7, "B", WhyLeftOut.NO_INVENTORY)]


def rope(**details: object) -> list[StockItem]:
    """A product whose two variations share its stock."""
    parts = [
        item(id=8, parent_id=7, type="variation", sku="R1", manage_stock="parent"),
        item(id=9, parent_id=7, type="variation", sku="R2", manage_stock="parent"),
    ]
    return [item(type="variable", **{"sku": "", **details}), *parts]


def test_shared_stock_is_the_sum_of_its_variations() -> None:
    (target,) = planned(*rope(), has={"R1": 3, "R2": 4})
    assert isinstance(target, Target)
    assert (target.item_id, target.parent_id, target.quantity) == (7, 0, 7)


def test_unless_the_product_is_an_item_of_its_own() -> None:
    (target,) = planned(*rope(sku="ROPE"), has={"R1": 3, "R2": 4, "ROPE": 5})
    assert isinstance(target, Target)
    assert target.quantity == 5


def test_shared_stock_of_which_a_part_is_unknown_is_listed() -> None:
    (left,) = planned(*rope(), has={"R1": 3})
    assert isinstance(left, LeftOut)
    assert left.reason == WhyLeftOut.NO_INVENTORY


def test_a_variable_product_without_stock_of_its_own_is_no_matter() -> None:
    own = item(id=8, parent_id=7, type="variation", sku="R1")
    (target,) = planned(item(type="variable", sku=""), own, has={"R1": 3})
    assert isinstance(target, Target)
    assert (target.item_id, target.parent_id) == (8, 7)


@pytest.mark.parametrize(
    ("zeros", "managed", "stopped"),
    [(20, 20, 0), (21, 84, 0), (21, 83, 21), (500, 2000, 0), (501, 2000, 501)],
)
def test_the_brake(zeros: int, managed: int, stopped: int) -> None:
    targets = [Target(i, 0, str(i), Decimal(5), 0, (i,)) for i in range(zeros)]
    assert too_many_zeros(targets, managed) == stopped


def test_what_sold_out_before_does_not_count_for_the_brake() -> None:
    targets = [Target(i, 0, str(i), Decimal(0), -1, (i,)) for i in range(100)]
    assert too_many_zeros(targets, 100) == 0
