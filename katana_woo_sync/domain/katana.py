"""Katana's records: what its API answers, and the drafts that it is sent.

Prices per unit and discounts are without tax, in the order's currency; an order's `total` includes
tax and shipping fees. Times are ISO 8601 in UTC.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

import msgspec

from katana_woo_sync.domain.fields import Amount, Text, Whole, utc_time

WOOCOMMERCE = "wooCommerce"
"""`ecommerce_order_type` as Katana's own integration writes it; the case matters."""


class Struct(msgspec.Struct, frozen=True, kw_only=True):
    """An answer; unknown fields are ignored, since the API grows."""


class SalesOrderRow(Struct, frozen=True):
    """A row of a sales order. `total` is without tax."""

    id: Whole
    variant_id: Whole = Whole(0)
    location_id: Whole = Whole(0)
    quantity: Amount = Amount(0)
    price_per_unit: Amount = Amount(0)
    total_discount: Amount = Amount(0)
    tax_rate_id: Whole = Whole(0)
    serial_numbers: object = None

    @property
    def reserved(self) -> tuple[int, ...]:
        """The ids of the serial numbers that a person has reserved for it."""
        found = self.serial_numbers if isinstance(self.serial_numbers, list) else []
        ids = (str(each.get("id") if isinstance(each, dict) else each) for each in found)
        return tuple(int(each) for each in ids if each.isdecimal())


class ShippingFee(Struct, frozen=True):
    """A sales order's shipping fee, without tax."""

    id: Whole
    sales_order_id: Whole = Whole(0)
    amount: Amount = Amount(0)
    tax_rate_id: Whole = Whole(0)
    created_at: Text = Text()
    deleted_at: Text = Text()


class SalesOrderAddress(Struct, frozen=True):
    """An address of a sales order; who it is for."""

    first_name: Text = Text()
    last_name: Text = Text()
    company: Text = Text()


UNTOUCHED = frozenset({"NOT_SHIPPED", "PENDING"})
NOT_PRODUCED = frozenset({"", "NONE", "NOT_STARTED", "NOT_APPLICABLE"})
MADE = frozenset({"", "NONE", "NOT_APPLICABLE", "DONE"})
NOT_INVOICED = frozenset({"", "notInvoiced", "NOT_INVOICED"})


class SalesOrder(Struct, frozen=True):
    """A sales order. `total` includes tax and shipping; None where the answer leaves it out."""

    id: Whole
    order_no: Text = Text()
    status: Text = Text()
    total: Amount | None = None
    currency: Text = Text()
    customer_id: Whole = Whole(0)
    location_id: Whole = Whole(0)
    order_created_date: Text = Text()
    picked_date: Text = Text()
    created_at: Text = Text()
    updated_at: Text = Text()
    deleted_at: Text = Text()
    ecommerce_order_type: Text = Text()
    ecommerce_store_name: Text = Text()
    ecommerce_order_id: Text = Text()
    additional_info: Text = Text()
    production_status: Text = Text()
    invoicing_status: Text = Text()
    linked_manufacturing_order_id: Text = Text()
    sales_order_rows: tuple[SalesOrderRow, ...] = ()
    addresses: tuple[SalesOrderAddress, ...] = ()

    @property
    def is_deleted(self) -> bool:
        """Whether a person deleted it; it is kept in lists that ask for deleted ones."""
        return bool(self.deleted_at)

    @property
    def is_delivered(self) -> bool:
        """Whether all of it was delivered (partly delivered does not count)."""
        return self.status == "DELIVERED"

    @property
    def is_sent(self) -> bool:
        """Whether some of it was delivered at least."""
        return self.is_delivered or self.status == "PARTIALLY_DELIVERED"

    @property
    def is_unmade(self) -> bool:
        """Whether something of it is still to be made."""
        return self.production_status not in MADE

    @property
    def begun(self) -> str:
        """What was done for it already, in Katana's words; "" where it may be deleted."""
        statuses = (
            (self.status, UNTOUCHED, "status"),
            (self.production_status, NOT_PRODUCED, "production"),
            (self.invoicing_status, NOT_INVOICED, "invoicing"),
        )
        words = [f"{name} {value}" for value, harmless, name in statuses if value not in harmless]
        if self.linked_manufacturing_order_id:
            words.append(f"manufacturing order {self.linked_manufacturing_order_id}")
        return ", ".join(words)

    @property
    def created_date(self) -> datetime | None:
        """The order's date (for imported orders: when the customer ordered), UTC."""
        return utc_time(self.order_created_date)

    @property
    def updated(self) -> datetime | None:
        """When Katana last changed the record, UTC."""
        return utc_time(self.updated_at)

    @property
    def delivered(self) -> datetime | None:
        """When it was picked, the nearest to when it was delivered that Katana gives, UTC."""
        return utc_time(self.picked_date) or self.updated


