"""A shop whose settings change: what it had imported is not edited, and what comes adds up."""

from __future__ import annotations

import hashlib

import pytest
from msgspec.structs import replace

from katana_woo_sync.domain.reasons import Reason
from katana_woo_sync.ledger import Ledger
from katana_woo_sync.sandbox.woocommerce.totals import Rounding
from katana_woo_sync.sync.cycle import SweepWhen
from tests.sync.world import World
from tests.traps.support import total_in_katana, total_in_shop

NO_DECIMALS = Rounding(at_subtotal=False, decimals=0, prices_include_tax=True)


def decimals(world: World) -> int:
    """The decimals that the ledger knows of the shop."""
    with Ledger.open_to_read(world.ledger) as ledger:
        known = ledger.stores.get(world.identity)
    assert known is not None
    assert known.facts is not None
    return known.facts.decimals


def test_other_decimals_are_noticed_by_an_orders_own_form(world: World) -> None:
    old, touched = world.order(), world.order()
    world.sync()
    world.shop.state.rounding = NO_DECIMALS
    world.shop.edit_order(touched)  # saved, and nothing else
    new = world.order(quantity=3)
    world.sync()
    assert decimals(world) == 0
    assert world.state(new) == ("imported", "")
    assert abs(total_in_katana(world, new) - total_in_shop(world, new)) < 1
    world.shop.edit_order(old)
    world.sync()
    assert [world.notes(order) for order in (old, touched)] == [[], []]
    assert [world.state(order)[0] for order in (old, touched)] == ["imported"] * 2


def test_settings_are_asked_for_again_once_a_day_at_most(world: World) -> None:
    """A plugin gives every order a form of its own: the settings explain nothing."""
    with Ledger.open(world.ledger) as ledger:
        ledger.stores.set_meta(f"told:settings {world.identity}", f"{world.clock():%Y-%m-%d}")
    world.shop.state.rounding = NO_DECIMALS
    world.order()
    world.reset_counts()
    world.sync()
    assert world.shop.server.count(path="/settings") == 0
    world.order()
    world.sync(minutes=24 * 60, sweep=SweepWhen.DUE)
    assert decimals(world) == 0


@pytest.mark.parametrize("number", ["EU-2026-1", ""])
def test_another_number_is_no_edit(world: World, number: str) -> None:
    order = world.order()
    world.sync()
    world.shop.edit_order(order, number=number)
    world.sync()
    assert world.notes(order) == []
    world.shop.edit_order(order, customer_note="Ring twice")
    world.sync()
    assert world.notes(order) == [Reason.EDITED]


ANNA_THEN = (
    "Address(first_name='Anna', last_name='Kosta', company='', address_1='Ermou 12', address_2='', "
    "city='Athens', state='', postcode='10552', country='GR', email='{email}', phone='')"
)


def first_fingerprint(world: World, order_id: int) -> str:
    """An order's fingerprint as the first version took it."""
    order = world.shop.order(order_id)
    items = order["line_items"]
    assert isinstance(items, list)
    line = items[0]
    parts = [
        order["number"],
        order["currency"],
        order["total"],
        ANNA_THEN.format(email="anna@example.test"),
        ANNA_THEN.format(email=""),
        order["customer_note"],
        f"{line['id']}|{line['product_id']}|{line['variation_id']}|{line['quantity']}",
        f"{line['id']}|{line['total']}|{line['total_tax']}",
    ]
    return hashlib.sha256("\n".join(map(str, parts)).encode()).hexdigest()[:32]


def test_a_ledger_with_fingerprints_of_the_first_version_shows_no_edit(world: World) -> None:
    saved, renumbered, edited = orders = [world.order() for _ in range(3)]
    world.sync()
    with Ledger.open(world.ledger) as ledger:
        for order in orders:
            record = ledger.orders.get(world.identity, order)
            assert record is not None
            ledger.orders.save([replace(record, fingerprint=first_fingerprint(world, order))])
    world.shop.edit_order(saved)
    world.shop.edit_order(renumbered, number="EU-2026-1")
    world.shop.edit_order(edited, customer_note="Ring twice")
    world.sync()
    world.sync()
    assert [world.notes(order) for order in orders] == [[], [], [Reason.EDITED]]
