"""What gift cards and store credit paid of an order: plugins take it off the order's total alone.

It is a payment, not a discount: the goods keep their price. It counts only where a plugin's own
data explains the difference between the order's lines and its total. The keys are those of the
plugins' published code; a card's code is as good as money, and is kept nowhere.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from decimal import Decimal, InvalidOperation
from itertools import combinations

from msgspec import Struct

from katana_woo_sync.domain.woocommerce import CouponLine, FeeLine, Line, Meta, Order

ZERO = Decimal(0)
GIFT_CARD = "gift card"
STORE_CREDIT = "store credit"

IN_META = {
    "_ywgc_applied_gift_cards": GIFT_CARD,  # YITH Gift Cards: by code
    "_ywgc_applied_gift_cards_totals": GIFT_CARD,
    "smart_coupons_contribution": STORE_CREDIT,  # Smart Coupons (StoreApps): by code
    "wt_store_credit_used": STORE_CREDIT,  # Smart Coupons (WebToffee): by code
    "_store_credit_used": STORE_CREDIT,  # Store Credit for WooCommerce: by code
    "acfw_store_credits_order_paid": STORE_CREDIT,  # Advanced Coupons: {amount, ...}
    "_funds_used": STORE_CREDIT,  # Account Funds
    "_via_wallet_payment": STORE_CREDIT,  # TeraWallet, before it made a fee of it
}
"""Order meta that holds what was paid so, as an amount or as amounts by code."""

CREDIT_COUPONS = frozenset({"smart_coupon", "store_credit"})
"""Types of coupons that are store credit."""

AS_A_FEE = "ywgc_gift_card_updated_as_fee"
"""Order meta by which YITH Gift Cards marks that it made a negative fee of the cards."""

FEE_NAME = "gift card ("
WALLET_FEE = ("_legacy_fee_key", "_via_wallet_partial_payment")
"""Meta by which TeraWallet marks its fee."""

MOST_ENTRIES = 8
"""Amounts of which several together are tried: more are no order's."""


class Payment(Struct, frozen=True):
    """What was paid by gift card or store credit, with tax; `fees` are negative fee lines that
    say so."""

    amount: Decimal
    what: str
    fees: frozenset[int] = frozenset()


NOTHING = Payment(ZERO, "")


def lines_of(order: Order) -> tuple[Line, ...]:
    """All that an order charges for: items, fees, shipping."""
    return (*order.line_items, *order.fee_lines, *order.shipping_lines)


def rounded_sums(order: Order) -> int:
    """How many amounts a shop rounds that rounds tax at the subtotal: the total, and each rate's
    tax on items and on shipping."""
    return 1 + 2 * len(order.tax_lines)


def paid(order: Order, *, decimals: int = 2, rounds_each_line: bool = True) -> Payment:
    """What of an order was paid by gift card or store credit; `NOTHING` where no plugin's data
    explains by how much its lines exceed its total.

    `decimals` are the shop's; `rounds_each_line` is false where it rounds tax at the subtotal.
    """
    unit = Decimal(1).scaleb(-decimals)
    tolerance = _tolerance(order, decimals, rounds_each_line=rounds_each_line)
    fees = frozenset(int(fee.id) for fee in order.fee_lines if _is_payment(fee, order))
    for set_aside in dict.fromkeys((fees, frozenset[int]())):
        gap = _gap(order, set_aside)
        if gap <= unit / 2:
            continue
        found = _explained(gap, [*_entries(order, set_aside)], min(tolerance, gap / 2))
        if found is not None:
            amount, what = found
            return Payment(amount, what, set_aside)
    return NOTHING


def may_hold_payments(order: Order, *, decimals: int, rounds_each_line: bool) -> bool:
    """Whether the order's meta, which is not asked for otherwise, may hold what was paid so."""
    if paid(order, decimals=decimals, rounds_each_line=rounds_each_line).amount:
        return False
    if any(fee.total < 0 and _is_card_fee(fee) for fee in order.fee_lines):
        return True
    tolerance = _tolerance(order, decimals, rounds_each_line=rounds_each_line)
    return _gap(order, frozenset()) > tolerance


