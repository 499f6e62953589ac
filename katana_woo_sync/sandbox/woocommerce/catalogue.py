"""The hands that work in a sandbox store's catalogue."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Literal

from katana_woo_sync.sandbox.woocommerce.answers import Json, View
from katana_woo_sync.sandbox.woocommerce.products import product_json
from katana_woo_sync.sandbox.woocommerce.records import Address, Customer, Product, Variation
from katana_woo_sync.sandbox.woocommerce.store import StoreState


class Catalogue:
    """Products and customers of a store, and what people do to them."""

    def __init__(self, state: StoreState) -> None:
        self.state = state

    def add_product(
        self,
        name: str,
        sku: str,
        price: Decimal | str | int,
        *,
        tax_class: str = "",
        tax_status: Literal["taxable", "shipping", "none"] = "taxable",
        stock: int | None = None,
        virtual: bool = False,
        downloadable: bool | None = None,
    ) -> int:
        """Add a simple product; returns its id. `price` is as entered in the shop (with tax where
        its prices include it); without `stock` the shop does not manage it. A `virtual`
        product is a download too, unless `downloadable` says otherwise: only orders of nothing but
        virtual downloads need no processing."""
        with self.state.lock:
            product = self._new(name, sku, Decimal(price), tax_class)
            product.tax_status = tax_status
            product.virtual = virtual
            product.downloadable = virtual if downloadable is None else downloadable
            _manage(product, stock)
            return product.id

    def add_variable_product(
        self,
        name: str,
        sku: str,
        variations: Sequence[Variation | tuple[str, Decimal | str | int, Mapping[str, str]]],
        *,
        attributes: Mapping[str, Sequence[str]] | None = None,
        tax_class: str = "",
        stock: int | None = None,
    ) -> tuple[int, list[int]]:
        """Add a variable product; returns its id and those of its variations. A variation is a
        `Variation`, or just (SKU, price, options by name). `attributes` are
        those of the variations if not given; `stock` is what variations with "parent" share."""
        with self.state.lock:
            added = [v if isinstance(v, Variation) else Variation(*v) for v in variations]
            parent = self._new(name, sku, Decimal(0), tax_class)
            parent.type = "variable"
            parent.attributes = {
                option: tuple(values)
                for option, values in (attributes or _attributes(added)).items()
            }
            _manage(parent, stock)
            return parent.id, [self._vary(parent, variation) for variation in added]

    def translate(self, product_id: int, name: str) -> int:
        """Add the same product in another language, as a translation plugin does: with its SKU and
        its stock. Returns its id."""
        with self.state.lock:
            original = self.state.products[product_id]
            added = self._new(name, original.sku, original.price, original.tax_class)
            added.translation_of = product_id
            self.state.keep_alike(original)
            return added.id

    def make_variable(self, product_id: int, attributes: Mapping[str, Sequence[str]]) -> None:
        """Turn a simple product into a variable one, without variations yet."""
        with self.state.lock:
            product = self.state.products[product_id]
            product.type = "variable"
            product.attributes = {option: tuple(values) for option, values in attributes.items()}

    def add_variation(self, parent_id: int, variation: Variation) -> int:
        """Add a variation to a variable product; returns its id."""
        with self.state.lock:
            return self._vary(self.state.products[parent_id], variation)

    def _vary(self, parent: Product, variation: Variation) -> int:
        own = variation.tax_class
        child = self._new(
            parent.name,
            variation.sku,
            Decimal(variation.price),
            parent.tax_class if own == "parent" else own,
            kept=True,
        )
        child.type = "variation"
        child.parent_id = parent.id
        child.options = dict(variation.options)
        _manage(child, variation.stock)
        return child.id

    def _new(
        self, name: str, sku: str, price: Decimal, tax_class: str, *, kept: bool = False
    ) -> Product:
        now = self.state.clock()
        shown = name if kept else name.replace("&", "&amp;")
        product = Product(self.state.next_post(), shown, sku, price, now, now, tax_class=tax_class)
        self.state.products[product.id] = product
        return product

    def add_customer(self, billing: Address) -> int:
        """Register a customer; returns its id."""
        with self.state.lock:
            self.state.last_customer += 1
            number = self.state.last_customer
            self.state.customers[number] = Customer(number, billing, self.state.clock())
            return number

    def product(self, product_id: int) -> Json:
        """A product or variation as `/products/{id}` shows it."""
        with self.state.lock:
            view = View(self.state, "http://127.0.0.1")
            return product_json(self.state.products[product_id], view)

    def stock(self, product_id: int) -> int | None:
        """What the shop thinks it has; None where it does not manage that."""
        with self.state.lock:
            holder = self.state.stock_holder(product_id)
            return None if holder is None or holder.stock is None else int(holder.stock)

    def set_stock(self, product_id: int, quantity: int) -> None:
        """Count a product in the shop's screens, which from then on manages its stock."""
        with self.state.lock:
            product = self.state.products[product_id]
            _manage(product, quantity)
            product.modified = self.state.clock()
            self.state.keep_alike(product)

    def allow_backorders(
        self, product_id: int, allowed: Literal["no", "notify", "yes"] = "yes"
    ) -> None:
        """Say whether a product may be sold when there is none."""
        with self.state.lock:
            product = self.state.products[product_id]
            product.backorders = allowed
            product.modified = self.state.clock()

    def rename_sku(self, product_id: int, sku: str) -> None:
        """Give a product or variation another SKU; orders show it at once, and do not change."""
        with self.state.lock:
            product = self.state.products[product_id]
            product.sku = sku
            product.modified = self.state.clock()

    def trash_product(self, product_id: int) -> None:
        """Move a product to the trash, its variations with it; orders still show its SKU."""
        with self.state.lock:
            for product in self.state.products.values():
                if product_id in (product.id, product.parent_id):
                    product.status = "trash"

    def delete_product(self, product_id: int) -> None:
        """Delete a product (with its variations) or a variation; the lines that held it keep name
        and money. A line of a deleted variation shows the parent's SKU."""
        with self.state.lock:
            self.state.forget_product(product_id)

    def add_status(self, status: str) -> None:
        """Know a plugin's order status, such as "shipped"."""
        with self.state.lock:
            self.state.statuses.append(status)

    def remove_status(self, status: str) -> None:
        """Forget a plugin's status; filters that name it fail from then on."""
        with self.state.lock:
            self.state.statuses.remove(status)


def _manage(product: Product, stock: int | Literal["parent"] | None) -> None:
    if stock is None:
        return
    product.manage_stock = "parent" if stock == "parent" else True
    product.stock = None if stock == "parent" else Decimal(stock)


def _attributes(variations: Sequence[Variation]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for variation in variations:
        for option, value in variation.options.items():
            values = found.setdefault(option, [])
            if value not in values:
                values.append(value)
    return found
