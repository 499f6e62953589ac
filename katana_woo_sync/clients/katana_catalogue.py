"""The part of Katana's API that is about items, tax rates, places and the account."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from katana_woo_sync.clients.katana_http import KatanaApi
from katana_woo_sync.domain.katana import (
    Factory,
    Location,
    Product,
    ProductDraft,
    ServiceDraft,
    TaxRate,
    TaxRateDraft,
    Variant,
)

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
        found = self._list("/products", (("name", name),), Product)
        return tuple(product for product in found if product.name == name)

    def create_product(self, draft: ProductDraft) -> Product:
        """Create a product with its variants."""
        return self._create("/products", draft, Product)

    def services(self, name: str) -> tuple[Product, ...]:
        """Services of this name."""
        found = self._list("/services", (("name", name),), Product)
        return tuple(service for service in found if service.name == name)

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
