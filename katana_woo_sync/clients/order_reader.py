"""Reading a list of orders whole while orders change (facts: paging drifts).

A page number names a place, and places shift when an order enters or leaves the list between two
pages. So consecutive pages overlap by one row: pages are in the order of ids, which never changes,
and a page that begins at or before the last id read has skipped nothing. One that begins behind it
has, and the reader steps back until it finds its place again.

What changes after the first page was read is not promised to be in the list; it has a later
modification time than the list's mark, so the next read of changes brings it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from katana_woo_sync.clients.answers import record
from katana_woo_sync.clients.errors import NotTheApi, ServiceError, Temporary
from katana_woo_sync.domain.fields import LARGEST_WHOLE, Text
from katana_woo_sync.domain.text import clean
from katana_woo_sync.domain.woocommerce import Order

log = logging.getLogger("katana_woo_sync.clients")

PER_PAGE = 100
SMALLER = {100: 50, 50: 20}
"""What a host that cannot give a page in time is asked for instead."""

GROW_AFTER = 3
"""Pages in a row that a host gives before it is asked for larger ones again."""

STEPS_BACK = (10, 20, 50, 100)
MOST_REPEATS = 20
"""Pages of nothing new after which the list is taken not to move (a cache that drops `offset`)."""


class StuckList(Exception):
    """The same rows come again and again, whatever place is asked for."""


class UnreadableOrder(Struct, frozen=True):
    """An element of a list that makes no sense as an order; it never spoils the list."""

    id: int
    number: str
    problem: str


ReadOrder = Order | UnreadableOrder


class ChangedOrders(Struct, frozen=True):
    """Orders that changed. `mark` (UTC) is the newest modification time up to which nothing was
    missed; None where nothing came.

    `as_of` (UTC) is when the shop answered, by its own clock; None where nobody kept it. `ahead`
    has the modification times that lie beyond that, by id: of orders that are among these, or were
    left out because they are known so."""

    orders: tuple[ReadOrder, ...]
    mark: datetime | None
    pages: int
    as_of: datetime | None = None
    ahead: Mapping[int, datetime] = MappingProxyType({})


class Times:
    """What a list says of time: `as_of` (UTC), when its first page was given by the shop's own
    clock, and `ahead`, the modification times beyond their page's own, by id.

    Such a time proves nothing about an order's age: a plugin wrote local time, or the shop's clock
    was ahead. The order is as good as one without a modification time.
    """

    def __init__(self) -> None:
        self.as_of: datetime | None = None
        self.ahead: dict[int, datetime] = {}

    def hear(self, orders: Iterable[ReadOrder], as_of: datetime) -> tuple[ReadOrder, ...]:
        """The orders of a page that was given at `as_of`, without times that lie beyond that."""
        self.as_of = self.as_of or as_of
        return tuple(self._heard(order, as_of) for order in orders)

    def _heard(self, order: ReadOrder, as_of: datetime) -> ReadOrder:
        self.ahead.pop(int(order.id), None)
        modified = order.modified if isinstance(order, Order) else None
        if not isinstance(order, Order) or modified is None or modified <= as_of:
            return order
        self.ahead[int(order.id)] = modified
        return without_modified(order)


def without_modified(order: Order) -> Order:
    """The order without its modification time."""
    return replace(order, date_modified_gmt=Text())


class Page(Struct, frozen=True):
    """Rows of a list. `length` counts also elements without an id, `total` is the whole list's
    length where the server told it (an order deleted in this moment makes a page short)."""

    rows: tuple[ReadOrder, ...]
    length: int
    total: int | None = None


FetchPage = Callable[[int, int], Page]
"""Fetches (offset, number of rows): the list's rows from that place on."""


class Rescue(Struct, frozen=True):
    """What to do about a page that a host does not give: `ids` fetches nothing but the ids and
    numbers of its orders, `orders` these orders by their ids; `alive` raises where the shop answers
    nothing at all."""

    ids: FetchPage
    orders: Callable[[Sequence[int]], Sequence[ReadOrder]]
    alive: Callable[[], None]


def read_order(data: object) -> ReadOrder | None:
    """An element of a list as an order; None for one without an id, which nothing can be done
    with."""
    try:
        order = record(data, Order)
        return order if order.id else None
    except (msgspec.ValidationError, RecursionError) as error:
        if not isinstance(data, dict):
            return None
        order_id = data.get("id")
        if not isinstance(order_id, int) or not 0 < order_id <= LARGEST_WHOLE:
            return None
        return UnreadableOrder(order_id, clean(str(data.get("number", "")), 100), str(error)[:300])


def read_pages(
    fetch: FetchPage,
    *,
    descending: bool,
    per_page: int = PER_PAGE,
    rescue: Rescue | None = None,
) -> Iterator[tuple[ReadOrder, ...]]:
    """Read a list in the order of its ids, page by page, overlapping; nothing is skipped.

    Rows may come several times (the overlap, a step back), later copies later. Raises `StuckList`,
    and what `fetch` raises. Where the host gives the ids of a page but not the page, it is too slow
    for it, or one order breaks it: pages shrink, to grow again later, and at last the orders are
    asked for by their ids.
    """
    reader = _Reader(fetch, rescue, descending=descending, per_page=per_page)
    repeats = 0
    while not reader.at_end:
        last = reader.last
        page = reader.next_page()
        if page.rows:
            yield page.rows
        repeats = repeats + 1 if reader.last == last else 0
        if repeats > MOST_REPEATS:
            raise StuckList


