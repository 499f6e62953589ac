"""Several runs at once: nothing computed from an older reading is written after a newer one."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random

import pytest
from filelock import FileLock
from hypothesis import given, settings
from hypothesis import strategies as st

from katana_woo_sync.domain.stock import ReducedStock
from katana_woo_sync.ledger import Ledger
from katana_woo_sync.sync.cycle import Options, run_cycle
from katana_woo_sync.sync.lock import LockHeld
from katana_woo_sync.sync.poll import apply_poll, cursor_name, poll
from katana_woo_sync.sync.report import ExitCode, Report
from tests.sync.test_initial_stock import import_stock, mugs, uncounted
from tests.sync.test_stock import count, stock, stocked
from tests.sync.world import World

MakeWorld = Callable[..., World]
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def sync_stock_now(world: World) -> Report:
    """A cycle that works stock whether it is due or not."""
    program = world.program()
    with program.context() as context:
        run_cycle(context, program.chosen(None), Options(stock_now=True))
        return context.report


@pytest.mark.parametrize("minutes", [0, 16])
def test_a_run_overtaken_by_another_does_not_set_what_it_read_before(
    make_world: MakeWorld, minutes: int
) -> None:
    world = stocked(make_world)

    def meanwhile() -> None:
        count(world, 0)
        with pytest.raises(LockHeld):
            world.sync(minutes=minutes)

    count(world, 50)
    world.before(world.shop.server, "POST", "/products/batch", meanwhile)
    world.sync(minutes=15)
    world.sync(minutes=15)
    assert stock(world) == 0


def test_an_old_version_that_works_stock_is_left_alone(make_world: MakeWorld) -> None:
    """It holds a lock of its own for that, and takes the other one step by step."""
    world = stocked(make_world)
    with FileLock(f"{world.ledger}.stock.lock"), pytest.raises(LockHeld, match="Another run"):
        sync_stock_now(world)
    assert sync_stock_now(world).exit_code is ExitCode.DONE


def test_two_initial_imports_at_once_are_one(make_world: MakeWorld) -> None:
    world = uncounted(make_world)
    world.backfill()
    refused: list[str] = []

    def another() -> None:
        try:
            import_stock(world)
        except LockHeld as error:
            refused.append(str(error))

    world.before(world.shop.server, "GET", "/products", another)
    import_stock(world)
    assert [each.startswith("Another run of katana-woo-sync is at work") for each in refused] == [
        True
    ]
    assert [mugs(world), len(world.katana.adjustments())] == [7, 1]


def test_an_order_read_before_another_run_heard_of_its_end_takes_nothing(
    make_world: MakeWorld,
) -> None:
    world = stocked(make_world)
    order_id = world.order(quantity=3, status="on-hold")
    program = world.program()
    with program.context() as slow:
        store = slow.stores["eu"]
        cursor = slow.ledger.stores.cursor(cursor_name(store))
        polled = poll(store, cursor, None, slow.clock())
        world.shop.set_status(order_id, "cancelled")
        world.sync(minutes=5)
        apply_poll(slow, store, polled)
    world.sync(minutes=15)
    assert stock(world) == 10


def took(*quantities: int) -> list[ReducedStock]:
    """What lines of an order have taken."""
    return [
        ReducedStock("shop", line, 7, 0, "MUG", Decimal(quantity))
        for line, quantity in enumerate(quantities, 1)
    ]


def test_the_newest_reading_of_an_order_stands_in_whatever_order_they_come() -> None:
    shops = map(str, itertools.count())

    @settings(deadline=None, max_examples=50)
    @given(
        readings=st.lists(
            st.tuples(st.integers(0, 50), st.lists(st.integers(1, 9), max_size=2)),
            min_size=1,
            unique_by=lambda each: each[0],
        ),
        order=st.randoms(use_true_random=False),
    )
    def newest_stands(readings: list[tuple[int, list[int]]], order: Random) -> None:
        shop, newest = next(shops), max(readings)[1]
        order.shuffle(readings)
        for second, quantities in readings:
            read_at = NOON + timedelta(seconds=second)
            now = NOON + timedelta(minutes=5)
            ledger.stock.set_taken(shop, 1, took(*quantities), read_at=read_at, now=now)
        assert [each.quantity for each in ledger.stock.taken([shop])] == newest

    with Ledger.open_copy(Path("none")) as ledger:
        newest_stands()


def test_what_a_wrong_clock_dated_ahead_is_replaced(tmp_path: Path) -> None:
    with Ledger.open(tmp_path / "ledger.db") as ledger:
        ahead = NOON + timedelta(hours=5)
        ledger.stock.set_taken("shop", 1, took(3), read_at=ahead, now=ahead)
        ledger.stock.set_taken("shop", 1, took(), read_at=NOON, now=NOON)
        assert ledger.stock.taken(["shop"]) == []


def test_orders_that_take_nothing_are_not_kept_for_ever(make_world: MakeWorld) -> None:
    world = stocked(make_world)
    orders = []
    for _ in range(3):
        orders.append(world.order(status="on-hold"))
        world.shop.set_status(orders[-1], "cancelled")
        world.sync(minutes=120)
    with Ledger.open_to_read(world.ledger) as ledger:
        rows = list(ledger._db.query("SELECT order_id FROM stock_taken"))
    kept = {row["order_id"] for row in rows}
    assert (orders[0] in kept, orders[2] in kept) == (False, True)
