"""The JSON schema of the configuration, with which editors complete and explain its keys: made from
the declarations of the settings."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path

from msgspec import NODEFAULT, Struct
from msgspec.structs import fields

from katana_woo_sync.config import values
from katana_woo_sync.config.forms import TEXT, Key, Schema
from katana_woo_sync.config.settings import SECTIONS, Settings, keys_of

FILE_NAME = "katana-woo-sync.schema.json"
"""What the schema is called beside a configuration, which names it in its first line."""

FIRST_LINE = f"#:schema ./{FILE_NAME}\n"

VARIABLE: Schema = {"type": "string", "pattern": r"\$\{[A-Za-z_][A-Za-z0-9_]*\}"}
"""The environment's value may stand for any value."""


def schema() -> str:
    """The JSON schema (draft 7) of the configuration, as text."""
    return json.dumps(_document(), indent=2, ensure_ascii=False) + "\n"


def _document() -> dict[str, object]:
    properties: dict[str, object] = {"ledger": _property(keys_of(Settings)["ledger"], NODEFAULT)}
    for name, kind in SECTIONS.items():
        table = _table(kind)
        many = {"type": "array", "minItems": 1, "items": table}
        properties[name] = many if name == "stores" else table
    properties["taxes"] = {
        "type": "object",
        "description": "Percentage → name of the Katana tax rate to take, where several share it.",
        "propertyNames": {"pattern": r"^\d{1,3}(\.\d{1,4})?$"},
        "additionalProperties": {"type": "string", "pattern": r"\S"},
    }
    properties["sku_aliases"] = {
        "type": "object",
        "description": "SKU in the shop → SKU in Katana.",
        "propertyNames": {"pattern": r"\S"},
        "additionalProperties": {"type": "string", "pattern": r"\S"},
    }
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "The configuration of katana-woo-sync",
        "type": "object",
        "additionalProperties": False,
        "required": ["katana", "stores"],
        "properties": properties,
    }


def _table(kind: type[Struct]) -> dict[str, object]:
    keys = keys_of(kind)
    defaults = {each.name: each.default for each in fields(kind)}
    properties: dict[str, object] = {}
    for name, key in keys.items():
        properties[name] = _property(key, defaults[name])
        if key.form.is_secret:
            words = f"The name of a file that holds {name}."
            properties[f"{name}_file"] = {**TEXT, "description": words}
    table: dict[str, object] = {
        "type": "object",
        "description": " ".join((kind.__doc__ or "").split()),
        "additionalProperties": False,
        "properties": properties,
    }
    needed = [name for name in keys if defaults[name] is NODEFAULT]
    table["required"] = [name for name in needed if not keys[name].form.is_secret]
    one_of = list(_one_way_for_each(keys, needed))
    if one_of:
        table["allOf"] = one_of
    return table


def _one_way_for_each(keys: Mapping[str, Key], needed: list[str]) -> Iterator[Schema]:
    """A secret stands in the file, or in a file of its own, and not in both."""
    for name, key in keys.items():
        if key.form.is_secret:
            here, beside = {"required": [name]}, {"required": [f"{name}_file"]}
            if name in needed:
                yield {"oneOf": [here, beside]}
            else:
                yield {"not": {"allOf": [here, beside]}}


def _property(key: Key, default: object) -> dict[str, object]:
    form = dict(key.form.schema)
    shape: dict[str, object] = form if form == TEXT else {"anyOf": [form, VARIABLE]}
    shape["description"] = key.words
    if default is not NODEFAULT and default not in (None, "", ()):
        shape["default"] = _json(default)
    return shape


def _json(value: object) -> object:
    match value:
        case timedelta():
            return values.written(value)
        case values.StockReserve():
            return int(value.quantity)
        case tuple():
            return list(value)
        case Path():
            return str(value)
    return value
