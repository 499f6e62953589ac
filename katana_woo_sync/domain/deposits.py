"""Orders of which only a deposit is paid yet: their lines at the full price.

A deposit plugin lowers the lines to the deposit and keeps the full price in their meta, or lowers
only the order's total. The rest is a payment, whenever it comes, and nothing that is sold.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import TypeVar

from msgspec.structs import replace

from katana_woo_sync.domain.fields import Amount
from katana_woo_sync.domain.reasons import Reason
from katana_woo_sync.domain.sales_order import Unmappable
from katana_woo_sync.domain.sub_orders import is_balance, parent_of
from katana_woo_sync.domain.taxes import HUNDRED, percent_of
from katana_woo_sync.domain.text import plain
from katana_woo_sync.domain.woocommerce import LineItem, LineTax, Order, TaxLine

A_CENT = Decimal("0.01")
CLOSE = Decimal("0.02")
"""Amounts are alike that differ by the plugin's rounding and the shop's."""

WHOLE_PRICE_KEPT = ("wc_deposit_meta", "awcdp_deposit_meta")
"""Line meta of WooCommerce Deposits by Webtomizer and Deposits & Partial Payments by Acowebs: a
table of `deposit`, `remaining` and `total`. Their lines hold the full price."""

ZERO = Decimal(0)

AnyOrder = TypeVar("AnyOrder", bound=Order)


def priced_in_full(order: Order) -> Order:
    """As `at_full_price`. Raises `Unmappable` also for the rest of a deposit that comes alone: its
    lines are at what was left to pay."""
    if is_balance(order):
        parent = parent_of(order)
        raise Unmappable(Reason.DEPOSIT, f"it is the rest of order id:{parent}" if parent else "")
    return at_full_price(order)


def at_full_price(order: AnyOrder) -> AnyOrder:
    """The order with its lines, and its total, as if all were paid; the same one where no line is
    at a deposit. Raises `Unmappable` where the plugin's data does not give the full price."""
    lines = tuple(_whole(line, order) for line in order.line_items)
    added = sum(
        (new.gross - old.gross for new, old in zip(lines, order.line_items, strict=True)), ZERO
    )
    if added:
        if order.refunds:
            raise Unmappable(Reason.DEPOSIT, "some of the deposit was refunded")
        return replace(order, line_items=lines, total=Amount(order.total + added))
    return _with_the_rest(order)


def _whole(line: LineItem, order: Order) -> LineItem:
    meta = {str(entry.key): entry.value for entry in line.meta_data}
    if meta.get("_is_deposit") in ("yes", "1", 1, True):
        return _of_woocommerce_deposits(line, order, meta)
    if meta.get("_deposit") in ("yes", "1", 1, True):
        return _of_yith(line, order, meta)
    for key in WHOLE_PRICE_KEPT:
        table = meta.get(key)
        if isinstance(table, dict) and table.get("enable") == "yes":
            return _of_a_table(line, order, table)
    return line


def _of_woocommerce_deposits(line: LineItem, order: Order, meta: Mapping[str, object]) -> LineItem:
    """The full amounts are of the whole quantity, before any discount; some of the discount is
    put off to the rest."""
    key, later = "_deposit_full_amount_ex_tax", "_deposit_deferred_discount_ex_tax"
    is_taxed = sum(_rates(line, {str(t.rate_id): t for t in order.tax_lines})) > 0
    if order.prices_include_tax and is_taxed:
        key, later = "_deposit_full_amount", "_deposit_deferred_discount"
    full, put_off = _amount(meta.get(key)), _amount(meta.get(later)) or ZERO
    if full is None or full <= 0:
        raise _unknown(line)
    before, after = _as_entered(line, order)
    return _priced(line, order, full, full - (before - after) - put_off)


