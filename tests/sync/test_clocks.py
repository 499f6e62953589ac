"""Times in a service's own future: plugins that write local time, clocks that were ahead. Nothing
waits for that future, neither the order nor what else changes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from msgspec.structs import replace
from werkzeug.wrappers import Request, Response

from katana_woo_sync.domain.cursors import SALES_ORDERS, Cursor
from katana_woo_sync.ledger import Ledger
from katana_woo_sync.sandbox.server import Fault, FaultKind
from katana_woo_sync.sync.connect import rebuild
from katana_woo_sync.sync.context import Context
from katana_woo_sync.sync.cycle import SweepWhen
from katana_woo_sync.sync.poll import Polled, apply_poll, poll
from katana_woo_sync.sync.report import Report
from tests.cli.support import run
from tests.sync.checking import found, one, with_headers
from tests.sync.world import World

HOURS = timedelta(hours=2)
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
YEAR_2099 = datetime(2099, 1, 1, tzinfo=UTC)


def in_two_hours(world: World) -> datetime:
    """What a plugin writes that takes the site's local time for GMT."""
    return world.clock() + HOURS


def in_2099(_world: World) -> datetime:
    """What somebody mistyped."""
    return YEAR_2099


FUTURES = [in_two_hours, in_2099]
future = pytest.mark.parametrize("future", FUTURES)


def mark(world: World, name: str = "") -> datetime | None:
    """How far a list was read."""
    with Ledger.open_to_read(world.ledger) as ledger:
        cursor = ledger.stores.cursor(name or f"shop:{world.identity}")
    return cursor.mark if cursor else None


def sync(world: World, **details: float) -> Report:
    """A cycle without a sweep, after which no mark lies in the future."""
    report = world.sync(sweep=SweepWhen.NEVER, **details)  # type: ignore[arg-type]
    assert (mark(world) or world.clock()) <= world.clock()
    return report


def ahead(world: World) -> dict[int, datetime]:
    """The orders that are known to be modified in the future."""
    with Ledger.open_to_read(world.ledger) as ledger:
        return ledger.stores.ahead(f"shop:{world.identity}")


@future
def test_an_order_of_the_future_is_imported_and_so_are_those_that_come_after_it(
    world: World, future: Callable[[World], datetime]
) -> None:
    first = world.order()
    world.shop.edit_order(first, modified=future(world))
    sync(world)
    second = world.order()
    sync(world)
    third = world.order()
    sync(world)
    assert [world.state(order)[0] for order in (first, second, third)] == ["imported"] * 3
    assert ahead(world) == {first: world.shop.state.orders[first].modified}


@future
@pytest.mark.parametrize(
    ("status", "state"),
    [("completed", ("fulfilled", "")), ("cancelled", ("attention", "cancelled_in_shop"))],
)
def test_an_order_of_the_future_that_changes_is_heard_in_the_next_cycle(
    world: World, future: Callable[[World], datetime], status: str, state: tuple[str, str]
) -> None:
    order = world.order()
    sync(world)
    world.shop.edit_order(order, customer_note="Ring twice", modified=future(world))
    sync(world)
    other = world.order()
    sync(world)
    world.shop.set_status(order, status)
    sync(world)
    assert world.state(order) == state
    assert world.state(other)[0] == "imported"
    assert ahead(world) == {}


@future
def test_an_order_on_hold_of_the_future_is_imported_when_it_is_paid(
    world: World, future: Callable[[World], datetime]
) -> None:
    order = world.order(status="on-hold")
    world.shop.edit_order(order, modified=future(world))
    sync(world)
    world.clock.tick(minutes=1)
    world.shop.set_status(order, "processing")
    sync(world)
    assert world.state(order)[0] == "imported"


def test_an_order_that_goes_from_one_future_to_another_is_heard(world: World) -> None:
    order = world.order()
    world.shop.edit_order(order, modified=in_two_hours(world))
    sync(world)
    world.clock.tick(minutes=1)
    world.shop.edit_order(order, status="completed", modified=in_two_hours(world))
    sync(world)
    assert world.state(order)[0] == "fulfilled"


