"""Orders of this store that are known as another shop's: it moved, or is a copy (rule 2).

The ledger knows an order under another identity by its key (`shop_side.merge` shows it). A new
ledger, as on the machine of a staging copy, knows none: there only Katana can tell.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct

from katana_woo_sync.domain.adoption import Stranger, is_another_shops, may_be, stranger
from katana_woo_sync.domain.katana import WOOCOMMERCE, SalesOrder
from katana_woo_sync.domain.order_record import OrderRecord, State
from katana_woo_sync.domain.order_rules import known_elsewhere
from katana_woo_sync.domain.reasons import Reason
from katana_woo_sync.domain.same_order import is_copy
from katana_woo_sync.domain.woocommerce import Order
from katana_woo_sync.sync.context import Context, Store, StoreProblem
from katana_woo_sync.sync.poll import candidates

AT_ONCE = 100

RETRIED = "retried by hand"
"""What the history says where a person had an order tried again."""


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
    held: Stranger
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


class Strangers:
    """Sales orders of shops that the config does not have, as a list of all goes by."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._ours = candidates(context)
        self._held: dict[int, list[Stranger]] = {}

    @property
    def any(self) -> bool:
        """Whether there are any."""
        return bool(self._held)

    def hear(self, sales_orders: Sequence[SalesOrder]) -> None:
        """Remember those that may be a store's own. What a person deleted may be imported anew."""
        for sales_order in sales_orders:
            is_ours = sales_order.ecommerce_store_name.lower() in self._ours
            if sales_order.is_deleted or is_ours or sales_order.ecommerce_order_type != WOOCOMMERCE:
                continue
            found = stranger(sales_order)
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
        with self._context.step(), self._context.ledger.atomic():
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

    def _candidates(self, store: Store) -> Iterator[tuple[int, tuple[OrderRecord, list[Stranger]]]]:
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
            for start in range(0, len(order_ids), AT_ONCE)
            for order in store.shop.orders(order_ids[start : start + AT_ONCE], dp)
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
