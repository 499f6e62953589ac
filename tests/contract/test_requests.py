"""Everything that is sent to Katana is what its published contract takes, and every kind of body is
one that its public client could have made."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from decimal import Decimal
from typing import Protocol

import pytest
from katana_public_api_client import models

from katana_woo_sync.clients.katana import KatanaClient
from katana_woo_sync.domain.katana import (
    ConfigAttributeDraft,
    ConfigDraft,
    Draft,
    ProductDraft,
    ServiceDraft,
    ShippingFeeDraft,
    TaxRateDraft,
    VariantDraft,
    encode,
)
from katana_woo_sync.domain.stock import AdjustmentRowDraft, StockAdjustmentDraft
from katana_woo_sync.sandbox.server import Fault, FaultKind, RecordedRequest
from katana_woo_sync.sandbox.woocommerce import Address, Coupon, Fee, Item, Shipping
from tests.clients.drafts import CUSTOMER, sales_order
from tests.clients.support import served_katana
from tests.contract.published import CONTRACT, breaches
from tests.sync.world import ANNA, World

needs_contract = pytest.mark.skipif(
    not CONTRACT.is_file(), reason="the published contract is not beside this checkout"
)

VARIANT = VariantDraft(
    sku="SHIRT-R",
    sales_price=Decimal("8.0645161290"),
    config_attributes=(ConfigAttributeDraft(config_name="Colour", config_value="Red"),),
)
DRAFTS: dict[str, tuple[Draft, type[Model]]] = {}


class Model(Protocol):
    """A request's model of the public client."""

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, object]) -> object: ...


DRAFTS.update(
    {
        "sales order": (sales_order("1", 1, 2, 3, 4), models.CreateSalesOrderRequest),
        "shipping fee": (
            ShippingFeeDraft(sales_order_id=1, amount="4.03", tax_rate_id=2, description="Post"),
            models.CreateSalesOrderShippingFeeRequest,
        ),
        "customer": (CUSTOMER, models.CreateCustomerRequest),
        "product": (
            ProductDraft(
                name="Shirt",
                additional_info="",
                uom="pcs",
                is_sellable=True,
                variants=(VARIANT,),
                configs=(ConfigDraft(name="Colour", values=("Red", "Blue")),),
            ),
            models.CreateProductRequest,
        ),
        "simple product": (
            ProductDraft(
                name="Mug", additional_info="", uom="pcs", variants=(VariantDraft(sku="MUG"),)
            ),
            models.CreateProductRequest,
        ),
        "service": (
            ServiceDraft(
                name="Fee", uom="pcs", is_sellable=True, variants=(VariantDraft(sku="FEE"),)
            ),
            models.CreateServiceRequest,
        ),
        "tax rate": (TaxRateDraft(rate=Decimal("25.5"), name="VAT"), models.CreateTaxRateRequest),
    }
)


def unknown_fields(body: object, made: object) -> list[str]:
    """The names in a body that its model, or one inside it, has no field for."""
    if isinstance(body, list) and isinstance(made, list):
        return [n for part, its in zip(body, made, strict=True) for n in unknown_fields(part, its)]
    if not isinstance(body, dict) or not hasattr(made, "__attrs_attrs__"):
        return []
    fields = {field.name.rstrip("_"): field.name for field in made.__attrs_attrs__}
    unknown = [name for name in body if name not in fields]
    known = [name for name in body if name in fields]
    return unknown + [
        n for name in known for n in unknown_fields(body[name], getattr(made, fields[name]))
    ]


def as_the_models_want_it(kind: str, body: dict[str, object]) -> dict[str, object]:
    """The body, with what the models, unlike Katana's own contract, get wrong: a sales order's
    addresses they want as those of an answer, with ids, a customer's they do not know, and of a
    variant they want a SKU."""
    addresses = body.get("addresses")
    if kind == "customer":
        return {name: value for name, value in body.items() if name != "addresses"}
    variants = body.get("variants")
    if isinstance(variants, list):
        return {**body, "variants": [{"sku": "", **variant} for variant in variants]}
    if isinstance(addresses, list):
        with_ids = [{**address, "id": 1, "sales_order_id": 1} for address in addresses]
        return {**body, "addresses": with_ids}
    return body


@pytest.mark.parametrize("kind", DRAFTS)
def test_a_body_has_all_required_fields_and_no_unknown_one(kind: str) -> None:
    draft, model = DRAFTS[kind]
    body = as_the_models_want_it(kind, json.loads(encode(draft)))
    assert unknown_fields(body, model.from_dict(body)) == []


def test_a_customers_address_has_no_unknown_field() -> None:
    address = {**json.loads(encode(CUSTOMER))["addresses"][0], "customer_id": 1}
    made = models.CreateCustomerAddressRequest.from_dict(address)
    assert unknown_fields(address, made) == []


