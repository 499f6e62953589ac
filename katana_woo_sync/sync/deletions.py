"""Rule 9's option: what was cancelled in the shop is deleted in Katana, if nothing was begun.

One order from top to bottom: `_delete_order`. What is known of this program's own deletions is kept
here too.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from katana_woo_sync.clients.errors import BadRequest, NotFound, UnknownOutcome
from katana_woo_sync.clients.order_reader import UnreadableOrder
from katana_woo_sync.domain.order_record import InKatana, OrderRecord, failed
from katana_woo_sync.domain.order_rules import (
    CANCELLED,
    Note,
    Step,
    next_step,
    too_many_completions,
    with_state,
)
from katana_woo_sync.domain.reasons import Reason
from katana_woo_sync.ledger.intents import IntentKind
from katana_woo_sync.sync.context import Context, Store
from katana_woo_sync.sync.create_once import is_certain
from katana_woo_sync.sync.failures import part_of_order


def delete_cancelled(context: Context, store: Store, cancelled: Sequence[OrderRecord]) -> None:
    """Delete in Katana the orders of a store that were cancelled. Where most of its orders are
    cancelled at once none is deleted: they are shown, and a person looks."""
    if not cancelled:
        return  # as nearly always, and then the ledger need not be asked
    if too_many_completions(len(cancelled), context.ledger.orders.open_in_katana(store.identity)):
        return
    for each in cancelled:
        context.katana.wait_for_room(2)
        context.go_on()
        record = context.ledger.orders.get(store.identity, each.order_id)
        if record is None:
            continue
        if next_step(record, context.rules(store), context.clock()) is Step.DELETE:
            with part_of_order(context, store, record.order_id):
                _delete_order(context, store, record)


def _delete_order(context: Context, store: Store, record: OrderRecord) -> None:
    """Delete the order in Katana if nothing was made, packed, delivered or invoiced for it, and
    the shop says once more that it is cancelled. What was begun is left to a person.

    Both sides are asked right before: a deletion cannot be taken back. Raises a `ServiceError`.
    """
    if not _is_cancelled(context, store, record):
        return
    sales_order_id = int(record.sales_order_id or 0)
    intents, key = context.ledger.intents, str(sales_order_id)
    is_own = intents.open(IntentKind.DELETION, key) is not None
    try:
        sales_order = context.katana.sales_order(sales_order_id)
        if sales_order.begun:
            now_is = replace(record, katana_status=str(sales_order.status))
            _leave(context, store, now_is, record, sales_order.begun)
            return
        intents.begin(IntentKind.DELETION, key, context.now_in_katana())
        context.katana.delete_sales_order(sales_order_id)
        is_own = True
    except NotFound:
        pass  # an earlier attempt deleted it, or a person did
    except UnknownOutcome as error:
        # Deleting is absolute: whether it happened is seen before it is sent again.
        again = failed(record, Reason.TEMPORARY, str(error), context.clock())
        context.save(store, again, record)
        return
    except BadRequest as error:
        _leave(context, store, record, record, error.reason)
        return
    except Exception as error:
        if is_certain(error) and not is_own:
            intents.end(IntentKind.DELETION, key)
        raise
    deleted = replace(record, in_katana=InKatana.DELETED, next_attempt_at=None, attempts=0)
    with context.ledger.atomic():
        context.save(store, with_state(deleted, context.rules(store)), record)
        end_what_was_begun(context, record)
        if is_own:
            keep_deletion(context, store, record)
        else:
            intents.end(IntentKind.DELETION, key)
            context.note(store, record, Note(Reason.DELETED_IN_KATANA))


def _leave(
    context: Context, store: Store, now_is: OrderRecord, record: OrderRecord, why: str
) -> None:
    """Leave the sales order to a person, with the reason why it was not deleted."""
    with context.ledger.atomic():
        context.ledger.intents.end(IntentKind.DELETION, str(record.sales_order_id))
        left = with_state(now_is, context.rules(store))
        detail = f"not deleted in Katana: {why}"
        context.save(store, replace(left, detail=detail), record)


def _is_cancelled(context: Context, store: Store, record: OrderRecord) -> bool:
    answered = store.shop.orders([record.order_id], context.facts(store).dp)
    return any(
        not isinstance(order, UnreadableOrder) and order.status == CANCELLED for order in answered
    )


def was_deleted_here(context: Context, record: OrderRecord) -> bool:
    """Whether a deletion that Katana tells of is one of this program's whose answer was lost."""
    key = str(record.sales_order_id)
    return context.ledger.intents.open(IntentKind.DELETION, key) is not None


def keep_deletion(context: Context, store: Store, record: OrderRecord) -> None:
    """Record that this program deleted the order's sales order; call inside a group of writes."""
    context.ledger.intents.end(IntentKind.DELETION, str(record.sales_order_id))
    detail = f"{record.sales_order_no}: cancelled in the shop, nothing was begun"
    context.did(store, record, "katana", "deleted", detail)


def end_what_was_begun(context: Context, record: OrderRecord) -> None:
    """Nothing comes any more of what was begun with a sales order that is deleted; call inside a
    group of writes."""
    for kind in (IntentKind.SHIPPING_FEE, IntentKind.DELIVERY):
        context.ledger.intents.end(kind, str(record.sales_order_id))
