"""Odd hosts through whole cycles: what is found out is remembered, and a person is told."""

from __future__ import annotations

import logging
from datetime import timedelta

import pytest
from msgspec.structs import replace
from werkzeug.wrappers import Request, Response

from katana_woo_sync.clients.connection import Connection
from katana_woo_sync.sandbox.server import Fault, FaultKind
from katana_woo_sync.sync.cycle import SweepWhen
from katana_woo_sync.sync.hosts import look_again, warn_of_clocks
from tests.sync.world import World


def said(caplog: pytest.LogCaptureFixture) -> str:
    """All warnings."""
    return "\n".join(r.getMessage() for r in caplog.records if r.levelno >= logging.WARNING)


def test_how_a_store_is_reached_is_found_out_once(world: World) -> None:
    world.shop.app.permalinks = "index"
    order = world.order()
    world.sync()
    assert world.state(order)[0] == "imported"
    world.reset_counts()
    world.sync()
    assert len(world.shop.server.requests) == 1


def test_what_was_found_out_is_forgotten_when_it_no_longer_holds(world: World) -> None:
    world.shop.app.permalinks = "index"
    world.sync()
    world.shop.app.permalinks = "pretty"
    order = world.order()
    world.sync()
    assert world.state(order)[0] == "imported"
    world.reset_counts()
    world.sync()
    assert len(world.shop.server.requests) == 1


def test_the_header_is_tried_again_once_a_day(world: World) -> None:
    """A key in the query stands in the host's access log."""
    with world.program().context() as context:
        store = context.stores["eu"]
        for hours, is_tried in ((0, True), (1, False), (24, True)):
            store.shop.connection = Connection(key_in_query=True)
            look_again(context.ledger, [store], world.clock() + timedelta(hours=hours))
            assert store.shop.connection.key_in_query is not is_tried


def test_a_status_of_a_removed_plugin_stops_no_sweep(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.shop.add_status("packed")
    world.configure(stores={"eu": 'import_statuses = ["processing", "packed"]'})
    packed = world.order(status="packed")
    world.sync()
    assert world.state(packed)[0] == "imported"
    world.shop.remove_status("packed")
    order = world.order()
    report = world.sync(sweep=SweepWhen.NOW)
    assert report.store("eu").error is None
    assert world.state(order)[0] == "imported"
    assert "does not know the status 'packed'" in said(caplog)
    assert "import_statuses" in said(caplog)


def test_one_order_that_breaks_every_list_stops_no_store(world: World) -> None:
    good, bad, later = world.order(), world.order(), world.order()
    world.shop.app.broken_orders.add(bad)
    world.sync()
    assert [world.state(order)[0] for order in (good, later)] == ["imported"] * 2
    world.sync(sweep=SweepWhen.NOW)
    world.shop.app.broken_orders.clear()
    world.sync(sweep=SweepWhen.NOW)
    assert world.state(bad)[0] == "imported"


def test_an_order_that_breaks_the_shop_once_it_is_queued(world: World) -> None:
    with world.down(world.katana.server):
        good, bad = world.order(), world.order()
        world.sync()
    world.shop.app.broken_orders.add(bad)
    world.sync(minutes=10)
    assert world.state(good)[0] == "imported"
    assert world.state(bad) == ("attention", "unreadable")
    world.shop.app.broken_orders.clear()
    world.sync(minutes=61)
    assert world.state(bad)[0] == "imported"


def test_a_cache_that_answers_in_the_shops_place_is_told_of(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    order = world.order()
    stale = Cache(world)
    world.sync(sweep=SweepWhen.NOW)
    world.katana.deliver(world.sales_order(order).id)
    world.sync()
    assert world.status(order) == "completed"
    stale.answers = True
    world.sync(minutes=25 * 60)
    assert "cache" in said(caplog)
    assert world.completions(order) == 1
    assert world.record(order).shop_status == "completed"


class Cache:
    """A cache before the shop: once it `answers`, it gives each list as it was when it was asked
    for first."""

    def __init__(self, world: World) -> None:
        self.answers = False
        self._handle = world.shop.server._handle
        self._kept: dict[str, bytes] = {}
        world.shop.server._handle = self.handle

    def handle(self, request: Request) -> Response:
        """Answer from memory where there is something."""
        asked = [(k, v) for k, v in request.args.items() if not k.startswith("oauth_")]
        key = f"{request.path} {asked}"
        is_list = request.method == "GET" and request.path.endswith("/orders")
        if self.answers and is_list and key in self._kept:
            return Response(self._kept[key], content_type="application/json")
        answer = self._handle(request)
        if is_list:
            self._kept.setdefault(key, answer.get_data())
        return answer


def test_a_slow_host_is_asked_for_smaller_pages(world: World) -> None:
    world.shop.add_generated_orders(60)
    slow = Fault(FaultKind.STATUS, "GET", "/wc/v3/orders", status=504, times=1)
    world.shop.server.add_fault(slow)
    assert world.sync().store("eu").error is None


class Skewed:
    """A service, or a store of it, whose clock is off by so much."""

    name = "eu"

    def __init__(self, minutes: int) -> None:
        self.clock_skew = timedelta(minutes=minutes)

    @property
    def shop(self) -> Skewed:
        """The store's own clock."""
        return self


@pytest.mark.parametrize(
    ("katana", "shop", "words"),
    [
        (0, 0, ""),
        (0, 180, "eu: its clock is 3 h 0 min ahead of this machine's"),
        (120, 121, "this machine's clock is 2 h 1 min behind everybody else's"),
    ],
)
def test_clocks_that_are_off_are_named_once_a_day(
    world: World, caplog: pytest.LogCaptureFixture, katana: int, shop: int, words: str
) -> None:
    with world.program().context() as context:
        skewed = replace(context, katana=Skewed(katana), stores={"eu": Skewed(shop)})
        warn_of_clocks(skewed)
        assert words in said(caplog)
        assert bool(said(caplog)) is bool(words)
        caplog.clear()
        warn_of_clocks(skewed)
        assert said(caplog) == ""
