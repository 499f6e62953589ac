"""Fulfilments: packing and delivering, batches first in first out, and what it does to stock.

Packed or delivered takes goods out of stock; delivered after packed moves nothing more. Stock
outside of batches may become negative, as in Katana.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

from katana_woo_sync.sandbox.katana import money
from katana_woo_sync.sandbox.katana.api import call, lists
from katana_woo_sync.sandbox.katana.errors import Checks, Json, not_found, refuse
from katana_woo_sync.sandbox.katana.resource import body_of, create, field, read, shown
from katana_woo_sync.sandbox.katana.schema import (
    ANYTHING,
    FLAG,
    ID,
    INTEGER,
    NON_EMPTY,
    NUMBER,
    QUANTITY,
    TEXT,
    array,
    fields,
    need,
    nullable,
    number,
    one_of,
    text,
)
from katana_woo_sync.sandbox.katana.state import ZERO, Record, State
from katana_woo_sync.sandbox.katana.stock import BATCHES, TRACE, move

if TYPE_CHECKING:
    from katana_woo_sync.sandbox.katana.items import Item
    from katana_woo_sync.sandbox.katana.sales_orders import Row, SalesOrder

STATUS = one_of("PACKED", "DELIVERED")
ROWS = "/sales_order_fulfillment_rows"
Batches = tuple[tuple[int | None, Decimal], ...]


@dataclass(frozen=True, kw_only=True)
class FulfillmentRow:
    """How much of a row was picked, and from which batches (None: unbatched stock)."""

    row_id: int = field(name="sales_order_row_id", new=need(ID))
    quantity: Decimal = field(new=need(QUANTITY))
    batches: Batches = field(
        name="batch_transactions", new=BATCHES, pairs=("batch_id", "quantity"), default=()
    )
    serial_numbers: tuple[int, ...] = field(new=array(NUMBER), default=())
    traceability: object = field(new=array(fields({**TRACE, "quantity": ANYTHING})), stored=False)


@dataclass(frozen=True, kw_only=True)
class Fulfillment(Record):
    """A part of an order that was packed or delivered; either takes it out of stock."""

    sales_order_id: int = field(new=need(ID), find=INTEGER)
    status: str = field(new=need(STATUS), change=STATUS, find=STATUS)
    picked_date: datetime = field(new=NON_EMPTY, change=NON_EMPTY)
    conversion_rate: Decimal | None = field(
        new=nullable(number(0, 10**12)), change=nullable(number(0, 10**12))
    )
    conversion_date: datetime | None = field(new=nullable(TEXT), change=nullable(NON_EMPTY))
    tracking_number: str | None = field(
        new=nullable(text(most=256)), change=nullable(text(1, 256)), find=TEXT
    )
    tracking_url: str | None = field(
        new=nullable(text(most=2048)), change=nullable(text(1, 2048)), find=TEXT
    )
    tracking_carrier: str | None = field(new=nullable(TEXT), change=nullable(NON_EMPTY), find=TEXT)
    tracking_method: str | None = field(new=nullable(TEXT), change=nullable(NON_EMPTY), find=TEXT)
    packer_id: object = field(change=ID, stored=False)
    rows: tuple[FulfillmentRow, ...] = field(
        name="sales_order_fulfillment_rows", new=need(array(body_of(FulfillmentRow, "new"), 1))
    )


def show(_state: State, part: Fulfillment, _query: Json | None) -> Json:
    """A fulfilment as it is answered."""
    return {**shown(part), "invoice_status": "NOT_INVOICED"}


@lists(
    "/sales_order_fulfillments",
    Fulfillment,
    answers=show,
    picked_date_min=TEXT,
    invoice_status=one_of("INVOICED", "NOT_INVOICED"),
    include_deleted=FLAG,
)
def listed(state: State, _query: Json) -> Iterable[Fulfillment]:
    """Every fulfilment."""
    return state.fulfillments


@call("POST", "/sales_order_fulfillments", takes=body_of(Fulfillment, "new"), answers=show)
def new_fulfillment(state: State, body: Json) -> Fulfillment:
    """Pack or deliver a part of an order; the order's status follows."""
    order = state.orders.live(body["sales_order_id"])
    if order is None:
        message = f"Sales order {body['sales_order_id']} does not exist"
        raise refuse("/sales_order_id", "notFound", message)
    if order.id in state.awaits_approval:
        message = f"Sales order {order.id} awaits its approval"
        raise refuse("/sales_order_id", "approvalRequired", message)
    checks = Checks(state)
    values = read(Fulfillment, checks, body)
    rows = _check_rows(checks, order, values)
    checks.done()
    free = dict(state.batch_stock)
    picked = [
        FulfillmentRow(
            row_id=wanted["row_id"],
            quantity=wanted["quantity"],
            batches=_named_batches(wanted)
            or first_in_first_out(state, rows[wanted["row_id"]], wanted["quantity"], free),
            serial_numbers=_serials(wanted),
        )
        for wanted in values["rows"]
    ]
    moment = values.get("picked_date") or state.now()
    part = add_part(state, order, values["status"], picked, picked_date=moment, sent=values)
    follow_fulfillments(state, order)
    return part


