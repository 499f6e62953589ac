"""What headers tell about the quota."""

from __future__ import annotations

import pytest

from katana_woo_sync.domain.probe import QUESTIONS, requests_of_others, unit_of_reset


@pytest.mark.parametrize(
    ("header", "unit"),
    [
        ("1795820566316", "milliseconds"),
        ("1795820566", "seconds"),
        ("1795820566.5", "seconds"),
        ("42", "seconds from now"),
        ("0", "seconds from now"),
        ("", ""),
        ("soon", ""),
    ],
)
def test_the_unit_of_the_reset(header: str, unit: str) -> None:
    assert unit_of_reset(header) == unit


@pytest.mark.parametrize(
    ("remaining", "others"),
    [
        (["59", "58", "57"], 0),
        (["59", "58", "52"], 5),
        (["59", "", "57"], 0),  # an answer that never came was counted
        (["59", "", "56"], 1),
        (["3", "2", "59", "58"], 0),  # a new minute
        (["3", "2", "50", "48"], 1),
        (["", ""], None),
        (["59"], None),
        ([], None),
    ],
)
def test_requests_of_others(remaining: list[str], others: int | None) -> None:
    assert requests_of_others(remaining) == others


def test_no_question_has_its_expected_answer_among_the_others() -> None:
    assert len({each.name for each in QUESTIONS}) == len(QUESTIONS)
    assert not any(each.expected in each.others for each in QUESTIONS)
