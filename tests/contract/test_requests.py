"""Every kind of body that is sent to Katana is one that its public client could have made."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Protocol

import pytest
from katana_public_api_client import models

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
from tests.clients.drafts import CUSTOMER, sales_order
from tests.clients.support import served_katana

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
                uom="pcs",
                is_sellable=True,
                variants=(VARIANT,),
                configs=(ConfigDraft(name="Colour", values=("Red", "Blue")),),
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
    """The body, with what the models, unlike Katana's own contract, get wrong about addresses: for
    a sales order they want those of an answer, with ids; for a customer they know none."""
    addresses = body.get("addresses")
    if kind == "customer":
        return {name: value for name, value in body.items() if name != "addresses"}
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
