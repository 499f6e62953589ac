"""From the bytes of an answer to JSON, or to the error that says what came instead."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.utils import parsedate_to_datetime
from itertools import islice
from typing import TypeVar

import msgspec
from msgspec import Struct

from katana_woo_sync.domain.fields import convert

_DECODER = msgspec.json.Decoder(float_hook=Decimal)
_TAG = re.compile(r"<[^<>]{0,500}>")
_SCRIPTS = re.compile(r"<(script|style|head)\b.*?</\1>", re.IGNORECASE | re.DOTALL)
_CHALLENGES = (
    "just a moment",
    "attention required",
    "captcha",
    "cf-chl",
    "challenge-platform",
    "checking your browser",
    "ddos-guard",
)
_LONE_SURROGATE = re.compile(
    rb"(\\\\|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})"
    rb"|\\u[dD][89a-fA-F][0-9a-fA-F]{2}"
)
_OPENING = re.compile(r"(?:^|>)[ \t]*[\[{]", re.MULTILINE)
_PRINTED_BY_PHP = (
    b"<",
    b"Warning",
    b"Notice",
    b"Deprecated",
    b"Fatal",
    b"Parse",
    b"Strict",
    b"PHP",
)
_FROM_CACHE = re.compile(r"(?<![a-z])(hit|stale|revalidated|updating)(?![a-z])", re.IGNORECASE)
MOST_VALUES = 500_000
"""Values in one answer. A hundred orders have some thousands; each value takes memory of its own,
so that sixty million bytes of "[]," would take 1.5 GB."""

MOST_OPENINGS = 200
"""How many brackets in a plugin's warning are tried for the beginning of the JSON."""

OLDEST = 10
"""Digits of an `Age`, in seconds; one with more is nonsense."""

REST_OF_A_SECOND = timedelta(milliseconds=999)
"""A `Date` is in whole seconds."""

EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
"""No date of an answer is earlier."""

BOM = b"\xef\xbb\xbf"

T = TypeVar("T")


class Garbage(Exception):
    """A body that is no JSON; the text says what it is instead."""


class TooManyValues(Garbage):
    """A body with more values than any page of a list has."""


class JsonAnswer(Struct, frozen=True):
    """An answer: its status, headers (any case), and parsed body with Decimal numbers.

    `as_of` (UTC) is when the service gave it, by the service's own clock: no true time of a change
    lies beyond that.
    """

    status: int
    headers: Mapping[str, str]
    data: object
    as_of: datetime


def parse_json(body: bytes) -> object:
    """The JSON of a body, numbers with a point as Decimal.

    A byte order mark, warnings that a plugin's PHP printed before the JSON, and whatever stands
    behind it (a cache's comment, a script, a notice at shutdown), are passed over: the first whole
    value counts. Raises `Garbage` for anything else that is no JSON object or list.
    """
    text = body.strip().removeprefix(BOM).strip()
    if not text:
        raise Garbage("the answer was empty")
    if text.count(b",") > MOST_VALUES:
        raise TooManyValues("the answer is far too large")
    for candidate in (text, *_after_notice(text)):
        try:
            data = _decode(candidate)
        except ValueError:
            continue
        if isinstance(data, (dict, list)):
            return data
        raise Garbage(f"JSON of the wrong type came ({type(data).__name__})")
    first = _first_whole(text)
    if first is not None:
        return first
    raise Garbage(what_is(text))


def _first_whole(text: bytes) -> object | None:
    """The first whole JSON object, or list of objects, that something else stands behind; None
    where there is none. What a warning quotes in its words begins no line, and no value."""
    words = _without_surrogates(text).decode("utf-8", "surrogateescape")
    decoder = json.JSONDecoder(parse_float=Decimal, parse_constant=_refuse)
    # a page's scripts hold JSON too, which is no answer of the API's
    is_page = text[:9].lower() == b"<!doctype" or text[:5].lower() == b"<html"
    begins = text.startswith(_PRINTED_BY_PHP) and not is_page
    openings = _OPENING.finditer(words) if begins else ()
    for place in (0, *(m.end() - 1 for m in islice(openings, MOST_OPENINGS))):
        if words[place] not in "[{":
            continue
        data: object
        try:
            data, end = decoder.raw_decode(words, place)
            words[place:end].encode()  # raises for bytes that are no UTF-8
        except (ValueError, ArithmeticError, RecursionError):
            continue
        if isinstance(data, dict):
            return data
        if isinstance(data, list) and all(isinstance(row, dict) for row in data):
            return data
    return None


def _decode(text: bytes) -> object:
    """Raises ValueError for what is no JSON, or holds what no answer holds."""
    try:
        return _DECODER.decode(text)
    except (msgspec.MsgspecError, ArithmeticError, RecursionError, UnicodeDecodeError):
        pass
    try:
        return json.loads(_without_surrogates(text), parse_float=Decimal, parse_constant=_refuse)
    except (ArithmeticError, RecursionError):
        raise ValueError("its numbers or its nesting are absurd") from None


