"""Reads one table of the file key by key, and collects what is wrong instead of stopping at it.

A reading that goes wrong leaves a problem behind and gives the default, so that the rest can still
be read; whoever asked throws everything away if there are problems at the end.
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import TypeVar

from msgspec import Struct, field

from katana_woo_sync.config import template
from katana_woo_sync.config.files import check_readable, read_secret
from katana_woo_sync.config.problems import (
    NotAllowedError,
    Problem,
    printable,
    shown,
    shown_key,
    shown_url,
)

T = TypeVar("T")
C = TypeVar("C", bound=str)


class Surroundings(Struct, frozen=True):
    """What the reading of a file needs besides the file, and the problems found so far."""

    folder: Path
    environ: Mapping[str, str]
    problems: list[Problem] = field(default_factory=list)


class Reader(Struct, frozen=True):
    """One table: its values, its name in the file ("" at the top) and where problems go."""

    table: Mapping[str, object]
    key: str
    surroundings: Surroundings
    store: str = ""

    def problem(self, name: str, message: str) -> None:
        """Note that something is wrong with a key of this table."""
        self.surroundings.problems.append(Problem(self.path(name), message, self.store))

    def path(self, name: str) -> str:
        """The key as a person finds it in the file: `stores[1].location`."""
        return ".".join(part for part in (self.key, name) if part)

    def convert(self, name: str, default: T, convert: Callable[[object], T]) -> T:
        """The key's value as `convert` understands it; its ValueErrors become problems. Texts have
        their variables filled in before, and messages show them as they stand in the file."""
        if name not in self.table:
            return default
        return self._converted(shown_key(name), self.table[name], default, convert)

    def _converted(
        self, shown_name: str, raw: object, default: T, convert: Callable[[object], T]
    ) -> T:
        value = raw
        if isinstance(raw, str):
            try:
                value = template.expand(raw, self.surroundings.environ)
            except ValueError as error:
                self.problem(shown_name, str(error))
                return default
        try:
            return convert(value)
        except ValueError as error:
            if isinstance(value, str) and isinstance(raw, str) and template.names(raw):
                with suppress(ValueError):
                    return convert(_number_or_flag(value))
            self.problem(
                shown_name, f"{error}{_proposal(error, raw)}, not {_given(shown_name, raw)}"
            )
            return default

    def flag(self, name: str, default: bool) -> bool:
        """true or false."""
        return self.convert(name, default, _flag)

    def whole(self, name: str, default: int, least: int, most: int) -> int:
        """A whole number within limits."""
        return self.convert(name, default, lambda value: _whole(value, least, most))

    def text(self, name: str, default: str, check: Callable[[str], str] = str) -> str:
        """A text that a check may refuse or put right."""
        return self.convert(name, default, lambda value: check(_text(value)))

    def choice(self, name: str, default: C, choices: Collection[C]) -> C:
        """One of a few words."""

        def chosen(value: object) -> C:
            for choice in choices:
                if value == choice:
                    return choice
            raise ValueError(f"must be {' or '.join(shown(choice) for choice in choices)}")

        return self.convert(name, default, chosen)

    def texts(
        self, name: str, default: tuple[str, ...], check: Callable[[str], str], example: str
    ) -> tuple[str, ...]:
        """A list of texts, each once."""
        raw = self.table.get(name, list(default))
        if not isinstance(raw, list):
            self.problem(name, f"must be a list, such as {example}, not {shown(raw)}")
            return default
        found = [
            self._converted(f"{name}[{index}]", item, "", lambda value: check(_text(value)))
            for index, item in enumerate(raw)
        ]
        return tuple(dict.fromkeys(text for text in found if text))

    def file(self, name: str, default: Path | None = None) -> Path | None:
        """A path, relative to the file's folder; "" is the default."""

        def found(value: object) -> Path | None:
            return default if value == "" else self.absolute(value)

        return self.convert(name, default, found)

    def secret(self, name: str) -> str:
        """A secret, given as such or as the name of a file that holds it. Its value is in no
        message. Required: without it a problem is noted, and "" given."""
        twin = f"{name}_file"
        if name in self.table and twin in self.table:
            self.problem(name, f"is given twice: keep either {name} or {twin}")
            return ""
        if twin in self.table:
            return self.convert(twin, "", self._secret_of_file)
        if name not in self.table:
            self.problem(name, f'is missing: give {name} = "${{VARIABLE}}" or {twin} = "FILE"')
            return ""
        raw = self.table[name]
        if not isinstance(raw, str):
            self.problem(name, "must be a text in quotes")
            return ""
        try:
            value = template.expand(raw, self.surroundings.environ)
            if not value and (variables := template.names(raw)):
                raise ValueError(f"is empty: the environment has {variables[0]} without a value")
            return _checked_secret(value)
        except ValueError as error:
            # Without the value, unlike everything else that is wrong.
            self.problem(name, str(error))
            return ""

    def _secret_of_file(self, value: object) -> str:
        try:
            return _checked_secret(read_secret(self.absolute(value)))
        except ValueError as error:
            folder = printable(str(self.surroundings.folder))
            raise ValueError(
                f"must name a file with the key in it, as an absolute path or from {folder} (that "
                f"file {error})"
            ) from None

    def subtable(self, name: str) -> Reader:
        """A table within this one; an empty one where it is missing."""
        raw = self.table.get(name, {})
        if not isinstance(raw, dict):
            self.problem(name, f"must be a table, [{name}], not {shown(raw)}")
            raw = {}
        return Reader(raw, self.path(name), self.surroundings, self.store)

    def ledger(self, name: str, default: str) -> Path:
        """Where the ledger is, or will be."""

        def not_a_folder(value: object) -> Path:
            if value == "":
                raise ValueError("must name a file")
            path = self.absolute(value)
            if os.path.isdir(path):  # Path.is_dir raises where a folder above is closed to us
                raise ValueError("must name a file, and this is a folder")
            return path

        # whatever it is called by: its lock lies beside it
        found = self.convert(name, self.surroundings.folder / default, not_a_folder)
        return Path(os.path.realpath(found))

    def readable(self, name: str) -> Path | None:
        """A file that can be read; "" is none."""

        def found(value: object) -> Path | None:
            if value == "":
                return None
            path = self.absolute(value)
            check_readable(path)
            return path

        return self.convert(name, None, found)

    def refuse_unknown(self, section: str, sections: Mapping[str, tuple[str, ...]]) -> None:
        """Note every key that the section does not have, with the nearest that any has."""
        for name in self.table:
            if name not in sections[section]:
                hint = _hint(name, section, sections)
                self.problem(shown_key(name), f"is not a known key; {hint}")

    def absolute(self, value: object) -> Path:
        """A path as the file gives it, made absolute: from the file's folder, `~` filled in."""
        text = _text(value)
        if not text.strip() or "\0" in text:
            raise ValueError("must be a path")
        if text == "~" or text.startswith("~/"):
            home = self.surroundings.environ.get("HOME") or "~"
            text = f"{home}{text[1:]}"
        try:
            return (self.surroundings.folder / Path(text).expanduser()).absolute()
        except RuntimeError:
            raise ValueError("must be a path, after ~ with the name of a user here") from None


