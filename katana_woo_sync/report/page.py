"""The page as HTML: everything escaped, nothing fetched, and a policy that forbids both."""

from __future__ import annotations

import base64
import hashlib
from importlib import resources
from typing import TYPE_CHECKING

from katana_woo_sync.report.text import harmless, moment, money, words
from katana_woo_sync.report.values import Page

if TYPE_CHECKING:
    from jinja2 import Environment

    from katana_woo_sync.report.rows import Listing

MARK = "<!doctype html>"
"""How every page begins; only a file that begins so is ever replaced by one."""

LARGEST = 5_000_000
"""Bytes of a page that a telephone still opens."""


def render(page: Page) -> str:
    """The whole document, without anything outside of it. The oldest orders are left out where it
    would be larger than a telephone opens."""
    from katana_woo_sync.report.plots import shown, svg
    from katana_woo_sync.report.rows import listing, story

    style, script = _part("page.css"), _part("page.js")
    policy = (
        "default-src 'none'; "
        f"style-src {_digest(style)}; script-src {_digest(script)}; "
        "base-uri 'none'; form-action 'none'"
    )
    environment = _environment()
    environment.globals.update(svg=svg, shown=shown, story=story)
    template = environment.from_string(_part("page.html"))

    def made(listed: Listing) -> str:
        return template.render(page=page, listed=listed, style=style, script=script, policy=policy)

    listed = listing(page.orders, LARGEST)
    whole = made(listed)
    over = len(whole.encode("utf-8", "replace")) - LARGEST
    return made(listing(page.orders, listed.size - over)) if over > 0 else whole


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
