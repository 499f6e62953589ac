"""Katana's side of HTTP: the key, Katana's words for what it refuses, lists and creates."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Protocol, TypeVar

import msgspec
import requests
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
)
from katana_woo_sync.clients.http import HttpClient, Params, utc_now
from katana_woo_sync.clients.redact import Redactor
from katana_woo_sync.clients.throttle import Throttle
from katana_woo_sync.clients.together import Together, outcome
from katana_woo_sync.domain.cursors import newest
from katana_woo_sync.domain.fields import utc_time
from katana_woo_sync.domain.katana import Draft, encode

KATANA = "Katana"
PER_PAGE = 250
MOST_PAGES = 100_000

QUICK = 0.01
"""Seconds. An answer that comes sooner costs less waiting than a thread costs work."""

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
        cancelled: Callable[[], bool] = lambda: False,
        clock: Callable[[], datetime] = utc_now,
        quick: float = QUICK,
    ) -> None:
        """`quick`: seconds; where answers come sooner, requests do not overlap."""
        self._quick = quick
        self._throttle = throttle
        self._cancelled = cancelled
        self._together = Together()
        self._http = KatanaHttp(
            KATANA,
            settings.url,
            redactor=redactor,
            timeout=timeout,
            auth=lambda: Bearer(settings.api_key),
            throttle=throttle,
            attempts=attempts,
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

    def wait_for_room(self, requests: int) -> None:
        """Wait until so many requests may be sent at once. Nothing is reserved: it keeps a step
        that is to be short from waiting for the quota in its middle."""
        self._throttle.wait_for_room(requests, self._cancelled)

    def _do(self, calls: Sequence[Callable[[], T]]) -> list[T | Exception]:
        """What each call gave or raised, in their order; their requests overlap where Katana's
        answers take long enough for that to gain something."""
        done: list[T | Exception] = []
        for place, call in enumerate(calls):
            if not self._http.answers_within(self._quick):
                return [*done, *self._together.do(calls[place:])]
            done.append(outcome(call))
        return done

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

    def _list(self, path: str, params: Params, kind: type[T]) -> list[T]:
        found: dict[object, T] = {}
        for page in self._pages(path, params, kind):
            for row in page:
                found.setdefault(getattr(row, "id", id(row)), row)
        return list(found.values())

    def _changed(
        self, path: str, params: Params, kind: type[T]
    ) -> tuple[list[T], datetime | None, datetime]:
        """A list of changes with its mark, and when it was given by Katana's own clock (UTC). Both
        are those of the first page, since whatever changes while the others are read has a later
        time."""
        found: dict[object, T] = {}
        mark: datetime | None = None
        as_of: datetime | None = None
        for page, given_at in self._dated_pages(path, params, kind):
            if as_of is None:
                mark, as_of = newest_update(page, given_at), given_at
            for row in page:
                found.setdefault(getattr(row, "id", id(row)), row)
        return list(found.values()), mark, as_of or EARLIEST

    def _pages(self, path: str, params: Params, kind: type[T]) -> Iterator[list[T]]:
        for page, _as_of in self._dated_pages(path, params, kind):
            yield page

    def _dated_pages(
        self, path: str, params: Params, kind: type[T]
    ) -> Iterator[tuple[list[T], datetime]]:
        """A list's pages to the last. Rows that enter at its top shift the others on to later
        pages, so some come twice and none is passed over."""
        for page in range(1, MOST_PAGES):
            place = (("limit", str(PER_PAGE)), ("page", str(page)))
            answer = self._http.get(path, (*params, *place))
            rows = answer.data.get("data") if isinstance(answer.data, dict) else answer.data
            if not isinstance(rows, list):
                raise NotTheApi(KATANA, f"GET {path}", "a list was expected")
            yield [self._converted("GET", path, row, kind) for row in rows], answer.as_of
            if len(rows) < PER_PAGE or _is_last(answer.headers):
                return


def newest_update(rows: Iterable[object], as_of: datetime) -> datetime | None:
    """When the newest of these rows was changed (UTC), as far as that is not in Katana's future."""
    return newest((utc_time(getattr(row, "updated_at", "")) for row in rows), as_of)


def _is_last(headers: Mapping[str, str]) -> bool:
    """What `X-Pagination` says, a JSON object whose values are strings."""
    try:
        pagination = json.loads(headers.get("X-Pagination", ""))
    except ValueError:
        return False
    if not isinstance(pagination, dict):
        return False
    return str(pagination.get("last_page", "")).lower() == "true"


def milliseconds(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
