"""`orders` and `order` for eyes, for pipes and for shells."""

from __future__ import annotations

import os
import re
import shutil
import sys
from pathlib import Path

import pexpect
import pytest
from rich.cells import cell_len

from tests.cli.support import ROOT, inside, run, run_json
from tests.cli.test_safety import hostile_order
from tests.forked import forked
from tests.sync.world import World

ESCAPES = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]|\x1b\]8;[^\x1b]*\x1b\\")


def on_terminal(world: World, width: int, *arguments: str, **env: str) -> str:
    """What a command writes on a terminal of this width."""
    kept = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "COLUMNS")}
    env = {**kept, "TERM": "xterm-256color", **env}
    shown = pexpect.run(
        "true",
        preexec_fn=forked(["--config", str(world.config), *arguments], env),
        encoding="utf-8",
        dimensions=(50, width),
    )
    return str(shown)


@pytest.mark.parametrize("width", [60, 80, 120, 200])
def test_no_line_is_wider_than_the_terminal(world: World, width: int) -> None:
    order = hostile_order(world)
    run(world, "sync")
    for command in (["orders"], ["order", "eu", f"id:{order}"]):
        shown = ESCAPES.sub("", on_terminal(world, width, *command))
        assert "attention" in shown
        assert max(cell_len(line) for line in shown.splitlines()) <= width
        assert "\x1b" not in shown


def test_markup_of_customers_is_text_on_a_terminal(world: World) -> None:
    hostile_order(world)
    run(world, "sync")
    assert "[red]x[/red]" in "".join(ESCAPES.sub("", on_terminal(world, 200, "orders")).split())


def test_no_color_is_honoured(world: World) -> None:
    world.order()
    run(world, "sync")
    assert re.search(r"\x1b\[(?:\d+;)*3\d", on_terminal(world, 80, "orders"))
    assert not re.search(r"\x1b\[(?:\d+;)*3\d", on_terminal(world, 80, "orders", NO_COLOR="1"))


def test_a_terminal_gets_links_and_a_pipe_the_address(world: World) -> None:
    order = world.order()
    run(world, "sync")
    assert "\x1b]8;" in on_terminal(world, 80, "order", "eu", f"id:{order}")
    assert "\x1b" not in run(world, "order", "eu", f"id:{order}").stdout


def test_the_story_is_told_in_the_order_of_time(world: World) -> None:
    order = world.order()
    run(world, "sync")
    story = run_json(world, "order", "eu", f"id:{order}")["story"]
    assert isinstance(story, list)
    assert {"placed", "paid", "first seen", "imported"} <= {each["what"] for each in story}
    assert [each["at"] for each in story] == sorted(each["at"] for each in story)


def test_orders_says_how_many_more_there_are(world: World) -> None:
    first, last = world.order(), world.order()
    run(world, "sync")
    result = run(world, "orders", "--limit", "1")
    assert "1 older ones are left out" in result.stderr
    assert inside(run_json(world, "orders"), "orders", 1, "order_id") in (first, last)


SHELLS = {
    "bash": ("--norc -i", "", 'eval "$(katana-woo-sync completion bash)"'),
    "zsh": (
        "-f -i",
        "autoload -U compinit; compinit -u -D",
        'eval "$(katana-woo-sync completion zsh)"',
    ),
    "fish": ("--no-config -i", "", "katana-woo-sync completion fish | source"),
}
"""How each is started without a person's settings, what it needs, and the line to put into them."""


@pytest.mark.parametrize("shell", SHELLS)
def test_the_tab_key_completes_stores(two: World, tmp_path: Path, shell: str) -> None:
    if not shutil.which(shell):
        pytest.skip(f"{shell} is not installed")
    program = tmp_path / "katana-woo-sync"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m katana_woo_sync "$@"\n')
    program.chmod(0o755)
    env = {**os.environ, "PYTHONPATH": str(ROOT), "KATANA_WOO_SYNC_CONFIG": str(two.config)}
    env |= {"PATH": f"{tmp_path}:{env['PATH']}", "HOME": str(tmp_path), "TERM": "dumb"}
    options, needed, line = SHELLS[shell]
    with pexpect.spawn(f"{shell} {options}", env=env, encoding="utf-8", timeout=30) as terminal:
        terminal.sendline(f"{needed}\n{line}; echo rea''dy")
        terminal.expect("ready")
        terminal.send("katana-woo-sync order e\t")
        terminal.expect("order eu ")
