"""What customers order: each cart is what `place_order` is given. Most are plain; others have all
that money and goods come in: coupons, fees, tax rates, variations, bundles, other currencies, what
a gift card paid, sales of the till, downloads, sub-orders of a marketplace."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from random import Random
from typing import Any, Literal

from katana_woo_sync.sandbox.woocommerce import Coupon, Fee, Item, Shipping, Variation
from katana_woo_sync.sandbox.woocommerce.generated import carts
from katana_woo_sync.sandbox.woocommerce.sandbox import WooCommerceSandbox
from tests.simulation.life import Life
from tests.sync.world import ANNA

COURIER = Shipping("Courier", Decimal(5))
EXPRESS = Shipping("Express", Decimal("2.35"), "reduced-rate")
SIZES = {"S": "TEE-S", "M": "TEE-M"}
SHIRTS = frozenset(SIZES.values())
CREDIT = "_funds_used"
"""Where a plugin keeps what store credit paid."""

Order = dict[str, Any]


def plain(life: Life, dice: Random, store: str) -> Order:
    """Mugs, with a lamp perhaps, which is sent by courier."""
    world = life.world
    items = [Item(world.mug[store], dice.randint(1, 3))]
    with_lamp = dice.random() < 0.4
    items += [Item(world.lamp[store], 1)] if with_lamp else []
    return {"items": items, "shipping": [COURIER] if with_lamp else []}


def varied(life: Life, dice: Random, store: str) -> Order:
    """Whatever shops have: coupons, fees with and without tax, notes, engravings, names."""
    shop = life.world.shops[store]
    customers = list(shop.state.customers)
    if len(customers) < 2:
        customers.append(shop.add_customer(ANNA))
    sold = [p for p in shop.state.products.values() if p.type != "variable" and not p.virtual][:4]
    return next(carts(1, dice.randrange(2**32), sold, customers, shop.buyer()))


def taxed_otherwise(life: Life, dice: Random, store: str) -> Order:
    """Goods of two tax rates, shipping of the other one or in two parts, or no tax at all."""
    shop = life.world.shops[store]
    book = _product(shop, "Book", "BOOK", "7.77", tax_class="reduced-rate")
    return {
        "items": [Item(life.world.mug[store], dice.randint(1, 7)), Item(book, dice.randint(1, 3))],
        "shipping": dice.choice(([COURIER], [EXPRESS], [COURIER, EXPRESS])),
        "fees": [Fee("Loyalty", Decimal("-1.20"))] if dice.random() < 0.5 else [],
        "vat_exempt": dice.random() < 0.2,
    }


def variations(life: Life, dice: Random, store: str) -> Order:
    """Shirts in two sizes, or small ones alone, with a coupon."""
    shop = life.world.shops[store]
    shirt, sizes = _shirt(shop, dice)
    sizes = sizes[: dice.choice((1, 1, 2))]
    items = [Item(shirt, dice.randint(1, 4), size) for size in sizes]
    return {"items": items, "coupons": [Coupon("pct33", "percent", Decimal("33.33"))]}


def bundle(life: Life, dice: Random, store: str) -> Order:
    """A hamper with mugs in it, as Product Bundles writes it."""
    box = _product(life.world.shops[store], "Hamper", "HAMPER", "20.00", stock=5)
    of_box = (("_bundle_cart_key", "k1"), ("_bundled_items", ["k2"]))
    of_mugs = (("_bundled_by", "k1"), ("_bundle_cart_key", "k2"))
    items = [
        Item(box, 1, meta=of_box),
        Item(life.world.mug[store], dice.randint(1, 2), meta=of_mugs),
    ]
    return {"items": items, "shipping": [COURIER]}


def services(life: Life, dice: Random, store: str) -> Order:
    """Nothing but a fee, or a product that is in no shop; or a download."""
    what = dice.choice(("fee", "custom", "download", "free"))
    if what == "fee":
        return {"items": [], "fees": [Fee("Repair", Decimal("14.90"))]}
    if what == "custom":
        return {"items": [Item(0, 1, name="Made for you", price=Decimal("33.10"))]}
    if what == "free":
        return {"items": [Item(life.world.mug[store], 1, price=Decimal(0))]}
    shop = life.world.shops[store]
    return {"items": [Item(_product(shop, "Recipes", "PDF", "4.00", virtual=True), 1)]}


def paid_otherwise(life: Life, dice: Random, store: str) -> Order:
    """In another currency, or in part by a gift card."""
    items = [Item(life.world.mug[store], dice.randint(1, 3))]
    if dice.random() < 0.5:
        return {"items": items, "currency": "GBP", "shipping": [COURIER]}
    price = Decimal("12.40") * items[0].quantity
    if store != "eu":
        return {"items": items, "currency": "CAD"}
    return {"items": items, "total": price - 5, "meta": {CREDIT: "5.00"}}


def at_the_till(life: Life, dice: Random, store: str) -> Order:
    """Sold at the shop's Point of Sale, and completed at once."""
    return {**plain(life, dice, store), "status": "completed", "created_via": "pos-rest-api"}


CARTS: dict[Callable[[Life, Random, str], Order], int] = {
    varied: 3,
    taxed_otherwise: 2,
    variations: 1,
    bundle: 1,
    services: 1,
    paid_otherwise: 1,
    at_the_till: 1,
}
"""Each with how often it is ordered."""


def cart(life: Life, dice: Random, store: str) -> Order:
    """What a customer orders."""
    (chosen,) = dice.choices(list(CARTS), list(CARTS.values()))
    life.happened(f"cart {chosen.__name__}")
    return chosen(life, dice, store)


def _product(shop: WooCommerceSandbox, name: str, sku: str, price: str, **more: Any) -> int:
    for product in shop.state.products.values():
        if product.sku == sku:
            return product.id
    return shop.add_product(name, sku, price, **more)


def _shirt(shop: WooCommerceSandbox, dice: Random) -> tuple[int, list[int]]:
    """The shirt and its sizes. The shop keeps stock of each size, of all together, or of none."""
    for product in shop.state.products.values():
        if product.sku == "TEE":
            return product.id, [
                p.id for p in shop.state.products.values() if p.parent_id == product.id
            ]
    ways: tuple[int | Literal["parent"] | None, ...] = (None, 20, 20, "parent")
    stock = dice.choice(ways)
    made = [Variation(sku, Decimal("19.90"), {"Size": size}, stock) for size, sku in SIZES.items()]
    return shop.add_variable_product("Shirt", "TEE", made, stock=40 if stock == "parent" else None)
