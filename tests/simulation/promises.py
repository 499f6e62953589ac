"""What must hold: the promises of docs/reliability.md and docs/rules.md, each with its number.

After every step:

    P1   no order is twice in Katana
    P2   nothing is in Katana that never was Processing
    P3   whatever a cursor has passed is in the ledger as it is

After quiet (faults have ended, a person has said `retry`, and half an hour has passed):

    P4   a Processing order is in Katana, or shown with its reason; what was seen is not forgotten
    P5   a sales order has one shipping fee at most
    P6   totals agree to half a cent, or the order says why not
    P7   both sides' statuses agree, or the order says why not
    P8   nobody is mailed twice
    P9   a further cycle writes nothing
    P10  an order is at the location of its store
    P11  a day later the shop's stock is what rule 13 says of the servers themselves
    P13  each delivery is shown once in the shop, and none that this program made

Always:

    P12  the program has a word of its own for whatever comes, and an exit code
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from decimal import Decimal

from katana_woo_sync.domain.cursors import KATANA_OVERLAP, SALES_ORDERS, SHOP_OVERLAP
from katana_woo_sync.domain.order_record import InKatana, OrderRecord, State
from katana_woo_sync.domain.stock import holds_stock
from katana_woo_sync.ledger import Ledger
from katana_woo_sync.sandbox.katana import SalesOrder
from katana_woo_sync.sandbox.woocommerce import Order
from tests.simulation.life import STORES, Broken, Life
from tests.simulation.steps import PLACES

SHOWN = frozenset({State.ATTENTION, State.FAILED, State.SKIPPED, State.IGNORED})
HALF_A_CENT = Decimal("0.005")


def hold(number: int, is_so: object, words: str) -> None:
    """A promise holds. Raises `Broken`."""
    if not is_so:
        raise Broken(f"P{number} {words}")


def look_after_a_step(life: Life) -> None:
    """What must hold at any time. Raises `Broken`."""
    held = Counter(
        (o.ecommerce_store_name, o.ecommerce_order_id) for o in life.world.katana.sales_orders()
    )
    twice = [place for place, count in held.items() if count > 1]
    hold(1, not twice, f"twice in Katana: {twice}")
    if life.is_odd:
        return
    names = {_identity(life, store): store for store in STORES}
    for name, order_id in held:
        place = (names[str(name)], int(order_id or 0))
        hold(2, place in life.processing, f"{place} never was Processing and is in Katana")
    if life.processes > life.looked_after and life.world.ledger.exists():
        life.looked_after = life.processes
        with Ledger.open_to_read(life.world.ledger) as ledger:
            _nothing_is_passed(life, ledger)


def _identity(life: Life, store: str) -> str:
    return life.world.shops[store].url.removeprefix("https://")


def _nothing_is_passed(life: Life, ledger: Ledger) -> None:
    heard = ledger.stores.cursor(SALES_ORDERS)
    katana_mark = heard.mark if heard is not None else None
    for store in STORES:
        identity = _identity(life, store)
        connected = ledger.stores.get(identity)
        if connected is None or connected.swept_at is None:
            continue  # made again: the next cycle compares all open orders
        cursor = ledger.stores.cursor(f"shop:{identity}")
        mark = cursor.mark if cursor is not None else None
        orders = life.world.shops[store].state.orders
        known = ledger.orders.known(identity, sorted(orders))
        life.seen.update((store, r.order_id) for r in known.values() if r.was_processing)
        for order in orders.values():
            if store not in life.shops_set:
                _shop_passed(store, order, known.get(order.id), mark)
        for record in known.values():
            _katana_passed(life, store, record, katana_mark)


def _shop_passed(
    store: str, order: Order, record: OrderRecord | None, mark: datetime | None
) -> None:
    if mark is None or order.status != "processing" or order.modified > mark - SHOP_OVERLAP:
        return
    words = f"the cursor passed {store} order {order.id}: {order.modified} {record}"
    hold(3, record is not None and record.shop_status == order.status, words)


def _katana_passed(life: Life, store: str, record: OrderRecord, mark: datetime | None) -> None:
    if mark is None or record.in_katana is InKatana.NO or record.sales_order_id is None:
        return
    real = life.world.katana.sales_order(record.sales_order_id)
    if real.updated_at > mark - KATANA_OVERLAP:
        return
    is_deleted = record.in_katana is InKatana.DELETED
    words = f"Katana's cursor passed {store} order {record.order_id}: {real}, {record}"
    hold(3, is_deleted == (real.deleted_at is not None), words)
    hold(3, is_deleted or record.katana_status == real.status, words)


def look_after_quiet(life: Life) -> None:
    """What must hold once all has come to rest. Raises `Broken`."""
    look_after_a_step(life)
    if life.is_odd:
        return
    _nothing_is_written(life)
    with Ledger.open_to_read(life.world.ledger) as ledger:
        for store in STORES:
            for order in life.world.shops[store].state.orders.values():
                _holds_for(life, ledger, store, order)
        for store, order_id in sorted(life.seen):
            record = ledger.orders.get(_identity(life, store), order_id)
            is_there = life.world.in_katana(order_id, shop=store)
            words = f"{store} order {order_id} was seen as Processing: {record}"
            hold(4, record is not None and (is_there or _is_shown(record)), words)
    synced = any("sync_stock = true" in options for options in life.base.values())
    if synced and not life.has_others:
        for hours in (25, 0.25):  # orders that left the shop's lists are missed once a day
            life.scheduler.sleep(hours * 3600)
            life.sync()
        _stock_is_right(life)


def _nothing_is_written(life: Life) -> None:
    servers = dict(life.network.servers.values())
    for server in servers.values():
        server.reset_counts()
    life.scheduler.sleep(5 * 60)
    life.sync()
    for name, server in servers.items():
        writes = [r for r in server.requests if r.method != "GET"]
        hold(9, not writes, f"a quiet cycle wrote to {name}: {writes}")


def _holds_for(life: Life, ledger: Ledger, store: str, order: Order) -> None:
    world = life.world
    held = world.in_katana(order.id, shop=store)
    record = ledger.orders.get(_identity(life, store), order.id)
    name = f"{store} order {order.id} ({order.status})"
    if order.status == "processing":
        is_told = held or _is_shown(record)
        hold(4, is_told, f"{name} is neither in Katana nor shown: {record}")
    if not held:
        return
    (there,) = held
    fees = world.katana.shipping_fees(there.id)
    hold(5, len(fees) <= 1, f"{name} has {len(fees)} shipping fees")
    places = {place.name: place.id for place in world.katana.locations()}
    where = {there.location_id, *(row.location_id for row in there.rows)}
    hold(10, where == {places[PLACES[store]]}, f"{name} is at {where}")
    if record is not None:
        _agrees(life, ledger, store, order, there, record, name)
        mails, by_people = world.completions(order.id, shop=store), life.completed[store, order.id]
        hold(8, mails <= 1 + by_people, f"{name} was completed {mails} times")


def _agrees(
    life: Life,
    ledger: Ledger,
    store: str,
    order: Order,
    held: SalesOrder,
    record: OrderRecord,
    name: str,
) -> None:
    if held.deleted_at is not None or record.in_katana is not InKatana.YES:
        return
    delivered, completed = held.status == "DELIVERED", order.status == "completed"
    carried = record.completed_at or record.delivered_at
    explained = record.state in SHOWN or held.id in life.reverted
    explained = explained or carried is not None or record.state is State.FULFILLED
    hold(7, delivered == completed or explained, f"{name}: {held.status}, {record}")
    if not life.processing[store, order.id]:
        ours = Decimal(str(life.world.shops[store].order(order.id)["total"]))
        theirs = life.world.katana.order_total(held.id)
        notes = ledger.orders.notes(record.identity, record.order_id)
        noted = record.money_differs or notes
        hold(6, abs(ours - theirs) < HALF_A_CENT or noted, f"{name}: {ours}, {theirs}, {record}")
    shown = [
        part.values.get("_katana_fulfillment_id")
        for part in life.world.shops[store].fulfillments(order.id)
    ]
    hold(13, len(shown) == len(set(shown)), f"{name}: shown twice: {shown}")
    is_own = record.shop_status == "completed" and not record.completed_at
    if is_own and held.id not in life.worked_on and not life.has_forgotten:
        hold(13, not shown, f"{name}: what this program delivered is shown: {shown}")


def _is_shown(record: OrderRecord | None) -> bool:
    if record is None or record.state not in SHOWN:
        return False
    return bool(record.reason) or record.state is State.IGNORED


def _stock_is_right(life: Life) -> None:
    world, variant = life.world, life.world.mug_variant
    skus = {v.id: str(v.sku) for v in world.katana.variants()}
    sku = skus[variant]
    if list(skus.values()).count(sku) > 1:
        return  # another item has it too: which of them is meant, a person must say
    places = {place.name: place.id for place in world.katana.locations()}
    for store in STORES:
        shop, mug = world.shops[store], world.mug[store]
        if "sync_stock = true" not in life.base[store] or shop.state.products[mug].sku != sku:
            continue
        place = places[PLACES[store]]
        free = world.katana.in_stock(variant, place) - world.katana.committed(variant, place)
        free -= _taken(life, store, mug)
        found, expected = shop.stock(mug), max(int(free), 0)
        hold(11, found == expected, f"{store}: {found} mugs, and not {expected}")


def _taken(life: Life, store: str, mug: int) -> Decimal:
    """What orders have taken from the shop's stock and Katana does not hold."""
    taken = Decimal(0)
    for order in life.world.shops[store].state.orders.values():
        held = [o for o in life.world.in_katana(order.id, shop=store) if o.deleted_at is None]
        if holds_stock(order.status) and not held:
            for line in order.lines:
                if line.product_id == mug:
                    meta = [m.value for m in line.meta if m.key == "_reduced_stock"]
                    taken += sum((Decimal(str(value)) for value in meta), Decimal(0))
    return taken
