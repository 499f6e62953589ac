"""The sandbox Katana's HTTP side: key, quota, and the calls that the resources declare.

A resource's file declares its calls with `call` and `lists`; anything else is a 404.
"""

from __future__ import annotations

import hmac
import math
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Any, TypeVar

import msgspec
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, MapAdapter, Rule
from werkzeug.wrappers import Request, Response

from katana_woo_sync.sandbox.katana.errors import (
    INVALID_BODY,
    VALIDATION_FAILED,
    Json,
    Problem,
    Refusal,
)
from katana_woo_sync.sandbox.katana.lists import filters_of, page_of, query_reader
from katana_woo_sync.sandbox.katana.resource import shown
from katana_woo_sync.sandbox.katana.schema import Schema, checker
from katana_woo_sync.sandbox.katana.state import State

T = TypeVar("T")
Work = TypeVar("Work", bound=Callable[..., Any])
Show = Callable[[State, T, Json | None], Json]
"""A record as JSON; the last argument is the query of the list that it stands in."""
Answer = tuple[object, dict[str, str]]
"""What is answered, before it is encoded (None: a 204), and its headers."""


PREFIX = "/v1"
WINDOW = timedelta(seconds=60)
UNLIMITED = 1_000_000


def show_fields(_state: State, record: object, _query: Json | None) -> Json:
    """A record as its fields."""
    return shown(record)


@dataclass(frozen=True)
class Call:
    """A call of the API: the schema of its body, or of its query, and what answers it."""

    method: str
    path: str
    schema: Schema | None
    answer: Callable[[State, Request, int], Answer]


CALLS: list[Call] = []
"""Every call that the resources declared."""


def call(
    method: str,
    path: str,
    *,
    takes: Schema | None = None,
    answers: Show[Any] = show_fields,
    first: Callable[[State, int], object] | None = None,
) -> Callable[[Work], Work]:
    """Declare a call, which the function does.

    It is given the state, the id where the path has one, and the body where the call `takes` one,
    which keeps that schema. What it returns is shown by `answers`; a DELETE answers nothing unless
    the state has it otherwise. `first` is called before the body is looked at, to refuse an id that
    is unknown.
    """
    problems_of = None if takes is None else checker(takes)

    def declared(work: Work) -> Work:
        def answer(state: State, request: Request, key: int) -> Answer:
            about = (key,) if "{id}" in path else ()
            if method == "DELETE" and path.removesuffix("/{id}") in state.undeletable:
                raise Refusal(412, f"{path.replace('{id}', str(key))} is in use: not deleted")
            if first is not None:
                first(state, key)
            if problems_of is None:
                found = work(state, *about)
            else:
                body = _parsed(request)
                problems = problems_of(body)
                if problems:
                    raise Refusal(422, INVALID_BODY, code=VALIDATION_FAILED, details=problems)
                found = work(state, *about, body)
            if method == "DELETE" and not state.deletion_has_body:
                return None, {}
            return answers(state, found, None), {}

        CALLS.append(Call(method, path, takes, answer))
        return work

    return declared


def lists(
    path: str,
    resource: type,
    *,
    answers: Show[Any] = show_fields,
    request: str = "find",
    dated: bool = True,
    key: str = "id",
    **filters: Schema,
) -> Callable[[Callable[[State, Json], Iterable[T]]], Callable[[State, Json], Iterable[T]]]:
    """Declare a list, of whose records the function gives all, newest first.

    Its filters are those of the resource's fields that take one in this `request`, and `filters`.
    `key` is the field that `State.spoilt` knows a row by.
    """
    schema = filters_of(resource, request, filters, dated=dated)
    read_query = query_reader(schema)

    def declared(work: Callable[[State, Json], Iterable[T]]) -> Callable[..., Iterable[T]]:
        def answer(state: State, asked: Request, _key: int) -> Answer:
            query = read_query(asked.args.to_dict(flat=False))
            query = {k: v for k, v in query.items() if k not in state.ignored_filters}
            records = () if state.blind_filters & query.keys() else work(state, query)
            rows, header = page_of(
                resource, records, query, lambda r: answers(state, r, query), state.most_rows
            )
            if state.spoilt:
                rows = [{**row, **state.spoilt.get(int(row.get(key, 0)), {})} for row in rows]
            return {"data": rows}, {"X-Pagination": header}

        CALLS.append(Call("GET", path, schema, answer))
        return work

    return declared


@cache
def _routes() -> MapAdapter:
    """Compiled once: it takes longer than most of what a test asks."""
    routes = Map(
        Rule(PREFIX + each.path.replace("{id}", "<int:key>"), methods=[each.method], endpoint=index)
        for index, each in enumerate(CALLS)
    )
    routes.update()
    return routes.bind("")


