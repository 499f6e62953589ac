"""A few histories by chance; `python -m tests.faults.people` tries many."""

from __future__ import annotations

from hypothesis.stateful import run_state_machine_as_test

from tests.faults.people import People, profile


def test_whatever_people_do_the_promises_hold() -> None:
    run_state_machine_as_test(People, settings=profile(examples=8, steps=15))
