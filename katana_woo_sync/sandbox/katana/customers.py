"""Customers and their addresses."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

import pycountry

from katana_woo_sync.sandbox.katana.api import call, lists
from katana_woo_sync.sandbox.katana.errors import Checks, Json, not_found
from katana_woo_sync.sandbox.katana.resource import (
    body_of,
    changed,
    create,
    field,
    longest,
    read,
    sent,
    shown,
    time_text,
)
from katana_woo_sync.sandbox.katana.schema import (
    FLAG,
    ID,
    IDS,
    NON_EMPTY,
    TEXT,
    array,
    need,
    nullable,
    number,
    one_of,
)
from katana_woo_sync.sandbox.katana.state import Controls, Record, State

TEXT_OR_NULL = nullable(TEXT)
CHANGED_TEXT = nullable(NON_EMPTY)
DISCOUNT = nullable(number(0, 100))
LONGEST_REFERENCE = 100
"""Katana keeps no longer `reference_id`."""


def check_currency(checks: Checks, path: str, code: str) -> None:
    """Note a problem with what is no ISO 4217 code in capitals."""
    known = code.isupper() and pycountry.currencies.get(alpha_3=code)
    checks.require(known, path, "currency", f"{code} is not a currency code")


def _check_new_currency(checks: Checks, path: str, code: str) -> None:
    """A new customer may have an empty one, which is the base currency."""
    if code or checks.key:
        check_currency(checks, path, code)


@dataclass(frozen=True, kw_only=True)
class Address:
    """An address of a customer or an order."""

    id: int
    entity_type: str = field(new=need(one_of("billing", "shipping")))
    first_name: str | None = field(new=TEXT_OR_NULL)
    last_name: str | None = field(new=TEXT_OR_NULL)
    company: str | None = field(new=TEXT_OR_NULL)
    phone: str | None = field(new=TEXT_OR_NULL)
    line_1: str | None = field(new=TEXT_OR_NULL)
    line_2: str | None = field(new=TEXT_OR_NULL)
    city: str | None = field(new=TEXT_OR_NULL)
    state: str | None = field(new=TEXT_OR_NULL)
    zip: str | None = field(new=TEXT_OR_NULL)
    country: str | None = field(new=TEXT_OR_NULL)


@dataclass(frozen=True, kw_only=True)
class CustomerAddress(Address):
    """An address of a customer, who may have several of a type."""

    default: bool = field(new=FLAG, default=False)


@dataclass(frozen=True, kw_only=True)
class Customer(Record):
    """A customer."""

    name: str = field(new=need(NON_EMPTY), change=CHANGED_TEXT, find=TEXT)
    first_name: str | None = field(new=TEXT, change=CHANGED_TEXT, find=TEXT)
    last_name: str | None = field(new=TEXT, change=CHANGED_TEXT, find=TEXT)
    company: str | None = field(new=TEXT, change=CHANGED_TEXT, find=TEXT)
    email: str | None = field(new=TEXT, change=CHANGED_TEXT, find=TEXT)
    phone: str | None = field(new=TEXT, change=CHANGED_TEXT, find=TEXT)
    comment: str | None = field(new=TEXT, change=CHANGED_TEXT)
    currency: str = field(new=TEXT, change=CHANGED_TEXT, find=TEXT, check=_check_new_currency)
    reference_id: str | None = field(
        new=TEXT, change=CHANGED_TEXT, find=TEXT, check=longest(LONGEST_REFERENCE)
    )
    category: str | None = field(new=TEXT, change=CHANGED_TEXT, find=TEXT)
    discount_rate: Decimal | None = field(new=DISCOUNT, change=DISCOUNT)
    default_billing_id: int | None = None
    default_shipping_id: int | None = field(change=nullable(ID))
    addresses: tuple[CustomerAddress, ...] = field(
        new=array(body_of(CustomerAddress, "new")), default=()
    )


def show(_state: State, customer: Customer, _query: Json | None) -> Json:
    """A customer as it is answered."""
    times = address_times(customer)
    addresses = [
        {"customer_id": customer.id, **shown(each), **times} for each in customer.addresses
    ]
    return {**shown(customer), "addresses": addresses}


def address_times(owner: Record) -> Json:
    """The times of an address, which are its owner's."""
    return {
        "created_at": time_text(owner.created_at),
        "updated_at": time_text(owner.updated_at),
    }


@lists("/customers", Customer, answers=show, ids=IDS, include_deleted=FLAG)
def listed(state: State, _query: Json) -> Iterable[Customer]:
    """Every customer."""
    return state.customers


@call("POST", "/customers", takes=body_of(Customer, "new"), answers=show)
def new_customer(state: State, body: Json) -> Customer:
    """Create a customer; a currency that is left out is the base currency."""
    checks = Checks(state)
    values = read(Customer, checks, body)
    checks.done()
    addresses = [
        CustomerAddress(id=next(state.address_ids), **sent(CustomerAddress, each))
        for each in values.pop("addresses", ())
    ]
    return create(
        state.customers,
        Customer,
        state,
        values,
        currency=values.get("currency") or state.base_currency,
        default_billing_id=_default_address(addresses, "billing"),
        default_shipping_id=_default_address(addresses, "shipping"),
        addresses=tuple(addresses),
    )


@call("PATCH", "/customers/{id}", takes=body_of(Customer, "change"), answers=show)
def patch(state: State, customer_id: int, body: Json) -> Customer:
    """Only what was sent changes."""
    customer = state.customers.live(customer_id)
    if customer is None:
        raise not_found("Customer", customer_id)
    checks = Checks(state, customer_id)
    values = read(Customer, checks, body)
    checks.done()
    shipping = values.get("default_shipping_id") or customer.default_shipping_id
    return state.update(state.customers, changed(customer, values, default_shipping_id=shipping))


@call("DELETE", "/customers/{id}", answers=show)
def delete(state: State, customer_id: int) -> Customer:
    """Keep the customer for `include_deleted` only."""
    customer = state.customers.live(customer_id)
    if customer is None:
        raise not_found("Customer", customer_id)
    return state.delete(state.customers, customer)


def _default_address(addresses: Sequence[CustomerAddress], kind: str) -> int | None:
    fitting = [address for address in addresses if address.entity_type == kind]
    chosen = [address for address in fitting if address.default] or fitting
    return chosen[0].id if chosen else None


class CustomerControls(Controls):
    """What people do to customers."""

    def add_customer(
        self,
        name: str,
        *,
        first_name: str | None = None,
        last_name: str | None = None,
        company: str | None = None,
        email: str | None = None,
        phone: str | None = None,
        reference_id: str | None = None,
        currency: str | None = None,
        zip_code: str | None = None,
    ) -> int:
        """Add a customer and give its id; with `zip_code`, one that has a billing address."""
        body: Json = {
            "name": name,
            "first_name": first_name,
            "last_name": last_name,
            "company": company,
            "email": email,
            "phone": phone,
            "reference_id": reference_id,
            "currency": currency,
            "addresses": [{"entity_type": "billing", "zip": zip_code}] if zip_code else [],
        }
        with self._state.lock:
            return new_customer(self._state, body).id

    def delete_customer(self, customer_id: int) -> None:
        """Delete the customer."""
        with self._state.lock:
            customer = self._state.customers.get(customer_id)
            if customer is not None:
                self._state.delete(self._state.customers, customer)

    def customers(self) -> list[Customer]:
        """Every customer, deleted ones too, newest first."""
        with self._state.lock:
            return list(self._state.customers)
