"""Filters and pages of lists.

Array filters repeat their key, dates are inclusive at both ends, deleted and archived records come
only when asked for, and the newest record comes first.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from typing import TypeVar

import msgspec
from msgspec import UNSET

from katana_woo_sync.sandbox.katana.errors import INVALID_QUERY, VALIDATION_FAILED, Refusal
from katana_woo_sync.sandbox.katana.queries import ListQuery
from katana_woo_sync.sandbox.katana.schema import Json, Problem, from_text, problems_of, schema_of

Q = TypeVar("Q", bound=ListQuery)
R = TypeVar("R")

_NOT_FILTERS = frozenset({"limit", "page", "extend", "include_empty"})
_HIDDEN_UNLESS = {"include_deleted": "deleted_at", "include_archived": "archived_at"}
_RENAMED = {"ids": "id", "variant_ids": "variant_id", "batch_created_at": "batch_created_date"}


def read_query(parameters: dict[str, list[str]], kind: type[Q]) -> Q:
    """The query that the parameters stand for. Raises the 422 that lists all that is wrong."""
    node = schema_of(kind)
    values: Json = {}
    for name, field in node.properties.items():
        if name in parameters and field.type == "array" and field.items is not None:
            values[name] = [from_text(text, field.items) for text in parameters[name]]
        elif name in parameters:
            values[name] = from_text(parameters[name][-1], field)
    problems = problems_of(values, node) + _date_problems(values)
    if problems:
        raise Refusal(422, INVALID_QUERY, code=VALIDATION_FAILED, details=problems)
    return msgspec.convert(values, kind)


def selected(rows: Iterable[Json], query: ListQuery) -> list[Json]:
    """The rows that the query's filters let through."""
    filters: Json = {
        name: value
        for name, value in msgspec.structs.asdict(query).items()
        if value is not UNSET and name not in _NOT_FILTERS
    }
    hidden = [field for name, field in _HIDDEN_UNLESS.items() if not filters.pop(name, False)]
    return [
        row
        for row in rows
        if not any(row.get(field) for field in hidden)
        and all(_passes(row, name, value) for name, value in filters.items())
    ]


def page_of(rows: list[R], query: ListQuery, most_rows: int = 250) -> tuple[list[R], str]:
    """The rows of the query's page, `most_rows` at most, and the text of its `X-Pagination`
    header."""
    limit = min(query.limit, most_rows)
    start = (query.page - 1) * limit
    pages = max(1, -(-len(rows) // limit))
    header = {
        "total_records": str(len(rows)),
        "total_pages": str(pages),
        "offset": str(start),
        "page": str(query.page),
        "first_page": "true" if query.page == 1 else "false",
        "last_page": "true" if query.page >= pages else "false",
    }
    return rows[start : start + limit], msgspec.json.encode(header).decode()


def _is_date(name: str) -> bool:
    return name.endswith(("_at_min", "_at_max", "_date_min"))


def _date_problems(values: Json) -> list[Problem]:
    return [
        Problem(
            path=f"/{name}",
            code="format",
            message='must match format "date-time"',
            info={"format": "date-time"},
        )
        for name, value in values.items()
        if _is_date(name) and isinstance(value, str) and _moment(value) is None
    ]


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


def _passes(row: Json, name: str, wanted: object) -> bool:
    if _is_date(name):
        field = name[: -len("_min")]
        return _in_range(row.get(_RENAMED.get(field, field)), name, str(wanted))
    value = row.get(_RENAMED.get(name, name))
    if isinstance(wanted, tuple):
        own = value if isinstance(value, tuple) else (value,)
        return any(entry in wanted for entry in own)
    return _same(value, wanted)


def _in_range(value: object, name: str, limit: str) -> bool:
    own, end = _moment(str(value)), _moment(limit)
    if own is None or end is None:
        return False
    return own >= end if name.endswith("_min") else own <= end


def _same(value: object, wanted: object) -> bool:
    if isinstance(value, bool) and isinstance(wanted, str):
        return wanted == str(value).lower()
    if isinstance(wanted, Decimal) and isinstance(value, str):
        return Decimal(value) == wanted
    return value == wanted