def test_an_order_that_leaves_the_future_for_a_time_that_was_read_is_heard(world: World) -> None:
    order = world.order()
    sync(world)
    long_ago = world.clock() - timedelta(days=1)
    world.shop.edit_order(order, modified=YEAR_2099)
    sync(world)
    world.shop.edit_order(order, status="completed", modified=long_ago)
    sync(world)
    assert world.state(order)[0] == "fulfilled"


def test_a_future_that_comes_is_a_change_like_any_other(world: World) -> None:
    order = world.order()
    world.shop.edit_order(order, modified=in_two_hours(world))
    sync(world)
    at = world.shop.state.orders[order].modified
    sync(world, minutes=121)
    assert (ahead(world), mark(world)) == ({}, at)
    assert len(world.in_katana(order)) == 1


def test_an_order_of_the_future_that_is_trashed_or_deleted_is_asked_for_no_more(
    world: World,
) -> None:
    trashed, deleted = world.order(), world.order()
    for order in (trashed, deleted):
        world.shop.edit_order(order, modified=YEAR_2099)
    sync(world)
    world.shop.trash(trashed)
    world.shop.delete_order(deleted)
    sync(world)
    assert ahead(world) == {}
    world.sync(sweep=SweepWhen.NOW)
    assert {world.state(order) for order in (trashed, deleted)} == {
        ("attention", "cancelled_in_shop")
    }


def test_the_first_import_takes_no_mark_from_the_future(unconnected: World) -> None:
    world = unconnected
    first, second = world.order(), world.order()
    world.shop.edit_order(second, modified=YEAR_2099)
    world.backfill()
    later = world.order()
    sync(world)
    assert [world.state(o)[0] for o in (first, second, later)] == ["imported"] * 3
    with Ledger.open_to_read(world.ledger) as ledger:
        known = ledger.stores.get(world.identity)
    assert known is not None
    assert known.connected_at is not None
    assert known.connected_at <= world.clock()


def test_a_shop_all_of_whose_orders_are_of_the_future(unconnected: World) -> None:
    world = unconnected
    old = world.order()
    world.shop.edit_order(old, modified=YEAR_2099)
    world.backfill()
    new = world.order()
    sync(world)
    assert [world.state(order)[0] for order in (old, new)] == ["imported"] * 2


def test_a_ledger_made_again_of_an_empty_shop_whose_clock_is_behind_has_no_mark(
    world: World,
) -> None:
    """When the order was imported is told by Katana's clock."""
    world.shop.set_clock(lambda: world.clock() - timedelta(hours=27))
    order = world.order()
    world.sync(minutes=1)
    assert world.state(order)[0] == "imported"
    world.shop.delete_order(order)
    world.lose_ledger()
    program = world.program()
    with program.context() as context:
        rebuild(context, list(program.stores.values()))
    assert mark(world) is None


@pytest.mark.parametrize("hours", [1, 5])
def test_a_clock_that_was_ahead_and_is_set_right_hides_nothing(world: World, hours: int) -> None:
    world.shop.set_clock(lambda: world.clock() + timedelta(hours=hours))
    first = world.order()
    world.sync()
    world.shop.edit_order(first, customer_note="Ring twice")
    world.sync()
    world.shop.set_clock(world.clock)
    second = world.order()
    world.sync()
    world.shop.set_status(first, "completed")
    third = world.order()
    world.sync()
    assert world.state(first)[0] == "fulfilled"
    assert [world.state(order)[0] for order in (second, third)] == ["imported"] * 2
    assert (mark(world) or YEAR_2099) <= world.clock()


@pytest.mark.parametrize("status", ["cancelled", "completed", "processing"])
def test_what_changed_at_a_time_that_was_read_is_found_by_the_sweep(
    world: World, status: str
) -> None:
    """The shop's clock was ahead, and the true time has caught up before the next cycle."""
    order = world.order()
    world.sync()
    world.shop.set_clock(lambda: world.clock() + timedelta(hours=1))
    world.shop.set_status(order, "on-hold")
    world.sync()
    world.shop.set_clock(world.clock)
    world.shop.set_status(order, status)
    world.sync(minutes=90, sweep=SweepWhen.NEVER)
    assert world.record(order).shop_status == "on-hold"
    world.sync(sweep=SweepWhen.NOW)
    assert world.record(order).shop_status == status


