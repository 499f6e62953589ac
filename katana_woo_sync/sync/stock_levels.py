"""The stock of both sides, read and compared."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Protocol

from msgspec import Struct
from msgspec.structs import replace

from katana_woo_sync.clients.errors import NotFound
from katana_woo_sync.domain.products import VARIABLE, is_gone, skus_in_katana
from katana_woo_sync.domain.stock import (
    OF_SALES,
    ZERO,
    Ambiguous,
    Inventory,
    LeftOut,
    Plan,
    Sellable,
    Target,
    WhyLeftOut,
    plan,
    sellable,
)
from katana_woo_sync.domain.woocommerce import StockItem
from katana_woo_sync.sync.context import Context, Store, log
from katana_woo_sync.sync.stock_changes import (
    Places,
    list_commitments,
    start_products,
)

RECENT = timedelta(seconds=20)
"""How long a reading of Katana's stock may serve."""

Found = Mapping[int, Inventory]
"""What Katana has at a location, by variant."""

Skus = Mapping[str, tuple[int, ...]]
"""Katana's variants by SKU."""


class Seen(Struct, frozen=True):
    """What the shop has (`items`) and what Katana has of some variants, or of all."""

    items: tuple[StockItem, ...]
    found: Found
    skus: Skus


class RecentStock:
    """Katana's stock as it was read in this run, for some moments: stores at one location share a
    reading."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._read: dict[tuple[int, int], tuple[Inventory | None, datetime]] = {}

    def of(self, variant_ids: Sequence[int], location_id: int) -> dict[int, Inventory]:
        """What there is of these variants, as of a few seconds ago at most. Raises a
        `ServiceError`."""
        now = self._context.clock()
        old = [v for v in variant_ids if not self._is_recent((v, location_id), now)]
        if old:
            katana = self._context.katana
            before = katana.passed_over
            found = {int(r.variant_id): r for r in katana.stock_of(old, location_id)}
            is_whole = katana.passed_over == before  # else who is missing is asked for again
            self._read.update(
                {(v, location_id): (found.get(v), now) for v in old if is_whole or v in found}
            )
        rows = ((v, self._read.get((v, location_id), (None, now))[0]) for v in variant_ids)
        return {v: row for v, row in rows if row is not None}

    def _is_recent(self, place: tuple[int, int], now: datetime) -> bool:
        known = self._read.get(place)
        return known is not None and now - known[1] <= RECENT


class Run(Protocol):
    """A run of the stock sync: where the stores are, and what was read a moment ago."""

    context: Context
    places: Places
    recent: RecentStock


class Look(Struct, frozen=True):
    """What was seen of some variants, and what follows for a store. `is_whole` tells whether all
    rows that came could be read."""

    variant_ids: tuple[int, ...]
    seen: Seen
    plan: Plan
    is_whole: bool = True

    @property
    def looked_at(self) -> set[int]:
        """The variants that were looked at: where rows could not be read, those that are in others;
        for the rest it is not known what the shop has, or Katana."""
        if self.is_whole:
            return set(self.variant_ids)
        return {v for target in self.plan.targets for v in target.variant_ids}

    @property
    def item_ids(self) -> list[int]:
        """The shop's items that were looked at."""
        return [int(item.id) for item in self.seen.items]

    def again(self, run: Run, store: Store) -> Look:
        """The same with what the shops' orders have taken by now, and what the shop has now."""
        before = store.shop.passed_over
        items = _shop_items(run.context, store, self.variant_ids, self.seen.skus)
        planned = _planned(run, store, self.variant_ids, replace(self.seen, items=items))
        return replace(planned, is_whole=self.is_whole and store.shop.passed_over == before)


