"""How an order comes into being: what is in the cart becomes lines, taxes, discounts and sums."""

from __future__ import annotations

import random
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from katana_woo_sync.sandbox.woocommerce.customers import Address
from katana_woo_sync.sandbox.woocommerce.discounts import spread
from katana_woo_sync.sandbox.woocommerce.lines import Coupon, CouponLine, Line, Meta
from katana_woo_sync.sandbox.woocommerce.orders import Order, move_stock, set_meta
from katana_woo_sync.sandbox.woocommerce.products import Product, ProductControls
from katana_woo_sync.sandbox.woocommerce.state import StoreState
from katana_woo_sync.sandbox.woocommerce.taxes import Place, TaxRate, rates_at
from katana_woo_sync.sandbox.woocommerce.totals import (
    INTERNAL,
    ZERO,
    exclusive,
    inclusive,
    most_negative_fee,
    order_totals,
    tax_lines,
    without_tax,
)


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
class Cart:
    """What an order's lines are priced from."""

    items: Sequence[Item]
    billing: Address
    shipping_address: Address
    coupons: Sequence[Coupon]
    fees: Sequence[Fee]
    shipping: Sequence[Shipping]
    vat_exempt: bool


def _order_key(state: StoreState, order_id: int) -> str:
    chance = random.Random(f"{state.name}/{order_id}/{state.placed}")
    return "wc_order_" + "".join(chance.choices(string.ascii_letters + string.digits, k=13))


def _needs_processing(state: StoreState, items: Sequence[Item]) -> bool:
    """Whether anything is to be sent: a line that is no virtual download."""
    products = [state.products.get(item.variation_id or item.product_id) for item in items]
    return any(p is not None and not (p.virtual and p.downloadable) for p in products)


def tax_place(state: StoreState, billing: Address, shipping: Address) -> Place:
    """Where an order is taxed: where it goes to, else where it is billed, else the shop's own."""
    for address in (shipping, billing):
        if address.country:
            return Place(address.country, address.state, address.postcode)
    return state.base


