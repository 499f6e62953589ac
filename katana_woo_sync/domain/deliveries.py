"""Which batches an order is delivered from, where Katana does not choose them itself.

First in, first out: the oldest batches at the row's location, for what is left to deliver.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

import msgspec

from katana_woo_sync.domain.fields import Amount, Text, Whole
from katana_woo_sync.domain.katana import Draft, SalesOrder, Struct
from katana_woo_sync.domain.stock import Inventory

ZERO = Decimal(0)

Place = tuple[int, int]
"""A variant's id and a location's."""


class BatchStock(Struct, frozen=True):
    """How much of a batch is at a location. `batch_id` 0 is stock without a batch."""

    batch_id: Whole = Whole(0)
    batch_created_date: Text = Text()
    variant_id: Whole = Whole(0)
    location_id: Whole = Whole(0)
    quantity_in_stock: Amount = Amount(0)


class FulfillmentRow(Struct, frozen=True):
    """What a fulfilment holds of a row."""

    sales_order_row_id: Whole = Whole(0)
    quantity: Amount = Amount(0)


class Fulfillment(Struct, frozen=True):
    """A part of a sales order that was packed or delivered."""

    id: Whole
    sales_order_id: Whole = Whole(0)
    status: Text = Text()
    deleted_at: Text = Text()
    updated_at: Text = Text()
    picked_date: Text = Text()
    tracking_number: Text = Text()
    tracking_url: Text = Text()
    tracking_carrier: Text = Text()
    tracking_method: Text = Text()
    sales_order_fulfillment_rows: tuple[FulfillmentRow, ...] = ()


class BatchTransaction(Draft, frozen=True, omit_defaults=False):
    """A quantity from a batch; None is stock without a batch, and is sent as null."""

    batch_id: int | None
    quantity: Decimal


class FulfillmentRowDraft(Draft, frozen=True):
    """A row to deliver, from these batches."""

    sales_order_row_id: int
    quantity: Decimal
    batch_transactions: tuple[BatchTransaction, ...] = ()
    serial_numbers: tuple[int, ...] = ()


class FulfillmentDraft(Draft, frozen=True):
    """`POST /sales_order_fulfillments`."""

    sales_order_id: int
    status: str
    picked_date: str
    sales_order_fulfillment_rows: tuple[FulfillmentRowDraft, ...]


class RowToDeliver(msgspec.Struct, frozen=True):
    """What is left to deliver of a row."""

    row_id: int
    variant_id: int
    location_id: int
    quantity: Decimal
    reserved: tuple[int, ...] = ()
    """The serial numbers that a person has reserved for it."""

    @property
    def place(self) -> Place:
        """Where its goods are."""
        return self.variant_id, self.location_id


class Short(msgspec.Struct, frozen=True):
    """What no batch holds of a variant."""

    variant_id: int
    needed: Decimal
    available: Decimal


def rows_to_deliver(order: SalesOrder, parts: Iterable[Fulfillment]) -> list[RowToDeliver]:
    """What no fulfilment holds yet of each row. What is packed has its batches already."""
    picked: dict[int, Decimal] = {}
    for part in parts:
        for row in part.sales_order_fulfillment_rows:
            row_id = int(row.sales_order_row_id)
            picked[row_id] = picked.get(row_id, ZERO) + row.quantity
    rows = []
    for each in order.sales_order_rows:
        rest = each.quantity - picked.get(int(each.id), ZERO)
        if rest > 0:
            place = int(each.location_id or order.location_id)
            rows.append(
                RowToDeliver(int(each.id), int(each.variant_id), place, rest, each.reserved)
            )
    return rows


def assign(
    rows: Sequence[RowToDeliver],
    tracked: frozenset[int],
    stocks: Mapping[Place, Sequence[BatchStock]],
) -> tuple[tuple[FulfillmentRowDraft, ...], tuple[Short, ...]]:
    """The rows with their batches, oldest first, and what is short.

    `tracked` are the variants that are kept in batches; the others need none. Rows of one variant
    share its batches. Stock without a batch comes last.
    """
    free = {place: _in_order(found) for place, found in stocks.items()}
    drafts, short = [], []
    for row in rows:
        batches: tuple[BatchTransaction, ...] = ()
        if row.variant_id in tracked:
            batches = tuple(_from_batches(free.setdefault(row.place, []), row.quantity))
            found = sum((each.quantity for each in batches), ZERO)
            if found < row.quantity:
                short.append(Short(row.variant_id, row.quantity, found))
        drafts.append(
            FulfillmentRowDraft(
                sales_order_row_id=row.row_id,
                quantity=row.quantity,
                batch_transactions=batches,
                serial_numbers=row.reserved,
            )
        )
    return tuple(drafts), tuple(short)


def _in_order(found: Iterable[BatchStock]) -> list[tuple[int, Decimal]]:
    """Batches with what they hold, the oldest first; batches that hold nothing are left out."""
    oldest_first = sorted(
        found, key=lambda b: (not b.batch_id, str(b.batch_created_date), int(b.batch_id))
    )
    return [
        (int(stock.batch_id), Decimal(stock.quantity_in_stock))
        for stock in oldest_first
        if stock.quantity_in_stock > 0
    ]


def _from_batches(free: list[tuple[int, Decimal]], wanted: Decimal) -> Iterable[BatchTransaction]:
    while wanted > 0 and free:
        batch_id, held = free[0]
        part = min(held, wanted)
        wanted -= part
        if part == held:
            free.pop(0)
        else:
            free[0] = (batch_id, held - part)
        yield BatchTransaction(batch_id=batch_id or None, quantity=part)


def without_batch(stock: Inventory, batches: Iterable[BatchStock]) -> BatchStock:
    """What is in stock beside all batches, which no list of batches has."""
    in_batches = sum((Decimal(b.quantity_in_stock) for b in batches), ZERO)
    return BatchStock(
        variant_id=stock.variant_id,
        location_id=stock.location_id,
        quantity_in_stock=Amount(stock.quantity_in_stock - in_batches),
    )
