"""The part of a store's REST API that is about stock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

import msgspec
from msgspec import Struct, structs

from katana_woo_sync.clients.errors import BadRequest, MissingPermission, NotFound, NotTheApi
from katana_woo_sync.clients.list_reader import PER_PAGE
from katana_woo_sync.clients.woocommerce_api import WooCommerceApi
from katana_woo_sync.domain.cursors import newest
from katana_woo_sync.domain.fields import Text, Whole
from katana_woo_sync.domain.woocommerce import StockAnswer, StockItem

STOCK_FIELDS = (
    "id,parent_id,name,type,status,sku,manage_stock,stock_quantity,backorders,date_modified_gmt"
)
MORE_FIELDS = "price,tax_status,tax_class,attributes"
BY_ID = (("orderby", "id"), ("order", "asc"))
SKUS_PER_REQUEST = 90
"""Fewer than a page holds, so that a page is known to be the last even where some look alike."""

LONGEST_SKUS = 4000
"""Characters of SKUs in one address; some hosts take no more than 8,000 in all."""


AN_HOUR = timedelta(hours=1)


class ProductsChanged(Struct, frozen=True):
    """Products that were changed (no variations), and the newest time of change (UTC) that is not
    in the shop's own future, which is what lies beyond `as_of`; `is_whole` tells whether all came.
    """

    items: tuple[StockItem, ...]
    mark: datetime | None
    as_of: datetime
    is_whole: bool = True


class WooCommerceStock(WooCommerceApi):
    """A store's stock."""

    def stock_items(self, skus: Sequence[str]) -> tuple[StockItem, ...]:
        """The products and variations with one of these SKUs, exact case.

        WooCommerce's filter ignores case and accents and splits at commas, so what it answers is
        compared again; a SKU with a comma cannot be asked for.
        """
        wanted = [sku for sku in dict.fromkeys(skus) if sku and "," not in sku]
        found: dict[int, StockItem] = {}
        for part in _parts(wanted):
            params = (("sku", ",".join(part)), ("status", "any"), ("_fields", STOCK_FIELDS))
            for item in self._all("/products", (*params, *BY_ID), StockItem):
                if item.sku in part:
                    found[int(item.id)] = item
        return tuple(found.values())

    def stock_items_by_id(self, ids: Sequence[int]) -> tuple[StockItem, ...]:
        """These products, no variations, a hundred in a request."""
        found: list[StockItem] = []
        for start in range(0, len(ids), PER_PAGE):
            part = ids[start : start + PER_PAGE]
            params = (
                ("include", ",".join(str(int(i)) for i in part)),
                ("status", "any"),
                ("_fields", STOCK_FIELDS),
            )
            listed = self._all("/products", (*params, *BY_ID), StockItem)
            found += [item for item in listed if int(item.id) in part]
        return tuple(found)

    def all_stock_items(self, *, whole: bool = False) -> tuple[StockItem, ...]:
        """Every product but those in the trash; no variations. `whole` asks for prices and options
        too."""
        params = (*BY_ID, ("status", "any"), _fields(whole=whole))
        return self._all("/products", params, StockItem)

    def all_variations(self, *, whole: bool = False) -> tuple[StockItem, ...] | None:
        """Every variation; None before WooCommerce 11, which has no list of them all."""
        params = (*BY_ID, ("status", "any"), _fields(whole=whole))
        try:
            return self._all("/variations", params, StockItem)
        except (NotTheApi, NotFound, BadRequest):
            return None

    def variations_stock(self, product_id: int, *, whole: bool = False) -> tuple[StockItem, ...]:
        """All variations of a product."""
        path = f"/products/{int(product_id)}/variations"
        params = (*BY_ID, ("status", "any"), _fields(whole=whole))
        return tuple(
            structs.replace(item, parent_id=Whole(product_id), type=Text("variation"))
            for item in self._all(path, params, StockItem)
        )

    def newest_product_modified(self) -> datetime | None:
        """When a product was last changed (UTC), as far as that is not in the shop's future."""
        params = (
            ("orderby", "modified"),
            ("order", "desc"),
            ("per_page", str(PER_PAGE)),
            ("_fields", "id,date_modified_gmt"),
        )
        try:
            rows, _total, as_of = self._dated_rows("/products", params)
        except BadRequest:
            return None  # 8.2 and older cannot sort products by their modification
        read = [self._row("/products", row, StockItem, whole=False) for row in rows]
        items = [item for item in read if item is not None]
        # where all are in its future, some time ago: what there is, is compared after this anyway
        return newest((item.modified for item in items), as_of) or (
            as_of - AN_HOUR if items else None
        )

    def products_changed(self, after: datetime) -> ProductsChanged | None:
        """Products changed after this time (UTC); None where the shop does not know the filter,
        which old versions ignore and answer with everything."""
        moment = after.astimezone(UTC)
        params = (
            ("modified_after", moment.strftime("%Y-%m-%dT%H:%M:%S")),
            ("dates_are_gmt", "true"),
            ("status", "any"),
            ("_fields", STOCK_FIELDS),
            *BY_ID,
        )
        paged = (*params, ("per_page", str(PER_PAGE)))
        rows, total, as_of = self._dated_rows("/products", paged)
        read = (self._row("/products", row, StockItem, whole=False) for row in rows)
        items, is_whole = tuple(item for item in read if item is not None), True
        seconds = moment.replace(microsecond=0)
        if any(item.modified is not None and item.modified < seconds for item in items):
            return None
        if rows and (total is None or len(rows) < total):
            items, is_whole = self._all_of("/products", params, StockItem)
        mark = newest((item.modified for item in items), as_of)
        return ProductsChanged(items, mark, as_of, is_whole)

    def set_stock(self, parent_id: int, quantities: Mapping[int, int]) -> Mapping[int, StockAnswer]:
        """Set the stock of at most a hundred products (`parent_id` 0) or variations of one product.

        WooCommerce checks nothing in a batch, so only whole numbers get here; a quantity that it
        ignored, or an item that it refused, shows in what it answers. Raises `UnknownOutcome` where
        the answer was lost: setting is absolute, and may be done again after a fresh look.
        """
        path = f"/products/{int(parent_id)}/variations/batch" if parent_id else "/products/batch"
        update = [{"id": int(i), "stock_quantity": int(n)} for i, n in quantities.items()]
        body = msgspec.json.encode({"update": update})
        answer = self._http.request("POST", path, body=body)
        rows = answer.data.get("update") if isinstance(answer.data, dict) else None
        if not isinstance(rows, list):
            raise self._http.unknown(f"POST {path}", "the answer holds no list of items")
        answers = [self._one(path, row, StockAnswer) for row in rows]
        return {int(each.id): each for each in answers}

    def statuses_in_use(self) -> tuple[str, ...] | None:
        """The statuses that the shop's orders have now, plugins' own too; None where the shop does
        not tell."""
        try:
            rows, _total = self._rows("/reports/orders/totals", ())
        except (NotTheApi, NotFound, BadRequest, MissingPermission):
            return None
        return tuple(
            str(row["slug"])
            for row in rows
            if isinstance(row, dict) and row.get("slug") and str(row.get("total")) != "0"
        )


def _fields(*, whole: bool) -> tuple[str, str]:
    return ("_fields", f"{STOCK_FIELDS},{MORE_FIELDS}" if whole else STOCK_FIELDS)


def _parts(skus: Sequence[str]) -> list[list[str]]:
    """The SKUs in portions that fit into an address, and onto a page."""
    parts: list[list[str]] = [[]]
    size = 0
    for sku in skus:
        length = len(sku.encode("utf-8", "replace")) * 3 + 3
        if parts[-1] and (len(parts[-1]) >= SKUS_PER_REQUEST or size + length > LONGEST_SKUS):
            parts.append([])
            size = 0
        parts[-1].append(sku)
        size += length
    return parts if parts[-1] else []
