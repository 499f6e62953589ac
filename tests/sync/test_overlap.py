"""Requests that do not depend on each other overlap, and each is created once all the same."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial

import pytest
from werkzeug.wrappers import Request, Response

from katana_woo_sync.clients.answers import JsonAnswer
from katana_woo_sync.clients.errors import BadRequest
from katana_woo_sync.clients.katana_http import KatanaHttp
from katana_woo_sync.clients.together import Together
from katana_woo_sync.domain.order_record import ignored
from katana_woo_sync.domain.taxes import TaxNeed
from katana_woo_sync.sandbox.server import Fault, FaultKind, SandboxServer
from katana_woo_sync.sandbox.woocommerce import Address, Item, Shipping
from katana_woo_sync.sync.backfill import import_all, prepare
from katana_woo_sync.sync.cycle import Options
from katana_woo_sync.sync.katana_facts import KatanaFacts
from tests.sync.world import ANNA, World

PATIENCE = 10
"""Seconds after which requests that do not meet are taken to come one after the other."""

ORDERS, FEES, CUSTOMERS = "/sales_orders", "/sales_order_shipping_fee", "/customers"
PRODUCTS = "/products"
COURIER = Shipping("Courier", Decimal("4.90"))


@contextmanager
def meeting(
    server: SandboxServer, path: str, together: int, *, skip: int = 0
) -> Iterator[threading.Barrier]:
    """After the first `skip`, answer a POST there only when so many of them are waiting."""
    barrier, handle, seen = threading.Barrier(together), server._handle, []

    def waiting(request: Request) -> Response:
        if request.method == "POST" and request.path.endswith(path):
            seen.append(path)
            if len(seen) > skip:
                barrier.wait(PATIENCE)
        return handle(request)

    server._handle = waiting
    yield barrier
    server._handle = handle


def far_away(world: World) -> None:
    """A Katana of which one order after the other would not use the quota."""
    world.configure(katana="requests_per_minute = 600")
    world.katana.server.add_fault(Fault(FaultKind.DELAY, seconds=0.3, times=1000))


def guest(name: str, email: str) -> Address:
    return Address(first_name=name, last_name="Guest", email=email, country="GR", city="Athens")


def by_guests(world: World, *guests: Address) -> list[int]:
    """An order of each of them."""
    item = Item(world.mug["eu"])
    return [world.shop.place_order([item], billing=each, customer_id=0) for each in guests]


def check_each_once(world: World, orders: list[int]) -> None:
    assert [world.state(order) for order in orders] == [("imported", "")] * len(orders)
    assert [len(world.in_katana(order)) for order in orders] == [1] * len(orders)
    assert world.katana.contract_violations == []


def test_calls_overlap_and_keep_their_order() -> None:
    barrier = threading.Barrier(3)

    def call(number: int) -> Callable[[], int]:
        def work() -> int:
            barrier.wait(PATIENCE)
            return 6 // number

        return work

    first, second, third = Together().do([call(3), call(0), call(1)])
    assert (first, third) == (2, 6)
    assert isinstance(second, ZeroDivisionError)


def test_after_the_first_order_the_others_and_their_fees_overlap(world: World) -> None:
    far_away(world)
    orders = [world.order(shipping=[COURIER]) for _ in range(4)]
    with (
        meeting(world.katana.server, ORDERS, 3, skip=1) as creates,
        meeting(world.katana.server, FEES, 3, skip=1) as fees,
    ):
        world.sync()
    assert not creates.broken
    assert not fees.broken
    check_each_once(world, orders)
    assert [len(world.katana.shipping_fees(world.sales_order(o).id)) for o in orders] == [1] * 4


def test_a_katana_that_is_near_is_asked_one_by_one(world: World) -> None:
    orders = [world.order(shipping=[COURIER]) for _ in range(4)]
    in_hand: list[int] = []
    handle = world.katana.server._handle

    def noting(request: Request) -> Response:
        in_hand.append(world.katana.server.in_hand)
        return handle(request)

    world.katana.server._handle = noting
    world.sync()
    assert set(in_hand) == {1}
    check_each_once(world, orders)


def test_while_a_customer_is_created_another_order_is(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    far_away(world)
    first = [world.order() for _ in range(2)]
    orders = by_guests(world, *(guest(name, f"{name}@example.test") for name in "abcd"))
    in_hand: list[tuple[bool, int]] = []
    answer = world.katana.server._answer

    def noting(request: Request, fault: Fault | None) -> Response | None:
        is_customer = request.method == "POST" and request.path.endswith(CUSTOMERS)
        in_hand.append((is_customer, world.katana.server.in_hand))
        return answer(request, fault)

    monkeypatch.setattr(world.katana.server, "_answer", noting)
    world.sync()
    check_each_once(world, first + orders)
    assert len({world.sales_order(order).customer_id for order in orders}) == 4
    assert [is_customer for is_customer, _count in in_hand].count(True) == 5
    assert max(count for _is_customer, count in in_hand) > 1


def test_guests_who_may_be_one_are_matched_as_ever(world: World) -> None:
    far_away(world)
    orders = by_guests(
        world,
        guest("Zoe", "zoe@example.test"),
        guest("Bo", "bo@example.test"),
        guest("Robert", "bo@example.test"),
        guest("Bo", "bo@example.test"),
    )
    world.sync()
    check_each_once(world, orders)
    assert len({world.sales_order(order).customer_id for order in orders}) == 2


def of_new_products(world: World, number: int) -> list[int]:
    """An order, then others, each of a product that Katana lacks."""
    new = [
        world.shop.add_product(f"New {place}", f"NEW-{place}", "10.00") for place in range(number)
    ]
    return [world.order(), *(world.shop.place_order([Item(product)]) for product in new)]


def check_products_once(world: World, number: int) -> None:
    made = [product.name for product in world.katana.products() if "New" in product.name]
    assert sorted(made) == [f"New {place}" for place in range(number)]


def test_new_products_of_orders_side_by_side_are_created_once(world: World) -> None:
    far_away(world)
    orders = of_new_products(world, 4)
    world.sync()
    check_each_once(world, orders)
    check_products_once(world, 4)


def test_a_product_that_several_orders_bought_is_created_once(world: World) -> None:
    far_away(world)
    lamp = world.lamp["eu"]
    orders = [world.order(), *(world.shop.place_order([Item(lamp)]) for _ in range(4))]
    world.sync()
    check_each_once(world, orders)
    assert world.katana.server.count("POST", PRODUCTS) == 1


@pytest.mark.parametrize("kind", [FaultKind.DROP_AFTER, FaultKind.DROP_BEFORE])
def test_several_answers_to_new_products_lost_at_once(world: World, kind: FaultKind) -> None:
    orders = of_new_products(world, 4)
    fault = Fault(kind, "POST", PRODUCTS, times=2, skip=1)
    world.katana.server.add_fault(fault)
    for _ in range(4):
        world.sync(minutes=35)
    assert fault.times == 0
    check_each_once(world, orders)
    check_products_once(world, 4)


def test_a_product_that_katana_refuses_among_others_is_its_orders_alone(world: World) -> None:
    orders = of_new_products(world, 4)
    fault = Fault(FaultKind.STATUS, "POST", PRODUCTS, status=422, body="{}", skip=3, times=1)
    world.katana.server.add_fault(fault)
    world.sync()
    assert fault.times == 0
    assert [world.state(order) for order in orders].count(("imported", "")) == 4
    assert [world.state(order) for order in orders].count(
        ("attention", "product_not_representable")
    ) == 1


def test_where_the_first_new_product_is_refused_the_others_are_imported(world: World) -> None:
    orders = of_new_products(world, 3)
    fault = Fault(FaultKind.STATUS, "POST", PRODUCTS, status=422, body="{}", times=1)
    world.katana.server.add_fault(fault)
    world.sync()
    (refused,) = (o for o in orders if world.state(o) == ("attention", "product_not_representable"))
    check_each_once(world, [order for order in orders if order != refused])


def test_a_person_need_not_wait_while_the_quota_is_waited_for(world: World) -> None:
    world.order(shipping=[COURIER])
    world.sync()  # customer, product and taxes are known from here on
    orders = [world.order(shipping=[COURIER]) for _ in range(12)]
    world.configure(katana="requests_per_minute = 7")
    last: list[str] = []

    def ignore_the_last() -> None:
        if last:
            return
        program = world.program()
        with program.context() as context:
            identity = context.stores["eu"].identity
            queued = context.ledger.orders.find(identities=[identity], state="queued")
            if queued:
                record = ignored(queued[0])
                assert record is not None
                context.save(context.stores["eu"], record, queued[0])
                last.append(str(record.order_id))

    world.clock.before_moving = ignore_the_last
    world.sync()
    assert last
    assert world.state(int(last[0])) == ("ignored", "")
    check_each_once(world, [order for order in orders if str(order) not in last])


@pytest.mark.parametrize("kind", [FaultKind.DROP_AFTER, FaultKind.DROP_BEFORE])
def test_several_answers_lost_at_once(world: World, kind: FaultKind) -> None:
    orders = [world.order(shipping=[COURIER]) for _ in range(5)]
    world.katana.server.add_fault(Fault(kind, "POST", ORDERS, times=3, skip=1))
    for _ in range(6):
        world.sync(minutes=35)
    check_each_once(world, orders)
    assert [len(world.katana.shipping_fees(world.sales_order(o).id)) for o in orders] == [1] * 5


def test_a_katana_that_loses_answers_is_sent_two_orders_and_no_more(world: World) -> None:
    orders = [world.order() for _ in range(6)]
    world.katana.server.add_fault(Fault(FaultKind.DROP_AFTER, "POST", ORDERS, times=100))
    world.reset_counts()
    world.sync()
    assert world.katana.server.count("POST", ORDERS) == 2
    assert sorted(world.state(order)[0] for order in orders).count("importing") == 2


def test_what_katana_refuses_among_others_is_that_order_alone(world: World) -> None:
    orders = [world.order() for _ in range(5)]
    fault = Fault(FaultKind.STATUS, "POST", ORDERS, status=422, body="{}", skip=2, times=2)
    world.katana.server.add_fault(fault)
    world.sync()
    imported = [order for order in orders if world.state(order) == ("imported", "")]
    assert len(imported) == 3
    assert {world.state(order) for order in orders if order not in imported} == {
        ("attention", "refused_by_katana")
    }
    assert len(world.katana.sales_orders()) == 3


def test_a_refused_key_stops_them_all_and_nothing_is_unknown(world: World) -> None:
    orders = [world.order() for _ in range(4)]
    world.katana.server.add_fault(
        Fault(FaultKind.STATUS, "POST", ORDERS, status=401, body="{}", skip=1, times=100)
    )
    world.sync()
    states = sorted(world.state(order)[0] for order in orders)
    assert states == ["imported", "queued", "queued", "queued"]


# A long list


def test_a_long_list_is_imported_while_it_is_read(world: World) -> None:
    orders = [world.order() for _ in range(320)]
    seen: list[tuple[int, bool]] = []
    world.configure(katana="requests_per_minute = 6000")
    program = world.program()
    with program.context() as context:
        prepared = prepare(context, [context.stores["eu"]], None, wholly=False)
        assert list(prepared.reading) == ["eu"]
        before = world.katana.server.count("POST", ORDERS)
        import_all(
            context,
            prepared.stores,
            Options(),
            lambda done, total: seen.append((done, total >= done)),
            reading=prepared.reading,
            read=lambda _store: seen.append((-1, True)),
        )
    done_when_read = seen[seen.index((-1, True)) - 1][0]
    assert before == 0
    assert 0 < done_when_read < 320
    assert all(fits for _done, fits in seen)
    check_each_once(world, orders)


def test_a_short_list_is_read_first(world: World) -> None:
    world.order()
    with world.program().context() as context:
        prepared = prepare(context, [context.stores["eu"]], None, wholly=False)
        assert not prepared.reading
        assert [found.orders for found in prepared.found] == [1]


def test_where_katana_has_orders_of_other_shops_the_whole_list_is_read_first(
    unconnected: World,
) -> None:
    foreign = unconnected.order()
    unconnected.foreign(foreign, store_name="elsewhere.example")
    for _ in range(310):
        unconnected.order(created=datetime.now(UTC))
    with unconnected.program().context() as context:
        prepared = prepare(context, [context.stores["eu"]], None, wholly=False)
        assert not prepared.reading


def test_reading_that_fails_leaves_the_rest_to_the_next_sweep(world: World) -> None:
    orders = [world.order() for _ in range(310)]
    world.configure(katana="requests_per_minute = 6000")
    with world.program().context() as context:
        prepared = prepare(context, [context.stores["eu"]], None, wholly=False)
        world.shop.server.add_fault(
            Fault(FaultKind.STATUS, "GET", "/orders", status=503, times=1000)
        )
        import_all(context, prepared.stores, Options(), lambda *_: None, reading=prepared.reading)
        assert context.report.store("eu").error
    world.shop.server.faults.clear()
    for _ in range(3):
        world.sync(minutes=20)
    check_each_once(world, orders)


# Lists that fail, and what the program was not made for


@pytest.mark.parametrize("path", ["/customers", "/tax_rates"])
def test_a_list_that_failed_is_asked_for_again_before_anything_is_created(
    world: World, path: str
) -> None:
    world.katana.add_tax_rate(Decimal(24), "VAT 24%")
    world.katana.add_customer(name="Anna", email=ANNA.email)
    orders = [world.order() for _ in range(4)]
    fault = Fault(FaultKind.STATUS, "GET", path, status=500, times=2)
    world.katana.server.add_fault(fault)
    for _ in range(4):
        world.sync(minutes=35)
    assert fault.times == 0
    check_each_once(world, orders)
    assert len(world.katana.customers()) == 1
    assert [rate.rate for rate in world.katana.tax_rates()].count(Decimal(24)) == 1


def test_what_the_program_was_not_made_for_is_no_proof_that_nothing_was_created(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    orders = [world.order(shipping=[COURIER]) for _ in range(4)]
    read, posts = KatanaHttp._read, []

    def reading(client: KatanaHttp, action: str, *rest: object, **named: object) -> JsonAnswer:
        if action == "POST /sales_orders":
            posts.append(action)
            if len(posts) in (2, 3):
                raise TypeError("nobody thought of this")
        return read(client, action, *rest, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(KatanaHttp, "_read", reading)
    world.sync()
    assert sorted(world.state(order)[0] for order in orders).count("importing") == 2
    for _ in range(3):
        world.sync(minutes=35)
    check_each_once(world, orders)


def test_a_product_whose_variations_the_shop_cannot_list_is_its_orders_alone(world: World) -> None:
    """They are asked for together with what others need, and again for the order itself."""
    colours = [(f"SHIRT-{colour}", 9, {"Colour": colour}) for colour in ("red", "blue")]
    parent, (sold, _other) = world.shop.add_variable_product("Shirt", "SHIRT", colours)
    shirt = world.shop.place_order([Item(parent, variation_id=sold)], billing=ANNA)
    others = [world.order() for _ in range(3)]
    fault = Fault(FaultKind.STATUS, "GET", "/variations", status=404, body="{}", times=100)
    world.shop.server.add_fault(fault)
    report = world.sync()
    assert report.store("eu").error is None
    check_each_once(world, others)
    assert world.state(shirt)[0] == "failed"
    world.shop.server.faults.clear()
    world.sync(minutes=35)
    check_each_once(world, [*others, shirt])


def test_a_refusal_of_one_order_takes_no_tax_rate_from_another(world: World) -> None:
    """It makes the program forget what it knows of Katana, while another order's second rate is
    created."""
    with world.program().context() as context:
        facts = KatanaFacts(context)
        refusal = BadRequest("Katana", "POST /sales_orders", "location_id is wrong")
        world.before(
            world.katana.server, "POST", "/tax_rates", partial(facts.forget, refusal), skip=1
        )
        needs = [TaxNeed(Decimal(7)), TaxNeed(Decimal(19))]
        rates = facts.tax_rates(needs)
    assert [rates[need].rate for need in needs] == [7, 19]
