"""The import of all customers of a store, by the same matching as with orders."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from msgspec import Struct, field

from katana_woo_sync.clients.errors import BadRequest
from katana_woo_sync.domain.customers import reference_id
from katana_woo_sync.domain.woocommerce import Customer
from katana_woo_sync.sync.context import Context, Store
from katana_woo_sync.sync.create_once import StillUnknown
from katana_woo_sync.sync.failures import guarded, left_to_each
from katana_woo_sync.sync.portions import portions
from katana_woo_sync.sync.resolve import Resolver

REQUESTS = 2
"""The list of Katana's customers, and a create."""


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
    resolver, done = Resolver(context), CustomersImported()
    new = [person for person in people if _is_new(context, store, person, done)]
    count = len(people) - len(new)
    for part in portions(context.katana, new, REQUESTS):
        progress(count, len(people))
        _create_together(context, store, resolver, part, done)
        for person in part:
            if not _is_known(context, store, person):
                _import_one(context, store, resolver, person, done)
        count += len(part)
    progress(len(people), len(people))
    return done


def _is_new(context: Context, store: Store, person: Customer, done: CustomersImported) -> bool:
    if person.is_nobody:
        done.left_out.append(f"customer {person.id}: no name, company or e-mail")
        return False
    known = _is_known(context, store, person)
    done.known += known
    return not known


def _is_known(context: Context, store: Store, person: Customer) -> bool:
    reference = reference_id(store.identity, person.as_order())
    return context.ledger.customers.remembered(reference) is not None


def _create_together(
    context: Context,
    store: Store,
    resolver: Resolver,
    people: Sequence[Customer],
    done: CustomersImported,
) -> None:
    """Create those who are plainly nobody that Katana has; the requests overlap."""
    before = resolver.customers_created
    with context.step(), left_to_each():
        resolver.create_customers([(store, person.as_order()) for person in people])
    done.created += resolver.customers_created - before


def _import_one(
    context: Context, store: Store, resolver: Resolver, person: Customer, done: CustomersImported
) -> None:
    order = person.as_order()

    def work() -> None:
        before = resolver.customers_created
        try:
            resolver.customer(store, order)
        except (BadRequest, StillUnknown) as error:
            fail(error)
        else:
            new = resolver.customers_created > before
            done.created += new
            done.matched += not new

    def fail(error: Exception) -> None:
        done.left_out.append(f"customer {person.id}: {error}")

    with context.step():
        guarded(context, store, partial(work), fail)
