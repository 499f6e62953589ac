"""Deliveries, completions and cancellations, carried from one side to the other."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import timedelta

from msgspec.structs import replace

from katana_woo_sync.clients.errors import (
    BadRequest,
    NotFound,
    Unavailable,
    UnknownOutcome,
)
from katana_woo_sync.clients.order_reader import ReadOrder, UnreadableOrder
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
    GONE,
    InKatana,
    OrderRecord,
    answer_awaited,
    failed,
    needs_attention,
    unreadable,
)
from katana_woo_sync.domain.order_rules import (
    CANCELLED,
    Note,
    Step,
    is_stale,
    next_step,
    see_in_katana,
    see_in_shop,
    too_many_completions,
    with_state,
)
from katana_woo_sync.domain.reasons import Reason
from katana_woo_sync.domain.sales_order import katana_time
from katana_woo_sync.domain.woocommerce import Order
from katana_woo_sync.ledger.intents import IntentKind
from katana_woo_sync.ledger.sqlite import read_time, time_text
from katana_woo_sync.sync.context import Context, Store, StoreProblem
from katana_woo_sync.sync.create_once import StillUnknown, create_once, is_certain
from katana_woo_sync.sync.failures import is_an_outage, part_of_order
from katana_woo_sync.sync.poll import believe
from katana_woo_sync.sync.recorder import (
    end_what_was_begun,
    is_delivering,
    keep_deletion,
    keep_delivery,
    keep_gone,
)
from katana_woo_sync.sync.report import ExitCode
from katana_woo_sync.sync.shipments import ShipmentTelling
from katana_woo_sync.sync.shop_notes import due_at_completion

READ_AGAIN = 10
"""Orders whose status is read in one request right before they are completed one by one."""

A_SLICE = timedelta(seconds=30)
"""How long a store's completions go on before other work has its turn."""

STATUS_HOLDS = timedelta(seconds=20)
"""How long a status that was read may serve."""


