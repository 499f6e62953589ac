"""Orders as a store's lists give them: read whole while they change, with those that make no sense.

What changes after the first page was read is not promised to be in the list; it has a later
modification time than the list's mark, so the next read of changes brings it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from types import MappingProxyType

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from katana_woo_sync.clients import list_reader
from katana_woo_sync.clients.answers import record
from katana_woo_sync.clients.list_reader import PER_PAGE, FewerRows, read_pages
from katana_woo_sync.domain.fields import LARGEST_WHOLE, Text
from katana_woo_sync.domain.text import clean
from katana_woo_sync.domain.woocommerce import Order


class UnreadableOrder(Struct, frozen=True):
    """An element of a list that makes no sense as an order; it never spoils the list."""

    id: int
    number: str
    problem: str
    may_pass: bool = False
    """Whether the shop only failed to answer, and may answer the next time."""


ReadOrder = Order | UnreadableOrder
Page = list_reader.Page[ReadOrder]
FetchPage = list_reader.FetchPage[ReadOrder]
Rescue = list_reader.Rescue[ReadOrder]


class ChangedOrders(Struct, frozen=True):
    """Orders that changed. `mark` (UTC) is the newest modification time up to which nothing was
    missed; None where nothing came. `missing` tells that fewer came than there are; "" else.

    `as_of` (UTC) is when the shop answered, by its own clock; None where nobody kept it. `ahead`
    has the modification times that lie beyond that, by id: of orders that are among these, or were
    left out because they are known so.
    """

    orders: tuple[ReadOrder, ...]
    mark: datetime | None
    pages: int
    missing: str = ""
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

    def sift(self, orders: Iterable[ReadOrder], as_of: datetime) -> tuple[ReadOrder, ...]:
        """The orders of a page that was given at `as_of`, without times that lie beyond that."""
        self.as_of = self.as_of or as_of
        return tuple(self._sifted(order, as_of) for order in orders)

    def _sifted(self, order: ReadOrder, as_of: datetime) -> ReadOrder:
        self.ahead.pop(int(order.id), None)
        modified = order.modified if isinstance(order, Order) else None
        if not isinstance(order, Order) or modified is None or modified <= as_of:
            return order
        self.ahead[int(order.id)] = modified
        return without_modified(order)


def without_modified(order: Order) -> Order:
    """The order without its modification time."""
    return replace(order, date_modified_gmt=Text())


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
    fetch: FetchPage,
    *,
    per_page: int = PER_PAGE,
    rescue: Rescue | None = None,
    passed_over: Callable[[str], None] = list_reader.log.warning,
) -> ChangedOrders:
    """Read the list of changed orders, newest ids first; of each its newest copy.

    The mark of a list of one page is its newest modification. Where it took several, it is that of
    the first page: whatever changed behind the reader's back has a later time.
    """
    found: dict[int, ReadOrder] = {}
    mark: datetime | None = None
    pages = 0
    missing = ""
    pages_read = read_pages(
        fetch, descending=True, per_page=per_page, rescue=rescue, passed_over=passed_over
    )
    try:
        for page in pages_read:
            if pages == 0:
                times = [order.modified for order in page if isinstance(order, Order)]
                mark = max((time for time in times if time is not None), default=None)
            pages += 1
            found.update((int(order.id), order) for order in page)  # a later page is a newer copy
    except FewerRows as error:
        missing = str(error)
    return ChangedOrders(tuple(found[i] for i in sorted(found)), mark, pages, missing)
