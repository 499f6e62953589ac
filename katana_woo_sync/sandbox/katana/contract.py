"""Katana's published contract for the requests that the sandbox serves, as typed structs.

A struct's types are its schema: `schema.schema_of` turns it into one, a request is held to that,
and only then becomes a value of the struct. A field at `UNSET` was not sent, None was sent as null.
Amounts are without tax, in the order's currency; times are ISO 8601 text.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal, TypeAlias, TypeVar

import msgspec
from msgspec import UNSET, Meta, UnsetType

T = TypeVar("T")
Maybe: TypeAlias = T | UnsetType
Nullable: TypeAlias = T | UnsetType | None

LARGEST_ID = 2_147_483_647


def _number(minimum: int | None = None, maximum: int | float | None = None) -> Meta:
    """The limits of a JSON number: msgspec's own `ge` and `le` are not for Decimals."""
    limits = {"minimum": minimum, "maximum": maximum}
    return Meta(extra_json_schema={k: limit for k, limit in limits.items() if limit is not None})


Id = Annotated[int, Meta(ge=1, le=LARGEST_ID)]
IdOrZero = Annotated[int, Meta(ge=0, le=LARGEST_ID)]
AnyId = Annotated[int, Meta(le=LARGEST_ID)]
NonEmpty = Annotated[str, Meta(min_length=1)]
Barcode = Annotated[str, Meta(min_length=3, max_length=40)]
Uom = Annotated[str, Meta(min_length=1, max_length=7)]
Upto256 = Annotated[str, Meta(max_length=256)]
Upto2048 = Annotated[str, Meta(max_length=2048)]
From1To256 = Annotated[str, Meta(min_length=1, max_length=256)]
From1To2048 = Annotated[str, Meta(min_length=1, max_length=2048)]
Number = Decimal
NumberId = Annotated[Decimal, _number(maximum=LARGEST_ID)]
NumberIdOrZero = Annotated[Decimal, _number(0, LARGEST_ID)]
Days = Annotated[Decimal, _number(0, LARGEST_ID)]
Quantity = Annotated[Decimal, _number(0, 10**17)]
Price = Annotated[Decimal, _number(0, 10**18)]
CatalogPrice = Annotated[Decimal, _number(0, 10**11)]
Rate = Annotated[Decimal, _number(0, 10**12)]
ConversionRate = Annotated[Decimal, _number(maximum=10**12)]
DiscountRate = Annotated[Decimal, _number(0, 100)]
TaxPercentage = Annotated[Decimal, _number(0, 999.999)]
EntityType = Literal["billing", "shipping"]
FulfillmentStatus = Literal["PACKED", "DELIVERED"]


