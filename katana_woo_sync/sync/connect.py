"""Connecting a store with what Katana holds of it: takeover, other programs, a lost ledger."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial

from msgspec import Struct

from katana_woo_sync.domain.adoption import (
    OtherShopsOrder,
    is_another_shops,
    may_be,
    other_shops_order,
)
from katana_woo_sync.domain.cursors import SALES_ORDERS, Cursor
from katana_woo_sync.domain.customers import digest
from katana_woo_sync.domain.katana import WOOCOMMERCE, SalesOrder
from katana_woo_sync.domain.order_record import OrderRecord, State, known_elsewhere, left_out_before
from katana_woo_sync.domain.reasons import Reason
from katana_woo_sync.domain.same_order import is_copy
from katana_woo_sync.domain.woocommerce import Order
from katana_woo_sync.sync.adoption import adopt_waiting
from katana_woo_sync.sync.context import Context, OtherAccount, Store, StoreProblem, log
from katana_woo_sync.sync.failures import part_of_store
from katana_woo_sync.sync.integration import HOW_TO_LEAVE, LATELY, last_adopted
from katana_woo_sync.sync.katana_facts import KatanaFacts
from katana_woo_sync.sync.poll import (
    candidates,
    cursor_name,
    learn_facts,
    merge_sales_orders,
    read_katana,
)
from katana_woo_sync.sync.sweep import scan, sweep_katana

CLOCKS_APART = timedelta(hours=1)
"""How far a store's clock may be from Katana's when its changes are read from an import on."""

A_SECOND = timedelta(seconds=1)
"""What a shop's times are told in."""

AT_ONCE = 100
"""Orders that the ledger is asked for in one question."""

RETRIED = "retried by hand"
"""What the history says where a person had an order tried again."""


def check_account(context: Context) -> None:
    """Make sure that the ledger and the key are of one Katana account.

    Asks only when the key is another than last time: an account is known by its locations, whose
    ids no other account has. Raises `OtherAccount`, or a `ServiceError`.
    """
    stores = context.ledger.stores
    key = digest(context.ledger.salt, "api_key", context.settings.katana.api_key)
    if stores.meta("katana_key") == key:
        return
    known = {int(location.id) for location in context.ledger.catalogue.locations()}
    locations = context.katana.locations()
    listed = {int(location.id) for location in locations}
    if known and listed and not known & listed:
        raise OtherAccount(
            f"The ledger {context.settings.ledger} belongs to another Katana account than this "
            "API key. Use the key of that account, or set `ledger` to a new file for this one."
        )
    with context.ledger.atomic():
        context.ledger.catalogue.set_locations(locations)
        stores.set_meta("katana_key", key)
    context.listed.add("locations")


def take_over(
    context: Context, stores: Sequence[Store], others: OtherShopsOrders | None = None
) -> dict[str, Exception]:
    """Adopt what Katana holds of these stores' orders, deleted ones too: one list for all.

    Those of other shops are added to `others`. Returns what went wrong with a store, by its name;
    it holds up no other. Raises a `ServiceError` where Katana cannot be asked; what was adopted
    before stays adopted.
    """
    failed: dict[str, Exception] = {}
    newest: datetime | None = None
    for page in context.katana.all_sales_orders():
        if newest is None:
            # Whatever changes while the list is read has a later time than its first page.
            newest = page.mark
        context.go_on()
        with context.ledger.atomic():
            merge_sales_orders(context, page.orders)
        if others is not None:
            others.add(page.orders)
        for store in [store for store in stores if store.name not in failed]:
            with part_of_store(partial(failed.__setitem__, store.name)):
                adopt_waiting(context, store)
    cursor = context.ledger.stores.cursor(SALES_ORDERS)
    if cursor is None and newest is not None:
        context.ledger.stores.set_cursor(SALES_ORDERS, Cursor(newest, context.clock()))
    return failed


def katana_holds(context: Context, store: Store) -> bool:
    """Whether Katana holds any order of the store: one that was connected, whose ledger was lost.

    A name that other stores share (the bare host of several) tells nothing about this one.
    """
    names = {
        name: identities
        for name, identities in candidates(context).items()
        if list(identities) == [store.identity]
    }
    return any(
        sales_order.ecommerce_store_name.lower() == name
        for name in names
        for sales_order in context.katana.sales_orders(store_name=name)
    )


