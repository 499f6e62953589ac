"""Finding out cheaply which stock may have changed: movements and sales orders in Katana, orders
and products in the shops."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from msgspec import Struct, field

from katana_woo_sync.clients.katana import OPEN, MovementsChanged
from katana_woo_sync.clients.order_reader import ReadOrder
from katana_woo_sync.domain.cursors import (
    KATANA_OVERLAP,
    SALES_ORDERS,
    SHOP_OVERLAP,
    Cursor,
    advance,
    is_beyond,
    read_from,
)
from katana_woo_sync.domain.deliveries import Fulfillment, rows_to_deliver
from katana_woo_sync.domain.katana import WOOCOMMERCE, SalesOrder
from katana_woo_sync.domain.products import VARIABLE, skus_in_katana
from katana_woo_sync.domain.stock import OF_SALES, Movement, holds_stock, reduced_stock
from katana_woo_sync.domain.sub_orders import parent_of
from katana_woo_sync.domain.woocommerce import Order, StockItem
from katana_woo_sync.ledger.stock import Place, Touched
from katana_woo_sync.sync.context import Context, Store

MOVEMENTS = "stock:movements"
ORDERS = "stock:sales_orders"

LAST_MOVEMENTS = "stock:movements_heard"
"""Where the ledger keeps which movements the last read brought at its end."""

A_MOMENT = timedelta(milliseconds=1)
"""The resolution of Katana's times."""

LATEST = timedelta(hours=1)
"""A reading that was begun longer ago than this comes no more."""

MOST_PARENTS = 50
"""Variable products whose variations are listed because something of them changed; more of them
are a bulk edit, after which the whole store is compared."""


class Places(Struct, frozen=True):
    """The Katana location of each store, and which stores' stock is synced."""

    of_stores: Mapping[str, int]
    """Location by identity, of every store whose location is known."""
    synced: frozenset[str]
    last_known: Mapping[str, int] = field(default_factory=dict)
    """Location by identity of what a store that cannot be worked was called, or where it was: what
    its orders had taken then is still gone from the stock there."""

    def synced_at(self, location_id: int) -> list[str]:
        """The identities of the stores at a location whose stock is synced."""
        return [i for i in sorted(self.synced) if self.of_stores.get(i) == location_id]

    def stores_at(self, location_id: int) -> list[str]:
        """The identities whose orders take from a location."""
        return [i for i, place in self.all_known().items() if place == location_id]

    def all_known(self) -> dict[str, int]:
        """Location by identity, today's and those known last."""
        return {**self.last_known, **self.of_stores}


def syncs_stock(context: Context) -> bool:
    """Whether any store's stock is synced at all."""
    return any(store.settings.sync_stock for store in context.stores.values())


def apply_reduced_stock(
    context: Context, store: Store, orders: Sequence[ReadOrder], read_at: datetime
) -> None:
    """Keep by how much orders have reduced their shop's stock, as of a reading begun at `read_at`;
    call inside a step.

    A copy without lines (of a list that asks for none) says nothing of an order that takes stock.
    """
    if not (orders and syncs_stock(context)):
        return
    stock, now = context.ledger.stock, context.clock()
    for order in orders:
        if isinstance(order, Order) and (order.line_items or not holds_stock(order.status)):
            left = _is_left_to_parent(context, store, order)
            taken = [] if left else reduced_stock(store.identity, order)
            stock.set_taken(store.identity, int(order.id), taken, read_at=read_at, now=now)
    stock.forget_nothing_taken(store.identity, now - LATEST)


def touch_variations(context: Context, store: Store, order: Order) -> None:
    """Touch the variations that an order has sold, or given back, where it holds no stock: no list
    of changed products tells of those; call inside a step."""
    if syncs_stock(context) and not holds_stock(order.status):
        context.ledger.stock.touch(
            Touched(store.identity, int(line.product_id), int(line.variation_id), str(line.sku))
            for line in order.line_items
            if line.variation_id
        )


