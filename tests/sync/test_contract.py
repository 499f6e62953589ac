"""A large mix of orders: every request keeps Katana's contract, and every total is the shop's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from decimal import Decimal

import pytest

from katana_woo_sync.sandbox.woocommerce import (
    Address,
    Coupon,
    Fee,
    Item,
    Order,
    Shipping,
    WooCommerceSandbox,
)
from tests.sync.world import ANNA, World

ODD = Address(first_name="N" * 200, last_name="'; DROP TABLE orders;--", email="not a mail")


def add_odd_orders(world: World, name: str) -> None:
    """What generated orders do not have."""
    shop, mug, lamp = world.shops[name], world.mug[name], world.lamp[name]
    place = shop.place_order
    place([Item(mug, 1, price=Decimal(0))], billing=ANNA)
    place([Item(mug, 3, price=Decimal("0.01"))], billing=ANNA)
    place([Item(lamp, 1000)], billing=ODD)
    place([Item(lamp, 7)], billing=ANNA, vat_exempt=True)
    place([], fees=[Fee("Donation", Decimal(5), None)])
    place([], shipping=[Shipping("Courier", Decimal("4.90"))], billing=ANNA)
    place([Item(mug, 2), Item(mug, 1)], billing=Address())
    place([Item(lamp, 3)], billing=ANNA, coupons=[Coupon("all", "percent", Decimal(100))])
    place([Item(lamp, 3)], billing=ANNA, coupons=[Coupon("odd", "fixed_cart", Decimal("7.77"))])
    place(
        [Item(mug, 1, meta=(("Engraving", "For 🦄 & <b>Zoë</b>"), ("_hidden", "x")))],
        billing=ANNA,
        shipping=[Shipping("A", Decimal(3)), Shipping("B", Decimal(4))],
        fees=[Fee("Gift wrap", Decimal("2.50")), Fee("Loyalty", Decimal("-1.20"))],
        customer_note="n" * 5000,
    )
    refunded = place([Item(mug, 5), Item(lamp, 1)], billing=ANNA)
    shop.refund(refunded, lines={shop.state.orders[refunded].lines[0].id: 2})


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Two stores with 60 generated orders each and odd ones, imported."""
    with ExitStack() as stack:
        world = World(tmp_path_factory.mktemp("mix"), stack, names=("eu", "us"))
        world.configure(stores={"us": 'order_number_prefix = "US-"'})
        for name, shop in world.shops.items():
            for number in range(12):
                tax_class = "reduced-rate" if number % 3 == 0 else ""
                price = Decimal("3.33") * (number + 1)
                shop.add_product(f"P {number}", f"P-{number}", price, tax_class=tax_class)
            shop.add_generated_orders(60, seed=len(name))
            add_odd_orders(world, name)
        world.backfill()
        yield world


def left_of(order: Order, shop: WooCommerceSandbox) -> Decimal:
    """What is left of an order's total."""
    refunded = sum((refund.amount for refund in order.refunds), Decimal(0))
    shown = Decimal(str(shop.order(order.id)["total"]))
    return shown - refunded


def roundings(order: Order) -> Decimal:
    """Half a cent for each line amount and each tax of a line that the shop rounded."""
    amounts = sum(2 + 2 * len(line.taxes) for line in order.lines)
    return Decimal("0.005") * amounts


def test_a_large_mix_keeps_the_contract_and_every_total(mixed: World) -> None:
    assert mixed.katana.contract_violations == []
    assert mixed.katana.refusals == []
    for name, shop in mixed.shops.items():
        for order in shop.state.orders.values():
            found = mixed.sales_order(order.id, shop=name)
            difference = mixed.katana.order_total(found.id) - left_of(order, shop)
            assert abs(difference) <= roundings(order), (name, order.id, difference)
            assert mixed.state(order.id, shop=name) in (("imported", ""), ("fulfilled", ""))


def test_a_large_mix_is_not_imported_twice(mixed: World) -> None:
    before = len(mixed.katana.sales_orders())
    mixed.ledger.unlink()
    mixed.sync()
    mixed.backfill()
    assert len(mixed.katana.sales_orders()) == before


def test_a_large_mix_is_fulfilled_both_ways(mixed: World) -> None:
    eu, us = ([*mixed.shops[name].state.orders] for name in ("eu", "us"))
    for order in eu[:30]:
        mixed.katana.deliver(mixed.sales_order(order).id)
    for order in us[:30]:
        mixed.shops["us"].set_status(order, "completed")
    mixed.sync()
    assert {mixed.status(order) for order in eu[:30]} == {"completed"}
    assert {mixed.sales_order(order, shop="us").status for order in us[:30]} == {"DELIVERED"}
    assert mixed.katana.contract_violations == []
