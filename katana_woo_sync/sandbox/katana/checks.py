"""Small checks and readings that several kinds of records share."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

import pycountry
from msgspec import UnsetType

from katana_woo_sync.sandbox.katana import contract
from katana_woo_sync.sandbox.katana.errors import Checks
from katana_woo_sync.sandbox.katana.records import Address
from katana_woo_sync.sandbox.katana.state import State

Text = str | UnsetType | None


def read_time(checks: Checks, path: str, text: Text) -> datetime | None:
    """The UTC time in an ISO 8601 text, cut to the millisecond; without a zone it is UTC."""
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        checks.add(path, "format", 'must match format "date-time"', format="date-time")
        return None
    aware = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return aware.replace(microsecond=aware.microsecond // 1000 * 1000)


def check_currency(checks: Checks, path: str, code: Text) -> None:
    """Note a problem with what is no ISO 4217 code in capitals."""
    if isinstance(code, str):
        known = code.isupper() and pycountry.currencies.get(alpha_3=code)
        checks.require(known, path, "currency", f"{code} is not a currency code")


def check_length(checks: Checks, path: str, text: Text, longest: int) -> None:
    """Note a problem with a text that Katana's screens have no room for."""
    fits = not isinstance(text, str) or len(text) <= longest
    message = f"must NOT have more than {longest} characters"
    checks.require(fits, path, "maxLength", message, limit=longest)


def new_addresses(state: State, bodies: Iterable[contract.Address]) -> tuple[Address, ...]:
    """The records of addresses that were sent."""
    return tuple(_new_address(state, body) for body in bodies)


def _new_address(state: State, body: contract.Address) -> Address:
    return Address(
        id=next(state.address_ids),
        entity_type=body.entity_type,
        first_name=body.first_name or None,
        last_name=body.last_name or None,
        company=body.company or None,
        phone=body.phone or None,
        line_1=body.line_1 or None,
        line_2=body.line_2 or None,
        city=body.city or None,
        state=body.state or None,
        zip=body.zip or None,
        country=body.country or None,
        default=isinstance(body, contract.CustomerAddress) and bool(body.default),
    )
