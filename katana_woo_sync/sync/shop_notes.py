"""Writing notes on the shop's orders. A note is asked for before it is sent again: one to the
customer is a mail."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

from msgspec.structs import replace

from katana_woo_sync.clients.errors import BadRequest, NotFound
from katana_woo_sync.domain.order_record import InKatana, OrderRecord, State
from katana_woo_sync.domain.order_rules import COMPLETED, Note
from katana_woo_sync.domain.reasons import Reason
from katana_woo_sync.domain.shop_notes import import_note, tracking_note
from katana_woo_sync.ledger.shop_notes import DueNote
from katana_woo_sync.sync.context import A_SLICE, Context, Store, log
from katana_woo_sync.sync.failures import part_of_order

IMPORT, TRACKING = "import", "tracking"

AGAIN_AFTER = tuple(timedelta(minutes=m) for m in (5, 30, 120, 360, 720))
"""How long after sending a note it is looked for, where its answer was lost. Then it is let go."""


def due_at_import(context: Context, store: Store, record: OrderRecord) -> None:
    """The order is about to be created in Katana; call in the group of writes that says so. However
    its answer gets lost, the note is written once the order is known to be there."""
    if context.settings.orders.import_note:
        context.ledger.shop_notes.add(store.identity, record.order_id, IMPORT)


def due_at_completion(context: Context, store: Store, record: OrderRecord) -> None:
    """The order is about to be completed in the shop; the note is written once it is, where the
    shop does not show the shipment anyway."""
    shipments = context.ledger.shipments.of_order(store.identity, record.order_id)
    if any(shipment.entry for shipment in shipments):
        return
    if context.settings.orders.tracking_note != "none":
        context.ledger.shop_notes.add(store.identity, record.order_id, TRACKING)


def write_notes(context: Context, store: Store) -> bool:
    """Write the notes that are due, for about half a minute; returns whether more are left. What is
    wrong with one of them stops no other; raises a `ServiceError` where a whole side cannot be
    worked."""
    begun = context.clock()
    due = context.ledger.shop_notes.due(store.identity, begun)
    for order_id in sorted({note.order_id for note in due}):
        if context.clock() - begun >= A_SLICE:
            return True
        context.go_on()
        for note in context.ledger.shop_notes.due(store.identity, context.clock(), order_id):
            fail = partial(_failed, context, store, note)
            with part_of_order(context, store, order_id, fail):
                _write(context, store, note)
    return False


def _failed(context: Context, store: Store, note: DueNote, error: Exception) -> None:
    """Show with the order what keeps its note from being written."""
    record = context.ledger.orders.get(store.identity, note.order_id)
    if record is not None:
        why = f"{note.kind} note: {error}"
        log.warning("%s: order %s: the %s", store.name, record.number, why)
        context.save(store, replace(record, note_failed=why), record)


def _end(context: Context, store: Store, note: DueNote, refusal: str = "") -> None:
    """The note is there, or there is nothing to tell, or it is given up."""
    with context.ledger.atomic():
        context.ledger.shop_notes.settled(store.identity, note)
        record = context.ledger.orders.get(store.identity, note.order_id)
        if record is None:
            return
        if record.note_failed:
            record = context.save(store, replace(record, note_failed=""), record)
        if refusal:
            why = f"{note.kind} note: {refusal}"
            context.note(store, record, Note(Reason.NOTE_NOT_WRITTEN, why))


def _write(context: Context, store: Store, note: DueNote) -> None:
    notes = context.ledger.shop_notes
    record = context.ledger.orders.get(store.identity, note.order_id)
    if record is None or record.state is State.IGNORED or note.attempts > len(AGAIN_AFTER):
        _end(context, store, note, record.note_failed if record else "")
        return
    if not _has_happened(record, note.kind):
        return
    text = _text(context, record, note.kind)
    if not text:
        _end(context, store, note)
        return
    again_after = AGAIN_AFTER[min(note.attempts, len(AGAIN_AFTER) - 1)]
    to_customer = note.kind == TRACKING and context.settings.orders.tracking_note == "customer"
    notes.sending(store.identity, note, context.clock() + again_after)
    try:
        if not (note.attempts and _is_there(store, note, text)):
            store.shop.add_note(note.order_id, text, to_customer=to_customer)
    except (BadRequest, NotFound) as error:
        _end(context, store, note, error.reason)
        return
    with context.ledger.atomic():
        _end(context, store, note)
        context.did(store, record, "shop", "noted", text)


def _has_happened(record: OrderRecord, kind: str) -> bool:
    """Whether what the note tells of is so by now."""
    if kind == IMPORT:
        return record.in_katana is not InKatana.NO
    return record.shop_status == COMPLETED


def _is_there(store: Store, note: DueNote, text: str) -> bool:
    """Whether an earlier attempt wrote it, whose answer was lost; whatever a plugin made of it."""
    first = text.split()
    return any(each.note.split() == first for each in store.shop.notes(note.order_id))


def _text(context: Context, record: OrderRecord, kind: str) -> str:
    if not record.sales_order_id:
        return ""
    if kind == IMPORT:
        return import_note(record)
    return tracking_note(context.katana.fulfillments(record.sales_order_id))
