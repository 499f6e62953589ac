"""Takeover: whether a sales order that Katana holds is the shop's order with its hidden ID."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from msgspec import Struct
from msgspec.structs import replace

from katana_woo_sync.domain.fields import Amount, Text, Whole, utc_time
from katana_woo_sync.domain.katana import SalesOrder, ShippingFeeDraft, TaxRate
from katana_woo_sync.domain.order_record import GONE, InKatana, OrderRecord, State, fingerprint
from katana_woo_sync.domain.order_rules import (
    Rules,
    new_record,
    stale_disagreement,
    with_state,
)
from katana_woo_sync.domain.reasons import Reason
from katana_woo_sync.domain.sales_order import (
    Mapped,
    Resolved,
    Terms,
    Unmappable,
    map_order,
    plan_order,
)
from katana_woo_sync.domain.same_order import (
    SAME_MOMENT,
    Evidence,
    is_of_order,
    person,
)
from katana_woo_sync.domain.taxes import HALF_A_CENT, TaxNeed, choose_rate, stated
from katana_woo_sync.domain.woocommerce import Order

AT_LEAST = 3
"""How many open orders must be another shop's before that says something of the whole store."""


def evidence(sales_order: SalesOrder) -> Evidence:
    """What a sales order says of which order it is."""
    people = {person(a.first_name, a.last_name, a.company) for a in sales_order.addresses}
    return Evidence(
        created=sales_order.created_date,
        number=str(sales_order.order_no),
        total=sales_order.total,
        currency=str(sales_order.currency),
        quantities=tuple(Decimal(row.quantity) for row in sales_order.sales_order_rows),
        people=frozenset(people - {""}),
    )


def agrees(sales_order: SalesOrder, order: Order, prefix: str) -> bool:
    """Whether both are one order: the same id (given) and the same creation date."""
    return is_of_order(order, evidence(sales_order), prefix)


def is_another_shops(copies: int, open_orders: int) -> bool:
    """Rule 2: whether so many of a store's open orders are another shop's that it is that shop."""
    return copies >= AT_LEAST and copies * 2 > open_orders


def adopt(
    sales_order: SalesOrder, order: Order | None, identity: str, rules: Rules, now: datetime
) -> OrderRecord:
    """The record of an order that is in Katana already; `order` is None if the shop lost it."""
    shop_order = order or _lost(sales_order)
    record = replace(
        new_record(shop_order, now),
        identity=identity,
        state=State.IMPORTED,
        was_processing=True,
        fingerprint="" if order is None else fingerprint(order),
        refunds=tuple(int(refund.id) for refund in shop_order.refunds),
        in_katana=InKatana.DELETED if sales_order.is_deleted else InKatana.YES,
        sales_order_id=int(sales_order.id),
        sales_order_no=str(sales_order.order_no),
        katana_status=str(sales_order.status),
        katana_total=sales_order.total,
        imported_at=utc_time(sales_order.created_at) or now,
    )
    if record.is_delivered and (order is None or order.completed is not None):
        # completed once, perhaps refunded since: nothing is left to carry over
        return replace(record, state=State.FULFILLED)
    if order is None:
        return record
    if stale_disagreement(record, order, sales_order, now):
        return replace(record, state=State.ATTENTION, reason=Reason.DISAGREED_AT_ADOPTION)
    return with_state(record, rules)


class AdoptedTotal(Struct, frozen=True):
    """What an adopted order's total should be, within `tolerance`, and the shipping fee that is
    all that it lacks; None where it lacks none, or something else."""

    expected: Decimal
    tolerance: Decimal
    fee: ShippingFeeDraft | None = None


