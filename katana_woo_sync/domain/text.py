"""Text as people read it: entities and tags undone, what no system can hold taken out."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence

from katana_woo_sync.domain.woocommerce import Meta

_TAG = re.compile(r"<[^<>]{0,500}>")
_UNHOLDABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_SPACES = re.compile(r"[ \t\r\f\v]+")


def clean(text: str, limit: int = 0) -> str:
    """The text without what breaks databases and terminals.

    NUL, other control characters and lone surrogates go; line breaks and every letter, emoji
    included, stay. `limit` cuts to so many characters, ending in "…"; 0 cuts nothing.
    """
    cleaned = _SPACES.sub(" ", _UNHOLDABLE.sub("", text)).strip()
    if not limit or len(cleaned) <= limit:
        return cleaned
    return cleaned[: limit - 1].rstrip() + "…"


def plain(text: str, limit: int = 0) -> str:
    """A WooCommerce product or line name, which comes HTML-escaped, as people read it."""
    return clean(html.unescape(_TAG.sub("", text)), limit)


def chosen_meta(entries: Sequence[Meta], keys: Sequence[str]) -> list[tuple[str, str]]:
    """The entries of these keys as a title and their text, in the keys' order, at most 1,000
    letters each. A list's elements stand behind each other; what is no text is left out."""
    return [
        (plain(key, 100).strip("_").replace("_", " ").capitalize(), plain(text, 1000))
        for key in keys
        for entry in entries
        if entry.key == key and (text := _scalars(entry.value))
    ]


def _scalars(value: object) -> str:
    parts = value if isinstance(value, list) else [value]
    scalars = (p for p in parts if isinstance(p, (str, int, float)) and not isinstance(p, bool))
    return ", ".join(filter(None, map(str, scalars)))


def visible_meta(entries: Iterable[Meta]) -> tuple[tuple[str, str], ...]:
    """The line meta that the shop shows (an engraving, a variation's colour), as key and value.

    Keys that begin with "_" are a plugin's own; values that are no text are not for people.
    """
    shown = []
    for entry in entries:
        if entry.key.startswith("_") or not entry.key:
            continue
        value = entry.display_value if isinstance(entry.display_value, str) else entry.value
        if isinstance(value, bool) or not isinstance(value, (str, int, float)):
            continue
        key = entry.display_key if isinstance(entry.display_key, str) else entry.key
        pair = (plain(key, 100), plain(str(value), 1000))
        if all(pair):
            shown.append(pair)
    return tuple(shown)