def test_an_idle_cycle_with_many_of_them_costs_a_request_for_each_hundred(
    world: World,
) -> None:
    sync(world)
    world.shop.add_generated_orders(400, status="on-hold")
    for number, order in enumerate(world.shop.state.orders.values()):
        order.modified = YEAR_2099 + timedelta(seconds=number)
    sync(world)
    world.reset_counts()
    sync(world)
    assert len(world.shop.server.requests) == 1 + 4
    assert not any("line_items" in r.query for r in world.shop.server.requests)
    new, changed = world.order(), max(ahead(world))
    world.shop.edit_order(changed, status="processing", modified=YEAR_2099)
    world.reset_counts()
    sync(world)
    assert world.shop.server.count("GET", "/orders") == 1 + 4 + 1
    assert {world.state(order)[0] for order in (new, changed)} == {"imported"}


def test_it_is_told_how_many_there_are(world: World, caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(3):
        world.shop.edit_order(world.order(), modified=YEAR_2099)
    world.shop.edit_order(world.order(), modified=world.clock() + timedelta(minutes=6))
    sync(world)
    sync(world)
    said = [r.getMessage() for r in caplog.records if "in the future" in r.getMessage()]
    assert len(said) == 1
    assert "3, the last at 2099-01-01 00:00 UTC" in said[0]
    finding = one(world, "eu", "modification times")
    assert "3, the last at 2099-01-01 00:00 UTC" in finding.found
    status = run(world, "status")
    assert "in the future: 3, the last at 2099-01-01 00:00 UTC" in status.output
    assert status.exit_code == 0


def test_a_ledger_whose_marks_are_in_the_future_goes_back_at_once(world: World) -> None:
    """As an earlier version left them, which believed every time that it was told."""
    order = world.order()
    world.sync()
    with Ledger.open(world.ledger) as ledger:
        record = ledger.orders.get(world.identity, order)
        assert record is not None
        ledger.orders.save([replace(record, shop_modified=YEAR_2099)])
        for name in (f"shop:{world.identity}", SALES_ORDERS):
            ledger.stores.set_cursor(name, Cursor(YEAR_2099, world.clock(), is_complete=True))
    world.shop.set_status(order, "completed")
    new = world.order()
    delivered = world.order()
    world.sync()
    world.katana.deliver(world.sales_order(delivered).id)
    world.sync()
    assert world.state(order)[0] == "fulfilled"
    assert world.state(new)[0] == "imported"
    assert world.state(delivered)[0] == "fulfilled"
    assert (mark(world) or YEAR_2099) <= world.clock()
    assert (mark(world, SALES_ORDERS) or YEAR_2099) <= world.clock()


def test_a_sales_order_of_katanas_future_hides_no_delivery(world: World) -> None:
    first, second = world.order(), world.order()
    sync(world)
    world.katana.set_clock(lambda: YEAR_2099)
    world.katana.pack(world.sales_order(first).id)
    world.katana.set_clock(world.clock)
    sync(world)
    world.katana.deliver(world.sales_order(second).id)
    sync(world)
    assert world.state(second)[0] == "fulfilled"
    assert (mark(world, SALES_ORDERS) or YEAR_2099) <= world.clock()
    world.katana.deliver(world.sales_order(first).id)
    sync(world)
    assert world.state(first)[0] == "fulfilled"


class Kept:
    """A cache before the shop that gives what it kept, with its old date, as long as it `answers`.
    A page that it does not know is the shop's."""

    def __init__(self, world: World) -> None:
        self.answers = True
        self._kept: dict[str, tuple[bytes, str]] = {}
        self._world = world
        self._handle = world.shop.server._handle
        world.shop.server._handle = self.handle
        world.shop.set_clock(world.clock)

    def handle(self, request: Request) -> Response:
        """Answer from memory where there is something."""
        key = request.path
        if request.method != "GET" or not key.endswith("/orders") or "include" in request.args:
            return self._handle(request)
        if key not in self._kept:
            date = f"{self._world.clock():%a, %d %b %Y %H:%M:%S} GMT"
            self._kept[key] = (self._handle(request).get_data(), date)
        body, date = self._kept[key]
        if not self.answers:
            return self._handle(request)
        return Response(body, headers={"Date": date}, content_type="application/json")


def test_a_cache_whose_answers_stay_behind_is_told_of_and_turns_no_mark_back(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.order()
    sync(world)
    cache = Kept(world)
    sync(world)
    before = mark(world)
    for _ in range(13):
        sync(world)
    assert mark(world) == before
    assert "a cache answers in the shop's place" in caplog.text
    finding = one(world, "eu", "cache")
    assert "a cache answers in the shop's place" in finding.found
    cache.answers = False
    new = world.order()
    sync(world)
    assert world.state(new)[0] == "imported"
    assert "no cache" in one(world, "eu", "cache").found


def test_a_clock_that_is_behind_is_no_cache(world: World) -> None:
    world.shop.set_clock(lambda: world.clock() - timedelta(hours=2))
    order = world.order()
    for _ in range(15):
        sync(world)
    assert world.state(order)[0] == "imported"
    assert "no cache" in one(world, "eu", "cache").found
    (finding,) = found(world, "eu", "clock")
    assert "2 h 0 min behind" in finding.found


def test_a_host_whose_answers_are_dated_too_early_hides_nothing(world: World) -> None:
    """Whatever is in front of the shop dates its answers, and its clock is two hours behind."""
    world.shop.server.seconds_ahead = -2 * 3600
    orders = []
    for _ in range(4):
        orders.append(world.order())
        sync(world)
    world.shop.set_status(orders[0], "completed")
    sync(world)
    assert [world.state(order)[0] for order in orders] == ["fulfilled", *["imported"] * 3]


def test_a_product_of_the_future_hides_no_other_and_is_looked_at_once(world: World) -> None:
    world.configure(stores={"eu": "sync_stock = true"})
    mug, lamp = world.mug["eu"], world.lamp["eu"]
    world.katana.add_product("Lamp", "LAMP", in_stock=Decimal(50))
    for product in (mug, lamp):
        world.shop.set_stock(product, 1)
    world.sync(minutes=20)
    world.shop.set_stock(mug, 3)
    world.shop.state.products[mug].modified = YEAR_2099
    world.sync(minutes=20)
    world.sync(minutes=20)
    world.shop.set_stock(lamp, 4)
    world.sync(minutes=20)
    products = world.shop.state.products
    assert [products[p].stock for p in (mug, lamp)] == [10_000, 50]
    assert (mark(world, f"stock:{world.identity}") or YEAR_2099) <= world.clock()


def test_an_age_makes_an_answer_older_and_hides_nothing(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    with_headers(world.shop.server, Age="7200")
    orders = []
    for _ in range(4):
        orders.append(world.order())
        sync(world)
        assert (mark(world) or LONG_AGO) <= world.clock() - HOURS
    world.shop.set_status(orders[0], "completed")
    sync(world)
    assert [world.state(order)[0] for order in orders] == ["fulfilled", *["imported"] * 3]
    assert "in the future" not in caplog.text


def test_rule_01_a_copy_older_than_what_is_known_changes_nothing(world: World) -> None:
    """A list that a cache answers; what the sweep reads past all caches is another matter."""
    order = world.order()
    world.sync()
    world.clock.tick(minutes=1)
    with world.program().context() as context:
        cached = _poll(context)
        world.shop.set_status(order, "cancelled")
        world.sync()
        apply_poll(context, context.stores["eu"], cached)
    assert world.record(order).shop_status == "cancelled"


def _poll(context: Context) -> Polled:
    """The list of changed orders, as it is now."""
    return poll(context.stores["eu"], None, None, context.clock())


def test_rule_01_an_order_is_imported_though_the_shops_clock_was_set_back(world: World) -> None:
    always = Fault(FaultKind.STATUS, "POST", "/sales_orders", status=500, times=1_000_000)
    world.katana.server.add_fault(always)
    order = world.order()
    world.sync()
    assert world.state(order)[0] != "imported"
    world.katana.server.faults.clear()
    world.shop.set_clock(lambda: world.clock() - timedelta(hours=26))
    world.shop.set_status(order, "on-hold")
    world.shop.set_status(order, "processing")
    world.shop.set_clock(world.clock)
    for _ in range(3):  # the answer to the create is waited for first
        world.sync(minutes=7)
    assert world.state(order) == ("imported", "")
