"""Write-ahead intents: what is about to be created in Katana, committed before it is asked for."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from katana_woo_sync.domain.fields import convert
from katana_woo_sync.ledger.sqlite import (
    IN_LIST,
    LedgerDatabase,
    json_list,
    time_text,
)


class IntentKind(StrEnum):
    """What is created. Each kind has a key by which Katana can be asked for it again."""

    SALES_ORDER = "sales_order"
    """Key: identity and WooCommerce order id, the hidden ID."""
    SHIPPING_FEE = "shipping_fee"
    """Key: the sales order's id."""
    CUSTOMER = "customer"
    """Key: `reference_id`."""
    PRODUCT = "product"
    """Key: a SKU; without one, store, product id and name."""
    VARIANT = "variant"
    """Key: the SKU; without one, store, product id and variation id."""
    SERVICE = "service"
    """Key: the name of the one for fees, store and product id of others."""
    FULFILLMENT = "fulfillment"
    """Key: the sales order's id; what is left to deliver tells whether it was made."""
    STOCK_ADJUSTMENT = "stock_adjustment"
    """Key: its number."""
    TAX_RATE = "tax_rate"
    """Key: the percentage."""
    PROBE = "probe"
    """What `probe` creates. Key: its kind, and its name or the sales order's id."""
    DELETION = "deletion"
    """Key: the sales order's id; a deletion that is heard of meanwhile was this program's own."""
    DELIVERY = "delivery"
    """Key: the sales order's id; a delivery that is heard of meanwhile was this program's own."""


class Intent(Struct, frozen=True):
    """A create that was begun at `at` (UTC, by Katana's clock) and whose outcome is not known."""

    kind: IntentKind
    key: str
    at: datetime


class Intents:
    """Open intents. One that is there is *unknown*: Katana is asked before anything is repeated."""

    def __init__(self, db: LedgerDatabase) -> None:
        self._db = db
        self._table = db.table("intents")

    def begin(self, kind: IntentKind, key: str, now: datetime) -> None:
        """Commit that a create is about to be sent."""
        with self._db.atomic():
            self._db.execute(
                "INSERT INTO intents (kind, key, at) VALUES (?, ?, ?) "
                "ON CONFLICT (kind, key) DO UPDATE SET at = excluded.at",
                [str(kind), key, time_text(now)],
            )

    def end(self, kind: IntentKind, key: str) -> None:
        """The outcome is known and recorded: created, refused, or certainly never sent."""
        self._table.delete_where("kind = ? AND key = ?", [str(kind), key])

    def prune(self, kinds: Iterable[IntentKind], before: datetime) -> None:
        """Drop old intents of kinds that are looked for before they are created in any case."""
        values = [json_list(map(str, kinds)), time_text(before)]
        self._table.delete_where(f"kind {IN_LIST} AND at < ?", values)

    def open(self, kind: IntentKind, key: str) -> Intent | None:
        """The open intent for this key, if there is one."""
        row = self._table.find(str(kind), key)
        return None if row is None else convert(row, Intent)

    def all_open(self) -> list[Intent]:
        """Every open intent, oldest first."""
        return [convert(row, Intent) for row in self._table.rows_where(order_by="at")]
