"""What the sandbox Katana remembers: frozen records, replaced when they change.

Prices and discounts are without tax, in the order's currency; times are aware UTC, to the
millisecond as Katana keeps them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal


@dataclass(frozen=True, kw_only=True)
class Record:
    """What all records share. A record with `deleted_at` is gone for all but `include_deleted`."""

    id: int
    created_at: datetime
    updated_at: datetime
    deleted_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Address:
    """An address of a customer or an order; `entity_type` is "billing" or "shipping"."""

    id: int
    entity_type: str
    first_name: str | None = None
    last_name: str | None = None
    company: str | None = None
    phone: str | None = None
    line_1: str | None = None
    line_2: str | None = None
    city: str | None = None
    state: str | None = None
    zip: str | None = None
    country: str | None = None
    default: bool = False


@dataclass(frozen=True, kw_only=True)
class Row:
    """A row of a sales order; `total_discount` is for the whole row."""

    id: int
    variant_id: int
    quantity: Decimal
    price_per_unit: Decimal
    total_discount: Decimal
    tax_rate_id: int | None
    location_id: int
    attributes: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, kw_only=True)
class SalesOrder(Record):
    """A sales order. `status` follows its fulfilments."""

    order_no: str
    customer_id: int
    location_id: int
    currency: str
    status: str
    order_created_date: datetime
    delivery_date: datetime | None
    rows: tuple[Row, ...]
    addresses: tuple[Address, ...] = ()
    picked_date: datetime | None = None
    conversion_rate: Decimal | None = None
    conversion_date: datetime | None = None
    additional_info: str | None = None
    customer_ref: str | None = None
    tracking_number: str | None = None
    tracking_number_url: str | None = None
    ecommerce_order_type: str | None = None
    ecommerce_store_name: str | None = None
    ecommerce_order_id: str | None = None
    production_status: str = "NOT_APPLICABLE"


@dataclass(frozen=True, kw_only=True)
class ShippingFee(Record):
    """A sales order's shipping fee; `amount` is without tax."""

    sales_order_id: int
    amount: Decimal
    tax_rate_id: int | None
    description: str | None = None


@dataclass(frozen=True, kw_only=True)
class FulfillmentRow:
    """How much of a row was picked, and from which batches (None: unbatched stock)."""

    row_id: int
    quantity: Decimal
    batches: tuple[tuple[int | None, Decimal], ...] = ()
    serial_numbers: tuple[int, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Fulfillment(Record):
    """A part of an order that was packed or delivered; either takes it out of stock."""

    sales_order_id: int
    status: str
    picked_date: datetime
    rows: tuple[FulfillmentRow, ...]
    conversion_rate: Decimal | None = None
    conversion_date: datetime | None = None
    tracking_number: str | None = None
    tracking_url: str | None = None
    tracking_carrier: str | None = None
    tracking_method: str | None = None


@dataclass(frozen=True, kw_only=True)
class Customer(Record):
    """A customer."""

    name: str
    first_name: str | None = None
    last_name: str | None = None
    company: str | None = None
    email: str | None = None
    phone: str | None = None
    comment: str | None = None
    currency: str
    reference_id: str | None = None
    category: str | None = None
    discount_rate: Decimal | None = None
    default_billing_id: int | None = None
    default_shipping_id: int | None = None
    addresses: tuple[Address, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Config:
    """An option of an item, such as Colour, with the values it can have."""

    id: int
    name: str
    values: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Item(Record):
    """What variants belong to; `kind` is "product", "material" or "service"."""

    kind: str
    name: str
    uom: str = "pcs"
    category_name: str | None = None
    is_sellable: bool = True
    is_producible: bool = False
    is_purchasable: bool = True
    is_auto_assembly: bool = False
    batch_tracked: bool = False
    serial_tracked: bool = False
    operations_in_sequence: bool = False
    default_supplier_id: int | None = None
    additional_info: str = ""
    purchase_uom: str | None = None
    purchase_uom_conversion_rate: Decimal | None = None
    configs: tuple[Config, ...] = ()
    components: tuple[tuple[int, Decimal], ...] = ()
    """Of a bundle: the variants that it is put together from, and how many of each."""
    archived_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Variant(Record):
    """What a SKU names. `sales_price` is without tax, in the base currency."""

    item_id: int
    sku: str | None = None
    sales_price: Decimal | None = None
    purchase_price: Decimal | None = None
    config_attributes: tuple[tuple[str, str], ...] = ()
    custom_fields: tuple[tuple[str, str], ...] = ()
    internal_barcode: str | None = None
    registered_barcode: str | None = None
    supplier_item_codes: tuple[str, ...] = ()
    lead_time: int | None = None
    minimum_order_quantity: Decimal | None = None


@dataclass(frozen=True, kw_only=True)
class TaxRate(Record):
    """A tax rate; `rate` is a percentage."""

    rate: Decimal
    name: str
    is_default_sales: bool = False
    is_default_purchases: bool = False


@dataclass(frozen=True, kw_only=True)
class Location(Record):
    """A place that holds stock."""

    name: str
    is_primary: bool = False
    sales_allowed: bool = True


@dataclass(frozen=True, kw_only=True)
class Batch(Record):
    """A batch of a batch-tracked variant."""

    variant_id: int
    batch_number: str
    batch_created_date: datetime
    expiration_date: datetime | None = None
    batch_barcode: str | None = None


@dataclass(frozen=True, kw_only=True)
class Movement(Record):
    """A change of what is in stock of a variant at a location."""

    variant_id: int
    location_id: int
    quantity_change: Decimal
    balance_after: Decimal
    resource_type: str
    resource_id: int = 0
    caused_by_order_no: str = ""


@dataclass(frozen=True, kw_only=True)
class AdjustmentRow:
    """A row of a stock adjustment; the cost is in the base currency, without tax."""

    id: int
    variant_id: int
    quantity: Decimal
    cost_per_unit: Decimal | None = None
    batches: tuple[tuple[int | None, Decimal], ...] = ()


@dataclass(frozen=True, kw_only=True)
class StockAdjustment(Record):
    """A correction of what is in stock at a location."""

    stock_adjustment_number: str
    location_id: int
    stock_adjustment_date: datetime
    reason: str = ""
    additional_info: str | None = None
    rows: tuple[AdjustmentRow, ...] = ()
