"""The commands tell: the monitor around each cycle, people after it; `notify-test`."""

from __future__ import annotations

import signal
import sqlite3
import sys
import time
from collections.abc import Iterator
from contextlib import closing

import pytest
from filelock import FileLock

from katana_woo_sync.clients import messenger, ping
from katana_woo_sync.sandbox.server import DRIPPED, Fault, FaultKind
from katana_woo_sync.sandbox.woocommerce import Item
from tests.cli.support import run, start_anew, wait_until
from tests.listening import TOKEN, Listener
from tests.sync.world import ANNA, World


@pytest.fixture
def ear() -> Iterator[Listener]:
    with Listener() as listener:
        yield listener


def configure(world: World, ear: Listener, more: str = "") -> None:
    world.configure(
        top="[orders]\ncreate_products = false\n[notify]\n"
        f'urls = ["{ear.notify_url}"]\nping_url = "{ear.ping_url}"\n{more}'
    )


def test_sync_pings_start_and_success(world: World, ear: Listener) -> None:
    configure(world, ear)
    assert run(world, "sync").exit_code == 0
    assert ear.pings == ["/start", ""]
    assert ear.messages == []


def test_an_order_that_needs_a_person_is_told_to_people_and_no_failure_to_the_monitor(
    world: World, ear: Listener
) -> None:
    configure(world, ear)
    world.shop.place_order([Item(world.lamp["eu"], 1)], billing=ANNA)
    for _ in range(2):
        assert run(world, "sync").exit_code == 1
    assert ear.pings == ["/start", ""] * 2
    assert [title for title, _ in ear.messages] == ["katana-woo-sync: 1 order needs you"]


def test_a_store_of_several_that_fails_is_a_failure_to_the_monitor(
    two: World, ear: Listener
) -> None:
    configure(two, ear)
    two.shops["us"].server.add_fault(Fault(FaultKind.STATUS, status=404, times=99))
    assert run(two, "sync").exit_code == 1
    assert ear.pings == ["/start", "/1"]


def test_katanas_refusal_is_pinged_with_its_exit_code(world: World, ear: Listener) -> None:
    configure(world, ear)
    world.katana.server.add_fault(Fault(FaultKind.STATUS, status=401, times=99))
    assert run(world, "sync").exit_code == 2
    assert ear.pings == ["/start", "/2"]


def test_a_ledger_that_cannot_be_used_is_pinged(world: World, ear: Listener) -> None:
    configure(world, ear)
    world.ledger.write_bytes(b"no database" * 100)
    assert run(world, "sync").exit_code == 2
    assert ear.pings == ["/start", "/2"]


def test_a_dry_run_pings_nobody(world: World, ear: Listener) -> None:
    configure(world, ear)
    assert run(world, "sync", "--dry-run").exit_code == 0
    assert ear.requests == []


def test_a_monitor_that_is_down_changes_no_exit_code_and_shows_no_secret(
    world: World, ear: Listener
) -> None:
    configure(world, ear)
    ear.stop()
    result = run(world, "sync")
    assert result.exit_code == 0
    assert "notify.ping_url: the monitor was not told" in result.stderr
    assert TOKEN not in result.output
    assert "monitor" not in run(world, "-q", "sync").output


@pytest.mark.parametrize("kind", DRIPPED)
def test_a_monitor_that_drips_holds_up_no_order(
    world: World, ear: Listener, monkeypatch: pytest.MonkeyPatch, kind: FaultKind
) -> None:
    monkeypatch.setattr(ping, "TIMEOUT", 0.5)
    configure(world, ear)
    ear.add_fault(Fault(kind, "GET", times=9, seconds=0.03))
    order = world.order()
    began = time.monotonic()
    assert run(world, "sync").exit_code == 0
    assert time.monotonic() - began < 5
    assert len(world.in_katana(order)) == 1


