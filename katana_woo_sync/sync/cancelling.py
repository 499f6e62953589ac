"""Deleting the sales order of an order that was cancelled in the shop (`cancelled = "delete"`)."""

from __future__ import annotations

from msgspec.structs import replace

from katana_woo_sync.clients.errors import NotFound, UnknownOutcome
from katana_woo_sync.clients.order_reader import UnreadableOrder
from katana_woo_sync.domain.decide import CANCELLED, settle
from katana_woo_sync.domain.reasons import Reason
from katana_woo_sync.domain.records import InKatana, OrderRecord
from katana_woo_sync.domain.transitions import failed
from katana_woo_sync.sync.context import Context, Store


def delete_cancelled(context: Context, store: Store, record: OrderRecord) -> None:
    """Delete the order in Katana if nothing was made, packed, delivered or invoiced for it, and
    the shop says once more that it is cancelled. What was begun is left to a person.

    Both sides are asked right before: a deletion cannot be taken back. Raises a `ServiceError`.
    """
    if not _is_cancelled(context, store, record):
        return
    sales_order_id = int(record.sales_order_id or 0)
    try:
        sales_order = context.katana.sales_order(sales_order_id)
        if sales_order.begun:
            detail = f"not deleted in Katana: {sales_order.begun}"
            now_is = replace(record, katana_status=str(sales_order.status))
            left = settle(now_is, context.rules(store))
            context.save(store, replace(left, detail=detail), record)
            return
        context.katana.delete_sales_order(sales_order_id)
    except NotFound:
        pass  # an earlier attempt deleted it, or a person did
    except UnknownOutcome as error:
        # Deleting is absolute: whether it happened is seen before it is sent again.
        again = failed(record, Reason.TEMPORARY, str(error), context.clock())
        context.save(store, again, record)
        return
    deleted = replace(record, in_katana=InKatana.DELETED, next_attempt_at=None, attempts=0)
    with context.ledger.atomic():
        context.save(store, settle(deleted, context.rules(store)), record)
        detail = f"{record.sales_order_no}: cancelled in the shop, nothing was begun"
        context.did(store, record, "katana", "deleted", detail)


def _is_cancelled(context: Context, store: Store, record: OrderRecord) -> bool:
    answered = store.shop.orders([record.order_id], context.facts(store).dp)
    return any(
        not isinstance(order, UnreadableOrder) and order.status == CANCELLED for order in answered
    )
