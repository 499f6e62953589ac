"""Request schemas and their Ajv-style validation, which lists every problem at once."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from functools import cache

import msgspec

Json = dict[str, object]


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of an error's `details`, as Ajv reports it: where, which rule, and its limit."""

    path: str
    code: str
    message: str
    info: Json


class Node(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The part of JSON Schema (as OpenAPI 3.0 writes it) that the contract uses."""

    type: str = ""
    nullable: bool = False
    enum: tuple[str, ...] = ()
    minimum: Decimal | None = None
    maximum: Decimal | None = None
    min_length: int = 0
    max_length: int | None = None
    min_items: int = 0
    max_items: int | None = None
    properties: dict[str, Node] = {}
    required: tuple[str, ...] = ()
    items: Node | None = None
    additional_properties: bool = True


def node_of(schema: Mapping[str, object], definitions: Mapping[str, object]) -> Node:
    """Read a JSON schema; `definitions` holds what its references name (by their last part)."""
    return msgspec.convert(_inlined(schema, definitions), Node)


@cache
def schema_of(struct: type[msgspec.Struct]) -> Node:
    """The schema that a request struct stands for."""
    (reference,), definitions = msgspec.json.schema_components(
        [struct], schema_hook=lambda _: {"title": "anything"}, ref_template="#/{name}"
    )
    return node_of(reference, definitions)


def problems_of(value: object, node: Node, path: str = "") -> list[Problem]:
    """Everything that the value (parsed JSON, decimals as `Decimal`) breaks."""
    return list(_problems(value, node, path))


def _inlined(schema: Mapping[str, object], definitions: Mapping[str, object]) -> Json:
    """The schema without references, and with `nullable` in place of a null alternative."""
    reference = schema.get("$ref")
    if isinstance(reference, str):
        target = definitions[reference.rsplit("/", 1)[-1]]
        return _inlined(_mapping(target), definitions)
    alternatives = schema.get("anyOf")
    if isinstance(alternatives, list):
        kept = [_mapping(a) for a in alternatives if _mapping(a).get("type") != "null"]
        if len(kept) == 1:
            nullable = len(kept) < len(alternatives)
            return {**_inlined(kept[0], definitions), **({"nullable": True} if nullable else {})}
    plain: Json = {k: v for k, v in schema.items() if k in _KEYWORDS}
    if schema.get("format") == "decimal":
        plain["type"] = "number"  # msgspec describes a Decimal as text
    if isinstance(plain.get("additionalProperties"), dict):
        plain["additionalProperties"] = True
    if "enum" in plain:
        plain = {**plain, "type": "string", "enum": sorted(_strings(plain["enum"]))}
    if "required" in plain:
        plain["required"] = sorted(_strings(plain["required"]))
    if "properties" in plain:
        fields = _mapping(plain["properties"])
        plain["properties"] = {k: _inlined(_mapping(v), definitions) for k, v in fields.items()}
    if "items" in plain:
        plain["items"] = _inlined(_mapping(plain["items"]), definitions)
    return plain


_KEYWORDS = frozenset(field.encode_name for field in msgspec.structs.fields(Node))


def _mapping(value: object) -> Mapping[str, object]:
    if not isinstance(value, Mapping):
        raise TypeError(f"a schema is expected, not {type(value).__name__}")
    return value


def _strings(value: object) -> list[str]:
    return msgspec.convert(value, list[str])


def _problems(value: object, node: Node, path: str) -> Iterator[Problem]:
    if value is None and node.nullable:
        return
    if node.type and not _has_type(value, node.type):
        yield _problem(path, "type", f"must be {node.type}", type=node.type)
        return
    if node.enum and value not in node.enum:
        message = "must be equal to one of the allowed values"
        yield _problem(path, "enum", message, allowedValues=list(node.enum))
    if isinstance(value, str):
        yield from _length_problems(len(value), "Length", "characters", node, path)
    elif isinstance(value, list):
        yield from _length_problems(len(value), "Items", "items", node, path)
        for index, item in enumerate(value):
            yield from _problems(item, node.items or Node(), f"{path}/{index}")
    elif isinstance(value, dict):
        yield from _field_problems(value, node, path)
    elif isinstance(value, (int, Decimal)):
        yield from _range_problems(Decimal(value), node, path)


def _has_type(value: object, name: str) -> bool:
    match name:
        case "integer":
            return isinstance(value, int) and not isinstance(value, bool)
        case "number":
            return isinstance(value, (int, Decimal)) and not isinstance(value, bool)
        case "string":
            return isinstance(value, str)
        case "boolean":
            return isinstance(value, bool)
        case "array":
            return isinstance(value, list)
        case _:
            return isinstance(value, dict)


def _field_problems(value: Json, node: Node, path: str) -> Iterator[Problem]:
    for name in node.required:
        if name not in value:
            message = f"must have required property '{name}'"
            yield _problem(path, "required", message, missingProperty=name)
    if node.additional_properties is False:
        for name in value.keys() - node.properties.keys():
            message = "must NOT have additional properties"
            yield _problem(path, "additionalProperties", message, additionalProperty=name)
    for name, field in node.properties.items():
        if name in value:
            yield from _problems(value[name], field, f"{path}/{name}")


def _length_problems(
    length: int, suffix: str, unit: str, node: Node, path: str
) -> Iterator[Problem]:
    lowest, highest = (
        (node.min_length, node.max_length)
        if suffix == "Length"
        else (node.min_items, node.max_items)
    )
    if length < lowest:
        message = f"must NOT have fewer than {lowest} {unit}"
        yield _problem(path, f"min{suffix}", message, limit=lowest)
    if highest is not None and length > highest:
        message = f"must NOT have more than {highest} {unit}"
        yield _problem(path, f"max{suffix}", message, limit=highest)


def _range_problems(value: Decimal, node: Node, path: str) -> Iterator[Problem]:
    if node.minimum is not None and value < node.minimum:
        message = f"must be >= {node.minimum}"
        yield _problem(path, "minimum", message, comparison=">=", limit=node.minimum)
    if node.maximum is not None and value > node.maximum:
        message = f"must be <= {node.maximum}"
        yield _problem(path, "maximum", message, comparison="<=", limit=node.maximum)


def _problem(path: str, code: str, message: str, **info: object) -> Problem:
    return Problem(path=path, code=code, message=message, info=info)


_INTEGER = re.compile(r"-?\d+")
_NUMBER = re.compile(r"-?\d+(\.\d+)?")


def from_text(text: str, node: Node) -> object:
    """A query parameter's text as its schema's type; the text itself where it is none."""
    if node.type == "boolean" and text in ("true", "false"):
        return text == "true"
    if node.type in ("integer", "number") and _INTEGER.fullmatch(text):
        return int(text)
    if node.type == "number" and _NUMBER.fullmatch(text):
        return Decimal(text)
    return text
