"""The query parameters of the lists that the sandbox serves, as the published contract names them.

A parameter that is not listed is ignored, as Katana ignores it.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta

from katana_woo_sync.sandbox.katana.contract import AnyId, FulfillmentStatus, Maybe, Number

Ids = tuple[AnyId, ...]


class ListQuery(msgspec.Struct, frozen=True, kw_only=True):
    """What every list takes."""

    limit: Annotated[int, Meta(ge=1, le=250)] = 50
    page: Annotated[int, Meta(ge=1)] = 1


class DatedQuery(ListQuery, frozen=True):
    """What most lists take; both ends belong to the range."""

    created_at_min: Maybe[str] = UNSET
    created_at_max: Maybe[str] = UNSET
    updated_at_min: Maybe[str] = UNSET
    updated_at_max: Maybe[str] = UNSET


class SalesOrdersQuery(DatedQuery, frozen=True):
    ids: Maybe[Ids] = UNSET
    order_no: Maybe[str] = UNSET
    source: Maybe[str] = UNSET
    customer_id: Maybe[int] = UNSET
    location_id: Maybe[int] = UNSET
    invoicing_status: Maybe[str] = UNSET
    product_availability: Maybe[
        Literal["IN_STOCK", "EXPECTED", "PICKED", "NOT_AVAILABLE", "NOT_APPLICABLE"]
    ] = UNSET
    ingredient_availability: Maybe[
        Literal["PROCESSED", "IN_STOCK", "NOT_AVAILABLE", "EXPECTED", "NO_RECIPE", "NOT_APPLICABLE"]
    ] = UNSET
    production_status: Maybe[
        Literal["NOT_STARTED", "NONE", "NOT_APPLICABLE", "IN_PROGRESS", "BLOCKED", "DONE"]
    ] = UNSET
    status: Maybe[str] = UNSET
    currency: Maybe[str] = UNSET
    ecommerce_order_type: Maybe[str] = UNSET
    ecommerce_store_name: Maybe[str] = UNSET
    ecommerce_order_id: Maybe[str] = UNSET
    include_deleted: Maybe[bool] = UNSET


class ShippingFeesQuery(DatedQuery, frozen=True):
    sales_order_id: Maybe[int] = UNSET
    include_deleted: Maybe[bool] = UNSET


class FulfillmentsQuery(DatedQuery, frozen=True):
    sales_order_id: Maybe[int] = UNSET
    picked_date_min: Maybe[str] = UNSET
    tracking_number: Maybe[str] = UNSET
    tracking_url: Maybe[str] = UNSET
    tracking_carrier: Maybe[str] = UNSET
    tracking_method: Maybe[str] = UNSET
    status: Maybe[FulfillmentStatus] = UNSET
    invoice_status: Maybe[Literal["INVOICED", "NOT_INVOICED"]] = UNSET
    include_deleted: Maybe[bool] = UNSET


class CustomersQuery(DatedQuery, frozen=True):
    ids: Maybe[Ids] = UNSET
    name: Maybe[str] = UNSET
    first_name: Maybe[str] = UNSET
    last_name: Maybe[str] = UNSET
    company: Maybe[str] = UNSET
    email: Maybe[str] = UNSET
    reference_id: Maybe[str] = UNSET
    category: Maybe[str] = UNSET
    currency: Maybe[str] = UNSET
    phone: Maybe[str] = UNSET
    include_deleted: Maybe[bool] = UNSET


class VariantsQuery(DatedQuery, frozen=True):
    ids: Maybe[Ids] = UNSET
    product_id: Maybe[int] = UNSET
    material_id: Maybe[int] = UNSET
    sku: Maybe[tuple[str, ...]] = UNSET
    sales_price: Maybe[Number] = UNSET
    purchase_price: Maybe[Number] = UNSET
    type: Maybe[Literal["product", "material"]] = UNSET
    internal_barcode: Maybe[str] = UNSET
    registered_barcode: Maybe[str] = UNSET
    abc_classification: Maybe[Literal["A", "B", "C"]] = UNSET
    supplier_item_codes: Maybe[tuple[str, ...]] = UNSET
    include_deleted: Maybe[bool] = UNSET
    include_archived: Maybe[bool] = UNSET
    extend: Maybe[tuple[Literal["product_or_material"], ...]] = UNSET


class ProductsQuery(DatedQuery, frozen=True):
    ids: Maybe[Ids] = UNSET
    name: Maybe[str] = UNSET
    uom: Maybe[str] = UNSET
    category_name: Maybe[str] = UNSET
    is_sellable: Maybe[bool] = UNSET
    is_producible: Maybe[bool] = UNSET
    is_purchasable: Maybe[bool] = UNSET
    is_auto_assembly: Maybe[bool] = UNSET
    default_supplier_id: Maybe[int] = UNSET
    batch_tracked: Maybe[str] = UNSET
    serial_tracked: Maybe[str] = UNSET
    operations_in_sequence: Maybe[bool] = UNSET
    purchase_uom: Maybe[str] = UNSET
    purchase_uom_conversion_rate: Maybe[Number] = UNSET
    include_deleted: Maybe[bool] = UNSET
    include_archived: Maybe[bool] = UNSET
    extend: Maybe[tuple[Literal["supplier"], ...]] = UNSET


class ServicesQuery(DatedQuery, frozen=True):
    ids: Maybe[Ids] = UNSET
    name: Maybe[str] = UNSET
    uom: Maybe[str] = UNSET
    category_name: Maybe[str] = UNSET
    is_sellable: Maybe[bool] = UNSET
    include_archived: Maybe[bool] = UNSET
    include_deleted: Maybe[bool] = UNSET


class TaxRatesQuery(DatedQuery, frozen=True):
    ids: Maybe[Ids] = UNSET
    rate: Maybe[Number] = UNSET
    name: Maybe[str] = UNSET
    is_default_sales: Maybe[bool] = UNSET
    is_default_purchases: Maybe[bool] = UNSET


class LocationsQuery(DatedQuery, frozen=True):
    ids: Maybe[tuple[int, ...]] = UNSET
    name: Maybe[str] = UNSET
    legal_name: Maybe[str] = UNSET
    address_id: Maybe[int] = UNSET
    is_primary: Maybe[bool] = UNSET
    sales_allowed: Maybe[bool] = UNSET
    manufacturing_allowed: Maybe[bool] = UNSET
    purchases_allowed: Maybe[bool] = UNSET
    rank: Maybe[Number] = UNSET
    include_deleted: Maybe[bool] = UNSET


class BatchStocksQuery(ListQuery, frozen=True):
    batch_id: Maybe[int] = UNSET
    batch_number: Maybe[str] = UNSET
    location_id: Maybe[int] = UNSET
    variant_id: Maybe[int] = UNSET
    batch_barcode: Maybe[str] = UNSET
    include_empty: Maybe[bool] = UNSET
    batch_created_at_max: Maybe[str] = UNSET
    batch_created_at_min: Maybe[str] = UNSET


class InventoryQuery(ListQuery, frozen=True):
    variant_id: Maybe[Ids] = UNSET
    location_id: Maybe[int] = UNSET
    include_archived: Maybe[bool] = UNSET
    extend: Maybe[tuple[Literal["variant", "location"], ...]] = UNSET


class MovementsQuery(DatedQuery, frozen=True):
    location_id: Maybe[int] = UNSET
    ids: Maybe[Ids] = UNSET
    variant_ids: Maybe[Ids] = UNSET
    resource_type: Maybe[
        Literal[
            "PurchaseOrderRow",
            "PurchaseOrderRecipeRow",
            "SalesOrderRow",
            "ProductionIngredient",
            "Production",
            "StockAdjustmentRow",
            "StockTransferRow",
            "SystemGenerated",
        ]
    ] = UNSET
    resource_id: Maybe[int] = UNSET
    caused_by_order_no: Maybe[str] = UNSET
    caused_by_resource_id: Maybe[int] = UNSET


class StockAdjustmentsQuery(DatedQuery, frozen=True):
    ids: Maybe[Ids] = UNSET
    stock_adjustment_number: Maybe[str] = UNSET
    location_id: Maybe[int] = UNSET
    include_deleted: Maybe[bool] = UNSET


QUERIES: dict[str, type[ListQuery]] = {
    "/sales_orders": SalesOrdersQuery,
    "/sales_order_shipping_fee": ShippingFeesQuery,
    "/sales_order_fulfillments": FulfillmentsQuery,
    "/customers": CustomersQuery,
    "/variants": VariantsQuery,
    "/products": ProductsQuery,
    "/services": ServicesQuery,
    "/tax_rates": TaxRatesQuery,
    "/locations": LocationsQuery,
    "/batch_stocks": BatchStocksQuery,
    "/inventory": InventoryQuery,
    "/inventory_movements": MovementsQuery,
    "/stock_adjustments": StockAdjustmentsQuery,
}
"""Every list that the sandbox serves."""
