"""What a quiet run prints: news, once, and again every day."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from katana_woo_sync.cli.news import News, Shown, news
from katana_woo_sync.domain.order_record import State
from katana_woo_sync.sandbox.server import Fault, FaultKind
from katana_woo_sync.sync.report import Problem, Report
from tests.cli.support import run
from tests.sync.world import World

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
MINUTES = timedelta(minutes=5)


def report(
    *reasons: str, error: str = "", katana: str = "", stores: tuple[str, ...] = ("eu",)
) -> Report:
    """A report of one order with each of these reasons."""
    made = Report(NOW, katana_error=katana or None)
    for name in stores:
        made.store(name).error = error or None
    made.problems = [
        Problem("eu", number, str(number), State.FAILED, reason, "", None)
        for number, reason in enumerate(reasons, start=1)
    ]
    return made


def said(told: News) -> tuple[list[str], list[str], list[str]]:
    """Who is told of: stores, orders, and those who are well again."""
    return list(told.errors), [p.order_number for p in told.problems], told.ended


def test_a_trouble_is_printed_when_new_when_changed_when_it_ends_and_once_a_day() -> None:
    shown: dict[str, Shown] = {}

    def after(made: Report, now: datetime) -> tuple[list[str], list[str], list[str]]:
        nonlocal shown
        told, shown = news(made, shown, now)
        return said(told)

    assert after(report("temporary"), NOW) == ([], ["1"], [])
    for n in range(1, 288):
        assert after(report("temporary"), NOW + n * MINUTES) == ([], [], [])
    tomorrow = NOW + timedelta(days=1)
    assert after(report("temporary"), tomorrow) == ([], ["1"], [])
    assert after(report("temporary"), tomorrow + MINUTES) == ([], [], [])
    assert after(report("too_many_attempts", "temporary"), tomorrow + MINUTES) == (
        [],
        ["1", "2"],
        [],
    )
    assert after(report("too_many_attempts"), tomorrow + MINUTES) == ([], [], ["eu: order 2"])
    assert after(report(), tomorrow + MINUTES) == ([], [], ["eu: order 1"])
    assert after(report(), tomorrow + MINUTES) == ([], [], [])
    assert shown == {}


def test_what_a_run_did_not_look_at_has_not_ended() -> None:
    _told, shown = news(report("temporary", error="down"), {}, NOW)
    told, same = news(report(stores=("us",)), shown, NOW)
    assert (said(told), same) == (([], [], []), shown)
    told, still = news(report("temporary", katana="Katana: down"), shown, NOW)
    assert said(told) == (["Katana"], [], [])
    assert set(still) == {"eu/", "eu/1", "Katana/"}
    told, shown = news(report("temporary"), still, NOW)
    assert said(told) == ([], [], ["eu", "Katana"])


def test_a_clock_that_was_set_back_silences_nothing_for_long() -> None:
    _told, shown = news(report("temporary"), {}, NOW + timedelta(days=400))
    told, shown = news(report("temporary"), shown, NOW)
    assert said(told) == ([], ["1"], [])


def test_quiet_runs_of_cron_print_only_what_is_new(world: World) -> None:
    order = world.order()
    assert run(world, "-q", "sync").output == ""
    world.katana.deliver(world.sales_order(order).id)
    world.shop.server.add_fault(Fault(FaultKind.STATUS, "PUT", "/orders/", status=500, times=9))
    first = run(world, "-q", "sync")
    assert first.exit_code == 1
    assert f"eu: order {order} failed (temporary)" in first.stdout
    again = run(world, "-q", "sync")
    assert (again.exit_code, again.stdout) == (1, "")
    status = run(world, "status")
    assert status.exit_code == 1
    assert f"eu: order {order} failed (temporary)" in status.stdout
    loud = run(world, "sync")
    assert "eu: 1 failed" in loud.stdout
    world.shop.server.faults.clear()
    retried = run(world, "-q", "retry", "eu", str(order))
    assert (retried.exit_code, retried.stdout) == (0, f"eu: order {order}: no longer a problem\n")
    assert world.status(order) == "completed"
