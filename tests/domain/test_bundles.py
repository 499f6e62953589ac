"""Rule 7 for bundles: what a plugin ties together is counted once, and costs what it cost."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from katana_woo_sync.domain.bundles import Mode, bundled
from katana_woo_sync.domain.katana import RowDraft
from katana_woo_sync.domain.sales_order import Mapped, Terms, map_order, plan_order
from katana_woo_sync.domain.woocommerce import LineItem, Order, Refund
from tests.domain.samples import (
    IDENTITY,
    SERVICE,
    Json,
    item,
    make_order,
    make_refund,
    refunded,
    resolve,
)

MODES: tuple[Mode, ...] = ("parent", "children", "both")


def meta(**entries: object) -> list[Json]:
    """Order item meta."""
    return [{"key": key, "value": value} for key, value in entries.items()]


def box(net: str = "10", tax: str = "2.40", line_id: int = 1, **more: object) -> Json:
    """The parent's line of a bundle of Product Bundles."""
    own = meta(_bundle_cart_key="aa1", _bundled_items=["bb1", "bb2"])
    known: Json = {"name": "Box", "sku": "BOX", "meta_data": own}
    return item(line_id, net, {1: tax} if tax else {}, **known | more)  # type: ignore[arg-type]


def lid(
    net: str = "5", tax: str = "1.20", line_id: int = 2, quantity: str = "1", **more: object
) -> Json:
    """A child's line of it."""
    own = meta(_bundled_by="aa1", _bundle_cart_key="bb1")
    known: Json = {"name": "Lid", "sku": "LID", "meta_data": own}
    taxes = {1: tax} if tax else {}
    return item(line_id, net, taxes, quantity, **known | more)


def as_bundle(
    order: Order, mode: Mode, *refunds: Refund, knows: Callable[[LineItem], bool] = lambda _: True
) -> Mapped:
    """The order in Katana; variants are 1000 + the line's id."""
    terms = Terms(IDENTITY, bundles=mode)
    plan = plan_order(order, refunds, terms, knows)
    return map_order(plan, resolve(plan), terms)


def rows(result: Mapped) -> list[tuple[int, str, str]]:
    """Variant, quantity and price per unit of each row."""
    drafts: tuple[RowDraft, ...] = result.draft.sales_order_rows
    return [(r.variant_id, f"{r.quantity:f}", f"{r.price_per_unit:f}") for r in drafts]


def test_the_parents_row_has_its_childrens_money() -> None:
    result = as_bundle(make_order(box(), lid(quantity="2")), "parent")
    assert rows(result) == [(1001, "1", "15")]
    (row,) = result.draft.sales_order_rows
    assert ("Contains", "2 × Lid") in [(a.key, a.value) for a in row.attributes]
    assert result.total == result.expected == Decimal("18.60")


def test_a_parent_that_katana_lacks_becomes_its_children_and_a_fee() -> None:
    result = as_bundle(make_order(box(), lid()), "parent", knows=lambda _line: False)
    assert rows(result) == [(1002, "1", "5"), (SERVICE, "1", "10")]
    named = result.draft.sales_order_rows[1].attributes[0]
    assert (named.key, named.value) == ("Name", "Box")


def test_children_are_rows_and_the_parents_own_money_a_fee() -> None:
    assert rows(as_bundle(make_order(box(), lid()), "children")) == [
        (1002, "1", "5"),
        (SERVICE, "1", "10"),
    ]
    free = make_order(box("0", ""), lid())
    assert rows(as_bundle(free, "children")) == [(1002, "1", "5")]


def test_both_are_rows_each_with_its_own_money() -> None:
    result = as_bundle(make_order(box(), lid("0", "")), "both")
    assert rows(result) == [(1001, "1", "10"), (1002, "1", "0")]


def test_a_parent_without_a_price_takes_its_childrens_tax() -> None:
    result = as_bundle(make_order(box("0", ""), lid("10", "2.40")), "parent")
    assert rows(result) == [(1001, "1", "10")]
    assert result.total == result.expected == Decimal("12.40")