class Pricing:
    """The lines of one cart."""

    def __init__(self, state: StoreState, cart: Cart) -> None:
        self._state = state
        self._cart = cart
        self._place = tax_place(state, cart.billing, cart.shipping_address)

    def lines(self) -> tuple[list[Line], list[CouponLine]]:
        """All lines with their taxes, and the coupons with what they took."""
        items = [self._item(item) for item in self._cart.items]
        coupons = self._discount(items)
        for line, item in zip(items, self._cart.items, strict=True):
            if item.total is not None:
                self._set_total(line, item.total)
        lines = [*items, *(self._shipping(s, items) for s in self._cart.shipping)]
        for fee in self._cart.fees:
            lines.append(self._fee(fee, lines))
        return lines, coupons

    def _rates(self, tax_class: str, tax_status: str) -> list[TaxRate]:
        if self._cart.vat_exempt or tax_status != "taxable":
            return []
        return rates_at(self._state.rates, tax_class, self._place)

    def _item(self, item: Item) -> Line:
        product = self._product(item)
        tax_class = product.tax_class if product else ""
        tax_status = product.tax_status if product else "taxable"
        quantity = Decimal(item.quantity)
        entered = (item.price if item.price is not None else _price(product)) * quantity
        net = entered
        if self._state.rounding.prices_include_tax and tax_status == "taxable":
            # what the shop's own address has in the price, whoever buys
            net = without_tax(entered, rates_at(self._state.rates, tax_class, self._state.base))
        net = net.quantize(INTERNAL)
        line = Line(
            id=self._state.next_line(),
            kind="item",
            name=item.name or (line_name(product) if product else ""),
            total=net,
            taxes={},
            total_tax=ZERO,
            tax_class=tax_class,
            tax_status=tax_status,
            quantity=quantity,
            subtotal=net,
            product_id=item.product_id,
            variation_id=item.variation_id,
            parent_name=self._parent_name(product),
            meta=self._meta(item, product),
        )
        self._set_total(line, net)
        line.subtotal_taxes = dict(line.taxes)
        line.subtotal_tax = line.total_tax
        return line

    def _product(self, item: Item) -> Product | None:
        if not item.product_id:
            return None
        return self._state.products[item.variation_id or item.product_id]

    def _parent_name(self, product: Product | None) -> str | None:
        if product is None or not product.parent_id:
            return None
        return self._state.products[product.parent_id].name

    def _meta(self, item: Item, product: Product | None) -> list[Meta]:
        options = product.options if product else {}
        chosen = [(name.lower(), value, name) for name, value in options.items()]
        own = [(key, value, key) for key, value in item.meta]
        return [Meta(self._state.next_meta(), *entry) for entry in (*chosen, *own)]

    def _set_total(self, line: Line, total: Decimal) -> None:
        """Set a line's total without tax, and its taxes."""
        line.total = total.quantize(INTERNAL)
        line.taxes = exclusive(line.total, self._rates(line.tax_class, line.tax_status))
        line.total_tax = self._state.rounding.line_taxes(line.taxes)

    def _discount(self, items: Sequence[Line]) -> list[CouponLine]:
        """Lower the items by the coupons: off the prices with tax, where they include it."""
        with_tax = self._state.rounding.prices_include_tax
        prices = [
            (line.subtotal + (line.subtotal_tax if with_tax else ZERO), line.quantity)
            for line in items
        ]
        by_coupon = spread(
            self._cart.coupons,
            prices,
            cents=Decimal(10) ** self._state.rounding.decimals,
            by_unit_price=self._state.is_at_least(10),
        )
        for index, line in enumerate(items):
            amount = sum((taken[index] for taken in by_coupon), ZERO)
            if not amount:
                continue
            if with_tax:
                amount = without_tax(amount, self._rates(line.tax_class, line.tax_status))
            self._set_total(line, max(ZERO, line.total - amount))
        return [
            self._coupon_line(coupon, taken, items)
            for coupon, taken in zip(self._cart.coupons, by_coupon, strict=True)
        ]

    def _coupon_line(
        self, coupon: Coupon, taken: Sequence[Decimal], items: Sequence[Line]
    ) -> CouponLine:
        rounding = self._state.rounding
        discount = discount_tax = ZERO
        for amount, line in zip(taken, items, strict=True):
            rates = self._rates(line.tax_class, line.tax_status)
            taxes = (inclusive if rounding.prices_include_tax else exclusive)(amount, rates)
            tax = rounding.line_tax(sum(taxes.values(), ZERO))
            discount += amount - (tax if rounding.prices_include_tax else ZERO)
            discount_tax += tax
        return CouponLine(
            self._state.next_line(), self._state.next_meta(), coupon, discount, discount_tax
        )

    def _fee(self, fee: Fee, others: Sequence[Line]) -> Line:
        amount = fee.amount
        most = most_negative_fee(others, self._state.rounding)
        if amount < most < 0:
            amount = most
        tax_status = "none" if fee.tax_class is None else "taxable"
        return self._simple("fee", fee.name, amount, fee.tax_class or "", tax_status)

    def _shipping(self, method: Shipping, items: Sequence[Line]) -> Line:
        tax_class = method.tax_class
        if tax_class == "inherit":
            classes = [line.tax_class for line in items if line.tax_status != "none"]
            tax_class = "" if "" in classes else min(classes, default="none")
        line = self._simple("shipping", method.title, method.amount, tax_class, "taxable")
        line.method_id = method.method_id
        return line

    def _simple(
        self, kind: str, name: str, amount: Decimal, tax_class: str, tax_status: str
    ) -> Line:
        rates = self._rates(tax_class, tax_status)
        if kind == "shipping":
            rates = [rate for rate in rates if rate.shipping]
        total = amount.quantize(INTERNAL)
        taxes = exclusive(total, rates)
        return Line(
            id=self._state.next_line(),
            kind="shipping" if kind == "shipping" else "fee",
            name=name,
            total=total,
            taxes=taxes,
            total_tax=self._state.rounding.line_taxes(taxes),
            tax_class=tax_class,
            tax_status=tax_status,
        )


def line_name(product: Product) -> str:
    """What a line is named: a variation has its options behind its name."""
    if not product.options:
        return product.name
    return f"{product.name} - {', '.join(product.options.values())}"


