"""The part of Katana's API that is about items, tax rates, places and the account."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial

from katana_woo_sync.clients.answers import record
from katana_woo_sync.clients.katana_http import KatanaApi, milliseconds
from katana_woo_sync.domain.katana import (
    Config,
    Factory,
    Location,
    NewVariantDraft,
    Product,
    ProductDraft,
    ServiceDraft,
    TaxRate,
    TaxRateDraft,
    Variant,
    encode_plain,
)

KEPT_BY_PATCH = (
    "name",
    "uom",
    "category_name",
    "additional_info",
    "is_sellable",
    "is_producible",
    "is_purchasable",
    "is_auto_assembly",
    "batch_tracked",
    "serial_tracked",
    "operations_in_sequence",
    "default_supplier_id",
    "purchase_uom",
    "purchase_uom_conversion_rate",
    "custom_field_collection_id",
)
"""What a product has and a PATCH of it may hold."""

IDS_PER_REQUEST = 100
SKUS_PER_REQUEST = 100
LONGEST_SKUS = 5000
"""Characters of SKUs in one address; servers take about 8,000 in all."""


class KatanaCatalogue(KatanaApi):
    """Katana's items, tax rates, locations and settings."""

    def variants(self, skus: Sequence[str]) -> tuple[Variant, ...]:
        """The variants with these SKUs, archived ones too, many SKUs in one request.

        What the server answers is returned as far as its SKU is one of these but for case, so that
        one that only looks alike can be told of.
        """
        wanted = {sku.casefold() for sku in skus}
        found: dict[int, Variant] = {}
        for part in _parts(skus):
            params = [("sku", sku) for sku in part]
            params += [("extend", "product_or_material"), ("include_archived", "true")]
            for variant in self._list("/variants", params, Variant):
                if variant.sku.casefold() in wanted:
                    found[int(variant.id)] = variant
        return tuple(found.values())

    def products(self, name: str) -> tuple[Product, ...]:
        """Products of this name."""
        found = self._list("/products", (("name", name),), Product, whole=True)
        return tuple(product for product in found if product.name == name)

    def variants_by_id(self, variant_ids: Sequence[int]) -> tuple[Variant, ...]:
        """These variants with the items that they belong to, archived ones too."""
        found: list[Variant] = []
        for start in range(0, len(variant_ids), IDS_PER_REQUEST):
            part = variant_ids[start : start + IDS_PER_REQUEST]
            params = [("ids", str(int(variant_id))) for variant_id in part]
            params += [("extend", "product_or_material"), ("include_archived", "true")]
            listed = self._list("/variants", params, Variant)
            found += [variant for variant in listed if int(variant.id) in part]
        return tuple(found)

    def variants_changed(self, since: datetime) -> tuple[Variant, ...]:
        """Variants that changed since then (UTC), deleted and archived ones too."""
        params = (
            ("updated_at_min", milliseconds(since)),
            ("include_deleted", "true"),
            ("include_archived", "true"),
        )
        return tuple(self._list("/variants", params, Variant))

    def all_variants(self) -> tuple[Variant, ...]:
        """Every variant with the item that it belongs to, but for archived and deleted ones."""
        return tuple(self._list("/variants", (("extend", "product_or_material"),), Variant))

    def create_variant(self, draft: NewVariantDraft) -> Variant:
        """Add a variant to a product."""
        return self._create("/variants", draft, Variant)

    def product(self, product_id: int) -> Product:
        """One product with its variants. Raises `NotFound` for one that was deleted."""
        path = f"/products/{int(product_id)}"
        return self._one("GET", path, self._http.get(path), Product)

    def add_config_values(self, product_id: int, values: Mapping[str, str]) -> None:
        """Add these values to the configs of a product, by the configs' names, and change no more.

        A PATCH takes back every flag that it leaves out, and blanks `additional_info`, so all that
        the product has now is sent with it.
        """
        path = f"/products/{int(product_id)}"
        known = self._http.get(path).data
        product = known if isinstance(known, dict) else {}
        body = {name: product[name] for name in KEPT_BY_PATCH if product.get(name) is not None}
        body = {name: value for name, value in body.items() if value != ""}
        configs = record(product, Product).configs
        body["configs"] = [
            {"id": int(config.id), "name": config.name, "values": _with_value(config, values)}
            for config in configs
        ]
        answer = self._http.request("PATCH", path, body=encode_plain(body))
        self._written("PATCH", path, answer, Product)

    def create_product(self, draft: ProductDraft) -> Product:
        """Create a product with its variants."""
        return self._create("/products", draft, Product)

    def create_products(self, drafts: Sequence[ProductDraft]) -> list[Product | Exception]:
        """Create products, whose requests overlap: what became of each, in their order."""
        return self._do([partial(self.create_product, draft) for draft in drafts])

    def services(self, name: str = "") -> tuple[Product, ...]:
        """Services of this name; all without one. SKUs are no filter of services."""
        found = self._list("/services", (("name", name),) if name else (), Product)
        return tuple(service for service in found if not name or service.name == name)

    def create_service(self, draft: ServiceDraft) -> Product:
        """Create a service."""
        return self._create("/services", draft, Product)

    def tax_rates(self) -> tuple[TaxRate, ...]:
        """All tax rates."""
        return tuple(self._list("/tax_rates", (), TaxRate))

    def create_tax_rate(self, draft: TaxRateDraft) -> TaxRate:
        """Create a tax rate."""
        return self._create("/tax_rates", draft, TaxRate)

    def locations(self) -> tuple[Location, ...]:
        """All locations that were not deleted."""
        return tuple(loc for loc in self._list("/locations", (), Location) if not loc.deleted_at)

    def factory(self) -> Factory:
        """The account's settings."""
        return self._one("GET", "/factory", self._http.get("/factory"), Factory)


def _with_value(config: Config, values: Mapping[str, str]) -> list[str]:
    value = values.get(str(config.name))
    known = [str(each) for each in config.values]
    return [*known, value] if value is not None and value not in known else known


def _parts(skus: Sequence[str]) -> Iterator[list[str]]:
    """The SKUs in portions that fit into an address."""
    part: list[str] = []
    size = 0
    for sku in skus:
        length = len(sku.encode("utf-8", "replace")) * 3 + 5
        if part and (len(part) >= SKUS_PER_REQUEST or size + length > LONGEST_SKUS):
            yield part
            part, size = [], 0
        part.append(sku)
        size += length
    if part:
        yield part
