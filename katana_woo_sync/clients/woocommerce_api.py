"""What every part of a store's REST API (wc/v3) has in common: rows, lists, typed records."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

import msgspec

from katana_woo_sync.clients.answers import record
from katana_woo_sync.clients.connection import Connection, StoreAccess
from katana_woo_sync.clients.errors import NotTheApi
from katana_woo_sync.clients.http import Params, utc_now
from katana_woo_sync.clients.list_reader import (
    FewerRows,
    HasId,
    Page,
    Rescue,
    StuckList,
    Unread,
    read_pages,
)
from katana_woo_sync.clients.redact import Redactor
from katana_woo_sync.clients.woocommerce_http import WooCommerceHttp
from katana_woo_sync.domain.text import plain

T = TypeVar("T")
R = TypeVar("R", bound=HasId)


class WooCommerceApi:
    """Access to one store. Every method raises a `ServiceError`."""

    def __init__(
        self,
        store: StoreAccess,
        *,
        redactor: Redactor,
        attempts: int = 4,
        sleep: Callable[[float], None] = time.sleep,
        cancelled: Callable[[], bool] = lambda: False,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._name = store.name
        self._store = store
        self._wants_meta = bool(store.additional_info_meta)
        self._unread = Unread(self._name)
        self._http = WooCommerceHttp(
            store,
            redactor=redactor,
            attempts=attempts,
            sleep=sleep,
            cancelled=cancelled,
            clock=clock,
        )

    @property
    def connection(self) -> Connection:
        """How the store is reached, as far as it was found out."""
        return self._http.connection

    @connection.setter
    def connection(self, connection: Connection) -> None:
        self._http.connection = connection

    def folders(self) -> list[str]:
        """The folders that the site's home page links to: a shop may be in one of them."""
        return self._http.folders()

    def only_read(self) -> None:
        """Send no request but GET from here on."""
        self._http.reads_only = True

    def let_others_work(self, waiting: Callable[[], AbstractContextManager[None]]) -> None:
        """Enter this while an answer is waited for."""
        self._http.waiting = waiting

    @property
    def clock_skew(self) -> timedelta | None:
        """How far the store's clock is ahead of ours; None before it was heard."""
        return self._http.clock_skew

    @property
    def sent(self) -> int:
        """How many requests were sent."""
        return self._http.sent

    def _rows(self, path: str, params: Params) -> tuple[list[object], int | None]:
        """A list, and the number of rows that there are on all pages, where it is told."""
        rows, total, _as_of = self._dated_rows(path, params)
        return rows, total

    def _dated_rows(self, path: str, params: Params) -> tuple[list[object], int | None, datetime]:
        """The same, and when the shop gave it by its own clock (UTC)."""
        answer = self._http.get(path, params)
        if not isinstance(answer.data, list):
            raise self._unexpected(path, "a list was expected")
        total = answer.headers.get("X-WP-Total", "")
        return answer.data, int(total) if total.isdecimal() else None, answer.as_of

    def ping(self) -> None:
        """Ask for a list that holds no order. Raises where the shop does not even answer that."""
        self._rows("/orders", (("include", "0"), ("per_page", "1"), ("_fields", "id")))

    @property
    def passed_over(self) -> int:
        """How much of lists could not be read so far: where it rises, a list is not whole."""
        return self._unread.count

    def take_unread(self) -> list[str]:
        """What lists held and could not be read, since this was last asked for."""
        return self._unread.take()

    def _pass_over(self, path: str, what: str) -> None:
        """Remember what a list held and could not be read. The others of its rows count."""
        self._unread.add(f"GET {path}: {self._http.words(what)}")

    def _all(
        self, path: str, params: Params, kind: type[R], *, whole: bool = False
    ) -> tuple[R, ...]:
        """A list to its end, by ids that rise. A row that makes no sense is passed over, and so is
        what did not come though the shop counts it; `take_unread` tells of both. Raises for either
        where the list is to be `whole`."""
        return self._all_of(path, params, kind, whole=whole)[0]

    def _all_of(
        self, path: str, params: Params, kind: type[R], *, whole: bool = False
    ) -> tuple[tuple[R, ...], bool]:
        """The same, and whether all rows came."""
        found: dict[int, R] = {}

        def fetch(offset: int, per_page: int) -> Page[R]:
            return self._page(path, params, kind, whole=whole, offset=offset, per_page=per_page)

        rescue = None if whole else Rescue[R](None, None, self.ping)
        tell = partial(self._pass_over, path)
        try:
            for page in read_pages(fetch, descending=False, rescue=rescue, passed_over=tell):
                found.update((int(row.id), row) for row in page)
        except StuckList:
            raise self._stuck(path) from None
        except FewerRows as error:
            if whole:
                raise self._unexpected(path, f"of its rows {error}") from None
            self._pass_over(path, f"of its rows {error}")
            return tuple(found.values()), False
        return tuple(found.values()), True

    def _page(
        self, path: str, params: Params, kind: type[R], *, whole: bool, offset: int, per_page: int
    ) -> Page[R]:
        place = (("per_page", str(per_page)), ("offset", str(offset)))
        rows, total = self._rows(path, (*params, *place))
        read = (self._row(path, row, kind, whole=whole) for row in rows)
        return Page(tuple(row for row in read if row is not None), len(rows), total)

    def _row(self, path: str, data: object, kind: type[R], *, whole: bool) -> R | None:
        """A row of a list; None for one that makes no sense, unless the list is to be `whole`."""
        try:
            return record(data, kind)
        except (msgspec.ValidationError, RecursionError) as error:
            if whole:
                raise self._unexpected(path, f"{_name_of(data)}: {error}") from None
            text = f"{_name_of(data)} is passed over, since its data is not as expected: {error}"
            self._pass_over(path, text)
            return None

    def _stuck(self, path: str) -> NotTheApi:
        return NotTheApi(
            self._name,
            f"GET {path}",
            "the same rows come again and again, whatever page is asked for",
            "A cache may answer in the shop's place: let it leave out /wp-json",
        )

    def _one(self, path: str, data: object, kind: type[T]) -> T:
        try:
            return record(data, kind)
        except (msgspec.ValidationError, RecursionError) as error:
            raise self._unexpected(path, str(error)) from None

    def _unexpected(self, path: str, what: str) -> NotTheApi:
        reason = f"the answer is not as expected: {self._http.words(what)}"
        remedy = "A plugin may change what the API answers"
        return NotTheApi(self._name, f"GET {path}", reason, remedy)


def _name_of(row: object) -> str:
    """What a person knows a row of a list by."""
    if not isinstance(row, dict):
        return "a row that is none"
    names = (row.get(key) for key in ("name", "number", "email", "sku"))
    name = next((plain(each, 60) for each in names if isinstance(each, str) and each), "")
    number = f"id:{plain(str(row.get('id')), 20)}"
    return f'{number} "{name}"' if name else number
