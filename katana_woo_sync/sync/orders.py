"""One order's import, from top to bottom: `OrderImports.import_order`.

A fresh copy is decided on; what is in Katana already is adopted; what others hold is left to them.
Else the order is planned, what it needs is found or created, its sales order is created, and the
shipping fee is added.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from functools import partial

from msgspec import Struct
from msgspec.structs import replace

from katana_woo_sync.clients.errors import BadRequest
from katana_woo_sync.domain.adoption import agrees, woocommerce_id
from katana_woo_sync.domain.deposits import priced_in_full
from katana_woo_sync.domain.katana import SalesOrder, SalesOrderDraft
from katana_woo_sync.domain.order_record import (
    InKatana,
    OrderRecord,
    State,
    answer_awaited,
    failed,
    fingerprint,
    needs_attention,
    not_imported,
)
from katana_woo_sync.domain.order_rules import (
    Note,
    Rules,
    is_stale,
    may_be_imported,
    notes_of,
    see_in_katana,
    see_in_shop,
    skipped_before_import,
)
from katana_woo_sync.domain.reasons import Reason, Stops, about
from katana_woo_sync.domain.sales_order import (
    SERVICE_NAME,
    SHIPPING_NAME,
    Mapped,
    Resolved,
    Unmappable,
    map_order,
    plan_order,
)
from katana_woo_sync.domain.woocommerce import Order
from katana_woo_sync.ledger.intents import IntentKind
from katana_woo_sync.sync.adoption import adopt_order, know_tax_rates, tell_of_import, whole
from katana_woo_sync.sync.context import Context, Store, log
from katana_woo_sync.sync.create_once import (
    StillUnknown,
    ask_at,
    create_once,
    intent_key,
)
from katana_woo_sync.sync.customers import Customers
from katana_woo_sync.sync.failures import part_of_order
from katana_woo_sync.sync.katana_facts import KatanaFacts
from katana_woo_sync.sync.products import KatanaVariants, LineItems
from katana_woo_sync.sync.shipping_fees import add_shipping_fee, keep_shipping_fee
from katana_woo_sync.sync.shop_notes import due_at_import
from katana_woo_sync.sync.sub_orders import left_to_others, save_left_out
from katana_woo_sync.sync.totals import compare_total, with_payments

PATIENCE = 3
"""Attempts after which an order that Katana seems to hold, and does not list, needs a person."""

LISTED_AFTER = 2
"""Attempts (six minutes) after which a number that is taken belongs to another order, though Katana
lists none with it."""

MOST_LOST = 2
"""Creates in a row whose answers may be lost before no more are sent: Katana is in trouble, and
each order that meets that would have to be asked for."""

OLD_COPY = "the shop answered with a copy from before the order's last change; a cache may do so"


class KatanaSide:
    """What the imports of one run share: what Katana was asked for, and how it answers creates."""

    def __init__(self, context: Context) -> None:
        self.facts = KatanaFacts(context)
        self.customers = Customers(context)
        self.lost = 0
        """Creates of sales orders in a row whose answers were lost."""
        self.has_answered = False
        """Whether one was answered at all."""
        self.numbers: dict[str, tuple[str, int]] = {}
        """The numbers that sales orders were sent under, and whose they are."""
        self.stuck: set[tuple[str, int]] = set()
        """Orders that were tried and stayed as they were, by store and id."""

    @property
    def is_in_trouble(self) -> bool:
        """Whether answers are being lost, so that what is left had better wait."""
        return self.lost >= MOST_LOST


class Draft(Struct, frozen=True):
    """An order as it is to be created: all that it needs is in Katana."""

    order: Order
    mapped: Mapped
    resolved: Resolved
    sent: SalesOrderDraft
    notes: tuple[Note, ...]


class OrderImports:
    """Imports orders of one store; what its settings and rules are is read once."""

    def __init__(
        self, context: Context, store: Store, katana: KatanaSide, variants: KatanaVariants
    ) -> None:
        self._context = context
        self._store = store
        self._katana = katana
        self._rules = context.rules(store)
        self._terms = context.terms(store)
        self._dp = context.facts(store).dp
        self.items = LineItems(context, store, katana.facts, variants)

    def requests_for(self, order: Order) -> int:
        """How many requests to Katana the import needs, but for what is found out on the way."""
        is_new = not self._katana.customers.is_known(self._store, order)
        return self.requests_of_its_own(order) + is_new + self.items.count_new(order)

    def requests_of_its_own(self, order: Order) -> int:
        """The same, but for what several orders share: its customer, and its products."""
        return 1 + (bool(order.shipping_lines) and not self._terms.shipping_rows)

    def import_order(self, order: Order) -> None:
        """Import an order, by a fresh copy of it; what keeps it from being imported is recorded.

        Raises what concerns the whole store, or Katana.
        """
        with part_of_order(self._context, self._store, int(order.id)):
            record = self._due(order)
            if record is None:
                return
            with self._recorded(record):
                if self._is_in_katana(record, order) or self._is_left_to_others(record, order):
                    return
                created = self._create(record, order)
                if created is not None and created.shipping_fee_due:
                    add_shipping_fee(self._context, self._store, created)

    def _due(self, order: Order) -> OrderRecord | None:
        """Its record as it is if nothing is created; None where it is not to be imported now."""
        context, rules = self._context, self._rules
        known = self._current(int(order.id))
        if known is not None and is_stale(known, order):
            again = failed(known, Reason.TEMPORARY, OLD_COPY, context.clock())
            context.save(self._store, again, known)
            return None
        seen = see_in_shop(order, known, rules, context.clock()).record
        if seen is None or seen.in_katana is not InKatana.NO or seen.state is State.IMPORTING:
            return None
        if seen.state is State.SKIPPED or not may_be_imported(seen, rules):
            skipped = seen if seen.state is State.SKIPPED else skipped_before_import(seen)
            context.save(self._store, skipped, known)
            return None
        return replace(seen, identity=self._store.identity, fingerprint=fingerprint(order))

    @contextmanager
    def _recorded(self, record: OrderRecord) -> Iterator[None]:
        """What keeps an order from being imported is recorded with it."""
        try:
            yield
        except Unmappable as error:
            now = self._context.clock()
            self._save(not_imported(record, error.reason, error.detail, now))
        except StillUnknown as error:
            if error.kind is not IntentKind.SALES_ORDER:
                # a customer, or a product, that it needs may yet come into being
                self._save(answer_awaited(record, str(error), error.ask_at))
        except BadRequest as error:
            detail = f"{error.service}: {error.reason}"
            now = self._context.clock()
            self._save(needs_attention(record, Reason.REFUSED_BY_KATANA, detail, now))

    def _current(self, order_id: int) -> OrderRecord | None:
        return self._context.ledger.orders.get(self._store.identity, order_id)

    def _save(self, record: OrderRecord) -> None:
        """Save what became of an order. An attempt to send it may have been written meanwhile."""
        self._context.save(self._store, record, self._current(record.order_id))

    def _is_in_katana(self, record: OrderRecord, order: Order) -> bool:
        """Whether a sales order that waits to be adopted is this order, by its fresh copy.

        Raises `Unmappable` where that cannot be told yet: the sales order's store name is one that
        several stores share, and another of them may know it better.
        """
        context, identity = self._context, self._store.identity
        waiting = context.ledger.adoptables.of_order(identity, record.order_id)
        if record.sent_as and not waiting:
            # its last answer was lost, and it was not listed yet when that was asked for
            waiting = list(
                context.katana.sales_orders(store_name=identity, order_id=str(record.order_id))
            )
        if not waiting:
            return False
        if self._adopted(record, order, waiting):
            return True
        prefix = self._store.settings.order_number_prefix
        for left in context.ledger.adoptables.of_order(identity, record.order_id):
            if agrees(left, order, prefix):
                detail = f"sales order {left.order_no} of {left.ecommerce_store_name}"
                raise Unmappable(Reason.PERHAPS_IN_KATANA, detail)
        return False

    def _adopted(self, record: OrderRecord, order: Order, found: Sequence[SalesOrder]) -> bool:
        """Adopt what of these is the order; whether that leaves nothing to import."""
        context = self._context
        found = whole(context, {record.order_id: found}, {record.order_id: order})[record.order_id]
        order = with_payments(context, self._store, order)
        with context.lines.shared():  # a list of before would hide what another line has created
            know_tax_rates(context)
        with context.ledger.atomic():
            adopt_order(context, self._store, record.order_id, found, order)
        now = self._current(record.order_id)
        return now is not None and (
            now.in_katana is not InKatana.NO or about(now.reason).stops is Stops.IMPORT
        )

    def _is_left_to_others(self, record: OrderRecord, order: Order) -> bool:
        """Whether other orders, which are in Katana or are to be, hold its goods."""
        left = left_to_others(self._context, self._store, record, order)
        if left is None:
            return False
        save_left_out(self._context, self._store, left, record)
        return True

    def _create(self, record: OrderRecord, order: Order) -> OrderRecord | None:
        """Create the sales order; its record as it is saved, None where something else became of
        it. A refusal that what we remembered may explain is answered by asking for it anew.
        """
        draft = self._draft(record, order)
        try:
            return self._send(record, draft)
        except BadRequest as refusal:
            record = self._current(record.order_id) or record
            if refusal.concerns("order_no"):
                return self._number_taken(record, draft, refusal)
            return self._send_again(record, draft, refusal)

    def _send_again(
        self, record: OrderRecord, draft: Draft, refusal: BadRequest
    ) -> OrderRecord | None:
        """Ask anew for what we remembered, once for the customer and once for all else; raises the
        refusal where that changes nothing."""
        asked: set[bool] = set()
        while not refusal.concerns("order_no") and refusal.concerns("customer") not in asked:
            asked.add(refusal.concerns("customer"))
            self._forget(refusal, draft.resolved)
            again = self._draft(record, draft.order)
            again = replace(again, sent=_numbered(again.sent, draft.sent.order_no))
            if again.sent == draft.sent:
                break
            draft = again
            try:
                return self._send(record, draft)
            except BadRequest as other:
                refusal, record = other, self._current(record.order_id) or record
        raise refusal

    def _draft(self, record: OrderRecord, order: Order) -> Draft:
        """The order as it is to be created. What it needs is found in Katana, or created there."""
        context, facts = self._context, self._katana.facts
        self.items.look_up([order])
        refunds = self._store.shop.refunds(int(order.id), self._dp) if order.refunds else ()
        whole_order = order if record.wanted else priced_in_full(order)
        whole_order = with_payments(context, self._store, whole_order)
        with context.lines.shared():
            plan = plan_order(whole_order, refunds, self._terms, self.items.is_known)
            facts.check_currency(whole_order)
            needs_shipping = self._terms.shipping_rows and plan.has_shipping_rows
            needs_fees = plan.services if not needs_shipping else plan.has_fee_rows
            self.items.take_notes()  # those of an order that was not imported
            resolved = Resolved(
                location_id=facts.location(self._store),
                variants=self.items.variants_of(whole_order, (item.line_id for item in plan.items)),
                tax_rates=facts.tax_rates(plan.needs),
                service_variant_id=facts.service_item(SERVICE_NAME) if needs_fees else 0,
                shipping_variant_id=facts.service_item(SHIPPING_NAME) if needs_shipping else 0,
                customer_id=self._katana.customers.of(self._store, whole_order),
            )
            notes = (*self.items.take_notes(), *plan.notes, *notes_of(whole_order))
        mapped = map_order(plan, resolved, self._terms)
        number = self._number(record, mapped.draft.order_no)
        return Draft(order, mapped, resolved, _numbered(mapped.draft, number), notes)

    def _forget(self, refusal: BadRequest, resolved: Resolved) -> None:
        """Forget what a refusal puts in doubt. Katana refuses an order for a variant that was
        deleted, a customer that was merged, a tax rate that is gone. Which of them is meant is not
        always said; variants change most."""
        if refusal.concerns("customer"):
            self._katana.customers.forget(resolved.customer_id)
            return
        self._katana.facts.forget(refusal)
        if not (refusal.concerns("tax_rate") or refusal.concerns("location")):
            self._context.ledger.catalogue.forget_variants([*resolved.variants.values()])
        variants = KatanaVariants(self._context)
        self.items = LineItems(self._context, self._store, self._katana.facts, variants)

    def _send(self, record: OrderRecord, draft: Draft) -> OrderRecord | None:
        """Create it, once. All of it is in the ledger before it is sent, and what came of it before
        anything else is done. Raises what Katana answers, and `StillUnknown`."""
        context, store, katana = self._context, self._store, self._katana
        importing = replace(
            record,
            state=State.IMPORTING,
            reason="",
            detail="",
            next_attempt_at=None,
            refunds=tuple(int(refund.id) for refund in draft.order.refunds),
            shipping_fee_due=draft.mapped.fee is not None,
            expected=draft.mapped.expected,
            tolerance=draft.mapped.tolerance,
            sent_as=draft.sent.order_no,
        )
        saved = importing

        def begin() -> None:
            nonlocal saved
            saved = context.save(store, importing)
            keep_shipping_fee(context, record, draft.mapped.fee)
            due_at_import(context, store, record)

        def keep(sales_order: SalesOrder) -> None:
            nonlocal saved
            total = _total(sales_order, draft.mapped)
            entered = _imported(context, self._rules, saved, sales_order, total)
            saved = keep_imported(context, store, entered, f"as {sales_order.order_no}")
            context.note(store, saved, *draft.notes)
            saved = compare_total(context, store, saved, total)

        try:
            create_once(
                context,
                IntentKind.SALES_ORDER,
                intent_key(record),
                find=partial(_find, context, record),
                create=lambda: context.katana.create_sales_order(draft.sent),
                record=keep,
                begin=begin,
                undo=lambda: _undo(context, store, record, saved),
            )
        except StillUnknown as error:
            # the intent stays: `resolve_unknown` asks for it
            katana.lost += 1
            log.warning("%s: order %s: %s", store.name, record.number, error.__cause__ or error)
            waiting = answer_awaited(saved, str(error.__cause__ or error), error.ask_at)
            context.save(store, waiting, saved)
            raise
        katana.lost, katana.has_answered = 0, True
        return saved

    def _number(self, record: OrderRecord, plain: str, refused: Collection[str] = ()) -> str | None:
        """Rule 15: the number to send it under, since Katana holds each number once: the shop's,
        else with the store's name, else with the order's id too; None where Katana `refused` all.

        What the ledger knows to be taken is not asked, and orders that are sent together get
        different ones. An order that may be in Katana, since an answer was lost, keeps the number
        that it was sent under: under another one it could be created twice.
        """
        if record.sent_as and not refused:
            return record.sent_as
        named = f"{plain}-{self._store.name}"
        wanted = [n for n in (plain, named, f"{named}-{record.order_id}") if n not in refused]
        free = (number for number in wanted if self._is_free(number, record))
        chosen = next(free, wanted[-1] if wanted else None)
        if chosen is not None:
            self._katana.numbers[chosen] = (self._store.identity, record.order_id)
        return chosen

    def _is_free(self, number: str, record: OrderRecord) -> bool:
        order = (self._store.identity, record.order_id)
        if self._katana.numbers.get(number, order) != order:
            return False
        return not self._context.ledger.orders.is_number_taken(number, *order)

    def _number_taken(
        self, record: OrderRecord, draft: Draft, refusal: BadRequest
    ) -> OrderRecord | None:
        """The number is another order's, or it is this order, imported before."""
        plain, refused = draft.mapped.draft.order_no, [draft.sent.order_no]
        while True:
            held = self._context.katana.sales_orders(order_no=refused[-1])
            if any(
                self._is_this(found, draft.order) and self._adopted(record, draft.order, [found])
                for found in held
            ):
                return None
            if record.sent_as == refused[-1] and all(found.is_deleted for found in held):
                # no living order explains the refusal but this one, which no list shows yet
                self._wait_for_lists(record, refused[-1])
                return None
            if not held and record.attempts < LISTED_AFTER:
                # perhaps another machine, or the network, has just sent this order too
                detail = f"number {refused[-1]} is taken, and Katana lists no order with it yet"
                again_later = failed(record, Reason.TEMPORARY, detail, self._context.clock())
                self._context.save(self._store, again_later, self._current(record.order_id))
                return None
            number = self._number(record, plain, refused)
            if number is None:
                raise refusal
            refused.append(number)
            record = self._current(record.order_id) or record
            draft = replace(draft, sent=_numbered(draft.sent, number))
            try:
                return self._send(record, draft)
            except BadRequest as again:
                if not again.concerns("order_no"):
                    record = self._current(record.order_id) or record
                    return self._send_again(record, draft, again)
                refusal = again

    def _wait_for_lists(self, record: OrderRecord, number: str) -> None:
        """The order's last answer was lost and its number is taken since, so it is there."""
        now, detail = self._context.clock(), f"number {number}"
        if record.attempts < PATIENCE:
            waits = failed(record, Reason.ANSWER_LOST, detail, now)
        else:
            waits = needs_attention(record, Reason.NOT_LISTED, detail, now)
        self._context.save(self._store, waits, self._current(record.order_id) or record)

    def _is_this(self, sales_order: SalesOrder, order: Order) -> bool:
        """Whether a sales order of the same number is this very order, under whatever name the
        store had."""
        store = self._store
        names = (store.identity, *self._context.settings.alternative_names(store.settings))
        return (
            sales_order.ecommerce_store_name.lower() in {name.lower() for name in names}
            and woocommerce_id(sales_order) == int(order.id)
            and agrees(sales_order, order, store.settings.order_number_prefix)
        )


