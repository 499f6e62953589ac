"""Products: which Katana variant a line is.

Matched by SKU, exact case, else by the WooCommerce ids remembered; never by name (article 5968223).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from urllib.parse import unquote

from msgspec.structs import replace

from katana_woo_sync.domain.fields import Amount, Text, Whole
from katana_woo_sync.domain.katana import Product as KatanaProduct
from katana_woo_sync.domain.katana import Variant
from katana_woo_sync.domain.payments import lines_of
from katana_woo_sync.domain.reasons import Reason
from katana_woo_sync.domain.sales_order import Unmappable
from katana_woo_sync.domain.taxes import HUNDRED, stated, taxes_of
from katana_woo_sync.domain.text import plain, visible_meta
from katana_woo_sync.domain.woocommerce import (
    LineItem,
    LineTax,
    Order,
    PriceSettings,
    Product,
    StoreTaxRate,
    TaxLine,
)

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
    """Whether what was sold is gone from the shop: its product, or its variation. A line whose
    product was deleted shows product 0."""
    return not line.product_id or is_deleted_variation(line, product)


def is_deleted_variation(line: LineItem, product: Product | None) -> bool:
    """Whether a variation was sold that is gone: the line shows its parent, variation 0, and the
    parent's SKU, and keeps what was chosen. One without that is of the product itself."""
    if product is None or product.type not in VARIABLE or line.variation_id:
        return False
    return bool(chosen_options(line, product))


def may_be_of_variation(line: LineItem) -> bool:
    """Whether a line without a variation shows what may have been chosen of one."""
    return not line.variation_id and bool(visible_meta(line.meta_data))


def chosen_options(line: LineItem, product: Product) -> dict[str, frozenset[str]]:
    """What was chosen of a product's options, by the option's name in lower case: the value as
    people read it and as the shop keeps it, in lower case."""
    names = {
        key: plain(attribute.name).casefold()
        for attribute in product.attributes
        if attribute.variation
        for key in (_key(attribute.name), _key(attribute.slug))
    }
    found: dict[str, frozenset[str]] = {}
    for meta in line.meta_data:
        if meta.key.startswith("_"):
            continue
        shown = meta.display_key if isinstance(meta.display_key, str) else meta.key
        name = names.get(_key(meta.key)) or names.get(_key(shown))
        if name is None and meta.key.startswith(GLOBAL_ATTRIBUTE):
            name = plain(shown).casefold()
        values = (v for v in (meta.display_value, meta.value) if isinstance(v, str))
        values_read = frozenset(plain(value).casefold() for value in values) - {""}
        if name and values_read:
            found[name] = values_read
    return found


GLOBAL_ATTRIBUTE = "pa_"
"""How the key of an attribute begins that all products share."""


def _key(text: str) -> str:
    """An attribute's name or key, as both can be compared: WordPress makes the one of the other."""
    bare = unquote(text).casefold().removeprefix("attribute_").removeprefix(GLOBAL_ATTRIBUTE)
    return re.sub(r"[\W_]+", "-", plain(bare)).strip("-")


def name_of_deleted(line: LineItem, product: Product | None) -> str:
    """The name of what the shop has no more: of a variation with what was chosen; "" for none."""
    name = plain(line.name, 200)
    if not name or product is None or not is_deleted_variation(line, product):
        return name
    options = chosen_options(line, product)
    shown = [
        value
        for key, value in visible_meta(line.meta_data)
        if any(value.casefold() in values for values in options.values())
        and value.casefold() not in name.casefold()
    ]
    return plain(f"{name} - {', '.join(shown)}", 200) if shown else name


def of_these_options(
    variants: Iterable[Variant], options: Mapping[str, frozenset[str]]
) -> Variant | None:
    """The one living variant that has these options; None for none, or several."""
    found = [
        variant
        for variant in variants
        if not is_gone(variant)
        and variant.options
        and all(
            plain(value).casefold() in options.get(plain(name).casefold(), frozenset())
            for name, value in variant.options
        )
    ]
    return found[0] if len(found) == 1 else None


def sku_of_line(line: LineItem, product: Product | None) -> str:
    """The SKU of what the line sells; "" where that has none, and the line shows its parent's.

    A line's `sku` is looked up live: a variation without one shows its parent's, and so does a line
    whose variation was deleted. One that shows a SKU without a product was given it by a plugin.
    `product` is what the shop has now, the parent of a variation; None where it does not answer for
    it, and then the SKU is taken as it stands.
    """
    if is_deleted_variation(line, product):
        return ""
    is_variation = product is not None and product.type in VARIABLE and line.variation_id
    if is_variation and product is not None and line.sku == product.sku:
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

    Virtual siblings, which are services, say nothing. Raises `Unmappable` where the siblings are
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
                taxes=tuple(LineTax(id=Text(rate.id), total="0") for rate in its_rates),
            )
            for each, its_rates in zip(sold, taxed, strict=True)
        ),
        tax_lines=tuple(
            TaxLine(rate_id=Text(rate.id), compound=rate.compound, rate_percent=Decimal(rate.rate))
            for rate in {int(rate.id): rate for its_rates in taxed for rate in its_rates}.values()
        ),
    )
