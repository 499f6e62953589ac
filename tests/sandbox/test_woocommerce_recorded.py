"""The sandbox store against answers recorded from real ones: the same shapes, the same money."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

import pytest

from katana_woo_sync.sandbox.woocommerce import (
    Address,
    Coupon,
    Fee,
    Item,
    Shipping,
    TaxRate,
    Variation,
    WooCommerceSandbox,
)
from katana_woo_sync.sandbox.woocommerce.lines import CouponKind
from katana_woo_sync.sandbox.woocommerce.resource import Json
from tests.sandbox.woocommerce_support import (
    RECORDED,
    ask,
    keys,
    needs_recorded,
    recorded,
    recorded_rows,
    rows_of,
    send,
)

pytestmark = needs_recorded

PRICES = {
    "MUG-01": ("Mug", "12.40", "", "taxable"),
    "TEE-CTN": ("Cotton tee", "19.90", "", "taxable"),
    "BOOK-09": ("Book (reduced tax)", "10.90", "reduced-rate", "taxable"),
    "PEN-333": ("Pen 3.33", "3.33", "", "taxable"),
    "THIRD-10": ("Ten for three", "6.67", "", "taxable"),
    "SCREW-0.015": ("Screw", "0.015", "", "taxable"),
    "FREE-0": ("Free sample", "0", "", "taxable"),
    "ENT-1": ('Tom & Jerry\'s <b>"Cup"</b> – 5″ ☕ 🎁', "11.11", "", "taxable"),
    "ZERO-TAX": ("Zero rated", "20", "zero-rate", "taxable"),
    "GIFT-25": ("Gift card", "25", "", "none"),
    "SHIPTAX": ("Taxed on shipping only", "20", "", "shipping"),
    "EBOOK-1": ("E-book", "4.99", "", "taxable"),
}
COUPONS: dict[str, tuple[CouponKind, str]] = {
    "pct10": ("percent", "10"),
    "pct33": ("percent", "33.33"),
    "pct100": ("percent", "100"),
    "ümlaut gutschein": ("percent", "5"),
    "cart5": ("fixed_cart", "5"),
    "prod1": ("fixed_product", "1"),
}
NOT_DERIVABLE = frozenset(
    {
        # a price, quantity or subtotal that somebody set by hand
        "eu-big",
        "eu-fractional-qty",
        "eu-repeating",
        "eu-same-product-twice",
        "eu-zero-decimal-currency",
        # products that are gone or never were
        "eu-deleted-product",
        "eu-deleted-variation",
        "eu-product-id-0",
        "eu-trashed-product",
        "us-deleted-product",
        "old-deleted-product",
        "old-deleted-variation",
        "old-product-id-0",
        # products that the answers do not tell apart
        "eu-many-lines",
        "eu-no-sku",
        "eu-odd-sku",
        "eu-variable-parent-line",
    }
)
"""Orders whose answers do not tell what was in the cart."""

CASES = sorted(
    name
    for path in RECORDED.glob("order-*.json")
    if (name := path.stem.removeprefix("order-")) not in NOT_DERIVABLE and not name.startswith("dp")
)
SUMS = [
    "discount_total",
    "discount_tax",
    "shipping_total",
    "shipping_tax",
    "cart_tax",
    "total",
    "total_tax",
    "currency",
    "prices_include_tax",
    "needs_processing",
    "needs_payment",
    "is_editable",
    "currency_symbol",
    "status",
]
OF_LINES = {
    "line_items": "name quantity tax_class subtotal subtotal_tax total total_tax price sku "
    "parent_name",
    "shipping_lines": "method_title method_id total total_tax",
    "fee_lines": "name tax_class tax_status amount total total_tax",
    "tax_lines": "rate_code rate_id label compound tax_total shipping_tax_total rate_percent",
    "coupon_lines": "code discount discount_tax discount_type nominal_amount",
}


def order_of(name: str) -> Json:
    return recorded(f"order-{name}")


def fee_class(fee: Json) -> str | None:
    return str(fee["tax_class"]) if fee["tax_status"] == "taxable" else None


def address_of(order: Json, name: str) -> Address:
    address = order[name]
    assert isinstance(address, dict)
    return Address(**address)


def amount(row: Json, name: str) -> Decimal:
    return Decimal(str(row[name]))


def postcodes_of(rate: Json) -> tuple[str, ...]:
    codes = rate["postcodes"]
    return tuple(str(code) for code in codes) if isinstance(codes, list) else ()


def rates_of(store: str) -> list[TaxRate]:
    return [
        TaxRate(
            amount(row, "rate"),
            str(row["name"]),
            "" if row["class"] == "standard" else str(row["class"]),
            row["compound"] is True,
            row["shipping"] is True,
            str(row["country"]),
            str(row["state"]),
            postcodes_of(row),
            int(amount(row, "priority")),
            int(amount(row, "id")),
        )
        for row in recorded_rows(f"taxes-{store}")
    ]


def store_like(store: str) -> WooCommerceSandbox:
    """A store set up as one of the real ones."""
    base = {"eu": ("GR", "I"), "us": ("US", "NY"), "old": ("GB", "")}[store]
    return WooCommerceSandbox(
        name=store,
        prices_include_tax=store != "us",
        currency={"eu": "EUR", "us": "USD", "old": "GBP"}[store],
        tax_rates=rates_of(store),
        base_country=base[0],
        base_state=base[1],
        round_at_subtotal=store == "old",
        version="8.2.2" if store == "old" else "11.0.1",
        hpos=store != "old",
        utc_offset_hours={"eu": 2, "us": -5, "old": 5.5}[store],
    )


@dataclass(frozen=True)
class Shelf:
    """A store's products, by SKU: product and variation."""

    store: WooCommerceSandbox
    found: dict[str, tuple[int, int]]


