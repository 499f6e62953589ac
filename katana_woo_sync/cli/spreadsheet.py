"""CSV as spreadsheets read it: what customers and plugins wrote is no formula in it."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from katana_woo_sync.cli.own_file import failure_in_words

FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What makes a spreadsheet take a cell's text for a formula."""


def csv_lines(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """The rows below their heading, each as text that ends its line."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(columns)
    for row in rows:
        writer.writerow([_harmless(cell) for cell in row])
        yield text.getvalue()
        text.seek(0)
        text.truncate()
    yield text.getvalue()


def write_csv(path: Path, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Write a file of them. Ends the program where it cannot be written."""
    lines = list(csv_lines(columns, rows))
    with (
        failure_in_words(path),
        # with a mark that has spreadsheets read it as UTF-8; one that is new is for its owner alone
        open(path, "w", encoding="utf-8-sig", newline="", opener=_private) as file,
    ):
        file.writelines(lines)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _harmless(cell: str) -> str:
    is_number = cell.lstrip("-").replace(".", "", 1).isdigit()
    return f"'{cell}" if cell.startswith(FORMULA) and not is_number else cell
