"""What is drawn on a terminal. Nothing of rich is imported in a pipe, where starting stays quick.

Every text is a `Text`: what customers typed is never markup. Colours only repeat what a word says,
and rich leaves them out where NO_COLOR is set.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

from katana_woo_sync.cli.output import Cell, Column, safe

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

STYLES = {
    "attention": "bold red",
    "failed": "yellow",
    "queued": "cyan",
    "importing": "cyan",
    "imported": "blue",
    "fulfilled": "green",
    "skipped": "dim",
    "ignored": "dim",
}


def is_terminal() -> bool:
    """Whether standard output is looked at by a person."""
    return sys.stdout.isatty()


def console() -> Console:
    """Where it is drawn; as wide as the terminal is."""
    from rich.console import Console

    return Console(highlight=False, markup=False, emoji=False)


def text(words: str, style: str = "", link: str | None = None) -> Text:
    """Harmless text, which leads to `link` where the terminal can."""
    from rich.style import Style
    from rich.text import Text

    shown = Style.parse(style)
    return Text(safe(words), style=shown + Style(link=link) if link else shown, overflow="fold")


def draw_table(columns: Sequence[Column], rows: Iterable[Sequence[Cell]]) -> None:
    """Draw a table without lines, whose long cells are continued below: the wider the terminal is,
    the more columns."""
    from rich.table import Table

    to = console()
    chosen = [place for place, column in enumerate(columns) if to.width >= column.wide]
    drawn = Table(box=None, pad_edge=False, header_style="bold")
    for place in chosen:
        column = columns[place]
        side: Literal["left", "right"] = "right" if column.right else "left"
        drawn.add_column(column.name, overflow="fold", justify=side)
    for row in rows:
        drawn.add_row(*(_cell(row[place]) for place in chosen))
    to.print(drawn)


def _cell(cell: Cell) -> Text:
    shown = text(cell.text, cell.style, cell.link)
    return shown.append("\n").append(text(f"→ {cell.below}", "bold")) if cell.below else shown


def facts() -> Table:
    """Names and what they stand for, side by side."""
    from rich.table import Table

    drawn = Table.grid(padding=(0, 2))
    drawn.add_column(no_wrap=True, style="bold")
    drawn.add_column(overflow="fold")
    return drawn


def ago(at: datetime | None, now: datetime) -> str:
    """How long ago a time is, or how far ahead, as a person says it."""
    if at is None:
        return "never"
    away = abs(now - at)
    if away < timedelta(minutes=1):
        return "just now" if at <= now else "in a moment"
    for unit, length in (("d", timedelta(days=1)), ("h", timedelta(hours=1))):
        if away >= 2 * length:
            return _placed(f"{away // length} {unit}", ahead=at > now)
    return _placed(f"{away // timedelta(minutes=1)} min", ahead=at > now)


def _placed(words: str, *, ahead: bool) -> str:
    return f"in {words}" if ahead else f"{words} ago"
