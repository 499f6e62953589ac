"""Rule 20: orders of which a deposit is paid come at the full price."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from katana_woo_sync.domain.deposits import at_full_price
from katana_woo_sync.domain.reasons import Reason
from katana_woo_sync.domain.sales_order import Unmappable
from katana_woo_sync.domain.woocommerce import Order
from tests.domain.samples import item, make_order, mapped

CENT = Decimal("0.01")


def cents(amount: Decimal) -> Decimal:
    return amount.quantize(CENT, ROUND_HALF_UP)


def order_of(
    price: Decimal, quantity: int, rate: Decimal, meta: dict[str, object], *, with_tax: bool
) -> Order:
    """An order of pieces at this price, as it is entered in the shop, that rounds each line."""
    entered = price * quantity
    net = cents(entered / (1 + rate / 100)) if with_tax else entered
    tax = entered - net if with_tax else cents(net * rate / 100)
    line = item(
        1,
        str(net),
        {1: str(tax)},
        str(quantity),
        subtotal=str(net),
        subtotal_tax=str(tax),
        meta_data=[{"key": key, "value": value} for key, value in meta.items()],
    )
    return make_order(line, rates={1: str(rate)}, prices_include_tax=with_tax, total=str(net + tax))


@given(
    price=st.decimals("1", "5000", places=2),
    share=st.decimals("0.05", "0.95", places=2),
    quantity=st.integers(1, 12),
    rate=st.sampled_from([Decimal(9), Decimal(19), Decimal(24), Decimal("8.875")]),
    with_tax=st.booleans(),
    yith=st.booleans(),
)
def test_a_deposit_totals_what_all_would_have(
    price: Decimal, share: Decimal, quantity: int, rate: Decimal, with_tax: bool, yith: bool
) -> None:
    whole = order_of(price, quantity, rate, {}, with_tax=with_tax)
    paid = cents(price * share)
    meta: dict[str, object] = {
        "_deposit": "1",
        "_deposit_value": str(paid),
        "_deposit_balance": str(price - paid),
    }
    if not yith:
        gross = whole.total if with_tax else price * quantity * (1 + rate / 100)
        net = price * quantity / (1 + rate / 100) if with_tax else price * quantity
        meta = {
            "_is_deposit": "yes",
            "_deposit_full_amount": str(gross),
            "_deposit_full_amount_ex_tax": str(net),
        }
    deposit = order_of(paid, quantity, rate, meta, with_tax=with_tax)
    imported = mapped(at_full_price(deposit))
    assert abs(imported.total - whole.total) <= CENT / 2
    assert abs(imported.total - imported.expected) < CENT
    if with_tax:
        assert abs(at_full_price(deposit).total - whole.total) < Decimal("0.000001")


def test_a_discount_on_the_deposit_and_one_put_off_to_the_rest() -> None:
    line = item(
        1,
        "25",
        subtotal="30",
        meta_data=[
            {"key": "_is_deposit", "value": "yes"},
            {"key": "_deposit_full_amount", "value": "100"},
            {"key": "_deposit_full_amount_ex_tax", "value": "100"},
            {"key": "_deposit_deferred_discount_ex_tax", "value": "7"},
        ],
    )
    order = at_full_price(make_order(line, total="25"))
    (whole,) = order.line_items
    amounts = [str(order.total), str(whole.total), str(whole.subtotal)]
    assert amounts == ["88", "88", "100"]


def test_an_order_without_a_deposit_is_as_it_was() -> None:
    order = make_order(item(1, "10", meta_data=[{"key": "_deposit_note", "value": "1"}]))
    assert at_full_price(order) is order


def test_a_total_that_lacks_something_else_stays() -> None:
    table = {"enable": "yes", "deposit": "3", "remaining": "7", "total": "10"}
    line = item(1, "10", subtotal="10", meta_data=[{"key": "awcdp_deposit_meta", "value": table}])
    assert at_full_price(make_order(line, total="5")).total == 5
    assert at_full_price(make_order(line, total="3")).total == 10


@pytest.mark.parametrize("value", ["", "x", None, True, "-5", "1e99", [1]])
def test_what_is_no_price_is_for_a_person(value: object) -> None:
    line = item(
        1,
        "3",
        subtotal="3",
        meta_data=[
            {"key": "_deposit", "value": "1"},
            {"key": "_deposit_value", "value": value},
            {"key": "_deposit_balance", "value": "7"},
        ],
    )
    with pytest.raises(Unmappable) as caught:
        at_full_price(make_order(line, total="3"))
    assert caught.value.reason is Reason.DEPOSIT


def test_a_deposit_that_was_refunded_in_part_is_for_a_person() -> None:
    line = item(
        1,
        "3",
        subtotal="3",
        meta_data=[
            {"key": "_deposit", "value": "1"},
            {"key": "_deposit_value", "value": "3"},
            {"key": "_deposit_balance", "value": "7"},
        ],
    )
    order = make_order(line, total="3", refunds=[{"id": 9, "total": "-1"}])
    with pytest.raises(Unmappable):
        at_full_price(order)
