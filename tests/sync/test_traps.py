"""Traps of WooCommerce's that only whole cycles show; `tests/test_traps.py` lists where the others
are."""

from __future__ import annotations

from contextlib import ExitStack
from decimal import Decimal
from pathlib import Path

import pytest

from katana_woo_sync.sandbox.woocommerce import Item, WooCommerceSandbox
from tests.sync.world import ANNA, VAT, World


def test_orders_that_share_the_second_of_the_mark_are_all_seen(world: World) -> None:
    first = world.order()
    world.sync(minutes=0)
    second = world.order()  # in the same second as the newest that was read
    world.sync(minutes=0)
    assert [len(world.in_katana(order)) for order in (first, second)] == [1, 1]


class Elsewhere(World):
    """A world whose store is in a time zone of its own."""

    offset: float = 0

    def _shop(self, name: str) -> WooCommerceSandbox:
        return WooCommerceSandbox(
            name=name, tax_rates=VAT, clock=self.clock, utc_offset_hours=self.offset
        )


@pytest.mark.parametrize("offset", [-11, -5, 0, 5.5, 14])
def test_no_time_zone_hides_an_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, offset: float
) -> None:
    monkeypatch.setattr(Elsewhere, "offset", offset)
    with ExitStack() as stack:
        world = Elsewhere(tmp_path, stack)
        world.backfill()
        for _ in range(3):
            order = world.order()
            world.sync(minutes=5)
            assert len(world.in_katana(order)) == 1
        world.reset_counts()
        world.sync()
        assert world.sync().store("eu").seen == 0
        assert world.sales_order(order).order_created_date == world.shop.state.orders[order].created


def test_our_own_write_that_comes_round_again_does_nothing(world: World) -> None:
    order = world.order()
    world.sync()
    world.katana.deliver(world.sales_order(order).id)
    world.sync()
    world.reset_counts()
    world.sync()
    world.sync()
    written = [r for r in world.shop.server.requests if r.method != "GET"]
    assert written == []
    assert world.notes(order) == []


@pytest.mark.parametrize("at_subtotal", [True, False])
def test_each_shop_is_asked_for_the_decimals_that_add_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_subtotal: bool
) -> None:
    def shop(self: World, name: str) -> WooCommerceSandbox:
        return WooCommerceSandbox(
            name=name, tax_rates=VAT, clock=self.clock, round_at_subtotal=at_subtotal
        )

    monkeypatch.setattr(World, "_shop", shop)
    with ExitStack() as stack:
        world = World(tmp_path, stack)
        world.connect()
        odd = world.shop.add_product("Odd", "ODD", "0.37")
        items = [Item(odd, 7), Item(world.mug["eu"], 3), Item(world.lamp["eu"], 1)]
        order = world.shop.place_order(items, billing=ANNA)
        world.sync()
        total = world.katana.order_total(world.sales_order(order).id)
        assert abs(total - world.record(order).total) < Decimal("0.005")
        assert world.state(order) == ("imported", "")


def test_an_order_in_the_trash_answers_by_its_id_and_is_seen_so(world: World) -> None:
    order = world.order()
    world.sync()
    world.shop.trash(order)
    world.sync(minutes=25 * 60)
    assert world.state(order) == ("attention", "cancelled_in_shop")
    world.shop.restore(order)
    world.sync()
    assert world.state(order) == ("imported", "")
