"""One order, or one store, that nothing can be done with never costs the others anything."""

from __future__ import annotations

import copy
import json
import logging
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from werkzeug.wrappers import Request, Response

from katana_woo_sync.sandbox.server import Fault, FaultKind
from tests.cli.support import run
from tests.sync.world import World

Answer = Callable[[], Response]

REFUSALS: dict[str, tuple[int, str]] = {
    "a field": (
        422,
        """{"message":"Invalid.","details":[{"path":"/customer_id",
        "message":"Customer is on hold"}]}""",
    ),
    "words": (400, '{"statusCode":400,"name":"BadRequestError","message":"Customer is on hold"}'),
    "another shape": (409, '{"error":{"message":"Customer is on hold"}}'),
    "a page": (500, "<html><body>Internal error</body></html>"),
    "nothing": (500, ""),
}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Two stores, connected with nothing in them."""
    with ExitStack() as stack:
        world = World(tmp_path, stack, names=("eu", "us"))
        world.connect()
        yield world


def refuse(world: World, order: int, kind: str) -> None:
    """Katana refuses this order, whenever it is sent."""
    status, body = REFUSALS[kind]
    handle = world.katana.server._handle
    hidden = (f'"{world.identity}"'.encode(), f'"ecommerce_order_id":"{order}"'.encode())

    def refusing(request: Request) -> Response:
        is_create = request.method == "POST" and request.path.endswith("/sales_orders")
        if is_create and all(part in request.get_data() for part in hidden):
            return Response(body, status, content_type="application/json")
        return handle(request)

    world.katana.server._handle = refusing


@pytest.mark.parametrize("kind", REFUSALS)
def test_an_order_that_katana_refuses_stops_no_other(world: World, kind: str) -> None:
    bad = world.order()
    refuse(world, bad, kind)
    before, good = world.order(), world.order(shop="us")
    world.sync()
    later = world.order()
    world.settle(6)
    assert [len(world.in_katana(o)) for o in (before, later)] == [1, 1]
    assert len(world.in_katana(good, shop="us")) == 1
    assert world.in_katana(bad) == []
    assert world.state(bad)[0] in ("failed", "attention")


@pytest.mark.parametrize("kind", ["a field", "words", "another shape"])
def test_it_is_shown_with_katanas_own_words_and_what_to_do(world: World, kind: str) -> None:
    bad = world.order()
    refuse(world, bad, kind)
    world.sync()
    shown = run(world, "status").stdout
    assert "Customer is on hold" in shown
    assert "retry" in shown


def test_it_is_tried_again_with_growing_intervals_then_waits_for_a_person(world: World) -> None:
    bad = world.order()
    refuse(world, bad, "a page")
    tries: list[datetime] = []
    for _ in range(60):
        world.reset_counts()
        world.sync(minutes=30)
        if world.katana.server.count("POST", "/sales_orders"):
            tries.append(world.clock().astimezone(UTC))
    gaps = [(b - a).total_seconds() / 60 for a, b in pairwise(tries)]
    assert len(tries) == 7
    assert gaps == sorted(gaps)
    assert gaps[-1] >= 12 * 60
    assert world.state(bad) == ("attention", "too_many_attempts")


def test_a_store_that_answers_garbage_for_days_floods_nothing(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    garbage = Fault(FaultKind.HTML, times=1_000_000)
    world.shop.server.add_fault(garbage)
    orders = []
    size = _rows(world)
    for _ in range(24):
        orders.append(world.order(shop="us"))
        world.sync(minutes=120)
    said = [r for r in caplog.records if r.getMessage().startswith("eu:")]
    assert all(len(world.in_katana(order, shop="us")) == 1 for order in orders)
    assert len(said) <= 3  # once a day
    assert _rows(world) - size < 24 * 6  # what the other store's orders are worth
    world.shop.server.faults.clear()
    world.sync()
    assert world.sync().store("eu").error is None


def _rows(world: World) -> int:
    """How many events the ledger holds."""
    with closing(sqlite3.connect(world.ledger)) as ledger:
        return int(ledger.execute("SELECT count(*) FROM history").fetchone()[0])


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["NaN", "1e400", "\x00", "\u202e", "'; DROP TABLE orders; --", "9" * 400]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)


class Poisoner:
    """Puts any JSON anywhere into what a service answers."""

    def __init__(self, handle: Callable[[Request], Response], where: int, value: object) -> None:
        self._handle, self._where, self._value = handle, where, value

    def __call__(self, request: Request) -> Response:
        """The answer, with one of its values replaced."""
        answer = self._handle(request)
        if request.method != "GET" or answer.mimetype != "application/json":
            return answer
        body = copy.deepcopy(json.loads(answer.get_data()))
        places = list(_places(body))
        if places:
            holder, key = places[self._where % len(places)]
            holder[key] = self._value  # type: ignore[index]
        answer.set_data(json.dumps(body))
        return answer


def _places(value: object) -> Iterator[tuple[list[object] | dict[str, object], int | str]]:
    if isinstance(value, dict):
        for key in value:
            yield value, key
            yield from _places(value[key])
    if isinstance(value, list):
        for index, each in enumerate(value):
            yield value, index
            yield from _places(each)


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.sampled_from(["eu", "katana"]), st.integers(0, 2000), json_values)
def test_whatever_a_service_answers_is_no_crash(
    tmp_path_factory: pytest.TempPathFactory, at: str, where: int, value: object
) -> None:
    """And once it makes sense again, all orders are there, once."""
    with ExitStack() as stack:
        world = World(tmp_path_factory.mktemp("fuzz"), stack)
        world.configure(stores={"eu": "sync_stock = true"})
        world.shop.set_stock(world.mug["eu"], 5)
        world.backfill()
        first = world.order()
        world.sync()
        server = world.katana.server if at == "katana" else world.shop.server
        healthy = server._handle
        server._handle = Poisoner(healthy, where, value)
        second = world.order()
        report = world.sync(minutes=30)
        assert "unexpected" not in str(report.store("eu").error)
        server._handle = healthy
        world.settle(4)
        for order in (first, second):
            held = [o for o in world.in_katana(order) if o.deleted_at is None]
            assert len(held) == 1 or world.state(order)[0] == "attention"
            assert len(held) <= 1