def test_a_child_of_another_tax_rate_is_a_fee_beside_the_parents_row() -> None:
    book = lid("10", "") | {"taxes": [{"id": 2, "total": "0.90"}], "total_tax": "0.90"}
    order = make_order(box(), book, rates={1: "24", 2: "9"})
    result = as_bundle(order, "parent")
    assert rows(result) == [(1001, "1", "10"), (SERVICE, "1", "10")]
    assert round(result.total, 8) == result.expected == Decimal("23.30")


PLUGINS = {
    "Product Bundles": (meta(_bundle_cart_key="k", _bundled_items=[]), meta(_bundled_by="k")),
    "no key on the parent": (meta(_bundled_items=["x"]), meta(_bundled_by="k")),
    "line id": (meta(_bundled_items=["x"]), meta(_bundled_by="1")),
    "Composite Products": (
        meta(_composite_cart_key="k", _composite_children=[]),
        meta(_composite_parent="k"),
    ),
    "Mix and Match": (meta(_mnm_cart_key="k", _mnm_config={}), meta(_mnm_container="k")),
    "WPC Product Bundles": (meta(_woosb_ids="11/1"), meta(_woosb_parent_id="10")),
    "WPC Composite": (meta(_wooco_ids="11/1"), meta(_wooco_parent_id=10)),
    "Chained Products": ([], meta(_chained_product_of="10")),
}


@pytest.mark.parametrize(("parent", "child"), PLUGINS.values(), ids=PLUGINS)
def test_the_plugins_ties_are_understood(parent: list[Json], child: list[Json]) -> None:
    order = make_order(box(meta_data=parent), lid(meta_data=child, product_id=11))
    assert bundled(order.line_items).parents == {2: 1}


def test_a_child_whose_parent_is_gone_stands_alone() -> None:
    order = make_order(lid())
    assert bundled(order.line_items).parents == {}
    assert rows(as_bundle(order, "parent")) == [(1002, "1", "5")]


def test_a_bundle_in_a_composite() -> None:
    kit = box("1", "0.24", meta_data=meta(_composite_cart_key="cc", _composite_children=["aa1"]))
    inner = meta(_composite_parent="cc", _bundle_cart_key="aa1", _bundled_items=["bb1"])
    order = make_order(kit, box("10", "2.40", 2, meta_data=inner), lid("5", "1.20", 3))
    assert bundled(order.line_items).parents == {2: 1, 3: 2}
    assert rows(as_bundle(order, "parent")) == [(1001, "1", "16")]
    inner_only = as_bundle(order, "parent", knows=lambda line: line.id == 2)
    assert rows(inner_only) == [(1002, "1", "15"), (SERVICE, "1", "1")]


def test_meta_that_makes_a_circle_is_no_bundle() -> None:
    one = box(meta_data=meta(_bundle_cart_key="a", _bundled_by="b"))
    two = lid(meta_data=meta(_bundle_cart_key="b", _bundled_by="a"))
    assert len(bundled(make_order(one, two).line_items).parents) == 1


@pytest.mark.parametrize("mode", MODES)
def test_rule_08_a_refunded_child_costs_less(mode: Mode) -> None:
    refund = make_refund("6.20", refunded(2, "-5", {1: "-1.20"}, quantity=-1))
    result = as_bundle(make_order(box(), lid()), mode, refund)
    assert round(result.total, 8) == result.expected == Decimal("12.40")


amounts = st.integers(0, 100_00).map(lambda cents: Decimal(cents) / 100)


@given(st.lists(amounts, min_size=2, max_size=5), st.sampled_from(["1", "2", "3"]))
def test_a_bundle_costs_the_same_in_every_mode(nets: list[Decimal], quantity: str) -> None:
    taxes = [round(net * Decimal("0.24"), 2) for net in nets]
    first, *rest = zip(nets, taxes, strict=True)
    children = [
        lid(str(net), str(tax), number, quantity) for number, (net, tax) in enumerate(rest, start=2)
    ]
    order = make_order(box(str(first[0]), str(first[1])), *children)
    if order.total == 0:
        return
    for mode in MODES:
        for knows in (True, False):
            result = as_bundle(order, mode, knows=lambda _line, there=knows: there)  # type: ignore[misc]
            assert abs(result.total - order.total) < Decimal("0.005")
