"""Every kind of answer parses with the models of the public client `katana-openapi-client`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Protocol

import pytest
from katana_public_api_client import models

from tests.sandbox.katana_support import Shop, open_shop


class Model(Protocol):
    """A model of the public client."""

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, object]) -> object: ...


@pytest.fixture(scope="module")
def shop() -> Iterator[Shop]:
    """A Katana with at least one record of every kind."""
    with open_shop() as shop:
        katana = shop.katana
        jam = katana.add_product("Jam", "JAM", batch_tracked=True)
        expires = shop.clock.now + timedelta(days=90)
        place = katana.main_location_id
        katana.add_batch(jam, place, Decimal(5), "B1", expires=expires)
        katana.add_material("Clay", "CLAY")
        katana.add_service("WooCommerce fee", "FEE")
        address = {"entity_type": "shipping", "city": "Tallinn", "country": "Estonia"}
        shop.one("POST", "customers", {"name": "Bo", "addresses": [address]})
        rows = [shop.row(attributes=[{"key": "Engraving", "value": "Ann"}])]
        rows.append(shop.row(variant_id=jam))
        order = shop.order(sales_order_rows=rows, addresses=[address], currency="USD")
        fee = {"sales_order_id": order, "amount": "4.03"}
        shop.one("POST", "sales_order_shipping_fee", fee)
        row = {"variant_id": shop.katana.variants()[-1].id, "quantity": 3, "cost_per_unit": 2.5}
        adjustment = {
            "stock_adjustment_number": "SA-1",
            "location_id": place,
            "stock_adjustment_rows": [row],
        }
        shop.one("POST", "stock_adjustments", adjustment)
        katana.deliver(order)
        katana.delete_order(shop.order())
        yield shop


@pytest.mark.parametrize(
    ("path", "model"),
    [
        ("sales_orders?include_deleted=true", models.SalesOrderListResponse),
        ("sales_order_shipping_fee", models.SalesOrderShippingFeeListResponse),
        ("sales_order_fulfillments", models.SalesOrderFulfillmentListResponse),
        ("customers", models.CustomerListResponse),
        ("variants", models.VariantListResponse),
        ("products", models.ProductListResponse),
        ("services", models.ServiceListResponse),
        ("tax_rates", models.TaxRateListResponse),
        ("locations", models.GetAllLocationsResponse200),
        ("batch_stocks", models.BatchStockListResponse),
        ("inventory?extend=variant&extend=location", models.InventoryListResponse),
        ("inventory_movements", models.InventoryMovementListResponse),
        ("stock_adjustments", models.StockAdjustmentListResponse),
    ],
)
def test_lists_parse(shop: Shop, path: str, model: type[Model]) -> None:
    body = shop.send("GET", path).json()
    assert body["data"]
    model.from_dict(body)


def test_variants_with_their_parents_parse(shop: Shop) -> None:
    for row in shop.get("variants?extend=product_or_material"):
        models.VariantResponse.from_dict(row)


def test_single_records_parse(shop: Shop) -> None:
    order = shop.get("sales_orders")[0]["id"]
    parsed = models.SalesOrder.from_dict(shop.one("GET", f"sales_orders/{order}"))
    assert parsed.status.value == "DELIVERED"
    product = shop.get("products")[0]["id"]
    models.Product.from_dict(shop.one("GET", f"products/{product}"))
    place = shop.katana.main_location_id
    models.LocationType0.from_dict(shop.one("GET", f"locations/{place}"))


def test_what_is_created_parses(shop: Shop) -> None:
    models.SalesOrder.from_dict(shop.one("POST", "sales_orders", shop.draft()))
    models.Customer.from_dict(shop.one("POST", "customers", {"name": "Cy"}))
    models.TaxRate.from_dict(shop.one("POST", "tax_rates", {"rate": 9}))
    colours = [{"config_name": "Colour", "config_value": value} for value in ("Red", "Blue")]
    configs = [{"name": "Colour", "values": ["Red", "Blue"]}]
    variants = [{"sku": "CUP", "config_attributes": colours[:1]}]
    body = {"name": "Cup", "configs": configs, "variants": variants}
    product = shop.one("POST", "products", body)
    models.Product.from_dict(product)
    models.Service.from_dict(shop.one("POST", "services", {"name": "Wrap", "variants": [{}]}))
    variant = {"product_id": product["id"], "sku": "CUP-2", "config_attributes": colours[1:]}
    models.Variant.from_dict(shop.one("POST", "variants", variant))


def test_the_factory_parses(shop: Shop) -> None:
    factory = shop.one("GET", "factory")
    # The model takes a date where Katana answers a number of days, and none where it answers null.
    for name in ("default_so_delivery_time", "default_po_lead_time", "inventory_closing_date"):
        del factory[name]
    assert models.Factory.from_dict(factory).base_currency_code == "EUR"


def test_errors_parse(shop: Shop) -> None:
    refused = shop.send("POST", "customers", {}).json()
    parsed = models.DetailedErrorResponse.from_dict(refused)
    assert parsed.code == "VALIDATION_FAILED"
    models.DetailedErrorResponse.from_dict(
        shop.send("POST", "sales_orders", shop.draft(customer_id=3)).json()
    )
    models.ErrorResponse.from_dict(shop.send("GET", "nowhere").json())


def test_orders_and_customers_have_the_models_fields(shop: Shop) -> None:
    order = models.SalesOrder.from_dict(shop.get("sales_orders")[0])
    # The model leaves out what lists of deleted orders carry.
    assert order.additional_properties == {"deleted_at": None}
    customer = models.Customer.from_dict(shop.get("customers")[0])
    assert customer.additional_properties == {}