def stocked(store: WooCommerceSandbox) -> Shelf:
    found = {}
    for sku, (name, price, tax_class, status) in PRICES.items():
        is_download = sku == "EBOOK-1"
        found[sku] = (
            store.add_product(
                name,
                sku,
                price,
                tax_class=tax_class,
                tax_status=status,  # type: ignore[arg-type]
                virtual=is_download or sku == "GIFT-25",
                downloadable=is_download,
            ),
            0,
        )
    hoodie, sizes = store.add_variable_product(
        "Hoodie",
        "HOODIE",
        [
            ("HOODIE-S", "39.90", {"Size": "S"}),
            ("HOODIE-M", "39.90", {"Size": "M"}),
            ("", "44.90", {"Size": "L"}),
        ],
    )
    poster, colours = store.add_variable_product(
        "Poster", "", [("POSTER-RED", "9.00", {"Colour": "Red"}), ("", "9.50", {})]
    )
    rope, lengths = store.add_variable_product(
        "Rope",
        "ROPE",
        [
            ("ROPE-1M", "2.50", {"Length": "1 m"}),
            Variation("ROPE-2M", "4.75", {"Length": "2 m"}, tax_class="reduced-rate"),
        ],
    )
    for sku, variation in zip(("HOODIE-S", "HOODIE-M", "HOODIE"), sizes, strict=True):
        found[sku] = (hoodie, variation)
    found["POSTER-RED"], found[""] = (poster, colours[0]), (poster, colours[1])
    found["ROPE-1M"], found["ROPE-2M"] = (rope, lengths[0]), (rope, lengths[1])
    return Shelf(store, found)


def placed_again(shelf: Shelf, order: Json, *, by_hand: bool) -> int:
    """Place an order of the same inputs as a recorded one: what was in the cart, not its sums."""
    items = []
    for line in rows_of(order, "line_items"):
        product, variation = shelf.found[str(line["sku"])]
        total = amount(line, "total") if by_hand else None
        items.append(Item(product, amount(line, "quantity"), variation, total=total))
    codes = [str(line["code"]) for line in rows_of(order, "coupon_lines")]
    return shelf.store.place_order(
        items,
        status=str(order["status"]),
        currency=str(order["currency"]),
        billing=address_of(order, "billing"),
        shipping_address=address_of(order, "shipping"),
        vat_exempt="vat-exempt" in str(order["meta_data"]),
        coupons=[Coupon(code, COUPONS[code][0], Decimal(COUPONS[code][1])) for code in codes],
        fees=[
            Fee(str(fee["name"]), amount(fee, "total"), fee_class(fee))
            for fee in rows_of(order, "fee_lines")
        ],
        shipping=[
            Shipping(
                str(line["method_title"]),
                amount(line, "total"),
                method_id=str(line["method_id"]),
            )
            for line in rows_of(order, "shipping_lines")
        ],
    )


