"""The sandbox Katana's sales orders and shipping fees: money, refusals, soft deletion."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pytest

from katana_woo_sync.sandbox.katana import Refusal
from tests.sandbox.katana_support import Shop, open_shop


@pytest.fixture
def shop() -> Iterator[Shop]:
    with open_shop() as shop:
        yield shop


def test_a_total_includes_tax_and_shipping(shop: Shop) -> None:
    # (2 × 10.00 − 1.50) × 1.24 + 5.00 × 1.24 = 22.94 + 6.20
    order = shop.order(sales_order_rows=[shop.row(quantity=2, total_discount=1.5)])
    assert shop.katana.order_total(order) == Decimal("22.94")
    fee = {"sales_order_id": order, "amount": "5.00", "tax_rate_id": shop.tax}
    shop.one("POST", "sales_order_shipping_fee", fee)
    assert shop.katana.order_total(order) == Decimal("29.14")
    assert shop.one("GET", f"sales_orders/{order}")["total"] == Decimal("29.14")


def test_prices_are_kept_with_ten_decimals_and_totals_unrounded(shop: Shop) -> None:
    row = shop.row(quantity=3, price_per_unit=8.06451612909)
    order = shop.katana.sales_order(shop.order(sales_order_rows=[row]))
    assert order.rows[0].price_per_unit == Decimal("8.0645161291")
    assert shop.katana.order_total(order.id) == Decimal("8.0645161291") * 3 * Decimal("1.24")


def test_a_row_without_tax_rate_gets_the_default_one(shop: Shop) -> None:
    row = {"variant_id": shop.variant, "quantity": 1, "price_per_unit": 100}
    order = shop.order(sales_order_rows=[row])
    assert shop.katana.sales_order(order).rows[0].tax_rate_id == shop.katana.default_tax_rate_id
    assert shop.katana.order_total(order) == 122


def test_a_row_without_price_gets_the_variants(shop: Shop) -> None:
    row = {"variant_id": shop.variant, "quantity": 1}
    order = shop.katana.sales_order(shop.order(sales_order_rows=[row]))
    assert order.rows[0].price_per_unit == 12


def test_decimals_come_as_numbers_and_as_text(shop: Shop) -> None:
    order = shop.order()
    (listed,), single = shop.get("sales_orders"), shop.one("GET", f"sales_orders/{order}")
    rows = [record["sales_order_rows"] for record in (listed, single)]
    assert isinstance(rows[0], list)
    assert isinstance(rows[1], list)
    assert (rows[0][0]["quantity"], rows[1][0]["quantity"]) == ("2.00000", 2)
    assert rows[0][0]["price_per_unit"] == "10.0000000000"
    assert rows[1][0]["total_discount"] == "0.0000000000"


def test_a_foreign_currency_is_converted(shop: Shop) -> None:
    order = shop.one("GET", f"sales_orders/{shop.order(currency='USD')}")
    assert (order["currency"], order["total"]) == ("USD", Decimal("24.80"))
    assert order["total_in_base_currency"] == Decimal("24.80") * Decimal("0.92")


def test_what_is_left_out_gets_katanas_defaults(shop: Shop) -> None:
    order = shop.one("POST", "sales_orders", shop.draft())
    assert order["location_id"] == shop.katana.main_location_id
    assert (order["currency"], order["status"]) == ("EUR", "NOT_SHIPPED")
    assert order["order_no"] == "SO-1"
    assert order["delivery_date"] == "2026-03-15T12:00:00.000Z"


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"customer_id": 9}, ("/customer_id", "notFound")),
        ({"location_id": 9}, ("/location_id", "notFound")),
        ({"currency": "EURO"}, ("/currency", "currency")),
        ({"order_created_date": "1 March"}, ("/order_created_date", "format")),
        ({"customer_ref": "x" * 256}, ("/customer_ref", "maxLength")),
    ],
)
def test_what_katana_does_not_know_is_refused(
    shop: Shop, change: dict[str, object], problem: tuple[str, str]
) -> None:
    assert shop.refused("POST", "sales_orders", shop.draft(**change)) == [problem]


def test_all_bad_rows_are_named(shop: Shop) -> None:
    rows = [shop.row(variant_id=5), shop.row(), shop.row(tax_rate_id=5)]
    assert shop.refused("POST", "sales_orders", shop.draft(sales_order_rows=rows)) == [
        ("/sales_order_rows/0/variant_id", "notFound"),
        ("/sales_order_rows/2/tax_rate_id", "notFound"),
    ]


@pytest.mark.parametrize("fate", ["archived", "deleted", "notSellable"])
def test_what_may_not_be_sold_is_refused(shop: Shop, fate: str) -> None:
    variant = shop.katana.add_product("Old", "OLD", is_sellable=fate != "notSellable")
    if fate == "archived":
        shop.katana.archive_variant(variant)
    if fate == "deleted":
        shop.katana.delete_variant(variant)
    draft = shop.draft(sales_order_rows=[shop.row(variant_id=variant)])
    ((_, code),) = shop.refused("POST", "sales_orders", draft)
    assert code == {"deleted": "notFound"}.get(fate, fate)


def test_a_location_without_sales_is_refused(shop: Shop) -> None:
    place = shop.katana.add_location("Depot", sales_allowed=False)
    problems = shop.refused("POST", "sales_orders", shop.draft(location_id=place))
    assert problems == [("/location_id", "salesNotAllowed")]
    shop.katana.set_sales_allowed(place, True)
    shop.order(location_id=place)
    shop.katana.remove_location(place)
    problems = shop.refused("POST", "sales_orders", shop.draft(location_id=place))
    assert problems == [("/location_id", "notFound")]


def test_an_order_number_is_unique_deleted_orders_included(shop: Shop) -> None:
    shop.katana.delete_order(shop.order(order_no="1001"))
    problems = shop.refused("POST", "sales_orders", shop.draft(order_no="1001"))
    assert problems == [("/order_no", "unique")]
    assert shop.katana.contract_violations == []


def test_an_order_keeps_its_own_number_when_patched(shop: Shop) -> None:
    order, other = shop.order(order_no="1001"), shop.order(order_no="1002")
    shop.one("PATCH", f"sales_orders/{order}", {"order_no": "1001"})
    problems = shop.refused("PATCH", f"sales_orders/{other}", {"order_no": "1001"})
    assert problems == [("/order_no", "unique")]


def test_a_patch_changes_what_it_names_only(shop: Shop) -> None:
    order = shop.order(additional_info="Leave it at the door", customer_ref="PO 7")
    shop.clock.tick(5)
    patched = shop.one("PATCH", f"sales_orders/{order}", {"customer_ref": None})
    assert (patched["customer_ref"], patched["additional_info"]) == (None, "Leave it at the door")
    assert patched["updated_at"] == "2026-03-01T12:00:05.000Z"


def test_a_conversion_rate_waits_for_packing(shop: Shop) -> None:
    order = shop.order(currency="USD")
    change = {"conversion_rate": 0.5}
    problems = shop.refused("PATCH", f"sales_orders/{order}", change)
    assert problems == [("/conversion_rate", "notAllowed")]
    packed = shop.one("PATCH", f"sales_orders/{order}", {**change, "status": "PACKED"})
    assert packed["total_in_base_currency"] == Decimal("12.40")


def test_a_deleted_order_is_gone_for_single_requests(shop: Shop) -> None:
    order = shop.order()
    shop.katana.delete_order(order)
    for method, body in (("GET", None), ("PATCH", {"status": "DELIVERED"}), ("DELETE", None)):
        assert shop.send(method, f"sales_orders/{order}", body).status_code == 404
    assert shop.katana.sales_order(order).deleted_at == shop.clock.now


def test_a_fee_counts_as_a_change_of_its_order(shop: Shop) -> None:
    order = shop.order()
    at = shop.clock.tick(7)
    body = {"sales_order_id": order, "amount": "4.0322580645", "description": "Parcel"}
    fee = shop.one("POST", "sales_order_shipping_fee", body)
    assert fee["amount"] == "4.0322580645"
    assert shop.katana.sales_order(order).updated_at == at
    assert shop.get(f"sales_order_shipping_fee?sales_order_id={order}") == [fee]
    assert shop.get("sales_order_shipping_fee?sales_order_id=1") == []


def test_fees_are_changed_and_deleted(shop: Shop) -> None:
    order = shop.order()
    body = {"sales_order_id": order, "amount": "5", "tax_rate_id": shop.tax}
    path = f"sales_order_shipping_fee/{shop.one('POST', 'sales_order_shipping_fee', body)['id']}"
    shop.one("PATCH", path, {"amount": "10"})
    assert shop.katana.order_total(order) == Decimal("37.20")
    assert shop.send("DELETE", path).status_code == 204
    assert shop.katana.shipping_fees(order) == []
    assert shop.send("GET", path).status_code == 404


@pytest.mark.parametrize("amount", ["", "-1", "five", "NaN"])
def test_a_fee_is_a_decimal_of_zero_or_more(shop: Shop, amount: str) -> None:
    body = {"sales_order_id": shop.order(), "amount": amount}
    assert shop.refused("POST", "sales_order_shipping_fee", body) == [("/amount", "amount")]


def test_a_fee_of_no_order_is_refused(shop: Shop) -> None:
    body = {"sales_order_id": 7, "amount": "1", "tax_rate_id": 7}
    assert shop.refused("POST", "sales_order_shipping_fee", body) == [
        ("/sales_order_id", "notFound"),
        ("/tax_rate_id", "notFound"),
    ]


def test_another_programs_order_looks_like_any_other(shop: Shop) -> None:
    order = shop.katana.create_foreign_order(
        customer_id=shop.customer,
        rows=[(shop.variant, Decimal(1), Decimal(10))],
        order_no="1001",
        ecommerce_store_name="shop.example.com",
        ecommerce_order_id="57",
        tax_rate_id=shop.tax,
    )
    (found,) = shop.get("sales_orders?ecommerce_order_type=wooCommerce&ecommerce_order_id=57")
    assert (found["id"], found["total"]) == (order, Decimal("12.40"))
    assert shop.katana.server.count("POST") == 0


def test_a_person_renames_edits_and_reprices(shop: Shop) -> None:
    order = shop.order(order_no="1001")
    shop.katana.rename_order(order, "1001-B")
    shop.katana.edit_order(order, additional_info="Call first")
    shop.katana.set_price(order, Decimal(20))
    read = shop.one("GET", f"sales_orders/{order}")
    assert (read["order_no"], read["additional_info"]) == ("1001-B", "Call first")
    assert read["total"] == Decimal("49.60")
    with pytest.raises(Refusal, match="already exists"):
        shop.katana.rename_order(shop.order(), "1001-B")
