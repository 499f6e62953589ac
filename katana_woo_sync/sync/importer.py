"""Importing an order: plan, resolve, intent, create, record, shipping fee."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TypeVar

from msgspec import Struct
from msgspec.structs import replace

from katana_woo_sync.clients.errors import BadRequest
from katana_woo_sync.domain.adoption import agrees, woocommerce_id
from katana_woo_sync.domain.customers import reference_id
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
    is_stale,
    may_be_imported,
    notes_of,
    see_in_shop,
    skipped_before_import,
)
from katana_woo_sync.domain.reasons import Reason, Stops, about
from katana_woo_sync.domain.sales_order import Plan, Resolved, Unmappable, map_order, plan_order
from katana_woo_sync.domain.woocommerce import Order
from katana_woo_sync.sync.adoption import adopt_order, know_tax_rates, whole
from katana_woo_sync.sync.catalogue import KatanaVariants, LineItems
from katana_woo_sync.sync.context import Context, Store
from katana_woo_sync.sync.create_once import StillUnknown, is_certain
from katana_woo_sync.sync.failures import guarded_order
from katana_woo_sync.sync.new_products import NewProduct
from katana_woo_sync.sync.recorder import with_payments
from katana_woo_sync.sync.resolve import Resolver
from katana_woo_sync.sync.sending import Ready, Sender
from katana_woo_sync.sync.sub_orders import left_to_others, save_left_out

T = TypeVar("T")


class Planned(Struct, frozen=True):
    """An order of which it is known what it needs in Katana."""

    order: Order
    record: OrderRecord
    plan: Plan

    @property
    def line_ids(self) -> Iterator[int]:
        """The lines that become rows of its sales order."""
        return (item.line_id for item in self.plan.items)


class Provided(Struct, frozen=True):
    """An order for which Katana has all but its customer."""

    order: Order
    record: OrderRecord
    plan: Plan
    resolved: Resolved
    notes: tuple[Note, ...]


PATIENCE = 3
"""Attempts after which an order that Katana seems to hold, and does not list, needs a person."""

OLD_COPY = "the shop answered with a copy from before the order's last change; a cache may do so"


class Importer:
    """Imports orders of one store, from one reading of the shop.

    An import goes by stages, so that the requests of several orders may overlap: `plan`, `resolve`,
    `make_ready`, and what became of the create in `follow_up`. Each gives None for an order that
    goes no further, which is recorded then. All raise what concerns the whole store, or Katana.
    """

    def __init__(
        self, context: Context, store: Store, resolver: Resolver, variants: KatanaVariants
    ) -> None:
        self._context = context
        self._store = store
        self._resolver = resolver
        self._rules = context.rules(store)
        self._terms = context.terms(store)
        self._dp = context.facts(store).dp
        self.items = LineItems(context, store, resolver, variants)
        self._sender = Sender(context, resolver.answers)

    def requests_for(self, order: Order) -> int:
        """How many requests to Katana the import needs, but for what is found out on the way."""
        reference = reference_id(self._store.identity, order)
        is_new = self._context.ledger.customers.remembered(reference) is None
        return 1 + bool(order.shipping_lines) + is_new + self.items.count_new(order)

    def plan(self, order: Order) -> Planned | None:
        """What the order needs in Katana, by a fresh copy of it."""
        return guarded_order(
            self._context, self._store, int(order.id), partial(self._plan_import, order)
        )

    def new_products(self, planned: Planned) -> list[NewProduct]:
        """The products that the order needs and Katana lacks, as far as that is plain."""
        return self.items.new_products(planned.order, planned.line_ids)

    def resolve(self, planned: Planned) -> Provided | None:
        """Find or create in Katana what the order needs."""
        return self._stage(planned.record, partial(self._resolve, planned))

    def make_ready(self, provided: Provided) -> Ready | None:
        """The order as it is to be sent."""
        return self._stage(provided.record, partial(self._ready, provided))

    def follow_up(self, sent: Ready, error: Exception) -> None:
        """Do what is to be done about an order whose create did not go well."""
        if is_certain(error):  # else `settle_unknown` asks for it
            self._stage(sent.record, partial(self._send_anew, sent, error))

    def _stage(self, record: OrderRecord, work: Callable[[], T]) -> T | None:
        def recorded() -> T | None:
            with self._recorded(record):
                return work()
            return None

        return guarded_order(self._context, self._store, record.order_id, recorded)

    def _plan_import(self, order: Order) -> Planned | None:
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
        record = replace(seen, identity=self._store.identity, fingerprint=fingerprint(order))
        with self._recorded(record):
            if not self._is_there_already(record, order):
                left = left_to_others(context, self._store, record, order)
                if left is None:
                    self.items.look_up([order])
                    return self._plan(record, order)
                save_left_out(context, self._store, left, record)
        return None

    @contextmanager
    def _recorded(self, record: OrderRecord) -> Iterator[None]:
        """What keeps an order from being imported is recorded with it."""
        try:
            yield
        except Unmappable as error:
            self._leave(record, error)
        except StillUnknown as error:
            # a customer, or a product, that it needs may yet come into being
            self._save(answer_awaited(record, str(error), error.ask_at))
        except BadRequest as error:
            detail = f"{error.service}: {error.reason}"
            now = self._context.clock()
            refused = needs_attention(record, Reason.REFUSED_BY_KATANA, detail, now)
            self._save(refused)

    def _is_there_already(self, record: OrderRecord, order: Order) -> bool:
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
        know_tax_rates(context)
        with context.ledger.atomic():
            adopt_order(context, self._store, record.order_id, found, order)
        now = self._current(record.order_id)
        return now is not None and (
            now.in_katana is not InKatana.NO or about(now.reason).stops is Stops.IMPORT
        )

    def _current(self, order_id: int) -> OrderRecord | None:
        return self._context.ledger.orders.get(self._store.identity, order_id)

    def _leave(self, record: OrderRecord, error: Unmappable) -> None:
        now = self._context.clock()
        self._save(not_imported(record, error.reason, error.detail, now))

    def _save(self, record: OrderRecord) -> None:
        """Save what became of an order since it was planned, all under one lock. An attempt to send
        it may have been written in between."""
        known = self._current(record.order_id)
        self._context.save(self._store, record, known)

    def _plan(self, record: OrderRecord, order: Order) -> Planned:
        refunds = self._store.shop.refunds(int(order.id), self._dp) if order.refunds else ()
        if not record.wanted:
            order = priced_in_full(order)
        order = with_payments(self._context, self._store, order)
        plan = plan_order(order, refunds, self._terms, self.items.is_known)
        self._resolver.check_currency(order)
        return Planned(order, record, plan)

    def _resolve(self, planned: Planned) -> Provided:
        resolver, plan = self._resolver, planned.plan
        self.items.take_notes()  # those of an order that was not imported
        resolved = Resolved(
            location_id=resolver.location(self._store),
            variants=self.items.variants_of(planned.order, planned.line_ids),
            tax_rates=resolver.tax_rates(plan.needs),
            service_variant_id=resolver.fee_service() if plan.services else 0,
            customer_id=0,
        )
        notes = (*self.items.take_notes(), *plan.notes, *notes_of(planned.order))
        return Provided(planned.order, planned.record, plan, resolved, notes)

    def _ready(self, each: Provided) -> Ready:
        customer_id = self._resolver.customer(self._store, each.order)
        resolved = replace(each.resolved, customer_id=customer_id)
        mapped = map_order(each.plan, resolved, self._terms)
        draft = _numbered(
            mapped.draft,
            self._resolver.numbers.choose(self._store, each.record, mapped.draft.order_no),
        )
        return Ready(
            self._store,
            self._rules,
            each.order,
            each.record,
            mapped,
            resolved,
            draft,
            each.notes,
        )

    def _send_anew(self, sent: Ready, error: Exception) -> None:
        """A refusal that what we remembered may explain is answered once, by asking for it anew."""
        if not isinstance(error, BadRequest):
            raise error
        sent = self._as_written(sent)
        if error.concerns("order_no"):
            self._number_taken(sent, error)
            return
        resolved = sent.resolved
        self._resolver.forget(error, resolved.customer_id, [*resolved.variants.values()])
        variants = KatanaVariants(self._context)
        self.items = LineItems(self._context, self._store, self._resolver, variants)
        self.items.look_up([sent.order])
        again = self._ready(self._resolve(self._plan(sent.record, sent.order)))
        if again.draft == sent.draft:
            raise error
        self._send_alone(again)

    def _as_written(self, sent: Ready) -> Ready:
        """With its record as the ledger has it: begun and not created, that has been written."""
        return replace(sent, record=self._current(sent.record.order_id) or sent.record)

    def _send_alone(self, ready: Ready) -> None:
        """Send an order again. Raises what Katana answers to it."""
        (outcome,) = self._sender.send([ready])
        if isinstance(outcome, Exception) and is_certain(outcome):
            raise outcome

    def _number_taken(self, sent: Ready, error: BadRequest) -> None:
        """Rule 15: the number is another order's, or it is this order, imported before."""
        plain, refused = sent.mapped.draft.order_no, [sent.draft.order_no]
        while True:
            held = self._context.katana.sales_orders(order_no=refused[-1])
            for found in held:
                if self._is_this(found, sent.order) and self._adopted(
                    sent.record, sent.order, [found]
                ):
                    return
            if sent.record.sent_as == refused[-1] and all(found.is_deleted for found in held):
                # no living order explains the refusal but this one, which no list shows yet
                self._wait_for_lists(sent.record, refused[-1])
                return
            number = self._resolver.numbers.choose(self._store, sent.record, plain, refused)
            if number is None:
                raise error
            refused.append(number)
            sent = replace(self._as_written(sent), draft=_numbered(sent.draft, number))
            try:
                self._send_alone(sent)
            except BadRequest as again:
                if not again.concerns("order_no"):
                    raise
                error = again
            else:
                return

    def _wait_for_lists(self, record: OrderRecord, number: str) -> None:
        """The order's last answer was lost and its number is taken since, so it is there."""
        now, detail = self._context.clock(), f"number {number}"
        if record.attempts < PATIENCE:
            waits = failed(record, Reason.ANSWER_LOST, detail, now)
        else:
            waits = needs_attention(record, Reason.NOT_LISTED, detail, now)
        self._context.save(self._store, waits, record)

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
