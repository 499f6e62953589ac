"""`probe` against accounts that behave in each way: what is found, kept and used, and that nothing
is left in Katana."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from datetime import timedelta
from functools import partial

import pytest
from msgspec.structs import replace
from werkzeug import Request, Response

from katana_woo_sync.clients.errors import ServiceError
from katana_woo_sync.domain.probe import (
    QUESTIONS,
    STEPS,
    STORE_NAME,
    Step,
)
from katana_woo_sync.ledger import Ledger
from katana_woo_sync.ledger.intents import Intent, IntentKind
from katana_woo_sync.sandbox.katana import KatanaSandbox
from katana_woo_sync.sandbox.server import Fault, FaultKind
from katana_woo_sync.sandbox.woocommerce import Item
from katana_woo_sync.sync import probed
from katana_woo_sync.sync.checks.check import check
from katana_woo_sync.sync.connect import rebuild
from katana_woo_sync.sync.context import OtherAccount, Stopped
from katana_woo_sync.sync.create_once import ask_at
from katana_woo_sync.sync.cycle import SweepWhen
from katana_woo_sync.sync.deliveries import INFORMATION_IS_BLANKED
from katana_woo_sync.sync.poll import is_open_orders_due
from katana_woo_sync.sync.probe import Probed, probe
from tests.sync.world import ANNA, World

EXPECTED = {question.name: question.expected for question in QUESTIONS}


def tried(world: World, *, name: str = "probe-1a2b", without: tuple[Step, ...] = ()) -> Probed:
    """A probe of the world's account."""
    with world.program().context() as context:
        return probe(context, name, without=without)


def words(done: Probed) -> dict[str, str]:
    """What was found."""
    return {name: each.found for name, each in done.found.items()}


def living(world: World) -> list[object]:
    """The probe's records that are in Katana and not deleted."""
    katana = world.katana
    return [
        *(o for o in katana.sales_orders() if o.ecommerce_store_name == STORE_NAME),
        *(c for c in katana.customers() if "probe" in c.name),
        *(s for s in katana.services() if "probe" in s.name),
    ]


def left_over(world: World) -> list[object]:
    """Those that are not deleted."""
    return [each for each in living(world) if each.deleted_at is None]  # type: ignore[attr-defined]


def test_everything_as_expected(world: World) -> None:
    done = tried(world)
    assert done.error is None
    assert words(done) == EXPECTED
    assert done.unanswered == {}
    assert (done.left, left_over(world)) == ([], [])
    assert len(living(world)) == 3  # they were there


Way = Callable[[KatanaSandbox], object]

WAYS: dict[str, tuple[Way, dict[str, str]]] = {
    "numbers": (lambda k: k.take_numbers_twice(), {"order_number": "taken twice"}),
    "a lag": (lambda k: k.lag_lists(timedelta(seconds=10)), {"listed": "later"}),
    "type": (
        lambda k: k.ignore_filters("ecommerce_order_type"),
        {"filter_order_type": "is ignored"},
    ),
    "store": (
        lambda k: k.ignore_filters("ecommerce_store_name"),
        {"filter_store_name": "is ignored"},
    ),
    "id": (lambda k: k.ignore_filters("ecommerce_order_id"), {"filter_order_id": "is ignored"}),
    "fee": (lambda k: k.leave_updated_at_alone_by(fees=True), {"fee_moves": "no"}),
    "deletion": (lambda k: k.leave_updated_at_alone_by(deletions=True), {"deletion_moves": "no"}),
    "fulfilment": (lambda k: k.leave_updated_at_alone(), {"fulfillment_moves": "no"}),
    "by fulfilments": (
        lambda k: k.compute_status_from_fulfillments(),
        {"status": "changes nothing"},
    ),
    "late": (lambda k: k.deliver_late(timedelta(minutes=1)), {"status": "delivers later"}),
    "very late": (lambda k: k.deliver_late(timedelta(hours=1)), {"status": "delivers later"}),
    "blanked": (lambda k: k.blank_information(), {"information": "empty"}),
    "no services": (
        lambda k: k.refuse_services(),
        {"service": "refused", "fulfillment_moves": ""},
    ),
    "approval": (
        lambda k: k.await_approvals(),
        {"status": "is refused", "information": "", "service": "", "fulfillment_moves": ""},
    ),
    "200 empty": (
        lambda k: k.answer_deletions(status=200),
        {"deletion_answer": "200 without a body"},
    ),
    "200 whole": (
        lambda k: k.answer_deletions(status=200, with_body=True),
        {"deletion_answer": "200 with a body"},
    ),
    "hidden": (
        lambda k: k.find_nothing_by("ecommerce_order_id"),
        {"filter_order_id": "hides the order"},
    ),
    "seconds": (lambda k: k.reset_in("seconds"), {"reset": "seconds"}),
    "from now": (lambda k: k.reset_in("seconds from now"), {"reset": "seconds from now"}),
    "shared": (lambda k: k.share_quota(2), {"quota": "somebody else"}),
}


