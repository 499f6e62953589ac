"""The products, variants and services to create where Katana lacks what was sold.

Default sales prices are without tax, in Katana's base currency; the unit is pcs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal
from types import MappingProxyType
from typing import TypeVar

from msgspec import structs

from katana_woo_sync.domain.katana import (
    ConfigAttributeDraft,
    ConfigDraft,
    NewVariantDraft,
    ProductDraft,
    ServiceDraft,
    Variant,
    VariantDraft,
)
from katana_woo_sync.domain.katana import Product as KatanaProduct
from katana_woo_sync.domain.products import is_gone
from katana_woo_sync.domain.reasons import Reason
from katana_woo_sync.domain.rows import TEN_DECIMALS
from katana_woo_sync.domain.sales_order import SERVICE_NAME, SHIPPING_NAME, Unmappable
from katana_woo_sync.domain.text import plain
from katana_woo_sync.domain.woocommerce import Product

UOM = "pcs"
MOST_CONFIGS = 10
"""Katana's limit for a product's options."""

LONGEST_CATEGORY = 35
SHORTEST_BARCODE, LONGEST_BARCODE = 3, 40
"""Katana's limits."""

UNCATEGORIZED = "Uncategorized"

ANY = "Any"
"""The value of an option that a variation leaves open; the customer's choice is on the order."""

JOINED = " / "


def mark_of(identity: str, product_id: int) -> str:
    """What a created product says it was made of, by which it is found again without a SKU."""
    return f"WooCommerce product {product_id} of {identity}"


def mark_of_deleted(identity: str) -> str:
    """The same for a product that the shop has deleted: its name is all that is left of it."""
    return f"WooCommerce product of {identity}, deleted there"


def product_draft(
    product: Product,
    variations: Sequence[Product],
    factor: Decimal | None,
    identity: str,
    factors: Mapping[int, Decimal | None] = MappingProxyType({}),
) -> ProductDraft:
    """The product to create in Katana.

    `factor` divides the shop's prices (see `price_factor`); None leaves prices out, where the
    store's currency is not Katana's base currency. `factors` has those of variations, by id, that
    are taxed otherwise. A variable product becomes one product with its options and a variant for
    each variation. Raises `Unmappable` for what Katana cannot hold.
    """
    name = product_name(product)
    mark = mark_of(identity, int(product.id))
    if not variations:
        variants: tuple[VariantDraft, ...] = (
            VariantDraft(
                sku=product.sku or None,
                sales_price=_price(product, factor),
                registered_barcode=_barcode(product),
            ),
        )
        return ProductDraft(
            name=name,
            uom=UOM,
            is_sellable=True,
            additional_info=mark,
            category_name=_category(product),
            variants=variants,
        )
    variants = _distinct(
        [variant_draft(product, v, factors.get(int(v.id), factor)) for v in variations], variations
    )
    skus = [variant.sku for variant in variants if variant.sku]
    if len(skus) != len(set(skus)):
        shared = ", ".join(sorted({sku for sku in skus if skus.count(sku) > 1}))
        raise Unmappable(Reason.VARIATIONS_SHARE_SKU, f"{name}: {shared}")
    return ProductDraft(
        name=name,
        uom=UOM,
        is_sellable=True,
        additional_info=mark,
        category_name=_category(product),
        variants=variants,
        configs=_configs(product, variants),
    )


def _category(product: Product) -> str | None:
    """The shop's first category; none where it has only the one for what has none."""
    names = (plain(category.name, LONGEST_CATEGORY) for category in product.categories)
    return next((name for name in names if name and name != UNCATEGORIZED), None)


def _barcode(product: Product) -> str | None:
    """The GTIN, UPC, EAN or ISBN, where Katana takes it."""
    code = product.global_unique_id.strip()
    return str(code) if SHORTEST_BARCODE <= len(code) <= LONGEST_BARCODE else None


