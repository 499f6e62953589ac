"""docs/running.md: its configuration loads, and what it promises of copies of the ledger is so."""

from __future__ import annotations

import re
import shutil
import sqlite3
from contextlib import ExitStack, closing
from pathlib import Path

from click.testing import CliRunner

from katana_woo_sync.cli.main import cli
from katana_woo_sync.ledger import Ledger
from tests.config_samples import loaded, text
from tests.sync.world import World

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "running.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def test_the_configuration_loads(tmp_path: Path) -> None:
    notify, metrics = blocks("toml")
    found = loaded(tmp_path, text(top=notify), {"NTFY_URL": "ntfy://x", "PING_URL": "https://x/y"})
    assert len(found.notify.urls) == 2
    assert loaded(tmp_path, text(top=metrics)).report.metrics is not None


def test_files_that_the_page_names_are_there() -> None:
    for name in re.findall(r"`(cron/[\w@.-]+)`", PAGE):
        assert (ROOT / name).exists(), name


def test_an_older_copy_of_the_ledger_doubles_nothing(tmp_path: Path) -> None:
    with ExitStack() as stack:
        world = World(tmp_path, stack)
        world.connect()
        before, saved = world.order(), tmp_path / "saved.db"
        world.sync()
        Ledger.backup(world.ledger, saved)
        after = world.order()
        world.sync()
        for companion in ("", "-wal", "-shm"):
            Path(f"{world.ledger}{companion}").unlink(missing_ok=True)
        shutil.copy(saved, world.ledger)
        new = world.order()
        world.settle(4)
        assert [len(world.in_katana(order)) for order in (before, after, new)] == [1, 1, 1]


def test_an_older_program_refuses_a_newer_ledger(tmp_path: Path) -> None:
    with ExitStack() as stack:
        world = World(tmp_path, stack)
        world.connect()
        with closing(sqlite3.connect(world.ledger)) as db, db:
            db.execute(
                "INSERT INTO _sqlite_migrations (migration_set, name, applied_at) "
                "VALUES ('katana_woo_sync', 'm999_of_the_future', '2099-01-01')"
            )
        result = CliRunner().invoke(cli, ["--config", str(world.config), "sync"])
        assert result.exit_code == 2
        assert "newer version" in result.stderr
