"""Totals as Katana computes them: unrounded, in exact decimals.

A row's total is without tax, an order's with tax and with its shipping fees.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import ROUND_HALF_UP, Decimal, localcontext
from typing import TYPE_CHECKING

from katana_woo_sync.sandbox.katana.state import ZERO, State

if TYPE_CHECKING:
    from katana_woo_sync.sandbox.katana.sales_orders import Row, SalesOrder

PRICE_STEP = Decimal("1E-10")
"""Katana keeps prices per unit with ten decimals."""

RATE_STEP = Decimal("1E-10")

_DIGITS = 60

EUR_PER_UNIT = {
    "EUR": Decimal(1),
    "USD": Decimal("0.92"),
    "GBP": Decimal("1.17"),
    "CHF": Decimal("1.06"),
    "SEK": Decimal("0.088"),
    "NOK": Decimal("0.086"),
    "DKK": Decimal("0.134"),
    "PLN": Decimal("0.233"),
    "CZK": Decimal("0.0405"),
    "HUF": Decimal("0.0025"),
    "CAD": Decimal("0.68"),
    "AUD": Decimal("0.61"),
    "NZD": Decimal("0.55"),
    "JPY": Decimal("0.0059"),
    "INR": Decimal("0.0108"),
    "BRL": Decimal("0.165"),
    "MXN": Decimal("0.048"),
    "ZAR": Decimal("0.05"),
    "KWD": Decimal("3.01"),
}
"""The sandbox's fixed rates of exchange; a currency that is not here is worth one euro."""


def price(value: Decimal) -> Decimal:
    """A price or discount with the ten decimals that Katana keeps."""
    with localcontext(prec=_DIGITS):
        return Decimal(value).quantize(PRICE_STEP, ROUND_HALF_UP)


def conversion_rate(currency: str, base_currency: str) -> Decimal:
    """How much of the base currency one unit of the currency is worth."""
    own, base = (EUR_PER_UNIT.get(code, Decimal(1)) for code in (currency, base_currency))
    return (own / base).quantize(RATE_STEP, ROUND_HALF_UP).normalize()


def rate_of(order: SalesOrder, state: State) -> Decimal:
    """The rate that the order is converted at."""
    return order.conversion_rate or conversion_rate(order.currency, state.base_currency)


def row_total(row: Row) -> Decimal:
    """Quantity × price per unit − the row's discount; without tax, in the order's currency."""
    with localcontext(prec=_DIGITS):
        return row.quantity * row.price_per_unit - row.total_discount


def order_total(order: SalesOrder, state: State) -> Decimal:
    """All rows and shipping fees with their taxes, in the order's currency."""
    amounts = [(row_total(row), row.tax_rate_id) for row in order.rows]
    amounts += [(fee.amount, fee.tax_rate_id) for fee in state.fees_of(order.id)]
    return _with_tax(amounts, state)


def converted(amount: Decimal, rate: Decimal) -> Decimal:
    """The amount in the base currency."""
    with localcontext(prec=_DIGITS):
        return amount * rate


def _with_tax(amounts: Iterable[tuple[Decimal, int | None]], state: State) -> Decimal:
    with localcontext(prec=_DIGITS):
        return sum((amount * _tax_factor(key, state) for amount, key in amounts), ZERO)


def _tax_factor(tax_rate_id: int | None, state: State) -> Decimal:
    rate = None if tax_rate_id is None else state.tax_rates.get(tax_rate_id)
    return Decimal(1) if rate is None else 1 + rate.rate / 100
