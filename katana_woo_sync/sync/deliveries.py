"""Rule 11: what the shop completed is delivered in Katana.

One order from top to bottom: `deliver_order`. What is known of this program's own deliveries, and
of how the account delivers, is kept here too.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import timedelta

from msgspec.structs import replace

from katana_woo_sync.clients.errors import BadRequest, NotFound, UnknownOutcome
from katana_woo_sync.clients.katana_http import KATANA
from katana_woo_sync.domain.deliveries import (
    BatchStock,
    Fulfillment,
    FulfillmentDraft,
    Place,
    RowToDeliver,
    Short,
    assign,
    rows_to_deliver,
    without_batch,
)
from katana_woo_sync.domain.katana import SalesOrder, Variant
from katana_woo_sync.domain.order_record import (
    OrderRecord,
    answer_awaited,
    failed,
    needs_attention,
)
from katana_woo_sync.domain.order_rules import Note, Step, next_step, see_in_katana
from katana_woo_sync.domain.reasons import Reason
from katana_woo_sync.domain.sales_order import katana_time
from katana_woo_sync.ledger.intents import IntentKind
from katana_woo_sync.ledger.sqlite import read_time, time_text
from katana_woo_sync.sync.context import Context, Store, log
from katana_woo_sync.sync.create_once import StillUnknown, create_once, is_certain

STATUS_DELIVERS_NOT = "delivery:status"
"""Where the ledger keeps when a changed status was found to deliver nothing on this account."""

SERVICES_DELIVERED_BY_STATUS_NOT = "delivery:status:services"
"""The same for orders of services alone: they tell nothing of other items."""

INFORMATION_IS_BLANKED = "delivery:additional_info"
"""Where it keeps when delivering was found to empty `additional_info`."""

INFORMATION_STAYS = "delivery:additional_info:stays"
"""Where it keeps when delivering was found to leave it as it is."""

INFORMATION_BEFORE = "delivery:additional_info:before"
"""Where it keeps whose status is set while neither is known, and what its information was: the
answer may be lost, or the program end."""

TRIED_AGAIN = timedelta(days=7)
"""How long what an account does is taken for granted."""

PACKED = "PACKED"


class CannotDeliver(Exception):
    """A delivery that a person must see to; `detail` says what is missing."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


class NotYetDelivered(Exception):
    """All of an order is in fulfilments, and Katana does not call it delivered yet."""

    def __init__(self, status: str) -> None:
        super().__init__(f"nothing is left to deliver, and Katana shows it as {status} still")


def deliver_order(context: Context, store: Store, order_id: int) -> None:
    """Deliver in Katana all that is left of one order, if that is still to be done, and keep with
    the order what came of it. Raises what concerns the whole store, or Katana."""
    record, rules = context.ledger.orders.get(store.identity, order_id), context.rules(store)
    if record is None or next_step(record, rules, context.clock()) is not Step.DELIVER:
        return
    if not record.sales_order_id:
        return
    try:
        before = None
        if record.attempts:  # the answer may have been lost: it is asked for first
            before = context.katana.sales_order(record.sales_order_id)
            seen = see_in_katana(before, record, rules).record
            if seen is not None and seen.is_delivered:
                with context.ledger.atomic():
                    keep_delivery(context, store, seen, record)
                return
        _refuse_refunded(context, store, record)
        _begin(context, store, record)
        answer = _deliver(context, record.sales_order_id, before)
    except CannotDeliver as error:
        _leave(context, store, record, error.reason, error.detail)
    except (BadRequest, NotFound) as error:
        if error.service != KATANA:
            raise  # the shop was asked for refunds
        is_gone = isinstance(error, NotFound)
        why = "the sales order is gone in Katana" if is_gone else error.reason
        _leave(context, store, record, Reason.DELIVERY_REFUSED, why)
    except StillUnknown as error:
        context.save(store, answer_awaited(record, str(error), error.ask_at), record)
    except (NotYetDelivered, UnknownOutcome) as error:
        again = failed(record, Reason.TEMPORARY, str(error), context.clock())
        context.save(store, again, record)
    else:
        delivered = see_in_katana(answer, record, rules).record or record
        with context.ledger.atomic():
            keep_delivery(context, store, delivered, record)
            if answer.is_unmade:
                detail = f"production {answer.production_status}"
                context.note(store, record, Note(Reason.DELIVERED_UNMADE, detail))