def _numbered(draft: SalesOrderDraft, number: str | None) -> SalesOrderDraft:
    return draft if number is None else replace(draft, order_no=number)


def _undo(context: Context, store: Store, record: OrderRecord, saved: OrderRecord) -> None:
    context.save(store, record, saved)


def _total(sales_order: SalesOrder, mapped: Mapped) -> Decimal:
    """Katana's total with the fee: the create's answer knows the rows only."""
    rows = mapped.rows_total if sales_order.total is None else Decimal(sales_order.total)
    return rows + (mapped.total - mapped.rows_total)


def _imported(
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
    tell_of_import(context, store, imported, detail)
    return imported


def resolve_unknown(context: Context, store: Store) -> None:
    """Ask Katana what became of a store's creates whose answers were lost, once they could have
    finished.

    One that is there is recorded as imported; one that is not was never made, and is tried again
    as a failed order. Raises a `ServiceError`.
    """
    for record in context.ledger.orders.importing(store.identity):
        context.go_on()
        _resolve(context, store, record)


def _resolve(context: Context, store: Store, record: OrderRecord) -> None:
    intent = context.ledger.intents.open(IntentKind.SALES_ORDER, intent_key(record))
    if intent is not None and context.clock() < (until := ask_at(context, intent)):
        if not record.reason:  # a crash came before what was known of it could be written
            context.save(store, answer_awaited(record, "", until), record)
        return
    found = _find(context, record)
    with context.ledger.atomic():
        context.ledger.intents.end(IntentKind.SALES_ORDER, intent_key(record))
        if found is None:
            again = failed(record, Reason.ANSWER_LOST, record.detail, context.clock())
            context.save(store, again, record)
            return
        total = found.total
        imported = _imported(context, context.rules(store), record, found, total)
        imported = keep_imported(context, store, imported, f"as {found.order_no}, found there")
        if total is not None and not imported.shipping_fee_due:
            compare_total(context, store, imported, total)


def _find(
    context: Context, record: OrderRecord, _begun: datetime | None = None
) -> SalesOrder | None:
    """The sales order that carries the hidden ID of this order; None where Katana has none."""
    answered = context.katana.sales_orders(
        store_name=record.identity, order_id=str(record.order_id)
    )
    for found in answered:
        is_store = found.ecommerce_store_name == record.identity
        if is_store and woocommerce_id(found) == record.order_id:
            return found
    return None
