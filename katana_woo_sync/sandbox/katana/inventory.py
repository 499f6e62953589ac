"""What is in stock where, what open orders wait for there, and what each batch holds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_FLOOR, Decimal

from katana_woo_sync.sandbox.katana.account import show_location
from katana_woo_sync.sandbox.katana.api import lists
from katana_woo_sync.sandbox.katana.errors import Json
from katana_woo_sync.sandbox.katana.fulfillments import picked_quantities
from katana_woo_sync.sandbox.katana.items import show_variant
from katana_woo_sync.sandbox.katana.resource import field, padded, quantity_text, shown
from katana_woo_sync.sandbox.katana.schema import FLAG, IDS, INTEGER, TEXT, array, one_of
from katana_woo_sync.sandbox.katana.state import ZERO, Controls, State

Place = tuple[int, int]
"""A variant's id and a location's."""
BUNDLE = "bundle"


@dataclass(frozen=True, kw_only=True)
class BatchStock:
    """How much of a batch is at a location."""

    batch_id: int = field(find=INTEGER)
    batch_number: str = field(find=TEXT)
    batch_created_date: datetime
    expiration_date: datetime | None
    batch_barcode: str | None = field(find=TEXT)
    variant_id: int = field(find=INTEGER)
    location_id: int = field(find=INTEGER)
    quantity_in_stock: Decimal = field(show=quantity_text)


@dataclass(frozen=True, kw_only=True)
class Level:
    """The stock of a variant at a location."""

    variant_id: int = field(find=IDS)
    location_id: int = field(find=INTEGER)
    waiting: dict[Place, Decimal] = field(shown=False)
    """What open orders wait for, of all variants everywhere."""


def committed(state: State, order_type: str | None = None) -> dict[Place, Decimal]:
    """Quantity by variant and location that open orders still wait for; only those of an
    `ecommerce_order_type` where one is given."""
    waiting: dict[Place, Decimal] = {}
    for order in state.orders.all_live():
        if order.status in ("PENDING", "DELIVERED", "PACKED"):
            continue
        if order_type is not None and order.ecommerce_order_type != order_type:
            continue
        picked = picked_quantities(state.fulfillments_of(order.id))
        for row in order.rows:
            item = state.item_of(row.variant_id)
            if item is not None and item.kind != "service":
                key = (row.variant_id, row.location_id)
                waiting[key] = waiting.get(key, ZERO) + row.quantity - picked.get(row.id, ZERO)
    return waiting


def _potential(state: State, level: Level) -> Decimal:
    """How many of a bundle its components that no order waits for make; 0 for anything else."""
    item, place = state.item_of(level.variant_id), level.location_id
    if item is None or item.kind != BUNDLE:
        return ZERO
    free = (
        (state.in_stock(variant_id, place) - level.waiting.get((variant_id, place), ZERO)) / each
        for variant_id, each in item.components
    )
    return max(min(free, default=ZERO), ZERO).to_integral_value(ROUND_FLOOR)


@lists(
    "/batch_stocks",
    BatchStock,
    dated=False,
    include_empty=FLAG,
    batch_created_at_max=TEXT,
    batch_created_at_min=TEXT,
)
def batch_stocks(state: State, query: Json) -> Iterable[BatchStock]:
    """What is in each batch, by its id in descending order."""
    for (batch_id, location_id), quantity in sorted(state.batch_stock.items(), reverse=True):
        batch = state.batches.live(batch_id)
        if batch is not None and (quantity or query.get("include_empty")):
            yield BatchStock(
                batch_id=batch.id,
                batch_number=batch.batch_number,
                batch_created_date=batch.batch_created_date,
                expiration_date=batch.expiration_date,
                batch_barcode=batch.batch_barcode,
                variant_id=batch.variant_id,
                location_id=location_id,
                quantity_in_stock=quantity,
            )


def _show_level(state: State, level: Level, query: Json | None) -> Json:
    """All quantities are text; `quantity_potential` is how many bundles could be put together."""
    place = (level.variant_id, level.location_id)
    in_stock, waiting = state.in_stock(*place), level.waiting.get(place, ZERO)
    nothing, no_money = quantity_text(ZERO), padded(ZERO)
    answer = {
        **shown(level),
        "safety_stock_level": nothing,
        "reorder_point": nothing,
        "average_cost": no_money,
        "value_in_stock": no_money,
        "quantity_in_stock": quantity_text(in_stock),
        "quantity_committed": quantity_text(waiting),
        "quantity_expected": nothing,
        "quantity_missing_or_excess": quantity_text(in_stock - waiting),
        "quantity_potential": quantity_text(_potential(state, level)),
    }
    wanted = (query or {}).get("extend", ())
    variant, location = state.variants.get(place[0]), state.locations.get(place[1])
    if variant is not None and "variant" in wanted:
        answer["variant"] = show_variant(state, variant)
    if location is not None and "location" in wanted:
        answer["location"] = show_location(state, location, None)
    return answer


@lists(
    "/inventory",
    Level,
    answers=_show_level,
    dated=False,
    key="variant_id",
    include_archived=FLAG,
    extend=array(one_of("variant", "location")),
)
def inventory(state: State, query: Json) -> Iterable[Level]:
    """What was counted, moved or is waited for; anything else has no row."""
    waiting = committed(state)
    batches = {batch.id: batch.variant_id for batch in state.batches}
    batched = {(batches[batch_id], place) for batch_id, place in state.batch_stock}
    bundles = {
        (variant.id, location.id)
        for item in state.items.all_live()
        if item.kind == BUNDLE
        for variant in state.variants_of(item)
        for location in state.locations.all_live()
    }
    asked = query.get("variant_id")
    for variant_id, location_id in sorted(
        state.stock.keys() | batched | waiting.keys() | bundles, reverse=True
    ):
        if asked and variant_id not in asked:
            continue
        item = state.item_of(variant_id)
        archived = item is not None and item.archived_at is not None
        there = state.variants.live(variant_id) and state.locations.live(location_id)
        if there and (query.get("include_archived") or not archived):
            yield Level(variant_id=variant_id, location_id=location_id, waiting=waiting)


class InventoryControls(Controls):
    """Reading what open orders wait for."""

    def committed(
        self, variant_id: int, location_id: int, order_type: str | None = None
    ) -> Decimal:
        """The quantity that open orders (of an `ecommerce_order_type`) wait for there."""
        with self._state.lock:
            return committed(self._state, order_type).get((variant_id, location_id), ZERO)

    def potential(self, variant_id: int, location_id: int) -> Decimal:
        """How many of a bundle its components there make; 0 for anything else."""
        with self._state.lock:
            waiting = committed(self._state)
            level = Level(variant_id=variant_id, location_id=location_id, waiting=waiting)
            return _potential(self._state, level)
