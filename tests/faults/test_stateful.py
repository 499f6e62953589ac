"""A few hard and a few ordinary histories by chance; `python -m tests.faults.hard_times` tries
many."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from katana_woo_sync.sync import shop_side
from katana_woo_sync.sync.context import Context, Store
from katana_woo_sync.sync.ports import ReadOrder
from tests.faults.hard_times import HardTimes, OrdinaryDays
from tests.faults.people import profile


def test_in_hard_times_the_promises_hold() -> None:
    run_state_machine_as_test(HardTimes, settings=profile(examples=5, steps=15))


def test_on_ordinary_days_two_cycles_settle_all() -> None:
    run_state_machine_as_test(OrdinaryDays, settings=profile(examples=8, steps=15))


def test_a_program_that_forgets_an_order_would_be_found_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    merge = shop_side.merge

    def forgetful(context: Context, store: Store, orders: Sequence[ReadOrder]) -> None:
        merge(context, store, orders[:-1])

    monkeypatch.setattr(shop_side, "merge", forgetful)
    # no shortest history is looked for, and the histories are always the same ones
    found = settings(profile(60, 15), phases=[Phase.generate], derandomize=True)
    with pytest.raises(AssertionError):
        run_state_machine_as_test(OrdinaryDays, settings=found)
