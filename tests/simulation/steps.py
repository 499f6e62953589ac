"""What happens: each step is one thing that people, other programs, the network or a machine do.

A step draws what it needs from dice of its own, so that a history stays the same when other steps
are left out of it. Steps belong to kinds; a history has some of the kinds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from copy import deepcopy
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from random import Random
from typing import Any

from msgspec import Struct

from katana_woo_sync.cli.rebuild_ledger import SIDECARS
from katana_woo_sync.domain.order_record import InKatana, OrderRecord, State, ignored
from katana_woo_sync.domain.reasons import Reason
from katana_woo_sync.ledger import Ledger
from katana_woo_sync.sandbox.katana import Refusal, SalesOrder
from katana_woo_sync.sandbox.woocommerce import Fee, Item, Order
from katana_woo_sync.sync.connect import rebuild
from katana_woo_sync.sync.context import Context
from katana_woo_sync.sync.cycle import SweepWhen, finish
from katana_woo_sync.sync.wishes import Wish, next_run, wish
from tests.simulation.carts import COURIER, SHIRTS, cart, variations
from tests.simulation.life import SLOT, STORES, WHEN, Life
from tests.simulation.machine import scattered
from tests.simulation.network import KINDS, LOST_AFTER, Trouble
from tests.sync.world import ANNA, DEFAULT_FACTOR

REVOKED = "ck_" + "0" * 40
SERVERS = ("katana", *STORES)
KINDS_OF_TROUBLE = tuple(kind for kind in KINDS if kind != "odd_value")
JUMPS = (-26, -7, -1, 1, 3, 26)

Work = Callable[[Life, Random], None]


class Step(Struct, frozen=True):
    """Something that may happen. `weight` says how often, beside the others of a history."""

    name: str
    kind: str
    weight: int
    work: Work


STEPS: dict[str, Step] = {}


def step(kind: str, weight: int = 2) -> Callable[[Work], Work]:
    """Make a function a step."""

    def made(work: Work) -> Work:
        name = work.__name__.strip("_")
        STEPS[name] = Step(name, kind, weight, work)
        return work

    return made


# In the shops


@step("sales", 8)
def place(life: Life, dice: Random) -> None:
    """A customer orders."""
    store = dice.choice(STORES)
    others = ("on-hold", "pending", "completed", *life.own_statuses(store))
    _place(life, dice, store, dice.choice(("processing",) * 5 + others))


def _place(life: Life, dice: Random, store: str, status: str) -> tuple[str, int]:
    if dice.random() < 0.5:
        return store, place_order(
            life,
            store,
            mugs=dice.randint(1, 3),
            status=status,
            with_lamp=dice.random() < 0.4,
            new_sku="ODD-{}" if dice.random() < 0.1 else None,
            fee=dice.choice((-1, 3)) if dice.random() < 0.2 else 0,
            total=Decimal(dice.randint(1, 9)) if dice.random() < 0.1 else None,
        )
    return store, _ordered(life, store, {"status": status, **cart(life, dice, store)})


def _ordered(life: Life, store: str, ordered: Mapping[str, Any]) -> int:
    shop = life.world.shops[store]
    meta = {SLOT: WHEN, **ordered.get("meta", {})}
    order_id = shop.place_order(**{"billing": ANNA, **ordered, "meta": meta})
    status = ordered["status"]
    _moved(life, store, order_id, status)
    life.tell("customer", f"{store}: order {order_id}, {status}")
    return order_id


def place_order(
    life: Life,
    store: str,
    *,
    mugs: int,
    status: str = "processing",
    with_lamp: bool = False,
    new_sku: str | None = None,
    fee: int = 0,
    total: Decimal | None = None,
    is_new: bool = False,
) -> int:
    """A customer orders, one whom nobody knows where it `is_new` (though others are called so); a
    lamp is shipped for money. `new_sku` is that of a product which nobody knows, `total` a
    plugin's. Returns its id."""
    shop, world = life.world.shops[store], life.world
    items = [Item(world.mug[store], mugs)]
    items += [Item(world.lamp[store], 1)] if with_lamp else []
    number = len(shop.state.products)
    if new_sku is not None:
        added = shop.add_product(f"Odd {number} of {store}", new_sku.format(number), "3.33")
        items.append(Item(added, 2))
    placed = sum(len(each.state.orders) for each in world.shops.values())
    name = f"Buyer{placed % 2}" if is_new else "Anna"
    mail = f"buyer{placed}@example.test" if is_new else ANNA.email
    order_id = shop.place_order(
        items,
        billing=replace(ANNA, first_name=name, email=mail),
        status=status,
        shipping=[COURIER] if with_lamp else [],
        fees=[Fee("Gift", Decimal(fee))] if fee else [],
        total=total,
        meta={SLOT: WHEN},
    )
    _moved(life, store, order_id, status)
    life.tell("customer", f"{store}: order {order_id}, {status}")
    return order_id


