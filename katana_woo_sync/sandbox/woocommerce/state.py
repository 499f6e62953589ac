"""A sandbox store's state, its switches and its lock."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from katana_woo_sync.sandbox.woocommerce.customers import Customer
    from katana_woo_sync.sandbox.woocommerce.orders import Mail, Order
    from katana_woo_sync.sandbox.woocommerce.products import Product
    from katana_woo_sync.sandbox.woocommerce.shipments import Fulfillment, Tracking
    from katana_woo_sync.sandbox.woocommerce.taxes import Place, TaxRate
    from katana_woo_sync.sandbox.woocommerce.totals import Rounding

STATUSES = (
    "auto-draft",
    "pending",
    "processing",
    "on-hold",
    "completed",
    "cancelled",
    "refunded",
    "failed",
    "checkout-draft",
)


@dataclass
class StoreState:
    """Everything that a store keeps. `clock` gives aware UTC; `lock` guards all of it."""

    name: str
    rounding: Rounding
    currency: str
    rates: tuple[TaxRate, ...]
    base: Place
    clock: Callable[[], datetime]
    offset: timedelta = timedelta(0)
    version: tuple[int, ...] = (11, 0, 1)
    hpos: bool = True
    path: str = ""
    """The subdirectory that the shop is in, such as "/shop"."""
    statuses: list[str] = field(default_factory=lambda: list(STATUSES))
    products: dict[int, Product] = field(default_factory=dict)
    orders: dict[int, Order] = field(default_factory=dict)
    customers: dict[int, Customer] = field(default_factory=dict)
    mails: list[Mail] = field(default_factory=list)
    most_rows: int = 100
    """How many rows a page has at most, whatever `per_page` says: hosts and plugins cap it."""
    tells_total: bool = True
    """Whether `X-WP-Total` reaches the client."""
    drops_offset: bool = False
    """Whether a cache answers every page of a list with the first."""
    held_back: set[int] = field(default_factory=set)
    """Records that lists count and do not give: those that cannot be loaded."""
    spoilt: dict[int, dict[str, object]] = field(default_factory=dict)
    """What plugins make of records, by id: these fields have these values in every answer."""
    has_fulfillments: bool = False
    """Whether somebody has switched on WooCommerce's Fulfillments."""
    fulfillments: dict[int, Fulfillment] = field(default_factory=dict)
    shipment_mails: list[int] = field(default_factory=list)
    tracking_plugins: set[str] = field(default_factory=set)
    """Their namespaces."""
    trackings: dict[int, list[Tracking]] = field(default_factory=dict)
    """What they have, by order."""
    lock: threading.RLock = field(default_factory=threading.RLock)
    last_post: int = 9
    last_line: int = 0
    last_meta: int = 0
    last_note: int = 0
    last_customer: int = 1
    placed: int = 0
    percent_today: dict[int, Decimal] = field(default_factory=dict)

    def is_at_least(self, *version: int) -> bool:
        """Whether this WooCommerce is that version or newer."""
        return self.version >= version

    def next_post(self) -> int:
        """Orders, refunds and products number on one count, as WordPress's posts do."""
        self.last_post += 1
        return self.last_post

    def next_line(self) -> int:
        """The id of an order's line, tax line or coupon line."""
        self.last_line += 1
        return self.last_line

    def next_meta(self) -> int:
        """The id of an entry of meta data."""
        self.last_meta += 1
        return self.last_meta


class Controls:
    """Control methods on one `StoreState`; each holds its lock."""

    def __init__(self, state: StoreState) -> None:
        self.state = state
