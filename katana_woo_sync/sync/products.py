"""Which Katana variant each line is: many SKUs in one request, what is missing created once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from katana_woo_sync.clients.errors import NotFound
from katana_woo_sync.domain.katana import Variant
from katana_woo_sync.domain.order_rules import Note
from katana_woo_sync.domain.products import (
    GLOBAL_ATTRIBUTE,
    in_katana,
    is_deleted,
    is_deleted_variation,
    looks_alike,
    may_be_of_variation,
    name_of_deleted,
    pick_variant,
    sku_of_line,
    skus_in_katana,
)
from katana_woo_sync.domain.reasons import Reason
from katana_woo_sync.domain.sales_order import Unmappable
from katana_woo_sync.domain.text import plain
from katana_woo_sync.domain.woocommerce import LineItem, Order
from katana_woo_sync.domain.woocommerce import Product as ShopProduct
from katana_woo_sync.sync.context import Context, Store
from katana_woo_sync.sync.katana_facts import KatanaFacts
from katana_woo_sync.sync.new_products import NAMELESS, NewItems

Products = dict[int, ShopProduct | None]
"""A shop's products by id; None for one that it has no more."""


class KatanaVariants:
    """Katana's variants by SKU, for one batch of orders of all stores."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._answered: dict[str, list[Variant]] = {}

    def ask(self, skus: Sequence[str]) -> Mapping[str, list[Variant]]:
        """Katana's variants of these SKUs, also those that differ in case; each is asked for once.

        Katana's filter minds the case, so the usual other ways to write a SKU are asked for with
        it: who has "mug-1" there does not want a second item "MUG-1".
        """
        wanted = [sku for sku in skus if sku.casefold() not in self._answered]
        if wanted:
            forms = {form: None for sku in wanted for form in (sku, sku.lower(), sku.upper())}
            found = self._context.katana.variants(list(forms))
            # not before: a request that failed is no answer
            for sku in wanted:
                self._answered[sku.casefold()] = []
            for variant in found:
                self._answered.setdefault(variant.sku.casefold(), []).append(variant)
        return {sku: self._answered[sku.casefold()] for sku in skus}

    def answered(self, sku: str) -> Sequence[Variant]:
        """What was answered for a SKU; nothing where it was not asked for."""
        return self._answered.get(sku.casefold(), ())


class LineItems:
    """The variants of one store's line items, for one batch of orders."""

    def __init__(
        self,
        context: Context,
        store: Store,
        katana_facts: KatanaFacts,
        variants: KatanaVariants,
        *,
        creates: bool | None = None,
    ) -> None:
        """`creates` tells whether what Katana lacks is created; else the config does."""
        self._context = context
        self._store = store
        self._creates = context.settings.orders.create_products if creates is None else creates
        self._catalogue = context.ledger.catalogue
        self._products: Products = {}
        self._variants = variants
        self._lines: dict[tuple[int, int, str], int] = {}
        self._notes: list[Note] = []
        self._new = NewItems(context, store, katana_facts, variants.ask)

    def know(self, products: Products) -> None:
        """Take products that were read already: the shop is not asked for them again."""
        self._products |= products

    def look_up(self, orders: Iterable[Order]) -> None:
        """Ask for what the ledger does not know of these orders' lines.

        The shop is asked for their products (a request for each hundred), Katana for their SKUs,
        all together.
        """
        orders = list(orders)
        missing = self.unknown_products(orders)
        if missing:
            self.know(self.ask_shop(missing))
        self._variants.ask(self.unknown_skus(orders))

    def unknown_products(self, orders: Iterable[Order]) -> list[int]:
        """The products of these orders that the shop must be asked for."""
        product_ids = {int(line.product_id) for line in self._new_lines(orders) if line.product_id}
        return sorted(product_ids - self._products.keys())

    def ask_shop(self, product_ids: Sequence[int]) -> Products:
        """Ask the shop for products. It may be called in a thread of its own."""
        answered: Products = {int(p.id): p for p in self._store.shop.products(product_ids)}
        for product_id in product_ids:
            if product_id not in answered:
                answered[product_id] = self._trashed(product_id)
        return answered

    def unknown_skus(self, orders: Iterable[Order]) -> list[str]:
        """The SKUs of these orders that Katana must be asked for; their products are known."""
        skus = {sku for line in self._new_lines(orders) for sku in self._katana_skus(line)}
        return sorted(skus - self._catalogue.variants(sorted(skus)).keys())

    def unknown_siblings(self, orders: Iterable[Order]) -> Iterator[str]:
        """The SKUs of the other variations of what Katana lacks, by which it may know the product.

        Katana has been asked for the lines' own SKUs; the shop is asked for the variations.
        """
        for line in self._new_lines(orders):
            product = self._product(line)
            if product is None or not (self._creates and line.variation_id):
                continue
            if not self._may_be_known(line):
                yield from self._new.siblings_skus(line, product)

    def _may_be_known(self, line: LineItem) -> bool:
        """Whether the ledger or Katana has something by the line's SKU or its ids."""
        skus = self._katana_skus(line)
        return (
            self._remembered(line) is not None
            or any(self._variants.answered(sku) for sku in skus)
            or bool(self._catalogue.variants(skus))
        )

    def _new_lines(self, orders: Iterable[Order]) -> list[LineItem]:
        return [line for order in orders for line in order.line_items if self._is_new(line)]

    def variants_of(self, order: Order, line_ids: Iterable[int]) -> dict[int, int]:
        """The Katana variant for each line, by line id; products that Katana lacks are created.

        Raises `Unmappable` for what a person must set right.
        """
        lines = self._wanted(order, line_ids)
        return {int(line.id): self._variant_of(order, line) for line in lines}

    def _wanted(self, order: Order, line_ids: Iterable[int]) -> list[LineItem]:
        wanted = set(line_ids)
        return [line for line in order.line_items if int(line.id) in wanted]

    def count_new(self, order: Order) -> int:
        """How many of an order's products have never been matched with Katana's."""
        return len({line.product_id for line in order.line_items if self._is_new(line)})

    def lacking(self, order: Order) -> set[tuple[int, int]]:
        """What of an order Katana lacks, so that it would be created: products and variations, by
        their ids. They are looked up before."""
        lines = self._new_lines([order]) if self._creates else []
        return {
            (int(line.product_id), int(line.variation_id))
            for line in lines
            if not self._may_be_known(line)
        }

    def take_notes(self) -> list[Note]:
        """What there is to note about the variants that were asked for since last time."""
        notes, self._notes = self._notes, []
        return notes

    def is_known(self, line: LineItem) -> bool:
        """Whether Katana has the line's product, so that nothing would be created for it.

        Raises `Unmappable` where its SKU is in doubt there.
        """
        return self._known_variant(line) is not None

    def _trashed(self, product_id: int) -> ShopProduct | None:
        """A product in the trash is in no list, but answers by its id; None for one deleted."""
        try:
            return self._store.shop.product(product_id)
        except NotFound:
            return None

    def _is_new(self, line: LineItem) -> bool:
        return self._matched(line) is None

    def _matched(self, line: LineItem) -> int | None:
        """The variant with which the line was matched by the very SKU that it shows."""
        key = int(line.product_id), int(line.variation_id), str(line.sku)
        if key not in self._lines:
            remembered = self._remembered(line)
            if remembered is None or remembered[0] != self._shown_sku(line):
                return None
            self._lines[key] = remembered[1]
        return self._lines[key]

    def _remembered(self, line: LineItem) -> tuple[str, int] | None:
        """The SKU that the line's product showed when it was matched, and its variant."""
        if not line.product_id or self._may_be_deleted_variation(line):
            return None
        return self._catalogue.product(
            self._store.identity, int(line.product_id), int(line.variation_id)
        )

    def _may_be_deleted_variation(self, line: LineItem) -> bool:
        """Whether a variation was sold that is gone, so that what is remembered of the line's
        product itself says nothing. Before the shop was asked for the product: whether the line
        looks so, and variations of it are known."""
        if not may_be_of_variation(line):
            return False
        product = self._product(line)
        if product is not None:
            return is_deleted_variation(line, product)
        is_attribute = any(meta.key.startswith(GLOBAL_ATTRIBUTE) for meta in line.meta_data)
        product_id = int(line.product_id)
        return is_attribute or bool(self._catalogue.siblings(self._store.identity, product_id))

    def _product(self, line: LineItem) -> ShopProduct | None:
        return self._products.get(int(line.product_id))

    def _katana_skus(self, line: LineItem) -> list[str]:
        """The SKUs by which Katana may know the line's own, the likeliest first."""
        sku = sku_of_line(line, self._product(line))
        return skus_in_katana(sku, self._context.settings.sku_aliases)

    def _shown_sku(self, line: LineItem) -> str:
        """The SKU that the line shows, its own or its parent's, in Katana's words: what it was
        matched by is put in doubt by a new alias as by a new SKU."""
        return in_katana(str(line.sku), self._context.settings.sku_aliases)

    def _variant_of(self, order: Order, line: LineItem) -> int:
        known = self._known_variant(line)
        if known is not None:
            return known
        product = self._product(line)
        if not self._creates:
            raise Unmappable(Reason.UNKNOWN_SKU, str(line.sku) or plain(line.name, 100))
        if product is None or is_deleted(line, product):
            return self._new.deleted(line, product, self._note_alike(line))
        sku = self._note_alike(line)
        return self._new.create(order, line, product, sku)

    def _note_alike(self, line: LineItem) -> str:
        """The SKU that an item gets which is created for the line; one that looks like another
        is noted."""
        sku = self._new_sku(line)
        alike = self._looks_alike(line)
        if alike:
            self._notes.append(
                Note(Reason.SKU_LOOKS_ALIKE, f"{sku} was created, Katana had {alike}")
            )
        return sku

    def _new_sku(self, line: LineItem) -> str:
        """The SKU that an item gets which is created for the line."""
        return next(reversed(self._katana_skus(line)), "")

    def _looks_alike(self, line: LineItem) -> str:
        """A SKU in Katana that only looks like the line's; empty where there is none."""
        sku = self._new_sku(line)
        return looks_alike(sku, self._variants.answered(sku)) or "" if sku else ""

    def _known_variant(self, line: LineItem) -> int | None:
        """The line's variant, by its SKU, else by the ids remembered; None if Katana lacks it."""
        matched = self._matched(line)
        if matched is not None:
            return matched
        remembered = self._remembered(line)
        shown = self._shown_sku(line)
        product = self._product(line)
        found = map(self._by_sku, self._katana_skus(line))
        variant_id = next((each for each in found if each is not None), None)
        if variant_id is None and remembered is not None:
            variant_id = remembered[1]  # renamed in the shop: the id remembered tells which it is
        if variant_id is None and (product is None or is_deleted(line, product)):
            if self._new_sku(line):
                return None
            name = name_of_deleted(line, product) or NAMELESS
            return self._catalogue.deleted_product(self._store.identity, name)
        if variant_id is not None and line.product_id:
            self._catalogue.remember_product(
                self._store.identity,
                int(line.product_id),
                int(line.variation_id),
                shown,
                variant_id,
            )
        return variant_id

    def _by_sku(self, sku: str) -> int | None:
        known = self._catalogue.variants([sku]).get(sku)
        if known is not None:
            return known
        variant = pick_variant(sku, self._variants.ask([sku])[sku])
        if variant is None:
            return None
        self._catalogue.remember_variant(sku, int(variant.id))
        return int(variant.id)