class _Reader:
    """A place in a list. Everything at or before `last`, the last id read, was read."""

    def __init__(
        self, fetch: FetchPage, rescue: Rescue | None, *, descending: bool, per_page: int
    ) -> None:
        self._fetch_page = fetch
        self._rescue = rescue
        self._sign = -1 if descending else 1
        self._per_page = self._largest = per_page
        self._good = 0
        self._offset = 0
        self.last: int | None = None
        self.at_end = False

    def next_page(self) -> Page:
        """The page at the place, or further back where it does not continue from `last`."""
        page = self._fetch()
        steps = iter(STEPS_BACK)
        while self._offset > 0 and not self._continues(page):
            self._offset = max(0, self._offset - next(steps, self._per_page))
            page = self._fetch()
        self._move(page)
        return page

    def _continues(self, page: Page) -> bool:
        """Whether the page begins at or before the last id read, so that nothing is between."""
        return bool(page.rows) and not self._is_beyond(page.rows[0])

    def _is_beyond(self, order: ReadOrder) -> bool:
        return self.last is None or self._sign * (order.id - self.last) > 0

    def _move(self, page: Page) -> None:
        news = [int(order.id) for order in page.rows if self._is_beyond(order)]
        if news:
            self.last = max(news, key=lambda order_id: self._sign * order_id)
        if page.length < self._per_page:
            whole = page.total is None or self._offset + page.length >= page.total
            self.at_end = whole or not news
        # a page of nothing new (a step back went far) is passed over to the next
        self._offset += self._per_page - 1
        self._grow()

    def _grow(self) -> None:
        self._good += 1
        if self._good >= GROW_AFTER and self._per_page < self._largest:
            larger = next(size for size, less in SMALLER.items() if less == self._per_page)
            self._per_page = min(larger, self._largest)
            self._good = 0

    def _fetch(self) -> Page:
        while True:
            try:
                return self._fetch_page(self._offset, self._per_page)
            except (Temporary, NotTheApi) as error:
                if self._rescue is None:
                    raise
                ids = self._ids_alone(error, self._rescue)
            self._good = 0
            if self._per_page in SMALLER:
                self._per_page = SMALLER[self._per_page]
            elif ids is not None:
                return self._one_by_one(ids, self._rescue)
            else:
                return self._row_by_row()

    def _ids_alone(self, error: Temporary | NotTheApi, rescue: Rescue) -> Page | None:
        """The page's ids; None where an order breaks even those. Raises the error in an outage."""
        try:
            return rescue.ids(self._offset, self._per_page)
        except ServiceError:
            try:
                rescue.alive()
            except ServiceError:
                raise error from None
            return None

    def _row_by_row(self) -> Page:
        """The page's rows each for itself, without the one that breaks every page it is on."""
        rows: list[ReadOrder] = []
        length = 0
        for place in range(self._per_page):
            try:
                page = self._fetch_page(self._offset + place, 1)
            except (Temporary, NotTheApi):
                length += 1
                near = f"near order {int(rows[-1].id)}" if rows else "at the beginning of its list"
                log.warning("an order %s breaks every answer of the shop that holds it", near)
                continue
            if not page.length:
                break
            length += page.length
            rows += page.rows
        return Page(tuple(rows), length)

    @staticmethod
    def _one_by_one(ids: Page, rescue: Rescue) -> Page:
        """The page read by its ids; who is not there any more is left out."""
        wanted = [int(order.id) for order in ids.rows]
        read = {int(order.id): order for order in rescue.orders(wanted)}
        rows = tuple(read[order_id] for order_id in wanted if order_id in read)
        return Page(rows, ids.length, ids.total)


BROKEN = "the shop fails whenever it is asked for this order (its PHP log says why)"


def once_each(pages: Iterable[tuple[ReadOrder, ...]]) -> Iterator[tuple[ReadOrder, ...]]:
    """The pages without the orders that came before."""
    seen: set[int] = set()
    for page in pages:
        news = {int(order.id): order for order in page if order.id not in seen}
        seen.update(news)
        if news:
            yield tuple(news.values())


def read_changed(
    fetch: FetchPage, *, per_page: int = PER_PAGE, rescue: Rescue | None = None
) -> ChangedOrders:
    """Read the list of changed orders, newest ids first; of each its newest copy.

    The mark of a list of one page is its newest modification. Where it took several, it is that of
    the first page: whatever changed behind the reader's back has a later time.
    """
    found: dict[int, ReadOrder] = {}
    mark: datetime | None = None
    pages = 0
    pages_read = read_pages(fetch, descending=True, per_page=per_page, rescue=rescue)
    for page in pages_read:
        if pages == 0:
            times = [order.modified for order in page if isinstance(order, Order)]
            mark = max((time for time in times if time is not None), default=None)
        pages += 1
        found.update((int(order.id), order) for order in page)  # a later page is a newer copy
    return ChangedOrders(tuple(found[i] for i in sorted(found)), mark, pages)
