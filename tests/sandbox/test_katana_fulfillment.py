"""The sandbox Katana's fulfilment: statuses, batches, serial numbers, stock."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal

import pytest

from katana_woo_sync.sandbox.katana import Refusal
from tests.sandbox.katana_support import Shop, open_shop

DELIVERED = {"status": "DELIVERED"}


@pytest.fixture
def shop() -> Iterator[Shop]:
    with open_shop() as shop:
        yield shop


def stock(shop: Shop, variant: int | None = None) -> tuple[object, object]:
    """In stock and committed at the main location."""
    key = (variant or shop.variant, shop.katana.main_location_id)
    return shop.katana.in_stock(*key), shop.katana.committed(*key)


def batch_order(shop: Shop, quantity: int, *, batches: tuple[int, ...]) -> tuple[int, list[int]]:
    """An order of a batch-tracked variant, whose newest batch was added first."""
    variant = shop.katana.add_product("Jam", "JAM", batch_tracked=True)
    place, now = shop.katana.main_location_id, shop.clock.now
    added = [
        shop.katana.add_batch(variant, place, Decimal(n), f"B{i}", created=now - timedelta(days=i))
        for i, n in enumerate(batches)
    ]
    row = shop.row(variant_id=variant, quantity=quantity)
    return shop.order(sales_order_rows=[row]), added


def batches_taken(shop: Shop, order: int) -> list[tuple[object, object]]:
    """Batch id and quantity of all that was picked for the order."""
    parts = shop.katana.fulfillments(order)
    return [batch for part in parts for row in part.rows for batch in row.batches]


def part_of(shop: Shop, order: int, quantity: object, **fields: object) -> dict[str, object]:
    row = shop.katana.sales_order(order).rows[0].id
    rows = [{"sales_order_row_id": row, "quantity": quantity, **fields}]
    return {"sales_order_id": order, "status": "DELIVERED", "sales_order_fulfillment_rows": rows}


def test_an_open_order_commits_stock_and_delivery_takes_it(shop: Shop) -> None:
    order = shop.order()
    assert stock(shop) == (10, 2)
    shop.clock.tick(60)
    delivered = shop.one("PATCH", f"sales_orders/{order}", DELIVERED)
    assert (delivered["status"], delivered["product_availability"]) == ("DELIVERED", "PICKED")
    assert delivered["picked_date"] == "2026-03-01T12:01:00.000Z"
    assert stock(shop) == (8, 0)


def test_a_quote_commits_nothing(shop: Shop) -> None:
    shop.order(status="PENDING")
    assert stock(shop) == (10, 0)


def test_delivered_after_packed_moves_nothing_more(shop: Shop) -> None:
    order = shop.order()
    shop.katana.pack(order)
    assert (shop.katana.sales_order(order).status, *stock(shop)) == ("PACKED", 8, 0)
    shop.katana.deliver(order)
    assert (shop.katana.sales_order(order).status, *stock(shop)) == ("DELIVERED", 8, 0)


def test_statuses_of_parts_are_computed(shop: Shop) -> None:
    order = shop.order()
    seen = []
    for step in (shop.katana.pack_part, shop.katana.deliver_part):
        step(order)
        seen.append(shop.katana.sales_order(order).status)
    assert seen == ["PARTIALLY_PACKED", "PARTIALLY_DELIVERED"]
    assert stock(shop) == (8, 0)
    shop.katana.deliver(order)
    assert shop.katana.sales_order(order).status == "DELIVERED"
    assert len(shop.katana.fulfillments(order)) == 2


def test_delivering_takes_only_what_is_left(shop: Shop) -> None:
    order = shop.order()
    shop.katana.deliver_part(order)
    shop.one("PATCH", f"sales_orders/{order}", DELIVERED)
    assert [part.rows[0].quantity for part in shop.katana.fulfillments(order)] == [1, 1]
    assert stock(shop) == (8, 0)


def test_delivering_twice_changes_nothing_more(shop: Shop) -> None:
    order = shop.order()
    for _ in range(2):
        shop.one("PATCH", f"sales_orders/{order}", DELIVERED)
    assert (len(shop.katana.fulfillments(order)), *stock(shop)) == (1, 8, 0)


def test_a_revert_puts_the_goods_back(shop: Shop) -> None:
    order = shop.order()
    shop.katana.deliver(order)
    reverted = shop.one("PATCH", f"sales_orders/{order}", {"status": "NOT_SHIPPED"})
    assert (reverted["status"], reverted["picked_date"]) == ("NOT_SHIPPED", None)
    assert stock(shop) == (10, 2)
    assert shop.get("sales_order_fulfillments") == []


def test_deleting_a_delivered_order_puts_the_goods_back(shop: Shop) -> None:
    order = shop.order()
    shop.katana.deliver(order)
    shop.katana.delete_order(order)
    assert stock(shop) == (10, 0)
    assert shop.katana.sales_order(order).status == "DELIVERED"


def test_a_fulfilment_that_is_deleted_puts_the_goods_back(shop: Shop) -> None:
    order = shop.order()
    part = shop.one("POST", "sales_order_fulfillments", part_of(shop, order, 1))
    assert stock(shop) == (9, 1)
    assert shop.katana.sales_order(order).status == "PARTIALLY_DELIVERED"
    assert shop.send("DELETE", f"sales_order_fulfillments/{part['id']}").status_code == 204
    assert stock(shop) == (10, 2)
    assert shop.katana.sales_order(order).status == "NOT_SHIPPED"
    assert shop.get("sales_order_fulfillments") == []
    assert shop.send("DELETE", f"sales_order_fulfillments/{part['id']}").status_code == 404


def test_stock_without_batches_may_become_negative(shop: Shop) -> None:
    order = shop.order(sales_order_rows=[shop.row(quantity=12)])
    shop.katana.deliver(order)
    assert stock(shop) == (-2, 0)


def test_batches_go_first_in_first_out(shop: Shop) -> None:
    order, (newest, middle, oldest) = batch_order(shop, 7, batches=(5, 4, 3))
    shop.one("PATCH", f"sales_orders/{order}", DELIVERED)
    assert batches_taken(shop, order) == [(oldest, 3), (middle, 4)]
    left = [shop.katana.batch_quantity(b, shop.katana.main_location_id) for b in (middle, newest)]
    assert left == [0, 5]


def test_two_rows_do_not_take_the_same_batch_twice(shop: Shop) -> None:
    variant = shop.katana.add_product("Jam", "JAM", batch_tracked=True)
    place = shop.katana.main_location_id
    for number in ("A", "B"):
        shop.katana.add_batch(variant, place, Decimal(3), number)
    row = shop.row(variant_id=variant, quantity=3)
    order = shop.order(sales_order_rows=[row, row])
    shop.katana.deliver(order)
    assert stock(shop, variant) == (0, 0)
    assert len({row.batches for row in shop.katana.fulfillments(order)[0].rows}) == 2


def test_a_batch_shortage_is_refused_and_changes_nothing(shop: Shop) -> None:
    order, (batch,) = batch_order(shop, 7, batches=(5,))
    problems = shop.refused("PATCH", f"sales_orders/{order}", DELIVERED)
    assert problems == [("/sales_order_rows", "batchShortage")]
    assert shop.katana.sales_order(order).status == "NOT_SHIPPED"
    assert shop.katana.batch_quantity(batch, shop.katana.main_location_id) == 5


def test_a_batch_shortage_can_be_allowed() -> None:
    with open_shop(batch_shortage_refused=False) as shop:
        order, (batch,) = batch_order(shop, 7, batches=(5,))
        shop.one("PATCH", f"sales_orders/{order}", DELIVERED)
        assert batches_taken(shop, order) == [(batch, 5), (None, 2)]


def test_batch_stocks_come_with_the_highest_id_first(shop: Shop) -> None:
    order, added = batch_order(shop, 3, batches=(5, 3))
    variant = shop.katana.sales_order(order).rows[0].variant_id
    listed = shop.get(f"batch_stocks?variant_id={variant}")
    assert [b["batch_id"] for b in listed] == added[::-1]
    assert listed[0]["quantity_in_stock"] == "3.00000"
    shop.katana.deliver(order)
    assert len(shop.get("batch_stocks")) == 1
    assert len(shop.get("batch_stocks?include_empty=true")) == 2


def test_serial_tracked_rows_want_serial_numbers(shop: Shop) -> None:
    variant = shop.katana.add_product("Clock", "CLK", serial_tracked=True)
    order = shop.order(sales_order_rows=[shop.row(), shop.row(variant_id=variant)])
    problem = ("/sales_order_rows/1/serial_numbers", "serialNumbersRequired")
    assert shop.refused("PATCH", f"sales_orders/{order}", DELIVERED) == [problem]
    with pytest.raises(Refusal, match="Serial numbers"):
        shop.katana.deliver(order)


def test_a_part_with_serial_numbers_is_taken(shop: Shop) -> None:
    variant = shop.katana.add_product("Clock", "CLK", serial_tracked=True)
    order = shop.order(sales_order_rows=[shop.row(variant_id=variant)])
    path = "sales_order_fulfillments"
    ((_, code),) = shop.refused("POST", path, part_of(shop, order, 1))
    assert code == "serialNumbersRequired"
    shop.one("POST", path, part_of(shop, order, 1, serial_numbers=[5001]))
    assert shop.katana.sales_order(order).status == "DELIVERED"


def test_a_part_names_its_batches(shop: Shop) -> None:
    order, (newest, _) = batch_order(shop, 5, batches=(5, 3))
    body = part_of(shop, order, 2, batch_transactions=[{"batch_id": newest, "quantity": 2}])
    part = shop.one("POST", "sales_order_fulfillments", {**body, "tracking_number": "T 1"})
    assert (part["status"], part["tracking_number"]) == ("DELIVERED", "T 1")
    assert shop.katana.batch_quantity(newest, shop.katana.main_location_id) == 3
    assert shop.get(f"sales_order_fulfillments?sales_order_id={order}") == [part]


@pytest.mark.parametrize(
    ("quantity", "batch", "of_batch", "code"),
    [(9, None, 9, "maximum"), (2, 77, 2, "notFound"), (2, None, 1, "sum")],
)
def test_a_part_that_cannot_be_is_refused(
    shop: Shop, quantity: int, batch: int | None, of_batch: int, code: str
) -> None:
    order, _ = batch_order(shop, 5, batches=(5,))
    named = [{"batch_id": batch, "quantity": of_batch}]
    body = part_of(shop, order, quantity, batch_transactions=named)
    assert [c for _, c in shop.refused("POST", "sales_order_fulfillments", body)] == [code]


def test_a_part_of_another_order_is_refused(shop: Shop) -> None:
    one, other = shop.order(), shop.order()
    body = {**part_of(shop, one, 1), "sales_order_id": other}
    ((path, code),) = shop.refused("POST", "sales_order_fulfillments", body)
    assert (path, code) == ("/sales_order_fulfillment_rows/0/sales_order_row_id", "notFound")


def test_services_have_no_stock(shop: Shop) -> None:
    service = shop.katana.add_service("WooCommerce fee", "FEE")
    order = shop.order(sales_order_rows=[shop.row(variant_id=service)])
    shop.katana.deliver(order)
    assert [row["variant_id"] for row in shop.get("inventory")] == [shop.variant]


def test_inventory_knows_only_what_was_counted_or_moved(shop: Shop) -> None:
    variant = shop.katana.add_product("New", "NEW")
    assert shop.get(f"inventory?variant_id={variant}") == []
    shop.order(sales_order_rows=[shop.row(variant_id=variant, quantity=3)])
    (row,) = shop.get(f"inventory?variant_id={variant}&location_id={shop.katana.main_location_id}")
    assert (row["quantity_in_stock"], row["quantity_committed"]) == ("0.00000", "3.00000")


def test_a_change_of_status_is_seen_by_updated_at(shop: Shop) -> None:
    order = shop.order()
    shop.clock.tick(30)
    shop.katana.deliver_part(order)
    (found,) = shop.get("sales_orders?updated_at_min=2026-03-01T12:00:30Z")
    assert (found["id"], found["status"]) == (order, "PARTIALLY_DELIVERED")
