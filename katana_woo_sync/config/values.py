"""From what stands in the file to what is meant. Each function raises ValueError with what is
allowed ("must be …"); whoever reads the file adds the key and, unless it is a secret, the value."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation

from msgspec import Struct

from katana_woo_sync.config import address
from katana_woo_sync.config.problems import printable

_DURATION = re.compile(
    r"(?:(?P<days>\d{1,6})d)? ?(?:(?P<hours>\d{1,6})h)? ?"
    r"(?:(?P<minutes>\d{1,6})m)? ?(?:(?P<seconds>\d{1,9})s)?",
    re.ASCII,
)
DURATION = r"^ *((?=\d)(\d{1,6}d)? ?(\d{1,6}h)? ?(\d{1,6}m)? ?(\d{1,9}s)?|\d{1,9}) *$"
"""The same for the JSON schema, with a bare number of seconds."""

MOMENT = r"^ *\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:?\d\d)?)? *$"
"""A date, or a moment, for the JSON schema."""

_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_DATE_TIME = re.compile(
    r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:?\d\d)?", re.ASCII
)
_PERCENTAGE = re.compile(r"\d{1,3}(\.\d{1,4})?", re.ASCII)
_NUMBER = re.compile(r"\d{1,9}(\.\d{1,6})?", re.ASCII)
_STATUS = re.compile(r"[a-z0-9_-]{1,20}")


class StockReserve(Struct, frozen=True):
    """What the shop must not sell of the stock at its location: pieces, or a percentage of it."""

    quantity: Decimal = Decimal(0)
    is_percentage: bool = False


NO_RESERVE = StockReserve()

KATANA_URL = "https://api.katanamrp.com/v1"

LARGEST_TAX = Decimal("999.999")
"""Katana's contract for `tax_rates.rate`."""

_EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
_LATEST = datetime(2100, 1, 1, tzinfo=UTC)

FINAL_STATUSES = frozenset(
    {"auto-draft", "cancelled", "checkout-draft", "completed", "failed", "refunded", "trash"}
)
"""Statuses of orders that are over or never were; WooCommerce's own names."""


def duration(value: object, least: timedelta, most: timedelta) -> timedelta:
    """ "5m", "1h30m", "90s", "24h", or seconds as a whole number."""
    allowed = (
        f'must be a duration from {written(least)} to {written(most)}, such as "90s", "5m" or '
        '"1h30m"'
    )
    match value:
        case bool():
            raise ValueError(allowed)
        case int() if value.bit_length() < 40:
            found = timedelta(seconds=value)
        case str():
            found = _written_duration(value.strip(), allowed)
        case _:
            raise ValueError(allowed)
    if not least <= found <= most:
        raise ValueError(allowed)
    return found


def _written_duration(text: str, allowed: str) -> timedelta:
    if re.fullmatch(r"\d{1,9}", text, re.ASCII):
        return timedelta(seconds=int(text))
    found = _DURATION.fullmatch(text)
    parts = {unit: int(n) for unit, n in found.groupdict().items() if n} if found else {}
    if not parts:
        raise ValueError(allowed)
    return timedelta(**parts)


def written(length: timedelta) -> str:
    seconds = int(length.total_seconds())
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds and seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def moment(value: object) -> datetime:
    """A date (its midnight in UTC) or a date with time (UTC unless it says otherwise), as TOML's
    own or as text. Aware UTC."""
    allowed = (
        "must be a date such as 2026-01-01 (midnight UTC) or a date with time such as "
        "2026-01-01T08:00:00+02:00, in the years 2000 to 2099"
    )
    try:
        found = _moment(value)
    except (ValueError, OverflowError):
        raise ValueError(allowed) from None
    if not _EARLIEST <= found < _LATEST:
        raise ValueError(allowed)
    return found


def _moment(value: object) -> datetime:
    match value:
        case datetime() if value.tzinfo is None:
            return value.replace(tzinfo=UTC)
        case datetime():
            return value.astimezone(UTC)
        case date():
            return datetime.combine(value, time(), tzinfo=UTC)
        case str() if _DATE.fullmatch(value.strip()):
            return _moment(date.fromisoformat(value.strip()))
        case str() if _DATE_TIME.fullmatch(value.strip()):
            return _moment(datetime.fromisoformat(value.strip()))
        case _:
            raise ValueError


