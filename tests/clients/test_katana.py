"""The Katana client against the sandbox Katana, and odd answers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
import responses

from katana_woo_sync.clients.errors import (
    BadRequest,
    MissingPermission,
    NotFound,
    NotTheApi,
    RefusedKey,
    UnknownOutcome,
)
from katana_woo_sync.clients.katana import KatanaClient
from katana_woo_sync.clients.redact import Redactor
from katana_woo_sync.clients.throttle import Cancelled, Throttle
from katana_woo_sync.domain.katana import (
    ProductDraft,
    ServiceDraft,
    ShippingFeeDraft,
    TaxRateDraft,
    VariantDraft,
)
from katana_woo_sync.sandbox.katana import KatanaSandbox
from katana_woo_sync.sandbox.server import Fault, FaultKind
from tests.clients.drafts import CUSTOMER, sales_order
from tests.clients.support import KatanaSettings, katana, served_katana

BASE = "https://katana.test/v1"
Served = tuple[KatanaSandbox, KatanaClient]


@pytest.fixture
def served() -> Iterator[Served]:
    """A served Katana and its client."""
    with served_katana() as both:
        yield both


def create(served: Served, number: str = "1") -> int:
    """Create an order of a mug and give its id."""
    sandbox, client = served
    variant = sandbox.add_product("Mug", None)
    customer = sandbox.add_customer("Ann")
    tax, place = sandbox.default_tax_rate_id, sandbox.main_location_id
    return int(client.create_sales_order(sales_order(number, customer, variant, tax, place)).id)


def test_an_order_is_created_and_found_by_its_hidden_id(served: Served) -> None:
    made = create(served)
    _sandbox, client = served
    assert client.sent == 1
    (found,) = client.sales_orders(store_name="shop.test", order_id="1")
    assert (found.id, found.order_no) == (made, "1")
    assert client.sales_order(made).total == Decimal("12.2")
    assert client.sales_orders(order_no="2") == ()


def test_deleted_orders_are_listed_too(served: Served) -> None:
    made = create(served)
    sandbox, client = served
    sandbox.delete_order(made)
    assert [order.is_deleted for order in client.sales_orders_changed(None).orders] == [True]
    assert client.sales_orders(order_no="1")[0].is_deleted
    with pytest.raises(NotFound):
        client.sales_order(made)


def test_changes_are_heard_from_the_mark_on(served: Served) -> None:
    create(served, "1")
    _sandbox, client = served
    mark = client.sales_orders_changed(None).mark
    assert mark is not None
    later = create(served, "2")
    changed = client.sales_orders_changed(mark + timedelta(milliseconds=1))
    assert [order.id for order in changed.orders] == [later]


def test_a_number_that_is_taken_is_a_refusal_of_that_field(served: Served) -> None:
    create(served)
    with pytest.raises(BadRequest) as caught:
        create(served)
    assert caught.value.concerns("order_no")
    assert not caught.value.concerns("customer")
    assert "order_no" in caught.value.reason
    assert caught.value.status == 422


@pytest.mark.parametrize(
    "kind", [FaultKind.DROP_AFTER, FaultKind.TRUNCATE, FaultKind.HTML, FaultKind.STATUS_AFTER]
)
def test_a_create_whose_answer_is_lost_is_sent_once(served: Served, kind: FaultKind) -> None:
    sandbox, _client = served
    sandbox.server.add_fault(Fault(kind, method="POST", times=9))
    patient = katana(sandbox.url, attempts=4)
    with pytest.raises(UnknownOutcome):
        create((sandbox, patient))
    assert sandbox.server.count("POST") == 1


def test_delivering_sends_the_status_alone(served: Served) -> None:
    made = create(served)
    sandbox, client = served
    assert client.deliver(made).is_delivered
    assert sandbox.server.requests[-1].body == b'{"status":"DELIVERED"}'


@responses.activate
def test_an_order_that_stays_open_was_not_delivered() -> None:
    responses.patch(f"{BASE}/sales_orders/5", json={"id": 5, "status": "PARTIALLY_DELIVERED"})
    order = katana().deliver(5)
    assert (order.status, order.is_delivered) == ("PARTIALLY_DELIVERED", False)


def test_everything_else_is_created_and_found_again(served: Served) -> None:
    sandbox, client = served
    variants = (VariantDraft(sku="NEW-1", sales_price=Decimal("8.0645161290")),)
    product = client.create_product(
        ProductDraft(name="New", additional_info="", uom="pcs", variants=variants)
    )
    assert client.products("New")[0].id == product.id
    service = ServiceDraft(name="Fee", uom="pcs", variants=(VariantDraft(sku="FEE"),))
    assert client.create_service(service).id == client.services("Fee")[0].id
    customer = client.create_customer(CUSTOMER)
    assert client.customers(CUSTOMER.reference_id)[0].id == customer.id
    rate = client.create_tax_rate(TaxRateDraft(rate=Decimal("25.5"), name="VAT"))
    assert rate.rate == Decimal("25.5")
    assert rate.id in {known.id for known in client.tax_rates()}
    assert [place.id for place in client.locations()] == [sandbox.main_location_id]
    assert client.factory().base_currency_code == "EUR"


def test_a_shipping_fee_is_listed_with_its_order(served: Served) -> None:
    made = create(served)
    sandbox, client = served
    tax = sandbox.default_tax_rate_id
    draft = ShippingFeeDraft(sales_order_id=made, amount="4.0322580645", tax_rate_id=tax)
    fee = client.create_shipping_fee(draft)
    assert [known.id for known in client.shipping_fees(made)] == [fee.id]
    assert client.shipping_fees(made + 1) == ()


def test_many_skus_are_asked_for_together_and_case_is_kept(served: Served) -> None:
    sandbox, client = served
    for number in range(120):
        sandbox.add_product("Mug", f"MUG-{number}")
    found = client.variants([f"MUG-{number}" for number in range(120)] + ["NONE"])
    assert len(found) == 120
    assert client.sent == 2
    assert found[0].product_or_material is not None


def test_archived_variants_are_seen(served: Served) -> None:
    sandbox, client = served
    sandbox.archive_variant(sandbox.add_product("Mug", "MUG & SPOON+ö,1"))
    (variant,) = client.variants(["MUG & SPOON+ö,1"])
    assert variant.product_or_material is not None
    assert variant.product_or_material.archived_at


def test_long_skus_make_short_addresses(served: Served) -> None:
    sandbox, client = served
    skus = [f"{'ö' * 90}-{number}" for number in range(100)]
    for sku in skus:
        sandbox.add_product("Mug", sku)
    assert len(client.variants(skus)) == 100
    assert max(len(request.query) for request in sandbox.server.requests) < 6000


def page(rows: list[object], number: int, last: int) -> dict[str, object]:
    """Arguments for an answer that is a page of a list."""
    place = {"page": str(number), "last_page": "true" if number == last else "false"}
    return {"json": {"data": rows}, "headers": {"X-Pagination": json.dumps(place)}}


@responses.activate
def test_a_list_is_read_to_its_last_page_each_row_once() -> None:
    first: list[object] = [{"id": i} for i in range(250)]
    second: list[object] = [{"id": i} for i in range(249, 499)]
    responses.get(f"{BASE}/tax_rates", **page(first, 1, 2))
    responses.get(f"{BASE}/tax_rates", **page(second, 2, 2))
    assert len(katana().tax_rates()) == 499
    assert len(responses.calls) == 2


@responses.activate
def test_the_mark_of_several_pages_is_that_of_the_first() -> None:
    def row(number: int, minute: int) -> dict[str, object]:
        at = f"2026-03-01T10:{minute:02}:00.000Z"
        return {"id": number, "updated_at": at, "ecommerce_order_type": "wooCommerce"}

    responses.get(f"{BASE}/sales_orders", json={"data": [row(i, 5) for i in range(250)]})
    responses.get(f"{BASE}/sales_orders", json={"data": [row(999, 30)]})
    changed = katana().sales_orders_changed(None)
    assert len(changed.orders) == 251
    assert changed.mark == datetime(2026, 3, 1, 10, 5, tzinfo=UTC)


@responses.activate
def test_filters_that_katana_ignores_are_applied_here() -> None:
    rows = [
        {"id": 1, "ecommerce_order_type": "shopify", "ecommerce_order_id": "5"},
        {"id": 2, "ecommerce_order_type": "wooCommerce", "ecommerce_order_id": "6"},
    ]
    responses.get(f"{BASE}/sales_orders", json={"data": rows})
    responses.get(f"{BASE}/customers", json={"data": [{"id": 1, "reference_id": "other"}]})
    client = katana()
    assert [order.id for order in client.sales_orders_changed(None).orders] == [2]
    assert [order.id for order in client.sales_orders(order_id="6")] == [2]
    assert client.customers("mine") == ()


@responses.activate
@pytest.mark.parametrize("answer", [{}, {"id": None}, {"id": 0}, {"id": "x"}, [], {"data": None}])
def test_a_create_that_is_answered_without_an_id_is_unknown(answer: object) -> None:
    responses.post(f"{BASE}/tax_rates", json=answer)
    with pytest.raises(UnknownOutcome):
        katana().create_tax_rate(TaxRateDraft(rate=Decimal(5), name="x"))


@responses.activate
def test_nulls_are_the_defaults() -> None:
    row = {"id": 1, "sku": None, "product_or_material": {"id": 2, "batch_tracked": None}}
    responses.get(f"{BASE}/variants", json={"data": [row]})
    (variant,) = katana().variants([""])
    assert variant.product_or_material is not None
    assert not variant.product_or_material.batch_tracked


@responses.activate
def test_a_record_that_makes_no_sense_is_named() -> None:
    responses.get(f"{BASE}/sales_orders/5", json={"id": 5, "total": "a lot"})
    with pytest.raises(NotTheApi, match="total"):
        katana().sales_order(5)


def test_a_refused_key_says_where_to_look(served: Served) -> None:
    sandbox, _client = served
    other = KatanaSettings(sandbox.url, "another-key")
    stranger = KatanaClient(other, redactor=Redactor(), throttle=Throttle(60))
    with pytest.raises(RefusedKey, match="api_key"):
        stranger.factory()
    assert sandbox.server.count() == 1


@responses.activate
@pytest.mark.parametrize("status", [402, 403])
def test_what_the_plan_does_not_hold_is_a_missing_permission(status: int) -> None:
    responses.get(f"{BASE}/factory", status=status, json={"message": "Forbidden"})
    with pytest.raises(MissingPermission):
        katana().factory()


@responses.activate
def test_a_missing_field_is_named_with_katanas_words() -> None:
    detail = {
        "path": "/sales_order_rows/0",
        "code": "required",
        "message": "must have required property 'variant_id'",
        "info": {"missingProperty": "variant_id"},
    }
    said = {"statusCode": 422, "message": "The request body is invalid.", "details": [detail]}
    responses.post(f"{BASE}/customers", status=422, json=said)
    with pytest.raises(BadRequest) as caught:
        katana().create_customer(CUSTOMER)
    assert caught.value.concerns("variant_id")
    assert "The request body is invalid" in caught.value.reason
    assert "must have required property 'variant_id'" in caught.value.reason


def test_the_throttle_hears_what_katana_says() -> None:
    with KatanaSandbox(requests_per_minute=3, api_key=KatanaSettings.api_key) as sandbox:
        throttle = Throttle(60)
        client = KatanaClient(KatanaSettings(sandbox.url), redactor=Redactor(), throttle=throttle)
        for _ in range(3):
            client.factory()
        with pytest.raises(Cancelled):
            throttle.acquire(lambda: True)


def test_a_deletion_is_answered_without_a_body(served: Served) -> None:
    made = create(served)
    sandbox, client = served
    client.delete_sales_order(made)
    assert [
        request.status for request in sandbox.server.requests if request.method == "DELETE"
    ] == [204]
    assert sandbox.sales_order(made).deleted_at is not None


@responses.activate
def test_a_create_that_is_answered_without_a_body_is_unknown() -> None:
    responses.add(responses.POST, f"{BASE}/tax_rates", status=204)
    with pytest.raises(UnknownOutcome):
        katana(BASE).create_tax_rate(TaxRateDraft(name="VAT", rate=Decimal(24)))
