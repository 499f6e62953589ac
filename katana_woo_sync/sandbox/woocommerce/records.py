"""What the sandbox store keeps: products, orders, refunds, and what a cart is made of.

Amounts are in the order's currency; times are aware UTC.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Literal, NamedTuple

from katana_woo_sync.sandbox.woocommerce.tax_rates import TaxRate

STOCK_TAKING = frozenset({"processing", "completed", "on-hold"})
"""Statuses in which an order takes its goods from the shop's stock."""

CouponKind = Literal["percent", "fixed_cart", "fixed_product"]


@dataclass(frozen=True)
class Address:
    """A customer's address; `state` and `country` are codes."""

    first_name: str = ""
    last_name: str = ""
    company: str = ""
    address_1: str = ""
    address_2: str = ""
    city: str = ""
    state: str = ""
    postcode: str = ""
    country: str = ""
    email: str = ""
    phone: str = ""


@dataclass(frozen=True)
class Item:
    """A product in a cart.

    `price` overrides the product's for one piece, as entered in the shop (with tax, where its
    prices include it). `total` is what a manager sets a line to, without tax: a discount without a
    coupon. A line without a product (`product_id` 0) needs `name` and `price`.
    """

    product_id: int
    quantity: Decimal | int = 1
    variation_id: int = 0
    meta: tuple[tuple[str, object], ...] = ()
    price: Decimal | None = None
    total: Decimal | None = None
    name: str = ""


@dataclass(frozen=True)
class Fee:
    """A fee, without tax; negative for a discount that is no coupon. `tax_class` None: untaxed."""

    name: str
    amount: Decimal
    tax_class: str | None = ""


@dataclass(frozen=True)
class Shipping:
    """A shipping method and its cost without tax. Tax class "inherit" is that of the items."""

    title: str
    amount: Decimal
    tax_class: str = "inherit"
    method_id: str = "flat_rate"


@dataclass(frozen=True)
class Coupon:
    """A coupon; `amount` is a percentage, or money as prices are entered in the shop."""

    code: str
    kind: CouponKind
    amount: Decimal


class Variation(NamedTuple):
    """A variation to be added, with its options by name; without `sku` it shows its parent's.

    `stock` None is not managed, "parent" by its parent. `tax_class` "parent" is the parent's.
    """

    sku: str
    price: Decimal | str | int
    options: Mapping[str, str]
    stock: int | Literal["parent"] | None = None
    tax_class: str = "parent"


@dataclass
class Product:
    """A product, or a variation of one (`parent_id`). `price` as entered in the shop, `name` as
    WordPress keeps it (HTML). `stock` counts only where `manage_stock` is True."""

    id: int
    name: str
    sku: str
    price: Decimal
    created: datetime
    modified: datetime
    type: str = "simple"
    parent_id: int = 0
    tax_class: str = ""
    tax_status: str = "taxable"
    virtual: bool = False
    downloadable: bool = False
    manage_stock: bool | Literal["parent"] = False
    stock: Decimal | None = None
    backorders: Literal["no", "notify", "yes"] = "no"
    attributes: dict[str, tuple[str, ...]] = field(default_factory=dict)
    options: dict[str, str] = field(default_factory=dict)
    status: str = "publish"
    translation_of: int = 0
    """The product that this is in another language: a plugin keeps their stock alike."""


@dataclass
class Meta:
    """An entry of a line's `meta_data`. `display_key` is the label that the shop shows."""

    id: int
    key: str
    value: object
    display_key: str


