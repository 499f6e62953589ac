"""A short form of the sweep of lost answers: however an answer is lost, the end is the same."""

from __future__ import annotations

from tests.faults.lost_answers import sweep


def test_a_lost_answer_changes_nothing_in_the_end() -> None:
    lost, wrong = sweep(every=631, first=31)
    assert lost > 1
    assert wrong == []


def test_a_time_out_changes_nothing_in_the_end() -> None:
    lost, wrong = sweep(every=199, first=20, only="time-out")
    assert lost > 1
    assert wrong == []
