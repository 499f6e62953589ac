"""Shipping fees that are due: their sales order is in Katana, they are not yet."""

from __future__ import annotations

from sqlite_utils import Database

from katana_woo_sync.domain.katana import ShippingFeeDraft


class ShippingFees:
    """The fee of an order as it is to be sent; amounts without tax, in the order's currency."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def keep(self, identity: str, order_id: int, fee: ShippingFeeDraft) -> None:
        """Keep the fee that an order is to have, before the order is created."""
        with self._db.atomic():
            self._db.execute(
                "INSERT OR REPLACE INTO shipping_fees VALUES (?, ?, ?, ?, ?)",
                [identity, order_id, fee.amount, fee.tax_rate_id, fee.description or ""],
            )

    def due(self, identity: str, order_id: int, sales_order_id: int) -> ShippingFeeDraft | None:
        """The fee of an order, for its sales order; None where none was kept."""
        rows = self._db.query(
            "SELECT amount, tax_rate_id, description FROM shipping_fees "
            "WHERE identity = ? AND order_id = ?",
            [identity, order_id],
        )
        for row in rows:
            return ShippingFeeDraft(
                sales_order_id=sales_order_id,
                amount=row["amount"],
                tax_rate_id=int(row["tax_rate_id"]),
                description=row["description"] or None,
            )
        return None

    def settled(self, identity: str, order_id: int) -> None:
        """The fee is in Katana, or nothing more is to be done about it."""
        with self._db.atomic():
            self._db.execute(
                "DELETE FROM shipping_fees WHERE identity = ? AND order_id = ?",
                [identity, order_id],
            )
