"""Which Katana variant each line is: many SKUs in one request, missing products created once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from katana_woo_sync.clients.errors import BadRequest
from katana_woo_sync.domain.katana import Product, Variant
from katana_woo_sync.domain.mapping import Unmappable
from katana_woo_sync.domain.products import (
    check_line,
    created_variants,
    is_gone,
    pick_variant,
    price_factor,
    product_draft,
)
from katana_woo_sync.domain.reasons import Reason
from katana_woo_sync.domain.text import plain
from katana_woo_sync.domain.woocommerce import LineItem, Order
from katana_woo_sync.domain.woocommerce import Product as ShopProduct
from katana_woo_sync.ledger.intents import IntentKind
from katana_woo_sync.sync.context import Context, Store
from katana_woo_sync.sync.creating import create_once
from katana_woo_sync.sync.resolve import Resolver, created_since


class LineItems:
    """The variants of one store's line items, for one batch of orders."""

    def __init__(self, context: Context, store: Store, resolver: Resolver) -> None:
        self._context = context
        self._store = store
        self._resolver = resolver
        self._catalogue = context.ledger.catalogue
        self._products: dict[int, ShopProduct | None] = {}
        self._answered: dict[str, list[Variant]] = {}

    def look_up(self, orders: Iterable[Order]) -> None:
        """Ask for what the ledger does not know of these orders' lines.

        The shop is asked for their products (a request for each hundred), Katana for their SKUs,
        all together.
        """
        unknown = [line for order in orders for line in order.line_items if self._is_new(line)]
        product_ids = {int(line.product_id) for line in unknown if line.product_id}
        missing = sorted(product_ids - self._products.keys())
        if missing:
            answered = self._store.shop.products(missing)
            self._products.update(dict.fromkeys(missing))  # those in the trash are not answered
            self._products.update((int(p.id), p) for p in answered)
        skus = sorted({str(line.sku) for line in unknown if line.sku})
        known = self._catalogue.variants(skus)
        self._ask_katana([sku for sku in skus if sku not in known])

    def variants_of(self, order: Order, line_ids: Iterable[int]) -> dict[int, int]:
        """The Katana variant for each line, by line id; products that Katana lacks are created.

        Raises `Unmappable` for what a person must set right.
        """
        wanted = set(line_ids)
        lines = [line for line in order.line_items if int(line.id) in wanted]
        return {int(line.id): self._variant_of(order, line) for line in lines}

    def _is_new(self, line: LineItem) -> bool:
        remembered = self._remembered(line)
        return remembered is None or remembered[0] != line.sku

    def _remembered(self, line: LineItem) -> tuple[str, int] | None:
        return self._catalogue.product(
            self._store.identity, int(line.product_id), int(line.variation_id)
        )

    def _ask_katana(self, skus: Sequence[str]) -> None:
        wanted = [sku for sku in skus if sku.casefold() not in self._answered]
        if not wanted:
            return
        answered = self._context.katana.variants(wanted)
        for sku in wanted:
            self._answered[sku.casefold()] = []
        for variant in answered:
            self._answered.setdefault(variant.sku.casefold(), []).append(variant)

    def _variant_of(self, order: Order, line: LineItem) -> int:
        product_id, variation_id, sku = int(line.product_id), int(line.variation_id), str(line.sku)
        remembered = self._remembered(line)
        if remembered is not None and remembered[0] == sku:
            return remembered[1]
        product = self._products.get(product_id)
        check_line(line, product)
        variant_id = self._by_sku(sku) if sku else None
        if variant_id is None and remembered is not None:
            variant_id = remembered[1]  # renamed in the shop: the id remembered tells which it is
        if variant_id is None:
            return self._create(order, line, product)
        self._catalogue.remember_product(
            self._store.identity, product_id, variation_id, sku, variant_id
        )
        return variant_id

    def _by_sku(self, sku: str) -> int | None:
        known = self._catalogue.variants([sku]).get(sku)
        if known is not None:
            return known
        variant = pick_variant(sku, self._answered.get(sku.casefold(), []))
        if variant is None:
            return None
        self._catalogue.remember_variant(sku, int(variant.id))
        return int(variant.id)

    def _create(self, order: Order, line: LineItem, product: ShopProduct | None) -> int:
        """Create the product of a line, with all its variations."""
        name = str(line.sku) or plain(line.name, 100)
        if not self._context.settings.orders.create_products:
            raise Unmappable(Reason.UNKNOWN_SKU, name)
        if product is None:
            raise Unmappable(Reason.PRODUCT_DELETED, plain(line.name, 100))
        variations: Sequence[ShopProduct] = ()
        if line.variation_id:
            variations = self._store.shop.variations(int(product.id))
            self._refuse_partly_known(line, product, variations)
        made = self._create_once(order, line, product, variations)
        variant = made.get(int(line.variation_id))
        if variant is None:
            raise Unmappable(Reason.NEW_VARIATION, name)
        return int(variant.id)

    def _refuse_partly_known(
        self, line: LineItem, product: ShopProduct, variations: Sequence[ShopProduct]
    ) -> None:
        """A product of which Katana has some variations is not created a second time."""
        skus = [str(v.sku) for v in variations if v.sku and v.sku != product.sku]
        self._ask_katana(skus)
        for sku in skus:
            if any(not is_gone(variant) for variant in self._answered.get(sku.casefold(), [])):
                raise Unmappable(Reason.NEW_VARIATION, f"{line.sku} beside {sku}")

    def _create_once(
        self,
        order: Order,
        line: LineItem,
        product: ShopProduct,
        variations: Sequence[ShopProduct],
    ) -> Mapping[int, Variant]:
        context, catalogue = self._context, self._catalogue
        price = next((v.price for v in variations if v.id == line.variation_id), product.price)
        draft = product_draft(product, variations, self._price_factor(order, line, price))
        skus = [variant.sku for variant in draft.variants if variant.sku]

        def find(begun: datetime) -> Product | None:
            for found in context.katana.products(draft.name):
                if found.deleted_at or found.archived_at or found.name != draft.name:
                    continue
                same = {str(v.sku) for v in found.variants if v.sku} == set(skus)
                if same and (skus or created_since(found, begun)):
                    return found
            return None

        def record(created: Product) -> None:
            shop_skus = {int(v.id): str(v.sku) for v in variations} or {0: str(product.sku)}
            made = created_variants(draft, variations, created.variants)
            for variation_id, variant in made.items():
                sku = shop_skus[variation_id]
                catalogue.remember_product(
                    self._store.identity, int(product.id), variation_id, sku, int(variant.id)
                )
                if variant.sku:
                    catalogue.remember_variant(str(variant.sku), int(variant.id))
            detail = f"product {created.id}: {', '.join(skus)}"
            context.ledger.journal.add(context.clock(), "katana", "created product", detail)

        try:
            created = create_once(
                context,
                IntentKind.PRODUCT,
                skus[0] if skus else f"{self._store.identity}#{product.id}",
                find=find,
                create=lambda: context.katana.create_product(draft),
                record=record,
            )
        except BadRequest as error:
            detail = f"{draft.name}: {error.reason}"
            raise Unmappable(Reason.PRODUCT_NOT_REPRESENTABLE, detail) from error
        return created_variants(draft, variations, created.variants)

    def _price_factor(self, order: Order, line: LineItem, price: Decimal) -> Decimal | None:
        """What the shop's prices are divided by; None where they are in another currency than
        Katana's base currency, in which its default prices are."""
        shop_currency = self._context.facts(self._store).currency or order.currency
        if shop_currency.upper() != self._resolver.base_currency().upper():
            return None
        return price_factor(order, line, price)