@pytest.mark.parametrize("way", WAYS)
def test_each_way_is_found_and_nothing_is_left(world: World, way: str) -> None:
    set_up, otherwise = WAYS[way]
    set_up(world.katana)
    done = tried(world)
    assert done.error is None
    assert words(done) == {n: w for n, w in {**EXPECTED, **otherwise}.items() if w}
    assert set(done.unanswered) == {name for name, word in otherwise.items() if not word}
    assert (done.left, left_over(world)) == ([], [])
    assert world.katana.contract_violations == []
    with Ledger.open_to_read(world.ledger) as ledger:
        assert probed.found(ledger) == done.found
        assert probed.left(ledger) == {}
        assert ledger.intents.all_open() == []


def test_everything_odd_at_once(world: World) -> None:
    wanted: dict[str, str] = {}
    for way in ("numbers", "a lag", "store", "fee", "by fulfilments", "200 empty", "seconds"):
        set_up, otherwise = WAYS[way]
        set_up(world.katana)
        wanted |= otherwise
    done = tried(world)
    assert words(done) == {**EXPECTED, **wanted}
    assert (done.left, left_over(world)) == ([], [])


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.name)
def test_a_step_is_left_out(world: World, step: Step) -> None:
    done = tried(world, without=(step,))
    asked = {question.name for question in QUESTIONS if question.step == step}
    assert done.unanswered == dict.fromkeys(asked, "left out")
    assert set(words(done)) == set(EXPECTED) - asked
    assert (done.left, left_over(world)) == ([], [])


def test_without_delivery_nothing_is_delivered(world: World) -> None:
    without = tuple(step for step in STEPS if step.name == "delivery")
    tried(world, without=without)
    assert list(world.katana._state.fulfillments) == []


def test_a_filter_that_refuses_what_no_order_has_is_not_found_out(world: World) -> None:
    handle = world.katana.server._handle

    def strict(request: Request) -> Response:
        if "ecommerce_order_type=none." in request.query_string.decode():
            return Response(
                '{"statusCode": 422, "message": "no such type"}', 422, mimetype="application/json"
            )
        return handle(request)

    world.katana.server._handle = strict
    done = tried(world)
    assert done.error is None
    assert done.unanswered == {
        "filter_order_type": "a value that no order has was refused: no such type"
    }
    assert (done.left, left_over(world)) == ([], [])


@pytest.mark.parametrize("hours", [-3, 3])
def test_a_clock_that_is_off_hides_no_order(world: World, hours: int) -> None:
    program = replace(world.program(), clock=lambda: world.clock() + timedelta(hours=hours))
    with program.context() as context:
        assert words(probe(context, "probe-1a2b")) == EXPECTED


def test_the_key_of_another_account_is_said_and_nothing_is_forgotten(world: World) -> None:
    world.katana.refuse_deletions(*ALL_PATHS)
    tried(world)
    with ExitStack() as stack:
        other = World(world.directory, stack)
        for place in other.katana.locations():
            other.katana.remove_location(place.id)
        for _ in range(5):
            assert other.katana.add_location("Elsewhere", is_primary=True)
        other.configure(katana='api_key = "other"')
        other.katana._app._api_key = "other"
        done = tried(other, name="probe-3c4d")
        assert {each.method for each in other.katana.server.requests} == {"GET"}
    assert isinstance(done.error, OtherAccount)
    assert [each.name for each in done.left] == ["probe-1a2b"] * 3
    with Ledger.open_to_read(world.ledger) as ledger:
        assert len(probed.left(ledger)) == 3


