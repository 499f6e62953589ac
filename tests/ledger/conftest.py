"""A ledger in a real file, for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from katana_woo_sync.ledger import Ledger
from tests.domain.samples import IDENTITY


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the ledger is."""
    return tmp_path / "ledger.db"


@pytest.fixture
def ledger(path: Path) -> Iterator[Ledger]:
    """The ledger, open, knowing one store."""
    with Ledger.open(path) as opened:
        opened.stores.add(IDENTITY, "eu")
        yield opened
