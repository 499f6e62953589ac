"""The import of all products of a store, in the same way as those on orders."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from msgspec import Struct, field

from katana_woo_sync.clients.errors import BadRequest
from katana_woo_sync.domain.products import NOT_IMPORTED, VARIABLE, as_order, no_price
from katana_woo_sync.domain.sales_order import Unmappable
from katana_woo_sync.domain.text import plain
from katana_woo_sync.domain.woocommerce import (
    LineItem,
    Order,
    PriceSettings,
    Product,
    StoreTaxRate,
)
from katana_woo_sync.sync.context import Context, Store
from katana_woo_sync.sync.create_once import StillUnknown
from katana_woo_sync.sync.failures import best_effort, part_of_order
from katana_woo_sync.sync.katana_facts import KatanaFacts
from katana_woo_sync.sync.products import KatanaVariants, LineItems

TOGETHER = 50
"""Products whose SKUs are asked for in one go."""

REQUESTS = 3
"""What a product may need of Katana."""


class ProductsImported(Struct):
    """What became of a store's products: those (with their variations) that Katana has now, how
    many items were created for them, and of each that was left out why."""

    there: int = 0
    created: int = 0
    left_out: list[str] = field(default_factory=list)


class _Sold(Struct, frozen=True):
    """A product or variation as the line of an order that would sell it."""

    order: Order
    line: LineItem


class _Prices(Struct, frozen=True):
    settings: PriceSettings
    rates: Sequence[StoreTaxRate]
    currency: str


def import_products(
    context: Context, store: Store, progress: Callable[[int, int], None]
) -> ProductsImported:
    """Match or create every product and variation. It can be stopped and run again: what is known
    already costs no request to Katana. Raises a `ServiceError` where a whole side cannot be
    worked."""
    products = store.shop.all_products()
    currency = str(context.facts(store).currency)
    prices = _Prices(store.shop.price_settings(), store.shop.tax_rates(), currency)
    items = LineItems(context, store, KatanaFacts(context), KatanaVariants(context), creates=True)
    done = ProductsImported()
    created_before = context.ledger.journal.created_items()
    for start in range(0, len(products), TOGETHER):
        progress(start, len(products))
        part = products[start : start + TOGETHER]
        items.know({int(product.id): product for product in part})
        orders = list(filter(None, (_order(store, each, prices, done) for each in part)))
        context.go_on()
        with best_effort():
            items.look_up(orders)
        sold = [_Sold(order, line) for order in orders for line in order.line_items]
        for each in sold:
            context.katana.wait_for_room(REQUESTS)
            context.go_on()
            _import_one(context, store, items, each, done)
    progress(len(products), len(products))
    done.created = context.ledger.journal.created_items() - created_before
    return done


def _order(store: Store, product: Product, prices: _Prices, done: ProductsImported) -> Order | None:
    """The product as an order that would sell it; None for one that is not imported."""
    left = NOT_IMPORTED.get(str(product.type))
    variations: Sequence[Product] = ()
    if left is None and product.type in VARIABLE:
        variations = store.shop.variations(int(product.id))
        left = None if variations else "it has no variations"
        done.left_out += [
            f"{_name(each, product)}: {no_price(each)}; Katana has it without one"
            for each in variations
            if no_price(each)
        ]
    elif left is None and no_price(product):
        left = f"{no_price(product)}; set it right there and import products again"
    if left is not None:
        done.left_out.append(f"{_name(product)}: {left}")
        return None
    return as_order(product, variations, prices.rates, prices.settings, prices.currency)


def _name(product: Product, parent: Product | None = None) -> str:
    named = plain(product.name or (parent.name if parent is not None else ""), 100)
    return f"{named or 'product'} (id:{int(product.id)})"


def _import_one(
    context: Context, store: Store, items: LineItems, sold: _Sold, done: ProductsImported
) -> None:
    line = sold.line
    name = f"{plain(line.name, 100) or 'product'} (id:{int(line.id)}, SKU {line.sku or '-'})"

    with part_of_order(context, store, 0, partial(_failed, done, name)):
        try:
            items.variants_of(sold.order, [int(line.id)])
        except Unmappable as error:
            done.left_out.append(f"{name}: {error.reason.about.sentence} {error.detail}")
        except (BadRequest, StillUnknown) as error:
            done.left_out.append(f"{name}: {error}")
        else:
            done.there += 1


def _failed(done: ProductsImported, name: str, error: Exception) -> None:
    done.left_out.append(f"{name}: {error}")
