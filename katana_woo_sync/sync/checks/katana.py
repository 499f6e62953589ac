"""What is tested of Katana, and what the stores are then held against."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct

from katana_woo_sync.clients.katana import KatanaClient
from katana_woo_sync.clients.katana_http import KATANA
from katana_woo_sync.config import Settings
from katana_woo_sync.domain import checks
from katana_woo_sync.domain.checks import LATELY, Cause, error, ok, rate_limit
from katana_woo_sync.domain.fields import utc_time
from katana_woo_sync.domain.katana import Location, SalesOrder, Variant
from katana_woo_sync.ledger import Ledger
from katana_woo_sync.sync.checks.asking import Findings
from katana_woo_sync.sync.probed import found, left


class KatanaSide(Struct, frozen=True):
    """What Katana answered; None for what it did not.

    `recent` are WooCommerce's sales orders that were made in the last days, `variants` every
    living one, those of services too.
    """

    base_currency: str | None = None
    locations: Sequence[Location] | None = None
    recent: Sequence[SalesOrder] | None = None
    variants: Sequence[Variant] | None = None


def check_katana(
    katana: KatanaClient,
    settings: Settings,
    ledger: Ledger | None,
    now: datetime,
    findings: Findings,
) -> KatanaSide:
    """Test the key and the account. `now` is UTC."""
    factory = findings.ask("connection", katana.factory)
    if factory is None:
        return KatanaSide()
    base = str(factory.base_currency_code)
    name = f"{factory.display_name}, " if factory.display_name else ""
    findings.add(ok(KATANA, "connection", f"{name}base currency {base}; the key may read"))
    configured = settings.katana.requests_per_minute
    findings.add(rate_limit(configured, katana.requests_allowed))
    if ledger is not None:
        findings.add(*checks.probed(found(ledger), left(ledger)))
    locations = findings.ask("locations", katana.locations)
    if locations is not None:
        _check_account(ledger, locations, findings)
    since = now - LATELY
    changed = findings.ask("sales orders", lambda: katana.sales_orders_changed(since).orders)
    recent = changed and [o for o in changed if (utc_time(o.created_at) or now) >= since]
    variants = findings.ask("SKUs", lambda: _variants(katana))
    if variants is not None:
        findings.add(*checks.katana_skus(variants))
    for text in katana.take_unread():
        remedy = "Open in Katana what is named here, and look at the field named"
        findings.add(error(KATANA, "lists", f"it could not be read: {text}", remedy))
    return KatanaSide(base, locations, recent, variants)


def _variants(katana: KatanaClient) -> Sequence[Variant]:
    found = {int(variant.id): variant for variant in katana.all_variants()}
    for service in katana.services():
        for variant in service.variants:
            found.setdefault(int(variant.id), variant)
    return tuple(found.values())


def _check_account(
    ledger: Ledger | None, locations: Sequence[Location], findings: Findings
) -> None:
    """An account is known by its locations, whose ids no other account has."""
    known = {int(each.id) for each in ledger.catalogue.locations()} if ledger else set()
    listed = {int(each.id) for each in locations}
    if known and listed and not known & listed:
        findings.add(
            error(
                KATANA,
                "account",
                "the ledger belongs to another Katana account than this API key",
                "Use the key of that account, or set `ledger` to a new file for this one",
                Cause.CONFIG,
            )
        )
