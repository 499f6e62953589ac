"""What is written on the shop's orders: where they are in Katana, and how they were sent."""

from __future__ import annotations

from collections.abc import Iterable

from katana_woo_sync.domain.deliveries import Fulfillment
from katana_woo_sync.domain.order_record import OrderRecord
from katana_woo_sync.domain.text import clean

KATANA_LINK = "https://factory.katanamrp.com/salesorder/{}"
"""Where a person sees a sales order."""

LONGEST = 200


def import_note(record: OrderRecord) -> str:
    """Says under which number the order is in Katana, and where."""
    return f"In Katana as {record.sales_order_no}: {KATANA_LINK.format(record.sales_order_id)}"


def tracking_note(fulfillments: Iterable[Fulfillment]) -> str:
    """Carrier, tracking number and address of each parcel, a line each; "" where none has any.

    WooCommerce shows notes as HTML; what Katana's people typed is text.
    """
    lines = []
    for each in fulfillments:
        carrier = clean(each.tracking_carrier, LONGEST) or clean(each.tracking_method, LONGEST)
        number, url = clean(each.tracking_number, LONGEST), clean(each.tracking_url, 2000)
        url = url if url.startswith(("https://", "http://")) else ""
        if number or url:
            words = " ".join(part for part in (carrier, number, url) if part)
            lines.append(words.replace("<", "&lt;").replace(">", "&gt;"))
    lines = list(dict.fromkeys(lines))
    return "\n".join([f"Sent with {lines[0]}", *lines[1:]]) if lines else ""
