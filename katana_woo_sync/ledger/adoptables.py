"""Sales orders of a store that the ledger does not know yet: kept until they are adopted.

They come with Katana's list of changes, whose cursor then moves past them; the store that must say
whether they are its own may be down for days. So they are written in the cursor's own group.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec
from sqlite_utils import Database

from katana_woo_sync.domain.fields import convert
from katana_woo_sync.domain.katana import SalesOrder


class Adoptables:
    """Sales orders by the identity of the store that may be theirs; one may have several."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def add(self, identity: str, order_id: int, sales_order: SalesOrder) -> None:
        """Keep a sales order that carries the WooCommerce order id, for its store's turn."""
        with self._db.atomic():
            self._db.execute(
                "INSERT OR REPLACE INTO adoptable VALUES (?, ?, ?, ?, 1)",
                [identity, int(sales_order.id), order_id, _document(sales_order)],
            )

    def waiting(self, identity: str) -> dict[int, list[SalesOrder]]:
        """What waits for the store's word, by WooCommerce order id."""
        return self._found("identity = ? AND waiting = 1", [identity])

    def of_order(self, identity: str, order_id: int) -> list[SalesOrder]:
        """The sales orders that may be this order's: it is not imported before that is known."""
        where = "identity = ? AND order_id = ?"
        return self._found(where, [identity, order_id]).get(order_id, [])

    def leave(self, identity: str, order_id: int) -> None:
        """Keep them without asking again: another store may know them as its own."""
        with self._db.atomic():
            self._db.execute(
                "UPDATE adoptable SET waiting = 0 WHERE identity = ? AND order_id = ?",
                [identity, order_id],
            )

    def ask_again(self, identity: str, order_id: int) -> None:
        """What is kept of the order waits for its store's word again."""
        with self._db.atomic():
            self._db.execute(
                "UPDATE adoptable SET waiting = 1 WHERE identity = ? AND order_id = ?",
                [identity, order_id],
            )

    def settled(self, sales_orders: Iterable[SalesOrder]) -> None:
        """It is known whose they are: no store need look at them again."""
        with self._db.atomic():
            for sales_order in sales_orders:
                self._db.execute(
                    "DELETE FROM adoptable WHERE sales_order_id = ?", [int(sales_order.id)]
                )

    def _found(self, where: str, values: Sequence[object]) -> dict[int, list[SalesOrder]]:
        rows = self._db.query(
            f"SELECT order_id, document FROM adoptable WHERE {where} ORDER BY sales_order_id",  # noqa: S608
            values,
        )
        found: dict[int, list[SalesOrder]] = {}
        for row in rows:
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