def _moved(life: Life, store: str, order_id: int, status: str) -> None:
    """What is Processing, or is imported where it is completed, may be in Katana from now on."""
    order = life.world.shops[store].state.orders[order_id]
    if life.is_before_since(order):
        return
    is_imported = life.imports(store, status)
    if is_imported or (life.is_completed(store, status) and life.imports_completed(order)):
        life.processing.setdefault((store, order_id), False)


@step("marketplace")
def sub_order(life: Life, dice: Random) -> None:
    """A marketplace makes a vendor's order of all that a customer's order holds."""
    store, order = _order(life, dice)
    if order is None or order.parent_id or order.status != "processing":
        return
    if life.is_before_since(order):  # nor is a vendor's, which is made at once
        return
    items = [
        Item(line.product_id, line.quantity, line.variation_id)
        for line in order.lines
        if line.kind == "item" and line.product_id
    ]
    if not items:
        return
    child = life.world.shops[store].place_order(
        items, billing=ANNA, created_via="dokan", parent_id=order.id
    )
    life.processing[store, child] = False
    life.tell("marketplace", f"{store}: order {child}, a part of {order.id}")


@step("sales", 5)
def set_status(life: Life, dice: Random) -> None:
    """Staff move an order on."""
    store, order = _order(life, dice)
    if order is None or order.status == "trash":
        return
    own = life.own_statuses(store)
    status = dice.choice(
        ("processing", "on-hold", "cancelled", "completed", "completed", "refunded", "failed", *own)
    )
    _set_status(life, store, order, status)


def _set_status(life: Life, store: str, order: Order, status: str) -> None:
    if status == "completed" != order.status or _is_completed_unknown(life, store, order):
        life.completed[store, order.id] += 1
    _moved(life, store, order.id, status)
    life.edited(store, order.id)
    life.tell("staff", f"{store}: order {order.id} from {order.status} to {status}")
    life.world.shops[store].set_status(order.id, status)


def _is_completed_unknown(life: Life, store: str, order: Order) -> bool:
    """Whether an order was completed, and the answer lost: what a person then makes of it cannot be
    told from what it was before."""
    if order.status != "completed":
        return False
    with Ledger.open_to_read(life.world.ledger) as ledger:
        record = ledger.orders.get(life.identity(store), order.id)
    return record is not None and record.shop_status != order.status


@step("edits", 3)
def edit(life: Life, dice: Random) -> None:
    """Staff write into an order."""
    store, order = _order(life, dice)
    if order is not None:
        life.tell("staff", f"{store}: order {order.id} edited")
        life.edited(store, order.id)
        shop, note = life.world.shops[store], "Changed my mind"
        if shop.order(order.id)["customer_note"] != note:
            _is_to_be_noted(life, store, order.id, Reason.EDITED)
        shop.edit_order(order.id, customer_note=note)


def _is_to_be_noted(life: Life, store: str, order_id: int, reason: Reason) -> None:
    """What is changed in an order that the ledger knows to be in Katana does not cross, and is to
    be told of. (While requests are on their way, it may be on either side of them.)"""
    if life.running or life.network.late:
        return
    with Ledger.open_to_read(life.world.ledger) as ledger:
        record = ledger.orders.get(life.identity(store), order_id)
    if record is not None and record.in_katana is InKatana.YES:
        life.to_be_noted.add((store, order_id, reason))


@step("edits", 3)
def refund(life: Life, dice: Random) -> None:
    """Staff refund a part of an order: an amount, or a piece of its goods."""
    store, order = _order(life, dice)
    if order is not None and order.refundable > 1 and order.status != "trash":
        _refund(life, store, order, dice)


@step("edits")
def refund_at_once(life: Life, dice: Random) -> None:
    """An order of which a part is refunded before the program has seen it."""
    store = dice.choice(STORES)
    order_id = place_order(life, store, mugs=3, with_lamp=dice.random() < 0.6)
    _refund(life, store, life.world.shops[store].state.orders[order_id], dice)


def _may_be_sent(life: Life, store: str, order: Order) -> bool:
    """Whether an order is in Katana, or may just be on its way there."""
    if life.running or life.network.late or life.world.in_katana(order.id, shop=store):
        return True
    with Ledger.open_to_read(life.world.ledger) as ledger:
        record = ledger.orders.get(life.identity(store), order.id)
    return record is not None and record.state is State.IMPORTING


def _refund(life: Life, store: str, order: Order, dice: Random) -> bool:
    """Refund an amount, the shipping, or a piece; whether it was a piece."""
    lines = [line for line in order.lines if line.kind == "item" and line.total > 1]
    ways = [line for line in order.lines if line.kind == "shipping" and line.total > 1]
    shop, piece = life.world.shops[store], dice.random() < 0.5
    if _may_be_sent(life, store, order):
        life.edited(store, order.id)
    try:
        if piece and lines:
            shop.refund(order.id, lines={dice.choice(lines).id: 1})
        elif ways and order.id % 2:
            shop.refund(order.id, lines={ways[0].id: 1})
        else:
            shop.refund(order.id, "1.00")
    except ValueError:
        return False  # no more of that is left
    _is_to_be_noted(life, store, order.id, Reason.REFUNDED_IN_SHOP)
    life.tell("staff", f"{store}: order {order.id}: {'a piece' if piece else 'money'} refunded")
    return piece and bool(lines)


