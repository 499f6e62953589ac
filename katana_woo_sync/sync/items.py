"""Creating in Katana what was sold and it lacks: products, variants, services, each once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from msgspec import structs

from katana_woo_sync.clients.errors import BadRequest, NotFound
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
    created_variants,
    deleted_draft,
    fitting_draft,
    is_first_of_its_choice,
    mark_of,
    net_price,
    new_variant_draft,
    product_draft,
    product_name,
    service_draft,
    variant_draft,
)
from katana_woo_sync.domain.products import (
    in_katana,
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
        variant of a product that Katana has, else a product with all its variations.

        Whether Katana tells of services when it is asked for a SKU is not documented: where it
        refuses a SKU that it did not tell of, it may be a service's, which is then the item.
        """
        try:
            return self._create(order, line, product, sku)
        except Unmappable as error:
            refusal = error.__cause__
            if not sku or not isinstance(refusal, BadRequest) or not refusal.concerns("sku"):
                raise
            service = next((s for s in self._context.katana.services() if _has_sku(s, sku)), None)
            if service is None:
                raise
            self._remember_sold(line, service.variants[0])
            return int(service.variants[0].id)

    def _create(self, order: Order, line: LineItem, product: ShopProduct, sku: str) -> int:
        variations: Sequence[ShopProduct] = ()
        sold = product = self._in_katanas_words(product)
        if line.variation_id:
            variations = self._variations(int(product.id), int(line.variation_id))
            found = next((v for v in variations if v.id == line.variation_id), None)
            if found is None:
                return self.deleted(line)
            sold = found
        factor = self._price_factor(order, line, sold.price)
        if sold.virtual:
            name = plain(line.name, 200) or product_name(product)
            return self._service(line, sold, name, sku, net_price(sold.price, factor))
        kept = [variation for variation in variations if not variation.virtual]
        if variations:
            there = product_of_siblings(line, self._siblings(line, product, kept))
            if there is not None:
                draft = variant_draft(product, sold, factor)
                is_first = is_first_of_its_choice(product, sold, kept)
                return self._variant(line, draft, sold, there, is_first=is_first)
        return self._product(line, product, kept, factor)

    def _variations(self, product_id: int, sold_id: int) -> Sequence[ShopProduct]:
        """The product's variations. Those in the trash, where they go with their product, are in
        no list; the one that was sold is asked for by its id."""
        listed = list(self._store.shop.variations(product_id))
        if all(variation.id != sold_id for variation in listed):
            try:
                listed.append(self._store.shop.variation(product_id, sold_id))
            except NotFound:
                log.debug("%s: variation %s is gone", self._store.name, sold_id)
        listed.sort(key=lambda variation: int(variation.id))
        return [self._in_katanas_words(variation) for variation in listed]

    def _in_katanas_words(self, product: ShopProduct) -> ShopProduct:
        """The product with the SKU that Katana is to have for it."""
        sku = in_katana(str(product.sku), self._context.settings.sku_aliases)
        return structs.replace(product, sku=Text(sku))

    def deleted(self, line: LineItem) -> int:
        """The one product of a name that the shop has deleted: created without SKU."""
        name = plain(line.name, 200) or NAMELESS
        known = self._catalogue.deleted_product(self._store.identity, name)
        if known is not None:
            return known
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
            record=self._uncounted(record),
        )
        return int(created.variants[0].id)

    def _uncounted(self, record: Callable[[Product], None]) -> Callable[[Product], None]:
        """Besides: what was created here nobody has counted, so its stock says nothing yet."""

        def both(product: Product) -> None:
            record(product)
            self._context.ledger.stock.add_uncounted(int(v.id) for v in product.variants)

        return both

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
        wanted: VariantDraft,
        variation: ShopProduct,
        product_id: int,
        *,
        is_first: bool,
    ) -> int:
        """A further variant of a product that Katana has."""
        katana = self._context.katana
        there = katana.product(product_id)
        named = new_variant_draft(wanted, there)
        draft = fitting_draft(named, variation, there, is_first=is_first)

        def record(variant: Variant) -> None:
            self._remember_sold(line, variant)
            self._journal("variant", f"{variant.id} of product {product_id}")

        def created_now(variant: Variant) -> None:
            record(variant)
            self._context.ledger.stock.add_uncounted([int(variant.id)])

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
                record=created_now,
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

    def _service(
        self, line: LineItem, sold: ShopProduct, name: str, sku: str, price: Decimal | None
    ) -> int:
        katana = self._context.katana
        draft = service_draft(name, sku or None, price, mark_of(self._store.identity, int(sold.id)))

        def find(_begun: datetime) -> Product | None:
            # a service of this SKU may have any name
            services = katana.services("" if sku else name)
            return next((s for s in services if _is_service(s, draft, sku)), None)

        def record(service: Product) -> None:
            self._remember_sold(line, service.variants[0])
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

    def _remember_sold(self, line: LineItem, variant: Variant) -> None:
        shown = in_katana(str(line.sku), self._context.settings.sku_aliases)
        self._remember(int(line.product_id), int(line.variation_id), shown, variant)

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
    if sku:
        return _has_sku(service, sku)
    return _is_there(service) and service.additional_info == draft.additional_info


def _has_sku(service: Product, sku: str) -> bool:
    return _is_there(service) and service.variants[0].sku == sku


def _is_there(service: Product) -> bool:
    return bool(service.variants) and not service.deleted_at and not service.archived_at
