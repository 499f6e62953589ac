"""Worlds to sync."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.sync.world import World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """One store, connected with nothing in it."""
    with ExitStack() as stack:
        world = World(tmp_path, stack)
        world.backfill()
        yield world


@pytest.fixture
def unconnected(tmp_path: Path) -> Iterator[World]:
    """One store that was never connected."""
    with ExitStack() as stack:
        yield World(tmp_path, stack)


@pytest.fixture
def two(tmp_path: Path) -> Iterator[World]:
    """Two stores at one location, connected with nothing in them."""
    with ExitStack() as stack:
        world = World(tmp_path, stack, names=("eu", "us"))
        world.backfill()
        yield world
