"""Reading a store's list whole, while its rows change and however few of them a page holds.

A page number names a place, and places shift when a row enters or leaves the list between two
pages. So consecutive pages overlap by one row: pages are in the order of ids, which never changes,
and a page that begins at or before the last id read has skipped nothing. One that begins behind it
has, and the reader steps back until it finds its place again.

Hosts and plugins cap `per_page` without a word. So the reader goes on by the rows that came, and
is done where the total is reached; where none is told, at a page with nothing new.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from typing import Generic, Protocol, TypeVar

from msgspec import Struct

from katana_woo_sync.clients.errors import NotTheApi, ServiceError, Temporary, TooLarge

log = logging.getLogger("katana_woo_sync.clients")

PER_PAGE = 100
SMALLER = {100: 50, 50: 20}
"""What a host that cannot give a page in time is asked for instead."""

GROW_AFTER = 3
"""Pages in a row that a host gives before it is asked for larger ones again."""

STEPS_BACK = (10, 20, 50, 100, 200, 400, 800, 1600, 3200, 6400)
MOST_TIMEOUTS = 3
"""How many single rows of a page may time out: more are a service that does not answer, and each
costs as long as a request may take."""

MOST_RETURNS = 10
"""How often the reader is thrown back to the beginning before it gives up."""


def is_stuck(alike: int, length: int) -> bool:
    """Whether so many answers to different places, with the same rows, so many each, say that the
    list does not move (a cache that drops `offset`). The longer the page, the less can it have
    shifted by just so much."""
    return alike >= (2 if length >= 20 else 3 if length >= 3 else 10)


class Unread:
    """What lists of a service held and could not be read: rows whose data is not as expected, and
    rows that did not come."""

    def __init__(self, service: str) -> None:
        self._service = service
        self._texts: list[str] = []
        self.count = 0
        """How much could not be read so far, also what was taken."""

    def add(self, text: str) -> None:
        """Remember something that could not be read."""
        log.debug("%s: %s", self._service, text)
        self._texts.append(text)
        self.count += 1

    def take(self) -> list[str]:
        """All since this was last asked for, each once."""
        texts = list(dict.fromkeys(self._texts))
        self._texts.clear()
        return texts


class HasId(Protocol):
    """A row of a list."""

    @property
    def id(self) -> int: ...


R = TypeVar("R", bound=HasId)


class StuckList(Exception):
    """The same rows come again and again, whatever place is asked for."""


class FewerRows(Exception):
    """Fewer rows came than the list has, as the server says. What came was given."""

    def __init__(self, came: int, total: int) -> None:
        super().__init__(f"only {came} of {total} came")


class Page(Struct, Generic[R], frozen=True):
    """Rows of a list. `length` counts also elements without an id, `total` is the whole list's
    length where the server told it (a row deleted in this moment makes a page short)."""

    rows: tuple[R, ...]
    length: int
    total: int | None = None


FetchPage = Callable[[int, int], Page[R]]
"""Fetches (offset, number of rows): the list's rows from that place on."""


class Rescue(Struct, Generic[R], frozen=True):
    """What to do about a page that a host does not give: `ids` fetches nothing but the ids and
    numbers of its rows, `rows` these rows by their ids (without them they are asked for one by
    one); `alive` raises where the shop answers nothing at all."""

    ids: FetchPage[R] | None
    rows: Callable[[Sequence[int]], Sequence[R]] | None
    alive: Callable[[], None]


def read_pages(
    fetch: FetchPage[R],
    *,
    descending: bool,
    per_page: int = PER_PAGE,
    rescue: Rescue[R] | None = None,
    passed_over: Callable[[str], None] = log.warning,
) -> Iterator[tuple[R, ...]]:
    """Read a list in the order of its ids, page by page, overlapping; nothing is skipped.

    Rows may come several times (the overlap, a step back), later copies later. Where the host does
    not give a page, it is too slow for it, or one row breaks it: pages shrink, to grow again later,
    and at last the rows are asked for by their ids, or one by one; `passed_over` is told of one
    that cannot be read even then.

    Raises `StuckList`, `FewerRows` at the end, and what `fetch` raises.
    """
    reader = _Reader(
        fetch, rescue, descending=descending, per_page=per_page, passed_over=passed_over
    )
    while not reader.at_end:
        page = reader.next_page()
        if page.rows:
            yield page.rows
    reader.check_whole()


