"""Importing what is queued, chunk by chunk; orders of all stores are sent together."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from types import MappingProxyType
from typing import TypeVar

from katana_woo_sync.clients.order_reader import UnreadableOrder
from katana_woo_sync.clients.together import given
from katana_woo_sync.domain.order_record import OrderRecord
from katana_woo_sync.domain.woocommerce import Order
from katana_woo_sync.sync.adoption import adopt_waiting
from katana_woo_sync.sync.catalogue import KatanaVariants
from katana_woo_sync.sync.context import Context, FreshCopy, Store
from katana_woo_sync.sync.failures import fail_order, left_to_each, store_part
from katana_woo_sync.sync.importer import Importer
from katana_woo_sync.sync.new_products import create_products
from katana_woo_sync.sync.poll import apply_missing, merge, read_katana
from katana_woo_sync.sync.ports import ReadOrder
from katana_woo_sync.sync.resolve import Resolver
from katana_woo_sync.sync.sending import Sender

CHUNK = 50
"""Orders that are imported from one reading of the shops: under two minutes at 60 a minute."""

FRESH = timedelta(minutes=3)
"""How old a copy may be that an order is imported from."""

A = TypeVar("A")
B = TypeVar("B")


class Queue:
    """What one store has to import.

    What goes wrong with a store ends its own part and is kept in `error`; the others go on.
    """

    def __init__(
        self, store: Store, copies: Mapping[int, FreshCopy] = MappingProxyType({})
    ) -> None:
        self.store = store
        self.copies = copies
        self.error: Exception | None = None

    @contextmanager
    def own(self) -> Iterator[None]:
        """Work that concerns this store alone. Raises what ends the run, and Katana's failures."""
        with store_part(self._fail):
            yield

    def _fail(self, error: Exception) -> None:
        self.error = error


class _Part:
    """A store's part of a chunk: the orders that were due at `taken_at` (UTC); of those that can be
    imported `fresh` has copies."""

    def __init__(
        self,
        queue: Queue,
        records: Sequence[OrderRecord],
        taken_at: datetime,
        importer: Importer,
    ) -> None:
        self.queue = queue
        self.records = records
        self.taken_at = taken_at
        self.importer = importer
        self.fresh: dict[int, Order] = {}

    @property
    def store(self) -> Store:
        return self.queue.store


def import_chunk(
    context: Context, resolver: Resolver, queues: Sequence[Queue], most: int = CHUNK
) -> int:
    """Import the next orders from copies read in the last minutes; returns how many were tried.

    Every order that is tried leaves its queue, or has a time for its next attempt: one that
    doesn't would be tried for ever, so that is an error of its own.
    """
    _hear_katana_again(context, queues)
    variants = KatanaVariants(context)
    parts = _parts(context, resolver, variants, queues, most)
    _read(context, parts)
    _look_up(context, parts, variants)
    tried: list[tuple[_Part, OrderRecord]] = []
    waiting = deque((part, record) for part in parts for record in part.records)
    while waiting and not resolver.answers.are_lost:
        together = _together(context, resolver, waiting)
        tried += together
        with context.step():
            _import_together(context, resolver, together)
    _fail_stuck(context, parts, tried)
    return len(tried)


def _hear_katana_again(context: Context, queues: Sequence[Queue]) -> None:
    """Nothing is created on a list of Katana's that is older than the copies may be: in a long
    backlog another program may import what was queued."""
    heard_at = context.katana_heard_at
    if heard_at is None or context.clock() - heard_at > FRESH:
        read_katana(context)
        for queue in queues:
            with queue.own():
                adopt_waiting(context, queue.store)


