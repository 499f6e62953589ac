"""Addresses: WooCommerce's codes for states and countries, as the names that people write."""

from __future__ import annotations

from functools import lru_cache

from katana_woo_sync.domain.katana import AddressDraft
from katana_woo_sync.domain.text import clean
from katana_woo_sync.domain.woocommerce import Address


@lru_cache(maxsize=512)
def country_name(code: str) -> str:
    """The country's common English name; the code itself where it is unknown."""
    import pycountry  # 60 ms that only an import of orders needs

    country = pycountry.countries.get(alpha_2=code.upper()) if len(code) == 2 else None
    if country is None:
        return code
    name: str = getattr(country, "common_name", country.name)
    return name


@lru_cache(maxsize=2048)
def state_name(country: str, state: str) -> str:
    """The state's or province's name; the text itself where it is no code.

    WooCommerce's state codes are those of ISO 3166-2, some with the country before them ("DE-BY",
    "JP13"). For a few countries it has its own, which stay as they are.
    """
    import pycountry

    local = state.upper().removeprefix(country.upper()).removeprefix("-")
    code = f"{country.upper()}-{local}"
    if not (local and country):
        return state
    found = pycountry.subdivisions.get(code=code)  # type: ignore[no-untyped-call]
    if found is None:
        return state
    name: str = found.name
    return name


def address_draft(address: Address, entity_type: str) -> AddressDraft:
    """An address for a sales order or customer; empty parts are left out."""
    country, state = clean(address.country), clean(address.state)
    return AddressDraft(
        entity_type=entity_type,
        first_name=clean(address.first_name) or None,
        last_name=clean(address.last_name) or None,
        company=clean(address.company) or None,
        phone=clean(address.phone) or None,
        line_1=clean(address.address_1) or None,
        line_2=clean(address.address_2) or None,
        city=clean(address.city) or None,
        state=state_name(country, state) or None,
        zip=clean(address.postcode) or None,
        country=country_name(country) or None,
    )


def address_drafts(billing: Address, shipping: Address) -> tuple[AddressDraft, ...]:
    """Bill to and ship to; an address without a street to send to falls back to billing, billing to
    whatever else there is, and an empty pair is left out."""
    billing = shipping if billing.is_empty else billing
    ship_to = shipping if shipping.has_street else billing
    return tuple(
        address_draft(address, kind)
        for kind, address in (("billing", billing), ("shipping", ship_to))
        if not address.is_empty
    )
