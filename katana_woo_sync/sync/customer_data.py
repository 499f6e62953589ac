"""Whose is what: a customer's orders and ids, asked for on both sides."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from katana_woo_sync.domain.customers import digest, reference_id
from katana_woo_sync.domain.order_record import OrderRecord
from katana_woo_sync.domain.woocommerce import Order
from katana_woo_sync.sync.context import Context, Store


class CustomerData(Struct, frozen=True):
    """What the ledger knows of one customer: the keys under which shops' customers are found again,
    Katana's ids, and the orders, newest first."""

    references: tuple[str, ...]
    ids: tuple[int, ...]
    orders: tuple[OrderRecord, ...]

    @property
    def is_empty(self) -> bool:
        """Whether nothing is known."""
        return not (self.ids or self.orders)


def find_customer(context: Context, stores: Sequence[Store], email: str) -> CustomerData:
    """What belongs to the customer with this e-mail address.

    The ledger does not keep whose an order is. The shops tell it of orders with this address, and
    Katana of all orders of the customers that these belong to. Raises a `ServiceError` where one
    of them cannot be asked: a part would pass for the whole.
    """
    ledger = context.ledger
    references, keys = set[str](), set[tuple[str, int]]()
    for store in stores:
        context.go_on()
        for order in store.shop.orders_of(email, context.facts(store).dp):
            if isinstance(order, Order):
                references.add(reference_id(store.identity, order))
            keys.add((store.identity, int(order.id)))
    salt = ledger.stores.meta("salt")  # without one there are no digests
    person = digest(salt, "email", email.strip().lower()) if salt else ""
    ids = ledger.personal.with_email(person) | ledger.personal.ids_of(references)
    known = ledger.personal.rows(ids, references)
    references |= {row["reference_id"] for row in known["customers"]}
    identities = {store.identity for store in context.stores.values()}
    of_katana = []
    for customer_id in sorted(ids):
        context.go_on()
        found = context.katana.sales_orders_of(customer_id)
        of_katana += [int(each.id) for each in found]
    by_sales_order = ledger.orders.by_sales_order(of_katana).values()
    records = {(r.identity, r.order_id): r for r in by_sales_order if r.identity in identities}
    for identity, order_id in keys:
        record = ledger.orders.get(identity, order_id)
        if record is not None:
            records[identity, order_id] = record
    newest_first = sorted(records.values(), key=lambda r: (r.first_seen_at, r.order_id))[::-1]
    return CustomerData(tuple(sorted(references)), tuple(sorted(ids)), tuple(newest_first))
