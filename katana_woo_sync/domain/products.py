"""Products: which Katana variant a line is.

Matched by SKU, exact case, else by the WooCommerce ids remembered; never by name (article 5968223).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

from katana_woo_sync.domain.katana import Product as KatanaProduct
from katana_woo_sync.domain.katana import Variant
from katana_woo_sync.domain.mapping import Unmappable
from katana_woo_sync.domain.payments import lines_of
from katana_woo_sync.domain.reasons import Reason
from katana_woo_sync.domain.taxes import HUNDRED, stated, taxes_of
from katana_woo_sync.domain.text import plain
from katana_woo_sync.domain.woocommerce import LineItem, Order, Product

VARIABLE = frozenset({"variable", "variable-subscription"})


def pick_variant(sku: str, answered: Iterable[Variant]) -> Variant | None:
    """The one living, sellable variant with this SKU, exact case; None where Katana has none.

    Raises `Unmappable` where the SKU names several, only archived ones, or one that is not sold.
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
    return None


def looks_alike(sku: str, answered: Iterable[Variant]) -> str | None:
    """A living variant's SKU that differs from this one only in case, which makes it another's."""
    alike = (v.sku for v in answered if v.sku.casefold() == sku.casefold() and not is_gone(v))
    return next((str(other) for other in alike if other != sku), None)


def is_gone(variant: Variant) -> bool:
    """Whether the variant or its product is deleted or archived."""
    parent = variant.product_or_material
    return bool(
        variant.deleted_at
        or variant.archived_at
        or (parent and (parent.deleted_at or parent.archived_at))
    )


def is_deleted(line: LineItem, product: Product | None) -> bool:
    """Whether what was sold is gone from the shop: its product, or its variation.

    A line whose product was deleted shows product 0; one whose variation was deleted shows its
    parent, variation 0, and the parent's SKU.
    """
    if not line.product_id:
        return True
    return product is not None and product.type in VARIABLE and not line.variation_id


def own_sku(line: LineItem, product: Product | None) -> str:
    """The SKU that is the line's own; "" where it has none, or shows another's.

    A line's `sku` is looked up live: a variation without one shows its parent's, and so does a line
    whose variation was deleted. `product` is what the shop has now, the parent of a variation; None
    where it does not answer for it, and then the SKU is taken as it stands.
    """
    if is_deleted(line, product):
        return ""
    if product is not None and product.type in VARIABLE and line.sku == product.sku:
        return ""
    return str(line.sku)


def in_katana(sku: str, aliases: Mapping[str, str]) -> str:
    """A shop's SKU as Katana is to have it: its alias, else without the spaces around it, which
    nobody sees. "" stays ""."""
    trimmed = sku.strip()
    return aliases.get(sku) or aliases.get(trimmed) or trimmed


def skus_in_katana(sku: str, aliases: Mapping[str, str]) -> list[str]:
    """The SKUs by which Katana may know it, the likeliest first: one that has spaces around it in
    the shop may have them in Katana too."""
    created_as = in_katana(sku, aliases)
    as_it_stands = [sku] if created_as == sku.strip() and created_as else []
    return [each for each in dict.fromkeys([*as_it_stands, created_as]) if each]


def product_of_siblings(line: LineItem, siblings: Iterable[Variant]) -> int | None:
    """The Katana product that a new variation belongs to: its siblings' one; None without siblings.

    Virtual siblings, which are services, tell nothing. Raises `Unmappable` where the siblings are
    in several products, or are materials.
    """
    items = {(int(v.product_id), int(v.material_id)) for v in siblings if not is_gone(v)}
    products = {product_id for product_id, material_id in items if product_id or material_id}
    if not products:
        return None
    if len(products) > 1 or 0 in products:
        what = "materials" if 0 in products else f"in {len(products)} products"
        raise Unmappable(
            Reason.NEW_VARIATION,
            f"{line.sku or plain(line.name, 100)}: its other variations are {what} in Katana",
        )
    return products.pop()


def same_options(
    product: KatanaProduct, options: frozenset[tuple[str, str]], sku: str | None
) -> Variant | None:
    """The variant of a product that has these options, if there is one without another SKU.

    Raises `Unmappable` for one with another SKU: Katana takes no two variants of one choice.
    """
    for variant in product.variants:
        if variant.options == options and not is_gone(variant):
            if variant.sku and variant.sku != sku:
                raise Unmappable(
                    Reason.NEW_VARIATION,
                    f"{sku or 'no SKU'} in the shop, {variant.sku} in Katana for the same options",
                )
            return variant
    return None


def price_factor(order: Order, line: LineItem, price: Decimal) -> Decimal:
    """What to divide the shop's prices by to get them without tax (1 where they are so already).

    Where prices include tax: 1 + the line's rate; for a customer who pays none, what the shop
    itself took off to get from its price to the line's net price.
    """
    if not order.prices_include_tax:
        return Decimal(1)
    lines = lines_of(order)
    parts = taxes_of(lines, order.tax_lines).parts[lines.index(line)]
    percent = stated(parts[0].need) if len(parts) == 1 else None
    if percent:
        return 1 + percent / HUNDRED
    net = Decimal(line.subtotal) / line.quantity if line.quantity else Decimal(0)
    return price / net if price > 0 and net > 0 else Decimal(1)


def siblings_skus(product: Product, variations: Sequence[Product]) -> list[str]:
    """The SKUs of a product's variations, as far as they are their own."""
    return [str(v.sku) for v in variations if v.sku and v.sku != product.sku]
