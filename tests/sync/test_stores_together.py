"""Orders of several stores are imported together, and what is wrong with one store is its own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from functools import partial

import pytest
from werkzeug.wrappers import Request, Response

from katana_woo_sync.sandbox.server import Fault, FaultKind, SandboxServer
from katana_woo_sync.sandbox.woocommerce import Item, Shipping
from katana_woo_sync.sync import cycle
from katana_woo_sync.sync.backfill import guarded_store
from katana_woo_sync.sync.report import ExitCode
from tests.sync.test_overlap import COURIER, CUSTOMERS, FEES, ORDERS, PATIENCE, far_away, meeting
from tests.sync.world import World

NAMES = ("eu", "de", "fr")


@pytest.fixture
def three(make_world: Callable[..., World], monkeypatch: pytest.MonkeyPatch) -> World:
    """Three stores, connected with nothing in them, all of which answer in time."""
    monkeypatch.setattr(cycle, "ABOUT_THE_SAME_TIME", 10)
    world = make_world(names=NAMES)
    world.configure(stores={name: f'order_number_prefix = "{name}-"' for name in NAMES})
    world.backfill()
    return world


@contextmanager
def meeting_of(servers: Sequence[SandboxServer], path: str) -> Iterator[threading.Barrier]:
    """Answer a GET there only when one is waiting at each of these servers."""
    barrier = threading.Barrier(len(servers))
    handles = [server._handle for server in servers]

    def waiting(place: int, request: Request) -> Response:
        if request.method == "GET" and request.path.endswith(path):
            barrier.wait(PATIENCE)
        return handles[place](request)

    for place, server in enumerate(servers):
        server._handle = partial(waiting, place)
    yield barrier
    for server, handle in zip(servers, handles, strict=True):
        server._handle = handle


def order_in_each(world: World, *shipping: Shipping) -> dict[str, int]:
    return {name: world.order(shop=name, shipping=shipping) for name in NAMES}


def states(world: World, orders: dict[str, int]) -> list[tuple[str, str]]:
    return [world.state(order, shop=name) for name, order in orders.items()]


def check_each_once(world: World, orders: dict[str, int]) -> None:
    assert states(world, orders) == [("imported", "")] * len(orders)
    assert [len(world.in_katana(order, shop=name)) for name, order in orders.items()] == [1] * 3
    assert world.katana.contract_violations == []


def test_orders_of_different_stores_overlap(three: World) -> None:
    far_away(three)
    orders = order_in_each(three, COURIER)
    with (
        meeting(three.katana.server, ORDERS, 2, skip=1) as creates,
        meeting(three.katana.server, FEES, 2, skip=1) as fees,
    ):
        three.sync()
    assert not creates.broken
    assert not fees.broken
    check_each_once(three, orders)


def test_a_person_who_is_new_in_several_stores_becomes_one_customer(three: World) -> None:
    orders = order_in_each(three)
    three.sync()
    check_each_once(three, orders)
    assert three.katana.server.count("POST", CUSTOMERS) == 1


def test_shops_are_asked_for_their_products_at_once(three: World) -> None:
    orders = order_in_each(three)
    with meeting_of([shop.server for shop in three.shops.values()], "/products") as asked:
        three.sync()
    assert not asked.broken
    check_each_once(three, orders)


def test_katana_is_asked_once_for_the_skus_of_all_stores(three: World) -> None:
    order_in_each(three)
    three.reset_counts()
    three.sync()
    assert three.katana.server.count("GET", "/variants") == 1


def test_what_two_stores_sell_and_katana_lacks_is_created_once(three: World) -> None:
    orders = {
        name: shop.place_order([Item(three.lamp[name])]) for name, shop in three.shops.items()
    }
    three.sync()
    check_each_once(three, orders)
    assert three.katana.server.count("POST", "/products") == 1


def test_a_variation_that_another_store_has_brought_is_not_asked_about(three: World) -> None:
    sold = {}
    for name, shop in three.shops.items():
        colours = [(f"SHIRT-{colour}", 9, {"Colour": colour}) for colour in ("red", "blue")]
        parent, (red, _blue) = shop.add_variable_product("Shirt", "SHIRT", colours)
        sold[name] = Item(parent, variation_id=red)
    orders = {"eu": three.shops["eu"].place_order([sold["eu"]])}
    three.sync()
    three.reset_counts()
    orders |= {name: three.shops[name].place_order([sold[name]]) for name in ("de", "fr")}
    three.sync()
    check_each_once(three, orders)
    assert three.katana.server.count("GET", "/variants") == 0
    assert [shop.server.count("GET", "/variations") for shop in three.shops.values()] == [0] * 3


def test_a_product_that_two_stores_bring_with_other_variations_is_one(three: World) -> None:
    """The second one's is a further variant of what the first one's order has created just now."""
    orders = {"eu": three.order(shop="eu")}
    for name, colours in (("de", ("red", "blue")), ("fr", ("red", "blue", "green"))):
        variations = [(f"SHIRT-{colour}", 9, {"Colour": colour}) for colour in colours]
        shop = three.shops[name]
        parent, made = shop.add_variable_product("Shirt", "SHIRT", variations)
        orders[name] = shop.place_order([Item(parent, variation_id=made[-1])])
    three.sync()
    check_each_once(three, orders)
    skus = sorted(str(v.sku) for v in three.katana.variants() if "SHIRT" in str(v.sku))
    assert skus == ["SHIRT-blue", "SHIRT-green", "SHIRT-red"]
    assert [product.name for product in three.katana.products()].count("Shirt") == 1


def test_a_store_that_fails_in_the_middle_leaves_the_others_alone(three: World) -> None:
    orders = order_in_each(three)
    refunded = three.order(shop="de", quantity=2)
    three.shops["de"].refund(refunded, amount=Decimal("1.00"))
    fault = Fault(FaultKind.STATUS, "GET", "/refunds", status=401, body="{}")
    three.shops["de"].server.add_fault(fault)
    report = three.sync()
    assert fault.times == 0
    assert "refused" in (report.store("de").error or "")
    assert {name: report.store(name).error for name in ("eu", "fr")} == {"eu": None, "fr": None}
    assert three.state(orders["eu"], shop="eu") == ("imported", "")
    assert three.state(orders["fr"], shop="fr") == ("imported", "")
    for _ in range(2):
        three.sync()
    check_each_once(three, orders)
    assert three.state(refunded, shop="de")[0] == "imported"


def test_a_katana_that_goes_down_is_told_once_and_leaves_nothing_unknown(three: World) -> None:
    orders = order_in_each(three)
    fault = Fault(FaultKind.STATUS, "POST", ORDERS, status=401, body="{}", skip=1, times=100)
    three.katana.server.add_fault(fault)
    report = three.sync()
    assert report.katana_error
    assert [report.store(name).error for name in NAMES] == [None] * 3
    assert sorted(state for state, _reason in states(three, orders)) == [
        "imported",
        "queued",
        "queued",
    ]
    three.katana.server.faults.clear()
    three.sync()
    check_each_once(three, orders)


def test_answers_lost_for_several_stores_at_once(three: World) -> None:
    orders = order_in_each(three, COURIER)
    fault = Fault(FaultKind.DROP_AFTER, "POST", ORDERS, times=2, skip=1)
    three.katana.server.add_fault(fault)
    for _ in range(4):
        three.sync(minutes=35)
    check_each_once(three, orders)


def test_a_long_queue_holds_up_no_other_store(three: World) -> None:
    long = [three.order(shop="eu") for _ in range(120)]
    other = three.order(shop="de")
    three.sync()
    place = [order.ecommerce_store_name for order in three.katana.sales_orders()]
    assert len(place) == len(long) + 1
    ours = int(three.sales_order(other, shop="de").id)
    before = [o for o in three.katana.sales_orders() if int(o.id) < ours]
    assert len(before) < 60  # a chunk, and what is sent with it


def test_what_nobody_foresaw_in_one_stores_part_is_told_and_holds_up_no_other(two: World) -> None:
    program = two.program()
    with program.context() as context:
        eu, us = program.stores["eu"], program.stores["us"]
        assert not guarded_store(context, eu, partial(int, "12,50"))  # type: ignore[arg-type]
        assert guarded_store(context, us, lambda: None)
        failed = context.report.store("eu")
        assert str(failed.error).startswith("unexpected: ValueError: invalid literal")
        assert (failed.error_code, context.report.store("us").error) == (ExitCode.TRY_LATER, None)
        assert context.report.exit_code == ExitCode.PROBLEMS
