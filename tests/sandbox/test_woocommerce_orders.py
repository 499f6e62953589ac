"""Single orders in the sandbox store: reading, writing, and what people do to them."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pytest
import requests

from katana_woo_sync.sandbox.server import Fault, FaultKind
from katana_woo_sync.sandbox.woocommerce import (
    Address,
    Fee,
    Item,
    Mail,
    Shipping,
    Variation,
    WooCommerceSandbox,
)
from tests.sandbox.woocommerce_support import VAT, Clock, ask, rows_of, send

INVALID_ID = "woocommerce_rest_shop_order_invalid_id"


@pytest.fixture
def clock() -> Clock:
    """A clock that stands still."""
    return Clock()


@pytest.fixture
def store(clock: Clock) -> Iterator[WooCommerceSandbox]:
    """A served store with order tables and Greek rates."""
    with WooCommerceSandbox(clock=clock, tax_rates=VAT, utc_offset_hours=2) as served:
        yield served


@pytest.fixture
def legacy(clock: Clock) -> Iterator[WooCommerceSandbox]:
    """A served store of old."""
    with WooCommerceSandbox(clock=clock, tax_rates=VAT, hpos=False, version="8.2.2") as served:
        yield served


def put(store: WooCommerceSandbox, order: int, **body: object) -> requests.Response:
    return ask(store, f"orders/{order}", method="PUT", body=body)


def line(store: WooCommerceSandbox, order: int) -> dict[str, object]:
    return rows_of(store.order(order), "line_items")[0]


def modified(store: WooCommerceSandbox, order: int) -> object:
    return store.order(order)["date_modified_gmt"]


def test_times_are_local_and_gmt_without_suffix(store: WooCommerceSandbox) -> None:
    order = store.order(store.place_order())
    assert order["date_created"] == "2026-11-23T05:50:00"
    assert order["date_created_gmt"] == "2026-11-23T03:50:00"
    assert order["date_completed_gmt"] is None


def test_an_order_in_the_trash_answers_by_id_and_a_deleted_one_does_not(
    store: WooCommerceSandbox,
) -> None:
    order = store.place_order()
    store.trash(order)
    assert ask(store, f"orders/{order}").json()["status"] == "trash"
    store.restore(order)
    assert ask(store, f"orders/{order}").json()["status"] == "processing"
    store.delete_order(order)
    assert ask(store, f"orders/{order}").status_code == 404


def test_completing_mails_once_and_the_same_status_not_at_all(store: WooCommerceSandbox) -> None:
    order = store.place_order()
    answer = put(store, order, status="completed").json()
    put(store, order, status="completed")
    assert answer["date_completed_gmt"] == "2026-11-23T03:50:00"
    assert store.mails == [Mail(order, "processing", "completed")]
    assert "from Processing to Completed" in str(store.notes(order)[-1]["note"])


def test_an_invalid_status_is_refused_alone_and_pending_in_a_batch(
    store: WooCommerceSandbox,
) -> None:
    order = store.place_order()
    assert put(store, order, status="nosuch").status_code == 400
    rows = {"update": [{"id": order, "status": "nosuch"}, {"id": 999}, {"id": "abc"}]}
    answer = ask(store, "orders/batch", method="POST", body=rows)
    assert answer.status_code == 200
    done = answer.json()["update"]
    assert done[0]["status"] == "pending"
    assert [row["error"]["code"] for row in done[1:]] == [INVALID_ID] * 2
    assert store.mails == [Mail(order, "processing", "pending")]


def test_a_batch_deletes_for_good(store: WooCommerceSandbox) -> None:
    order = store.place_order()
    answer = ask(store, "orders/batch", method="POST", body={"delete": [order, 999]}).json()
    assert answer["delete"][0]["id"] == order
    assert answer["delete"][1]["error"]["data"] == {"status": 404}
    assert ask(store, f"orders/{order}").status_code == 404


@pytest.mark.parametrize(
    ("content_type", "body", "note"),
    [
        ("application/json", b'{"customer_note": "a"}', "a"),
        ("application/json; charset=utf-8", b'{"customer_note": "a"}', "a"),
        ("text/plain", b'{"customer_note": "a"}', ""),
        ("application/json", b'[{"customer_note": "a"}]', ""),
        ("application/x-www-form-urlencoded", b"customer_note=form", "form"),
    ],
)
def test_only_an_announced_body_is_read(
    store: WooCommerceSandbox, content_type: str, body: bytes, note: str
) -> None:
    answer = send(store, store.place_order(), body, content_type)
    assert answer.status_code == 200
    assert answer.json()["customer_note"] == note


def test_on_order_tables_every_put_is_a_change(store: WooCommerceSandbox, clock: Clock) -> None:
    order = store.place_order()
    clock.move()
    put(store, order)
    assert modified(store, order) == "2026-11-23T03:50:01"


def test_on_legacy_storage_only_some_puts_are(legacy: WooCommerceSandbox, clock: Clock) -> None:
    order = legacy.place_order()
    seen = []
    for body in ({}, {"transaction_id": "x"}, {"customer_note": "n"}, {"status": "on-hold"}):
        clock.move()
        put(legacy, order, **body)
        seen.append(modified(legacy, order))
    moved = ["2026-11-23T03:50:00"] * 2 + ["2026-11-23T03:50:03", "2026-11-23T03:50:04"]
    assert seen == moved


@pytest.mark.parametrize("kind", ["store", "legacy"])
def test_notes_refunds_undone_and_renamed_products_move_nothing(
    kind: str, request: pytest.FixtureRequest, clock: Clock
) -> None:
    shop: WooCommerceSandbox = request.getfixturevalue(kind)
    mug = shop.add_product("Mug", "MUG", 5)
    order = shop.place_order([Item(mug)])
    refund = shop.refund(order, "1.00")
    clock.move()
    ask(shop, f"orders/{order}/notes", method="POST", body={"note": "seen"})
    shop.rename_sku(mug, "MUG-2")
    shop.delete_refund(order, refund)
    assert modified(shop, order) == "2026-11-23T03:50:00"
    assert shop.order(order)["refunds"] == []


def test_a_lines_sku_is_looked_up_live(store: WooCommerceSandbox) -> None:
    mug = store.add_product("Mug", "MUG", 5)
    order = store.place_order([Item(mug)])
    store.rename_sku(mug, "MUG-2")
    assert line(store, order)["sku"] == "MUG-2"
    store.trash_product(mug)
    assert line(store, order)["sku"] == "MUG-2"
    store.delete_product(mug)
    gone = line(store, order)
    assert (gone["sku"], gone["product_id"], gone["name"]) == (None, 0, "Mug")
    assert gone["total"] == "4.03"


def test_a_variation_without_sku_shows_its_parents_and_a_deleted_one_too(
    store: WooCommerceSandbox,
) -> None:
    options = [("", 5, {"Size": "L"}), ("H-S", 5, {"Size": "S"})]
    hoodie, (large, small) = store.add_variable_product("Hoodie", "HOODIE", options)
    bare, own = (store.place_order([Item(hoodie, 1, v)]) for v in (large, small))
    assert (line(store, bare)["sku"], line(store, bare)["variation_id"]) == ("HOODIE", large)
    assert (line(store, own)["sku"], line(store, own)["name"]) == ("H-S", "Hoodie - S")
    store.delete_product(small)
    assert (line(store, own)["sku"], line(store, own)["variation_id"]) == ("HOODIE", 0)


def test_names_of_products_are_escaped_and_what_customers_type_is_not(
    store: WooCommerceSandbox,
) -> None:
    cup = store.add_product("Tom & Jerry's", "CUP", 5)
    buyer = Address(company="ACME & Sons", country="GR")
    order = store.place_order([Item(cup)], billing=buyer, customer_note="<b>A & B</b>")
    assert line(store, order)["name"] == "Tom &amp; Jerry's"
    answer = ask(store, f"orders/{order}").json()
    assert answer["billing"]["company"] == "ACME & Sons"
    assert answer["customer_note"] == "<b>A & B</b>"


def test_a_refund_of_lines_is_negative_and_names_its_lines(store: WooCommerceSandbox) -> None:
    mug = store.add_product("Mug", "MUG", "12.40")
    order = store.place_order([Item(mug, 3)], shipping=[Shipping("Courier", Decimal("4.90"))])
    mugs, courier = (x.id for x in store.state.orders[order].lines)
    store.refund(order, lines={mugs: 1, courier: (0, Decimal("1.24"))}, reason="late")
    (refund,) = ask(store, f"orders/{order}/refunds").json()
    assert refund["amount"] == "13.64"
    assert (refund["line_items"][0]["quantity"], refund["line_items"][0]["total"]) == (-1, "-10.00")
    assert refund["line_items"][0]["meta_data"][0]["value"] == str(mugs)
    assert refund["shipping_lines"][0]["total"] == "-1.00"
    summary = rows_of(store.order(order), "refunds")[0]
    assert (summary["total"], summary["total_tax"]) == ("-13.64", "-2.64")
    assert store.order(order)["total"] == "43.28"


def test_a_refund_of_an_amount_has_no_lines(store: WooCommerceSandbox) -> None:
    order = store.place_order([Item(store.add_product("Mug", "MUG", "12.40"))])
    store.refund(order, "5.00")
    (refund,) = ask(store, f"orders/{order}/refunds").json()
    assert (refund["amount"], refund["line_items"]) == ("5.00", [])
    with pytest.raises(ValueError, match="cannot be refunded"):
        store.refund(order, "7.41")


def test_a_full_refund_makes_the_order_refunded(store: WooCommerceSandbox) -> None:
    mug = store.add_product("Mug", "MUG", "12.40")
    by_refund, by_status = (store.place_order([Item(mug)]) for _ in range(2))
    store.refund(by_refund)
    store.set_status(by_status, "refunded")
    for order in (by_refund, by_status):
        answer = store.order(order)
        assert answer["status"] == "refunded"
        assert [refund["total"] for refund in rows_of(answer, "refunds")] == ["-12.40"]


def test_notes_are_listed_newest_first(store: WooCommerceSandbox, clock: Clock) -> None:
    order = store.place_order()
    store.set_status(order, "on-hold")
    clock.move()
    body = {"note": "Sent", "customer_note": True}
    created = ask(store, f"orders/{order}/notes", method="POST", body=body)
    assert created.status_code == 201
    rows = ask(store, f"orders/{order}/notes").json()
    assert rows[0]["note"] == "Sent"
    assert [row["customer_note"] for row in rows] == [True, False]
    assert ask(store, "orders/999/notes").status_code == 404


@pytest.mark.parametrize(
    ("items", "expected"),
    [([], False), (["mug"], True), (["file"], False), (["gift"], True), (["file", "mug"], True)],
)
def test_only_virtual_downloads_need_no_processing(
    store: WooCommerceSandbox, items: list[str], expected: bool
) -> None:
    products = {
        "mug": store.add_product("Mug", "MUG", 5),
        "file": store.add_product("E-book", "EBOOK", 5, virtual=True),
        "gift": store.add_product("Gift card", "GIFT", 5, virtual=True, downloadable=False),
    }
    order = store.place_order([Item(products[name]) for name in items])
    assert store.order(order)["needs_processing"] is expected


def test_stock_is_taken_and_given_back(store: WooCommerceSandbox) -> None:
    mug = store.add_product("Mug", "MUG", 5, stock=10)
    order = store.place_order([Item(mug, 3)])
    meta = rows_of(line(store, order), "meta_data")
    assert [(m["key"], m["value"]) for m in meta] == [("_reduced_stock", "3")]
    assert store.stock(mug) == 7
    store.trash(order)
    assert store.stock(mug) == 7
    store.restore(order)
    store.set_status(order, "cancelled")
    assert store.stock(mug) == 10
    assert line(store, order)["meta_data"] == []


def test_variations_may_use_their_parents_stock(store: WooCommerceSandbox) -> None:
    metre = Variation("ROPE-1", 2, {"Length": "1 m"}, "parent")
    rope, (one,) = store.add_variable_product("Rope", "ROPE", [metre], stock=5)
    store.place_order([Item(rope, 2, one)], status="on-hold")
    answer = ask(store, f"products/{rope}/variations/{one}").json()
    assert (answer["manage_stock"], answer["stock_quantity"]) == ("parent", 3)


def test_an_order_that_is_not_paid_takes_no_stock(store: WooCommerceSandbox) -> None:
    mug = store.add_product("Mug", "MUG", 5, stock=10)
    order = store.place_order([Item(mug)], status="pending")
    assert (store.stock(mug), store.order(order)["date_paid_gmt"]) == (10, None)
    store.set_status(order, "processing")
    assert (store.stock(mug), store.order(order)["date_paid_gmt"]) == (9, "2026-11-23T03:50:00")


def test_a_restored_shop_may_use_an_id_again_with_another_key(store: WooCommerceSandbox) -> None:
    order = store.place_order()
    key = store.order(order)["order_key"]
    with pytest.raises(ValueError, match="taken"):
        store.place_order(order_id=order)
    store.delete_order(order)
    assert store.place_order(order_id=order) == order
    assert store.order(order)["order_key"] != key
    assert store.place_order(number="A-7") > order
    assert store.order(order + 1)["number"] == "A-7"


def test_meta_with_woocommerces_own_keys_changes_the_order(store: WooCommerceSandbox) -> None:
    order = store.place_order(meta={"_vat_number": "EL1"})
    entries = [{"key": "_billing_email", "value": "x@example.test"}, {"key": "po", "value": 7}]
    answer = put(store, order, meta_data=entries).json()
    assert answer["billing"]["email"] == "x@example.test"
    assert [(m["key"], m["value"]) for m in answer["meta_data"]] == [
        ("_vat_number", "EL1"),
        ("po", 7),
    ]


def test_edits_in_the_shop_move_the_time_and_send_no_mail(
    store: WooCommerceSandbox, clock: Clock
) -> None:
    order = store.place_order()
    clock.move()
    store.edit_order(order, customer_note="Blue", status="on-hold")
    assert modified(store, order) == "2026-11-23T03:50:01"
    assert store.mails == []
    with pytest.raises(AttributeError):
        store.edit_order(order, lines=[])


def test_a_negative_fee_never_makes_the_order_negative(store: WooCommerceSandbox) -> None:
    mug = store.add_product("Mug", "MUG", "12.40")
    order = store.place_order([Item(mug)], fees=[Fee("Gift", Decimal(-50))])
    answer = store.order(order)
    assert rows_of(answer, "fee_lines")[0]["total"] == "-10.00"
    assert answer["total"] == "0.00"


def test_yen_have_two_decimals_too(store: WooCommerceSandbox) -> None:
    mug = store.add_product("Mug", "MUG", 620)
    answer = store.order(store.place_order([Item(mug, 2)], currency="JPY"))
    assert (answer["currency"], answer["total"]) == ("JPY", "1240.00")


def test_a_fault_after_the_fact_leaves_the_order_completed(store: WooCommerceSandbox) -> None:
    order = store.place_order()
    store.server.add_fault(Fault(FaultKind.STATUS_AFTER, method="PUT", status=502))
    assert put(store, order, status="completed").status_code == 502
    assert store.order(order)["status"] == "completed"