class CustomerAddress(Struct, frozen=True):
    """An address of a customer."""

    zip: Text = Text()


class Customer(Struct, frozen=True):
    """A customer."""

    id: Whole
    name: Text = Text()
    first_name: Text = Text()
    last_name: Text = Text()
    email: Text = Text()
    phone: Text = Text()
    reference_id: Text = Text()
    updated_at: Text = Text()
    deleted_at: Text = Text()
    addresses: tuple[CustomerAddress, ...] = ()


class Item(Struct, frozen=True):
    """The product or material that a variant belongs to (`extend=product_or_material`)."""

    id: Whole
    name: Text = Text()
    type: Text = Text()
    additional_info: Text = Text()
    is_sellable: bool = True
    batch_tracked: bool = False
    serial_tracked: bool = False
    archived_at: Text = Text()
    deleted_at: Text = Text()


class ConfigAttribute(Struct, frozen=True):
    """The value that a variant has for one of its product's configs."""

    config_name: Text = Text()
    config_value: Text = Text()


class Variant(Struct, frozen=True):
    """A variant: what a SKU names, and what a row of a sales order holds."""

    id: Whole
    sku: Text = Text()
    type: Text = Text()
    product_id: Whole = Whole(0)
    material_id: Whole = Whole(0)
    updated_at: Text = Text()
    deleted_at: Text = Text()
    archived_at: Text = Text()
    config_attributes: tuple[ConfigAttribute, ...] = ()
    product_or_material: Item | None = None

    @property
    def is_service(self) -> bool:
        """Whether it is a service's, and no goods."""
        return self.type == "service"

    @property
    def options(self) -> frozenset[tuple[str, str]]:
        """Its configs with their values."""
        return frozenset((str(a.config_name), str(a.config_value)) for a in self.config_attributes)


class Config(Struct, frozen=True):
    """An option of a product, such as Colour, with the values it can have."""

    id: Whole = Whole(0)
    name: Text = Text()
    values: tuple[Text, ...] = ()


class Product(Struct, frozen=True):
    """A product or service with its variants."""

    id: Whole
    name: Text = Text()
    additional_info: Text = Text()
    created_at: Text = Text()
    archived_at: Text = Text()
    deleted_at: Text = Text()
    is_sellable: bool = True
    configs: tuple[Config, ...] = ()
    variants: tuple[Variant, ...] = ()


class TaxRate(Struct, frozen=True):
    """A tax rate; `rate` is a percentage."""

    id: Whole
    name: Text = Text()
    rate: Amount = Amount(0)


class Location(Struct, frozen=True):
    """A location that holds stock."""

    id: Whole
    name: Text = Text()
    is_primary: bool = False
    sales_allowed: bool = True
    deleted_at: Text = Text()


class Factory(Struct, frozen=True):
    """The account's settings."""

    base_currency_code: Text = Text()
    display_name: Text = Text()


