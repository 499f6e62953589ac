"""Sales orders of a store that the ledger does not know yet: kept until they are adopted.

They come with Katana's list of changes, whose cursor then moves past them; the store that must say
whether they are its own may be down for days. So they are written in the cursor's own group.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from katana_woo_sync.domain.fields import convert
from katana_woo_sync.domain.katana import SalesOrder
from katana_woo_sync.ledger.sqlite import IN_LIST, LedgerDatabase, json_list

_OF_ORDER = "identity = ? AND order_id = ?"


class Adoptables:
    """Sales orders by the identity of the store that may be theirs; one may have several."""

    def __init__(self, db: LedgerDatabase) -> None:
        self._table = db.table("adoptable")

    def add(self, identity: str, order_id: int, sales_order: SalesOrder) -> None:
        """Keep a sales order that carries the WooCommerce order id, for its store's turn."""
        self._table.put(
            {
                "identity": identity,
                "sales_order_id": int(sales_order.id),
                "order_id": order_id,
                "document": _document(sales_order),
                "waiting": 1,
            }
        )

    def waiting(self, identity: str) -> dict[int, list[SalesOrder]]:
        """What waits for the store's word, by WooCommerce order id."""
        return self._found("identity = ? AND waiting = 1", [identity])

    def of_order(self, identity: str, order_id: int) -> list[SalesOrder]:
        """The sales orders that may be this order's: it is not imported before that is known."""
        return self._found(_OF_ORDER, [identity, order_id]).get(order_id, [])

    def leave(self, identity: str, order_id: int) -> None:
        """Keep them without asking again: another store may know them as its own."""
        self._table.update_where(_OF_ORDER, [identity, order_id], waiting=0)

    def ask_again(self, identity: str, order_id: int) -> None:
        """What is kept of the order waits for its store's word again."""
        self._table.update_where(_OF_ORDER, [identity, order_id], waiting=1)

    def settled(self, sales_orders: Iterable[SalesOrder]) -> None:
        """It is known whose they are: no store need look at them again."""
        ids = json_list(int(sales_order.id) for sales_order in sales_orders)
        self._table.delete_where(f"sales_order_id {IN_LIST}", [ids])

    def _found(self, where: str, values: Sequence[object]) -> dict[int, list[SalesOrder]]:
        found: dict[int, list[SalesOrder]] = {}
        for row in self._table.rows_where(where, values, order_by="sales_order_id"):
            sales_order = convert(msgspec.json.decode(row["document"]), SalesOrder)
            found.setdefault(int(row["order_id"]), []).append(sales_order)
        return found


def _document(sales_order: SalesOrder) -> str:
    """What most adoptions need of it. Rows and addresses are asked for again where they are
    needed: the ledger holds no customer's data."""
    kept = {
        name: str(getattr(sales_order, name))
        for name in SalesOrder.__struct_fields__
        if name not in ("sales_order_rows", "addresses")
        and getattr(sales_order, name) not in (None, "")
    }
    return msgspec.json.encode(kept).decode()
