"""The reader loses no order while orders change between its pages."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import pytest

from katana_woo_sync.clients.errors import Temporary
from katana_woo_sync.clients.list_reader import StuckList, read_pages
from katana_woo_sync.clients.order_reader import (
    Page,
    ReadOrder,
    Rescue,
    UnreadableOrder,
    once_each,
    read_changed,
    read_order,
)
from katana_woo_sync.domain.fields import Text, Whole
from katana_woo_sync.domain.woocommerce import Order

START = datetime(2026, 3, 1, tzinfo=UTC)
PER_PAGE = 10


class Shop:
    """Orders in memory, with modification times in whole seconds, and a list with offsets."""

    def __init__(self, seed: int, count: int, changes_between_pages: int) -> None:
        self.random = random.Random(seed)
        self.second = 0
        self.modified: dict[int, int] = {}
        self.status: dict[int, str] = {}
        self.changes = changes_between_pages
        self.touched: set[int] = set()
        self.next_id = 100
        for _ in range(count):
            self.change(self.place)

    def change(self, act: Callable[[], None]) -> None:
        """Time goes on (or not: many changes share a second), and somebody does something."""
        self.second += self.random.choice((0, 0, 1, 3))
        act()

    def place(self) -> None:
        self.next_id += self.random.randint(1, 3)
        self.modified[self.next_id] = self.second
        self.status[self.next_id] = "processing"

    def anything(self) -> None:
        if not self.modified or self.random.random() < 0.2:
            self.place()
            return
        order_id = self.random.choice(list(self.modified))
        self.touched.add(order_id)
        act = self.random.choice(("edit", "complete", "trash", "delete", "restore"))
        if act == "delete":
            del self.modified[order_id], self.status[order_id]
            return
        self.modified[order_id] = self.second
        if act != "edit":
            named = {"complete": "completed", "trash": "trash", "restore": "processing"}
            self.status[order_id] = named[act]

    def fetch(self, matches: Callable[[int], bool], *, descending: bool) -> Callable[..., Page]:
        """A page of the list, after which others do a few things."""

        def page(offset: int, per_page: int) -> Page:
            ids = sorted(filter(matches, self.modified), reverse=descending)
            rows = tuple(self.order(i) for i in ids[offset : offset + per_page])
            for _ in range(self.random.randint(0, self.changes)):
                self.change(self.anything)
            return Page(rows, len(rows), self.random.choice((None, len(ids))))

        return page

    def order(self, order_id: int) -> Order:
        at = (START + timedelta(seconds=self.modified[order_id])).isoformat()[:19]
        status = Text(self.status[order_id])
        return Order(id=Whole(order_id), status=status, date_modified_gmt=Text(at))


def seconds(moment: datetime | None) -> int:
    return -1 if moment is None else int((moment - START).total_seconds())


@pytest.mark.parametrize("changes", [0, 1, 4, 12])
@pytest.mark.parametrize("block", range(8))
def test_no_changed_order_is_lost_while_others_change(block: int, changes: int) -> None:
    for seed in range(block * 40, block * 40 + 40):
        shop = Shop(seed, count=random.Random(seed).randint(0, 60), changes_between_pages=changes)
        after = shop.second // 3

        def matches(i: int, shop: Shop = shop, after: int = after) -> bool:
            return shop.status[i] != "trash" and shop.modified[i] > after

        wanted = set(filter(matches, shop.modified))
        read = read_changed(shop.fetch(matches, descending=True), per_page=PER_PAGE)
        got = {int(order.id) for order in read.orders}
        assert wanted - shop.touched <= got
        # whatever is not in it, or not as it is now, comes with the next read, from the mark on
        now = {i for i in shop.modified if shop.status[i] != "trash" and shop.modified[i] > after}
        later = {i for i in now if shop.modified[i] >= seconds(read.mark)}
        assert now <= got | later


@pytest.mark.parametrize("changes", [0, 1, 4, 12])
@pytest.mark.parametrize("block", range(8))
def test_no_open_order_is_lost_while_others_are_completed(block: int, changes: int) -> None:
    for seed in range(block * 40, block * 40 + 40):
        shop = Shop(seed, count=random.Random(seed).randint(0, 60), changes_between_pages=changes)

        def matches(i: int, shop: Shop = shop) -> bool:
            return shop.status[i] == "processing"

        wanted = set(filter(matches, shop.modified))
        fetch = shop.fetch(matches, descending=False)
        pages = list(once_each(read_pages(fetch, descending=False, per_page=PER_PAGE)))
        got = [int(order.id) for page in pages for order in page]
        assert len(got) == len(set(got))
        assert wanted - shop.touched <= set(got)


def still(count: int, *, cap: int = 1000, tells_total: bool = True) -> Callable[[int, int], Page]:
    """A list in which nothing happens, of a host that gives at most so many rows a page."""
    ids = range(count, 0, -1)

    def page(offset: int, per_page: int) -> Page:
        rows = tuple(Order(id=Whole(i)) for i in ids[offset : offset + min(per_page, cap)])
        return Page(rows, len(rows), count if tells_total else None)

    return page


@pytest.mark.parametrize(
    ("tells_total", "count", "requests"),
    [
        *((True, *each) for each in [(0, 1), (9, 1), (10, 1), (11, 2), (18, 2), (19, 2), (99, 11)]),
        *((False, *each) for each in [(0, 1), (1, 2), (9, 2), (10, 2), (18, 3), (99, 12)]),
    ],
)
def test_a_quiet_list_costs_no_more_than_its_pages(
    tells_total: bool, count: int, requests: int
) -> None:
    asked: list[int] = []

    def fetch(offset: int, per_page: int) -> Page:
        asked.append(offset)
        return still(count, tells_total=tells_total)(offset, per_page)

    assert len(read_changed(fetch, per_page=PER_PAGE).orders) == count
    assert len(asked) == requests


def test_the_newest_copy_of_an_order_is_kept() -> None:
    copies = iter(("first", "second", "third"))

    def fetch(offset: int, per_page: int) -> Page:
        name = Text(next(copies))
        ids = range(30, 0, -1)[offset : offset + per_page]
        rows = tuple(Order(id=Whole(i), customer_note=name) for i in ids)
        return Page(rows, len(rows), 30)

    read = {int(o.id): o for o in read_changed(fetch, per_page=15).orders if isinstance(o, Order)}
    assert read[30].customer_note == "first"
    assert read[16].customer_note == "second"


def test_a_page_that_lacks_a_row_is_not_taken_for_the_last() -> None:
    # WooCommerce leaves a row out that is deleted while the page is made; the total tells.
    def fetch(offset: int, per_page: int) -> Page:
        page = still(25)(offset, per_page)
        rows = tuple(order for order in page.rows if order.id != 20)
        return Page(rows, len(rows), 25)

    read = read_changed(fetch, per_page=PER_PAGE)
    assert (len(read.orders), read.missing) == (24, "only 24 of 25 came")


@pytest.mark.parametrize(("count", "cap"), [(45, 10), (1500, 100), (100_000, 100), (9, 2)])
@pytest.mark.parametrize("tells_total", [True, False])
def test_pages_may_be_shorter_than_asked_for(count: int, cap: int, tells_total: bool) -> None:
    read = read_changed(still(count, cap=cap, tells_total=tells_total))
    assert [int(order.id) for order in read.orders] == list(range(1, count + 1))
    assert read.missing == ""


def test_a_list_of_which_rows_are_held_back_says_so() -> None:
    for held_back in ([45], [1], [20, 21, 22], list(range(1, 46))):

        def fetch(offset: int, per_page: int, held_back: list[int] = held_back) -> Page:
            page = still(45, cap=10)(offset, per_page)
            rows = tuple(order for order in page.rows if order.id not in held_back)
            return Page(rows, len(rows), 45)

        read = read_changed(fetch)
        assert len(read.orders) == 45 - len(held_back)
        assert read.missing == f"only {45 - len(held_back)} of 45 came"


@pytest.mark.parametrize(("count", "cap"), [(250, 100), (45, 10), (150, 100), (10, 10)])
@pytest.mark.parametrize("tells_total", [True, False])
def test_a_cache_that_answers_every_page_alike_is_noticed(
    count: int, cap: int, tells_total: bool
) -> None:
    asked: list[int] = []

    def fetch(offset: int, per_page: int) -> Page:
        asked.append(offset)
        page = still(count, cap=cap)(0, per_page)
        return Page(page.rows, page.length, count if tells_total else None)

    if tells_total and count == cap:
        assert len(read_changed(fetch).orders) == count
    else:
        with pytest.raises(StuckList):
            read_changed(fetch)
    assert len(asked) <= 3


@pytest.mark.parametrize("length", [1, 2, 100])
def test_rows_without_an_id_that_come_again_and_again_end(length: int) -> None:
    asked: list[int] = []

    def fetch(offset: int, per_page: int) -> Page:
        asked.append(offset)
        assert len(asked) < 20
        return Page((), length)

    with pytest.raises(StuckList):
        read_changed(fetch)


def rescue(fetch: Callable[[int, int], Page], *, ids_break: Sequence[int] = ()) -> Rescue:
    """What a host gives beside whole pages: ids, single orders, and a sign of life."""

    def ids(offset: int, per_page: int) -> Page:
        page = fetch(offset, per_page)
        if any(order.id in ids_break for order in page.rows):
            raise Temporary("eu", "GET /orders", "HTTP 500")
        return page

    def orders(wanted: Sequence[int]) -> list[ReadOrder]:
        return [Order(id=Whole(i)) if i != 30 else UnreadableOrder(i, "", "broken") for i in wanted]

    return Rescue(ids, orders, lambda: None)


def test_pages_that_time_out_shrink_and_grow_again() -> None:
    sizes: list[int] = []

    def fetch(offset: int, per_page: int) -> Page:
        sizes.append(per_page)
        if per_page > 20 and len(sizes) < 6:
            raise Temporary("eu", "GET /orders", "no answer", timed_out=True)
        return still(500)(offset, per_page)

    assert len(read_changed(fetch, per_page=100, rescue=rescue(still(500))).orders) == 500
    assert sizes[:3] == [100, 50, 20]
    assert sizes[-1] == 100


@pytest.mark.parametrize("ids_break", [(), (30,)], ids=["its page", "even its id"])
def test_an_order_that_breaks_every_page_is_told_apart(ids_break: Sequence[int]) -> None:
    whole = still(150)

    def fetch(offset: int, per_page: int) -> Page:
        page = whole(offset, per_page)
        if any(order.id == 30 for order in page.rows):
            raise Temporary("eu", "GET /orders", "HTTP 500")
        return page

    found = read_changed(fetch, rescue=rescue(whole, ids_break=ids_break)).orders
    broken = [order for order in found if isinstance(order, UnreadableOrder)]
    assert [order.id for order in broken] == ([] if ids_break else [30])
    assert len(found) == (149 if ids_break else 150)


@pytest.mark.parametrize("answers", [0, 5])
def test_a_list_that_never_ends_in_time_is_given_up_after_a_few_requests(answers: int) -> None:
    timeouts: list[int] = []

    def fetch(offset: int, per_page: int) -> Page:
        if per_page == 1 and offset < answers:
            return still(45)(offset, per_page)
        timeouts.append(offset)
        raise Temporary("eu", "GET /products", "no answer", "", timed_out=True)

    with pytest.raises(Temporary):
        list(read_pages(fetch, descending=False, rescue=Rescue(None, None, lambda: None)))
    assert len(timeouts) == 3 + 3  # pages of 100, 50 and 20; then row by row


def test_an_outage_is_no_reason_for_smaller_pages() -> None:
    def fetch(offset: int, per_page: int) -> Page:
        raise Temporary("eu", "GET /orders", f"HTTP 502 at {per_page}")

    def dead() -> None:
        raise Temporary("eu", "GET /orders", "HTTP 502")

    with pytest.raises(Temporary, match="at 100"):
        read_changed(fetch, per_page=100, rescue=Rescue(fetch, lambda _ids: [], dead))


@pytest.mark.parametrize("field", ["shipping", "line_items", "meta_data", "prices_include_tax"])
@pytest.mark.parametrize("value", [None, []])
def test_nulls_and_phps_empty_lists_do_not_make_an_order_unreadable(
    field: str, value: object
) -> None:
    assert isinstance(read_order({"id": 5, field: value}), Order)


def test_lists_that_php_made_objects_are_read() -> None:
    order = read_order({"id": 5, "line_items": {"1": {"id": 7}, "3": {"id": 8}}})
    assert isinstance(order, Order)
    assert [line.id for line in order.line_items] == [7, 8]


def test_an_order_that_makes_no_sense_keeps_its_id() -> None:
    read = read_order({"id": 5, "number": "A\x1b5", "total": "a lot"})
    assert isinstance(read, UnreadableOrder)
    assert (read.id, read.number) == (5, "A5")
    assert "total" in read.problem


@pytest.mark.parametrize("data", [None, 5, "x", [], {}, {"id": None}, {"id": "x"}, {"id": 0}])
def test_what_has_no_id_is_passed_over(data: object) -> None:
    assert read_order(data) is None