def _of_yith(line: LineItem, order: Order, meta: Mapping[str, object]) -> LineItem:
    """Deposit and balance are of one piece, as prices are entered in the shop."""
    paid, balance = _amount(meta.get("_deposit_value")), _amount(meta.get("_deposit_balance"))
    if paid is None or balance is None or paid <= 0 or balance < 0:
        raise _unknown(line)
    before, after = _as_entered(line, order)
    deposit = paid * line.quantity
    if abs(deposit - before) > CLOSE * max(line.quantity, Decimal(1)):
        deposit = before  # rounded by the piece, or entered otherwise: the share is right
    full = deposit * (paid + balance) / paid
    return _priced(line, order, full, full - (before - after))


def _of_a_table(line: LineItem, order: Order, table: Mapping[str, object]) -> LineItem:
    deposit, full = _amount(table.get("deposit")), _amount(table.get("total"))
    before, after = _as_entered(line, order)
    if full is None or before >= full - CLOSE or before + line.subtotal_tax >= full - CLOSE:
        return line
    if deposit is None or abs(before - deposit) > CLOSE:
        raise _unknown(line)
    return _priced(line, order, full, full - (before - after))


def _with_the_rest(order: AnyOrder) -> AnyOrder:
    """The order with the total of its lines, where a plugin took exactly the rest off it."""
    rest = ZERO
    for line in order.line_items:
        for entry in line.meta_data:
            if entry.key in WHOLE_PRICE_KEPT and isinstance(entry.value, dict):
                rest += _amount(entry.value.get("remaining")) or ZERO
    charged = (*order.line_items, *order.fee_lines, *order.shipping_lines)
    whole = sum((line.gross for line in charged), ZERO)
    if rest > 0 and abs(whole - order.total - rest) <= CLOSE:
        return replace(order, total=Amount(whole))
    return order


def _as_entered(line: LineItem, order: Order) -> tuple[Decimal, Decimal]:
    """The line's amount before and after discounts, with tax where the shop's prices have it."""
    if order.prices_include_tax:
        return line.subtotal + line.subtotal_tax, line.gross
    return Decimal(line.subtotal), Decimal(line.total)


def _priced(line: LineItem, order: Order, full: Decimal, total: Decimal) -> LineItem:
    """The line at another price, before and after its discounts, as prices are entered."""
    if total < 0:
        raise _unknown(line)
    rates = _rates(line, {str(t.rate_id): t for t in order.tax_lines})
    net, taxes = _split(line, order, total, rates)
    net_before, taxes_before = _split(line, order, full, rates)
    return replace(
        line,
        total=Amount(net),
        total_tax=Amount(sum(taxes, ZERO)),
        subtotal=Amount(net_before),
        subtotal_tax=Amount(sum(taxes_before, ZERO)),
        taxes=tuple(
            LineTax(id=old.id, total=str(new))
            for old, new in zip(_applied(line), taxes, strict=True)
        ),
    )


def _applied(line: LineItem) -> list[LineTax]:
    return [tax for tax in line.taxes if tax.applies]


def _rates(line: LineItem, tax_lines: Mapping[str, TaxLine]) -> list[Decimal]:
    """What share of the net price each tax of the line is: its rate where that gives the tax to
    the cent, since the deposit's tax is rounded; else as the amounts say."""
    applied = _applied(line)
    known = [percent_of(tax_lines[tax.id]) for tax in applied if tax.id in tax_lines]
    rates = [percent / HUNDRED for percent in known if percent is not None]
    if len(rates) == len(applied) and abs(sum(rates) * line.total - line.total_tax) <= A_CENT:
        return rates
    if not line.total:
        raise _unknown(line)
    return [(_amount(tax.total) or ZERO) / line.total for tax in applied]


def _split(
    line: LineItem, order: Order, amount: Decimal, rates: list[Decimal]
) -> tuple[Decimal, list[Decimal]]:
    """An amount as prices are entered, as its net part and its taxes."""
    net = amount / (1 + sum(rates)) if order.prices_include_tax else amount
    return net, [net * rate for rate in rates]


def _amount(value: object) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, (str, int, float, Decimal)):
        return None
    try:
        amount = Decimal(str(value).strip())
    except InvalidOperation:
        return None
    return amount if amount.is_finite() and abs(amount.adjusted()) <= 12 else None


def _unknown(line: LineItem) -> Unmappable:
    return Unmappable(Reason.DEPOSIT, plain(line.name, 100))
