"""Keeping secrets out of every text that leaves the program."""

from __future__ import annotations

import base64
import logging
import re
import unicodedata
from collections.abc import Iterable
from urllib.parse import quote, quote_plus

HIDDEN = "[hidden]"
_PARAMETERS = re.compile(
    r"((?:consumer_key|consumer_secret|oauth_[a-z_]+|api_key|access_token)[\"']?\s*[=:]\s*[\"']?)"
    r"[^&\s\"',}]+",
    re.IGNORECASE,
)
_AUTHORIZATION = re.compile(r"\b(Basic|Bearer)\s+[A-Za-z0-9+/=._~-]{6,}")
SHORTEST = 6
"""Shorter secrets are no secrets, and hiding them would make texts unreadable."""


class Redactor:
    """Replaces secrets, in whatever form they appear, by "[hidden]"."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        plain = sorted({secret for secret in secrets if len(secret) >= SHORTEST})
        forms = set(plain)
        for secret in plain:
            forms |= {quote(secret, safe=""), quote_plus(secret)} | _base64_forms(secret)
        for key in plain:
            for secret in plain:
                if key.startswith("ck_") and secret.startswith("cs_"):
                    forms.add(base64.b64encode(f"{key}:{secret}".encode()).decode())
        longest_first = sorted(forms, key=len, reverse=True)
        self._secrets = re.compile("|".join(map(re.escape, longest_first))) if forms else None

    def text(self, text: str) -> str:
        """The text without secrets."""
        if self._secrets is not None:
            text = self._secrets.sub(HIDDEN, text)
        text = _PARAMETERS.sub(lambda m: m.group(1) + HIDDEN, text)
        return _AUTHORIZATION.sub(lambda m: f"{m.group(1)} {HIDDEN}", text)


def _base64_forms(secret: str) -> set[str]:
    """The secret's base64 at each of the three alignments that it can have in a longer text."""
    forms = set()
    for offset in range(3):
        encoded = base64.b64encode(b"\0" * offset + secret.encode()).decode()
        start = (0, 2, 3)[offset]
        core = encoded[start:].rstrip("=")
        forms.add(core[:-1] if len(secret.encode()) + offset % 3 else core)
    return {form for form in forms if len(form) >= SHORTEST}


def one_line(text: str) -> str:
    """The text on one line, its control and direction characters shown as escapes."""
    return "".join(
        c if unicodedata.category(c) not in _UNSAFE or c in _HARMLESS else _escaped(c) for c in text
    )


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


_UNSAFE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_HARMLESS = frozenset("\u200d\u00ad")
"""The joiner that emoji are made with, and the soft hyphen."""


class RedactingFilter(logging.Filter):
    """Takes secrets out of log records, and shows control characters in them as escapes."""

    def __init__(self, redactor: Redactor) -> None:
        super().__init__()
        self._redactor = redactor

    def filter(self, record: logging.LogRecord) -> bool:
        """Clean the record in place; none is dropped."""
        record.msg = one_line(self._redactor.text(record.getMessage()))
        record.args = None
        if record.exc_info and not record.exc_text:
            record.exc_text = logging.Formatter().formatException(record.exc_info)
        if record.exc_text:
            record.exc_text = self._redactor.text(record.exc_text)
            record.exc_info = None
        return True
