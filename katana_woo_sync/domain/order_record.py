"""What the ledger keeps of an order, and how that changes."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from katana_woo_sync.domain.reasons import Kind, Reason, Retry, TriedAgain, about
from katana_woo_sync.domain.woocommerce import Address, Order

GONE = "gone"
"""`shop_status` of an order that was deleted for good; no status of WooCommerce's."""

GONE_STATUSES = frozenset({"trash", GONE})
ENDED = frozenset({"cancelled", "refunded", "failed"})
OVER = GONE_STATUSES | ENDED
"""Statuses in which a shop's order is not to be delivered any more."""

RETRY_DELAYS = tuple(timedelta(minutes=m) for m in (1, 5, 30, 120, 360, 720))
"""The retry schedule: how long a failed order waits for each attempt. After the last, it needs
attention."""

RECHECK = timedelta(hours=1)
"""How often an order in attention is tried again by itself, in case its cause is gone."""


class State(StrEnum):
    """The state of an order in the ledger. Users script against these."""

    QUEUED = "queued"
    IMPORTING = "importing"
    IMPORTED = "imported"
    FULFILLED = "fulfilled"
    SKIPPED = "skipped"
    FAILED = "failed"
    ATTENTION = "attention"
    IGNORED = "ignored"


class InKatana(StrEnum):
    """Whether an order is in Katana, kept beside its state."""

    NO = "no"
    YES = "yes"
    DELETED = "deleted"


class OrderRecord(Struct, frozen=True, kw_only=True):
    """An order as the ledger knows it. Amounts with tax, in `currency`; times UTC.

    `shop_status` and `katana_status` are what each side said last. `completed_at` and
    `delivered_at` are when this program carried a completion or delivery over: each at most once.
    `was_processing` says that the order was seen as Processing, which is what entitles it to be
    imported. `refunds` are the ids of the refunds that the import took into account.
    `fingerprint` is of what the import used; another one later means that the order was edited.
    `paid` is when the shop was paid; None where it has not said (cash on delivery).
    `expected` is what Katana's total should be, within `tolerance` (the shop's own roundings);
    `money_differs` says how it is not, until it is or a person sets that aside. `note_failed` says
    what keeps a note from being written on the shop's order. `version` counts the ledger's writes
    of the record: one that was read before another run wrote it is not saved.
    `sent_as` is the number of a create whose answer has not come or was lost: the order may be in
    Katana under it. Empty once that is known. `parent_id` is the order that has this one's goods
    too (0: none); `wanted` says that a person wants it in Katana all the same. `pieces` are those
    of a Point of Sale's sale that is not imported.
    """

    identity: str
    order_id: int
    number: str
    order_key: str
    created: datetime | None
    currency: str
    total: Decimal
    shop_status: str
    shop_modified: datetime | None = None
    shop_completed: datetime | None = None
    fingerprint: str = ""
    refunds: tuple[int, ...] = ()
    needs_processing: bool = True
    was_processing: bool = False
    state: State = State.QUEUED
    reason: str = ""
    detail: str = ""
    in_katana: InKatana = InKatana.NO
    sales_order_id: int | None = None
    sales_order_no: str = ""
    katana_status: str = ""
    katana_total: Decimal | None = None
    shipping_fee_due: bool = False
    expected: Decimal | None = None
    tolerance: Decimal | None = None
    money_differs: str = ""
    completed_at: datetime | None = None
    delivered_at: datetime | None = None
    attempts: int = 0
    next_attempt_at: datetime | None = None
    first_seen_at: datetime
    imported_at: datetime | None = None
    paid: datetime | None = None
    note_failed: str = ""
    version: int = 0
    sent_as: str = ""
    parent_id: int = 0
    wanted: bool = False
    pieces: Decimal | None = None

    @property
    def is_open_in_katana(self) -> bool:
        """In Katana, neither deleted nor wholly delivered."""
        return self.in_katana is InKatana.YES and self.katana_status != "DELIVERED"

    @property
    def is_delivered(self) -> bool:
        """Wholly delivered in Katana."""
        return self.in_katana is InKatana.YES and self.katana_status == "DELIVERED"

    @property
    def is_done(self) -> bool:
        """Delivered in Katana and completed in the shop."""
        return self.is_delivered and self.shop_status == "completed"


class TillSales(Struct, frozen=True):
    """Sales of a shop's till that were left out: how many, of how many pieces, and since when
    (UTC)."""

    orders: int
    pieces: Decimal
    since: datetime | None

    @property
    def words(self) -> str:
        """What that means for the stock."""
        since = f" since {self.since:%Y-%m-%d}" if self.since else ""
        return (
            f"Katana does not know of {self.pieces.normalize():f} pieces that were sold at the "
            f"shop's Point of Sale ({self.orders} sales{since})"
        )


