"""What the ledger remembers of Katana's items, tax rates and locations."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal

from katana_woo_sync.domain.fields import convert
from katana_woo_sync.domain.katana import Location, TaxRate
from katana_woo_sync.ledger.sqlite import IN_LIST, LedgerDatabase, json_list


class Catalogue:
    """Remembered items. What Katana refuses is forgotten, and asked for anew."""

    def __init__(self, db: LedgerDatabase) -> None:
        self._db = db
        self._products, self._variants = db.table("products"), db.table("variants")
        self._deleted = db.table("deleted_products")
        self._tax_rates, self._locations = db.table("tax_rates"), db.table("locations")

    def product(self, identity: str, product_id: int, variation_id: int) -> tuple[str, int] | None:
        """The SKU and Katana variant with which a store's product or variation was matched."""
        row = self._products.find(identity, product_id, variation_id)
        return None if row is None else (row["sku"], row["variant_id"])

    def remember_product(
        self, identity: str, product_id: int, variation_id: int, sku: str, variant_id: int
    ) -> None:
        """Remember the Katana variant of a store's product or variation."""
        self._products.put(
            {
                "identity": identity,
                "product_id": product_id,
                "variation_id": variation_id,
                "sku": sku,
                "variant_id": variant_id,
            }
        )

    def siblings(self, identity: str, product_id: int) -> list[int]:
        """The Katana variants remembered for the variations of a store's product.

        What the product was before it had variations is none of them: it has no options.
        """
        where = "identity = ? AND product_id = ? AND variation_id != 0"
        rows = self._products.rows_where(
            where, [identity, product_id], select="DISTINCT variant_id"
        )
        return [row["variant_id"] for row in rows]

    def sold_as(self, identity: str, variant_ids: Sequence[int]) -> list[tuple[int, int]]:
        """The products and variations of a store that were matched with these variants."""
        where = f"identity = ? AND variant_id {IN_LIST}"
        rows = self._products.rows_where(where, [identity, json_list(map(int, variant_ids))])
        return [(row["product_id"], row["variation_id"]) for row in rows]

    def deleted_product(self, identity: str, name: str) -> int | None:
        """The Katana variant of a product of this name that the shop has deleted."""
        row = self._deleted.find(identity, name)
        return None if row is None else int(row["variant_id"])

    def remember_deleted_product(self, identity: str, name: str, variant_id: int) -> None:
        """Remember the Katana variant of a product that the shop has deleted."""
        self._deleted.put({"identity": identity, "name": name, "variant_id": variant_id})

    def variants(self, skus: Sequence[str]) -> dict[str, int]:
        """The Katana variants known for these SKUs (exact case)."""
        rows = self._variants.rows_where(f"sku {IN_LIST}", [json_list(skus)]) if skus else ()
        return {row["sku"]: row["variant_id"] for row in rows}

    def remember_variant(self, sku: str, variant_id: int) -> None:
        """Remember the Katana variant of a SKU."""
        self._variants.put({"sku": sku, "variant_id": variant_id})

    def forget_variants(self, variant_ids: Iterable[int]) -> None:
        """Forget variants that Katana refused, so that they are asked for anew."""
        ids = json_list(map(int, variant_ids))
        with self._db.atomic():
            for table in (self._variants, self._products, self._deleted):
                table.delete_where(f"variant_id {IN_LIST}", [ids])

    def forget_changed(self, changed: Iterable[tuple[str, int]]) -> None:
        """Forget what these variants of Katana's, as they are now (SKU and id), put in doubt: SKUs
        that they have taken from another, or given up. What is forgotten is asked for anew."""
        with self._db.atomic():
            for sku, variant_id in changed:
                given_up = self._variants.rows_where(
                    "variant_id = ? AND sku != ?", [variant_id, sku]
                )
                for each in [row["sku"] for row in given_up]:
                    self._forget_sku(each, "variant_id = ?", variant_id)
                if sku:
                    self._forget_sku(sku, "variant_id != ?", variant_id)

    def _forget_sku(self, sku: str, which: str, variant_id: int) -> None:
        for table in (self._variants, self._products):
            table.delete_where(f"sku = ? AND {which}", [sku, variant_id])

    def tax_rates(self) -> list[TaxRate]:
        """Katana's tax rates as last listed."""
        return [convert(row, TaxRate) for row in self._tax_rates.rows_where(order_by="id")]

    def set_tax_rates(self, rates: Iterable[TaxRate]) -> None:
        """Replace the known tax rates."""
        with self._db.atomic():
            self._tax_rates.delete_where()
            self._tax_rates.upsert_all(
                {"id": int(rate.id), "name": str(rate.name), "rate": f"{Decimal(rate.rate):f}"}
                for rate in rates
            )

    def locations(self) -> list[Location]:
        """Katana's locations as last listed."""
        return [convert(row, Location) for row in self._locations.rows_where(order_by="id")]

    def set_locations(self, locations: Iterable[Location]) -> None:
        """Replace the known locations; deleted ones are left out."""
        with self._db.atomic():
            self._locations.delete_where()
            self._locations.upsert_all(
                {
                    "id": int(location.id),
                    "name": str(location.name),
                    "is_primary": int(location.is_primary),
                    "sales_allowed": int(location.sales_allowed),
                }
                for location in locations
                if not location.deleted_at
            )
