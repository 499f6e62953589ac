"""Products and their variations: found by SKU or id, their stock, and what people do to them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_DOWN, Decimal, InvalidOperation
from typing import Literal, NamedTuple
from urllib.parse import quote_plus

from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from katana_woo_sync.sandbox.woocommerce.api import (
    ApiError,
    Call,
    answer,
    batch_items,
    body_of,
    no_route,
    route,
)
from katana_woo_sync.sandbox.woocommerce.parameters import BadParameters, Checked, Wrong
from katana_woo_sync.sandbox.woocommerce.resource import Json, View, field, shown
from katana_woo_sync.sandbox.woocommerce.state import Controls, StoreState

INVALID_PRODUCT = "woocommerce_rest_product_invalid_id"
INVALID_VARIATION = "woocommerce_rest_product_variation_invalid_id"
USE_VARIATIONS = (
    "To manipulate product variations you should use the "
    "/products/&lt;product_id&gt;/variations/&lt;id&gt; endpoint."
)


class Variation(NamedTuple):
    """A variation to be added, with its options by name; without `sku` it shows its parent's.

    `stock` None is not managed, "parent" by its parent. `tax_class` "parent" is the parent's.
    """

    sku: str
    price: Decimal | str | int
    options: Mapping[str, str]
    stock: int | Literal["parent"] | None = None
    tax_class: str = "parent"


@dataclass
class Product:
    """A product, or a variation of one (`parent_id`). `price` as entered in the shop, `name` as
    WordPress keeps it (HTML). `stock` counts only where `manage_stock` is True."""

    id: int
    name: str
    sku: str
    price: Decimal
    created: datetime = field(name="date_created")
    modified: datetime = field(name="date_modified")
    type: str = "simple"
    parent_id: int = 0
    tax_class: str = ""
    tax_status: str = "taxable"
    virtual: bool = False
    downloadable: bool = False
    manage_stock: bool | Literal["parent"] = False
    stock: Decimal | None = field(default=None, shown=False)
    backorders: Literal["no", "notify", "yes"] = "no"
    attributes: dict[str, tuple[str, ...]] = field(factory=dict)
    options: dict[str, str] = field(factory=dict, shown=False)
    status: str = "publish"
    translation_of: int = field(default=0, shown=False)
    """The product that this is in another language: a plugin keeps their stock alike."""


ALWAYS: Json = {
    "description": "",
    "date_on_sale_from": None,
    "date_on_sale_from_gmt": None,
    "date_on_sale_to": None,
    "date_on_sale_to_gmt": None,
    "on_sale": False,
    "purchasable": True,
    "downloads": [],
    "download_limit": -1,
    "download_expiry": -1,
    "weight": "",
    "dimensions": {"length": "", "width": "", "height": ""},
    "shipping_class": "",
    "shipping_class_id": 0,
    "menu_order": 0,
    "meta_data": [],
    "global_unique_id": "",
}
"""What every product and variation is answered with."""
OF_PRODUCTS: Json = {
    "featured": False,
    "catalog_visibility": "visible",
    "short_description": "",
    "total_sales": 0,
    "external_url": "",
    "button_text": "",
    "sold_individually": False,
    "average_rating": "0.00",
    "rating_count": 0,
    "upsell_ids": [],
    "cross_sell_ids": [],
    "purchase_note": "",
    "brands": [],
    "tags": [],
    "images": [],
    "default_attributes": [],
    "grouped_products": [],
    "price_html": "",
    "related_ids": [],
    "post_password": "",
}
OF_VARIATIONS: Json = {"image": None, "gallery_image_ids": []}
UNCATEGORIZED: Json = {"id": 15, "name": "Uncategorized", "slug": "uncategorized"}
NEW_OF_PRODUCTS = ("brands", "global_unique_id")
NEW_OF_VARIATIONS = ("type", "global_unique_id", "gallery_image_ids", "name", "parent_id")
"""What WooCommerce 10 added."""


def show(product: Product, view: View) -> Json:
    """A product, or a variation as `/products` shows it."""
    others = view.state.products.values() if product.type == "variable" else ()
    children = [p for p in others if p.parent_id == product.id]
    chosen = ", ".join(product.options.values())
    answer = _shown(product, view, children) | {
        **OF_PRODUCTS,
        "name": f"{product.name} - {chosen}" if product.parent_id else product.name,
        "slug": _slug(product.name),
        "shipping_required": not product.virtual,
        "shipping_taxable": not product.virtual,
        "reviews_allowed": not product.parent_id,
        "categories": [] if product.parent_id else [UNCATEGORIZED],
        "variations": sorted(child.id for child in children),
        "has_options": bool(children),
        "_links": view.links("products", str(product.id), up=_parent_of(product)),
    }
    return answer if view.is_new else _without(answer, NEW_OF_PRODUCTS)


def show_variation(product: Product, view: View) -> Json:
    """A variation as `/products/{id}/variations` shows it: before WooCommerce 10 without type,
    parent and name."""
    path = ("products", str(product.parent_id), "variations", str(product.id))
    chosen = ", ".join(product.options.values())
    answer = _shown(product, view, ()) | {
        **OF_VARIATIONS,
        "type": "variation",
        "name": chosen if product.parent_id else product.name,
        "_links": view.links(*path, up=f"products/{product.parent_id}"),
    }
    return answer if view.is_new else _without(answer, NEW_OF_VARIATIONS)


def _shown(product: Product, view: View, children: Sequence[Product]) -> Json:
    state = view.state
    holder = stock_holder(state, product.id)
    stock = None if holder is None else holder.stock
    backorders = product.backorders if holder is None else holder.backorders
    status = "instock"
    if holder is not None and (stock or 0) <= 0:
        status = "onbackorder" if backorders != "no" else "outofstock"
    price, regular = str(product.price), str(product.price)
    if product.type == "variable":
        cheapest = min((child.price for child in children), default=None)
        price, regular = "" if cheapest is None else str(cheapest), ""
    return shown(product, view) | {
        **ALWAYS,
        "permalink": _permalink(product, view),
        "sku": shown_sku(product, state.products),
        "price": price,
        "regular_price": regular,
        "sale_price": "",
        "stock_quantity": None if stock is None else int(stock),
        "stock_status": status,
        "backorders": backorders,
        "backorders_allowed": backorders != "no",
        "backordered": backorders != "no" and stock is not None and stock < 0,
        "low_stock_amount": None,
        "attributes": _attributes(product, view),
    }


def _without(answer: Json, names: Sequence[str]) -> Json:
    return {name: value for name, value in answer.items() if name not in names}


def _parent_of(product: Product) -> str:
    return f"products/{product.parent_id}" if product.parent_id else ""


def shown_sku(product: Product, products: Mapping[int, Product]) -> str:
    """A product's SKU, or its parent's."""
    parent = products.get(product.parent_id)
    return product.sku or (parent.sku if parent is not None else "")


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", folded(name)).strip("-")


def _permalink(product: Product, view: View) -> str:
    query = "&".join(
        f"attribute_{_slug(name)}={quote_plus(value)}" for name, value in product.options.items()
    )
    return f"{view.url}/product/{_slug(product.name)}/" + (f"?{query}" if query else "")


def _attributes(product: Product, view: View) -> list[Json]:
    if product.parent_id:
        found: list[Json] = [
            {"id": 0, "name": name, "slug": name.lower(), "option": option}
            for name, option in product.options.items()
        ]
    else:
        found = [
            {
                "id": 0,
                "name": name,
                "slug": name,
                "position": position,
                "visible": True,
                "variation": True,
                "options": list(values),
            }
            for position, (name, values) in enumerate(product.attributes.items())
        ]
    if not view.is_new:
        for attribute in found:
            del attribute["slug"]
    return found


def folded(text: str) -> str:
    """A text as the shop's database compares it: without case and accents."""
    parts = unicodedata.normalize("NFKD", text)
    return "".join(c for c in parts if not unicodedata.combining(c)).casefold().rstrip(" ")