def test_a_monitor_is_told_while_the_cycle_goes_on(
    world: World, ear: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(world, ear)
    ear.add_fault(Fault(FaultKind.DELAY, path="/start", seconds=1))
    imported: list[bool] = []
    ear.on_ping = lambda: imported.append(world.katana.server.count("POST", "/sales_orders") > 0)
    world.order()
    assert run(world, "sync").exit_code == 0
    assert ear.pings == ["/start", ""]
    assert imported == [True, True]  # it was answered after the cycle had done its work


@pytest.mark.parametrize("kind", [FaultKind.DRIP_HEAD, FaultKind.DRIP_BODY])
def test_a_message_that_is_taken_without_end_ends(
    world: World, ear: Listener, monkeypatch: pytest.MonkeyPatch, kind: FaultKind
) -> None:
    monkeypatch.setattr(messenger, "LONGEST", 0.5)
    configure(world, ear)
    ear.add_fault(Fault(kind, "POST", times=1, seconds=0.03))
    world.shop.place_order([Item(world.lamp["eu"], 1)], billing=ANNA)
    began = time.monotonic()
    result = run(world, "sync")
    assert time.monotonic() - began < 5
    assert result.exit_code == 1
    assert "the message was not delivered: it took longer than" in result.stderr
    ear.stop()  # which ends the drip
    assert run(world, "-q", "sync").exit_code == 1


def test_run_pings_and_tells(world: World, ear: Listener) -> None:
    configure(world, ear)
    world.shop.place_order([Item(world.lamp["eu"], 1)], billing=ANNA)
    process = start_anew(world, "run")
    wait_until(lambda: len(ear.messages) == 1 and ear.pings == ["/start", ""])
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)
    assert process.returncode == 0
    assert ear.pings == ["/start", ""]


def test_run_pings_what_no_later_cycle_can_mend(world: World, ear: Listener) -> None:
    configure(world, ear)
    with closing(sqlite3.connect(world.ledger)) as db, db:
        db.execute("UPDATE locations SET id = id + 1000000")  # another account's
        db.execute("UPDATE meta SET value = '' WHERE key = 'katana_key'")
    process = start_anew(world, "run")
    process.communicate(timeout=30)
    assert process.returncode == 2
    assert ear.pings == ["/start", "/2"]


def test_notify_test_reaches_everybody(world: World, ear: Listener) -> None:
    configure(world, ear)
    result = run(world, "notify-test")
    assert result.exit_code == 0
    assert result.stdout == "notify.urls[0] (json): delivered\nnotify.ping_url: delivered\n"
    assert [title for title, _ in ear.messages] == ["katana-woo-sync: a test"]
    assert ear.pings == ["/start", ""]


def test_notify_test_says_who_was_not_reached_and_why(world: World, ear: Listener) -> None:
    configure(world, ear)
    ear.add_fault(Fault(FaultKind.STATUS, "POST", status=403, times=9))
    result = run(world, "notify-test")
    assert result.exit_code == 1
    assert "notify.urls[0] (json): NOT DELIVERED: " in result.stdout
    assert "403" in result.stdout
    assert TOKEN not in result.output


def test_notify_test_without_anybody_to_tell(world: World) -> None:
    result = run(world, "notify-test")
    assert result.exit_code == 2
    assert "neither urls nor ping_url" in result.stderr


def test_notify_test_needs_neither_lock_nor_ledger(unconnected: World, ear: Listener) -> None:
    configure(unconnected, ear)
    with FileLock(f"{unconnected.ledger}.lock"):
        assert run(unconnected, "notify-test").exit_code == 0
    assert not unconnected.ledger.exists()


def test_without_apprise_the_command_that_installs_it_is_named(
    world: World, ear: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(world, ear)
    monkeypatch.setitem(sys.modules, "apprise", None)
    result = run(world, "sync")
    assert result.exit_code == 2
    assert "notify.urls: needs the package apprise" in result.stderr
    assert 'pip install "katana-woo-sync[notify]"' in result.stderr
    assert TOKEN not in result.output


def test_without_urls_apprise_is_not_needed(
    world: World, ear: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.configure(top=f'[notify]\nping_url = "{ear.ping_url}"')
    monkeypatch.setitem(sys.modules, "apprise", None)
    assert run(world, "sync").exit_code == 0
    assert ear.pings == ["/start", ""]
