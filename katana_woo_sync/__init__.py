"""katana-woo-sync keeps WooCommerce stores and Katana (cloud manufacturing ERP) in step."""

__version__ = "0.1.0"
