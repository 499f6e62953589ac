"""One run at a time holds the lock, from its beginning to its end. What people ask for meanwhile is
taken up by the run at work."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta

import pytest
from filelock import FileLock
from werkzeug.wrappers import Request, Response

from katana_woo_sync.cli.cycles import Cycles
from katana_woo_sync.ledger import Ledger
from katana_woo_sync.ledger.sqlite import time_text
from katana_woo_sync.sandbox.server import Fault, FaultKind
from katana_woo_sync.sync.context import AT_WORK
from katana_woo_sync.sync.cycle import Options
from katana_woo_sync.sync.lock import LockHeld
from tests.cli.support import run, run_json, start, wait_until
from tests.listening import Listener
from tests.sync.world import World


@contextmanager
def at_work(
    world: World, *, orders: int = 40, seconds: float = 0.5
) -> Iterator[subprocess.Popen[str]]:
    """A `sync` in a process of its own, with a backlog that takes it a while."""
    for _ in range(orders):
        world.order()
    world.katana.server.add_fault(
        Fault(FaultKind.DELAY_AFTER, "POST", "/sales_orders", seconds=seconds, times=10_000)
    )
    before = world.katana.server.count("POST", "/sales_orders")
    sync = start(world, "sync")
    try:
        wait_until(lambda: world.katana.server.count("POST", "/sales_orders") > before)
        yield sync
    finally:
        with suppress(ProcessLookupError):
            sync.kill()
        sync.communicate()


def test_another_sync_leaves_at_once_and_says_so(world: World) -> None:
    with FileLock(f"{world.ledger}.lock"):
        ended = run(world, "sync")
    assert ended.exit_code == 75
    assert "Another run of katana-woo-sync is at work" in ended.output


def test_a_quiet_one_says_nothing_and_pings_nobody(world: World) -> None:
    with Listener() as ear, FileLock(f"{world.ledger}.lock"):
        world.configure(top=f'[notify]\nping_url = "{ear.ping_url}"')
        ended = run(world, "-q", "sync")
        assert (ended.exit_code, ended.output) == (75, "")
        assert ear.requests == []


def test_a_run_that_does_not_get_on_is_said_aloud(world: World) -> None:
    run(world, "sync")
    with Ledger.open(world.ledger) as ledger:
        ledger.stores.set_meta(AT_WORK, time_text(world.clock() - timedelta(minutes=40)) or "")
    with FileLock(f"{world.ledger}.lock"):
        for quiet in ((), ("-q",)):
            ended = run(world, *quiet, "sync")
            assert ended.exit_code == 75
            assert "has not got on for 40 minutes" in ended.output


def test_a_retry_is_handed_over_to_the_run_at_work(world: World) -> None:
    refused = world.order()
    fault = Fault(FaultKind.STATUS, "POST", "/sales_orders", status=422, body="{}", times=1)
    world.katana.server.add_fault(fault)
    run(world, "sync")
    assert world.state(refused) == ("attention", "refused_by_katana")
    with at_work(world):
        ended = run(world, "retry", "eu", str(refused))
        assert ended.exit_code == 0, ended.output
        assert "It takes the orders up within some minutes." in ended.output
        wait_until(lambda: len(world.in_katana(refused)) == 1)
        assert len(world.in_katana(refused)) == 1


def test_an_order_is_ignored_while_a_run_is_at_work(world: World) -> None:
    with at_work(world):
        last = max(world.shop.orders())
        number = str(world.shop.order(last)["number"])
        assert run(world, "ignore", "eu", number).exit_code == 0
        assert world.state(last) == ("ignored", "")
    world.katana.server.faults.clear()
    assert run(world, "sync").exit_code == 0
    assert world.in_katana(last) == []


def test_completions_that_are_accepted_meanwhile_are_done_by_the_run_at_work(
    world: World,
) -> None:
    delivered = [world.order() for _ in range(12)]
    run(world, "sync")
    for order in delivered:
        world.katana.deliver(world.sales_order(order).id)
    with at_work(world, orders=40):
        said = run_json(world, "sync", "--accept-completions")
        assert said == {"handed_over": True}
        wait_until(lambda: all(world.completions(order) == 1 for order in delivered), 40)


def test_a_backfill_has_the_run_at_work_make_room(world: World) -> None:
    with at_work(world, orders=70, seconds=0.2) as sync:
        ended = run(world, "backfill", "--yes")
        assert ended.exit_code == 0, ended.output
        assert "asked to make room" in ended.output
        _out, words = sync.communicate(timeout=60)
        assert sync.returncode == 0, words
    assert world.katana.contract_violations == []
    assert all(len(world.in_katana(order)) == 1 for order in world.shop.orders())


def test_a_long_cycle_goes_on_pinging(world: World) -> None:
    """A monitor that hears nothing for a while raises an alarm."""
    with Listener() as ear:
        world.configure(
            top=f'[notify]\nping_url = "{ear.ping_url}"\n[schedule]\norders = "1m"',
            katana="requests_per_minute = 60",
        )
        for _ in range(5):
            world.order()
        handle = world.katana.server._handle

        def slowly(request: Request) -> Response:
            world.clock.tick(seconds=20)
            return handle(request)

        world.katana.server._handle = slowly
        program = world.program()
        Cycles(program).work(program.chosen(None), Options())
        assert ear.pings[:3] == ["/start", "", "/start"]
        assert ear.pings[-1] == ""


def test_a_cycle_in_a_cycle_is_the_same_run(world: World) -> None:
    program = world.program()
    with program.context() as context, context.only_run(), context.only_run():
        other = world.program()
        with other.context() as late, pytest.raises(LockHeld), late.only_run():
            pass
    world.sync()
