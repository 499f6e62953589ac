"""A sandbox store's state, and how orders come into being and change in it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal

from katana_woo_sync.sandbox.woocommerce.answers import Json
from katana_woo_sync.sandbox.woocommerce.records import (
    Coupon,
    Fee,
    Item,
    Line,
    Order,
    Product,
    Shipping,
)
from katana_woo_sync.sandbox.woocommerce.totals import (
    HUNDRED,
    Rounding,
    Taxed,
    TaxRate,
    exclusive,
    line,
    spread,
)

STOCK_TAKING = frozenset({"processing", "completed", "on-hold"})


@dataclass(frozen=True)
class Mail:
    """A mail that a change of status sent to the customer."""

    order_id: int
    before: str
    after: str


@dataclass
class StoreState:
    """Everything that a store keeps. `clock` gives aware UTC."""

    name: str
    rounding: Rounding
    currency: str
    rates: tuple[TaxRate, ...]
    clock: Callable[[], datetime]
    offset: timedelta = timedelta(0)
    version: tuple[int, ...] = (11, 0, 1)
    hpos: bool = True
    products: dict[int, Product] = field(default_factory=dict)
    orders: dict[int, Order] = field(default_factory=dict)
    mails: list[Mail] = field(default_factory=list)
    lock: threading.RLock = field(default_factory=threading.RLock)
    last_id: int = 10

    def next_id(self) -> int:
        """Orders, products and lines number on one count, as posts do."""
        self.last_id += 1
        return self.last_id

    def settings(self, group: str) -> list[Json]:
        """The settings of a group, as the API lists them."""
        values: Mapping[str, Mapping[str, str]] = {
            "general": {
                "woocommerce_currency": self.currency,
                "woocommerce_price_num_decimals": str(self.rounding.decimals),
            },
            "tax": {
                "woocommerce_prices_include_tax": _yes(self.rounding.prices_include_tax),
                "woocommerce_tax_round_at_subtotal": _yes(self.rounding.at_subtotal),
            },
        }
        rows = values.get(group, {})
        return [{"id": name, "value": value, "group_id": group} for name, value in rows.items()]

    def put(self, order: Order, body: Mapping[str, object]) -> None:
        """Change an order as a PUT does: on order tables even an empty one counts as a change."""
        status = body.get("status")
        changed = isinstance(status, str) and self.change_status(order, status)
        if isinstance(body.get("customer_note"), str):
            order.customer_note = str(body["customer_note"])
            changed = True
        if self.hpos or changed:
            order.modified = self.clock()

    def change_status(self, order: Order, status: str) -> bool:
        """Set a status; mails the customer if it is another. Returns whether it was."""
        if order.status == status:
            return False
        self.mails.append(Mail(order.id, order.status, status))
        order.status = status
        order.modified = self.clock()
        if status == "completed":
            order.completed = order.modified
        if status in ("processing", "completed") and order.paid is None:
            order.paid = order.modified
        return True

    def rates_of(self, tax_class: str | None, *, shipping: bool = False) -> list[TaxRate]:
        """The rates of a tax class; None is untaxed."""
        if tax_class is None:
            return []
        return [r for r in self.rates if r.tax_class == tax_class and (r.shipping or not shipping)]

    def lines(
        self,
        items: Sequence[Item],
        fees: Sequence[Fee],
        shipping: Sequence[Shipping],
        coupons: Sequence[Coupon],
        *,
        exempt: bool,
    ) -> list[Line]:
        """The lines of a new order, computed as WooCommerce does."""
        lines = self._items(items, coupons, exempt=exempt)
        for fee in fees:
            rates = [] if exempt else self.rates_of(fee.tax_class)
            taxed = exclusive(fee.amount, rates, self.rounding)
            lines.append(self._plain_line("fee", fee.name, taxed))
        for method in shipping:
            rates = [] if exempt else self.rates_of(method.tax_class, shipping=True)
            taxed = exclusive(method.amount, rates, self.rounding)
            lines.append(self._plain_line("shipping", method.title, taxed))
        return lines

    def _plain_line(self, kind: str, name: str, taxed: Taxed) -> Line:
        return Line(self.next_id(), kind, name, taxed.net, taxed.taxes)

    def _items(
        self, items: Sequence[Item], coupons: Sequence[Coupon], *, exempt: bool
    ) -> list[Line]:
        amounts = [self._price(item) * Decimal(item.quantity) for item in items]
        discounts = self._discounts(items, amounts, coupons)
        lines = []
        for item, amount, discount in zip(items, amounts, discounts, strict=True):
            product = self.products[item.variation_id or item.product_id]
            rates = self.rates_of(product.tax_class)
            before = line(amount, rates, self.rounding, base_rates=rates, exempt=exempt)
            after = line(amount - discount, rates, self.rounding, base_rates=rates, exempt=exempt)
            meta: list[tuple[str, object]] = [*product.options.items(), *item.meta]
            meta.append(("_reduced_stock", str(item.quantity)))
            lines.append(
                Line(
                    id=self.next_id(),
                    kind="item",
                    name=self.line_name(product),
                    net=after.net,
                    taxes=after.taxes,
                    quantity=Decimal(item.quantity),
                    subtotal=before.net,
                    subtotal_taxes=before.taxes,
                    product_id=item.product_id,
                    variation_id=item.variation_id,
                    tax_class=product.tax_class,
                    meta=meta,
                )
            )
        return lines

    def line_name(self, product: Product) -> str:
        """A product's name; a variation's has its options behind it."""
        if not product.options:
            return product.name
        return f"{product.name} - {', '.join(product.options.values())}"

    def _price(self, item: Item) -> Decimal:
        if item.price is not None:
            return item.price
        return self.products[item.variation_id or item.product_id].price

    def _discounts(
        self, items: Sequence[Item], amounts: Sequence[Decimal], coupons: Sequence[Coupon]
    ) -> list[Decimal]:
        taken = [Decimal(0) for _ in amounts]
        for coupon in coupons:
            left = [amount - part for amount, part in zip(amounts, taken, strict=True)]
            match coupon.kind:
                case "percent":
                    parts = [amount * coupon.amount / HUNDRED for amount in left]
                case "fixed_cart":
                    parts = spread(coupon.amount, left, self.rounding.unit)
                case _:
                    parts = [coupon.amount * Decimal(item.quantity) for item in items]
            parts = [min(part, most) for part, most in zip(parts, left, strict=True)]
            taken = [a + b for a, b in zip(taken, parts, strict=True)]
        return taken

    def total(self, lines: Sequence[Line]) -> Decimal:
        """An order's total with tax: of rounded lines, or rounded at the end."""
        rounding = self.rounding
        if rounding.at_subtotal:
            return rounding.shown(sum((x.net + x.tax for x in lines), Decimal(0)))
        return sum((rounding.shown(x.net) + rounding.shown(x.tax) for x in lines), Decimal(0))

    def used_rates(self, lines: Sequence[Line]) -> list[TaxRate]:
        """The rates that any line bears."""
        used = {rate_id for x in lines for rate_id in x.taxes}
        return [rate for rate in self.rates if rate.id in used]


def _yes(value: bool) -> str:
    return "yes" if value else "no"


def numbered(rates: Sequence[TaxRate]) -> tuple[TaxRate, ...]:
    """The rates with ids from 1."""
    return tuple(replace(rate, id=rate.id or n) for n, rate in enumerate(rates, 1))
