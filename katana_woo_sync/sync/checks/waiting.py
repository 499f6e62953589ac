"""What waits, since when, and for what: from the ledger alone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from msgspec import Struct

from katana_woo_sync.config import Settings, StoreSettings
from katana_woo_sync.domain.checks import WAITING, Finding, is_late, lasting, named, ok, waiting
from katana_woo_sync.domain.order_record import (
    OrderRecord,
    State,
    is_tried_again,
    with_its_complaint,
)
from katana_woo_sync.domain.reasons import about
from katana_woo_sync.ledger import Ledger
from katana_woo_sync.ledger.intents import IntentKind
from katana_woo_sync.sync.create_once import intent_key
from katana_woo_sync.sync.cycle import KATANA_ERROR
from katana_woo_sync.sync.report import Problem
from katana_woo_sync.sync.wishes import open_wishes

LONG_UNKNOWN = timedelta(hours=1)
"""An answer that was lost is asked for some minutes later; one that is still unknown then is worth
a look."""


class Because(Struct, frozen=True):
    """What everything of a store waits for; with what is to be done where a person must act."""

    words: str
    remedy: str = ""

    @property
    def needs_you(self) -> bool:
        """Whether it ends only if somebody acts, or looks."""
        return bool(self.remedy)


def store_waits(
    ledger: Ledger, settings: Settings, store: StoreSettings, now: datetime
) -> list[Finding]:
    """What of a store waits; none of one that was never connected. `now` is UTC."""
    known = ledger.stores.get(store.identity)
    if known is None or known.connected_at is None:
        return []
    because = _because(ledger, settings, store, now)
    found = [
        *_to_import(ledger, store, because, now),
        *_unknown(ledger, store, now),
        *_to_carry(ledger, store, because, now),
        *_shipping_fees(ledger, store, because, now),
        *_stock(ledger, store, because, now),
        *_problems(ledger, store, now),
    ]
    return found or [ok(store.name, WAITING, "nothing waits")]


def lost_answers(ledger: Ledger, where: str, now: datetime) -> list[Finding]:
    """What else than orders was begun in Katana and is not known to be there."""
    lost = [
        each
        for each in ledger.intents.all_open()
        if each.kind not in (IntentKind.SALES_ORDER, IntentKind.DELETION, IntentKind.DELIVERY)
        and now - each.at >= LONG_UNKNOWN
    ]
    if not lost:
        return []
    what = named([f"{each.kind.replace('_', ' ')} {each.key}" for each in lost])
    why = "Katana is asked what became of it before anything of the kind is created again"
    age = now - min(each.at for each in lost)
    return [waiting(where, f"begun without an answer: {what}", age, why)]


def asked_for(ledger: Ledger, where: str, now: datetime) -> list[Finding]:
    """What a person asked of the next run."""
    return [
        waiting(
            where,
            f"what was asked for ({wish.replace('_', ' ')})",
            now - at,
            "the next run takes it up",
        )
        for wish, at in open_wishes(ledger, now).items()
    ]


def _because(ledger: Ledger, settings: Settings, store: StoreSettings, now: datetime) -> Because:
    """Why nothing of the store goes on, if so; else the next cycle."""
    known, katana = ledger.stores.get(store.identity), ledger.stores.meta(KATANA_ERROR)
    last = known.last_success_at if known else None
    if store.paused:
        return Because("the store is left alone", "Take paused = true out of the config to go on")
    if known is not None and known.last_error:
        return Because(
            f"the store could not be worked: {known.last_error}",
            "Do what that says; each cycle tries again",
        )
    if katana:
        return Because(
            f"Katana could not be worked: {katana}", "Do what that says; each cycle tries again"
        )
    if last is not None and is_late(last, settings.schedule.orders, now):
        return Because(
            f"no cycle went through for {lasting(now - last)}",
            "Look whether cron, the timer or the service runs",
        )
    return Because("the next cycle goes on with it")


def _to_import(
    ledger: Ledger, store: StoreSettings, because: Because, now: datetime
) -> list[Finding]:
    queued = ledger.orders.each(identities=[store.identity], state=State.QUEUED)
    held, due = list[OrderRecord](), list[OrderRecord]()
    for record in queued:
        again = record.next_attempt_at
        (held if again is not None and again > now else due).append(record)
    found = []
    if due:
        what = f"{_orders(due)} to be imported"
        found.append(_finding(store, what, _placed(due, now), because))
    if held:
        first = min(record.next_attempt_at or now for record in held)
        why = f"import_delay: the first is due in {lasting(first - now)}"
        found.append(
            waiting(store.name, f"{_orders(held)} to be imported", _placed(held, now), why)
        )
    return found


def _unknown(ledger: Ledger, store: StoreSettings, now: datetime) -> list[Finding]:
    """Orders whose create had no answer."""
    records = ledger.orders.importing(store.identity)
    if not records:
        return []
    begun = {each.key: each.at for each in ledger.intents.all_open()}
    since = min(begun.get(intent_key(record), record.first_seen_at) for record in records)
    return [
        waiting(
            store.name,
            f"{_orders(records)} sent to Katana without an answer",
            now - since,
            "Katana is asked what became of it before anything is sent again",
            "Look whether Katana answers: see the tests of Katana here"
            if now - since >= LONG_UNKNOWN
            else "",
        )
    ]


def _to_carry(
    ledger: Ledger, store: StoreSettings, because: Because, now: datetime
) -> list[Finding]:
    due = ledger.orders.due_for_fulfilment(store.identity, now)
    records = [record for record in due if record.state is State.IMPORTED]
    if not records or not store.sync_fulfillment:
        return []
    what = f"{_orders(records)} delivered or completed on one side and not on the other"
    return [_finding(store, what, None, because)]


def _shipping_fees(
    ledger: Ledger, store: StoreSettings, because: Because, now: datetime
) -> list[Finding]:
    records = ledger.orders.with_fee_due(store.identity, now)
    if not records:
        return []
    what = f"the shipping fee of {_orders(records)}"
    since = min((r.imported_at for r in records if r.imported_at is not None), default=None)
    return [_finding(store, what, now - since if since else None, because)]


def _stock(ledger: Ledger, store: StoreSettings, because: Because, now: datetime) -> list[Finding]:
    state = ledger.stock.state(store.identity) if store.sync_stock else None
    if state is None:
        return []
    age = now - state.updated_at if state.updated_at else None
    count = len(ledger.stock.due(store.identity).variant_ids)
    items = "1 item" if count == 1 else f"{count} items"
    if state.error:
        what = f"the stock ({items} to look at)" if count else "the stock"
        remedy = "Do what that says; each cycle tries again"
        return [waiting(store.name, what, age, state.error, remedy)]
    if not count:
        return []
    what = f"{items} whose stock is to be looked at"
    if because.needs_you:
        return [_finding(store, what, age, because)]
    why = "the next cycle that works stock ([schedule] stock), or `sync --now stock`"
    return [waiting(store.name, what, age, why)]


def _problems(ledger: Ledger, store: StoreSettings, now: datetime) -> list[Finding]:
    """Orders that need a person, or are tried again, by reason."""
    groups: dict[tuple[bool, str], list[OrderRecord]] = {}
    for record in ledger.orders.find(identities=[store.identity], problems=True):
        if record.state is not State.IMPORTING:
            seen = with_its_complaint(record)
            groups.setdefault((is_tried_again(record), str(seen.reason)), []).append(seen)
    return [
        _problem(ledger, store, reason, records, now, again=again)
        for (again, reason), records in groups.items()
    ]


def _problem(
    ledger: Ledger,
    store: StoreSettings,
    reason: str,
    records: Sequence[OrderRecord],
    now: datetime,
    *,
    again: bool,
) -> Finding:
    age = now - min(_since(ledger, record) for record in records)
    row = about(reason)
    if again:
        times = [r.next_attempt_at for r in records if r.next_attempt_at is not None]
        soon = f"in {lasting(min(times) - now)}" if times and min(times) > now else "now"
        why = f"{row.sentence} The next attempt is due {soon}"
        return waiting(store.name, f"{_orders(records)} ({reason})", age, why)
    one = Problem.of(store.name, records[0])
    remedy = one.remedy if len(records) == 1 else row.remedy
    sentence = one.sentence if len(records) == 1 else row.sentence
    remedy = remedy or "Look at it: katana-woo-sync order STORE NUMBER"
    return waiting(store.name, f"{_orders(records)} ({reason})", age, sentence, remedy)


def _since(ledger: Ledger, record: OrderRecord) -> datetime:
    """Since when an order is as it is: as the history has it, where that was not thinned."""
    events = ledger.journal.of_order(record.identity, record.order_id)
    times = [event.at for event in events if event.action == record.state and event.at]
    return max(times, default=record.imported_at or record.first_seen_at)


def _finding(store: StoreSettings, what: str, age: timedelta | None, because: Because) -> Finding:
    return waiting(store.name, what, age, because.words, because.remedy)


def _placed(records: Sequence[OrderRecord], now: datetime) -> timedelta | None:
    """How long ago the oldest of them was placed."""
    return max((now - r.created for r in records if r.created is not None), default=None)


def _orders(records: Sequence[OrderRecord]) -> str:
    """Orders in words: how many, and the oldest of them by number."""
    oldest_first = sorted(records, key=lambda record: record.order_id)
    names = named([record.number for record in oldest_first])
    return f"order {names}" if len(records) == 1 else f"{len(records)} orders ({names})"
