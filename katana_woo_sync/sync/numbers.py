"""Rule 15: the number under which an order is sent, since Katana holds each number once."""

from __future__ import annotations

from collections.abc import Collection

from katana_woo_sync.domain.order_record import OrderRecord
from katana_woo_sync.ledger import Ledger
from katana_woo_sync.sync.context import Store


class OrderNumbers:
    """Chooses numbers in one cycle. What the ledger knows to be taken is not asked, and orders
    that are sent together get different ones."""

    def __init__(self, ledger: Ledger) -> None:
        self._orders = ledger.orders
        self._chosen: dict[str, tuple[str, int]] = {}

    def choose(
        self, store: Store, record: OrderRecord, number: str, refused: Collection[str] = ()
    ) -> str | None:
        """The number, else with the store's name, else with the order's id too; None where Katana
        `refused` all of them.

        An order that may be in Katana, since an answer was lost, keeps the number that it was sent
        under: under another one it could be created twice.
        """
        if record.sent_as and not refused:
            return record.sent_as
        named = f"{number}-{store.name}"
        wanted = [n for n in (number, named, f"{named}-{record.order_id}") if n not in refused]
        order = (store.identity, record.order_id)
        free = (n for n in wanted if self._is_free(n, order))
        chosen = next(free, wanted[-1] if wanted else None)
        if chosen is not None:
            self._chosen[chosen] = order
        return chosen

    def _is_free(self, number: str, order: tuple[str, int]) -> bool:
        if self._chosen.get(number, order) != order:
            return False
        return not self._orders.is_number_taken(number, *order)
