"""Stock: what a shop may sell, and which of its items are set to it (rules 13 and 14).

Quantities are Katana's, in the item's unit; what a shop is sent is whole pieces.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from decimal import ROUND_FLOOR, Decimal, InvalidOperation
from enum import StrEnum

from msgspec import Struct

from katana_woo_sync.config.values import StockReserve
from katana_woo_sync.domain.fields import Amount, Text, Whole, utc_time
from katana_woo_sync.domain.katana import Draft, Variant
from katana_woo_sync.domain.products import VARIABLE
from katana_woo_sync.domain.woocommerce import Order, StockItem

ZERO = Decimal(0)
HUNDRED = Decimal(100)

MOST_PIECES = 2**31 - 1
"""What a shop's database keeps for certain."""

HOLDS_NO_STOCK = frozenset(
    {
        "pending",
        "completed",
        "cancelled",
        "refunded",
        "failed",
        "trash",
        "checkout-draft",
        "auto-draft",
        "draft",
        "gone",
    }
)
"""Statuses in which an order holds nothing of the shop's stock that Katana should still subtract:
its goods were sent, or put back, or stock was never reduced. Any other is on hold, processing, or a
plugin's."""

MANY_ZEROS = 20
"""Rule 14: so many of a store's items may be set to zero at once without asking."""

A_QUARTER = 4


class WhyLeftOut(StrEnum):
    """Why an item's stock is not pushed. Users script against these."""

    NO_INVENTORY = "no_inventory"
    NOT_COUNTED = "not_counted"
    SKU_AMBIGUOUS = "sku_ambiguous"
    SHOP_REFUSED = "shop_refused"
    TOO_LARGE = "too_large"


LEFT_OUT_WORDS: Mapping[str, str] = {
    WhyLeftOut.NO_INVENTORY: "Katana has no stock record for it at the location",
    WhyLeftOut.NOT_COUNTED: "this program created it in Katana, and nobody has counted it there",
    WhyLeftOut.SKU_AMBIGUOUS: "several of Katana's items have its SKU",
    WhyLeftOut.SHOP_REFUSED: "the shop did not take the quantity",
    WhyLeftOut.TOO_LARGE: "Katana's quantity is larger than a shop can hold",
}
"""Each reason in a few words."""


class LeftOut(Struct, frozen=True):
    """An item whose stock is not pushed, and why."""

    item_id: int
    sku: str
    reason: str
    detail: str = ""


class ReducedStock(Struct, frozen=True):
    """By how much a line of an order has reduced its shop's stock."""

    identity: str
    line_id: int
    product_id: int
    variation_id: int
    sku: str
    quantity: Decimal


class Sellable(Struct, frozen=True):
    """What a shop may sell of a variant, and how much of it is there (before what is sold)."""

    quantity: Decimal
    at_hand: Decimal


class Target(Struct, frozen=True):
    """A product (`parent_id` 0) or variation, and what its stock is to be."""

    item_id: int
    parent_id: int
    sku: str
    current: Decimal | None
    quantity: int
    variant_ids: tuple[int, ...]

    @property
    def differs(self) -> bool:
        """Whether the shop has another quantity."""
        return self.current is None or self.current != self.quantity

    @property
    def empties(self) -> bool:
        """Whether it sets to nothing what the shop would still sell."""
        return self.quantity <= 0 and (self.current or ZERO) > 0


class Plan(Struct, frozen=True):
    """What a store's items are to be set to, and what is left out. `managed` items keep stock."""

    targets: tuple[Target, ...]
    left_out: tuple[LeftOut, ...]
    managed: int


def holds_stock(status: str) -> bool:
    """Whether an order in this status holds the stock by which it reduced the shop's."""
    return status not in HOLDS_NO_STOCK


def reduced_stock(identity: str, order: Order) -> list[ReducedStock]:
    """By how much an order's lines have reduced the shop's stock: what WooCommerce has written into
    them as `_reduced_stock`."""
    if not holds_stock(order.status):
        return []
    found = []
    for line in order.line_items:
        quantity = _reduced(next((m.value for m in line.meta_data if m.key == REDUCED), None))
        if quantity > 0:
            product, variation = int(line.product_id), int(line.variation_id)
            sku = str(line.sku)
            found.append(ReducedStock(identity, int(line.id), product, variation, sku, quantity))
    return found


