"""Rule 2: whether what Katana holds is this order, by all that it tells."""

from __future__ import annotations

import pytest

from katana_woo_sync.domain.adoption import agrees, evidence, is_another_shops
from katana_woo_sync.domain.katana import SalesOrder
from katana_woo_sync.domain.same_order import is_copy, is_identified_by_total, person
from katana_woo_sync.domain.woocommerce import Order
from tests.domain.samples import fee, item, make_order, make_sales_order

ANNA = {"first_name": "Anna", "last_name": "Kosta"}
SAME_DAY = "2026-11-20T00:00:00.000Z"


def there(
    *, total: str | None = "12.40", name: str = "Anna Kosta", quantities: str = "1", **more: object
) -> SalesOrder:
    """What Katana holds of order 57, or of what seems to be it."""
    rows = [{"id": n, "quantity": text} for n, text in enumerate(quantities.split(), 1)]
    first, _space, last = name.partition(" ")
    addresses = [{"first_name": first, "last_name": last}] if name else []
    parts = {"total": total, "sales_order_rows": rows, "addresses": addresses} | more
    return make_sales_order("NOT_SHIPPED", **parts)


def annas(**parts: object) -> Order:
    """Order 57 in the shop: one mug for 12.40, by Anna."""
    return make_order(billing=ANNA, **parts)


def copy(sales_order: SalesOrder, order: Order | None = None) -> bool | None:
    """Whether a sales order of another shop is order 57."""
    return is_copy(order or annas(), evidence(sales_order))


def test_all_agrees() -> None:
    assert copy(there()) is True


def test_total_alone_agrees_and_nothing_speaks_against_it() -> None:
    assert copy(there(name="", quantities="")) is True


@pytest.mark.parametrize(
    "other",
    [
        there(currency="USD"),
        there(order_created_date="2026-11-20T09:33:00.000Z"),
        there(total="20.00", name="Bo Lund"),
        there(total="20.00", name="Bo Lund", quantities=""),
        there(total="20.00", name="", quantities="2 1"),
    ],
)
def test_what_differs_is_another_shops(other: SalesOrder) -> None:
    assert copy(other) is False


@pytest.mark.parametrize(
    "doubtful",
    [
        there(name="Bo Lund"),
        there(total="20.00", name="", quantities="1"),
        there(total="20.00", name="", quantities=""),
        there(total=None, name="", quantities=""),
        there(total="20.00", quantities="2 1"),
    ],
)
def test_what_cannot_be_told_is_said_to_be_so(doubtful: SalesOrder) -> None:
    assert copy(doubtful) is None


def test_an_order_without_its_shipping_is_still_the_same() -> None:
    ships = [{"id": 9, "total": "4.00", "total_tax": "0.96"}]
    order = annas(shipping_lines=ships, total="17.36")
    assert copy(there(total="12.40", quantities="1"), order) is True


def test_the_customer_and_the_lines_agree_where_the_total_was_changed() -> None:
    assert copy(there(total="20.00")) is True


def test_a_number_that_is_the_id_tells_nothing_and_another_does() -> None:
    changed = there(total="20.00", quantities="2 1", order_no="2026-57")
    assert copy(changed) is None
    assert copy(changed, annas(number="2026-57")) is True


def test_under_the_stores_own_name_the_minute_is_enough_unless_all_speaks_against_it() -> None:
    order = annas()
    for adopted in (
        there(total="20.00"),
        there(name="Bo Lund"),
        there(total="20.00", name="", quantities="1"),
        there(total="20.00", name="", quantities=""),
    ):
        assert agrees(adopted, order, "")
    for other in (
        there(total="20.00", name="Bo Lund"),
        there(total="20.00", name="", quantities="2 1"),
        there(currency="USD"),
    ):
        assert not agrees(other, order, "")


def test_of_the_day_the_customer_or_the_lines_are_a_second_witness() -> None:
    for name, quantities, same in (("Anna Kosta", "", True), ("", "1", True), ("", "2", False)):
        dated = there(total="20.00", name=name, quantities=quantities, order_created_date=SAME_DAY)
        assert agrees(dated, annas(), "") is same


def test_rows_and_addresses_are_needed_only_where_the_total_does_not_tell() -> None:
    far = there(total="20.00", order_created_date="2025-01-01T00:00:00.000Z")
    told = [is_identified_by_total(annas(), evidence(each)) for each in (there(), far)]
    assert told == [True, True]
    assert not is_identified_by_total(annas(), evidence(there(total="20.00")))


def test_fees_may_be_rows_of_their_own() -> None:
    order = make_order(item(1, "10", {1: "2.40"}, quantity="2"), fees=(fee(2, "3"),), billing=ANNA)
    assert copy(there(quantities="1 2", total="20.00"), order) is True
    assert copy(there(quantities="1 1 2", total="20.00"), order) is None


def test_names_are_compared_as_people_read_them() -> None:
    assert person(" Anna", "KOSTA ", "ACME") == person("anna", "Kosta", "")
    assert person("", " ", "ACME  Ltd") == "acme ltd"
    assert person("", "", "") == ""


@pytest.mark.parametrize(
    ("copies", "open_orders", "refused"),
    [(2, 2, False), (3, 3, True), (3, 5, True), (3, 6, False), (50, 100, False), (51, 100, True)],
)
def test_more_than_half_and_three_at_least(copies: int, open_orders: int, refused: bool) -> None:
    assert is_another_shops(copies, open_orders) is refused