class Body(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A request body: every field that is not listed is refused."""


class Address(Body, frozen=True):
    entity_type: EntityType
    first_name: Nullable[str] = UNSET
    last_name: Nullable[str] = UNSET
    company: Nullable[str] = UNSET
    phone: Nullable[str] = UNSET
    line_1: Nullable[str] = UNSET
    line_2: Nullable[str] = UNSET
    city: Nullable[str] = UNSET
    state: Nullable[str] = UNSET
    zip: Nullable[str] = UNSET
    country: Nullable[str] = UNSET


class CustomerAddress(Address, frozen=True):
    default: Maybe[bool] = UNSET


class RowAttribute(Body, frozen=True):
    key: str
    value: str


class NewRow(Body, frozen=True):
    quantity: Quantity
    variant_id: Id
    price_per_unit: Maybe[Price] = UNSET
    tax_rate_id: Maybe[Id] = UNSET
    location_id: Maybe[Id] = UNSET
    total_discount: Maybe[Price] = UNSET
    attributes: Maybe[tuple[RowAttribute, ...]] = UNSET
    custom_fields: Nullable[dict[str, object]] = UNSET


class NewSalesOrder(Body, frozen=True):
    customer_id: IdOrZero
    sales_order_rows: Annotated[tuple[NewRow, ...], Meta(min_length=1)]
    order_no: Maybe[NonEmpty] = UNSET
    order_created_date: Maybe[str] = UNSET
    delivery_date: Maybe[str] = UNSET
    currency: Maybe[str] = UNSET
    location_id: Maybe[IdOrZero] = UNSET
    status: Maybe[Literal["PENDING", "NOT_SHIPPED"]] = UNSET
    addresses: Maybe[tuple[Address, ...]] = UNSET
    additional_info: Nullable[str] = UNSET
    customer_ref: Nullable[str] = UNSET
    ecommerce_order_type: Nullable[NonEmpty] = UNSET
    ecommerce_store_name: Nullable[NonEmpty] = UNSET
    ecommerce_order_id: Nullable[NonEmpty] = UNSET
    tracking_number: Nullable[Upto256] = UNSET
    tracking_number_url: Nullable[Upto2048] = UNSET
    custom_fields: Nullable[dict[str, object]] = UNSET


class SalesOrderPatch(Body, frozen=True):
    order_no: Maybe[NonEmpty] = UNSET
    order_created_date: Maybe[str] = UNSET
    delivery_date: Maybe[str] = UNSET
    picked_date: Maybe[str] = UNSET
    conversion_rate: Maybe[Number] = UNSET
    conversion_date: Maybe[str] = UNSET
    currency: Maybe[str] = UNSET
    customer_id: Maybe[Id] = UNSET
    location_id: Maybe[Id] = UNSET
    status: Maybe[Literal["PENDING", "NOT_SHIPPED", "PACKED", "DELIVERED"]] = UNSET
    additional_info: Nullable[str] = UNSET
    customer_ref: Nullable[str] = UNSET
    tracking_number: Nullable[From1To256] = UNSET
    tracking_number_url: Nullable[From1To2048] = UNSET
    custom_fields: Nullable[dict[str, object]] = UNSET


class NewShippingFee(Body, frozen=True):
    sales_order_id: Number
    amount: str
    description: Maybe[str] = UNSET
    tax_rate_id: Maybe[Number] = UNSET


class ShippingFeePatch(Body, frozen=True):
    amount: str
    description: Maybe[str] = UNSET
    tax_rate_id: Maybe[Number] = UNSET


class BatchTransaction(Body, frozen=True):
    batch_id: AnyId | None
    quantity: Number


class Traceability(Body, frozen=True):
    """Another way to name batches and serial numbers; `quantity` is a number or numeric text."""

    batch_id: Nullable[NumberIdOrZero] = UNSET
    bin_location_id: Nullable[NumberIdOrZero] = UNSET
    quantity: object = UNSET
    serial_number_id: Nullable[NumberIdOrZero] = UNSET


class NewFulfillmentRow(Body, frozen=True):
    sales_order_row_id: Id
    quantity: Quantity
    batch_transactions: Maybe[tuple[BatchTransaction, ...]] = UNSET
    serial_numbers: Maybe[tuple[Number, ...]] = UNSET
    traceability: Maybe[tuple[Traceability, ...]] = UNSET


class NewFulfillment(Body, frozen=True):
    sales_order_id: Id
    status: FulfillmentStatus
    sales_order_fulfillment_rows: Annotated[tuple[NewFulfillmentRow, ...], Meta(min_length=1)]
    picked_date: Maybe[NonEmpty] = UNSET
    conversion_rate: Nullable[Rate] = UNSET
    conversion_date: Nullable[str] = UNSET
    tracking_number: Nullable[Upto256] = UNSET
    tracking_url: Nullable[Upto2048] = UNSET
    tracking_carrier: Nullable[str] = UNSET
    tracking_method: Nullable[str] = UNSET


class NewCustomer(Body, frozen=True):
    name: NonEmpty
    first_name: Maybe[str] = UNSET
    last_name: Maybe[str] = UNSET
    company: Maybe[str] = UNSET
    email: Maybe[str] = UNSET
    phone: Maybe[str] = UNSET
    currency: Maybe[str] = UNSET
    reference_id: Maybe[str] = UNSET
    category: Maybe[str] = UNSET
    comment: Maybe[str] = UNSET
    discount_rate: Nullable[DiscountRate] = UNSET
    addresses: Maybe[tuple[CustomerAddress, ...]] = UNSET


class CustomerPatch(Body, frozen=True):
    name: Nullable[NonEmpty] = UNSET
    first_name: Nullable[NonEmpty] = UNSET
    last_name: Nullable[NonEmpty] = UNSET
    company: Nullable[NonEmpty] = UNSET
    email: Nullable[NonEmpty] = UNSET
    phone: Nullable[NonEmpty] = UNSET
    currency: Nullable[NonEmpty] = UNSET
    reference_id: Nullable[NonEmpty] = UNSET
    category: Nullable[NonEmpty] = UNSET
    comment: Nullable[NonEmpty] = UNSET
    discount_rate: Nullable[DiscountRate] = UNSET
    default_shipping_id: Nullable[Id] = UNSET


class Config(Body, frozen=True):
    name: str
    values: tuple[str, ...]


class ConfigAttribute(Body, frozen=True):
    config_name: str
    config_value: str


class CustomField(Body, frozen=True):
    field_name: str
    field_value: str


ConfigAttributes = Annotated[tuple[ConfigAttribute, ...], Meta(min_length=1)]
CustomFields = Annotated[tuple[CustomField, ...], Meta(max_length=3)]


class NewProductVariant(Body, frozen=True):
    """A variant within a new product."""

    sku: Maybe[NonEmpty] = UNSET
    sales_price: Nullable[CatalogPrice] = UNSET
    purchase_price: Nullable[CatalogPrice] = UNSET
    config_attributes: Maybe[ConfigAttributes] = UNSET
    internal_barcode: Maybe[Barcode] = UNSET
    registered_barcode: Maybe[Barcode] = UNSET
    supplier_item_codes: Maybe[tuple[Annotated[str, Meta(min_length=1, max_length=40)], ...]] = (
        UNSET
    )
    lead_time: Nullable[Days] = UNSET
    minimum_order_quantity: Nullable[Days] = UNSET
    custom_fields: Maybe[CustomFields] = UNSET


class NewProduct(Body, frozen=True):
    name: NonEmpty
    variants: Annotated[tuple[NewProductVariant, ...], Meta(min_length=1)]
    uom: Maybe[Uom] = UNSET
    category_name: Maybe[NonEmpty] = UNSET
    configs: Maybe[Annotated[tuple[Config, ...], Meta(min_length=1, max_length=10)]] = UNSET
    is_sellable: Maybe[bool] = UNSET
    is_producible: Maybe[bool] = UNSET
    is_purchasable: Maybe[bool] = UNSET
    is_auto_assembly: Maybe[bool] = UNSET
    batch_tracked: Maybe[bool] = UNSET
    serial_tracked: Maybe[bool] = UNSET
    operations_in_sequence: Maybe[bool] = UNSET
    default_supplier_id: Maybe[AnyId] = UNSET
    additional_info: Maybe[str] = UNSET
    purchase_uom: Nullable[Uom] = UNSET
    purchase_uom_conversion_rate: Maybe[ConversionRate] = UNSET
    custom_field_collection_id: Nullable[Number] = UNSET


class ConfigPatch(Body, frozen=True):
    values: tuple[str, ...]
    id: Maybe[Number] = UNSET
    name: Maybe[str] = UNSET


class ProductPatch(Body, frozen=True):
    """A change of a product. The contract gives the flags a default of false: one that is left out
    is taken back."""

    name: Maybe[From1To256] = UNSET
    uom: Maybe[Uom] = UNSET
    category_name: Nullable[Annotated[str, Meta(min_length=1, max_length=35)]] = UNSET
    configs: Maybe[Annotated[tuple[ConfigPatch, ...], Meta(min_length=1, max_length=10)]] = UNSET
    is_sellable: bool = False
    is_producible: bool = False
    is_purchasable: bool = False
    is_auto_assembly: bool = False
    is_archived: bool = False
    batch_tracked: bool = False
    serial_tracked: bool = False
    operations_in_sequence: bool = False
    default_supplier_id: Nullable[Id] = UNSET
    additional_info: Nullable[NonEmpty] = UNSET
    purchase_uom: Nullable[Uom] = UNSET
    purchase_uom_conversion_rate: Nullable[Days] = UNSET
    custom_field_collection_id: Nullable[Number] = UNSET


class NewVariant(Body, frozen=True):
    """A further variant of a product or material that exists."""

    product_id: Maybe[NumberId] = UNSET
    material_id: Maybe[NumberId] = UNSET
    sku: Maybe[str] = UNSET
    sales_price: Nullable[CatalogPrice] = UNSET
    purchase_price: Nullable[CatalogPrice] = UNSET
    config_attributes: Maybe[ConfigAttributes] = UNSET
    internal_barcode: Maybe[Barcode] = UNSET
    registered_barcode: Maybe[Annotated[str, Meta(max_length=120)]] = UNSET
    supplier_item_codes: Maybe[Annotated[tuple[str, ...], Meta(min_length=1)]] = UNSET
    lead_time: Nullable[Days] = UNSET
    minimum_order_quantity: Nullable[Days] = UNSET
    custom_fields: Maybe[CustomFields] = UNSET


class NewServiceVariant(Body, frozen=True):
    sku: Maybe[NonEmpty] = UNSET
    sales_price: Nullable[CatalogPrice] = UNSET
    default_cost: Nullable[CatalogPrice] = UNSET
    custom_fields: Maybe[CustomFields] = UNSET


class NewService(Body, frozen=True):
    name: NonEmpty
    variants: Annotated[tuple[NewServiceVariant, ...], Meta(min_length=1, max_length=1)]
    uom: Maybe[Uom] = UNSET
    category_name: Maybe[NonEmpty] = UNSET
    is_sellable: Maybe[bool] = UNSET
    additional_info: Maybe[str] = UNSET
    custom_field_collection_id: Nullable[Number] = UNSET


class NewTaxRate(Body, frozen=True):
    rate: TaxPercentage
    name: Maybe[str] = UNSET


class NewAdjustmentTraceability(Body, frozen=True):
    """As `Traceability`; quantities may be below zero."""

    quantity: object
    batch_id: Nullable[NumberIdOrZero] = UNSET
    bin_location_id: Nullable[NumberIdOrZero] = UNSET
    serial_number_id: Nullable[NumberIdOrZero] = UNSET


class NewAdjustmentRow(Body, frozen=True):
    variant_id: AnyId
    quantity: Annotated[Decimal, _number(maximum=10**17)]
    cost_per_unit: Maybe[Price] = UNSET
    batch_transactions: Maybe[tuple[BatchTransaction, ...]] = UNSET
    traceability: Maybe[tuple[NewAdjustmentTraceability, ...]] = UNSET


class NewStockAdjustment(Body, frozen=True):
    stock_adjustment_number: str
    location_id: AnyId
    stock_adjustment_rows: tuple[NewAdjustmentRow, ...]
    stock_adjustment_date: Maybe[str] = UNSET
    reason: Maybe[str] = UNSET
    additional_info: Nullable[str] = UNSET


BODIES: dict[tuple[str, str], type[Body]] = {
    ("post", "/sales_orders"): NewSalesOrder,
    ("patch", "/sales_orders/{id}"): SalesOrderPatch,
    ("post", "/sales_order_shipping_fee"): NewShippingFee,
    ("patch", "/sales_order_shipping_fee/{id}"): ShippingFeePatch,
    ("post", "/sales_order_fulfillments"): NewFulfillment,
    ("post", "/customers"): NewCustomer,
    ("patch", "/customers/{id}"): CustomerPatch,
    ("post", "/variants"): NewVariant,
    ("post", "/products"): NewProduct,
    ("patch", "/products/{id}"): ProductPatch,
    ("post", "/services"): NewService,
    ("post", "/tax_rates"): NewTaxRate,
    ("post", "/stock_adjustments"): NewStockAdjustment,
}
"""Every body that the sandbox takes."""