def _begin(context: Context, store: Store, record: OrderRecord) -> None:
    """Where the shop is told of deliveries, what this program delivers is known by an intent, so
    that it is not told of that, even if the answer is lost."""
    if store.settings.shipments != "off" and not is_delivering(context, record):
        key = str(record.sales_order_id)
        context.ledger.intents.begin(IntentKind.DELIVERY, key, context.now_in_katana())


def _leave(
    context: Context, store: Store, record: OrderRecord, reason: Reason, detail: str
) -> None:
    """Leave the order to a person: nothing of it is on its way any more."""
    with context.ledger.atomic():
        context.save(store, needs_attention(record, reason, detail, context.clock()), record)
        context.ledger.intents.end(IntentKind.DELIVERY, str(record.sales_order_id))


def is_delivering(context: Context, record: OrderRecord) -> bool:
    """Whether this program has begun to deliver an order, and has not seen it delivered yet."""
    key = str(record.sales_order_id)
    return context.ledger.intents.open(IntentKind.DELIVERY, key) is not None


def was_delivered_here(context: Context, seen: OrderRecord, record: OrderRecord) -> bool:
    """Whether a delivery is this program's own, whose answer was lost or came too early."""
    if record.is_delivered or record.delivered_at or not seen.is_delivered:
        return False
    return is_delivering(context, record)


def keep_delivery(
    context: Context, store: Store, delivered: OrderRecord, before: OrderRecord
) -> None:
    """Record that this program has delivered an order in Katana; call inside a step."""
    context.save(store, replace(delivered, delivered_at=context.clock()), before)
    context.did(store, before, "katana", "delivered", f"as {before.sales_order_no}")
    context.ledger.intents.end(IntentKind.DELIVERY, str(before.sales_order_id))
    context.report.store(store.name).delivered_in_katana += 1


def _refuse_refunded(context: Context, store: Store, record: OrderRecord) -> None:
    """What was refunded with its lines since the import, whose goods never left, is a person's to
    decide on.

    Refunds of an amount alone, and of nothing but shipping or fees, hold no goods back.
    """
    notes = context.ledger.orders.notes(record.identity, record.order_id)
    if not any(note.reason == Reason.REFUNDED_IN_SHOP for _at, note in notes):
        return
    lines = [
        line
        for refund in store.shop.refunds(record.order_id, context.facts(store).dp)
        if int(refund.id) not in record.refunds
        for line in refund.line_items
        if line.quantity
    ]
    if lines:
        raise CannotDeliver(Reason.REFUNDED_SINCE_IMPORT, f"{len(lines)} refunded lines")


def _deliver(context: Context, sales_order_id: int, before: SalesOrder | None) -> SalesOrder:
    """Deliver all that is left of a sales order; returns it, delivered (rule 11). `before` is the
    order as it was read in this step, if it was.

    Its status is set, and Katana assigns batches by itself, first in, first out. Where that changes
    nothing, as on some accounts, or is refused, a fulfilment of what is left is made, with the
    oldest batches at the order's location and the serial numbers that a person has reserved. Raises
    `CannotDeliver`, `StillUnknown`, and a `ServiceError`.
    """
    refusal: BadRequest | None = None
    is_begun = context.ledger.intents.open(IntentKind.FULFILLMENT, str(sales_order_id)) is not None
    if not (is_begun or _status_delivers_not(context, sales_order_id, before)):
        try:
            order = _set_status(context, sales_order_id, before)
        except BadRequest as error:
            refusal = error
        else:
            if order.is_delivered:
                return order
    order = context.katana.sales_order(sales_order_id)
    if order.is_delivered:
        return order
    parts = context.katana.fulfillments(sales_order_id)
    rows = rows_to_deliver(order, parts)
    if rows:
        is_of_services = _make_fulfillment(context, order, rows, refusal)
        if refusal is None:
            _remember(
                context,
                SERVICES_DELIVERED_BY_STATUS_NOT if is_of_services else STATUS_DELIVERS_NOT,
            )
    else:
        context.ledger.intents.end(IntentKind.FULFILLMENT, str(sales_order_id))
        if refusal is not None:
            _explain_serials(context, order)
            raise refusal
    return _deliver_what_is_packed(context, order, parts)


