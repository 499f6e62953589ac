"""Rule 7: a customer in Katana for each order, matched or created once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from msgspec import Struct, field

from katana_woo_sync.clients.errors import BadRequest
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
from katana_woo_sync.domain.katana import Customer
from katana_woo_sync.domain.woocommerce import Customer as ShopCustomer
from katana_woo_sync.domain.woocommerce import Order
from katana_woo_sync.ledger.intents import IntentKind
from katana_woo_sync.sync.context import Context, Store
from katana_woo_sync.sync.create_once import StillUnknown, create_once
from katana_woo_sync.sync.failures import part_of_order

REQUESTS = 2
"""The list of Katana's customers, and a create."""


class Customers:
    """Katana's customers in one run: what changed among them is listed once."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._known = context.ledger.customers
        self._remembered: dict[str, int] = {}
        self._is_listed = False
        self.created = 0

    def is_known(self, store: Store, order: Order) -> bool:
        """Whether the ledger knows the order's customer in Katana, so that nothing is asked."""
        return self._remember(reference_id(store.identity, order)) is not None

    def is_there(self, store: Store, order: Order) -> bool:
        """Whether Katana has the order's customer, as its list of customers tells. Raises a
        `ServiceError`."""
        reference = reference_id(store.identity, order)
        if self._remember(reference) is not None:
            return True
        self._list()
        person = person_of_order(order, self._context.ledger.salt)
        candidates = self._known.candidates(reference, person)
        return match_customer(reference, person, candidates) is not None

    def _remember(self, reference: str) -> int | None:
        if reference not in self._remembered:
            known = self._known.remembered(reference)
            if known is None:
                return None
            self._remembered[reference] = known
        return self._remembered[reference]

    def of(self, store: Store, order: Order) -> int:
        """The id of the order's customer in Katana, who is matched or created.

        Raises `StillUnknown`, and a `ServiceError`.
        """
        reference = reference_id(store.identity, order)
        remembered = self._remember(reference)
        if remembered is not None:
            return remembered
        self._list()
        person = person_of_order(order, self._context.ledger.salt)
        candidates = self._known.candidates(reference, person)
        matched = match_customer(reference, person, candidates)
        if matched is not None:
            self._known.remember(reference, matched)
            return matched
        return self._create(store, order, reference, person)

    def forget(self, customer_id: int) -> None:
        """A customer whom Katana refuses (merged with another, say) is looked for anew."""
        self._known.forget(customer_id)
        self._remembered.clear()
        self._is_listed = False

    def _create(self, store: Store, order: Order, reference: str, person: Person) -> int:
        katana = self._context.katana
        draft = customer_draft(order, reference, store.name)

        def find(_begun: datetime) -> Customer | None:
            found = [c for c in katana.customers(reference) if c.reference_id == reference]
            return next((c for c in found if not c.deleted_at), None)

        def record(customer: Customer) -> None:
            self._known.remember(reference, int(customer.id))
            self._known.index([KnownCustomer(int(customer.id), reference, person)])
            self._context.ledger.journal.add(
                self._context.clock(), "katana", "created customer", f"customer {customer.id}"
            )
            self.created += 1

        created = create_once(
            self._context,
            IntentKind.CUSTOMER,
            reference,
            find=find,
            create=lambda: katana.create_customer(draft),
            record=record,
        )
        return int(created.id)

    def _list(self) -> None:
        """List what changed among Katana's customers: once in a run, and again as long as the
        answer to a create is lost, since that customer may be another order's too."""
        intents = self._context.ledger.intents.all_open()
        if self._is_listed and not any(each.kind == IntentKind.CUSTOMER for each in intents):
            return
        cursors = self._context.ledger.stores
        cursor = cursors.cursor(CUSTOMERS)
        changed = self._context.katana.customers_changed(read_from(cursor, KATANA_OVERLAP))
        if is_beyond(cursor, changed.as_of, KATANA_OVERLAP):
            cursor, changed = None, self._context.katana.customers_changed(None)
        salt = self._context.ledger.salt
        with self._context.ledger.atomic():
            self._known.index(
                KnownCustomer(
                    int(customer.id),
                    str(customer.reference_id),
                    person_of_customer(customer, salt),
                    deleted=bool(customer.deleted_at),
                )
                for customer in changed.customers
            )
            now = self._context.clock()
            cursors.set_cursor(CUSTOMERS, advance(cursor, changed.mark, now, KATANA_OVERLAP))
        self._is_listed = True


class CustomersImported(Struct):
    """What became of a store's customers; `left_out` says of each who was not imported why."""

    known: int = 0
    matched: int = 0
    created: int = 0
    left_out: list[str] = field(default_factory=list)


def import_customers(
    context: Context, store: Store, progress: Callable[[int, int], None]
) -> CustomersImported:
    """Match or create every registered customer. It can be stopped and run again: who is known
    already costs no request. Raises a `ServiceError` where a whole side cannot be worked."""
    people = [person for person in store.shop.customers() if person.is_buyer]
    customers, done = Customers(context), CustomersImported()
    new = [person for person in people if _is_new(customers, store, person, done)]
    for place, person in enumerate(new, len(people) - len(new)):
        progress(place, len(people))
        context.katana.wait_for_room(REQUESTS)
        context.go_on()
        _import_one(context, store, customers, person, done)
    progress(len(people), len(people))
    return done


def _is_new(
    customers: Customers, store: Store, person: ShopCustomer, done: CustomersImported
) -> bool:
    if person.is_nobody:
        done.left_out.append(f"customer {person.id}: no name, company or e-mail")
        return False
    known = customers.is_known(store, person.as_order())
    done.known += known
    return not known


def _import_one(
    context: Context,
    store: Store,
    customers: Customers,
    person: ShopCustomer,
    done: CustomersImported,
) -> None:
    before = customers.created

    def fail(error: Exception) -> None:
        done.left_out.append(f"customer {person.id}: {error}")

    with part_of_order(context, store, 0, fail):
        try:
            customers.of(store, person.as_order())
        except (BadRequest, StillUnknown) as error:
            fail(error)
        else:
            new = customers.created > before
            done.created += new
            done.matched += not new