@step("edits")
def trash_or_restore(life: Life, dice: Random) -> None:
    """Staff throw an order away, or take it back."""
    store, order = _order(life, dice)
    if order is None:
        return
    shop = life.world.shops[store]
    life.tell("staff", f"{store}: order {order.id}: trash or back")
    life.edited(store, order.id)
    (shop.restore if order.status == "trash" else shop.trash)(order.id)


@step("deletions")
def delete_for_good(life: Life, dice: Random) -> None:
    """Staff delete an order."""
    store, order = _order(life, dice)
    if order is not None:
        life.tell("staff", f"{store}: order {order.id} deleted")
        life.world.shops[store].delete_order(order.id)


@step("products")
def rename_sku(life: Life, dice: Random) -> None:
    """Staff give the shop's mug another SKU."""
    store, sku = dice.choice(STORES), dice.choice(("MUG", "MUG-2", "LAMP"))
    shop = life.world.shops[store]
    if sku not in [product.sku for product in shop.state.products.values()]:
        life.tell("staff", f"{store}: the mug's SKU is {sku}")
        shop.rename_sku(life.world.mug[store], sku)


@step("products")
def count_in_the_shop(life: Life, dice: Random) -> None:
    """Staff set the stock of the shop's mug by hand."""
    store, quantity = dice.choice(STORES), dice.randint(0, 90)
    life.tell("staff", f"{store}: {quantity} mugs, by hand")
    life.world.shops[store].set_stock(life.world.mug[store], quantity)


def _order(life: Life, dice: Random) -> tuple[str, Order | None]:
    store = dice.choice(STORES)
    return store, life.order(store, dice.randrange(10))


# In Katana


@step("warehouse", 6)
def work_on(life: Life, dice: Random) -> None:
    """The warehouse packs, delivers or takes back."""
    order = _sales_order(life, dice)
    what = dice.choice(("deliver", "deliver", "pack", "deliver_part", "revert", "track"))
    if order is not None:
        _work_on(life, order, what, dice)


def _work_on(life: Life, order: SalesOrder, what: str, dice: Random) -> None:
    life.tell("warehouse", f"katana: {order.order_no}: {what}")
    life.worked_on.add(order.id)
    was_delivered = order.status == "DELIVERED"
    try:
        if what == "track":
            life.world.katana.track(order.id, f"RR{dice.randrange(9999)}", carrier="Courier")
        else:
            getattr(life.world.katana, what)(order.id)
            if what == "deliver" and dice.random() < 0.5:
                _work_on(life, order, "track", dice)
    except Refusal:
        return
    if what == "revert" or (was_delivered and what == "pack"):
        life.reverted.add(order.id)


@step("warehouse")
def order_by_hand(life: Life, dice: Random) -> None:
    """Somebody enters a sales order by hand, under the number that the shop's next order has."""
    store, katana = dice.choice(STORES), life.world.katana
    number = f"{_prefix(life, store)}{life.world.shops[store].state.last_post + 1}"
    life.tell("warehouse", f"katana: {number} entered by hand")
    rows = [(life.world.mug_variant, Decimal(1), Decimal(10))]
    customer = katana.add_customer("Walk-in")
    with suppress(Refusal):
        katana.create_foreign_order(
            customer_id=customer, rows=rows, order_no=number, ecommerce_order_type=None
        )


def _prefix(life: Life, store: str) -> str:
    return next(s.order_number_prefix for s in life.world.settings.stores if s.name == store)


@step("products")
def tidy_up(life: Life, dice: Random) -> None:
    """Somebody archives or deletes what Katana has made of a shop's goods, or a customer."""
    katana = life.world.katana
    own = [v for v in katana.variants() if v.id != life.world.mug_variant and v.deleted_at is None]
    people = [c for c in katana.customers() if c.deleted_at is None]
    what = dice.choice(("archive", "delete", "customer"))
    life.tell("warehouse", f"katana: tidied up: {what}")
    if what == "customer" and people:
        katana.delete_customer(dice.choice(people).id)
    elif own and what != "customer":
        variant = dice.choice(own).id
        (katana.archive_variant if what == "archive" else katana.delete_item)(variant)


@step("deletions")
def delete_in_katana(life: Life, dice: Random) -> None:
    """Somebody deletes a sales order."""
    order = _sales_order(life, dice)
    if order is not None:
        _delete(life, order)


def _delete(life: Life, order: SalesOrder) -> None:
    life.tell("warehouse", f"katana: {order.order_no} deleted")
    life.world.katana.delete_order(order.id)


