"""What the ledger remembers of an order."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum

from msgspec import Struct

from katana_woo_sync.domain.woocommerce import Address, Order


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
    of the record: one that was read before another run wrote it is not saved.
    `sent_as` is the number of a create whose answer has not come or was lost: the order may be in
    Katana under it. Empty once that is known. `parent_id` is the order that has this one's goods
    too (0: none); `wanted` tells that a person wants it in Katana all the same. `pieces` are those
    of a Point of Sale's sale that is not imported.
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
    sent_as: str = ""
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
            f"shop's Point of Sale ({self.orders} sales{since})"
        )


def fingerprint(order: Order) -> str:
    """What an import takes from an order, digested; it changes when a person edits the order.

    Status and refunds are not in it: they have rules of their own. Nor are SKUs, which WooCommerce
    looks up live, nor the number, which a plugin may give all orders anew. Amounts are kept apart,
    with the decimals that they came in: those of orders in other decimals cannot be compared.
    """
    decimals = shown_decimals(order)
    parts = [
        order.currency,
        *_lines_of_address(order.billing),
        *_lines_of_address(order.shipping),
        order.customer_note,
        *(
            f"{i.id}|{i.product_id}|{i.variation_id}|{i.quantity.normalize():f}"
            for i in order.line_items
        ),
    ]
    return f"2 {_digest(parts)} {decimals} {_digest(_amounts(order, decimals))}"


def edition(fingerprint: str) -> str:
    """A few letters that tell one fingerprint from another."""
    return _digest([fingerprint])[:8]


def is_edited(known: OrderRecord, order: Order) -> bool:
    """Whether a person edited the order since `known` took its fingerprint. Other decimals, and
    another number, are the shop's settings."""
    if not known.fingerprint:
        return False
    if " " not in known.fingerprint:
        return not _is_first_fingerprint(known, order)
    _version, content, decimals, money = known.fingerprint.split(" ")
    _version, content_now, decimals_now, money_now = fingerprint(order).split(" ")
    return content != content_now or (decimals == decimals_now and money != money_now)


def shown_decimals(order: Order) -> int:
    """The decimals that the order's amounts came in, two at most."""
    exponent = order.total.as_tuple().exponent
    return min(CENTS, max(0, -exponent)) if isinstance(exponent, int) else CENTS


CENTS = 2


def _digest(parts: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(parts).encode("utf-8", "replace")).hexdigest()[:32]


def _lines_of_address(address: Address) -> tuple[str, ...]:
    return (
        address.first_name,
        address.last_name,
        address.company,
        address.address_1,
        address.address_2,
        address.city,
        address.state,
        address.postcode,
        address.country,
        address.email,
        address.phone,
    )


def _amounts(order: Order, decimals: int) -> list[str]:
    """The order's amounts, so that they read alike with whatever more decimals they came in."""
    step = Decimal(1).scaleb(-decimals)

    def plain(amount: Decimal) -> str:
        return f"{amount.quantize(step, ROUND_HALF_UP):f}"

    lines = (*order.line_items, *order.fee_lines, *order.shipping_lines)
    of_lines = (f"{line.id}|{plain(line.total)}|{plain(line.total_tax)}" for line in lines)
    return [plain(order.total), *of_lines]


def _is_first_fingerprint(known: OrderRecord, order: Order) -> bool:
    """Whether the order is as in the fingerprint of before this form: one digest of all, the
    number too, and amounts to the cent. Of amounts in fewer decimals it tells nothing."""
    if shown_decimals(order) < CENTS:
        return True
    total, *lines = _amounts(order, CENTS)
    items = [f"{i.id}|{i.product_id}|{i.variation_id}|{i.quantity}" for i in order.line_items]
    addresses = [_first_form(order.billing), _first_form(order.shipping)]
    return any(
        known.fingerprint
        == _digest([number, order.currency, total, *addresses, order.customer_note, *items, *lines])
        for number in (order.number, known.number)
    )


def _first_form(address: Address) -> str:
    names = (
        "first_name",
        "last_name",
        "company",
        "address_1",
        "address_2",
        "city",
        "state",
        "postcode",
        "country",
        "email",
        "phone",
    )
    fields = zip(names, _lines_of_address(address), strict=True)
    return f"Address({', '.join(f'{name}={text!r}' for name, text in fields)})"