@call(
    "PATCH",
    "/sales_order_fulfillments/{id}",
    takes=body_of(Fulfillment, "change"),
    answers=show,
)
def change_fulfillment(state: State, part_id: int, body: Json) -> Fulfillment:
    """What was packed is delivered, say; the order's status follows."""
    part = state.fulfillments.live(part_id)
    order = state.orders.live(part.sales_order_id) if part is not None else None
    if part is None or order is None:
        raise not_found("SalesOrderFulfillment", part_id)
    checks = Checks(state)
    values = read(Fulfillment, checks, body)
    checks.done()
    part = state.update(state.fulfillments, replace(part, **values))
    follow_fulfillments(state, order)
    return part


@call("DELETE", "/sales_order_fulfillments/{id}", answers=show)
def delete_fulfillment(state: State, part_id: int) -> Fulfillment:
    """Take back what was packed or delivered; the order's status follows."""
    part = state.fulfillments.live(part_id)
    order = state.orders.live(part.sales_order_id) if part is not None else None
    if part is None or order is None:
        raise not_found("SalesOrderFulfillment", part_id)
    _move_stock(state, order, part, Decimal(1))
    gone = state.delete(state.fulfillments, part)
    follow_fulfillments(state, order)
    return gone


def _check_rows(checks: Checks, order: SalesOrder, values: Json) -> dict[int, Row]:
    """The order's rows by id, after checking what the request asks of them."""
    rows = {row.id: row for row in order.rows}
    picked = picked_quantities(checks.state.fulfillments_of(order.id))
    for index, wanted in enumerate(values["rows"]):
        path, quantity = f"{ROWS}/{index}", wanted["quantity"]
        row = rows.get(wanted["row_id"])
        message = f"Sales order {order.id} has no row {wanted['row_id']}"
        checks.require(row, f"{path}/sales_order_row_id", "notFound", message)
        if row is None:
            continue
        item = checks.state.item_of(row.variant_id)
        is_refused = checks.state.refuses_services and item is not None and item.kind == "service"
        message = f"Sales order row {row.id} is of a service"
        checks.require(not is_refused, f"{path}/sales_order_row_id", "notAllowed", message)
        picked[row.id] = picked.get(row.id, ZERO) + quantity
        message = f"Quantity exceeds what is left of sales order row {row.id}"
        checks.require(picked[row.id] <= row.quantity, f"{path}/quantity", "maximum", message)
        if values["status"] == "DELIVERED":
            message = f"Serial numbers are required for sales order row {row.id}"
            missing = lacks_serials(checks.state, row, quantity, _serials(wanted))
            checks.require(not missing, f"{path}/serial_numbers", "serialNumbersRequired", message)
        _check_batches(checks, row, wanted, f"{path}/batch_transactions")
    return rows


def _check_batches(checks: Checks, row: Row, wanted: Json, path: str) -> None:
    state, named = checks.state, _named_batches(wanted)
    total = sum((quantity for _, quantity in named), ZERO)
    message = f"Batch quantities must add up to {wanted['quantity']}"
    checks.require(not named or total == wanted["quantity"], path, "sum", message)
    for batch_id, quantity in named:
        batch = None if batch_id is None else state.batches.live(batch_id)
        if batch is not None and batch.variant_id == row.variant_id:
            free = state.batch_stock.get((batch.id, row.location_id), ZERO)
            message = f"Batch {batch_id} holds only {free} at location {row.location_id}"
            checks.require(quantity <= free, path, "batchShortage", message)
        else:
            message = f"Variant {row.variant_id} has no batch {batch_id}"
            checks.require(batch_id is None, path, "notFound", message)


def _named_batches(wanted: Json) -> Batches:
    """The batches that the request chose itself, in either of the contract's two ways."""
    traces = wanted.get("traceability", ())
    traced = [(int(t["batch_id"]), _quantity(t)) for t in traces if t.get("batch_id") is not None]
    return (*wanted.get("batches", ()), *traced)


