"""The part of a store's REST API that is about products and their variations."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import structs

from katana_woo_sync.clients.list_reader import PER_PAGE
from katana_woo_sync.clients.woocommerce_api import WooCommerceApi
from katana_woo_sync.domain.fields import Text, Whole
from katana_woo_sync.domain.woocommerce import PriceSettings, Product, StoreTaxRate

PRODUCT_FIELDS = ",".join(Product.__struct_fields__)


class WooCommerceProducts(WooCommerceApi):
    """A store's products."""

    def products(self, ids: Sequence[int]) -> tuple[Product, ...]:
        """These products, a hundred in a request; those in the trash or deleted are left out."""
        found: list[Product] = []
        for start in range(0, len(ids), PER_PAGE):
            wanted = ids[start : start + PER_PAGE]
            params = (
                ("include", ",".join(str(int(i)) for i in wanted)),
                ("status", "any"),
                ("orderby", "id"),
                ("order", "asc"),
                ("_fields", PRODUCT_FIELDS),
            )
            listed = self._all("/products", params, Product)
            found += [product for product in listed if int(product.id) in wanted]
        return tuple(found)

    def product(self, product_id: int) -> Product:
        """One product, also from the trash. Raises `NotFound` for one deleted for good."""
        path = f"/products/{int(product_id)}"
        params = (("_fields", PRODUCT_FIELDS),)
        return self._one(path, self._http.get(path, params).data, Product)

    def all_products(self) -> tuple[Product, ...]:
        """Every product but those in the trash, by ids that rise."""
        params = (
            ("orderby", "id"),
            ("order", "asc"),
            ("status", "any"),
            ("_fields", PRODUCT_FIELDS),
        )
        return self._all("/products", params, Product)

    def price_settings(self) -> PriceSettings:
        """Whether prices are entered with tax, and where the shop is."""
        path = "/settings/tax/woocommerce_prices_include_tax"
        base = "/settings/general/woocommerce_default_country"
        return PriceSettings(include_tax=self._setting(path) == "yes", base=self._setting(base))

    def _setting(self, path: str) -> str:
        data = self._http.get(path).data
        return str(data.get("value", "")) if isinstance(data, dict) else ""

    def tax_rates(self) -> tuple[StoreTaxRate, ...]:
        """The tax rates in the shop's settings."""
        return self._all("/taxes", (("orderby", "id"), ("order", "asc")), StoreTaxRate)

    def variation(self, product_id: int, variation_id: int) -> Product:
        """One variation, also from the trash. Raises `NotFound` for one deleted for good."""
        path = f"/products/{int(product_id)}/variations/{int(variation_id)}"
        return _of_parent(self._one(path, self._http.get(path).data, Product), product_id)

    def variations(self, product_id: int) -> tuple[Product, ...]:
        """All variations of a variable product, in the order of their ids."""
        path = f"/products/{int(product_id)}/variations"
        params = (("orderby", "id"), ("order", "asc"), ("status", "any"))
        return tuple(_of_parent(each, product_id) for each in self._all(path, params, Product))


def _of_parent(variation: Product, product_id: int) -> Product:
    """The variation with its parent and type, which 8.2 leaves out."""
    return structs.replace(
        variation,
        parent_id=variation.parent_id or Whole(product_id),
        type=variation.type or Text("variation"),
    )