def _is_left_to_parent(context: Context, store: Store, order: Order) -> bool:
    """Whether an order's parent has taken the same goods. Of one that the ledger knows, its record
    tells whether it counts."""
    if not parent_of(order):
        return False
    return context.ledger.orders.get(store.identity, int(order.id)) is None


def forget_taken(
    context: Context, store: Store, order_ids: Iterable[int], read_at: datetime
) -> None:
    """Orders that a reading begun at `read_at` did not find take nothing any more; call inside a
    step."""
    if not syncs_stock(context):
        return
    stock, now = context.ledger.stock, context.clock()
    for order_id in order_ids:
        stock.set_taken(store.identity, order_id, (), read_at=read_at, now=now)


def read_stock_changes(context: Context, places: Places) -> None:
    """Ask Katana what moved and what was ordered since last time: two requests where nothing did.

    What may have changed becomes due for every store at the place, in the cursors' own group of
    writes. Raises a `ServiceError`.
    """
    stores = context.ledger.stores
    moved_cursor, orders_cursor = stores.cursor(MOVEMENTS), stores.cursor(ORDERS)
    if moved_cursor is None or orders_cursor is None:
        _start(context)
        return
    moved = context.katana.movements_changed(_since(moved_cursor))
    touched = context.katana.orders_touched(_since(orders_cursor))
    if is_beyond(moved_cursor, moved.as_of, KATANA_OVERLAP) or is_beyond(
        orders_cursor, touched.as_of, KATANA_OVERLAP
    ):
        _start_again(context, places)
        return
    commitments = {int(o.id): _commits(context, o, places) for o in touched.orders}
    with context.ledger.atomic():
        news = _not_read_before(context, moved)
        changed = {(int(m.variant_id), int(m.location_id)) for m in news}
        changed |= keep_commitments(context, touched.orders, commitments)
        counted = {int(m.variant_id) for m in moved.movements if m.resource_type != OF_SALES}
        context.ledger.stock.counted(counted)
        _add_due(context, places, changed)
        now = context.clock()
        stores.set_cursor(MOVEMENTS, advance(moved_cursor, moved.mark, now, KATANA_OVERLAP))
        stores.set_cursor(ORDERS, advance(orders_cursor, touched.mark, now, KATANA_OVERLAP))


def _not_read_before(context: Context, moved: MovementsChanged) -> list[Movement]:
    """Those that did not come with the last read, whose end is read again until it is complete. (So
    is what moved in Katana's future.)"""
    before = set(json.loads(context.ledger.stores.meta(LAST_MOVEMENTS) or "[]"))
    found = {f"{int(m.id)} {m.updated_at}": m for m in moved.movements}
    if moved.movements:
        end = moved.mark or moved.as_of
        late = [
            key
            for key, m in found.items()
            if m.updated is None or m.updated >= end - KATANA_OVERLAP
        ]
        context.ledger.stores.set_meta(LAST_MOVEMENTS, json.dumps(late))
    return [m for key, m in found.items() if key not in before]


def _since(cursor: Cursor) -> datetime | None:
    """Where to read on. Katana's filter is inclusive: of a complete mark all is known, and a count
    of the whole stock, which moves thousands in one moment, must not come again with every run."""
    since = read_from(cursor, KATANA_OVERLAP)
    return since + A_MOMENT if since is not None and cursor.is_complete else since


def _start(context: Context) -> None:
    """Begin to read changes. What there is by now, the full comparison that comes first finds.

    The cycle's own list of sales orders was read before, so its mark is not too late for this one.
    """
    newest = context.katana.newest_movement()
    late = context.katana.movements_changed(newest - KATANA_OVERLAP) if newest else None
    now = context.clock()
    orders = context.ledger.stores.cursor(SALES_ORDERS)
    with context.ledger.atomic():
        if late is not None:
            _not_read_before(context, late)
        context.ledger.stores.set_cursor(MOVEMENTS, Cursor(newest, now))
        context.ledger.stores.set_cursor(ORDERS, Cursor(orders.mark if orders else None, now))