# What Katana does not delete


ALL_PATHS = ("/sales_orders", "/services", "/customers")


@pytest.mark.parametrize(
    ("paths", "kinds"),
    [
        (("/sales_orders",), ["sales_order"]),
        (("/services",), ["service"]),
        (("/customers",), ["customer"]),
        (ALL_PATHS, ["sales_order", "service", "customer"]),
        (("/sales_order_fulfillments", "/sales_order_shipping_fee"), []),
    ],
)
def test_what_katana_does_not_delete_is_named_and_deleted_later(
    world: World, paths: tuple[str, ...], kinds: list[str]
) -> None:
    world.katana.refuse_deletions(*paths)
    done = tried(world)
    assert [each.kind for each in done.left] == kinds
    assert len(left_over(world)) == len(kinds)
    for each in done.left:
        assert (each.name, each.why.endswith("not deleted")) == ("probe-1a2b", True)
        assert each.link.startswith("https://factory.katanamrp.com/")
        assert "press" in each.what_to_press
    if "sales_order" in kinds:
        assert done.unanswered["deletion_moves"].startswith("the order was not deleted: ")
        (order,) = (o for o in world.katana.sales_orders() if o.deleted_at is None)
        assert done.left[0].link.endswith(f"/salesorder/{order.id}")
    world.katana.refuse_deletions()
    again = tried(world, name="probe-3c4d")
    assert (again.left, left_over(world)) == ([], [])
    assert words(again) == EXPECTED


def test_what_a_person_has_deleted_meanwhile_is_forgotten(world: World) -> None:
    world.katana.refuse_deletions(*ALL_PATHS)
    tried(world)
    world.katana.refuse_deletions()
    for order in world.katana.sales_orders():
        world.katana.delete_order(order.id)
    for customer in world.katana.customers():
        world.katana.delete_customer(customer.id)
    done = tried(world, name="probe-3c4d")
    assert (done.left, left_over(world)) == ([], [])


def test_katana_down_in_the_middle_is_told_and_tidied_up_later(world: World) -> None:
    world.katana.server.add_fault(
        Fault(FaultKind.STATUS, "", "/sales_order", status=503, skip=9, times=1000)
    )
    done = tried(world)
    assert isinstance(done.error, ServiceError)
    assert {each.kind for each in done.left} == {"sales_order", "service", "customer"}
    assert "listed" in done.found
    world.katana.server.faults.clear()
    again = tried(world, name="probe-3c4d")
    assert (again.error, again.left, left_over(world)) == (None, [], [])


def test_a_stop_that_is_asked_for_leaves_nothing(world: World) -> None:
    program = world.program()
    posted = partial(world.katana.server.count, "POST", "/sales_order_shipping_fee")
    with program.context() as context:
        context.stopping = lambda: posted() > 0
        done = probe(context, "probe-1a2b")
    assert isinstance(done.error, Stopped)
    assert (done.left, left_over(world)) == ([], [])
    assert done.unanswered["status"] == "it did not come to that"


def test_an_account_without_tax_rates_gets_none(world: World) -> None:
    for rate in world.katana.tax_rates():
        world.katana._state.delete(world.katana._state.tax_rates, rate)
    before = len(world.katana.tax_rates())
    done = tried(world)
    assert words(done) == EXPECTED
    assert len(world.katana.tax_rates()) == before


# The sync passes the probe's order over


def test_no_rule_of_the_sync_takes_the_probes_order_for_a_shops(unconnected: World) -> None:
    world = unconnected
    world.configure(stores={"eu": "sync_stock = true"})
    world.shop.set_stock(world.mug["eu"], 3)
    world.katana.refuse_deletions(*ALL_PATHS)
    tried(world)
    order = world.order()
    assert world.backfill().exit_code == 0
    world.sync(sweep=SweepWhen.NOW)
    assert world.sync(minutes=30).exit_code == 0
    (left,) = (o for o in world.katana.sales_orders() if o.ecommerce_store_name == STORE_NAME)
    assert left.deleted_at is None
    with Ledger.open_to_read(world.ledger) as ledger:
        assert [record.order_id for record in ledger.orders.find()] == [order]
    world.lose_ledger()
    program = world.program()
    with program.context() as context:
        rebuilt = rebuild(context, list(program.stores.values()))
        assert [record.order_id for record in context.ledger.orders.find()] == [order]
    assert rebuilt["eu"].adopted == 1
    settings, stores = program.settings, list(program.stores.values())
    findings = check(settings, program.katana, stores, world.clock)
    assert not any("probe" in finding.found for finding in findings if finding.tested != "probe")
    assert world.katana.sales_order(left.id).deleted_at is None


