"""What `backfill` says that it will take is what it takes, to a tenth."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from random import Random

import pytest

from katana_woo_sync.sandbox.server import Fault, FaultKind
from katana_woo_sync.sandbox.woocommerce import Address, Item, Shipping
from katana_woo_sync.sync.backfill import import_all, prepare
from katana_woo_sync.sync.cycle import Options
from katana_woo_sync.sync.estimate import requests_needed
from tests.sync.world import World

COURIER = Shipping("Courier", Decimal(5))


def buyer(number: int) -> Address:
    return Address(first_name="Bo", last_name=f"Lund {number}", email=f"bo{number}@example.test")


def furnish(world: World, orders: int) -> None:
    """Half of the orders with shipping, some of products that are new, some of a buyer's second."""
    dice = Random(orders)
    products = [world.shop.add_product(f"P{n}", f"P-{n}", "3.00") for n in range(12)]
    for number in range(orders):
        items = [Item(world.mug["eu"], 1)]
        if number % 3 == 0:
            items.append(Item(products[number % len(products)], 1))
        world.shop.place_order(
            items,
            billing=buyer(dice.randrange(2 * orders)),
            shipping=[COURIER] if number % 2 else [],
        )


def said_and_sent(world: World) -> tuple[int, int]:
    """What was said before the first import, and what it took."""
    program = world.program()
    with program.context() as context:
        prepared = prepare(context, list(program.stores.values()), None)
        said = requests_needed(context, prepared.stores)
        before = context.katana.sent
        import_all(context, prepared.stores, Options(), lambda _done, _total: None)
        return said, context.katana.sent - before


@pytest.mark.parametrize("options", ["", '[orders]\nshipping = "row"'])
def test_it_is_worked_out_from_what_is_open(unconnected: World, options: str) -> None:
    unconnected.configure(top=options)
    furnish(unconnected, 90)
    said, sent = said_and_sent(unconnected)
    assert sent * 0.9 <= said <= sent * 1.1


def test_most_of_a_long_list_is_taken_to_be_as_its_beginning(
    make_world: Callable[..., World], monkeypatch: pytest.MonkeyPatch
) -> None:
    world = make_world()
    furnish(world, 150)
    monkeypatch.setattr("katana_woo_sync.sync.estimate.LOOKED_AT", 90)
    monkeypatch.setattr("katana_woo_sync.sync.estimate.LAST", 40)
    said, sent = said_and_sent(world)
    assert sent * 0.9 <= said <= sent * 1.1


def test_a_shop_that_does_not_answer_is_taken_to_be_as_usual(unconnected: World) -> None:
    furnish(unconnected, 10)
    program = unconnected.program()
    with program.context() as context:
        prepared = prepare(context, list(program.stores.values()), None)
        fault = Fault(FaultKind.STATUS, path="/orders", status=503, times=1_000)
        unconnected.shop.server.add_fault(fault)
        assert requests_needed(context, prepared.stores) == 20
