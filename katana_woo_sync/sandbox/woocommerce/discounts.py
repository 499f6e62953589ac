"""How WooCommerce spreads coupons over an order's items: in whole cents, by its own rules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_DOWN, ROUND_HALF_UP, Decimal

from katana_woo_sync.sandbox.woocommerce.lines import Coupon
from katana_woo_sync.sandbox.woocommerce.totals import HUNDRED

WHOLE = Decimal(1)


@dataclass
class Discounted:
    """A line that coupons lower. `price` is the whole line's in cents, as prices are entered in
    the shop (it may hold fractions of a cent), `taken` the discount so far."""

    index: int
    price: Decimal
    quantity: Decimal
    taken: Decimal = Decimal(0)

    @property
    def left(self) -> Decimal:
        """What is left of the price, in whole cents."""
        return (self.price - self.taken).quantize(WHOLE, ROUND_HALF_UP)


def spread(
    coupons: Sequence[Coupon],
    prices: Sequence[tuple[Decimal, Decimal]],
    *,
    cents: Decimal,
    by_unit_price: bool,
) -> list[list[Decimal]]:
    """For each coupon the discount of each line, as money; `prices` are (line's price, quantity).

    What whole cents leave over goes to the dearest lines first: by the price of a piece, before
    WooCommerce 10 by the line's price times its quantity.
    """
    lines = [
        Discounted(index, price * cents, quantity)
        for index, (price, quantity) in enumerate(prices)
        if quantity > 0
    ]
    if by_unit_price:
        lines.sort(key=lambda line: line.price / line.quantity, reverse=True)
    else:
        lines.sort(key=lambda line: line.price * line.quantity, reverse=True)
    found = []
    for coupon in coupons:
        before = {line.index: line.taken for line in lines}
        _apply(coupon, lines, coupon.amount * cents)
        taken = {line.index: (line.taken - before[line.index]) / cents for line in lines}
        found.append([taken.get(index, Decimal(0)) for index in range(len(prices))])
    return found


def _apply(coupon: Coupon, lines: Sequence[Discounted], amount: Decimal) -> None:
    with_price = [line for line in lines if line.left > 0]
    match coupon.kind:
        case "percent":
            _percent(coupon.amount, with_price)
        case "fixed_cart":
            _fixed_cart(amount, with_price)
        case "fixed_product":
            _fixed_product(amount, with_price)


def _percent(percent: Decimal, lines: Sequence[Discounted]) -> None:
    whole = given = Decimal(0)
    for line in lines:
        price = line.price.quantize(WHOLE, ROUND_HALF_UP)
        discount = (price * percent / HUNDRED).quantize(WHOLE, ROUND_FLOOR)
        discount = min(line.left, discount)
        line.taken += discount
        whole += price
        given += discount
    due = (whole * percent / HUNDRED).quantize(WHOLE, ROUND_HALF_DOWN)
    if given < due:
        _remainder(due - given, lines)


def _fixed_product(amount: Decimal, lines: Sequence[Discounted]) -> Decimal:
    given = Decimal(0)
    for line in lines:
        discount = min(line.left, amount * line.quantity)
        line.taken += discount
        given += discount
    return given


def _fixed_cart(amount: Decimal, lines: Sequence[Discounted]) -> None:
    while amount > 0:
        lines = [line for line in lines if line.left > 0]
        pieces = sum((line.quantity for line in lines), Decimal(0))
        if not pieces:
            return
        each = (amount / pieces).quantize(WHOLE, ROUND_FLOOR)
        if not each:
            _remainder(amount, lines)
            return
        given = _fixed_product(each, lines)
        if not given:
            return
        amount -= given


def _remainder(amount: Decimal, lines: Sequence[Discounted]) -> None:
    """A cent for each piece, until it is used up."""
    for line in lines:
        pieces = line.quantity.quantize(WHOLE, ROUND_CEILING)
        part = min(amount, pieces, line.left)
        line.taken += part
        amount -= part
        if amount <= 0:
            return