def _price(product: Product | None) -> Decimal:
    if product is None:
        raise ValueError("a line without a product needs a price")
    return product.price


class PlacingControls(ProductControls):
    """How orders come into a store."""

    def buyer(self) -> Address:
        """An address of the shop's own country, which orders have that are given none."""
        base = self.state.base
        return Address(
            first_name="Test",
            last_name="Buyer",
            address_1="Ermou 12",
            city="Athens",
            state=base.state,
            postcode=base.postcode or "10552",
            country=base.country,
            email="buyer@example.test",
            phone="+30 690 0000000",
        )

    def place_order(
        self,
        items: Sequence[Item] = (),
        *,
        status: str = "processing",
        customer_id: int = 0,
        billing: Address | None = None,
        shipping_address: Address | None = None,
        coupons: Sequence[Coupon] = (),
        fees: Sequence[Fee] = (),
        shipping: Sequence[Shipping] = (),
        currency: str | None = None,
        customer_note: str = "",
        payment_method_title: str = "Direct bank transfer",
        number: str | None = None,
        created: datetime | None = None,
        vat_exempt: bool = False,
        order_id: int | None = None,
        order_key: str | None = None,
        total: Decimal | None = None,
        created_via: str = "checkout",
        parent_id: int = 0,
        meta: Mapping[str, object] | None = None,
    ) -> int:
        """Place an order, in any status; no mail is noted. Returns its id.

        Taxes are those of the shipping address (without one, the billing address). `total`
        overrides the sum with tax, as gift card plugins do. `order_id` and `order_key` are for
        restored and cloned shops. `created_via` and `parent_id` are what plugins write: Dokan's
        sub-orders, balance orders, the till. Raises `ValueError` for an id that is taken.
        """
        buyer = billing or self.buyer()
        goes_to = shipping_address or buyer
        cart = Cart(items, buyer, goes_to, coupons, fees, shipping, vat_exempt)
        state, rounding = self.state, self.state.rounding
        with state.lock:
            lines, coupon_lines = Pricing(state, cart).lines()
            new_id = state.next_post() if order_id is None else order_id
            if new_id in state.orders or new_id in state.products:
                raise ValueError(f"id {new_id} is taken")
            state.last_post = max(state.last_post, new_id)
            state.placed += 1
            now = created or state.clock()
            rates = {rate.id: rate for rate in state.rates}
            totals = order_totals(lines, rounding)
            order = state.orders[new_id] = Order(
                id=new_id,
                number=number or str(new_id),
                order_key=order_key or _order_key(state, new_id),
                status=status,
                currency=currency or state.currency,
                prices_include_tax=rounding.prices_include_tax,
                created=now,
                modified=now,
                lines=lines,
                tax_lines=tax_lines(lines, rates, rounding, state.next_line),
                coupon_lines=coupon_lines,
                totals=totals if total is None else replace(totals, total=total),
                billing=buyer,
                shipping=goes_to,
                customer_id=customer_id,
                customer_note=customer_note,
                payment_method_title=payment_method_title,
                needs_processing=_needs_processing(state, items),
                created_via=created_via,
                parent_id=parent_id,
                paid=now if status in ("processing", "completed", "refunded") else None,
                completed=now if status == "completed" else None,
            )
            for key, value in (meta or {}).items():
                set_meta(state, order, key, value)
            move_stock(state, order)
            return new_id

    def set_taxes(self, order_id: int, taxes: Mapping[int, Mapping[int, Decimal | str]]) -> None:
        """Set what lines bear of each tax rate, as plugins do (German shops split the tax of
        shipping by shares): {line id: {rate id: tax}}. Lines, rates and total follow."""
        with self.state.lock:
            rounding, order = self.state.rounding, self.state.orders[order_id]
            for line in order.lines:
                if line.id in taxes:
                    line.taxes = {rate_id: Decimal(tax) for rate_id, tax in taxes[line.id].items()}
                    line.total_tax = rounding.line_taxes(line.taxes)
            rates = {rate.id: rate for rate in self.state.rates}
            order.tax_lines = tax_lines(order.lines, rates, rounding, self.state.next_line)
            order.totals = order_totals(order.lines, rounding)
