"""Every field of a generated order is one of real orders, of a type that it has there."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

import pytest

from katana_woo_sync.sandbox.woocommerce import WooCommerceSandbox
from katana_woo_sync.sandbox.woocommerce.resource import Json
from tests.sandbox.woocommerce_support import RECORDED, VAT, ask, needs_recorded, rows_of

pytestmark = needs_recorded
PARTS = ("line_items", "tax_lines", "shipping_lines", "fee_lines", "coupon_lines", "refunds")
WITHIN = ("taxes", "meta_data")
ADDRESSES = ("billing", "shipping")
Types = Mapping[tuple[str, str], frozenset[str]]


def kind(value: object) -> str:
    """A JSON type; whole and other numbers are one."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return "number"
    return type(value).__name__


def fields(order: Json) -> Iterator[tuple[str, str, str]]:
    """Each field of an order: where it is, its name, its type."""
    yield from (("order", name, kind(value)) for name, value in order.items())
    for part in ADDRESSES:
        address = order[part]
        assert isinstance(address, dict)
        yield from ((part, name, kind(value)) for name, value in address.items())
    for part in PARTS:
        for row in rows_of(order, part):
            yield from ((part, name, kind(value)) for name, value in row.items())
            for within in (name for name in WITHIN if name in row):
                for inner in rows_of(row, within):
                    yield from ((f"{part} {within}", n, kind(v)) for n, v in inner.items())


def types(orders: Iterable[Json]) -> Types:
    """The types of each field, by where it is and its name."""
    found: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    for order in orders:
        for place, name, of_type in fields(order):
            found[place, name].add(of_type)
    return {field: frozenset(of_types) for field, of_types in found.items()}


def recorded_types(store: str) -> Types:
    paths = RECORDED.glob(f"order-{store}-*.json")
    return types(json.loads(path.read_text("utf-8")) for path in paths)


def generated_types(version: str) -> Types:
    with WooCommerceSandbox(tax_rates=VAT, version=version) as store:
        for number in range(6):
            store.add_product(f"P {number}", f"P-{number}", "3.33")
        for number, order_id in enumerate(store.add_generated_orders(60, seed=3)):
            if number % 10 == 0:
                store.refund(order_id, "0.01")
        return types(ask(store, "orders", {"per_page": "100"}).json())


@pytest.mark.parametrize(("store", "version"), [("eu", "11.0.1"), ("old", "8.2.2")])
def test_every_field_is_a_real_one_of_a_real_type(store: str, version: str) -> None:
    real, made = recorded_types(store), generated_types(version)
    assert {place for place, _name in made} >= {"order", *ADDRESSES, *PARTS}
    unreal = {field: of for field, of in made.items() if not of <= real.get(field, frozenset())}
    assert unreal == {}


@pytest.mark.parametrize(("store", "version"), [("eu", "11.0.1"), ("old", "8.2.2")])
def test_no_field_of_real_orders_is_missing(store: str, version: str) -> None:
    real, made = recorded_types(store), generated_types(version)
    places = {place for place, _name in made}
    assert {field for field in real if field[0] in places} - made.keys() == set()
