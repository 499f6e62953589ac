"""Tax rates, and which of them apply where a customer lives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from werkzeug.wrappers import Response

from katana_woo_sync.sandbox.woocommerce.api import Call, route
from katana_woo_sync.sandbox.woocommerce.resource import Json, View


@dataclass(frozen=True)
class TaxRate:
    """A tax rate of a shop; `percent` as entered there.

    `tax_class` "" is the standard class. Empty `country`, `state` and `postcodes` match anywhere.
    Of several rates of one `priority` the most local one applies; rates of different priorities
    add up, or compound. `priority` 0 lets the rates of one class and place add up in their order.
    """

    percent: Decimal
    label: str = "Tax"
    tax_class: str = ""
    compound: bool = False
    shipping: bool = True
    country: str = ""
    state: str = ""
    postcodes: tuple[str, ...] = ()
    priority: int = 0
    id: int = 0

    @property
    def code(self) -> str:
        """What orders keep as `rate_code`."""
        parts = (self.country, self.state, self.label, str(max(1, self.priority)))
        return "-".join(part.upper() for part in parts if part)


@dataclass(frozen=True)
class Place:
    """Where taxes are counted: codes of country and state, and a postcode."""

    country: str = ""
    state: str = ""
    postcode: str = ""


def numbered(rates: Sequence[TaxRate]) -> tuple[TaxRate, ...]:
    """The rates with ids from 1, and with priorities."""
    seen: dict[tuple[object, ...], int] = {}
    done = []
    for number, rate in enumerate(rates, 1):
        place = (rate.tax_class, rate.country, rate.state, rate.postcodes)
        seen[place] = seen.get(place, 0) + 1
        priority = rate.priority or seen[place]
        done.append(replace(rate, id=rate.id or number, priority=priority))
    return tuple(done)


def rates_at(rates: Sequence[TaxRate], tax_class: str, place: Place) -> list[TaxRate]:
    """The rates of a class that apply at a place, by priority: of each the most local one."""
    matching = [rate for rate in rates if rate.tax_class == tax_class and _matches(rate, place)]
    matching.sort(key=lambda r: (r.priority, not r.country, not r.state, not r.postcodes, r.id))
    first: dict[int, TaxRate] = {}
    for rate in matching:
        first.setdefault(rate.priority, rate)
    return list(first.values())


def _matches(rate: TaxRate, place: Place) -> bool:
    return (
        rate.country in ("", place.country)
        and rate.state in ("", place.state)
        and (not rate.postcodes or place.postcode in rate.postcodes)
    )


@route("GET", r"/taxes")
def list_taxes(call: Call) -> Response:
    """GET /taxes."""
    return call.listing([show(rate, call.view) for rate in call.state.rates])


def show(rate: TaxRate, view: View) -> Json:
    """A tax rate as it is answered."""
    return {
        "id": rate.id,
        "country": rate.country,
        "state": rate.state,
        "postcode": rate.postcodes[-1] if rate.postcodes else "",
        "city": "",
        "rate": f"{rate.percent:.4f}",
        "name": rate.label,
        "priority": rate.priority,
        "compound": rate.compound,
        "shipping": rate.shipping,
        "order": 0,
        "class": rate.tax_class or "standard",
        "postcodes": list(rate.postcodes),
        "cities": [],
        "_links": view.links("taxes", str(rate.id)),
    }
