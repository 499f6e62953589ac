"""What moves stock: movements, batches, and stock adjustments."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from katana_woo_sync.sandbox.katana.api import call, lists
from katana_woo_sync.sandbox.katana.errors import Checks, Json
from katana_woo_sync.sandbox.katana.resource import (
    body_of,
    create,
    exists,
    field,
    read,
    sent,
    shown,
    time_text,
)
from katana_woo_sync.sandbox.katana.schema import (
    ANY_ID,
    ANYTHING,
    FLAG,
    IDS,
    INTEGER,
    NUMBER,
    NUMBER_ID_OR_ZERO,
    PRICE,
    TEXT,
    array,
    fields,
    need,
    nullable,
    number,
    one_of,
)
from katana_woo_sync.sandbox.katana.state import ZERO, Controls, Record, State

BATCHES = array(fields({"batch_id": need(nullable(ANY_ID)), "quantity": need(NUMBER)}))
TRACE = {
    "batch_id": nullable(NUMBER_ID_OR_ZERO),
    "bin_location_id": nullable(NUMBER_ID_OR_ZERO),
    "serial_number_id": nullable(NUMBER_ID_OR_ZERO),
}
"""Another way to name batches and serial numbers, beside a `quantity`: a number or its text."""


@dataclass(frozen=True, kw_only=True)
class Batch(Record):
    """A batch of a batch-tracked variant."""

    variant_id: int
    batch_number: str
    batch_created_date: datetime
    expiration_date: datetime | None = None
    batch_barcode: str | None = None


@dataclass(frozen=True, kw_only=True)
class Movement(Record):
    """A change of what is in stock of a variant at a location."""

    variant_id: int
    location_id: int = field(find=INTEGER)
    quantity_change: Decimal
    balance_after: Decimal
    resource_type: str = field(
        find=one_of(
            "PurchaseOrderRow",
            "PurchaseOrderRecipeRow",
            "SalesOrderRow",
            "ProductionIngredient",
            "Production",
            "StockAdjustmentRow",
            "StockTransferRow",
            "SystemGenerated",
        )
    )
    resource_id: int = field(find=INTEGER, default=0)
    caused_by_order_no: str = field(find=TEXT, default="")


def _check_variant(checks: Checks, path: str, variant_id: int) -> None:
    item = checks.state.item_of(variant_id)
    has_stock = item is not None and item.kind in ("product", "material")
    message = f"Variant {variant_id} does not exist, or has no stock"
    checks.require(has_stock, path, "notFound", message)
    unnumbered = item is not None and item.serial_tracked
    message = f"Serial numbers are required for variant {variant_id}"
    checks.require(not unnumbered, path, "serialNumbersRequired", message)


@dataclass(frozen=True, kw_only=True)
class AdjustmentRow:
    """A row of a stock adjustment; the cost is in the base currency, without tax."""

    id: int
    variant_id: int = field(new=need(ANY_ID), check=_check_variant)
    quantity: Decimal = field(new=need(number(most=10**17)))
    cost_per_unit: Decimal = field(new=PRICE, default=ZERO)
    batches: tuple[tuple[int | None, Decimal], ...] = field(
        name="batch_transactions", new=BATCHES, pairs=("batch_id", "quantity"), default=()
    )
    traceability: object = field(
        new=array(fields({**TRACE, "quantity": need(ANYTHING)})), stored=False
    )


@dataclass(frozen=True, kw_only=True)
class StockAdjustment(Record):
    """A correction of what is in stock at a location."""

    stock_adjustment_number: str = field(new=need(TEXT), find=TEXT)
    location_id: int = field(new=need(ANY_ID), find=INTEGER, check=exists("locations", "Location"))
    stock_adjustment_date: datetime = field(new=TEXT)
    reason: str = field(new=TEXT, default="")
    additional_info: str | None = field(new=nullable(TEXT))
    rows: tuple[AdjustmentRow, ...] = field(
        name="stock_adjustment_rows", new=need(array(body_of(AdjustmentRow, "new"))), default=()
    )


def move(
    state: State,
    variant_id: int,
    location_id: int,
    quantity: Decimal,
    *,
    batch_id: int | None = None,
    resource_type: str = "StockAdjustmentRow",
    resource_id: int = 0,
    order_no: str = "",
) -> None:
    """Put so much into stock (or take it out), in a batch or outside of them."""
    if batch_id is None:
        key = (variant_id, location_id)
        state.stock[key] = state.stock.get(key, ZERO) + quantity
    else:
        key = (batch_id, location_id)
        state.batch_stock[key] = state.batch_stock.get(key, ZERO) + quantity
    now = state.now()
    state.movements.put(
        Movement(
            id=state.movements.new_id(),
            created_at=now,
            updated_at=now,
            variant_id=variant_id,
            location_id=location_id,
            quantity_change=quantity,
            balance_after=state.in_stock(variant_id, location_id),
            resource_type=resource_type,
            resource_id=resource_id,
            caused_by_order_no=order_no,
        )
    )


def _show_movement(_state: State, movement: Movement, _query: Json | None) -> Json:
    return {
        **shown(movement),
        "caused_by_resource_id": movement.resource_id,
        "movement_date": time_text(movement.created_at),
        "value_per_unit": ZERO,
        "value_in_stock_after": ZERO,
        "average_cost_after": ZERO,
        "rank": 0,
    }


@lists(
    "/inventory_movements",
    Movement,
    answers=_show_movement,
    ids=IDS,
    variant_ids=IDS,
    caused_by_resource_id=INTEGER,
)
def movements(state: State, _query: Json) -> Iterable[Movement]:
    """Every movement."""
    return state.movements


@lists("/stock_adjustments", StockAdjustment, ids=IDS, include_deleted=FLAG)
def adjustments(state: State, _query: Json) -> Iterable[StockAdjustment]:
    """Every stock adjustment."""
    return state.adjustments


@call("POST", "/stock_adjustments", takes=body_of(StockAdjustment, "new"))
def new_adjustment(state: State, body: Json) -> StockAdjustment:
    """Create a stock adjustment: all of its rows, or none."""
    checks = Checks(state)
    number = body["stock_adjustment_number"]
    taken = any(a.stock_adjustment_number == number for a in state.adjustments.all_live())
    path = "/stock_adjustment_number"
    checks.require(number, path, "minLength", "must NOT have fewer than 1 characters")
    checks.require(not taken, path, "unique", f"Stock adjustment {number} exists already")
    values = read(StockAdjustment, checks, body)
    checks.done()
    rows = tuple(
        AdjustmentRow(id=next(state.row_ids), **sent(AdjustmentRow, row)) for row in values["rows"]
    )
    date = values.get("stock_adjustment_date") or state.now()
    given = {"stock_adjustment_date": date, "rows": rows}
    made = create(state.adjustments, StockAdjustment, state, values, **given)
    _move(state, made, Decimal(1))
    return made


def delete_adjustment(state: State, adjustment: StockAdjustment) -> None:
    """Take an adjustment back, with what it put into stock."""
    _move(state, adjustment, Decimal(-1))
    state.delete(state.adjustments, adjustment)


def _move(state: State, adjustment: StockAdjustment, sign: Decimal) -> None:
    for row in adjustment.rows:
        for batch_id, quantity in row.batches or ((None, row.quantity),):
            move(
                state,
                row.variant_id,
                adjustment.location_id,
                sign * quantity,
                batch_id=batch_id,
                resource_id=row.id,
                order_no=adjustment.stock_adjustment_number,
            )


class StockControls(Controls):
    """What people do to the stock."""

    def set_stock(self, variant_id: int, location_id: int, quantity: Decimal) -> None:
        """Count the variant at the location: so much is there outside of batches."""
        with self._state.lock:
            counted = self._state.stock.get((variant_id, location_id), ZERO)
            move(self._state, variant_id, location_id, quantity - counted)

    def add_batch(
        self,
        variant_id: int,
        location_id: int,
        quantity: Decimal,
        batch_number: str,
        *,
        created: datetime | None = None,
        expires: datetime | None = None,
    ) -> int:
        """Put a new batch into stock and give its id; `created` decides what is oldest."""
        with self._state.lock:
            values: Json = {
                "variant_id": variant_id,
                "batch_number": batch_number,
                "batch_created_date": created or self._state.now(),
                "expiration_date": expires,
            }
            batch = create(self._state.batches, Batch, self._state, values)
            move(self._state, variant_id, location_id, quantity, batch_id=batch.id)
            return batch.id

    def in_stock(self, variant_id: int, location_id: int) -> Decimal:
        """The quantity in stock there, in batches and outside of them."""
        with self._state.lock:
            return self._state.in_stock(variant_id, location_id)

    def batch_quantity(self, batch_id: int, location_id: int) -> Decimal:
        """What is left of the batch there."""
        with self._state.lock:
            return self._state.batch_stock.get((batch_id, location_id), ZERO)

    def adjustments(self) -> list[StockAdjustment]:
        """Every stock adjustment, deleted ones too, newest first."""
        with self._state.lock:
            return list(self._state.adjustments)

    def delete_adjustment(self, adjustment_id: int) -> None:
        """Delete a stock adjustment: what it put into stock is out again."""
        with self._state.lock:
            adjustment = self._state.adjustments.live(adjustment_id)
            if adjustment is not None:
                delete_adjustment(self._state, adjustment)
