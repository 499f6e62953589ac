"""The WooCommerce client against the sandbox store, and odd answers."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
import responses

from katana_woo_sync.clients.connection import is_loopback
from katana_woo_sync.clients.errors import (
    BadRequest,
    MissingPermission,
    NotFound,
    NotTheApi,
    RefusedKey,
    UnknownOutcome,
)
from katana_woo_sync.clients.order_reader import UnreadableOrder
from katana_woo_sync.clients.redact import Redactor
from katana_woo_sync.clients.woocommerce import WooCommerceClient
from katana_woo_sync.domain.woocommerce import Order, StoreFacts
from katana_woo_sync.sandbox.server import Fault, FaultKind
from katana_woo_sync.sandbox.woocommerce import Item, WooCommerceSandbox
from tests.clients.support import KEY, SECRET, StoreSettings, store

ORDERS = "https://shop.test/wp-json/wc/v3/orders"


class Clock:
    """A clock that goes on by a second each time it is looked at."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now


@pytest.fixture(params=[("11.0.1", True, 5.5), ("8.2.2", False, -5.0)], ids=["11", "8.2"])
def shop(request: pytest.FixtureRequest) -> Iterator[WooCommerceSandbox]:
    """A served store, of two versions, storages and time zones."""
    version, hpos, offset = request.param
    with WooCommerceSandbox(
        consumer_key=KEY,
        consumer_secret=SECRET,
        version=version,
        hpos=hpos,
        utc_offset_hours=offset,
        clock=Clock(),
    ) as served:
        yield served


def test_whether_the_key_may_write_is_asked_without_changing_anything(
    shop: WooCommerceSandbox,
) -> None:
    (order,) = place(shop)
    before = shop.order(order)
    store(shop.url).may_write()
    shop.gate.permission = "read"
    with pytest.raises(MissingPermission):
        store(shop.url).may_write()
    assert shop.order(order) == before


@responses.activate
@pytest.mark.parametrize(("status", "known"), [(400, True), (405, False)])
def test_a_write_that_is_refused_for_its_content_was_allowed(status: int, known: bool) -> None:
    body = {"code": "rest_invalid_param", "message": "No", "data": {"status": status}}
    responses.put(f"{ORDERS}/0", json=body, status=status)
    if known:
        store("https://shop.test").may_write()
    else:
        with pytest.raises(BadRequest):
            store("https://shop.test").may_write()


def place(shop: WooCommerceSandbox, count: int = 1) -> list[int]:
    """Place orders of one mug each."""
    mug = shop.add_product("Mug", "MUG-1", Decimal(10))
    return [shop.place_order([Item(mug)]) for _ in range(count)]


def test_http_is_signed_as_woocommerce_verifies_it(shop: WooCommerceSandbox) -> None:
    (order_id,) = place(shop)
    client = store(shop.url)
    assert client.order(order_id, 6).number == str(order_id)
    assert len(list(client.open_orders(["processing", "on-hold"]))) == 1
    assert all(request.status == 200 for request in shop.server.requests)
    assert "cs_" not in shop.server.requests[0].query


def test_every_retry_is_signed_anew(shop: WooCommerceSandbox) -> None:
    (order_id,) = place(shop)
    shop.server.add_fault(Fault(FaultKind.DROP_AFTER, times=2))
    assert store(shop.url, attempts=4).order(order_id, None).id == order_id
    nonces = {request.query.partition("oauth_nonce=")[2][:20] for request in shop.server.requests}
    assert len(nonces) == 3


def test_http_elsewhere_needs_permission() -> None:
    with pytest.raises(ValueError, match="http is not allowed"):
        WooCommerceClient(StoreSettings("http://shop.test"), redactor=Redactor())
    allowed = StoreSettings("http://shop.test", allow_http=True)
    assert WooCommerceClient(allowed, redactor=Redactor()).sent == 0


@pytest.mark.parametrize("host", ["127.0.0.9", "localhost", "::1"])
def test_loopback_is_known(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["127.evil.test", "localhost.evil.test", "10.0.0.1", ""])
def test_a_name_that_looks_like_loopback_is_none(host: str) -> None:
    assert not is_loopback(host)


