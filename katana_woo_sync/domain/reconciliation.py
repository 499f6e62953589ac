"""A month's sales in the shop against the same orders in Katana, for the accountant.

Amounts are in the order's currency, as Decimal. The shop's are what its lines say, less the refunds
that the import knew of; Katana's are its rows and shipping fee. Each order is rounded to the cent
for each tax rate, as an invoice is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum

from msgspec import Struct

from katana_woo_sync.domain.charges import charges_of
from katana_woo_sync.domain.katana import SalesOrder, ShippingFee
from katana_woo_sync.domain.payments import rounded_sums
from katana_woo_sync.domain.taxes import HUNDRED, stated
from katana_woo_sync.domain.woocommerce import Order, Refund

CENT = Decimal("0.01")
ZERO = Decimal(0)


class Amounts(Struct, frozen=True):
    """An amount without tax, and its tax."""

    net: Decimal = ZERO
    tax: Decimal = ZERO

    def __add__(self, other: Amounts) -> Amounts:
        return Amounts(self.net + other.net, self.tax + other.tax)

    @property
    def total(self) -> Decimal:
        """With tax."""
        return self.net + self.tax


ByRate = Mapping[Decimal, Amounts]
"""Amounts by tax rate, in percent."""


class Before(StrEnum):
    """An order of before the time from which the program imports."""

    CONNECTION = "completed_before_connection"
    SINCE = "placed_before_since"


class Pair(Struct, frozen=True):
    """An order on both sides. `day` is the shop's own; a side that has not the order is None.

    `why` says why they may differ, where that is known."""

    store: str
    order_id: int
    number: str
    day: date
    currency: str
    shop: ByRate | None
    katana: ByRate | None
    why: str = ""
    before: Before | None = None
    """Why it is none of Katana's, and is not compared."""

    @property
    def shop_total(self) -> Decimal | None:
        """The shop's total with tax; None where it has nothing of the order."""
        return _total(self.shop)

    @property
    def katana_total(self) -> Decimal | None:
        """Katana's total with tax; None where it has nothing of the order."""
        return _total(self.katana)

    @property
    def difference(self) -> Decimal:
        """Katana's total less the shop's, with tax, to the cent."""
        return (self.katana_total or ZERO) - (self.shop_total or ZERO)


class Cell(Struct, frozen=True):
    """What a store sold on a day, in a currency, at a tax rate (percent), on each side: how many
    orders have the rate, and their sums."""

    store: str
    day: date
    currency: str
    rate: Decimal
    shop_orders: int
    shop: Amounts
    katana_orders: int
    katana: Amounts

    @property
    def difference(self) -> Decimal:
        """Katana's sum less the shop's, with tax."""
        return self.katana.total - self.shop.total


def of_shop(
    order: Order,
    refunds: Sequence[Refund],
    known_at_import: Iterable[int],
    *,
    decimals: int = 2,
    rounds_each_line: bool = True,
) -> ByRate:
    """What the order comes to, by the shop's own total: less the refunds with these ids (the others
    were made afterwards and never cross), with what gift cards paid of it.

    What the total holds beyond the lines is the shop's rounding, of the largest rate; where it is
    more than that, it has no rate.
    """
    known = set(known_at_import)
    charges = charges_of(
        order,
        [refund for refund in refunds if int(refund.id) in known],
        with_shipping=True,
        with_fees=True,
        decimals=decimals,
        rounds_each_line=rounds_each_line,
    )
    found: dict[Decimal, Amounts] = {}
    for charge in charges.charges:
        percent = stated(charge.need)
        rate = _rate_of(charge.net, charge.tax) if percent is None else percent
        _add(found, rate, Amounts(charge.net, charge.tax))
    by_rate = _to_the_cent(found)
    rest = _cents(charges.total) - (_total(by_rate) or ZERO)
    if not rest:
        return by_rate
    roundings = charges.roundings if rounds_each_line else rounded_sums(order)
    largest = max(by_rate, key=lambda rate: abs(by_rate[rate].total), default=ZERO)
    is_rounding = by_rate and abs(rest) <= roundings * Decimal(5).scaleb(-decimals - 1)
    sums = dict(by_rate)
    _add(sums, largest if is_rounding else ZERO, Amounts(rest))
    return sums


def of_katana(
    sales_order: SalesOrder, fees: Sequence[ShippingFee], rates: Mapping[int, Decimal]
) -> ByRate:
    """What the sales order comes to; `rates` are Katana's percentages by their ids."""
    found: dict[Decimal, Amounts] = {}
    for row in sales_order.sales_order_rows:
        net = row.quantity * row.price_per_unit - row.total_discount
        _add_taxed(found, net, rates.get(int(row.tax_rate_id), ZERO))
    for fee in fees:
        if not fee.deleted_at:
            _add_taxed(found, Decimal(fee.amount), rates.get(int(fee.tax_rate_id), ZERO))
    return _to_the_cent(found)


def cells(pairs: Iterable[Pair]) -> list[Cell]:
    """The sums by store, day, currency and rate, in that order."""
    sums: dict[tuple[str, date, str, Decimal], Cell] = {}
    for pair in (pair for pair in pairs if pair.before is None):
        for rate in {**(pair.shop or {}), **(pair.katana or {})}:
            key = (pair.store, pair.day, pair.currency, rate)
            cell = sums.get(key) or Cell(*key, 0, Amounts(), 0, Amounts())
            ours, theirs = (pair.shop or {}).get(rate), (pair.katana or {}).get(rate)
            sums[key] = Cell(
                *key,
                cell.shop_orders + (ours is not None),
                cell.shop + (ours or Amounts()),
                cell.katana_orders + (theirs is not None),
                cell.katana + (theirs or Amounts()),
            )
    return [sums[key] for key in sorted(sums)]


def differing(pairs: Iterable[Pair]) -> list[Pair]:
    """The orders whose totals differ, or that one side lacks."""
    return [p for p in pairs if p.before is None and p.shop_total != p.katana_total]


def _rate_of(net: Decimal, tax: Decimal) -> Decimal:
    """The percentage of a tax that the shop keeps none for, to a tenth of a percent."""
    return (tax / net * HUNDRED).quantize(Decimal("0.1"), ROUND_HALF_UP) if net else ZERO


def _add_taxed(found: dict[Decimal, Amounts], net: Decimal, rate: Decimal) -> None:
    _add(found, rate, Amounts(net, net * rate / HUNDRED))


def _add(found: dict[Decimal, Amounts], rate: Decimal, amounts: Amounts) -> None:
    found[rate] = found.get(rate, Amounts()) + amounts


def _to_the_cent(found: Mapping[Decimal, Amounts]) -> ByRate:
    """Net and total are rounded, and the tax is what lies between: so that totals are exact."""
    rounded = {}
    for rate, amounts in found.items():
        net, total = (_cents(each) for each in (amounts.net, amounts.total))
        if net or total:
            rounded[rate] = Amounts(net, total - net)
    return rounded


def _cents(amount: Decimal) -> Decimal:
    return amount.quantize(CENT, ROUND_HALF_UP)


def _total(side: ByRate | None) -> Decimal | None:
    return sum((amounts.total for amounts in side.values()), ZERO) if side else None
