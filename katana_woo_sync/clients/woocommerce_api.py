"""What every part of a store's REST API (wc/v3) has in common: rows, lists, typed records."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TypeVar

import msgspec

from katana_woo_sync.clients.answers import record
from katana_woo_sync.clients.connection import Connection, StoreAccess
from katana_woo_sync.clients.errors import NotTheApi
from katana_woo_sync.clients.http import Params, utc_now
from katana_woo_sync.clients.order_reader import PER_PAGE
from katana_woo_sync.clients.redact import Redactor
from katana_woo_sync.clients.woocommerce_http import WooCommerceHttp

MOST_PAGES = 1000
STEP_BACK = 20
"""Rows to go back by where a list has lost some before the place that was reached."""

T = TypeVar("T")


class WooCommerceApi:
    """Access to one store. Every method raises a `ServiceError`."""

    def __init__(
        self,
        store: StoreAccess,
        *,
        redactor: Redactor,
        attempts: int = 4,
        cancelled: Callable[[], bool] = lambda: False,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._name = store.name
        self._wants_meta = bool(store.additional_info_meta)
        self._http = WooCommerceHttp(
            store, redactor=redactor, attempts=attempts, cancelled=cancelled, clock=clock
        )

    @property
    def connection(self) -> Connection:
        """How the store is reached, as far as it was found out."""
        return self._http.connection

    @connection.setter
    def connection(self, connection: Connection) -> None:
        self._http.connection = connection

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

    def _all(self, path: str, params: Params, kind: type[T]) -> tuple[T, ...]:
        """A list to its last page, by ids that rise. Pages overlap by one row: where the overlap is
        missing, rows before it went away meanwhile, and the reader steps back."""
        found: dict[object, T] = {}
        offset = 0
        for _ in range(MOST_PAGES):
            place = (("per_page", str(PER_PAGE)), ("offset", str(offset)))
            rows, _total = self._rows(path, (*params, *place))
            page = [self._one(path, row, kind) for row in rows]
            ids = [getattr(row, "id", None) for row in page]
            if offset and not (ids and ids[0] in found):
                offset = max(0, offset - STEP_BACK)
                continue
            found.update(zip(ids, page, strict=True))
            if len(rows) < PER_PAGE:
                return tuple(found.values())
            offset += PER_PAGE - 1
        raise self._unexpected(path, "the list has no end")

    def _one(self, path: str, data: object, kind: type[T]) -> T:
        try:
            return record(data, kind)
        except (msgspec.ValidationError, RecursionError) as error:
            raise self._unexpected(path, str(error)) from None

    def _unexpected(self, path: str, what: str) -> NotTheApi:
        reason = f"the answer is not as expected: {self._http.words(what)}"
        remedy = "A plugin may change what the API answers"
        return NotTheApi(self._name, f"GET {path}", reason, remedy)