def look(run: Run, store: Store, part: Sequence[int]) -> Look:
    """Ask Katana and the shop for these variants. Raises a `ServiceError`.

    Where variations share their product's stock, the others of them are looked at with it.
    """
    context, recent = run.context, run.recent
    before = store.shop.passed_over + context.katana.passed_over
    location_id = run.places.of_stores[store.identity]
    stock = recent.of(part, location_id)
    skus = by_sku(stock.values())
    unknown = [variant_id for variant_id in part if variant_id not in stock]
    for variant in context.katana.variants_by_id(unknown) if unknown else ():
        # no stock record: to be listed with the shop's item that has its SKU
        if variant.sku and not is_gone(variant):
            sku = str(variant.sku)
            skus[sku] = (*skus.get(sku, ()), int(variant.id))
    skus.update(_shared_skus(context, skus))
    items = _shop_items(context, store, part, skus)
    others = _skus_of_others(context, items, skus)
    if others:
        found = context.katana.variants(others)
        more = recent.of([int(v.id) for v in found if not is_gone(v)], location_id)
        stock = {**stock, **more}
        skus = {**skus, **by_sku(more.values())}
    planned = _planned(run, store, tuple(part), Seen(items, stock, skus))
    after = store.shop.passed_over + context.katana.passed_over
    return replace(planned, is_whole=after == before)


def _shared_skus(context: Context, skus: Skus) -> dict[str, tuple[int, ...]]:
    """SKUs of which the ledger knows another variant, with those that have them in Katana now: a
    second item of one SKU makes it ambiguous, one that was renamed does not. Raises a
    `ServiceError`."""
    stock = context.ledger.stock
    known = stock.skus(skus)
    doubtful = sorted(sku for sku, ids in skus.items() if known.get(sku, set()) - set(ids))
    found: dict[str, tuple[int, ...]] = {}
    for variant in context.katana.variants(doubtful) if doubtful else ():
        sku = str(variant.sku)
        if sku in doubtful and not is_gone(variant):
            found[sku] = (*found.get(sku, ()), int(variant.id))
    stock.know_skus({**skus, **found})
    return found


def _planned(run: Run, store: Store, part: tuple[int, ...], seen: Seen) -> Look:
    """The plan for those of the shop's items that these variants are about."""
    variant_of = _variant_of(run.context, store, seen)
    shared = {int(item.parent_id) for item in seen.items if item.uses_parents_stock}

    def is_meant(item: StockItem) -> bool:
        try:
            return variant_of(item) is not None
        except Ambiguous:
            return True

    meant = tuple(
        item
        for item in seen.items
        if item.uses_parents_stock or int(item.id) in shared or is_meant(item)
    )
    seen = replace(seen, items=meant)
    return Look(part, seen, plan_of(run.context, store, run.places, seen))


def by_sku(rows: Iterable[Inventory]) -> dict[str, tuple[int, ...]]:
    """Variants by SKU; two of one SKU make it ambiguous."""
    found: dict[str, tuple[int, ...]] = {}
    for row in rows:
        if row.sku:
            found[row.sku] = (*found.get(row.sku, ()), int(row.variant_id))
    return found


def _shop_items(
    context: Context, store: Store, part: Sequence[int], skus: Skus
) -> tuple[StockItem, ...]:
    """The shop's items of these variants: by their SKUs, and those that have none by the ids that
    they were matched by; with each that shares its product's stock, that product and its others."""
    aliases = context.settings.sku_aliases
    as_in_shop = [shop for shop, katana in aliases.items() if katana in skus]
    found = {int(i.id): i for i in store.shop.stock_items([*skus, *as_in_shop])}
    products: set[int] = set()
    variations: set[int] = set()
    for product_id, variation_id in context.ledger.catalogue.sold_as(store.identity, part):
        if (variation_id or product_id) not in found:
            (variations if variation_id else products).add(product_id)
    found.update((int(i.id), i) for i in store.shop.stock_items_by_id(sorted(products)))
    parents = {int(i.parent_id) for i in found.values() if i.uses_parents_stock} | variations
    parents |= {
        int(item.id) for item in found.values() if item.keeps_stock and item.type == "variable"
    }
    found.update((int(i.id), i) for i in store.shop.stock_items_by_id(sorted(parents)))
    for parent_id in sorted(parents):
        try:
            listed = store.shop.variations_stock(parent_id)
        except NotFound:
            continue  # deleted since it was matched
        found.update((int(i.id), i) for i in listed)
    return tuple(found[item_id] for item_id in sorted(found))


