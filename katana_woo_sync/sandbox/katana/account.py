"""What an account is set up with: tax rates, locations, and the factory's settings."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal

from katana_woo_sync.sandbox.katana.api import call, lists
from katana_woo_sync.sandbox.katana.errors import Checks, Json, not_found
from katana_woo_sync.sandbox.katana.resource import body_of, create, field, read, shown
from katana_woo_sync.sandbox.katana.schema import (
    FLAG,
    IDS,
    INTEGER,
    NUMBER,
    TEXT,
    array,
    need,
    number,
)
from katana_woo_sync.sandbox.katana.state import Controls, Record, State

PERCENTAGE = number(0, Decimal("999.999"))
ADDRESS = {
    "city": "Tallinn",
    "country": "Estonia",
    "line_1": "Peetri 7",
    "line_2": "",
    "state": "",
    "zip": "10411",
}


@dataclass(frozen=True, kw_only=True)
class TaxRate(Record):
    """A tax rate; `rate` is a percentage."""

    rate: Decimal = field(new=need(PERCENTAGE), find=NUMBER)
    name: str = field(new=TEXT, find=TEXT, default="")
    is_default_sales: bool = field(find=FLAG, default=False)
    is_default_purchases: bool = field(find=FLAG, default=False)


@dataclass(frozen=True, kw_only=True)
class Location(Record):
    """A place that holds stock."""

    name: str = field(find=TEXT)
    is_primary: bool = field(find=FLAG, default=False)
    sales_allowed: bool = field(find=FLAG, default=True)


def show_tax_rate(_state: State, rate: TaxRate, _query: Json | None) -> Json:
    """A tax rate as it is answered."""
    return {**shown(rate), "display_name": f"{rate.name} ({rate.rate}%)".strip()}


def show_location(_state: State, place: Location, _query: Json | None) -> Json:
    """A location as it is answered."""
    return {
        **shown(place),
        "legal_name": place.name,
        "address_id": place.id,
        "address": {"id": place.id, **ADDRESS},
        "purchase_allowed": True,
        "manufacturing_allowed": True,
    }


@lists("/tax_rates", TaxRate, answers=show_tax_rate, ids=IDS)
def tax_rates(state: State, _query: Json) -> Iterable[TaxRate]:
    """Every tax rate."""
    return state.tax_rates


@call("POST", "/tax_rates", takes=body_of(TaxRate, "new"), answers=show_tax_rate)
def new_tax_rate(state: State, body: Json) -> TaxRate:
    """Create a tax rate; Katana takes a percentage that it already has."""
    return create(state.tax_rates, TaxRate, state, read(TaxRate, Checks(state), body))


@lists(
    "/locations",
    Location,
    answers=show_location,
    ids=array(INTEGER),
    legal_name=TEXT,
    address_id=INTEGER,
    manufacturing_allowed=FLAG,
    purchases_allowed=FLAG,
    rank=NUMBER,
    include_deleted=FLAG,
)
def locations(state: State, _query: Json) -> Iterable[Location]:
    """Every location."""
    return state.locations


@call("GET", "/locations/{id}", answers=show_location)
def location(state: State, location_id: int) -> Location:
    """The location."""
    place = state.locations.live(location_id)
    if place is None:
        raise not_found("Location", location_id)
    return place


def _show_factory(state: State, primary: Location, _query: Json | None) -> Json:
    """The account's settings; `default_so_delivery_time` is a number of days as text."""
    return {
        "legal_address": ADDRESS,
        "legal_name": "Sandbox Ltd",
        "display_name": "Sandbox",
        "base_currency_code": state.base_currency,
        "default_so_delivery_time": "14",
        "default_po_lead_time": "14",
        "default_manufacturing_location_id": primary.id,
        "default_purchases_location_id": primary.id,
        "default_sales_location_id": primary.id,
        "inventory_closing_date": None,
    }


@call("GET", "/factory", answers=_show_factory)
def factory(state: State) -> Location:
    """The account's primary location, which stands in all of its settings."""
    return state.primary_location()


class AccountControls(Controls):
    """What people do to tax rates and locations."""

    def add_tax_rate(self, rate: Decimal, name: str, *, is_default: bool = False) -> int:
        """Add a tax rate (a percentage) and give its id."""
        with self._state.lock:
            made = new_tax_rate(self._state, {"rate": rate, "name": name})
            return self._state.tax_rates.put(replace(made, is_default_sales=is_default)).id

    def add_location(
        self, name: str, *, is_primary: bool = False, sales_allowed: bool = True
    ) -> int:
        """Add a location and give its id; a primary one takes that over from the others."""
        with self._state.lock:
            if is_primary:
                for other in [p for p in self._state.locations if p.is_primary]:
                    self._state.update(self._state.locations, replace(other, is_primary=False))
            values: Json = {
                "name": name,
                "is_primary": is_primary,
                "sales_allowed": sales_allowed,
            }
            return create(self._state.locations, Location, self._state, values).id

    def remove_location(self, location_id: int) -> None:
        """Delete the location; orders that name it stay."""
        with self._state.lock:
            place = self._state.locations.get(location_id)
            if place is not None:
                self._state.delete(self._state.locations, place)

    def set_sales_allowed(self, location_id: int, allowed: bool) -> None:
        """Allow or forbid sales at the location; orders that name it stay."""
        with self._state.lock:
            place = self._state.locations.get(location_id)
            if place is not None:
                self._state.update(self._state.locations, replace(place, sales_allowed=allowed))

    def tax_rates(self) -> list[TaxRate]:
        """Every tax rate, newest first."""
        with self._state.lock:
            return list(self._state.tax_rates)

    def locations(self) -> list[Location]:
        """Every location, deleted ones too, newest first."""
        with self._state.lock:
            return list(self._state.locations)