def start_cursor(context: Context, store: Store) -> None:
    """Mark where the store's changes are to be read from, before its open orders are listed."""
    name = cursor_name(store)
    newest = store.shop.newest_modified()
    if context.ledger.stores.cursor(name) is None:
        context.ledger.stores.set_cursor(name, Cursor(newest, context.clock()))


def connect(context: Context, store: Store) -> None:
    """Record that the store is connected, from after its own newest change on.

    By the store's clock, since orders placed later are told by it; by ours only where the store
    has no order yet. The newest change may be an order that was completed as it was placed: that
    is from before. A store that is connected already stays so from when it was.
    """
    cursor = context.ledger.stores.cursor(cursor_name(store))
    newest = cursor.mark if cursor is not None else None
    since = context.clock() if newest is None else newest + A_SECOND
    context.ledger.stores.connect(store.identity, since)


def connect_as_before(context: Context, store: Store) -> None:
    """Connect a store whose ledger was lost: from when Katana has its first import, and with its
    changes read from its last import on, so that what happened since is not passed over. Where no
    mark tells the shop's own time, all is read."""
    first, last = context.ledger.orders.import_span(store.identity)
    if first is None or last is None:
        connect(context, store)
        return
    name = cursor_name(store)
    with context.ledger.atomic():
        cursor = context.ledger.stores.cursor(name)
        back = last - CLOCKS_APART
        if cursor is not None and cursor.mark is not None and back < cursor.mark:
            context.ledger.stores.set_cursor(name, Cursor(back, context.clock()))
        context.ledger.stores.connect(store.identity, first)


def remedies(name: str) -> str:
    """What a person can do about a store whose orders are those of another shop."""
    return (
        f'If the shop moved to a new address, set katana_store_name = "{name}" for it; if it is a '
        "copy of that shop (staging), take it out of the config"
    )


def shown_as_known(context: Context, store: Store) -> list[OrderRecord]:
    """The store's orders that are shown as known elsewhere, and that nobody has decided on."""
    found = context.ledger.orders.find(identities=[store.identity], state=str(State.ATTENTION))
    return [record for record in found if record.reason == Reason.KNOWN_ELSEWHERE]


def refuse_known_copy(context: Context, store: Store) -> None:
    """Raise a `StoreProblem` where the ledger knows most of the store's open orders under another
    identity. To be asked before anything is created for the store."""
    orders = context.ledger.orders
    names: Counter[str] = Counter()
    examples: dict[str, str] = {}
    for record in shown_as_known(context, store):
        other = orders.identity_with_key(record.order_key, other_than=store.identity)
        if other is not None:
            names[other] += 1
            examples.setdefault(other, record.number)
    if names and is_another_shops(names.total(), _count_open(context, store)):
        ((name, count),) = names.most_common(1)
        raise StoreProblem(
            f'{count} of its open orders are known as orders of "{name}" (such as order '
            f'{examples[name]}), but this store is "{store.identity}". {remedies(name)}'
        )


def _count_open(context: Context, store: Store) -> int:
    return len(context.ledger.orders.open_in_shop(store.identity, store.settings.import_statuses))


class Found(Struct, frozen=True):
    """An open order, and the sales order that is the same; or may be, where `certain` is false."""

    record: OrderRecord
    held: OtherShopsOrder
    certain: bool

    @property
    def words(self) -> str:
        """As which order it is known."""
        number, name = self.held.evidence.number, self.held.store_name
        if self.certain:
            return f'sales order {number} of "{name}"'
        return (
            f'perhaps sales order {number} of "{name}": id and creation date agree; total, lines '
            "and customer do not show whether it is the same order"
        )


