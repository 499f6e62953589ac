"""The page as HTML: everything escaped, nothing fetched, and a policy that forbids both."""

from __future__ import annotations

import base64
import hashlib
import re
import unicodedata
from datetime import datetime
from decimal import Decimal
from importlib import resources
from typing import TYPE_CHECKING

from katana_woo_sync.report.values import Page

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

MARK = "<!doctype html>"
"""How every page begins; only a file that begins so is ever replaced by one."""

LONGEST = 400
"""Characters of a text from outside that are shown."""

_COMMAND = re.compile("`([^`]+)`")

_BIDI = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c")


def render(page: Page) -> str:
    """The whole document, without anything outside of it."""
    from katana_woo_sync.report.plots import shown, svg

    style, script = _part("page.css"), _part("page.js")
    policy = (
        "default-src 'none'; "
        f"style-src {_digest(style)}; script-src {_digest(script)}; "
        "base-uri 'none'; form-action 'none'"
    )
    environment = _environment()
    environment.globals.update(svg=svg, shown=shown)
    template = environment.from_string(_part("page.html"))
    return template.render(page=page, style=style, script=script, policy=policy)


def harmless(text: object, limit: int = LONGEST) -> str:
    """Text from outside without what a browser hides or turns round: control and direction
    characters are shown as escapes. Markup is the template's to escape."""
    plain = "".join(
        repr(c)[1:-1] if unicodedata.category(c) in ("Cc", "Cs") or c in _BIDI else c
        for c in str(text)[: limit + 1]
    )
    return plain if len(str(text)) <= limit else f"{plain[:limit]}…"


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
    return at.strftime("%Y-%m-%d %H:%M") if at else "-"


def _environment() -> Environment:
    from jinja2 import Environment, StrictUndefined

    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters.update(text=harmless, words=words, moment=moment)
    environment.globals.update(money=money)
    return environment


def _part(name: str) -> str:
    return (resources.files(__package__) / name).read_text(encoding="utf-8")


def _digest(content: str) -> str:
    digest = hashlib.sha256(content.encode("utf-8")).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"
