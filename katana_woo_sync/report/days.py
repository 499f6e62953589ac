"""From moments to values for each day, as people in a time zone see days."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta, tzinfo

from katana_woo_sync.ledger.statistics import Moment, Wait
from katana_woo_sync.report.values import Series

OTHERS = "other stores"
MOST_SERIES = 6


def last_days(now: datetime, zone: tzinfo | None, count: int) -> list[date]:
    """Today and the days before, oldest first, in the zone (None: the machine's)."""
    today = now.astimezone(zone).date()
    return [today - timedelta(days=n) for n in reversed(range(count))]


def begin_of(day: date, zone: tzinfo | None) -> datetime:
    """When a day begins in the zone (None: the machine's)."""
    return datetime.combine(day, time.min, zone).astimezone(zone)


def per_day(
    moments: Sequence[Moment],
    days: Sequence[date],
    zone: tzinfo | None,
    names: Mapping[str, str],
) -> list[Series]:
    """How many there were each day; a series for each identity that `names` has, in its order."""
    index = {day: n for n, day in enumerate(days)}
    found = {identity: [0.0] * len(days) for identity in names}
    for moment in moments:
        n = index.get(moment.at.astimezone(zone).date())
        if n is not None and moment.identity in found:
            found[moment.identity][n] += moment.count
    return few([Series(names[identity], values) for identity, values in found.items()])


def backlog(
    waits: Sequence[Wait],
    days: Sequence[date],
    now: datetime,
    zone: tzinfo | None,
    names: Mapping[str, str],
) -> list[Series]:
    """How many orders waited for their import when each day ended; today: how many wait now."""
    ends = [min(now, begin_of(day + timedelta(days=1), zone)) for day in days]
    found = []
    for identity, name in names.items():
        own = [wait for wait in waits if wait.identity == identity]
        begun = sorted(wait.begin for wait in own)
        ended = sorted(wait.end for wait in own if wait.end is not None)
        left = [bisect_right(begun, end) - bisect_right(ended, end) for end in ends]
        found.append(Series(name, [float(max(0, n)) for n in left]))
    return few(found)


def minutes(waits: Sequence[Wait], days: Sequence[date], zone: tzinfo | None) -> list[Series]:
    """How many minutes nine of ten orders, and half of them, waited at most, by the day on which
    the wait ended; 0 where none did."""
    index = {day: n for n, day in enumerate(days)}
    found: list[list[float]] = [[] for _ in days]
    for wait in waits:
        n = None if wait.end is None else index.get(wait.end.astimezone(zone).date())
        if n is not None and wait.end is not None:
            found[n].append(max(0.0, (wait.end - wait.begin).total_seconds() / 60))
    return [
        Series("nine of ten within", [_share(values, 0.9) for values in found]),
        Series("half within", [_share(values, 0.5) for values in found]),
    ]


def _share(values: list[float], share: float) -> float:
    """The least of the values that so many of them do not exceed; 0 for none."""
    if not values:
        return 0.0
    return sorted(values)[math.ceil(share * len(values)) - 1]


def few(series: Sequence[Series]) -> list[Series]:
    """The series, all beyond the number of colours as one."""
    if len(series) <= MOST_SERIES:
        return list(series)
    kept, rest = list(series[: MOST_SERIES - 1]), series[MOST_SERIES - 1 :]
    sums = [sum(values) for values in zip(*(each.values for each in rest), strict=True)]
    return [*kept, Series(OTHERS, sums)]