def _start_again(context: Context, places: Places) -> None:
    """Begin anew after Katana's clock was set right, with a full comparison of every store."""
    _start(context)
    with context.ledger.atomic():
        for identity in sorted(places.synced):
            context.ledger.stock.compare_again(identity)


def list_commitments(context: Context, places: Places) -> None:
    """Read all open sales orders anew, for a full comparison. Raises a `ServiceError`."""
    orders = [order for page in context.katana.open_orders() for order in page]
    commitments = {int(order.id): _commits(context, order, places) for order in orders}
    with context.ledger.atomic():
        context.ledger.stock.keep_committed(commitments.keys())
        keep_commitments(context, orders, commitments)


def keep_commitments(
    context: Context,
    orders: Sequence[SalesOrder],
    commitments: Mapping[int, Mapping[Place, Decimal]],
) -> set[Place]:
    """Keep what sales orders commit; returns what is committed otherwise than it was."""
    stock = context.ledger.stock
    known = stock.committed([int(order.id) for order in orders])
    changed: set[Place] = set()
    for order in orders:
        before, after = known.get(int(order.id), {}), commitments[int(order.id)]
        if before != after:
            changed |= {p for p in {*before, *after} if before.get(p) != after.get(p)}
            is_woocommerce = order.ecommerce_order_type == WOOCOMMERCE
            stock.set_committed(int(order.id), after, is_woocommerce=is_woocommerce)
    return changed


def _commits(context: Context, order: SalesOrder, places: Places) -> dict[Place, Decimal]:
    """What is left to pick of a sales order, by variant and location."""
    if order.is_deleted or order.status not in OPEN:
        return {}
    parts: tuple[Fulfillment, ...] = ()
    if order.status != "NOT_SHIPPED" and _needs_parts(context, order, places):
        parts = context.katana.fulfillments(int(order.id))
    quantities: dict[Place, Decimal] = {}
    for row in rows_to_deliver(order, parts):
        quantities[row.place] = quantities.get(row.place, Decimal(0)) + row.quantity
    return quantities


def _needs_parts(context: Context, order: SalesOrder, places: Places) -> bool:
    """Whether it matters how much of an order is packed: only where commitments are added up here,
    and not taken from Katana's inventory. Elsewhere a movement tells that it changed."""
    return order.ecommerce_order_type == WOOCOMMERCE and any(
        store.identity in places.synced and not store.settings.count_other_commitments
        for store in context.stores.values()
    )


def _add_due(context: Context, places: Places, changed: Iterable[Place]) -> None:
    by_location: dict[int, set[int]] = {}
    for variant_id, location_id in changed:
        by_location.setdefault(location_id, set()).add(variant_id)
    for location_id, variant_ids in by_location.items():
        # what a bundle's components make changes with them
        due = variant_ids | set(context.ledger.stock.bundles(location_id))
        for identity in places.synced_at(location_id):
            context.ledger.stock.add_due(identity, sorted(due))


def read_product_changes(context: Context, store: Store) -> None:
    """Touch what was changed in the shop's own screens: one request where nothing was.

    What the shop has as this program set it is no change. Raises a `ServiceError`.
    """
    name = f"stock:{store.identity}"
    cursor = context.ledger.stores.cursor(name)
    since = read_from(cursor, SHOP_OVERLAP)
    if cursor is None or since is None:
        return
    changed = store.shop.products_changed(since)
    if changed is None:
        return  # an old version; the full comparison finds it
    if is_beyond(cursor, changed.as_of, SHOP_OVERLAP):
        context.go_on()
        with context.ledger.atomic():
            context.ledger.stores.set_cursor(name, Cursor(None, context.clock()))
            context.ledger.stock.compare_again(store.identity)
        return
    times = {int(i.id): i.modified for i in changed.items if i.modified is not None}
    ahead = {i: at for i, at in times.items() if at > changed.as_of}
    known = context.ledger.stores.ahead(name)
    # what is in the shop's future comes every time
    items = [
        i for i in changed.items if int(i.id) not in ahead or known.get(int(i.id)) != i.modified
    ]
    parents = [int(item.id) for item in items if item.type in VARIABLE]
    edited = _edited(context, store, items)
    if len(parents) > MOST_PARENTS:
        context.ledger.stock.compare_again(store.identity)
    else:
        shared = {int(item.id) for item in edited}
        for parent_id in parents:
            variations = store.shop.variations_stock(parent_id)
            edited += _edited(context, store, variations)
            if parent_id in shared:
                edited += [v for v in variations if v.uses_parents_stock]
    with context.ledger.atomic():
        context.ledger.stock.touch(_touched(store, item) for item in edited)
        if changed.is_whole:
            moved = advance(cursor, changed.mark, context.clock(), SHOP_OVERLAP)
            context.ledger.stores.set_cursor(name, moved)
        context.ledger.stores.set_ahead(name, ahead)


