"""`reconcile`: a month in the shop against Katana."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from katana_woo_sync.sandbox.server import Fault, FaultKind
from katana_woo_sync.sandbox.woocommerce import Fee, Item, Shipping
from katana_woo_sync.sync.cycle import SweepWhen
from tests.cli.support import inside, run, run_json
from tests.sync.world import ANNA, Clock, World

MONTH = ("reconcile", "--month", "2026-03")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """One store with an order of everything, in Katana. It is 2 March 2026."""
    with ExitStack() as stack:
        world = World(tmp_path, stack, clock=Clock())
        world.shop.place_order(
            [Item(world.mug["eu"], 2), Item(world.lamp["eu"], 1)],
            billing=ANNA,
            shipping=[Shipping("Courier", Decimal(5))],
            fees=[Fee("Gift", Decimal(3)), Fee("Bonus", Decimal(-1))],
        )
        world.backfill()
        yield world


def rows(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV file."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def test_a_month_that_agrees(world: World) -> None:
    result = run(world, *MONTH)
    assert result.exit_code == 0, result.output
    assert "1 orders, 0 of them differ" in result.output


def test_the_sums_are_the_orders_totals(world: World) -> None:
    found = run_json(world, *MONTH)
    sums = found["sums"]
    assert isinstance(sums, list)
    order = world.shop.state.orders[world.shop.orders()[0]]
    shop = sum(Decimal(cell["shop_total"]) for cell in sums)
    assert shop == sum(Decimal(cell["katana_total"]) for cell in sums)
    shown = world.shop.state.orders[order.id]
    assert shop == Decimal(str(world.record(shown.id).total))


def test_deposits_count_at_the_full_price_and_sub_orders_not_at_all(world: World) -> None:
    meta = (("_deposit", "1"), ("_deposit_value", "30"), ("_deposit_balance", "69.99"))
    item = Item(world.lamp["eu"], price=Decimal(30), meta=meta)
    parent = world.shop.place_order([item], billing=ANNA)
    world.order(parent_id=parent, created_via="yith_wcdp_balance_order")
    world.order(parent_id=world.order(), created_via="dokan")
    world.sync()
    result = run(world, *MONTH)
    assert "3 orders, 0 of them differ" in result.output


def test_an_order_that_was_changed_in_katana_is_listed_with_its_difference(world: World) -> None:
    order = world.shop.orders()[0]
    world.katana.set_price(world.sales_order(order).id, Decimal(1))
    found = run_json(world, *MONTH, code=1)
    assert inside(found, "orders", 0, "order_id") == str(order)
    assert Decimal(str(inside(found, "orders", 0, "difference"))) < 0


def test_an_order_whose_total_a_plugin_lowered_without_a_line_is_listed(world: World) -> None:
    order = world.order(total=Decimal("2.40"))
    world.sync()
    found = run_json(world, *MONTH, code=1)
    assert inside(found, "orders", 0, "order_id") == str(order)
    assert Decimal(str(inside(found, "orders", 0, "difference"))) == 10
    assert "differs" in str(inside(found, "orders", 0, "why"))


def test_what_a_gift_card_paid_and_what_was_refunded_before_are_no_difference(
    world: World,
) -> None:
    paid = world.order(total=Decimal("2.40"))
    world.shop.set_meta(paid, "_funds_used", "10.00")
    refunded = world.order(quantity=2)
    world.shop.refund(refunded, "5.00", listed="missing")
    world.sync()
    result = run(world, *MONTH)
    assert result.exit_code == 0, result.output
    assert "3 orders, 0 of them differ" in result.output


def test_an_order_that_is_not_in_katana_is_listed_with_why(world: World) -> None:
    order = world.order()
    found = run_json(world, *MONTH, code=1)
    assert inside(found, "orders", 0, "order_id") == str(order)
    assert "not seen it as Processing" in str(inside(found, "orders", 0, "why"))


def test_what_was_completed_before_the_store_was_connected_is_not_compared(
    tmp_path: Path,
) -> None:
    with ExitStack() as stack:
        world = World(tmp_path, stack, clock=Clock())
        for _ in range(3):
            world.shop.set_status(world.order(), "completed")
        world.clock.tick(hours=1)
        world.order()
        world.backfill()
        result = run(world, *MONTH)
        assert result.exit_code == 0, result.output
        assert "1 orders, 0 of them differ" in result.output
        assert "3 orders were completed before the store was connected" in result.output
        assert inside(run_json(world, *MONTH), "completed_before_connection", "eu") == 3


def test_refunds_after_the_import_and_deletions_say_so(world: World) -> None:
    order = world.order()
    world.sync()
    world.katana.delete_order(world.sales_order(order).id)
    world.settle(2)
    found = run_json(world, *MONTH, code=1)
    assert "deleted in Katana" in str(inside(found, "orders", 0, "why"))


def test_an_order_that_both_sides_lost_since_is_no_sale(world: World) -> None:
    order = world.order()
    world.sync()
    world.shop.delete_order(order)
    world.sync(sweep=SweepWhen.NOW)
    assert run(world, *MONTH).exit_code == 1
    world.katana.delete_order(world.sales_order(order).id)
    assert run(world, *MONTH).exit_code == 0


def test_cancelled_orders_and_other_months_are_no_sales(world: World) -> None:
    world.shop.set_status(world.order(), "cancelled")
    world.order(created=world.clock() - timedelta(days=10))
    assert run(world, *MONTH).exit_code == 0
    assert run(world, "reconcile", "--month", "2026-02").exit_code == 1
    assert run(world, "reconcile", "--month", "2025-01").exit_code == 0


def test_the_day_is_the_shops_own(tmp_path: Path) -> None:
    with ExitStack() as stack:
        world = World(tmp_path, stack, clock=Clock())
        world.shop.state.offset = timedelta(hours=3)
        late = world.clock().replace(month=3, day=31, hour=22)
        world.clock.tick(days=40)
        world.order(created=late)
        world.backfill()
        assert run_json(world, *MONTH)["sums"] == []
        april = run_json(world, "reconcile", "--month", "2026-04")
        assert inside(april, "sums", 0, "day") == "2026-04-01"


def test_the_csv_files(world: World) -> None:
    world.order()
    output = world.directory / "march.csv"
    run(world, *MONTH, "--output", str(output))
    assert {row["store"] for row in rows(output)} == {"eu"}
    assert len(rows(world.directory / "march-orders.csv")) == 1


def test_what_a_plugin_wrote_is_no_formula(world: World) -> None:
    world.order(number="=HYPERLINK(1)")
    output = world.directory / "march.csv"
    run(world, *MONTH, "--output", str(output))
    assert rows(world.directory / "march-orders.csv")[0]["order_number"] == "'=HYPERLINK(1)"


def test_nothing_is_written_anywhere(world: World) -> None:
    before = world.ledger.read_bytes()
    world.reset_counts()
    run(world, *MONTH)
    for server in (world.katana.server, world.shop.server):
        assert {sent.method for sent in server.requests} == {"GET"}
    assert world.ledger.read_bytes() == before


def test_few_requests_are_enough(world: World) -> None:
    for _ in range(120):
        world.order()
    world.sync()
    world.reset_counts()
    assert run(world, *MONTH).exit_code == 0
    assert world.katana.server.count() <= 2 + 1 + 1  # the orders, tax rates, the one with shipping


def test_shipping_fees_of_a_month_are_listed_and_not_asked_for_one_by_one(world: World) -> None:
    late = Fault(FaultKind.STATUS, "POST", "/sales_order_shipping_fee", status=503, times=1)
    world.katana.server.add_fault(late)
    for _ in range(255):
        world.order(shipping=[Shipping("Courier", Decimal(5))])
    world.sync()
    world.clock.tick(days=5)
    world.sync()
    world.reset_counts()
    result = run(world, *MONTH)
    assert "256 orders, 0 of them differ" in result.output
    # two pages, and the one that came later than its order
    assert world.katana.server.count("GET", "/sales_order_shipping_fee") == 3


@pytest.mark.parametrize("month", ["2026-13", "March", "2026-3", ""])
def test_what_is_no_month_is_said(world: World, month: str) -> None:
    result = run(world, "reconcile", "--month", month)
    assert result.exit_code == 2
    assert "2026-10" in result.output


def test_what_is_of_before_the_import_is_counted_and_not_listed(tmp_path: Path) -> None:
    """Refunded, and the newest change of all, and placed before `since`."""
    with ExitStack() as stack:
        world = World(tmp_path, stack, clock=Clock())
        world.configure(stores={"eu": "since = 2026-03-02T08:59:00Z"})
        world.order(created=world.clock() - timedelta(minutes=5))
        earlier = world.order(created=world.clock() - timedelta(minutes=6))
        world.shop.set_status(earlier, "completed")
        world.shop.refund(world.order())
        world.shop.set_status(world.order(), "completed")
        world.clock.tick(seconds=1)
        world.order()
        world.backfill()
        found = run_json(world, *MONTH)
        assert found["orders"] == []
        assert inside(found, "completed_before_connection", "eu") == 2
        assert inside(found, "placed_before_since", "eu") == 2
        said = run(world, *MONTH).stderr
        assert "eu: 2 orders were placed before the store's import-from date" in said