@step("warehouse")
def count(life: Life, dice: Random) -> None:
    """The warehouse counts the mugs, or what the program has made of shirts, which nobody has
    counted before."""
    quantity, katana = dice.randint(0, 90), life.world.katana
    places = [place.id for place in katana.locations()]
    shirts = [v.id for v in katana.variants() if v.sku in SHIRTS and v.id not in life.counted]
    if shirts and dice.random() < 0.5:
        life.tell("warehouse", f"katana: {quantity} shirts")
        life.counted.update(shirts)
        for place in places:
            for variant in shirts:
                katana.set_stock(variant, place, Decimal(quantity))
        return
    life.tell("warehouse", f"katana: {quantity} mugs")
    half = Decimal("0.5") if quantity % 5 == 0 else Decimal(0)
    katana.set_stock(life.world.mug_variant, dice.choice(places), quantity + half)


@step("products")
def rename_in_katana(life: Life, dice: Random) -> None:
    """Somebody gives Katana's mug another SKU."""
    sku = dice.choice(("MUG", "MUG", "CUP"))
    life.tell("warehouse", f"katana: the mug's SKU is {sku}")
    life.world.katana.rename_sku(life.world.mug_variant, sku)


def _sales_order(life: Life, dice: Random) -> SalesOrder | None:
    orders = [o for o in life.world.katana.sales_orders() if o.deleted_at is None]
    return orders[dice.randrange(10) % len(orders)] if orders else None


def _held(life: Life, store: str, order_id: int) -> list[SalesOrder]:
    """The sales orders of an order that are not deleted."""
    return [o for o in life.world.in_katana(order_id, shop=store) if o.deleted_at is None]


@step("others")
def another_program_imports(life: Life, dice: Random) -> None:
    """Another program imports an order first. Not while a request of ours is still on its way, nor
    while a list of Katana's may lack it: two that send the same meanwhile are what cannot be
    promised."""
    if life.network.late:
        return
    store, world, mugs = dice.choice(STORES), life.world, dice.choice((1, 2))
    order_id = place_order(life, store, mugs=mugs)
    order = world.shops[store].state.orders[order_id]
    life.tell("another program", f"{store}: order {order_id} imported")
    price = order.totals.total / DEFAULT_FACTOR / mugs
    if dice.random() < 0.3:
        price += 1  # then a person must say whether it is the same order
        life.has_others = True
    world.katana.create_foreign_order(
        customer_id=world.katana.add_customer("Anna"),
        rows=[(world.mug_variant, Decimal(mugs), price)],
        order_no=f"K-{store}-{order_id}",
        ecommerce_store_name=life.identity(store),
        ecommerce_order_id=str(order_id),
        order_created_date=order.created,
        location_id=life.place(store),
        currency=order.currency,
    )
    life.processing[store, order_id] = True  # its total is the other's affair
    life.scheduler.sleep(200)


# The program


@step("program", 18)
def cycle(life: Life, dice: Random) -> None:
    """A cycle, some minutes later."""
    life.scheduler.sleep(60 * dice.choice((1, 5, 5, 5, 15, 15, 15, 200)))
    life.sync(sweep=SweepWhen.NOW if dice.random() < 0.1 else SweepWhen.DUE)


@step("program", 3)
def course(life: Life, dice: Random) -> None:
    """An order comes into Katana, of shirts often, and then one thing after the other happens to
    it."""
    if dice.random() < 0.7:
        store, order_id = _place(life, dice, dice.choice(STORES), "processing")
    else:
        store = dice.choice(STORES)
        shirts = {"status": "processing", **variations(life, dice, store)}
        order_id = _ordered(life, store, shirts)
    shop = life.world.shops[store]
    for what in ("sync", *dice.choice(COURSES), "sync"):
        order = shop.state.orders.get(order_id)
        held = _held(life, store, order_id)
        if what == "sync":
            life.scheduler.sleep(60 * dice.choice((5, 15)))
            life.sync()
        elif what == "refund" and order is not None and order.refundable > 1:
            is_piece = _refund(life, store, order, dice)
            if is_piece and held and held[0].status == "NOT_SHIPPED":
                life.refunded.add((store, order_id))
        elif what in STATUSES and order is not None and order.status != "trash":
            _set_status(life, store, order, what)
        elif what == "ignored":
            with life.world.program().context() as context:
                record = context.ledger.orders.get(life.identity(store), order_id)
                if record is not None and record.state is State.ATTENTION:
                    _ignore(life, context, record)
        elif what == "deleted" and held:
            _delete(life, held[0])
        elif what in WORK and held:
            _work_on(life, held[0], what, dice)


STATUSES = ("processing", "on-hold", "cancelled", "completed")
WORK = ("pack", "deliver_part", "deliver", "revert", "track")
COURSES = (
    ("cancelled",),
    ("cancelled", "sync", "processing"),
    ("pack", "cancelled"),
    ("refund", "completed"),
    ("pack", "completed"),
    ("deliver_part", "completed"),
    ("deliver_part", "sync", "deliver", "track"),
    ("deliver", "track"),
    ("completed", "sync", "processing"),
    ("deliver", "sync", "revert"),
    ("deliver", "on-hold", "sync", "processing"),
    ("deliver", "cancelled", "sync", "completed"),
    ("cancelled", "sync", "ignored", "completed"),
    ("cancelled", "sync", "ignored", "processing", "deliver"),
    ("deliver", "sync", "completed", "sync", "processing"),
    ("deleted", "sync", "completed"),
    ("on-hold", "deleted", "sync", "processing"),
)
"""What people do with an order, one thing after the other."""


