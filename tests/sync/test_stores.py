"""Rule 15: one store's failure never holds up another; and what a whole outage makes of a run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from katana_woo_sync.sandbox.server import Fault, FaultKind
from katana_woo_sync.sync.report import Report
from tests.sync.world import World


@pytest.fixture
def fresh_two(tmp_path: Path) -> Iterator[World]:
    """Two stores that were never connected."""
    with ExitStack() as stack:
        yield World(tmp_path, stack, names=("eu", "us"))


def check_only_us_worked(world: World, report: Report, eu: int, us: int) -> None:
    """The other store's work is done, and the exit code is that of one of several."""
    assert world.in_katana(eu) == []
    assert len(world.in_katana(us, shop="us")) == 1
    assert report.store("eu").error
    assert report.store("us").error is None
    assert int(report.exit_code) == 1


WRONG = {
    "wrong key": 'consumer_key = "ck_wrong"',
    "wrong secret": 'consumer_secret = "cs_wrong"',
    "no such location": 'location = "Moon"',
    "nobody listens": 'url = "http://127.0.0.1:9"',
}


@pytest.mark.parametrize("change", WRONG.values(), ids=WRONG)
def test_rule_15_a_store_that_is_wrong_in_sync(two: World, change: str) -> None:
    eu, us = two.order(), two.order(shop="us")
    keep = f'\nkatana_store_name = "{two.identity}"' if change.startswith("url") else ""
    two.configure(stores={"eu": change + keep})
    check_only_us_worked(two, two.sync(), eu, us)


@pytest.mark.parametrize("change", WRONG.values(), ids=WRONG)
def test_rule_15_a_store_that_is_wrong_in_backfill(fresh_two: World, change: str) -> None:
    eu, us = fresh_two.order(), fresh_two.order(shop="us")
    fresh_two.configure(stores={"eu": change})
    check_only_us_worked(fresh_two, fresh_two.backfill(), eu, us)


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        (FaultKind.STATUS, 503),
        (FaultKind.DROP_BEFORE, 0),
        (FaultKind.HTML, 0),
        (FaultKind.EMPTY, 0),
        (FaultKind.TRUNCATE, 0),
    ],
)
def test_rule_15_a_store_that_is_down(two: World, kind: FaultKind, status: int) -> None:
    eu, us = two.order(), two.order(shop="us")
    two.shop.server.add_fault(Fault(kind, status=status or 503, times=1000))
    check_only_us_worked(two, two.sync(), eu, us)
    two.shop.server.faults.clear()
    assert int(two.sync().exit_code) == 0
    assert len(two.in_katana(eu)) == 1


def test_rule_15_a_read_only_key_still_imports(two: World) -> None:
    eu, us = two.order(), two.order(shop="us")
    two.sync()
    two.shop.gate.permission = "read"
    for order, shop in ((eu, "eu"), (us, "us")):
        two.katana.deliver(two.sales_order(order, shop=shop).id)
    new = two.order()
    report = two.sync()
    assert len(two.in_katana(new)) == 1
    assert (two.status(eu), two.status(us, shop="us")) == ("processing", "completed")
    assert "write" in str(report.store("eu").error)
    assert int(report.exit_code) == 1


def test_rule_15_a_location_that_is_deleted_meanwhile(two: World) -> None:
    place = two.katana.add_location("Second")
    two.configure(stores={"eu": 'location = "Second"'})
    first = two.order()
    two.sync()
    assert two.sales_order(first).location_id == place
    two.katana.remove_location(place)
    eu, us = two.order(), two.order(shop="us")
    report = two.sync(minutes=25 * 60)
    check_only_us_worked(two, report, eu, us)
    assert 'no location "Second"' in str(report.store("eu").error)


def test_rule_15_a_store_that_fails_in_takeover(fresh_two: World) -> None:
    eu, us = fresh_two.order(), fresh_two.order(shop="us")
    fresh_two.foreign(eu, store_name=fresh_two.identity)
    lists = Fault(FaultKind.STATUS, "GET", "/wc/v3/orders", skip=1, times=1000)
    fresh_two.shop.server.add_fault(lists)
    report = fresh_two.backfill()
    assert fresh_two.find(eu) is None
    assert len(fresh_two.in_katana(us, shop="us")) == 1
    assert int(report.exit_code) == 1


def test_rule_15_one_order_that_the_shop_chokes_on_holds_up_no_other(world: World) -> None:
    refunded, fine = world.order(quantity=3), world.order()
    world.shop.refund(refunded, "1.00")
    path = f"/orders/{refunded}/refunds"
    world.shop.server.add_fault(Fault(FaultKind.STATUS, "GET", path, times=1000))
    report = world.sync()
    assert world.state(fine)[0] == "imported"
    assert world.state(refunded) == ("failed", "temporary")
    assert int(report.exit_code) == 1


def test_the_only_store_down_is_for_later(world: World) -> None:
    with world.down(world.shop.server):
        assert int(world.sync().exit_code) == 75


@pytest.mark.parametrize(
    "change",
    ['consumer_key = "ck_wrong"', 'location = "Moon"'],
)
def test_the_only_store_wrong_is_for_the_config(world: World, change: str) -> None:
    world.configure(stores={"eu": change})
    assert int(world.sync().exit_code) == 2


def test_katana_down_is_for_later_and_loses_nothing(two: World) -> None:
    eu, us = two.order(), two.order(shop="us")
    with two.down(two.katana.server):
        report = two.sync()
    assert int(report.exit_code) == 75
    assert report.katana_error
    assert two.state(eu)[0] == "queued"
    assert int(two.sync().exit_code) == 0
    assert [len(two.in_katana(eu)), len(two.in_katana(us, shop="us"))] == [1, 1]


def test_katana_down_in_the_middle_of_a_cycle(world: World) -> None:
    orders = [world.order() for _ in range(4)]
    fault = Fault(FaultKind.STATUS, skip=4, status=503, times=1000)
    world.katana.server.add_fault(fault)
    assert int(world.sync().exit_code) == 75
    world.katana.server.faults.clear()
    world.settle(3)
    assert [len(world.in_katana(order)) for order in orders] == [1] * 4


def test_an_outage_uses_up_no_attempt(world: World) -> None:
    order = world.order()
    with world.down(world.katana.server):
        for _ in range(8):
            world.sync(minutes=60)
    assert world.record(order).attempts == 0
    world.sync()
    assert world.state(order)[0] == "imported"


def test_katanas_refused_key_is_for_the_config(two: World) -> None:
    eu = two.order()
    two.configure(katana='api_key = "wrong"')
    report = two.sync()
    assert int(report.exit_code) == 2
    assert two.state(eu)[0] == "queued"
    two.configure()
    assert int(two.sync().exit_code) == 0


@pytest.mark.parametrize("ours", [12, 6000])
def test_katanas_quota_is_waited_for(tmp_path: Path, ours: int) -> None:
    with ExitStack() as stack:
        world = World(tmp_path, stack, requests_per_minute=12)
        world.configure(katana=f"requests_per_minute = {ours}")
        orders = [world.order() for _ in range(20)]
        assert int(world.backfill().exit_code) == 0
        assert [len(world.in_katana(order)) for order in orders] == [1] * 20
        answers = {request.status for request in world.katana.server.requests}
        assert answers == {200}
