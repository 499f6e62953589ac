"""One store's fulfilment, in the order in which it is carried: what the shop completed is delivered
in Katana, what it cancelled is deleted there, the shop is told of shipments, and what Katana
delivered is completed in the shop.

Completion is here, one order from top to bottom in `_complete_order`; the others have rooms of
their own: `deliveries.py`, `deletions.py`, `shipments.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import timedelta

from msgspec.structs import replace

from katana_woo_sync.clients.errors import BadRequest, NotFound, Unavailable, UnknownOutcome
from katana_woo_sync.clients.order_reader import ReadOrder, UnreadableOrder
from katana_woo_sync.domain.order_record import (
    GONE,
    OrderRecord,
    failed,
    needs_attention,
    unreadable,
)
from katana_woo_sync.domain.order_rules import (
    Step,
    is_stale,
    next_step,
    see_in_shop,
    too_many_completions,
    with_state,
)
from katana_woo_sync.domain.reasons import Reason
from katana_woo_sync.domain.woocommerce import Order
from katana_woo_sync.sync.context import A_SLICE, Context, Store, StoreProblem
from katana_woo_sync.sync.deletions import delete_cancelled
from katana_woo_sync.sync.deliveries import deliver_order, put_information_back
from katana_woo_sync.sync.failures import is_an_outage, part_of_order
from katana_woo_sync.sync.gone import keep_gone
from katana_woo_sync.sync.poll import believe
from katana_woo_sync.sync.report import ExitCode
from katana_woo_sync.sync.shipments import ShipmentTelling
from katana_woo_sync.sync.shop_notes import due_at_completion

READ_TOGETHER = 10
"""Orders whose status is read in one request right before they are completed one by one."""

STATUS_HOLDS = timedelta(seconds=20)
"""How long a status that was read may serve."""


class Fulfilment:
    """Carries fulfilment for one store, in one cycle."""

    def __init__(self, context: Context, store: Store) -> None:
        self._context = context
        self._store = store
        self._shipments = ShipmentTelling(context, store)
        self._tried: set[tuple[int, Step]] = set()
        self._completed = 0

    def carry(self, *, accept_completions: bool, most: int) -> bool:
        """Deliver in Katana what the shop completed, delete there what it cancelled, tell the shop
        of shipments, and complete there what Katana delivered, for at most so many requests to
        Katana and half a minute of the shop's time. Each order is tried once in a cycle. Returns
        whether more is left.

        Raises `StoreProblem` where the brake of rule 12 holds the completions.
        """
        put_information_back(self._context)
        rules = self._context.rules(self._store)
        now, sent = self._context.clock(), self._context.katana.sent
        records = self._context.ledger.orders.due_for_fulfilment(self._store.identity, now)
        steps = [(record, next_step(record, rules, now)) for record in records]
        due = [
            (record, step) for record, step in steps if (record.order_id, step) not in self._tried
        ]
        for record in (record for record, step in due if step is Step.DELIVER):
            if self._context.katana.sent - sent >= most:
                return True
            self._tried.add((record.order_id, Step.DELIVER))
            self._context.katana.wait_for_room(2)
            self._context.go_on()
            with part_of_order(self._context, self._store, record.order_id):
                deliver_order(self._context, self._store, record.order_id)
        cancelled = [record for record, step in due if step is Step.DELETE]
        self._tried.update((record.order_id, Step.DELETE) for record in cancelled)
        delete_cancelled(self._context, self._store, cancelled)
        is_left = self._shipments.tell()
        held = self._shipments.held  # until the shop shows how they were sent
        completions = [
            record for record, step in due if step is Step.COMPLETE and record.order_id not in held
        ]
        if not accept_completions:
            self._brake(len(completions))
        begun = self._context.clock()
        for start in range(0, len(completions), READ_TOGETHER):
            if self._context.clock() - begun >= A_SLICE:
                return True
            part = [record.order_id for record in completions[start : start + READ_TOGETHER]]
            self._tried.update((order_id, Step.COMPLETE) for order_id in part)
            self._completed += len(part)
            self._complete(part)
        return is_left

    def _brake(self, completions: int) -> None:
        # those that this cycle has completed are open no more, and count all the same
        open_orders = self._context.ledger.orders.open_in_katana(self._store.identity)
        open_orders += self._completed
        completions += self._completed
        if too_many_completions(completions, open_orders):
            raise StoreProblem(
                f"{completions} of {open_orders} open orders are delivered in Katana and would be "
                "completed in the shop at once, which mails every customer; nothing was "
                "completed. If that is right, run `katana-woo-sync sync --accept-completions`",
                ExitCode.PROBLEMS,
            )

    def _complete(self, order_ids: Sequence[int]) -> None:
        """Rule 10: the shop's status is read again, since completing mails the customer: of these
        orders together, and of one alone where its copy has become old meanwhile."""
        context, store, dp = self._context, self._store, self._context.facts(self._store).dp
        context.go_on()
        read_at, copies = context.clock(), dict[int, ReadOrder]()
        try:
            answered = self._read(order_ids, lambda: store.shop.orders(order_ids, dp))
            copies = {int(order.id): order for order in answered}
        except Unavailable as error:  # one of them may break the answer for all
            if is_an_outage(context, store, error):
                raise
        for order_id in order_ids:
            context.go_on()
            is_old = context.clock() - read_at > STATUS_HOLDS
            with part_of_order(context, store, order_id):
                self._complete_order(order_id, None if is_old else copies.get(order_id))

    def _complete_order(self, order_id: int, order: ReadOrder | None) -> None:
        """Complete one order in the shop, if its copy of now says that this is still to be done."""
        context, store, orders = self._context, self._store, self._context.ledger.orders
        record = orders.get(store.identity, order_id)
        if isinstance(order, Order) and record is not None and is_stale(record, order):
            order = None
        if order is None:  # an order that no list holds is in the trash, or gone for good
            dp = context.facts(store).dp
            with suppress(NotFound):
                (order,) = self._read([order_id], lambda: [store.shop.order(order_id, dp)])
        context.go_on()
        record, rules = orders.get(store.identity, order_id), context.rules(store)
        if record is None:
            return
        now = context.clock()
        if isinstance(order, UnreadableOrder):
            shown = unreadable(record, order.problem, now, may_pass=order.may_pass)
            context.save(store, shown, record)
            return
        if order is None:
            with context.ledger.atomic():
                keep_gone(context, store, [order_id])
            seen = with_state(replace(record, shop_status=GONE), rules)
        else:
            merged = see_in_shop(order, record, rules, now)
            seen = merged.record or record
            context.note(store, record, *merged.notes)
        if next_step(seen, rules, context.clock()) is not Step.COMPLETE:
            context.save(store, seen, record)
            return
        due_at_completion(context, store, record)
        record = context.save(store, seen, record)
        try:
            answer = store.shop.complete(order_id)
        except (BadRequest, NotFound) as error:
            now, reason = context.clock(), Reason.COMPLETION_REFUSED
            context.save(store, needs_attention(record, reason, error.reason, now), record)
        except UnknownOutcome as error:
            # the next attempt reads the status first, so nobody is mailed twice
            again = failed(record, Reason.TEMPORARY, str(error), context.clock())
            context.save(store, again, record)
        else:
            self._keep_completion(record, answer)

    def _read(
        self, order_ids: Sequence[int], ask: Callable[[], Sequence[ReadOrder]]
    ) -> Sequence[ReadOrder]:
        """What the shop answers for orders by their ids, which counts whatever a list had told."""
        orders, identity = self._context.ledger.orders, self._store.identity
        before = orders.known(identity, order_ids)
        answered = ask()
        with self._context.ledger.atomic():
            believe(self._context, self._store, before, answered)
        return answered

    def _keep_completion(self, record: OrderRecord, answer: Order) -> None:
        context, store, now = self._context, self._store, self._context.clock()
        with context.ledger.atomic():
            # another process may have heard of it from the shop before we have
            current = context.ledger.orders.get(store.identity, record.order_id) or record
            done = see_in_shop(answer, current, context.rules(store), now).record or current
            done = replace(done, completed_at=now, next_attempt_at=None)
            context.save(store, done, current)
            context.did(store, record, "shop", "completed", "delivered in Katana")
            context.report.store(store.name).completed_in_store += 1
