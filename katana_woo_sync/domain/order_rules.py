"""The rules for an order: what is to be done with it, and how its record changes."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from enum import Enum

from msgspec import Struct
from msgspec.structs import replace

from katana_woo_sync.domain.katana import SalesOrder
from katana_woo_sync.domain.order_record import (
    ENDED,
    GONE_STATUSES,
    OVER,
    InKatana,
    OrderRecord,
    State,
    fingerprint,
    imported,
    is_edited,
    queued,
    what_was_edited,
    with_total_accepted,
)
from katana_woo_sync.domain.reasons import Ends, Reason, Stops, about
from katana_woo_sync.domain.same_order import Evidence, is_of_order
from katana_woo_sync.domain.sub_orders import parent_of
from katana_woo_sync.domain.taxes import HALF_A_CENT
from katana_woo_sync.domain.woocommerce import Order

COMPLETED = "completed"
CANCELLED = "cancelled"
TILL = "pos-rest-api"
"""`created_via` of a sale of WooCommerce's own point of sale, which completes it at once."""

ADOPTION_GRACE = timedelta(days=7)
"""Rule 12: pairs that disagree when adopted are carried if they began to within this time."""

_STATES_IN_KATANA = frozenset({State.IMPORTED, State.ATTENTION})
"""States in which an order in Katana stays until a side says something that changes it."""


class Rules(Struct, frozen=True):
    """A store's settings that decide which orders are imported and what crosses over."""

    import_statuses: frozenset[str] = frozenset({"processing"})
    complete_from: frozenset[str] = frozenset({"processing"})
    sync_fulfillment: bool = True
    completed_unseen: str = "attention"
    pos: str = ""
    sub_orders: str = "skip"
    since: datetime | None = None
    connected_at: datetime | None = None
    import_delay: timedelta = timedelta(0)
    deletes_cancelled: bool = False


class Note(Struct, frozen=True):
    """Something to show with an order that changes neither its state nor the exit code."""

    reason: Reason
    detail: str = ""


class Seen(Struct, frozen=True):
    """The record after a side was read (None: an order that is of no concern), and notes."""

    record: OrderRecord | None
    notes: tuple[Note, ...] = ()


class Step(Enum):
    """What the sync does next with an order."""

    NOTHING = "nothing"
    IMPORT = "import"
    DELIVER = "deliver"
    COMPLETE = "complete"
    DELETE = "delete"


def see_in_shop(order: Order, known: OrderRecord | None, rules: Rules, now: datetime) -> Seen:
    """Merge what the shop says about an order into its record (rules 1, 2, 9)."""
    if known is None:
        return Seen(_first_seen(order, rules, now))
    if is_stale(known, order):
        return Seen(known)
    if _is_another(known, order):
        changed = replace(
            known, state=State.ATTENTION, reason=Reason.ORDER_KEY_CHANGED, next_attempt_at=None
        )
        return Seen(changed)
    if known.reason == Reason.UNREADABLE and not known.was_processing:
        # never read before, so this is the first time that it is seen
        first = _first_seen(order, rules, known.first_seen_at)
        if first is None:
            return Seen(skipped_before_import(replace(known, shop_status=order.status)))
        return Seen(replace(first, version=known.version))
    if about(known.reason).ends is Ends.WITH_A_GOOD_ANSWER:
        known = _relieved(known, rules, now)
    record = replace(
        known,
        order_key=order.order_key or known.order_key,
        shop_status=order.status,
        shop_modified=order.modified,
        shop_completed=order.completed,
        parent_id=parent_of(order) or known.parent_id,
    )
    if known.in_katana is InKatana.NO:
        # where Katana's answer was lost it may be there, without what was refunded since
        notes = _refunds_since(known, order) if known.state is State.IMPORTING else ()
        return Seen(_before_import(record, order, rules, now), notes)
    return _after_import(record, known, order, rules)