def _serials(wanted: Json) -> tuple[int, ...]:
    traced = [trace.get("serial_number_id") for trace in wanted.get("traceability", ())]
    return (*wanted.get("serial_numbers", ()), *(int(n) for n in traced if n is not None))


def _quantity(trace: Json) -> Decimal:
    try:
        return Decimal(str(trace.get("quantity")))
    except InvalidOperation:
        message = "quantity must be a number"
        raise refuse(f"{ROWS}/traceability/quantity", "type", message) from None


def picked_quantities(parts: Iterable[Fulfillment]) -> dict[int, Decimal]:
    """Quantity by row id that these fulfilments hold."""
    quantities: dict[int, Decimal] = {}
    for part in parts:
        for row in part.rows:
            quantities[row.row_id] = quantities.get(row.row_id, ZERO) + row.quantity
    return quantities


def status_of(state: State, order: SalesOrder, parts: Sequence[Fulfillment]) -> str:
    """The status that follows from what was packed and delivered."""
    if not parts:
        return "PENDING" if order.status == "PENDING" else "NOT_SHIPPED"
    delivered = [part for part in parts if part.status == "DELIVERED"]
    if delivered and _is_whole(state, order, delivered):
        return "DELIVERED"
    if delivered:
        return "PARTIALLY_DELIVERED"
    return "PACKED" if _is_whole(state, order, parts) else "PARTIALLY_PACKED"


def set_status(
    state: State,
    order: SalesOrder,
    status: str,
    *,
    picked_date: datetime | None = None,
) -> SalesOrder:
    """Pack or deliver all that is left, or take everything back (NOT_SHIPPED, PENDING).

    Raises `Refusal` for serial-tracked rows without serial numbers, and for a shortage of batches
    where that is refused; nothing has changed then.
    """
    if status in ("NOT_SHIPPED", "PENDING"):
        return _take_back(state, order, status)
    moment = picked_date or state.now()
    rest = _rest_of(state, order)
    earlier = state.fulfillments_of(order.id)
    if status == "DELIVERED":
        _check_serials(state, order, [*(row for part in earlier for row in part.rows), *rest])
    for part in earlier:
        if part.status != status:
            picked = picked_date or part.picked_date
            state.update(state.fulfillments, replace(part, status=status, picked_date=picked))
    if rest or not earlier:
        add_part(state, order, status, rest, picked_date=moment)
    return follow_fulfillments(state, order)


def add_part(
    state: State,
    order: SalesOrder,
    status: str,
    rows: Sequence[FulfillmentRow],
    *,
    picked_date: datetime,
    sent: Json | None = None,
) -> Fulfillment:
    """Record a fulfilment, with what else was `sent` of it, and take its goods out of stock; the
    caller calls `follow_fulfillments`."""
    values = {
        **(sent or {}),
        "sales_order_id": order.id,
        "status": status,
        "picked_date": picked_date,
        "rows": tuple(rows),
    }
    part = create(state.fulfillments, Fulfillment, state, values)
    _move_stock(state, order, part, Decimal(-1))
    return part


def follow_fulfillments(state: State, order: SalesOrder) -> SalesOrder:
    """Bring the order's status, picked date and conversion rate up to its fulfilments."""
    parts = state.fulfillments_of(order.id)
    status = status_of(state, order, parts)
    whole = status in ("PACKED", "DELIVERED")
    latest = max((part.picked_date for part in parts), default=None) if whole else None
    rate = money.rate_of(order, state) if whole else None
    changed = replace(
        order,
        status=status,
        picked_date=latest,
        conversion_rate=rate,
        conversion_date=order.conversion_date or latest if whole else None,
    )
    if not state.deliveries_are_changes:
        return state.orders.put(changed)
    return state.update(state.orders, changed)


def return_goods(state: State, order: SalesOrder) -> None:
    """Delete the order's fulfilments and put their goods back into stock."""
    for part in state.fulfillments_of(order.id):
        _move_stock(state, order, part, Decimal(1))
        state.delete(state.fulfillments, part)


