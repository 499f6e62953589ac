"""Addresses that hold secrets: apprise's, and a monitor's. No message shows one."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeVar
from urllib.parse import urlsplit

from katana_woo_sync.config import template
from katana_woo_sync.config.files import read_secret
from katana_woo_sync.config.reader import Reader

T = TypeVar("T")

LONGEST = 2000
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,40}://[^\s]+")


def secret_urls(section: Reader, name: str) -> tuple[str, ...]:
    """A list of addresses, or those that the file `NAME_file` holds, one a line (lines that begin
    with # are remarks). Each once."""
    twin = f"{name}_file"
    if _given_twice(section, name, twin):
        return ()
    if twin in section.table:
        return _from_file(section, twin, _lines_of_file, ())
    raw = section.table.get(name, [])
    if not isinstance(raw, list):
        section.problem(name, f'must be a list, such as {name} = ["${{VARIABLE}}"]')
        return ()
    found = [_one(section, f"{name}[{index}]", each, _any_url) for index, each in enumerate(raw)]
    return tuple(dict.fromkeys(url for url in found if url))


def secret_web_url(section: Reader, name: str) -> str:
    """A web address, or the one that the file `NAME_file` holds; "" where there is none."""
    twin = f"{name}_file"
    if _given_twice(section, name, twin):
        return ""
    if twin in section.table:
        return _from_file(section, twin, _web_url, "")
    raw = section.table.get(name, "")
    return "" if raw == "" else _one(section, name, raw, _web_url)


def _given_twice(section: Reader, name: str, twin: str) -> bool:
    if name in section.table and twin in section.table:
        section.problem(name, f"is given twice: keep either {name} or {twin}")
        return True
    return False


def _one(section: Reader, name: str, raw: object, check: Callable[[str], str]) -> str:
    if not isinstance(raw, str):
        section.problem(name, "must be a text in quotes")
        return ""
    try:
        value = template.expand(raw, section.surroundings.environ)
        if not value and (variables := template.names(raw)):
            raise ValueError(f"is empty: the environment has {variables[0]} without a value")
        return check(value)
    except ValueError as error:
        section.problem(name, str(error))
        return ""


def _from_file(section: Reader, twin: str, convert: Callable[[str], T], default: T) -> T:
    raw = section.table[twin]
    try:
        if not isinstance(raw, str):
            raise ValueError("must be a text in quotes")
        if "://" in raw:
            raise ValueError("must name a file, and this is an address")
        path = section.absolute(template.expand(raw, section.surroundings.environ))
        try:
            text = read_secret(path)
        except ValueError as error:
            raise ValueError(f"names a file that {error}") from None
        return convert(text)
    except ValueError as error:
        section.problem(twin, str(error))
        return default


def _lines_of_file(text: str) -> tuple[str, ...]:
    lines = [line.strip() for line in text.splitlines()]
    urls = [line for line in lines if line and not line.startswith("#")]
    if not urls:
        raise ValueError("names a file without an address in it")
    return tuple(dict.fromkeys(_any_url(url) for url in urls))


def _any_url(text: str) -> str:
    """An address of whatever scheme."""
    if not _SCHEME.fullmatch(text) or len(text) > LONGEST or not text.isprintable():
        raise ValueError(
            "must be an address as apprise understands it, such as ntfy://TOPIC or "
            "mailto://USER:PASSWORD@HOST, without spaces (its value is not shown: it may be secret)"
        )
    return text


def _web_url(text: str) -> str:
    allowed = (
        "must be the address that a monitor gives you, beginning with https:// or http:// (its "
        "value is not shown: it may be secret)"
    )
    try:
        parts = urlsplit(text)
        good = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        raise ValueError(allowed) from None
    if not good or not text.isascii() or not _SCHEME.fullmatch(text) or len(text) > LONGEST:
        raise ValueError(allowed)
    return text