def _refunds_since(known: OrderRecord, order: Order) -> tuple[Note, ...]:
    """The note of what was refunded since the order was sent to Katana."""
    new = [refund for refund in order.refunds if int(refund.id) not in known.refunds]
    told = (f"refund {int(refund.id)} of {abs(refund.total)} {order.currency}" for refund in new)
    return (Note(Reason.REFUNDED_IN_SHOP, ", ".join(told)),) if new else ()


def is_stale(known: OrderRecord, order: Order) -> bool:
    """Whether the copy is older than what is known already: a cache's, or one that was read before
    another process read a newer one. (Both times are the shop's own.)"""
    if known.shop_modified is None or order.modified is None:
        return False
    return order.modified < known.shop_modified


def _is_another(known: OrderRecord, order: Order) -> bool:
    """Whether the shop has another order under the id now: a restored or copied shop.

    An order that was adopted when the shop had lost it has no key to compare; then what the ledger
    has of its sales order decides (date; total or number, where that agrees only to the day).
    """
    if known.order_key:
        return bool(order.order_key) and known.order_key != order.order_key
    if known.in_katana is InKatana.NO:
        return False
    held = Evidence(known.created, known.number, known.katana_total, known.currency)
    return not is_of_order(order, held)


def _relieved(known: OrderRecord, rules: Rules, now: datetime) -> OrderRecord:
    """The record of an order whose answer makes sense again: attention ends with its cause."""
    if known.in_katana is InKatana.NO:
        return replace(queued(known), next_attempt_at=grace(known, rules, now))
    return imported(known, State.IMPORTED)


def _first_seen(order: Order, rules: Rules, now: datetime) -> OrderRecord | None:
    if is_before_since(order, rules):
        return None
    record = new_record(order, now)
    if order.status in rules.import_statuses:
        return replace(record, was_processing=True, next_attempt_at=grace(order, rules, now))
    if order.status != COMPLETED or not _placed_since_connection(order, rules):
        return None
    if not order.needs_processing:
        return replace(record, state=State.SKIPPED, reason=Reason.DOWNLOAD)
    is_sale_of_till = order.created_via == TILL
    match (rules.pos if is_sale_of_till else "") or rules.completed_unseen:
        case "import":
            return replace(record, was_processing=True)
        case "skip" if is_sale_of_till:
            sold = sum((Decimal(line.quantity) for line in order.line_items), Decimal(0))
            return replace(record, state=State.SKIPPED, reason=Reason.POS_SKIPPED, pieces=sold)
        case "skip":
            return replace(record, state=State.SKIPPED, reason=Reason.COMPLETED_UNSEEN_SKIPPED)
        case _:
            return replace(record, state=State.ATTENTION, reason=Reason.COMPLETED_UNSEEN)


def grace(order: Order | OrderRecord, rules: Rules, now: datetime) -> datetime | None:
    """Until when the customer may still correct the order (UTC), since edits never cross; None
    where that is over. Never longer than the delay from now on, whatever the shop's clock says."""
    placed = order.paid or order.created
    if placed is None or not rules.import_delay:
        return None
    until = min(placed, now) + rules.import_delay
    return until if until > now else None


def is_before_since(order: Order, rules: Rules) -> bool:
    """Whether the order was placed before the store's import-from date."""
    return rules.since is not None and order.created is not None and order.created < rules.since


def _placed_since_connection(order: Order, rules: Rules) -> bool:
    if rules.connected_at is None or order.created is None:
        return False
    return order.created >= rules.connected_at


def new_record(order: Order, now: datetime) -> OrderRecord:
    """The record of an order that is seen for the first time, queued."""
    return OrderRecord(
        identity="",
        order_id=int(order.id),
        number=str(order.number) or str(int(order.id)),
        order_key=str(order.order_key),
        created=order.created,
        currency=str(order.currency),
        total=order.total,
        shop_status=str(order.status),
        shop_modified=order.modified,
        shop_completed=order.completed,
        needs_processing=order.needs_processing,
        first_seen_at=now,
        paid=order.paid,
        parent_id=parent_of(order),
    )


