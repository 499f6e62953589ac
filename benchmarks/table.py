"""Tables for people, in Markdown, so that they can stand in the docs as they are printed."""

from __future__ import annotations

import argparse
import platform
import sqlite3
import sys
from collections.abc import Sequence
from datetime import UTC, datetime

from katana_woo_sync import __version__


def options(what: str | None) -> argparse.Namespace:
    """The options that every benchmark has; `quick` does less of the same."""
    parser = argparse.ArgumentParser(description=(what or "").split("\n\n", maxsplit=1)[0])
    parser.add_argument("--quick", action="store_true", help="smaller numbers, fewer repeats")
    return parser.parse_args()


def heading(title: str) -> None:
    """Print what follows, and where and when it was measured."""
    say(
        f"## {title}\n\n{datetime.now(UTC):%Y-%m-%d}, katana-woo-sync {__version__}, Python "
        f"{platform.python_version()}, SQLite {sqlite3.sqlite_version}, {_machine()}\n"
    )


def _machine() -> str:
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        lines = file.read().splitlines()
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{len(models)} × {models[0]}" if models else platform.machine()


def table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a table; numbers stand to the right."""
    cells = [[_cell(value) for value in row] for row in rows]
    widths = [max(len(row[i]) for row in [list(columns), *cells]) for i in range(len(columns))]
    numeric = [all(not isinstance(row[i], str) for row in rows) for i in range(len(columns))]
    rule = [
        ("-" * (w - 1) + ":") if right else "-" * w
        for w, right in zip(widths, numeric, strict=True)
    ]
    for row in (list(columns), rule, *cells):
        parts = (
            c.rjust(w) if r else c.ljust(w) for c, w, r in zip(row, widths, numeric, strict=True)
        )
        say("| " + " | ".join(parts) + " |")
    say("")


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f"{value:,.3f}" if abs(value) < 10 else f"{value:,.1f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def say(text: str) -> None:
    """Print it now, also into a pipe."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
