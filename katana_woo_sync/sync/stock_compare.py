"""The full comparison of a store's stock with Katana's: at first, nightly, and when settings of
stock change. What differs becomes due; setting it is the ordinary way's."""

from __future__ import annotations

from collections.abc import Sequence

from katana_woo_sync.domain.products import VARIABLE, skus_in_katana
from katana_woo_sync.domain.stock import OF_SALES, Inventory, Target
from katana_woo_sync.domain.woocommerce import StockItem
from katana_woo_sync.sync.context import Context, Store, log
from katana_woo_sync.sync.stock_hearing import (
    Places,
    list_commitments,
    start_products,
)
from katana_woo_sync.sync.stock_look import Found, RecentStock, Seen, Skus, by_sku, plan_of

MARK = "WooCommerce product "
"""How the `additional_info` of what this program creates in Katana begins."""

SKUS_PER_REQUEST = 100


class Comparison:
    """Full comparisons of one run: stores at one location share what is read of it."""

    def __init__(self, context: Context, places: Places) -> None:
        self.context = context
        self.places = places
        self.recent = RecentStock(context)
        self._stock: dict[int, dict[int, Inventory]] = {}
        self._listed_commitments = False
        self.not_scanned: set[str] = set()
        """Stores whose orders could not be read in this run, by name."""

    def stock_at(self, location_id: int) -> Found:
        """All of Katana's stock at the location, read once."""
        if location_id not in self._stock:
            rows = self.context.katana.all_stock(location_id)
            self._stock[location_id] = {int(row.variant_id): row for row in rows}
            bundles = [int(row.variant_id) for row in rows if row.is_bundle]
            with self.context.step():
                self.context.ledger.stock.set_bundles(location_id, bundles)
        return self._stock[location_id]

    def list_commitments(self) -> None:
        """All open sales orders, read once."""
        if not self._listed_commitments:
            list_commitments(self.context, self.places)
            self._listed_commitments = True


def compare(comparison: Comparison, store: Store, digest: str, *, is_first: bool) -> None:
    """Compare all that a store keeps stock of with Katana, once it is known what the shops' orders
    have taken. Raises a `ServiceError`."""
    context, places = comparison.context, comparison.places
    location_id = places.of_stores[store.identity]
    log.info("%s: comparing its whole stock with Katana's", store.name)
    start_products(context, store)
    comparison.list_commitments()
    found = comparison.stock_at(location_id)
    skus = by_sku(found.values())
    items = shop_stock(context, store, list(skus))
    _remember(context, store, items, skus)
    made = plan_of(context, store, places, Seen(items, found, skus))
    differing = [target for target in made.targets if target.differs]
    if is_first:
        find_uncounted(context, differing, found, ask_of_known=True)
    with context.step(), context.ledger.atomic():
        stock = context.ledger.stock
        stock.know_skus(skus)
        stock.leave_out(store.identity, made.left_out, looked_at=None)
        stock.add_due(store.identity, sorted({v for t in differing for v in t.variant_ids}))
        same = {t.item_id: t.quantity for t in made.targets if not t.differs}
        stock.set_pushed(store.identity, same)
        stock.compared(store.identity, digest, made.managed, context.clock())


def shop_stock(
    context: Context, store: Store, skus: Sequence[str], *, whole: bool = False
) -> tuple[StockItem, ...]:
    """Everything in the shop: products, and variations in the way that takes the fewest requests.

    WooCommerce 11 lists all variations; older versions list them product by product, or find them
    by Katana's SKUs, many in a request (`whole`, with prices and options: product by product).
    """
    products = store.shop.all_stock_items(whole=whole)
    parents = [int(item.id) for item in products if item.type in VARIABLE]
    if not parents:
        return products
    variations = store.shop.all_variations(whole=whole)
    if variations is not None:
        return (*products, *variations)
    aliases = context.settings.sku_aliases
    simple = {sku for p in products for sku in skus_in_katana(str(p.sku), aliases)}
    missing = [sku for sku in skus if sku not in simple]
    if whole or len(parents) <= 1 + len(missing) // SKUS_PER_REQUEST:
        listed = [v for p in parents for v in store.shop.variations_stock(p, whole=whole)]
        return (*products, *listed)
    as_in_shop = [shop for shop, katana in aliases.items() if katana in set(missing)]
    found = [i for i in store.shop.stock_items([*missing, *as_in_shop]) if i.parent_id]
    shared = {int(item.parent_id) for item in found if item.uses_parents_stock}
    of_shared = [v for parent in sorted(shared) for v in store.shop.variations_stock(parent)]
    kept = [item for item in found if int(item.parent_id) not in shared]
    return (*products, *kept, *of_shared)


def _remember(
    context: Context,
    store: Store,
    items: Sequence[StockItem],
    skus: Skus,
) -> None:
    """Keep which variant an item is whose SKU the shop cannot be asked for: it splits at commas."""
    aliases = context.settings.sku_aliases
    for item in items:
        if "," not in item.sku:
            continue
        ids = next((skus[s] for s in skus_in_katana(str(item.sku), aliases) if s in skus), ())
        if len(ids) == 1:
            product_id, variation_id = (
                (int(item.parent_id), int(item.id)) if item.parent_id else (int(item.id), 0)
            )
            with context.step():
                context.ledger.catalogue.remember_product(
                    store.identity, product_id, variation_id, str(item.sku), ids[0]
                )


def find_uncounted(
    context: Context, differing: Sequence[Target], found: Found, *, ask_of_known: bool = False
) -> bool:
    """What this program created, and nobody counted, is known by its mark: after a lost or restored
    ledger, and where the answer to its creation was lost and it was then found like any other item.

    Asked of what would be set though Katana has nothing of it, or owes it; `ask_of_known` asks too
    whether somebody counted what was known. Returns whether there is any that was not known. Raises
    a `ServiceError`.
    """
    stock = context.ledger.stock
    doubtful = {
        variant_id
        for target in differing
        for variant_id in target.variant_ids
        if variant_id in found
        and found[variant_id].quantity_in_stock <= 0
        and not found[variant_id].is_bundle
    }
    known = {v for v in stock.uncounted() if v in found}
    if not (ask_of_known or doubtful - known):
        return False
    marked = {
        int(variant.id)
        for variant in context.katana.variants_by_id(sorted(doubtful - known))
        if variant.product_or_material is not None
        and variant.product_or_material.additional_info.startswith(MARK)
    }
    asked = marked | known if ask_of_known else marked
    counted: set[int] = set()
    for page in context.katana.movements_of(sorted(asked)):
        counted |= {int(m.variant_id) for m in page if m.resource_type != OF_SALES}
    with context.step(), context.ledger.atomic():
        stock.add_uncounted(sorted(marked - counted))
        stock.counted(sorted(counted))
    return bool(marked - counted - known)
