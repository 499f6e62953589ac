"""Products and variations as the REST API shows them, found by SKU or id, and their stock."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from decimal import ROUND_DOWN, Decimal, InvalidOperation
from urllib.parse import quote_plus

from werkzeug.datastructures import MultiDict

from katana_woo_sync.sandbox.woocommerce.answers import Json, View, shown_sku
from katana_woo_sync.sandbox.woocommerce.lists import Checked
from katana_woo_sync.sandbox.woocommerce.records import Product
from katana_woo_sync.sandbox.woocommerce.store import StoreState

NO_DATES: Json = {
    "date_on_sale_from": None,
    "date_on_sale_from_gmt": None,
    "date_on_sale_to": None,
    "date_on_sale_to_gmt": None,
}
NO_DOWNLOADS: Json = {"downloads": [], "download_limit": -1, "download_expiry": -1}
NO_SIZE: Json = {"length": "", "width": "", "height": ""}


def product_json(product: Product, view: View) -> Json:
    """A product, or a variation as `/products` shows it."""
    state = view.state
    is_parent = product.type == "variable"
    others = state.products.values() if is_parent else ()
    children = [p for p in others if p.parent_id == product.id]
    slug = _slug(product.name)
    answer: Json = {
        "id": product.id,
        "name": _option_name(product, with_parent=True),
        "slug": slug,
        "permalink": _permalink(product, view),
        **view.times("date_created", product.created),
        **view.times("date_modified", product.modified),
        "type": product.type,
        "status": product.status,
        "featured": False,
        "catalog_visibility": "visible",
        "description": "",
        "short_description": "",
        "sku": shown_sku(product, state.products),
        **_prices(product, children),
        **NO_DATES,
        "on_sale": False,
        "purchasable": True,
        "total_sales": 0,
        "virtual": product.virtual,
        "downloadable": product.downloadable,
        **NO_DOWNLOADS,
        "external_url": "",
        "button_text": "",
        "tax_status": product.tax_status,
        "tax_class": product.tax_class,
        **_stock(product, state),
        "sold_individually": False,
        "weight": "",
        "dimensions": NO_SIZE,
        "shipping_required": not product.virtual,
        "shipping_taxable": not product.virtual,
        "shipping_class": "",
        "shipping_class_id": 0,
        "reviews_allowed": not product.parent_id,
        "average_rating": "0.00",
        "rating_count": 0,
        "upsell_ids": [],
        "cross_sell_ids": [],
        "parent_id": product.parent_id,
        "purchase_note": "",
        "categories": []
        if product.parent_id
        else [{"id": 15, "name": "Uncategorized", "slug": "uncategorized"}],
        "brands": [],
        "tags": [],
        "images": [],
        "attributes": _attributes(product, view),
        "default_attributes": [],
        "variations": sorted(child.id for child in children),
        "grouped_products": [],
        "menu_order": 0,
        "price_html": "",
        "related_ids": [],
        "meta_data": [],
        "stock_status": _stock_status(product, state),
        "has_options": bool(children),
        "post_password": "",
        "global_unique_id": "",
        "_links": view.links(
            "products",
            str(product.id),
            up=f"products/{product.parent_id}" if product.parent_id else "",
        ),
    }
    if not view.is_new:
        del answer["brands"], answer["global_unique_id"]
    return answer


def variation_json(product: Product, view: View) -> Json:
    """A variation as `/products/{id}/variations` shows it: before WooCommerce 10 without type,
    parent and name."""
    state = view.state
    answer: Json = {
        "id": product.id,
        "type": "variation",
        **view.times("date_created", product.created),
        **view.times("date_modified", product.modified),
        "description": "",
        "permalink": _permalink(product, view),
        "sku": shown_sku(product, state.products),
        "global_unique_id": "",
        **_prices(product, ()),
        **NO_DATES,
        "on_sale": False,
        "status": product.status,
        "purchasable": True,
        "virtual": product.virtual,
        "downloadable": product.downloadable,
        **NO_DOWNLOADS,
        "tax_status": product.tax_status,
        "tax_class": product.tax_class,
        **_stock(product, state),
        "stock_status": _stock_status(product, state),
        "weight": "",
        "dimensions": NO_SIZE,
        "shipping_class": "",
        "shipping_class_id": 0,
        "image": None,
        "gallery_image_ids": [],
        "attributes": _attributes(product, view),
        "menu_order": 0,
        "meta_data": [],
        "name": _option_name(product, with_parent=False),
        "parent_id": product.parent_id,
        "_links": view.links(
            "products",
            str(product.parent_id),
            "variations",
            str(product.id),
            up=f"products/{product.parent_id}",
        ),
    }
    if not view.is_new:
        for name in ("type", "global_unique_id", "gallery_image_ids", "name", "parent_id"):
            del answer[name]
    return answer


def _option_name(product: Product, *, with_parent: bool) -> str:
    chosen = ", ".join(product.options.values())
    if not product.parent_id:
        return product.name
    return f"{product.name} - {chosen}" if with_parent else chosen


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", folded(name)).strip("-")


def _permalink(product: Product, view: View) -> str:
    query = "&".join(
        f"attribute_{_slug(name)}={quote_plus(value)}" for name, value in product.options.items()
    )
    return f"{view.url}/product/{_slug(product.name)}/" + (f"?{query}" if query else "")


def _prices(product: Product, children: Sequence[Product]) -> Json:
    if product.type == "variable":
        price = min((child.price for child in children), default=None)
        return {"price": "" if price is None else str(price), "regular_price": "", "sale_price": ""}
    return {"price": str(product.price), "regular_price": str(product.price), "sale_price": ""}


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


def _stock(product: Product, state: StoreState) -> Json:
    holder = state.stock_holder(product.id)
    stock = holder.stock if holder is not None else None
    backorders = product.backorders if holder is None else holder.backorders
    return {
        "manage_stock": product.manage_stock,
        "stock_quantity": None if stock is None else int(stock),
        "backorders": backorders,
        "backorders_allowed": backorders != "no",
        "backordered": backorders != "no" and stock is not None and stock < 0,
        "low_stock_amount": None,
    }


def _stock_status(product: Product, state: StoreState) -> str:
    holder = state.stock_holder(product.id)
    if holder is not None and (holder.stock or 0) <= 0:
        return "onbackorder" if holder.backorders != "no" else "outofstock"
    return "instock"


def folded(text: str) -> str:
    """A text as the shop's database compares it: without case and accents."""
    parts = unicodedata.normalize("NFKD", text)
    return "".join(c for c in parts if not unicodedata.combining(c)).casefold().rstrip(" ")


def list_products(state: StoreState, query: MultiDict[str, str]) -> list[Product]:
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
    state.keep_alike(product)


def _whole(value: object) -> Decimal:
    try:
        return Decimal(str(value)).to_integral_value(ROUND_DOWN)
    except InvalidOperation:
        return Decimal(0)
