"""Shipping fees: a second request, which a crash or an outage may part from its order's create."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from functools import partial

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
from katana_woo_sync.sync.create_once import StillUnknown, ask_at, create_once
from katana_woo_sync.sync.failures import part_of_order
from katana_woo_sync.sync.totals import compare_total

NOT_KNOWN = "what the fee should be is not known any more"


def keep_shipping_fee(context: Context, record: OrderRecord, fee: ShippingFeeDraft | None) -> None:
    """Keep the fee that an order is to have; call in the group of writes that says so, before the
    order is created. None where it has none."""
    fees = context.ledger.shipping_fees
    if fee is None:
        fees.settled(record.identity, record.order_id)
    else:
        fees.keep(record.identity, record.order_id, fee)


def add_shipping_fee(context: Context, store: Store, record: OrderRecord) -> None:
    """Add the shipping fee that was kept for an order to its sales order, once. What fails is tried
    again later; it holds up no delivery of its order, and never touches the order itself.

    Raises what holds up the whole store, or Katana.
    """
    with part_of_order(context, store, record.order_id, partial(_failed, context, store, record)):
        _add(context, store, record)


def add_missing_shipping_fees(context: Context, store: Store) -> None:
    """Add a store's shipping fees that a crash, an outage or a lost answer left out, once an
    earlier create could have finished. Raises as `add_shipping_fee` does."""
    for record in context.ledger.orders.with_fee_due(store.identity, context.clock()):
        context.go_on()
        key = str(record.sales_order_id)
        intent = context.ledger.intents.open(IntentKind.SHIPPING_FEE, key)
        if intent is not None and context.clock() < ask_at(context, intent):
            _wait(context, store, record, ask_at(context, intent))
            continue
        with part_of_order(
            context, store, record.order_id, partial(_failed, context, store, record)
        ):
            _look_and_add(context, store, record)


def _add(context: Context, store: Store, record: OrderRecord) -> None:
    sales_order_id = int(record.sales_order_id or 0)
    fee = _fee(context, record)
    if fee is None:
        _attend(context, store, record, NOT_KNOWN)
        return
    try:
        create_once(
            context,
            IntentKind.SHIPPING_FEE,
            str(sales_order_id),
            find=partial(_find, context, sales_order_id),
            create=lambda: context.katana.create_shipping_fee(fee),
            record=lambda _fee: _done(context, store, record),
        )
    except StillUnknown as error:
        _wait(context, store, record, error.ask_at)
    except BadRequest as error:
        _attend(context, store, record, error.reason)


def _look_and_add(context: Context, store: Store, record: OrderRecord) -> None:
    """Add a fee unless it is there, or a person has entered it as a row meanwhile."""
    sales_order_id = int(record.sales_order_id or 0)
    total: Decimal | None = context.katana.sales_order(sales_order_id).total
    there = _find(context, sales_order_id)
    fee = _fee(context, record)
    if there is not None or _is_not_missed(context, record, total, fee):
        context.ledger.intents.end(IntentKind.SHIPPING_FEE, str(sales_order_id))
        _done(context, store, record)
    else:
        _add(context, store, record)
        total = None if total is None or fee is None else total + _gross(context, fee)
    current = _current(context, record)
    if total is not None and not current.shipping_fee_due:
        compare_total(context, store, replace(current, katana_total=total), total)


def _find(
    context: Context, sales_order_id: int, _begun: datetime | None = None
) -> ShippingFee | None:
    fees = context.katana.shipping_fees(sales_order_id)
    return next((fee for fee in fees if not fee.deleted_at), None)


def _is_not_missed(
    context: Context, record: OrderRecord, total: Decimal | None, fee: ShippingFeeDraft | None
) -> bool:
    """Whether Katana's total is right without the fee."""
    if total is None or fee is None or record.expected is None:
        return False
    without = abs(total - record.expected)
    with_it = abs(total + _gross(context, fee) - record.expected)
    return without <= (record.tolerance or Decimal(0)) and without < with_it


def _gross(context: Context, fee: ShippingFeeDraft) -> Decimal:
    """The fee with its tax, at the rate as Katana holds it."""
    rates = {int(rate.id): rate.rate for rate in context.ledger.catalogue.tax_rates()}
    return Decimal(fee.amount) * (1 + rates.get(fee.tax_rate_id or 0, Decimal(0)) / HUNDRED)


def _fee(context: Context, record: OrderRecord) -> ShippingFeeDraft | None:
    """The fee that was kept for an order, as it is to be sent; None where none was."""
    return context.ledger.shipping_fees.due(
        record.identity, record.order_id, int(record.sales_order_id or 0)
    )


def _current(context: Context, record: OrderRecord) -> OrderRecord:
    return context.ledger.orders.get(record.identity, record.order_id) or record


def _done(context: Context, store: Store, record: OrderRecord) -> None:
    """The fee is in Katana, or nothing more is to be done about it."""
    context.save(store, without_fee_due(record))
    context.ledger.shipping_fees.settled(record.identity, record.order_id)
    context.ledger.journal.add(
        context.clock(),
        "katana",
        "shipping fee",
        f"sales order {record.sales_order_no}",
        identity=record.identity,
        order_id=record.order_id,
    )


def _wait(context: Context, store: Store, record: OrderRecord, until: datetime) -> None:
    """The answer to a fee was lost: Katana is asked for it, and not before `until` (UTC)."""
    current, detail = _current(context, record), "Katana's answer was lost and is asked for"
    waiting = answer_awaited(current, detail, until, Reason.SHIPPING_FEE_MISSING)
    if waiting != current:
        context.save(store, waiting, current)


def _attend(context: Context, store: Store, record: OrderRecord, detail: str) -> None:
    """A person must add the fee."""
    current = _current(context, record)
    left = needs_attention(current, Reason.SHIPPING_FEE_MISSING, detail, context.clock())
    context.save(store, left, current)


def _failed(context: Context, store: Store, record: OrderRecord, error: Exception) -> None:
    log.debug("%s: order %s: its fee", store.name, record.number, exc_info=error)
    current = _current(context, record)
    again = failed(current, Reason.SHIPPING_FEE_MISSING, str(error), context.clock())
    context.save(store, again, current)
