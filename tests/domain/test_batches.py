"""Rule 11's batches: the oldest first, for what is left to deliver of each row."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from katana_woo_sync.domain.deliveries import (
    BatchStock,
    Fulfillment,
    RowToDeliver,
    Short,
    assign,
    rows_to_deliver,
    without_batch,
)
from katana_woo_sync.domain.fields import convert
from katana_woo_sync.domain.katana import SalesOrder, encode
from katana_woo_sync.domain.stock import Inventory

PLACE = (7, 5)


def batch(batch_id: int | None, quantity: str, day: int = 1) -> BatchStock:
    """A batch of variant 7 at location 5."""
    created = f"2026-01-{day:02}T00:00:00.000Z"
    known = {"batch_id": batch_id, "quantity_in_stock": quantity, "batch_created_date": created}
    return convert({**known, "variant_id": 7, "location_id": 5}, BatchStock)


def to_deliver(quantity: str, row_id: int = 1, variant_id: int = 7) -> RowToDeliver:
    """A row of which that much is to be delivered."""
    return RowToDeliver(row_id, variant_id, 5, Decimal(quantity))


def batches_of(rows: list[RowToDeliver], *stocks: BatchStock) -> list[list[tuple[int | None, str]]]:
    """Batches and quantities of each row."""
    drafts, _short = assign(rows, frozenset({7}), {PLACE: list(stocks)})
    return [[(b.batch_id, f"{b.quantity:f}") for b in row.batch_transactions] for row in drafts]


def test_the_oldest_batches_come_first_whatever_order_they_are_listed_in() -> None:
    stocks = (batch(3, "5", day=3), batch(2, "4", day=2), batch(9, "3", day=1))
    assert batches_of([to_deliver("8")], *stocks) == [[(9, "3"), (2, "4"), (3, "1")]]


def test_batches_of_one_day_go_by_their_ids_and_loose_stock_comes_last() -> None:
    stocks = (batch(None, "9"), batch(4, "1"), batch(3, "1"))
    assert batches_of([to_deliver("3")], *stocks) == [[(3, "1"), (4, "1"), (None, "1")]]


def test_batches_that_hold_nothing_are_not_used() -> None:
    stocks = (batch(1, "0"), batch(2, "-3"), batch(3, "2.5"))
    assert batches_of([to_deliver("2.5")], *stocks) == [[(3, "2.5")]]


def test_rows_of_one_variant_share_its_batches() -> None:
    rows = [to_deliver("2"), to_deliver("2", row_id=2)]
    assert batches_of(rows, batch(1, "3"), batch(2, "1", day=2)) == [
        [(1, "2")],
        [(1, "1"), (2, "1")],
    ]


def test_a_shortage_says_what_is_short() -> None:
    _drafts, short = assign([to_deliver("5")], frozenset({7}), {PLACE: [batch(1, "2")]})
    assert short == (Short(7, Decimal(5), Decimal(2)),)


def test_what_is_not_kept_in_batches_names_none() -> None:
    drafts, short = assign([to_deliver("5", variant_id=8)], frozenset({7}), {})
    assert (drafts[0].batch_transactions, short) == ((), ())


def test_what_is_left_is_less_what_was_packed_or_delivered() -> None:
    rows = [{"id": 1, "variant_id": 7, "quantity": "5"}, {"id": 2, "variant_id": 7, "quantity": 1}]
    order = convert({"id": 9, "location_id": 5, "sales_order_rows": rows}, SalesOrder)
    packed = {"sales_order_row_id": 1, "quantity": "2"}
    whole = {"sales_order_row_id": 2, "quantity": 1}
    part = convert({"id": 3, "sales_order_fulfillment_rows": [packed, whole]}, Fulfillment)
    assert rows_to_deliver(order, [part]) == [to_deliver("3")]


def test_stock_without_a_batch_is_what_the_batches_do_not_hold() -> None:
    known = {"variant_id": 7, "location_id": 5, "quantity_in_stock": "7.00000"}
    loose = without_batch(convert(known, Inventory), [batch(1, "3")])
    assert (int(loose.batch_id), int(loose.quantity_in_stock)) == (0, 4)


def test_stock_without_a_batch_is_sent_as_null() -> None:
    drafts, _short = assign([to_deliver("1")], frozenset({7}), {PLACE: [batch(None, "1")]})
    assert b'"batch_id":null' in encode(drafts[0])


quantities = st.decimals("0.1", "50", places=1)


@given(st.lists(quantities, min_size=1, max_size=4), st.lists(quantities, max_size=6))
def test_no_more_is_taken_than_there_is_and_no_less_than_is_needed(
    wanted: list[Decimal], held: list[Decimal]
) -> None:
    rows = [to_deliver(str(quantity), row_id) for row_id, quantity in enumerate(wanted, start=1)]
    stocks = [batch(n, str(quantity)) for n, quantity in enumerate(held, start=1)]
    drafts, short = assign(rows, frozenset({7}), {PLACE: stocks})
    for stock in stocks:
        used = sum(
            b.quantity for d in drafts for b in d.batch_transactions if b.batch_id == stock.batch_id
        )
        assert used <= stock.quantity_in_stock
    assert bool(short) == (sum(wanted) > sum(held))
    if not short:
        assert [sum(b.quantity for b in d.batch_transactions) for d in drafts] == wanted
