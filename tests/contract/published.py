"""Katana's published contract for requests, where it lies beside this checkout."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TypeAlias
from urllib.parse import parse_qsl

import jsonschema
import yaml

from katana_woo_sync.sandbox.server import RecordedRequest

CONTRACT = Path(__file__).resolve().parents[3] / "shared" / "katana" / "openapi-requests.yaml"
PREFIX = "/v1"
Json: TypeAlias = dict[str, object]
GROUPS = {
    "pagination": frozenset({"limit", "page"}),
    "dateFilter": frozenset(
        {"created_at_min", "created_at_max", "updated_at_min", "updated_at_max"}
    ),
}
"""Query parameters that the contract has as one object of any fields; sent by their own names."""

FORMS: Mapping[str, str] = {
    "integer": r"-?\d+",
    "number": r"-?\d+(\.\d+)?",
    "boolean": "true|false",
}


@dataclass(frozen=True)
class Operation:
    """One method of one path: its body's schema, and its query parameters by name."""

    body: Json | None
    query: Mapping[str, Json]


def _within(value: object, *path: str) -> Json:
    """An object inside another; empty where there is none."""
    for name in path:
        value = value.get(name, {}) if isinstance(value, dict) else {}
    return value if isinstance(value, dict) else {}


def _schema(value: object) -> object:
    """OpenAPI 3.0's schema as JSON Schema, which has no `nullable`."""
    if isinstance(value, list):
        return [_schema(part) for part in value]
    if not isinstance(value, dict):
        return value
    plain = {name: _schema(part) for name, part in value.items() if name != "nullable"}
    if value.get("nullable") is True:
        return {"anyOf": [{"type": "null"}, plain]}
    return plain


@cache
def _contract() -> Json:
    loaded: object = yaml.load(CONTRACT.read_text("utf-8"), Loader=yaml.CSafeLoader)
    return _within({"contract": loaded}, "contract")


@cache
def _components() -> object:
    return _schema(_contract()["components"])


def operation(method: str, path: str) -> Operation | None:
    """The contract's operation for a request; None where it has none."""
    for template, methods in _within(_contract(), "paths").items():
        if re.fullmatch(re.sub(r"\{\w+\}", r"\\d+", template), path.removeprefix(PREFIX)):
            found = _within(methods, method.lower())
            return _operation(found) if found else None
    return None


def _operation(found: Json) -> Operation:
    body = _within(found, "requestBody", "content", "application/json", "schema")
    parameters = found.get("parameters", [])
    assert isinstance(parameters, list)
    query = {p["name"]: _within(p, "schema") for p in parameters if p["in"] == "query"}
    return Operation(body or None, query)


def breaches(request: RecordedRequest) -> Iterator[str]:
    """What a request does that the contract does not know."""
    known = operation(request.method, request.path)
    if known is None:
        yield f"{request.method} {request.path} is not in the contract"
        return
    for name, value in parse_qsl(request.query, keep_blank_values=True):
        yield from _query_breaches(known, name, value)
    if known.body is None:
        if request.body:
            yield f"{request.method} {request.path} takes no body"
        return
    body = json.loads(request.body)
    schema = {"allOf": [_schema(known.body)], "components": _components()}
    # OpenAPI 3.0 has the booleans exclusiveMinimum and exclusiveMaximum of draft 4.
    for error in jsonschema.Draft4Validator(schema).iter_errors(body):
        yield f"{request.method} {request.path}: {error.json_path} {error.message}"


def _query_breaches(known: Operation, name: str, value: str) -> Iterator[str]:
    if any(name in names and group in known.query for group, names in GROUPS.items()):
        return
    if name not in known.query:
        yield f"unknown query parameter {name}"
        return
    schema = known.query[name]
    if schema.get("type") == "array":
        schema = _within(schema, "items")
    allowed = schema.get("enum")
    if isinstance(allowed, list) and value not in allowed:
        yield f"{name}={value} is not one of {allowed}"
    if not re.fullmatch(FORMS.get(str(schema.get("type")), ".*"), value, re.DOTALL):
        yield f"{name}={value} is no {schema['type']}"
