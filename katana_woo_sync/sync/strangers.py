"""Orders of this store that Katana holds under another shop's name: it moved, or is a copy.

The ledger knows an order under another identity by its key (`shop_side.refuse_other_identity`). A
new ledger, as on the machine of a staging copy, knows none: there only Katana can tell.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from katana_woo_sync.domain.katana import WOOCOMMERCE, SalesOrder
from katana_woo_sync.domain.records import State
from katana_woo_sync.domain.takeover import Stranger, is_same_order, stranger
from katana_woo_sync.sync.context import Context, Store, StoreProblem
from katana_woo_sync.sync.katana_side import candidates

AT_ONCE = 500


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
        """Raise a `StoreProblem` if orders that are about to be imported are in Katana under
        another name: they would all be there twice."""
        copies = list(self._copies(store))
        if copies:
            number, other = copies[0]
            raise StoreProblem(
                f"Katana holds {len(copies)} of its open orders already, as orders of "
                f'"{other.store_name}" (order {number} as {other.order_no}). If the shop moved to '
                f'a new address, set katana_store_name = "{other.store_name}" for it; if it is a '
                "copy of that shop (staging), take it out of the config"
            )

    def _copies(self, store: Store) -> Iterator[tuple[str, Stranger]]:
        ids = sorted(self._held)
        for start in range(0, len(ids), AT_ONCE):
            wanted = ids[start : start + AT_ONCE]
            known = self._context.ledger.orders.known(store.identity, wanted)
            for order_id, record in known.items():
                if record.state is not State.QUEUED:
                    continue
                same = (each for each in self._held[order_id] if is_same_order(record, each))
                found = next(same, None)
                if found is not None:
                    yield record.number, found