def found_products(state: StoreState, query: MultiDict[str, str]) -> list[Product]:
    """The products that a request asks for, newest first unless it says otherwise.

    With `sku` variations too; without, never.
    """
    wanted = query.get("status", "any")
    found = [
        product
        for product in state.products.values()
        if (product.status == wanted if wanted != "any" else product.status != "trash")
    ]
    skus = {folded(sku) for sku in query.get("sku", "").split(",") if sku}
    if skus:
        found = [p for p in found if p.sku and folded(p.sku) in skus]
    else:
        found = [p for p in found if not p.parent_id]
    kind = query.get("type")
    if kind:
        found = [p for p in found if p.type == kind]
    found = changed(state, found, query)
    include = {int(i) for i in query.get("include", "").split(",") if i.strip().isdigit()}
    if include:
        found = [p for p in found if p.id in include]
    return in_order(found, query)


def changed(
    state: StoreState, products: list[Product], query: MultiDict[str, str]
) -> list[Product]:
    """Those that were changed after the request's `modified_after`, which 8.2 does not know."""
    checked = Checked(query)
    after = checked.moment("modified_after", state.offset)
    checked.check()
    if after is None or not state.is_at_least(9):
        return products
    return [p for p in products if p.modified.replace(microsecond=0) > after]


def in_order(products: list[Product], query: MultiDict[str, str]) -> list[Product]:
    """Products by the request's `orderby` (date, id, title) and `order`."""
    keys: Mapping[str, Callable[[Product], tuple[object, ...]]] = {
        "id": lambda p: (p.id,),
        "title": lambda p: (folded(p.name), p.id),
        "modified": lambda p: (p.modified.replace(microsecond=0), p.id),
    }
    key = keys.get(query.get("orderby", "date"), lambda p: (p.created.replace(microsecond=0), p.id))
    return sorted(products, key=key, reverse=query.get("order", "desc") == "desc")


