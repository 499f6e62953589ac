"""`status` on a terminal and in a pipe."""

from __future__ import annotations

import os
import re
import unicodedata

import pexpect
import pytest

from katana_woo_sync.sandbox.woocommerce import Item
from tests.cli.support import run
from tests.forked import forked
from tests.sync.world import World

CODES = re.compile(r"\x1b\][^\x1b]*\x1b\\|\x1b\[[0-9;?]*[A-Za-z]")


def screen(world: World, *arguments: str, width: int = 80, **environment: str) -> str:
    """What a person at a terminal of this width sees, with all its codes."""
    # these would say more than the terminal does
    kept = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "LINES", "NO_COLOR")}
    env = {**kept, "TERM": "xterm-256color", **environment}
    return str(
        pexpect.run(
            "true",
            preexec_fn=forked(["--config", str(world.config), *arguments], env),
            encoding="utf-8",
            timeout=30,
            dimensions=(50, width),
        )
    )


def columns(line: str) -> int:
    """How wide a line is drawn."""
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in line)


@pytest.fixture
def troubled(world: World) -> World:
    """A store with an order in Katana, and one that needs a person, of a hostile name."""
    world.order()
    other = world.katana.add_product("Twin", "TWIN")
    assert other
    world.katana.add_product("Twin too", "TWIN")
    name = "[bold]\x1b]0;owned\x07</script>\u202e" + "long " * 30
    twin = world.shop.add_product(name, "TWIN", "5.00")
    world.shop.place_order([Item(twin, 1)], number="[red]7\x1b[31m")
    run(world, "sync")
    return world


@pytest.mark.parametrize("width", [60, 80, 120, 200])
@pytest.mark.parametrize("command", ["status", "orders"])
def test_no_line_is_wider_than_the_terminal(troubled: World, command: str, width: int) -> None:
    shown = CODES.sub("", screen(troubled, command, width=width))
    assert "Traceback" not in shown
    assert [line for line in shown.splitlines() if columns(line.rstrip()) > width] == []


def test_what_needs_a_person_has_its_remedy_and_a_link(troubled: World) -> None:
    shown = screen(troubled, "status")
    plain = CODES.sub("", shown)
    assert "sku_ambiguous" in plain
    assert "→ Leave the SKU to one of them in Katana" in plain
    assert "]8;" in shown  # a link that the terminal can open
    assert "/wp-admin/post.php" in shown


def test_what_customers_typed_is_text(troubled: World) -> None:
    shown = screen(troubled, "status") + screen(troubled, "orders")
    assert "[red]7" in CODES.sub("", shown)
    assert "\x1b]0;owned" not in shown
    assert "\x1b[31m\x1b" not in shown
    assert "\u202e" not in shown


def test_without_colours_nothing_is_lost(troubled: World) -> None:
    shown = screen(troubled, "status", NO_COLOR="1")
    assert re.search(r"\x1b\[[0-9;]*3[0-9]m", shown) is None
    assert "1 attention" in CODES.sub("", shown)


def test_in_a_pipe_it_is_plain(troubled: World) -> None:
    shown = run(troubled, "status").output
    assert "\x1b" not in shown
    assert not set(shown) & set("─│┌┐└┘━┃→✓✗")
    assert "sku_ambiguous" in shown


def test_what_the_next_cycle_does_is_said(world: World) -> None:
    world.order()
    run(world, "sync")
    world.clock.tick(days=2)
    assert "next cycle" in run(world, "status").output


def test_a_store_that_was_never_connected_says_what_to_do(unconnected: World) -> None:
    assert "backfill --store eu" in CODES.sub("", screen(unconnected, "status"))
