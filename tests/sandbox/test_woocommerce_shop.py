"""Products, stock, settings and generated orders of the sandbox store."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from katana_woo_sync.sandbox.woocommerce import Address, Coupon, Item, TaxRate, WooCommerceSandbox
from katana_woo_sync.sandbox.woocommerce.resource import Json
from tests.sandbox.woocommerce_support import VAT, ask, ids, rows_of


@pytest.fixture
def store() -> Iterator[WooCommerceSandbox]:
    """A served store."""
    with WooCommerceSandbox(name="A shop", tax_rates=VAT) as served:
        yield served


def test_skus_are_found_without_case_and_accents_and_by_the_whole(
    store: WooCommerceSandbox,
) -> None:
    mug = store.add_product("Mug", "MUG-01", 5)
    store.add_product("Mug 1", "MUG-011", 5)
    _, (small,) = store.add_variable_product("Hoodie", "H", [("HOODIE-S", 5, {"Size": "S"})])
    assert ids(ask(store, "products", {"sku": "MÜG-01"})) == [mug]
    both = ask(store, "products", {"sku": "mug-01,HOODIE-S", "order": "asc", "orderby": "id"})
    assert ids(both) == [mug, small]
    assert [row["type"] for row in both.json()] == ["simple", "variation"]


def test_other_lists_hold_no_variations(store: WooCommerceSandbox) -> None:
    hoodie, (small,) = store.add_variable_product("Hoodie", "H", [("H-S", 5, {"Size": "S"})])
    assert ids(ask(store, "products")) == [hoodie]
    assert ids(ask(store, "products", {"include": f"{hoodie},{small},999"})) == [hoodie]
    assert ids(ask(store, f"products/{hoodie}/variations")) == [small]
    assert ask(store, f"products/{small}").json()["parent_id"] == hoodie


def test_variations_come_in_pages(store: WooCommerceSandbox) -> None:
    options = [(f"S-{n}", 5, {"Size": str(n)}) for n in range(130)]
    parent, made = store.add_variable_product("Shoe", "SHOE", options)
    path, order = f"products/{parent}/variations", {"orderby": "id", "order": "asc"}
    first = ask(store, path, {**order, "per_page": "100"})
    second = ask(store, path, {**order, "per_page": "100", "page": "2"})
    assert (ids(first) + ids(second), first.headers["X-WP-Total"]) == (made, "130")


def test_unknown_products_are_not_found(store: WooCommerceSandbox) -> None:
    assert ask(store, "products/999").status_code == 404
    assert ask(store, "products/999/variations").status_code == 404
    mug = store.add_product("Mug", "MUG", 5)
    assert ask(store, f"products/{mug}/variations/{mug}").status_code == 404


def batch(store: WooCommerceSandbox, path: str, *rows: Json) -> list[Json]:
    answer = ask(store, path, method="POST", body={"update": rows})
    assert answer.status_code == 200
    return rows_of(answer.json(), "update")


@pytest.mark.parametrize(("sent", "kept"), [(7, 7), ("abc", 0), (2.5, 2), (-3, -3), ("4", 4)])
def test_batches_check_nothing(store: WooCommerceSandbox, sent: object, kept: int) -> None:
    mug = store.add_product("Mug", "MUG", 5, stock=1)
    (row,) = batch(store, "products/batch", {"id": mug, "stock_quantity": sent})
    assert (row["stock_quantity"], store.stock(mug)) == (kept, kept)


def test_a_single_write_refuses_fractions(store: WooCommerceSandbox) -> None:
    mug = store.add_product("Mug", "MUG", 5, stock=1)
    refused = ask(store, f"products/{mug}", method="PUT", body={"stock_quantity": 2.5})
    assert (refused.status_code, refused.json()["code"]) == (400, "rest_invalid_param")
    ask(store, f"products/{mug}", method="PUT", body={"stock_quantity": 2})
    assert store.stock(mug) == 2


def test_stock_that_is_not_managed_is_ignored(store: WooCommerceSandbox) -> None:
    mug = store.add_product("Mug", "MUG", 5)
    (row,) = batch(store, "products/batch", {"id": mug, "stock_quantity": 3})
    assert (row["manage_stock"], row["stock_quantity"]) == (False, None)


def test_variations_have_their_own_batch(store: WooCommerceSandbox) -> None:
    parent, (small,) = store.add_variable_product("Hoodie", "H", [("H-S", 5, {"Size": "S"})])
    store.set_stock(small, 1)
    (wrong,) = batch(store, "products/batch", {"id": small, "stock_quantity": 9})
    assert "error" in wrong
    (row,) = batch(store, f"products/{parent}/variations/batch", {"id": small, "stock_quantity": 9})
    assert (row["stock_quantity"], store.stock(small)) == (9, 9)


def test_settings_tell_how_the_shop_counts() -> None:
    with WooCommerceSandbox(
        prices_include_tax=False, round_at_subtotal=True, currency="USD", price_decimals=3
    ) as store:
        general = {row["id"]: row["value"] for row in ask(store, "settings/general").json()}
        with_tax = ask(store, "settings/tax/woocommerce_prices_include_tax").json()
        rounding = ask(store, "settings/tax/woocommerce_tax_round_at_subtotal").json()
        assert ask(store, "settings/general/woocommerce_currency").json()["value"] == "USD"
        assert ask(store, "settings/general/nothing").status_code == 404
    assert general["woocommerce_price_num_decimals"] == "3"
    assert (with_tax["value"], rounding["value"], rounding["group_id"]) == ("no", "yes", "tax")


@pytest.mark.parametrize("hpos", [True, False])
def test_the_system_status_tells_version_and_storage(hpos: bool) -> None:
    with WooCommerceSandbox(version="10.3.6", hpos=hpos) as store:
        status = ask(store, "system_status").json()
    assert status["environment"]["version"] == "10.3.6"
    assert status["settings"]["HPOS_enabled"] is hpos


def test_customers_are_listed_and_found(store: WooCommerceSandbox) -> None:
    anna = store.add_customer(Address(email="anna@example.test", first_name="Anna"))
    assert ids(ask(store, "customers", {"email": "ANNA@example.test"})) == [anna]
    assert ask(store, f"customers/{anna}").json()["first_name"] == "Anna"
    assert ask(store, "customers/999").status_code == 404


def test_generated_orders_are_the_same_for_the_same_seed() -> None:
    first, second, other = (WooCommerceSandbox(tax_rates=VAT) for _ in range(3))
    made = [s.add_generated_orders(30, seed=n) for s, n in ((first, 1), (second, 1), (other, 2))]
    assert made[0] == made[1]
    totals = [[s.order(i)["total"] for i in made[0]] for s in (first, second)]
    assert totals[0] == totals[1]
    assert totals[0] != [other.order(i)["total"] for i in made[2]]


def test_generated_orders_are_varied_and_may_lie_in_the_past(store: WooCommerceSandbox) -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    made = store.add_generated_orders(200, start=start, gap=timedelta(hours=1), status="completed")
    orders = [store.order(i) for i in made]
    assert orders[1]["date_created_gmt"] == "2026-01-01T01:00:00"
    for name in ("coupon_lines", "fee_lines", "shipping_lines"):
        assert {0, 1} < {len(rows_of(order, name)) for order in orders}, name
    fees = {row["name"] for order in orders for row in rows_of(order, "fee_lines")}
    assert {"Gift wrap", "Loyalty discount", "Deposit"} <= fees


RATES = (
    VAT,
    (TaxRate(Decimal(5), "GST"), TaxRate(Decimal("9.975"), "QST", compound=True, priority=2)),
    (TaxRate(Decimal(4), "State"), TaxRate(Decimal("4.5"), "City"), TaxRate(Decimal("0.375"), "M")),
    (),
)


def exact(order: dict[str, object], kind: str, name: str) -> Decimal:
    return sum((Decimal(str(row[name])) for row in rows_of(order, kind)), Decimal(0))


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    rates=st.sampled_from(RATES),
    with_tax=st.booleans(),
    decimals=st.sampled_from((0, 2, 3)),
)
def test_an_orders_total_is_the_sum_of_its_parts(
    seed: int, rates: tuple[TaxRate, ...], with_tax: bool, decimals: int
) -> None:
    store = WooCommerceSandbox(
        tax_rates=rates, prices_include_tax=with_tax, price_decimals=decimals
    )
    for order_id in store.add_generated_orders(5, seed=seed):
        order = store.order(order_id)
        parts = sum(
            exact(order, kind, name)
            for kind in ("line_items", "fee_lines", "shipping_lines")
            for name in ("total", "total_tax")
        )
        # a fee of 2.50 in a shop without decimals is counted whole, but shown rounded
        slack = Decimal("0.5").scaleb(-decimals) * len(rows_of(order, "fee_lines"))
        assert abs(Decimal(str(order["total"])) - parts) <= slack
        assert Decimal(str(order["total_tax"])) == exact(order, "tax_lines", "tax_total") + exact(
            order, "tax_lines", "shipping_tax_total"
        )


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), rates=st.sampled_from(RATES), with_tax=st.booleans())
def test_shops_that_round_at_the_subtotal_are_off_by_cents_at_most(
    seed: int, rates: tuple[TaxRate, ...], with_tax: bool
) -> None:
    store = WooCommerceSandbox(tax_rates=rates, prices_include_tax=with_tax, round_at_subtotal=True)
    for order_id in store.add_generated_orders(5, seed=seed):
        order = store.state.orders[order_id]
        whole = sum((line.total + line.total_tax for line in order.lines), Decimal(0))
        assert abs(order.totals.total - whole) <= Decimal("0.005")


@given(
    cents=st.integers(1, 100_000),
    quantity=st.integers(1, 50),
    discount=st.integers(1, 20_000),
)
@settings(max_examples=60, deadline=None)
def test_a_fixed_discount_is_given_to_the_cent_and_never_more_than_the_price(
    cents: int, quantity: int, discount: int
) -> None:
    store = WooCommerceSandbox(prices_include_tax=False)
    price = Decimal(cents) / 100
    dear, cheap = store.add_product("A", "A", price), store.add_product("B", "B", 1)
    items = [Item(dear, quantity), Item(cheap)]
    coupon = Coupon("c", "fixed_cart", Decimal(discount) / 100)
    order = store.state.orders[store.place_order(items, coupons=[coupon])]
    assert order.totals.discount_total == min(coupon.amount, price * quantity + 1)
    assert all(line.total >= 0 for line in order.lines)
