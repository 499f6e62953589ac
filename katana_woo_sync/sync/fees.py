"""Shipping fees: a second request, which a crash or an outage may part from its order's create."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal
from functools import partial

from msgspec import Struct
from msgspec.structs import replace

from katana_woo_sync.clients.errors import BadRequest
from katana_woo_sync.domain.katana import ShippingFee, ShippingFeeDraft
from katana_woo_sync.domain.order_record import (
    OrderRecord,
    answer_awaited,
    failed,
    needs_attention,
    without_fee_due,
)
from katana_woo_sync.domain.reasons import Reason
from katana_woo_sync.domain.taxes import HUNDRED
from katana_woo_sync.ledger.intents import IntentKind
from katana_woo_sync.sync.context import Context, Store, log
from katana_woo_sync.sync.create_once import StillUnknown, ask_at, create_once, create_together
from katana_woo_sync.sync.failures import guarded
from katana_woo_sync.sync.recorder import compare

NOT_KNOWN = "what the fee should be is not known any more"


class _Due(Struct, frozen=True):
    """A fee that an order in Katana lacks."""

    store: Store
    record: OrderRecord
    fee: ShippingFeeDraft


class Fees:
    """The shipping fees of orders."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def keep(self, record: OrderRecord, fee: ShippingFeeDraft | None) -> None:
        """Keep the fee that an order is to have, before the order is created."""
        fees = self._context.ledger.shipping_fees
        if fee is None:
            fees.settled(record.identity, record.order_id)
        else:
            fees.keep(record.identity, record.order_id, fee)

    def add_all(self, orders: Sequence[tuple[Store, OrderRecord]]) -> None:
        """Add the shipping fees of orders that were just created; the requests overlap."""
        context = self._context
        due: dict[str, _Due] = {}
        for store, record in orders:
            fee = self._fee(record)
            if fee is None:
                self._attend(store, record, NOT_KNOWN)
            else:
                due[str(record.sales_order_id)] = _Due(store, record, fee)
        if not due:
            return
        outcomes = create_together(
            context,
            IntentKind.SHIPPING_FEE,
            {key: partial(self._settled, each.store, each.record) for key, each in due.items()},
            lambda: context.katana.create_shipping_fees([each.fee for each in due.values()]),
        )
        for each, outcome in zip(due.values(), outcomes, strict=True):
            if isinstance(outcome, Exception):
                work = partial(self._take_up, each.store, each.record, outcome)
                self._guarded(each.store, each.record, work)

    def _guarded(self, store: Store, record: OrderRecord, work: Callable[[], None]) -> None:
        guarded(self._context, store, work, partial(self._failed, store, record))

    def _failed(self, store: Store, record: OrderRecord, error: Exception) -> None:
        """The fee is tried again later; that holds up no delivery of its order."""
        log.debug("%s: order %s: its fee", store.name, record.number, exc_info=error)
        current, now = self._current(record), self._context.clock()
        again = failed(current, Reason.SHIPPING_FEE_MISSING, str(error), now)
        self._context.save(store, again, current)

    def _take_up(self, store: Store, record: OrderRecord, error: Exception) -> None:
        """What fails with a fee never touches the order itself."""
        if isinstance(error, BadRequest):
            self._attend(store, record, error.reason)
        elif isinstance(error, StillUnknown):
            self._wait(store, record, error.ask_at)
        else:
            raise error

    def _wait(self, store: Store, record: OrderRecord, until: datetime) -> None:
        """The answer to a fee was lost: Katana is asked for it, and not before `until`."""
        current, detail = self._current(record), "Katana's answer was lost and is asked for"
        waiting = answer_awaited(current, detail, until, Reason.SHIPPING_FEE_MISSING)
        if waiting != current:
            self._context.save(store, waiting, current)

    def _add(self, store: Store, record: OrderRecord) -> None:
        """Add the order's shipping fee, which an earlier create may have added already."""
        sales_order_id = int(record.sales_order_id or 0)
        fee = self._fee(record)
        if fee is None:
            self._attend(store, record, NOT_KNOWN)
            return
        try:
            create_once(
                self._context,
                IntentKind.SHIPPING_FEE,
                str(sales_order_id),
                find=lambda _begun: self._there(sales_order_id),
                create=lambda: self._context.katana.create_shipping_fee(fee),
                record=partial(self._settled, store, record),
            )
        except (StillUnknown, BadRequest) as error:
            self._take_up(store, record, error)

    def _fee(self, record: OrderRecord) -> ShippingFeeDraft | None:
        """The fee that was kept for an order, as it is to be sent; None where none was."""
        return self._context.ledger.shipping_fees.due(
            record.identity, record.order_id, int(record.sales_order_id or 0)
        )

    def _attend(self, store: Store, record: OrderRecord, detail: str) -> None:
        now = self._context.clock()
        current = self._current(record)
        left = needs_attention(current, Reason.SHIPPING_FEE_MISSING, detail, now)
        self._context.save(store, left, current)

    def _current(self, record: OrderRecord) -> OrderRecord:
        found = self._context.ledger.orders.get(record.identity, record.order_id)
        return found or record

    def _there(self, sales_order_id: int) -> ShippingFee | None:
        fees = self._context.katana.shipping_fees(sales_order_id)
        return next((fee for fee in fees if not fee.deleted_at), None)

    def _is_not_missed(
        self, record: OrderRecord, total: Decimal | None, fee: ShippingFeeDraft | None
    ) -> bool:
        """Whether Katana's total is right without the fee: a person entered it as a row."""
        if total is None or fee is None or record.expected is None:
            return False
        without = abs(total - record.expected)
        with_it = abs(total + self._gross(fee) - record.expected)
        return without <= (record.tolerance or Decimal(0)) and without < with_it

    def _settled(self, store: Store, record: OrderRecord, _fee: ShippingFee | None) -> None:
        context = self._context
        context.save(store, without_fee_due(self._current(record)))
        context.ledger.shipping_fees.settled(record.identity, record.order_id)
        context.ledger.journal.add(
            context.clock(),
            "katana",
            "shipping fee",
            f"sales order {record.sales_order_no}",
            identity=record.identity,
            order_id=record.order_id,
        )

    def add_missing(self, store: Store) -> None:
        """Add a store's shipping fees that a crash, an outage or a lost answer left out."""
        context = self._context
        for due in context.ledger.orders.with_fee_due(store.identity, context.clock()):
            with context.step():
                # read under the lock: another run may have added it meanwhile
                record = context.ledger.orders.get(store.identity, due.order_id)
                if record is not None and record.shipping_fee_due:
                    self._add_missing(store, record)

    def _add_missing(self, store: Store, record: OrderRecord) -> None:
        """Add a fee that is missing, once an earlier create of it could have finished."""
        context = self._context
        intent = context.ledger.intents.open(IntentKind.SHIPPING_FEE, str(record.sales_order_id))
        if intent is not None and context.clock() < ask_at(context, intent):
            self._wait(store, record, ask_at(context, intent))
            return
        self._guarded(store, record, partial(self._look_and_add, store, record))

    def _look_and_add(self, store: Store, record: OrderRecord) -> None:
        sales_order_id = int(record.sales_order_id or 0)
        total: Decimal | None = self._context.katana.sales_order(sales_order_id).total
        there = self._there(sales_order_id)
        fee = self._fee(record)
        if there is not None or self._is_not_missed(record, total, fee):
            self._context.ledger.intents.end(IntentKind.SHIPPING_FEE, str(sales_order_id))
            self._settled(store, record, there)
        else:
            self._add(store, record)
            total = None if total is None or fee is None else total + self._gross(fee)
        current = self._current(record)
        if total is not None and not current.shipping_fee_due:
            compare(self._context, store, replace(current, katana_total=total), total)

    def _gross(self, fee: ShippingFeeDraft) -> Decimal:
        """The fee with its tax, at the rate as Katana holds it."""
        rates = {int(rate.id): rate.rate for rate in self._context.ledger.catalogue.tax_rates()}
        return Decimal(fee.amount) * (1 + rates.get(fee.tax_rate_id, Decimal(0)) / HUNDRED)