def _number_or_flag(text: str) -> object:
    """What a variable holds that stands for a number, or for true or false."""
    if text in ("true", "false"):
        return text == "true"
    number = Decimal(text) if re.fullmatch(r"-?\d{1,18}(\.\d{1,18})?", text) else None
    if number is None:
        raise ValueError("neither")
    return int(number) if "." not in text else number


def _proposal(error: ValueError, raw: object) -> str:
    # What came out of a variable may be a secret that got into the wrong key.
    if not isinstance(error, NotAllowedError) or (isinstance(raw, str) and template.names(raw)):
        return ""
    return f" ({error.proposal})"


def _given(name: str, raw: object) -> str:
    return shown_url(raw) if name == "url" and isinstance(raw, str) else shown(raw)


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError("must be true or false, without quotes")
    return value


def _whole(value: object, least: int, most: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise ValueError(f"must be a whole number from {least} to {most}, without quotes")
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("must be a text in quotes")
    return value


def _checked_secret(value: str) -> str:
    if not value:
        raise ValueError("is empty")
    if any(c.isspace() for c in value):
        raise ValueError("holds a space or a line break, which a key never does")
    if not value.isascii() or not value.isprintable():
        raise ValueError("holds a sign that a key never has, such as a curly quote or a long dash")
    return value


def _hint(name: str, section: str, sections: Mapping[str, tuple[str, ...]]) -> str:
    plain = name.lower().replace("-", "_")
    homes = [other for other, keys in sections.items() if plain in keys and other != section]
    if homes:
        return f"{plain} belongs {' or '.join(_place(home) for home in homes)}"
    near = difflib.get_close_matches(plain, sections[section], n=1, cutoff=0.5)
    if near:
        return f"did you mean {near[0]}?"
    return f"known here: {', '.join(sections[section])}"


def _place(section: str) -> str:
    if not section:
        return "to the top of the file, before the first [section]"
    return "in a [[stores]] table" if section == "stores" else f"in [{section}]"
