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
_USER_IN_URL = re.compile(r"(?<=://)[^/\s@\"']{1,200}:[^/\s@\"']{0,200}(?=@)")
_PERCENT = re.compile("%[0-9A-F]{2}")
SHORTEST = 6
"""Shorter secrets are no secrets, and hiding them would make texts unreadable."""


class Redactor:
    """Replaces secrets, in whatever form they appear, by "[hidden]"."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        plain = sorted({secret for secret in secrets if len(secret) >= SHORTEST})
        forms = set(plain)
        for secret in plain:
            forms |= _percent_encoded(secret) | _base64_forms(secret)
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
        text = _USER_IN_URL.sub(HIDDEN, text)
        text = _PARAMETERS.sub(lambda m: m.group(1) + HIDDEN, text)
        return _AUTHORIZATION.sub(lambda m: f"{m.group(1)} {HIDDEN}", text)


def _percent_encoded(secret: str) -> set[str]:
    """The secret in an address; some servers answer the hexadecimal digits in lower case."""
    forms = {quote(secret, safe=""), quote_plus(secret)}
    return forms | {_PERCENT.sub(lambda m: m.group().lower(), form) for form in forms}


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
    """Takes secrets out of log records, and shows control characters in them as escapes.

    What a record carries besides its message (the order that it is about) is cleaned too. A
    traceback keeps its lines, each behind a bar, so that none can pass for a record of its own.
    """

    def __init__(self, redactor: Redactor) -> None:
        super().__init__()
        self._redactor = redactor

    def filter(self, record: logging.LogRecord) -> bool:
        """Clean the record in place; none is dropped."""
        record.msg = self._line(_message(record))
        record.args = None
        if record.exc_info and not record.exc_text:
            record.exc_text = logging.Formatter().formatException(record.exc_info)
        record.exc_info = None  # or a formatter would write the exception as it was
        record.exc_text = self._lines(record.exc_text)
        record.stack_info = self._lines(record.stack_info)
        for name, value in vars(record).items():
            if name not in _OWN_NAMES and isinstance(value, str):
                setattr(record, name, self._line(value))
        return True

    def _line(self, text: str) -> str:
        return one_line(self._redactor.text(text))

    def _lines(self, text: str | None) -> str | None:
        if not text:
            return text
        lines = self._redactor.text(text).split("\n")
        return "\n".join(line if line.startswith(_BAR) else _BAR + one_line(line) for line in lines)


_BAR = "  | "
_OWN_NAMES = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception:  # noqa: BLE001 (arguments that do not fit must not end the program)
        return f"{record.msg} {record.args}"
