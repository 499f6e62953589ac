"""WooCommerce's orders, refunds and products, as its REST API (wc/v3) describes them.

Amounts are in the order's currency. A line's `subtotal` (before discounts) and `total` (after
them) are for the whole quantity and without tax, even where the shop's prices include tax; the
taxes stand beside them. Times ending in `_gmt` are UTC.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal

import msgspec

from katana_woo_sync.domain.fields import Amount, Price, Text, Whole, utc_time


class Struct(msgspec.Struct, frozen=True, kw_only=True):
    """Unknown fields are ignored: plugins add their own everywhere."""


class Meta(Struct, frozen=True):
    """An entry of `meta_data`. `value` may be any JSON; `display_*` are what the shop shows."""

    key: Text = Text()
    value: object = None
    display_key: object = None
    display_value: object = None


class LineTax(Struct, frozen=True):
    """One tax of one line. `total` is empty (None) where the rate does not apply to the line."""

    id: Text = Text()
    total: object = None

    @property
    def applies(self) -> bool:
        """Whether the line bears this tax (a tax of 0.00 counts, an empty one does not)."""
        return self.total not in (None, "")


class Line(Struct, frozen=True):
    """What line items, fees and shipping lines have in common."""

    id: Whole
    total: Amount = Amount(0)
    total_tax: Amount = Amount(0)
    taxes: tuple[LineTax, ...] = ()
    meta_data: tuple[Meta, ...] = ()

    @property
    def gross(self) -> Decimal:
        """The line's amount with its tax, after discounts. Exact where `price` is not."""
        return self.total + self.total_tax


class LineItem(Line, frozen=True):
    """A product on an order. `sku` is looked up live by WooCommerce, not kept with the order."""

    name: Text = Text()
    parent_name: Text = Text()
    product_id: Whole = Whole(0)
    variation_id: Whole = Whole(0)
    quantity: Amount = Amount(0)
    subtotal: Amount = Amount(0)
    subtotal_tax: Amount = Amount(0)
    sku: Text = Text()


class FeeLine(Line, frozen=True):
    """A fee; negative where a plugin gives a discount that is no coupon."""

    name: Text = Text()


class ShippingLine(Line, frozen=True):
    """A shipping method that the customer chose."""

    method_title: Text = Text()


class TaxLine(Struct, frozen=True):
    """A tax rate that the order uses. `rate_percent` is None where the shop has not kept it."""

    rate_id: Text = Text()
    label: Text = Text()
    compound: bool = False
    rate_percent: object = None


class CouponLine(Struct, frozen=True):
    """A coupon: its money is already in the lines' totals, unless it is a plugin's store credit."""

    code: Text = Text()
    discount: object = None
    discount_tax: object = None
    meta_data: tuple[Meta, ...] = ()


class RefundSummary(Struct, frozen=True):
    """A refund as the order lists it; `total` is negative, with tax."""

    id: Whole
    total: Amount = Amount(0)


