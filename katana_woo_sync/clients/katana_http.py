"""Katana's side of HTTP: the key, Katana's words for what it refuses, lists and creates."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from typing import Generic, Protocol, TypeVar

import msgspec
import requests
from msgspec import Struct
from requests.auth import AuthBase

from katana_woo_sync.clients.answers import EARLIEST, JsonAnswer, record
from katana_woo_sync.clients.errors import (
    BadRequest,
    Detail,
    MissingPermission,
    NotFound,
    NotTheApi,
    RefusedKey,
    ServiceError,
    TooLarge,
)
from katana_woo_sync.clients.http import Exchange, HttpClient, Params, utc_now
from katana_woo_sync.clients.list_reader import Unread, is_stuck
from katana_woo_sync.clients.redact import Redactor
from katana_woo_sync.clients.throttle import Throttle
from katana_woo_sync.domain.cursors import newest
from katana_woo_sync.domain.fields import utc_time
from katana_woo_sync.domain.katana import Draft, SalesOrder, encode
from katana_woo_sync.domain.text import plain

KATANA = "Katana"
PER_PAGE = 250
IDENTIFYING = (
    "id",
    "order_no",
    "status",
    "order_created_date",
    "created_at",
    "updated_at",
    "deleted_at",
    "ecommerce_order_type",
    "ecommerce_store_name",
    "ecommerce_order_id",
)
"""What of a sales order that makes no sense says that it is there: an order that Katana holds must
not be taken for one that it lacks."""

T = TypeVar("T")


class KatanaAccess(Protocol):
    """What the client needs of the settings."""

    @property
    def api_key(self) -> str: ...
    @property
    def url(self) -> str: ...


class Bearer(AuthBase):
    """Katana's API key. Given as an AuthBase, so that no netrc entry takes its place."""

    def __init__(self, key: str) -> None:
        self._key = key

    def __call__(self, r: requests.PreparedRequest) -> requests.PreparedRequest:
        """Add the header."""
        r.headers["Authorization"] = f"Bearer {self._key}"
        return r


class KatanaHttp(HttpClient):
    """HTTP with Katana's own words for what it refuses."""

    def refusal(self, action: str, status: int, data: object) -> ServiceError:
        """The error for a 4xx answer, with the fields that Katana names."""
        answer: Mapping[str, object] = data if isinstance(data, dict) else {}
        nested = answer.get("error")
        if isinstance(nested, dict):
            answer = nested
        said = self.words(answer.get("message") or answer.get("name") or f"HTTP {status}")
        if status == 401:
            remedy = "Check api_key in the config (Katana, Settings, API)"
            return RefusedKey(self.service, action, f"the key was refused ({said})", remedy)
        if status in (402, 403):
            remedy = "Check what the API key, and your Katana plan, may do"
            return MissingPermission(self.service, action, said, remedy)
        if status in (404, 410):
            return NotFound(self.service, action, said)
        details = tuple(self._details(answer))
        named = "; ".join(
            f"{detail.path.lstrip('/') or 'the request'} {detail.message}" for detail in details[:5]
        )
        reason = f"{said.rstrip('.')}: {named}" if named else said
        code = str(answer.get("code", ""))
        return BadRequest(self.service, action, reason, "", status, code, details)

    def _details(self, answer: Mapping[str, object]) -> Iterator[Detail]:
        details = answer.get("details")
        for detail in details if isinstance(details, list) else []:
            if isinstance(detail, dict):
                path, info = str(detail.get("path", "")), detail.get("info")
                known = info if isinstance(info, dict) else {}
                field = known.get("missingProperty") or known.get("additionalProperty")
                allowed = known.get("allowedValues")
                message = str(detail.get("message", ""))
                yield Detail(
                    self.words(f"{path}/{field}" if field else path),
                    self.words(detail.get("code", "")),
                    self.words(f"{message} {allowed}" if allowed else message),
                )


class ListPage(Struct, Generic[T], frozen=True):
    """Rows of a list, and when Katana gave them by its own clock (UTC); `is_cut` where the list
    ends before all came."""

    rows: tuple[T, ...]
    as_of: datetime
    is_cut: bool = False