def fingerprint(order: Order) -> str:
    """What an import takes from an order, digested; it changes when a person edits the order.

    Status and refunds are not in it: they have rules of their own. Nor are SKUs, which WooCommerce
    looks up live, nor the number, which a plugin may give all orders anew. Amounts are kept apart,
    with the decimals that they came in: those of orders in other decimals cannot be compared.
    """
    decimals = shown_decimals(order)
    contents = (_digest([str(order.id), *parts])[:SHORT] for parts in _contents(order))
    return " ".join(["3", *contents, str(decimals), _money(order, decimals)])


SHORT = 8
"""Characters of the digest of a part: they tell that it is another, and too little to look for
whose address or note it is."""


CONTENTS = ("the billing address", "the delivery address", "the customer's note", "the lines")
"""What a fingerprint is of, in the order of its digests; the amounts come after them."""


def _contents(order: Order) -> tuple[list[str], ...]:
    lines = (
        f"{i.id}|{i.product_id}|{i.variation_id}|{i.quantity.normalize():f}"
        for i in order.line_items
    )
    return (
        [*_lines_of_address(order.billing)],
        [*_lines_of_address(order.shipping)],
        [order.customer_note],
        [order.currency, *lines],
    )


def _second_fingerprint(order: Order) -> str:
    """As versions before kept it: one digest of all but the amounts."""
    billing, delivery, (note,), (currency, *lines) = _contents(order)
    parts = [currency, *billing, *delivery, note, *lines]
    decimals = shown_decimals(order)
    return f"2 {_digest(parts)} {decimals} {_money(order, decimals)}"


def _money(order: Order, decimals: int) -> str:
    return _digest(_amounts(order, decimals))


def what_was_edited(known: OrderRecord, order: Order) -> str:
    """What a person edited of the order since `known` took its fingerprint, in words; empty where
    nothing was. Other decimals, and another number, are the shop's settings."""
    if not known.fingerprint:
        return ""
    if " " not in known.fingerprint:
        return "" if _is_first_fingerprint(known, order) else "what it was imported with"
    is_second = known.fingerprint.startswith("2 ")
    before = known.fingerprint.split(" ")[1:]
    now_is = (_second_fingerprint(order) if is_second else fingerprint(order)).split(" ")[1:]
    *contents, decimals, money = before
    *contents_now, decimals_now, money_now = now_is
    names = ("the addresses, the customer's note or the lines",) if is_second else CONTENTS
    found = [name for name, a, b in zip(names, contents, contents_now, strict=True) if a != b]
    if decimals == decimals_now and money != money_now:
        differ = known.total != order.total
        total = f"the total ({known.total} → {order.total} {order.currency})"
        found.append(total if differ else "the amounts of its lines")
    return ", ".join(found)


def is_edited(known: OrderRecord, order: Order) -> bool:
    """Whether a person edited the order since `known` took its fingerprint."""
    return bool(what_was_edited(known, order))


def shown_decimals(order: Order) -> int:
    """The decimals that the order's amounts came in, two at most."""
    exponent = order.total.as_tuple().exponent
    return min(CENTS, max(0, -exponent)) if isinstance(exponent, int) else CENTS


CENTS = 2


def _digest(parts: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(parts).encode("utf-8", "replace")).hexdigest()[:32]


def _lines_of_address(address: Address) -> tuple[str, ...]:
    return (
        address.first_name,
        address.last_name,
        address.company,
        address.address_1,
        address.address_2,
        address.city,
        address.state,
        address.postcode,
        address.country,
        address.email,
        address.phone,
    )


def _amounts(order: Order, decimals: int) -> list[str]:
    """The order's amounts, so that they read alike with whatever more decimals they came in."""
    step = Decimal(1).scaleb(-decimals)

    def plain(amount: Decimal) -> str:
        return f"{amount.quantize(step, ROUND_HALF_UP):f}"

    lines = (*order.line_items, *order.fee_lines, *order.shipping_lines)
    of_lines = (f"{line.id}|{plain(line.total)}|{plain(line.total_tax)}" for line in lines)
    return [plain(order.total), *of_lines]


def _is_first_fingerprint(known: OrderRecord, order: Order) -> bool:
    """Whether the order is as in the fingerprint of before this form: one digest of all, the
    number too, and amounts to the cent. Amounts in fewer decimals cannot be compared with it."""
    if shown_decimals(order) < CENTS:
        return True
    total, *lines = _amounts(order, CENTS)
    items = [f"{i.id}|{i.product_id}|{i.variation_id}|{i.quantity}" for i in order.line_items]
    addresses = [_first_form(order.billing), _first_form(order.shipping)]
    return any(
        known.fingerprint
        == _digest([number, order.currency, total, *addresses, order.customer_note, *items, *lines])
        for number in (order.number, known.number)
    )


