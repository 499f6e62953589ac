"""Creating in Katana what was sold and it lacks: products, variants, services, each once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from msgspec import Struct, structs

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
    as_order,
    chosen_options,
    in_katana,
    is_deleted_variation,
    is_gone,
    name_of_deleted,
    no_price,
    of_these_options,
    price_factor,
    product_of_siblings,
    same_options,
    siblings_skus,
    taxed_as,
)
from katana_woo_sync.domain.reasons import Reason
from katana_woo_sync.domain.sales_order import Unmappable
from katana_woo_sync.domain.text import plain
from katana_woo_sync.domain.woocommerce import LineItem, Order, PriceSettings, StoreTaxRate
from katana_woo_sync.domain.woocommerce import Product as ShopProduct
from katana_woo_sync.ledger.intents import IntentKind
from katana_woo_sync.sync.context import Context, Store, log, once_a_day
from katana_woo_sync.sync.create_once import create_once
from katana_woo_sync.sync.katana_facts import KatanaFacts

NAMELESS = "Deleted product"
"""What a deleted product is called whose line has no name."""

AskKatana = Callable[[Sequence[str]], Mapping[str, list[Variant]]]


class _NewProduct(Struct, frozen=True):
    """A product that Katana lacks: what is sent, and `record`, which keeps what came of it.

    `key` names it in the ledger while it is not known whether it is there.
    """

    key: str
    draft: ProductDraft
    record: Callable[[Product], None]

    @property
    def skus(self) -> frozenset[str]:
        """The SKUs that it is to have."""
        return frozenset(variant.sku for variant in self.draft.variants if variant.sku)


class _Sale(Struct, frozen=True):
    """What a line sold: the product or a variation of it, and all variations there are."""

    product: ShopProduct
    sold: ShopProduct
    variations: Sequence[ShopProduct]

    @property
    def kept(self) -> list[ShopProduct]:
        """The variations that are goods."""
        return [variation for variation in self.variations if not variation.virtual]


class NewItems:
    """Creates the items of one store's lines. Methods return the variant's id, and raise
    `Unmappable` for what a person must set right."""

    def __init__(
        self, context: Context, store: Store, katana_facts: KatanaFacts, ask_katana: AskKatana
    ) -> None:
        self._context = context
        self._store = store
        self._facts = katana_facts
        self._ask_katana = ask_katana
        self._catalogue = context.ledger.catalogue
        self._listed: dict[int, Sequence[ShopProduct]] = {}
        self._shop_taxes: tuple[PriceSettings, Sequence[StoreTaxRate]] | None = None

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

    def siblings_skus(self, line: LineItem, product: ShopProduct) -> list[str]:
        """The SKUs of what may be other variations of what was sold."""
        sale = self._sale(line, product)
        return [] if sale is None else siblings_skus(sale.product, sale.kept)

    def _create(self, order: Order, line: LineItem, product: ShopProduct, sku: str) -> int:
        sale = self._sale(line, product)
        if sale is None:
            return self.deleted(line, product, sku)
        self._tell_of_price(sale.sold)
        factor = self._price_factor(order, line, sale.sold.price)
        if sale.sold.virtual:
            name = plain(line.name, 200) or product_name(sale.product)
            price = net_price(sale.sold.price, factor)
            return self._service(line, sale.sold, name, sku, price)
        there = self._product_of(line, sale) if sale.variations else None
        if there is not None:
            draft = variant_draft(sale.product, sale.sold, factor)
            is_first = is_first_of_its_choice(sale.product, sale.sold, sale.kept)
            return self._variant(line, draft, sale.sold, there, is_first=is_first)
        return self._product(order, line, sale, factor)

    def _sale(self, line: LineItem, product: ShopProduct) -> _Sale | None:
        """What was sold; None for a variation that the shop has no more."""
        variations: Sequence[ShopProduct] = ()
        sold = product = self._in_katanas_words(product)
        if line.variation_id:
            variations = self._variations(int(product.id), int(line.variation_id))
            found = next((v for v in variations if v.id == line.variation_id), None)
            if found is None:
                return None
            sold = found
        return _Sale(product, sold, variations)

    def _variations(self, product_id: int, sold_id: int) -> Sequence[ShopProduct]:
        """The product's variations. Those in the trash, where they go with their product, are in
        no list; the one that was sold is asked for by its id."""
        if product_id not in self._listed:
            self._listed[product_id] = self._store.shop.variations(product_id)
        listed = list(self._listed[product_id])
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

    def deleted(self, line: LineItem, product: ShopProduct | None, sku: str) -> int:
        """What the shop has deleted: by the SKU that the line shows, else the variant that a
        deleted variation was, else the one product of its name, created without SKU."""
        name = name_of_deleted(line, product) or NAMELESS
        identity, catalogue = self._store.identity, self._catalogue
        known = None if sku else catalogue.deleted_product(identity, name)
        if known is not None:
            return known
        was = self._was_variation(line, product) if product is not None and not sku else None
        if was is not None:
            with self._context.ledger.atomic():
                catalogue.remember_deleted_product(identity, name, int(was.id))
            return int(was.id)
        draft = deleted_draft(name, identity, sku)

        def record(created: Product) -> None:
            variant_id = int(created.variants[0].id)
            if sku:
                catalogue.remember_variant(sku, variant_id)
            else:
                catalogue.remember_deleted_product(identity, name, variant_id)
            self._journal("product", f"{created.id}: {name} (deleted in the shop)")

        new = _NewProduct(sku or f"{identity}#{name}", draft, record)
        return int(_create_product(self._context, new).variants[0].id)

    def _was_variation(self, line: LineItem, product: ShopProduct) -> Variant | None:
        """The variant, of those remembered for the product's variations, that has what was chosen
        of one that is deleted."""
        if not is_deleted_variation(line, product):
            return None
        ids = self._catalogue.siblings(self._store.identity, int(product.id))
        variants = self._context.katana.variants_by_id(ids) if ids else ()
        return of_these_options(variants, chosen_options(line, product))

    def _product_of(self, line: LineItem, sale: _Sale) -> int | None:
        """The product to which Katana has other variations of what was sold."""
        return product_of_siblings(line, self._siblings(line, sale.product, sale.kept))

    def _siblings(
        self, line: LineItem, product: ShopProduct, variations: Sequence[ShopProduct]
    ) -> list[Variant]:
        """What Katana has of the product's other variations: by their SKUs, else by their ids."""
        skus = siblings_skus(product, variations)
        by_sku = self._ask_katana(skus)
        found = [v for sku, variants in by_sku.items() for v in variants if v.sku == sku]
        if any(not is_gone(variant) for variant in found):
            return found
        # what was created since Katana was asked, by another store's order, and what has no SKU
        made = self._catalogue.variants(skus).values()
        remembered = self._catalogue.siblings(self._store.identity, int(line.product_id))
        ids = list(dict.fromkeys([*made, *remembered]))
        return list(self._context.katana.variants_by_id(ids)) if ids else []

    def _new_product(self, sale: _Sale, factor: Decimal | None, order: Order) -> _NewProduct:
        product, variations, identity = sale.product, sale.kept, self._store.identity
        factors = self._other_factors(order, sale) if factor is not None else {}
        draft = product_draft(product, variations, factor, identity, factors)
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

        return _NewProduct(skus[0] if skus else f"{identity}#{product.id}", draft, record)

    def _other_factors(self, order: Order, sale: _Sale) -> dict[int, Decimal | None]:
        """What to divide the prices of those variations by that are taxed otherwise than the one
        that was sold: by its own line, else by the taxes of the shop."""
        if not order.prices_include_tax:
            return {}
        sold = taxed_as(sale.sold, sale.product)
        lines = {int(line.variation_id): line for line in order.line_items}
        found: dict[int, Decimal | None] = {}
        for variation in sale.kept:
            taxed = taxed_as(variation, sale.product)
            if (taxed.tax_class, taxed.tax_status) == (sold.tax_class, sold.tax_status):
                continue
            line, of = lines.get(int(variation.id)), order
            if line is None:
                of = self._as_sold_by_the_shop(taxed)
                (line,) = of.line_items
            found[int(variation.id)] = price_factor(of, line, variation.price)
        return found

    def _as_sold_by_the_shop(self, taxed: ShopProduct) -> Order:
        """An order of one piece, with the shop's own taxes, which it is asked for once."""
        if self._shop_taxes is None:
            self._shop_taxes = self._store.shop.price_settings(), self._store.shop.tax_rates()
        settings, rates = self._shop_taxes
        return as_order(taxed, (), rates, settings, "")

    def _product(self, order: Order, line: LineItem, sale: _Sale, factor: Decimal | None) -> int:
        _create_product(self._context, self._new_product(sale, factor, order))
        made_now = self._catalogue.product(
            self._store.identity, int(sale.product.id), int(line.variation_id)
        )
        if made_now is None:
            raise Unmappable(Reason.NEW_VARIATION, str(line.sku) or plain(line.name, 100))
        return made_now[1]

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
        created = _create_item(
            self._context,
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

    def _tell_of_price(self, sold: ShopProduct) -> None:
        """An order does not wait for a price that nobody pays: the item is created without it."""
        store, what = self._store, f"price {self._store.identity} {int(sold.id)}"
        if no_price(sold) and once_a_day(self._context.ledger, what, self._context.clock()):
            log.warning(
                "%s: product %s (id:%d): %s; Katana has it without one",
                store.name,
                plain(sold.name, 100),
                int(sold.id),
                no_price(sold),
                extra={"store": store.name},
            )

    def _price_factor(self, order: Order, line: LineItem, price: Decimal) -> Decimal | None:
        """What the shop's prices are divided by; None where they are in another currency than
        Katana's base currency, in which its default prices are."""
        shop_currency = self._context.facts(self._store).currency or order.currency
        if shop_currency.upper() != self._facts.base_currency().upper():
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


def _create_product(context: Context, product: _NewProduct) -> Product:
    """Create a product, or find the one that was: with its SKUs, or with its mark.

    Raises `Unmappable` where Katana refuses it, `StillUnknown`, and a `ServiceError`.
    """
    katana, draft = context.katana, product.draft

    def find(_begun: datetime) -> Product | None:
        for found in katana.products(draft.name):
            same = {str(v.sku) for v in found.variants if v.sku} == product.skus
            marked = found.additional_info == draft.additional_info
            gone = found.deleted_at or found.archived_at or not found.variants
            if not gone and same and (product.skus or marked):
                return found
        return None

    # without a SKU nothing else tells of one that an earlier ledger knew
    there = None if product.skus else find(context.clock())
    if there is not None:
        with context.ledger.atomic():
            product.record(there)
        return there
    return _create_item(
        context,
        IntentKind.PRODUCT,
        product.key,
        draft.name,
        find=find,
        create=lambda: katana.create_product(draft),
        record=_uncounted(context, product),
    )


def _create_item(
    context: Context,
    kind: IntentKind,
    key: str,
    name: str,
    *,
    find: Callable[[datetime], Product | None],
    create: Callable[[], Product],
    record: Callable[[Product], None],
) -> Product:
    """As `create_once`, but that a refusal is one of this item. Raises `Unmappable` for that."""
    try:
        return create_once(context, kind, key, find=find, create=create, record=record)
    except BadRequest as error:
        detail = f"{name}: {error.reason}"
        raise Unmappable(Reason.PRODUCT_NOT_REPRESENTABLE, detail) from error


def _uncounted(context: Context, product: _NewProduct) -> Callable[[Product], None]:
    """Besides: what was created here nobody has counted, so its stock says nothing yet."""

    def both(created: Product) -> None:
        product.record(created)
        context.ledger.stock.add_uncounted(int(v.id) for v in created.variants)

    return both
