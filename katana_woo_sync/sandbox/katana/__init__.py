"""A Katana on loopback, for the demo, the tests and trying the real commands by hand."""

from __future__ import annotations

from katana_woo_sync.sandbox.katana.account import Location, TaxRate
from katana_woo_sync.sandbox.katana.api import RefusedRequest
from katana_woo_sync.sandbox.katana.customers import Customer
from katana_woo_sync.sandbox.katana.errors import Refusal
from katana_woo_sync.sandbox.katana.fulfillments import Fulfillment
from katana_woo_sync.sandbox.katana.items import Item, Variant
from katana_woo_sync.sandbox.katana.sales_orders import Row, SalesOrder, ShippingFee
from katana_woo_sync.sandbox.katana.sandbox import KatanaSandbox
from katana_woo_sync.sandbox.katana.stock import Batch

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
