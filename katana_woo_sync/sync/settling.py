"""Settling creates whose answer never came: Katana is asked what became of them."""

from __future__ import annotations

from katana_woo_sync.domain.adoption import woocommerce_id
from katana_woo_sync.domain.katana import SalesOrder
from katana_woo_sync.domain.order_record import OrderRecord, State, answer_awaited, failed
from katana_woo_sync.domain.reasons import Reason
from katana_woo_sync.ledger.intents import IntentKind
from katana_woo_sync.sync.context import Context, Store
from katana_woo_sync.sync.create_once import ask_at, intent_key
from katana_woo_sync.sync.recorder import compare
from katana_woo_sync.sync.sending import in_katana, keep_imported


def settle_unknown(context: Context, store: Store) -> None:
    """Ask Katana what became of a store's creates, once they could have finished.

    One that is there is recorded as imported; one that is not was never made, and is tried again
    as a failed order. Raises a `ServiceError`.
    """
    for found in context.ledger.orders.importing(store.identity):
        with context.step():
            # read under the lock: another run may have settled it meanwhile
            record = context.ledger.orders.get(store.identity, found.order_id)
            if record is not None and record.state is State.IMPORTING:
                _settle(context, store, record)


def _settle(context: Context, store: Store, record: OrderRecord) -> None:
    intent = context.ledger.intents.open(IntentKind.SALES_ORDER, intent_key(record))
    if intent is not None and context.clock() < (until := ask_at(context, intent)):
        if not record.reason:  # a crash came before what was known of it could be written
            context.save(store, answer_awaited(record, "", until), record)
        return
    answered = context.katana.sales_orders(
        store_name=record.identity, order_id=str(record.order_id)
    )
    found = [sales_order for sales_order in answered if _is_order(sales_order, record)]
    if found:
        _found(context, store, record, found[0])
        return
    with context.ledger.atomic():
        context.ledger.intents.end(IntentKind.SALES_ORDER, intent_key(record))
        again = failed(record, Reason.ANSWER_LOST, record.detail, context.clock())
        context.save(store, again, record)


def _found(context: Context, store: Store, record: OrderRecord, sales_order: SalesOrder) -> None:
    """Record an order whose create turned out to have happened."""
    total = sales_order.total
    imported = in_katana(context, context.rules(store), record, sales_order, total)
    with context.ledger.atomic():
        imported = keep_imported(
            context, store, imported, f"as {sales_order.order_no}, found there"
        )
        if total is not None and not imported.shipping_fee_due:
            compare(context, store, imported, total)


def _is_order(sales_order: SalesOrder, record: OrderRecord) -> bool:
    """Whether the sales order carries the hidden ID of this order."""
    return (
        sales_order.ecommerce_store_name == record.identity
        and woocommerce_id(sales_order) == record.order_id
    )