def _deliver_what_is_packed(
    context: Context, order: SalesOrder, parts: Sequence[Fulfillment]
) -> SalesOrder:
    """What was packed before is delivered with the order itself, else part by part."""
    now = context.katana.sales_order(int(order.id))
    packed = [part for part in parts if part.status == PACKED and not part.deleted_at]
    if now.is_delivered:
        return now
    if packed:
        now = _set_status(context, int(order.id), now)
        if not now.is_delivered:
            for part in packed:
                context.katana.deliver_fulfillment(int(part.id))
            now = context.katana.sales_order(int(order.id))
    if not now.is_delivered:
        raise NotYetDelivered(str(now.status))
    return now


def _set_status(context: Context, sales_order_id: int, before: SalesOrder | None) -> SalesOrder:
    """The order once its status was set. An `additional_info` that this is known to empty goes
    along; one that it was seen to empty is put back. Where neither is known of the account, the
    order is read first."""
    stores = context.ledger.stores
    is_blanked = _holds(context, INFORMATION_IS_BLANKED)
    stays = not is_blanked and _holds(context, INFORMATION_STAYS)
    if before is None and not stays:
        before = context.katana.sales_order(sales_order_id)
    text = str(before.additional_info) if before is not None else ""
    goes_along = is_blanked or bool(stores.meta(INFORMATION_BEFORE))
    is_at_stake = bool(text) and not (goes_along or stays)
    if is_at_stake:
        stores.set_meta(INFORMATION_BEFORE, json.dumps([sales_order_id, text]))
    try:
        order = context.katana.deliver(sales_order_id, additional_info=text if goes_along else "")
    except Exception as error:
        if is_at_stake and is_certain(error):
            stores.set_meta(INFORMATION_BEFORE, "")
        raise
    if text and not order.additional_info:
        _put_back(context, order, text)
    elif is_at_stake:
        _remember(context, INFORMATION_STAYS)
    if is_at_stake:
        stores.set_meta(INFORMATION_BEFORE, "")
    return order


def put_information_back(context: Context) -> None:
    """What became of the `additional_info` that was at stake when an answer was lost: an order that
    was delivered all the same has it again. Raises a `ServiceError`."""
    stores = context.ledger.stores
    kept = stores.meta(INFORMATION_BEFORE)
    if not kept:
        return
    sales_order_id, text = json.loads(kept)
    try:
        order = context.katana.sales_order(sales_order_id)
    except NotFound:
        order = None
    if order is not None and not order.is_delivered:
        return  # what is on its way may come yet; else it is delivered once more
    if order is not None and not order.additional_info:
        _put_back(context, order, text)
    stores.set_meta(INFORMATION_BEFORE, "")


def _put_back(context: Context, order: SalesOrder, text: str) -> None:
    """An `additional_info` that the delivery has emptied is written again, and goes along from now
    on. Where Katana refuses it, that is said, and the order is delivered all the same."""
    _remember(context, INFORMATION_IS_BLANKED)
    try:
        context.katana.set_additional_info(int(order.id), text)
    except (BadRequest, NotFound) as error:
        log.warning(
            "%s: its delivery has emptied the additional info in Katana, and it cannot be put "
            "back: %s. Write it there if you need it: the shop's order tells it",
            order.order_no,
            error,
        )


def _status_delivers_not(context: Context, sales_order_id: int, before: SalesOrder | None) -> bool:
    """Whether setting the status is known to deliver nothing of such an order."""
    if _holds(context, STATUS_DELIVERS_NOT):
        return True
    if not _holds(context, SERVICES_DELIVERED_BY_STATUS_NOT):
        return False
    order = before or context.katana.sales_order(sales_order_id)
    ids = sorted({int(row.variant_id) for row in order.sales_order_rows})
    variants = {int(v.id): v for v in context.katana.variants_by_id(ids)}
    return all(_is_service(variants.get(each)) for each in ids)


def _holds(context: Context, what: str) -> bool:
    """Whether something was found out about the account within the last week."""
    found = read_time(context.ledger.stores.meta(what) or None)
    return found is not None and context.clock() - found < TRIED_AGAIN


def _remember(context: Context, what: str) -> None:
    context.ledger.stores.set_meta(what, time_text(context.clock()) or "")