@responses.activate
def test_https_is_basic() -> None:
    responses.get(f"{ORDERS}/5", json={"id": 5})
    store().order(5, None)
    assert responses.calls[0].request.headers["Authorization"].startswith("Basic ")
    assert "consumer_key" not in str(responses.calls[0].request.url)


def test_changed_orders_are_those_after_the_mark(shop: WooCommerceSandbox) -> None:
    place(shop, 3)
    client = store(shop.url)
    everything = client.changed_orders(None, None)
    assert (len(everything.orders), everything.pages) == (3, 1)
    assert client.newest_modified() == everything.mark
    assert client.changed_orders(everything.mark, None).orders == ()
    later = place(shop)
    assert [o.id for o in client.changed_orders(everything.mark, 6).orders] == later


def test_an_idle_poll_is_one_request(shop: WooCommerceSandbox) -> None:
    place(shop)
    client = store(shop.url)
    mark = client.newest_modified()
    client.changed_orders(mark, None)
    assert client.sent == shop.server.count() == 2


def test_no_order_is_lost_that_changes_between_pages(shop: WooCommerceSandbox) -> None:
    ids = place(shop, 250)

    def trash() -> None:
        for order_id in ids[-30:]:
            shop.trash(order_id)

    def complete() -> None:
        for order_id in ids[:40]:
            shop.set_status(order_id, "completed")

    shop.app.before_list[:] = [lambda: None, trash, complete]
    read = store(shop.url).changed_orders(None, None)
    assert {int(order.id) for order in read.orders} >= set(ids[:-30])


def test_open_orders_come_in_their_statuses(shop: WooCommerceSandbox) -> None:
    ids = place(shop, 3)
    shop.set_status(ids[1], "completed")
    (page,) = store(shop.url).open_orders(["processing", "on-hold"])
    assert [order.id for order in page] == [ids[0], ids[2]]
    assert all(isinstance(order, Order) and not order.line_items for order in page)


def test_orders_are_asked_for_by_the_hundred(shop: WooCommerceSandbox) -> None:
    ids = place(shop, 130)
    client = store(shop.url)
    assert [order.id for order in client.orders([*ids, 999_999], None)] == ids
    assert client.sent == 2


def test_an_order_in_the_trash_is_found_by_id_alone(shop: WooCommerceSandbox) -> None:
    (order_id,) = place(shop)
    shop.trash(order_id)
    client = store(shop.url)
    assert client.orders([order_id], None) == ()
    assert client.order(order_id, None).status == "trash"


def test_an_unknown_order_is_not_found_whether_read_or_written(shop: WooCommerceSandbox) -> None:
    client = store(shop.url)
    with pytest.raises(NotFound):
        client.order(999_999, None)
    with pytest.raises(NotFound):
        client.complete(999_999)


def test_completing_sends_the_status_alone(shop: WooCommerceSandbox) -> None:
    (order_id,) = place(shop)
    assert store(shop.url).complete(order_id).status == "completed"
    assert shop.server.requests[-1].body == b'{"status":"completed"}'


def test_a_completion_whose_answer_is_lost_is_sent_once(shop: WooCommerceSandbox) -> None:
    (order_id,) = place(shop)
    shop.server.add_fault(Fault(FaultKind.DROP_AFTER, method="PUT", times=9))
    with pytest.raises(UnknownOutcome):
        store(shop.url, attempts=4).complete(order_id)
    assert shop.server.count("PUT") == 1


@responses.activate
def test_an_order_that_stays_open_was_not_completed() -> None:
    responses.put(f"{ORDERS}/5", json={"id": 5, "status": "on-hold"})
    with pytest.raises(BadRequest, match='stayed "on-hold"'):
        store().complete(5)


@responses.activate
@pytest.mark.parametrize("answer", [[], {"status": "completed"}, {"id": 5, "total": "x"}])
def test_a_completion_that_is_answered_oddly_is_unknown(answer: object) -> None:
    responses.put(f"{ORDERS}/5", json=answer)
    with pytest.raises(UnknownOutcome):
        store().complete(5)


def test_a_read_only_key_is_told_from_a_wrong_one(shop: WooCommerceSandbox) -> None:
    (order_id,) = place(shop)
    shop.gate.permission = "read"
    with pytest.raises(MissingPermission, match="Read/Write"):
        store(shop.url).complete(order_id)
    shop.gate.consumer_secret = "cs_other"
    with pytest.raises(RefusedKey, match="consumer_secret"):
        store(shop.url).order(order_id, None)


