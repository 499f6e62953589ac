"""An order's record as it moves between states, whatever the rules: tried, shown, set aside."""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec.structs import replace

from katana_woo_sync.domain.order_record import InKatana, OrderRecord, State
from katana_woo_sync.domain.reasons import Reason

FIRST_WAITS = tuple(timedelta(minutes=m) for m in (1, 5, 30, 120, 360, 720))
"""How long a failed order waits for its next attempt; after the last it needs attention."""

RECHECK = timedelta(hours=1)
"""How often an order in attention is tried again by itself, in case its cause is gone."""

NOTHING_TO_RETRY = frozenset(
    {
        Reason.ORDER_KEY_CHANGED,
        Reason.TAKEOVER_MISMATCH,
        Reason.TOTAL_DIFFERS,
        Reason.DOUBLED_IN_KATANA,
        Reason.REOPENED_IN_SHOP,
    }
)
"""Reasons that trying again cannot mend, or would make worse: a person compares and decides."""

RETRIED_ONE_BY_ONE = frozenset({Reason.NOT_LISTED, Reason.KNOWN_ELSEWHERE})
"""Reasons that a person has to look at in Katana before trying again is right."""

WANTED_BY_NUMBER = frozenset(
    {
        Reason.SUB_ORDER,
        Reason.HAS_SUB_ORDERS,
        Reason.PARTLY_IN_SUB_ORDERS,
        Reason.DEPOSIT,
        Reason.POS_SKIPPED,
    }
)
"""Reasons that a person may set aside for one order, by naming it."""

_RETRIABLE = frozenset({State.FAILED, State.ATTENTION, State.IGNORED})


def queued(record: OrderRecord) -> OrderRecord:
    """The record with a clean slate, to be imported at the next opportunity."""
    return replace(
        record, state=State.QUEUED, reason="", detail="", attempts=0, next_attempt_at=None
    )


def imported(record: OrderRecord, state: State) -> OrderRecord:
    """In Katana and in no trouble, unless its total is."""
    reason, detail = "", ""
    if state is State.IMPORTED and record.money_differs and record.in_katana is InKatana.YES:
        state, reason, detail = State.ATTENTION, Reason.TOTAL_DIFFERS, record.money_differs
    return replace(
        record, state=state, reason=reason, detail=detail, attempts=0, next_attempt_at=None
    )


def failed(record: OrderRecord, reason: Reason, detail: str, now: datetime) -> OrderRecord:
    """The record after an attempt that failed: tried again later, and at last shown to a person."""
    if record.attempts >= len(FIRST_WAITS):
        is_fee = reason is Reason.SHIPPING_FEE_MISSING
        return for_attention(record, reason if is_fee else Reason.TOO_MANY_ATTEMPTS, detail, now)
    return replace(
        record,
        state=record.state if record.state is State.IGNORED else State.FAILED,
        reason=reason,
        detail=detail,
        attempts=record.attempts + 1,
        next_attempt_at=now + FIRST_WAITS[record.attempts],
    )


def answer_awaited(
    record: OrderRecord, detail: str, until: datetime, reason: Reason = Reason.ANSWER_AWAITED
) -> OrderRecord:
    """The record of an order for which a create was sent whose answer was lost: nothing more is
    sent for it until Katana is asked, at `until` (UTC). It uses up no attempt."""
    state = record.state if record.state in (State.IMPORTING, State.IGNORED) else State.FAILED
    return replace(record, state=state, reason=reason, detail=detail, next_attempt_at=until)


def for_attention(record: OrderRecord, reason: Reason, detail: str, now: datetime) -> OrderRecord:
    """The record of an order that a person must look at; tried again in case its cause is gone.

    One whose import failed time and again waits for the person: its cause cannot be seen from here.
    """
    has_given_up = reason is Reason.TOO_MANY_ATTEMPTS and record.in_katana is InKatana.NO
    waits = has_given_up or reason in NOTHING_TO_RETRY
    return replace(
        record,
        state=State.ATTENTION,
        reason=reason,
        detail=detail,
        next_attempt_at=None if waits else now + RECHECK,
    )