class Fulfilment:
    """Carries fulfilment for one store, in one cycle."""

    def __init__(self, context: Context, store: Store) -> None:
        self._context = context
        self._store = store
        self._shipments = ShipmentTelling(context, store)
        self._tried: set[tuple[int, Step]] = set()
        self._completed = 0

    def carry(self, *, accept_completions: bool, most: int) -> bool:
        """Deliver in Katana what the shop completed, tell the shop of shipments, and complete there
        what Katana delivered, for at most so many requests to Katana and half a minute of the
        shop's time. Each order is tried once in a cycle. Returns whether more is left.

        Raises `StoreProblem` where the brake of rule 12 holds the completions.
        """
        put_information_back(self._context)
        rules = self._context.rules(self._store)
        now, sent = self._context.clock(), self._context.katana.sent
        records = self._context.ledger.orders.due_for_fulfilment(self._store.identity, now)
        steps = [(record, next_step(record, rules, now)) for record in records]
        due = [
            (record, step) for record, step in steps if (record.order_id, step) not in self._tried
        ]
        for record in (record for record, step in due if step is Step.DELIVER):
            if self._context.katana.sent - sent >= most:
                return True
            self._tried.add((record.order_id, Step.DELIVER))
            self._context.katana.wait_for_room(2)
            self._context.go_on()
            with part_of_order(self._context, self._store, record.order_id):
                self._deliver(record.order_id)
        cancelled = [record for record, step in due if step is Step.DELETE]
        self._tried.update((record.order_id, Step.DELETE) for record in cancelled)
        self._delete(cancelled)
        is_left = self._shipments.tell()
        held = self._shipments.held  # until the shop shows how they were sent
        completions = [
            record for record, step in due if step is Step.COMPLETE and record.order_id not in held
        ]
        if not accept_completions:
            self._brake(len(completions))
        begun = self._context.clock()
        for start in range(0, len(completions), READ_AGAIN):
            if self._context.clock() - begun >= A_SLICE:
                return True
            part = [record.order_id for record in completions[start : start + READ_AGAIN]]
            self._tried.update((order_id, Step.COMPLETE) for order_id in part)
            self._completed += len(part)
            self._complete(part)
        return is_left

    def _delete(self, cancelled: Sequence[OrderRecord]) -> None:
        """Rule 9's option. Where most of a store's orders are cancelled at once none is deleted:
        they are shown, and a person looks."""
        if not cancelled:
            return  # as nearly always, and then the ledger need not be asked
        open_orders = self._context.ledger.orders.open_in_katana(self._store.identity)
        if too_many_completions(len(cancelled), open_orders):
            return
        for record in cancelled:
            self._context.katana.wait_for_room(2)
            self._context.go_on()
            now = self._current(record.order_id)
            if now is not None and self._still(now, Step.DELETE):
                with part_of_order(self._context, self._store, record.order_id):
                    delete_cancelled(self._context, self._store, now)

    def _brake(self, completions: int) -> None:
        # those that this cycle has completed are open no more, and count all the same
        open_orders = self._context.ledger.orders.open_in_katana(self._store.identity)
        open_orders += self._completed
        completions += self._completed
        if too_many_completions(completions, open_orders):
            raise StoreProblem(
                f"{completions} of {open_orders} open orders are delivered in Katana and would be "
                "completed in the shop at once, which mails every customer; nothing was "
                "completed. If that is right, run `katana-woo-sync sync --accept-completions`",
                ExitCode.PROBLEMS,
            )

    def _current(self, order_id: int) -> OrderRecord | None:
        return self._context.ledger.orders.get(self._store.identity, order_id)

    def _still(self, record: OrderRecord | None, step: Step) -> bool:
        rules = self._context.rules(self._store)
        return record is not None and next_step(record, rules, self._context.clock()) is step

    def _deliver(self, order_id: int) -> None:
        """Rule 11: all that is left to deliver; Katana assigns batches first in, first out."""
        context, record = self._context, self._current(order_id)
        if record is None or not self._still(record, Step.DELIVER) or not record.sales_order_id:
            return
        try:
            before = None
            if record.attempts:
                before = context.katana.sales_order(record.sales_order_id)
                if self._delivered_meanwhile(record, before):
                    return
            refunded = self._refunded_since(record)
            if refunded:
                self._attend(record, Reason.REFUNDED_SINCE_IMPORT, refunded)
                return
            self._begin_delivery(record)
            answer = deliver(context, record.sales_order_id, before)
        except CannotDeliver as error:
            self._attend(record, error.reason, error.detail)
            return
        except StillUnknown as error:
            waiting = answer_awaited(record, str(error), error.ask_at)
            context.save(self._store, waiting, record)
            return
        except NotYetDelivered as error:
            again = failed(record, Reason.TEMPORARY, str(error), context.clock())
            context.save(self._store, again, record)
            return
        except NotFound:
            self._attend(record, Reason.DELIVERY_REFUSED, "the sales order is gone in Katana")
            return
        except BadRequest as error:
            self._attend(record, Reason.DELIVERY_REFUSED, error.reason)
            return
        except UnknownOutcome as error:
            # Delivering is absolute: it is asked for before it is sent again.
            context.save(
                self._store, failed(record, Reason.TEMPORARY, str(error), context.clock()), record
            )
            return
        rules = context.rules(self._store)
        delivered = see_in_katana(answer, record, rules).record or record
        with context.ledger.atomic():
            keep_delivery(context, self._store, delivered, record)
            if answer.is_unmade:
                detail = f"production {answer.production_status}"
                context.note(self._store, record, Note(Reason.DELIVERED_UNMADE, detail))

    def _begin_delivery(self, record: OrderRecord) -> None:
        """Where the shop is told of deliveries, what this program delivers is known by an intent,
        so that it is not told of that, even if the answer is lost."""
        context, key = self._context, str(record.sales_order_id)
        if self._store.settings.shipments != "off" and not is_delivering(context, record):
            context.ledger.intents.begin(IntentKind.DELIVERY, key, context.now_in_katana())

    def _delivered_meanwhile(self, record: OrderRecord, answer: SalesOrder) -> bool:
        """After a lost answer: whether Katana delivered all the same."""
        context = self._context
        seen = see_in_katana(answer, record, context.rules(self._store)).record
        if seen is None or not seen.is_delivered:
            return False
        with context.ledger.atomic():
            keep_delivery(context, self._store, seen, record)
        return True

    def _refunded_since(self, record: OrderRecord) -> str:
        """Rule 11: what was refunded with its lines since the import, whose goods never left.

        Refunds of an amount alone, and of nothing but shipping or fees, hold no goods back.
        """
        noted = {
            note.detail
            for _at, note in self._context.ledger.orders.notes(record.identity, record.order_id)
            if note.reason == Reason.REFUNDED_IN_SHOP
        }
        if not noted:
            return ""
        dp = self._context.facts(self._store).dp
        lines = [
            line
            for refund in self._store.shop.refunds(record.order_id, dp)
            if int(refund.id) not in record.refunds
            for line in refund.line_items
            if line.quantity
        ]
        return f"{len(lines)} refunded lines" if lines else ""

    def _complete(self, order_ids: Sequence[int]) -> None:
        """Rule 10: read the shop's status again, since completing mails the customer.

        A copy that has become old meanwhile is read again.
        """
        self._context.go_on()
        read_at, answered = self._context.clock(), self._read(order_ids)
        for order_id in order_ids:
            self._context.go_on()
            order = answered.get(order_id)
            if self._context.clock() - read_at > STATUS_HOLDS:
                order = None
            with part_of_order(self._context, self._store, order_id):
                self._read_and_complete(order_id, order)

    def _read(self, order_ids: Sequence[int]) -> dict[int, ReadOrder]:
        """Several orders in one request; none where one of them breaks the answer for all."""
        context, dp = self._context, self._context.facts(self._store).dp
        before = context.ledger.orders.known(self._store.identity, order_ids)
        try:
            answered = self._store.shop.orders(order_ids, dp)
        except Unavailable as error:
            if is_an_outage(context, self._store, error):
                raise
            return {}
        with context.ledger.atomic():
            believe(context, self._store, before, answered)
        return {int(order.id): order for order in answered}

    def _read_and_complete(self, order_id: int, order: ReadOrder | None) -> None:
        record = self._current(order_id)
        if isinstance(order, Order) and record is not None and is_stale(record, order):
            order = None
        if order is None:
            order = self._missing_from_list(order_id)
        self._context.go_on()
        record = self._to_complete(order_id, order)
        if record is not None:
            self._complete_one(record)

    def _missing_from_list(self, order_id: int) -> Order | None:
        """An order that no list holds: in the trash (which answers by id), or gone for good."""
        context, dp = self._context, self._context.facts(self._store).dp
        before = context.ledger.orders.known(self._store.identity, [order_id])
        try:
            order = self._store.shop.order(order_id, dp)
        except NotFound:
            return None
        with context.ledger.atomic():
            believe(context, self._store, before, [order])
        return order

    def _to_complete(self, order_id: int, order: ReadOrder | None) -> OrderRecord | None:
        """The record of an order that is to be completed now; None where there is nothing to
        complete."""
        context, record = self._context, self._current(order_id)
        if record is None:
            return None
        if isinstance(order, UnreadableOrder):
            now = context.clock()
            shown = unreadable(record, order.problem, now, may_pass=order.may_pass)
            context.save(self._store, shown, record)
            return None
        rules = context.rules(self._store)
        if order is None:
            keep_gone(context, self._store, [order_id])
            seen = with_state(replace(record, shop_status=GONE), rules)
        else:
            merged = see_in_shop(order, record, rules, context.clock())
            seen = merged.record or record
            context.note(self._store, record, *merged.notes)
        if not self._still(seen, Step.COMPLETE):
            context.save(self._store, seen, record)
            return None
        due_at_completion(context, self._store, record)
        return context.save(self._store, seen, record)

    def _complete_one(self, record: OrderRecord) -> None:
        context = self._context
        try:
            answer = self._store.shop.complete(record.order_id)
        except (BadRequest, NotFound) as error:
            self._attend(record, Reason.COMPLETION_REFUSED, error.reason)
            return
        except UnknownOutcome as error:
            # The next attempt reads the status first, so nobody is mailed twice.
            again = failed(record, Reason.TEMPORARY, str(error), context.clock())
            context.save(self._store, again, record)
            return
        now = context.clock()
        with context.ledger.atomic():
            # another process may have heard of it from the shop before we have
            current = self._current(record.order_id) or record
            done = see_in_shop(answer, current, context.rules(self._store), now).record or current
            done = replace(done, completed_at=now, next_attempt_at=None)
            context.save(self._store, done, current)
            context.did(self._store, record, "shop", "completed", "delivered in Katana")
            context.report.store(self._store.name).completed_in_store += 1

    def _attend(self, record: OrderRecord, reason: Reason, detail: str) -> None:
        context = self._context
        with context.ledger.atomic():
            needing = needs_attention(record, reason, detail, context.clock())
            context.save(self._store, needing, record)
            context.ledger.intents.end(IntentKind.DELIVERY, str(record.sales_order_id))


