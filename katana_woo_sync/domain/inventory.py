"""Katana's stock: what is in stock and committed, its movements and corrections.

Quantities are in the item's unit; costs without tax, in Katana's base currency.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from katana_woo_sync.domain.fields import Amount, Text, Whole, utc_time
from katana_woo_sync.domain.katana import Draft, Struct, Variant

BUNDLE = "bundle"
"""The type of a variant that is put together from others when it is sold."""

OF_SALES = "SalesOrderRow"
"""The `resource_type` of movements that a sale made; no other says that somebody counted."""


class Inventory(Struct, frozen=True):
    """The stock of a variant at a location. `quantity_committed` is what open sales orders wait
    for; `quantity_potential` counts for bundles alone: how many their components make."""

    variant_id: Whole = Whole(0)
    location_id: Whole = Whole(0)
    quantity_in_stock: Amount = Amount(0)
    quantity_committed: Amount = Amount(0)
    quantity_potential: Amount = Amount(0)
    variant: Variant | None = None

    @property
    def sku(self) -> str:
        """The variant's SKU, where the answer holds it (`extend=variant`)."""
        return str(self.variant.sku) if self.variant is not None else ""

    @property
    def is_bundle(self) -> bool:
        """Whether it is put together from other items when it is sold."""
        return self.variant is not None and self.variant.type.lower() == BUNDLE

    @property
    def at_hand(self) -> Decimal:
        """What is in stock, and of a bundle what its components make besides."""
        potential = self.quantity_potential if self.is_bundle else Decimal(0)
        return self.quantity_in_stock + potential


class Movement(Struct, frozen=True):
    """A change of what is in stock. A new commitment is none."""

    id: Whole
    variant_id: Whole = Whole(0)
    location_id: Whole = Whole(0)
    resource_type: Text = Text()
    updated_at: Text = Text()

    @property
    def updated(self) -> datetime | None:
        """When Katana wrote it, UTC."""
        return utc_time(self.updated_at)


class AdjustmentRow(Struct, frozen=True):
    """A row of a stock adjustment."""

    variant_id: Whole = Whole(0)


class StockAdjustment(Struct, frozen=True):
    """A correction of stock at a location."""

    id: Whole
    stock_adjustment_number: Text = Text()
    location_id: Whole = Whole(0)
    deleted_at: Text = Text()
    stock_adjustment_rows: tuple[AdjustmentRow, ...] = ()


class AdjustmentRowDraft(Draft, frozen=True):
    """How much of a variant comes into stock (below zero: goes out), and at which cost each."""

    variant_id: int
    quantity: Decimal
    cost_per_unit: Decimal | None = None


class StockAdjustmentDraft(Draft, frozen=True):
    """`POST /stock_adjustments`. The number is what it is found by again."""

    stock_adjustment_number: str
    location_id: int
    stock_adjustment_rows: tuple[AdjustmentRowDraft, ...]
    stock_adjustment_date: str
    reason: str
    additional_info: str
