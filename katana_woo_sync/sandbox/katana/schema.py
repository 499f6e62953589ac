"""JSON Schema as Katana's published contract uses it, and its problems in Ajv's words.

A request is held to a schema by `jsonschema`, which lists every problem at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Any

from jsonschema import Draft202012Validator, ValidationError
from jsonschema.protocols import Validator
from jsonschema.validators import extend

from katana_woo_sync.sandbox.katana.errors import Json, Problem

Schema = Json
Limit = int | Decimal | None

LARGEST_ID = 2_147_483_647
NEEDED = "needed"
"""Marks a field's schema as one of a field that cannot be left out."""


def _limited(kind: str, **limits: object) -> Schema:
    return {"type": kind, **{name: limit for name, limit in limits.items() if limit is not None}}


def text(least: int | None = None, most: int | None = None) -> Schema:
    """A text of so many characters."""
    return _limited("string", minLength=least, maxLength=most)


def number(least: Limit = None, most: Limit = None) -> Schema:
    """A JSON number."""
    return _limited("number", minimum=least, maximum=most)


def integer(least: int | None = None, most: int | None = None) -> Schema:
    """A whole JSON number."""
    return _limited("integer", minimum=least, maximum=most)


def one_of(*words: str) -> Schema:
    """One of these texts."""
    return {"type": "string", "enum": sorted(words)}


def array(items: Schema, least: int | None = None, most: int | None = None) -> Schema:
    """A list of so many items; of a query, a parameter that is repeated."""
    return _limited("array", items=items, minItems=least, maxItems=most)


def nullable(schema: Schema) -> Schema:
    """That, or null."""
    return {**schema, "type": [schema["type"], "null"]}


def need(schema: Schema) -> Schema:
    """That, of a field that cannot be left out."""
    return {**schema, NEEDED: True}


def fields(schemas: Mapping[str, Schema]) -> Schema:
    """An object of these fields; any other is refused."""
    return {
        "type": "object",
        "required": sorted(name for name, schema in schemas.items() if NEEDED in schema),
        "additionalProperties": False,
        "properties": {
            name: {key: value for key, value in schema.items() if key != NEEDED}
            for name, schema in schemas.items()
        },
    }


ANYTHING: Schema = {}
OBJECT: Schema = {"type": "object"}
FLAG: Schema = {"type": "boolean"}
TEXT = text()
NON_EMPTY = text(1)
NUMBER = number()
INTEGER = integer()
ID = integer(1, LARGEST_ID)
ID_OR_ZERO = integer(0, LARGEST_ID)
ANY_ID = integer(most=LARGEST_ID)
IDS = array(ANY_ID)
NUMBER_ID_OR_ZERO = number(0, LARGEST_ID)
DAYS = number(0, LARGEST_ID)
QUANTITY = number(0, 10**17)
PRICE = number(0, 10**18)


def _required(
    _validator: Validator, names: list[str], value: object, _schema: Any
) -> Iterator[ValidationError]:
    missing = [name for name in names if name not in value] if isinstance(value, dict) else []
    for name in missing:
        message = f"must have required property '{name}'"
        yield ValidationError(message, validator_value={"missingProperty": name})


def _additional(
    _validator: Validator, _allowed: bool, value: object, schema: Any
) -> Iterator[ValidationError]:
    """One problem for each field, as Ajv has it."""
    for name in value if isinstance(value, dict) else ():
        if name not in schema["properties"]:
            message = "must NOT have additional properties"
            yield ValidationError(message, validator_value={"additionalProperty": name})


def _enum(
    _validator: Validator, words: list[str], value: object, _schema: Schema
) -> Iterator[ValidationError]:
    if isinstance(value, str) and value not in words:
        message = "must be equal to one of the allowed values"
        yield ValidationError(message, validator_value={"allowedValues": words})


_extend: Any = extend  # it is not typed
_Validator = _extend(
    Draft202012Validator,
    {"required": _required, "additionalProperties": _additional, "enum": _enum},
)

_LIMITS = {
    "minimum": "must be >= {}",
    "maximum": "must be <= {}",
    "minLength": "must NOT have fewer than {} characters",
    "maxLength": "must NOT have more than {} characters",
    "minItems": "must NOT have fewer than {} items",
    "maxItems": "must NOT have more than {} items",
}


def checker(schema: Schema) -> Callable[[object], list[Problem]]:
    """What gives everything that a value (parsed JSON, decimals as `Decimal`) breaks."""
    validator = _Validator(schema)

    def problems_of(value: object) -> list[Problem]:
        return [_problem(error) for error in validator.iter_errors(value)]

    return problems_of


def _problem(error: ValidationError) -> Problem:
    path = "".join(f"/{part}" for part in error.absolute_path)
    code = str(error.validator)
    rule: Any = error.validator_value
    if code == "type":
        name = rule if isinstance(rule, str) else rule[0]
        return Problem(path, code, f"must be {name}", {"type": name})
    if code not in _LIMITS:
        return Problem(path, code, error.message, rule)
    info: Json = {"limit": rule}
    if code in ("minimum", "maximum"):
        info["comparison"] = ">=" if code == "minimum" else "<="
    return Problem(path, code, _LIMITS[code].format(rule), info)
