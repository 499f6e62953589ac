"""From the bytes of an answer to JSON, or to the error that says what came instead."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

import msgspec

_DECODER = msgspec.json.Decoder(float_hook=Decimal)
_TAG = re.compile(r"<[^<>]{0,500}>")
_SCRIPTS = re.compile(r"<(script|style|head)\b.*?</\1>", re.IGNORECASE | re.DOTALL)
_CHALLENGES = ("just a moment", "attention required", "captcha", "cf-chl", "challenge-platform")
BOM = b"\xef\xbb\xbf"


class Garbage(Exception):
    """A body that is no JSON; the text says what it is instead."""


@dataclass(frozen=True)
class JsonAnswer:
    """An answer: its status, headers (any case), and parsed body with Decimal numbers."""

    status: int
    headers: Mapping[str, str]
    data: object


def parse_json(body: bytes) -> object:
    """The JSON of a body, numbers with a point as Decimal.

    A byte order mark, and warnings that a plugin's PHP printed before the JSON, are passed over.
    Raises `Garbage` for anything else that is no JSON.
    """
    text = body.removeprefix(BOM).strip()
    if not text:
        raise Garbage("the answer was empty")
    try:
        return _decode(text)
    except ValueError:
        after_notice = _after_notice(text)
        if after_notice is not None:
            return after_notice
    raise Garbage(what_is(text))


def _decode(text: bytes) -> object:
    try:
        return _DECODER.decode(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return _decode_slowly(text)


def _decode_slowly(text: bytes) -> object:
    """What msgspec refuses and Python's own parser takes: lone surrogates in a customer's name."""
    try:
        return json.loads(text, parse_float=Decimal, parse_constant=_refuse_constant)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _refuse_constant(name: str) -> object:
    raise ValueError(f"{name} is no JSON")


def _after_notice(text: bytes) -> object | None:
    """The JSON behind PHP's warnings, which are HTML; None where there is none."""
    if text[:1] not in b"<\n" and not text.startswith((b"Warning", b"Notice", b"Deprecated")):
        return None
    for opening in (b"[{", b"{", b"["):
        at = text.find(opening)
        if at > 0:
            try:
                return _decode(text[at:])
            except ValueError:
                continue
    return None


def what_is(body: bytes) -> str:
    """What a body that is no JSON seems to be, in words for a person."""
    text = body[:20000].decode("utf-8", "replace")
    low = text.lower()
    if any(sign in low for sign in _CHALLENGES):
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


def words_of(text: str, limit: int = 120) -> str:
    """The words of a piece of HTML, on one line and not too many."""
    plain = " ".join(html.unescape(_TAG.sub(" ", _SCRIPTS.sub(" ", text))).split())
    return plain if len(plain) <= limit else plain[: limit - 1] + "…"


def retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """The seconds of a `Retry-After`, given as seconds or as an HTTP date; None without one."""
    text = headers.get("Retry-After", "").strip()
    if not text:
        return None
    if re.fullmatch(r"\d+(\.\d+)?", text):
        return float(text)
    from dateutil import parser

    try:
        at = parser.parse(text)
    except (ValueError, OverflowError):
        return None
    at = at.replace(tzinfo=UTC) if at.tzinfo is None else at
    return max(0.0, (at - now).total_seconds())