class _Reader(Generic[R]):
    """A place in a list. Everything at or before `last`, the last id read, was read."""

    def __init__(
        self,
        fetch: FetchPage[R],
        rescue: Rescue[R] | None,
        *,
        descending: bool,
        per_page: int,
        passed_over: Callable[[str], None],
    ) -> None:
        self._fetch_page = fetch
        self._rescue = rescue
        self._sign = -1 if descending else 1
        self._per_page = self._largest = per_page
        self._tell = passed_over
        self._good = 0
        self._offset = 0
        self._overlaps = False
        self._seen: set[int] = set()
        self._passed_over = 0
        self._usual = 0
        self._least_total: int | None = None
        self._was_short = False
        self._first_page: tuple[int, int, int] | None = None
        self._alike = 1
        self._returns = 0
        self.last: int | None = None
        self.at_end = False

    def check_whole(self) -> None:
        """Raise `FewerRows` where rows are missing. A list that lost and gained rows meanwhile is
        no reason: then no page was short."""
        came = len(self._seen) + self._passed_over
        if self._was_short and self._least_total is not None and came < self._least_total:
            raise FewerRows(came, self._least_total)

    def next_page(self) -> Page[R]:
        """The page at the place, or further back where it does not continue from `last`."""
        page = self._fetch()
        steps = iter(STEPS_BACK)
        while self._offset > 0 and not self._continues(page):
            self._offset = max(0, self._offset - next(steps, STEPS_BACK[-1]))
            if self._offset == 0:
                self._returns += 1
            page = self._fetch()
        self._move(page)
        return page

    def _continues(self, page: Page[R]) -> bool:
        """Whether the page begins at or before the last id read, so that nothing is between."""
        if not self._overlaps:
            return True
        if not page.rows:  # past the end of a list that shrank, or rows that cannot be read
            return page.length > 0 or (page.total or 0) > self._offset
        return not self._is_beyond(page.rows[0])

    def _is_beyond(self, row: R) -> bool:
        return self.last is None or self._sign * (row.id - self.last) > 0

    def _move(self, page: Page[R]) -> None:
        ids = [int(row.id) for row in page.rows if row.id]
        has_news = any(row_id not in self._seen for row_id in ids)
        self._look_for_cache(page, has_news=has_news)
        self._seen.update(ids)
        beyond = [int(row.id) for row in page.rows if self._is_beyond(row)]
        if beyond:
            self.last = max(beyond, key=lambda row_id: self._sign * row_id)
        self._passed_over += page.length - len(ids)
        self._usual = max(self._usual, page.length)
        end = self._offset + page.length
        if page.total is None:
            # one row alone is the overlap, unless it is one without an id
            self.at_end = not page.length or (page.length == 1 and bool(ids) and not has_news)
        else:
            self.at_end = end >= page.total
            self._was_short |= page.length < self._per_page and not self.at_end
            if page.length:  # of a page past the end order tables say that the total is 0
                self._least_total = min(page.total, self._least_total or page.total)
            elif not self.at_end:
                self._least_total = self._least_total or page.total
        self._overlaps = page.length > 1
        self._offset += page.length - 1 if self._overlaps else page.length
        if not page.length:  # rows that the host counts and does not give
            self._offset += self._usual or self._per_page
            if page.total is not None and not self.at_end and self._offset >= page.total:
                self.at_end = True
        self._grow()

    def _look_for_cache(self, page: Page[R], *, has_news: bool) -> None:
        """Raise `StuckList` where other places are answered with the list's beginning."""
        shape = (page.length, page.rows[0].id, page.rows[-1].id) if page.rows else None
        if shape is None and page.length and page.total is None:
            shape = (page.length, 0, 0)  # rows that cannot be told apart, and no end is told
        if self._offset == 0:
            self._first_page = shape
        elif shape is not None and shape == self._first_page and not has_news:
            self._alike += 1
        else:
            self._alike = 1
        if has_news:
            self._returns = 0
        if is_stuck(self._alike, page.length) or self._returns >= MOST_RETURNS:
            raise StuckList

    def _grow(self) -> None:
        self._good += 1
        if self._good >= GROW_AFTER and self._per_page < self._largest:
            larger = next(size for size, less in SMALLER.items() if less == self._per_page)
            self._per_page = min(larger, self._largest)
            self._good = 0

    def _fetch(self) -> Page[R]:
        while True:
            try:
                return self._fetch_page(self._offset, self._per_page)
            except (Temporary, NotTheApi) as error:
                rescue = self._rescue
                if rescue is None or (rescue.ids is None and not _may_be_the_page(error)):
                    raise
                ids = self._ids_alone(error, rescue)
                failure = error
            self._good = 0
            if self._per_page in SMALLER:
                self._per_page = SMALLER[self._per_page]
            elif ids is not None and rescue.rows is not None:
                return self._one_by_one(ids, rescue.rows)
            else:
                return self._row_by_row(failure)

    def _ids_alone(self, error: Temporary | NotTheApi, rescue: Rescue[R]) -> Page[R] | None:
        """The page's ids; None where they cannot be had. Raises the error in an outage."""
        if rescue.ids is not None:
            try:
                return rescue.ids(self._offset, self._per_page)
            except ServiceError:
                pass
        try:
            rescue.alive()
        except ServiceError:
            raise error from None
        return None

    def _row_by_row(self, failure: Temporary | NotTheApi) -> Page[R]:
        """The page's rows each for itself, without the one that breaks every page it is on. Raises
        the failure where that is every single one, or takes too long: then it is no row's fault."""
        rows: list[R] = []
        broken: list[str] = []
        timeouts = 0
        total: int | None = None
        for place in range(self._offset, self._offset + self._per_page):
            try:
                page = self._fetch_page(place, 1)
            except (Temporary, NotTheApi) as error:
                timeouts += isinstance(error, Temporary) and error.timed_out
                if timeouts >= MOST_TIMEOUTS:
                    raise failure from None
                before = rows[-1].id if rows else self.last
                near = f"the one after id:{before}" if before is not None else "the first"
                broken.append(f"row {place + 1}, {near}, cannot be read: {error.reason}")
                continue
            total = page.total
            if not page.length:
                break
            rows += page.rows
        else:
            if not rows:
                raise failure
        for each in broken:
            self._tell(each)
        return Page(tuple(rows), len(rows) + len(broken), total)

    @staticmethod
    def _one_by_one(ids: Page[R], rows: Callable[[Sequence[int]], Sequence[R]]) -> Page[R]:
        """The page read by its ids; who is not there any more is left out."""
        wanted = [int(row.id) for row in ids.rows]
        read = {int(row.id): row for row in rows(wanted)}
        found = tuple(read[row_id] for row_id in wanted if row_id in read)
        return Page(found, ids.length, ids.total)


def _may_be_the_page(error: Temporary | NotTheApi) -> bool:
    """Whether a smaller page may be answered: a route that is not there stays away."""
    return isinstance(error, (Temporary, TooLarge)) or error.passing
