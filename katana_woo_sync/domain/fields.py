"""Field types for what two web services and their plugins really send.

WooCommerce sends amounts as strings, numbers, empty strings or null, depending on field, version
and plugin; Katana mixes numbers and strings in one answer. These types take all of it, exactly,
and refuse only what has no meaning (text for a number, NaN, an amount of absurd size).
"""

from __future__ import annotations

import threading
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import TypeVar

import msgspec

LARGEST_EXPONENT = 18
"""Katana's contract takes amounts up to 10^18; nothing a shop sells comes near."""

SMALLEST_EXPONENT = -40

LARGEST_WHOLE = 2**63 - 1
"""What a database holds; no id is larger."""

T = TypeVar("T")


class Amount(Decimal):
    """A decimal number: an amount of money, a quantity or a percentage. Empty and null are 0."""


class Price(Amount):
    """A product's price, which nothing depends on but the price of an item that is created. What is
    no number ("1..23", "12,50"; WooCommerce keeps it) is 0, and `nonsense` has it."""

    nonsense: str = ""


class Text(str):
    """A string. Null is empty; a number or boolean that a plugin put there is its text."""

    __slots__ = ()


class Whole(int):
    """A whole number, such as an id. Empty and null are 0."""


def _amount(value: object) -> Amount:
    if value is None or value == "":
        return Amount(0)
    if isinstance(value, bool) or not isinstance(value, (int, str, float, Decimal)):
        raise ValueError(f"a number is expected, not {type(value).__name__}")
    # str() first: a float's repr is the number that was written, its binary value is not.
    text = str(value).strip()
    try:
        amount = Amount(text)
    except InvalidOperation:
        raise ValueError("a number is expected, not this text") from None
    if not amount.is_finite() or (amount and amount.adjusted() > LARGEST_EXPONENT):
        raise ValueError("the number is too large or not a number")
    # a short number without an exponent of its own has few decimals; nearly all are
    if len(text) > -SMALLEST_EXPONENT or "e" in text or "E" in text:
        exponent = amount.as_tuple().exponent
        if isinstance(exponent, int) and exponent < SMALLEST_EXPONENT:
            raise ValueError("the number has too many decimals")
    return amount


def _price(value: object) -> Price:
    try:
        return Price(_amount(value))
    except ValueError:
        price = Price(0)
        price.nonsense = str(value)[:100]
        return price


def _text(value: object) -> Text:
    if type(value) is str:  # as it nearly always is
        return Text(value)
    if value is None:
        return Text("")
    if isinstance(value, bool):
        return Text("1" if value else "")  # as PHP casts it
    if isinstance(value, (str, int, float, Decimal)):
        return Text(str(value))
    raise ValueError(f"a text is expected, not {type(value).__name__}")


def _whole(value: object) -> Whole:
    if type(value) is int and abs(value) <= LARGEST_WHOLE:  # as it nearly always is
        return Whole(value)
    amount = _amount(value)
    if amount != amount.to_integral_value():
        raise ValueError("a whole number is expected")
    if abs(amount) > LARGEST_WHOLE:
        raise ValueError("the number is too large")
    return Whole(int(amount))


def _decode(kind: type, value: object) -> object:
    if kind is Amount:
        return _amount(value)
    if kind is Price:
        return _price(value)
    if kind is Text:
        return _text(value)
    if kind is Whole:
        return _whole(value)
    if kind is object:
        return value
    raise NotImplementedError(kind)  # msgspec's protocol for "not mine"


def convert(value: object, kind: type[T]) -> T:
    """Make a typed value of parsed JSON.

    Raises `msgspec.ValidationError`, which names the field, where a value has no meaning.
    """
    if kind not in _known:
        _learn(kind)
    return msgspec.convert(value, kind, strict=False, dec_hook=_decode)


_known: set[object] = set()
_learning = threading.Lock()


def _learn(kind: type) -> None:
    """Have msgspec look through a type and those in it, which it does at their first use. Two
    threads that do so at once crash the process, so everything typed goes through `convert`."""
    with _learning, suppress(msgspec.ValidationError):
        try:
            msgspec.convert(None, kind, strict=False, dec_hook=_decode)
        finally:
            _known.add(kind)


def utc_time(text: str) -> datetime | None:
    """The UTC time in an ISO 8601 text; None where it is empty or not a time.

    WooCommerce's `*_gmt` fields carry no suffix and mean UTC; Katana's end in `Z`.
    """
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