def _before_import(record: OrderRecord, order: Order, rules: Rules, now: datetime) -> OrderRecord:
    """Rule 1: what becomes of an order whose turn has not come."""
    if record.state in (State.IGNORED, State.IMPORTING):
        return record
    if about(record.reason).stops is Stops.IMPORT:
        return record
    record = replace(
        record,
        number=str(order.number) or record.number,
        created=order.created or record.created,
        currency=str(order.currency),
        total=order.total,
        needs_processing=order.needs_processing,
        paid=order.paid or record.paid,
    )
    if is_before_since(order, rules):
        return replace(record, state=State.SKIPPED, reason=Reason.BEFORE_SINCE, detail="")
    if order.status in rules.import_statuses:
        record = replace(record, was_processing=True)
    is_left_out = about(record.reason).goods_elsewhere
    # on hold it is left out too: the stock that it holds is the other order's
    if is_left_out and order.status not in OVER:
        return record
    if order.status in rules.import_statuses or (
        order.status == COMPLETED and record.was_processing
    ):
        if record.state is State.SKIPPED or record.reason == Reason.COMPLETED_UNSEEN:
            return replace(queued(record), next_attempt_at=grace(order, rules, now))
        edited = record.state is State.ATTENTION and is_edited(record, order)
        return queued(record) if edited else record
    if order.status == COMPLETED:
        return _completed_again(record, order, rules)
    return skipped_before_import(record)


def _completed_again(record: OrderRecord, order: Order, rules: Rules) -> OrderRecord:
    """An order that never was Processing, and is completed after it was on hold, cancelled or in
    the trash, is shown as one that is completed when it is seen first."""
    if not about(record.reason).by_status:
        return record
    first = _first_seen(order, rules, record.first_seen_at)
    if first is None:
        return record
    return replace(
        record,
        state=first.state,
        reason=first.reason,
        was_processing=first.was_processing,
        pieces=first.pieces,
    )


def notes_of(order: Order) -> tuple[Note, ...]:
    """What there is to note about an order as the shop has it."""
    if order.has_creation_date or order.created is None:
        return ()
    return (Note(Reason.CREATION_DATE_LOST, f"{order.created:%Y-%m-%d %H:%M} UTC"),)


def skipped_before_import(record: OrderRecord) -> OrderRecord:
    """The record of an order that left Processing, by its status now, before it was imported."""
    if record.shop_status in GONE_STATUSES:
        reason = Reason.GONE_BEFORE_IMPORT
    elif record.shop_status == "refunded":
        reason = Reason.REFUNDED_BEFORE_IMPORT
    elif record.shop_status in ENDED:
        reason = Reason.CANCELLED_BEFORE_IMPORT
    else:
        reason = Reason.NO_LONGER_PROCESSING
    return replace(record, state=State.SKIPPED, reason=reason, detail="", next_attempt_at=None)


def may_be_imported(record: OrderRecord, rules: Rules) -> bool:
    """Rule 1: Processing now, or completed after it was seen as Processing."""
    if record.shop_status in rules.import_statuses:
        return True
    return record.shop_status == COMPLETED and record.was_processing


def _after_import(record: OrderRecord, known: OrderRecord, order: Order, rules: Rules) -> Seen:
    """Rule 9: edits never cross; they are noted once each."""
    notes = []
    now_is = fingerprint(order)
    edited = what_was_edited(known, order)
    if edited:
        at = f", at {order.modified:%Y-%m-%d %H:%M:%S} UTC" if order.modified else ""
        notes.append(Note(Reason.EDITED, edited + at))
    notes.extend(_refunds_since(known, order))
    if known.shop_status == COMPLETED != order.status and known.state is State.FULFILLED:
        notes.append(Note(Reason.REVERTED_IN_SHOP, f"it is {order.status} now"))
    if _is_reopened(known, order, rules):
        record = replace(
            record,
            state=State.ATTENTION,
            reason=Reason.REOPENED_IN_SHOP,
            detail=f"sales order {known.sales_order_no}",
            next_attempt_at=None,
        )
    return Seen(with_state(replace(record, fingerprint=now_is), rules), tuple(notes))