def product_name(product: Product) -> str:
    """The name as people read it. Raises `Unmappable` where there is none."""
    name = plain(product.name, 200)
    if not name:
        raise Unmappable(Reason.PRODUCT_NOT_REPRESENTABLE, f"product {product.id} has no name")
    return name


def variant_draft(product: Product, variation: Product, factor: Decimal | None) -> VariantDraft:
    """A variation as a variant: a value for each of its product's options.

    Katana takes ten options; what is beyond is joined into the tenth. A variation that stands for
    any value of an option has the value "Any".
    """
    chosen = {str(a.name): plain(a.option) for a in variation.attributes}
    names = [str(a.name) for a in product.attributes if a.variation] or list(chosen) or ["Option"]
    pairs = [(plain(name, 100) or "Option", chosen.get(name) or ANY) for name in names]
    if len(pairs) > MOST_CONFIGS:
        rest = pairs[MOST_CONFIGS - 1 :]
        joined = (JOINED.join(name for name, _ in rest), JOINED.join(value for _, value in rest))
        pairs = [*pairs[: MOST_CONFIGS - 1], joined]
    sku = variation.sku if variation.sku != product.sku else ""
    return VariantDraft(
        sku=sku or None,
        sales_price=_price(variation, factor),
        registered_barcode=_barcode(variation),
        config_attributes=tuple(
            ConfigAttributeDraft(config_name=name, config_value=value)
            for name, value in _different_names(pairs)
        ),
    )


