"""How a resource of Katana is declared: as a dataclass, each field of which says what it takes.

`field` names what a field is in the requests that take it (`new=`, `change=`, `find=` of a list, or
any other name that a call asks for by `body_of`). The type of a field says how it is read and
shown: times are ISO 8601 text in UTC with milliseconds, amounts are decimals.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from katana_woo_sync.sandbox.katana import schema
from katana_woo_sync.sandbox.katana.errors import Checks, Json
from katana_woo_sync.sandbox.katana.schema import Schema
from katana_woo_sync.sandbox.katana.state import Record, State, Table

R = TypeVar("R", bound=Record)
Check = Callable[[Checks, str, Any], None]
"""Notes what is wrong with a value that keeps the contract; the text is the field's path."""
Read = Callable[[Checks, str, Any], Any]


@dataclass(frozen=True, kw_only=True)
class Declared:
    """What a field's declaration says of it."""

    name: str = ""
    pairs: tuple[str, str] | None = None
    check: Check | None = None
    read: Callable[[Any], object] | None = None
    show: Callable[[Any], object] | None = None
    shown: bool = True
    takes: Mapping[str, Schema] = dataclasses.field(default_factory=dict)


def field(
    *,
    name: str = "",
    default: object = None,
    pairs: tuple[str, str] | None = None,
    check: Check | None = None,
    read: Callable[[Any], object] | None = None,
    show: Callable[[Any], object] | None = None,
    shown: bool = True,
    stored: bool = True,
    **takes: Schema,
) -> Any:
    """A field of a resource.

    `takes` holds its schema in each kind of request; `check` what else a value is held to. In JSON
    it is called `name`, if that is another; `pairs` names the two halves of an entry that is stored
    as a pair. `read` and `show` are how a value is read and answered, where its type does not say
    it; unless `shown` it is not answered. What is not `stored` is only taken from requests.
    """
    declared = Declared(
        name=name,
        pairs=pairs,
        check=check,
        read=read,
        show=show,
        shown=shown and stored,
        takes=takes,
    )
    return dataclasses.field(default=default, init=stored, metadata={"declared": declared})


@dataclass(frozen=True)
class Part:
    """A field of a resource, as `field` declared it."""

    attribute: str
    name: str
    takes: Mapping[str, Schema]
    check: Check | None
    read: Read
    show: Callable[[Any], object] | None
    shown: bool
    stored: bool
    takes_null: bool
    """Whether a change may set it to null."""


_PARTS: dict[type, dict[str, Part]] = {}
_ANSWERED: dict[type, list[tuple[str, str, Callable[[Any], object] | None]]] = {}


def parts_of(resource: type) -> dict[str, Part]:
    """The fields of a resource (a dataclass) by their names in JSON."""
    if resource not in _PARTS:
        hints = get_type_hints(resource)
        parts = [_part(each, hints[each.name]) for each in dataclasses.fields(resource)]
        _ANSWERED[resource] = [(p.name, p.attribute, p.show) for p in parts if p.shown]
        _PARTS[resource] = {part.name: part for part in parts}
    return _PARTS[resource]


def body_of(resource: type, request: str) -> Schema:
    """The schema of a request about the resource: of the fields that it takes."""
    parts = parts_of(resource).values()
    return schema.fields({p.name: p.takes[request] for p in parts if request in p.takes})


def read(resource: type, checks: Checks, body: Json, path: str = "") -> Json:
    """A body's values by the fields that take them, after every check of each; unsent fields are
    left out. Of resources within it these are again values."""
    values: Json = {}
    for name, part in parts_of(resource).items():
        if name in body:
            value = body[name]
            if part.check is not None and value is not None:
                part.check(checks, f"{path}/{name}", value)
            values[part.attribute] = part.read(checks, f"{path}/{name}", value)
    return values


def sent(resource: type, values: Json) -> Json:
    """The values that a new record stores: those sent, and not empty."""
    parts = parts_of(resource).values()
    return {
        part.attribute: values[part.attribute]
        for part in parts
        if part.stored and values.get(part.attribute) not in (None, "")
    }


def create(table: Table[R], resource: type[R], state: State, values: Json, **given: object) -> R:
    """Put a new record of these values into the table; `given` are those that the caller made."""
    now = state.now()
    made: Json = {**sent(resource, values), **given}
    return table.put(resource(id=table.new_id(), created_at=now, updated_at=now, **made))