def _parts(
    context: Context,
    resolver: Resolver,
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
        with queue.own():
            records = context.ledger.orders.due_for_import(queue.store.identity, now, most)
            if records:
                importer = Importer(context, queue.store, resolver, variants)
                parts.append(_Part(queue, records, now, importer))
                most -= len(records)
    return parts


def _read(context: Context, parts: Sequence[_Part]) -> None:
    """Have fresh copies: those read in the last few minutes; what was not is read again, a hundred
    at a time, of all stores at once."""
    now = context.clock()
    wanted: list[tuple[_Part, list[int]]] = []
    for part in parts:
        for record in part.records:
            copy = part.queue.copies.get(record.order_id)
            if copy is not None and now - copy.read_at <= FRESH:
                part.fresh[record.order_id] = copy.order
        ids = [r.order_id for r in part.records if r.order_id not in part.fresh]
        if ids:
            wanted.append((part, ids))
    calls = [
        partial(part.store.shop.orders, ids, context.facts(part.store).dp) for part, ids in wanted
    ]
    for (part, ids), answered in zip(wanted, context.together.do(calls), strict=True):
        with part.queue.own():
            _take_in(context, part, ids, given(answered), now)


def _take_in(
    context: Context,
    part: _Part,
    wanted: Sequence[int],
    answered: Sequence[ReadOrder],
    read_at: datetime,
) -> None:
    missing = set(wanted)
    for order in answered:
        missing.discard(int(order.id))
        if isinstance(order, UnreadableOrder):
            with context.step(), context.ledger.atomic():
                merge(context, part.store, [order], read_at)
        else:
            part.fresh[int(order.id)] = order
    with context.step(), context.ledger.atomic():
        apply_missing(context, part.store, missing, read_at)


def _look_up(context: Context, parts: Sequence[_Part], variants: KatanaVariants) -> None:
    """Ask for all that is unknown about the lines of these orders: all shops at once, then Katana.

    It takes no lock: nothing is written, and what another process does meanwhile is seen when each
    order is imported. A refusal or failure (an odd SKU, a product that breaks the shop) is left to
    the order that it concerns, which asks for itself.
    """
    wanted = [(part, part.importer.items.unknown_products(part.fresh.values())) for part in parts]
    wanted = [(part, ids) for part, ids in wanted if ids]
    calls = [partial(part.importer.items.ask_shop, ids) for part, ids in wanted]
    for (part, _ids), products in zip(wanted, context.together.do(calls), strict=True):
        with part.queue.own(), left_to_each():
            part.importer.items.know(given(products))
    skus = {sku for part in parts for sku in part.importer.items.unknown_skus(part.fresh.values())}
    with left_to_each():
        variants.ask(sorted(skus))
    siblings: set[str] = set()
    for part in parts:
        with part.queue.own(), left_to_each():
            for sku in part.importer.items.unknown_siblings(part.fresh.values()):
                context.go_on()  # a shop may be asked for each of its products
                siblings.add(sku)
    with left_to_each():
        variants.ask(sorted(siblings))


def _together(
    context: Context, resolver: Resolver, waiting: deque[tuple[_Part, OrderRecord]]
) -> list[tuple[_Part, OrderRecord]]:
    """Take the next orders whose requests the quota allows now, one at least.

    The quota is waited for before the lock is taken: others must not wait for a minute with it.
    """
    taken: list[tuple[_Part, OrderRecord]] = []
    needed = 0
    while waiting and len(taken) < resolver.answers.at_once:
        part, record = waiting[0]
        if part.queue.error is None:
            order = part.fresh.get(record.order_id)
            needed += part.importer.requests_for(order) if order is not None else 0
            if taken and needed > context.katana.room:
                break
            if not taken:
                context.katana.wait_for_room(needed)
            taken.append((part, record))
        waiting.popleft()
    return taken


def _import_together(
    context: Context, resolver: Resolver, together: Sequence[tuple[_Part, OrderRecord]]
) -> None:
    """Import orders from fresh copies, or record why not; their requests overlap.

    What is wrong with one order alone stays with it, what is wrong with a store with that. Raises a
    `ServiceError` where Katana cannot be worked.
    """
    orders = [
        (part, part.fresh[record.order_id])
        for part, record in together
        if record.order_id in part.fresh
    ]
    planned = _stage(orders, lambda part, order: part.importer.plan(order))
    new = _stage(planned, lambda part, each: part.importer.new_products(each))
    create_products(context, [product for _part, products in new for product in products])
    resolved = _stage(planned, lambda part, each: part.importer.resolve(each))
    with left_to_each():
        resolver.create_customers([(part.store, each.order) for part, each in resolved])
    ready = _stage(resolved, lambda part, each: part.importer.make_ready(each))
    outcomes = Sender(context, resolver.answers).send([each for _part, each in ready])
    refused = [
        (part, (sent, outcome))
        for (part, sent), outcome in zip(ready, outcomes, strict=True)
        if isinstance(outcome, Exception)
    ]
    _stage(refused, lambda part, each: part.importer.follow_up(*each))


def _stage(
    orders: Sequence[tuple[_Part, A]], work: Callable[[_Part, A], B | None]
) -> list[tuple[_Part, B]]:
    """A stage of the import of these orders; those that go on, with what it gave."""
    done: list[tuple[_Part, B]] = []
    for part, value in orders:
        if part.queue.error is None:
            with part.queue.own():
                made = work(part, value)
                if made is not None:
                    done.append((part, made))
    return [(part, made) for part, made in done if part.queue.error is None]


def _fail_stuck(
    context: Context, parts: Sequence[_Part], tried: Sequence[tuple[_Part, OrderRecord]]
) -> None:
    error = RuntimeError("the order was tried and stayed as it was")
    for part in parts:
        if part.queue.error is not None:
            continue
        identity = part.store.identity
        due = context.ledger.orders.due_for_import(identity, part.taken_at, len(part.records))
        left = {record.order_id for record in due}
        for of, record in tried:
            if of is part and record.order_id in left:
                with context.step():
                    fail_order(context, part.store, record.order_id, error)
