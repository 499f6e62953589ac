"""The imports of a cycle, slice by slice: what many orders need is asked for together, then each is
imported for itself (`sync/orders.py`)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from functools import partial

from katana_woo_sync.clients.order_reader import ReadOrder, UnreadableOrder
from katana_woo_sync.clients.together import given
from katana_woo_sync.domain.order_record import OrderRecord
from katana_woo_sync.domain.woocommerce import Order
from katana_woo_sync.sync.context import Context, Store
from katana_woo_sync.sync.failures import best_effort, fail_order, part_of_store
from katana_woo_sync.sync.lines import MOST, Line
from katana_woo_sync.sync.orders import KatanaSide, OrderImports
from katana_woo_sync.sync.poll import apply_missing, believe, merge
from katana_woo_sync.sync.products import KatanaVariants

SLICE = 50
"""Orders that are imported from one reading of the shops: under two minutes at 60 a minute."""

FRESH = timedelta(minutes=3)
"""How old a copy may be that an order is imported from."""


FULL = 0.9
"""The share of the quota that one line is left to use alone: up to here it need not be helped."""


class Queue:
    """What one store has to import.

    What goes wrong with a store ends its own part and is kept in `error`; the others go on.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self.error: Exception | None = None

    def fail(self, error: Exception) -> None:
        """The store cannot be worked any more in this cycle."""
        self.error = error


class _Part:
    """A store's part of a slice: the orders that were due at `taken_at` (UTC); of those that can be
    imported `fresh` has copies."""

    def __init__(
        self,
        queue: Queue,
        records: Sequence[OrderRecord],
        taken_at: datetime,
        imports: OrderImports,
    ) -> None:
        self.queue = queue
        self.records = records
        self.taken_at = taken_at
        self.imports = imports
        self.fresh: dict[int, Order] = {}
        self.tried: set[int] = set()

    @property
    def store(self) -> Store:
        return self.queue.store


def import_slice(
    context: Context, katana: KatanaSide, queues: Sequence[Queue], most: int = SLICE
) -> tuple[int, bool]:
    """Import the next orders from copies read in the last minutes; returns how many were tried, and
    whether more of them may be due.

    Every order that is tried leaves its queue, or has a time for its next attempt: one that
    doesn't would be tried for ever, so that is an error of its own. Raises a `ServiceError` where
    Katana cannot be worked.
    """
    variants = KatanaVariants(context)
    parts = _parts(context, katana, variants, queues, most)
    _read(context, parts)
    _look_up(context, parts, variants)
    context.lines.work(_lines(context, katana, parts), partial(_at_once, context, katana))
    for part in parts:
        if part.queue.error is None:
            _fail_stuck(context, katana, part)
    tried = sum(len(part.tried) for part in parts)
    return tried, tried > 0 and any(_has_more(context, queue) for queue in queues)


def _has_more(context: Context, queue: Queue) -> bool:
    identity = queue.store.identity
    return queue.error is None and bool(
        context.ledger.orders.due_for_import(identity, context.clock(), 1)
    )


def _parts(
    context: Context,
    katana: KatanaSide,
    variants: KatanaVariants,
    queues: Sequence[Queue],
    most: int,
) -> list[_Part]:
    """The next orders of the first stores that have some."""
    parts = []
    now = context.clock()
    for queue in queues:
        if queue.error is not None or most <= 0:
            continue
        with part_of_store(queue.fail):
            records = context.ledger.orders.due_for_import(queue.store.identity, now, most)
            if records:
                imports = OrderImports(context, queue.store, katana, variants)
                parts.append(_Part(queue, records, now, imports))
                most -= len(records)
    return parts


def _read(context: Context, parts: Sequence[_Part]) -> None:
    """Have fresh copies: those read in the last few minutes; what was not is read again, a hundred
    at a time, of all stores at once."""
    now = context.clock()
    wanted: list[tuple[_Part, list[int]]] = []
    for part in parts:
        copies = context.copies.get(part.store.identity, {})
        for record in part.records:
            copy = copies.get(record.order_id)
            if copy is not None and now - copy.read_at <= FRESH:
                part.fresh[record.order_id] = copy.order
        ids = [r.order_id for r in part.records if r.order_id not in part.fresh]
        if ids:
            wanted.append((part, ids))
    calls = [
        partial(part.store.shop.orders, ids, context.facts(part.store).dp) for part, ids in wanted
    ]
    for (part, ids), answered in zip(wanted, context.together.do(calls), strict=True):
        with part_of_store(part.queue.fail):
            _take_in(context, part, ids, given(answered), now)


