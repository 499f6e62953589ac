"""The parameters of requests, read with the traps that real stores have: status, times, paging."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from werkzeug.datastructures import MultiDict

from katana_woo_sync.sandbox.woocommerce.state import StoreState

Query = MultiDict[str, str]


@dataclass(frozen=True)
class Wrong:
    """What is wrong with a parameter, in WordPress's words."""

    code: str
    message: str
    data: object = None


class BadParameters(Exception):
    """Parameters that WordPress refuses, by name."""

    def __init__(self, params: Mapping[str, Wrong]) -> None:
        super().__init__(", ".join(params))
        self.params = dict(params)


@dataclass(frozen=True)
class Page:
    """Where in a list a request looks."""

    per_page: int
    number: int
    offset: int | None = None

    @property
    def start(self) -> int:
        """The place of the first row."""
        return self.offset if self.offset is not None else (self.number - 1) * self.per_page


def listed(names: Sequence[str]) -> str:
    """Names as WordPress lists them: "a, b, and c"."""
    if len(names) < 3:
        return " and ".join(names)
    return ", ".join(names[:-1]) + f", and {names[-1]}"


def not_one_of(name: str, allowed: Sequence[str]) -> Wrong:
    """What a value outside an enumeration gets."""
    return Wrong("rest_not_in_enum", f"{name} is not one of {listed(allowed)}.")


class Checked:
    """Reads a request's parameters and gathers all that is wrong with them."""

    def __init__(self, query: Query) -> None:
        self.query = query
        self.wrong: dict[str, Wrong] = {}

    def whole(self, name: str, default: int, least: int | None = None) -> int:
        """A whole number."""
        text = self.last(name)
        if text is None:
            return default
        if not re.fullmatch(r"-?\d+", text):
            message = f"{name} is not of type integer."
            self.wrong[name] = Wrong("rest_invalid_type", message, {"param": name})
            return default
        value = int(text)
        if least is not None and value < least:
            message = f"{name} must be greater than or equal to {least}"
            self.wrong[name] = Wrong("rest_out_of_bounds", message)
        return value

    def last(self, name: str) -> str | None:
        """A parameter's value; of a repeated one PHP keeps the last."""
        values = self.query.getlist(name)
        return values[-1] if values else None

    def page(self, state: StoreState) -> Page:
        """Page numbers: `per_page` is 1 to 100, 10 if not given; a host may cap it."""
        number = self.whole("page", 1, 1)
        per_page = self.whole("per_page", 10)
        if "per_page" not in self.wrong and not 1 <= per_page <= 100:
            message = "per_page must be between 1 (inclusive) and 100 (inclusive)"
            self.wrong["per_page"] = Wrong("rest_out_of_bounds", message)
        offset = self.whole("offset", -1)
        if state.drops_offset:
            return Page(min(per_page, state.most_rows), 1, 0)
        given = offset if self.last("offset") is not None else None
        return Page(min(per_page, state.most_rows), number, given)

    def ids(self, name: str) -> set[int]:
        """A list of ids."""
        parts = [part.strip() for part in values_of(self.query, name)]
        for index, part in enumerate(parts):
            if not re.fullmatch(r"-?\d+", part):
                message = f"{name}[{index}] is not of type integer."
                wrong = Wrong("rest_invalid_type", message, {"param": f"{name}[{index}]"})
                self.wrong[name] = wrong
                return set()
        return {int(part) for part in parts}

    def one_of(self, name: str, allowed: Sequence[str], default: str) -> str:
        """One of these words."""
        value = self.last(name)
        if value is None:
            return default
        if value not in allowed:
            self.wrong[name] = not_one_of(name, allowed)
        return value

    def moment(self, name: str, offset: timedelta) -> datetime | None:
        """A time filter, as WooCommerce understands it.

        With `dates_are_gmt` a time is GMT if it has no suffix, and shifted by the site's offset if
        it has one. Without it, one with a suffix is right, one without is in the site's zone.
        Fractions of a second are cut.
        """
        text = self.last(name)
        if text is None:
            return None
        try:
            at = datetime.fromisoformat(text).replace(microsecond=0)
        except ValueError:
            self.wrong[name] = Wrong("rest_invalid_date", "Invalid date.")
            return None
        gmt = (self.last("dates_are_gmt") or "").lower() in ("1", "true")
        if at.tzinfo is None:
            local = at.replace(tzinfo=UTC)
            return local if gmt else local - offset
        exact = at.astimezone(UTC)
        return exact + offset if gmt else exact

    def statuses(self, known: Sequence[str]) -> frozenset[str] | None:
        """The statuses asked for; None for any but trash. One unknown fails the whole request."""
        names = [name.strip() for name in values_of(self.query, "status")] or ["any"]
        allowed = ("any", "trash", *known)
        for index, name in enumerate(names):
            if name not in allowed:
                self.wrong["status"] = not_one_of(f"status[{index}]", allowed)
                return frozenset()
        return None if "any" in names else frozenset(names)

    def check(self) -> None:
        """Raise `BadParameters` if anything was wrong."""
        if self.wrong:
            raise BadParameters(self.wrong)


def values_of(query: Query, name: str) -> list[str]:
    """A list parameter: `name[0]=…&name[1]=…`, or a comma list, of which PHP keeps the last."""
    pattern = re.compile(re.escape(name) + r"\[\d*\]")
    indexed = [value for key, value in query.items(multi=True) if pattern.fullmatch(key)]
    if indexed:
        return indexed
    plain = query.getlist(name)
    return [part for part in plain[-1].split(",") if part] if plain else []
