"""A product of the shop as a line that would sell it: so the import of a whole catalogue takes the
same way as the products of an order."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from msgspec.structs import replace

from katana_woo_sync.domain.fields import Amount, Text, Whole
from katana_woo_sync.domain.text import plain
from katana_woo_sync.domain.woocommerce import (
    LineItem,
    LineTax,
    Order,
    PriceSettings,
    Product,
    StoreTaxRate,
    TaxLine,
)

NOT_IMPORTED = {
    "grouped": "a grouped product is only a page of others",
    "external": "an external product is sold elsewhere",
}
"""Types of products that have nothing to stock or sell here (article 5968223)."""


def no_price(product: Product) -> str:
    """What is wrong with a product whose price is no number; "" where it is one."""
    said = product.price.nonsense
    return f'its price in the shop is no number ("{plain(said, 40)}")' if said else ""


def rates_of(
    product: Product, rates: Sequence[StoreTaxRate], settings: PriceSettings
) -> tuple[StoreTaxRate, ...]:
    """The shop's own tax rates for a product or variation: those of its tax class where the shop
    itself is, the first of each priority, as WooCommerce finds them."""
    if product.tax_status != "taxable":
        return ()
    country, _, state = settings.base.partition(":")
    wanted = str(product.tax_class) or "standard"
    found: dict[int, StoreTaxRate] = {}
    for rate in sorted(rates, key=_most_fitting_first):
        here = rate.country in ("", country) and rate.state in ("", state)
        if here and not rate.postcode and not rate.city and rate.tax_class == wanted:
            found.setdefault(int(rate.priority), rate)
    return tuple(found.values())


def _most_fitting_first(rate: StoreTaxRate) -> tuple[int, bool, bool, int]:
    return int(rate.priority), not rate.country, not rate.state, int(rate.order)


def taxed_as(variation: Product, product: Product) -> Product:
    """A variation with the tax class that counts for it: its product's where it says so."""
    if variation.tax_class != "parent":
        return variation
    return replace(variation, tax_class=product.tax_class)


def as_order(
    product: Product,
    variations: Sequence[Product],
    rates: Sequence[StoreTaxRate],
    settings: PriceSettings,
    currency: str,
) -> Order:
    """An order of one piece of the product, or of each of its variations, with the shop's own taxes
    (`rates` are all that the shop has)."""
    sold = variations or (product,)
    taxed = [rates_of(taxed_as(each, product), rates, settings) for each in sold]
    return Order(
        id=product.id,
        currency=Text(currency),
        prices_include_tax=settings.include_tax,
        line_items=tuple(
            LineItem(
                id=each.id,
                name=each.name or product.name,
                product_id=product.id,
                variation_id=each.id if variations else Whole(0),
                quantity=Amount(1),
                sku=each.sku or product.sku,
                taxes=tuple(LineTax(id=Text(rate.id), total="0") for rate in own),
            )
            for each, own in zip(sold, taxed, strict=True)
        ),
        tax_lines=tuple(
            TaxLine(rate_id=Text(rate.id), compound=rate.compound, rate_percent=Decimal(rate.rate))
            for rate in {int(rate.id): rate for own in taxed for rate in own}.values()
        ),
    )
