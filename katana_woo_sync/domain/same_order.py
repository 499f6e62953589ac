"""Whether two records are of one order: the same id is given, the creation date must agree.

A restored or copied shop uses the ids of another again, and two shops count theirs for themselves,
so an id alone proves nothing; nor does a number that is the id, as it is in most shops.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from decimal import Decimal

from msgspec import Struct

from katana_woo_sync.domain.payments import paid
from katana_woo_sync.domain.text import clean
from katana_woo_sync.domain.woocommerce import Order

SAME_MOMENT = timedelta(seconds=60)
SAME_DAY = timedelta(hours=36)
"""Katana's own integration may write the shop's local time, or only the date."""

CLOSE_TOTAL = Decimal("0.10")
"""Both totals are of one order if they differ by roundings only."""


class Evidence(Struct, frozen=True):
    """What a sales order says of which order it is; empty or None where it doesn't.

    `created` is UTC, `total` with tax, `quantities` are those of its rows, and `people` the names
    on its addresses (`person`).
    """

    created: datetime | None
    number: str
    total: Decimal | None
    currency: str = ""
    quantities: tuple[Decimal, ...] = ()
    people: frozenset[str] = frozenset()


def person(first_name: str, last_name: str, company: str) -> str:
    """The name on an address, as it is compared; "" for none."""
    name = " ".join(f"{clean(first_name)} {clean(last_name)}".casefold().split())
    return name or " ".join(clean(company).casefold().split())


def is_of_order(order: Order, held: Evidence, prefix: str = "") -> bool:
    """Whether what Katana holds under the store's own name, and the order's id, is this order.

    A date that agrees to the minute is enough where the rest does not speak against it: total and
    customer both differ (or the lines, where Katana has no customer). One that agrees to the day
    needs a second witness: the total, the customer, the lines, or a number that is not the id.
    """
    if _other_currency(order, held) or not is_of_day(order, held.created):
        return False
    total, customer, goods = _total(order, held), _customer(order, held), _goods(order, held)
    if is_of_moment(order, held.created):
        return total is not False or bool(customer or (customer is None and goods is not False))
    return bool(total or customer or goods or _number_agrees(order, held.number, prefix))


def is_copy(order: Order, held: Evidence) -> bool | None:
    """Whether what Katana holds under another shop's name, and the same id, is this order; None
    where that cannot be decided.

    Another shop may have placed an order with the same id in the same minute. So the total must
    agree, and the customer not differ (the lines, where Katana has no customer); or the customer
    must agree, and the lines or the number too.
    """
    if _other_currency(order, held) or not is_of_moment(order, held.created):
        return False
    total, customer, goods = _total(order, held), _customer(order, held), _goods(order, held)
    if total:
        differs = customer is False or (customer is None and goods is False)
        return None if differs else True
    if customer:
        return True if goods or _number_agrees(order, held.number, "") else None
    if total is False and (customer is False or goods is False):
        return False
    return None


def is_identified_by_total(order: Order, held: Evidence) -> bool:
    """Whether date and total say enough, so that rows and addresses need not be looked at."""
    return not is_of_day(order, held.created) or bool(_total(order, held))


def is_of_moment(order: Order, created: datetime | None) -> bool:
    """Whether the dates agree to the minute."""
    return _within(order, created, SAME_MOMENT)


def is_of_day(order: Order, created: datetime | None) -> bool:
    """Whether the dates agree to the day."""
    return _within(order, created, SAME_DAY)


def _within(order: Order, created: datetime | None, apart: timedelta) -> bool:
    if created is None or order.created is None:
        return False
    return abs(created - order.created) <= apart


def _other_currency(order: Order, held: Evidence) -> bool:
    known = held.currency and order.currency
    return bool(known) and held.currency.upper() != order.currency.upper()


def _total(order: Order, held: Evidence) -> bool | None:
    """Other programs leave out the shipping; a refund may have been taken off before; and the goods
    of an order that a gift card paid keep their full price in Katana."""
    if held.total is None:
        return None
    shipping = sum((line.gross for line in order.shipping_lines), Decimal(0))
    refunded = sum((abs(refund.total) for refund in order.refunds), Decimal(0))
    payments = paid(order).amount
    totals = {
        order.total + p - s - r
        for p in (Decimal(0), payments)
        for s in (Decimal(0), shipping)
        for r in (Decimal(0), refunded)
    }
    return any(abs(held.total - total) <= CLOSE_TOTAL for total in totals)


def _customer(order: Order, held: Evidence) -> bool | None:
    people = {
        person(address.first_name, address.last_name, address.company)
        for address in (order.billing, order.shipping)
    } - {""}
    return bool(people & held.people) if people and held.people else None


def _goods(order: Order, held: Evidence) -> bool | None:
    """Whether the quantities agree; fees and shipping may be rows of their own."""
    lines = Counter(Decimal(line.quantity) for line in order.line_items if line.quantity > 0)
    if not lines or not held.quantities:
        return None
    most = lines.total() + len(order.fee_lines) + len(order.shipping_lines)
    return lines <= Counter(held.quantities) and len(held.quantities) <= most


def _number_agrees(order: Order, number: str, prefix: str) -> bool:
    """Whether the numbers agree, and are no mere ids."""
    if not order.number or order.number == str(int(order.id)):
        return False
    return number in {order.number, prefix + order.number, f"#{order.number}"}