def _is_reopened(known: OrderRecord, order: Order, rules: Rules) -> bool:
    """Whether an order that was deleted in Katana, since it was cancelled or on hold in the shop,
    is Processing again: it is never imported twice, so a person must see to it."""
    return (
        known.in_katana is InKatana.DELETED
        and known.state not in (State.FULFILLED, State.IGNORED)
        and order.status in rules.import_statuses
        and known.shop_status not in rules.import_statuses
    )


def see_in_katana(sales_order: SalesOrder, known: OrderRecord, rules: Rules) -> Seen:
    """Merge what Katana says about a sales order into the record of its order."""
    notes = []
    if sales_order.is_deleted and known.in_katana is not InKatana.DELETED:
        notes.append(Note(Reason.DELETED_IN_KATANA))
    if known.is_delivered and not sales_order.is_deleted and not sales_order.is_delivered:
        notes.append(Note(Reason.REVERTED_IN_KATANA, f"it is {sales_order.status} now"))
    record = replace(
        known,
        in_katana=InKatana.DELETED if sales_order.is_deleted else InKatana.YES,
        sales_order_id=int(sales_order.id),
        sales_order_no=str(sales_order.order_no),
        katana_status=str(sales_order.status),
        katana_total=known.katana_total if sales_order.total is None else sales_order.total,
    )
    return Seen(with_state(_with_corrected_total(record), rules), tuple(notes))


def _with_corrected_total(record: OrderRecord) -> OrderRecord:
    """A person may have set the total right in Katana; other edits there never cross."""
    if not record.money_differs or record.expected is None or record.katana_total is None:
        return record
    within = record.tolerance or Decimal(0)
    if abs(record.katana_total - record.expected) > max(within, HALF_A_CENT):
        return record
    return with_total_accepted(record)


def compared(record: OrderRecord, total: Decimal, decimals: int) -> Seen:
    """Rule 4: Katana's total, with tax and shipping, against what is left of the shop's.

    What the shop's own roundings explain is a note; what exceeds them needs a person. `decimals`
    are those that the shop shows its prices with.
    """
    if record.expected is None:
        return Seen(record)
    difference = abs(total - record.expected)
    shown = f"{record.expected:.2f} in the shop, {total:.4f} in Katana"
    if difference < Decimal(5).scaleb(-decimals - 1):
        return Seen(record)
    if difference <= (record.tolerance or Decimal(0)):
        return Seen(record, (Note(Reason.CENT_ROUNDING, shown),))
    differs = replace(record, money_differs=shown)
    if record.state is State.IMPORTED:
        differs = imported(differs, State.IMPORTED)
    return Seen(differs, (Note(Reason.TOTAL_DIFFERS, shown),))


def with_state(record: OrderRecord, rules: Rules) -> OrderRecord:
    """The record with the state that follows from what both sides say of an order in Katana.

    Attention for a disagreement ends by itself when its cause is gone; `fulfilled` is final.
    """
    if record.in_katana is InKatana.NO or record.state in (State.IGNORED, State.FULFILLED):
        return record
    if record.reason == Reason.ORDER_KEY_CHANGED:
        return record
    if record.reason == Reason.REOPENED_IN_SHOP and record.in_katana is InKatana.DELETED:
        over = record.shop_status in OVER
        return imported(record, State.IMPORTED) if over else record
    if record.is_done:
        lacks_fee = record.shipping_fee_due and record.reason == Reason.SHIPPING_FEE_MISSING
        return record if lacks_fee else imported(record, State.FULFILLED)
    reason = _disagreement(record, rules)
    if reason is not None:
        detail = record.shop_status if reason is Reason.SHOP_STATUS else ""
        if record.reason == reason:
            return replace(record, detail=detail) if detail else record
        return replace(record, state=State.ATTENTION, reason=reason, detail=detail)
    if _cause_is_gone(record):
        return imported(record, State.IMPORTED)
    if record.state is State.FAILED and _is_due(record, rules):
        return record
    if record.in_katana is InKatana.DELETED or record.state not in _STATES_IN_KATANA:
        return imported(record, State.IMPORTED)
    return record


