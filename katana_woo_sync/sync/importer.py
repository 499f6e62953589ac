"""Importing an order: plan, resolve, intent, create, record, shipping fee."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from msgspec import structs

from katana_woo_sync.clients.errors import (
    BadRequest,
    NotFound,
    ServiceError,
    Unavailable,
    UnknownOutcome,
)
from katana_woo_sync.domain.decide import (
    Note,
    failed,
    for_attention,
    left_before_import,
    may_be_imported,
    see_in_katana,
    see_in_shop,
)
from katana_woo_sync.domain.katana import SalesOrder, SalesOrderDraft, ShippingFee
from katana_woo_sync.domain.mapping import Mapped, Resolved, Unmappable, map_order, plan_order
from katana_woo_sync.domain.reasons import Reason
from katana_woo_sync.domain.records import InKatana, OrderRecord, State, fingerprint
from katana_woo_sync.domain.takeover import woocommerce_id
from katana_woo_sync.domain.woocommerce import Order, Refund
from katana_woo_sync.ledger.intents import IntentKind
from katana_woo_sync.sync.catalogue import LineItems
from katana_woo_sync.sync.context import Context, Store, log
from katana_woo_sync.sync.creating import StillUnknown, ask_at, create_once
from katana_woo_sync.sync.resolve import Resolver

SKIPPING = frozenset({Reason.EMPTY_ORDER, Reason.REFUNDED_BEFORE_IMPORT})
"""Reasons for which an order is left out without a person having to act."""


@dataclass(frozen=True)
class _Ready:
    """An order that can be sent."""

    mapped: Mapped
    resolved: Resolved
    refunds: tuple[Refund, ...]


class Importer:
    """Imports the orders of one store, in one cycle."""

    def __init__(self, context: Context, store: Store, resolver: Resolver) -> None:
        self._context = context
        self._store = store
        self._resolver = resolver
        self._items = LineItems(context, store, resolver)

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
        seen = see_in_shop(order, known, rules, context.clock()).record
        if seen is None or seen.in_katana is not InKatana.NO or seen.state is State.IMPORTING:
            return
        if seen.state is State.SKIPPED or not may_be_imported(seen, rules):
            skipped = seen if seen.state is State.SKIPPED else left_before_import(seen)
            context.save(self._store, skipped, known)
            return
        record = replace(seen, identity=self._store.identity, fingerprint=fingerprint(order))
        try:
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

    def _leave(self, record: OrderRecord, error: Unmappable) -> None:
        now = self._context.clock()
        if error.reason in SKIPPING:
            left = replace(record, state=State.SKIPPED, reason=error.reason, next_attempt_at=None)
        else:
            left = for_attention(record, error.reason, error.detail, now)
        self._context.save(self._store, left, record)

    def _wait(self, record: OrderRecord, error: StillUnknown) -> None:
        """Something the order needs (a customer, a product, itself) may yet come into being."""
        known = self._context.ledger.orders.get(self._store.identity, record.order_id)
        if known is not None and known.state is State.IMPORTING:
            return  # its own create is what is unknown; `settle_unknown` asks for it
        self._context.save(self._store, replace(record, next_attempt_at=error.ask_at), record)

    def _prepare(self, order: Order) -> _Ready:
        context, store, resolver = self._context, self._store, self._resolver
        terms = context.terms(store)
        refunds = store.shop.refunds(int(order.id)) if order.refunds else ()
        plan = plan_order(order, refunds, terms)
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
            if found.order_no == draft.order_no and is_order(found, record):
                there = replace(record, shipping_fee_due=ready.mapped.fee is not None)
                self.found_in_katana(there, found)
                return
        renamed = structs.replace(draft, order_no=f"{draft.order_no}-{self._store.name}")
        self._create(record, order, ready, renamed)
        self._context.note(self._store, record, Note(Reason.NUMBER_TAKEN, renamed.order_no))

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
        )
        with context.ledger.atomic():
            context.save(self._store, importing)
            context.ledger.intents.begin(IntentKind.SALES_ORDER, key, context.clock())
        try:
            created = context.katana.create_sales_order(draft)
        except UnknownOutcome as error:
            log.warning("%s: order %s: %s", self._store.name, record.number, error)
            when = context.clock() + context.settings.katana.unknown_wait
            raise StillUnknown(IntentKind.SALES_ORDER, when) from error
        except BaseException:
            # Certainly not created: refused, never sent, or stopped before it was sent.
            with context.ledger.atomic():
                context.save(self._store, record, record)
                context.ledger.intents.end(IntentKind.SALES_ORDER, key)
            raise
        self._created(importing, created, ready)

    def _created(self, record: OrderRecord, sales_order: SalesOrder, ready: _Ready) -> None:
        context = self._context
        mapped = ready.mapped
        total = _total(sales_order, mapped)
        imported = self._in_katana(record, sales_order, total)
        with context.ledger.atomic():
            self._keep_imported(imported, f"as {sales_order.order_no}")
            self._compare(imported, mapped, total)
        if imported.shipping_fee_due and mapped.fee is not None:
            self._add_fee(imported, ready)

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

    def _compare(self, record: OrderRecord, mapped: Mapped, total: Decimal) -> None:
        """Rule 4: Katana's total against what is left of the shop's."""
        difference = total - mapped.expected
        half_a_cent = Decimal(5).scaleb(-self._context.terms(self._store).decimals - 1)
        shown = f"{mapped.expected:.2f} in the shop, {total:.4f} in Katana"
        if abs(difference) < half_a_cent:
            return
        if abs(difference) <= mapped.tolerance:
            self._context.note(self._store, record, Note(Reason.CENT_ROUNDING, shown))
            return
        differs = replace(record, state=State.ATTENTION, reason=Reason.TOTAL_DIFFERS, detail=shown)
        self._context.save(self._store, differs, record)
        # the attention ends with the order's fulfilment; the note stays for the accountant
        self._context.note(self._store, record, Note(Reason.TOTAL_DIFFERS, shown))

    def _add_fee(self, record: OrderRecord, ready: _Ready) -> None:
        """Add the order's shipping fee. What fails here never touches the order itself."""
        fee, sales_order_id = ready.mapped.fee, record.sales_order_id
        if fee is None or sales_order_id is None:
            self._fee_settled(record)
            return
        context = self._context
        draft = structs.replace(fee, sales_order_id=sales_order_id)
        try:
            create_once(
                context,
                IntentKind.SHIPPING_FEE,
                str(sales_order_id),
                find=lambda _begun: self._fee_there(sales_order_id),
                create=lambda: context.katana.create_shipping_fee(draft),
                record=lambda _fee: self._fee_settled(record),
            )
        except StillUnknown:
            return  # `add_missing_fees` asks for it later
        except BadRequest as error:
            current = context.ledger.orders.get(self._store.identity, record.order_id) or record
            reason, detail = Reason.SHIPPING_FEE_MISSING, error.reason
            context.save(
                self._store, for_attention(current, reason, detail, context.clock()), current
            )

    def _fee_there(self, sales_order_id: int) -> ShippingFee | None:
        fees = self._context.katana.shipping_fees(sales_order_id)
        return next((fee for fee in fees if not fee.deleted_at), None)

    def _fee_settled(self, record: OrderRecord) -> None:
        context = self._context
        current = context.ledger.orders.get(self._store.identity, record.order_id) or record
        settled = replace(current, shipping_fee_due=False)
        if settled.reason == Reason.SHIPPING_FEE_MISSING:
            settled = replace(settled, state=State.IMPORTED, reason="", detail="")
        context.save(self._store, settled)
        context.ledger.journal.add(
            context.clock(),
            "katana",
            "shipping fee",
            f"sales order {record.sales_order_no}",
            identity=self._store.identity,
            order_id=record.order_id,
        )

    def add_missing_fees(self) -> None:
        """Add the shipping fees that a crash, an outage or a lost answer left out."""
        context = self._context
        for record in context.ledger.orders.with_fee_due(self._store.identity, context.clock()):
            intent = context.ledger.intents.open(
                IntentKind.SHIPPING_FEE, str(record.sales_order_id)
            )
            if intent is not None and context.clock() < ask_at(context, intent):
                continue
            with context.step():
                self._add_missing_fee(record)

    def _add_missing_fee(self, record: OrderRecord) -> None:
        if record.sales_order_id is None or self._fee_there(record.sales_order_id):
            self._context.ledger.intents.end(IntentKind.SHIPPING_FEE, str(record.sales_order_id))
            self._fee_settled(record)
            return
        try:
            order = self._store.shop.order(record.order_id, self._context.facts(self._store).dp)
            self._items.look_up([order])
            ready = self._prepare(order)
            self._add_fee(record, ready)
            self._compare_again(record, ready.mapped)
        except (BadRequest, NotFound, Unmappable, StillUnknown) as error:
            now = self._context.clock()
            left = for_attention(record, Reason.SHIPPING_FEE_MISSING, str(error), now)
            self._context.save(self._store, left, record)

    def _compare_again(self, record: OrderRecord, mapped: Mapped) -> None:
        """Compare the totals of an order that was completed piece by piece."""
        current = self._context.ledger.orders.get(self._store.identity, record.order_id)
        if current is None or current.shipping_fee_due or current.sales_order_id is None:
            return
        total = self._context.katana.sales_order(current.sales_order_id).total
        if total is not None:
            compared = replace(current, katana_total=total)
            self._context.save(self._store, compared, current)
            self._compare(compared, mapped, total)

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
            self.found_in_katana(record, found[0])
            return
        with context.ledger.atomic():
            context.ledger.intents.end(IntentKind.SALES_ORDER, intent_key(record))
            again = failed(record, Reason.ANSWER_LOST, "", context.clock())
            context.save(self._store, again, record)

    def found_in_katana(self, record: OrderRecord, sales_order: SalesOrder) -> None:
        """Record an order whose create turned out to have happened."""
        with self._context.ledger.atomic():
            self._keep_imported(
                self._in_katana(record, sales_order, sales_order.total),
                f"as {sales_order.order_no}, found there",
            )

    def fail(self, order_id: int, number: str, error: Exception, now: datetime) -> None:
        """Record an order that failed for a reason the program was not made for."""
        record = self._context.ledger.orders.get(self._store.identity, order_id)
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


def intent_key(record: OrderRecord) -> str:
    """The hidden ID: what Katana is asked by for what became of a create."""
    return f"{record.identity}#{record.order_id}"


def is_order(sales_order: SalesOrder, record: OrderRecord) -> bool:
    """Whether the sales order carries the hidden ID of this order."""
    return (
        sales_order.ecommerce_store_name == record.identity
        and woocommerce_id(sales_order) == record.order_id
    )