@step("busy", 8)
def busy_cycle(life: Life, dice: Random) -> None:
    """A cycle while people work in the shops and in Katana."""
    life.scheduler.sleep(60 * dice.choice((1, 5)))
    names = [name for name, each in STEPS.items() if each.kind in ("sales", "warehouse", "edits")]
    for _ in range(dice.randint(1, 5)):
        chosen, own = STEPS[dice.choice(names)], Random(dice.random())
        _later(life, dice.random() * 6, chosen, own)
    life.sync()
    life.scheduler.sleep(10)


def _later(life: Life, seconds: float, chosen: Step, dice: Random) -> None:
    def do() -> None:
        life.scheduler.sleep(seconds)
        chosen.work(life, dice)

    life.scheduler.begin_alone(do)


@step("commands", 3)
def retry(life: Life, _dice: Random) -> None:
    """A person has all that failed tried again."""
    life.run("retry", life.retry_all)
    life.scheduler.sleep(60)
    life.sync()


@step("commands")
def ignore(life: Life, dice: Random) -> None:
    """A person has a problem left alone."""
    with life.world.program().context() as context:
        records = context.ledger.orders.find(problems=True)
        if records:
            _ignore(life, context, records[dice.randrange(10) % len(records)])


def _ignore(life: Life, context: Context, chosen: OrderRecord) -> None:
    record = ignored(chosen)
    if record is None:
        return
    life.tell("person", f"ignore {record.number}")
    store = life.names[record.identity]
    life.edited(store, record.order_id)  # what its total lacks, say
    if record.state is State.IGNORED:
        life.ignored.add((store, record.order_id))
    with context.ledger.atomic():
        context.save(context.stores[store], record, chosen)


@step("commands")
def backfill(life: Life, _dice: Random) -> None:
    """A person says `backfill` once more."""
    life.scheduler.sleep(60)
    life.run("backfill", life.world.backfill)


@step("commands", 1)
def rebuild_ledger(life: Life, _dice: Random) -> None:
    """A person says `rebuild-ledger`."""
    life.scheduler.sleep(60)
    life.run("rebuild-ledger", lambda: _rebuild(life))


def _rebuild(life: Life) -> None:
    program = life.world.program()
    with program.context() as context, next_run(context, lambda _words: None):
        rebuild(context, program.chosen(None))
        finish(context)


@step("commands")
def dry_run(life: Life, dice: Random) -> None:
    """A person looks what a cycle would do, which is to import an order at least."""
    _place(life, dice, dice.choice(STORES), "processing")
    life.scheduler.sleep(60)
    life.run("sync --dry-run", lambda: life.world.sync(minutes=0, dry_run=True))


@step("two", 4)
def two_at_once(life: Life, dice: Random) -> None:
    """Two processes at the same time, step by step in each other's way, with orders to import."""
    for _ in range(dice.randint(0, 2)):
        _place(life, dice, dice.choice(STORES), "processing")
    life.scheduler.sleep(60 * dice.choice((1, 5)))
    other, what = dice.choice(
        (
            ("sync", lambda: life.world.sync(minutes=0)),
            ("backfill", life.world.backfill),
            ("retry", lambda: _retry_beside(life)),
            ("rebuild-ledger", lambda: _rebuild(life)),
        )
    )
    process = life.process(other, scattered(dice, 200) if dice.random() < 0.2 else 0)
    life.tell(process.name, "begins")
    life.disk.ways = dice.choice((0.0, 0.02, 0.3))
    beside = life.scheduler.begin(what, process)
    life.sync(scattered(dice, 200) if dice.random() < 0.2 else 0)
    life.ended(process, beside.result)
    life.disk.ways = 0.0


def _retry_beside(life: Life) -> None:
    life.retry_all()
    with life.world.program().context() as context:
        wish(context, {Wish.AGAIN})


# The administrator


@step("administrator")
def change_config(life: Life, dice: Random) -> None:
    """Another option for a while."""
    store = dice.choice(STORES)
    life.own[store] = dice.choice(
        (
            "",
            "sync_stock = true",
            "sync_fulfillment = false",
            'sync_stock = true\nstock_reserve = "10%"',
            'order_number_prefix = "X-"',
            "paused = true",
            'shipments = "auto"',
        )
    )
    life.tell("administrator", f"{store}: {life.own[store] or 'as usual'!r}")
    life.configure()


@step("administrator")
def revoke_or_restore_key(life: Life, dice: Random) -> None:
    """A shop's key is revoked, or is valid again."""
    store = dice.choice(STORES)
    gate, given = life.world.shops[store].gate, life.keys[store]
    gate.consumer_key = REVOKED if gate.consumer_key == given else given
    life.tell(
        "administrator",
        f"{store}: the key is {'valid' if gate.consumer_key == given else 'revoked'}",
    )


