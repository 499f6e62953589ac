"""Creating sales orders in Katana, several at once, each exactly once."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from msgspec import Struct
from msgspec.structs import replace

from katana_woo_sync.domain.katana import SalesOrder, SalesOrderDraft
from katana_woo_sync.domain.order_record import OrderRecord, State, answer_awaited
from katana_woo_sync.domain.order_rules import Note, Rules, see_in_katana
from katana_woo_sync.domain.reasons import Reason
from katana_woo_sync.domain.sales_order import Mapped, Resolved
from katana_woo_sync.domain.woocommerce import Order
from katana_woo_sync.ledger.intents import IntentKind
from katana_woo_sync.sync.context import Context, Store, log
from katana_woo_sync.sync.create_once import intent_key, is_certain
from katana_woo_sync.sync.failures import FATAL
from katana_woo_sync.sync.fees import Fees
from katana_woo_sync.sync.recorder import compare
from katana_woo_sync.sync.resolve import Answers
from katana_woo_sync.sync.shop_notes import due_at_import


class Ready(Struct, frozen=True):
    """An order that can be sent as `draft`; `record` is how it stays if nothing is created."""

    store: Store
    rules: Rules
    order: Order
    record: OrderRecord
    mapped: Mapped
    resolved: Resolved
    draft: SalesOrderDraft
    notes: tuple[Note, ...]

    @property
    def importing(self) -> OrderRecord:
        """Its record while it is not known whether it is in Katana."""
        return replace(
            self.record,
            state=State.IMPORTING,
            reason="",
            detail="",
            next_attempt_at=None,
            refunds=tuple(int(refund.id) for refund in self.order.refunds),
            shipping_fee_due=self.mapped.fee is not None,
            expected=self.mapped.expected,
            tolerance=self.mapped.tolerance,
            sent_as=self.draft.order_no,
        )


Outcome = SalesOrder | Exception
"""What became of a create."""


class Sender:
    """Sends orders, of whichever stores, in one cycle."""

    def __init__(self, context: Context, answers: Answers) -> None:
        self._context = context
        self._fees = Fees(context)
        self._answers = answers

    def send(self, ready: Sequence[Ready]) -> list[Outcome]:
        """Create the sales orders, whose requests overlap, and record what became of each.

        All of it is in the ledger before anything is sent, and each answer before anything else is
        done. Shipping fees are added to those that were created.
        """
        if not ready:
            return []
        with self._context.ledger.atomic():
            importing = [self._begin(each) for each in ready]
        outcomes = self._context.katana.create_sales_orders([each.draft for each in ready])
        created: list[tuple[Store, OrderRecord]] = []
        with self._context.ledger.atomic():
            for place, (each, begun, outcome) in enumerate(
                zip(ready, importing, outcomes, strict=True)
            ):
                try:
                    with self._context.ledger.part():
                        created += self._record(each, begun, outcome)
                except FATAL:
                    raise
                except Exception as error:  # noqa: BLE001 (the other answers are recorded)
                    log.warning("%s: order %s: %r", each.store.name, each.record.number, error)
                    outcomes[place] = error
        self._fees.add_all([(store, r) for store, r in created if r.shipping_fee_due])
        return outcomes

    def _record(
        self, each: Ready, begun: OrderRecord, outcome: Outcome
    ) -> list[tuple[Store, OrderRecord]]:
        if isinstance(outcome, SalesOrder):
            return [(each.store, self._created(each, begun, outcome))]
        self._not_created(each, begun, outcome)
        return []

    def _begin(self, each: Ready) -> OrderRecord:
        context, record = self._context, each.record
        begun = context.save(each.store, each.importing)
        self._fees.keep(record, each.mapped.fee)
        due_at_import(context, each.store, record)
        context.ledger.intents.begin(IntentKind.SALES_ORDER, intent_key(record), context.clock())
        return begun

    def _created(self, each: Ready, begun: OrderRecord, sales_order: SalesOrder) -> OrderRecord:
        self._answers.lost, self._answers.has_come = 0, True
        total = _total(sales_order, each.mapped)
        entered = in_katana(self._context, each.rules, begun, sales_order, total)
        imported = keep_imported(self._context, each.store, entered, f"as {sales_order.order_no}")
        self._context.note(each.store, imported, *each.notes)
        return compare(self._context, each.store, imported, total)

    def _not_created(self, each: Ready, begun: OrderRecord, error: Exception) -> None:
        context, record = self._context, each.record
        if not is_certain(error):
            # the intent stays: `settle_unknown` asks for it
            self._answers.lost += 1
            log.warning("%s: order %s: %s", each.store.name, record.number, error)
            until = context.clock() + context.settings.katana.unknown_wait
            context.save(each.store, answer_awaited(begun, str(error), until), begun)
            return
        context.save(each.store, record, begun)
        context.ledger.intents.end(IntentKind.SALES_ORDER, intent_key(record))


def in_katana(
    context: Context,
    rules: Rules,
    record: OrderRecord,
    sales_order: SalesOrder,
    total: Decimal | None,
) -> OrderRecord:
    """The record of an order that is in Katana; `total` is Katana's, with tax and shipping."""
    entered = replace(
        record,
        state=State.IMPORTED,
        reason="",
        detail="",
        attempts=0,
        next_attempt_at=None,
        imported_at=context.clock(),
        sent_as="",
    )
    seen = see_in_katana(sales_order, entered, rules).record or entered
    return replace(seen, katana_total=total)


def keep_imported(
    context: Context, store: Store, imported: OrderRecord, detail: str
) -> OrderRecord:
    """Record that an order is in Katana; returns it as it is saved. Call it in a group of
    writes."""
    imported = context.save(store, imported)
    context.ledger.intents.end(IntentKind.SALES_ORDER, intent_key(imported))
    context.did(store, imported, "katana", "imported", detail)
    note_number(context, store, imported)
    context.report.store(store.name).imported += 1
    return imported


def note_number(context: Context, store: Store, imported: OrderRecord) -> None:
    """Note where an order got another number than the shop's, since that was taken."""
    plain, given = store.settings.order_number_prefix + imported.number, imported.sales_order_no
    if given.startswith(f"{plain}-{store.name}"):
        context.note(store, imported, Note(Reason.NUMBER_TAKEN, given))


def _total(sales_order: SalesOrder, mapped: Mapped) -> Decimal:
    """Katana's total with the fee: the create's answer knows the rows only."""
    rows = mapped.rows_total if sales_order.total is None else Decimal(sales_order.total)
    return rows + (mapped.total - mapped.rows_total)
