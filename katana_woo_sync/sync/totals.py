"""An order's total in the shop and in Katana."""

from __future__ import annotations

from decimal import Decimal
from typing import TypeVar

from msgspec.structs import replace

from katana_woo_sync.domain.order_record import OrderRecord
from katana_woo_sync.domain.order_rules import compared
from katana_woo_sync.domain.payments import may_hold_payments
from katana_woo_sync.domain.woocommerce import Order
from katana_woo_sync.sync.context import Context, Store

Orders = TypeVar("Orders", bound=Order)


def compare_total(
    context: Context, store: Store, record: OrderRecord, total: Decimal
) -> OrderRecord:
    """Compare Katana's total (with tax and shipping) with what the import expected of it; returns
    the record as it is saved."""
    seen = compared(record, total, context.facts(store).decimals)
    if seen.record is not None and seen.record != record:
        record = context.save(store, seen.record, record)
    context.note(store, record, *seen.notes)
    return record


def with_payments(context: Context, store: Store, order: Orders) -> Orders:
    """The order with what tells of gift cards and store credit: its meta is asked for where its
    lines exceed its total. Raises a `ServiceError`."""
    facts = context.facts(store)
    if order.meta_data or not may_hold_payments(
        order, decimals=facts.decimals, rounds_each_line=not facts.round_at_subtotal
    ):
        return order
    return replace(order, meta_data=store.shop.order_meta(int(order.id)))