def set_stock(state: StoreState, product: Product, body: Mapping[str, object]) -> None:
    """Set stock as a batch does, which checks nothing: text is 0, fractions are cut, and a
    quantity of a product that does not manage its own stock is ignored."""
    if isinstance(body.get("manage_stock"), bool):
        product.manage_stock = body["manage_stock"] is True
        product.stock = (product.stock or Decimal(0)) if product.manage_stock else None
    if "stock_quantity" in body and product.manage_stock is True:
        product.stock = _whole(body["stock_quantity"])
    product.modified = state.clock()
    keep_alike(state, product)


def _whole(value: object) -> Decimal:
    try:
        return Decimal(str(value)).to_integral_value(ROUND_DOWN)
    except InvalidOperation:
        return Decimal(0)


def stock_holder(state: StoreState, product_id: int) -> Product | None:
    """The product whose stock a product uses: itself, or its parent; None if unmanaged."""
    product = state.products.get(product_id)
    if product is not None and product.manage_stock == "parent":
        product = state.products.get(product.parent_id)
    return product if product is not None and product.manage_stock is True else None


def add_stock(state: StoreState, product: Product, quantity: Decimal) -> None:
    """Add to the stock that the product has, or take from it."""
    product.stock = (product.stock or Decimal(0)) + quantity
    product.modified = state.clock()
    keep_alike(state, product)


def keep_alike(state: StoreState, product: Product) -> None:
    """Give a product's stock to what is the same product in other languages."""
    original = product.translation_of or product.id
    for other in state.products.values():
        if other is not product and original in (other.id, other.translation_of):
            other.stock, other.manage_stock = product.stock, product.manage_stock
            other.modified = product.modified


@route("GET", r"/products")
def list_products(call: Call) -> Response:
    """GET /"""
    with call.state.lock:
        found = found_products(call.state, call.query)
        return call.listing_of(found, lambda p: show(p, call.view))


@route("GET", r"/products/(?P<id>\d+)")
def get_product(call: Call) -> Response:
    """GET /products/{id}: a variation too."""
    with call.state.lock:
        return call.single(show(_product(call, call.id()), call.view))


def _product(call: Call, product_id: int, status: int = 404) -> Product:
    product = call.state.products.get(product_id)
    if product is None:
        raise ApiError(status, INVALID_PRODUCT, "Invalid ID.")
    return product


@route("PUT", r"/products/(?P<id>\d+)")
def put_product(call: Call) -> Response:
    """PUT /products/{id}: stock only. Unlike a batch it refuses fractions."""
    body = _checked_stock(call)
    with call.state.lock:
        product = _product(call, call.id(), 400)
        if product.parent_id:
            raise ApiError(404, "woocommerce_rest_invalid_product_id", USE_VARIATIONS)
        set_stock(call.state, product, body)
        return call.single(show(product, call.view))


def _checked_stock(call: Call) -> dict[str, object]:
    body = body_of(call.request)
    quantity = body.get("stock_quantity", 0)
    is_whole = isinstance(quantity, float) and quantity.is_integer()
    if not (isinstance(quantity, int) or is_whole):
        message = "stock_quantity is not of type integer."
        data = {"param": "stock_quantity"}
        wrong = Wrong("rest_invalid_type", message, data)
        raise BadParameters({"stock_quantity": wrong})
    return body


@route("POST", r"/products/batch")
def batch_products(call: Call) -> Response:
    """POST /products/batch: a variation's id is a 404 for that item."""
    with call.state.lock:
        rows = _updates(call)
        return answer({"update": [_update_product(call, row) for row in rows]})


def _updates(call: Call) -> list[object]:
    items = batch_items(call)
    if set(items) - {"update"}:
        message = "This sandbox changes its catalogue by its own methods only."
        raise ApiError(501, "sandbox_cannot_create", message)
    return items.get("update", [])


def _update_product(call: Call, item: object) -> Json:
    body = item if isinstance(item, dict) else {}
    product_id = body.get("id")
    product = call.state.products.get(product_id) if isinstance(product_id, int) else None
    if product is None:
        return _failed(product_id, ApiError(400, INVALID_PRODUCT, "Invalid ID."))
    if product.parent_id:
        problem = ApiError(404, "woocommerce_rest_invalid_product_id", USE_VARIATIONS)
        return _failed(product_id, problem)
    set_stock(call.state, product, body)
    return show(product, call.view)


