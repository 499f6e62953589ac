"""The configuration that holds, for people: every key with its value, secrets masked."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import tomlkit

from katana_woo_sync.config.settings import FREE_TABLES, SECTIONS, Section, Settings, keys_of
from katana_woo_sync.config.values import StockReserve, written

HIDDEN = "[hidden]"


def as_toml(settings: Settings) -> str:
    """The settings as a file would have them that leaves out no default. Keys that hold nothing are
    not in it: TOML has no word for that."""
    return tomlkit.dumps(as_document(settings))


def as_document(settings: Settings) -> dict[str, object]:
    """The same as values of TOML; dates are aware."""
    found: dict[str, object] = {"ledger": _value(settings.ledger)}
    for name in Settings.__struct_fields__:
        value = getattr(settings, name)
        if name in FREE_TABLES:
            found[name] = {str(key): _value(each) for key, each in value.items()}
        elif name == "stores":
            found[name] = [_section(store) for store in value]
        elif name in SECTIONS:
            found[name] = _section(value)
    return found


def _section(section: Section) -> dict[str, object]:
    found: dict[str, object] = {}
    for name, key in keys_of(type(section)).items():
        value = getattr(section, name)
        if value is not None:
            found[name] = _masked(value) if key.form.is_secret else _value(value)
    return found


def _masked(value: object) -> object:
    """Whether there is one, and how many, is no secret."""
    if isinstance(value, tuple):
        return [HIDDEN for _ in value]
    return HIDDEN if value else ""


def _value(value: object) -> object:
    match value:
        case timedelta():
            return written(value)
        case StockReserve():
            return f"{value.quantity:f}{'%' if value.is_percentage else ''}"
        case tuple():
            return [_value(each) for each in value]
        case bool() | int() | float() | datetime():
            return value
        case str() | Path() | Decimal():
            # as the file has to write what is no variable
            return str(value).replace("${", "$${")
    raise TypeError(f"no value of TOML: {value!r}")