# The network and the services


@step("network", 6)
def trouble(life: Life, dice: Random) -> None:
    """Something goes wrong with one of the next requests."""
    kind = dice.choice(KINDS_OF_TROUBLE)
    server = dice.choice(SERVERS)
    life.network.troubles.append(
        Trouble(
            kind, server=server, skip=dice.choice((0, 0, 1, 3, 8)), times=dice.choice((1, 1, 3))
        )
    )
    life.tell("network", f"{server}: {kind}")


@step("network", 6)
def lost_write(life: Life, dice: Random) -> None:
    """An order comes in of which Katana knows nothing, and something goes wrong with what is sent
    to Katana for it; the next cycle comes at once, or when what failed is tried again."""
    kind = dice.choice(("acts_late", dice.choice(LOST_AFTER), dice.choice(KINDS_OF_TROUBLE)))
    fee = "/sales_order_shipping_fee"
    orders, customers = "/sales_orders", "/customers"
    path = dice.choice((orders, orders, "/products", customers, customers, fee, fee))
    life.network.troubles.append(Trouble(kind, server="katana", method="POST", path=path))
    life.tell("network", f"katana: POST {path}: {kind}")
    place_order(
        life,
        dice.choice(STORES),
        mugs=1,
        with_lamp=dice.random() < 0.7,
        new_sku=dice.choice(("", "", "NEW-{}")) if path == "/products" else None,
        is_new=True,
    )
    life.scheduler.sleep(60)
    life.sync()
    life.scheduler.sleep(dice.choice((5, 65, 65, 300)))
    life.sync()


@step("network", 3)
def lost_status(life: Life, dice: Random) -> None:
    """An order is done on one side, and something goes wrong with what tells the other."""
    kind = dice.choice(KINDS_OF_TROUBLE)
    store, order = _order(life, dice)
    if order is None or order.status != "processing":
        return
    held = _held(life, store, order.id)
    if held and dice.random() < 0.5:
        trouble = Trouble(kind, server=store, method=dice.choice(("PUT", "PUT", "POST")))
        _work_on(life, held[0], "deliver", dice)
    else:
        trouble = Trouble(kind, server="katana", method=dice.choice(("PATCH", "PATCH", "POST")))
        _set_status(life, store, order, "completed")
    trouble.times = dice.choice((1, 3, 3))  # what may be sent again is, twice
    life.network.troubles.append(trouble)
    life.tell("network", f"{trouble.server}: {trouble.method}: {kind}")
    life.scheduler.sleep(300)
    life.sync()


@step("network", 4)
def lost_shipment(life: Life, dice: Random) -> None:
    """An order is delivered, and something goes wrong with what its shop is told of the parcel;
    then it may get another number."""
    stores = [store for store in STORES if "shipments" in life.base[store]]
    if not stores:
        return
    store, katana = dice.choice(stores), life.world.katana
    order_id = place_order(life, store, mugs=2, with_lamp=dice.random() < 0.5)
    life.scheduler.sleep(60)
    life.sync()
    for held in life.world.in_katana(order_id, shop=store):
        life.worked_on.add(held.id)
        life.tell("warehouse", f"katana: {held.order_no}: deliver, with a tracking number")
        katana.deliver(held.id)
        katana.track(held.id, f"LS{order_id}", carrier="Courier")
    kind = dice.choice((*LOST_AFTER, *KINDS_OF_TROUBLE))
    path = f"/orders/{order_id}/"
    life.network.troubles.append(Trouble(kind, server=store, method="POST", path=path))
    life.tell("network", f"{store}: POST {path}: {kind}")
    life.sync()
    life.scheduler.sleep(dice.choice((5, 65, 65, 300)))
    life.sync()
    if dice.random() < 0.5:
        for held in life.world.in_katana(order_id, shop=store):
            life.tell("warehouse", f"katana: {held.order_no}: another tracking number")
            katana.track(held.id, f"LT{order_id}", carrier="Courier")


@step("network")
def slow_or_quick(life: Life, dice: Random) -> None:
    """The ways get long, or short again."""
    life.network.slowest = dice.choice((0.05, 0.3, 3.0, 9.0))
    life.tell("network", f"ways of up to {life.network.slowest} s")


@step("outages", 3)
def outage(life: Life, dice: Random) -> None:
    """A service is down, or refuses all for being too many, for minutes or hours."""
    server, kind = (
        dice.choice(SERVERS),
        dice.choice(("503", "502", "500", "429", "refused", "html")),
    )
    minutes = dice.choice((2, 20, 300))
    until = life.world.clock.now + timedelta(minutes=minutes)
    life.network.troubles.append(Trouble(kind, server=server, times=10**6, until=until))
    life.tell("service", f"{server}: {kind} for {minutes} minutes")


@step("staleness")
def stale_lists(life: Life, dice: Random) -> None:
    """Katana's lists lag behind, or no more."""
    lag = timedelta(seconds=dice.choice((0, 5, 60, 150)))
    life.world.katana.lag_lists(lag)
    life.longest_lag = max(life.longest_lag, lag)
    life.tell("service", f"katana: lists are {lag.seconds} s late")


