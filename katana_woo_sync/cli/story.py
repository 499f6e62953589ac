"""One order's story: what happened to it in both systems, in the order of time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from msgspec import Struct

from katana_woo_sync.domain.order_record import InKatana, OrderRecord
from katana_woo_sync.domain.reasons import Reason
from katana_woo_sync.ledger import Ledger
from katana_woo_sync.ledger.history import Event
from katana_woo_sync.ledger.intents import IntentKind
from katana_woo_sync.sync.create_once import intent_key
from katana_woo_sync.sync.report import in_words

SIDES = {"ledger": "this program"}
WORDS = {"shipping fee": "shipping fee added to", "noted": "noted:", "completed": "completed,"}
"""What the history calls them, in words."""

PLACED, FIRST_SEEN, TRIED_AGAIN = "placed", "first seen", "is tried again"
PROBLEMS = ("failed", "attention", "tried again")


class Happening(Struct, frozen=True):
    """Something in an order's life: `at` is UTC, `side` "shop", "katana", "ledger" or "note"."""

    at: datetime | None
    side: str
    what: str
    detail: str = ""

    @property
    def line(self) -> str:
        """All of it in one line, in words."""
        side, what = SIDES.get(self.side, self.side), WORDS.get(self.what, self.what)
        return f"{side}: {what} {self.detail}".rstrip()


def story(ledger: Ledger, record: OrderRecord) -> list[Happening]:
    """Everything that the ledger knows of, oldest first."""
    return next(stories(ledger, [record]))


def stories(ledger: Ledger, records: Sequence[OrderRecord]) -> Iterator[list[Happening]]:
    """The story of each of these orders, in their order. What the ledger knows of them is asked
    for together: a page has thousands."""
    ids: dict[str, list[int]] = {}
    for record in records:
        ids.setdefault(record.identity, []).append(record.order_id)
    histories = {store: ledger.journal.of_orders(store, ids[store]) for store in ids}
    notes = {store: ledger.orders.notes_of(store, ids[store]) for store in ids}
    begun = {
        intent.key: intent.at
        for intent in ledger.intents.all_open()
        if intent.kind is IntentKind.SALES_ORDER
    }
    for record in records:
        history = histories[record.identity].get(record.order_id, [])
        told = [
            *_in_the_shop(record),
            *(_of_event(event) for event in history),
            *_not_in_the_history(record, {event.action for event in history}),
            *_still_open(begun.get(intent_key(record)), record),
        ]
        for at, note in notes[record.identity].get(record.order_id, ()):
            told.append(Happening(at, "note", in_words(note.reason, note.detail)))
        yield sorted(told, key=lambda each: (each.at is None, each.at))


def _in_the_shop(record: OrderRecord) -> list[Happening]:
    found = [Happening(record.created, "shop", PLACED)] if record.created else []
    if record.paid:
        found.append(Happening(record.paid, "shop", "paid"))
    if record.shop_completed and record.completed_at is None:
        found.append(Happening(record.shop_completed, "shop", "completed in the shop"))
    found.append(Happening(record.first_seen_at, "ledger", FIRST_SEEN))
    return found


def _of_event(event: Event) -> Happening:
    """What was done; a problem with its sentence, and with the words of the one who refused."""
    if event.side != "ledger" or event.action not in PROBLEMS:
        return Happening(event.at, event.side, event.action, event.detail)
    reason, _, detail = event.detail.partition(": ")
    if reason not in set(Reason):
        return Happening(event.at, event.side, event.action, event.detail)
    words = in_words(reason, detail)
    return Happening(event.at, event.side, event.action, f"({reason}) {words}")


def _not_in_the_history(record: OrderRecord, actions: set[str]) -> list[Happening]:
    """What the record remembers though the history was thinned, or another program did it."""
    as_number = f"as {record.sales_order_no}"
    found = []
    is_told = actions & {"imported", "adopted"} or record.in_katana is InKatana.NO
    if record.imported_at and not is_told:
        found.append(Happening(record.imported_at, "katana", "imported", as_number))
    if record.delivered_at and "delivered" not in actions:
        found.append(Happening(record.delivered_at, "katana", "delivered", as_number))
    if record.completed_at and "completed" not in actions:
        found.append(Happening(record.completed_at, "shop", "completed", "delivered in Katana"))
    return found


def _still_open(begun: datetime | None, record: OrderRecord) -> list[Happening]:
    """What was begun and has no outcome yet, and when it is tried again."""
    asked = "asked to create it; the answer is not known yet"
    found = [Happening(begun, "katana", asked)] if begun else []
    if record.next_attempt_at:
        found.append(Happening(record.next_attempt_at, "ledger", TRIED_AGAIN))
    return found