REDUCED = "_reduced_stock"


def _reduced(value: object) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, (str, int, float, Decimal)):
        return ZERO
    try:
        quantity = Decimal(str(value).strip() or "0")
    except InvalidOperation:
        return ZERO
    return quantity if quantity.is_finite() and abs(quantity) <= MOST_PIECES else ZERO


def sellable(
    stock: Inventory, *, committed_by_woocommerce: Decimal | None, reduced: Decimal
) -> Sellable:
    """Rule 13: in stock (of a bundle: and what its components make), less what is committed at the
    location, less what the shops' orders have reduced the shop's stock by (`reduced`)
    and Katana does not hold.

    `committed_by_woocommerce` takes the place of all commitments where others do not count.
    """
    committed = stock.quantity_committed
    if committed_by_woocommerce is not None:
        committed = type(committed)(min(committed, max(committed_by_woocommerce, ZERO)))
    return Sellable(stock.at_hand - committed - reduced, stock.at_hand)


def pieces(what: Sellable, reserve: StockReserve, *, backorders: bool) -> int:
    """What the shop is sent: whole pieces, fractions rounded down, less the reserve.

    Below zero is sent as it is where back-orders are allowed, so that the shop knows what it owes;
    else as 0. A reserve keeps goods from being sold, and never makes a debt of its own.
    """
    quantity = what.quantity
    if quantity > 0:
        reserved = reserve.quantity
        if reserve.is_percentage:
            reserved = max(what.at_hand, ZERO) * reserve.quantity / HUNDRED
        quantity = max(quantity - reserved, ZERO)
    whole = int(quantity.to_integral_value(ROUND_FLOOR))
    return whole if backorders else max(whole, 0)


def are_one_product(items: Sequence[StockItem]) -> bool:
    """Whether items of a shop with one SKU are one product in several languages: plugins for that
    (WPML and the like) keep its translations' stock alike, two products' own would differ."""
    first = items[0]
    return bool(first.sku) and all(
        item.sku == first.sku
        and item.stock_quantity is not None
        and item.stock_quantity == first.stock_quantity
        for item in items
    )


def too_many_zeros(targets: Iterable[Target], managed: int) -> int:
    """Rule 14: how many items a run would empty, where that is too many to do unasked; else 0."""
    zeros = sum(target.empties for target in targets)
    return zeros if zeros > MANY_ZEROS and zeros * A_QUARTER > managed else 0


VariantOf = Callable[[StockItem], int | None]
"""The Katana variant of a shop's item; None where Katana has none. Raises `Ambiguous`."""


class Ambiguous(Exception):
    """Several of Katana's variants have an item's SKU."""


def plan(
    items: Sequence[StockItem],
    variant_of: VariantOf,
    what: Callable[[int], Sellable | LeftOut | None],
    reserve: StockReserve,
    excluded: frozenset[str] = frozenset(),
) -> Plan:
    """What the stock of these items is to be.

    `items` hold, of a product whose variations share its stock, all of those. `what` says what may
    be sold of a variant; None where Katana has no row for it, or why it is not pushed.

    Variations that share their product's stock (`manage_stock: "parent"`) make it the sum of what
    may be sold of each, unless the product's own SKU is an item of Katana's.
    """
    shared: dict[int, list[StockItem]] = {}
    for item in items:
        if item.uses_parents_stock:
            shared.setdefault(int(item.parent_id), []).append(item)
    targets, left_out = [], []
    keeping = [item for item in items if item.keeps_stock]
    for item in keeping:
        members = shared.get(int(item.id), [])
        if item.sku in excluded or any(member.sku in excluded for member in members):
            continue
        made = _target(item, members, variant_of, what, reserve)
        if isinstance(made, Target):
            targets.append(made)
        elif made is not None:
            left_out.append(made)
    return Plan(tuple(targets), tuple(left_out), len(keeping))


