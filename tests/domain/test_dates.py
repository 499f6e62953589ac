"""Dates as people type them."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from katana_woo_sync.domain.dates import read_month, read_past, words

NOW = datetime(2026, 11, 27, 18, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("2026-11-01", "1 November 2026, 00:00 UTC"),
        ("20261101", "1 November 2026, 00:00 UTC"),
        ("2026/11/01", "1 November 2026, 00:00 UTC"),
        (" 2026-11-01 8:00", "1 November 2026, 08:00 UTC"),
        ("2026-11-01T08:00:00+02:00", "1 November 2026, 06:00 UTC"),
        ("2026-11-01T23:30:00Z", "1 November 2026, 23:30 UTC"),
        ("1 November 2026", "1 November 2026, 00:00 UTC"),
        ("Nov 1st, 2026", "1 November 2026, 00:00 UTC"),
        ("1. November 2026", "1 November 2026, 00:00 UTC"),
        ("13/11/2026", "13 November 2026, 00:00 UTC"),
        ("11/13/2026", "13 November 2026, 00:00 UTC"),
        ("1 Nov 2026 10:30 -0500", "1 November 2026, 15:30 UTC"),
        ("Sun, 01 Nov 2026 10:00:00 GMT", "1 November 2026, 10:00 UTC"),
        ("2026-11", "1 November 2026, 00:00 UTC"),
        ("November 2026", "1 November 2026, 00:00 UTC"),
    ],
)
def test_a_date_is_read_as_it_is_meant(text: str, said: str) -> None:
    assert words(read_past(text, NOW)) == said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("1 Nov", "1 November 2026"),
        ("27 Nov", "27 November 2026"),
        ("1 Dec", "1 December 2025"),
        ("29 Feb", "29 February 2024"),
    ],
)
def test_a_day_without_a_year_is_the_last_one(text: str, said: str) -> None:
    assert words(read_past(text, NOW)) == f"{said}, 00:00 UTC"


def test_it_may_be_tomorrow_already_where_the_date_is_typed() -> None:
    assert read_past("2026-11-28", NOW) == datetime(2026, 11, 28, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("01/02/2026", "may be 2 January 2026, 00:00 UTC or 1 February 2026, 00:00 UTC; write"),
        ("1.2.26", "may be 26 February 2001, 00:00 UTC or 2 January 2026, 00:00 UTC or 1 Feb"),
        ("1 Nov 26", "may be 26 November 2001, 00:00 UTC or 1 November 2026, 00:00 UTC"),
        ("2026-11-29", "is still to come (29 November 2026, 00:00 UTC)"),
        ("1 Jan 2099", "is still to come (1 January 2099, 00:00 UTC)"),
        ("0206-01-01", "is before the year 2000"),
        ("1 Nov 2026 10:30 CET", '"CET" is no time zone'),
        *((text, "is no date; write it like 2026-01-31") for text in ("", "yesterday", "Monday")),
        *((text, "is no date; write it like 2026-01-31") for text in ("5", "10:30", "30 Feb 2026")),
        ("1" * 500, "is no date"),
    ],
)
def test_what_is_none_several_or_to_come_is_refused(text: str, said: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 (its text is looked at)
        read_past(text, NOW)
    assert said in str(caught.value)
    assert len(str(caught.value)) < 200


def test_a_month_is_one_of_a_year() -> None:
    assert read_month("2024-02") == (date(2024, 2, 1), date(2024, 2, 29))
    assert read_month("October 2026") == (date(2026, 10, 1), date(2026, 10, 31))
    for text in ("Oct 26", "5 Oct 2026", "10/2026", "2026", "2026-10-05", "0000-10"):
        with pytest.raises(ValueError, match="is no month; write it as 2026-10"):
            read_month(text)