def _first_form(address: Address) -> str:
    names = (
        "first_name",
        "last_name",
        "company",
        "address_1",
        "address_2",
        "city",
        "state",
        "postcode",
        "country",
        "email",
        "phone",
    )
    fields = zip(names, _lines_of_address(address), strict=True)
    return f"Address({', '.join(f'{name}={text!r}' for name, text in fields)})"


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
    if record.attempts >= len(RETRY_DELAYS):
        goes_on = reason.about.tried_again is TriedAgain.AT_DELAYS_THEN_HOURLY
        return needs_attention(record, reason if goes_on else Reason.TOO_MANY_ATTEMPTS, detail, now)
    return replace(
        record,
        state=record.state if record.state is State.IGNORED else State.FAILED,
        reason=reason,
        detail=detail,
        attempts=record.attempts + 1,
        next_attempt_at=now + RETRY_DELAYS[record.attempts],
    )


def answer_awaited(
    record: OrderRecord, detail: str, until: datetime, reason: Reason = Reason.ANSWER_AWAITED
) -> OrderRecord:
    """The record of an order for which a create was sent whose answer was lost: nothing more is
    sent for it until Katana is asked, at `until` (UTC). It uses up no attempt."""
    state = record.state if record.state in (State.IMPORTING, State.IGNORED) else State.FAILED
    return replace(record, state=state, reason=reason, detail=detail, next_attempt_at=until)


def needs_attention(record: OrderRecord, reason: Reason, detail: str, now: datetime) -> OrderRecord:
    """The record of an order that a person must look at; tried again in case its cause is gone.

    One whose import failed time and again waits for the person: its cause cannot be seen from here.
    """
    again = reason.about.tried_again
    has_given_up = again is TriedAgain.HOURLY_IN_KATANA and record.in_katana is InKatana.NO
    waits = has_given_up or again is TriedAgain.NEVER
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
    shown = needs_attention(record, Reason.UNREADABLE, detail, now)
    if not may_pass:
        return shown
    wait = min(RECHECK, RETRY_DELAYS[min(record.attempts, len(RETRY_DELAYS) - 1)])
    return replace(shown, attempts=record.attempts + 1, next_attempt_at=now + wait)


def without_fee_due(record: OrderRecord) -> OrderRecord:
    """The record of an order whose shipping fee is in Katana."""
    record = replace(record, shipping_fee_due=False)
    if record.reason == Reason.SHIPPING_FEE_MISSING or record.state is State.IMPORTED:
        return imported(record, State.FULFILLED if record.is_done else State.IMPORTED)
    return record


def with_total_accepted(record: OrderRecord) -> OrderRecord:
    """The record without a complaint about its total."""
    record = replace(record, money_differs="")
    return imported(record, State.IMPORTED) if record.reason == Reason.TOTAL_DIFFERS else record


def retried(record: OrderRecord, *, by_number: bool = False) -> OrderRecord | None:
    """The record of an order that a person wants tried again; None where nothing can be tried.
    `by_number`: this very order was asked for, so that it is imported also where another holds its
    goods, only a deposit is paid, sales of the Point of Sale are left out, or it was left alone.

    One that was completed unseen counts as seen from now on: the person says that it belongs in
    Katana.
    """
    retry = about(record.reason).retry
    needs_name = retry is Retry.NAMED or record.state is State.IGNORED
    is_refused = retry is Retry.NOTHING or (needs_name and not by_number)
    if by_number and retry is Retry.WANTED:
        record = replace(record, wanted=True)
    elif record.state not in _RETRIABLE or is_refused:
        return None
    if record.in_katana is InKatana.NO:
        seen = record.was_processing or record.wanted or record.reason == Reason.COMPLETED_UNSEEN
        again = replace(queued(record), was_processing=seen)
        if record.reason == Reason.NOT_LISTED:
            # the person has looked: the number is another order's, and is waited for no more
            again = replace(again, sent_as="", attempts=record.attempts)
        return again
    return imported(record, State.IMPORTED)


def ignored(record: OrderRecord) -> OrderRecord | None:
    """The record of an order that a person wants no more to be done with; None where nothing would
    be done anyway.

    Where all that is wrong is the total of an order in Katana, only that is set aside.
    """
    if record.money_differs and record.state is State.FULFILLED:
        return replace(record, money_differs="")
    if record.reason == Reason.TOTAL_DIFFERS:
        return with_total_accepted(record)
    if record.state in (State.FULFILLED, State.SKIPPED, State.IGNORED, State.IMPORTING):
        return None
    return replace(record, state=State.IGNORED, reason="", detail="", next_attempt_at=None)


def not_imported(record: OrderRecord, reason: Reason, detail: str, now: datetime) -> OrderRecord:
    """The record of an order that cannot be imported as it is: left out, or for attention."""
    if reason.about.kind is Kind.SKIPPED:
        return replace(record, state=State.SKIPPED, reason=reason, next_attempt_at=None)
    return needs_attention(record, reason, detail, now)


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
    return record.state is State.FAILED or about(record.reason).kind is Kind.FAILED
