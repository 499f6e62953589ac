"""Products: which Katana variant a line is, and the product to create where Katana lacks it.

Matched by SKU, exact case, else by the WooCommerce ids remembered; never by name (article 5968223).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal

from katana_woo_sync.domain.katana import (
    ConfigAttributeDraft,
    ConfigDraft,
    ProductDraft,
    ServiceDraft,
    Variant,
    VariantDraft,
)
from katana_woo_sync.domain.mapping import SERVICE_NAME, TEN_DECIMALS, Unmappable
from katana_woo_sync.domain.reasons import Reason
from katana_woo_sync.domain.taxes import HUNDRED, tax_need
from katana_woo_sync.domain.text import plain
from katana_woo_sync.domain.woocommerce import LineItem, Order, Product

UOM = "pcs"
MOST_CONFIGS = 10
"""Katana's limit for a product's options."""


def pick_variant(sku: str, answered: Iterable[Variant]) -> Variant | None:
    """The one living, sellable variant with this SKU, exact case; None where Katana has none.

    Raises `Unmappable` where the SKU names several, only archived ones, one that is not sold, or
    where there is one that differs only in case.
    """
    answered = list(answered)
    exact = [variant for variant in answered if variant.sku == sku]
    living = [variant for variant in exact if not is_gone(variant)]
    if len(living) > 1:
        raise Unmappable(Reason.SKU_AMBIGUOUS, sku)
    if living:
        parent = living[0].product_or_material
        if parent is not None and not parent.is_sellable:
            raise Unmappable(Reason.ITEM_NOT_SELLABLE, sku)
        return living[0]
    if any(not variant.deleted_at for variant in exact):
        raise Unmappable(Reason.ITEM_ARCHIVED, sku)
    alike = [v for v in answered if v.sku.casefold() == sku.casefold() and not is_gone(v)]
    if alike:
        raise Unmappable(Reason.SKU_LOOKS_ALIKE, f"{sku} / {alike[0].sku}")
    return None


def is_gone(variant: Variant) -> bool:
    """Whether the variant or its product is deleted or archived."""
    parent = variant.product_or_material
    return bool(
        variant.deleted_at
        or variant.archived_at
        or (parent and (parent.deleted_at or parent.archived_at))
    )


def check_line(line: LineItem, product: Product | None) -> None:
    """Refuse lines whose SKU is not their own, by the product that the shop has now.

    A line's `sku` is looked up live: a deleted variation's line shows its parent's SKU with
    variation 0, a variation without a SKU shows its parent's, a deleted product's shows none.
    Raises `Unmappable`.
    """
    if not line.product_id or (product is None and not line.sku):
        raise Unmappable(Reason.PRODUCT_DELETED, plain(line.name, 100))
    if product is None:
        return  # in the trash: the SKU still is the product's own
    if product.type in ("variable", "variable-subscription"):
        if not line.variation_id:
            raise Unmappable(Reason.VARIATION_DELETED, plain(line.name, 100))
        if not line.sku or line.sku == product.sku:
            raise Unmappable(Reason.VARIATION_WITHOUT_SKU, plain(line.name, 100))


def price_factor(order: Order, line: LineItem, price: Decimal) -> Decimal:
    """What to divide the shop's prices by to get them without tax (1 where they are so already).

    Where prices include tax: 1 + the line's rate; for a customer who pays none, what the shop
    itself took off to get from its price to the line's net price.
    """
    if not order.prices_include_tax:
        return Decimal(1)
    need = tax_need(line, {str(t.rate_id): t for t in order.tax_lines})
    if need.percent:
        return 1 + need.percent / HUNDRED
    net = Decimal(line.subtotal) / line.quantity if line.quantity else Decimal(0)
    return price / net if price > 0 and net > 0 else Decimal(1)


def product_draft(
    product: Product, variations: Sequence[Product], factor: Decimal | None
) -> ProductDraft:
    """The product to create in Katana: unit pcs, default sales price without tax.

    `factor` divides the shop's prices (see `price_factor`); None leaves prices out, where the
    store's currency is not Katana's base currency. A variable product becomes one product with its
    options and a variant for each variation. Raises `Unmappable` for what Katana cannot hold.
    """
    name = plain(product.name, 200)
    if not name:
        raise Unmappable(Reason.PRODUCT_NOT_REPRESENTABLE, f"product {product.id} has no name")
    if not variations:
        variant = VariantDraft(sku=product.sku or None, sales_price=_price(product, factor))
        return ProductDraft(name=name, uom=UOM, is_sellable=True, variants=(variant,))
    options = [a for a in product.attributes if a.variation]
    if not options or len(options) > MOST_CONFIGS:
        raise Unmappable(Reason.PRODUCT_NOT_REPRESENTABLE, f"{name}: {len(options)} options")
    variants = tuple(_variant(product, variation, name, factor) for variation in variations)
    skus = [variant.sku for variant in variants if variant.sku]
    if len(skus) != len(set(skus)):
        raise Unmappable(Reason.PRODUCT_NOT_REPRESENTABLE, f"{name}: variations share a SKU")
    return ProductDraft(
        name=name, uom=UOM, is_sellable=True, variants=variants, configs=_configs(variants)
    )


def _variant(
    product: Product, variation: Product, name: str, factor: Decimal | None
) -> VariantDraft:
    chosen = {a.name: plain(a.option) for a in variation.attributes if a.option}
    wanted = [a.name for a in product.attributes if a.variation]
    if any(option not in chosen for option in wanted):
        raise Unmappable(
            Reason.PRODUCT_NOT_REPRESENTABLE, f'{name}: a variation stands for "any" value'
        )
    own_sku = variation.sku if variation.sku != product.sku else ""
    return VariantDraft(
        sku=own_sku or None,
        sales_price=_price(variation, factor),
        config_attributes=tuple(
            ConfigAttributeDraft(config_name=plain(option), config_value=chosen[option])
            for option in wanted
        ),
    )


def _configs(variants: Sequence[VariantDraft]) -> tuple[ConfigDraft, ...]:
    values: dict[str, dict[str, None]] = {}
    for variant in variants:
        for attribute in variant.config_attributes:
            values.setdefault(attribute.config_name, {})[attribute.config_value] = None
    return tuple(ConfigDraft(name=name, values=tuple(found)) for name, found in values.items())


def _price(product: Product, factor: Decimal | None) -> Decimal | None:
    if factor is None or product.price <= 0:
        return None
    return (product.price / factor).quantize(TEN_DECIMALS, ROUND_HALF_UP).normalize() + 0


def created_variants(
    draft: ProductDraft, variations: Sequence[Product], answered: Sequence[Variant]
) -> Mapping[int, Variant]:
    """Which created variant is which variation (0: a simple product's only one).

    By SKU; one without is told by its place, which Katana keeps.
    """
    if not variations:
        return {0: answered[0]} if answered else {}
    by_sku = {str(variant.sku): variant for variant in answered if variant.sku}
    found = {}
    for place, (variation, variant) in enumerate(zip(variations, draft.variants, strict=True)):
        if variant.sku and variant.sku in by_sku:
            found[int(variation.id)] = by_sku[variant.sku]
        elif not variant.sku and len(answered) == len(variations):
            found[int(variation.id)] = answered[place]
    return found


def fee_service_draft() -> ServiceDraft:
    """The service item that holds fees and what else has no product."""
    return ServiceDraft(
        name=SERVICE_NAME, uom=UOM, is_sellable=True, variants=(VariantDraft(sku="WOO-FEE"),)
    )
