"""`status --watch`: drawn anew every few seconds, until Ctrl-C."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from katana_woo_sync.cli.program import utc_now
from katana_woo_sync.cli.terminal import console, text

if TYPE_CHECKING:
    from rich.console import Console

EVERY = 2.0
"""Seconds between two looks: a run at work saves an order about as often."""

HOME, END_OF_LINE, BELOW = "\x1b[H", "\x1b[K", "\x1b[J"


def watch(look: Callable[[Console], int]) -> int:
    """Draw what `look` draws until Ctrl-C or SIGTERM; returns what it returned last. The terminal
    shows afterwards what it did before."""
    screen = console()
    if screen.is_dumb_terminal or not screen.is_terminal:
        raise click.UsageError("--watch needs a terminal that can be drawn on.")
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    last = 0
    with screen.screen():
        try:
            while True:
                with screen.capture() as captured:
                    at = f"{utc_now().astimezone():%Y-%m-%d %H:%M:%S}"
                    screen.print(text(f"{at}, every {EVERY:g} seconds. Ctrl-C ends.", "dim"))
                    last = look(screen)
                _show(captured.get().splitlines(), screen.height)
                time.sleep(EVERY)
        except KeyboardInterrupt:
            pass
    return last


def _show(lines: list[str], height: int) -> None:
    """Write over what is there, line by line: a terminal that is emptied first flickers."""
    if len(lines) > height:
        more = len(lines) - height + 1
        lines = [*lines[: height - 1], f"… {more} lines more: make the window higher"]
    shown = "\n".join(line + END_OF_LINE for line in lines)
    sys.stdout.write(f"{HOME}{shown}{BELOW}")
    sys.stdout.flush()
