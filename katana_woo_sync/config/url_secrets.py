"""What of an address is secret, and what may be said of it."""

from __future__ import annotations

import re
from urllib.parse import unquote

_FIRST = re.compile(r"[a-z][a-z0-9+.-]{0,40}(?=://)", re.I)
_TOKEN = re.compile(r"(?=.*[A-Za-z])(?=.*[0-9])[A-Za-z0-9_+=~-]{8,}")
_MORE_THAN_A_WORD = re.compile(r"[/:@?]")
_END_OF_AUTHORITY = re.compile(r"[/?#]")
_SECRET_PARAMETER = re.compile(r"[?&][^=&]*(?:pass|secret|token|key)[^=&]*=([^&#]+)", re.I)
_BETWEEN_TOKENS = re.compile(r"[/:?&=#,@]+")


def secrets_in(url: str) -> frozenset[str]:
    """What of an address must stay out of every text: the whole, with and without its scheme, its
    passwords, and whatever in it looks like a token (letters and digits, eight at least). Hosts and
    words are not secret: hiding them would make other messages unreadable."""
    _, _, rest = url.partition("://")
    found = {url, *_passwords(rest)}
    if _MORE_THAN_A_WORD.search(rest):
        found.add(rest)
    found |= {piece for piece in _BETWEEN_TOKENS.split(rest) if _TOKEN.fullmatch(piece)}
    return frozenset({each for one in found for each in (one, unquote(one))} - {""})


def _passwords(rest: str) -> set[str]:
    authority = _END_OF_AUTHORITY.split(rest, maxsplit=1)[0]
    user, at, _host = authority.rpartition("@")
    found = {user.partition(":")[2]} if at else set()
    return found | set(_SECRET_PARAMETER.findall(rest))


def kind_of(url: str) -> str:
    """What an address is for, in a word that is not secret: its scheme."""
    found = _FIRST.match(url)
    return found.group().lower() if found else "unknown"
