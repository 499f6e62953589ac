"""What the program will do next: with a store in its next cycle, and with one order."""

from __future__ import annotations

from datetime import datetime, tzinfo

from katana_woo_sync.config import Settings, StoreSettings
from katana_woo_sync.domain.order_record import InKatana, OrderRecord, State, with_its_complaint
from katana_woo_sync.domain.order_rules import Rules, Step, next_step
from katana_woo_sync.domain.reasons import Kind, about
from katana_woo_sync.ledger import Ledger
from katana_woo_sync.sync.stock import is_stock_due
from katana_woo_sync.sync.sweep import is_sweep_due

STEPS = {
    Step.IMPORT: "is imported into Katana in the next cycle",
    Step.DELIVER: "is delivered in Katana in the next cycle",
    Step.COMPLETE: "is completed in the shop in the next cycle",
    Step.DELETE: "is deleted in Katana in the next cycle",
}


def next_of_cycle(settings: Settings, ledger: Ledger, store: StoreSettings, now: datetime) -> str:
    """What the next cycle will do with a store at `now` (UTC), as far as the ledger knows."""
    backlog = ledger.orders.backlog(store.identity).count
    due = ledger.orders.due_for_fulfilment(store.identity, now)
    # the others wait for a person
    carry = sum(record.state in (State.IMPORTED, State.FAILED) for record in due)
    waiting = len(ledger.orders.importing(store.identity))
    parts = [f"import {backlog} orders"] if backlog else []
    parts += [f"carry {carry} deliveries or completions"] if carry else []
    parts += [f"ask Katana what became of {waiting} orders"] if waiting else []
    if is_sweep_due(ledger.stores.get(store.identity), settings.schedule.sweep, now):
        parts.append("compare all open orders")
    stock = ledger.stock.state(store.identity)
    if store.sync_stock and is_stock_due(stock, settings.schedule.stock, now):
        parts.append("bring the stock")
    return ", ".join(parts) or "look for changes"


def next_of_order(
    settings: Settings,
    store: StoreSettings,
    record: OrderRecord,
    now: datetime,
    zone: tzinfo | None = None,
) -> str:
    """What comes next for an order at `now` (UTC), in words, with times in the zone (None: the
    machine's); empty where nothing is to come."""
    record = with_its_complaint(record)
    if store.paused:
        return "nothing: the store is left alone (paused = true)"
    if record.state is State.IMPORTING:
        return "Katana is asked in the next cycle what became of it"
    rules = Rules(
        complete_from=frozenset(store.complete_from),
        sync_fulfillment=store.sync_fulfillment,
        deletes_cancelled=settings.orders.cancelled == "delete",
    )
    step = next_step(record, rules, now)
    if step in STEPS:
        return STEPS[step]
    return _waits(store, record, zone)


def _waits(store: StoreSettings, record: OrderRecord, zone: tzinfo | None) -> str:
    """What an order waits for with which nothing can be done now."""
    if record.next_attempt_at and record.state in (State.QUEUED, State.FAILED, State.ATTENTION):
        waits = record.reason and about(record.reason).kind is Kind.ATTENTION
        at = record.next_attempt_at.astimezone(zone).strftime("%Y-%m-%d %H:%M")
        return f"is tried again at {at}{', in case its cause is gone' if waits else ''}"
    if record.state in (State.FAILED, State.ATTENTION):
        return "waits for a person"
    if record.state is State.IMPORTED and record.in_katana is InKatana.YES:
        return "waits for its delivery" if store.sync_fulfillment else ""
    return ""
