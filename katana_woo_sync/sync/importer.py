"""Importing an order: plan, resolve, intent, create, record, shipping fee."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from msgspec import Struct, structs
from msgspec.structs import replace

from katana_woo_sync.clients.errors import (
    BadRequest,
    ServiceError,
    Unavailable,
    UnknownOutcome,
)
from katana_woo_sync.domain.decide import (
    Note,
    is_stale,
    left_before_import,
    may_be_imported,
    see_in_katana,
    see_in_shop,
)
from katana_woo_sync.domain.katana import (
    SalesOrder,
    SalesOrderDraft,
)
from katana_woo_sync.domain.mapping import Mapped, Resolved, Unmappable, map_order, plan_order
from katana_woo_sync.domain.reasons import Reason
from katana_woo_sync.domain.records import InKatana, OrderRecord, State, fingerprint
from katana_woo_sync.domain.takeover import agrees, woocommerce_id
from katana_woo_sync.domain.transitions import failed, for_attention
from katana_woo_sync.domain.woocommerce import Order, Refund
from katana_woo_sync.ledger.intents import IntentKind
from katana_woo_sync.sync.adoption import adopt_order
from katana_woo_sync.sync.catalogue import LineItems
from katana_woo_sync.sync.context import Context, Store, log
from katana_woo_sync.sync.creating import StillUnknown, ask_at, intent_key
from katana_woo_sync.sync.fees import Fees
from katana_woo_sync.sync.resolve import Resolver
from katana_woo_sync.sync.shop_notes import due_at_import
from katana_woo_sync.sync.totals import compare

SKIPPING = frozenset({Reason.EMPTY_ORDER, Reason.REFUNDED_BEFORE_IMPORT})
"""Reasons for which an order is left out without a person having to act."""


class _Ready(Struct, frozen=True):
    """An order that can be sent."""

    mapped: Mapped
    resolved: Resolved
    refunds: tuple[Refund, ...]


OLD_COPY = "the shop answered with a copy from before the order's last change; a cache may do so"

MOST_LOST = 2
"""Creates in a row whose answers may be lost before no more are sent: Katana is in trouble, and
each order that meets that would have to be asked for."""


class Importer:
    """Imports the orders of one store, in one cycle."""

    def __init__(self, context: Context, store: Store, resolver: Resolver) -> None:
        self._context = context
        self._store = store
        self._resolver = resolver
        self._items = LineItems(context, store, resolver)
        self._fees = Fees(context, store)
        self._lost = 0

    @property
    def is_losing_answers(self) -> bool:
        """Whether Katana's answers to creates are being lost, so that the rest had better wait."""
        return self._lost >= MOST_LOST

    def look_up(self, orders: list[Order]) -> None:
        """Ask for all that is unknown about the lines of these orders, together.

        A refusal or failure (an odd SKU, a product that breaks the shop) is left to the order that
        it concerns, which asks for itself.
        """
        try:
            self._items.look_up(orders)
        except (BadRequest, Unavailable) as error:
            log.debug("%s: asking for each order's products alone: %s", self._store.name, error)

    def import_order(self, order: Order) -> None:
        """Import an order from a fresh copy, or record why not.

        What is wrong with this order alone stays with it; raises a `ServiceError` where a whole
        side cannot be worked (an outage, a refused key).
        """
        context = self._context
        known = context.ledger.orders.get(self._store.identity, int(order.id))
        rules = context.rules(self._store)
        if known is not None and is_stale(known, order):
            again = failed(known, Reason.TEMPORARY, OLD_COPY, context.clock())
            context.save(self._store, again, known)
            return
        seen = see_in_shop(order, known, rules, context.clock()).record
        if seen is None or seen.in_katana is not InKatana.NO or seen.state is State.IMPORTING:
            return
        if seen.state is State.SKIPPED or not may_be_imported(seen, rules):
            skipped = seen if seen.state is State.SKIPPED else left_before_import(seen)
            context.save(self._store, skipped, known)
            return
        record = replace(seen, identity=self._store.identity, fingerprint=fingerprint(order))
        try:
            if self._is_there_already(record, order):
                return
            self._items.look_up([order])
            ready = self._prepare(order)
            self._send(record, order, ready)
        except Unmappable as error:
            self._leave(record, error)
        except StillUnknown as error:
            self._wait(record, error)
        except BadRequest as error:
            detail = f"{error.service}: {error.reason}"
            context.save(
                self._store,
                for_attention(record, Reason.REFUSED_BY_KATANA, detail, context.clock()),
                known,
            )

    def _is_there_already(self, record: OrderRecord, order: Order) -> bool:
        """Whether a sales order that waits to be adopted is this order, by its fresh copy.

        Raises `Unmappable` where that cannot be told yet: the sales order's store name is one that
        several stores share, and another of them may know it better.
        """
        context, identity = self._context, self._store.identity
        waiting = context.ledger.adoptables.of_order(identity, record.order_id)
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
        with context.ledger.atomic():
            adopt_order(context, self._store, record.order_id, found, order)
        now = self._current(record.order_id)
        return now is not None and (
            now.in_katana is not InKatana.NO or now.reason == Reason.TAKEOVER_MISMATCH
        )

    def _current(self, order_id: int) -> OrderRecord | None:
        return self._context.ledger.orders.get(self._store.identity, order_id)

    def _leave(self, record: OrderRecord, error: Unmappable) -> None:
        now = self._context.clock()
        if error.reason in SKIPPING:
            left = replace(record, state=State.SKIPPED, reason=error.reason, next_attempt_at=None)
        else:
            left = for_attention(record, error.reason, error.detail, now)
        self._context.save(self._store, left, record)

    def _wait(self, record: OrderRecord, error: StillUnknown) -> None:
        """Something the order needs (a customer, a product, itself) may yet come into being."""
        known = self._current(record.order_id)
        if known is not None and known.state is State.IMPORTING:
            # its own create is what is unknown; `settle_unknown` asks for it
            self._context.save(self._store, replace(known, detail=str(error.__cause__ or "")))
            return
        self._context.save(self._store, replace(record, next_attempt_at=error.ask_at), record)

    def _prepare(self, order: Order) -> _Ready:
        context, store, resolver = self._context, self._store, self._resolver
        terms = context.terms(store)
        dp = context.facts(store).dp
        refunds = store.shop.refunds(int(order.id), dp) if order.refunds else ()
        self._items.take_notes()  # those of an order that was not imported
        plan = plan_order(order, refunds, terms, self._items.is_known)
        resolver.check_currency(order)
        resolved = Resolved(
            location_id=resolver.location(store),
            variants=self._items.variants_of(order, (item.line_id for item in plan.items)),
            tax_rates=resolver.tax_rates(plan.needs),
            service_variant_id=resolver.fee_service() if plan.services else 0,
            customer_id=resolver.customer(store, order),
        )
        return _Ready(map_order(plan, resolved, terms), resolved, refunds)

    def _send(self, record: OrderRecord, order: Order, ready: _Ready) -> None:
        """Create the sales order; a refusal that what we remembered may explain is answered once,
        by asking for it anew."""
        try:
            self._create(record, order, ready, ready.mapped.draft)
        except BadRequest as error:
            if error.concerns("order_no"):
                self._number_taken(record, order, ready)
                return
            resolved = ready.resolved
            self._resolver.forget(error, resolved.customer_id, [*resolved.variants.values()])
            self._items = LineItems(self._context, self._store, self._resolver)
            self._items.look_up([order])
            again = self._prepare(order)
            if again.mapped.draft == ready.mapped.draft:
                raise
            self._create(record, order, again, again.mapped.draft)

    def _number_taken(self, record: OrderRecord, order: Order, ready: _Ready) -> None:
        """Rule 15: the number is another order's, or it is this order, imported before."""
        draft = ready.mapped.draft
        for found in self._context.katana.sales_orders(order_no=draft.order_no):
            if self._is_this(found, order) and self._adopted(record, order, [found]):
                return
        renamed = structs.replace(draft, order_no=f"{draft.order_no}-{self._store.name}")
        self._create(record, order, ready, renamed)
        self._context.note(self._store, record, Note(Reason.NUMBER_TAKEN, renamed.order_no))

    def _is_this(self, sales_order: SalesOrder, order: Order) -> bool:
        """Whether a sales order of the same number is this very order, under whatever name the
        store had."""
        store = self._store
        names = (store.identity, *self._context.settings.twins(store.settings))
        return (
            sales_order.ecommerce_store_name.lower() in {name.lower() for name in names}
            and woocommerce_id(sales_order) == int(order.id)
            and agrees(sales_order, order, store.settings.order_number_prefix)
        )

    def _create(
        self, record: OrderRecord, order: Order, ready: _Ready, draft: SalesOrderDraft
    ) -> None:
        context, key = self._context, intent_key(record)
        importing = replace(
            record,
            state=State.IMPORTING,
            reason="",
            detail="",
            next_attempt_at=None,
            refunds=tuple(int(refund.id) for refund in order.refunds),
            shipping_fee_due=ready.mapped.fee is not None,
            expected=ready.mapped.expected,
            tolerance=ready.mapped.tolerance,
        )
        with context.ledger.atomic():
            context.save(self._store, importing)
            self._fees.keep(record, ready.mapped.fee)
            due_at_import(context, self._store, record)
            context.ledger.intents.begin(IntentKind.SALES_ORDER, key, context.clock())
        try:
            created = context.katana.create_sales_order(draft)
        except UnknownOutcome as error:
            self._lost += 1
            log.warning("%s: order %s: %s", self._store.name, record.number, error)
            when = context.clock() + context.settings.katana.unknown_wait
            raise StillUnknown(IntentKind.SALES_ORDER, when) from error
        except BaseException:
            # Certainly not created: refused, never sent, or stopped before it was sent.
            with context.ledger.atomic():
                context.save(self._store, record, record)
                context.ledger.intents.end(IntentKind.SALES_ORDER, key)
            raise
        self._lost = 0
        self._created(importing, created, ready.mapped)

    def _created(self, record: OrderRecord, sales_order: SalesOrder, mapped: Mapped) -> None:
        total = _total(sales_order, mapped)
        imported = self._in_katana(record, sales_order, total)
        with self._context.ledger.atomic():
            self._keep_imported(imported, f"as {sales_order.order_no}")
            self._context.note(self._store, imported, *self._items.take_notes())
            compare(self._context, self._store, imported, total)
        if imported.shipping_fee_due:
            self._fees.add(imported)

    def _in_katana(
        self, record: OrderRecord, sales_order: SalesOrder, total: Decimal | None
    ) -> OrderRecord:
        entered = replace(
            record,
            state=State.IMPORTED,
            reason="",
            detail="",
            attempts=0,
            next_attempt_at=None,
            imported_at=self._context.clock(),
        )
        rules = self._context.rules(self._store)
        seen = see_in_katana(sales_order, entered, rules).record or entered
        return replace(seen, katana_total=total)

    def _keep_imported(self, imported: OrderRecord, detail: str) -> None:
        context = self._context
        context.save(self._store, imported)
        context.ledger.intents.end(IntentKind.SALES_ORDER, intent_key(imported))
        context.did(self._store, imported, "katana", "imported", detail)
        context.report.store(self._store.name).imported += 1

    def add_missing_fees(self) -> None:
        """Add the shipping fees that a crash, an outage or a lost answer left out."""
        self._fees.add_missing(self.fail)

    def find_missing_fee(self, record: OrderRecord, order: Order) -> None:
        """For an order that a lost ledger may have left without its shipping fee: have the fee
        added if it is exactly what Katana's total lacks."""
        self._items.look_up([order])
        mapped = self._prepare(order).mapped
        if mapped.fee is None or record.katana_total is None:
            return
        fee_total = mapped.total - mapped.rows_total
        without = abs(record.katana_total - mapped.expected)
        with_it = abs(record.katana_total + fee_total - mapped.expected)
        if with_it <= mapped.tolerance < without:
            due = replace(
                record, shipping_fee_due=True, expected=mapped.expected, tolerance=mapped.tolerance
            )
            with self._context.ledger.atomic():
                self._context.save(self._store, due, record)
                self._fees.keep(record, mapped.fee)

    def settle_unknown(self) -> None:
        """Ask Katana what became of creates whose answer never came, once it could have finished.

        One that is there is recorded as imported; one that is not was never made, and is tried
        again as a failed order.
        """
        context = self._context
        for record in context.ledger.orders.importing(self._store.identity):
            intent = context.ledger.intents.open(IntentKind.SALES_ORDER, intent_key(record))
            if intent is not None and context.clock() < ask_at(context, intent):
                continue
            with context.step():
                self._settle(record)

    def _settle(self, record: OrderRecord) -> None:
        context = self._context
        answered = context.katana.sales_orders(
            store_name=record.identity, order_id=str(record.order_id)
        )
        found = [sales_order for sales_order in answered if is_order(sales_order, record)]
        if found:
            self._found_in_katana(record, found[0])
            return
        with context.ledger.atomic():
            context.ledger.intents.end(IntentKind.SALES_ORDER, intent_key(record))
            again = failed(record, Reason.ANSWER_LOST, record.detail, context.clock())
            context.save(self._store, again, record)

    def _found_in_katana(self, record: OrderRecord, sales_order: SalesOrder) -> None:
        """Record an order whose create turned out to have happened."""
        total = sales_order.total
        imported = self._in_katana(record, sales_order, total)
        with self._context.ledger.atomic():
            self._keep_imported(imported, f"as {sales_order.order_no}, found there")
            if total is not None and not imported.shipping_fee_due:
                compare(self._context, self._store, imported, total)

    def fail(self, order_id: int, number: str, error: Exception) -> None:
        """Record an order that failed for a reason the program was not made for."""
        now = self._context.clock()
        record = self._current(order_id)
        if record is None or record.state is State.IMPORTING:
            return
        if isinstance(error, ServiceError):
            again = failed(record, Reason.TEMPORARY, str(error), now)
        else:
            again = failed(record, Reason.UNEXPECTED, f"{type(error).__name__}: {error}", now)
        log.debug("%s: order %s", self._store.name, number, exc_info=error)
        self._context.save(self._store, again, record)


def _total(sales_order: SalesOrder, mapped: Mapped) -> Decimal:
    """Katana's total with the fee: the create's answer knows the rows only."""
    rows = mapped.rows_total if sales_order.total is None else Decimal(sales_order.total)
    return rows + (mapped.total - mapped.rows_total)


def is_order(sales_order: SalesOrder, record: OrderRecord) -> bool:
    """Whether the sales order carries the hidden ID of this order."""
    return (
        sales_order.ecommerce_store_name == record.identity
        and woocommerce_id(sales_order) == record.order_id
    )
