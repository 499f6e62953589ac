"""`probe`, killed at every point where it touches the world: the next one leaves nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from datetime import timedelta
from functools import partial
from pathlib import Path
from types import MappingProxyType, NoneType

import pytest

from katana_woo_sync.clients.errors import ServiceError
from katana_woo_sync.clients.throttle import Cancelled
from katana_woo_sync.ledger import Ledger
from katana_woo_sync.sandbox.server import Fault, FaultKind
from katana_woo_sync.sync import probed
from katana_woo_sync.sync.context import Stopped
from katana_woo_sync.sync.create_once import StillUnknown
from katana_woo_sync.sync.probe import Probed, probe
from katana_woo_sync.sync.probe_records import Records
from tests.faults.points import in_a_child
from tests.sync.test_probe import EXPECTED, WAYS, left_over, tried, words
from tests.sync.world import World

EVERY = 17
WRITES = (
    "POST /customers",
    "POST /services",
    "POST /sales_orders",
    "POST /sales_order_shipping_fee",
    "PATCH /sales_orders",
    "POST /sales_order_fulfillments",
    "DELETE /sales_order_fulfillments",
    "DELETE /sales_order_shipping_fee",
    "DELETE /sales_orders",
    "DELETE /services",
    "DELETE /customers",
)


@pytest.fixture
def unprobed(tmp_path: Path) -> Iterator[World]:
    """A world whose account was not tried."""
    with ExitStack() as stack:
        yield World(tmp_path, stack)


def killed_everywhere(
    world: World,
    *,
    first: int,
    every: int,
    twice: bool = False,
    expected: Mapping[str, str] = MappingProxyType({}),
) -> int:
    """Kill a probe at every so many-th point, and run the next one: it finds out all, and nothing
    is left. Returns how many points were tried."""
    tried(world, name="probe-a")  # the account is known from then on
    points = in_a_child(partial(tried, world, name="probe-b"), 0).passed
    assert left_over(world) == []
    places = range(first, points + 1, every)
    for point in places:
        crash = in_a_child(partial(tried, world, name=f"probe-c{point}"), point)
        assert crash.killed
        if twice:
            in_a_child(partial(tried, world, name=f"probe-d{point}"), point)
        world.clock.tick(seconds=1)
        done = tried(world, name=f"probe-e{point}")
        assert done.error is None, f"point {point}"
        assert words(done) == {n: w for n, w in {**EXPECTED, **expected}.items() if w}
        nothing_is_left(world, done)
    return len(places)


def nothing_is_left(world: World, done: Probed) -> None:
    """Neither in Katana nor in the ledger."""
    assert (done.left, left_over(world)) == ([], [])
    with Ledger.open_to_read(world.ledger) as ledger:
        assert (probed.left(ledger), ledger.intents.all_open()) == ({}, [])


def test_a_probe_that_was_killed_anywhere_is_tidied_up(unprobed: World) -> None:
    assert killed_everywhere(unprobed, first=EVERY // 2, every=EVERY) > 5


def test_a_probe_that_was_killed_and_killed_again_is_tidied_up(unprobed: World) -> None:
    assert killed_everywhere(unprobed, first=EVERY, every=2 * EVERY, twice=True) > 2


@pytest.mark.parametrize(("number", "way"), [*enumerate(WAYS, start=1)])
def test_killed_on_every_kind_of_account(unprobed: World, number: int, way: str) -> None:
    """Elsewhere on each."""
    set_up, expected = WAYS[way]
    set_up(unprobed.katana)
    assert killed_everywhere(unprobed, first=5 * number, every=1000, expected=expected) == 1


@pytest.mark.sweep
def test_a_probe_that_was_killed_at_every_point_is_tidied_up(unprobed: World) -> None:
    assert killed_everywhere(unprobed, first=1, every=1) > 100


@pytest.mark.sweep
@pytest.mark.parametrize("way", WAYS)
def test_killed_at_many_points_on_every_kind_of_account(unprobed: World, way: str) -> None:
    set_up, expected = WAYS[way]
    set_up(unprobed.katana)
    assert killed_everywhere(unprobed, first=1, every=5, expected=expected) > 20


def test_a_stop_between_any_two_requests_leaves_nothing(unprobed: World) -> None:
    """Ctrl-C: what was made is deleted before the program ends."""
    tried(unprobed, name="probe-a")
    server = unprobed.katana.server
    server.reset_counts()
    tried(unprobed, name="probe-b")
    sent = len(server.requests)
    for number in range(sent):
        server.reset_counts()
        with unprobed.program().context() as context:

            def is_asked_to_stop(number: int = number) -> bool:
                return len(server.requests) >= number

            context.stopping = is_asked_to_stop
            done = probe(context, f"probe-c{number}")
        assert isinstance(done.error, (Stopped, NoneType)), number
        nothing_is_left(unprobed, done)
    assert sent > 30


def test_a_stop_while_the_quota_is_used_up_is_tidied_up_later(unprobed: World) -> None:
    """Whoever presses Ctrl-C does not wait for the next minute: the next probe deletes it."""
    tried(unprobed, name="probe-a")
    with unprobed.program().context() as context:
        server = unprobed.katana.server
        server.reset_counts()

        def none_left(_cancelled: object) -> None:
            if server.count("POST", "/sales_orders"):
                raise Cancelled

        context.katana._http._throttle.acquire = none_left  # type: ignore[method-assign, union-attr]
        done = probe(context, "probe-b")
    assert isinstance(done.error, Cancelled)
    assert [each.kind for each in done.left] == ["sales_order", "service", "customer"]
    assert {each.why for each in done.left} == {"it was stopped"}
    again = tried(unprobed, name="probe-c")
    assert words(again) == EXPECTED
    nothing_is_left(unprobed, again)


def test_what_an_answer_told_of_is_found_by_its_id(unprobed: World) -> None:
    """Lists may show an order later than anyone waits for."""
    unprobed.katana.lag_lists(timedelta(hours=1))
    crash = in_a_child(partial(tried, unprobed, name="probe-a"), 0)
    created = crash.first_sent["GET /sales_orders"]
    assert in_a_child(partial(tried, unprobed, name="probe-b"), created).killed
    assert [each.order_no for each in left_over(unprobed)[:1]] == ["probe-b"]  # type: ignore[attr-defined]
    unprobed.clock.tick(minutes=10)
    before = unprobed.clock()
    with unprobed.program().context() as context:
        records = Records(context, lambda _what: None)
        records.delete_all()
    assert (records.left, left_over(unprobed)) == ([], [])
    assert unprobed.clock() - before < timedelta(seconds=10)


@pytest.mark.parametrize("kind", [FaultKind.DROP_BEFORE, FaultKind.DROP_AFTER, FaultKind.EMPTY])
@pytest.mark.parametrize("write", WRITES)
def test_an_answer_that_is_lost_leaves_nothing(
    unprobed: World, write: str, kind: FaultKind
) -> None:
    method, path = write.split(" ")
    unprobed.katana.server.add_fault(Fault(kind, method, path))
    first = tried(unprobed, name="probe-a")
    assert isinstance(first.error, (StillUnknown, ServiceError, NoneType))
    assert [each.times for each in unprobed.katana.server.faults] == [0]
    done = tried(unprobed, name="probe-b")
    assert words(done) == EXPECTED
    nothing_is_left(unprobed, done)


def test_a_create_that_comes_late_is_deleted_too(unprobed: World) -> None:
    """Katana carries an order's create out only after the program has gone."""
    crash = in_a_child(partial(tried, unprobed, name="probe-a"), 0)
    (create,) = [
        each
        for each in unprobed.katana.server.requests
        if (each.method, each.path) == ("POST", "/v1/sales_orders") and each.status == 200
    ]
    assert not crash.killed
    unprobed.katana.server.add_fault(Fault(FaultKind.DROP_BEFORE, "POST", "/sales_orders"))
    body = create.body.replace(b"probe-a", b"probe-b")
    waits: list[float] = []

    def arrives() -> None:
        if not waits:
            unprobed.send_to_katana("POST", "/sales_orders", body)
        waits.append(1)

    unprobed.clock.before_moving = arrives
    done = tried(unprobed, name="probe-b")
    assert isinstance(done.error, StillUnknown)
    assert waits
    nothing_is_left(unprobed, done)