class Draft(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A request body. Fields left at None or empty are not sent: Katana refuses what it lacks."""


class AddressDraft(Draft, frozen=True):
    """An address on an order or a customer. `entity_type` is "billing" or "shipping"."""

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


class AttributeDraft(Draft, frozen=True):
    """A named remark on a row, such as an engraving."""

    key: str
    value: str


class RowDraft(Draft, frozen=True):
    """A row; price per unit and discount (of the whole row) without tax, order's currency."""

    variant_id: int
    quantity: Decimal
    price_per_unit: Decimal
    location_id: int
    tax_rate_id: int | None = None
    total_discount: Decimal | None = None
    attributes: tuple[AttributeDraft, ...] = ()


class SalesOrderDraft(Draft, frozen=True):
    """`POST /sales_orders`. The `ecommerce_*` fields are create-only: the hidden WooCommerce ID."""

    order_no: str
    customer_id: int
    location_id: int
    currency: str
    order_created_date: str
    delivery_date: str
    ecommerce_order_type: str
    ecommerce_store_name: str
    ecommerce_order_id: str
    status: str
    sales_order_rows: tuple[RowDraft, ...]
    addresses: tuple[AddressDraft, ...] = ()
    additional_info: str | None = None


class ShippingFeeDraft(Draft, frozen=True):
    """`POST /sales_order_shipping_fee`: `amount` is decimal text, without tax."""

    sales_order_id: int
    amount: str
    tax_rate_id: int | None = None
    description: str | None = None


class CustomerDraft(Draft, frozen=True):
    """`POST /customers`. `reference_id` (at most 100 characters) is what it is found by again."""

    name: str
    reference_id: str
    first_name: str | None = None
    last_name: str | None = None
    company: str | None = None
    email: str | None = None
    phone: str | None = None
    currency: str | None = None
    addresses: tuple[AddressDraft, ...] = ()


class ConfigDraft(Draft, frozen=True):
    """An option of a product, such as Colour, with the values it can have."""

    name: str
    values: tuple[str, ...]


class ConfigAttributeDraft(Draft, frozen=True):
    """The value that a variant has for an option."""

    config_name: str
    config_value: str


class VariantDraft(Draft, frozen=True):
    """A variant of a new product. `sales_price` is without tax, in the base currency."""

    sku: str | None = None
    sales_price: Decimal | None = None
    registered_barcode: str | None = None
    config_attributes: tuple[ConfigAttributeDraft, ...] = ()

    @property
    def options(self) -> frozenset[tuple[str, str]]:
        """Its configs with their values."""
        return frozenset((a.config_name, a.config_value) for a in self.config_attributes)


class NewVariantDraft(VariantDraft, frozen=True, kw_only=True):
    """`POST /variants`: one more variant of a product."""

    product_id: int


class ProductDraft(Draft, frozen=True):
    """`POST /products`. `additional_info` says which of WooCommerce's products it was made of."""

    name: str
    uom: str
    variants: tuple[VariantDraft, ...]
    additional_info: str
    category_name: str | None = None
    is_sellable: bool | None = None
    configs: tuple[ConfigDraft, ...] = ()


class ServiceDraft(Draft, frozen=True):
    """`POST /services`: an item without stock, of one variant."""

    name: str
    uom: str
    variants: tuple[VariantDraft, ...]
    additional_info: str | None = None
    is_sellable: bool | None = None


class TaxRateDraft(Draft, frozen=True):
    """`POST /tax_rates`: `rate` is a percentage."""

    rate: Decimal
    name: str


def _as_built_in(value: object) -> object:
    """What a draft took as it came: a field type of an answer, as the type that it extends."""
    for kind in (Decimal, int, str):
        if isinstance(value, kind):
            return kind(value)
    raise NotImplementedError(type(value))  # msgspec's protocol for "not mine"


_ENCODER = msgspec.json.Encoder(decimal_format="number", enc_hook=_as_built_in)


def encode(draft: Draft) -> bytes:
    """The draft as JSON, its decimals as numbers with every digit."""
    return _ENCODER.encode(draft)


def encode_plain(body: Mapping[str, object]) -> bytes:
    """A request body that echoes what Katana answered, as JSON."""
    return _ENCODER.encode(body)
