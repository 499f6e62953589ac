"""Shipping fees: a second request, which a crash or an outage may part from its order's create."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from functools import partial

from msgspec.structs import replace

from katana_woo_sync.clients.errors import BadRequest
from katana_woo_sync.domain.katana import ShippingFee, ShippingFeeDraft
from katana_woo_sync.domain.reasons import Reason
from katana_woo_sync.domain.records import OrderRecord
from katana_woo_sync.domain.taxes import HUNDRED
from katana_woo_sync.domain.transitions import for_attention, without_fee_due
from katana_woo_sync.ledger.intents import IntentKind
from katana_woo_sync.sync.context import Context, Store
from katana_woo_sync.sync.creating import StillUnknown, ask_at, create_once
from katana_woo_sync.sync.guard import guarded
from katana_woo_sync.sync.totals import compare


class Fees:
    """The shipping fees of one store's orders."""

    def __init__(self, context: Context, store: Store) -> None:
        self._context = context
        self._store = store

    def keep(self, record: OrderRecord, fee: ShippingFeeDraft | None) -> None:
        """Keep the fee that an order is to have, before the order is created."""
        fees = self._context.ledger.shipping_fees
        if fee is None:
            fees.settled(self._store.identity, record.order_id)
        else:
            fees.keep(self._store.identity, record.order_id, fee)

    def add(self, record: OrderRecord) -> None:
        """Add the order's shipping fee. What fails here never touches the order itself."""
        sales_order_id = int(record.sales_order_id or 0)
        fee = self._context.ledger.shipping_fees.due(
            self._store.identity, record.order_id, sales_order_id
        )
        if fee is None:
            self._attend(record, "what the fee should be is not known any more")
            return
        try:
            create_once(
                self._context,
                IntentKind.SHIPPING_FEE,
                str(sales_order_id),
                find=lambda _begun: self._there(sales_order_id),
                create=lambda: self._context.katana.create_shipping_fee(fee),
                record=lambda _fee: self._settled(record),
            )
        except StillUnknown:
            return  # `add_missing` asks for it later
        except BadRequest as error:
            self._attend(record, error.reason)

    def _attend(self, record: OrderRecord, detail: str) -> None:
        now = self._context.clock()
        current = self._current(record)
        left = for_attention(current, Reason.SHIPPING_FEE_MISSING, detail, now)
        self._context.save(self._store, left, current)

    def _current(self, record: OrderRecord) -> OrderRecord:
        found = self._context.ledger.orders.get(self._store.identity, record.order_id)
        return found or record

    def _there(self, sales_order_id: int) -> ShippingFee | None:
        fees = self._context.katana.shipping_fees(sales_order_id)
        return next((fee for fee in fees if not fee.deleted_at), None)

    def _settled(self, record: OrderRecord) -> None:
        context = self._context
        context.save(self._store, without_fee_due(self._current(record)))
        context.ledger.shipping_fees.settled(self._store.identity, record.order_id)
        context.ledger.journal.add(
            context.clock(),
            "katana",
            "shipping fee",
            f"sales order {record.sales_order_no}",
            identity=self._store.identity,
            order_id=record.order_id,
        )

    def add_missing(self, fail: Callable[[int, str, Exception], None]) -> None:
        """Add the shipping fees that a crash, an outage or a lost answer left out."""
        context = self._context
        for record in context.ledger.orders.with_fee_due(self._store.identity, context.clock()):
            intent = context.ledger.intents.open(
                IntentKind.SHIPPING_FEE, str(record.sales_order_id)
            )
            if intent is not None and context.clock() < ask_at(context, intent):
                continue
            with context.step():
                guarded(
                    context,
                    self._store,
                    partial(self._add_missing, record),
                    partial(fail, record.order_id, record.number),
                )

    def _add_missing(self, record: OrderRecord) -> None:
        sales_order_id = int(record.sales_order_id or 0)
        total: Decimal | None = self._context.katana.sales_order(sales_order_id).total
        if self._there(sales_order_id):
            self._context.ledger.intents.end(IntentKind.SHIPPING_FEE, str(sales_order_id))
            self._settled(record)
        else:
            fee = self._context.ledger.shipping_fees.due(
                self._store.identity, record.order_id, sales_order_id
            )
            self.add(record)
            total = None if total is None or fee is None else total + self._gross(fee)
        current = self._current(record)
        if total is not None and not current.shipping_fee_due:
            compare(self._context, self._store, replace(current, katana_total=total), total)

    def _gross(self, fee: ShippingFeeDraft) -> Decimal:
        """The fee with its tax, at the rate as Katana holds it."""
        rates = {int(rate.id): rate.rate for rate in self._context.ledger.catalogue.tax_rates()}
        return Decimal(fee.amount) * (1 + rates.get(fee.tax_rate_id, Decimal(0)) / HUNDRED)
