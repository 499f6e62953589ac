"""Filters and pages of lists.

Array filters repeat their key, dates are inclusive at both ends, deleted and archived records come
only when asked for, and the newest record comes first. A parameter that the list does not have is
ignored, as Katana ignores it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import datetime
from decimal import Decimal
from typing import TypeVar

import msgspec

from katana_woo_sync.sandbox.katana.errors import (
    INVALID_QUERY,
    VALIDATION_FAILED,
    Json,
    Problem,
    Refusal,
)
from katana_woo_sync.sandbox.katana.resource import moment_of, parts_of
from katana_woo_sync.sandbox.katana.schema import TEXT, Schema, checker, fields, integer

R = TypeVar("R")

PAGES: Json = {"limit": integer(1, 250), "page": integer(1)}
"""What every list takes."""
DATES: Json = dict.fromkeys(
    ("created_at_min", "created_at_max", "updated_at_min", "updated_at_max"), TEXT
)
"""What most lists take; both ends belong to the range."""

_NOT_FILTERS = frozenset({"limit", "page", "extend", "include_empty"})
_HIDDEN_UNLESS = {"include_deleted": "deleted_at", "include_archived": "archived_at"}
_RENAMED = {"ids": "id", "variant_ids": "variant_id", "batch_created_at": "batch_created_date"}
_INTEGER = re.compile(r"-?\d+")
_NUMBER = re.compile(r"-?\d+(\.\d+)?")


def query_reader(filters: Schema) -> Callable[[dict[str, list[str]]], Json]:
    """What reads the parameters of a request for a list of these filters, and raises the 422 that
    lists all that is wrong."""
    schemas = filters["properties"]
    problems_of = checker(filters)

    def read_query(parameters: dict[str, list[str]]) -> Json:
        query: Json = {"limit": 50, "page": 1}
        for name in parameters.keys() & schemas.keys():
            texts, schema = parameters[name], schemas[name]
            if schema["type"] == "array":
                query[name] = [_value_of(text, schema["items"]) for text in texts]
            else:
                query[name] = _value_of(texts[-1], schema)
        problems = problems_of(query) + _date_problems(query)
        if problems:
            raise Refusal(422, INVALID_QUERY, code=VALIDATION_FAILED, details=problems)
        return query

    return read_query


def filters_of(resource: type, request: str, others: Json, *, dated: bool) -> Schema:
    """The filters of a list: those of the resource's fields that say so, and `others`."""
    parts = parts_of(resource).values()
    own = {part.name: part.takes[request] for part in parts if request in part.takes}
    return fields({**PAGES, **(DATES if dated else {}), **own, **others})


def page_of(
    resource: type, records: Iterable[R], query: Json, show: Callable[[R], Json], most_rows: int
) -> tuple[list[Json], str]:
    """The rows of the page that the query asks for, `most_rows` at most, of the records that its
    filters let through, and the text of its `X-Pagination` header.

    Only the page's own rows are made, unless a filter asks for what no record keeps.
    """
    filters = {name: wanted for name, wanted in query.items() if name not in _NOT_FILTERS}
    hidden = [field for name, field in _HIDDEN_UNLESS.items() if not filters.pop(name, False)]
    found = [r for r in records if not any(getattr(r, field, None) for field in hidden)]
    parts = parts_of(resource)
    for name in [*filters]:
        part = parts.get(_field_of(name))
        if part is not None and part.stored:
            wanted = filters.pop(name)
            found = [r for r in found if _passes(getattr(r, part.attribute), name, wanted)]
    limit = min(query["limit"], most_rows)
    start = (query["page"] - 1) * limit
    if filters:
        shown = [show(record) for record in found]
        left = [row for row in shown if all(_passes_in(row, *each) for each in filters.items())]
        return left[start : start + limit], _pagination(len(left), query["page"], start, limit)
    rows = [show(record) for record in found[start : start + limit]]
    return rows, _pagination(len(found), query["page"], start, limit)


def _pagination(total: int, page: int, start: int, limit: int) -> str:
    pages = max(1, -(-total // limit))
    header = {
        "total_records": str(total),
        "total_pages": str(pages),
        "offset": str(start),
        "page": str(page),
        "first_page": "true" if page == 1 else "false",
        "last_page": "true" if page >= pages else "false",
    }
    return msgspec.json.encode(header).decode()


def _value_of(text: str, schema: Schema) -> object:
    """A query parameter's text as its schema's type; the text itself where it is none."""
    kind = schema["type"]
    if kind == "boolean" and text in ("true", "false"):
        return text == "true"
    if kind in ("integer", "number") and _INTEGER.fullmatch(text):
        return int(text)
    if kind == "number" and _NUMBER.fullmatch(text):
        return Decimal(text)
    return text


def _is_date(name: str) -> bool:
    return name.endswith(("_at_min", "_at_max", "_date_min"))


def _date_problems(query: Json) -> list[Problem]:
    return [
        Problem(f"/{name}", "format", 'must match format "date-time"', {"format": "date-time"})
        for name, value in query.items()
        if _is_date(name) and isinstance(value, str) and moment_of(value) is None
    ]


def _field_of(name: str) -> str:
    field = name[: -len("_min")] if _is_date(name) else name
    return _RENAMED.get(field, field)


def _passes_in(row: Json, name: str, wanted: object) -> bool:
    return _passes(row.get(_field_of(name)), name, wanted)


def _passes(value: object, name: str, wanted: object) -> bool:
    if _is_date(name):
        own = value if isinstance(value, datetime) else moment_of(str(value))
        end = moment_of(str(wanted))
        if own is None or end is None:
            return False
        return own >= end if name.endswith("_min") else own <= end
    if isinstance(wanted, list):
        return any(each in wanted for each in (value if isinstance(value, tuple) else (value,)))
    if isinstance(value, bool) and isinstance(wanted, str):
        return wanted == str(value).lower()
    return value == wanted
