"""How the value of a key may stand in the file: how it is read, in words, and as JSON schema.

Each form says all three of one kind of value, so that loading, docs/options.md and the schema never
differ.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from msgspec import Struct

from katana_woo_sync.config import values
from katana_woo_sync.config.reader import Reader
from katana_woo_sync.config.secret_urls import secret_urls, secret_web_url

Schema = Mapping[str, object]

LEDGER_NAME = "katana-woo-sync.db"
METRICS = ".prom"

TEXT: Schema = {"type": "string"}
A_DURATION: Schema = {
    "anyOf": [{"type": "integer", "minimum": 0}, {"type": "string", "pattern": values.DURATION}]
}


class Form(Struct, frozen=True):
    """A kind of value. `read` takes the table, the key and its default, gives what is meant, and
    leaves what is wrong with the value among the table's problems."""

    kind: str
    schema: Schema
    read: Callable[[Reader, str, Any], object]
    is_secret: bool = False
    """Also readable from a file that `NAME_file` names; never shown."""
    bounds: str = ""
    """What is the least and the most, in words."""


class Key(Struct, frozen=True):
    """A key of the file: how its value stands there, what it means, and how the example shows it
    where it has no default that could be shown."""

    form: Form
    words: str
    example: str = ""
    file_example: str = ""


def flag() -> Form:
    """true or false."""
    return Form("true or false", {"type": "boolean"}, Reader.flag)


def whole(least: int, most: int) -> Form:
    """A whole number."""
    return Form(
        f"whole number from {least} to {most:,}",
        {"type": "integer", "minimum": least, "maximum": most},
        lambda reader, name, default: reader.whole(name, default, least, most),
        bounds=f"From {least} to {most:,}",
    )


def seconds(least: int, most: int) -> Form:
    """Seconds, whole or not."""
    return Form(
        f"seconds from {least} to {most}",
        {"type": "number", "minimum": least, "maximum": most},
        lambda reader, name, default: reader.convert(
            name, default, lambda value: values.seconds(value, least, most)
        ),
        bounds=f"From {least} to {most}",
    )


def duration(least: timedelta, most: timedelta) -> Form:
    """A length of time."""
    return Form(
        f"duration from {values.written(least)} to {values.written(most)}",
        A_DURATION,
        lambda reader, name, default: reader.convert(
            name, default, lambda value: values.duration(value, least, most)
        ),
        bounds=f"From {values.written(least)} to {values.written(most)}",
    )


def moment() -> Form:
    """A date, or a moment."""
    schema = {"type": "string", "pattern": values.MOMENT}
    return Form(
        "date or moment",
        schema,
        lambda reader, name, default: reader.convert(name, default, values.moment),
    )


def choice(*words: str) -> Form:
    """One of a few words."""
    return Form(
        " or ".join(f'`"{word}"`' for word in words),
        {"enum": list(words)},
        lambda reader, name, default: reader.choice(name, default, words),
    )


def text(check: Callable[[str], str] = str, **schema: object) -> Form:
    """A text that `check` takes, or refuses with what is allowed."""
    return Form(
        "text",
        {**TEXT, **schema},
        lambda reader, name, default: reader.text(name, default, check),
    )


def one_line(longest: int, *, strip: bool = True) -> Form:
    """A text of one line."""
    return text(lambda given: values.one_line(given, longest, strip=strip), maxLength=longest)


def texts(check: Callable[[str], str], example: str, least: int = 0, why: str = "") -> Form:
    """A list of texts, of which `least` must be there; `why` says what to do instead of none."""

    def read(reader: Reader, name: str, default: tuple[str, ...]) -> tuple[str, ...]:
        found = reader.texts(name, default, check, example)
        if least and reader.table.get(name) == []:
            reader.problem(name, f"must name one status at least{why}")
        return found

    return Form("list of texts", {"type": "array", "items": TEXT, "minItems": least}, read)


def statuses(why: str = "") -> Form:
    """Slugs of WooCommerce order statuses, one at least."""
    return texts(values.status, '["processing"]', 1, why)


def done_statuses() -> Form:
    """Slugs of statuses that mean that an order is done, one at least."""
    return texts(values.done_status, '["completed", "shipped"]', 1)


def done_status() -> Form:
    """The slug of one such status."""
    return text(values.done_status)


def texts_of_a_line(example: str) -> Form:
    """A list of texts, each of one line that is not empty."""
    return texts(values.not_empty, example)


def of(read: Callable[[object], object], kind: str, schema: Schema) -> Form:
    """What `read` makes of the value as it stands in the file."""
    return Form(kind, schema, lambda reader, name, default: reader.convert(name, default, read))


def file() -> Form:
    """The name of a file to write, relative to the configuration's folder; "" is the default."""

    def read(reader: Reader, name: str, default: Path | None) -> Path | None:
        return reader.file(name, default)

    return Form("file name", TEXT, read)


def metrics_file() -> Form:
    """The same of a file that Prometheus' node exporter reads."""

    def read(reader: Reader, name: str, default: Path | None) -> Path | None:
        path = reader.file(name, default)
        if path is not None and path.suffix != METRICS:
            reader.problem(name, f"must end in {METRICS}: node exporter reads no other file")
        return path

    return Form("file name that ends in .prom", {"type": "string", "pattern": "\\.prom$|^$"}, read)


def ledger_file() -> Form:
    """Where the ledger is, or will be."""
    return Form("file name", TEXT, lambda reader, name, _default: reader.ledger(name, LEDGER_NAME))


def readable_file() -> Form:
    """A file that must be there; "" is none."""
    return Form("file name", TEXT, lambda reader, name, _default: reader.readable(name))


def secret() -> Form:
    """A key."""
    return Form("text", TEXT, lambda reader, name, _default: reader.secret(name), is_secret=True)


def secret_addresses() -> Form:
    """Addresses that hold secrets."""
    return Form(
        "list of texts",
        {"type": "array", "items": TEXT},
        lambda reader, name, _default: secret_urls(reader, name),
        is_secret=True,
    )


def secret_address() -> Form:
    """A web address that holds a secret."""
    return Form(
        "text", TEXT, lambda reader, name, _default: secret_web_url(reader, name), is_secret=True
    )
