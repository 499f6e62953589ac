"""What must hold: the promises of docs/reliability.md and docs/rules.md, each with its number.

After every step:

    P1   no order is twice in Katana (nor, after quiet, what a sub-order and its parent hold)
    P2   nothing is in Katana that never was Processing, nor sent there when it is no more
    P3   whatever a cursor has passed is in the ledger as it is; and so it is after each commit
    P15  an order is being imported if, and only if, the intent to create it is open: after each
         commit too
    P17  one run at a time writes, and a dry run does not
    P22  an order is completed only from Processing, and deleted in Katana only where it is
         cancelled and nothing was begun

After quiet (faults have ended, a person has said `retry`, and half an hour has passed):

    P4   a Processing order is in Katana, or shown with a reason that holds; nothing that was seen
         is forgotten or still tried again, nor what was completed before it was seen; what a
         person has left alone stays so, and is not carried over
    P5   a sales order has one shipping fee at most, and none where that is to be a row
    P6   totals agree to half a cent, or the order says why not; what is said to differ does; those
         of an order that nobody has changed agree but for the shop's own roundings of taxes,
         whatever is said; so does what it has at each tax rate, and each row's price and discount
    P7   both sides' statuses agree, or the order says why not; neither is carried over that is not,
         nor where that is switched off
    P8   nobody is mailed twice, no note is written twice, and none is forgotten
    P9   a further cycle writes nothing
    P10  an order is at the location of its store
    P11  a day later the shop's stock is what rule 13 says of the servers themselves
    P13  each delivery is shown once in the shop, with all of its goods and its number as it is
         now, and none that this program made; what has a tracking number is shown, or the order
         says why not
    P14  an order that comes in then is in Katana after the next cycle, or shown; one that came in
         before is in the ledger after the first cycle; none is sent before `import_delay` is over
    P15  no intent is open
    P16  no customer, product, service or tax rate is twice in Katana
    P18  what the ledger believes to be Processing is so, and of Katana's statuses
    P19  a sales order has its order's number, currency, dates, addresses, note and pieces
    P20  goods that were refunded since the import are not delivered; of batches the oldest go first
    P21  Katana is sent nothing that its contract forbids, and refuses no order twice
    P23  what is shown is in a run's problems, and in its exit code

Always:

    P12  the program has a word of its own for whatever comes, and an exit code
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Collection, Mapping
from contextlib import closing
from datetime import datetime, timedelta
from decimal import Decimal
from http import HTTPStatus
from typing import Any, NamedTuple, TypeGuard

from katana_woo_sync.domain.cursors import KATANA_OVERLAP, SALES_ORDERS, SHOP_OVERLAP
from katana_woo_sync.domain.katana import WOOCOMMERCE
from katana_woo_sync.domain.order_record import InKatana, OrderRecord, State
from katana_woo_sync.domain.reasons import Reason, about
from katana_woo_sync.domain.stock import holds_stock
from katana_woo_sync.domain.taxes import HALF_A_CENT
from katana_woo_sync.ledger import Ledger
from katana_woo_sync.ledger.sqlite import read_time
from katana_woo_sync.sandbox.katana import SalesOrder
from katana_woo_sync.sandbox.katana.sales_orders import Row
from katana_woo_sync.sandbox.woocommerce import Order
from katana_woo_sync.sandbox.woocommerce.lines import Line
from tests.simulation.carts import CREDIT
from tests.simulation.life import STORES, Broken, Life
from tests.simulation.money import in_cents, refunded_id, worths_of
from tests.simulation.steps import place_order

SHOWN = frozenset({State.ATTENTION, State.FAILED, State.SKIPPED, State.IGNORED})
BY_STATUS = frozenset(reason for reason in Reason if reason.about.by_status)
WHERE_NOT_PROCESSING = BY_STATUS | {Reason.COMPLETED_UNSEEN_SKIPPED}


STOCK = 15 * 60
"""How often stock is worked, in seconds: so long after quiet what came in has left its traces there
too (it may have brought a shop's stock below zero), and a further look has nothing to set."""


def hold(number: int, is_so: object, words: str) -> None:
    """A promise holds. Raises `Broken`."""
    if not is_so:
        raise Broken(f"P{number} {words}")


def look_after_a_step(life: Life) -> None:
    """What must hold at any time. Raises `Broken`."""
    held = Counter(
        (o.ecommerce_store_name, o.ecommerce_order_id)
        for o in life.world.katana.sales_orders()
        if o.ecommerce_order_type == WOOCOMMERCE
    )
    twice = [place for place, count in held.items() if count > 1]
    hold(1, not twice, f"twice in Katana: {twice}")
    if life.is_odd:
        return
    if life.broken:
        raise Broken(life.broken)
    for name, order_id in held:
        place = (life.names[str(name)], int(order_id or 0))
        hold(2, place in life.processing, f"{place} never was Processing and is in Katana")
    if life.processes > life.looked_after and life.world.ledger.exists():
        life.looked_after = life.processes
        with closing(sqlite3.connect(life.world.ledger)) as ledger:
            known = _known(ledger)
            was_processing = (k for k in known if k.was_processing)
            life.seen.update((life.names[k.identity], k.order_id) for k in was_processing)
            _nothing_is_passed(life, _limits(_rows(ledger, CURSORS)), _swept(ledger), known)


def look_at_request(life: Life, server: str, method: str, path: str, body: bytes) -> None:
    """What the program may never ask for. What it may not is raised after the step."""
    resource, _slash, last = path.rpartition("/")
    if method == "DELETE" and resource.endswith("/sales_orders"):
        life.deleted.add(int(last))
        _look_at_deletion(life, int(last))
    if method == "POST" and path.endswith("/sales_orders"):
        _look_at_import(life, json.loads(body))
    if method == "POST" and path.endswith("/sales_order_fulfillments"):
        _look_at_delivery(life, int(json.loads(body)["sales_order_id"]))
        _look_at_batches(life, json.loads(body))
    if method == "PATCH" and resource.endswith("/sales_orders") and "status" in json.loads(body):
        _look_at_delivery(life, int(last))
    shop = life.world.shops.get(server)
    if shop is None or life.is_odd or life.broken:
        return
    if resource.endswith("/orders") and json.loads(body).get("status") == "completed":
        order = shop.state.orders.get(int(last))
        _is_to_be_carried(life, server, int(last))
        if (
            order is not None
            and order.status not in ("processing", "completed")
            and _is_known(life, server, order)  # else it changed since it was read
        ):
            life.breaks(f"P22 {server} order {last} is completed, and was {order.status}")
    if path.endswith("/products/batch") and "stock_exclude" in life.base[server]:
        ids = [each["id"] for each in json.loads(body)["update"]]
        mug = life.world.mug[server]
        if mug in ids and shop.state.products[mug].sku == "MUG":
            life.breaks(f"P11 {server}: the stock of an excluded item is set: {body.decode()}")


def _look_at_import(life: Life, sent: Mapping[str, Any]) -> None:
    store = life.names[sent["ecommerce_store_name"]]
    order = life.world.shops[store].state.orders.get(int(sent["ecommerce_order_id"]))
    if order is not None and 'import_delay = "2m"' in life.top and not life.occurred["retry"]:
        age = life.world.clock.now - (order.paid or order.created)
        is_right = not life.shops_set and not life.set_back and not life.world.ours.ahead
        if is_right and order.status == "processing" and age < timedelta(minutes=2) - A_SECOND:
            life.breaks(f"P14 {store} order {order.id} is sent to Katana {age} after it was placed")
    if order is None or life.is_odd or order.status in ("processing", "completed"):
        return
    if _is_known(life, store, order):
        life.breaks(f"P2 {store} order {order.id} is sent to Katana, and is {order.status}")


def _is_to_be_carried(life: Life, store: str, order_id: int) -> None:
    """What a person has left alone is neither delivered nor completed, nor is any order where that
    is switched off. (A request from before may still be on its way.)"""
    if life.is_odd or life.network.late:
        return
    if (store, order_id) in life.ignored:
        life.breaks(f"P4 {store} order {order_id} is carried over, and is to be left alone")
    if life.own[store] in ("sync_fulfillment = false", "paused = true"):
        life.breaks(f"P7 {store} order {order_id} is carried over in spite of {life.own[store]}")


def _look_at_delivery(life: Life, sales_order_id: int) -> None:
    held = life.world.katana.sales_order(sales_order_id)
    _is_to_be_carried(life, life.names[str(held.ecommerce_store_name)], _shop_id(held))


def _shop_id(held: SalesOrder) -> int:
    return int(held.ecommerce_order_id or 0)


def _look_at_batches(life: Life, sent: Mapping[str, Any]) -> None:
    """The oldest batches go first, as they were a minute ago."""
    state, now = life.world.katana._state, life.world.clock.now
    rows = {row.id: row for row in life.world.katana.sales_order(sent["sales_order_id"]).rows}
    taken: dict[tuple[int, int], dict[int | None, Decimal]] = {}
    for part in sent["sales_order_fulfillment_rows"]:
        row = rows[part["sales_order_row_id"]]
        of_place = taken.setdefault((row.variant_id, row.location_id), {})
        for each in part.get("batch_transactions", ()):
            batch = each["batch_id"]
            of_place[batch] = of_place.get(batch, Decimal(0)) + Decimal(str(each["quantity"]))
    moved = {m.variant_id for m in state.movements if now - m.updated_at < A_MINUTE}
    for (variant, place), of_place in taken.items():
        oldest_first = [b.id for b in state.batches_of(variant)]
        left = {b: state.batch_stock.get((b, place), Decimal(0)) for b in oldest_first}
        for number, batch in enumerate(oldest_first):
            later = {*oldest_first[number + 1 :], None} & of_place.keys()
            if later and left[batch] > of_place.get(batch, 0) and variant not in moved:
                life.breaks(f"P20 goods of batches {of_place} are sent, and there are {left}")


def _look_at_deletion(life: Life, sales_order_id: int) -> None:
    """A person may have begun with it, or have moved the order on, after it was read."""
    held = life.world.katana.sales_order(sales_order_id)
    if life.is_odd or life.broken or held.deleted_at is not None:
        return
    if held.status != "NOT_SHIPPED" and life.world.clock.now - held.updated_at > A_MINUTE:
        life.breaks(f"P22 {held.order_no} is deleted in Katana, and was {held.status}")
    store = life.names[str(held.ecommerce_store_name)]
    order = life.world.shops[store].state.orders.get(int(held.ecommerce_order_id or 0))
    if order is not None and _is_known(life, store, order) and order.status != "cancelled":
        life.breaks(f"P22 {store} order {order.id} is deleted in Katana, and is {order.status}")


def _is_known(life: Life, store: str, order: Order) -> bool:
    """Whether the program may have read an order as it is. (Both times are the shop's.)"""
    return life.world.shops[store].state.clock() - order.modified > A_MINUTE


A_SECOND, A_MINUTE = timedelta(seconds=1), timedelta(minutes=1)


class AtEachCommit:
    """Looks at the ledger whenever it was committed: a process may die there."""

    def __init__(self, life: Life) -> None:
        self._life = life
        self._read: list[tuple[Any, ...]] = []
        self._cursors: dict[str, datetime] = {}

    def look(self, ledger: sqlite3.Connection, written: str) -> None:
        """What must hold. What does not is raised after the step: the program shall not hear it."""
        life = self._life
        if life.is_odd or life.broken:
            return
        importing = _rows(ledger, IMPORTING) if "intents" in written or " orders" in written else []
        cursors = _rows(ledger, CURSORS) if "cursors" in written else self._read
        try:
            if importing:
                lone = [key for key, count in Counter(importing).items() if count != 2]
                hold(15, not lone, f"being imported, or an intent is open, not both: {lone}")
            if cursors != self._read:
                self._read, before = cursors, self._cursors
                self._cursors = _limits(cursors)
                moved = {n: at for n, at in self._cursors.items() if before.get(n) != at}
                _nothing_is_passed(life, moved, _swept(ledger), _known(ledger))
        except Broken as error:
            life.breaks(str(error))


IMPORTING = (
    "SELECT key FROM intents WHERE kind = 'sales_order' UNION ALL "
    "SELECT identity || '#' || order_id FROM orders WHERE state = 'importing'"
)


CURSORS = "SELECT name, mark, is_complete FROM cursors"


class Known(NamedTuple):
    """What the ledger knows of an order."""

    identity: str
    order_id: int
    shop_status: str
    was_processing: int
    in_katana: str
    sales_order_id: int | None
    katana_status: str


def _rows(ledger: sqlite3.Connection, sql: str) -> list[tuple[Any, ...]]:
    """By the shortest way: this is asked at each commit."""
    return sqlite3.Connection.execute(ledger, sql).fetchall()


def _known(ledger: sqlite3.Connection) -> list[Known]:
    return [Known(*row) for row in _rows(ledger, f"SELECT {', '.join(Known._fields)} FROM orders")]


def _swept(ledger: sqlite3.Connection) -> set[str]:
    """The stores whose open orders were compared. Where the ledger was made again, the next cycle
    compares them."""
    found = _rows(ledger, "SELECT identity FROM stores WHERE swept_at IS NOT NULL")
    return {identity for (identity,) in found}


def _limits(cursors: Collection[tuple[Any, ...]]) -> dict[str, datetime]:
    """Up to when all is said to be read."""
    found = {}
    for name, mark, is_complete in cursors:
        at = read_time(mark)
        if at is not None:
            overlap = KATANA_OVERLAP if name == SALES_ORDERS else SHOP_OVERLAP
            found[name] = at if is_complete else at - overlap
    return found


def _nothing_is_passed(
    life: Life, cursors: Mapping[str, datetime], swept: Collection[str], known: Collection[Known]
) -> None:
    for store in STORES:
        identity = life.identity(store)
        of_store = {each.order_id: each for each in known if each.identity == identity}
        limit = cursors.get(f"shop:{identity}")
        if identity not in swept:
            continue
        if limit is not None and store not in life.shops_set:
            for order in life.world.shops[store].state.orders.values():
                if (store, order.id) not in life.unannounced:
                    _shop_passed(store, order, of_store.get(order.id), limit)
        limit = cursors.get(SALES_ORDERS)
        if limit is not None:
            for each in of_store.values():
                _katana_passed(life, store, each, limit)


def _shop_passed(store: str, order: Order, known: Known | None, limit: datetime) -> None:
    if order.status == "processing" and order.modified.replace(microsecond=0) <= limit:
        words = f"the cursor passed {store} order {order.id}: {order.modified} {limit} {known}"
        hold(3, known is not None and known.shop_status == order.status, words)


def _katana_passed(life: Life, store: str, known: Known, limit: datetime) -> None:
    if known.in_katana == InKatana.NO or known.sales_order_id is None:
        return
    real = life.world.katana.sales_order(known.sales_order_id)
    if real.updated_at - real.created_at < life.longest_lag:
        return  # the list did not tell of it in time; the sweep does
    if real.updated_at > limit:
        return
    if real.status == "DELIVERED" and life.world.katana._state.delivered_after:
        return  # on some accounts the status shows later, and by nothing else
    is_deleted = known.in_katana == InKatana.DELETED
    words = f"Katana's cursor passed {store} order {known.order_id}: {real}, {limit}, {known}"
    hold(3, is_deleted == (real.deleted_at is not None), words)
    hold(3, is_deleted or known.katana_status == real.status, words)


def look_after_quiet(life: Life) -> None:
    """What must hold once all has come to rest. Raises `Broken`."""
    look_after_a_step(life)
    if life.is_odd:
        return
    _what_comes_is_done(life)
    _nothing_is_written(life)
    _nothing_is_twice(life)
    forbidden = life.world.katana.contract_violations
    hold(21, not forbidden, f"Katana was sent {forbidden}")
    with Ledger.open_to_read(life.world.ledger) as ledger:
        left = ledger.intents.all_open()
        hold(15, not left, f"intents are left: {left}")
        for store in STORES:
            orders, identity = life.world.shops[store].state.orders, life.identity(store)
            for order in orders.values():
                _holds_for(life, ledger, store, order)
            if life.is_swept:
                believed = ledger.orders.open_in_shop(identity, ("processing",))
                wrong = [i for i in believed if i not in orders or orders[i].status != "processing"]
                hold(18, not wrong, f"{store} orders {wrong} are not Processing any more")
        for store, order_id in sorted(life.ignored):
            record = ledger.orders.get(life.identity(store), order_id)
            is_left = record is not None and record.state is State.IGNORED
            hold(4, is_left, f"{store} order {order_id} is ignored no more: {record}")
        for store, order_id in sorted(life.seen):
            record = ledger.orders.get(life.identity(store), order_id)
            words = f"{store} order {order_id} was seen as Processing: {record}"
            is_there = life.world.in_katana(order_id, shop=store)
            hold(4, record is not None and (is_there or _is_shown(record)), words)
            if record is not None:
                hold(4, not _is_left_failed(record), f"still tried again: {words}")
                hold(21, not _is_left_refused(record), f"refused: {words}")
    synced = any("sync_stock = true" in options for options in life.base.values())
    if synced and not life.has_others:
        for hours in (25, 0.25):  # orders that left the shop's lists are missed once a day
            life.scheduler.sleep(hours * 3600)
            life.sync()
        with Ledger.open_to_read(life.world.ledger) as ledger:
            _stock_is_right(life, ledger)


def _is_left_failed(record: OrderRecord) -> bool:
    """Its number, or a copy that is not older than the last one, may be waited for."""
    waits = record.reason in (Reason.ANSWER_LOST, Reason.TEMPORARY)
    return record.state is State.FAILED and not waits


def _is_left_refused(record: OrderRecord) -> bool:
    """Where a person has archived a service, Katana's words say so."""
    return record.reason == Reason.REFUSED_BY_KATANA and "archived" not in record.detail


def comes_in(life: Life) -> dict[str, int]:
    """An order comes in in each shop; their ids."""
    return {store: place_order(life, store, mugs=1) for store in STORES}


def look_after_the_first_cycle(life: Life, placed: Mapping[str, int]) -> None:
    """What must hold after the first cycle without trouble. Raises `Broken`."""
    if life.is_odd:
        return
    with Ledger.open_to_read(life.world.ledger) as ledger:
        for store, order_id in placed.items():
            if store in life.shops_set:
                continue  # a clock that was ahead, and had time to catch up: the sweep's
            record = ledger.orders.get(life.identity(store), order_id)
            hold(14, record is not None, f"{store} order {order_id} was not heard of")


def _what_comes_is_done(life: Life) -> None:
    placed = comes_in(life)
    behind = -life.world.ours.ahead.total_seconds()  # `import_delay` is by our clock
    life.scheduler.sleep(STOCK + max(0.0, behind))
    life.sync()
    with Ledger.open_to_read(life.world.ledger) as ledger:
        for store, order_id in placed.items():
            record = ledger.orders.get(life.identity(store), order_id)
            is_done = life.world.in_katana(order_id, shop=store) or _is_shown(record)
            hold(14, is_done, f"{store} order {order_id}, placed after quiet: {record}")


def _nothing_is_twice(life: Life) -> None:
    katana = life.world.katana
    customers = [c.reference_id for c in katana.customers() if c.reference_id and not c.deleted_at]
    services = [item.name for item in katana.services() if not item.deleted_at]
    rates = [rate.rate for rate in katana.tax_rates()]
    # in the place of an archived product without a SKU there may be another
    products = [i for i in katana.products() if not i.deleted_at and not i.archived_at]
    odd = [item.name for item in products if item.name.startswith("Odd ")]
    if life.has_forgotten or life.network.occurred["repeated"]:
        odd.clear()  # of those without a SKU Katana takes two, and only the ledger knows one
    for what in (customers, services, rates, odd):
        twice = [each for each, count in Counter(what).items() if count > 1]
        hold(16, not twice, f"twice in Katana: {twice}")


def _nothing_is_written(life: Life) -> None:
    servers = dict(life.network.servers.values())
    for server in servers.values():
        server.reset_counts()
    life.scheduler.sleep(STOCK)
    report = life.sync()
    for name, server in servers.items():
        # what a person must see to (a delivery that Katana refuses) is tried again now and then
        writes = [
            r for r in server.requests if r.method != "GET" and r.status < HTTPStatus.BAD_REQUEST
        ]
        hold(9, not writes, f"a quiet cycle wrote to {name}: {writes}")
    if report is not None:
        told = {(each.store, each.order_id) for each in report.problems}
        with Ledger.open_to_read(life.world.ledger) as ledger:
            for record in ledger.orders.find(identities=list(life.names), problems=True):
                place = life.names[record.identity], record.order_id
                hold(23, place in told, f"{place} is not among the problems: {record}")


def _holds_for(life: Life, ledger: Ledger, store: str, order: Order) -> None:
    world = life.world
    held = world.in_katana(order.id, shop=store)
    record = ledger.orders.get(life.identity(store), order.id)
    name = f"{store} order {order.id} ({order.status})"
    if order.status == "processing":
        is_told = held or (_is_shown(record) and record.reason not in WHERE_NOT_PROCESSING)
        if record is not None and about(record.reason).goods_elsewhere:
            is_told = _is_elsewhere(life, store, order, ledger)
        hold(4, is_told, f"{name} is neither in Katana nor shown: {record}")
        is_gone = held and all(each.deleted_at and each.id in life.deleted for each in held)
        is_told = not is_gone or life.has_forgotten or _is_shown(record)
        hold(4, is_told, f"{name} was deleted in Katana, and is not shown: {record}")
    if order.status == "completed" and order.created > life.connected and not life.has_forgotten:
        is_told = held or (_is_shown(record) and record.reason not in BY_STATUS)
        is_told = is_told or store in life.shops_set
        hold(4, is_told, f"{name} was never seen, and is not shown: {record}")
    if order.created < life.connected and not life.has_forgotten and record is not None:
        is_old = record.reason == Reason.COMPLETED_UNSEEN
        hold(4, not is_old, f"{name} is from before its shop was connected, and is shown")
    if not held:
        return
    (there,) = held
    is_part = order.parent_id and not there.deleted_at and not life.has_forgotten
    if is_part and not (
        life.processing[store, order.id] or life.processing[store, order.parent_id]
    ):
        whole = [o for o in world.in_katana(order.parent_id, shop=store) if not o.deleted_at]
        hold(1, not whole, f"{name}: its goods are in Katana with its parent's: {whole}")
    fees = world.katana.shipping_fees(there.id)
    hold(5, len(fees) <= 1, f"{name} has {len(fees)} shipping fees")
    places = {place.name: place.id for place in world.katana.locations()}
    where = {there.location_id, *(row.location_id for row in there.rows)}
    hold(10, where == {places[life.places[store]]}, f"{name} is at {where}")
    if record is not None:
        _agrees(life, ledger, store, order, there, record, name)
        mails, by_people = world.completions(order.id, shop=store), life.completed[store, order.id]
        hold(8, mails <= 1 + by_people, f"{name} was completed {mails} times")
        notes = world.shops[store].notes(order.id)
        written = Counter(str(note["note"]) for note in notes if note["author"] == "admin")
        is_once = set(written.values()) <= {1} or life.is_hasty or life.has_forgotten
        hold(8, is_once, f"{name}: a note is there twice: {written}")
        is_left_alone = (store, order.id) in life.ignored
        if "import_note = true" in life.top and not life.has_forgotten and not is_left_alone:
            said = {note.reason for _at, note in ledger.orders.notes(record.identity, order.id)}
            is_noted = any(text.startswith("In Katana as ") for text in written)
            is_noted = is_noted or not said.isdisjoint((Reason.ADOPTED, Reason.NOTE_NOT_WRITTEN))
            hold(
                8, is_noted or record.note_failed, f"{name}: no note tells of its import: {record}"
            )


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
    is_known = record.katana_status == held.status
    hold(18, is_known, f"{name} is {held.status} in Katana, and not {record.katana_status}")
    was_delivered, was_completed = delivered or held.id in life.reverted, order.completed
    hold(7, was_delivered or not record.completed_at, f"{name} is completed: {record}")
    hold(7, was_completed or not record.delivered_at, f"{name} is delivered: {record}")
    is_untouched = held.status == "NOT_SHIPPED" and held.id not in life.worked_on
    is_to_go = 'cancelled = "delete"' in life.top and order.status == "cancelled"
    left_alone = record.state is State.IGNORED or not is_untouched
    hold(7, left_alone or not is_to_go, f"{name} is not deleted in Katana: {record}")
    if (store, order.id) in life.refunded and not life.has_forgotten:
        hold(20, record.delivered_at is None, f"{name} is delivered, and was refunded: {record}")
    if not life.processing[store, order.id]:
        ours = Decimal(str(life.world.shops[store].order(order.id)["total"]))
        refunded = _refunded(life, order)  # before the import
        ours -= _left_out(life, order) + refunded
        theirs = life.world.katana.order_total(held.id)
        notes = ledger.orders.notes(record.identity, record.order_id)
        agrees, words = abs(ours - theirs) < HALF_A_CENT, f"{name}: {ours}, {theirs}, {record}"
        noted = any(about(note.reason).explains_total for _at, note in notes)
        hold(6, agrees or noted or record.money_differs, words)
        most = _rounded(order)
        is_near = abs(ours - theirs) <= most or (
            abs(_of_lines(life, order) - refunded - theirs) <= most
        )
        is_anothers = any(note.reason == Reason.ADOPTED for _at, note in notes)
        hold(6, is_near or is_anothers, f"not near: {words}")
        hold(6, not agrees or not record.money_differs, words)
        is_matched = abs(ours - theirs) < EXACT or record.money_differs or is_anothers
        hold(6, is_matched or "match_totals = true" not in life.top, f"not matched: {words}")
        _is_the_order(life, store, order, held, name)
    said = {note.reason for _at, note in ledger.orders.notes(record.identity, order.id)}
    is_explained = bool(record.note_failed) or record.state is State.IGNORED or life.has_forgotten
    is_explained = is_explained or Reason.NOTE_NOT_WRITTEN in said or life.set_back > timedelta(0)
    shop = life.world.shops[store]
    parcels = [part.values.get("_katana_fulfillment_id") for part in shop.fulfillments(order.id)]
    numbers = [entry.tracking_number for entry in shop.trackings(order.id)]
    shown = [*parcels, *numbers]
    is_once = len(shown) == len(set(shown)) or life.is_hasty
    hold(13, is_once, f"{name}: shown twice: {shown}")
    if 'shipments = "auto"' in life.base[store] and not life.has_forgotten:
        for part in life.world.katana.fulfillments(held.id):
            if part.status == "DELIVERED" and part.tracking_number:
                is_told = part.tracking_number in numbers or str(part.id) in map(str, parcels)
                is_told = is_told or Reason.SHIPMENT_NOT_TOLD in said
                hold(13, is_told, f"{name}: {part} is not shown: {shown}")
        is_untold = record.state is State.IGNORED or Reason.SHIPMENT_NOT_TOLD in said
        if not (life.processing[store, order.id] or is_untold):
            _is_shown_whole(life, store, order, held, name)
    is_noted = "tracking_note" in life.top and bool(record.completed_at) and not parcels
    if is_noted and order.status == "completed" and order.completed and store not in life.shops_set:
        for part in life.world.katana.fulfillments(held.id):
            number = part.tracking_number
            if number and part.updated_at < order.completed - A_MINUTE:
                told = [*numbers, *(str(note["note"]) for note in shop.notes(order.id))]
                is_told = is_explained or any(number in text for text in told)
                hold(8, is_told, f"{name}: {part} is not noted")
    is_own = record.shop_status == "completed" and not record.completed_at
    if is_own and held.id not in life.worked_on and not life.has_forgotten:
        hold(13, not shown, f"{name}: what this program delivered is shown: {shown}")


def _is_shown_whole(life: Life, store: str, order: Order, held: SalesOrder, name: str) -> None:
    """What a shop shows of a parcel is all of its goods, and how it is sent by now."""
    katana, shop = life.world.katana, life.world.shops[store]
    products, variants = shop.state.products, {v.id: v for v in katana.variants()}
    skus = {
        line.id: _usual_sku(products[line.variation_id or line.product_id].sku)
        for line in order.lines
        if line.product_id
    }
    rows = {row.id: _usual_sku(variants[row.variant_id].sku or "") for row in held.rows}
    parts = {str(part.id): part for part in katana.fulfillments(held.id)}
    for shown in shop.fulfillments(order.id):
        part = parts.get(str(shown.values.get("_katana_fulfillment_id")))
        if part is None or part.status != "DELIVERED":
            continue
        number = str(shown.values.get("_tracking_number") or "")
        hold(13, number == (part.tracking_number or ""), f"{name}: {part}, shown as {number}")
        inside, wanted = Counter[str](), Counter[str]()
        items: Any = shown.values.get("_items")
        for item in items:
            inside[skus[item["item_id"]]] += int(item["qty"])
        for row in part.rows:
            if rows[row.row_id] in skus.values():
                wanted[rows[row.row_id]] += int(row.quantity)
        hold(13, inside == wanted or order.refunds, f"{name}: {inside} is shown of {wanted}")


def _is_the_order(life: Life, store: str, order: Order, held: SalesOrder, name: str) -> None:
    """What a sales order says of an order that nobody has changed since."""
    prefix = "P-" if "order_number_prefix" in life.base[store] else ""
    numbers = (f"{prefix}{order.number}", f"X-{order.number}")  # what a person sets for a while
    hold(19, held.order_no.startswith(numbers), f"{name} is {held.order_no}")
    hold(19, held.currency == order.currency, f"{name}: {held.currency}, not {order.currency}")
    created = order.created.replace(microsecond=0)
    when = held.order_created_date.replace(microsecond=0)
    hold(19, when == created, f"{name} was placed {created}, not {when}")
    due = held.delivery_date
    in_time = due is not None and due.replace(microsecond=0) == created + timedelta(days=14)
    hold(19, in_time, f"{name} is to be delivered {due}")
    ship_to = order.shipping if order.shipping.address_1 else order.billing
    for kind, address in (("billing", order.billing), ("shipping", ship_to)):
        whose = [a for a in held.addresses if a.entity_type == kind]
        parts = ((a.first_name, a.last_name, a.line_1, a.city, a.zip) for a in whose)
        said = [_letters("".join(part or "" for part in each)) for each in parts]
        wanted = _letters(
            f"{address.first_name}{address.last_name}{address.address_1}{address.city}"
            f"{address.postcode}"
        )
        hold(19, said == [wanted], f"{name}: {kind} {said}, not {wanted}")
    info = _letters(held.additional_info or "")
    hold(19, _letters(order.customer_note) in info, f"{name}: {held.additional_info}")
    for text in (order.payment_method_title, *(c.coupon.code for c in order.coupon_lines)):
        hold(19, _letters(text) in info, f"{name}: {text} is not in {held.additional_info}")
    buyer = next(c for c in life.world.katana.customers() if c.id == held.customer_id)
    theirs, ours = (buyer.email or "").lower(), order.billing.email.lower()
    is_known = buyer.reference_id == f"{life.identity(store)}#{order.customer_id}"
    is_theirs = is_known or not theirs or not ours or theirs == ours
    hold(19, is_theirs, f"{name}, of {ours}, is of {buyer}")
    _is_the_money(life, store, order, held, name)
    items = [line for line in order.lines if line.kind == "item"]
    if all(line.product_id for line in items):
        _are_the_goods(life, store, order, held, name)


def _is_the_money(life: Life, store: str, order: Order, held: SalesOrder, name: str) -> None:
    """What is at which tax rate, and each row's price and discount."""
    shop, katana = life.world.shops[store].state, life.world.katana
    as_rows, matched = 'shipping = "row"' in life.top, "match_totals = true" in life.top
    fees = katana.shipping_fees(held.id)
    hold(5, not (fees and as_rows), f"{name} has a shipping fee and no row for it: {fees}")
    percents = {rate.id: rate.rate for rate in katana.tax_rates()}
    worths = worths_of(order, shop.rates, _kinds_left_out(life), shipping_rows=as_rows)
    parts = [(row.tax_rate_id, _of_row(row)) for row in held.rows]
    theirs: dict[Decimal, Decimal] = {}
    for rate_id, net in (*parts, *((fee.tax_rate_id, fee.amount) for fee in fees)):
        percent = percents[rate_id or 0]
        theirs[percent] = theirs.get(percent, Decimal(0)) + net * (1 + percent / 100)
    ours, most = worths.by_percent, _rounded(order)
    for percent in ours.keys() | theirs.keys():
        wanted, found = ours.get(percent, Decimal(0)), theirs.get(percent, Decimal(0))
        words = f"{name}: at {percent} % it is {wanted} in the shop, and {found} in Katana"
        hold(6, abs(wanted - found) <= most, words)
    if any(_is_tied(line) for line in order.lines):
        return  # the bundle's row has the money of all
    is_plain = not order.refunds and all(line.gross >= 0 for line in order.lines)
    for worth, row in zip(worths.goods, held.rows, strict=False):
        factor, line = 1 + worth.percent / 100, worth.line
        found = _of_row(row) * factor
        words = f"{name}: {worth.pieces} of {line.name} come to {worth.gross}, and not {found}"
        hold(6, abs(worth.gross - found) <= most, words)
        if not is_plain or matched:
            continue
        full, net = in_cents(line.subtotal), in_cents(line.total)
        if shop.rounding.prices_include_tax:
            full, net = (full + line.subtotal_tax) / factor, worth.gross / factor
        hold(6, abs(net - _of_row(row)) <= EXACT, f"{name}: {net} without tax: {row}")
        discount = max(full - net, Decimal(0)) if 'discounts = "separate"' in life.top else 0
        hold(6, abs(discount - row.total_discount) <= EXACT, f"{name}: {discount} off: {row}")


EXACT = Decimal("0.00001")


def _of_row(row: Row) -> Decimal:
    return row.quantity * row.price_per_unit - row.total_discount


def _are_the_goods(life: Life, store: str, order: Order, held: SalesOrder, name: str) -> None:
    """How many of what a sales order is of, and what is to be engraved."""
    katana, products = life.world.katana, life.world.shops[store].state.products
    left = {line.id: line.quantity for line in order.lines if line.kind == "item"}
    for refund in order.refunds:
        for line in refund.lines:
            if line.kind == "item":
                left[refunded_id(line)] -= abs(line.quantity)
    pieces: Counter[str] = Counter()
    parents: Counter[str] = Counter()
    wanted: set[str] = set()
    for line in order.lines:
        if left.get(line.id):
            sku = _usual_sku(products[line.variation_id or line.product_id].sku)
            (parents if _is_bundle(line) else pieces)[sku] += int(left[line.id])
            wanted |= {meta.display_key for meta in line.meta if not meta.key.startswith("_")}
    fees = {each.id for each in katana.services() if each.name.startswith("WooCommerce ")}
    variants = {v.id: v for v in katana.variants()}
    rows: Counter[str] = Counter()
    for row in held.rows:
        if variants[row.variant_id].item_id not in fees:
            rows[_usual_sku(variants[row.variant_id].sku or "")] += int(row.quantity)
    if 'bundles = "both"' in life.base[store]:
        pieces += parents
    elif parents and 'bundles = "children"' not in life.base[store] and rows == parents:
        pieces = parents  # Katana knows it
    hold(19, rows == pieces, f"{name} is of {pieces}, and not of {rows}")
    said = {key for row in held.rows for key, _value in row.attributes}
    hold(19, wanted <= said, f"{name}: {wanted} of its lines, and {said} of its rows")


def _usual_sku(sku: str) -> str:
    """The mug's is changed now and then, in the shop or in Katana."""
    return "MUG" if sku in ("MUG-2", "CUP") else sku


def _letters(text: str) -> str:
    """What is left of a text whatever is cleaned of it."""
    return "".join(c for c in text if c.isalnum() and c.isascii())


def _is_tied(line: Line) -> bool:
    """Whether a line is a bundle, or a part of one."""
    return _is_bundle(line) or any(meta.key == "_bundled_by" for meta in line.meta)


def _is_bundle(line: Line) -> bool:
    return any(meta.key == "_bundled_items" for meta in line.meta)


def _kinds_left_out(life: Life) -> list[str]:
    options = {"shipping": "import_shipping = false", "fee": "import_fees = false"}
    return [kind for kind, option in options.items() if option in life.top]


def _left_out(life: Life, order: Order) -> Decimal:
    """What of the shop's total is not in Katana's: what the options leave out, less what was paid
    by store credit, which the shop's total lacks."""
    kinds = _kinds_left_out(life)
    left_out = (line.gross for line in order.lines if line.kind in kinds)
    _id, paid = order.meta.get(CREDIT, (0, "0"))
    return sum((round(amount, 2) for amount in left_out), -Decimal(str(paid)))


def _refunded(life: Life, order: Order) -> Decimal:
    """What was refunded, but for lines that the options leave out anyway."""
    kinds = _kinds_left_out(life)
    lines = [line for refund in order.refunds for line in refund.lines if line.kind in kinds]
    amounts = [each.amount for each in order.refunds]
    return sum((*amounts, *(round(line.gross, 2) for line in lines)), Decimal(0))  # below zero


def _of_lines(life: Life, order: Order) -> Decimal:
    """The sum of an order's lines that Katana is to hold, whoever has paid for them."""
    left_out = _kinds_left_out(life)
    return sum((line.gross for line in order.lines if line.kind not in left_out), Decimal(0))


def _rounded(order: Order) -> Decimal:
    """What the shop's roundings come to at most: half a cent for each tax of each line, refunded
    ones too, and for the total. The total of an order that nobody has changed is not further from
    that of its sales order, whatever the order says of it."""
    refunded = [line for refund in order.refunds for line in refund.lines]
    return HALF_A_CENT * (1 + sum(len(line.taxes) for line in (*order.lines, *refunded)))


def _is_shown(record: OrderRecord | None) -> TypeGuard[OrderRecord]:
    if record is None or record.state not in SHOWN:
        return False
    return bool(record.reason) or record.state is State.IGNORED


def _stock_is_right(life: Life, ledger: Ledger) -> None:
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
        if sku == "MUG" and "stock_exclude" in life.base[store]:
            continue
        beside = [each for each in STORES if life.places[each] == life.places[store]]
        if any(world.shops[each].state.products[world.mug[each]].sku != sku for each in beside):
            continue  # whether that one's is the same mug, its orders say
        place = places[life.places[store]]
        free = world.katana.in_stock(variant, place) - world.katana.committed(variant, place)
        free -= sum(_taken(life, each, world.mug[each], ledger) for each in beside)
        free -= 5 if "stock_reserve = 5" in life.base[store] else 0
        if 'stock_reserve = "10%"' in life.base[store] and free > 0:
            free -= max(world.katana.in_stock(variant, place), Decimal(0)) / 10
        found, expected = shop.stock(mug), max(int(free), 0)
        hold(11, found == expected, f"{store}: {found} mugs, and not {expected}")


def _taken(life: Life, store: str, mug: int, ledger: Ledger) -> Decimal:
    """What orders have taken from the shop's stock and Katana does not hold."""
    taken = Decimal(0)
    for order in life.world.shops[store].state.orders.values():
        is_held = any(o.deleted_at is None for o in life.world.in_katana(order.id, shop=store))
        if not holds_stock(order.status) or is_held or _is_anothers(life, store, order, ledger):
            continue
        for line in order.lines:
            if line.product_id == mug:
                meta = [m.value for m in line.meta if m.key == "_reduced_stock"]
                taken += sum((Decimal(str(value)) for value in meta), Decimal(0))
    return taken


def _is_anothers(life: Life, store: str, order: Order, ledger: Ledger) -> bool:
    """Whether an order's goods are its parent's, or its sub-orders', to count. A sub-order that
    never was Processing is left to its parent, whatever becomes of that."""
    record = ledger.orders.get(life.identity(store), order.id)
    if record is None:
        return order.parent_id != 0
    return about(record.reason).goods_elsewhere and _is_elsewhere(life, store, order, ledger)


def _is_elsewhere(life: Life, store: str, order: Order, ledger: Ledger) -> bool:
    """Whether an order's parent, or a sub-order, is in Katana, may still come there, or was
    completed. The shop may have deleted it since."""
    orders = life.world.shops[store].state.orders
    others = {each.id for each in orders.values() if each.parent_id == order.id}
    others |= {r.order_id for r in ledger.orders.sub_orders(life.identity(store), order.id)}
    others |= {order.parent_id} - {0}
    there = [orders[each] for each in others & orders.keys()]
    return any(holds_stock(each.status) or each.status == "completed" for each in there) or any(
        life.world.in_katana(each, shop=store) for each in others
    )
