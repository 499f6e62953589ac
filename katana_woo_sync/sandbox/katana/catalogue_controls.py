"""What tests and the demo do to the sandbox Katana's catalogue, stock and places."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from katana_woo_sync.sandbox.katana import catalogue, contract, inventory
from katana_woo_sync.sandbox.katana.fulfillment import committed
from katana_woo_sync.sandbox.katana.records import (
    Batch,
    Customer,
    Item,
    Location,
    StockAdjustment,
    TaxRate,
    Variant,
)
from katana_woo_sync.sandbox.katana.state import ZERO, State


class Controls:
    """Control methods on one `State`; each holds its lock."""

    def __init__(self, state: State, *, shortage_refused: bool) -> None:
        self._state = state
        self._shortage_refused = shortage_refused


class CatalogueControls(Controls):
    """Adding to, changing and reading the catalogue, the stock and the places."""

    def add_product(
        self,
        name: str,
        sku: str | None,
        *,
        sales_price: Decimal | None = None,
        batch_tracked: bool = False,
        serial_tracked: bool = False,
        is_sellable: bool = True,
        archived: bool = False,
        in_stock: Decimal | None = None,
    ) -> int:
        """Add a product of one variant and give the variant's id; a SKU may be used twice here.

        Without `in_stock` it was never counted: it has no row in the inventory.
        """
        return self._add_item(
            "product",
            name,
            sku,
            sales_price=sales_price,
            batch_tracked=batch_tracked,
            serial_tracked=serial_tracked,
            is_sellable=is_sellable,
            archived=archived,
            in_stock=in_stock,
        )

    def add_material(
        self,
        name: str,
        sku: str | None,
        *,
        is_sellable: bool = False,
        in_stock: Decimal | None = None,
    ) -> int:
        """Add a material of one variant and give the variant's id."""
        return self._add_item("material", name, sku, is_sellable=is_sellable, in_stock=in_stock)

    def add_service(self, name: str, sku: str | None = None) -> int:
        """Add a service and give its variant's id."""
        return self._add_item("service", name, sku)

    def hide_service_variants(self) -> None:
        """From now on the list of variants is one of products and materials only."""
        with self._state.lock:
            self._state.lists_service_variants = False

    def set_sellable(self, variant_id: int, sellable: bool) -> None:
        """Say whether the item that the variant belongs to is sold."""
        with self._state.lock:
            item = self._state.items.get(self._variant(variant_id).item_id)
            if item is not None:
                self._state.touch(self._state.items, replace(item, is_sellable=sellable))

    def add_variant(
        self, variant_id: int, sku: str | None, *, sales_price: Decimal | None = None
    ) -> int:
        """Add a variant to the item that this variant belongs to, and give its id."""
        with self._state.lock:
            item_id = self._variant(variant_id).item_id
            return self._put_variant(item_id, sku, sales_price)

    def archive_variant(self, variant_id: int) -> None:
        """Archive the item that the variant belongs to: Katana archives whole items."""
        with self._state.lock:
            item = self._state.items.get(self._variant(variant_id).item_id)
            if item is not None:
                archived = replace(item, archived_at=self._state.now())
                self._state.touch(self._state.items, archived)

    def rename_sku(self, variant_id: int, sku: str) -> None:
        """Give a variant another SKU."""
        with self._state.lock:
            variant = self._variant(variant_id)
            self._state.touch(self._state.variants, replace(variant, sku=sku))

    def delete_item(self, variant_id: int) -> None:
        """Delete the item that the variant belongs to, with all its variants."""
        with self._state.lock:
            item = self._state.items.get(self._variant(variant_id).item_id)
            if item is not None:
                for variant in self._state.variants_of(item):
                    self._state.delete(self._state.variants, variant)
                self._state.delete(self._state.items, item)

    def delete_variant(self, variant_id: int) -> None:
        """Delete the variant."""
        with self._state.lock:
            self._state.delete(self._state.variants, self._variant(variant_id))

    def add_customer(
        self,
        name: str,
        *,
        first_name: str | None = None,
        last_name: str | None = None,
        company: str | None = None,
        email: str | None = None,
        phone: str | None = None,
        reference_id: str | None = None,
        currency: str | None = None,
        zip_code: str | None = None,
    ) -> int:
        """Add a customer and give its id; with `zip_code`, one that has a billing address."""
        address = contract.CustomerAddress(entity_type="billing", zip=zip_code)
        body = contract.NewCustomer(
            name=name,
            first_name=first_name or "",
            last_name=last_name or "",
            company=company or "",
            email=email or "",
            phone=phone or "",
            reference_id=reference_id or "",
            currency=currency or "",
            addresses=(address,) if zip_code else (),
        )
        with self._state.lock:
            return catalogue.create_customer(self._state, body).id

    def delete_customer(self, customer_id: int) -> None:
        """Delete the customer."""
        with self._state.lock:
            customer = self._state.customers.get(customer_id)
            if customer is not None:
                self._state.delete(self._state.customers, customer)

    def add_tax_rate(self, rate: Decimal, name: str, *, is_default: bool = False) -> int:
        """Add a tax rate (a percentage) and give its id."""
        body = contract.NewTaxRate(rate=rate, name=name)
        with self._state.lock:
            made = catalogue.create_tax_rate(self._state, body)
            return self._state.tax_rates.put(replace(made, is_default_sales=is_default)).id

    def add_location(
        self, name: str, *, is_primary: bool = False, sales_allowed: bool = True
    ) -> int:
        """Add a location and give its id; a primary one takes that over from the others."""
        with self._state.lock:
            now = self._state.now()
            if is_primary:
                for other in [p for p in self._state.locations if p.is_primary]:
                    self._state.touch(self._state.locations, replace(other, is_primary=False))
            place = Location(
                id=self._state.locations.new_id(),
                created_at=now,
                updated_at=now,
                name=name,
                is_primary=is_primary,
                sales_allowed=sales_allowed,
            )
            return self._state.locations.put(place).id

    def remove_location(self, location_id: int) -> None:
        """Delete the location; orders that name it stay."""
        with self._state.lock:
            place = self._state.locations.get(location_id)
            if place is not None:
                self._state.delete(self._state.locations, place)

    def set_sales_allowed(self, location_id: int, allowed: bool) -> None:
        """Allow or forbid sales at the location; orders that name it stay."""
        with self._state.lock:
            place = self._state.locations.get(location_id)
            if place is not None:
                self._state.touch(self._state.locations, replace(place, sales_allowed=allowed))

    def set_stock(self, variant_id: int, location_id: int, quantity: Decimal) -> None:
        """Count the variant at the location: so much is there outside of batches."""
        with self._state.lock:
            key = (variant_id, location_id)
            self._state.move(*key, quantity - self._state.stock.get(key, ZERO))

    def add_bundle(
        self, name: str, sku: str | None, components: Sequence[tuple[int, Decimal | int]]
    ) -> int:
        """Add a bundle of these variants, so many of each, and give its variant's id."""
        with self._state.lock:
            variant_id = self._add_item("bundle", name, sku)
            item = self._state.items.get(self._variant(variant_id).item_id)
            if item is not None:
                parts = tuple((each, Decimal(quantity)) for each, quantity in components)
                self._state.items.put(replace(item, components=parts))
            return variant_id

    def adjustments(self) -> list[StockAdjustment]:
        """Every stock adjustment, deleted ones too, newest first."""
        with self._state.lock:
            return list(self._state.adjustments)

    def delete_adjustment(self, adjustment_id: int) -> None:
        """Delete a stock adjustment: what it put into stock is out again."""
        with self._state.lock:
            adjustment = self._state.adjustments.live(adjustment_id)
            if adjustment is not None:
                inventory.delete_adjustment(self._state, adjustment)

    def add_batch(
        self,
        variant_id: int,
        location_id: int,
        quantity: Decimal,
        batch_number: str,
        *,
        created: datetime | None = None,
        expires: datetime | None = None,
    ) -> int:
        """Put a new batch into stock and give its id; `created` decides what is oldest."""
        with self._state.lock:
            now = self._state.now()
            batch = Batch(
                id=self._state.batches.new_id(),
                created_at=now,
                updated_at=now,
                variant_id=variant_id,
                batch_number=batch_number,
                batch_created_date=created or now,
                expiration_date=expires,
            )
            self._state.batches.put(batch)
            self._state.move(variant_id, location_id, quantity, batch_id=batch.id)
            return batch.id

    def in_stock(self, variant_id: int, location_id: int) -> Decimal:
        """The quantity in stock there, in batches and outside of them."""
        with self._state.lock:
            return self._state.in_stock(variant_id, location_id)

    def committed(self, variant_id: int, location_id: int) -> Decimal:
        """The quantity that open orders wait for there."""
        with self._state.lock:
            return committed(self._state).get((variant_id, location_id), ZERO)

    def batch_quantity(self, batch_id: int, location_id: int) -> Decimal:
        """What is left of the batch there."""
        with self._state.lock:
            return self._state.batch_stock.get((batch_id, location_id), ZERO)

    def customers(self) -> list[Customer]:
        """Every customer, deleted ones too, newest first."""
        with self._state.lock:
            return list(self._state.customers)

    def products(self) -> list[Item]:
        """Every product, deleted and archived ones too, newest first."""
        with self._state.lock:
            return [item for item in self._state.items if item.kind == "product"]

    def services(self) -> list[Item]:
        """Every service, newest first."""
        with self._state.lock:
            return [item for item in self._state.items if item.kind == "service"]

    def variants(self) -> list[Variant]:
        """Every variant of products, materials and services, deleted ones too, newest first."""
        with self._state.lock:
            return list(self._state.variants)

    def tax_rates(self) -> list[TaxRate]:
        """Every tax rate, newest first."""
        with self._state.lock:
            return list(self._state.tax_rates)

    def locations(self) -> list[Location]:
        """Every location, deleted ones too, newest first."""
        with self._state.lock:
            return list(self._state.locations)

    def _variant(self, variant_id: int) -> Variant:
        variant = self._state.variants.get(variant_id)
        if variant is None:
            raise LookupError(f"the sandbox has no variant {variant_id}")
        return variant

    def _add_item(
        self,
        kind: str,
        name: str,
        sku: str | None,
        *,
        sales_price: Decimal | None = None,
        batch_tracked: bool = False,
        serial_tracked: bool = False,
        is_sellable: bool = True,
        archived: bool = False,
        in_stock: Decimal | None = None,
    ) -> int:
        with self._state.lock:
            now = self._state.now()
            item = Item(
                id=self._state.items.new_id(),
                created_at=now,
                updated_at=now,
                kind=kind,
                name=name,
                is_sellable=is_sellable,
                batch_tracked=batch_tracked,
                serial_tracked=serial_tracked,
                archived_at=now if archived else None,
            )
            self._state.items.put(item)
            variant_id = self._put_variant(item.id, sku, sales_price)
            if in_stock is not None:
                place = self._state.primary_location()
                self._state.move(variant_id, place.id, in_stock)
            return variant_id

    def _put_variant(self, item_id: int, sku: str | None, sales_price: Decimal | None) -> int:
        now = self._state.now()
        variant = Variant(
            id=self._state.variants.new_id(),
            created_at=now,
            updated_at=now,
            item_id=item_id,
            sku=sku,
            sales_price=sales_price,
        )
        return self._state.variants.put(variant).id