def changed(record: R, values: Json, **given: object) -> R:
    """The record with what was sent: null where the contract takes it, else nothing empty."""
    made: Json = {}
    for part in parts_of(type(record)).values():
        if part.stored and part.attribute in values:
            value = values[part.attribute]
            if value or value is False or part.takes_null:
                made[part.attribute] = value
    return dataclasses.replace(record, **{**made, **given})


def shown(record: object) -> Json:
    """The record's fields as JSON."""
    parts_of(type(record))
    return {
        name: getattr(record, attribute) if show is None else show(getattr(record, attribute))
        for name, attribute, show in _ANSWERED[type(record)]
    }


def time_text(moment: datetime | None) -> str | None:
    """ISO 8601 with milliseconds and Z."""
    if moment is None:
        return None
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def padded(value: Decimal, decimals: int = 10) -> str:
    """Plain digits with at least so many decimals; digits beyond are not cut."""
    exponent = value.as_tuple().exponent
    own = -exponent if isinstance(exponent, int) else 0
    return f"{value:.{max(decimals, own)}f}"


def quantity_text(quantity: Decimal) -> str:
    """The quantity with at least five decimals; none is lost."""
    return padded(quantity, 5)


def exists(table: str, kind: str) -> Check:
    """The check that a record of that table is there."""

    def check(checks: Checks, path: str, key: int | Decimal) -> None:
        found = getattr(checks.state, table).live(key)
        checks.require(found, path, "notFound", f"{kind} {key} does not exist")

    return check


def longest(most: int) -> Check:
    """The check of a text that Katana's screens have no more room for."""

    def check(checks: Checks, path: str, value: str) -> None:
        message = f"must NOT have more than {most} characters"
        checks.require(len(value) <= most, path, "maxLength", message, limit=most)

    return check


def _part(of_class: dataclasses.Field[Any], hint: object) -> Part:
    declared: Declared = of_class.metadata.get("declared", Declared())
    nested = _resource_in(hint)
    own_show = time_text if _is_of(hint, datetime) else _shower(nested, declared.pairs)
    null_is_taken = "null" in declared.takes.get("change", {}).get("type", "")
    return Part(
        attribute=of_class.name,
        name=declared.name or of_class.name,
        takes=declared.takes,
        check=declared.check,
        read=_reader(hint, nested, declared),
        show=declared.show or own_show,
        shown=declared.shown,
        stored=of_class.init,
        takes_null=_is_of(hint, type(None)) and null_is_taken,
    )


def _is_of(hint: object, kind: type) -> bool:
    return hint is kind or (kind in get_args(hint) and get_origin(hint) is not tuple)


def _resource_in(hint: object) -> type | None:
    """The resource of which the field holds several."""
    found = get_args(hint)[0] if get_origin(hint) is tuple else None
    return found if isinstance(found, type) and dataclasses.is_dataclass(found) else None


def _reader(hint: object, nested: type | None, declared: Declared) -> Read:
    convert = declared.read or _converter(hint)
    if nested is not None:
        inner = nested
        return lambda checks, path, values: [
            read(inner, checks, value, f"{path}/{index}") for index, value in enumerate(values)
        ]
    if declared.pairs is not None:
        one, other = declared.pairs
        first, second = (_converter(each) for each in get_args(get_args(hint)[0]))
        return lambda _checks, _path, values: tuple(
            (first(value[one]), second(value[other])) for value in values
        )
    if get_origin(hint) is tuple:
        each = _converter(get_args(hint)[0])
        return lambda _checks, _path, values: tuple(each(value) for value in values)
    if _is_of(hint, datetime):
        return _read_time
    return lambda _checks, _path, value: convert(value)


def _converter(hint: object) -> Callable[[Any], Any]:
    for kind in (Decimal, int):
        if _is_of(hint, kind):
            return lambda value: None if value is None else kind(value)
    return lambda value: value


def _shower(nested: type | None, pairs: Sequence[str] | None) -> Callable[[Any], object] | None:
    if nested is not None:
        return lambda records: [shown(record) for record in records]
    if pairs is not None:
        first, second = pairs
        return lambda entries: [{first: one, second: other} for one, other in entries]
    return None


def _read_time(checks: Checks, path: str, value: str | None) -> datetime | None:
    """The UTC time in an ISO 8601 text, cut to the millisecond; without a zone it is UTC."""
    moment = moment_of(value or "")
    wrong = value and moment is None
    checks.require(not wrong, path, "format", 'must match format "date-time"', format="date-time")
    if moment is None:
        return None
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000).astimezone(UTC)


def moment_of(value: str) -> datetime | None:
    """The time in an ISO 8601 text; None where it is none."""
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
