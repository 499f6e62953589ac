"""A WooCommerce store over real HTTP on loopback, with the behaviour measured on real ones."""

from katana_woo_sync.sandbox.woocommerce.records import (
    Address,
    Coupon,
    Fee,
    Item,
    Mail,
    Shipping,
    Variation,
)
from katana_woo_sync.sandbox.woocommerce.sandbox import WooCommerceSandbox
from katana_woo_sync.sandbox.woocommerce.tax_rates import TaxRate

__all__ = [
    "Address",
    "Coupon",
    "Fee",
    "Item",
    "Mail",
    "Shipping",
    "TaxRate",
    "Variation",
    "WooCommerceSandbox",
]