def money_of(order: Json) -> Json:
    """What must be the same: sums, and of each line amounts, taxes and labels."""
    found: Json = {name: order[name] for name in SUMS}
    for kind, names in OF_LINES.items():
        found[kind] = [
            {name: line.get(name) for name in (*names.split(), "taxes") if name in line}
            for line in rows_of(order, kind)
        ]
    return found


@pytest.mark.parametrize("case", CASES)
def test_orders_come_to_the_same_money_as_in_real_stores(case: str) -> None:
    order = order_of(case)
    shelf = stocked(store_like(case.split("-", maxsplit=1)[0]))
    again = placed_again(shelf, order, by_hand="line-discount" in case)
    assert money_of(shelf.store.order(again)) == money_of(order)


@pytest.mark.parametrize(("case", "dp"), [("dp6-coupon-cart-eu", 6), ("dp0-coupon-cart-eu", 0)])
def test_other_decimals_are_those_of_real_stores(case: str, dp: int) -> None:
    order = order_of(case)
    with store_like("eu") as store:
        again = placed_again(stocked(store), order, by_hand=False)
        assert money_of(ask(store, f"orders/{again}", {"dp": str(dp)}).json()) == money_of(order)


def test_rounding_at_the_subtotal_adds_up_in_six_decimals_only() -> None:
    order = order_of("dp6-repeating-7-old")
    with store_like("old") as store:
        again = placed_again(stocked(store), order, by_hand=False)
        assert money_of(ask(store, f"orders/{again}", {"dp": "6"}).json()) == money_of(order)


@pytest.mark.parametrize("case", ["eu-processing", "old-processing", "us-ny-3-rates", "eu-pending"])
def test_an_order_has_the_names_of_a_real_one(case: str) -> None:
    order = order_of(case)
    shelf = stocked(store_like(case.split("-", maxsplit=1)[0]))
    shelf.store.set_stock(shelf.found["MUG-01"][0], 50)
    shelf.store.set_stock(shelf.found["TEE-CTN"][0], 50)
    made = shelf.store.order(placed_again(shelf, order, by_hand=False))
    del order["_links"], made["_links"], order["meta_data"], made["meta_data"]
    assert list(made) == list(order)
    assert keys(made) == keys(order)


@pytest.mark.parametrize("store", ["eu", "old", "us"])
def test_a_refund_has_the_names_and_money_of_a_real_one(store: str) -> None:
    real = recorded_rows(f"refund-with-lines-{store}")[0]
    with store_like(store) as served:
        order = placed_again(stocked(served), order_of(f"{store}-refund-line"), by_hand=False)
        line = served.state.orders[order].lines[0].id
        served.refund(order, lines={line: 1}, reason="1 of 3 broken")
        (made,) = ask(served, f"orders/{order}/refunds").json()
    assert keys(made) == keys(real)
    assert made["amount"] == real["amount"]
    names = ("total", "total_tax", "subtotal", "taxes", "quantity", "sku")
    (of_made,), (of_real,) = rows_of(made, "line_items"), rows_of(real, "line_items")
    assert {name: of_made[name] for name in names} == {name: of_real[name] for name in names}


@pytest.mark.parametrize("store", ["eu", "old", "us"])
def test_products_and_variations_have_the_names_of_real_ones(store: str) -> None:
    with store_like(store) as served:
        product = served.add_product("Mug", "MUG-01", "12.40", stock=5)
        parent, (child,) = served.add_variable_product("Hoodie", "H", [("H-S", 1, {"Size": "S"})])
        answers = {
            "product-mug": ask(served, f"products/{product}").json(),
            "product-variable": ask(served, f"products/{parent}").json(),
            "variation-as-product": ask(served, f"products/{child}").json(),
        }
        (variation,) = ask(served, f"products/{parent}/variations").json()
    for name, made in answers.items():
        assert keys(made) == keys(recorded(f"{name}-{store}")), name
    served_keys = keys({**variation, "manage_stock": True})
    assert served_keys == keys(recorded_rows(f"variations-{store}")[-1])


