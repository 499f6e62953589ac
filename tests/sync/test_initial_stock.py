"""The initial stock: Katana gets what the shop has and its orders took, once."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal

import pytest

from katana_woo_sync.ledger import Ledger
from katana_woo_sync.sandbox.server import Fault, FaultKind
from katana_woo_sync.sandbox.woocommerce import Item, Variation
from katana_woo_sync.sync.context import StoreProblem
from katana_woo_sync.sync.initial_stock import InitialStock, import_initial_stock
from tests.sync.world import ANNA, World

MakeWorld = Callable[..., World]


def import_stock(
    world: World, name: str = "eu", *, percent: str | None = None, dry_run: bool = False
) -> InitialStock:
    """`backfill --stock` for one store."""
    program = world.program(dry_run=dry_run)
    with program.context() as context:
        share = Decimal(percent) if percent else None
        return import_initial_stock(context, program.chosen(name)[0], share)


def uncounted(make_world: MakeWorld, *names: str) -> World:
    """Stores with seven mugs, of which nobody has counted any in Katana."""
    world = make_world(names=names or ("eu",))
    world.katana.set_stock(world.mug_variant, world.katana.main_location_id, Decimal(0))
    for name, shop in world.shops.items():
        shop.set_stock(world.mug[name], 7)
    return world


def mugs(world: World) -> Decimal:
    """How many mugs Katana has in stock."""
    return world.katana.in_stock(world.mug_variant, world.katana.main_location_id)


def test_katana_gets_what_the_shop_has_and_what_open_orders_took(make_world: MakeWorld) -> None:
    world = uncounted(make_world)
    world.shop.set_stock(world.mug["eu"], 10)
    world.order(quantity=3)  # 7 are left in the shop
    world.backfill()
    done = import_stock(world)
    place = world.katana.main_location_id
    assert [mugs(world), world.katana.committed(world.mug_variant, place)] == [10, 3]
    assert [done.items, done.pieces] == [1, 10]


def test_orders_on_hold_count_too(make_world: MakeWorld) -> None:
    world = uncounted(make_world)
    world.backfill()
    world.order(quantity=2, status="on-hold")
    import_stock(world)
    assert mugs(world) == 7


def test_what_was_delivered_has_left(make_world: MakeWorld) -> None:
    world = uncounted(make_world)
    order_id = world.order(quantity=3)
    world.backfill()
    world.katana.deliver(world.sales_order(order_id).id)
    world.configure(stores={"eu": "sync_fulfillment = false"})
    world.sync()
    import_stock(world)
    assert mugs(world) == 4


def test_what_was_partly_delivered_has_left_partly(make_world: MakeWorld) -> None:
    world = uncounted(make_world)
    order_id = world.order(quantity=3)
    world.backfill()
    world.katana.deliver_part(world.sales_order(order_id).id)
    world.sync()
    place = world.katana.main_location_id
    left = world.katana.committed(world.mug_variant, place)
    import_stock(world)
    assert 0 < left < 3
    assert mugs(world) == 4 + left


def test_it_is_one_stock_adjustment(make_world: MakeWorld) -> None:
    world = uncounted(make_world)
    for index in range(5):
        world.shop.add_product(f"P{index}", f"P-{index}", "5.00", stock=3)
        world.katana.add_product(f"P{index}", f"P-{index}")
    world.backfill()
    import_stock(world)
    (adjustment,) = world.katana.adjustments()
    assert len(adjustment.rows) == 6
    assert adjustment.stock_adjustment_number == f"WOO-INITIAL-{world.identity}"


def test_a_second_time_is_refused(make_world: MakeWorld) -> None:
    world = uncounted(make_world)
    world.backfill()
    import_stock(world)
    with pytest.raises(StoreProblem, match="imported before"):
        import_stock(world)
    assert mugs(world) == 7


def test_also_after_the_ledger_was_lost(make_world: MakeWorld) -> None:
    world = uncounted(make_world)
    world.backfill()
    import_stock(world)
    world.lose_ledger()
    world.sync()
    with pytest.raises(StoreProblem, match="imported before"):
        import_stock(world)


def test_another_store_at_the_location_brings_what_no_adjustment_covers(
    make_world: MakeWorld,
) -> None:
    world = uncounted(make_world, "eu", "us")
    us, place = world.shops["us"], world.katana.main_location_id
    us.set_stock(world.mug["us"], 3)
    us.set_stock(world.lamp["us"], 5)
    cup = us.add_product("Cup", "CUP", "4.00", stock=2)
    lamp = world.katana.add_product("Lamp", "LAMP")
    world.katana.add_product("Cup", "CUP", in_stock=Decimal(40))
    world.backfill()
    import_stock(world, "eu")
    done = import_stock(world, "us")
    assert [mugs(world), world.katana.in_stock(lamp, place)] == [7, 5]
    assert [done.items, done.pieces] == [1, 5]
    listed = "\n".join(done.left_out)
    first = f"the stock adjustment WOO-INITIAL-{world.identity}"
    assert f"SKU MUG): its stock is in Katana already, by {first}" in listed
    assert f"(id:{cup}, SKU CUP): Katana has 40 in stock already" in listed
    with pytest.raises(StoreProblem, match="imported before"):
        import_stock(world, "us")


def test_what_a_person_has_counted_by_an_adjustment_is_covered(make_world: MakeWorld) -> None:
    world = uncounted(make_world, "eu", "us")
    world.shops["us"].set_stock(world.lamp["us"], 5)
    lamp = world.katana.add_product("Lamp", "LAMP")
    world.backfill()
    import_stock(world, "eu")
    place = world.katana.main_location_id
    world.send_to_katana(
        "POST",
        "/stock_adjustments",
        b'{"stock_adjustment_number": "SA-1", "location_id": %d, "stock_adjustment_rows": '
        b'[{"variant_id": %d, "quantity": -1}]}' % (place, lamp),
    )
    done = import_stock(world, "us")
    assert done.number == ""
    there = "SKU LAMP): its stock is in Katana already, by the stock adjustment SA-1"
    assert any(there in each for each in done.left_out)


def test_an_adjustment_that_tells_no_items_is_a_persons_matter(make_world: MakeWorld) -> None:
    world = uncounted(make_world, "eu", "us")
    world.backfill()
    import_stock(world, "eu")
    (adjustment,) = world.katana.adjustments()
    body = {
        "id": adjustment.id,
        "stock_adjustment_number": adjustment.stock_adjustment_number,
        "location_id": adjustment.location_id,
    }
    fault = Fault(FaultKind.STATUS, "GET", "/stock_adjustments", status=200, times=9)
    fault.body = json.dumps({"data": [body]})
    world.katana.server.add_fault(fault)
    known = rf"from {world.identity} \(stock adjustment \S+\), and Katana does not say for which"
    with pytest.raises(StoreProblem, match=known):
        import_stock(world, "us")


def test_translations_of_a_product_are_one_item(make_world: MakeWorld) -> None:
    world = uncounted(make_world)
    world.shop.set_stock(world.mug["eu"], 10)
    cup = world.shop.translate(world.mug["eu"], "Kupa")
    world.order(quantity=2)
    world.shop.place_order([Item(cup, 1)], billing=ANNA, status="on-hold")
    assert world.shop.stock(cup) == world.shop.stock(world.mug["eu"]) == 7
    world.backfill()
    done = import_stock(world)
    assert [mugs(world), done.left_out] == [10, []]
    world.configure(stores={"eu": "sync_stock = true"})
    world.sync(minutes=15)
    assert world.shop.stock(cup) == world.shop.stock(world.mug["eu"]) == 7


def test_two_products_of_one_sku_with_different_stock_are_a_conflict(
    make_world: MakeWorld,
) -> None:
    world = uncounted(make_world)
    world.shop.add_product("Other mug", "MUG", "5.00", stock=4)
    world.backfill()
    done = import_stock(world)
    assert mugs(world) == 0
    assert any("it is one item in Katana with" in each for each in done.left_out)


def test_once_it_was_deleted_in_katana_it_may_be_done_again(make_world: MakeWorld) -> None:
    world = uncounted(make_world)
    world.backfill()
    import_stock(world)
    world.katana.delete_adjustment(world.katana.adjustments()[0].id)
    assert mugs(world) == 0
    import_stock(world)
    assert mugs(world) == 7


@pytest.mark.parametrize("kind", [FaultKind.DROP_AFTER, FaultKind.DROP_BEFORE])
def test_a_lost_answer_doubles_nothing(make_world: MakeWorld, kind: FaultKind) -> None:
    world = uncounted(make_world)
    world.backfill()
    world.katana.server.add_fault(Fault(kind, "POST", "/stock_adjustments"))
    import_stock(world)
    assert [mugs(world), len(world.katana.adjustments())] == [7, 1]


def test_katana_has_what_the_shop_has_whatever_it_had(make_world: MakeWorld) -> None:
    world = uncounted(make_world)
    world.katana.set_stock(world.mug_variant, world.katana.main_location_id, Decimal(12))
    world.backfill()
    import_stock(world)
    assert mugs(world) == 7


def test_the_cost_is_a_share_of_the_price_without_tax(make_world: MakeWorld) -> None:
    world = uncounted(make_world)
    world.backfill()
    import_stock(world, percent="40")
    (row,) = world.katana.adjustments()[0].rows
    assert row.cost_per_unit == Decimal("4.00")  # 12.40 with 24 % tax


def test_without_a_share_the_cost_is_nothing(make_world: MakeWorld) -> None:
    world = uncounted(make_world)
    world.backfill()
    import_stock(world)
    (row,) = world.katana.adjustments()[0].rows
    assert row.cost_per_unit == 0


def test_what_katana_lacks_or_tracks_is_listed(make_world: MakeWorld) -> None:
    world = uncounted(make_world)
    world.shop.set_stock(world.lamp["eu"], 2)
    for sku, tracked in (("JAM", "batch_tracked"), ("CAM", "serial_tracked")):
        world.shop.add_product(sku, sku, "5.00", stock=4)
        world.katana.add_product(sku, sku, **{tracked: True})  # type: ignore[arg-type]
    world.backfill()
    done = import_stock(world)
    assert done.items == 1
    said = "\n".join(done.left_out)
    assert all(word in said for word in ("SKU LAMP", "SKU JAM", "SKU CAM", "batches", "serial"))


def test_variations_and_shared_stock(make_world: MakeWorld) -> None:
    world = uncounted(make_world)
    world.shop.add_variable_product(
        "Shirt", "", [Variation("TS-R", "9.90", {"Colour": "Red"}, stock=3)]
    )
    world.shop.add_variable_product(
        "Rope", "ROPE", [Variation("ROPE-1", "1.00", {"Length": "1"}, stock="parent")], stock=9
    )
    red = world.katana.add_product("Shirt", "TS-R")
    rope = world.katana.add_product("Rope", "ROPE-1")
    world.backfill()
    import_stock(world)
    place = world.katana.main_location_id
    assert [world.katana.in_stock(red, place), world.katana.in_stock(rope, place)] == [3, 9]


def test_an_order_that_comes_while_the_shop_is_read_is_counted_once(make_world: MakeWorld) -> None:
    world = uncounted(make_world)
    world.backfill()
    world.before(world.shop.server, "GET", "/products", lambda: world.order(quantity=2))
    import_stock(world)
    assert mugs(world) == 7


def test_a_dry_run_changes_nothing(make_world: MakeWorld) -> None:
    world = uncounted(make_world)
    world.backfill()
    assert import_stock(world, dry_run=True).items == 1
    assert [mugs(world), len(world.katana.adjustments())] == [0, 0]


def test_the_shops_numbers_stay_as_they_were_once_stock_is_synced(make_world: MakeWorld) -> None:
    world = uncounted(make_world)
    world.order(quantity=3)
    world.order(quantity=1, status="on-hold")
    world.shop.set_stock(world.lamp["eu"], 6)
    world.shop.place_order([Item(world.lamp["eu"], 1)], billing=ANNA)
    world.backfill()
    import_stock(world)
    world.configure(stores={"eu": "sync_stock = true"})
    before = world.shop.stock(world.mug["eu"]), world.shop.stock(world.lamp["eu"])
    for _ in range(2):
        world.sync(minutes=15)
    after = world.shop.stock(world.mug["eu"]), world.shop.stock(world.lamp["eu"])
    assert after == before
    with Ledger.open_to_read(world.ledger) as ledger:
        assert ledger.stock.left_out(world.identity) == []
