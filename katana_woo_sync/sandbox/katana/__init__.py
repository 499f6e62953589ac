"""A Katana on loopback, for the demo, the tests and trying the real commands by hand."""

from __future__ import annotations

from katana_woo_sync.sandbox.katana.app import RefusedRequest
from katana_woo_sync.sandbox.katana.errors import Refusal
from katana_woo_sync.sandbox.katana.records import (
    Batch,
    Customer,
    Fulfillment,
    Item,
    Location,
    Row,
    SalesOrder,
    ShippingFee,
    TaxRate,
    Variant,
)
from katana_woo_sync.sandbox.katana.sandbox import KatanaSandbox

__all__ = [
    "Batch",
    "Customer",
    "Fulfillment",
    "Item",
    "KatanaSandbox",
    "Location",
    "Refusal",
    "RefusedRequest",
    "Row",
    "SalesOrder",
    "ShippingFee",
    "TaxRate",
    "Variant",
]