def _without_surrogates(text: bytes) -> bytes:
    """Half an emoji (a name that a plugin cut) is no text; it becomes the replacement character."""
    return _LONE_SURROGATE.sub(lambda match: match.group(1) or b"\\ufffd", text)


def _refuse(name: str) -> object:
    raise ValueError(f"{name} is no JSON")


def _after_notice(text: bytes) -> Iterator[bytes]:
    """What may be the JSON behind PHP's warnings: from each of the first brackets to the end."""
    if not text.startswith(_PRINTED_BY_PHP):
        return
    openings = re.finditer(rb"[\[{]", text)
    for _number, opening in zip(range(MOST_OPENINGS), openings, strict=False):
        yield text[opening.start() :]


def what_is(body: bytes) -> str:
    """What a body that is no JSON seems to be, in words for a person."""
    text = body[:20000].decode("utf-8", "replace")
    low = text.lower()
    if not low.strip():
        return "the answer was empty"
    if is_challenge(body):
        return "a challenge page of a firewall (such as Cloudflare's) came instead of JSON"
    if "wp-login" in low or 'type="password"' in low:
        return "a login page came instead of JSON"
    if "<html" in low or "<!doctype" in low or "<body" in low:
        title = re.search(r"<title[^>]*>(.*?)</title>", text, re.IGNORECASE | re.DOTALL)
        words = words_of(title.group(1) if title else text)
        return f'an HTML page came instead of JSON ("{words}")'
    if low.lstrip()[:1] in ("{", "["):
        return "the answer was cut off, or its JSON is broken"
    return f'text that is no JSON came ("{words_of(text)}")'


def is_challenge(body: bytes) -> bool:
    """Whether a firewall wants to see a browser."""
    low = body[:20000].decode("utf-8", "replace").lower()
    return "<" in low and any(sign in low for sign in _CHALLENGES)


def words_of(text: str, limit: int = 120) -> str:
    """The words of a piece of HTML, on one line and not too many."""
    plain = " ".join(html.unescape(_TAG.sub(" ", _SCRIPTS.sub(" ", text))).split())
    return plain if len(plain) <= limit else plain[: limit - 1] + "…"


def retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """The seconds of a `Retry-After`, given as seconds or as an HTTP date; None without one."""
    text = headers.get("Retry-After", "").strip()
    if not text:
        return None
    if re.fullmatch(r"\d{1,9}(\.\d+)?", text):
        return float(text)
    from dateutil import parser

    try:
        at = parser.parse(text)
    except (ValueError, OverflowError):
        return None
    at = at.replace(tzinfo=UTC) if at.tzinfo is None else at
    return max(0.0, (at - now).total_seconds())


def skew_of(headers: Mapping[str, str], now: datetime) -> timedelta | None:
    """How far the clock behind a `Date` header is ahead of `now` (UTC); None without the header."""
    at = _date(headers)
    return None if at is None else at - now


def as_of(headers: Mapping[str, str], now: datetime) -> datetime:
    """When an answer was given, by the service's own clock (UTC): its `Date`, to the end of that
    second, less its `Age`, since some caches date what they kept anew. `now` where the service does
    not say."""
    at = _date(headers)
    if at is None:
        return now
    age = headers.get("Age", "").strip()
    seconds = int(age) if age.isdecimal() and len(age) < OLDEST else 0
    return max(at - timedelta(seconds=seconds), EARLIEST) + REST_OF_A_SECOND


def _date(headers: Mapping[str, str]) -> datetime | None:
    try:
        at = parsedate_to_datetime(headers.get("Date", ""))
        at = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, TypeError, OverflowError):
        return None
    return max(at, EARLIEST)


def sign_of_cache(headers: Mapping[str, str]) -> str:
    """The header by which a cache says that it answered in the service's place; "" without one.

    Caches have no name for it in common, but nearly all say "hit", or how old the answer is.
    """
    for name, value in headers.items():
        is_hit = "cache" in name.lower() and _FROM_CACHE.search(value)
        is_old = name.lower() == "age" and value.strip().isdecimal() and int(value) > 0
        if is_hit or is_old:
            return f"{name}: {words_of(value, 40)}"
    return ""


def record(data: object, kind: type[T]) -> T:
    """A typed record of parsed JSON, nulls and PHP's odd empty values forgiven.

    Raises `msgspec.ValidationError`, which names the field, where a value has no meaning.
    """
    try:
        return convert(data, kind)
    except msgspec.ValidationError:
        return convert(_as_meant(data), kind)


def _as_meant(data: object) -> object:
    """The data without nulls and empty lists (PHP's way to write an empty object),
    which then are the fields' defaults; and lists that PHP made objects with numbered keys."""
    if isinstance(data, list):
        return [_as_meant(entry) for entry in data]
    if not isinstance(data, dict):
        return data
    kept = {name: _as_meant(value) for name, value in data.items() if value not in (None, [])}
    if kept and all(isinstance(name, str) and name.isdigit() for name in kept):
        return list(kept.values())
    return kept
