"""Text, amounts and times as the page shows them. Texts from outside may hold anything."""

from __future__ import annotations

import re
import unicodedata
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from markupsafe import Markup

LONGEST = 400
"""Characters of a text from outside that are shown."""

_COMMAND = re.compile("`([^`]+)`")

_BIDI = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c")


def harmless(text: object, limit: int = LONGEST) -> str:
    """Text from outside without what a browser hides or turns round: control and direction
    characters are shown as escapes. Markup is escaped where it is put into HTML."""
    whole = str(text)
    if len(whole) <= limit and whole.isascii() and whole.isprintable():
        return whole
    plain = "".join(
        repr(c)[1:-1] if unicodedata.category(c) in ("Cc", "Cs") or c in _BIDI else c
        for c in whole[: limit + 1]
    )
    return plain if len(whole) <= limit else f"{plain[:limit]}…"


def words(text: object, limit: int = LONGEST) -> Markup:
    """The same as HTML, with what stands between backticks as code."""
    from markupsafe import Markup

    parts = enumerate(_COMMAND.split(harmless(text, limit)))
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if place % 2 else part for place, part in parts
    )


def money(amount: Decimal, currency: str) -> str:
    """An amount with its currency."""
    return f"{amount:,.2f} {harmless(currency, 3)}"


def moment(at: datetime | None) -> str:
    """A time in the zone that it carries, to the minute."""
    return at.isoformat(" ", "minutes")[:16] if at else "-"
