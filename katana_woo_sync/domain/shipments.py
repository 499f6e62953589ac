"""What a shop is told of a delivery in Katana: its goods, and how they were sent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from enum import StrEnum

from msgspec import Struct

from katana_woo_sync.domain.deliveries import Fulfillment
from katana_woo_sync.domain.fields import Amount, Text, Whole, convert
from katana_woo_sync.domain.katana import SalesOrderRow
from katana_woo_sync.domain.text import clean
from katana_woo_sync.domain.woocommerce import LineItem, Meta

OWN_META = "_katana_fulfillment_id"
"""By which a Fulfillment in the shop is found again: it holds the id of Katana's."""

OTHER_CARRIER = "other"
"""WooCommerce's word for a carrier that it does not know; its name goes along."""

LONGEST = 200
ZERO = Decimal(0)


class ShipmentWay(StrEnum):
    """Where a shop is told of shipments. The plugins' are the namespaces of their APIs."""

    NONE = ""
    FULFILLMENTS = "fulfillments"
    SHIPMENT_TRACKING = "wc-shipment-tracking/v3"
    AST = "wc-ast/v3"

    @property
    def words(self) -> str:
        """For a person."""
        return {
            ShipmentWay.NONE: "nothing but order notes",
            ShipmentWay.FULFILLMENTS: "WooCommerce's own Fulfillments",
            ShipmentWay.SHIPMENT_TRACKING: "the plugin Shipment Tracking",
            ShipmentWay.AST: "the plugin Advanced Shipment Tracking",
        }[self]


class Parcel(Struct, frozen=True):
    """A delivered fulfilment of Katana, as a shop is told of it; `rows` are sales order rows and
    quantities, `shipped` a day (2026-01-31) or "". What people typed is text."""

    number: str = ""
    carrier: str = ""
    url: str = ""
    shipped: str = ""
    rows: tuple[tuple[int, Decimal], ...] = ()

    @property
    def is_tracked(self) -> bool:
        """Whether anybody has said how it was sent."""
        return bool(self.number or self.url)

    @property
    def words(self) -> str:
        """For a person."""
        return " ".join(part for part in (self.carrier, self.number) if part) or "untracked"


def parcel_of(part: Fulfillment) -> Parcel | None:
    """What of a fulfilment a shop is told; None where it is not delivered (any more)."""
    if part.deleted_at or part.status != "DELIVERED":
        return None
    url = clean(part.tracking_url, 2000)
    return Parcel(
        number=clean(part.tracking_number, LONGEST),
        carrier=clean(part.tracking_carrier, LONGEST) or clean(part.tracking_method, LONGEST),
        url=url if url.startswith(("https://", "http://")) else "",
        shipped=part.picked_date[:10],
        rows=tuple(
            (int(row.sales_order_row_id), Decimal(row.quantity))
            for row in part.sales_order_fulfillment_rows
        ),
    )


class ShopFulfillment(Struct, frozen=True):
    """A Fulfillment of WooCommerce (since 10.1)."""

    id: Whole
    meta_data: tuple[Meta, ...] = ()

    @property
    def values(self) -> dict[str, object]:
        """Its meta by key."""
        return {each.key: each.value for each in self.meta_data}

    @property
    def quantities(self) -> dict[int, Decimal]:
        """How many of each line of the order it holds."""
        items, found = self.values.get("_items"), dict[int, Decimal]()
        for item in items if isinstance(items, list) else []:
            read = convert(item, _Item)
            found[read.item_id] = found.get(read.item_id, ZERO) + read.qty
        return found

    def is_of(self, fulfillment_id: int, parcel: Parcel) -> bool:
        """Whether it is Katana's of this id: by our own meta, or by its tracking number where
        somebody's change has dropped that."""
        own = str(self.values.get(OWN_META) or "")
        if own:
            return own == str(fulfillment_id)
        return bool(parcel.number) and self.values.get("_tracking_number") == parcel.number


class _Item(Struct, frozen=True):
    item_id: Whole = Whole(0)
    qty: Amount = Amount(0)


class Tracking(Struct, frozen=True):
    """An entry of a tracking plugin."""

    tracking_id: Text = Text()
    tracking_number: Text = Text()


def items_of(
    parcel: Parcel,
    rows: Iterable[SalesOrderRow],
    lines: Sequence[LineItem],
    variants_of: Mapping[int, int],
    taken: Mapping[int, Decimal],
) -> dict[int, Decimal]:
    """The parcel's goods as lines of the shop's order, by their ids: the lines that were sold as
    the row's variant (`variants_of` has it by line), in their order, as far as no other parcel has
    `taken` them."""
    variants = {int(row.id): int(row.variant_id) for row in rows}
    room = {int(line.id): line.quantity - taken.get(int(line.id), ZERO) for line in lines}
    found: dict[int, Decimal] = {}
    for row_id, quantity in parcel.rows:
        variant, left = variants.get(row_id), quantity
        for line in lines:
            line_id = int(line.id)
            if (
                not variant
                or variants_of.get(line_id) != variant
                or room[line_id] <= 0
                or left <= 0
            ):
                continue
            part = min(left, room[line_id])
            room[line_id] -= part
            left -= part
            found[line_id] = found.get(line_id, ZERO) + part
    return found


def fulfillment_body(
    fulfillment_id: int, parcel: Parcel, items: Mapping[int, Decimal], *, mail: bool
) -> dict[str, object]:
    """What is sent to WooCommerce for a Fulfillment: all its meta, since a PUT drops the others.
    `mail`: whether the buyer is mailed about it."""
    meta: dict[str, object] = {
        "_items": [{"item_id": line, "qty": _number(quantity)} for line, quantity in items.items()]
    }
    if parcel.is_tracked:
        meta["_tracking_number"] = parcel.number
        meta["_shipment_provider"] = OTHER_CARRIER
        meta["_provider_name"] = parcel.carrier
        meta["_tracking_url"] = parcel.url
    meta[OWN_META] = str(fulfillment_id)
    return {
        "status": "fulfilled",
        "is_fulfilled": True,
        "meta_data": [{"key": key, "value": value} for key, value in meta.items()],
        "notify_customer": mail,
    }


def tracking_body(parcel: Parcel) -> dict[str, object]:
    """What is sent to a tracking plugin."""
    body = {
        "tracking_number": parcel.number,
        "custom_tracking_provider": parcel.carrier or "Carrier",
        "custom_tracking_link": parcel.url,
        "date_shipped": parcel.shipped,
    }
    return {key: value for key, value in body.items() if value}


def is_told(there: ShopFulfillment, parcel: Parcel, items: Mapping[int, Decimal]) -> bool:
    """Whether a Fulfillment of the shop says what it is to say."""
    names = ("_tracking_number", "_tracking_url", "_provider_name")
    wanted = (parcel.number, parcel.url, parcel.carrier) if parcel.is_tracked else ("", "", "")
    said = tuple(str(there.values.get(name) or "") for name in names)
    return said == wanted and there.quantities == dict(items)


def _number(quantity: Decimal) -> int | float:
    return int(quantity) if quantity == quantity.to_integral_value() else float(quantity)
