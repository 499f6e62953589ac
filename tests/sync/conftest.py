"""Worlds to sync."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest

from tests.sync.world import World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """One store, connected with nothing in it."""
    with ExitStack() as stack:
        world = World(tmp_path, stack)
        world.connect()
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
        world.connect()
        yield world


@pytest.fixture
def make_world(tmp_path: Path) -> Iterator[Callable[..., World]]:
    """Makes a world of stores that were never connected; `names` are theirs."""
    with ExitStack() as stack:
        yield partial(World, tmp_path, stack)