@dataclass
class Line:
    """A line of an order: an item, a fee or a shipping method.

    `total` (after discounts) and `subtotal` (before) are for the whole quantity, without tax, in
    six decimals; `taxes` are unrounded likewise, `total_tax` is what the order counts.
    """

    id: int
    kind: Literal["item", "fee", "shipping"]
    name: str
    total: Decimal
    taxes: dict[int, Decimal]
    total_tax: Decimal
    tax_class: str = ""
    tax_status: str = "taxable"
    method_id: str = ""
    quantity: Decimal = Decimal(1)
    subtotal: Decimal = Decimal(0)
    subtotal_taxes: dict[int, Decimal] = field(default_factory=dict)
    subtotal_tax: Decimal = Decimal(0)
    product_id: int = 0
    variation_id: int = 0
    parent_name: str | None = None
    meta: list[Meta] = field(default_factory=list)
    shown_sku: str = ""
    """The SKU that a plugin has the line show, whatever product it has."""

    @property
    def gross(self) -> Decimal:
        """The line with its tax."""
        return self.total + self.total_tax


@dataclass(frozen=True)
class TaxLine:
    """A rate that an order bears, with its sums."""

    id: int
    rate: TaxRate
    tax_total: Decimal
    shipping_tax_total: Decimal


@dataclass(frozen=True)
class CouponLine:
    """A coupon of an order; its money is in the lines' totals already."""

    id: int
    meta_id: int
    coupon: Coupon
    discount: Decimal
    discount_tax: Decimal


@dataclass(frozen=True)
class Totals:
    """An order's sums. `total` includes tax."""

    discount_total: Decimal = Decimal(0)
    discount_tax: Decimal = Decimal(0)
    shipping_total: Decimal = Decimal(0)
    shipping_tax: Decimal = Decimal(0)
    cart_tax: Decimal = Decimal(0)
    total_tax: Decimal = Decimal(0)
    total: Decimal = Decimal(0)


@dataclass(frozen=True)
class Refund:
    """A refund; `amount` with tax, positive. Its lines hold negative quantities and amounts.
    `whole` is one that left nothing. `listed` tells how the order's list of refunds shows it:
    as it is, with positive quantities and amounts (as WooCommerce's own till stored them), as an
    error in its place, or not at all (both happen under HPOS); the order itself always tells of it.
    """

    id: int
    amount: Decimal
    created: datetime
    lines: tuple[Line, ...] = ()
    tax_lines: tuple[TaxLine, ...] = ()
    reason: str = ""
    meta_id: int = 0
    whole: bool = False
    listed: Literal["whole", "positive", "error", "missing"] = "whole"

    @property
    def total_tax(self) -> Decimal:
        """The tax in it, negative; 0 in a refund of an amount only."""
        return sum((line.total_tax for line in self.lines), Decimal(0))


@dataclass(frozen=True)
class Note:
    """A note on an order; `customer_note` was mailed to the customer."""

    id: int
    note: str
    created: datetime
    author: str = "WooCommerce"
    customer_note: bool = False


@dataclass(frozen=True)
class Mail:
    """The mails that a change of status sent."""

    order_id: int
    before: str
    after: str


@dataclass(frozen=True)
class Customer:
    """A registered customer."""

    id: int
    billing: Address
    created: datetime


@dataclass
class Order:
    """An order as the store keeps it."""

    id: int
    number: str
    order_key: str
    status: str
    currency: str
    prices_include_tax: bool
    created: datetime
    modified: datetime
    lines: list[Line]
    tax_lines: list[TaxLine]
    coupon_lines: list[CouponLine]
    totals: Totals
    billing: Address
    shipping: Address
    customer_id: int = 0
    customer_note: str = ""
    payment_method: str = "bacs"
    payment_method_title: str = "Direct bank transfer"
    transaction_id: str = ""
    created_via: str = "checkout"
    parent_id: int = 0
    lost_gmt: bool = False
    """Whether the time of its creation was left without GMT, as some migrations do."""
    needs_processing: bool = True
    completed: datetime | None = None
    paid: datetime | None = None
    meta: dict[str, tuple[int, object]] = field(default_factory=dict)
    refunds: list[Refund] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    status_before_trash: str = ""
    plugin_fields: dict[str, object] = field(default_factory=dict)

    @property
    def refundable(self) -> Decimal:
        """What is not refunded yet, with tax."""
        return self.totals.total - sum((r.amount for r in self.refunds), Decimal(0))
