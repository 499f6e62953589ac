"""Running the commands: in this process, or as a process of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from time import monotonic, sleep

from click.testing import CliRunner, Result

from katana_woo_sync.cli.main import cli
from tests.forked import forked
from tests.sync.world import World

ROOT = Path(__file__).resolve().parents[2]


def run(world: World, *arguments: str) -> Result:
    """Run a command with the world's config."""
    return CliRunner().invoke(cli, ["--config", str(world.config), *arguments])


def run_json(world: World, *arguments: str, code: int = 0) -> dict[str, object]:
    """Run a command with `--json`; returns the one object on standard output."""
    result = run(world, *arguments, "--json")
    assert result.exit_code == code, result.output
    lines = result.stdout.strip().splitlines()
    assert len(lines) == 1
    value: dict[str, object] = json.loads(lines[0])
    return value


def inside(value: object, *path: str | int) -> object:
    """What a JSON value holds at this path."""
    for key in path:
        assert isinstance(value, (dict, list))
        value = value[key]  # type: ignore[index]
    return value


def start(world: World, *arguments: str) -> subprocess.Popen[str]:
    """Start a command as a process of its own, which is forked."""
    return subprocess.Popen(
        ["katana-woo-sync"],
        preexec_fn=forked(  # noqa: PLW1509 (`forked` sees to what a fork leaves behind)
            ["--config", str(world.config), *arguments], os.environ
        ),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def start_anew(world: World, *arguments: str) -> subprocess.Popen[str]:
    """The same, with Python and the program loaded anew."""
    return subprocess.Popen(
        [sys.executable, "-m", "katana_woo_sync", "--config", str(world.config), *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_until(happened: Callable[[], bool], seconds: float = 20) -> None:
    """Wait for something that another process does."""
    until = monotonic() + seconds
    while not happened():
        assert monotonic() < until, "it never happened"
        sleep(0.02)
