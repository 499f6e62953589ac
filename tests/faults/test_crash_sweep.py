"""A short form of the crash sweep: killed at points all over the scenario, nothing is lost or
doubled; and a program that is broken on purpose is found out."""

from __future__ import annotations

import pytest

from katana_woo_sync.ledger.intents import Intents
from katana_woo_sync.sync import shipping_fees
from tests.faults.crash_sweep import crash, sweep, undisturbed


@pytest.mark.parametrize(("first", "every", "twice"), [(209, 419, False), (530, 1000, True)])
def test_a_crash_at_any_point_changes_nothing_in_the_end(
    first: int, every: int, twice: bool
) -> None:
    tried, wrong = sweep(every=every, first=first, twice=twice)
    assert tried > 0
    assert wrong == []


def test_a_crash_and_a_lost_ledger_double_nothing() -> None:
    tried, wrong = sweep(every=1000, first=660, lose_ledger=True)
    assert tried == 1
    assert wrong == []


def test_the_sweep_finds_a_program_without_its_safeguards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shipping_fees, "_find", lambda *_arguments: None)
    monkeypatch.setattr(shipping_fees, "_is_not_missed", lambda *_arguments: False)
    monkeypatch.setattr(Intents, "begin", lambda *_arguments: None)
    (backfill, *_later), wanted = undisturbed.__wrapped__()  # of the broken program
    sent = backfill.first_sent["POST /sales_order_shipping_fee"]
    tried = (crash(0, point, wanted).differs for point in range(sent + 1, sent + 10))
    assert any("sales orders" in words for differs in tried for words in differs)
