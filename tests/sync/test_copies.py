"""Rule 2: orders that are another shop's: one that was copied, a copy of a shop, a shop that moved;
and other shops whose ids, minutes and numbers agree by chance."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import pytest

from katana_woo_sync.sync.cycle import SweepWhen
from tests.cli.support import run
from tests.sync.world import World

OWN = "old.example.com"
OTHER = "other.example.com"


def copy_of(two: World, eu: int) -> int:
    """An order of "us" that a tool copied from "eu", with its key. Returns its id there."""
    us = two.order(shop="us")
    two.shops["us"].edit_order(us, order_key=two.shop.state.orders[eu].order_key)
    return us


def test_rule_02_one_order_copied_from_another_store_stops_no_other(two: World) -> None:
    original = two.order()
    two.sync()
    copied, own = copy_of(two, original), two.order(shop="us")
    report = two.sync()
    assert report.store("us").error is None
    assert two.state(copied, shop="us") == ("attention", "known_elsewhere")
    assert two.identity in two.record(copied, shop="us").detail
    assert two.state(own, shop="us") == ("imported", "")
    assert int(report.exit_code) == 1
    two.sync(sweep=SweepWhen.NOW)
    run(two, "retry")
    assert two.in_katana(copied, shop="us") == []
    assert run(two, "ignore", "us", str(copied)).exit_code == 0
    assert int(two.sync().exit_code) == 0
    assert two.in_katana(copied, shop="us") == []


def test_rule_02_a_copied_order_that_a_person_says_is_its_own_is_imported(two: World) -> None:
    original = two.order()
    two.sync()
    copied = copy_of(two, original)
    two.sync()
    two.shops["us"].edit_order(copied, customer_note="By noon, please")
    two.sync()
    assert two.state(copied, shop="us") == ("attention", "known_elsewhere")
    assert run(two, "retry", "us", str(copied)).exit_code == 0
    assert two.state(copied, shop="us") == ("imported", "")
    assert len(two.in_katana(copied, shop="us")) == 1


def test_rule_02_a_copied_order_is_known_when_it_comes_back_to_processing(two: World) -> None:
    original = two.order()
    two.sync()
    copied = two.order(shop="us", status="on-hold")
    two.shops["us"].edit_order(copied, order_key=two.shop.state.orders[original].order_key)
    two.sync()
    two.shops["us"].set_status(copied, "processing")
    two.sync()
    assert two.state(copied, shop="us") == ("attention", "known_elsewhere")


@pytest.mark.parametrize(("copies", "others", "refused"), [(3, 2, True), (3, 3, False)])
def test_rule_02_a_store_is_refused_where_most_of_its_open_orders_are_known(
    world: World, copies: int, others: int, refused: bool
) -> None:
    keys = [world.shop.state.orders[world.order()].order_key for _ in range(copies)]
    world.sync()
    for order in list(world.shop.state.orders):
        world.shop.set_status(order, "completed")
    world.sync()
    before = len(world.katana.sales_orders())
    world.configure(stores={"eu": 'katana_store_name = "new.example.com"'})
    new = [world.order() for _ in range(copies + others)]
    for order, key in zip(new, keys, strict=False):
        world.shop.edit_order(order, order_key=key)
    error = str(world.backfill().store("eu").error)
    assert ("katana_store_name = " in error and "take it out" in error) is refused
    imported = len(world.katana.sales_orders()) - before
    assert imported == (0 if refused else others)


# A new ledger: only Katana can tell


def others_orders(
    world: World,
    orders: Sequence[int],
    price: str,
    buyer: tuple[str, str] | None = ("Bo", "Lund"),
    name: str = OTHER,
) -> None:
    """Another shop's orders, whose ids and minutes (and numbers, for `OTHER`) are those of this
    shop's: a mug each at this price without tax. Katana adds 22 %."""
    for order in orders:
        world.foreign(
            order,
            store_name=name,
            order_no=f"{order}" if name == OTHER else f"{order}-{name}",
            bill_to=buyer,
            rows=[(world.mug_variant, Decimal(1), Decimal(price))],
        )


