"""Reading a month's orders on both sides; nothing is written, in neither service nor the ledger."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

from katana_woo_sync.domain.charges import refunds_of
from katana_woo_sync.domain.deposits import at_full_price
from katana_woo_sync.domain.fields import utc_time
from katana_woo_sync.domain.katana import SalesOrder, ShippingFee
from katana_woo_sync.domain.order_record import GONE_STATUSES, InKatana, OrderRecord
from katana_woo_sync.domain.order_rules import is_before_since
from katana_woo_sync.domain.reasons import Reason, about
from katana_woo_sync.domain.reconciliation import CENT, Before, ByRate, Pair, of_katana, of_shop
from katana_woo_sync.domain.sales_order import Unmappable
from katana_woo_sync.domain.woocommerce import DatedOrder, Order
from katana_woo_sync.sync.context import Context, Store
from katana_woo_sync.sync.totals import with_payments

SOLD = frozenset({"processing", "completed", "refunded"})
"""Statuses of orders that were paid; others count where they are in Katana."""

AT_ONCE = 100
A_DAY = timedelta(days=1)


def reconcile(context: Context, store: Store, first: date, last: date) -> list[Pair]:
    """The store's orders placed from the first day to the last, by the shop's own calendar.

    Raises a `ServiceError`.
    """
    dp = context.facts(store).dp
    placed = {int(o.id): o for o in store.shop.orders_placed(first, last, dp)}
    records = context.ledger.orders.known(store.identity, sorted(placed))
    gone = _gone_from_shop(context, store, first, last, placed)
    held = [r for r in (*records.values(), *gone) if r.in_katana is InKatana.YES]
    in_katana = _in_katana(context, held)
    pairs = [
        _pair(context, store, order, records.get(order_id), in_katana)
        for order_id, order in placed.items()
        if order_id in in_katana or (order.status in SOLD and not _is_anothers(records, order_id))
    ]
    # one that was deleted in Katana since is on neither side
    lost = [record for record in gone if record.order_id in in_katana]
    pairs += [_lost(store, record, in_katana[record.order_id]) for record in lost]
    return sorted(pairs, key=lambda pair: (pair.day, pair.order_id))


def _is_anothers(records: Mapping[int, OrderRecord], order_id: int) -> bool:
    """Whether the order's goods are another's, by which they were sold."""
    return order_id in records and about(records[order_id].reason).goods_elsewhere


def _as_imported(order: DatedOrder, record: OrderRecord | None) -> DatedOrder:
    """The order with the prices that an import takes: of a deposit, the full ones."""
    try:
        return order if record is not None and record.wanted else at_full_price(order)
    except Unmappable:
        return order


def _pair(
    context: Context,
    store: Store,
    order: DatedOrder,
    record: OrderRecord | None,
    in_katana: Mapping[int, ByRate],
) -> Pair:
    facts = context.facts(store)
    listed = store.shop.refunds(int(order.id), facts.dp) if order.refunds else ()
    refunds = refunds_of(order, listed)
    order = with_payments(context, store, order)
    is_there = int(order.id) in in_katana
    # what was refunded before it could be imported is no sale
    known = record.refunds if record is not None and is_there else [int(r.id) for r in refunds]
    return Pair(
        store=store.name,
        order_id=int(order.id),
        number=str(order.number),
        day=order.day,
        currency=str(order.currency),
        shop=of_shop(
            _as_imported(order, record),
            refunds,
            known,
            decimals=facts.decimals,
            rounds_each_line=not facts.round_at_subtotal,
        ),
        katana=in_katana.get(int(order.id)),
        why=_why(context, record),
        before=_before(context, store, order, record),
    )


def _before(
    context: Context, store: Store, order: Order, record: OrderRecord | None
) -> Before | None:
    """Whether the order is of before the time from which the program imports."""
    rules = context.rules(store)
    is_out = record is None or record.reason == Reason.BEFORE_SINCE
    if is_out and is_before_since(order, rules):
        return Before.SINCE
    if record is not None or order.status in rules.import_statuses:
        return None
    ended = order.completed or order.modified
    is_before = rules.connected_at and ended and ended <= rules.connected_at
    return Before.CONNECTION if is_before else None


def _why(context: Context, record: OrderRecord | None) -> str:
    if record is None:
        return "the program has not seen it as Processing"
    if record.in_katana is InKatana.DELETED:
        return Reason.DELETED_IN_KATANA.about.sentence
    if record.in_katana is InKatana.NO:
        reason = f": {about(record.reason).sentence}" if record.reason else ""
        return f"not in Katana ({record.state}){reason}"
    notes = {
        note.reason for _at, note in context.ledger.orders.notes(record.identity, record.order_id)
    }
    told = [r.about.sentence for r in Reason if r in notes and r.about.explains_total]
    if record.money_differs:
        told.insert(0, f"{Reason.TOTAL_DIFFERS.about.sentence} ({record.money_differs})")
    return " ".join(told)


def _gone_from_shop(
    context: Context, store: Store, first: date, last: date, placed: Mapping[int, object]
) -> list[OrderRecord]:
    """Orders of the month in Katana that the shop no longer lists; their day is UTC's."""
    begin, end = (datetime.combine(day, time(), UTC) for day in (first, last + A_DAY))
    created = context.ledger.orders.in_katana_created(store.identity, begin - A_DAY, end + A_DAY)
    return [
        record
        for record in created
        if record.order_id not in placed
        and record.created
        and begin <= record.created < end
        and record.shop_status in GONE_STATUSES
    ]


