"""What people are told: each trouble once, one message, never a flood."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from katana_woo_sync.domain.notices import (
    MOST_LINES,
    QUIET,
    Kind,
    Notice,
    Remembered,
    Trouble,
    duration,
    message,
    plan,
)

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
ORDER = Trouble("order:eu#7:unknown_sku", Kind.ORDER, "eu: order 7", "The SKU is unknown. Mend it.")
STORE = Trouble("side:eu", Kind.SIDE, "eu", "answers 503.", wait=HOUR)


class Memory:
    """The rules over some time, as the ledger would carry them out."""

    def __init__(self) -> None:
        self.now = START
        self.known: dict[str, Remembered] = {}

    def look(
        self, *troubles: Trouble, after: timedelta = timedelta(0), delivered: bool = True
    ) -> list[str]:
        """One look, so long after the last; what is not there is well. Returns the lines told."""
        self.now += after
        well = set(self.known) - {trouble.key for trouble in troubles}
        found = plan(self.now, troubles, well, self.known)
        for each in found.keep:
            self.known[each.key] = each
        for key in found.forget:
            del self.known[key]
        for notice in found.notices if delivered else ():
            if notice.then is None:
                del self.known[notice.key]
            else:
                self.known[notice.key] = notice.then
        return [notice.text for notice in found.notices]


def test_an_order_that_needs_attention_is_sent_at_once_and_once() -> None:
    memory = Memory()
    assert memory.look(ORDER) == ["eu: order 7: The SKU is unknown. Mend it."]
    assert memory.look(ORDER, after=HOUR) == []
    assert memory.look(ORDER, after=90 * QUIET) == []


def test_an_order_that_fails_again_soon_is_no_news_and_one_that_was_well_for_long_is() -> None:
    memory = Memory()
    memory.look(ORDER)
    assert memory.look(after=HOUR) == []
    assert memory.look(ORDER, after=HOUR) == []
    memory.look(after=HOUR)
    assert len(memory.look(ORDER, after=QUIET)) == 1


def test_an_order_that_stays_well_is_forgotten() -> None:
    memory = Memory()
    memory.look(ORDER)
    memory.look(after=HOUR)
    memory.look(after=QUIET)
    assert memory.known == {}


def test_what_could_not_be_delivered_is_told_by_the_next_look() -> None:
    memory = Memory()
    assert len(memory.look(ORDER, delivered=False)) == 1
    assert len(memory.look(ORDER, after=HOUR)) == 1
    assert memory.look(ORDER, after=HOUR) == []


def test_a_store_is_told_when_it_has_failed_for_long_and_when_it_works_again() -> None:
    memory = Memory()
    assert memory.look(STORE) == []
    assert memory.look(STORE, after=HOUR / 2) == []
    assert memory.look(STORE, after=HOUR / 2) == [
        "eu: could not be worked for 1 hour: answers 503."
    ]
    assert memory.look(STORE, after=HOUR) == []
    assert memory.look(after=HOUR) == ["eu: works again, after 3 hours."]
    assert memory.look(after=HOUR) == []


def test_a_store_that_failed_shortly_is_never_spoken_of() -> None:
    memory = Memory()
    for _ in range(5):
        assert memory.look(STORE, after=HOUR / 2) == []
        assert memory.look(after=HOUR / 2) == []


def test_that_a_store_works_again_is_told_until_it_is_delivered() -> None:
    memory = Memory()
    memory.look(STORE)
    memory.look(STORE, after=HOUR)
    assert len(memory.look(delivered=False)) == 1
    assert len(memory.look()) == 1


def test_what_was_not_looked_at_stays_as_it_is() -> None:
    memory = Memory()
    memory.look(STORE)
    memory.look(STORE, after=HOUR)
    found = plan(memory.now, [], set(), memory.known)
    assert (found.notices, found.keep, found.forget) == ((), (), ())


def notices(orders: int) -> list[Notice]:
    troubles = [Trouble(f"o{n}", Kind.ORDER, f"eu: order {n}", "Mend it.") for n in range(orders)]
    return list(plan(START, troubles, set(), {}).notices)


@given(st.integers(1, 500))
def test_no_number_of_orders_makes_a_flood(count: int) -> None:
    told = message(notices(count))
    lines = told.body.split("\n")
    assert len(lines) == min(count, MOST_LINES + 1)
    if count > MOST_LINES:
        assert lines[-1] == f"... and {count - MOST_LINES} more: katana-woo-sync status"
        assert told.title == f"katana-woo-sync: {count} orders need you"


def test_stores_stand_before_orders_in_the_message() -> None:
    failing = Trouble("side:us", Kind.SIDE, "us", "answers 503.")
    found = plan(START, [ORDER, failing], set(), {})
    told = message(found.notices)
    assert told.title == "katana-woo-sync: 1 failing, 1 order needs you"
    assert [line.split(":")[0] for line in told.body.split("\n")] == ["us", "eu"]


@given(st.text(max_size=2000))
def test_whatever_is_typed_is_one_line_that_calls_nobody(typed: str) -> None:
    trouble = Trouble("o", Kind.ORDER, "eu: order 1", f"@everyone <!channel> <@U1> {typed}")
    body = message(plan(START, [trouble], set(), {}).notices).body
    assert len(body.splitlines()) == 1
    assert "@everyone" not in body
    assert "<!" not in body
    assert "<@" not in body


@pytest.mark.parametrize(
    ("length", "words"),
    [
        (timedelta(seconds=5), "less than a minute"),
        (timedelta(minutes=1), "1 minute"),
        (timedelta(minutes=65), "1 hour 5 minutes"),
        (timedelta(hours=30), "30 hours"),
        (timedelta(days=3, hours=2), "3 days"),
    ],
)
def test_durations_are_for_people(length: timedelta, words: str) -> None:
    assert duration(length) == words
