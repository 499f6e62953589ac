"""A WooCommerce store over real HTTP on loopback, with the behaviour measured on real ones."""

from katana_woo_sync.sandbox.woocommerce.customers import Address
from katana_woo_sync.sandbox.woocommerce.lines import Coupon
from katana_woo_sync.sandbox.woocommerce.orders import Mail, Order
from katana_woo_sync.sandbox.woocommerce.placing import Fee, Item, Shipping
from katana_woo_sync.sandbox.woocommerce.products import Variation
from katana_woo_sync.sandbox.woocommerce.sandbox import WooCommerceSandbox
from katana_woo_sync.sandbox.woocommerce.taxes import TaxRate

__all__ = [
    "Address",
    "Coupon",
    "Fee",
    "Item",
    "Mail",
    "Order",
    "Shipping",
    "TaxRate",
    "Variation",
    "WooCommerceSandbox",
]
