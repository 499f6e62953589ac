"""Stock of which a row could not be read stays due: what is told in one cycle is not forgotten."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest

from tests.sync.test_stock import count, stock, stocked
from tests.sync.world import World

MakeWorld = Callable[..., World]


def spoilt(world: World) -> None:
    world.shop.state.spoilt[world.mug["eu"]] = {"stock_quantity": "1..2"}


def held_back(world: World) -> None:
    world.shop.state.held_back.add(world.mug["eu"])


def spoilt_in_katana(world: World) -> None:
    world.katana._state.spoilt[world.mug_variant] = {"quantity_in_stock": "many"}


@pytest.mark.parametrize("spoil", [spoilt, held_back, spoilt_in_katana])
def test_stock_whose_row_cannot_be_read_is_set_once_it_can(
    make_world: MakeWorld, spoil: Callable[[World], None]
) -> None:
    world = stocked(make_world, "eu", "us")
    spoil(world)
    count(world, 9)
    for _ in range(2):
        report = world.sync(minutes=15)
        assert stock(world) == 10
        assert report.katana_unread or report.store("eu").unread
        assert report.exit_code == 1
    for state in (world.shop.state, world.katana._state):
        state.spoilt.clear()
    world.shop.state.held_back.clear()
    report = world.sync(minutes=15)
    assert (stock(world), stock(world, "us"), report.exit_code) == (9, 9, 0)


def test_a_row_that_cannot_be_read_holds_up_no_other(make_world: MakeWorld) -> None:
    world = stocked(make_world)
    place = world.katana.main_location_id
    lamp = world.katana.add_product("Lamp", "LAMP", in_stock=Decimal(3))
    world.shop.set_stock(world.lamp["eu"], 0)
    spoilt(world)
    count(world, 9)
    world.katana.set_stock(lamp, place, Decimal(5))
    world.sync(minutes=15)
    assert world.shop.stock(world.lamp["eu"]) == 5
