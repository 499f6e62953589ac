"""How a resource of WooCommerce is declared: as a dataclass, with how each field is answered.

Amounts are shown as text with the decimals that were asked for, times in the site's zone and in
GMT, both without a suffix.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from operator import attrgetter
from typing import TYPE_CHECKING, Any, get_args, get_type_hints

if TYPE_CHECKING:
    from katana_woo_sync.sandbox.woocommerce.state import StoreState

Json = dict[str, object]
WRITES = ("POST", "PUT", "PATCH", "DELETE")


def rounded(amount: Decimal, decimals: int, mode: str = ROUND_HALF_UP) -> Decimal:
    """An amount with so many decimals."""
    return amount.quantize(Decimal(1).scaleb(-decimals), mode)


class View:
    """How one request wants to see a store: the address that it came to, and the decimals."""

    def __init__(self, state: StoreState, url: str, dp: int | None = None) -> None:
        self.state = state
        self.api = f"{url}/wp-json/wc/v3"
        self.url = url
        self.dp = state.rounding.decimals if dp is None else dp
        self.is_new = state.is_at_least(10)
        self.version = ".".join(map(str, state.version))

    def money(self, amount: Decimal) -> str:
        """An amount with the decimals asked for."""
        return f"{rounded(amount, self.dp):f}"

    def times(self, name: str, at: datetime | None) -> Json:
        """A time in the site's zone and in GMT, both without a suffix."""
        if at is None:
            return {name: None, f"{name}_gmt": None}
        whole = at.replace(microsecond=0, tzinfo=None)
        return {name: (whole + self.state.offset).isoformat(), f"{name}_gmt": whole.isoformat()}

    def links(self, *path: str, up: str = "", allow: Sequence[str] = ("GET", *WRITES)) -> Json:
        """`_links` of a record: to itself and its list."""
        collection = f"{self.api}/{'/'.join(path[:-1])}"
        itself: Json = {"href": f"{collection}/{path[-1]}"}
        if self.is_new:
            itself["targetHints"] = {"allow": list(allow)}
        links: Json = {"self": [itself], "collection": [{"href": collection}]}
        if up:
            links["up"] = [{"href": f"{self.api}/{up}"}]
        return links


Show = Callable[[Any, View], object]


def field(
    *,
    default: object = dataclasses.MISSING,
    factory: object = dataclasses.MISSING,
    name: str = "",
    show: Show | None = None,
    spread: Show | None = None,
    shown: bool = True,
    stored: bool = True,
    put: bool = False,
) -> Any:
    """A field of a resource. It is answered as `name`, if that is another; not at all unless
    `shown`.

    `show` gives what is answered, of the record and the view; `spread` gives several fields in its
    place. What is not `stored` is only answered. A PUT sets what it may `put`, with a text.
    """
    made: Any = dataclasses.field
    declared = {"name": name, "show": show, "spread": spread, "shown": shown, "put": put}
    return made(default=default, default_factory=factory, init=stored, metadata=declared)


Shown = tuple[str, Callable[[object], object] | None, Show, bool]
"""A field's name, what gives it where it is answered as it is stored, else what shows it, and
whether that gives several fields."""

_SHOWN: dict[type, list[Shown]] = {}


def _shown_fields(resource: type) -> list[Shown]:
    if resource not in _SHOWN:
        hints = get_type_hints(resource)
        _SHOWN[resource] = [
            _shown_field(each, hints[each.name])
            for each in dataclasses.fields(resource)
            if each.metadata.get("shown", True)
        ]
    return _SHOWN[resource]


def _shown_field(of_class: dataclasses.Field[Any], hint: object) -> Shown:
    declared, stored = of_class.metadata, attrgetter(of_class.name)
    name: str = declared.get("name") or of_class.name
    if declared.get("spread") or declared.get("show"):
        return name, None, declared["spread"] or declared["show"], bool(declared["spread"])
    types = (hint, *get_args(hint))
    if datetime in types:
        return name, None, lambda record, view: view.times(name, stored(record)), True
    if Decimal in types:
        return name, None, lambda record, view: view.money(stored(record)), False
    return name, stored, lambda record, _view: stored(record), False


def shown(record: object, view: View) -> Json:
    """The record's shown fields as JSON."""
    answer: Json = {}
    for name, stored, show, is_several in _shown_fields(type(record)):
        if stored is not None:
            answer[name] = stored(record)
        elif is_several:
            several: Any = show(record, view)
            answer.update(several)
        else:
            answer[name] = show(record, view)
    return answer


def put_fields(resource: type) -> list[str]:
    """The fields that a PUT sets with a text."""
    return [each.name for each in dataclasses.fields(resource) if each.metadata.get("put")]


def number(value: Decimal) -> int | float:
    """A JSON number: whole where it is."""
    return int(value) if value == value.to_integral_value() else float(value)


def bare(amount: Decimal) -> str:
    """An amount without padding."""
    return f"{amount.normalize():f}" if amount else "0"