@responses.activate
def test_a_read_only_key_is_known_in_every_language() -> None:
    said = {
        "code": "woocommerce_rest_authentication_error",
        "message": "Der Schlüssel verfügt nicht über Schreibberechtigungen.",
        "data": {"status": 401},
    }
    responses.get(f"{ORDERS}/5", json={"id": 5})
    responses.put(f"{ORDERS}/5", status=401, json=said)
    client = store()
    client.order(5, None)
    with pytest.raises(MissingPermission):
        client.complete(5)


def test_products_variations_and_refunds_come_typed(shop: WooCommerceSandbox) -> None:
    parent, children = shop.add_variable_product(
        "Shirt", "SHIRT", [("SHIRT-R", 20, {"Colour": "Red"}), ("SHIRT-B", 20, {"Colour": "Blue"})]
    )
    order_id = place(shop)[0]
    shop.refund(order_id, "1.00")
    client = store(shop.url)
    assert [product.name for product in client.products([parent, 999_999])] == ["Shirt"]
    variations = client.variations(parent)
    assert [v.id for v in variations] == children
    assert all(v.parent_id == parent and v.type == "variation" for v in variations)
    assert client.variation(parent, children[1]) == variations[1]
    shop.trash_product(parent)
    assert client.variations(parent) == ()
    trashed = client.variation(parent, children[1])
    assert (trashed.sku, trashed.status, trashed.type) == ("SHIRT-B", "trash", "variation")
    with pytest.raises(NotFound):
        client.variation(parent, 999_999)
    assert [refund.amount for refund in client.refunds(order_id, None)] == [Decimal("1.00")]


def test_the_stores_settings_are_read() -> None:
    with WooCommerceSandbox(
        consumer_key=KEY,
        consumer_secret=SECRET,
        currency="GBP",
        round_at_subtotal=True,
        price_decimals=3,
    ) as shop:
        facts = store(shop.url).facts()
    assert facts == StoreFacts(round_at_subtotal=True, decimals=3, currency=facts.currency)
    assert (facts.currency, facts.dp) == ("GBP", 6)


@responses.activate
def test_a_bad_element_never_spoils_a_list() -> None:
    rows: list[object] = [{"id": 9}, None, {"id": 8, "total": "x"}, {"x": 1}, {"id": 7}]
    responses.get(ORDERS, json=rows, headers={"X-WP-Total": "5"})
    read = store().changed_orders(None, None)
    assert [order.id for order in read.orders] == [7, 8, 9]
    assert isinstance(read.orders[1], UnreadableOrder)


@responses.activate
def test_a_filter_that_the_shop_ignores_is_applied_here() -> None:
    times = ("2026-03-01T10:00:00", "2026-03-01T12:00:00")
    rows = [{"id": 9 - i, "date_modified_gmt": at} for i, at in enumerate(times)]
    responses.get(ORDERS, json=rows, headers={"X-WP-Total": "2"})
    after = datetime(2026, 3, 1, 11, 0, tzinfo=UTC)
    assert [order.id for order in store().changed_orders(after, None).orders] == [8]


@responses.activate
def test_the_time_is_sent_in_gmt_without_a_suffix() -> None:
    responses.get(ORDERS, json=[])
    store().changed_orders(datetime(2026, 3, 1, 11, 0, 5, 900_000, tzinfo=UTC), 6)
    sent = responses.calls[0].request.params  # type: ignore[attr-defined]
    assert sent["modified_after"] == "2026-03-01T11:00:05"
    assert (sent["dates_are_gmt"], sent["dp"], sent["status"]) == ("true", "6", "any")


@responses.activate
def test_a_cache_before_the_shop_is_named() -> None:
    responses.get(ORDERS, json=[{"id": i} for i in range(100, 0, -1)])
    with pytest.raises(NotTheApi, match="cache"):
        store().changed_orders(None, None)


@responses.activate
def test_an_object_in_the_place_of_a_list_is_not_the_api() -> None:
    responses.get(ORDERS, json={"id": 5})
    with pytest.raises(NotTheApi, match="a list was expected"):
        store().newest_modified()