def percentage(text: str) -> Decimal:
    """The key of [taxes]: a tax rate's percentage."""
    if "," in text:
        raise ValueError(
            'must be written with a point, in quotes, as in "8.875" = "Sales tax": a comma is not '
            "understood"
        )
    if "%" in text:
        raise ValueError('must be the number alone, without the % sign, as in "24" = "VAT 24 %"')
    found = Decimal(text) if _PERCENTAGE.fullmatch(text) else None
    if found is None or found > LARGEST_TAX:
        raise ValueError(
            f'must be a percentage from 0 to {LARGEST_TAX}, as in "24" = "VAT 24 %" (at most four '
            "decimals)"
        )
    return found


def reserve(value: object) -> StockReserve:
    """A number of pieces, or a percentage as text: 5, 2.5, "5", "10%"."""
    allowed = 'must be a number of pieces from 0, such as 5, or a percentage up to 100, as "10%"'
    if isinstance(value, bool) or not isinstance(value, (int, Decimal, str)):
        raise ValueError(allowed)
    if isinstance(value, int) and value.bit_length() > 40:
        raise ValueError(allowed)
    text = format(value, "f") if _is_written_plainly(value) else str(value).strip()
    number = text.removesuffix("%").rstrip()
    if not _NUMBER.fullmatch(number):
        raise ValueError(allowed)
    found = StockReserve(Decimal(number), is_percentage=text.endswith("%"))
    if found.is_percentage and found.quantity > 100:
        raise ValueError(allowed)
    return found


def _is_written_plainly(value: object) -> bool:
    """Whether a number with an exponent (`1e1`) can be written out without growing absurd."""
    return isinstance(value, Decimal) and value.is_finite() and abs(value.adjusted()) < 20


def seconds(value: object, least: int, most: int) -> float:
    """Seconds as a number, whole or not."""
    allowed = f"must be a number of seconds from {least} to {most}"
    if isinstance(value, bool) or not isinstance(value, (int, Decimal)):
        raise ValueError(allowed)
    try:
        if not least <= value <= most:
            raise ValueError(allowed)
    except InvalidOperation:  # nan
        raise ValueError(allowed) from None
    return float(value)


def status(text: str) -> str:
    """A WooCommerce order status by its slug; WooCommerce's database puts `wc-` before it, its REST
    API does not."""
    slug = text.strip().lower().removeprefix("wc-")
    if not _STATUS.fullmatch(slug):
        raise ValueError(
            'must be the slug of a WooCommerce order status, such as "processing" or "on-hold"'
        )
    if slug in FINAL_STATUSES:
        raise ValueError(
            f"must not be one of the statuses of orders that are over ({', '.join(_FINAL)})"
        )
    return slug


_FINAL = sorted(FINAL_STATUSES)


def done_status(text: str) -> str:
    """The slug of a status that means that an order is done, such as "completed" or "shipped"."""
    slug = text.strip().lower().removeprefix("wc-")
    if not _STATUS.fullmatch(slug) or slug in FINAL_STATUSES - {"completed"}:
        raise ValueError('must be a status that means that an order is done, such as "shipped"')
    return slug


NAME = re.compile(r"[A-Za-z0-9_-]{1,40}")


def katana_url(text: str) -> str:
    """The address of Katana's API."""
    example = f'must be the address of Katana\'s API, such as "{KATANA_URL}"'
    try:
        where = address.parse(text)
    except ValueError:
        raise ValueError(example) from None
    if where.scheme == "http" and not where.is_loopback:
        raise ValueError(f"{example}, with https (http is for this machine alone)")
    return where.url


def store_name(text: str) -> str:
    """What a store is called in all messages."""
    if not NAME.fullmatch(text):
        raise ValueError("must be 1 to 40 letters (A to Z), digits, - or _")
    return text


def store_url(text: str) -> str:
    """The address of a shop. Raises ValueError."""
    address.parse(text)
    return text.strip()


def location(value: object) -> str:
    """A Katana location, by name or id."""
    match value:
        case bool():
            pass
        case int() if 0 < value < 10**15:
            return str(value)
        case str():
            return one_line(value, 255)
    raise ValueError("must be a Katana location's name or id")


def one_line(text: str, longest: int, *, strip: bool = True) -> str:
    """A text of one line."""
    if printable(text) != text or len(text) > longest:
        raise ValueError(f"must be one line of at most {longest} characters")
    return text.strip() if strip else text


def not_empty(text: str) -> str:
    """A text of one line that is not empty."""
    if not text.strip() or printable(text) != text:
        raise ValueError("must be a text of one line that is not empty")
    return text