def _tolerance(order: Order, decimals: int, *, rounds_each_line: bool) -> Decimal:
    """What the shop's own roundings may make lines and total differ by."""
    each = sum(1 + len(line.taxes) for line in lines_of(order))
    return (each if rounds_each_line else rounded_sums(order)) * Decimal(5).scaleb(-decimals - 1)


def _gap(order: Order, set_aside: frozenset[int]) -> Decimal:
    """By how much the lines, without these fees, exceed the order's total."""
    lines = (line for line in lines_of(order) if int(line.id) not in set_aside)
    return sum((line.gross for line in lines), ZERO) - order.total


def _explained(
    gap: Decimal, entries: Sequence[tuple[Decimal, str]], tolerance: Decimal
) -> tuple[Decimal, str] | None:
    """The fewest amounts that make up the difference; of several the closest."""
    for count in range(1, min(len(entries), MOST_ENTRIES) + 1):
        sums = [
            (sum((amount for amount, _what in some), ZERO), some[0][1])
            for some in combinations(entries[:MOST_ENTRIES], count)
        ]
        closest = min(sums, key=lambda found: abs(found[0] - gap))
        if abs(closest[0] - gap) <= tolerance:
            return closest
    return None


def _entries(order: Order, set_aside: frozenset[int]) -> Iterator[tuple[Decimal, str]]:
    """Every amount that a plugin says was paid."""
    for field in (order.gift_cards, order.pw_gift_cards_redeemed):
        yield from ((amount, GIFT_CARD) for amount in _amounts(field))
    for fee in order.fee_lines:
        if int(fee.id) in set_aside:
            yield -fee.gross, GIFT_CARD if _is_card_fee(fee) else STORE_CREDIT
    for coupon in order.coupon_lines:
        if _is_credit(coupon):
            yield sum(_amounts([coupon.discount, coupon.discount_tax]), ZERO), STORE_CREDIT
    for entry in order.meta_data:
        if entry.key in IN_META:
            yield from ((amount, IN_META[entry.key]) for amount in _amounts(entry.value))


def _is_payment(fee: FeeLine, order: Order) -> bool:
    if fee.total >= 0:
        return False
    key, value = WALLET_FEE
    if any(entry.key == key and entry.value == value for entry in fee.meta_data):
        return True
    return _is_card_fee(fee) and any(e.key == AS_A_FEE and e.value for e in order.meta_data)


def _is_card_fee(fee: FeeLine) -> bool:
    return fee.name.strip().casefold().startswith(FEE_NAME)


def _is_credit(coupon: CouponLine) -> bool:
    return any(_type(entry) in CREDIT_COUPONS for entry in coupon.meta_data)


def _type(entry: Meta) -> object:
    """A coupon's type as the order keeps it: `coupon_info` is a JSON list, before 8.7 `coupon_data`
    was an object."""
    value = _parsed(entry.value)
    if entry.key == "coupon_info" and isinstance(value, list) and len(value) > 2:
        return value[2]
    if entry.key == "coupon_data" and isinstance(value, dict):
        return value.get("discount_type")
    return None


def _amounts(value: object) -> list[Decimal]:
    """The amounts in a plugin's value: one, one by code, or a list of cards with their amounts."""
    value = _parsed(value)
    if isinstance(value, dict):
        values = [value["amount"]] if "amount" in value else [*value.values()]
    elif isinstance(value, list):
        values = [each.get("amount") if isinstance(each, dict) else each for each in value]
    else:
        values = [value]
    found = [_amount(each) for each in values]
    return [amount for amount in found if amount]


def _amount(value: object) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, (str, int, float, Decimal)):
        return ZERO
    try:
        amount = abs(Decimal(str(value).strip()))
    except InvalidOperation:
        return ZERO
    return amount if amount.is_finite() and amount.adjusted() < 12 else ZERO


def _parsed(value: object) -> object:
    if not isinstance(value, str) or value.strip()[:1] not in ("[", "{"):
        return value
    try:
        return json.loads(value, parse_float=Decimal)
    except (ValueError, RecursionError):
        return None
