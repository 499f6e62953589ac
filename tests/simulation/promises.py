"""What must hold: the promises of docs/reliability.md and docs/rules.md, each with its number.

After every step:

    P1   no order is twice in Katana (nor, after quiet, what a sub-order and its parent hold)
    P2   nothing is in Katana that never was Processing (or of another status that is imported), or
         is of before `since`, nor sent there when it is no more, or in a currency that is not taken
    P3   whatever a cursor has passed is in the ledger as it is; and so it is after each commit
    P15  an order is being imported if, and only if, the intent to create it is open: after each
         commit too
    P17  one run at a time writes, and a dry run does not
    P22  an order is completed only from Processing (or what `complete_from` says), and deleted in
         Katana only where it is cancelled and nothing was begun

After quiet (faults have ended, a person has said `retry` or twelve hours have passed, and a cycle
has compared all that is open):

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
    P11  where nothing went wrong, and else a day later, the shop's stock is what rule 13 says of
         the servers themselves; and never is set what is excluded, what is not in Katana, or what
         nobody has counted there
    P13  each delivery is shown once in the shop, with all of its goods and its number as it is
         now, and none that this program made; what has a tracking number is shown, or the order
         says why not; and it is shown before the order is completed
    P14  an order that comes in then is in Katana after the next cycle, or shown; one that came in
         before is in the ledger after the first cycle; none is sent before `import_delay` is over
    P15  no intent is open
    P16  no customer, product, service or tax rate is twice in Katana
    P18  what the ledger believes to be Processing is so, and of Katana's statuses
    P19  a sales order has its order's number, currency, dates, addresses, note and pieces
    P20  goods that were refunded since the import are not delivered; of batches the oldest go first
    P21  Katana is sent nothing that its contract forbids, and refuses no order twice
    P23  what is shown is in a run's problems, and in its exit code
    P26  what people changed in an order since its import is noted

As each run ends, until something has gone wrong:

    P24  what it counts is what it did, and as many requests
    P25  Katana is not asked more often in a minute than it allows

Always:

    P12  the program has a word of its own for whatever comes, and an exit code
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from http import HTTPStatus

from katana_woo_sync.domain.katana import WOOCOMMERCE
from katana_woo_sync.domain.order_record import OrderRecord, State
from katana_woo_sync.domain.reasons import Reason
from katana_woo_sync.ledger import Ledger
from tests.simulation.at_each_commit import look_at_ledger
from tests.simulation.each_order import holds_for, is_shown
from tests.simulation.life import STORES, Broken, Life, hold
from tests.simulation.right_stock import stock_is_right
from tests.simulation.steps import ORDINARY, STEPS, Step, place_order

STOCK = 15 * 60
"""How often stock is worked, in seconds: so long after quiet what came in has left its traces there
too (it may have brought a shop's stock below zero), and a further look has nothing to set."""

A_DAY = 25 * 3600
"""And a bit, in seconds."""


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
        look_at_ledger(life)


def look_after_quiet(life: Life, *, is_ordinary: bool) -> None:
    """What must hold once all has come to rest. Raises `Broken`."""
    _what_comes_is_done(life, is_ordinary=is_ordinary)
    look_after_a_step(life)
    if life.is_odd:
        return
    _nothing_is_twice(life)
    forbidden = life.world.katana.contract_violations
    hold(21, not forbidden, f"Katana was sent {forbidden}")
    with Ledger.open_to_read(life.world.ledger) as ledger:
        left = ledger.intents.all_open()
        hold(15, not left, f"intents are left: {left}")
        for store in STORES:
            orders, identity = life.world.shops[store].state.orders, life.identity(store)
            for order in orders.values():
                holds_for(life, ledger, store, order)
            if not is_ordinary:
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
            hold(4, record is not None and (is_there or is_shown(record)), words)
            if record is not None:
                hold(4, not _is_left_failed(record), f"still tried again: {words}")
                hold(21, not _is_left_refused(record), f"refused: {words}")
    is_synced = any("sync_stock = true" in options for options in life.base.values())
    is_hidden = any(life.occurred[each.name] for each in STEPS.values() if _hides_stock(each))
    if is_synced and is_hidden:
        life.scheduler.sleep(A_DAY)  # all of a shop's stock is compared once a day
        life.sync()
    _nothing_is_written(life)
    if is_synced and not life.has_others:
        stores = [s for s in STORES if is_hidden or _tells_of_products(life, s)]
        with Ledger.open_to_read(life.world.ledger) as ledger:
            stock_is_right(life, ledger, stores)


def _tells_of_products(life: Life, store: str) -> bool:
    """Whether the shop's version can be asked which products changed."""
    return life.world.shops[store].state.is_at_least(9)


def _hides_stock(step: Step) -> bool:
    """Whether stock may be wrong after a step until all of it is compared, which is once a day."""
    return step.kind not in ORDINARY or step.name in ("delete_for_good", "trash_or_restore")


def _is_left_failed(record: OrderRecord) -> bool:
    """Its number, or a copy that is not older than the last one, may be waited for."""
    waits = record.reason in (Reason.ANSWER_LOST, Reason.TEMPORARY)
    return record.state is State.FAILED and not waits


def _is_left_refused(record: OrderRecord) -> bool:
    """Where a person has archived a service, Katana's words say so."""
    return record.reason == Reason.REFUSED_BY_KATANA and "archived" not in record.detail


def comes_in(life: Life) -> dict[str, int]:
    """An order comes in in each shop; the ids of those that are to be imported."""
    placed = {store: place_order(life, store, mugs=1) for store in STORES}
    shops = life.world.shops
    return {s: i for s, i in placed.items() if not life.is_before_since(shops[s].state.orders[i])}


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


def _what_comes_is_done(life: Life, *, is_ordinary: bool) -> None:
    placed = comes_in(life)
    behind = -life.world.ours.ahead.total_seconds()  # `import_delay` is by our clock
    life.scheduler.sleep(STOCK + max(0.0, behind))
    life.last_cycle(is_ordinary=is_ordinary)
    if life.is_odd:
        return
    with Ledger.open_to_read(life.world.ledger) as ledger:
        for store, order_id in placed.items():
            record = ledger.orders.get(life.identity(store), order_id)
            is_done = life.world.in_katana(order_id, shop=store) or is_shown(record)
            hold(14, is_done, f"{store} order {order_id}, placed after quiet: {record}")


def _nothing_is_twice(life: Life) -> None:
    katana = life.world.katana
    customers = [c.reference_id for c in katana.customers() if c.reference_id and not c.deleted_at]
    services = [item.name for item in katana.services() if not item.deleted_at]
    names_one = "[taxes]" in life.top  # of those of 24 %
    rates = [r.rate for r in katana.tax_rates() if not names_one or r.rate != 24]
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
