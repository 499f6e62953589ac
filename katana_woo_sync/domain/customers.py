"""Customers: who an order's customer is in Katana, or the customer to create.

The order of the keys is that of Katana's own integration (article 5968220): the store's customer
seen before, then the e-mail, then the name. Taken further: a guest with the same e-mail and name
is the same customer, and a match by name must not be contradicted by e-mail, phone or postcode.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence

from msgspec import Struct

from katana_woo_sync.domain.addresses import address_drafts
from katana_woo_sync.domain.katana import Customer, CustomerDraft
from katana_woo_sync.domain.text import clean
from katana_woo_sync.domain.woocommerce import Order

LONGEST_REFERENCE = 100
"""Katana's limit for `reference_id`."""


class Person(Struct, frozen=True):
    """A customer as the matching sees them: normalised and digested, empty where unknown.

    Digests stand in for names and addresses, so that the ledger holds no personal data.
    """

    email: str = ""
    name: str = ""
    phone: str = ""
    postcodes: frozenset[str] = frozenset()


class KnownCustomer(Struct, frozen=True):
    """A customer that Katana holds."""

    id: int
    reference_id: str
    person: Person
    deleted: bool = False


def digest(salt: str, kind: str, text: str) -> str:
    """A salted digest of a normalised text; empty for empty."""
    if not text:
        return ""
    return hashlib.sha256(f"{salt}\n{kind}\n{text}".encode("utf-8", "replace")).hexdigest()[:32]


def person_of_order(order: Order, salt: str) -> Person:
    """The customer of an order, by its billing address (shipping's postcode counts too)."""
    billing = order.buyer
    return _person(
        salt,
        email=billing.email,
        name=full_name(billing.first_name, billing.last_name),
        phone=billing.phone,
        postcodes=(billing.postcode, order.shipping.postcode),
    )


def person_of_customer(customer: Customer, salt: str) -> Person:
    """The person that a Katana customer is."""
    return _person(
        salt,
        email=customer.email,
        name=full_name(customer.first_name, customer.last_name) or clean(customer.name),
        phone=customer.phone,
        postcodes=tuple(address.zip for address in customer.addresses),
    )


def _person(salt: str, *, email: str, name: str, phone: str, postcodes: Sequence[str]) -> Person:
    digits = re.sub(r"\D", "", phone).lstrip("0")
    return Person(
        email=digest(salt, "email", email.strip().lower()),
        name=digest(salt, "name", " ".join(name.casefold().split())),
        # the last nine digits: the country's prefix is written by some and left out by others
        phone=digest(salt, "phone", digits[-9:]),
        postcodes=frozenset(
            digest(salt, "zip", re.sub(r"\W", "", postcode).casefold())
            for postcode in postcodes
            if postcode.strip()
        ),
    )


def full_name(first_name: str, last_name: str) -> str:
    """First and last name, as Katana's customer name has them."""
    return " ".join(part for part in (clean(first_name), clean(last_name)) if part)


def reference_id(identity: str, order: Order) -> str:
    """The key under which a store's customer is found again: `IDENTITY#CUSTOMER_ID`.

    A guest's is a digest of e-mail and name; all guests who gave neither are one per store.
    """
    if order.customer_id:
        key = str(int(order.customer_id))
    else:
        buyer = order.buyer
        email = buyer.email.strip().lower()
        name = " ".join(full_name(buyer.first_name, buyer.last_name).split())
        company = clean(buyer.company)
        known = email or name or company
        key = f"guest-{digest('', 'guest', f'{email}|{name.casefold()}|{company}')[:16]}"
        if not known:
            key = "guest"
    reference = f"{identity}#{key}"
    if len(reference) <= LONGEST_REFERENCE:
        return reference
    return f"{digest('', 'identity', identity)}#{key}"


def match_customer(
    reference: str, person: Person, candidates: Sequence[KnownCustomer]
) -> int | None:
    """The Katana customer for a person, or None where a new one is to be created."""
    living = sorted((c for c in candidates if not c.deleted), key=lambda c: c.id)
    for candidate in living:
        if candidate.reference_id == reference:
            return candidate.id
    if person.email:
        by_email = [c for c in living if c.person.email == person.email]
        if by_email:
            return by_email[0].id if len(by_email) == 1 else None
    by_name = [c for c in living if person.name and c.person.name == person.name]
    if len(by_name) == 1 and not _contradict(person, by_name[0].person):
        return by_name[0].id
    return None


def _contradict(one: Person, other: Person) -> bool:
    return bool(
        (one.email and other.email and one.email != other.email)
        or (one.phone and other.phone and one.phone != other.phone)
        or (one.postcodes and other.postcodes and not one.postcodes & other.postcodes)
    )


def customer_draft(order: Order, reference: str, store_name: str) -> CustomerDraft:
    """The customer to create: named First Last, else the company, else the e-mail, else a guest."""
    billing = order.buyer
    company, email = clean(billing.company), clean(billing.email)
    name = full_name(billing.first_name, billing.last_name) or company or email
    return CustomerDraft(
        name=name or f"Guest {store_name}",
        reference_id=reference,
        first_name=clean(billing.first_name) or None,
        last_name=clean(billing.last_name) or None,
        company=company or None,
        email=email or None,
        phone=clean(billing.phone) or None,
        addresses=address_drafts(billing, order.shipping),
    )