def unreadable(record: OrderRecord, detail: str, now: datetime, *, may_pass: bool) -> OrderRecord:
    """The record of an order whose answer could not be read. Where the shop only failed to answer
    (`may_pass`) it is asked again soon."""
    shown = for_attention(record, Reason.UNREADABLE, detail, now)
    if not may_pass:
        return shown
    wait = min(RECHECK, FIRST_WAITS[min(record.attempts, len(FIRST_WAITS) - 1)])
    return replace(shown, attempts=record.attempts + 1, next_attempt_at=now + wait)


def without_fee_due(record: OrderRecord) -> OrderRecord:
    """The record of an order whose shipping fee is in Katana."""
    settled = replace(record, shipping_fee_due=False)
    if settled.reason == Reason.SHIPPING_FEE_MISSING or settled.state is State.IMPORTED:
        return imported(settled, State.FULFILLED if settled.is_done else State.IMPORTED)
    return settled


def money_settled(record: OrderRecord) -> OrderRecord:
    """The record without a complaint about its total."""
    record = replace(record, money_differs="")
    return imported(record, State.IMPORTED) if record.reason == Reason.TOTAL_DIFFERS else record


def retried(record: OrderRecord, *, by_number: bool = False) -> OrderRecord | None:
    """The record of an order that a person wants tried again; None where nothing can be tried.
    `by_number`: this very order was asked for, so that it is imported also where another holds its
    goods, only a deposit is paid, or sales of the Point of Sale are left out.

    One that was completed unseen counts as seen from now on: the person says that it belongs in
    Katana.
    """
    if by_number and record.reason in WANTED_BY_NUMBER:
        record = replace(record, wanted=True)
    elif record.state not in _RETRIABLE or record.reason in NOTHING_TO_RETRY:
        return None
    if record.in_katana is InKatana.NO:
        seen = record.was_processing or record.wanted or record.reason == Reason.COMPLETED_UNSEEN
        # the person has looked: the number is another order's
        sent_as = "" if record.reason == Reason.NOT_LISTED else record.sent_as
        return replace(queued(record), was_processing=seen, sent_as=sent_as)
    return imported(record, State.IMPORTED)


def ignored(record: OrderRecord) -> OrderRecord | None:
    """The record of an order that a person wants left alone; None where there is nothing to leave.

    Where all that is wrong is the total of an order in Katana, only that is set aside.
    """
    if record.money_differs and record.state is State.FULFILLED:
        return replace(record, money_differs="")
    if record.reason == Reason.TOTAL_DIFFERS:
        return money_settled(record)
    if record.state in (State.FULFILLED, State.SKIPPED, State.IGNORED, State.IMPORTING):
        return None
    return replace(record, state=State.IGNORED, reason="", detail="", next_attempt_at=None)


def left_out_before(record: OrderRecord, connected_at: datetime) -> OrderRecord | None:
    """The record of an order that a lost ledger had left out on purpose; None where it had not.

    One that is open, not in Katana, and unchanged since before the store's first import was there
    to be imported then. `connected_at` is when that was (UTC).
    """
    if record.state is not State.QUEUED or record.shop_modified is None:
        return None
    if record.shop_modified >= connected_at:
        return None
    return replace(
        record, state=State.ATTENTION, reason=Reason.LEFT_OUT_BEFORE, next_attempt_at=None
    )


def known_elsewhere(record: OrderRecord, where: str) -> OrderRecord:
    """The record of an order that is known as one of another shop; `where` says as which."""
    return replace(
        record,
        state=State.ATTENTION,
        reason=Reason.KNOWN_ELSEWHERE,
        detail=where,
        next_attempt_at=None,
    )


def with_its_complaint(record: OrderRecord) -> OrderRecord:
    """The record as people see it: one that is fulfilled may still differ in its total, and one
    that has no other trouble may lack a note in the shop."""
    if record.state is State.FULFILLED and record.money_differs:
        return replace(record, reason=Reason.TOTAL_DIFFERS, detail=record.money_differs)
    if record.note_failed and not record.reason:
        return replace(record, reason=Reason.NOTE_FAILED, detail=record.note_failed)
    return record


def is_tried_again(record: OrderRecord) -> bool:
    """Whether the trouble that people see of an order is one that the program tries to end by
    itself, and not (yet) one that needs a person."""
    record = with_its_complaint(record)
    return record.state is State.FAILED or record.reason in (
        Reason.ANSWER_AWAITED,
        Reason.NOTE_FAILED,
    )
