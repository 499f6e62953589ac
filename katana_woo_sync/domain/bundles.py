"""Bundles and composites: lines that plugins tie together, as rows that count each thing once.

WooCommerce knows no bundles; plugins put child lines beside the parent's line and tie them with
meta of their own. Some price the parent, some its children, some both; the money of all of them
together is what the customer paid. Whatever rows a bundle becomes, their sum stays the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from katana_woo_sync.domain.charges import Charge, ChargeKind
from katana_woo_sync.domain.woocommerce import LineItem

Mode = Literal["parent", "children", "both"]

Knows = Callable[[LineItem], bool]
"""Whether Katana has the product of a line."""

CHILD_OF = (
    "_bundled_by",  # Product Bundles, YITH Product Bundles
    "_composite_parent",  # Composite Products
    "_mnm_container",  # Mix and Match
    "_woosb_parent_id",  # WPC Product Bundles
    "_wooco_parent_id",  # WPC Composite Products
    "_chained_product_of",  # Chained Products
    "_wc_pb_bundled_by",
    "_bto_parent",
)
"""Meta of a child's line. Its value is the parent's cart key, or its product or line id."""

KEY_OF_PARENT = (
    "_bundle_cart_key",
    "_composite_cart_key",
    "_mnm_cart_key",
    "_yith_bundle_cart_key",
    "_cart_key",
)
"""Meta with the cart key by which children name their parent. Children have keys too."""

SIGN_OF_PARENT = (
    "_bundled_items",
    "_composite_children",
    "_mnm_config",
    "_woosb_ids",
    "_wooco_ids",
    "_wooco_components",
    "_cartstamp",
    "_stamp",
    "_composite_data",
)
"""Meta that only a parent's line has."""


class Bundled(Struct, frozen=True):
    """Which lines are whose: the parent's line id of each child, directly (bundles may be nested),
    and every line by its id."""

    parents: Mapping[int, int]
    lines: Mapping[int, LineItem]

    def children(self, line_id: int) -> list[int]:
        """The lines directly under this one, in the order of the shop."""
        return [child for child, parent in self.parents.items() if parent == line_id]


def bundled(lines: Sequence[LineItem]) -> Bundled:
    """Find out which lines belong to which. A child whose parent is not there stands alone."""
    parents: dict[int, int] = {}
    for place, line in enumerate(lines):
        parent = _parent_of(line, lines, place)
        if parent is not None and not _is_above(line.id, parent, parents):
            parents[int(line.id)] = parent
    return Bundled(parents, {int(line.id): line for line in lines})


def _is_above(line_id: int, other: int, parents: Mapping[int, int]) -> bool:
    """Whether a line is an ancestor of the other: odd meta must make no circle."""
    current: int | None = other
    while current is not None:
        if current == line_id:
            return True
        current = parents.get(current)
    return False


def _parent_of(line: LineItem, lines: Sequence[LineItem], place: int) -> int | None:
    named = next((_text(line, key) for key in CHILD_OF if _text(line, key) is not None), None)
    if named is None:
        return None
    others = [other for other in lines if other.id != line.id]
    for other in others:
        if named and any(_text(other, key) == named for key in KEY_OF_PARENT):
            return int(other.id)
    for other in others:
        if named == str(int(other.id)):
            return int(other.id)
    before = list(reversed(lines[:place]))
    for other in (*before, *lines[place + 1 :]):
        if named in (str(int(other.product_id)), str(int(other.variation_id))) and named != "0":
            return int(other.id)
    # a key that no line shows: the plugin's parents are still to be recognised by their meta
    signed = (o for o in before if any(_text(o, key) is not None for key in SIGN_OF_PARENT))
    return next((int(other.id) for other in signed), None)


def _text(line: LineItem, key: str) -> str | None:
    for entry in line.meta_data:
        if entry.key == key:
            return str(entry.value) if isinstance(entry.value, (str, int)) else ""
    return None


def as_rows(
    charges: Sequence[Charge], tied: Bundled, mode: Mode, knows: Knows
) -> tuple[Charge, ...]:
    """The charges of an order's items with bundles as the store wants them.

    "parent": one row of the parent with its children's money, where Katana knows the parent; else,
    and for "children", a row for each child, and the parent's own money as a fee. "both": all of
    them, each with its own money. Money of another tax rate than the row's cannot be in it: it
    becomes a fee that is named for the child. `knows` is asked only about parents.
    """
    if not tied.parents:
        return tuple(charges)
    by_line = {charge.line_id: charge for charge in charges if charge.kind is ChargeKind.ITEM}
    rows: list[Charge] = []
    for charge in charges:
        if charge.kind is not ChargeKind.ITEM:
            rows.append(charge)
        elif charge.line_id not in tied.parents:
            rows += _expanded(charge, by_line, tied, mode, knows)
    return tuple(rows)


def _expanded(
    charge: Charge, by_line: Mapping[int, Charge], tied: Bundled, mode: Mode, knows: Knows
) -> list[Charge]:
    children = [by_line[child] for child in tied.children(charge.line_id) if child in by_line]
    if not children:
        return [charge]
    if mode == "parent" and charge.quantity > 0 and knows(tied.lines[charge.line_id]):
        return _merged(charge, _all_below(charge.line_id, by_line, tied))
    below = [row for child in children for row in _expanded(child, by_line, tied, mode, knows)]
    if mode == "both":
        return [charge, *below]
    return [*([_as_fee(charge)] if charge.gross or charge.net else []), *below]


def _all_below(line_id: int, by_line: Mapping[int, Charge], tied: Bundled) -> list[Charge]:
    found = []
    for child in tied.children(line_id):
        if child in by_line:
            found.append(by_line[child])
        found += _all_below(child, by_line, tied)
    return found


def _merged(parent: Charge, children: Sequence[Charge]) -> list[Charge]:
    """One row of the parent, and fees for what is taxed at other rates."""
    family = [parent, *children]
    weights: dict[object, Decimal] = {}
    for charge in family:
        weights[charge.need] = weights.get(charge.need, Decimal(0)) + abs(charge.gross)
    # a parent without a price of its own has no tax that would show its rate
    need = parent.need if parent.gross else max(family, key=lambda c: weights[c.need]).need
    same = [charge for charge in family if charge.need == need]
    others = [charge for charge in family if charge.need != need and charge.gross]
    row = replace(
        parent,
        need=need,
        net=sum((charge.net for charge in same), Decimal(0)),
        tax=sum((charge.tax for charge in same), Decimal(0)),
        full_net=sum((charge.full_net for charge in same), Decimal(0)),
        full_tax=sum((charge.full_tax for charge in same), Decimal(0)),
        attributes=(*parent.attributes, *_contents(children)),
        roundings=sum(charge.roundings for charge in same),
    )
    return [row, *map(_as_fee, others)]


def _contents(children: Sequence[Charge]) -> tuple[tuple[str, str], ...]:
    """What is in the bundle, for whoever packs it: nothing else of the children is in Katana."""
    return tuple(
        ("Contains", f"{child.quantity:f} × {child.name}") for child in children if child.quantity
    )


def _as_fee(charge: Charge) -> Charge:
    return replace(charge, kind=ChargeKind.FEE, quantity=Decimal(1))