def _lost(store: Store, record: OrderRecord, katana: ByRate) -> Pair:
    created = record.created or record.first_seen_at
    why = "it is in the trash or deleted in the shop"
    return Pair(
        store.name,
        record.order_id,
        record.number,
        created.date(),
        record.currency,
        None,
        katana,
        why,
    )


def _in_katana(context: Context, records: Sequence[OrderRecord]) -> dict[int, ByRate]:
    """What Katana has of these orders, by the order's id."""
    rates = {int(rate.id): Decimal(rate.rate) for rate in context.katana.tax_rates()}
    order_ids = {record.sales_order_id: record.order_id for record in records}
    listed = [
        sales_order
        for sales_order in _sales_orders(context, [int(i) for i in order_ids if i])
        if not sales_order.is_deleted
    ]
    fees = _fees(context, [each for each in listed if _has_fees(each, rates)])
    return {
        order_ids[int(each.id)]: of_katana(each, fees.get(int(each.id), ()), rates)
        for each in listed
    }


def _sales_orders(context: Context, ids: Sequence[int]) -> Iterator[SalesOrder]:
    for start in range(0, len(ids), AT_ONCE):
        yield from context.katana.sales_orders_by_id(ids[start : start + AT_ONCE])


def _has_fees(sales_order: SalesOrder, rates: Mapping[int, Decimal]) -> bool:
    """Whether the order has shipping fees, by its total: it is more than its rows."""
    rows = sum((each.total for each in of_katana(sales_order, (), rates).values()), Decimal(0))
    return sales_order.total is None or abs(sales_order.total - rows) >= CENT


def _fees(context: Context, sales_orders: Sequence[SalesOrder]) -> dict[int, list[ShippingFee]]:
    """The shipping fees of these orders, by the sales order's id: by lists of when they were
    created, as long as each page tells of more orders than asking for single ones would; those of
    which no list tells are asked for one by one. Nearly every fee is created with its order."""
    wanted = {int(each.id) for each in sales_orders}
    found: dict[int, list[ShippingFee]] = {}
    for first, last in _times(sales_orders):
        for page in context.katana.shipping_fees_created(first, last):
            before = len(found)
            for fee in page:
                if int(fee.sales_order_id) in wanted:
                    found.setdefault(int(fee.sales_order_id), []).append(fee)
            if len(found) <= before + 1 or len(found) == len(wanted):
                break
    for sales_order_id in sorted(wanted - found.keys()):
        found[sales_order_id] = list(context.katana.shipping_fees(sales_order_id))
    return found


def _times(sales_orders: Sequence[SalesOrder]) -> Iterator[tuple[datetime, datetime]]:
    """When these orders were created in Katana, in as few stretches as have no long gap."""
    created = sorted(at for at in (utc_time(o.created_at) for o in sales_orders) if at)
    while created:
        count = 1
        while count < len(created) and created[count] - created[count - 1] <= A_DAY:
            count += 1
        if count > FEW:
            yield created[0], created[count - 1] + A_DAY
        created = created[count:]


FEW = 2
"""So many orders are asked for one by one."""
