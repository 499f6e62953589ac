"""What the ledger remembers of an order."""

from __future__ import annotations

import hashlib
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum

from msgspec import Struct

from katana_woo_sync.domain.woocommerce import Order


class State(StrEnum):
    """The state of an order in the ledger. Users script against these."""

    QUEUED = "queued"
    IMPORTING = "importing"
    IMPORTED = "imported"
    FULFILLED = "fulfilled"
    SKIPPED = "skipped"
    FAILED = "failed"
    ATTENTION = "attention"
    IGNORED = "ignored"


class InKatana(StrEnum):
    """Whether an order is in Katana, kept beside its state."""

    NO = "no"
    YES = "yes"
    DELETED = "deleted"


class OrderRecord(Struct, frozen=True, kw_only=True):
    """An order as the ledger knows it. Amounts with tax, in `currency`; times UTC.

    `shop_status` and `katana_status` are what each side said last. `completed_at` and
    `delivered_at` are when this program carried a completion or delivery over: each at most once.
    `was_processing` tells that the order was seen as Processing, which is what entitles it to be
    imported. `refunds` are the ids of the refunds that the import took into account.
    `fingerprint` is of what the import used; another one later means that the order was edited.
    `paid` is when the shop was paid; None where it has not said (cash on delivery).
    `expected` is what Katana's total should be, within `tolerance` (the shop's own roundings);
    `money_differs` says how it is not, until it is or a person sets that aside. `note_failed` says
    what keeps a note from being written on the shop's order. `version` counts the ledger's writes
    of the record: one that was read before another run wrote it is not saved. `parent_id` is the
    order whose goods it holds again (0: none); `wanted` tells that a person wants it in Katana all
    the same. `pieces` are those of a sale of the till that is not imported.
    """

    identity: str
    order_id: int
    number: str
    order_key: str
    created: datetime | None
    currency: str
    total: Decimal
    shop_status: str
    shop_modified: datetime | None = None
    shop_completed: datetime | None = None
    fingerprint: str = ""
    refunds: tuple[int, ...] = ()
    needs_processing: bool = True
    was_processing: bool = False
    state: State = State.QUEUED
    reason: str = ""
    detail: str = ""
    in_katana: InKatana = InKatana.NO
    sales_order_id: int | None = None
    sales_order_no: str = ""
    katana_status: str = ""
    katana_total: Decimal | None = None
    shipping_fee_due: bool = False
    expected: Decimal | None = None
    tolerance: Decimal | None = None
    money_differs: str = ""
    completed_at: datetime | None = None
    delivered_at: datetime | None = None
    attempts: int = 0
    next_attempt_at: datetime | None = None
    first_seen_at: datetime
    imported_at: datetime | None = None
    paid: datetime | None = None
    note_failed: str = ""
    version: int = 0
    parent_id: int = 0
    wanted: bool = False
    pieces: Decimal | None = None

    @property
    def is_open_in_katana(self) -> bool:
        """In Katana, neither deleted nor wholly delivered."""
        return self.in_katana is InKatana.YES and self.katana_status != "DELIVERED"

    @property
    def is_delivered(self) -> bool:
        """Wholly delivered in Katana."""
        return self.in_katana is InKatana.YES and self.katana_status == "DELIVERED"

    @property
    def is_done(self) -> bool:
        """Delivered in Katana and completed in the shop."""
        return self.is_delivered and self.shop_status == "completed"


class TillSales(Struct, frozen=True):
    """Sales of a shop's till that were left out: how many, of how many pieces, and since when
    (UTC)."""

    orders: int
    pieces: Decimal
    since: datetime | None

    @property
    def words(self) -> str:
        """What that means for the stock."""
        since = f" since {self.since:%Y-%m-%d}" if self.since else ""
        return (
            f"Katana does not know of {self.pieces.normalize():f} pieces that were sold at the "
            f"till ({self.orders} sales{since})"
        )


def fingerprint(order: Order) -> str:
    """A digest of what an import takes from an order; it changes when a person edits the order.

    Status and refunds are not in it: they have rules of their own. Nor are SKUs, which WooCommerce
    looks up live and so change without the order.
    """
    lines = (*order.line_items, *order.fee_lines, *order.shipping_lines)
    parts = [
        order.number,
        order.currency,
        _plain(order.total),
        repr(order.billing),
        repr(order.shipping),
        order.customer_note,
        *(f"{i.id}|{i.product_id}|{i.variation_id}|{i.quantity}" for i in order.line_items),
        *(f"{line.id}|{_plain(line.total)}|{_plain(line.total_tax)}" for line in lines),
    ]
    return hashlib.sha256("\n".join(parts).encode("utf-8", "replace")).hexdigest()[:32]


_CENT = Decimal("0.01")


def _plain(amount: Decimal) -> str:
    """The amount to the cent, so that it reads alike with whatever decimals it was asked for."""
    return f"{amount.quantize(_CENT, ROUND_HALF_UP):f}"
