"""Lists of orders with the traps that real stores have: status, times, paging, order."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from werkzeug.datastructures import MultiDict

from katana_woo_sync.sandbox.woocommerce.answers import STATUSES
from katana_woo_sync.sandbox.woocommerce.records import Order


class BadParameters(Exception):
    """Parameters that WooCommerce refuses, with its words."""

    def __init__(self, params: Mapping[str, str]) -> None:
        super().__init__(", ".join(params))
        self.params = dict(params)


@dataclass(frozen=True)
class Page:
    """Rows of a list, and how many there are in all."""

    rows: list[Order]
    total: int
    per_page: int


def page_numbers(query: MultiDict[str, str]) -> tuple[int, int, int | None]:
    """`per_page` (1 to 100), `page` and `offset`. Raises `BadParameters`."""
    wrong: dict[str, str] = {}
    per_page = _whole(query, "per_page", 10, wrong)
    page = _whole(query, "page", 1, wrong)
    if not wrong and not 1 <= per_page <= 100:
        wrong["per_page"] = "per_page must be between 1 (inclusive) and 100 (inclusive)"
    offset = _whole(query, "offset", -1, wrong)
    if wrong:
        raise BadParameters(wrong)
    return per_page, max(page, 1), offset if offset >= 0 else None


def _whole(query: MultiDict[str, str], name: str, default: int, wrong: dict[str, str]) -> int:
    text = query.get(name)
    if text is None:
        return default
    if not re.fullmatch(r"-?\d+", text):
        wrong[name] = f"{name} is not of type integer."
        return default
    return int(text)


def statuses(query: MultiDict[str, str]) -> frozenset[str] | None:
    """The statuses asked for; None for any. Of a repeated plain key only the last counts, and one
    unknown status fails the whole request."""
    indexed = [v for k, v in query.items(multi=True) if re.fullmatch(r"status\[\d*\]", k)]
    plain = query.getlist("status")
    names = indexed or (plain[-1].split(",") if plain else ["any"])
    wanted = [name.strip() for name in names if name.strip()]
    unknown = [name for name in wanted if name not in (*STATUSES, "any", "trash")]
    if unknown:
        listed = ", ".join(("any", "trash", *STATUSES))
        raise BadParameters({"status": f"status[0] is not one of {listed}."})
    return None if "any" in wanted else frozenset(wanted)


def moment(query: MultiDict[str, str], name: str, offset: timedelta) -> datetime | None:
    """A time filter as WooCommerce understands it (facts, item 4).

    With `dates_are_gmt` a time is GMT if it has no suffix, and is shifted by the site's offset if
    it has one. Without it, one with a suffix is right, one without is in the site's zone. Fractions
    of a second are cut.
    """
    text = query.get(name)
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise BadParameters({name: "Invalid date."}) from None
    gmt = query.get("dates_are_gmt", "").lower() in ("1", "true")
    at = at.replace(microsecond=0)
    if at.tzinfo is None:
        local = at.replace(tzinfo=UTC)
        return local if gmt else local - offset
    exact = at.astimezone(UTC)
    return exact + offset if gmt else exact


SORTS: Mapping[str, Callable[[Order], tuple[object, ...]]] = {
    "date": lambda order: (order.created.replace(microsecond=0), order.id),
    "id": lambda order: (order.id,),
}


def list_orders(
    orders: list[Order], query: MultiDict[str, str], offset: timedelta, version: tuple[int, ...]
) -> Page:
    """The orders that a request asks for. Raises `BadParameters`."""
    per_page, page, at = page_numbers(query)
    wanted = statuses(query)
    include = {int(i) for i in query.get("include", "").split(",") if i.strip().isdigit()}
    after, before = moment(query, "after", offset), moment(query, "before", offset)
    changed_after = moment(query, "modified_after", offset)
    changed_before = moment(query, "modified_before", offset)
    found = [
        order
        for order in orders
        if (order.status != "trash" if wanted is None else order.status in wanted)
        and (not include or order.id in include)
        and _between(order.created, after, before)
        and _between(order.modified, changed_after, changed_before)
    ]
    found = _sorted(found, query, version)
    start = at if at is not None else (page - 1) * per_page
    return Page(found[start : start + per_page], len(found), per_page)


def _between(at: datetime, after: datetime | None, before: datetime | None) -> bool:
    """Both bounds are exclusive, in whole seconds."""
    second = at.replace(microsecond=0)
    return (after is None or second > after) and (before is None or second < before)


def _sorted(
    orders: list[Order], query: MultiDict[str, str], version: tuple[int, ...]
) -> list[Order]:
    by = query.get("orderby", "date")
    if by not in ("date", "id", "modified", "include", "title", "slug"):
        raise BadParameters({"orderby": "orderby is not one of date, id, include, title, slug."})
    descending = query.get("order", "desc") == "desc"
    if by == "modified":
        return _by_modified(orders, query, version, descending=descending)
    return sorted(orders, key=SORTS.get(by, SORTS["id"]), reverse=descending)


def _by_modified(
    orders: list[Order],
    query: MultiDict[str, str],
    version: tuple[int, ...],
    *,
    descending: bool,
) -> list[Order]:
    """Before 10.4 nothing breaks a tie between orders of one second, and the database gives them
    in another order for each page."""
    if version >= (10, 4):
        return sorted(
            orders, key=lambda o: (o.modified.replace(microsecond=0), o.id), reverse=descending
        )
    salt = int(query.get("page", "1")) * 7919 + int(query.get("offset", "0")) * 104_729
    shuffled = sorted(orders, key=lambda o: (o.id * 2_654_435_761 + salt) % 1_000_003)
    return sorted(shuffled, key=lambda o: o.modified.replace(microsecond=0), reverse=descending)