def _skus_of_others(context: Context, items: Sequence[StockItem], skus: Skus) -> list[str]:
    """SKUs in Katana's words of variations that share a stock with what is looked at."""
    aliases = context.settings.sku_aliases
    shared = [str(item.sku) for item in items if item.uses_parents_stock]
    wanted = {sku for own in shared for sku in skus_in_katana(own, aliases)}
    return sorted(wanted - skus.keys())


def plan_of(context: Context, store: Store, places: Places, seen: Seen) -> Plan:
    """What the stock of the shop's items is to be, by what Katana has and the shops took."""
    variant_of = _variant_of(context, store, seen)
    taken = _taken(context, places, places.of_stores[store.identity], seen.skus)
    uncounted = context.ledger.stock.uncounted()
    by_woocommerce = None
    if not store.settings.count_other_commitments:
        by_woocommerce = context.ledger.stock.committed_by_woocommerce(
            places.of_stores[store.identity]
        )

    def what(variant_id: int) -> Sellable | LeftOut | None:
        row = seen.found.get(variant_id)
        if row is None:
            return None
        if variant_id in uncounted and row.quantity_in_stock <= 0:
            return LeftOut(0, "", WhyLeftOut.NOT_COUNTED)
        counted = None if by_woocommerce is None else by_woocommerce.get(variant_id, ZERO)
        return sellable(row, committed_by_woocommerce=counted, reduced=taken.get(variant_id, ZERO))

    excluded = frozenset(store.settings.stock_exclude)
    return plan(seen.items, variant_of, what, store.settings.stock_reserve, excluded)


def _variant_of(context: Context, store: Store, seen: Seen) -> Callable[[StockItem], int | None]:
    by_id, skus = {int(item.id): item for item in seen.items}, seen.skus
    aliases = context.settings.sku_aliases
    catalogue = context.ledger.catalogue

    def variant_of(item: StockItem) -> int | None:
        parent = by_id.get(int(item.parent_id)) if item.parent_id else None
        # a variation without a SKU of its own shows its product's
        sku = "" if parent is not None and parent.sku == item.sku else str(item.sku)
        for each in skus_in_katana(sku, aliases):
            ids = skus.get(each, ())
            if len(ids) > 1:
                raise Ambiguous(each)
            if ids:
                return ids[0]
        if sku:
            return None
        product_id, variation_id = (
            (int(item.parent_id), int(item.id)) if item.parent_id else (int(item.id), 0)
        )
        remembered = catalogue.product(store.identity, product_id, variation_id)
        return remembered[1] if remembered is not None else None

    return variant_of


def _taken(context: Context, places: Places, location_id: int, skus: Skus) -> dict[int, Decimal]:
    """What orders of all shops at the location have taken and Katana does not hold, by variant."""
    aliases, catalogue = context.settings.sku_aliases, context.ledger.catalogue
    found: dict[int, Decimal] = {}
    for each in context.ledger.stock.taken(places.stores_at(location_id)):
        ids = next((skus[s] for s in skus_in_katana(each.sku, aliases) if s in skus), ())
        if not ids:
            known = catalogue.product(each.identity, each.product_id, each.variation_id)
            ids = (known[1],) if known is not None else ()
        for variant_id in ids:
            found[variant_id] = found.get(variant_id, ZERO) + each.quantity
    return found


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
            self.context.go_on()
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
    with context.ledger.atomic():
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
            context.go_on()
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
    with context.ledger.atomic():
        stock.add_uncounted(sorted(marked - counted))
        stock.counted(sorted(counted))
    return bool(marked - counted - known)
