"""What is in stock and committed where, and correcting it by stock adjustments."""

from __future__ import annotations

from decimal import ROUND_FLOOR, Decimal

from katana_woo_sync.sandbox.katana import answers, contract, lists, queries
from katana_woo_sync.sandbox.katana.checks import read_time
from katana_woo_sync.sandbox.katana.errors import Checks
from katana_woo_sync.sandbox.katana.fulfillment import committed
from katana_woo_sync.sandbox.katana.records import AdjustmentRow, StockAdjustment
from katana_woo_sync.sandbox.katana.schema import Json
from katana_woo_sync.sandbox.katana.state import ZERO, State

Place = tuple[int, int]
"""A variant's id and a location's."""

BUNDLE = "bundle"


def listed(state: State, query: queries.InventoryQuery) -> tuple[list[Json], str]:
    """The page of `GET /inventory` that is asked for, and its `X-Pagination`.

    What was never counted, never moved and waits for no order has no row.
    """
    waiting = committed(state)
    places = [place for place in _places(state, waiting) if _is_wanted(state, place, query)]
    # only the page's own rows are made: a catalogue is long
    page, header = lists.page_of(places, query, state.most_rows)
    rows = []
    for place in page:
        row = answers.inventory(
            place,
            state.in_stock(*place),
            waiting.get(place, ZERO),
            potential(state, place, waiting),
        )
        variant, location = state.variants.get(place[0]), state.locations.get(place[1])
        if variant is not None and "variant" in (query.extend or ()):
            row["variant"] = answers.variant(variant, state)
        if location is not None and "location" in (query.extend or ()):
            row["location"] = answers.location(location)
        rows.append(row)
    return rows, header


def _places(state: State, waiting: dict[Place, Decimal]) -> list[Place]:
    variants = {batch.id: batch.variant_id for batch in state.batches}
    batched = {(variants[batch_id], place) for batch_id, place in state.batch_stock}
    bundles = {
        (variant.id, location.id)
        for item in state.items.all_live()
        if item.kind == BUNDLE
        for variant in state.variants_of(item)
        for location in state.locations.all_live()
    }
    return sorted(state.stock.keys() | batched | waiting.keys() | bundles, reverse=True)


def _is_wanted(state: State, place: Place, query: queries.InventoryQuery) -> bool:
    if query.variant_id and place[0] not in query.variant_id:
        return False
    if query.location_id and place[1] != query.location_id:
        return False
    item = state.item_of(place[0])
    archived = item is not None and item.archived_at is not None
    there = state.variants.live(place[0]) is not None and state.locations.live(place[1]) is not None
    return there and (bool(query.include_archived) or not archived)


def potential(state: State, place: Place, waiting: dict[Place, Decimal]) -> Decimal:
    """How many of a bundle its components that no order waits for make; 0 for anything else."""
    item = state.item_of(place[0])
    if item is None or item.kind != BUNDLE:
        return ZERO
    free = (
        (state.in_stock(variant_id, place[1]) - waiting.get((variant_id, place[1]), ZERO)) / each
        for variant_id, each in item.components
    )
    return max(min(free, default=ZERO), ZERO).to_integral_value(ROUND_FLOOR)


def create_adjustment(state: State, body: contract.NewStockAdjustment) -> StockAdjustment:
    """`POST /stock_adjustments`: all of its rows, or none."""
    checks = Checks()
    number = body.stock_adjustment_number
    taken = any(a.stock_adjustment_number == number for a in state.adjustments.all_live())
    path = "/stock_adjustment_number"
    checks.require(bool(number), path, "minLength", "must NOT have fewer than 1 characters")
    checks.require(not taken, path, "unique", f"Stock adjustment {number} exists already")
    known = state.locations.live(body.location_id)
    message = f"Location {body.location_id} does not exist"
    checks.require(known is not None, "/location_id", "notFound", message)
    for index, row in enumerate(body.stock_adjustment_rows):
        item = state.item_of(row.variant_id)
        has_stock = item is not None and item.kind in ("product", "material")
        message = f"Variant {row.variant_id} does not exist, or has no stock"
        path = f"/stock_adjustment_rows/{index}/variant_id"
        checks.require(has_stock, path, "notFound", message)
        unnumbered = item is not None and item.serial_tracked
        message = f"Serial numbers are required for variant {row.variant_id}"
        checks.require(not unnumbered, path, "serialNumbersRequired", message)
    date = read_time(checks, "/stock_adjustment_date", body.stock_adjustment_date)
    checks.done()
    now = state.now()
    adjustment = StockAdjustment(
        id=state.adjustments.new_id(),
        created_at=now,
        updated_at=now,
        stock_adjustment_number=number,
        location_id=body.location_id,
        stock_adjustment_date=date or now,
        reason=body.reason or "",
        additional_info=body.additional_info or None,
        rows=tuple(
            AdjustmentRow(
                id=next(state.row_ids),
                variant_id=row.variant_id,
                quantity=row.quantity,
                cost_per_unit=row.cost_per_unit or ZERO,
                batches=tuple((b.batch_id, b.quantity) for b in row.batch_transactions or ()),
            )
            for row in body.stock_adjustment_rows
        ),
    )
    _move(state, adjustment, Decimal(1))
    return state.adjustments.put(adjustment)


def delete_adjustment(state: State, adjustment: StockAdjustment) -> None:
    """Take an adjustment back, with what it put into stock."""
    _move(state, adjustment, Decimal(-1))
    state.delete(state.adjustments, adjustment)


def _move(state: State, adjustment: StockAdjustment, sign: Decimal) -> None:
    for row in adjustment.rows:
        for batch_id, quantity in row.batches or ((None, row.quantity),):
            state.move(
                row.variant_id,
                adjustment.location_id,
                sign * quantity,
                batch_id=batch_id,
                resource_id=row.id,
                order_no=adjustment.stock_adjustment_number,
            )