def _make_fulfillment(
    context: Context,
    order: SalesOrder,
    rows: Sequence[RowToDeliver],
    refusal: BadRequest | None,
) -> bool:
    """Make a fulfilment of what is left: with rows of services, else without them. Returns whether
    there was nothing but services."""
    ids = sorted({row.variant_id for row in rows})
    variants = {int(v.id): v for v in context.katana.variants_by_id(ids)}
    _refuse_serials(rows, variants)
    tracked = frozenset(key for key, variant in variants.items() if _is_batched(variant))
    if refusal is not None and not (tracked or any(row.reserved for row in rows)):
        raise refusal  # it is not for want of batches or serial numbers
    goods = [row for row in rows if not _is_service(variants.get(row.variant_id))]
    try:
        try:
            _create(context, order, rows, tracked, variants)
        except BadRequest:
            if not goods or len(goods) == len(rows):
                raise
            _create(context, order, goods, tracked, variants)
    except BadRequest as error:
        now = context.katana.sales_order(int(order.id))
        if not now.is_delivered:  # a status that was set takes its time on some accounts
            raise refusal or error from None
    return not goods


def _create(
    context: Context,
    order: SalesOrder,
    rows: Sequence[RowToDeliver],
    tracked: frozenset[int],
    variants: dict[int, Variant],
) -> None:
    draft = _with_batches(context, int(order.id), rows, tracked, variants)
    create_once(
        context,
        IntentKind.FULFILLMENT,
        str(order.id),
        # what is left was asked for just now: if it were there, nothing would be left
        find=lambda _begun: None,
        create=lambda: context.katana.create_fulfillment(draft),
        record=lambda _made: None,
    )


def _explain_serials(context: Context, order: SalesOrder) -> None:
    rows = rows_to_deliver(order, ())
    variants = context.katana.variants_by_id([int(r.variant_id) for r in order.sales_order_rows])
    _refuse_serials(rows, {int(variant.id): variant for variant in variants})


def _refuse_serials(rows: Sequence[RowToDeliver], variants: Mapping[int, Variant]) -> None:
    """Serial numbers are never made up: they say which piece a customer got. Those that a person
    has reserved will do."""
    lacking = {row.variant_id for row in rows if len(row.reserved) < row.quantity}
    named = [_name(v) for key, v in variants.items() if key in lacking and _is_serial(v)]
    if named:
        raise CannotDeliver(Reason.SERIAL_NUMBERS_NEEDED, ", ".join(sorted(named)))


def _is_service(variant: Variant | None) -> bool:
    """Whether it is a service's; some accounts do not list those."""
    return variant is None or variant.is_service


def _is_serial(variant: Variant) -> bool:
    return variant.product_or_material is not None and variant.product_or_material.serial_tracked


def _is_batched(variant: Variant) -> bool:
    return variant.product_or_material is not None and variant.product_or_material.batch_tracked


def _name(variant: Variant) -> str:
    item = variant.product_or_material
    return str(variant.sku) or (str(item.name) if item else f"variant {variant.id}")


def _with_batches(
    context: Context,
    sales_order_id: int,
    rows: Sequence[RowToDeliver],
    tracked: frozenset[int],
    variants: dict[int, Variant],
) -> FulfillmentDraft:
    places = sorted({row.place for row in rows if row.variant_id in tracked})
    stocks = {place: list(context.katana.batch_stocks(*place)) for place in places}
    drafts, short = assign(rows, tracked, stocks)
    if short:
        _add_loose_stock(context, short, stocks)
        drafts, short = assign(rows, tracked, stocks)
    if short:
        raise CannotDeliver(Reason.BATCH_SHORTAGE, "; ".join(_words(s, variants) for s in short))
    return FulfillmentDraft(
        sales_order_id=sales_order_id,
        status="DELIVERED",
        picked_date=katana_time(context.clock()),
        sales_order_fulfillment_rows=drafts,
    )


def _add_loose_stock(
    context: Context, short: Sequence[Short], stocks: dict[Place, list[BatchStock]]
) -> None:
    """Add what is in stock without a batch, for the variants whose batches do not suffice."""
    wanted = {each.variant_id for each in short}
    for place in [place for place in stocks if place[0] in wanted]:
        for found in context.katana.inventory([place[0]], place[1]):
            stocks[place].append(without_batch(found, stocks[place]))


def _words(short: Short, variants: dict[int, Variant]) -> str:
    name = _name(variants[short.variant_id])
    needed, there = (f"{amount.normalize():f}" for amount in (short.needed, short.available))
    return f"{name}: {needed} needed, {there} in batches"