DELIVERED = b'{"status":"DELIVERED"}'
PATHS = {
    "sales order": "/v1/sales_orders",
    "shipping fee": "/v1/sales_order_shipping_fee",
    "customer": "/v1/customers",
    "product": "/v1/products",
    "simple product": "/v1/products",
    "service": "/v1/services",
    "tax rate": "/v1/tax_rates",
}


def posted(path: str, body: object) -> RecordedRequest:
    """A POST as the program would send it."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return RecordedRequest("POST", path, "", data, 200)


@needs_contract
@pytest.mark.parametrize("kind", DRAFTS)
def test_a_body_is_what_the_published_contract_takes(kind: str) -> None:
    draft, _model = DRAFTS[kind]
    assert list(breaches(posted(PATHS[kind], encode(draft)))) == []


@needs_contract
def test_a_stock_adjustment_is_what_the_published_contract_takes() -> None:
    # the public client's model of it has other names than the contract that Katana publishes
    row = AdjustmentRowDraft(
        variant_id=1, quantity=Decimal("-2.5"), cost_per_unit=Decimal("3.1415")
    )
    draft = StockAdjustmentDraft(
        stock_adjustment_number="WOO-INITIAL-shop.test",
        location_id=1,
        stock_adjustment_rows=(row,),
        stock_adjustment_date="2026-03-02T09:00:00.000Z",
        reason="Initial stock",
        additional_info="What the shop had",
    )
    assert list(breaches(posted("/v1/stock_adjustments", encode(draft)))) == []


@needs_contract
def test_delivering_is_what_the_published_contract_takes() -> None:
    request = RecordedRequest("PATCH", "/v1/sales_orders/7", "", DELIVERED, 200)
    assert list(breaches(request)) == []


@needs_contract
@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/tax_rates", {"name": "VAT"}),
        ("/v1/tax_rates", {"rate": "24"}),
        ("/v1/tax_rates", {"rate": 24, "colour": "red"}),
        ("/v1/sales_order_shipping_fee", {"sales_order_id": 1, "amount": 4}),
        ("/v1/customers", {"name": None}),
        ("/v1/sales_orders", {"customer_id": 1, "sales_order_rows": []}),
        ("/v1/sales_orders", {"customer_id": 1, "sales_order_rows": [{"quantity": 1}]}),
        ("/v1/nowhere", {}),
    ],
)
def test_a_breach_of_the_published_contract_would_be_noticed(path: str, body: object) -> None:
    assert list(breaches(posted(path, body))) != []


@needs_contract
@pytest.mark.parametrize("query", ["colour=red", "include_deleted=yes", "customer_id=me"])
def test_an_unknown_query_would_be_noticed(query: str) -> None:
    request = RecordedRequest("GET", "/v1/sales_orders", query, b"", 200)
    assert list(breaches(request)) != []


def ask_everything(client: KatanaClient) -> None:
    """Every question that the program has for Katana, with every filter."""
    since = datetime(2026, 3, 1, tzinfo=UTC)
    for moment in (None, since):
        client.sales_orders_changed(moment)
        client.customers_changed(moment)
        client.movements_changed(moment)
        client.orders_touched(moment)
    list(client.all_sales_orders())
    client.sales_orders(store_name="shop.test", order_id="7")
    client.sales_orders(order_no="7")
    client.stock_of([1, 2], 3)
    client.all_stock(3)
    client.newest_movement()
    list(client.movements_of([1, 2]))
    list(client.open_orders())
    client.stock_adjustments(number="SA-1")
    client.stock_adjustments(location_id=3)
    client.shipping_fees(1)
    client.customers("shop.test#7")
    client.variants(["A, B", "ÄÖ&=", "C"])
    client.products("Mug")
    client.services("WooCommerce fee")
    client.services()
    client.tax_rates()
    client.locations()
    client.factory()


@needs_contract
def test_every_query_is_in_the_published_contract() -> None:
    with served_katana() as (katana, client):
        ask_everything(client)
        asked = list(katana.server.requests)
    assert {request.path.removeprefix("/v1") for request in asked} == {
        "/sales_orders",
        "/sales_order_shipping_fee",
        "/customers",
        "/variants",
        "/products",
        "/services",
        "/tax_rates",
        "/locations",
        "/factory",
        "/inventory",
        "/inventory_movements",
        "/stock_adjustments",
    }
    assert [found for request in asked for found in breaches(request)] == []


def test_delivering_is_a_status_that_katana_knows() -> None:
    made = models.UpdateSalesOrderBody.from_dict({"status": "DELIVERED"})
    assert made.status is models.UpdateSalesOrderBodyStatus.DELIVERED


def test_an_unknown_field_would_be_noticed() -> None:
    row = {"quantity": 1, "variant_id": 2, "price": 3}
    body = {"order_no": "1", "customer_id": 1, "colour": "red", "sales_order_rows": [row]}
    made = models.CreateSalesOrderRequest.from_dict(body)
    assert unknown_fields(body, made) == ["colour", "price"]


def test_everything_that_is_sent_keeps_the_published_contract() -> None:
    with served_katana() as (katana, client):
        customer = client.create_customer(CUSTOMER)
        shirt, _model = DRAFTS["product"]
        assert isinstance(shirt, ProductDraft)
        variant = client.create_product(shirt).variants[0]
        rate = client.create_tax_rate(TaxRateDraft(rate=Decimal("25.5"), name="VAT"))
        place = katana.main_location_id
        draft = sales_order("1", int(customer.id), int(variant.id), int(rate.id), place)
        order = int(client.create_sales_order(draft).id)
        fee = ShippingFeeDraft(sales_order_id=order, amount="4.03", tax_rate_id=int(rate.id))
        client.create_shipping_fee(fee)
        client.deliver(order)
        client.sales_orders_changed(None)
        client.customers_changed(None)
        client.variants(["SHIRT-R"])
        assert katana.contract_violations == []
        assert katana.refusals == []


MODELS: Mapping[str, tuple[str, type[Model]]] = {
    "/v1/sales_orders": ("sales order", models.CreateSalesOrderRequest),
    "/v1/sales_order_shipping_fee": ("shipping fee", models.CreateSalesOrderShippingFeeRequest),
    "/v1/customers": ("customer", models.CreateCustomerRequest),
    "/v1/products": ("product", models.CreateProductRequest),
    "/v1/services": ("service", models.CreateServiceRequest),
    "/v1/tax_rates": ("tax rate", models.CreateTaxRateRequest),
}
LONG = Address(first_name="N" * 200, last_name="\u202e; DROP", company="\x07", email="no mail")


def place_odd_orders(world: World, name: str) -> None:
    """Orders with something of everything, in one shop."""
    shop, mug, lamp = world.shops[name], world.mug[name], world.lamp[name]
    shirt, (red, _blue) = shop.add_variable_product(
        f"T-Shirt & {name}",
        "",
        [(f"RED-{name}", "19.90", {"Colour": "Red"}), ("", "21.90", {"Colour": "Blue"})],
    )
    unnumbered = shop.add_product("No SKU", "", "3.33")
    place = shop.place_order
    place([Item(shirt, 2, red)], billing=ANNA, shipping=[Shipping("Post", Decimal("4.90"))])
    place([Item(unnumbered, 7)], billing=LONG, customer_note="n" * 5000)
    place([Item(lamp, 1000)], billing=Address(), coupons=[Coupon("a", "percent", Decimal("33.3"))])
    place([Item(mug, 3)], billing=ANNA, coupons=[Coupon("b", "fixed_cart", Decimal(5))])
    place([Item(mug, 1, meta=(("Engraving", "🦄 <b>"), ("", "x")))], customer_id=7, number="A/7")
    place([Item(mug, 1)], billing=ANNA, number="A/7", vat_exempt=True)
    place([], fees=[Fee("Donation", Decimal(5), None)], shipping=[Shipping("P", Decimal(1))])
    fees = [Fee("Gift wrap", Decimal("2.50")), Fee("Loyalty", Decimal("-1.20"))]
    place([Item(lamp, 2)], billing=ANNA, fees=fees)
    refunded = place([Item(mug, 5), Item(lamp, 1)], billing=ANNA)
    shop.refund(refunded, lines={shop.state.orders[refunded].lines[0].id: 2})
    shop.add_generated_orders(10, seed=5)


@pytest.fixture(scope="module")
def sent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[RecordedRequest]]:
    """All requests to Katana of a first import of two odd shops, of fulfilment and of idle cycles,
    also with a lost answer of each kind of write."""
    with ExitStack() as stack:
        world = World(tmp_path_factory.mktemp("sent"), stack, names=("eu", "us"))
        world.configure(stores={"us": 'order_number_prefix = "US-"'})
        for name in world.shops:
            place_odd_orders(world, name)
        for path in MODELS:
            world.katana.server.add_fault(Fault(FaultKind.DROP_AFTER, "POST", path))
        world.backfill()
        world.settle(6)
        world.shop.set_status(min(world.shop.state.orders), "completed")
        world.settle(3)
        yield list(world.katana.server.requests)


def test_a_whole_run_sends_every_kind_of_write(sent: list[RecordedRequest]) -> None:
    written = {(r.method, r.path) for r in sent if r.method == "POST"}
    assert written == {("POST", path) for path in MODELS}
    assert {r.body for r in sent if r.method == "PATCH"} == {DELIVERED}


@needs_contract
def test_a_whole_run_keeps_the_published_contract(sent: list[RecordedRequest]) -> None:
    assert len(sent) > 60
    assert [found for request in sent for found in breaches(request)] == []


def test_a_whole_run_sends_what_the_public_client_could(sent: list[RecordedRequest]) -> None:
    for request in (r for r in sent if r.method == "POST"):
        kind, model = MODELS[request.path]
        body = as_the_models_want_it(kind, json.loads(request.body))
        assert unknown_fields(body, model.from_dict(body)) == [], request
