"""Rules 13 and 14: what Katana can sell is what every shop that sells it has."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from functools import partial

import pytest

from katana_woo_sync.domain.stock import WhyLeftOut
from katana_woo_sync.ledger import Ledger
from katana_woo_sync.sandbox.server import Fault, FaultKind
from katana_woo_sync.sandbox.woocommerce import Item, Variation
from katana_woo_sync.sync.cycle import SweepWhen
from katana_woo_sync.sync.report import ExitCode
from tests.sync.world import ANNA, World

MakeWorld = Callable[..., World]
SYNCED = "sync_stock = true"


def stocked(make_world: MakeWorld, *names: str, **settings: str) -> World:
    """Stores whose stock is synced, connected, with a mug of which Katana has ten."""
    world = make_world(names=names or ("eu",))
    world.katana.set_stock(world.mug_variant, world.katana.main_location_id, Decimal(10))
    for name, shop in world.shops.items():
        shop.set_stock(world.mug[name], 0)
    lines = "\n".join([SYNCED, *settings.values()])
    world.configure(stores=dict.fromkeys(world.shops, lines))
    world.backfill()
    return world


def count(world: World, quantity: int | Decimal) -> None:
    """A person counts the mugs in Katana."""
    place = world.katana.main_location_id
    world.katana.set_stock(world.mug_variant, place, Decimal(quantity))


def stock(world: World, shop: str = "eu") -> int | None:
    """The mugs that the shop thinks it has."""
    return world.shops[shop].stock(world.mug[shop])


def left_out(world: World, shop: str = "eu") -> dict[str, str]:
    """What is not pushed, and why, by SKU."""
    identity = next(s.identity for s in world.settings.stores if s.name == shop)
    with Ledger.open_to_read(world.ledger) as ledger:
        return {each.sku: each.reason for each in ledger.stock.left_out(identity)}


def test_a_store_gets_what_is_in_stock(make_world: MakeWorld) -> None:
    world = stocked(make_world)
    assert stock(world) == 10


def test_every_store_that_sells_the_sku_gets_it(make_world: MakeWorld) -> None:
    world = stocked(make_world, "eu", "us")
    count(world, 7)
    world.sync(minutes=15)
    assert (stock(world, "eu"), stock(world, "us")) == (7, 7)


def test_stock_is_not_touched_unless_it_is_asked_for(make_world: MakeWorld) -> None:
    world = make_world()
    world.shop.set_stock(world.mug["eu"], 3)
    world.backfill()
    world.sync(minutes=60)
    assert stock(world) == 3


def test_what_is_committed_is_not_for_sale(make_world: MakeWorld) -> None:
    world = stocked(make_world)
    world.order(quantity=3)
    world.sync(minutes=15)
    assert world.katana.committed(world.mug_variant, world.katana.main_location_id) == 3
    assert stock(world) == 7


def test_a_sale_in_one_shop_reduces_what_the_other_may_sell(make_world: MakeWorld) -> None:
    world = stocked(make_world, "eu", "us")
    world.order(quantity=3)
    world.sync(minutes=15)
    assert (stock(world, "eu"), stock(world, "us")) == (7, 7)


def test_an_order_on_hold_has_taken_its_goods(make_world: MakeWorld) -> None:
    world = stocked(make_world, "eu", "us")
    world.order(quantity=2, status="on-hold")
    world.sync(minutes=15)
    assert (stock(world, "eu"), stock(world, "us")) == (8, 8)


def test_a_cancelled_order_gives_them_back(make_world: MakeWorld) -> None:
    world = stocked(make_world, "eu", "us")
    order_id = world.order(quantity=2, status="on-hold")
    world.sync(minutes=15)
    world.shop.set_status(order_id, "cancelled")
    world.sync(minutes=15)
    assert (stock(world, "eu"), stock(world, "us")) == (10, 10)


def test_an_order_that_needs_a_person_has_taken_its_goods(make_world: MakeWorld) -> None:
    world = stocked(make_world, "eu", "us")
    for _ in range(2):
        world.katana.add_product("Lamp", "LAMP")
    items = [Item(world.mug["eu"], 4), Item(world.lamp["eu"], 1)]
    order_id = world.shop.place_order(items, billing=ANNA)
    world.sync(minutes=15)
    assert world.state(order_id)[0] == "attention"
    assert (stock(world, "eu"), stock(world, "us")) == (6, 6)


def test_a_variation_is_set_again_when_an_order_of_no_concern_has_moved_it(
    make_world: MakeWorld,
) -> None:
    """No list of changed products tells of it, and Katana never hears of the order."""
    world = stocked(make_world)
    variant = world.katana.add_product("Shirt", "TEE-S")
    world.katana.set_stock(variant, world.katana.main_location_id, Decimal(12))
    small = Variation("TEE-S", "19.90", {"Size": "S"}, 12)
    shirt, (size,) = world.shop.add_variable_product("Shirt", "TEE", [small])
    world.sync(minutes=15)
    assert world.shop.stock(size) == 12
    order = world.shop.place_order([Item(shirt, 4, size)], billing=ANNA, status="completed")
    world.sync(minutes=15)
    assert (world.state(order)[1], world.shop.stock(size)) == ("completed_unseen", 12)
    world.shop.set_status(order, "cancelled")
    assert world.shop.stock(size) == 16
    world.sync(minutes=15)
    assert world.shop.stock(size) == 12


def test_what_katana_takes_over_is_counted_once(make_world: MakeWorld) -> None:
    world = stocked(make_world, "eu", "us")
    order_id = world.order(quantity=2, status="on-hold")
    world.sync(minutes=15)
    world.shop.set_status(order_id, "processing")
    world.sync(minutes=15)
    world.sync(minutes=15)
    assert (stock(world, "eu"), stock(world, "us")) == (8, 8)


def test_a_delivery_changes_nothing_that_may_be_sold(make_world: MakeWorld) -> None:
    world = stocked(make_world, "eu", "us")
    order_id = world.order(quantity=3)
    world.sync(minutes=15)
    world.katana.deliver(world.sales_order(order_id).id)
    world.sync(minutes=15)
    place = world.katana.main_location_id
    assert world.katana.in_stock(world.mug_variant, place) == 7
    assert (stock(world, "eu"), stock(world, "us")) == (7, 7)


def test_wholesale_orders_reduce_what_the_shop_may_sell(make_world: MakeWorld) -> None:
    world = stocked(make_world)
    wholesale(world, 4)
    world.sync(minutes=15)
    assert stock(world) == 6


def test_unless_other_commitments_do_not_count(make_world: MakeWorld) -> None:
    world = stocked(make_world, counting="count_other_commitments = false")
    wholesale(world, 4)
    world.order(quantity=1)
    world.sync(minutes=15)
    assert stock(world) == 9


def test_a_wholesale_order_that_is_deleted_frees_its_goods(make_world: MakeWorld) -> None:
    world = stocked(make_world)
    order = wholesale(world, 4)
    world.sync(minutes=15)
    world.katana.delete_order(order)
    world.sync(minutes=15)
    assert stock(world) == 10


def wholesale(world: World, quantity: int) -> int:
    """An order that a person made in Katana."""
    return world.katana.create_foreign_order(
        customer_id=world.katana.add_customer("Wholesale"),
        rows=[(world.mug_variant, Decimal(quantity), Decimal(5))],
        order_no="WH-1",
        ecommerce_order_type=None,
        ecommerce_store_name=None,
        ecommerce_order_id=None,
    )


def test_another_locations_stock_is_another_matter(make_world: MakeWorld) -> None:
    world = make_world(names=("eu", "us"))
    far = world.katana.add_location("Far away")
    for name, shop in world.shops.items():
        shop.set_stock(world.mug[name], 0)
    us = f'{SYNCED}\nlocation = "Far away"'
    world.configure(stores={"eu": SYNCED, "us": us})
    count(world, 5)
    world.katana.set_stock(world.mug_variant, far, Decimal(2))
    world.backfill()
    world.order(quantity=1)
    world.sync(minutes=15)
    assert (stock(world, "eu"), stock(world, "us")) == (4, 2)


def test_fractions_are_rounded_down(make_world: MakeWorld) -> None:
    world = stocked(make_world)
    count(world, Decimal("2.9"))
    world.sync(minutes=15)
    assert stock(world) == 2


def test_below_zero_is_zero(make_world: MakeWorld) -> None:
    world = stocked(make_world)
    count(world, -4)
    world.sync(minutes=15)
    assert stock(world) == 0


def test_unless_backorders_are_allowed(make_world: MakeWorld) -> None:
    world = stocked(make_world)
    world.shop.allow_backorders(world.mug["eu"])
    count(world, -4)
    world.sync(minutes=15)
    assert stock(world) == -4


@pytest.mark.parametrize(("reserve", "expected"), [("3", 7), ('"25%"', 7), ("20", 0)])
def test_a_reserve_is_kept_back(make_world: MakeWorld, reserve: str, expected: int) -> None:
    world = stocked(make_world, reserve=f"stock_reserve = {reserve}")
    assert stock(world) == expected


def test_what_is_excluded_is_left_alone(make_world: MakeWorld) -> None:
    world = stocked(make_world, excluded='stock_exclude = ["MUG"]')
    assert stock(world) == 0


def test_an_alias_names_katanas_item(make_world: MakeWorld) -> None:
    world = make_world()
    cup = world.shop.add_product("Cup", "CUP", "5.00", stock=0)
    world.configure(top='[sku_aliases]\n"CUP" = "MUG"\n', stores={"eu": SYNCED})
    count(world, 6)
    world.backfill()
    assert world.shop.stock(cup) == 6


def test_the_case_of_a_sku_matters(make_world: MakeWorld) -> None:
    world = make_world()
    cup = world.shop.add_product("Cup", "mug", "5.00", stock=3)
    world.configure(stores={"eu": SYNCED})
    world.backfill()
    assert world.shop.stock(cup) == 3
    assert left_out(world) == {"mug": WhyLeftOut.NO_INVENTORY}


def test_what_the_shop_does_not_keep_stock_of_is_left_alone(make_world: MakeWorld) -> None:
    world = make_world()
    world.configure(stores={"eu": SYNCED})
    world.backfill()
    assert stock(world) is None


@pytest.mark.parametrize("version", [(11, 0, 1), (10, 3, 6), (8, 2, 2)])
def test_variations_are_set_with_their_products_others(
    make_world: MakeWorld, version: tuple[int, ...]
) -> None:
    world = make_world()
    world.shop.state.version = version
    _shirt, ids = world.shop.add_variable_product(
        "Shirt",
        "TS",
        [
            Variation("TS-R", "9.90", {"Colour": "Red"}, stock=1),
            Variation("TS-B", "9.90", {"Colour": "Blue"}, stock=1),
        ],
    )
    for sku, quantity in (("TS-R", 4), ("TS-B", 0)):
        world.katana.add_product(f"Shirt {sku}", sku, in_stock=Decimal(quantity))
    world.configure(stores={"eu": SYNCED})
    world.backfill()
    assert [world.shop.stock(i) for i in ids] == [4, 0]


@pytest.mark.parametrize("version", [(11, 0, 1), (8, 2, 2)])
def test_a_stock_that_variations_share_is_their_products(
    make_world: MakeWorld, version: tuple[int, ...]
) -> None:
    world = make_world()
    world.shop.state.version = version
    rope, _ids = world.shop.add_variable_product(
        "Rope",
        "",
        [
            Variation("ROPE-1", "1.00", {"Length": "1"}, stock="parent"),
            Variation("ROPE-2", "2.00", {"Length": "2"}, stock="parent"),
        ],
        stock=50,
    )
    first = world.katana.add_product("Rope 1", "ROPE-1", in_stock=Decimal(3))
    world.katana.add_product("Rope 2", "ROPE-2", in_stock=Decimal(4))
    world.configure(stores={"eu": SYNCED})
    world.backfill()
    assert world.shop.stock(rope) == 7
    world.katana.set_stock(first, world.katana.main_location_id, Decimal(1))
    world.sync(minutes=15)
    assert world.shop.stock(rope) == 5


def test_a_bundle_is_what_its_parts_make(make_world: MakeWorld) -> None:
    world = make_world()
    gift = world.shop.add_product("Gift", "GIFT", "30.00", stock=0)
    world.katana.add_bundle("Gift", "GIFT", [(world.mug_variant, 2)])
    world.configure(stores={"eu": SYNCED})
    count(world, 9)
    world.backfill()
    assert world.shop.stock(gift) == 4
    count(world, 5)
    world.sync(minutes=15)
    assert world.shop.stock(gift) == 2


def test_absent_is_not_zero(make_world: MakeWorld) -> None:
    world = make_world()
    world.shop.set_stock(world.lamp["eu"], 5)
    world.katana.add_product("Lamp", "LAMP")
    world.configure(stores={"eu": SYNCED})
    world.backfill()
    assert world.shop.stock(world.lamp["eu"]) == 5
    assert left_out(world) == {"LAMP": WhyLeftOut.NO_INVENTORY}


def test_what_was_created_by_a_create_whose_answer_was_lost_is_not_pushed_either(
    make_world: MakeWorld,
) -> None:
    world = stocked(make_world)
    world.shop.set_stock(world.lamp["eu"], 5)
    fault = Fault(FaultKind.DROP_AFTER, "POST", "/v1/products")
    world.katana.server.add_fault(fault)
    world.shop.place_order([Item(world.lamp["eu"], 1)], billing=ANNA)
    for _ in range(4):
        world.sync(minutes=15)
    assert fault.times == 0
    assert world.shop.stock(world.lamp["eu"]) == 4
    assert left_out(world) == {"LAMP": WhyLeftOut.NOT_COUNTED}


def test_what_was_created_here_is_not_pushed_before_somebody_counted_it(
    make_world: MakeWorld,
) -> None:
    world = stocked(make_world)
    world.shop.set_stock(world.lamp["eu"], 5)
    world.shop.place_order([Item(world.lamp["eu"], 1)], billing=ANNA)
    world.sync(minutes=15)
    world.sync(minutes=15)
    assert world.shop.stock(world.lamp["eu"]) == 4
    assert left_out(world) == {"LAMP": WhyLeftOut.NOT_COUNTED}
    lamp = next(v.id for v in world.katana.variants() if v.sku == "LAMP")
    world.katana.set_stock(lamp, world.katana.main_location_id, Decimal(8))
    world.sync(minutes=15)
    assert world.shop.stock(world.lamp["eu"]) == 7
    assert left_out(world) == {}


def test_nor_after_the_ledger_was_lost(make_world: MakeWorld) -> None:
    world = stocked(make_world)
    world.shop.set_stock(world.lamp["eu"], 5)
    world.shop.place_order([Item(world.lamp["eu"], 1)], billing=ANNA)
    world.sync(minutes=15)
    world.lose_ledger()
    world.sync(minutes=15)
    world.sync(minutes=15)
    assert world.shop.stock(world.lamp["eu"]) == 4
    assert left_out(world) == {"LAMP": WhyLeftOut.NOT_COUNTED}


@pytest.mark.parametrize("is_restored", [False, True])
def test_nor_what_is_on_backorder_after_the_ledger_was_lost_or_restored(
    make_world: MakeWorld, is_restored: bool
) -> None:
    world = stocked(make_world)
    world.shop.set_stock(world.lamp["eu"], 5)
    world.shop.allow_backorders(world.lamp["eu"])
    with Ledger.open(world.ledger) as ledger:
        ledger._db.execute(f"VACUUM INTO '{world.directory / 'backup.db'}'")
    world.shop.place_order([Item(world.lamp["eu"], 7)], billing=ANNA)
    world.sync(minutes=15)
    world.lose_ledger()
    if is_restored:
        (world.directory / "backup.db").rename(world.ledger)
    for _ in range(3):
        world.sync(minutes=15)
    assert world.shop.stock(world.lamp["eu"]) == -2
    assert left_out(world) == {"LAMP": WhyLeftOut.NOT_COUNTED}


def test_two_items_of_one_sku_are_a_persons_matter(make_world: MakeWorld) -> None:
    world = stocked(make_world)
    world.katana.add_product("Other mug", "MUG", in_stock=Decimal(99))
    world.sync(minutes=60 * 25)
    assert stock(world) == 10
    assert left_out(world) == {"MUG": WhyLeftOut.SKU_AMBIGUOUS}


def test_what_a_person_sets_in_the_shop_is_set_back(make_world: MakeWorld) -> None:
    world = stocked(make_world)
    world.clock.tick(minutes=1)
    world.shop.set_stock(world.mug["eu"], 55)
    world.sync(minutes=15)
    assert stock(world) == 10


def test_an_idle_run_asks_katana_twice_and_the_shop_once_more(make_world: MakeWorld) -> None:
    world = stocked(make_world, "eu", "us")
    for _ in range(2):
        world.sync(minutes=15)
    world.reset_counts()
    report = world.sync(minutes=15)
    assert report.katana_requests == 1 + 2
    assert report.store_requests == {"eu": 1 + 1, "us": 1 + 1}
    assert sum(store.stock_updated for store in report.stores.values()) == 0


def test_stock_has_its_own_schedule(make_world: MakeWorld) -> None:
    world = stocked(make_world)
    world.sync(minutes=15)
    count(world, 3)
    world.sync(minutes=5)
    assert stock(world) == 10
    world.sync(minutes=9)
    assert stock(world) == 3


def test_the_nightly_comparison_catches_what_was_missed(make_world: MakeWorld) -> None:
    world = stocked(make_world)
    for _ in range(2):
        world.sync(minutes=15)
    world.shop.state.products[world.mug["eu"]].stock = Decimal(77)  # behind the shop's back
    world.sync(minutes=15)
    assert stock(world) == 77
    world.sync(minutes=60 * 25)
    assert stock(world) == 10


def test_a_shop_is_not_emptied_unasked(make_world: MakeWorld) -> None:
    world = many(make_world, 30, in_shop=5)
    for variant in world.katana.variants():
        world.katana.set_stock(variant.id, world.katana.main_location_id, Decimal(0))
    report = world.sync(minutes=15)
    assert report.exit_code is ExitCode.PROBLEMS
    assert "--accept-stock" in (report.store("eu").error or "")
    assert in_shop(world) == {5}
    report = world.sync(minutes=15, accept_stock=True)
    assert report.exit_code is ExitCode.DONE
    assert in_shop(world) == {0}


def test_twenty_products_may_sell_out_at_once(make_world: MakeWorld) -> None:
    world = many(make_world, 20, in_shop=5)
    for variant in world.katana.variants():
        world.katana.set_stock(variant.id, world.katana.main_location_id, Decimal(0))
    assert world.sync(minutes=15).exit_code is ExitCode.DONE
    assert in_shop(world) == {0}


def many(make_world: MakeWorld, number: int, *, in_shop: int) -> World:
    """A store of so many products, each in stock on both sides."""
    world = make_world()
    for index in range(number):
        world.shop.add_product(f"P{index}", f"P-{index}", "5.00", stock=in_shop)
        world.katana.add_product(f"P{index}", f"P-{index}", in_stock=Decimal(in_shop))
    world.configure(stores={"eu": SYNCED})
    world.backfill()
    return world


def in_shop(world: World) -> set[int]:
    """The quantities that the shop has of all that it keeps stock of."""
    found = (world.shop.stock(product_id) for product_id in world.shop.state.products)
    return {quantity for quantity in found if quantity is not None}


def test_batches_hold_at_most_a_hundred(make_world: MakeWorld) -> None:
    world = many(make_world, 260, in_shop=5)
    for variant in world.katana.variants():
        world.katana.set_stock(variant.id, world.katana.main_location_id, Decimal(6))
    world.sync(minutes=15)
    assert in_shop(world) == {6}


def test_a_location_that_is_gone_stops_the_stock_and_all_is_caught_up(
    make_world: MakeWorld,
) -> None:
    world = make_world(names=("eu", "us"))
    far = world.katana.add_location("Far away")
    for name, shop in world.shops.items():
        shop.set_stock(world.mug[name], 0)
    us = f'{SYNCED}\nlocation = "Far away"'
    world.configure(stores={"eu": SYNCED, "us": us})
    world.backfill()
    world.katana.remove_location(far)
    world.katana.set_sales_allowed(world.katana.main_location_id, True)
    count(world, 4)
    order_id = world.order(shop="us")
    report = world.sync(minutes=60 * 25)
    assert "Far away" in (report.store("us").error or "")
    assert (stock(world, "eu"), world.in_katana(order_id, shop="us")) == (4, [])
    world.configure(stores={"eu": SYNCED, "us": SYNCED})
    world.sync(minutes=15)
    world.sync(minutes=15)
    assert len(world.in_katana(order_id, shop="us")) == 1
    assert (stock(world, "eu"), stock(world, "us")) == (3, 3)


def test_a_dry_run_sets_nothing(make_world: MakeWorld) -> None:
    world = stocked(make_world)
    count(world, 3)
    report = world.sync(minutes=15, dry_run=True)
    assert (stock(world), report.store("eu").stock_updated) == (10, 1)
    world.sync(minutes=1)
    assert stock(world) == 3


def test_a_shop_that_is_down_gets_it_later(make_world: MakeWorld) -> None:
    world = stocked(make_world, "eu", "us")
    count(world, 3)
    with world.down(world.shop.server):
        world.sync(minutes=15)
    assert (stock(world, "eu"), stock(world, "us")) == (10, 3)
    world.sync(minutes=15)
    assert stock(world, "eu") == 3


@pytest.mark.parametrize("path", ["/inventory", "/inventory_movements", "/variants"])
@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, ExitCode.PROBLEMS),
        (404, ExitCode.PROBLEMS),
        (422, ExitCode.PROBLEMS),
        (401, ExitCode.USAGE),
        (503, ExitCode.TRY_LATER),
    ],
)
def test_what_katana_refuses_in_stock_is_no_refused_key(
    make_world: MakeWorld, path: str, status: int, code: ExitCode
) -> None:
    world = stocked(make_world)
    count(world, 6)
    world.katana.add_product("Lamp", "LAMP", in_stock=Decimal(2))
    world.shop.set_stock(world.lamp["eu"], 1)
    refused = {"body": '{"name": "BadRequest", "message": "no"}', "times": 9}
    fault = Fault(FaultKind.STATUS, "GET", f"/v1{path}", status=status, **refused)  # type: ignore[arg-type]
    world.katana.server.add_fault(fault)
    report = world.sync(minutes=15)
    assert report.exit_code is code
    assert (report.store("eu").error is not None) == (code is ExitCode.PROBLEMS)
    world.katana.server.faults.clear()
    assert world.sync(minutes=15).exit_code is ExitCode.DONE
    assert (stock(world), world.shop.stock(world.lamp["eu"])) == (6, 2)


def test_an_order_placed_while_stock_is_worked_is_not_given_away(make_world: MakeWorld) -> None:
    world = stocked(make_world)
    world.sync(minutes=15)
    count(world, 20)
    world.before(world.katana.server, "GET", "/inventory", lambda: world.order(quantity=2))
    world.sync(minutes=15)
    assert stock(world) == 18


def test_a_full_comparison_reads_each_page_once(make_world: MakeWorld) -> None:
    world = many(make_world, 600, in_shop=5)
    world.sync(minutes=15)
    world.sync(minutes=15)
    world.reset_counts()
    world.clock.tick(hours=25)
    world.sync(sweep=SweepWhen.NEVER)
    pages = [r for r in world.katana.server.requests if r.path == "/v1/inventory"]
    assert len(pages) == 3  # 601 variants, 250 a page
    products = [r for r in world.shop.server.requests if r.path.endswith("/products")]
    assert len(products) == 1 + 7  # what changed, and 602 products, 99 new ones a page


def test_a_shop_that_ignores_a_quantity_is_listed(make_world: MakeWorld) -> None:
    world = stocked(make_world)
    count(world, 4)
    stop_managing = partial(setattr, world.shop.state.products[world.mug["eu"]], "manage_stock")
    world.before(world.shop.server, "POST", "/products/batch", partial(stop_managing, False))
    world.sync(minutes=15)
    assert left_out(world) == {"MUG": WhyLeftOut.SHOP_REFUSED}


def test_one_store_at_a_place_hears_of_the_others_sale_in_the_same_run(
    make_world: MakeWorld,
) -> None:
    world = stocked(make_world, "eu", "us")
    world.order(shop="us", quantity=2, status="on-hold")
    world.sync(minutes=15)
    assert (stock(world, "eu"), stock(world, "us")) == (8, 8)
    with Ledger.open_to_read(world.ledger) as ledger:
        assert all(not ledger.stock.due(s.identity).variant_ids for s in world.settings.stores)


def test_a_cycle_of_one_store_reports_on_that_one(make_world: MakeWorld) -> None:
    world = stocked(make_world, "eu", "us")
    count(world, 3)
    report = world.sync(minutes=15, only="eu")
    assert list(report.stores) == ["eu"]
    assert (stock(world, "eu"), stock(world, "us")) == (3, 10)
    world.sync(minutes=15)
    assert stock(world, "us") == 3


def test_stock_is_read_past_the_shops_rest_cache(make_world: MakeWorld) -> None:
    world = make_world()
    world.shop.app.rest_cache = {}
    world.katana.set_stock(world.mug_variant, world.katana.main_location_id, Decimal(10))
    world.shop.set_stock(world.mug["eu"], 0)
    world.configure(stores={"eu": SYNCED})
    world.backfill()
    for quantity in (4, 9, 4, 9):
        count(world, quantity)
        world.sync(minutes=15)
        assert stock(world) == quantity
    world.shop.set_stock(world.mug["eu"], 99)
    world.sync(minutes=15)
    assert stock(world) == 9