def _failed(item_id: object, problem: ApiError) -> Json:
    return {"id": item_id, "error": problem.body()}


@route("GET", r"/products/(?P<id>\d+)/variations")
def list_variations(call: Call) -> Response:
    """GET /products/{id}/variations."""
    with call.state.lock:
        _product(call, call.id())
        found = [
            product
            for product in call.state.products.values()
            if product.parent_id == call.id() and product.status != "trash"
        ]
        ordered = in_order(found, call.query)
        return call.listing_of(ordered, lambda p: show_variation(p, call.view))


@route("GET", r"/variations")
def list_all_variations(call: Call) -> Response:
    """GET /variations, of all products; WooCommerce 11 has it."""
    with call.state.lock:
        if not call.state.is_at_least(11):
            raise no_route()
        found = [
            product
            for product in call.state.products.values()
            if product.parent_id and product.status != "trash"
        ]
        ordered = in_order(changed(call.state, found, call.query), call.query)
        return call.listing_of(ordered, lambda p: show_variation(p, call.view))


def _variation(call: Call) -> Product:
    found = call.state.products.get(call.id("variation"))
    if found is None or found.parent_id != call.id():
        raise ApiError(404, INVALID_VARIATION, "Invalid ID.")
    return found


@route("GET", r"/products/(?P<id>\d+)/variations/(?P<variation>\d+)")
def get_variation(call: Call) -> Response:
    """GET /products/{id}/variations/{id}."""
    with call.state.lock:
        return call.single(show_variation(_variation(call), call.view))


@route("PUT", r"/products/(?P<id>\d+)/variations/(?P<variation>\d+)")
def put_variation(call: Call) -> Response:
    """PUT /products/{id}/variations/{id}: stock only."""
    body = _checked_stock(call)
    with call.state.lock:
        variation = _variation(call)
        set_stock(call.state, variation, body)
        return call.single(show_variation(variation, call.view))


@route("POST", r"/products/(?P<id>\d+)/variations/batch")
def batch_variations(call: Call) -> Response:
    """POST /products/{id}/variations/batch."""
    with call.state.lock:
        return answer({"update": [_update_variation(call, row) for row in _updates(call)]})


def _update_variation(call: Call, item: object) -> Json:
    body = item if isinstance(item, dict) else {}
    product_id = body.get("id")
    product = call.state.products.get(product_id) if isinstance(product_id, int) else None
    is_new = call.state.is_at_least(10)
    if product is not None and not is_new and not product.parent_id:
        # 8.2 takes a simple product's id here, and makes a variation of it
        product.parent_id = call.id()
        product.type = "variation"
    if product is None or product.parent_id != call.id():
        status = 404 if is_new else 400
        return _failed(product_id, ApiError(status, INVALID_VARIATION, "Invalid ID."))
    set_stock(call.state, product, body)
    return show_variation(product, call.view)


class ProductControls(Controls):
    """What people do in a store's catalogue."""

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
                option: tuple(values) for option, values in (attributes or _options(added)).items()
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
            keep_alike(self.state, original)
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

    def product(self, product_id: int) -> Json:
        """A product or variation as `/products/{id}` shows it."""
        with self.state.lock:
            view = View(self.state, "http://127.0.0.1")
            return show(self.state.products[product_id], view)

    def stock(self, product_id: int) -> int | None:
        """What the shop thinks it has; None where it does not manage that."""
        with self.state.lock:
            holder = stock_holder(self.state, product_id)
            return None if holder is None or holder.stock is None else int(holder.stock)

    def set_stock(self, product_id: int, quantity: int) -> None:
        """Count a product in the shop's screens, which from then on manages its stock."""
        with self.state.lock:
            product = self.state.products[product_id]
            _manage(product, quantity)
            product.modified = self.state.clock()
            keep_alike(self.state, product)

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
            gone = self.state.products.pop(product_id)
            children = [p.id for p in self.state.products.values() if p.parent_id == product_id]
            for child in children:
                del self.state.products[child]
            for order in self.state.orders.values():
                for line in order.lines:
                    if line.variation_id == product_id or line.variation_id in children:
                        line.variation_id = 0
                    if line.product_id == product_id and not gone.parent_id:
                        line.product_id = 0


def _manage(product: Product, stock: int | Literal["parent"] | None) -> None:
    if stock is None:
        return
    product.manage_stock = "parent" if stock == "parent" else True
    product.stock = None if stock == "parent" else Decimal(stock)


def _options(variations: Sequence[Variation]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for variation in variations:
        for option, value in variation.options.items():
            values = found.setdefault(option, [])
            if value not in values:
                values.append(value)
    return found
