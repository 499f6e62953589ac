"""Which notices are sent, when, and in which words: pure rules over what is so and what was sent.

Each trouble is sent once, as long as it lasts. An order that needs attention is sent at once, and
not again unless it was well for `QUIET` in between: an order that is tried again and fails again
stays silent. A side (a store, or Katana) is sent when it has been failing for the configured time,
and once more when it works again. All that is new after a cycle is one message, with at most
`MOST_LINES` lines.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

QUIET = timedelta(hours=24)
"""How long an order must have been well until the same trouble with it is news again."""

MOST_LINES = 10
LONGEST_LINE = 300


class Kind(StrEnum):
    """What a trouble is with."""

    ORDER = "order"
    SIDE = "side"


class Trouble(Struct, frozen=True):
    """Something that is wrong now. `key` names it for the ledger, the same as long as it lasts;
    `who` is the order or side; `wait` is how long it must last until people are notified."""

    key: str
    kind: Kind
    who: str
    text: str
    wait: timedelta = timedelta(0)


class Remembered(Struct, frozen=True):
    """What the ledger keeps of a trouble; times UTC. `gone_at` is when an order was well again."""

    key: str
    kind: Kind
    who: str
    since: datetime
    notified_at: datetime | None = None
    gone_at: datetime | None = None


class Notice(Struct, frozen=True):
    """A line of a message, and what to remember once it is delivered (None: forget the key)."""

    key: str
    text: str
    kind: Kind
    is_good: bool
    then: Remembered | None


class Plan(Struct, frozen=True):
    """What to send, and what to keep or forget whether or not sending succeeds."""

    notices: tuple[Notice, ...]
    keep: tuple[Remembered, ...]
    forget: tuple[str, ...]


def plan(
    now: datetime,
    troubles: Sequence[Trouble],
    well: Collection[str],
    remembered: Mapping[str, Remembered],
) -> Plan:
    """Compare what is wrong now with what was. `well` are the keys among the remembered ones that
    are known to be no longer wrong; a key in neither was not looked at, and stays as it is."""
    notices: list[Notice] = []
    keep: list[Remembered] = []
    forget: list[str] = []
    for trouble in troubles:
        before = remembered.get(trouble.key)
        memory = _still(trouble, before, now)
        if memory != before:
            keep.append(memory)
        lasts = now - memory.since
        if memory.notified_at is None and lasts >= trouble.wait:
            text = _failing(trouble, lasts) if trouble.kind is Kind.SIDE else trouble.text
            then = replace(memory, notified_at=now)
            line = Notice(trouble.key, _line(trouble.who, text), trouble.kind, False, then)
            notices.append(line)
    for key in well:
        memory = remembered[key]
        if memory.kind is Kind.ORDER:
            if memory.gone_at is None:
                keep.append(replace(memory, gone_at=now))
            elif now - memory.gone_at >= QUIET:
                forget.append(key)
        elif memory.notified_at is None:
            forget.append(key)
        else:
            text = f"works again, after {duration(now - memory.since)}."
            notices.append(Notice(key, _line(memory.who, text), memory.kind, True, None))
    return Plan(tuple(notices), tuple(keep), tuple(forget))


def _still(trouble: Trouble, before: Remembered | None, now: datetime) -> Remembered:
    """The memory of a trouble that is there now."""
    if before is None or (before.gone_at is not None and now - before.gone_at >= QUIET):
        return Remembered(trouble.key, trouble.kind, trouble.who, now)
    return replace(before, gone_at=None, who=trouble.who)


def _failing(trouble: Trouble, lasts: timedelta) -> str:
    since = f" for {duration(lasts)}" if lasts >= timedelta(minutes=1) else ""
    return f"could not be worked{since}: {trouble.text}"


class Message(Struct, frozen=True):
    """A message in plain text."""

    title: str
    body: str


def message(notices: Sequence[Notice]) -> Message:
    """One message for all the notices: sides before orders, at most `MOST_LINES` lines."""
    in_order = sorted(notices, key=lambda n: (n.kind is Kind.ORDER, n.is_good))
    lines = [notice.text for notice in in_order[:MOST_LINES]]
    more = len(in_order) - len(lines)
    if more:
        lines.append(f"... and {more} more: katana-woo-sync status")
    return Message(f"katana-woo-sync: {_title(notices)}", "\n".join(lines))


def _title(notices: Sequence[Notice]) -> str:
    orders = sum(notice.kind is Kind.ORDER for notice in notices)
    sides = [notice for notice in notices if notice.kind is Kind.SIDE]
    parts = []
    for good, words in ((False, "failing"), (True, "working again")):
        if count := sum(notice.is_good is good for notice in sides):
            parts.append(f"{count} {words}")
    if orders:
        parts.append("1 order needs you" if orders == 1 else f"{orders} orders need you")
    return ", ".join(parts)


def duration(length: timedelta) -> str:
    """A length of time for people: "50 minutes", "1 hour 5 minutes", "3 days"."""
    minutes = int(length.total_seconds()) // 60
    days, hours = minutes // 1440, minutes // 60
    if days >= 2:
        return f"{days} days"
    parts = [(hours, "hour"), (minutes - hours * 60, "minute")]
    words = [f"{n} {unit}{'' if n == 1 else 's'}" for n, unit in parts if n]
    return " ".join(words) or "less than a minute"


_MENTION = re.compile(r"@(?=everyone|here|channel|all\b)|<(?=[!@#])", re.I)


def _line(who: str, text: str) -> str:
    """One line. What customers typed into it calls nobody: chats read "@everyone" as a command."""
    line = " ".join(f"{who}: {text}".split())
    line = _MENTION.sub(lambda found: f"{found.group()}\u2060", line)
    return line if len(line) <= LONGEST_LINE else f"{line[: LONGEST_LINE - 1]}…"