@step("staleness")
def capped_pages(life: Life, dice: Random) -> None:
    """A host caps a shop's pages, or no more; or Katana its own."""
    if dice.random() < 0.4:
        rows = dice.choice((2, 3, 10, 250))
        life.world.katana._state.most_rows = rows
        life.tell("service", f"katana: pages of {rows}")
        return
    store, rows = dice.choice(STORES), dice.choice((2, 3, 10, 100))
    life.world.shops[store].state.most_rows = rows
    life.world.shops[store].state.tells_total = dice.random() < 0.7
    life.tell("service", f"{store}: pages of {rows}")


@step("staleness")
def late_commit(life: Life, dice: Random) -> None:
    """A change bears a time from before one that is read already: its transaction ended late."""
    began = life.world.clock.now
    orders = [o for o in life.world.katana.sales_orders() if o.status == "NOT_SHIPPED"]
    alive = [order for order in orders if order.deleted_at is None]
    if len(alive) > 1 and dice.random() < 0.7:
        _late_in_katana(life, dice, *dice.sample(alive, 2))
    else:
        _late_in_shop(life, dice, dice.choice(STORES))
    life.tell("service", f"a change of {began:%H:%M:%S} is committed late")
    life.sync()
    for seconds in (15, 60):
        life.scheduler.sleep(seconds)
        life.sync()


def _late_in_katana(life: Life, dice: Random, first: SalesOrder, second: SalesOrder) -> None:
    katana = life.world.katana
    life.worked_on |= {first.id, second.id}
    began = life.world.clock.now
    life.scheduler.sleep(1)
    katana.edit_order(second.id, additional_info=second.additional_info or "")

    def commit() -> None:
        life.scheduler.sleep(dice.randint(2, 10))
        try:
            katana.deliver(first.id)
        except Refusal:
            return
        life.tell("warehouse", f"katana: {first.order_no}: deliver, as of {began:%H:%M:%S}")
        katana._state.orders.put(replace(katana.sales_order(first.id), updated_at=began))

    life.scheduler.begin_alone(commit)


def _late_in_shop(life: Life, dice: Random, store: str) -> None:
    state = life.world.shops[store].state
    first = place_order(life, store, mugs=1, status="on-hold")
    began = state.clock()
    life.scheduler.sleep(1)
    place_order(life, store, mugs=1)
    life.processing[store, first] = False

    def commit() -> None:
        life.scheduler.sleep(dice.randint(2, 7))
        life.world.shops[store].set_status(first, "processing")
        state.orders[first].modified = began

    life.scheduler.begin_alone(commit)


@step("staleness")
def unannounced_order(life: Life, dice: Random) -> None:
    """A plugin writes an order into a shop's database, of a time that the cursor has passed."""
    store = dice.choice(STORES)
    order_id = place_order(life, store, mugs=1)
    life.world.shops[store].state.orders[order_id].modified -= timedelta(days=3)
    life.unannounced.add((store, order_id))


@step("staleness")
def stale_copies(life: Life, dice: Random) -> None:
    """An order is paid while Katana is down. When it is up again, a cache answers for the shop's
    lists of orders as they were a moment before: the list of changes, which overlaps, has it."""
    store = dice.choice(STORES)
    shop = life.world.shops[store]
    order_id = place_order(life, store, mugs=1, status="on-hold")
    life.sync()
    kept = deepcopy(shop.state.orders)
    life.scheduler.sleep(2)  # two copies of one second are not told apart
    shop.set_status(order_id, "processing")
    life.processing[store, order_id] = False
    life.tell("staff", f"{store}: order {order_id} is paid")
    life.network.troubles.append(Trouble("refused", server="katana", times=99))
    life.sync()
    life.network.troubles.pop()
    life.tell("service", f"{store}: a cache answers for its orders")
    with life.world.cached(kept, shop=store):
        life.scheduler.sleep(60 * dice.choice((1, 5)))
        life.sync()


@step("oddities", 4)
def odd_answer(life: Life, dice: Random) -> None:
    """An odd value stands in one of the next answers."""
    life.is_odd = True
    server = dice.choice(SERVERS)
    own = Random(dice.random())
    life.network.troubles.append(
        Trouble("odd_value", server=server, skip=dice.randrange(14), dice=own)
    )
    life.tell("service", f"{server}: an odd value is to come")


# Clocks


@step("clocks")
def set_the_shops_clock(life: Life, dice: Random) -> None:
    """A shop's clock, or its zone, is set otherwise."""
    store = dice.choice(STORES)
    hours = dice.choice(JUMPS)
    life.shop_set(store)
    if dice.random() < 0.4:
        state = life.world.shops[store].state
        state.offset += timedelta(hours=dice.choice((-1, 1)))
        life.tell("clock", f"{store}: summer time, UTC{state.offset}")
        return
    life.skews[store].jump(timedelta(hours=hours))
    life.tell("clock", f"{store}: {hours:+} h")


