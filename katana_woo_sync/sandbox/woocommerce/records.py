"""What the sandbox store keeps: products, orders, refunds. Amounts in the order's currency."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from katana_woo_sync.sandbox.woocommerce.totals import TaxRate


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
    """A product in a cart. `price` overrides the product's, as a manager may."""

    product_id: int
    quantity: Decimal | int = 1
    variation_id: int = 0
    meta: tuple[tuple[str, str], ...] = ()
    price: Decimal | None = None


@dataclass(frozen=True)
class Fee:
    """A fee without tax; negative for a discount that is no coupon. `tax_class` None: untaxed."""

    name: str
    amount: Decimal
    tax_class: str | None = ""


@dataclass(frozen=True)
class Shipping:
    """A shipping method and its cost without tax."""

    title: str
    amount: Decimal
    tax_class: str = ""


@dataclass(frozen=True)
class Coupon:
    """A coupon: "percent", "fixed_cart" or "fixed_product"."""

    code: str
    kind: str
    amount: Decimal


@dataclass
class Product:
    """A product, or a variation of one (`parent_id`). `price` as entered in the shop."""

    id: int
    name: str
    sku: str
    price: Decimal
    type: str = "simple"
    parent_id: int = 0
    tax_class: str = ""
    virtual: bool = False
    attributes: dict[str, tuple[str, ...]] = field(default_factory=dict)
    options: dict[str, str] = field(default_factory=dict)
    status: str = "publish"


@dataclass
class Line:
    """A line of an order: an item, a fee or a shipping method."""

    id: int
    kind: str
    name: str
    net: Decimal
    taxes: dict[int, Decimal]
    quantity: Decimal = Decimal(1)
    subtotal: Decimal = Decimal(0)
    subtotal_taxes: dict[int, Decimal] = field(default_factory=dict)
    product_id: int = 0
    variation_id: int = 0
    tax_class: str = ""
    meta: list[tuple[str, object]] = field(default_factory=list)

    @property
    def tax(self) -> Decimal:
        """All taxes of the line."""
        return sum(self.taxes.values(), Decimal(0))


@dataclass
class RefundLine:
    """A refunded line: positive quantity and amounts."""

    line: Line
    quantity: Decimal
    net: Decimal
    taxes: dict[int, Decimal]


@dataclass
class Refund:
    """A refund; `amount` includes tax."""

    id: int
    amount: Decimal
    created: datetime
    lines: list[RefundLine]
    reason: str = ""


@dataclass
class Order:
    """An order as the store keeps it; times UTC."""

    id: int
    number: str
    order_key: str
    status: str
    currency: str
    prices_include_tax: bool
    created: datetime
    modified: datetime
    lines: list[Line]
    rates: list[TaxRate]
    coupons: list[Coupon]
    total: Decimal
    discount: Decimal
    billing: Address
    shipping: Address
    customer_id: int = 0
    customer_note: str = ""
    payment_method_title: str = "Card"
    needs_processing: bool = True
    completed: datetime | None = None
    paid: datetime | None = None
    refunds: list[Refund] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    status_before_trash: str = ""

    @property
    def total_tax(self) -> Decimal:
        """All taxes of all lines."""
        return sum((line.tax for line in self.lines), Decimal(0))
