"""`--dry-run` asks both sides, writes to neither nor to the ledger, and says what it would do."""

from __future__ import annotations

import logging
from decimal import Decimal

import pytest

from katana_woo_sync.cli.program import StopSignals, make_katana, make_stores
from katana_woo_sync.clients.http import WriteInDryRun
from katana_woo_sync.clients.katana import KatanaClient
from katana_woo_sync.clients.redact import Redactor
from katana_woo_sync.clients.woocommerce import WooCommerceClient
from katana_woo_sync.domain.stock import StockAdjustmentDraft
from katana_woo_sync.sandbox.woocommerce import Fee, Item, Shipping
from katana_woo_sync.sync.cycle import SweepWhen
from tests.sync.world import ANNA, World

ADJUSTMENT = StockAdjustmentDraft(
    stock_adjustment_number="X",
    location_id=1,
    stock_adjustment_rows=(),
    stock_adjustment_date="2026-03-02T09:00:00.000Z",
    reason="a test",
    additional_info="",
)


def writes(world: World) -> list[str]:
    """The requests that were no reads."""
    servers = (world.katana.server, *(shop.server for shop in world.shops.values()))
    return [r.path for server in servers for r in server.requests if r.method != "GET"]


def busy(world: World) -> tuple[int, int, int]:
    """Something of every kind to do: import with all that is new, deliver, complete."""
    completed, delivered = world.order(), world.order()
    world.sync()
    world.shop.set_status(completed, "completed")
    world.katana.deliver(world.sales_order(delivered).id)
    new = world.shop.place_order(
        [Item(world.lamp["eu"])],
        billing=ANNA,
        customer_id=99,
        fees=[Fee("Gift wrap", Decimal(2))],
        shipping=[Shipping("Courier", Decimal(5))],
    )
    return new, completed, delivered


@pytest.mark.parametrize("sweep", [SweepWhen.NEVER, SweepWhen.NOW])
def test_a_dry_sync_writes_nowhere(world: World, sweep: SweepWhen) -> None:
    busy(world)
    world.reset_counts()
    before = world.ledger.read_bytes()
    world.sync(dry_run=True, sweep=sweep)
    assert writes(world) == []
    assert world.ledger.read_bytes() == before


def test_a_dry_sync_tells_what_it_would_do(world: World, caplog: pytest.LogCaptureFixture) -> None:
    new, completed, delivered = busy(world)
    with caplog.at_level(logging.INFO):
        report = world.sync(dry_run=True)
    counts = report.store("eu")
    assert report.dry_run
    assert (counts.imported, counts.delivered_in_katana, counts.completed_in_store) == (1, 1, 1)
    for order, word in ((new, "imported"), (completed, "delivered"), (delivered, "completed")):
        assert f"order {order}: would be {word}" in caplog.text


def test_a_dry_sync_moves_no_cursor(world: World) -> None:
    new, _completed, _delivered = busy(world)
    world.sync(dry_run=True)
    report = world.sync(minutes=0)
    assert report.store("eu").imported == 1
    assert world.state(new)[0] == "imported"


def test_a_dry_backfill_of_a_new_store_leaves_no_ledger(unconnected: World) -> None:
    order = unconnected.order()
    report = unconnected.backfill(dry_run=True)
    assert report.store("eu").imported == 1
    assert unconnected.in_katana(order) == []
    assert not unconnected.ledger.exists()
    assert writes(unconnected) == []


def test_a_dry_takeover_adopts_nothing(unconnected: World) -> None:
    order = unconnected.order()
    unconnected.foreign(order, store_name=unconnected.identity)
    report = unconnected.sync(dry_run=True)
    assert report.store("eu").adopted == 1
    assert not unconnected.ledger.exists()


def test_no_write_leaves_the_machine_in_a_dry_run_whatever_asks_for_it(world: World) -> None:
    order = world.order()
    settings, redactor = world.settings, Redactor([])
    katana = make_katana(settings, redactor, StopSignals(), dry_run=True)
    (store,) = make_stores(settings, redactor, StopSignals(), dry_run=True).values()
    with pytest.raises(WriteInDryRun, match="POST /stock_adjustments"):
        KatanaClient.create_stock_adjustment(katana, ADJUSTMENT)
    with pytest.raises(WriteInDryRun, match=f"PUT /orders/{order}"):
        WooCommerceClient.complete(store.shop, order)
    # a write that can do nothing tells `check` whether the key may write
    WooCommerceClient.may_write(store.shop)
    assert world.shop.server.requests.pop().path.endswith("/orders/0")
    assert all(request.method == "GET" for request in world.katana.server.requests)
    assert all(request.method == "GET" for request in world.shop.server.requests)
