"""`status --watch`: drawn anew until it is ended."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import pexpect
import pytest

from tests.cli.support import run
from tests.forked import forked
from tests.sync.world import World

MAIN_SCREEN, CURSOR = "\x1b[?1049l", "\x1b[?25h"


@contextmanager
def watching(world: World, *, lines: int = 40, term: str = "xterm") -> Iterator[pexpect.spawn[str]]:
    """`status --watch` on a terminal."""
    # these would say more than the terminal does
    kept = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "LINES", "NO_COLOR")}
    child = pexpect.spawn(
        "true",
        preexec_fn=forked(
            ["--config", str(world.config), "status", "--watch"], {**kept, "TERM": term}
        ),
        encoding="utf-8",
        timeout=30,
        dimensions=(lines, 100),
    )
    try:
        yield child
    finally:
        child.close(force=True)


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_what_changes_is_drawn_until_it_is_ended(world: World, ending: signal.Signals) -> None:
    with watching(world) as child:
        child.expect("none yet")
        child.expect("No order needs a person")
        world.order()
        run(world, "sync")
        child.expect("1 imported")
        child.kill(ending)
        child.expect(pexpect.EOF)
        assert MAIN_SCREEN in str(child.before)
        assert CURSOR in str(child.before)
        assert "Traceback" not in str(child.before)
        child.wait()
        assert child.exitstatus == 0


def test_it_ends_with_the_code_of_status(world: World) -> None:
    world.katana.add_product("Another mug", "MUG")
    world.order()
    run(world, "sync")
    with watching(world) as child:
        child.expect("sku_ambiguous")
        child.sendintr()
        child.expect(pexpect.EOF)
        child.wait()
        assert child.exitstatus == run(world, "status").exit_code == 1


def test_a_low_window_says_that_there_is_more(world: World) -> None:
    with watching(world, lines=4) as child:
        child.expect(r"lines more: make the window higher")


def test_it_needs_a_terminal_and_goes_with_nothing_else(world: World) -> None:
    ended = run(world, "status", "--watch")
    assert (ended.exit_code, "needs a terminal" in ended.stderr) == (2, True)
    assert run(world, "status", "--watch", "--json").exit_code == 2
    with watching(world, term="dumb") as child:
        child.expect("needs a terminal")