def _take_in(
    context: Context,
    part: _Part,
    wanted: Sequence[int],
    answered: Sequence[ReadOrder],
    read_at: datetime,
) -> None:
    missing = set(wanted)
    before = {record.order_id: record for record in part.records if record.order_id in missing}
    with context.ledger.atomic():
        believe(context, part.store, before, answered)
        for order in answered:
            missing.discard(int(order.id))
            if isinstance(order, UnreadableOrder):
                merge(context, part.store, [order], read_at)
            else:
                part.fresh[int(order.id)] = order
        apply_missing(context, part.store, missing, read_at)


def _look_up(context: Context, parts: Sequence[_Part], variants: KatanaVariants) -> None:
    """Ask for all that is unknown about the lines of these orders: all shops at once, then Katana.

    A refusal or failure (an odd SKU, a product that breaks the shop) is left to the order that it
    concerns, which asks for itself.
    """
    wanted = [(part, part.imports.items.unknown_products(part.fresh.values())) for part in parts]
    wanted = [(part, ids) for part, ids in wanted if ids]
    calls = [partial(part.imports.items.ask_shop, ids) for part, ids in wanted]
    for (part, _ids), products in zip(wanted, context.together.do(calls), strict=True):
        with part_of_store(part.queue.fail), best_effort():
            part.imports.items.know(given(products))
    skus = {sku for part in parts for sku in part.imports.items.unknown_skus(part.fresh.values())}
    with best_effort():
        variants.ask(sorted(skus))
    siblings: set[str] = set()
    for part in parts:
        with part_of_store(part.queue.fail), best_effort():
            for sku in part.imports.items.unknown_siblings(part.fresh.values()):
                context.go_on()  # a shop may be asked for each of its products
                siblings.add(sku)
    with best_effort():
        variants.ask(sorted(siblings))


def _at_once(context: Context, katana: KatanaSide) -> int:
    """How many orders may be in progress. The first one goes alone, and so does the next where an
    answer was lost: a Katana in trouble is asked for few of them."""
    if not katana.has_answered or katana.lost:
        return 1
    a_second = context.settings.katana.requests_per_minute / 60
    return min(MOST, 1 + int(context.katana.seconds_a_request * a_second / FULL))


def _lines(context: Context, katana: KatanaSide, parts: Sequence[_Part]) -> Iterator[Line]:
    """The import of each order; none more where answers are being lost, or its store has failed."""
    for part in parts:
        for record in part.records:
            if katana.is_in_trouble:
                return
            if part.queue.error is None:
                yield partial(_import, context, part, record)


def _import(context: Context, part: _Part, record: OrderRecord) -> None:
    """Import one order, once the quota has room for all that it needs: what is in hand when a stop
    is asked for comes to its end soon."""
    with part_of_store(part.queue.fail):
        order = part.fresh.get(record.order_id)
        if order is not None:
            needed = part.imports.requests_for(order)
            with context.lines.waiting():
                context.katana.wait_for_room(needed)
            context.go_on()
            part.imports.import_order(order)
        part.tried.add(record.order_id)


def _fail_stuck(context: Context, katana: KatanaSide, part: _Part) -> None:
    """An order that was tried and stayed as it was may have been changed by a person meanwhile. At
    the second time it is a fault of this program."""
    error = RuntimeError("the order was tried and stayed as it was")
    identity = part.store.identity
    for record in context.ledger.orders.due_for_import(identity, part.taken_at, len(part.records)):
        if record.order_id not in part.tried:
            continue
        if (identity, record.order_id) in katana.stuck:
            fail_order(context, part.store, record.order_id, error)
        katana.stuck.add((identity, record.order_id))
