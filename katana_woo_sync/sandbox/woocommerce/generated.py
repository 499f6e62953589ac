"""Varied orders as shops have them, the same ones for the same seed."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, TypeVar

from katana_woo_sync.sandbox.woocommerce.customers import Address
from katana_woo_sync.sandbox.woocommerce.lines import Coupon
from katana_woo_sync.sandbox.woocommerce.placing import (
    Fee,
    Item,
    PlacingControls,
    Shipping,
)
from katana_woo_sync.sandbox.woocommerce.products import Product

T = TypeVar("T")

NAMES = (
    ("Anna", "Müller"),
    ("Γιώργος", "Παπαδόπουλος"),
    ("Siobhán", "O'Brien & Söhne"),
    ("🦄 Zoë", "Nuñez-Ångström"),
    ("Li", "李"),
    ("Maria", ""),
    ("Bartholomäus-Maximilian " * 4, "von Hohenzollern-Sigmaringen " * 4),
)
COMPANIES = ("", "", "", 'ACME & Sons "Ltd" <GmbH>')
NOTES = ("", "", "", "Leave at door 🚪\nsecond line", 'Bitte klingeln <b>"laut"</b> & warten')
COUPONS = (
    Coupon("pct10", "percent", Decimal(10)),
    Coupon("pct33", "percent", Decimal("33.33")),
    Coupon("cart5", "fixed_cart", Decimal(5)),
    Coupon("prod1", "fixed_product", Decimal(1)),
    Coupon("ümlaut gutschein", "percent", Decimal(5)),
)
FEES = (
    Fee("Gift wrap", Decimal("2.50")),
    Fee("Deposit", Decimal("0.25"), None),
    Fee("Loyalty discount", Decimal("-1.20")),
)
METHODS = (
    Shipping("Courier", Decimal("4.90")),
    Shipping("Parcel locker", Decimal("1.55")),
    Shipping("Free shipping", Decimal(0), method_id="free_shipping"),
)
CATALOGUE = (
    ("MUG-01", "Mug", Decimal("12.40")),
    ("TEE-CTN", "Cotton tee", Decimal("19.90")),
    ("PEN-333", "Pen 3.33", Decimal("3.33")),
    ("THIRD-10", "Ten for three", Decimal("6.67")),
    ("ENT-1", 'Tom & Jerry\'s <b>"Cup"</b> – 5″ ☕', Decimal("11.11")),
    ("SCREW-0.015", "Screw", Decimal("0.015")),
)
"""What a store without products gets: SKU, name, price."""


def carts(
    count: int, seed: int, products: Sequence[Product], customers: Sequence[int], home: Address
) -> Iterator[dict[str, Any]]:
    """The arguments of `place_order` for so many orders of these products. Customers are guests or
    one of `customers`; addresses are in the country of `home`."""
    chance = random.Random(seed)
    for _ in range(count):
        yield _cart(chance, products, customers, home)


def _cart(
    chance: random.Random, products: Sequence[Product], customers: Sequence[int], home: Address
) -> dict[str, Any]:
    buyer = _address(chance, home)
    is_guest = not customers or chance.random() < 0.5
    elsewhere = chance.random() < 0.2
    return {
        "items": _items(chance, products),
        "billing": buyer,
        "shipping_address": replace(_address(chance, home) if elsewhere else buyer, email=""),
        "coupons": _some(chance, COUPONS, (0.7, 0.25, 0.05)),
        "fees": _some(chance, FEES, (0.8, 0.15, 0.05)),
        "shipping": _some(chance, METHODS, (0.3, 0.6, 0.1)),
        "customer_id": 0 if is_guest else chance.choice(customers),
        "customer_note": chance.choice(NOTES),
        "payment_method_title": chance.choice(("Card", "Direct bank transfer", "Cash on delivery")),
    }


def _items(chance: random.Random, products: Sequence[Product]) -> list[Item]:
    chosen = chance.sample(list(products), k=min(len(products), chance.randint(1, 5)))
    items = []
    for product in chosen:
        meta = (("Engraving", "Ζωή ♥"),) if chance.random() < 0.1 else ()
        parent = product.parent_id or product.id
        variation = product.id if product.parent_id else 0
        quantity = chance.choice((1, 1, 1, 2, 3, 7, 12))
        items.append(Item(parent, quantity, variation, meta))
    return items


def _some(chance: random.Random, choices: Sequence[T], weights: Sequence[float]) -> list[T]:
    number = chance.choices(range(len(weights)), weights)[0]
    return chance.sample(list(choices), k=number)


def _address(chance: random.Random, home: Address) -> Address:
    first, last = chance.choice(NAMES)
    has_phone = chance.random() < 0.7
    return replace(
        home,
        first_name=first.strip(),
        last_name=last.strip(),
        company=chance.choice(COMPANIES),
        email=f"buyer{chance.randint(1, 5000)}@example.test",
        phone="+30 690 0000000" if has_phone else "",
    )


class GeneratedControls(PlacingControls):
    """Placing many orders."""

    def add_generated_orders(
        self,
        count: int,
        *,
        seed: int = 1,
        status: str = "processing",
        start: datetime | None = None,
        gap: timedelta = timedelta(minutes=7),
    ) -> list[int]:
        """Place varied orders, the same ones for the same seed; a store without products gets
        some. With `start` they were created from then on, a `gap` apart. Returns their ids."""
        with self.state.lock:
            if not self.state.products:
                for sku, name, price in CATALOGUE:
                    self.add_product(name, sku, price)
            sold = [p for p in self.state.products.values() if p.type != "variable"]
            customers = [*self.state.customers]
            ids = []
            made = carts(count, seed, sold, customers, self.buyer())
            for index, cart in enumerate(made):
                at = None if start is None else start + index * gap
                ids.append(self.place_order(**cart, status=status, created=at))
            return ids