def _exact(text: str) -> int | Decimal:
    """A JSON number with a point or exponent; 5.0 is the integer 5, as JSON Schema sees it."""
    number = Decimal(text)
    return int(number) if number == number.to_integral_value() else number


_decoder = msgspec.json.Decoder(float_hook=_exact)
_encoder = msgspec.json.Encoder(decimal_format="number")


def _parsed(request: Request) -> object:
    if request.mimetype != "application/json":
        raise Refusal(415, f"Content-type {request.mimetype or 'none'} is not supported.")
    try:
        value: object = _decoder.decode(request.get_data())
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise Refusal(400, "The request body is not valid JSON.") from None
    return value


class Quota:
    """Katana's rate limit: so many requests in a window of 60 seconds, which opens with the first
    request after the last one closed."""

    def __init__(
        self, per_minute: int | None, clock: Callable[[], datetime], *, reset_in_seconds: bool
    ) -> None:
        self.limit(per_minute)
        self.others = 0
        """Requests of somebody else with the same key, for each one that is answered."""
        self._clock = clock
        self.reset_in = "seconds" if reset_in_seconds else "milliseconds"
        """The unit of `X-Ratelimit-Reset`: also "seconds from now"."""
        self._lock = threading.Lock()
        self._used = 0
        self._ends: datetime | None = None

    def limit(self, per_minute: int | None) -> None:
        """From now on so many requests are answered in a window; None: all."""
        self._limit = UNLIMITED if per_minute is None else per_minute
        self._enforced = per_minute is not None

    def take(self) -> tuple[dict[str, str], Refusal | None]:
        """Count a request: the headers of its answer, and the 429 if it was one too many."""
        with self._lock:
            now = self._clock()
            if self._ends is None or now >= self._ends:
                self._used, self._ends = 0, now + WINDOW
            self._used += 1 + self.others
            headers = {
                "X-Ratelimit-Limit": str(self._limit),
                "X-Ratelimit-Remaining": str(max(0, self._limit - self._used)),
                "X-Ratelimit-Reset": str(self._reset(now, self._ends)),
            }
            if not self._enforced or self._used <= self._limit:
                return headers, None
            wait = max(1, math.ceil((self._ends - now).total_seconds()))
        message = "Too many requests, please try again later."
        return headers, Refusal(429, message, headers={"Retry-After": str(wait)})

    def _reset(self, now: datetime, ends: datetime) -> int:
        if self.reset_in == "seconds from now":
            return math.ceil((ends - now).total_seconds())
        return math.ceil(ends.timestamp() * (1 if self.reset_in == "seconds" else 1000))


@dataclass(frozen=True)
class RefusedRequest:
    """A request that was answered 422, and what the client was told."""

    method: str
    path: str
    message: str
    details: tuple[Problem, ...]
    body: bytes


class KatanaApp:
    """Answers requests from one `State`; safe to call from several threads."""

    def __init__(self, state: State, quota: Quota, api_key: str) -> None:
        self._state = state
        self._quota = quota
        self._api_key = api_key
        self.violations: list[RefusedRequest] = []
        """Requests that broke the published contract."""
        self.refusals: list[RefusedRequest] = []
        """Requests that kept the contract and could not be done all the same."""

    def handle(self, request: Request) -> Response:
        """Answer one request."""
        headers, too_many = self._quota.take()
        try:
            self._check_key(request)
            if too_many is not None:
                raise too_many
            with self._state.lock:
                answer, more = self._dispatch(request)
        except Refusal as refusal:
            self._note(request, refusal)
            body = _encoder.encode(refusal.body())
            all_headers = {**headers, **refusal.headers}
            return Response(body, refusal.status, all_headers, content_type="application/json")
        if answer is None:
            return Response(b"", self._state.deletion_status, headers)
        body = _encoder.encode(answer)
        return Response(body, 200, {**headers, **more}, content_type="application/json")

    def _check_key(self, request: Request) -> None:
        given = request.headers.get("Authorization", "")
        if not hmac.compare_digest(given.encode(), f"Bearer {self._api_key}".encode()):
            raise Refusal(401, "Unauthorized")

    def _dispatch(self, request: Request) -> Answer:
        try:
            index, arguments = _routes().match(request.path, request.method)
        except HTTPException:
            message = f'Endpoint "{request.method} {request.path}" not found.'
            raise Refusal(404, message) from None
        return CALLS[int(index)].answer(self._state, request, int(arguments.get("key", 0)))

    def _note(self, request: Request, refusal: Refusal) -> None:
        if refusal.status != 422:
            return
        noted = RefusedRequest(
            request.method, request.path, refusal.message, refusal.details, request.get_data()
        )
        with self._state.lock:
            broken = refusal.code == VALIDATION_FAILED
            (self.violations if broken else self.refusals).append(noted)
