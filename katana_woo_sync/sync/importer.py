"""Importing an order: plan, resolve, intent, create, record, shipping fee."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial

from msgspec import Struct
from msgspec.structs import replace

from katana_woo_sync.clients.errors import (
    BadRequest,
    ServiceError,
    Unavailable,
)
from katana_woo_sync.clients.together import AT_ONCE
from katana_woo_sync.domain.customers import reference_id
from katana_woo_sync.domain.decide import (
    Note,
    Rules,
    is_stale,
    left_before_import,
    may_be_imported,
    see_in_shop,
)
from katana_woo_sync.domain.katana import (
    SalesOrder,
)
from katana_woo_sync.domain.mapping import (
    Plan,
    Resolved,
    Terms,
    Unmappable,
    map_order,
    plan_order,
)
from katana_woo_sync.domain.reasons import Reason
from katana_woo_sync.domain.records import InKatana, OrderRecord, State, fingerprint
from katana_woo_sync.domain.takeover import agrees, woocommerce_id
from katana_woo_sync.domain.transitions import failed, for_attention
from katana_woo_sync.domain.woocommerce import Order
from katana_woo_sync.ledger.intents import IntentKind
from katana_woo_sync.sync.adoption import adopt_order
from katana_woo_sync.sync.catalogue import LineItems
from katana_woo_sync.sync.context import Context, Store, log
from katana_woo_sync.sync.creating import StillUnknown, ask_at, intent_key, is_certain
from katana_woo_sync.sync.fees import Fees
from katana_woo_sync.sync.guard import guarded
from katana_woo_sync.sync.resolve import Resolver
from katana_woo_sync.sync.sending import Ready, Sender
from katana_woo_sync.sync.totals import compare

SKIPPING = frozenset({Reason.EMPTY_ORDER, Reason.REFUNDED_BEFORE_IMPORT})
"""Reasons for which an order is left out without a person having to act."""


class _Planned(Struct, frozen=True):
    """An order of which all but its customer is known in Katana."""

    order: Order
    record: OrderRecord
    plan: Plan
    terms: Terms
    resolved: Resolved
    notes: tuple[Note, ...]


class _Settings(Struct, frozen=True):
    """What the config and the ledger say of the store; read once for orders sent together."""

    rules: Rules
    terms: Terms
    dp: int | None


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
        self._sender = Sender(context, store, resolver.answers, self._fees, self.fail)

    @property
    def is_losing_answers(self) -> bool:
        """Whether Katana's answers to creates are being lost, so that the rest had better wait."""
        return self._resolver.answers.lost >= MOST_LOST

    def look_up(self, orders: list[Order]) -> None:
        """Ask for all that is unknown about the lines of these orders, together.

        A refusal or failure (an odd SKU, a product that breaks the shop) is left to the order that
        it concerns, which asks for itself.
        """
        try:
            self._items.look_up(orders)
        except (BadRequest, Unavailable) as error:
            log.debug("%s: asking for each order's products alone: %s", self._store.name, error)

    @property
    def at_once(self) -> int:
        """How many orders may be sent together. The first one goes alone, and so does the next
        where an answer was lost: a Katana in trouble is asked for few of them."""
        answers = self._resolver.answers
        return AT_ONCE if answers.has_come and not answers.lost else 1

    def requests_for(self, order: Order) -> int:
        """How many requests to Katana the import needs, but for what is found out on the way."""
        reference = reference_id(self._store.identity, order)
        is_new = self._context.ledger.customers.remembered(reference) is None
        return 1 + bool(order.shipping_lines) + is_new + self._items.count_new(order)

    def import_together(self, orders: Sequence[Order]) -> None:
        """Import orders from fresh copies, or record why not; their requests overlap.

        What is wrong with one order alone stays with it; raises a `ServiceError` where a whole
        side cannot be worked (an outage, a refused key).
        """
        settings = self._settings()
        planned: list[_Planned] = []
        for order in orders:
            self._guarded(order, partial(self._plan_import, order, settings, planned))
        self._create_customers([each.order for each in planned])
        ready: list[Ready] = []
        for each in planned:
            self._guarded(each.order, partial(self._make_ready, each, ready))
        for sent, outcome in zip(ready, self._sender.send(ready), strict=True):
            if isinstance(outcome, Exception):
                self._guarded(sent.order, partial(self._follow_up, sent, outcome))

    def _settings(self) -> _Settings:
        context, store = self._context, self._store
        return _Settings(context.rules(store), context.terms(store), context.facts(store).dp)

    def _create_customers(self, orders: list[Order]) -> None:
        """What fails here is left to the order that it concerns, as with `look_up`."""
        try:
            self._resolver.create_customers(self._store, orders)
        except (BadRequest, Unavailable) as error:
            log.debug("%s: asking for each customer alone: %s", self._store.name, error)

    def _guarded(self, order: Order, work: Callable[[], None]) -> None:
        guarded(
            self._context, self._store, work, partial(self.fail, int(order.id), str(order.number))
        )

    def _plan_import(self, order: Order, settings: _Settings, planned: list[_Planned]) -> None:
        """Plan the import of an order, or record why there is none."""
        context = self._context
        known = context.ledger.orders.get(self._store.identity, int(order.id))
        rules = settings.rules
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
        with self._recorded(record):
            if not self._is_there_already(record, order):
                self._items.look_up([order])
                planned.append(self._plan(record, order, settings))

    def _make_ready(self, each: _Planned, ready: list[Ready]) -> None:
        with self._recorded(each.record):
            ready.append(self._ready(each))

    @contextmanager
    def _recorded(self, record: OrderRecord) -> Iterator[None]:
        """What keeps an order from being imported is recorded with it."""
        try:
            yield
        except Unmappable as error:
            self._leave(record, error)
        except StillUnknown as error:
            # a customer, or a product, that it needs may yet come into being
            self._context.save(self._store, replace(record, next_attempt_at=error.ask_at), record)
        except BadRequest as error:
            detail = f"{error.service}: {error.reason}"
            now = self._context.clock()
            refused = for_attention(record, Reason.REFUSED_BY_KATANA, detail, now)
            self._context.save(self._store, refused, record)

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

    def _plan(self, record: OrderRecord, order: Order, settings: _Settings) -> _Planned:
        store, resolver, terms = self._store, self._resolver, settings.terms
        refunds = store.shop.refunds(int(order.id), settings.dp) if order.refunds else ()
        self._items.take_notes()  # those of an order that was not imported
        plan = plan_order(order, refunds, terms, self._items.is_known)
        resolver.check_currency(order)
        resolved = Resolved(
            location_id=resolver.location(store),
            variants=self._items.variants_of(order, (item.line_id for item in plan.items)),
            tax_rates=resolver.tax_rates(plan.needs),
            service_variant_id=resolver.fee_service() if plan.services else 0,
            customer_id=0,
        )
        return _Planned(order, record, plan, terms, resolved, tuple(self._items.take_notes()))

    def _ready(self, each: _Planned) -> Ready:
        customer_id = self._resolver.customer(self._store, each.order)
        resolved = replace(each.resolved, customer_id=customer_id)
        mapped = map_order(each.plan, resolved, each.terms)
        return Ready(each.order, each.record, mapped, resolved, mapped.draft, each.notes)

    def _follow_up(self, sent: Ready, error: Exception) -> None:
        """A refusal that what we remembered may explain is answered once, by asking for it anew."""
        if not is_certain(error):
            return  # `settle_unknown` asks for it
        if not isinstance(error, BadRequest):
            raise error
        with self._recorded(sent.record):
            if error.concerns("order_no"):
                self._number_taken(sent)
                return
            resolved = sent.resolved
            self._resolver.forget(error, resolved.customer_id, [*resolved.variants.values()])
            self._items = LineItems(self._context, self._store, self._resolver)
            self._items.look_up([sent.order])
            again = self._ready(self._plan(sent.record, sent.order, self._settings()))
            if again.draft == sent.draft:
                raise error
            self._send_alone(again)

    def _send_alone(self, ready: Ready) -> bool:
        """Send an order again; whether it is in Katana now. Raises what Katana answers to it."""
        (outcome,) = self._sender.send([ready])
        if isinstance(outcome, Exception) and is_certain(outcome):
            raise outcome
        return not isinstance(outcome, Exception)

    def _number_taken(self, sent: Ready) -> None:
        """Rule 15: the number is another order's, or it is this order, imported before."""
        number, record = sent.draft.order_no, sent.record
        for found in self._context.katana.sales_orders(order_no=number):
            if self._is_this(found, sent.order) and self._adopted(record, sent.order, [found]):
                return
        other = f"{number}-{self._store.name}"
        if self._send_alone(replace(sent, draft=replace(sent.draft, order_no=other))):
            self._context.note(self._store, record, Note(Reason.NUMBER_TAKEN, other))

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

    def add_missing_fees(self) -> None:
        """Add the shipping fees that a crash, an outage or a lost answer left out."""
        self._fees.add_missing(self.fail)

    def find_missing_fee(self, record: OrderRecord, order: Order) -> None:
        """For an order that a lost ledger may have left without its shipping fee: have the fee
        added if it is exactly what Katana's total lacks."""
        self._items.look_up([order])
        mapped = self._ready(self._plan(record, order, self._settings())).mapped
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
        imported = self._sender.in_katana(record, sales_order, total)
        with self._context.ledger.atomic():
            self._sender.keep_imported(imported, f"as {sales_order.order_no}, found there")
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


def is_order(sales_order: SalesOrder, record: OrderRecord) -> bool:
    """Whether the sales order carries the hidden ID of this order."""
    return (
        sales_order.ecommerce_store_name == record.identity
        and woocommerce_id(sales_order) == record.order_id
    )
