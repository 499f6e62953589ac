"""Hearing Katana: the one list request of each cycle, and what it means for known orders."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from katana_woo_sync.clients.order_reader import UnreadableOrder
from katana_woo_sync.domain.cursors import KATANA_OVERLAP, KATANA_SWEEP, advance, read_from
from katana_woo_sync.domain.decide import Note, for_attention, see_in_katana
from katana_woo_sync.domain.katana import WOOCOMMERCE, SalesOrder
from katana_woo_sync.domain.reasons import Reason
from katana_woo_sync.domain.records import InKatana, OrderRecord, State
from katana_woo_sync.domain.takeover import adopt, agrees, mismatch, woocommerce_id
from katana_woo_sync.domain.woocommerce import Order
from katana_woo_sync.ledger.intents import IntentKind
from katana_woo_sync.sync.context import Context, Store, log
from katana_woo_sync.sync.importer import intent_key
from katana_woo_sync.sync.shop_side import refuse_other_identity

CURSOR = "katana:sales_orders"


@dataclass
class Adoptable:
    """Sales orders of a store that the ledger does not know as imported, by identity."""

    by_identity: dict[str, list[SalesOrder]] = field(default_factory=dict)

    def add(self, identity: str, sales_order: SalesOrder) -> None:
        """Remember a sales order for its store's turn."""
        self.by_identity.setdefault(identity, []).append(sales_order)


def hear_katana(context: Context, *, sweep: bool = False) -> Adoptable:
    """Ask Katana what changed among WooCommerce's sales orders, and merge it.

    It brings deliveries, deletions, and orders that another program imported meanwhile; those are
    returned, to be compared with their shop's copies. Raises a `ServiceError`.
    """
    cursor = context.ledger.stores.cursor(CURSOR)
    since = read_from(cursor, KATANA_OVERLAP, sweep=KATANA_SWEEP if sweep else None)
    changed = context.katana.sales_orders_changed(since)
    with context.step(), context.ledger.atomic():
        adoptable = merge_sales_orders(context, changed.orders)
        moved = advance(cursor, changed.mark, context.clock(), KATANA_OVERLAP)
        context.ledger.stores.set_cursor(CURSOR, moved)
    return adoptable


def merge_sales_orders(context: Context, sales_orders: Sequence[SalesOrder]) -> Adoptable:
    """Merge sales orders into the records of their orders; call inside a step."""
    names = identities(context)
    known = context.ledger.orders.by_sales_order([int(s.id) for s in sales_orders])
    stores = {store.identity: store for store in context.stores.values()}
    adoptable = Adoptable()
    for sales_order in sales_orders:
        record = known.get(int(sales_order.id))
        if record is not None:
            store = stores.get(record.identity)
            if store is not None:
                _hear_known(context, store, sales_order, record)
            continue
        identity = names.get(sales_order.ecommerce_store_name.lower())
        if identity is not None and sales_order.ecommerce_order_type == WOOCOMMERCE:
            adoptable.add(identity, sales_order)
    return adoptable


def identities(context: Context) -> Mapping[str, str]:
    """Every name under which Katana may hold a store's orders, with the store's identity."""
    names = {
        twin.lower(): store.identity
        for store in context.stores.values()
        for twin in context.settings.twins(store.settings)
    }
    names.update({s.identity.lower(): s.identity for s in context.stores.values()})
    return names


def _hear_known(
    context: Context, store: Store, sales_order: SalesOrder, record: OrderRecord
) -> None:
    seen = see_in_katana(sales_order, record, context.rules(store))
    if seen.record is not None and seen.record != record:
        context.save(store, seen.record, record)
        context.note(store, record, *seen.notes)


def adopt_orders(context: Context, store: Store, sales_orders: Iterable[SalesOrder]) -> None:
    """Rule 2: adopt sales orders with this store's hidden ID, if they agree with its orders.

    Where several carry one order's id, the living one (else the first made) is the order; the
    others are told of. Raises a `ServiceError`.
    """
    by_order: dict[int, list[SalesOrder]] = {}
    for sales_order in sales_orders:
        order_id = woocommerce_id(sales_order)
        if order_id is None:
            log.warning(
                "%s: sales order %s in Katana carries the id %r, which is none of WooCommerce's",
                store.name,
                sales_order.order_no,
                str(sales_order.ecommerce_order_id),
            )
            continue
        by_order.setdefault(order_id, []).append(sales_order)
    if not by_order:
        return
    copies = _copies(context, store, sorted(by_order))
    for order_id, found in sorted(by_order.items()):
        with context.step(), context.ledger.atomic():
            _adopt(context, store, order_id, found, copies.get(order_id))


def _copies(context: Context, store: Store, order_ids: Sequence[int]) -> dict[int, Order | None]:
    dp = context.facts(store).dp
    return {
        int(order.id): None if isinstance(order, UnreadableOrder) else order
        for order in store.shop.orders(order_ids, dp)
    }


def _adopt(
    context: Context, store: Store, order_id: int, found: list[SalesOrder], order: Order | None
) -> None:
    known = context.ledger.orders.get(store.identity, order_id)
    chosen = min(found, key=lambda s: (s.is_deleted, int(s.id)))
    living = {int(s.id): s.order_no for s in found if not s.is_deleted}
    if known is not None and known.in_katana is not InKatana.NO:
        living.pop(known.sales_order_id or 0, None)
        if known.in_katana is InKatana.YES and living:
            _doubled(context, store, known, [known.sales_order_no, *living.values()])
        return
    for same in context.ledger.orders.by_sales_order([int(s.id) for s in found]).values():
        refuse_other_identity(store, same.number, same.identity)
    now = context.clock()
    importing = known is not None and known.state is State.IMPORTING
    ours = importing and chosen.ecommerce_store_name == store.identity
    prefix = store.settings.order_number_prefix
    if order is not None and not ours and not agrees(chosen, order, prefix):
        context.save(store, mismatch(chosen, order, store.identity, now), known)
        return
    record = adopt(chosen, order, store.identity, context.rules(store), now)
    if known is not None:
        record = _keep(record, known)
    context.save(store, record, known)
    context.ledger.intents.end(IntentKind.SALES_ORDER, intent_key(record))
    if ours:
        context.did(store, record, "katana", "imported", f"as {chosen.order_no}, found there")
        context.report.store(store.name).imported += 1
    else:
        context.note(store, record, Note(Reason.ADOPTED, f"as {chosen.order_no}"))
        context.did(store, record, "katana", "adopted", f"as {chosen.order_no}")
        context.report.store(store.name).adopted += 1
    if len(living) > 1:
        _doubled(context, store, record, [*living.values()])


def _doubled(context: Context, store: Store, record: OrderRecord, numbers: list[str]) -> None:
    """Two writers within seconds: Katana has nothing that prevents it, so it is shown."""
    doubled = for_attention(
        record, Reason.DOUBLED_IN_KATANA, "sales orders " + ", ".join(numbers), context.clock()
    )
    context.save(store, doubled, record)


def _keep(record: OrderRecord, known: OrderRecord) -> OrderRecord:
    """What the ledger knew before the order was found in Katana."""
    return replace(
        record,
        first_seen_at=known.first_seen_at,
        shipping_fee_due=known.state is State.IMPORTING and known.shipping_fee_due,
        refunds=known.refunds if known.state is State.IMPORTING else record.refunds,
    )
