"""Every recorded order of real shops parses and maps, and its total in Katana is the shop's."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from functools import cache
from pathlib import Path

import pytest

from katana_woo_sync.domain.fields import convert
from katana_woo_sync.domain.katana import encode
from katana_woo_sync.domain.reasons import Reason
from katana_woo_sync.domain.sales_order import Mapped, Terms, Unmappable
from katana_woo_sync.domain.taxes import HALF_A_CENT
from katana_woo_sync.domain.woocommerce import Order, Product, Refund
from tests.domain.samples import IDENTITY, Json, mapped

SHARED = Path(__file__).resolve().parents[3] / "shared"
RECORDED = SHARED / "woocommerce"
FULFILLED = SHARED / "recorded"
"""Answers about orders that were fulfilled and refunded in parts."""
NOT_MEANINGFUL = frozenset({"order-dp0-coupon-cart-eu.json"})
"""Amounts in whole units: rounded by fifty cents each."""

ROUNDS_AT_SUBTOTAL = "old"
"""This store keeps its lines unrounded: at two decimals they do not add up."""

pytestmark = pytest.mark.skipif(
    not RECORDED.is_dir(), reason=f"the recorded answers are not at {RECORDED}"
)


def _within(value: object, mark: str) -> Iterator[Json]:
    """The objects with this field, however deep in an answer."""
    if isinstance(value, dict):
        if mark in value:
            yield value
        else:
            for part in value.values():
                yield from _within(part, mark)
    elif isinstance(value, list):
        for part in value:
            yield from _within(part, mark)


def _answers() -> Iterator[tuple[str, object]]:
    for path in sorted([*RECORDED.glob("*.json"), *FULFILLED.glob("*.json")]):
        try:
            yield path.name, json.loads(path.read_text("utf-8-sig"), parse_float=Decimal)
        except ValueError:
            continue  # recorded as an answer that is no JSON


@cache
def recorded_orders() -> tuple[tuple[str, Order], ...]:
    """Every whole order in the recorded answers, with its file's name."""
    return tuple(
        (name, convert(order, Order))
        for name, answer in _answers()
        if name not in NOT_MEANINGFUL
        for order in _within(answer, "order_key")
    )


@cache
def mapped_orders() -> tuple[tuple[str, Order, Mapped | Unmappable], ...]:
    """Every recorded order with what it is in Katana, or why it is not."""
    return tuple((name, order, _mapped(order)) for name, order in recorded_orders())


def _mapped(order: Order) -> Mapped | Unmappable:
    try:
        return mapped(order, terms=Terms(IDENTITY))
    except Unmappable as error:
        return error


def _store(name: str) -> str:
    return next(store for store in ("eu", "us", "old") if f"-{store}" in name)


def _decimals(order: Order) -> int:
    exponent = order.total.as_tuple().exponent
    return -exponent if isinstance(exponent, int) else 0


def test_there_are_orders_of_every_store() -> None:
    stores = {_store(name) for name, _order in recorded_orders()}
    assert stores == {"eu", "us", "old"}
    assert len(recorded_orders()) > 100


def test_only_empty_and_wholly_refunded_orders_have_no_place_in_katana() -> None:
    refused = {
        (result.reason, order.status == "refunded", bool(order.line_items))
        for _name, order, result in mapped_orders()
        if isinstance(result, Unmappable)
    }
    assert refused == {
        (Reason.EMPTY_ORDER, False, False),
        (Reason.REFUNDED_BEFORE_IMPORT, True, True),
    }


def test_totals_of_tax_inclusive_orders_are_exact() -> None:
    checked = [
        (name, abs(result.total - result.expected))
        for name, order, result in mapped_orders()
        if order.prices_include_tax and isinstance(result, Mapped)
        if _store(name) != ROUNDS_AT_SUBTOTAL or _decimals(order) > 2
    ]
    assert len(checked) > 60
    assert [x for x in checked if x[1] >= HALF_A_CENT] == []


def test_totals_of_tax_exclusive_orders_are_within_the_shops_own_roundings() -> None:
    checked = [
        (name, abs(result.total - result.expected), result.tolerance)
        for name, order, result in mapped_orders()
        if not order.prices_include_tax and isinstance(result, Mapped)
    ]
    assert len(checked) > 10
    assert [x for x in checked if x[1] > x[2]] == []


def test_every_row_is_what_the_contract_takes() -> None:
    for name, _order, result in mapped_orders():
        if isinstance(result, Mapped):
            rows = json.loads(encode(result.draft), parse_float=Decimal)["sales_order_rows"]
            assert rows, name
            amounts = [row.get(key, 0) for row in rows for key in ("price_per_unit", "quantity")]
            assert min(amounts) >= 0, name


def test_every_recorded_refund_parses_and_says_what_it_refunds() -> None:
    refunds = [
        convert(refund, Refund)
        for name, answer in _answers()
        if name.startswith("refund")
        for refund in _within(answer, "refunded_by")
    ]
    lines = [line for refund in refunds for line in refund.lines]
    assert len(refunds) > 5
    assert all(refund.amount > 0 for refund in refunds)
    assert lines
    assert all(line.refunded_item_id and line.gross < 0 for line in lines)


def test_recorded_orders_less_their_recorded_refunds_are_exact() -> None:
    orders = {(_store(name), int(order.id)): order for name, order in recorded_orders()}
    differences = {
        (store, order_id): abs(result.total - result.expected) - result.tolerance
        for store in ("eu", "us")
        for order_id, refunds in _refunds_by_order(store).items()
        if (order := orders.get((store, order_id)))
        for result in [mapped(order, *refunds)]
    }
    assert differences
    assert [x for x in differences.items() if x[1] > 0] == []


def _refunds_by_order(store: str) -> dict[int, list[Refund]]:
    answer = json.loads((RECORDED / f"refunds-all-{store}.json").read_text(), parse_float=Decimal)
    found: dict[int, list[Refund]] = {}
    for refund in _within(answer, "refunded_by"):
        found.setdefault(int(str(refund["parent_id"])), []).append(convert(refund, Refund))
    return {
        order_id: refunds
        for order_id, refunds in found.items()
        if not _is_whole(store, order_id, refunds)
    }


def _is_whole(store: str, order_id: int, refunds: list[Refund]) -> bool:
    """Whether the refunds are of all the order, which is then not imported."""
    back = sum((refund.amount for refund in refunds), Decimal(0))
    return any(
        _store(name) == store and int(order.id) == order_id and order.total <= back
        for name, order in recorded_orders()
    )


def test_every_recorded_product_parses() -> None:
    products = [
        convert(product, Product)
        for name, answer in _answers()
        if name.startswith(("product", "variation"))
        for product in _within(answer, "manage_stock")
    ]
    assert {str(product.type) for product in products} >= {"simple", "variable"}
    assert all(product.id for product in products)
