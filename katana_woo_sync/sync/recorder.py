"""What is written down of an order besides its record: how its total compares, its number."""

from __future__ import annotations

from decimal import Decimal
from typing import TypeVar

from msgspec.structs import replace

from katana_woo_sync.domain.order_record import OrderRecord
from katana_woo_sync.domain.order_rules import Note, compared
from katana_woo_sync.domain.payments import may_hold_payments
from katana_woo_sync.domain.reasons import Reason
from katana_woo_sync.domain.woocommerce import Order
from katana_woo_sync.sync.context import Context, Store

Orders = TypeVar("Orders", bound=Order)


def compare(context: Context, store: Store, record: OrderRecord, total: Decimal) -> OrderRecord:
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


def note_number(context: Context, store: Store, imported: OrderRecord) -> None:
    """Note where an order got another number than the shop's, since that was taken."""
    plain, given = store.settings.order_number_prefix + imported.number, imported.sales_order_no
    if given.startswith(f"{plain}-{store.name}"):
        context.note(store, imported, Note(Reason.NUMBER_TAKEN, given))
