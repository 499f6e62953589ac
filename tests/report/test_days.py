"""Days as people in a time zone see them, and what is summed up for each."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from katana_woo_sync.ledger.statistics import Moment, Wait
from katana_woo_sync.report.days import backlog, begin_of, few, last_days, minutes, per_day
from katana_woo_sync.report.values import Series

ATHENS = ZoneInfo("Europe/Athens")
NOW = datetime(2026, 3, 2, 23, 30, tzinfo=UTC)
NAMES = {"a": "eu", "b": "us"}
HOUR = timedelta(hours=1)


def test_the_last_day_is_today_in_the_zone() -> None:
    assert last_days(NOW, UTC, 2) == [date(2026, 3, 1), date(2026, 3, 2)]
    assert last_days(NOW, ATHENS, 1) == [date(2026, 3, 3)]


def test_a_day_begins_at_midnight_of_the_zone_also_when_the_clocks_change() -> None:
    day = date(2026, 3, 29)
    assert begin_of(day, ATHENS) == datetime(2026, 3, 28, 22, tzinfo=UTC)
    assert begin_of(day + timedelta(days=1), ATHENS) == datetime(2026, 3, 29, 21, tzinfo=UTC)


def test_moments_are_counted_on_their_day_for_their_store() -> None:
    days = last_days(NOW, ATHENS, 2)
    moments = [Moment("a", NOW, 2), Moment("a", NOW - 3 * HOUR, 1), Moment("gone", NOW, 9)]
    eu, us = per_day(moments, days, ATHENS, NAMES)
    assert (eu.name, list(eu.values)) == ("eu", [1, 2])
    assert list(us.values) == [0, 0]


def test_the_backlog_is_what_was_seen_and_not_yet_imported() -> None:
    days = last_days(NOW, UTC, 2)
    waits = [
        Wait("a", NOW - 24 * HOUR, NOW - 2 * HOUR),
        Wait("a", NOW - 24 * HOUR, None),
        Wait("a", NOW - HOUR, NOW),
    ]
    eu, _us = backlog(waits, days, NOW, UTC, NAMES)
    assert list(eu.values) == [2, 1]


def test_half_and_nine_of_ten_waited_so_long() -> None:
    waits = [Wait("a", NOW - timedelta(minutes=n), NOW) for n in range(1, 11)]
    nine_of_ten, half = minutes(waits, last_days(NOW, UTC, 2), UTC)
    assert (list(nine_of_ten.values), list(half.values)) == ([0, 9], [0, 5])


def test_stores_beyond_the_colours_are_one() -> None:
    series = [Series(str(n), [1.0, n]) for n in range(9)]
    shown = few(series)
    assert [each.name for each in shown] == ["0", "1", "2", "3", "4", "other stores"]
    assert list(shown[-1].values) == [4.0, 5 + 6 + 7 + 8]


@given(st.lists(st.integers(0, 60 * 24 * 40), max_size=30))
def test_nothing_within_the_days_is_lost(ago: list[int]) -> None:
    days = last_days(NOW, ATHENS, 30)
    times = [NOW - timedelta(minutes=n) for n in ago]
    (eu, _us) = per_day([Moment("a", at, 1) for at in times], days, ATHENS, NAMES)
    assert sum(eu.values) == sum(at >= begin_of(days[0], ATHENS) for at in times)
