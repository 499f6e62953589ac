"""The rules of `check`: what makes the exit code, the sentence at the end, and a few findings."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from katana_woo_sync.domain.checks import (
    Cause,
    Finding,
    Result,
    causes,
    clocks,
    error,
    named,
    ok,
    rate_limit,
    schedule,
    summary,
    warning,
)

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
STORES = ["eu", "us"]
FINE = ok("eu", "x", "")
LOOK = warning("eu", "x", "", "look")
EU, US = error("eu", "x", "", "do"), error("us", "x", "", "do")
EU_LATER = error("eu", "x", "", "do", Cause.LATER)
US_LATER = error("us", "x", "", "do", Cause.LATER)
US_CONFIG = error("us", "x", "", "do", Cause.CONFIG)
KATANA_LATER = error("Katana", "x", "", "do", Cause.LATER)
KATANA_CONFIG = error("Katana", "x", "", "do", Cause.CONFIG)


@pytest.mark.parametrize(
    ("findings", "expected"),
    [
        ([FINE, LOOK], set()),
        ([EU], {Cause.PERSON}),
        ([EU_LATER], {Cause.PERSON}),  # the other store can be worked
        ([EU_LATER, US_LATER], {Cause.LATER}),
        ([EU_LATER, US_CONFIG], {Cause.LATER, Cause.CONFIG}),
        ([EU_LATER, US], {Cause.PERSON}),
        ([KATANA_LATER], {Cause.LATER}),
        ([KATANA_LATER, EU], {Cause.LATER, Cause.PERSON}),
        ([KATANA_CONFIG], {Cause.CONFIG}),
    ],
)
def test_what_the_errors_wait_for(findings: list[Finding], expected: set[Cause]) -> None:
    assert causes(findings, STORES) == expected


@pytest.mark.parametrize(
    ("findings", "expected"),
    [
        ([FINE, FINE], "All is well, in 2 tests."),
        ([FINE, LOOK], "It works, and 1 finding is worth a look."),
        ([EU], "1 finding needs you (eu)."),
        ([EU, US, LOOK, LOOK], "2 findings need you (eu, us), and 2 findings are worth a look."),
        ([KATANA_LATER], "Not everything could be reached (Katana): run check again later."),
    ],
)
def test_the_sentence_at_the_end(findings: list[Finding], expected: str) -> None:
    assert summary(findings, causes(findings, STORES)) == expected


def test_only_the_first_few_are_named() -> None:
    assert named(["a", "b"]) == "a, b"
    assert named([str(n) for n in range(12)]) == "0, 1, 2, 3, 4 and 7 more"


@pytest.mark.parametrize(
    ("minutes", "every", "expected"),
    [(15, 5, Result.OK), (16, 5, Result.ERROR), (179, 60, Result.OK), (181, 60, Result.ERROR)],
)
def test_a_few_cycles_may_be_missed(minutes: int, every: int, expected: Result) -> None:
    last = NOW - timedelta(minutes=minutes)
    assert schedule(True, last, timedelta(minutes=every), NOW).result is expected


def test_a_store_that_was_connected_and_never_worked_again() -> None:
    finding = schedule(True, None, timedelta(minutes=5), NOW)
    assert finding.result is Result.WARNING


def test_small_differences_of_clocks_are_fine() -> None:
    minute = timedelta(minutes=1)
    assert [f.result for f in clocks({"Katana": minute, "eu": -minute})] == [Result.OK]
    assert clocks({}) == []


def test_a_limit_that_was_never_heard_is_no_finding() -> None:
    assert rate_limit(60, None) is None
