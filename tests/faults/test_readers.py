"""A few shops and Katanas whose lists change while they are read; `python -m tests.faults.readers`
tries many."""

from __future__ import annotations

from datetime import datetime
from unittest import mock

import pytest

from katana_woo_sync.domain.cursors import Cursor
from katana_woo_sync.sync import poll
from tests.faults.readers import Missed, missed_in_a_shop, missed_in_katana


@pytest.mark.parametrize("seed", range(1, 5))
def test_no_processing_order_is_missed(seed: int) -> None:
    found = missed_in_a_shop(seed)
    assert found.by_sweep == 0
    assert found.by_polls == 0 or found.set_back


@pytest.mark.parametrize("seed", range(1, 4))
def test_no_change_of_a_sales_order_is_missed(seed: int) -> None:
    assert missed_in_katana(seed) == 0


def test_a_reader_without_overlap_would_be_found_out() -> None:
    def without(cursor: Cursor | None, *_more: object, **_named: object) -> datetime | None:
        return cursor.mark if cursor is not None else None

    with mock.patch.object(poll, "read_from", without):
        found: list[Missed] = [missed_in_a_shop(seed) for seed in range(1, 16)]
    assert any(each.by_polls and not each.set_back for each in found)
