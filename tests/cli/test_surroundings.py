"""What a machine may lack: an output that takes anything, a folder, a home, a user's name."""

from __future__ import annotations

import os
import pwd
import signal
import stat
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

import pytest
from filelock import FileLock

from katana_woo_sync.sandbox.server import Fault, FaultKind
from tests.cli.support import ROOT, run, start, wait_until
from tests.forked import forked
from tests.sync.world import World

FULL = Path("/dev/full")
needs_full = pytest.mark.skipif(not FULL.exists(), reason="this system has no /dev/full")


def shell(world: World, command: str, where: str = "") -> subprocess.CompletedProcess[str]:
    """Run the program in a shell, with what follows it there."""
    program = f"{sys.executable} -m katana_woo_sync --config {world.config} {command} {where}"
    return subprocess.run(
        ["/bin/sh", "-c", program],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


WHERE: Mapping[str, Mapping[int, str | None]] = {
    ">/dev/full": {1: "/dev/full"},
    ">&-": {1: None},
    "2>/dev/full": {2: "/dev/full"},
    ">/dev/full 2>&1": {1: "/dev/full", 2: "/dev/full"},
    "2>&-": {2: None},
}
"""The file, if any, that a shell gives the program as each descriptor."""


def in_a_fork(world: World, command: str, where: str) -> subprocess.CompletedProcess[str]:
    """What `shell` does, without loading Python and the program anew."""

    def redirect() -> None:
        for number, file in WHERE[where].items():
            os.close(number)
            if file is not None:
                os.dup2(os.open(file, os.O_WRONLY), number)

    return subprocess.run(
        ["katana-woo-sync"],
        preexec_fn=forked(["--config", str(world.config), *command.split()], os.environ, redirect),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@needs_full
@pytest.mark.parametrize("command", ["backfill --yes", "backfill --yes --json", "sync", "-q sync"])
@pytest.mark.parametrize("where", WHERE)
def test_a_full_or_closed_output_stops_no_work(
    unconnected: World, command: str, where: str
) -> None:
    order = unconnected.order()
    if "sync" in command:
        unconnected.connect()
        order = unconnected.order()
    ended = (shell if command == "sync" else in_a_fork)(unconnected, command, where)
    assert len(unconnected.in_katana(order)) == 1
    prints = "2>" not in where.split(" ", maxsplit=1)[0] and command != "-q sync"
    assert ended.returncode == (1 if prints else 0)
    assert ("Standard output could not be written" in ended.stderr) == (
        prints and "2>" not in where
    )
    assert "Traceback" not in ended.stderr


@needs_full
def test_what_else_writes_does_its_work_too(world: World) -> None:
    order = world.order()
    world.sync()
    assert in_a_fork(world, "orders", ">/dev/full").returncode == 1
    assert in_a_fork(world, f"report --output {world.directory}/page.html", ">&-").returncode == 1
    assert (world.directory / "page.html").exists()
    assert in_a_fork(world, f"retry eu id:{order}", ">/dev/full").returncode == 1
    assert in_a_fork(world, "rebuild-ledger --yes", ">/dev/full").returncode in (1, 2)
    assert in_a_fork(world, "status", ">/dev/full").returncode == 1


def test_a_reader_that_leaves_stops_no_work(world: World) -> None:
    order = world.order()
    ended = shell(world, "sync", "| true")
    assert len(world.in_katana(order)) == 1
    assert "Traceback" not in ended.stderr


def test_a_closed_output_never_lands_in_the_ledger(world: World) -> None:
    """The next file that is opened gets the number of a descriptor that is closed."""
    world.order()
    for _ in range(2):
        assert "is broken" not in shell(world, "sync", "<&- >&- 2>&-").stderr
    assert run(world, "status").exit_code == 0


def test_a_stop_in_the_middle_of_a_line_is_heard(world: World) -> None:
    """The handler writes by no buffer, which would refuse to be entered twice."""
    world.katana.server.add_fault(Fault(FaultKind.DELAY, seconds=1, times=1))
    process = start(world, "run")
    wait_until(lambda: world.katana.server.in_hand > 0)
    process.send_signal(signal.SIGTERM)
    _out, words = process.communicate(timeout=30)
    assert process.returncode == 0
    assert words.count("Stopping after the step in hand; once more stops now.\n") == 1


COMMANDS = ("sync", "status", "check", "orders", "init --no-input", "retry", "completion bash")


@pytest.mark.parametrize("command", COMMANDS)
def test_a_working_folder_that_was_removed(world: World, command: str) -> None:
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "HOME": str(world.directory / "home")}

    def leave_it() -> None:
        os.mkdir("gone")
        os.chdir("gone")
        os.rmdir("../gone")

    for config in (f"--config {world.config}", "--config config.toml", ""):
        program = f"{sys.executable} -m katana_woo_sync {config} {command}"
        ended = subprocess.run(
            ["/bin/sh", "-c", f"mkdir gone && cd gone && rmdir ../gone && {program}"],
            # one of them loads Python there
            preexec_fn=None
            if command == "sync"
            else forked([*config.split(), *command.split()], environ, leave_it),
            env=environ,
            cwd=world.directory,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert "Traceback" not in ended.stderr, config
        if world.config.name in config and "init" not in command and "/" in config:
            assert ended.returncode == 0, ended.stderr
        elif command != "completion bash":
            assert ended.returncode == 2, ended.stderr
            assert "is gone" in ended.stderr + ended.stdout


def nobody(_uid: int) -> NoReturn:
    raise KeyError


@pytest.mark.parametrize("command", ["sync", "status", "check", "orders"])
def test_a_user_without_a_name_and_a_home(world: World, command: str) -> None:
    """As containers have them: a number that no passwd knows, and no HOME."""
    environ = {k: v for k, v in os.environ.items() if k != "HOME"}

    def process(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["katana-woo-sync"],
            preexec_fn=forked(
                [*arguments, command], environ, lambda: setattr(pwd, "getpwuid", nobody)
            ),
            cwd=world.directory / "..",
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    named = process("--config", str(world.config))
    assert (named.returncode, "Traceback" in named.stderr) == (0, False), named.stderr
    for arguments in ([], ["--config", "~/config.toml"]):
        looked_for = process(*arguments)
        assert looked_for.returncode == 2
        assert "HOME is not set" in looked_for.stderr + looked_for.stdout
        assert "Traceback" not in looked_for.stderr


NOBODY = """
import os, sys
from pathlib import Path
from typing import NoReturn
from katana_woo_sync.ledger import LedgerError
from katana_woo_sync.sync.lock import LedgerLock, only_run
import pwd
os.setuid(65534)
ledger = Path(sys.argv[1])
for hold in (lambda: LedgerLock(ledger).acquire(0.1), lambda: only_run(ledger).__enter__()):
    try:
        hold()
        print("held")
    except LedgerError as error:
        print(error.for_later, error)
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another user")
def test_a_lock_file_of_another_user_is_said_with_what_to_do(tmp_path: Path) -> None:
    for folder in (tmp_path, *list(tmp_path.parents)[:-2]):
        folder.chmod(0o777)
    locks = [tmp_path / "ledger.db.lock", tmp_path / "ledger.db.run.lock"]
    for lock in locks:
        lock.touch(0o600)
    ended = subprocess.run(
        [sys.executable, "-c", NOBODY, str(tmp_path / "ledger.db")],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    for lock, said in zip(locks, ended.stdout.splitlines(), strict=True):
        assert said == (
            f"False The lock file {lock} may not be opened by this user: it belongs to root. Run "
            "as the user that the ledger belongs to. If that is this user, delete the lock file "
            "while no run is at work."
        )


def test_a_config_by_its_name_and_through_a_link_has_one_ledger(world: World) -> None:
    elsewhere = world.directory / "etc"
    elsewhere.mkdir()
    link = elsewhere / "config.toml"
    link.symlink_to(world.config)
    order = world.order()
    world.config, itself = link, world.config
    assert run(world, "sync").exit_code == 0
    assert [path.name for path in elsewhere.iterdir()] == ["config.toml"]
    world.config = itself
    assert run(world, "sync").exit_code == 0
    assert len(world.in_katana(order)) == 1


def test_a_ledger_that_lies_beside_the_link_is_not_forgotten(world: World) -> None:
    text = world.config.read_text().replace(str(world.ledger), world.ledger.name)
    world.config.write_text(text)
    elsewhere = world.directory / "etc"
    elsewhere.mkdir()
    link = elsewhere / "config.toml"
    link.symlink_to(world.config)
    world.ledger.rename(elsewhere / world.ledger.name)
    world.config = link
    result = run(world, "sync")
    assert result.exit_code == 2
    assert "lies beside the link" in result.stderr
    (elsewhere / world.ledger.name).rename(world.ledger)
    assert run(world, "sync").exit_code == 0


def test_a_ledger_by_two_names_has_one_lock(world: World) -> None:
    link = world.directory / "other.db"
    link.symlink_to(world.ledger)
    text = world.config.read_text()
    assert world.ledger.name in text
    world.config.write_text(text.replace(world.ledger.name, link.name))
    with FileLock(f"{world.ledger}.run.lock"):
        process = start(world, "run")
        _out, words = process.communicate(timeout=30)
    assert process.returncode == 75
    assert "only one may" in words


def test_the_accountants_files_are_for_their_owner_alone(world: World) -> None:
    output = world.directory / "month.csv"
    before = os.umask(0)
    try:
        assert run(world, "reconcile", "--month", "2026-10", "--output", str(output)).exit_code == 0
    finally:
        os.umask(before)
    for path in (output, world.directory / "month-orders.csv"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
