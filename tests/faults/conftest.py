"""A world for the faults that need the machine's own time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.sync.world import RealClock, World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """One store, connected with nothing in it, at the machine's time."""
    with ExitStack() as stack:
        world = World(tmp_path, stack, clock=RealClock())
        world.connect()
        yield world
