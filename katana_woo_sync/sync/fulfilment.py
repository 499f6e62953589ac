"""Carrying deliveries to the shop and completions to Katana (rules 10 to 12)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial

from msgspec.structs import replace

from katana_woo_sync.clients.errors import (
    BadRequest,
    NotFound,
    Unavailable,
    UnknownOutcome,
)
from katana_woo_sync.clients.order_reader import UnreadableOrder
from katana_woo_sync.domain.order_record import OrderRecord
from katana_woo_sync.domain.order_rules import (
    GONE,
    Step,
    answer_awaited,
    failed,
    for_attention,
    is_stale,
    next_step,
    see_in_katana,
    see_in_shop,
    settle,
    too_many_completions,
    unreadable,
)
from katana_woo_sync.domain.reasons import Reason
from katana_woo_sync.domain.woocommerce import Order
from katana_woo_sync.sync.cancelling import delete_cancelled
from katana_woo_sync.sync.context import Context, Store, StoreProblem
from katana_woo_sync.sync.create_once import StillUnknown
from katana_woo_sync.sync.delivering import CannotDeliver, deliver
from katana_woo_sync.sync.failures import fail_order, guarded, guarded_order, is_an_outage
from katana_woo_sync.sync.ports import ReadOrder
from katana_woo_sync.sync.report import ExitCode
from katana_woo_sync.sync.shop_notes import due_at_completion
from katana_woo_sync.sync.shop_side import keep_gone

READ_AGAIN = 10
"""Orders whose status is read in one request right before they are completed one by one."""

A_SLICE = timedelta(seconds=30)
"""How long a store's completions go on before other work has its turn."""

STATUS_HOLDS = timedelta(seconds=20)
"""How long a status that was read may serve."""

CLAIMED = timedelta(minutes=2)
"""How long at least an order is one process's to complete: longer than a request may take."""