def adopted_total(
    order: Order,
    total: Decimal,
    terms: Terms,
    rates: Sequence[TaxRate],
    names: Mapping[Decimal, str],
) -> AdoptedTotal | None:
    """Compare Katana's total of a sales order that is adopted with the shop's order; None where the
    order comes to nothing that could be compared.

    Which refunds were there when it was imported is not known any more: the older ones were, if
    any. `rates` are Katana's tax rates, `names` the config's `[taxes]`.
    """
    refunds = sorted(order.refunds, key=lambda refund: refund.id)
    fitting: AdoptedTotal | None = None
    closest: AdoptedTotal | None = None
    for known in range(len(refunds) + 1):
        before = replace(order, refunds=tuple(refunds[:known]))
        mapped = _mapped(before, terms, rates, names)
        if mapped is None:
            continue
        within = max(mapped.tolerance, HALF_A_CENT)
        found = AdoptedTotal(mapped.expected, mapped.tolerance)
        if abs(total - mapped.expected) <= within:
            return found
        fee_total = mapped.total - mapped.rows_total
        is_known = mapped.fee is not None and mapped.fee.tax_rate_id
        if not fitting and is_known and abs(total + fee_total - mapped.expected) <= within:
            fitting = replace(found, fee=mapped.fee)
        if closest is None or abs(total - found.expected) < abs(total - closest.expected):
            closest = found
    return fitting or closest


def _mapped(
    order: Order, terms: Terms, rates: Sequence[TaxRate], names: Mapping[Decimal, str]
) -> Mapped | None:
    """The order as it would be imported, as far as its money goes; a tax rate that Katana lacks is
    stood in for."""
    try:
        plan = plan_order(order, (), terms)
        chosen = {need: choose_rate(need, rates, names) for need in plan.needs}
        resolved = Resolved(
            customer_id=0,
            location_id=0,
            variants={},
            service_variant_id=0,
            tax_rates={need: rate or _stand_in(need) for need, rate in chosen.items()},
        )
        return map_order(plan, resolved, terms)
    except Unmappable:
        return None


def _stand_in(need: TaxNeed) -> TaxRate:
    return TaxRate(id=Whole(0), rate=Amount(stated(need) or 0))


def mismatch(sales_order: SalesOrder, order: Order, identity: str, now: datetime) -> OrderRecord:
    """The record of an order whose hidden ID Katana holds on what seems to be another order."""
    return replace(
        new_record(order, now),
        identity=identity,
        state=State.ATTENTION,
        reason=Reason.TAKEOVER_MISMATCH,
        detail=f"sales order {sales_order.order_no} (id {sales_order.id})",
    )


def _lost(sales_order: SalesOrder) -> Order:
    """What Katana still knows of an order that is gone from the shop."""
    return Order(
        id=Whole(sales_order.ecommerce_order_id),
        number=sales_order.order_no,
        status=Text(GONE),
        currency=sales_order.currency,
        total=sales_order.total or Order(id=sales_order.id).total,
        date_created_gmt=sales_order.order_created_date,
    )


class OtherShopsOrder(Struct, frozen=True):
    """A sales order of a shop that is not in the config."""

    order_id: int
    store_name: str
    evidence: Evidence


def other_shops_order(sales_order: SalesOrder) -> OtherShopsOrder | None:
    """The same as a sales order of another shop; None where it cannot be compared with an order."""
    order_id = woocommerce_id(sales_order)
    if order_id is None or sales_order.created_date is None:
        return None
    return OtherShopsOrder(order_id, str(sales_order.ecommerce_store_name), evidence(sales_order))


def may_be(record: OrderRecord, held: OtherShopsOrder) -> bool:
    """Whether another shop's sales order may be this order: id and minute agree. Two shops count
    their ids for themselves, so both could agree by chance."""
    created = held.evidence.created
    if record.order_id != held.order_id or record.created is None or created is None:
        return False
    return abs(created - record.created) <= SAME_MOMENT


def woocommerce_id(sales_order: SalesOrder) -> int | None:
    """The shop's order id that the sales order carries; None where it is no number."""
    text = sales_order.ecommerce_order_id.strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None
