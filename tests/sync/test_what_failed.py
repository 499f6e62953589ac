"""What could not be done in a cycle is told by that cycle, whatever is done about it later."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from katana_woo_sync.domain.reasons import Reason
from katana_woo_sync.sandbox.server import Fault, FaultKind, SandboxServer
from katana_woo_sync.sync.report import ExitCode, Report
from tests.sync.test_lost_answers import rich_order
from tests.sync.world import World


def delivered(world: World) -> int:
    """An order that Katana has delivered and the shop is to complete."""
    order = world.order()
    world.sync()
    world.katana.deliver(world.sales_order(order).id)
    return order


def completed(world: World) -> int:
    """An order that the shop has completed and Katana is to deliver."""
    order = world.order()
    world.sync()
    world.shop.set_status(order, "completed")
    return order


def imported_with_fee(world: World) -> int:
    """An order that is about to be imported with a shipping fee."""
    return rich_order(world)


def always(server: SandboxServer, method: str, path: str) -> None:
    """From now on the server answers 500 to these."""
    server.add_fault(Fault(FaultKind.STATUS, method, path, status=500, times=1_000_000))


def told(report: Report) -> list[tuple[str, str]]:
    """The state and reason of each problem that a cycle tells of."""
    return [(str(problem.state), problem.reason) for problem in report.problems]


@pytest.mark.parametrize(
    ("place", "of_katana", "method", "path", "reason"),
    [
        (delivered, False, "PUT", "/orders/", Reason.TEMPORARY),
        (completed, True, "PATCH", "/sales_orders/", Reason.TEMPORARY),
        (imported_with_fee, True, "POST", "/sales_order_shipping_fee", Reason.SHIPPING_FEE_MISSING),
    ],
)
def test_what_is_answered_with_500_fails_in_the_eyes_of_everybody(
    world: World,
    place: Callable[[World], int],
    of_katana: bool,
    method: str,
    path: str,
    reason: Reason,
) -> None:
    order = place(world)
    server = world.katana.server if of_katana else world.shop.server
    always(server, method, path)
    for _ in range(3):  # whether it was tried or its next attempt has not come
        report = world.sync(minutes=1)
        assert told(report) == [("failed", reason)]
        assert (report.store("eu").failed, report.store("eu").attention) == (1, 0)
        assert report.exit_code == ExitCode.PROBLEMS
        assert world.state(order) == ("failed", reason)
    assert world.record(order).attempts < 3
    server.faults.clear()
    report = world.settle()
    assert (told(report), report.exit_code) == ([], ExitCode.DONE)
    assert world.state(order)[1] == ""


def test_a_fee_that_fails_holds_up_no_delivery_and_is_told_until_it_is_there(world: World) -> None:
    order = rich_order(world)
    always(world.katana.server, "POST", "/sales_order_shipping_fee")
    world.sync()
    world.katana.deliver(world.sales_order(order).id)
    for _ in range(3):
        report = world.sync()
        assert told(report) == [("failed", Reason.SHIPPING_FEE_MISSING)]
    assert world.status(order) == "completed"
    world.katana.server.faults.clear()
    report = world.settle()
    assert (world.state(order), told(report)) == (("fulfilled", ""), [])
    assert len(world.katana.shipping_fees(world.sales_order(order).id)) == 1


def test_a_note_that_fails_is_told_and_holds_up_nothing(world: World) -> None:
    world.configure(top="[orders]\nimport_note = true")
    always(world.shop.server, "POST", "/notes")
    order = world.order()
    for _ in range(2):
        report = world.sync()
        (problem,) = report.problems
        assert (str(problem.state), problem.reason) == ("imported", Reason.NOTE_FAILED)
        assert "import note: " in problem.detail
        assert (report.store("eu").failed, report.exit_code) == (1, ExitCode.PROBLEMS)
    world.katana.deliver(world.sales_order(order).id)
    report = world.sync()
    assert world.status(order) == "completed"
    assert told(report) == [("fulfilled", Reason.NOTE_FAILED)]
    world.shop.server.faults.clear()
    report = world.settle(4)
    assert (told(report), world.state(order)) == ([], ("fulfilled", ""))
    written = [note.note for note in world.shop.state.orders[order].notes]
    assert sum("In Katana as" in note for note in written) == 1


def test_a_note_that_is_given_up_is_a_note_of_the_order(world: World) -> None:
    world.configure(top="[orders]\nimport_note = true")
    always(world.shop.server, "POST", "/notes")
    order = world.order()
    world.sync()
    for _ in range(8):
        world.sync(minutes=13 * 60)
    report = world.sync()
    assert told(report) == []
    assert Reason.NOTE_NOT_WRITTEN in world.notes(order)


def test_a_note_that_the_shop_refuses_is_a_note_of_the_order(world: World) -> None:
    world.configure(top="[orders]\nimport_note = true")
    refusal = Fault(
        FaultKind.STATUS, "POST", "/notes", status=400, body='{"code":"x","message":"no"}'
    )
    world.shop.server.add_fault(refusal)
    order = world.order()
    report = world.sync()
    assert told(report) == []
    assert world.notes(order) == [Reason.NOTE_NOT_WRITTEN]


@pytest.mark.parametrize("path", ["/sales_orders", "/customers", "/sales_order_shipping_fee"])
def test_an_answer_that_was_lost_is_told_until_it_is_known_what_became_of_it(
    world: World, path: str
) -> None:
    order = rich_order(world)
    world.katana.server.add_fault(Fault(FaultKind.DROP_AFTER, "POST", f"/v1{path}"))
    report = world.sync(minutes=1)
    assert report.exit_code == ExitCode.PROBLEMS
    assert report.store("eu").failed == 1
    (problem,) = report.problems
    assert problem.order_id == order
    assert problem.next_attempt_at is not None
    report = world.settle(3)
    assert (told(report), world.state(order)) == ([], ("imported", ""))
    assert len(world.in_katana(order)) == 1
