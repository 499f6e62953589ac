"""A sandbox store's state, and how its orders change."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import datetime, timedelta
from decimal import Decimal

from katana_woo_sync.sandbox.woocommerce.records import (
    STOCK_TAKING,
    Address,
    Customer,
    Mail,
    Meta,
    Note,
    Order,
    Product,
    Refund,
)
from katana_woo_sync.sandbox.woocommerce.tax_rates import Place, TaxRate, rates_at
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
NAMES_OF_STATUSES = {
    "pending": "Pending payment",
    "on-hold": "On hold",
    "checkout-draft": "Draft",
}
ADDRESS_FIELDS = frozenset(field.name for field in fields(Address))


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

    def rates_of(self, tax_class: str, place: Place) -> list[TaxRate]:
        """The rates of a tax class at a place."""
        return rates_at(self.rates, tax_class, place)

    def put(self, order: Order, body: Mapping[str, object]) -> None:
        """Change an order as a PUT does: on order tables even an empty one counts as a change."""
        changed = self._put_fields(order, body)
        status = body.get("status")
        if isinstance(status, str):
            changed |= self.change_status(order, status)
        elif body.get("set_paid") is True and order.status in ("pending", "on-hold", "failed"):
            changed |= self.change_status(order, "processing")
        if self.hpos or changed:
            order.modified = self.clock()

    def _put_fields(self, order: Order, body: Mapping[str, object]) -> bool:
        """Set fields; tells whether legacy storage takes that for a change of the order."""
        changed = False
        note = body.get("customer_note")
        if isinstance(note, str) and note != order.customer_note:
            order.customer_note = note
            changed = True
        for name in ("payment_method", "payment_method_title", "transaction_id"):
            value = body.get(name)
            if isinstance(value, str):
                setattr(order, name, value)
        order.billing = _changed_address(order.billing, body.get("billing"))
        order.shipping = _changed_address(order.shipping, body.get("shipping"))
        entries = body.get("meta_data")
        for entry in entries if isinstance(entries, list) else ():
            if isinstance(entry, dict) and isinstance(entry.get("key"), str):
                self.set_meta(order, entry["key"], entry.get("value"))
        return changed

    def set_meta(self, order: Order, key: str, value: object) -> None:
        """Set a meta entry. Those that WooCommerce itself uses for the addresses (`_billing_email`)
        are written there."""
        for prefix in ("billing", "shipping"):
            name = key.removeprefix(f"_{prefix}_")
            if key.startswith(f"_{prefix}_") and name in ADDRESS_FIELDS:
                address = _changed_address(getattr(order, prefix), {name: value})
                setattr(order, prefix, address)
                return
        known = order.meta.get(key)
        order.meta[key] = (known[0] if known else self.next_meta(), value)

    def change_status(self, order: Order, status: str) -> bool:
        """Set a status and send the mails, if it is another. Returns whether it was."""
        if order.status == status:
            return False
        before, order.status = order.status, status
        now = order.modified = self.clock()
        self.mails.append(Mail(order.id, before, status))
        text = f"Order status changed from {name_of_status(before)} to {name_of_status(status)}."
        self.add_note(order, text)
        if status == "completed":
            order.completed = now
        if status in ("processing", "completed") and order.paid is None:
            order.paid = now
        if status == "refunded" and order.refundable > 0:
            whole = Refund(
                self.next_post(),
                order.refundable,
                now,
                (),
                (),
                "Order fully refunded.",
                self.next_meta(),
                whole=True,
            )
            order.refunds.insert(0, whole)
        self.move_stock(order)
        return True

    def add_note(
        self, order: Order, text: str, *, author: str = "WooCommerce", to_customer: bool = False
    ) -> Note:
        """Note something on an order; that moves no modification time."""
        self.last_note += 1
        note = Note(self.last_note, text, self.clock(), author, to_customer)
        order.notes.append(note)
        return note

    def move_stock(self, order: Order) -> None:
        """Take the order's goods from stock, or give back those of a cancelled one. Other
        statuses, trash and deletion change nothing."""
        if order.status in STOCK_TAKING:
            for line in order.lines:
                holder = self.stock_holder(line.variation_id or line.product_id)
                taken = any(meta.key == "_reduced_stock" for meta in line.meta)
                if line.kind == "item" and holder is not None and not taken:
                    quantity = f"{line.quantity.normalize():f}"
                    entry = Meta(self.next_meta(), "_reduced_stock", quantity, "_reduced_stock")
                    line.meta.append(entry)
                    self._add_stock(holder, -line.quantity)
        elif order.status in ("cancelled", "pending"):
            for line in order.lines:
                holder = self.stock_holder(line.variation_id or line.product_id)
                for meta in [meta for meta in line.meta if meta.key == "_reduced_stock"]:
                    line.meta.remove(meta)
                    if holder is not None:
                        self._add_stock(holder, Decimal(str(meta.value)))

    def stock_holder(self, product_id: int) -> Product | None:
        """The product whose stock a product uses: itself, or its parent; None if unmanaged."""
        product = self.products.get(product_id)
        if product is not None and product.manage_stock == "parent":
            product = self.products.get(product.parent_id)
        return product if product is not None and product.manage_stock is True else None

    def _add_stock(self, product: Product, quantity: Decimal) -> None:
        product.stock = (product.stock or Decimal(0)) + quantity
        product.modified = self.clock()
        self.keep_alike(product)

    def keep_alike(self, product: Product) -> None:
        """Give a product's stock to what is the same product in other languages."""
        original = product.translation_of or product.id
        for other in self.products.values():
            if other is not product and original in (other.id, other.translation_of):
                other.stock, other.manage_stock = product.stock, product.manage_stock
                other.modified = product.modified

    def forget_product(self, product_id: int) -> None:
        """Delete a product for good; lines that held it keep their names and money."""
        gone = self.products.pop(product_id)
        children = [p.id for p in self.products.values() if p.parent_id == product_id]
        for child in children:
            del self.products[child]
        for order in self.orders.values():
            for line in order.lines:
                if line.variation_id == product_id or line.variation_id in children:
                    line.variation_id = 0
                if line.product_id == product_id and not gone.parent_id:
                    line.product_id = 0


def name_of_status(status: str) -> str:
    """A status as the shop's screens show it."""
    return NAMES_OF_STATUSES.get(status, status.replace("-", " ").capitalize())


def _changed_address(address: Address, changes: object) -> Address:
    if not isinstance(changes, Mapping):
        return address
    known = {k: str(v) for k, v in changes.items() if k in ADDRESS_FIELDS}
    return replace(address, **known)


def valid_status(state: StoreState, status: object) -> bool:
    """Whether a PUT may set it."""
    return isinstance(status, str) and status in state.statuses