class CannotDeliver(Exception):
    """A delivery that a person must see to; `detail` says what is missing."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


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


class NotYetDelivered(Exception):
    """All of an order is in fulfilments, and Katana does not call it delivered yet."""

    def __init__(self, status: str) -> None:
        super().__init__(f"nothing is left to deliver, and Katana shows it as {status} still")


PACKED = "PACKED"


def deliver(context: Context, sales_order_id: int, before: SalesOrder | None = None) -> SalesOrder:
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
        is_of_services = _fulfil(context, order, rows, refusal)
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
    order = context.katana.deliver(sales_order_id, additional_info=text if goes_along else "")
    if text and not order.additional_info:
        _remember(context, INFORMATION_IS_BLANKED)
        context.katana.set_additional_info(sales_order_id, text)
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
        _remember(context, INFORMATION_IS_BLANKED)
        context.katana.set_additional_info(sales_order_id, text)
    stores.set_meta(INFORMATION_BEFORE, "")


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


def _fulfil(
    context: Context,
    order: SalesOrder,
    rows: Sequence[RowToDeliver],
    refusal: BadRequest | None,
) -> bool:
    """Make a fulfilment of what is left: with rows of services, else without them. Returns whether
    there was nothing but services."""
    variants = {int(v.id): v for v in context.katana.variants_by_id(_variant_ids(rows))}
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

    def find(_begun: object) -> Fulfillment | None:
        # what is left was asked for just now: if it were there, nothing would be left
        return None

    create_once(
        context,
        IntentKind.FULFILLMENT,
        str(order.id),
        find=find,
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
    return variant is None or variant.type == "service"


def _is_serial(variant: Variant) -> bool:
    return variant.product_or_material is not None and variant.product_or_material.serial_tracked


def _is_batched(variant: Variant) -> bool:
    return variant.product_or_material is not None and variant.product_or_material.batch_tracked


def _name(variant: Variant) -> str:
    item = variant.product_or_material
    return str(variant.sku) or (str(item.name) if item else f"variant {variant.id}")


def _variant_ids(rows: Sequence[RowToDeliver]) -> list[int]:
    return sorted({row.variant_id for row in rows})


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


def delete_cancelled(context: Context, store: Store, record: OrderRecord) -> None:
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
