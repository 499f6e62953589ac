"""What is wrong with a configuration file, and how its values are shown to a person."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, datetime, time
from pathlib import Path

from msgspec import Struct

LONGEST_SHOWN = 60

_KEY_LIKE = re.compile(
    r"\b(ck|cs)_[0-9A-Za-z]+|\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", re.I
)
"""WooCommerce keys and secrets, and the form of Katana's keys: pasted into the wrong line, they are
still secrets."""

_QUERY = re.compile(r"[?#].*", re.S)


class Problem(Struct, frozen=True):
    """One thing that is wrong in the file. `key` is "" where the file as a whole is meant."""

    key: str
    message: str
    store: str = ""
    """The store's name where the key belongs to a store that has one: `stores[1]` alone makes
    people count."""

    def __str__(self) -> str:
        if not self.key:
            return self.message
        whose = f' (store "{self.store}")' if self.store else ""
        return f"{self.key}{whose}: {self.message}"


class NotAllowedError(ValueError):
    """A value that may not stand where it stands; the message says what may ("must be …").

    `proposal` is made from the value itself: it is shown only where the value is shown too.
    """

    def __init__(self, message: str, proposal: str) -> None:
        super().__init__(message)
        self.proposal = proposal


class ConfigError(Exception):
    """The configuration cannot be used. `str()` has one line per problem, fit for a terminal.

    `path` is the file as it was asked for; None when no file was found at all.
    """

    def __init__(self, path: Path | None, problems: Sequence[Problem]) -> None:
        super().__init__(path, tuple(problems))
        self.path = path
        self.problems = tuple(problems)

    def __str__(self) -> str:
        where = f"{printable(str(self.path))}: " if self.path is not None else ""
        return "\n".join(f"{where}{problem}" for problem in self.problems)


def printable(text: str) -> str:
    """The text without line breaks, terminal escapes, marks that turn the writing direction, or
    lone surrogates: each is written as its escape."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def masked(text: str) -> str:
    """The text with everything that has the form of a key replaced."""
    return _KEY_LIKE.sub(lambda found: f"{found[1]}_…" if found[1] else "…", text)


def shown(value: object) -> str:
    """A value of the file as a message may show it: on one line, not too long, without keys."""
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return f'"{_shortened(printable(masked(value)))}"'
        case datetime() | date() | time():
            return value.isoformat()
        case dict():
            return "a table"
        case list():
            return "a list"
        case int() if value.bit_length() > 100:
            return "a very large number"
        case _:
            return _shortened(printable(str(value)))


def shown_url(value: str) -> str:
    """An address as a message may show it: neither its password nor what follows `?` or `#`."""
    # A password may hold any sign, also / ? and #: whatever stands before the last @ is left out.
    _, at, rest = value.rpartition("@")
    return shown(_QUERY.sub("?…", f"…@{rest}" if at else value))


def shown_key(key: str) -> str:
    """A key of the file, quoted where TOML demands quotes."""
    if re.fullmatch(r"[A-Za-z0-9_-]+", key):
        return _shortened(masked(key))
    return shown(key)


def _shortened(text: str) -> str:
    return text if len(text) <= LONGEST_SHOWN else text[: LONGEST_SHOWN - 1] + "…"
