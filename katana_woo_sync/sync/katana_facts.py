"""What Katana is asked for besides items and customers: places, currency, tax rates, fees."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from katana_woo_sync.clients.errors import BadRequest
from katana_woo_sync.domain.katana import Location, Product, TaxRate
from katana_woo_sync.domain.product_drafts import service_item_draft
from katana_woo_sync.domain.reasons import Reason
from katana_woo_sync.domain.sales_order import SERVICE_NAME, SHIPPING_NAME, Unmappable
from katana_woo_sync.domain.taxes import TaxNeed, choose_rate, new_rate
from katana_woo_sync.domain.woocommerce import Order
from katana_woo_sync.ledger.intents import IntentKind
from katana_woo_sync.sync.context import Context, Store, StoreProblem
from katana_woo_sync.sync.create_once import create_once

KEPT_SERVICES = {SERVICE_NAME: "fee_service", SHIPPING_NAME: "shipping_service"}
"""Where the ledger keeps the variants of this program's service items."""


class KatanaFacts:
    """Katana's locations, currency, tax rates and service item, in one run: what was listed in it
    is not listed again."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._ledger = context.ledger
        self._listed = context.listed
        self._locations: dict[str, int] = {}
        self._rates: dict[TaxNeed, TaxRate] = {}

    def location(self, store: Store) -> int:
        """The Katana location of a store. Raises `StoreProblem` where the config's does not fit."""
        if store.name not in self._locations:
            self._locations[store.name] = self._find_location(store)
        return self._locations[store.name]

    def _find_location(self, store: Store) -> int:
        found = match_location(store, self._ledger.catalogue.locations())
        if (found is None or not found.sales_allowed) and self._list_once(
            "locations", self.list_locations
        ):
            found = match_location(store, self._ledger.catalogue.locations())
        if found is None:
            raise StoreProblem(location_words(store, self._ledger.catalogue.locations()))
        if not found.sales_allowed:
            raise StoreProblem(
                f'the Katana location "{found.name}" does not allow sales; allow them in Katana '
                "(Settings, Locations), or set another `location` for this store"
            )
        return int(found.id)

    def list_locations(self) -> Sequence[Location]:
        """Ask Katana for its locations and keep them."""
        locations = self._context.katana.locations()
        self._ledger.catalogue.set_locations(locations)
        return locations

    def refresh(self) -> None:
        """Ask for places and tax rates, if this run has not yet."""
        self._list_once("locations", self.list_locations)
        self._list_once("tax_rates", self._list_tax_rates)

    def base_currency(self) -> str:
        """Katana's base currency, asked for once and again with every sweep."""
        known = self._ledger.stores.meta("base_currency")
        if known is None:
            known = str(self._context.katana.factory().base_currency_code)
            self._ledger.stores.set_meta("base_currency", known)
        return known

    def check_currency(self, order: Order) -> None:
        """Rule 6. Raises `Unmappable` for an order in a currency that Katana cannot take."""
        if self._context.settings.katana.multi_currency:
            return
        base = self.base_currency()
        if order.currency.upper() != base.upper():
            raise Unmappable(Reason.FOREIGN_CURRENCY, f"{order.currency}, base currency {base}")

    def tax_rates(self, needs: Sequence[TaxNeed]) -> dict[TaxNeed, TaxRate]:
        """Rule 5: the tax rate for each need, created where Katana has none."""
        found: dict[TaxNeed, TaxRate] = {}
        for need in needs:
            # while one is asked for, another order may have all forgotten
            found[need] = self._rates.get(need) or self._tax_rate(need)
            self._rates[need] = found[need]
        return found

    def _tax_rate(self, need: TaxNeed) -> TaxRate:
        names = self._context.settings.taxes
        found = choose_rate(need, self._ledger.catalogue.tax_rates(), names)
        if found is None and self._list_once("tax_rates", self._list_tax_rates):
            found = choose_rate(need, self._ledger.catalogue.tax_rates(), names)
        return found or self._create_tax_rate(need)

    def _list_tax_rates(self) -> None:
        self._ledger.catalogue.set_tax_rates(self._context.katana.tax_rates())

    def _create_tax_rate(self, need: TaxNeed) -> TaxRate:
        draft = new_rate(need, self._context.settings.taxes)
        if draft is None:
            raise Unmappable(Reason.TAX_NOT_REPRESENTABLE, need.label)
        katana, ledger = self._context.katana, self._ledger

        def find(_begun: datetime) -> TaxRate | None:
            self._list_tax_rates()
            return choose_rate(need, ledger.catalogue.tax_rates(), {})

        def record(rate: TaxRate) -> None:
            ledger.catalogue.set_tax_rates([*ledger.catalogue.tax_rates(), rate])
            self._journal("tax rate", f"{rate.name} ({rate.rate}%)")

        return create_once(
            self._context,
            IntentKind.TAX_RATE,
            f"{draft.rate:f}",
            find=find,
            create=lambda: katana.create_tax_rate(draft),
            record=record,
        )

    def service_item(self, name: str) -> int:
        """The variant of one of this program's service items ("WooCommerce fee", say), which is
        created where Katana lacks it. Raises `Unmappable` where it is archived."""
        key = KEPT_SERVICES[name]
        known = self._ledger.stores.meta(key)
        if known:
            return int(known)
        katana = self._context.katana

        def find(_begun: datetime) -> Product | None:
            there = [s for s in katana.services(name, include_archived=True) if not s.deleted_at]
            living = [service for service in there if not service.archived_at]
            if there and not living:
                raise Unmappable(Reason.ITEM_ARCHIVED, name)  # its SKU is taken
            return next((service for service in living if service.variants), None)

        def record(service: Product) -> None:
            self._ledger.stores.set_meta(key, str(int(service.variants[0].id)))
            self._journal("service", name)

        found = find(self._context.clock())
        if found is not None:
            self._ledger.stores.set_meta(key, str(int(found.variants[0].id)))
            return int(found.variants[0].id)
        created = create_once(
            self._context,
            IntentKind.SERVICE,
            name,
            find=find,
            create=lambda: katana.create_service(service_item_draft(name)),
            record=record,
        )
        return int(created.variants[0].id)

    def forget(self, refusal: BadRequest) -> None:
        """Forget what a refusal puts in doubt, so that it is asked for anew."""
        if refusal.concerns("tax_rate"):
            self._ledger.catalogue.set_tax_rates(())
        elif refusal.concerns("location"):
            self._ledger.catalogue.set_locations(())
        else:
            for key in KEPT_SERVICES.values():
                self._ledger.stores.set_meta(key, "")
        self._listed.clear()
        self._locations.clear()
        self._rates.clear()

    def _list_once(self, what: str, ask: Callable[[], object]) -> bool:
        """List it, if this cycle has not yet; whether it did. A list that fails is asked for again:
        what Katana has must not be created for want of it."""
        if what in self._listed:
            return False
        ask()
        self._listed.add(what)
        return True

    def _journal(self, what: str, detail: str) -> None:
        self._context.ledger.journal.add(self._context.clock(), "katana", f"created {what}", detail)


def match_location(store: Store, locations: Sequence[Location]) -> Location | None:
    """The location that the config names, by name or id; None where that is none, or several."""
    wanted = store.settings.location.strip()
    if not wanted:
        return locations[0] if len(locations) == 1 else None
    for location in locations:
        if location.name == wanted or str(int(location.id)) == wanted:
            return location
    alike = [loc for loc in locations if loc.name.strip().casefold() == wanted.casefold()]
    return alike[0] if len(alike) == 1 else None


def location_words(store: Store, locations: Sequence[Location]) -> str:
    """What is wrong with a location that none was found for, and what to do."""
    names = ", ".join(f'"{location.name}"' for location in locations) or "none"
    wanted = store.settings.location
    if not wanted:
        return f"`location` is not set, and Katana has several locations ({names}); set one of them"
    return f'Katana has no location "{wanted}" (it has {names}); correct `location` of this store'
