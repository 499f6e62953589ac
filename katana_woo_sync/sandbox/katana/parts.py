"""`POST /sales_order_fulfillments`: packing or delivering a part of an order."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal, InvalidOperation

from katana_woo_sync.sandbox.katana import contract
from katana_woo_sync.sandbox.katana.checks import read_time
from katana_woo_sync.sandbox.katana.errors import Checks, refuse
from katana_woo_sync.sandbox.katana.fulfillment import (
    Batches,
    add_part,
    first_in_first_out,
    lacks_serials,
    picked_quantities,
    settle,
)
from katana_woo_sync.sandbox.katana.records import Fulfillment, FulfillmentRow, Row, SalesOrder
from katana_woo_sync.sandbox.katana.state import ZERO, State

ROWS = "/sales_order_fulfillment_rows"


def create(state: State, body: contract.NewFulfillment, *, shortage_refused: bool) -> Fulfillment:
    """Record the fulfilment; the order's status follows."""
    order = state.orders.live(body.sales_order_id)
    if order is None:
        message = f"Sales order {body.sales_order_id} does not exist"
        raise refuse("/sales_order_id", "notFound", message)
    checks = Checks()
    picked_date = read_time(checks, "/picked_date", body.picked_date)
    converted = read_time(checks, "/conversion_date", body.conversion_date)
    rows = _check_rows(state, checks, order, body)
    checks.done()
    picked = _pick(state, body, rows, shortage_refused=shortage_refused)
    part = add_part(state, order, body.status, picked, picked_date=picked_date or state.now())
    part = state.fulfillments.put(
        replace(
            part,
            conversion_rate=body.conversion_rate or None,
            conversion_date=converted,
            tracking_number=body.tracking_number or None,
            tracking_url=body.tracking_url or None,
            tracking_carrier=body.tracking_carrier or None,
            tracking_method=body.tracking_method or None,
        )
    )
    settle(state, order)
    return part


def _check_rows(
    state: State, checks: Checks, order: SalesOrder, body: contract.NewFulfillment
) -> dict[int, Row]:
    """The order's rows by id, after checking what the request asks of them."""
    rows = {row.id: row for row in order.rows}
    picked = picked_quantities(state.fulfillments_of(order.id))
    for index, wanted in enumerate(body.sales_order_fulfillment_rows):
        path = f"{ROWS}/{index}"
        row = rows.get(wanted.sales_order_row_id)
        if row is None:
            message = f"Sales order {order.id} has no row {wanted.sales_order_row_id}"
            checks.add(f"{path}/sales_order_row_id", "notFound", message)
            continue
        picked[row.id] = picked.get(row.id, ZERO) + wanted.quantity
        message = f"Quantity exceeds what is left of sales order row {row.id}"
        checks.require(picked[row.id] <= row.quantity, f"{path}/quantity", "maximum", message)
        if body.status == "DELIVERED":
            message = f"Serial numbers are required for sales order row {row.id}"
            missing = lacks_serials(state, row, wanted.quantity, _serials(wanted))
            checks.require(not missing, f"{path}/serial_numbers", "serialNumbersRequired", message)
        _check_batches(state, checks, row, wanted, path)
    return rows


def _check_batches(
    state: State, checks: Checks, row: Row, wanted: contract.NewFulfillmentRow, path: str
) -> None:
    named = _named_batches(wanted)
    if not named:
        return
    total = sum((quantity for _, quantity in named), ZERO)
    message = f"Batch quantities must add up to {wanted.quantity}"
    checks.require(total == wanted.quantity, f"{path}/batch_transactions", "sum", message)
    for batch_id, quantity in named:
        batch = None if batch_id is None else state.batches.live(batch_id)
        if batch_id is not None and (batch is None or batch.variant_id != row.variant_id):
            message = f"Variant {row.variant_id} has no batch {batch_id}"
            checks.add(f"{path}/batch_transactions", "notFound", message)
        elif batch is not None:
            free = state.batch_stock.get((batch.id, row.location_id), ZERO)
            message = f"Batch {batch_id} holds only {free} at location {row.location_id}"
            checks.require(quantity <= free, f"{path}/batch_transactions", "batchShortage", message)


def _pick(
    state: State, body: contract.NewFulfillment, rows: dict[int, Row], *, shortage_refused: bool
) -> list[FulfillmentRow]:
    free = dict(state.batch_stock)
    picked = []
    for wanted in body.sales_order_fulfillment_rows:
        row = rows[wanted.sales_order_row_id]
        batches = _named_batches(wanted) or first_in_first_out(
            state, row, wanted.quantity, free, shortage_refused=shortage_refused
        )
        picked.append(
            FulfillmentRow(
                row_id=row.id,
                quantity=wanted.quantity,
                batches=batches,
                serial_numbers=_serials(wanted),
            )
        )
    return picked


def _named_batches(wanted: contract.NewFulfillmentRow) -> Batches:
    """The batches that the request chose itself, in either of the contract's two ways."""
    named: list[tuple[int | None, Decimal]] = [
        (entry.batch_id, entry.quantity) for entry in wanted.batch_transactions or ()
    ]
    for trace in wanted.traceability or ():
        if isinstance(trace.batch_id, Decimal):
            named.append((int(trace.batch_id), _traced_quantity(trace)))
    return tuple(named)


def _serials(wanted: contract.NewFulfillmentRow) -> tuple[int, ...]:
    traced = (trace.serial_number_id for trace in wanted.traceability or ())
    numbers = [*(wanted.serial_numbers or ()), *(n for n in traced if isinstance(n, Decimal))]
    return tuple(int(number) for number in numbers)


def _traced_quantity(trace: contract.Traceability) -> Decimal:
    try:
        return Decimal(str(trace.quantity))
    except InvalidOperation:
        message = "quantity must be a number"
        raise refuse(f"{ROWS}/traceability/quantity", "type", message) from None
