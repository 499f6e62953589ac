"""Creating in Katana what was sold and it lacks: products, variants, services, each once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from msgspec import structs

from katana_woo_sync.clients.errors import BadRequest
from katana_woo_sync.domain.fields import Text
from katana_woo_sync.domain.katana import (
    NewVariantDraft,
    Product,
    ProductDraft,
    ServiceDraft,
    Variant,
    VariantDraft,
)
from katana_woo_sync.domain.mapping import Unmappable
from katana_woo_sync.domain.product_drafts import (
    ANY,
    created_variants,
    deleted_draft,
    mark_of,
    net_price,
    new_variant_draft,
    product_draft,
    product_name,
    service_draft,
    told_apart,
    variant_draft,
)
from katana_woo_sync.domain.products import (
    is_gone,
    price_factor,
    product_of_siblings,
    same_options,
    siblings_skus,
)
from katana_woo_sync.domain.reasons import Reason
from katana_woo_sync.domain.text import plain
from katana_woo_sync.domain.woocommerce import LineItem, Order
from katana_woo_sync.domain.woocommerce import Product as ShopProduct
from katana_woo_sync.ledger.intents import IntentKind
from katana_woo_sync.sync.context import Context, Store, log
from katana_woo_sync.sync.creating import create_once
from katana_woo_sync.sync.resolve import Resolver

NAMELESS = "Deleted product"
"""What a deleted product is called whose line has no name."""

AskKatana = Callable[[Sequence[str]], Mapping[str, list[Variant]]]


class Items:
    """Creates the items of one store's lines. Methods return the variant's id, and raise
    `Unmappable` for what a person must set right."""

    def __init__(
        self, context: Context, store: Store, resolver: Resolver, ask_katana: AskKatana
    ) -> None:
        self._context = context
        self._store = store
        self._resolver = resolver
        self._ask_katana = ask_katana
        self._catalogue = context.ledger.catalogue

    def create(self, order: Order, line: LineItem, product: ShopProduct, sku: str) -> int:
        """The item of a line whose product the shop has: a service for what is virtual, a further
        variant of a product that Katana has, else a product with all its variations."""
        variations: Sequence[ShopProduct] = ()
        if line.variation_id:
            listed = self._store.shop.variations(int(product.id))
            variations = [self._in_katanas_words(variation) for variation in listed]
        product = self._in_katanas_words(product)
        sold = next((v for v in variations if v.id == line.variation_id), product)
        factor = self._price_factor(order, line, sold.price)
        if sold.virtual:
            name = plain(line.name, 200) or product_name(product)
            return self._service(line, sold, name, sku, net_price(sold.price, factor))
        kept = [variation for variation in variations if not variation.virtual]
        if variations:
            there = product_of_siblings(line, self._siblings(line, product, kept))
            if there is not None:
                return self._variant(line, product, sold, factor, there)
        return self._product(line, product, kept, factor)

    def _in_katanas_words(self, product: ShopProduct) -> ShopProduct:
        """The product with the SKU that Katana has for it (`[sku_aliases]`)."""
        alias = self._context.settings.sku_aliases.get(str(product.sku))
        return structs.replace(product, sku=Text(alias)) if alias else product

    def deleted(self, line: LineItem) -> int:
        """The one product of a name that the shop has deleted: created without SKU."""
        name = plain(line.name, 200) or NAMELESS
        draft = deleted_draft(name, self._store.identity)

        def record(product: Product) -> None:
            variant_id = int(product.variants[0].id)
            self._catalogue.remember_deleted_product(self._store.identity, name, variant_id)
            self._journal("product", f"{product.id}: {name} (deleted in the shop)")

        return int(self._product_once(draft, f"{self._store.identity}#{name}", record))

    def _siblings(
        self, line: LineItem, product: ShopProduct, variations: Sequence[ShopProduct]
    ) -> list[Variant]:
        """What Katana has of the product's other variations: by their SKUs, else by their ids."""
        by_sku = self._ask_katana(siblings_skus(product, variations))
        found = [v for sku, variants in by_sku.items() for v in variants if v.sku == sku]
        if any(not is_gone(variant) for variant in found):
            return found
        remembered = self._catalogue.siblings(self._store.identity, int(line.product_id))
        return list(self._context.katana.variants_by_id(remembered)) if remembered else []

    def _product(
        self,
        line: LineItem,
        product: ShopProduct,
        variations: Sequence[ShopProduct],
        factor: Decimal | None,
    ) -> int:
        identity = self._store.identity
        draft = product_draft(product, variations, factor, identity)
        skus = [variant.sku for variant in draft.variants if variant.sku]

        def record(created: Product) -> None:
            made = created_variants(draft, variations, created.variants)
            shown = {int(v.id): str(v.sku or product.sku) for v in variations}
            for variation_id, variant in made.items():
                self._remember(
                    int(product.id),
                    variation_id,
                    shown.get(variation_id, str(product.sku)),
                    variant,
                )
            self._journal("product", f"{created.id}: {', '.join(skus) or draft.name}")

        key = skus[0] if skus else f"{identity}#{product.id}"
        self._product_once(draft, key, record)
        made_now = self._catalogue.product(identity, int(product.id), int(line.variation_id))
        if made_now is None:
            raise Unmappable(Reason.NEW_VARIATION, str(line.sku) or plain(line.name, 100))
        return made_now[1]

    def _shown(
        self, variation_id: int, product: ShopProduct, variations: Sequence[ShopProduct]
    ) -> str:
        """The SKU that lines of this variation show: its own, else its parent's, as the shop has
        it."""
        own = next((str(v.sku) for v in variations if v.id == variation_id and v.sku), "")
        sku = own or str(product.sku)
        aliases = self._context.settings.sku_aliases
        return next((shop for shop, there in aliases.items() if there == sku), sku)

    def _product_once(
        self, draft: ProductDraft, key: str, record: Callable[[Product], None]
    ) -> int:
        """Create a product, or find the one that was: with its SKUs, or with its mark."""
        katana = self._context.katana
        skus = {variant.sku for variant in draft.variants if variant.sku}

        def find(_begun: datetime) -> Product | None:
            for found in katana.products(draft.name):
                same = {str(v.sku) for v in found.variants if v.sku} == skus
                marked = found.additional_info == draft.additional_info
                gone = found.deleted_at or found.archived_at or not found.variants
                if not gone and same and (skus or marked):
                    return found
            return None

        # without a SKU nothing else tells of one that an earlier ledger knew
        there = None if skus else find(self._context.clock())
        if there is not None:
            with self._context.ledger.atomic():
                record(there)
            return int(there.variants[0].id)
        created = self._created(
            IntentKind.PRODUCT,
            key,
            draft.name,
            find=find,
            create=lambda: katana.create_product(draft),
            record=record,
        )
        return int(created.variants[0].id)

    def _created(
        self,
        kind: IntentKind,
        key: str,
        name: str,
        *,
        find: Callable[[datetime], Product | None],
        create: Callable[[], Product],
        record: Callable[[Product], None],
    ) -> Product:
        try:
            return create_once(self._context, kind, key, find=find, create=create, record=record)
        except BadRequest as error:
            detail = f"{name}: {error.reason}"
            raise Unmappable(Reason.PRODUCT_NOT_REPRESENTABLE, detail) from error

    def _variant(
        self,
        line: LineItem,
        product: ShopProduct,
        variation: ShopProduct,
        factor: Decimal | None,
        product_id: int,
    ) -> int:
        """A further variant of a product that Katana has."""
        katana = self._context.katana
        there = katana.product(product_id)
        wanted = self._fitting(there, product, variation, factor)
        draft = new_variant_draft(wanted, there)

        def record(variant: Variant) -> None:
            self._remember(int(line.product_id), int(line.variation_id), str(line.sku), variant)
            self._journal("variant", f"{variant.id} of product {product_id}")

        found = same_options(there, draft.options, draft.sku)
        if found is not None:
            with self._context.ledger.atomic():
                record(found)
            return int(found.id)
        key = draft.sku or f"{self._store.identity}#{line.product_id}#{line.variation_id}"
        try:
            created = create_once(
                self._context,
                IntentKind.VARIANT,
                key,
                find=lambda _begun: same_options(
                    katana.product(product_id), draft.options, draft.sku
                ),
                create=lambda: self._add(draft),
                record=record,
            )
        except BadRequest as error:
            detail = f"{draft.sku or plain(line.name, 100)}: {error.reason}"
            raise Unmappable(Reason.NEW_VARIATION, detail) from error
        return int(created.id)

    def _add(self, draft: NewVariantDraft) -> Variant:
        """Add a variant; where Katana refuses a value that its product does not list yet, list it
        first."""
        katana = self._context.katana
        try:
            return katana.create_variant(draft)
        except BadRequest as error:
            if not error.concerns("config"):
                raise
        values = {a.config_name: a.config_value for a in draft.config_attributes}
        katana.add_config_values(draft.product_id, values)
        return katana.create_variant(draft)

    def _fitting(
        self,
        there: Product,
        product: ShopProduct,
        variation: ShopProduct,
        factor: Decimal | None,
    ) -> VariantDraft:
        """The variation's draft; told apart by its id where it leaves the same options open as one
        that Katana has."""
        draft = variant_draft(product, variation, factor)
        open_choice = any(attribute.config_value == ANY for attribute in draft.config_attributes)
        taken = any(variant.options == draft.options for variant in there.variants)
        return told_apart(draft, variation) if open_choice and taken else draft

    def _service(
        self, line: LineItem, sold: ShopProduct, name: str, sku: str, price: Decimal | None
    ) -> int:
        katana = self._context.katana
        draft = service_draft(name, sku or None, price, mark_of(self._store.identity, int(sold.id)))

        def find(_begun: datetime) -> Product | None:
            return next((s for s in katana.services(name) if _is_service(s, draft, sku)), None)

        def record(service: Product) -> None:
            self._remember(
                int(line.product_id),
                int(line.variation_id),
                str(line.sku),
                service.variants[0],
            )
            self._journal("service", f"{service.id}: {sku or name}")

        there = find(self._context.clock())
        if there is not None:
            with self._context.ledger.atomic():
                record(there)
            return int(there.variants[0].id)
        created = self._created(
            IntentKind.SERVICE,
            f"{self._store.identity}#{sold.id}",
            name,
            find=find,
            create=lambda: katana.create_service(draft),
            record=record,
        )
        return int(created.variants[0].id)

    def _remember(self, product_id: int, variation_id: int, shown: str, variant: Variant) -> None:
        self._catalogue.remember_product(
            self._store.identity, product_id, variation_id, shown, int(variant.id)
        )
        if variant.sku:
            self._catalogue.remember_variant(str(variant.sku), int(variant.id))

    def _journal(self, what: str, detail: str) -> None:
        context = self._context
        context.ledger.journal.add(context.clock(), "katana", f"created {what}", detail)
        would = "would be created" if context.dry_run else "created"
        log.info("%s: %s %s (%s)", self._store.name, what, would, detail)

    def _price_factor(self, order: Order, line: LineItem, price: Decimal) -> Decimal | None:
        """What the shop's prices are divided by; None where they are in another currency than
        Katana's base currency, in which its default prices are."""
        shop_currency = self._context.facts(self._store).currency or order.currency
        if shop_currency.upper() != self._resolver.base_currency().upper():
            return None
        return price_factor(order, line, price)


def _is_service(service: Product, draft: ServiceDraft, sku: str) -> bool:
    if service.deleted_at or service.archived_at or not service.variants:
        return False
    if sku:
        return service.variants[0].sku == sku
    return service.additional_info == draft.additional_info
