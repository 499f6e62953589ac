"""Packing and delivering: statuses, batches first in first out, and what it does to stock.

Packed or delivered takes goods out of stock; delivered after packed moves nothing more. Stock
outside of batches may become negative, as in Katana.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from katana_woo_sync.sandbox.katana import money
from katana_woo_sync.sandbox.katana.errors import Checks, refuse
from katana_woo_sync.sandbox.katana.records import (
    Fulfillment,
    FulfillmentRow,
    Item,
    Row,
    SalesOrder,
)
from katana_woo_sync.sandbox.katana.state import ZERO, State

Batches = tuple[tuple[int | None, Decimal], ...]


def picked_quantities(parts: Iterable[Fulfillment]) -> dict[int, Decimal]:
    """Quantity by row id that these fulfilments hold."""
    quantities: dict[int, Decimal] = {}
    for part in parts:
        for row in part.rows:
            quantities[row.row_id] = quantities.get(row.row_id, ZERO) + row.quantity
    return quantities


def status_of(order: SalesOrder, parts: Sequence[Fulfillment]) -> str:
    """The status that follows from what was packed and delivered."""
    if not parts:
        return "PENDING" if order.status == "PENDING" else "NOT_SHIPPED"
    delivered = [part for part in parts if part.status == "DELIVERED"]
    if delivered and _is_whole(order, delivered):
        return "DELIVERED"
    if delivered:
        return "PARTIALLY_DELIVERED"
    return "PACKED" if _is_whole(order, parts) else "PARTIALLY_PACKED"


def committed(state: State) -> dict[tuple[int, int], Decimal]:
    """Quantity by variant and location that open orders still wait for."""
    waiting: dict[tuple[int, int], Decimal] = {}
    for order in state.orders.all_live():
        if order.status in ("PENDING", "DELIVERED", "PACKED"):
            continue
        picked = picked_quantities(state.fulfillments_of(order.id))
        for row in order.rows:
            item = state.item_of(row.variant_id)
            if item is not None and item.kind != "service":
                key = (row.variant_id, row.location_id)
                waiting[key] = waiting.get(key, ZERO) + row.quantity - picked.get(row.id, ZERO)
    return waiting


def set_status(
    state: State,
    order: SalesOrder,
    status: str,
    *,
    picked_date: datetime | None = None,
    shortage_refused: bool = True,
) -> SalesOrder:
    """Pack or deliver all that is left, or take everything back (NOT_SHIPPED, PENDING).

    Raises `Refusal` for serial-tracked rows without serial numbers, and for a shortage of batches
    where `shortage_refused`; nothing has changed then.
    """
    if status in ("NOT_SHIPPED", "PENDING"):
        return _take_back(state, order, status)
    moment = picked_date or state.now()
    rest = _rest_of(state, order, shortage_refused=shortage_refused)
    earlier = state.fulfillments_of(order.id)
    if status == "DELIVERED":
        _check_serials(state, order, [*(row for part in earlier for row in part.rows), *rest])
    for part in earlier:
        if part.status != status:
            picked = picked_date or part.picked_date
            state.touch(state.fulfillments, replace(part, status=status, picked_date=picked))
    if rest or not earlier:
        add_part(state, order, status, rest, picked_date=moment)
    return settle(state, order)


def add_part(
    state: State,
    order: SalesOrder,
    status: str,
    rows: Sequence[FulfillmentRow],
    *,
    picked_date: datetime,
) -> Fulfillment:
    """Record a fulfilment and take its goods out of stock; the caller settles the order."""
    now = state.now()
    part = Fulfillment(
        id=state.fulfillments.new_id(),
        created_at=now,
        updated_at=now,
        sales_order_id=order.id,
        status=status,
        picked_date=picked_date,
        rows=tuple(rows),
    )
    _move_stock(state, order, part, Decimal(-1))
    return state.fulfillments.put(part)


def settle(state: State, order: SalesOrder) -> SalesOrder:
    """Bring the order's status, picked date and conversion rate up to its fulfilments."""
    parts = state.fulfillments_of(order.id)
    status = status_of(order, parts)
    whole = status in ("PACKED", "DELIVERED")
    latest = max((part.picked_date for part in parts), default=None) if whole else None
    rate = money.rate_of(order, state) if whole else None
    settled = replace(
        order,
        status=status,
        picked_date=latest,
        conversion_rate=rate,
        conversion_date=order.conversion_date or latest if whole else None,
    )
    if not state.deliveries_are_changes:
        return state.orders.put(settled)
    return state.touch(state.orders, settled)


def return_goods(state: State, order: SalesOrder) -> None:
    """Delete the order's fulfilments and put their goods back into stock."""
    for part in state.fulfillments_of(order.id):
        _move_stock(state, order, part, Decimal(1))
        state.delete(state.fulfillments, part)


def first_in_first_out(
    state: State,
    row: Row,
    quantity: Decimal,
    free: dict[tuple[int, int], Decimal],
    *,
    shortage_refused: bool,
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
        if shortage_refused and loose < left:
            raise _shortage(row, quantity, quantity - left)
        chosen.append((None, left))
    return tuple(chosen)


def _shortage(row: Row, wanted: Decimal, found: Decimal) -> Exception:
    message = f"Not enough batch stock for sales order row {row.id}"
    return refuse(
        "/sales_order_rows", "batchShortage", message, rowId=row.id, wanted=wanted, found=found
    )


def _rest_of(state: State, order: SalesOrder, *, shortage_refused: bool) -> list[FulfillmentRow]:
    picked = picked_quantities(state.fulfillments_of(order.id))
    free = dict(state.batch_stock)
    rest = []
    for row in order.rows:
        quantity = row.quantity - picked.get(row.id, ZERO)
        if quantity > 0 or not picked:
            _refuse_unassigned(state, row)
            batches = first_in_first_out(
                state, row, quantity, free, shortage_refused=shortage_refused
            )
            rest.append(FulfillmentRow(row_id=row.id, quantity=quantity, batches=batches))
    return rest


def _refuse_unassigned(state: State, row: Row) -> None:
    """Where Katana does not choose batches by itself, whoever delivers must name them."""
    item = state.item_of(row.variant_id)
    if item is not None and item.batch_tracked and not state.assigns_batches:
        message = f"Batches are not assigned to sales order row {row.id}"
        raise refuse("/sales_order_rows", "batchesNotAssigned", message, rowId=row.id)


def _check_serials(state: State, order: SalesOrder, picked: Sequence[FulfillmentRow]) -> None:
    checks = Checks()
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
    return settle(state, replace(order, status=status))


def _is_whole(order: SalesOrder, parts: Iterable[Fulfillment]) -> bool:
    picked = picked_quantities(parts)
    return all(picked.get(row.id, ZERO) >= row.quantity for row in order.rows)


def _move_stock(state: State, order: SalesOrder, part: Fulfillment, sign: Decimal) -> None:
    rows = {row.id: row for row in order.rows}
    for picked in part.rows:
        row = rows[picked.row_id]
        item = state.item_of(row.variant_id)
        if item is None or item.kind == "service":
            continue
        for batch_id, quantity in picked.batches or ((None, picked.quantity),):
            for variant_id, each in parts_of(item, row.variant_id):
                state.move(
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