class KatanaApi:
    """What every part of Katana's API has in common: lists in pages, creates, typed answers.

    Every method raises a `ServiceError`. Creates raise `UnknownOutcome` where the answer was lost;
    any other error of theirs says that nothing was created. Filters are checked again on this side,
    since some are known to be ignored.
    """

    def __init__(
        self,
        settings: KatanaAccess,
        *,
        redactor: Redactor,
        throttle: Throttle,
        timeout: float = 60.0,
        attempts: int = 4,
        sleep: Callable[[float], None] = time.sleep,
        cancelled: Callable[[], bool] = lambda: False,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._unread = Unread(KATANA)
        self._throttle = throttle
        self._cancelled = cancelled
        self._http = KatanaHttp(
            KATANA,
            settings.url,
            redactor=redactor,
            timeout=timeout,
            auth=lambda: Bearer(settings.api_key),
            throttle=throttle,
            attempts=attempts,
            sleep=sleep,
            cancelled=cancelled,
            clock=clock,
        )

    @property
    def sent(self) -> int:
        """How many requests were sent."""
        return self._http.sent

    @property
    def clock_skew(self) -> timedelta | None:
        """How far Katana's clock is ahead of ours; None before it was heard."""
        return self._http.clock_skew

    @property
    def requests_allowed(self) -> int | None:
        """Requests a minute that Katana says it allows; None before it was heard."""
        return self._throttle.allowed

    @property
    def room(self) -> int:
        """How many requests may be sent now without waiting."""
        return self._throttle.room

    @property
    def recent_requests(self) -> list[float]:
        """When the requests of the last minute were sent: seconds since the epoch."""
        return self._throttle.recent

    def remember_requests(self, sent: Iterable[float]) -> None:
        """Count requests that other processes sent with the key; times as above."""
        self._throttle.remember(sent)

    def wait_for_room(self, requests: int) -> None:
        """Wait until so many requests may be sent at once. Nothing is reserved: it keeps an order
        from waiting for the quota in the middle of its import."""
        self._throttle.wait_for_room(requests, self._cancelled)

    def only_read(self) -> None:
        """Send no request but GET from here on."""
        self._http.reads_only = True

    def let_others_work(self, waiting: Callable[[], AbstractContextManager[None]]) -> None:
        """Enter this while an answer, or the quota, is waited for."""
        self._http.waiting = waiting

    def listen(self, listener: Callable[[Exchange], None]) -> None:
        """Call this with each request that is sent from now on."""
        self._http.listen = listener

    @property
    def seconds_a_request(self) -> float:
        """How long an answer takes, of the last ones."""
        return self._http.latency

    def _create(self, path: str, draft: Draft, kind: type[T]) -> T:
        answer = self._http.request("POST", path, body=encode(draft))
        return self._written("POST", path, answer, kind)

    def _written(self, method: str, path: str, answer: JsonAnswer, kind: type[T]) -> T:
        """What a write made. Raises `UnknownOutcome` where Katana said yes but not to what."""
        try:
            written = self._one(method, path, answer, kind)
        except NotTheApi as error:
            raise self._http.unknown(f"{method} {path}", error.reason) from None
        if not getattr(written, "id", 0):
            raise self._http.unknown(f"{method} {path}", "the answer holds no id")
        return written

    def _one(self, method: str, path: str, answer: JsonAnswer, kind: type[T]) -> T:
        data = answer.data
        if isinstance(data, dict) and set(data) == {"data"}:
            data = data["data"]
        return self._converted(method, path, data, kind)

    def _converted(self, method: str, path: str, data: object, kind: type[T]) -> T:
        try:
            return record(data, kind)
        except (msgspec.ValidationError, RecursionError) as error:
            reason = f"the answer is not as expected: {self._http.words(error)}"
            raise NotTheApi(KATANA, f"{method} {path}", reason) from None

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

    def _list(self, path: str, params: Params, kind: type[T], *, whole: bool = False) -> list[T]:
        """A list to its end. A row that makes no sense is passed over, and so is what did not come
        though Katana counts it; `take_unread` tells of both. Raises for either where the list is to
        be `whole`: where what is not in it would be created."""
        found: dict[object, T] = {}
        for page in self._pages(path, params, kind, whole=whole):
            for row in page.rows:
                found.setdefault(getattr(row, "id", id(row)), row)
        return list(found.values())

    def _changed(
        self, path: str, params: Params, kind: type[T], *, to_its_end: bool = False
    ) -> tuple[list[T], datetime | None, datetime]:
        """A list of changes with its mark, and when it was given by Katana's own clock (UTC). Both
        are those of the first page, since whatever changes while the others are read has a later
        time. The mark is None where not all came: the list is then read again."""
        found: dict[object, T] = {}
        mark: datetime | None = None
        as_of: datetime | None = None
        for page in self._pages(path, params, kind, to_its_end=to_its_end):
            if as_of is None:
                mark, as_of = newest_update(page.rows, page.as_of), page.as_of
            if page.is_cut:
                mark = None
            for row in page.rows:
                found.setdefault(getattr(row, "id", id(row)), row)
        return list(found.values()), mark, as_of or EARLIEST

    def _pages(
        self,
        path: str,
        params: Params,
        kind: type[T],
        *,
        whole: bool = False,
        to_its_end: bool = False,
    ) -> Iterator[ListPage[T]]:
        """A list's pages to the last. Rows that enter at its top shift the others on to later
        pages, so some come twice and none is passed over.

        It goes on by the rows that came: where there are more, and fewer came than were asked for,
        so many are asked for from then on, and an answer that is too large is halved. Raises where
        rows are missing and the list is to be read `to_its_end`, or `whole`.
        """
        place, limit = 0, PER_PAGE
        count = _Count()
        while True:
            number = place // limit + 1
            place = (number - 1) * limit
            where = (("limit", str(limit)), ("page", str(number)))
            try:
                answer = self._http.get(path, (*params, *where))
            except TooLarge as error:
                if limit == 1 and whole:
                    raise
                if limit == 1:
                    self._pass_over(path, f"row {place + 1} cannot be read: {error.reason}")
                    count.passed_over += 1
                    place += 1
                limit = max(1, limit // 2)
                continue
            rows = answer.data.get("data") if isinstance(answer.data, dict) else answer.data
            if not isinstance(rows, list):
                raise NotTheApi(KATANA, f"GET {path}", "a list was expected")
            place += len(rows)
            told = _pagination(answer.headers)
            is_short = len(rows) < limit
            is_end = not rows or told.is_end(place, is_short=is_short)
            count.add(rows, told.total, is_short=is_short and not is_end)
            if is_stuck(count.alike, len(rows)):
                reason = "the same rows come again and again, whatever page is asked for"
                raise NotTheApi(KATANA, f"GET {path}", reason)
            missing = count.missing if is_end else ""
            if missing and (whole or to_its_end):
                raise NotTheApi(KATANA, f"GET {path}", missing)
            if missing:
                self._pass_over(path, missing)
            read = (self._row(path, row, kind, whole=whole) for row in rows)
            yield ListPage(
                tuple(r for r in read if r is not None), answer.as_of, is_cut=bool(missing)
            )
            if is_end:
                return
            limit = min(limit, len(rows))

    def _row(self, path: str, data: object, kind: type[T], *, whole: bool) -> T | None:
        """A row of a list; None for one that makes no sense, unless the list is to be `whole`."""
        try:
            return record(data, kind)
        except (msgspec.ValidationError, RecursionError) as error:
            row = data if isinstance(data, dict) else {}
            named = row.get("order_no") or row.get("name") or row.get("sku") or ""
            name = f"id:{plain(str(row.get('id')), 20)} {plain(str(named), 60)}".strip()
            if kind is SalesOrder:
                try:
                    known = record({k: row[k] for k in IDENTIFYING if k in row}, kind)
                except (msgspec.ValidationError, RecursionError):
                    pass
                else:
                    text = f"{name} is not as expected, only its number counts: {error}"
                    self._pass_over(path, text)
                    return known
            if whole:
                reason = f"the answer is not as expected: {name}: {self._http.words(error)}"
                raise NotTheApi(KATANA, f"GET {path}", reason) from None
            text = f"{name} is passed over, since its data is not as expected: {error}"
            self._pass_over(path, text)
            return None


def newest_update(rows: Iterable[object], as_of: datetime) -> datetime | None:
    """When the newest of these rows was changed (UTC), as far as that is not in Katana's future."""
    return newest((utc_time(getattr(row, "updated_at", "")) for row in rows), as_of)


class _Count:
    """What came of a list so far."""

    def __init__(self) -> None:
        self.passed_over = 0
        self.alike = 0
        self._ids: set[object] = set()
        self._without_id = 0
        self._rows: list[object] = []
        self._least_total: int | None = None
        self._was_short = False

    def add(self, rows: list[object], total: int | None, *, is_short: bool) -> None:
        """Count a page's rows."""
        ids = [row.get("id") if isinstance(row, dict) else None for row in rows]
        known = {each for each in ids if isinstance(each, (int, str))}
        self._ids |= known
        self._without_id += sum(not isinstance(each, (int, str)) for each in ids)
        self.alike = self.alike + 1 if rows == self._rows else 1
        self._rows = rows
        self._was_short |= is_short and total is not None
        if total is not None:
            self._least_total = min(total, self._least_total or total)

    @property
    def missing(self) -> str:
        """What did not come though it is counted; "" where all did."""
        came = len(self._ids) + self._without_id + self.passed_over
        total = self._least_total
        if not self._was_short or total is None or came >= total:
            return ""
        return f"only {came} of its {total} rows came"


class _Pagination(Struct, frozen=True):
    """What `X-Pagination` says: how many rows the whole list has, and whether this is its end.
    None where it does not say."""

    total: int | None = None
    is_last: bool | None = None

    def is_end(self, place: int, *, is_short: bool) -> bool:
        """Whether nothing comes behind this place, where a page ended that was as long as asked
        for, or short."""
        if self.total is not None:
            return place >= self.total
        return is_short if self.is_last is None else self.is_last


def _pagination(headers: Mapping[str, str]) -> _Pagination:
    """`X-Pagination` is a JSON object whose values are strings."""
    try:
        told = json.loads(headers.get("X-Pagination", ""))
    except ValueError:
        return _Pagination()
    if not isinstance(told, dict):
        return _Pagination()
    total = str(told.get("total_records", ""))
    last = str(told.get("last_page", "")).lower()
    return _Pagination(
        int(total) if total.isdecimal() and len(total) < 12 else None,
        last == "true" if last in ("true", "false") else None,
    )


def milliseconds(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