class Address(Struct, frozen=True):
    """A billing or shipping address. `state` and `country` are WooCommerce's codes."""

    first_name: Text = Text()
    last_name: Text = Text()
    company: Text = Text()
    address_1: Text = Text()
    address_2: Text = Text()
    city: Text = Text()
    state: Text = Text()
    postcode: Text = Text()
    country: Text = Text()
    email: Text = Text()
    phone: Text = Text()

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to send anything to (a country alone is a shop's default)."""
        return not any(
            part.strip()
            for part in (self.first_name, self.last_name, self.company, self.address_1, self.city)
        )

    @property
    def has_street(self) -> bool:
        """Whether something can be sent there; WooCommerce itself takes no other for an address
        (a name alone stays of one who ordered to the same address)."""
        return bool(self.address_1.strip() or self.address_2.strip())


class Order(Struct, frozen=True):
    """An order of a WooCommerce store. `total` includes tax, shipping and fees.

    `gift_cards` (WooCommerce Gift Cards) and `pw_gift_cards_redeemed` (PW Gift Cards) are these
    plugins' own; other shops have none.
    """

    id: Whole
    number: Text = Text()
    order_key: Text = Text()
    status: Text = Text()
    currency: Text = Text()
    prices_include_tax: bool = False
    date_created_gmt: Text = Text()
    date_paid_gmt: Text = Text()
    date_modified_gmt: Text = Text()
    date_completed_gmt: Text = Text()
    date_created: Text = Text()
    date_paid: Text = Text()
    date_modified: Text = Text()
    created_via: Text = Text()
    parent_id: Whole = Whole(0)
    total: Amount = Amount(0)
    total_tax: Amount = Amount(0)
    customer_id: Whole = Whole(0)
    customer_note: Text = Text()
    payment_method_title: Text = Text()
    needs_processing: bool = True
    billing: Address = Address()
    shipping: Address = Address()
    line_items: tuple[LineItem, ...] = ()
    tax_lines: tuple[TaxLine, ...] = ()
    shipping_lines: tuple[ShippingLine, ...] = ()
    fee_lines: tuple[FeeLine, ...] = ()
    coupon_lines: tuple[CouponLine, ...] = ()
    refunds: tuple[RefundSummary, ...] = ()
    gift_cards: object = None
    pw_gift_cards_redeemed: object = None
    meta_data: tuple[Meta, ...] = ()

    @property
    def created(self) -> datetime | None:
        """When the order was placed, UTC. Where the shop has lost that (some migrations do): by its
        own clock, else when the order was paid, else when it was last changed."""
        created = _shop_time(self.date_created_gmt)
        if created is not None:
            return created
        here = _shop_time(self.date_created)
        if here is not None:
            return here - self._offset_at(here)
        return self.paid or self.modified

    @property
    def has_creation_date(self) -> bool:
        """Whether the shop itself says when, in UTC, the order was placed."""
        return _shop_time(self.date_created_gmt) is not None

    def _offset_at(self, here: datetime) -> timedelta:
        """How far the shop's clock is ahead of UTC, by the nearest time that it has both ways.
        (It is another in summer than in winter.)"""
        pairs = (
            (_shop_time(self.date_paid), self.paid),
            (_shop_time(self.date_modified), self.modified),
        )
        known = [(local, utc) for local, utc in pairs if local is not None and utc is not None]
        if not known:
            return timedelta(0)
        local, utc = min(known, key=lambda pair: abs(pair[0] - here))
        return local - utc

    @property
    def buyer(self) -> Address:
        """Who ordered: the billing address, else, where a marketplace gives none, the shipping
        address with what is known of e-mail and phone."""
        if not self.billing.is_empty:
            return self.billing
        return msgspec.structs.replace(
            self.shipping,
            email=self.billing.email or self.shipping.email,
            phone=self.billing.phone or self.shipping.phone,
        )

    @property
    def paid(self) -> datetime | None:
        """When it was paid (UTC); None where the shop has not said."""
        return utc_time(self.date_paid_gmt)

    @property
    def modified(self) -> datetime | None:
        """When the order was last changed, UTC, in whole seconds."""
        return utc_time(self.date_modified_gmt)

    @property
    def completed(self) -> datetime | None:
        """When the order was completed, UTC."""
        return utc_time(self.date_completed_gmt)


FIRST_YEAR = 1971
"""What was "placed" earlier has a time of nothing: the year 0, or the second 0."""


def _shop_time(text: str) -> datetime | None:
    moment = utc_time(text)
    return moment if moment is not None and moment.year >= FIRST_YEAR else None


class DatedOrder(Order, frozen=True):
    """An order with the day on which it was placed by the shop's own clock and time zone."""

    @property
    def day(self) -> date:
        """That day; UTC's where the shop does not have it."""
        here = _shop_time(self.date_created) or self.created
        return here.date() if here is not None else date.min


class OrderNote(Struct, frozen=True):
    """A note on an order; `customer_note` ones were mailed to the customer."""

    id: Whole
    note: Text = Text()
    customer_note: bool = False


class RefundLine(Line, frozen=True):
    """A refunded line: quantity, total and tax are negative (but see `charges`)."""

    quantity: Amount = Amount(0)

    @property
    def refunded_item_id(self) -> int:
        """The id of the order's line that this refunds; 0 where the shop has not said."""
        for entry in self.meta_data:
            if entry.key == "_refunded_item_id" and str(entry.value).isdigit():
                return int(str(entry.value))
        return 0


class Refund(Struct, frozen=True):
    """A refund. `amount` is positive and includes tax; an amount-only refund has no lines."""

    id: Whole = Whole(0)
    amount: Amount = Amount(0)
    line_items: tuple[RefundLine, ...] = ()
    shipping_lines: tuple[RefundLine, ...] = ()
    fee_lines: tuple[RefundLine, ...] = ()

    @property
    def lines(self) -> tuple[RefundLine, ...]:
        """All refunded lines, of whatever kind."""
        return self.line_items + self.shipping_lines + self.fee_lines


class Attribute(Struct, frozen=True):
    """A product's attribute with `options`, or a variation's with the one `option` it has."""

    name: Text = Text()
    slug: Text = Text()
    variation: bool = False
    options: tuple[Text, ...] = ()
    option: Text = Text()


class Category(Struct, frozen=True):
    """A product category."""

    name: Text = Text()


class Product(Struct, frozen=True):
    """A product, or a variation of one. `price` includes tax if the store's prices do."""

    id: Whole
    parent_id: Whole = Whole(0)
    name: Text = Text()
    type: Text = Text()
    status: Text = Text()
    sku: Text = Text()
    virtual: bool = False
    tax_status: Text = Text("taxable")
    tax_class: Text = Text()
    price: Price = Price(0)
    global_unique_id: Text = Text()
    attributes: tuple[Attribute, ...] = ()
    categories: tuple[Category, ...] = ()
    variations: tuple[Whole, ...] = ()


class StockItem(Product, frozen=True):
    """A product or variation with its stock. `manage_stock` is true, false, or for a variation
    "parent"; `stock_quantity` is None where the shop keeps none."""

    manage_stock: object = False
    stock_quantity: Amount | None = None
    backorders: Text = Text()
    date_modified_gmt: Text = Text()

    @property
    def keeps_stock(self) -> bool:
        """Whether it has a stock of its own."""
        return self.manage_stock is True

    @property
    def uses_parents_stock(self) -> bool:
        """Whether it is a variation that shares its product's stock."""
        return self.manage_stock == "parent"

    @property
    def may_be_backordered(self) -> bool:
        """Whether it may be sold when there is none."""
        return self.backorders not in ("", "no")

    @property
    def modified(self) -> datetime | None:
        """When it was last changed, UTC, in whole seconds."""
        return utc_time(self.date_modified_gmt)


class ItemProblem(Struct, frozen=True):
    """Why one item of a batch was refused."""

    code: Text = Text()
    message: Text = Text()


class StockAnswer(Struct, frozen=True):
    """What a batch answers for one item: it has been set, or refused (`error`)."""

    id: Whole = Whole(0)
    manage_stock: object = False
    stock_quantity: Amount | None = None
    error: ItemProblem | None = None


class Customer(Struct, frozen=True):
    """A registered customer (a user of the shop who may buy, or has bought)."""

    id: Whole
    email: Text = Text()
    first_name: Text = Text()
    last_name: Text = Text()
    role: Text = Text()
    is_paying_customer: bool = False
    billing: Address = Address()
    shipping: Address = Address()

    @property
    def is_buyer(self) -> bool:
        """Whether it is one to import: no editor or administrator who never bought anything."""
        return self.role in ("customer", "subscriber") or self.is_paying_customer

    @property
    def is_nobody(self) -> bool:
        """Whether there is no name, company or e-mail to know the person by."""
        billing = self.as_order().billing
        known = (billing.first_name, billing.last_name, billing.company, billing.email)
        return not any(part.strip() for part in known)

    def as_order(self) -> Order:
        """The person as an order names them: what the account says where the billing address says
        nothing."""
        billing = msgspec.structs.replace(
            self.billing,
            email=self.billing.email or self.email,
            first_name=self.billing.first_name or self.first_name,
            last_name=self.billing.last_name or self.last_name,
        )
        return Order(id=Whole(0), customer_id=self.id, billing=billing, shipping=self.shipping)


class StoreTaxRate(Struct, frozen=True):
    """A tax rate in the shop's settings; `rate` is a percentage. Empty places mean everywhere."""

    id: Whole
    country: Text = Text()
    state: Text = Text()
    postcode: Text = Text()
    city: Text = Text()
    rate: Amount = Amount(0)
    priority: Whole = Whole(1)
    order: Whole = Whole(0)
    compound: bool = False
    tax_class: Text = msgspec.field(default=Text(), name="class")


class PriceSettings(Struct, frozen=True):
    """How the shop enters its prices: with tax or without, and where it is ("GR", "US:CA")."""

    include_tax: bool = False
    base: str = ""


class About(Struct, frozen=True):
    """Which WooCommerce and WordPress a store runs."""

    version: Text = Text()
    wp_version: Text = Text()


class StoreFacts(Struct, frozen=True):
    """What the sync must know about how a store counts and keeps its money."""

    round_at_subtotal: bool = False
    decimals: int = 2
    currency: Text = Text()

    @property
    def dp(self) -> int | None:
        """The `dp` to ask orders with; None for the store's own decimals.

        Stores that round tax at the subtotal keep their lines unrounded and add up only with more
        decimals; stores that round each line add up only with their own.
        """
        return 6 if self.round_at_subtotal else None

    def shows(self, order: Order) -> bool:
        """Whether the order's total comes in the decimals that it should: else the shop's settings
        are others by now."""
        exponent = order.total.as_tuple().exponent
        decimals = self.decimals if self.dp is None else self.dp
        return not order.total or exponent == -decimals


Rates = Mapping[str, TaxLine]
