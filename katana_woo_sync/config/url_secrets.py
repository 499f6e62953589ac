"""What of an address is secret, and what may be said of it."""

from __future__ import annotations

import re
from urllib.parse import unquote

_FIRST = re.compile(r"[a-z][a-z0-9+.-]{0,40}(?=://)", re.I)
_TOKEN = re.compile(r"(?=.*[A-Za-z])(?=.*[0-9])[A-Za-z0-9_+=~-]{8,}")
_BETWEEN_TOKENS = re.compile(r"[/:?&=#,@]+")


def secrets_in(url: str) -> frozenset[str]:
    """What of an address must stay out of every text: the whole, its password, and whatever in it
    looks like a token (letters and digits, eight at least). Hosts and words are not secret: hiding
    them would make other messages unreadable."""
    _, _, rest = url.partition("://")
    found = {url, rest}
    before, at, _ = rest.rpartition("@")
    if at and ":" in before:
        found.add(before.partition(":")[2])
    pieces = _BETWEEN_TOKENS.split(rest)
    found |= {piece for piece in pieces if _TOKEN.fullmatch(piece)}
    return frozenset({each for one in found for each in (one, unquote(one))} - {""})


def kind_of(url: str) -> str:
    """What an address is for, in a word that is not secret: its scheme."""
    found = _FIRST.match(url)
    return found.group().lower() if found else "unknown"
