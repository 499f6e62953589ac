"""`check` says what waits, since when, and for what."""

from __future__ import annotations

from decimal import Decimal

from katana_woo_sync.domain.checks import Finding
from katana_woo_sync.ledger.intents import IntentKind
from katana_woo_sync.sandbox.server import Fault, FaultKind
from katana_woo_sync.sync.checks.check import exit_code
from katana_woo_sync.sync.report import ExitCode
from katana_woo_sync.sync.wishes import Wish, wish
from tests.sync.checking import FOREVER, OK, WARNING, found, one
from tests.sync.test_stock import MakeWorld, many, stocked
from tests.sync.world import World


def waits(world: World, where: str = "eu") -> Finding:
    """The one thing that waits."""
    return one(world, where, "waiting")


def test_nothing_waits_where_all_is_done(world: World) -> None:
    world.order()
    world.sync()
    assert (waits(world).result, waits(world).found) == (OK, "nothing waits")
    assert found(world, "Katana", "waiting") == found(world, "this machine", "waiting") == []


def test_orders_that_wait_for_katana(world: World) -> None:
    with world.down(world.katana.server):
        first, second = world.order(), world.order()
        world.sync()
        world.clock.tick(hours=3)
    finding = waits(world)
    assert finding.result is WARNING
    assert (
        f"2 orders ({first}, {second}) to be imported, for 3 h: Katana could not" in finding.found
    )
    assert "503" in finding.found
    assert finding.remedy


def test_orders_that_wait_for_cron(world: World) -> None:
    world.configure(top='[orders]\nimport_delay = "10m"')
    order = world.order()
    world.sync()
    finding = waits(world)
    assert (finding.result, finding.remedy) == (OK, "")
    assert finding.found == (
        f"order {order} to be imported, for 5 min: import_delay: the first is due in 5 min"
    )
    world.clock.tick(minutes=10)
    assert waits(world).found == (
        f"order {order} to be imported, for 15 min: the next cycle goes on with it"
    )
    world.clock.tick(days=3)
    finding = waits(world)
    assert "no cycle went through for 3 days" in finding.found
    assert "cron" in finding.remedy
    assert waits(world).result is WARNING


def test_orders_of_a_store_that_is_paused(world: World) -> None:
    world.configure(top='[orders]\nimport_delay = "10m"')
    world.order()
    world.sync()
    world.clock.tick(minutes=10)
    world.configure(stores={"eu": "paused = true"})
    assert "the store is left alone" in waits(world).found
    assert "paused = true" in waits(world).remedy


def test_an_answer_that_was_lost(world: World) -> None:
    world.katana.server.add_fault(Fault(FaultKind.DROP_AFTER, "POST", "/sales_orders"))
    order = world.order()
    world.sync()
    finding = waits(world)
    assert finding.result is OK
    assert f"order {order} sent to Katana without an answer" in finding.found
    world.clock.tick(hours=2)
    assert waits(world).result is WARNING
    assert "for 2 h" in waits(world).found
    world.sync()
    assert waits(world).found == "nothing waits"


def test_an_order_that_needs_a_person(world: World) -> None:
    world.katana.add_product("Another mug", "MUG")
    order = world.order()
    world.sync()
    world.clock.tick(minutes=10)
    finding = waits(world)
    assert finding.result is WARNING
    assert finding.found.startswith(f"order {order} (sku_ambiguous), for 10 min: ")
    assert "MUG" in finding.found
    assert "Leave the SKU to one of them" in finding.remedy
    assert exit_code([finding], ["eu"]) is ExitCode.DONE  # `status` counts these


def test_orders_with_one_reason_are_one_finding(world: World) -> None:
    world.katana.add_product("Another mug", "MUG")
    orders = [world.order() for _ in range(7)]
    world.sync()
    names = ", ".join(map(str, orders[:5]))
    assert waits(world).found.startswith(f"7 orders ({names} and 2 more) (sku_ambiguous)")


def test_an_order_that_is_tried_again(world: World) -> None:
    fault = Fault(FaultKind.STATUS, "POST", "/sales_orders", status=500, times=FOREVER)
    world.katana.server.add_fault(fault)
    world.order()
    world.sync()
    world.settle(3)
    finding = waits(world)
    assert finding.result is OK
    assert "The next attempt is due" in finding.found


def test_a_delivery_that_the_shop_cannot_be_told_of(world: World) -> None:
    order = world.order()
    world.sync()
    world.katana.deliver(world.sales_order(order).id)
    with world.down(world.shop.server):
        world.sync()
    finding = waits(world)
    assert finding.result is WARNING
    assert f"order {order} delivered or completed on one side and not on the other" in finding.found
    assert "the store could not be worked" in finding.found


def test_stock_that_the_brake_holds(make_world: MakeWorld) -> None:
    world = many(make_world, 30, in_shop=5)
    for variant in world.katana.variants():
        world.katana.set_stock(variant.id, world.katana.main_location_id, Decimal(0))
    world.sync(minutes=15)
    finding = waits(world)
    assert finding.result is WARNING
    assert finding.found.startswith("the stock")
    assert "--accept-stock" in finding.found


def test_items_whose_stock_is_not_due_yet(make_world: MakeWorld) -> None:
    world = stocked(make_world)
    world.sync(minutes=15)
    with world.program().context() as context:  # as a run leaves it that was ended at its work
        context.ledger.stock.add_due(world.identity, [world.mug_variant])
    world.clock.tick(minutes=5)
    assert waits(world).found.startswith("1 item whose stock is to be looked at, for 5 min: the")


def test_what_was_asked_of_the_next_run(world: World) -> None:
    with world.program().context() as context:
        wish(context, {Wish.STOCK})
    world.clock.tick(minutes=4)
    finding = waits(world, "this machine")
    assert finding.result is OK
    assert finding.found == "what was asked for (stock), for 4 min: the next run takes it up"


def test_a_product_that_was_begun_and_never_answered(world: World) -> None:
    with world.program().context() as context, context.ledger.atomic():
        context.ledger.intents.begin(IntentKind.PRODUCT, "MUG-2", world.clock())
    assert found(world, "Katana", "waiting") == []
    world.clock.tick(hours=2)
    finding = waits(world, "Katana")
    assert "product MUG-2, for 2 h: Katana is asked" in finding.found


def test_of_a_store_that_was_never_connected_nothing_is_said(world: World) -> None:
    world.ledger.unlink()
    assert found(world, "eu", "waiting") == []
