"""From a plan's needs to Katana's ids: location, currency, tax rates, customer, service item."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial

from katana_woo_sync.clients.errors import BadRequest
from katana_woo_sync.clients.together import AT_ONCE
from katana_woo_sync.domain.cursors import CUSTOMERS, KATANA_OVERLAP, advance, is_beyond, read_from
from katana_woo_sync.domain.customers import (
    KnownCustomer,
    Person,
    customer_draft,
    match_customer,
    person_of_customer,
    person_of_order,
    reference_id,
)
from katana_woo_sync.domain.katana import Customer, CustomerDraft, Location, Product, TaxRate
from katana_woo_sync.domain.product_drafts import fee_service_draft
from katana_woo_sync.domain.reasons import Reason
from katana_woo_sync.domain.sales_order import SERVICE_NAME, Unmappable
from katana_woo_sync.domain.taxes import TaxNeed, choose_rate, new_rate
from katana_woo_sync.domain.woocommerce import Order
from katana_woo_sync.ledger.intents import IntentKind
from katana_woo_sync.sync.context import Context, Store, StoreProblem
from katana_woo_sync.sync.create_once import create_once, create_together
from katana_woo_sync.sync.numbers import OrderNumbers

FEE_SERVICE = "fee_service"

MOST_LOST = 2
"""Creates in a row whose answers may be lost before no more are sent: Katana is in trouble, and
each order that meets that would have to be asked for."""


class Answers:
    """How Katana answers creates of sales orders, in one cycle."""

    def __init__(self) -> None:
        self.lost = 0
        """Creates in a row whose answers were lost."""
        self.has_come = False
        """Whether one came at all."""

    @property
    def are_lost(self) -> bool:
        """Whether answers are being lost, so that what is left had better wait."""
        return self.lost >= MOST_LOST

    @property
    def at_once(self) -> int:
        """How many orders may be sent together. The first one goes alone, and so does the next
        where an answer was lost: a Katana in trouble is asked for few of them."""
        return AT_ONCE if self.has_come and not self.lost else 1


class Resolver:
    """Resolves needs for one cycle: what was listed in it is not listed again."""

    def __init__(self, context: Context) -> None:
        self.answers = Answers()
        self.numbers = OrderNumbers(context.ledger)
        self._context = context
        self._ledger = context.ledger
        self._listed: set[str] = set()
        self.customers_created = 0

    def location(self, store: Store) -> int:
        """The Katana location of a store. Raises `StoreProblem` where the config's does not fit."""
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
        return {need: self._tax_rate(need) for need in needs}

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

    def fee_service(self) -> int:
        """The variant of the one service item "WooCommerce fee", created where Katana lacks it."""
        known = self._ledger.stores.meta(FEE_SERVICE)
        if known:
            return int(known)
        katana = self._context.katana

        def find(_begun: datetime) -> Product | None:
            return next(
                (
                    service
                    for service in katana.services(SERVICE_NAME)
                    if service.name == SERVICE_NAME
                    and service.variants
                    and not service.deleted_at
                    and not service.archived_at
                ),
                None,
            )

        def record(service: Product) -> None:
            self._ledger.stores.set_meta(FEE_SERVICE, str(int(service.variants[0].id)))
            self._journal("service", SERVICE_NAME)

        found = find(self._context.clock())
        if found is not None:
            self._ledger.stores.set_meta(FEE_SERVICE, str(int(found.variants[0].id)))
            return int(found.variants[0].id)
        created = create_once(
            self._context,
            IntentKind.SERVICE,
            SERVICE_NAME,
            find=find,
            create=lambda: katana.create_service(fee_service_draft()),
            record=record,
        )
        return int(created.variants[0].id)

    def customer(self, store: Store, order: Order) -> int:
        """Rule 7: the order's customer in Katana, matched or created."""
        reference = reference_id(store.identity, order)
        remembered = self._ledger.customers.remembered(reference)
        if remembered is not None:
            return remembered
        self._list_customers()
        person = person_of_order(order, self._ledger.salt)
        candidates = self._ledger.customers.candidates(reference, person)
        matched = match_customer(reference, person, candidates)
        if matched is not None:
            self._ledger.customers.remember(reference, matched)
            return matched
        return self._create_customer(store, order, reference)

    def create_customers(self, orders: Sequence[tuple[Store, Order]]) -> None:
        """Create, at once, the customers of these orders who are nobody that Katana has.

        Left to `customer` are those of whom several may be one, and whatever failed.
        """
        wanted: dict[str, tuple[Person, CustomerDraft]] = {}
        for store, order in orders:
            reference = reference_id(store.identity, order)
            person = person_of_order(order, self._ledger.salt)
            same = (other for other, _draft in wanted.values() if _may_be_one(person, other))
            if reference not in wanted and self._is_new(reference, person) and not any(same):
                wanted[reference] = person, customer_draft(order, reference, store.name)
        if len(wanted) < 2:
            return
        create_together(
            self._context,
            IntentKind.CUSTOMER,
            {
                reference: partial(self._remember_customer, reference, person)
                for reference, (person, _draft) in wanted.items()
            },
            lambda: self._context.katana.create_customers(
                [draft for _person, draft in wanted.values()]
            ),
        )

    def _is_new(self, reference: str, person: Person) -> bool:
        if self._ledger.customers.remembered(reference) is not None:
            return False
        if self._ledger.intents.open(IntentKind.CUSTOMER, reference) is not None:
            return False
        self._list_customers()
        candidates = self._ledger.customers.candidates(reference, person)
        return match_customer(reference, person, candidates) is None

    def _list_customers(self) -> None:
        """List what changed among Katana's customers: once in a cycle, and again as long as the
        answer to a create is lost, since that customer may be another order's too."""
        if any(each.kind == IntentKind.CUSTOMER for each in self._ledger.intents.all_open()):
            self._listed.discard("customers")
        self._list_once("customers", self._refresh_customers)

    def _remember_customer(self, reference: str, person: Person, customer: Customer) -> None:
        customers = self._ledger.customers
        customers.remember(reference, int(customer.id))
        customers.index([KnownCustomer(int(customer.id), reference, person)])
        self._journal("customer", f"customer {customer.id}")
        self.customers_created += 1

    def _create_customer(self, store: Store, order: Order, reference: str) -> int:
        katana = self._context.katana
        person = person_of_order(order, self._ledger.salt)
        draft = customer_draft(order, reference, store.name)

        def find(_begun: datetime) -> Customer | None:
            found = [c for c in katana.customers(reference) if c.reference_id == reference]
            return next((c for c in found if not c.deleted_at), None)

        created = create_once(
            self._context,
            IntentKind.CUSTOMER,
            reference,
            find=find,
            create=lambda: katana.create_customer(draft),
            record=partial(self._remember_customer, reference, person),
        )
        return int(created.id)

    def _refresh_customers(self) -> None:
        """Bring the index of Katana's customers up to date: one list of what changed."""
        cursor = self._ledger.stores.cursor(CUSTOMERS)
        changed = self._context.katana.customers_changed(read_from(cursor, KATANA_OVERLAP))
        if is_beyond(cursor, changed.as_of, KATANA_OVERLAP):
            cursor, changed = None, self._context.katana.customers_changed(None)
        salt = self._ledger.salt
        with self._ledger.atomic():
            self._ledger.customers.index(
                KnownCustomer(
                    int(customer.id),
                    str(customer.reference_id),
                    person_of_customer(customer, salt),
                    deleted=bool(customer.deleted_at),
                )
                for customer in changed.customers
            )
            now = self._context.clock()
            self._ledger.stores.set_cursor(
                CUSTOMERS, advance(cursor, changed.mark, now, KATANA_OVERLAP)
            )

    def forget(self, refusal: BadRequest, customer_id: int, variant_ids: Sequence[int]) -> None:
        """Forget what a refusal puts in doubt, so that it is asked for anew.

        Katana refuses an order for a variant that was deleted, a customer that was merged, a tax
        rate that is gone. Which of them is meant is not always said; variants change most.
        """
        if refusal.concerns("customer"):
            self._ledger.customers.forget(customer_id)
        elif refusal.concerns("tax_rate"):
            self._ledger.catalogue.set_tax_rates(())
        elif refusal.concerns("location"):
            self._ledger.catalogue.set_locations(())
        else:
            self._ledger.catalogue.forget_variants(variant_ids)
            self._ledger.stores.set_meta(FEE_SERVICE, "")
        self._listed.clear()

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


def _may_be_one(person: Person, other: Person) -> bool:
    """Whether one may be matched with the other once that is in Katana."""
    return bool(
        (person.email and person.email == other.email)
        or (person.name and person.name == other.name)
    )


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