def _edited(context: Context, store: Store, items: Sequence[StockItem]) -> list[StockItem]:
    """Those that keep stock and have another quantity than they were set to."""
    pushed = context.ledger.stock.pushed(store.identity, [int(item.id) for item in items])
    return [i for i in items if i.keeps_stock and pushed.get(int(i.id)) != i.stock_quantity]


def start_products(context: Context, store: Store) -> None:
    """Begin to read changes of the shop's products, before all of them are read. Raises a
    `ServiceError`."""
    name = f"stock:{store.identity}"
    cursor = context.ledger.stores.cursor(name)
    if cursor is not None and cursor.mark is not None:
        return  # it was read up to there just now
    mark = store.shop.newest_product_modified()
    context.ledger.stores.set_cursor(name, Cursor(mark, context.clock()))


def _touched(store: Store, item: StockItem) -> Touched:
    if item.type == "variation":
        return Touched(store.identity, int(item.parent_id), int(item.id), str(item.sku))
    return Touched(store.identity, int(item.id), 0, str(item.sku))


def make_due(context: Context, places: Places) -> None:
    """What was touched in the shops becomes due, as variants, for every store at the place; SKUs
    that are not known are asked for, many in a request. Raises a `ServiceError`."""
    ledger, now = context.ledger, context.clock()
    ledger.stock.touch_what_katana_took_over(now)
    locations = places.all_known()
    touched = ledger.stock.touched(list(locations))
    if not touched:
        return
    aliases = context.settings.sku_aliases
    skus = {sku for each in touched for sku in skus_in_katana(each.sku, aliases)}
    known = ledger.catalogue.variants(sorted(skus))
    missing = sorted(skus - known.keys())
    found = {str(v.sku): int(v.id) for v in context.katana.variants(missing)} if missing else {}
    by_sku = {**found, **known}
    with ledger.atomic():
        changed: set[Place] = set()
        for each in touched:
            location_id = locations[each.identity]
            remembered = ledger.catalogue.product(each.identity, each.product_id, each.variation_id)
            ids = [by_sku.get(sku) for sku in skus_in_katana(each.sku, aliases)]
            ids += [remembered[1]] if remembered is not None else []
            changed |= {(variant_id, location_id) for variant_id in ids if variant_id}
        _add_due(context, places, changed)
        ledger.stock.untouch(touched)


def scan_taken(context: Context, store: Store) -> None:
    """Read all orders of a shop that hold what they took from its stock. Raises a `ServiceError`.

    Which statuses those are, a plugin's among them, the shop tells; one that doesn't is asked for
    the usual ones.
    """
    began = context.clock()
    in_use = store.shop.statuses_in_use()
    usual = {"processing", "on-hold", *store.settings.import_statuses}
    statuses = sorted(filter(holds_stock, usual if in_use is None else in_use))
    listed: set[int] = set()
    for page in store.shop.whole_orders(statuses) if statuses else ():
        listed.update(int(order.id) for order in page)
        context.go_on()
        with context.ledger.atomic():
            apply_reduced_stock(context, store, page, began)
    with context.ledger.atomic():
        stock, now = context.ledger.stock, context.clock()
        stock.forget_taken(store.identity, began=began, now=now, other_than=listed)
        stock.scanned(store.identity, now)
