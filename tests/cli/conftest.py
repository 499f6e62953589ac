"""Worlds on the machine's own clock, and a process that is as it was after each command."""

from __future__ import annotations

import logging
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.sync.world import RealClock, World


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    """Take back the signal handlers and the logging that a command sets up."""
    handlers = {n: signal.getsignal(n) for n in (signal.SIGTERM, signal.SIGINT)}
    logger = logging.getLogger("katana_woo_sync")
    level, propagate, before = logger.level, logger.propagate, list(logger.handlers)
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)
    logger.handlers[:] = before
    logger.setLevel(level)
    logger.propagate = propagate


@pytest.fixture
def unconnected(tmp_path: Path) -> Iterator[World]:
    """One store that was never connected."""
    with ExitStack() as stack:
        yield World(tmp_path, stack, clock=RealClock())


@pytest.fixture
def world(unconnected: World) -> World:
    """One store, connected with nothing in it."""
    unconnected.connect()
    return unconnected


@pytest.fixture
def two(tmp_path: Path) -> Iterator[World]:
    """Two stores, connected with nothing in them."""
    with ExitStack() as stack:
        world = World(tmp_path, stack, names=("eu", "us"), clock=RealClock())
        world.connect()
        yield world