def test_an_intent_of_a_probe_holds_no_backfill_up(unconnected: World) -> None:
    with unconnected.program().context() as context:
        context.ledger.intents.begin(IntentKind.PROBE, "sales_order probe-1a2b", context.clock())
    begun = unconnected.clock()
    unconnected.backfill()
    assert unconnected.clock() == begun


# What the sync makes of it


def delivered(world: World, product: int) -> int:
    """An order for the product, imported, completed in the shop, and delivered in Katana."""
    order = world.shop.place_order([Item(product)], billing=ANNA, customer_note="no rush")
    world.sync()
    world.katana.server.reset_counts()
    world.shop.set_status(order, "completed")
    world.sync()
    assert world.state(order) == ("fulfilled", "")
    return order


def test_a_status_that_delivers_no_service_is_set_for_goods_all_the_same(world: World) -> None:
    world.katana.compute_status_from_fulfillments()
    tried(world)
    wrap = world.shop.add_product("Wrap", "WRAP", "2.00", virtual=True)
    patches = partial(world.katana.server.count, "PATCH", "/sales_orders")
    delivered(world, wrap)
    assert patches() == 0
    delivered(world, world.mug["eu"])
    assert patches() == 1
    delivered(world, world.mug["eu"])
    assert patches() == 0  # by what the goods have shown


def test_what_goods_have_shown_is_not_changed_by_a_probe(world: World) -> None:
    world.katana.compute_status_from_fulfillments()
    delivered(world, world.mug["eu"])
    world.katana._state.delivers_by_status = True
    tried(world)
    delivered(world, world.mug["eu"])
    assert world.katana.server.count("PATCH", "/sales_orders") == 0


def test_information_that_goods_were_seen_to_lose_goes_along_after_a_probe(world: World) -> None:
    world.katana.blank_information()
    order = world.order(customer_note="no rush")
    world.sync()
    world.shop.set_status(order, "completed")
    world.sync()
    assert world.state(order) == ("fulfilled", "")
    world.katana._state.blanks_information = False
    assert words(tried(world))["information"] == "as it was"
    with world.program().context() as context:
        assert context.ledger.stores.meta(INFORMATION_IS_BLANKED)


def test_information_that_is_blanked_goes_along_from_the_first_delivery_on(world: World) -> None:
    world.katana.blank_information()
    tried(world)
    order = delivered(world, world.mug["eu"])
    assert world.katana.server.count("PATCH", "/sales_orders") == 1
    assert "no rush" in str(world.sales_order(order).additional_info)


@pytest.mark.parametrize(
    ("way", "is_told"), [("fulfilment", False), ("deletion", False), ("fee", True)]
)
def test_what_no_list_of_changes_tells_is_asked_for(world: World, way: str, is_told: bool) -> None:
    set_up, _found = WAYS[way]
    set_up(world.katana)
    tried(world)
    with world.program().context() as context:
        assert is_open_orders_due(context) != is_told


def test_after_a_lost_answer_it_waits_until_the_order_would_be_in_the_list(world: World) -> None:
    world.katana.lag_lists(timedelta(seconds=120))
    done = tried(world)
    listed = done.found["listed"].amount
    assert 120 <= listed <= 180
    with world.program().context() as context:
        intent = Intent(IntentKind.SALES_ORDER, "x#1", context.clock())
        assert ask_at(context, intent) - intent.at == timedelta(seconds=2 * listed)


def test_a_second_probe_keeps_what_it_leaves_out(world: World) -> None:
    tried(world)
    world.katana.leave_updated_at_alone_by(fees=True)
    without = tuple(step for step in STEPS if step.name != "fee")
    tried(world, name="probe-3c4d", without=without)
    with Ledger.open_to_read(world.ledger) as ledger:
        kept = {name: each.found for name, each in probed.found(ledger).items()}
    assert kept == {**EXPECTED, "fee_moves": "no"}
