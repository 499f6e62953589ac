"""The part of Katana's API that is about stock: inventory, movements, stock adjustments."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from msgspec import Struct

from katana_woo_sync.clients.katana_http import PER_PAGE, KatanaApi, milliseconds, newest_update
from katana_woo_sync.domain.fields import utc_time
from katana_woo_sync.domain.katana import SalesOrder
from katana_woo_sync.domain.stock import (
    Inventory,
    Movement,
    StockAdjustment,
    StockAdjustmentDraft,
)

VARIANTS_PER_REQUEST = PER_PAGE
"""As many as one page answers: about 5,000 characters of address."""

OPEN = ("NOT_SHIPPED", "PARTIALLY_PACKED", "PARTIALLY_DELIVERED")
"""The statuses of sales orders that commit stock; PENDING is a quote, PACKED has left the stock."""


class MovementsChanged(Struct, frozen=True):
    """Movements, the mark (UTC) up to which none was missed, and when Katana answered (UTC, by its
    own clock)."""

    movements: tuple[Movement, ...]
    mark: datetime | None
    as_of: datetime


class OrdersTouched(Struct, frozen=True):
    """Sales orders from anywhere that changed; `mark` and `as_of` as in `MovementsChanged`."""

    orders: tuple[SalesOrder, ...]
    mark: datetime | None
    as_of: datetime


class KatanaStock(KatanaApi):
    """Katana's stock. Lists are not filtered by type of order: whoever sells takes stock."""

    def stock_of(self, variant_ids: Sequence[int], location_id: int) -> tuple[Inventory, ...]:
        """What there is of these variants at a location, with their SKUs; those that have no row
        were never counted and nobody waits for them."""
        found: dict[int, Inventory] = {}
        for start in range(0, len(variant_ids), VARIANTS_PER_REQUEST):
            part = set(variant_ids[start : start + VARIANTS_PER_REQUEST])
            params = [("variant_id", str(int(variant_id))) for variant_id in sorted(part)]
            params += [("location_id", str(int(location_id))), ("extend", "variant")]
            for page in self._pages("/inventory", params, Inventory):
                for row in page.rows:
                    if row.location_id == location_id and int(row.variant_id) in part:
                        found[int(row.variant_id)] = row
        return tuple(found.values())

    def all_stock(self, location_id: int) -> tuple[Inventory, ...]:
        """All that there is at a location, with SKUs: a request for each 250 variants."""
        params = (("location_id", str(int(location_id))), ("extend", "variant"))
        found: dict[int, Inventory] = {}
        for page in self._pages("/inventory", params, Inventory):
            found.update((int(r.variant_id), r) for r in page.rows if r.location_id == location_id)
        return tuple(found.values())

    def newest_movement(self) -> datetime | None:
        """When stock last moved (UTC), by the newest movements; None where it never did."""
        for page in self._pages("/inventory_movements", (), Movement):
            return newest_update(page.rows, page.as_of)
        return None

    def movements_changed(self, since: datetime | None) -> MovementsChanged:
        """Movements written since then (UTC)."""
        params = () if since is None else (("updated_at_min", milliseconds(since)),)
        movements, mark, as_of = self._changed("/inventory_movements", params, Movement)
        return MovementsChanged(tuple(movements), mark, as_of)

    def movements_of(self, variant_ids: Sequence[int]) -> Iterator[tuple[Movement, ...]]:
        """All movements of these variants, by pages."""
        for start in range(0, len(variant_ids), VARIANTS_PER_REQUEST):
            part = variant_ids[start : start + VARIANTS_PER_REQUEST]
            params = [("variant_ids", str(int(variant_id))) for variant_id in part]
            for page in self._pages("/inventory_movements", params, Movement):
                yield tuple(movement for movement in page.rows if int(movement.variant_id) in part)

    def orders_touched(self, since: datetime | None) -> OrdersTouched:
        """Sales orders from anywhere that changed since then (UTC), deleted ones too."""
        params = [("include_deleted", "true")]
        if since is not None:
            params.append(("updated_at_min", milliseconds(since)))
        orders, mark, as_of = self._changed("/sales_orders", params, SalesOrder)
        wanted = (o for o in orders if since is None or _is_since(o, since))
        return OrdersTouched(tuple(wanted), mark, as_of)

    def open_orders(self) -> Iterator[tuple[SalesOrder, ...]]:
        """The sales orders from anywhere that commit stock, by pages."""
        for status in OPEN:
            for page in self._pages("/sales_orders", (("status", status),), SalesOrder):
                yield tuple(o for o in page.rows if o.status == status and not o.is_deleted)

    def stock_adjustments(
        self, *, number: str | None = None, location_id: int | None = None
    ) -> tuple[StockAdjustment, ...]:
        """Stock adjustments with this number, or at this location; deleted ones are left out."""
        params = []
        if number is not None:
            params.append(("stock_adjustment_number", number))
        if location_id is not None:
            params.append(("location_id", str(int(location_id))))
        return tuple(
            each
            for each in self._list("/stock_adjustments", params, StockAdjustment, whole=True)
            if not each.deleted_at
            and (number is None or each.stock_adjustment_number == number)
            and (location_id is None or each.location_id == location_id)
        )

    def create_stock_adjustment(self, draft: StockAdjustmentDraft) -> StockAdjustment:
        """Correct what is in stock."""
        return self._create("/stock_adjustments", draft, StockAdjustment)


def _is_since(order: SalesOrder, since: datetime) -> bool:
    updated = utc_time(order.updated_at)
    return updated is None or updated >= since
