"""Dates as people type them."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from itertools import product

from dateutil.parser import isoparse, parse
from dateutil.relativedelta import relativedelta

EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
"""No shop is older: WooCommerce is of 2011."""

AHEAD = timedelta(hours=14)
"""How much earlier than in UTC a day begins in the east: who types today's date may be there."""

_YEAR_FIRST = re.compile(r"\s*\d{4}\D")
_MONTH = re.compile(r"\d{4}-\d{2}|.*[^\W\d_].*", re.DOTALL)
"""A month in digits is written one way only."""

_TIME = re.compile(r"\dT\d")
"""In a date that has a time of the day, as ISO 8601 writes it without colons."""


class UnknownZone(ValueError):
    """A time zone's name that may be several, or is none."""


def read_past(text: str, now: datetime) -> datetime:
    """The moment (UTC) that a date, or a date with time, names; without a time its midnight in UTC,
    without a year the last such day, without a day the first of the month.

    Raises `ValueError`, with what to write instead, where it is none, where it may be several
    (01/02/2026), and where it is still to come at `now` (UTC).
    """
    try:
        found = {_utc(isoparse(text.strip()))}
    except ValueError:
        found = _readings(text, now)
    text = text[:40]
    if not found:
        raise ValueError(f'"{text}" is no date; write it like 2026-01-31 or "31 January 2026".')
    if len(found) > 1:
        several = " or ".join(words(each) for each in sorted(found))
        raise ValueError(f'"{text}" may be {several}; write it like 2026-01-31.')
    moment = found.pop()
    if moment > now + AHEAD:
        raise ValueError(f'"{text}" is still to come ({words(moment)}); write a day that was.')
    if moment < EARLIEST:
        raise ValueError(f'"{text}" is before the year 2000 ({words(moment)}).')
    return moment


def read_month(text: str) -> tuple[date, date]:
    """The first and the last day of a month: "2026-10", "October 2026".

    Raises `ValueError`, with what to write instead, where it is none, or names no year.
    """
    given = _given(text, day_first=True, year_first=True) if _MONTH.fullmatch(text) else None
    if given is None or given[1] != {"year", "month"}:
        raise ValueError(f'"{text}" is no month; write it as 2026-10.')
    first = given[0].date()
    return first, first + relativedelta(day=31)


def read_end(text: str, now: datetime) -> datetime:
    """The moment (UTC) at which a span ends that goes until this: a day and a month belong to it
    whole. As ISO 8601 has it, it may be still to come.

    Raises `ValueError`, with what to write instead, as `read_past` does.
    """
    try:
        _first, last = read_month(text)
    except ValueError:
        pass
    else:
        return datetime(last.year, last.month, last.day, tzinfo=UTC) + timedelta(days=1)
    try:
        moment = _utc(isoparse(text.strip()))
    except ValueError:
        moment = read_past(text, now)
    has_time = ":" in text or _TIME.search(text) is not None
    return moment if has_time else moment + timedelta(days=1)


def words(moment: datetime) -> str:
    """A moment (UTC) in words that nobody can misread."""
    return f"{moment.day} {moment:%B %Y, %H:%M} UTC"


def _readings(text: str, now: datetime) -> set[datetime]:
    """All moments that it may mean: days before months and after them, years before and after."""
    found = set()
    # nobody writes 2026-31-01
    orders = ((False, True),) if _YEAR_FIRST.match(text) else product((False, True), repeat=2)
    for day_first, year_first in orders:
        given = _given(text, day_first=day_first, year_first=year_first)
        if given is not None and "month" in given[1]:
            moment, names = given
            found.add(_utc(moment) if "year" in names else _last(moment, now))
    return found


def _given(text: str, *, day_first: bool, year_first: bool) -> tuple[datetime, set[str]] | None:
    """The date that dateutil reads, and which parts of it the text gives; None where it reads none.

    It takes what is missing from the default, so two defaults tell; in both it is a leap year.
    """
    try:
        one, two = (
            parse(text, default=each, dayfirst=day_first, yearfirst=year_first, tzinfos=_offset)
            for each in (datetime(2000, 1, 1), datetime(2004, 2, 2))  # noqa: DTZ001 (UTC is ours)
        )
    except UnknownZone:
        raise
    except (ValueError, OverflowError):
        return None
    return one, {n for n in ("year", "month", "day") if getattr(one, n) == getattr(two, n)}


def _offset(name: str | None, seconds: int | None) -> int | None:
    """A zone's offset; dateutil would leave out one whose name it doesn't know."""
    if name is not None and seconds is None:
        raise UnknownZone(f'"{name}" is no time zone that is one everywhere; write it like +02:00.')
    return seconds


def _last(moment: datetime, now: datetime) -> datetime:
    """The last such day of any year, of one that is given without."""
    latest, year = now + AHEAD, now.year + 1
    while True:  # 29 February too is in one of eight years
        same = moment + relativedelta(year=year)
        if same.day == moment.day and _utc(same) <= latest:
            return _utc(same)
        year -= 1


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