class OtherShopsOrders:
    """Sales orders of shops that the config does not have, as a list of all goes by."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._ours = candidates(context)
        self._held: dict[int, list[OtherShopsOrder]] = {}

    @property
    def any(self) -> bool:
        """Whether there are any."""
        return bool(self._held)

    def add(self, sales_orders: Sequence[SalesOrder]) -> None:
        """Remember those that may be a store's orders. What a person deleted may be imported."""
        for sales_order in sales_orders:
            is_ours = sales_order.ecommerce_store_name.lower() in self._ours
            if sales_order.is_deleted or is_ours or sales_order.ecommerce_order_type != WOOCOMMERCE:
                continue
            found = other_shops_order(sales_order)
            if found is not None:
                self._held.setdefault(found.order_id, []).append(found)

    def refuse_copy(self, store: Store) -> None:
        """Show the orders that are in Katana under another name, or may be: they would be there
        twice. Raise a `StoreProblem` where that is most of the open orders. To be asked before
        anything is created for the store. Raises a `ServiceError`.
        """
        found = list(self._found(store))
        open_orders = _count_open(self._context, store)
        certain = [each for each in found if each.certain]
        if is_another_shops(len(certain), open_orders):
            raise StoreProblem(_is_copy_of(certain, open_orders))
        self._context.go_on()
        with self._context.ledger.atomic():
            for each in found:
                shown = known_elsewhere(each.record, each.words)
                self._context.save(store, shown, each.record)
        if is_another_shops(len(found), open_orders):
            raise StoreProblem(_cannot_be_told(found, store))

    def _found(self, store: Store) -> Iterator[Found]:
        """The open orders that Katana holds, or may hold, under another name."""
        wanted = dict(self._candidates(store))
        copies = self._copies(store, list(wanted))
        for order_id, (record, held) in wanted.items():
            order = copies.get(order_id)
            if order is None:
                continue
            verdicts = [(each, is_copy(order, each.evidence)) for each in held]
            told = sorted(
                ((each, verdict) for each, verdict in verdicts if verdict is not False),
                key=lambda pair: pair[1] is None,
            )
            for each, verdict in told[:1]:
                yield Found(record, each, verdict is True)

    def _candidates(
        self, store: Store
    ) -> Iterator[tuple[int, tuple[OrderRecord, list[OtherShopsOrder]]]]:
        ids = sorted(self._held)
        for start in range(0, len(ids), AT_ONCE):
            known = self._context.ledger.orders.known(store.identity, ids[start : start + AT_ONCE])
            for order_id, record in known.items():
                held = [each for each in self._held[order_id] if may_be(record, each)]
                if held and self._is_undecided(record):
                    yield order_id, (record, held)

    def _is_undecided(self, record: OrderRecord) -> bool:
        """Whether an order is to be imported, and no person has said that it is one of its own."""
        if record.state is not State.QUEUED:
            return record.state is State.ATTENTION and record.reason == Reason.KNOWN_ELSEWHERE
        events = self._context.ledger.journal.of_order(record.identity, record.order_id)
        return not any(event.action == RETRIED for event in events)

    def _copies(self, store: Store, order_ids: Sequence[int]) -> Mapping[int, Order]:
        """The orders whole: the list of open ones has neither lines nor customers."""
        dp = self._context.facts(store).dp
        return {
            int(order.id): order
            for order in store.shop.orders(order_ids, dp)
            if isinstance(order, Order)
        }


def _is_copy_of(certain: Sequence[Found], open_orders: int) -> str:
    """Why a store is refused most of whose open orders Katana holds under another name."""
    names = Counter(each.held.store_name for each in certain)
    ((name, count),) = names.most_common(1)
    one = next(each for each in certain if each.held.store_name == name)
    example = f"order {one.record.number} as {one.held.evidence.number}"
    if is_another_shops(count, open_orders):
        return (
            f'Katana holds {count} of its open orders already, as orders of "{name}" ({example}). '
            f"{remedies(name)}"
        )
    return (
        f"Katana holds {len(certain)} of its open orders already, as orders of several shops: "
        f'{_shops(names)}. Of "{name}", {example}. If the shop moved to a new address, set '
        "katana_store_name to the one of these names that was its own; if it is a copy of such a "
        "shop (staging), take it out of the config"
    )


def _cannot_be_told(found: Sequence[Found], store: Store) -> str:
    """Why a store is refused most of whose open orders may be in Katana already."""
    one = found[0]
    return (
        f"Katana may hold {len(found)} of its open orders already, as orders of "
        f"{_shops(Counter(each.held.store_name for each in found))}: ids and creation dates agree, "
        "but totals, lines and customers do not show whether they are the same orders. Compare "
        f"order {one.record.number} with sales order {one.held.evidence.number} of "
        f'"{one.held.store_name}". If they are the same: set katana_store_name to that name if the '
        "shop moved to a new address, or take it out of the config if it is a copy of that shop "
        f"(staging). If they are not: run `katana-woo-sync retry {store.name} NUMBER` for each "
        "order that `katana-woo-sync orders --state attention` shows, then run the backfill again"
    )


