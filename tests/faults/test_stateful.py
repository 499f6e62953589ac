"""A few hard and a few ordinary histories by chance; `python -m tests.faults.hard_times` tries
many."""

from __future__ import annotations

import pytest
from hypothesis.stateful import run_state_machine_as_test

from katana_woo_sync.sync import poll
from tests.faults.hard_times import HardTimes, OrdinaryDays
from tests.faults.people import profile


def test_in_hard_times_the_promises_hold() -> None:
    run_state_machine_as_test(HardTimes, settings=profile(examples=5, steps=15))


def test_on_ordinary_days_two_cycles_settle_all() -> None:
    run_state_machine_as_test(OrdinaryDays, settings=profile(examples=8, steps=15))


def test_a_program_that_moves_the_cursor_without_recording_would_be_found_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(poll, "merge", lambda *_arguments: None)
    history = OrdinaryDays()
    try:
        history.connect()
        for _ in range(2):
            history.world.clock.tick(minutes=1)
            history.place(store="eu", quantity=1, lamp=False, status="processing")
        history.cycle(minutes=5)
        with pytest.raises(AssertionError, match="the cursor passed eu order"):
            history.nothing_is_passed()
    finally:
        with pytest.raises(AssertionError):
            history.teardown()
