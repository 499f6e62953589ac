"""Reading a list of orders whole while orders change (facts: paging drifts).

A page number names a place, and places shift when an order enters or leaves the list between two
pages. So consecutive pages overlap by one row: pages are in the order of ids, which never changes,
and a page that begins at or before the last id read has skipped nothing. One that begins behind it
has, and the reader steps back until it finds its place again.

What changes after the first page was read is not promised to be in the list; it has a later
modification time than the list's mark, so the next read of changes brings it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec

from katana_woo_sync.domain.fields import convert
from katana_woo_sync.domain.woocommerce import Order

PER_PAGE = 100
STEPS_BACK = (10, 20, 50, 100)


@dataclass(frozen=True)
class UnreadableOrder:
    """An element of a list that makes no sense as an order; it never spoils the list."""

    id: int
    number: str
    problem: str


ReadOrder = Order | UnreadableOrder


@dataclass(frozen=True)
class ChangedOrders:
    """Orders that changed. `mark` (UTC) is the newest modification time up to which nothing was
    missed; None where nothing came."""

    orders: tuple[ReadOrder, ...]
    mark: datetime | None
    pages: int


FetchPage = Callable[[int, int], Sequence[ReadOrder]]
"""Fetches (offset, number of rows): the list's rows from that place on."""


def read_order(data: object) -> ReadOrder | None:
    """An element of a list as an order; None for one without an id, which nothing can be done
    with."""
    try:
        return convert(data, Order)
    except (msgspec.ValidationError, RecursionError, ValueError) as error:
        if not isinstance(data, dict) or not isinstance(data.get("id"), int):
            return None
        return UnreadableOrder(data["id"], str(data.get("number", ""))[:100], str(error)[:300])


def read_pages(
    fetch: FetchPage, *, descending: bool, per_page: int = PER_PAGE
) -> Iterator[Sequence[ReadOrder]]:
    """Read a list in the order of its ids, page by page, overlapping; nothing is skipped.

    Rows may come twice (the overlap, a step back); an id that was already passed is not repeated.
    """
    offset = 0
    last: int | None = None
    while True:
        page = fetch(offset, per_page)
        if last is not None and not _continues(page, last, descending=descending):
            offset, page = _step_back(fetch, offset, last, per_page, descending=descending)
        news = [order for order in page if _is_beyond(order.id, last, descending=descending)]
        if news:
            yield news
            last = news[-1].id
        if len(page) < per_page:
            return
        # A page of nothing new (a step back went far) is passed over to the next.
        offset += per_page - 1


def _is_beyond(order_id: int, last: int | None, *, descending: bool) -> bool:
    if last is None:
        return True
    return order_id < last if descending else order_id > last


def _continues(page: Sequence[ReadOrder], last: int, *, descending: bool) -> bool:
    """Whether the page begins at or before the last id read, so that nothing is between."""
    return bool(page) and not _is_beyond(page[0].id, last, descending=descending)


def _step_back(
    fetch: FetchPage, offset: int, last: int, per_page: int, *, descending: bool
) -> tuple[int, Sequence[ReadOrder]]:
    """Go back, further each time, until a page continues from the last id read."""
    for step in STEPS_BACK:
        offset = max(0, offset - step)
        page = fetch(offset, per_page)
        if offset == 0 or _continues(page, last, descending=descending):
            return offset, page
    while True:
        offset = max(0, offset - per_page)
        page = fetch(offset, per_page)
        if offset == 0 or _continues(page, last, descending=descending):
            return offset, page


def read_changed(fetch: FetchPage, *, per_page: int = PER_PAGE) -> ChangedOrders:
    """Read the list of changed orders, newest ids first.

    The mark of a list of one page is its newest modification. Where it took several, it is that of
    the first page: whatever changed behind the reader's back has a later time.
    """
    found: dict[int, ReadOrder] = {}
    mark: datetime | None = None
    pages = 0
    for page in read_pages(fetch, descending=True, per_page=per_page):
        if pages == 0:
            times = [order.modified for order in page if isinstance(order, Order)]
            mark = max((time for time in times if time is not None), default=None)
        pages += 1
        for order in page:
            found.setdefault(int(order.id), order)
    return ChangedOrders(tuple(found[i] for i in sorted(found)), mark, pages)