def _shops(names: Counter[str]) -> str:
    return ", ".join(f'"{name}" ({count})' for name, count in names.most_common())


NOT_KNOWN = (
    "orders that you had set to be ignored or left out: they are shown again, if they change",
    "the import-from date of `backfill --since`: set `since` in the config (else they are shown)",
    "which refunds were made after an order's import: all that are there now count as known",
    "the history of what was done, and the notes",
    "what `probe` found out, and what of it Katana still holds: search there for probe-",
)
"""What Katana cannot tell of a lost ledger, in words for a person."""


class Rebuilt(Struct, frozen=True):
    """What became of a store: orders that the ledger holds now, by state, and how many of them
    were adopted just now and are deleted in Katana."""

    adopted: int
    deleted: int
    states: dict[str, int]


def reconnect(context: Context, stores: Sequence[Store]) -> dict[str, Exception]:
    """Take over stores that were connected before, by what Katana holds of them; imports nothing.

    Returns what went wrong with a store, by its name. Raises a `ServiceError` where Katana cannot
    be asked.
    """
    failed: dict[str, Exception] = {}
    for store in stores:
        with part_of_store(partial(failed.__setitem__, store.name)):
            context.ledger.stores.add(store.identity, store.name)
            context.ledger.stores.set_facts(store.identity, learn_facts(store))
            start_cursor(context, store)
    failed |= take_over(context, [store for store in stores if store.name not in failed])
    for store in stores:
        if store.name in failed:
            continue
        with part_of_store(partial(failed.__setitem__, store.name)):
            connect_as_before(context, store)
            scan(context, store)
            refuse_known_copy(context, store)
            _show_what_was_left_out(context, store)
            _warn_of_the_integration(context, store)
    return failed


def _warn_of_the_integration(context: Context, store: Store) -> None:
    """This program before its ledger was lost, and Katana's own integration, make the same sales
    orders: a person knows which it was."""
    last = last_adopted(context.ledger, store.identity, context.clock() - LATELY)
    if last is not None:
        log.warning(
            "%s: order %s came into Katana at %s UTC. If Katana's own integration put it there: %s",
            store.name,
            last.number,
            f"{last.at:%Y-%m-%d %H:%M}",
            HOW_TO_LEAVE,
            extra={"store": store.name},
        )


def _show_what_was_left_out(context: Context, store: Store) -> None:
    known = context.ledger.stores.get(store.identity)
    if known is None or known.connected_at is None:
        return
    since = known.connected_at - CLOCKS_APART
    with context.ledger.atomic():
        for record in context.ledger.orders.find(identities=[store.identity], state="queued"):
            left = left_out_before(record, since)
            if left is not None:
                context.save(store, left, record)


def rebuild(context: Context, stores: Sequence[Store]) -> dict[str, Rebuilt]:
    """Fill the ledger with what Katana holds of these stores, deleted orders too.

    A store of which Katana holds nothing is left for its first import. What goes wrong with a store
    is in the report. Raises a `ServiceError` where Katana cannot be asked.
    """
    check_account(context)
    sweep_katana(context, KatanaFacts(context))
    read_katana(context)
    held = []
    for store in stores:
        context.report.store(store.name)
        if katana_holds(context, store):
            held.append(store)
        else:
            problem = StoreProblem(
                "Katana holds none of this store's orders; connect it with "
                f"`katana-woo-sync backfill --store {store.name}`"
            )
            context.report.store_failed(store.name, problem)
    for name, error in reconnect(context, held).items():
        context.report.store_failed(name, error)
    return {store.name: _rebuilt(context, store) for store in held}


def _rebuilt(context: Context, store: Store) -> Rebuilt:
    return Rebuilt(
        adopted=context.report.store(store.name).adopted,
        deleted=context.ledger.orders.deleted_in_katana(store.identity),
        states=context.ledger.orders.counts(store.identity),
    )
