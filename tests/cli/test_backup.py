"""`backup`: SQLite's own online backup, private, and only over what is a backup."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from katana_woo_sync.ledger import Ledger
from tests.cli.support import run, run_json, wait_until
from tests.cli.test_one_run import at_work
from tests.sync.world import World


def mode(path: Path) -> str:
    """A file's permissions."""
    return oct(path.stat().st_mode & 0o777)


def test_it_holds_what_the_ledger_holds_for_its_owner_alone(world: World, tmp_path: Path) -> None:
    order = world.order()
    run(world, "sync")
    file, before = tmp_path / "backup.db", os.umask(0)
    try:
        ended = run(world, "backup", str(file))
    finally:
        os.umask(before)
    assert ended.exit_code == 0, ended.output
    assert str(file) in ended.output
    assert mode(file) == "0o600"
    world.ledger = file
    assert world.state(order) == ("imported", "")
    assert [path.name for path in tmp_path.glob(".backup*")] == []


def test_a_later_one_replaces_it(world: World, tmp_path: Path) -> None:
    file = tmp_path / "backup.db"
    run(world, "backup", str(file))
    order = world.order()
    run(world, "sync")
    assert run_json(world, "backup", str(file))["file"] == str(file)
    with Ledger.open_to_read(file) as ledger:
        assert ledger.orders.get(world.identity, order) is not None


def test_the_program_goes_on_with_one_that_was_made_beside_a_running_cycle(
    world: World, tmp_path: Path
) -> None:
    """An older copy is safe to go on with: nothing is imported twice."""
    file = tmp_path / "backup.db"
    with at_work(world, orders=30, seconds=0.1):
        wait_until(lambda: len(world.katana.sales_orders()) >= 5)
        ended = run(world, "backup", str(file))
        assert ended.exit_code == 0, ended.output
        assert len(world.katana.sales_orders()) < 30
        Ledger.check(file)
        wait_until(lambda: len(world.katana.sales_orders()) == 30, 40)
    world.katana.server.faults.clear()
    world.lose_ledger()
    file.rename(world.ledger)
    world.settle(4)
    assert all(len(world.in_katana(order)) == 1 for order in world.shop.orders())


@pytest.mark.parametrize("name", ["ledger.db", "ledger.db-wal", "ledger.db.lock", "link"])
def test_it_never_replaces_the_ledger_or_a_file_of_its(world: World, name: str) -> None:
    (world.directory / "link").symlink_to(world.ledger)
    Path(f"{world.ledger}.lock").touch()
    inode = world.ledger.stat().st_ino
    ended = run(world, "backup", str(world.directory / name))
    assert ended.exit_code == 2
    assert "name another file" in ended.output
    assert world.ledger.stat().st_ino == inode


def test_it_never_replaces_another_file(world: World, tmp_path: Path) -> None:
    file = tmp_path / "letter.txt"
    file.write_text("Dear Anna")
    ended = run(world, "backup", str(file))
    assert ended.exit_code == 2
    assert "something else than a ledger" in ended.output
    assert file.read_text() == "Dear Anna"


def test_where_it_cannot_be_written_is_said(world: World, tmp_path: Path) -> None:
    ended = run(world, "backup", str(tmp_path / "none" / "backup.db"))
    assert ended.exit_code == 2
    assert "Name a file in a folder that exists" in ended.output


def test_a_broken_ledger_makes_no_backup(world: World, tmp_path: Path) -> None:
    world.order()
    run(world, "sync")
    file = tmp_path / "backup.db"
    run(world, "backup", str(file))
    good = file.read_bytes()
    world.ledger.write_bytes(world.ledger.read_bytes()[:9000])
    ended = run(world, "backup", str(file))
    assert ended.exit_code == 2
    assert "rebuild-ledger" in ended.output
    assert file.read_bytes() == good


def test_a_ledger_that_is_not_there_is_not_made(unconnected: World, tmp_path: Path) -> None:
    ended = run(unconnected, "backup", str(tmp_path / "backup.db"))
    assert ended.exit_code == 2
    assert "no ledger" in ended.output
    assert not unconnected.ledger.exists()