def _target(
    item: StockItem,
    members: Sequence[StockItem],
    variant_of: VariantOf,
    what: Callable[[int], Sellable | LeftOut | None],
    reserve: StockReserve,
) -> Target | LeftOut | None:
    item_id, sku = int(item.id), str(item.sku)
    try:
        variant_id = variant_of(item)
        of_other_skus = [m for m in members if m.sku and m.sku != item.sku]
        sources = [variant_of(m) for m in of_other_skus] if variant_id is None else [variant_id]
    except Ambiguous as error:
        return LeftOut(item_id, sku, WhyLeftOut.SKU_AMBIGUOUS, str(error))
    if variant_id is None and not members and (item.type in VARIABLE or not sku):
        return None  # its variations have stocks, or nothing says which item it is
    shown = sku or ", ".join(dict.fromkeys(str(m.sku) for m in members if m.sku))
    variants = tuple(dict.fromkeys(source for source in sources if source is not None))
    if not variants or None in sources:
        return LeftOut(item_id, shown, WhyLeftOut.NO_INVENTORY)
    found = []
    for each in map(what, variants):
        if not isinstance(each, Sellable):
            reason = each.reason if each is not None else WhyLeftOut.NO_INVENTORY
            return LeftOut(item_id, shown, reason)
        found.append(each)
    whole = Sellable(
        sum((each.quantity for each in found), ZERO), sum((each.at_hand for each in found), ZERO)
    )
    quantity = pieces(whole, reserve, backorders=item.may_be_backordered)
    if abs(quantity) > MOST_PIECES:
        return LeftOut(item_id, shown, WhyLeftOut.TOO_LARGE, str(quantity))
    parent_id = int(item.parent_id) if item.type == "variation" else 0
    return Target(item_id, parent_id, shown, item.stock_quantity, quantity, variants)


BUNDLE = "bundle"
"""The type of a variant that is put together from others when it is sold."""

OF_SALES = "SalesOrderRow"
"""The `resource_type` of movements that a sale made; no other says that somebody counted."""


class Inventory(Struct, frozen=True):
    """The stock of a variant at a location. `quantity_committed` is what open sales orders wait
    for; `quantity_potential` counts for bundles alone: how many their components make."""

    variant_id: Whole = Whole(0)
    location_id: Whole = Whole(0)
    quantity_in_stock: Amount = Amount(0)
    quantity_committed: Amount = Amount(0)
    quantity_potential: Amount = Amount(0)
    variant: Variant | None = None

    @property
    def sku(self) -> str:
        """The variant's SKU, where the answer holds it (`extend=variant`)."""
        return str(self.variant.sku) if self.variant is not None else ""

    @property
    def is_bundle(self) -> bool:
        """Whether it is put together from other items when it is sold."""
        return self.variant is not None and self.variant.type.lower() == BUNDLE

    @property
    def at_hand(self) -> Decimal:
        """What is in stock, and of a bundle what its components make besides."""
        potential = self.quantity_potential if self.is_bundle else Decimal(0)
        return self.quantity_in_stock + potential


class Movement(Struct, frozen=True):
    """A change of what is in stock. A new commitment is none."""

    id: Whole
    variant_id: Whole = Whole(0)
    location_id: Whole = Whole(0)
    resource_type: Text = Text()
    updated_at: Text = Text()

    @property
    def updated(self) -> datetime | None:
        """When Katana wrote it, UTC."""
        return utc_time(self.updated_at)


class AdjustmentRow(Struct, frozen=True):
    """A row of a stock adjustment."""

    variant_id: Whole = Whole(0)


class StockAdjustment(Struct, frozen=True):
    """A correction of stock at a location."""

    id: Whole
    stock_adjustment_number: Text = Text()
    location_id: Whole = Whole(0)
    deleted_at: Text = Text()
    stock_adjustment_rows: tuple[AdjustmentRow, ...] = ()


class AdjustmentRowDraft(Draft, frozen=True):
    """How much of a variant comes into stock (below zero: goes out), and at which cost each."""

    variant_id: int
    quantity: Decimal
    cost_per_unit: Decimal | None = None


class StockAdjustmentDraft(Draft, frozen=True):
    """`POST /stock_adjustments`. The number is what it is found by again."""

    stock_adjustment_number: str
    location_id: int
    stock_adjustment_rows: tuple[AdjustmentRowDraft, ...]
    stock_adjustment_date: str
    reason: str
    additional_info: str
