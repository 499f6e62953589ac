"""Clocks that are off. A skew is how far a service's clock is ahead of this machine's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

MOST_SKEW = timedelta(minutes=5)
"""How far a clock may be off before a person is told."""


def in_the_future(times: Iterable[datetime], now: datetime) -> list[datetime]:
    """Those of these times (UTC) that lie further beyond `now` than a clock may be off, sorted."""
    return sorted(time for time in times if time - now > MOST_SKEW)


def words_of_the_future(times: Sequence[datetime]) -> str:
    """What to tell of orders that were modified at these times, sorted, in their shop's future."""
    return (
        f"orders whose modification date is in the future: {len(times)}, the last at "
        f"{times[-1]:%Y-%m-%d %H:%M} UTC. They are synced all the same. A plugin wrote local time "
        "as UTC, or the shop's clock was ahead"
    )


def is_ours(skews: Mapping[str, timedelta]) -> bool:
    """Whether all others agree with each other, and not with us."""
    spread = max(skews.values()) - min(skews.values())
    return spread < MOST_SKEW and all(abs(skew) > MOST_SKEW for skew in skews.values())


def words_of_skew(skew: timedelta) -> str:
    """A skew in words: "1 h 5 min ahead of"."""
    minutes = round(abs(skew).total_seconds() / 60)
    side = "ahead of" if skew > timedelta(0) else "behind"
    return f"{minutes // 60} h {minutes % 60} min {side}"
