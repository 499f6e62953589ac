"""A WooCommerce store over real HTTP on loopback, with the behaviour measured on real ones."""

from katana_woo_sync.sandbox.woocommerce.records import Address, Coupon, Fee, Item, Shipping
from katana_woo_sync.sandbox.woocommerce.sandbox import WooCommerceSandbox
from katana_woo_sync.sandbox.woocommerce.totals import TaxRate

__all__ = [
    "Address",
    "Coupon",
    "Fee",
    "Item",
    "Shipping",
    "TaxRate",
    "WooCommerceSandbox",
]