@step("clocks")
def order_of_the_future(life: Life, dice: Random) -> None:
    """A plugin writes local time as UTC, or somebody mistypes a year."""
    store, order = _order(life, dice)
    if order is None or order.status == "trash":
        return
    ahead = timedelta(hours=dice.choice((2, 14, 24 * 365)))
    life.edited(store, order.id)
    order.modified = life.world.shops[store].state.clock() + ahead
    life.tell("plugin", f"{store}: order {order.id} is modified in {ahead}")


@step("clocks")
def clock_ahead_for_a_while(life: Life, dice: Random) -> None:
    """A shop's clock is ahead while an order changes, and is set right before it changes again."""
    store, order = _order(life, dice)
    ahead = timedelta(hours=dice.choice((1, 3, 26)))
    life.shop_set(store)
    for by in (ahead, -ahead):
        life.skews[store].jump(by)
        life.tell("clock", f"{store}: {by.total_seconds() / 3600:+.0f} h")
        if order is not None and order.status != "trash":
            _set_status(life, store, order, dice.choice(STATUSES))
        life.scheduler.sleep(300)
        life.sync()


@step("clocks")
def set_our_clock(life: Life, dice: Random) -> None:
    """This machine's clock is set otherwise."""
    hours = dice.choice(JUMPS)
    life.world.ours.jump(timedelta(hours=hours))
    life.is_hasty |= hours > 0 and life.network.late > 0
    life.set_back += max(timedelta(0), timedelta(hours=-hours))
    life.tell("clock", f"this machine: {hours:+} h")


@step("clocks")
def drift(life: Life, dice: Random) -> None:
    """A clock runs too quick or too slow, by some seconds an hour or a minute."""
    whose, rate = dice.choice(("this machine", *STORES)), dice.choice((-0.02, -0.001, 0.001, 0.02))
    life.skews.get(whose, life.world.ours).drift(rate)
    life.tell("clock", f"{whose}: {rate * 3600:+.0f} seconds an hour")


# The machine


@step("crashes", 8)
def crash(life: Life, dice: Random) -> None:
    """A cycle that is killed where it touches the world."""
    life.scheduler.sleep(300)
    life.sync(scattered(dice, 150))


@step("disk")
def disk_full(life: Life, dice: Random) -> None:
    """The disk is full for some commits of a cycle."""
    life.scheduler.sleep(300)
    life.disk.full_for = dice.choice((1, 2, 5, 100))
    life.tell("machine", f"the disk is full for {life.disk.full_for} commits")
    before = life.disk.refused
    life.sync()
    life.happened("disk_full") if life.disk.refused > before else None
    life.disk.full_for = 0


@step("disk")
def disk_fails(life: Life, dice: Random) -> None:
    """The disk fails in the middle of a group of writes, once."""
    life.scheduler.sleep(300)
    life.disk.fails_in = scattered(dice, 120)
    before = life.disk.refused
    life.sync()
    life.happened("disk_failed") if life.disk.refused > before else None
    life.disk.fails_in = 0


@step("ledger")
def back_up(life: Life, _dice: Random) -> None:
    """The ledger is copied."""
    life.disk.close()
    life.backups.append(
        {
            suffix: path.read_bytes()
            for suffix in SIDECARS
            if (path := life.world.ledger.with_name(life.world.ledger.name + suffix)).exists()
        }
    )
    life.tell("machine", "the ledger is copied")


@step("ledger")
def restore(life: Life, dice: Random) -> None:
    """An older copy of the ledger is put in its place."""
    if not life.backups:
        return
    life.scheduler.sleep(400)
    kept = dice.choice(life.backups)
    _remove_ledger(life)
    for suffix, content in kept.items():
        life.world.ledger.with_name(life.world.ledger.name + suffix).write_bytes(content)
    life.world.ledger.chmod(0o600)
    life.forget()
    life.happened("ledger_restored")
    life.tell("machine", "an older ledger is put back")


@step("ledger")
def lose_the_ledger(life: Life, dice: Random) -> None:
    """The ledger is gone; the next command makes it again."""
    life.scheduler.sleep(400)
    _remove_ledger(life)
    life.forget()
    life.happened("ledger_lost")
    life.tell("machine", "the ledger is gone")
    again = dice.choice(("backfill", "rebuild-ledger", "sync"))
    if again == "backfill":
        life.run("backfill", life.world.backfill)
    elif again == "rebuild-ledger":
        life.run("rebuild-ledger", lambda: _rebuild(life))
    else:
        life.sync()


def _remove_ledger(life: Life) -> None:
    life.disk.close()
    for suffix in SIDECARS:
        life.world.ledger.with_name(life.world.ledger.name + suffix).unlink(missing_ok=True)


KINDS_OF_STEPS = tuple(dict.fromkeys(each.kind for each in STEPS.values()))
ORDINARY = ("sales", "program", "edits", "deletions", "products", "warehouse", "marketplace")
"""The kinds of a day on which nothing goes wrong."""

ALWAYS = ("sales", "program")
"""The kinds that every history has."""
