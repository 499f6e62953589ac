"""How WooCommerce computes an order's money, in Decimal.

Prices are entered with or without tax; an order keeps net amounts in six decimals with the taxes
beside them. A shop rounds either each tax of each line to its decimals, or only the order's sums
("round tax at subtotal level").
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_DOWN, ROUND_HALF_UP, Decimal

from katana_woo_sync.sandbox.woocommerce.lines import Line, TaxLine
from katana_woo_sync.sandbox.woocommerce.resource import rounded
from katana_woo_sync.sandbox.woocommerce.taxes import TaxRate

HUNDRED = Decimal(100)
ZERO = Decimal(0)
INTERNAL = Decimal("1E-6")

Taxes = dict[int, Decimal]


@dataclass(frozen=True)
class Totals:
    """An order's sums. `total` includes tax."""

    discount_total: Decimal = Decimal(0)
    discount_tax: Decimal = Decimal(0)
    shipping_total: Decimal = Decimal(0)
    shipping_tax: Decimal = Decimal(0)
    cart_tax: Decimal = Decimal(0)
    total: Decimal = Decimal(0)
    total_tax: Decimal = Decimal(0)


@dataclass(frozen=True)
class Rounding:
    """How a shop counts: `decimals` are its price decimals."""

    at_subtotal: bool = False
    decimals: int = 2
    prices_include_tax: bool = False

    def tax_total(self, tax: Decimal) -> Decimal:
        """A tax in the shop's decimals: halves go down where prices include tax."""
        mode = ROUND_HALF_DOWN if self.prices_include_tax else ROUND_HALF_UP
        return rounded(tax, self.decimals, mode)

    def line_tax(self, tax: Decimal) -> Decimal:
        """A line's tax as the order counts it."""
        return tax if self.at_subtotal else self.tax_total(tax)

    def line_taxes(self, taxes: Mapping[int, Decimal]) -> Decimal:
        """All of a line's taxes as the order counts them."""
        return sum((self.line_tax(tax) for tax in taxes.values()), ZERO)

    def shown(self, amount: Decimal) -> Decimal:
        """An amount in the shop's decimals."""
        return rounded(amount, self.decimals)


def exclusive(amount: Decimal, rates: Sequence[TaxRate]) -> Taxes:
    """The taxes on top of an amount; compound rates apply to the taxes before them too."""
    taxes: Taxes = {}
    for rate in rates:
        if not rate.compound:
            taxes[rate.id] = amount * rate.percent / HUNDRED
    before = sum(taxes.values(), ZERO)
    for rate in rates:
        if rate.compound:
            taxes[rate.id] = (amount + before) * rate.percent / HUNDRED
            before += taxes[rate.id]
    return {rate.id: taxes[rate.id].quantize(INTERNAL, ROUND_HALF_UP) for rate in rates}


def inclusive(amount: Decimal, rates: Sequence[TaxRate]) -> Taxes:
    """The taxes that an amount holds."""
    taxes: Taxes = {}
    net = amount
    for rate in reversed([rate for rate in rates if rate.compound]):
        before = net / (1 + rate.percent / HUNDRED)
        taxes[rate.id] = net - before
        net = before
    plain = [rate for rate in rates if not rate.compound]
    base = net / (1 + sum((rate.percent for rate in plain), ZERO) / HUNDRED)
    for rate in plain:
        taxes[rate.id] = base * rate.percent / HUNDRED
    return {rate.id: taxes[rate.id].quantize(INTERNAL, ROUND_HALF_UP) for rate in rates}


def without_tax(amount: Decimal, rates: Sequence[TaxRate]) -> Decimal:
    """An amount less the taxes that it holds."""
    return amount - sum(inclusive(amount, rates).values(), ZERO)


def order_totals(lines: Sequence[Line], rounding: Rounding) -> Totals:
    """An order's sums: of rounded lines, or rounded only here."""
    items = [line for line in lines if line.kind == "item"]
    fees = [line for line in lines if line.kind == "fee"]
    shipping = [line for line in lines if line.kind == "shipping"]
    subtotal = _sum_of_items((line.subtotal for line in items), rounding)
    cart = _sum_of_items((line.total for line in items), rounding)
    discount_tax = sum(
        (sum(x.subtotal_taxes.values(), ZERO) - sum(x.taxes.values(), ZERO) for x in items), ZERO
    )
    shipping_total = sum((rounding.shown(line.total) for line in shipping), ZERO)
    cart_tax = sum((line.total_tax for line in (*items, *fees)), ZERO)
    shipping_tax = sum((line.total_tax for line in shipping), ZERO)
    fees_total = sum((line.total for line in fees), ZERO)
    return Totals(
        discount_total=rounding.shown(subtotal - cart),
        discount_tax=rounding.tax_total(discount_tax),
        shipping_total=shipping_total,
        shipping_tax=shipping_tax,
        cart_tax=cart_tax,
        total_tax=rounding.shown(cart_tax + shipping_tax),
        total=rounding.shown(cart + fees_total + shipping_total + cart_tax + shipping_tax),
    )


def _sum_of_items(amounts: Iterable[Decimal], rounding: Rounding) -> Decimal:
    if rounding.at_subtotal:
        return sum(amounts, ZERO)
    return sum((rounding.shown(amount) for amount in amounts), ZERO)


def most_negative_fee(lines: Sequence[Line], rounding: Rounding) -> Decimal:
    """How far a negative fee may go: not below an order of nothing (before tax)."""
    items = _sum_of_items((line.total for line in lines if line.kind == "item"), rounding)
    others = sum((line.total for line in lines if line.kind != "item"), ZERO)
    return -rounding.shown(items + others)


def tax_lines(
    lines: Sequence[Line],
    rates: Mapping[int, TaxRate],
    rounding: Rounding,
    next_id: Callable[[], int],
) -> list[TaxLine]:
    """The rates that lines bear with their sums, in the order in which they first come."""
    cart: Taxes = {}
    shipping: Taxes = {}
    for line in sorted(lines, key=lambda line: line.kind == "shipping"):
        sums = shipping if line.kind == "shipping" else cart
        for rate_id, tax in line.taxes.items():
            sums[rate_id] = sums.get(rate_id, ZERO) + rounding.line_tax(tax)
    return [
        TaxLine(next_id(), rates[i], cart.get(i, ZERO), shipping.get(i, ZERO))
        for i in {**cart, **shipping}
    ]