def _different_names(pairs: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Options of one name get a number: Katana takes no two configs of one name."""
    seen: dict[str, int] = {}
    found = []
    for name, value in pairs:
        seen[name] = seen.get(name, 0) + 1
        found.append((name if seen[name] == 1 else f"{name} {seen[name]}", value))
    return found


def _distinct(
    drafts: Sequence[VariantDraft], variations: Sequence[Product]
) -> tuple[VariantDraft, ...]:
    """Variants that differ: two variations of one choice ("any" twice) get their SKU or
    id, since Katana takes no two variants of the same values."""
    seen: set[frozenset[tuple[str, str]]] = set()
    found = []
    for draft, variation in zip(drafts, variations, strict=True):
        variant = with_distinct_options(draft, variation) if draft.options in seen else draft
        seen.add(variant.options)
        found.append(variant)
    return tuple(found)


AnyVariant = TypeVar("AnyVariant", bound=VariantDraft)


def with_distinct_options(draft: AnyVariant, variation: Product) -> AnyVariant:
    """The draft with its SKU or WooCommerce id added to the last of its values."""
    *rest, last = draft.config_attributes
    named = f"{last.config_value} ({draft.sku or int(variation.id)})"
    return structs.replace(
        draft, config_attributes=(*rest, structs.replace(last, config_value=named))
    )


def new_variant_draft(draft: VariantDraft, product: KatanaProduct) -> NewVariantDraft:
    """A further variant of a product that Katana has, in the words of that product's configs.

    Raises `Unmappable` where the options are not those that the product has in Katana.
    """
    values = {a.config_name.casefold(): a.config_value for a in draft.config_attributes}
    configs = [str(config.name) for config in product.configs]
    if {name.casefold() for name in configs} != set(values):
        raise Unmappable(
            Reason.NEW_VARIATION,
            f"{draft.sku or product.name}: the options are {', '.join(values) or 'none'} in the "
            f"shop, {', '.join(configs) or 'none'} in Katana",
        )
    return NewVariantDraft(
        product_id=int(product.id),
        sku=draft.sku,
        sales_price=draft.sales_price,
        registered_barcode=draft.registered_barcode,
        config_attributes=tuple(
            ConfigAttributeDraft(config_name=name, config_value=values[name.casefold()])
            for name in configs
        ),
    )


def is_first_of_its_choice(
    product: Product, variation: Product, variations: Sequence[Product]
) -> bool:
    """Whether no earlier variation has the same options: it keeps its values as they are."""
    options = variant_draft(product, variation, None).options
    same = [v for v in variations if variant_draft(product, v, None).options == options]
    return all(int(variation.id) <= int(other.id) for other in same)


def fitting_draft(
    draft: NewVariantDraft, variation: Product, product: KatanaProduct, *, is_first: bool
) -> NewVariantDraft:
    """The further variant in the values that are free for it, or that it was created with.

    Variations of one choice ("any" twice) get other values. Which has which must come out the same
    each time, for those without a SKU have nothing else to be found again by.
    """
    distinct = with_distinct_options(draft, variation)
    living = [variant for variant in product.variants if not is_gone(variant)]
    if any(variant.options == distinct.options for variant in living):
        return distinct
    is_open = any(attribute.config_value == ANY for attribute in draft.config_attributes)
    is_anothers = any(v.options == draft.options and v.sku and v.sku != draft.sku for v in living)
    return draft if is_first and not (is_open and is_anothers) else distinct


def service_draft(
    name: str, sku: str | None, sales_price: Decimal | None, mark: str
) -> ServiceDraft:
    """A virtual product, of which there is no stock to keep."""
    return ServiceDraft(
        name=name,
        uom=UOM,
        is_sellable=True,
        additional_info=mark,
        variants=(VariantDraft(sku=sku, sales_price=sales_price),),
    )


def deleted_draft(name: str, identity: str, sku: str = "") -> ProductDraft:
    """A product that the shop has deleted, without price: by the SKU that the line still shows,
    else one for each store and name."""
    return ProductDraft(
        name=name,
        uom=UOM,
        is_sellable=True,
        additional_info=mark_of_deleted(identity),
        variants=(VariantDraft(sku=sku or None),),
    )


def _configs(product: Product, variants: Sequence[VariantDraft]) -> tuple[ConfigDraft, ...]:
    """The options with all values that the shop lists for them, so that variations to come fit."""
    values: dict[str, dict[str, None]] = {}
    for variant in variants:
        for chosen in variant.config_attributes:
            values.setdefault(chosen.config_name, {})[chosen.config_value] = None
    for attribute in product.attributes:
        listed = values.get(plain(attribute.name, 100))
        if listed is not None and attribute.variation:
            listed.update((plain(option), None) for option in attribute.options if plain(option))
    return tuple(ConfigDraft(name=name, values=tuple(found)) for name, found in values.items())


def _price(product: Product, factor: Decimal | None) -> Decimal | None:
    return net_price(product.price, factor)


def net_price(price: Decimal, factor: Decimal | None) -> Decimal | None:
    """A price without tax, in ten decimals; None where there is none to give."""
    if factor is None or price <= 0:
        return None
    return (price / factor).quantize(TEN_DECIMALS, ROUND_HALF_UP).normalize() + 0


def created_variants(
    draft: ProductDraft, variations: Sequence[Product], answered: Sequence[Variant]
) -> Mapping[int, Variant]:
    """Which created variant is which variation (0: a simple product's only one).

    By SKU; one without is found by its options, which differ, else by its place, which Katana
    keeps.
    """
    if not variations:
        return {0: answered[0]} if answered else {}
    by_sku = {str(variant.sku): variant for variant in answered if variant.sku}
    by_options = {variant.options: variant for variant in answered if not variant.sku}
    found = {}
    for place, (variation, variant) in enumerate(zip(variations, draft.variants, strict=True)):
        made = by_sku.get(variant.sku) if variant.sku else by_options.get(variant.options)
        if made is None and not variant.sku and len(answered) == len(variations):
            made = answered[place]
        if made is not None:
            found[int(variation.id)] = made
    return found


def service_item_draft(name: str) -> ServiceDraft:
    """A service item of this program's own: that of fees, or of shipping."""
    sku = {SERVICE_NAME: "WOO-FEE", SHIPPING_NAME: "WOO-SHIPPING"}[name]
    return ServiceDraft(name=name, uom=UOM, is_sellable=True, variants=(VariantDraft(sku=sku),))
