"""The shipping fees that orders are to have, until they are in Katana."""

from __future__ import annotations

from katana_woo_sync.domain.katana import ShippingFeeDraft
from katana_woo_sync.ledger.sqlite import LedgerDatabase


class ShippingFees:
    """The fee of an order as it is to be sent; amounts without tax, in the order's currency."""

    def __init__(self, db: LedgerDatabase) -> None:
        self._table = db.table("shipping_fees")

    def keep(self, identity: str, order_id: int, fee: ShippingFeeDraft) -> None:
        """Keep the fee that an order is to have, before the order is created."""
        self._table.put(
            {
                "identity": identity,
                "order_id": order_id,
                "amount": fee.amount,
                "tax_rate_id": fee.tax_rate_id,
                "description": fee.description or "",
            }
        )

    def due(self, identity: str, order_id: int, sales_order_id: int) -> ShippingFeeDraft | None:
        """The fee of an order, for its sales order; None where none was kept."""
        row = self._table.find(identity, order_id)
        if row is None:
            return None
        return ShippingFeeDraft(
            sales_order_id=sales_order_id,
            amount=row["amount"],
            tax_rate_id=row["tax_rate_id"],
            description=row["description"] or None,
        )

    def settled(self, identity: str, order_id: int) -> None:
        """The fee is in Katana, or nothing more is to be done about it."""
        self._table.delete_where("identity = ? AND order_id = ?", [identity, order_id])
