"""Registered customers, and addresses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import datetime

from werkzeug.wrappers import Response

from katana_woo_sync.sandbox.woocommerce.api import ApiError, Call, route, single
from katana_woo_sync.sandbox.woocommerce.parameters import values_of
from katana_woo_sync.sandbox.woocommerce.resource import Json, View
from katana_woo_sync.sandbox.woocommerce.state import Controls


@dataclass(frozen=True)
class Address:
    """A customer's address; `state` and `country` are codes."""

    first_name: str = ""
    last_name: str = ""
    company: str = ""
    address_1: str = ""
    address_2: str = ""
    city: str = ""
    state: str = ""
    postcode: str = ""
    country: str = ""
    email: str = ""
    phone: str = ""


@dataclass(frozen=True)
class Customer:
    """A registered customer."""

    id: int
    billing: Address
    created: datetime


ADDRESS_FIELDS = frozenset(field.name for field in fields(Address))


def show_address(address: Address, *, email: bool) -> Json:
    """An address; one to send to has no e-mail address."""
    found: Json = dict(vars(address))
    if not email:
        del found["email"]
    return found


def changed_address(address: Address, changes: object) -> Address:
    """The address with those of the changes that are fields of an address."""
    if not isinstance(changes, Mapping):
        return address
    known = {k: str(v) for k, v in changes.items() if k in ADDRESS_FIELDS}
    return replace(address, **known)


def show(customer: Customer, view: View) -> Json:
    """A registered customer."""
    address = customer.billing
    return {
        "id": customer.id,
        **view.times("date_created", customer.created),
        **view.times("date_modified", customer.created),
        "email": address.email,
        "first_name": address.first_name,
        "last_name": address.last_name,
        "role": "customer",
        "username": address.email.partition("@")[0],
        "billing": show_address(address, email=True),
        "shipping": show_address(address, email=False),
        "is_paying_customer": True,
        "avatar_url": "",
        "meta_data": [],
        "_links": view.links("customers", str(customer.id)),
    }


@route("GET", r"/customers")
def list_customers(call: Call) -> Response:
    """GET /customers."""
    with call.state.lock:
        found = [*call.state.customers.values()]
        email = call.query.get("email")
        if email:
            found = [c for c in found if c.billing.email.casefold() == email.casefold()]
        include = {int(i) for i in values_of(call.query, "include") if i.isdigit()}
        rows = [show(c, call.view) for c in found if not include or c.id in include]
        return call.listing(rows)


@route("GET", r"/customers/(?P<id>\d+)")
def get_customer(call: Call) -> Response:
    """GET /customers/{id}."""
    with call.state.lock:
        customer = call.state.customers.get(call.id())
        if customer is None:
            raise ApiError(404, "woocommerce_rest_invalid_id", "Invalid resource ID.")
        return single(show(customer, call.view), call.request)


class CustomerControls(Controls):
    """What people do to customers."""

    def add_customer(self, billing: Address) -> int:
        """Register a customer; returns its id."""
        with self.state.lock:
            self.state.last_customer += 1
            number = self.state.last_customer
            self.state.customers[number] = Customer(number, billing, self.state.clock())
            return number