class Fulfilment:
    """Carries fulfilment for one store, in one cycle."""

    def __init__(self, context: Context, store: Store) -> None:
        self._context = context
        self._store = store
        self._tried: set[tuple[int, Step]] = set()
        self._completed = 0

    def carry(self, *, accept_completions: bool, most: int) -> bool:
        """Deliver in Katana what the shop completed, complete in the shop what Katana delivered,
        for at most so many requests to Katana and half a minute of the shop's time. Each order is
        tried once in a cycle. Returns whether more is left.

        Raises `StoreProblem` where the brake of rule 12 holds the completions.
        """
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
            with self._context.step():
                self._guarded(record.order_id, partial(self._deliver, record.order_id))
        cancelled = [record for record, step in due if step is Step.DELETE]
        self._tried.update((record.order_id, Step.DELETE) for record in cancelled)
        self._delete(cancelled)
        completions = [record for record, step in due if step is Step.COMPLETE]
        if not accept_completions:
            self._brake(len(completions))
        begun = self._context.clock()
        for start in range(0, len(completions), READ_AGAIN):
            if self._context.clock() - begun >= A_SLICE:
                return True
            part = [record.order_id for record in completions[start : start + READ_AGAIN]]
            self._tried.update((order_id, Step.COMPLETE) for order_id in part)
            self._completed += len(part)
            self._complete(part)
        return False

    def _delete(self, cancelled: Sequence[OrderRecord]) -> None:
        """Rule 9's option. Where most of a store's orders are cancelled at once none is deleted:
        they are shown, and a person looks."""
        if not cancelled:
            return  # as nearly always, and then the ledger need not be asked
        open_orders = self._context.ledger.orders.open_in_katana(self._store.identity)
        if too_many_completions(len(cancelled), open_orders):
            return
        for record in cancelled:
            self._context.katana.wait_for_room(2)
            with self._context.step():
                now = self._current(record.order_id)
                if now is not None and self._still(now, Step.DELETE):
                    work = partial(delete_cancelled, self._context, self._store, now)
                    self._guarded(record.order_id, work)

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

    def _current(self, order_id: int) -> OrderRecord | None:
        return self._context.ledger.orders.get(self._store.identity, order_id)

    def _still(self, record: OrderRecord | None, step: Step) -> bool:
        rules = self._context.rules(self._store)
        return record is not None and next_step(record, rules, self._context.clock()) is step

    def _deliver(self, order_id: int) -> None:
        """Rule 11: all that is left to deliver; Katana assigns batches first in, first out."""
        context, record = self._context, self._current(order_id)
        if record is None or not self._still(record, Step.DELIVER) or not record.sales_order_id:
            return
        try:
            if record.attempts and self._delivered_meanwhile(record):
                return
            refunded = self._refunded_since(record)
            if refunded:
                self._attend(record, Reason.REFUNDED_SINCE_IMPORT, refunded)
                return
            answer = deliver(context, record.sales_order_id)
        except CannotDeliver as error:
            self._attend(record, error.reason, error.detail)
            return
        except StillUnknown as error:
            waiting = answer_awaited(record, str(error), error.ask_at)
            context.save(self._store, waiting, record)
            return
        except NotFound:
            self._attend(record, Reason.DELIVERY_REFUSED, "the sales order is gone in Katana")
            return
        except BadRequest as error:
            self._attend(record, Reason.DELIVERY_REFUSED, error.reason)
            return
        except UnknownOutcome as error:
            # Delivering is absolute: it is asked for before it is sent again.
            context.save(
                self._store, failed(record, Reason.TEMPORARY, str(error), context.clock()), record
            )
            return
        rules = context.rules(self._store)
        delivered = see_in_katana(answer, record, rules).record or record
        with context.ledger.atomic():
            context.save(self._store, replace(delivered, delivered_at=context.clock()), record)
            context.did(self._store, record, "katana", "delivered", f"as {record.sales_order_no}")
            context.report.store(self._store.name).delivered_in_katana += 1

    def _delivered_meanwhile(self, record: OrderRecord) -> bool:
        """After a lost answer: whether Katana delivered all the same."""
        context = self._context
        answer = context.katana.sales_order(int(record.sales_order_id or 0))
        seen = see_in_katana(answer, record, context.rules(self._store)).record
        if seen is None or not seen.is_delivered:
            return False
        with context.ledger.atomic():
            context.save(self._store, replace(seen, delivered_at=context.clock()), record)
            context.did(self._store, record, "katana", "delivered", f"as {record.sales_order_no}")
            context.report.store(self._store.name).delivered_in_katana += 1
        return True

    def _refunded_since(self, record: OrderRecord) -> str:
        """Rule 11: what was refunded with its lines since the import, whose goods never left.

        Refunds of an amount alone, and of nothing but shipping or fees, hold no goods back.
        """
        noted = {
            note.detail
            for _at, note in self._context.ledger.orders.notes(record.identity, record.order_id)
            if note.reason == Reason.REFUNDED_IN_SHOP
        }
        if not noted:
            return ""
        dp = self._context.facts(self._store).dp
        lines = [
            line
            for refund in self._store.shop.refunds(record.order_id, dp)
            if int(refund.id) not in record.refunds
            for line in refund.line_items
            if line.quantity
        ]
        return f"{len(lines)} refunded lines" if lines else ""

    def _complete(self, order_ids: Sequence[int]) -> None:
        """Rule 10: read the shop's status again, since completing mails the customer.

        The shop is asked without the lock: one that takes seconds for each order holds up no other
        process. A copy that has become old meanwhile is read again.
        """
        self._context.go_on()
        read_at, answered = self._context.clock(), self._read(order_ids)
        for order_id in order_ids:
            self._context.go_on()
            order = answered.get(order_id)
            if self._context.clock() - read_at > STATUS_HOLDS:
                order = None
            work = partial(self._read_and_complete, order_id, order)
            guarded(self._context, self._store, work, partial(self._failed, order_id))

    def _failed(self, order_id: int, error: Exception) -> None:
        with self._context.lock():
            fail_order(self._context, self._store, order_id, error)

    def _read(self, order_ids: Sequence[int]) -> dict[int, ReadOrder]:
        """Several orders in one request; none where one of them breaks the answer for all."""
        dp = self._context.facts(self._store).dp
        try:
            return {int(order.id): order for order in self._store.shop.orders(order_ids, dp)}
        except Unavailable as error:
            if is_an_outage(self._context, self._store, error):
                raise
            return {}

    def _read_and_complete(self, order_id: int, order: ReadOrder | None) -> None:
        record = self._current(order_id)
        if isinstance(order, Order) and record is not None and is_stale(record, order):
            order = None
        if order is None:
            order = self._missing_from_list(order_id)
        with self._context.step():
            record = self._to_complete(order_id, order)
        if record is not None:
            self._complete_one(record)

    def _guarded(self, order_id: int, work: Callable[[], None]) -> None:
        guarded_order(self._context, self._store, order_id, work)

    def _missing_from_list(self, order_id: int) -> Order | None:
        """An order that no list holds: in the trash (which answers by id), or gone for good."""
        try:
            return self._store.shop.order(order_id, self._context.facts(self._store).dp)
        except NotFound:
            return None

    def _to_complete(self, order_id: int, order: ReadOrder | None) -> OrderRecord | None:
        """The record of an order that is to be completed now, by this process alone: no other looks
        at it before its next attempt. None where there is nothing to complete."""
        context, record = self._context, self._current(order_id)
        if record is None:
            return None
        if isinstance(order, UnreadableOrder):
            now = context.clock()
            shown = unreadable(record, order.problem, now, may_pass=order.may_pass)
            context.save(self._store, shown, record)
            return None
        rules = context.rules(self._store)
        if order is None:
            keep_gone(context, self._store, [order_id])
            seen = settle(replace(record, shop_status=GONE), rules)
        else:
            heard = see_in_shop(order, record, rules, context.clock())
            seen = heard.record or record
            context.note(self._store, record, *heard.notes)
        if not self._still(seen, Step.COMPLETE):
            context.save(self._store, seen, record)
            return None
        due_at_completion(context, self._store, record)
        longest = max(CLAIMED, 2 * timedelta(seconds=self._store.settings.timeout))
        claimed = replace(seen, next_attempt_at=context.clock() + longest)
        return context.save(self._store, claimed, record)

    def _complete_one(self, record: OrderRecord) -> None:
        context = self._context
        try:
            answer = self._store.shop.complete(record.order_id)
        except (BadRequest, NotFound) as error:
            with context.lock():
                self._attend(record, Reason.COMPLETION_REFUSED, error.reason)
            return
        except UnknownOutcome as error:
            # The next attempt reads the status first, so nobody is mailed twice.
            again = failed(record, Reason.TEMPORARY, str(error), context.clock())
            with context.lock():
                context.save(self._store, again, record)
            return
        now = context.clock()
        with context.lock(), context.ledger.atomic():
            # another process may have heard of it from the shop before we have
            current = self._current(record.order_id) or record
            done = see_in_shop(answer, current, context.rules(self._store), now).record or current
            done = replace(done, completed_at=now, next_attempt_at=None)
            context.save(self._store, done, current)
            context.did(self._store, record, "shop", "completed", "delivered in Katana")
            context.report.store(self._store.name).completed_in_store += 1

    def _attend(self, record: OrderRecord, reason: Reason, detail: str) -> None:
        now = self._context.clock()
        self._context.save(self._store, for_attention(record, reason, detail, now), record)
