"""Worlds in which things go wrong."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.sync.world import World


@pytest.fixture
def still(tmp_path: Path) -> Iterator[World]:
    """One store, connected with nothing in it; time stands still until told otherwise."""
    with ExitStack() as stack:
        world = World(tmp_path, stack)
        world.backfill()
        yield world


@pytest.fixture
def two(tmp_path: Path) -> Iterator[World]:
    """Two stores, connected with nothing in them; time stands still until told otherwise."""
    with ExitStack() as stack:
        world = World(tmp_path, stack, names=("eu", "us"))
        world.backfill()
        yield world
