"""`check` of this machine: clocks, what runs the program, files, the ledger."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from katana_woo_sync.domain.checks import Result
from katana_woo_sync.sync.report import ExitCode
from tests.sync.checking import ERROR, OK, WARNING, code, found, one, result
from tests.sync.world import World

# This machine


def test_a_clock_of_a_shop_that_is_off(two: World) -> None:
    assert result(two, "this machine", "clock") is OK
    two.shop.server.seconds_ahead = 3 * 3600
    finding = one(two, "eu", "clock")
    assert (finding.result, "3 h 0 min ahead" in finding.found) == (WARNING, True)
    assert found(two, "us", "clock") == []


def test_a_clock_of_ours_that_is_off(world: World) -> None:
    for server in (world.shop.server, world.katana.server):
        server.seconds_ahead = -3600
    finding = one(world, "this machine", "clock")
    assert finding.result is WARNING
    assert "ahead of everybody else's" in finding.found


def test_nothing_that_runs_the_program(world: World) -> None:
    tested = "schedule"
    world.sync()
    assert result(world, "this machine", tested) is OK
    world.clock.tick(days=3)
    finding = one(world, "this machine", tested)
    assert (finding.result, "3 days" in finding.found) == (ERROR, True)


def test_no_cycle_is_missed_before_the_first_import(unconnected: World) -> None:
    assert result(unconnected, "this machine", "schedule") is OK


@pytest.mark.parametrize(("mode", "expected"), [(0o600, OK), (0o644, WARNING)])
def test_a_config_with_keys_that_others_may_read(world: World, mode: int, expected: Result) -> None:
    world.config.chmod(mode)
    finding = one(world, "config", "file permissions")
    assert finding.result is expected
    assert ("chmod 600" in finding.remedy) is (expected is WARNING)


# The ledger


def test_a_ledger_of_a_newer_program(world: World) -> None:
    assert result(world, "ledger", "can be used") is OK
    with closing(sqlite3.connect(world.ledger)) as ledger, ledger:
        ledger.execute(
            "INSERT INTO _sqlite_migrations (migration_set, name, applied_at) "
            "VALUES ('katana_woo_sync', 'm999_later', '')"
        )
    finding = one(world, "ledger", "can be used")
    assert finding.result is ERROR
    assert "newer version" in finding.found
    assert result(world, "eu", "write permission") is OK


def test_a_ledger_that_is_broken(world: World) -> None:
    world.ledger.write_bytes(b"SQLite format 3\0" + b"garbage" * 1000)
    finding = one(world, "ledger", "can be used")
    assert finding.result is ERROR
    assert "rebuild-ledger" in finding.remedy


def test_a_ledger_that_is_still_to_be_made(unconnected: World) -> None:
    assert result(unconnected, "ledger", "can be used") is OK
    assert not unconnected.ledger.exists()


def test_a_ledger_whose_folder_is_not_there(world: World, tmp_path: Path) -> None:
    world.ledger = tmp_path / "nowhere" / "ledger.db"
    world.configure()
    finding = one(world, "ledger", "can be used")
    assert finding.result is ERROR
    assert "mkdir" in finding.remedy


def test_a_ledger_of_another_account(world: World) -> None:
    world.order()
    world.sync()
    assert found(world, "Katana", "account") == []
    with closing(sqlite3.connect(world.ledger)) as ledger, ledger:
        ledger.execute("UPDATE locations SET id = id + 1000")
    assert result(world, "Katana", "account") is ERROR
    assert code(world) is ExitCode.USAGE
