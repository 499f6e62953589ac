"""The sandbox Katana's store: its tables, its stock, its clock, its switches and its lock."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from katana_woo_sync.sandbox.katana.account import Location, TaxRate
    from katana_woo_sync.sandbox.katana.customers import Customer
    from katana_woo_sync.sandbox.katana.fulfillments import Fulfillment
    from katana_woo_sync.sandbox.katana.items import Item, Variant
    from katana_woo_sync.sandbox.katana.sales_orders import SalesOrder, ShippingFee
    from katana_woo_sync.sandbox.katana.stock import Batch, Movement, StockAdjustment

ZERO = Decimal(0)


@dataclass(frozen=True, kw_only=True)
class Record:
    """What all records share: they are frozen, and replaced when they change. A record with
    `deleted_at` is gone for all but `include_deleted`. Times are aware UTC, to the millisecond as
    Katana keeps them."""

    id: int
    created_at: datetime
    updated_at: datetime
    deleted_at: datetime | None = None


R = TypeVar("R", bound=Record)


class Table(Generic[R]):
    """Records of one kind by id, and by the record that they belong to (`owner`).

    Ids start high, so that an id of another kind is never one here.
    """

    def __init__(self, first_id: int, owner: Callable[[R], int] | None = None) -> None:
        self._ids = count(first_id)
        self._records: dict[int, R] = {}
        self._owner = owner
        self._owned: dict[int, list[int]] = {}

    def __iter__(self) -> Iterator[R]:
        """Every record, deleted ones too, newest first."""
        newest = sorted(self._records.values(), key=lambda r: (r.created_at, r.id), reverse=True)
        return iter(newest)

    def new_id(self) -> int:
        """An id that was never given out."""
        return next(self._ids)

    def put(self, record: R) -> R:
        """Keep the record in the place of the one with its id."""
        if self._owner is not None and record.id not in self._records:
            self._owned.setdefault(self._owner(record), []).append(record.id)
        self._records[record.id] = record
        return record

    def get(self, key: int | Decimal) -> R | None:
        """The record, also when it is deleted; None where there never was one."""
        return self._records.get(int(key)) if key == int(key) else None

    def live(self, key: int | Decimal) -> R | None:
        """The record, unless it is deleted or never was."""
        record = self.get(key)
        return None if record is None or record.deleted_at else record

    def owned_by(self, owner_id: int) -> list[R]:
        """What belongs to that record, deleted ones too, oldest first."""
        return [self._records[key] for key in self._owned.get(owner_id, ())]

    def all_live(self) -> Iterator[R]:
        """Every record that is not deleted, newest first."""
        return (record for record in self if record.deleted_at is None)


class Ways:
    """How the account behaves: in what is documented nowhere, accounts differ."""

    shortage_refused = True
    """Whether it refuses to deliver batch-tracked goods that no batch holds."""
    assigns_batches = True
    """Whether it chooses batches by itself when an order is delivered as a whole."""
    delivers_by_status = True
    """Whether a changed status delivers a sales order: on some accounts it is computed from the
    fulfilments, and changes nothing."""
    delivered_after = timedelta(0)
    """How long a sales order that was delivered goes on to show what its status was."""
    blanks_information = False
    """Whether delivering by the status empties `additional_info`."""
    refuses_services = False
    """Whether a fulfilment may not hold rows of services."""
    deliveries_are_changes = True
    """Whether packing and delivering moves the `updated_at` of a sales order."""
    fees_are_changes = True
    """Whether a shipping fee moves it."""
    deletions_are_changes = True
    """Whether a deletion moves the `updated_at` of what is deleted."""
    numbers_are_unique = True
    """Whether an `order_no` that is taken is refused."""
    ignored_filters: frozenset[str] = frozenset()
    """Filters that lists pass over, though the contract has them."""
    blind_filters: frozenset[str] = frozenset()
    """Filters by which lists find nothing."""
    approval_is_needed = False
    """Whether each new sales order waits for its approval."""
    undeletable: frozenset[str] = frozenset()
    """What the API refuses to delete: paths, such as "/customers"."""
    deletion_status = 204
    """What a deletion is answered with: 204, or 200 with or without what was deleted."""
    deletion_has_body = False
    """Whether that answer holds what was deleted."""
    list_lag = timedelta(0)
    """How long after its creation a sales order comes to be in lists."""
    lists_service_variants = True
    """Whether its list of variants holds those of services."""


class State(Ways):
    """All that the sandbox Katana remembers. Hold `lock` while reading or changing it."""

    def __init__(self, clock: Callable[[], datetime], base_currency: str) -> None:
        self.clock = clock
        self.lock = threading.RLock()
        self.base_currency = base_currency
        self.late: dict[int, tuple[datetime, str]] = {}
        """What such orders show, and until when."""
        self.awaits_approval: set[int] = set()
        """Sales orders that somebody must approve before anything is delivered."""
        self.reserved_serials: dict[int, tuple[int, ...]] = {}
        """Serial numbers that a person has reserved, by row."""
        self.most_rows = 250
        """How many rows a page of a list has at most, whatever `limit` says."""
        self.spoilt: dict[int, dict[str, object]] = {}
        """What makes no sense of records, by id: these fields have these values in every list."""
        self.orders: Table[SalesOrder] = Table(2_100_101)
        self.fees: Table[ShippingFee] = Table(5_500_101, lambda fee: fee.sales_order_id)
        self.fulfillments: Table[Fulfillment] = Table(6_100_101, lambda part: part.sales_order_id)
        self.customers: Table[Customer] = Table(4_100_101)
        self.items: Table[Item] = Table(7_500_101)
        self.variants: Table[Variant] = Table(3_000_101, lambda variant: variant.item_id)
        self.tax_rates: Table[TaxRate] = Table(330_101)
        self.locations: Table[Location] = Table(91_101)
        self.batches: Table[Batch] = Table(1_200_101, lambda batch: batch.variant_id)
        self.movements: Table[Movement] = Table(70_100_101)
        self.adjustments: Table[StockAdjustment] = Table(610_101)
        self.row_ids = count(8_500_101)
        self.address_ids = count(9_000_101)
        self.config_ids = count(21_101)
        self.order_numbers = count(1)
        self.stock: dict[tuple[int, int], Decimal] = {}
        """Quantity outside of batches by variant and location; a pair that is absent was
        never counted."""
        self.batch_stock: dict[tuple[int, int], Decimal] = {}
        """Quantity by batch and location."""

    def now(self) -> datetime:
        """The time in UTC, cut to the millisecond."""
        moment = self.clock().astimezone(UTC)
        return moment.replace(microsecond=moment.microsecond // 1000 * 1000)

    def update(self, table: Table[R], record: R) -> R:
        """Put a changed record, with its time of change."""
        return table.put(replace(record, updated_at=self.now()))

    def delete(self, table: Table[R], record: R) -> R:
        """Mark the record as deleted."""
        gone = replace(record, deleted_at=self.now())
        return self.update(table, gone) if self.deletions_are_changes else table.put(gone)

    def item_of(self, variant_id: int) -> Item | None:
        """The product, material or service that the variant belongs to."""
        variant = self.variants.get(variant_id)
        return None if variant is None else self.items.get(variant.item_id)

    def variants_of(self, item: Item) -> list[Variant]:
        """The item's variants, oldest first, without deleted ones (unless the item itself is)."""
        variants = self.variants.owned_by(item.id)
        return [v for v in variants if item.deleted_at or not v.deleted_at]

    def fees_of(self, order_id: int) -> list[ShippingFee]:
        """The order's shipping fees, newest first, without deleted ones."""
        return [fee for fee in reversed(self.fees.owned_by(order_id)) if not fee.deleted_at]

    def fulfillments_of(self, order_id: int) -> list[Fulfillment]:
        """The order's fulfilments, oldest first, without deleted ones."""
        return [part for part in self.fulfillments.owned_by(order_id) if not part.deleted_at]

    def batches_of(self, variant_id: int) -> list[Batch]:
        """The variant's batches, the oldest first."""
        batches = self.batches.owned_by(variant_id)
        return sorted(batches, key=lambda batch: (batch.batch_created_date, batch.id))

    def in_stock(self, variant_id: int, location_id: int) -> Decimal:
        """The quantity in stock, batches and all else; it may be negative."""
        batched = (
            self.batch_stock.get((batch.id, location_id), ZERO)
            for batch in self.batches_of(variant_id)
        )
        return self.stock.get((variant_id, location_id), ZERO) + sum(batched, ZERO)

    def default_tax_rate(self) -> TaxRate | None:
        """The tax rate of sales that name none."""
        defaults = [rate for rate in self.tax_rates.all_live() if rate.is_default_sales]
        return defaults[0] if defaults else None

    def primary_location(self) -> Location:
        """The location of orders that name none."""
        locations = list(self.locations.all_live())
        return next((place for place in locations if place.is_primary), locations[-1])


class Controls:
    """Control methods on one `State`; each holds its lock."""

    def __init__(self, state: State) -> None:
        self._state = state
