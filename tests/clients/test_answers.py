"""When an answer was given, by the service's own clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from katana_woo_sync.clients.answers import as_of, skew_of

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
DATE = "Mon, 02 Mar 2026 08:00:00 GMT"
EIGHT = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("headers", "at"),
    [
        ({"Date": DATE}, EIGHT),
        ({"Date": DATE, "Age": "600"}, EIGHT - timedelta(minutes=10)),
        ({"Date": "Mon, 02 Mar 2026 10:00:00 +0200"}, EIGHT),
        ({"Date": DATE, "Age": "-5"}, EIGHT),
        ({"Date": DATE, "Age": "99999999999999"}, EIGHT),
        ({"Date": DATE, "Age": "999999999"}, EIGHT - timedelta(seconds=999_999_999)),
        (
            {"Date": "Thu, 01 Jan 0001 00:00:00 GMT", "Age": "999999999"},
            datetime(1970, 1, 1, tzinfo=UTC),
        ),
    ],
)
def test_an_answer_is_as_old_as_its_date_less_its_age(
    headers: dict[str, str], at: datetime
) -> None:
    assert at <= as_of(headers, NOW) < at + SECOND


@pytest.mark.parametrize("date", ["", "yesterday", "Mon, 99 Mar 2026 08:00:00 GMT"])
def test_without_a_date_it_is_as_of_now(date: str) -> None:
    assert as_of({"Date": date} if date else {}, NOW) == NOW
    assert skew_of({"Date": date}, NOW) is None


def test_a_clock_that_agrees_to_the_second_was_heard() -> None:
    assert skew_of({"Date": DATE}, EIGHT) == timedelta(0)