def _is_due(record: OrderRecord, rules: Rules) -> bool:
    """Whether what failed with an order in Katana is still to be done."""
    if record.in_katana is not InKatana.YES:
        return False
    if record.shipping_fee_due and record.reason == Reason.SHIPPING_FEE_MISSING:
        return True
    return rules.sync_fulfillment and record.is_delivered != (record.shop_status == COMPLETED)


def _disagreement(record: OrderRecord, rules: Rules) -> Reason | None:
    """Rules 9 and 10: what a person must set right, whatever the program could do."""
    if record.in_katana is not InKatana.YES:
        return None
    if not record.is_delivered:
        over = record.shop_status in OVER
        return Reason.CANCELLED_IN_SHOP if over else None
    if not rules.sync_fulfillment:
        return None
    if record.shop_status in GONE_STATUSES:
        return Reason.GONE_IN_SHOP
    if record.shop_status in ENDED or record.shop_status not in rules.complete_from:
        return Reason.SHOP_STATUS
    return None


def _cause_is_gone(record: OrderRecord) -> bool:
    """Whether the reason holds no more by what both sides say, which do not disagree now."""
    is_completed = record.shop_status == COMPLETED
    match about(record.reason).ends:
        case Ends.WITH_THE_STATUSES:
            return True
        case Ends.WHEN_DELIVERED:
            return not (record.is_open_in_katana and is_completed)
        case Ends.WHEN_COMPLETED:
            return is_completed or not record.is_delivered
        case Ends.WHEN_BOTH_AGREE:
            return record.is_delivered == is_completed
        case _:
            return False


def next_step(record: OrderRecord, rules: Rules, now: datetime) -> Step:
    """What to do with an order now. Each direction acts at most once per order."""
    # a fee that waits for its next attempt holds up no delivery
    waits = record.next_attempt_at if record.reason != Reason.SHIPPING_FEE_MISSING else None
    due = waits is None or waits <= now
    if not due or about(record.reason).stops is Stops.ALL:
        return Step.NOTHING
    if record.in_katana is InKatana.NO:
        return Step.IMPORT if _wants_import(record) else Step.NOTHING
    if record.state in (State.IGNORED, State.FULFILLED):
        return Step.NOTHING
    if rules.deletes_cancelled and _may_be_deleted(record):
        return Step.DELETE
    if not rules.sync_fulfillment:
        return Step.NOTHING
    if record.is_open_in_katana and record.shop_status == COMPLETED and not record.delivered_at:
        return Step.DELIVER
    if (
        record.is_delivered
        and record.shop_status in rules.complete_from
        and not record.completed_at
    ):
        return Step.COMPLETE
    return Step.NOTHING


def _may_be_deleted(record: OrderRecord) -> bool:
    """Cancelled in the shop and open in Katana; a detail says why it could not be deleted."""
    must_stay = record.reason == Reason.CANCELLED_IN_SHOP and record.detail
    return record.is_open_in_katana and record.shop_status == CANCELLED and not must_stay


def _wants_import(record: OrderRecord) -> bool:
    if record.state in (State.QUEUED, State.FAILED):
        return True
    # in attention for its content: looked at again when next_attempt_at comes
    return record.state is State.ATTENTION and record.next_attempt_at is not None


def too_many_completions(completions: int, open_orders: int) -> bool:
    """Rule 12: more than 50 completions, and more than half of a store's open orders."""
    return completions > 50 and completions * 2 > open_orders


def stale_disagreement(
    record: OrderRecord, order: Order | None, sales_order: SalesOrder, now: datetime
) -> bool:
    """Rule 12: whether a pair that is adopted had begun to disagree over 7 days ago."""
    if record.is_delivered and record.shop_status != COMPLETED:
        began = sales_order.delivered
    elif record.is_open_in_katana and record.shop_status == COMPLETED:
        began = order.completed if order is not None else None
    else:
        return False
    return began is None or now - began > ADOPTION_GRACE
