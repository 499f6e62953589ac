"""Clocks that are off. A skew is how far a service's clock is ahead of this machine's."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

MOST_SKEW = timedelta(minutes=5)
"""How far a clock may be off before a person is told."""


def is_ours(skews: Mapping[str, timedelta]) -> bool:
    """Whether all others agree with each other, and not with us."""
    spread = max(skews.values()) - min(skews.values())
    return spread < MOST_SKEW and all(abs(skew) > MOST_SKEW for skew in skews.values())


def words_of_skew(skew: timedelta) -> str:
    """A skew in words: "1 h 5 min ahead of"."""
    minutes = round(abs(skew).total_seconds() / 60)
    side = "ahead of" if skew > timedelta(0) else "behind"
    return f"{minutes // 60} h {minutes % 60} min {side}"