def first_in_first_out(
    state: State, row: Row, quantity: Decimal, free: dict[tuple[int, int], Decimal]
) -> Batches:
    """The oldest batches at the row's location that make up the quantity; takes them from `free`.

    Empty for what has no batches. Stock outside of batches comes last. Raises `Refusal` on a
    shortage, or where that is allowed takes the rest from outside of batches.
    """
    item = state.item_of(row.variant_id)
    if item is None or not item.batch_tracked:
        return ()
    chosen: list[tuple[int | None, Decimal]] = []
    left = quantity
    for batch in state.batches_of(row.variant_id):
        key = (batch.id, row.location_id)
        taken = min(left, free.get(key, ZERO))
        if taken > 0:
            free[key] -= taken
            left -= taken
            chosen.append((batch.id, taken))
    if left > 0:
        loose = state.stock.get((row.variant_id, row.location_id), ZERO)
        if state.shortage_refused and loose < left:
            raise _shortage(row, quantity, quantity - left)
        chosen.append((None, left))
    return tuple(chosen)


def _shortage(row: Row, wanted: Decimal, found: Decimal) -> Exception:
    message = f"Not enough batch stock for sales order row {row.id}"
    return refuse(
        "/sales_order_rows", "batchShortage", message, rowId=row.id, wanted=wanted, found=found
    )


def _rest_of(state: State, order: SalesOrder) -> list[FulfillmentRow]:
    picked = picked_quantities(state.fulfillments_of(order.id))
    free = dict(state.batch_stock)
    rest = []
    for row in order.rows:
        quantity = row.quantity - picked.get(row.id, ZERO)
        if quantity > 0 or not picked:
            _refuse_unassigned(state, row)
            batches = first_in_first_out(state, row, quantity, free)
            serials = state.reserved_serials.get(row.id, ())
            rest.append(
                FulfillmentRow(
                    row_id=row.id, quantity=quantity, batches=batches, serial_numbers=serials
                )
            )
    return rest


def _refuse_unassigned(state: State, row: Row) -> None:
    """Where Katana does not choose batches by itself, whoever delivers must name them."""
    item = state.item_of(row.variant_id)
    if item is not None and item.batch_tracked and not state.assigns_batches:
        message = f"Batches are not assigned to sales order row {row.id}"
        raise refuse("/sales_order_rows", "batchesNotAssigned", message, rowId=row.id)


def _check_serials(state: State, order: SalesOrder, picked: Sequence[FulfillmentRow]) -> None:
    checks = Checks(state)
    for index, row in enumerate(order.rows):
        numbers = [n for part in picked if part.row_id == row.id for n in part.serial_numbers]
        missing = lacks_serials(state, row, row.quantity, numbers)
        message = f"Serial numbers are required for sales order row {row.id}"
        path = f"/sales_order_rows/{index}/serial_numbers"
        checks.require(not missing, path, "serialNumbersRequired", message, rowId=row.id)
    checks.done()


def lacks_serials(state: State, row: Row, quantity: Decimal, numbers: Sequence[int]) -> bool:
    """Whether a serial-tracked row has too few serial numbers; none are ever made up."""
    item = state.item_of(row.variant_id)
    return item is not None and item.serial_tracked and len(numbers) < quantity


def _take_back(state: State, order: SalesOrder, status: str) -> SalesOrder:
    return_goods(state, order)
    return follow_fulfillments(state, replace(order, status=status))


def _is_whole(state: State, order: SalesOrder, parts: Iterable[Fulfillment]) -> bool:
    picked = picked_quantities(parts)
    goods = [row for row in order.rows if not _is_left_out(state, row)]
    return all(picked.get(row.id, ZERO) >= row.quantity for row in goods)


def _is_left_out(state: State, row: Row) -> bool:
    item = state.item_of(row.variant_id)
    return state.refuses_services and item is not None and item.kind == "service"


def _move_stock(state: State, order: SalesOrder, part: Fulfillment, sign: Decimal) -> None:
    rows = {row.id: row for row in order.rows}
    for picked in part.rows:
        row = rows[picked.row_id]
        item = state.item_of(row.variant_id)
        if item is None or item.kind == "service":
            continue
        for batch_id, quantity in picked.batches or ((None, picked.quantity),):
            for variant_id, each in parts_of(item, row.variant_id):
                move(
                    state,
                    variant_id,
                    row.location_id,
                    sign * quantity * each,
                    batch_id=batch_id,
                    resource_type="SalesOrderRow",
                    resource_id=row.id,
                    order_no=order.order_no,
                )


def parts_of(item: Item, variant_id: int) -> tuple[tuple[int, Decimal], ...]:
    """What leaves the stock with a piece of the variant: itself, or what a bundle is put together
    from."""
    return item.components or ((variant_id, Decimal(1)),)
