"""Worlds to be trapped in."""

from __future__ import annotations

from tests.sync.conftest import two, unconnected, world

__all__ = ["two", "unconnected", "world"]
