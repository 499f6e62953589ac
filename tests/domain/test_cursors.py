"""Cursors: read again until complete, then exactly; never by this machine's clock."""

from __future__ import annotations

from datetime import timedelta

from katana_woo_sync.domain.cursors import (
    SHOP_OVERLAP,
    Cursor,
    advance,
    is_beyond,
    is_cached_answer,
    newest,
    read_from,
)
from tests.domain.samples import DAY, NOW

MARK = NOW - 3 * DAY  # a server whose clock is far behind ours
OVERLAP = SHOP_OVERLAP
SECOND = timedelta(seconds=1)


def test_without_a_mark_everything_is_asked_for() -> None:
    assert read_from(None, OVERLAP) is None
    assert read_from(Cursor(None, NOW), OVERLAP) is None


def test_a_fresh_mark_is_read_again_with_an_overlap() -> None:
    assert read_from(Cursor(MARK, NOW), OVERLAP) == MARK - OVERLAP


def test_a_complete_mark_is_read_from_exactly() -> None:
    assert read_from(Cursor(MARK, NOW, is_complete=True), OVERLAP) == MARK


def test_the_mark_is_the_newest_time_that_the_server_reported() -> None:
    first = advance(None, MARK, NOW, OVERLAP)
    assert first == Cursor(MARK, NOW)
    later = advance(first, MARK + SECOND, NOW + DAY, OVERLAP)
    assert later == Cursor(MARK + SECOND, NOW + DAY)


def test_a_mark_is_complete_when_nothing_later_came_for_the_overlap() -> None:
    fresh = Cursor(MARK, NOW)
    assert not advance(fresh, MARK, NOW + OVERLAP - SECOND, OVERLAP).is_complete
    assert advance(fresh, MARK, NOW + OVERLAP, OVERLAP) == Cursor(MARK, NOW, is_complete=True)


def test_a_complete_mark_stays_complete_until_something_later_comes() -> None:
    complete = Cursor(MARK, NOW, is_complete=True)
    assert advance(complete, None, NOW, OVERLAP) == complete
    assert not advance(complete, MARK + SECOND, NOW, OVERLAP).is_complete


def test_a_mark_never_goes_back() -> None:
    assert advance(Cursor(MARK, NOW), MARK - DAY, NOW, OVERLAP).mark == MARK
    assert advance(Cursor(MARK, NOW), None, NOW, OVERLAP).mark == MARK


def test_an_empty_list_has_no_mark_until_something_is_in_it() -> None:
    empty = advance(None, None, NOW, OVERLAP)
    assert empty == Cursor(None, NOW)
    assert advance(empty, MARK, NOW + DAY, OVERLAP) == Cursor(MARK, NOW + DAY)


def test_our_clock_going_back_completes_no_mark_too_early() -> None:
    assert not advance(Cursor(MARK, NOW), MARK, NOW - DAY, OVERLAP).is_complete


def test_no_time_of_the_servers_future_is_a_mark() -> None:
    assert newest([MARK, NOW + SECOND, None, NOW - SECOND], NOW) == NOW - SECOND
    assert newest([NOW], NOW) == NOW
    assert newest([NOW + SECOND, None], NOW) is None


def test_a_mark_is_beyond_where_the_overlap_does_not_reach_back_from_it() -> None:
    assert not is_beyond(None, NOW, OVERLAP)
    assert not is_beyond(Cursor(None, NOW), NOW, OVERLAP)
    assert not is_beyond(Cursor(NOW + OVERLAP, NOW), NOW, OVERLAP)
    assert is_beyond(Cursor(NOW + OVERLAP + SECOND, NOW), NOW, OVERLAP)


def test_answers_that_stay_at_one_time_for_over_an_hour_are_a_caches() -> None:
    hour = 3600 * SECOND
    stuck = Cursor(NOW - hour - SECOND, NOW - hour, is_complete=True)
    assert is_cached_answer(stuck, NOW)
    assert not is_cached_answer(stuck, NOW - 2 * SECOND)
    assert not is_cached_answer(Cursor(MARK, NOW), NOW)
    assert not is_cached_answer(None, NOW)