SAME_TOTAL = "10.163934"
ANOTHER_TOTAL = "31.50"


@pytest.mark.parametrize("first", [OWN, OTHER])
def test_rule_02_a_moved_shop_is_told_its_own_name_and_no_other(
    unconnected: World, first: str
) -> None:
    world = unconnected
    orders = [world.order() for _ in range(4)]
    for name in (first, OTHER if first == OWN else OWN):
        price, buyer = (
            (SAME_TOTAL, ("Anna", "Kosta")) if name == OWN else (ANOTHER_TOTAL, ("Bo", "Lund"))
        )
        others_orders(world, orders, price, buyer, name)
    error = str(world.backfill().store("eu").error)
    assert f'katana_store_name = "{OWN}"' in error
    assert OTHER not in error
    assert len(world.katana.sales_orders()) == 8


@pytest.mark.parametrize("price", [SAME_TOTAL, ANOTHER_TOTAL])
def test_rule_02_the_advice_of_another_shop_is_never_given(unconnected: World, price: str) -> None:
    world = unconnected
    orders = [world.order() for _ in range(4)]
    others_orders(world, orders, price)
    error = str(world.backfill().store("eu").error)
    assert f'katana_store_name = "{OTHER}"' not in error
    if price == ANOTHER_TOTAL:
        assert [world.state(order)[0] for order in orders] == ["imported"] * 4
    else:
        assert "do not show whether" in error
        assert [world.state(order)[1] for order in orders] == ["known_elsewhere"] * 4
        assert [world.in_katana(order) for order in orders] == [[]] * 4


def test_rule_02_a_person_says_that_they_are_not_the_same(unconnected: World) -> None:
    world = unconnected
    orders = [world.order() for _ in range(3)]
    others_orders(world, orders, SAME_TOTAL)
    assert world.backfill().store("eu").error is not None
    assert world.backfill().store("eu").error is not None
    for order in orders:
        run(world, "retry", "eu", str(order))
    assert world.backfill().store("eu").error is None
    assert [len(world.in_katana(order)) for order in orders] == [1, 1, 1]


def test_rule_02_a_few_that_may_be_the_same_are_shown_and_the_others_imported(
    unconnected: World,
) -> None:
    world = unconnected
    orders = [world.order() for _ in range(5)]
    others_orders(world, orders[:2], ANOTHER_TOTAL, buyer=None)
    report = world.backfill()
    assert report.store("eu").error is None
    reasons = [world.state(order)[1] for order in orders]
    assert reasons == ["known_elsewhere"] * 2 + [""] * 3
    assert "do not show whether" in world.record(orders[0]).detail
    assert [len(world.in_katana(order)) for order in orders] == [0, 0, 1, 1, 1]


def test_rule_02_orders_of_a_wrong_katana_store_name_are_not_adopted(unconnected: World) -> None:
    world = unconnected
    orders = [world.order() for _ in range(2)]
    others_orders(world, orders, ANOTHER_TOTAL)
    world.configure(stores={"eu": f'katana_store_name = "{OTHER}"'})
    report = world.backfill()
    assert report.store("eu").adopted == 0
    assert [world.state(order)[1] for order in orders] == ["takeover_mismatch"] * 2
    assert len(world.katana.sales_orders()) == 2


def test_rule_02_another_programs_order_without_shipping_is_adopted(unconnected: World) -> None:
    world = unconnected
    day = world.clock().replace(hour=0, minute=0)
    order = world.order(total=Decimal("30.00"))
    there = world.foreign(
        order,
        store_name=world.identity,
        order_created_date=day,
        bill_to=("Anna", "Kosta"),
        rows=[(world.mug_variant, Decimal(1), Decimal(SAME_TOTAL))],
    )
    world.backfill()
    assert world.record(order).sales_order_id == there
    assert len(world.in_katana(order)) == 1
