"""Whether two records are of one order: the same id is given, the creation date must agree.

A restored or copied shop uses the ids of another again, so an id alone tells nothing.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

from katana_woo_sync.domain.payments import paid
from katana_woo_sync.domain.woocommerce import Order

SAME_MOMENT = timedelta(seconds=60)
SAME_DAY = timedelta(hours=36)
"""Katana's own integration may write the shop's local time, or only the date."""

CLOSE_TOTAL = Decimal("0.10")
"""Both totals are of one order if they differ by roundings only (rule 2's second witness)."""


def is_of_order(
    order: Order, *, created: datetime | None, number: str, total: Decimal | None, prefix: str = ""
) -> bool:
    """Whether what Katana holds of an order is of this one.

    `created` (UTC), `number` and `total` (with tax) are as Katana has them. A date that agrees to
    the minute is witness enough; one that agrees to the day needs the number (with the store's
    prefix or without) or the total as a second witness.
    """
    if is_of_moment(order, created):
        return True
    if created is None or order.created is None or abs(created - order.created) > SAME_DAY:
        return False
    if number in {order.number, prefix + order.number, f"#{order.number}"}:
        return True
    # the goods of an order that a gift card paid keep their full price in Katana
    totals = (order.total, order.total + paid(order).amount)
    return total is not None and any(abs(total - each) <= CLOSE_TOTAL for each in totals)


def is_of_moment(order: Order, created: datetime | None) -> bool:
    """Whether the dates agree to the minute, which needs no second witness."""
    if created is None or order.created is None:
        return False
    return abs(created - order.created) <= SAME_MOMENT