def test_taxes_customers_and_notes_have_the_names_of_real_ones() -> None:
    with store_like("eu") as store:
        order = store.place_order(billing=Address(email="a@example.test"))
        number = store.add_customer(Address(email="anna@example.test", country="GR"))
        note = ask(store, f"orders/{order}/notes", method="POST", body={"note": "x"}).json()
        taxes, customers = ask(store, "taxes").json(), ask(store, "customers").json()
    assert [row["id"] for row in customers] == [number]
    assert keys(taxes) == keys(recorded_rows("taxes-eu"))
    assert keys(customers) == keys(recorded_rows("customers-eu"))
    assert keys(note) == keys(recorded("note-created-eu"))


@pytest.mark.parametrize("store", ["eu", "us", "old"])
def test_taxes_are_told_as_real_stores_tell_them(store: str) -> None:
    with store_like(store) as served:
        made = ask(served, "taxes").json()
    real = recorded_rows(f"taxes-{store}")
    for row in (*made, *real):
        del row["_links"]
    assert made == real


@pytest.mark.parametrize(
    ("case", "method", "path", "body"),
    [
        ("per-page-101", "GET", "orders?per_page=101", None),
        (
            "two-bad-params",
            "GET",
            "orders?per_page=0&page=x&orderby=zz&modified_after=z&status=zz",
            None,
        ),
        ("unknown-order", "GET", "orders/999999", None),
        ("unknown-order-put", "PUT", "orders/999999", {"status": "completed"}),
        ("order-id-zero", "GET", "orders/0", None),
        ("order-id-text", "GET", "orders/abc", None),
        ("route-404", "GET", "nothing", None),
        ("method-404", "DELETE", "orders", None),
        ("invalid-status-put", "PUT", "orders/{id}", {"status": "nosuch"}),
        ("batch-101", "POST", "orders/batch", {"update": [{"id": 1}] * 101}),
    ],
)
@pytest.mark.parametrize("store", ["eu", "old"])
def test_errors_are_those_of_real_stores(
    store: str, case: str, method: str, path: str, body: object
) -> None:
    with store_like(store) as served:
        order = served.place_order()
        answer = ask(served, path.format(id=order), method=method, body=body)
    real = recorded(f"error-{case}-{store}")
    data = real["data"]
    assert answer.json() == real
    assert isinstance(data, dict)
    assert answer.status_code == data["status"]


@pytest.mark.parametrize("store", ["eu", "old"])
@pytest.mark.parametrize(
    ("case", "body"),
    [("bad-json", b"{nonsense"), ("bad-utf8-json", b'{"customer_note": "\xff"}')],
)
def test_broken_json_is_refused_as_by_real_stores(store: str, case: str, body: bytes) -> None:
    with store_like(store) as served:
        answer = send(served, served.place_order(), body, "application/json")
    assert answer.status_code == 400
    assert answer.json() == recorded(f"error-{case}-{store}")


def test_batches_of_stock_fail_item_by_item_as_in_real_stores() -> None:
    for store in ("eu", "old"):
        with store_like(store) as served:
            mug = served.add_product("Mug", "M", 1, stock=3)
            parent, (child,) = served.add_variable_product("H", "H", [("H-S", 1, {"Size": "S"})])
            rows = [{"id": mug, "stock_quantity": 9}, {"id": 999999, "stock_quantity": 1}]
            made = ask(served, "products/batch", method="POST", body={"update": rows}).json()
            path = f"products/{parent}/variations/batch"
            child_rows = [{"id": child, "stock_quantity": 9}, {"id": 999999}]
            of_child = ask(served, path, method="POST", body={"update": child_rows}).json()
        real = rows_of(recorded(f"batch-products-stock-{store}"), "update")
        of_real = rows_of(recorded(f"batch-variations-stock-{store}"), "update")
        assert made["update"][0]["stock_quantity"] == 9
        assert made["update"][1] == real[2]
        assert of_child["update"][1] == of_real[2]
