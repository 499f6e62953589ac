"""Longer samples of the sweeps than an ordinary run of the tests has time for (`-m sweep`).

Each sample begins elsewhere than the short forms do; the whole sweeps are commands of their own.
"""

from __future__ import annotations

import pytest

from tests.faults import crash_sweep, lost_answers
from tests.faults.scenario import ACCOUNTS

pytestmark = pytest.mark.sweep

JOBS = 2


def test_crashes() -> None:
    tried, wrong = crash_sweep.sweep(every=23, first=7, jobs=JOBS)
    assert tried > 30
    assert wrong == []


@pytest.mark.parametrize("account", [name for name in ACCOUNTS if name != "usual"])
def test_crashes_where_accounts_and_shops_differ(account: str) -> None:
    tried, wrong = crash_sweep.sweep(every=97, first=31, account=account, jobs=JOBS)
    assert tried > 7
    assert wrong == []


def test_crashes_that_come_again() -> None:
    tried, wrong = crash_sweep.sweep(every=97, first=41, twice=True, jobs=JOBS)
    assert tried > 7
    assert wrong == []


def test_crashes_with_the_ledger_lost() -> None:
    tried, wrong = crash_sweep.sweep(every=97, first=59, lose_ledger=True, jobs=JOBS)
    assert tried > 7
    assert wrong == []


def test_lost_answers() -> None:
    lost, wrong = lost_answers.sweep(every=61, first=11, jobs=JOBS)
    assert lost > 15
    assert wrong == []
