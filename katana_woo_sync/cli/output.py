"""What commands print: rich on a terminal, plain in a pipe; what customers typed is escaped."""

from __future__ import annotations

import json
import sys
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

import click
from msgspec import Struct

from katana_woo_sync.sync.integration import HOW_TO_LEAVE, LastOfOthers
from katana_woo_sync.sync.report import UNREAD, Problem, Report, StoreReport

if TYPE_CHECKING:
    from katana_woo_sync.cli.news import News

DONE_WORDS = (
    ("imported", "imported"),
    ("adopted", "adopted"),
    ("skipped", "skipped"),
    ("completed_in_store", "completed in the shop"),
    ("delivered_in_katana", "delivered in Katana"),
    ("stock_updated", "stock quantities set"),
)


def safe(text: str, limit: int = 0) -> str:
    """Text that came from outside, harmless in a terminal: control and bidi characters shown."""
    shown = "".join(
        c
        if unicodedata.category(c) not in ("Cc", "Cs", "Zl", "Zp") and c not in _BIDI
        else repr(c)[1:-1]
        for c in text
    )
    return shown if not limit or len(shown) <= limit else shown[: limit - 1] + "…"


_BIDI = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c")


def moment(at: datetime | None) -> str:
    """A UTC time for people, in the machine's own time zone."""
    return at.astimezone().strftime("%Y-%m-%d %H:%M") if at else "-"


def words_of_others(last: LastOfOthers) -> str:
    """That another program imports a store's orders too, and what to do."""
    return (
        "Another program, most likely Katana's own integration, imports its orders too: the last "
        f"was {last.number}, at {moment(last.at)}. {HOW_TO_LEAVE}"
    )


def iso(at: datetime | None) -> str | None:
    """A UTC time for `--json`, ISO 8601."""
    return at.isoformat() if at else None


def money(amount: Decimal | None, currency: str) -> str:
    """An amount with its currency."""
    return "-" if amount is None else f"{amount:,.2f} {safe(currency, 3)}"


def print_json(value: object) -> None:
    """One JSON object on standard output."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=None if _piped() else 2))


AT_ONCE = 500
"""Elements of a long list that are written in one go."""


def print_json_list(name: str, values: Iterable[object]) -> None:
    """One JSON object on standard output with one list, which is written as it comes: it may be
    longer than what fits into memory."""
    waiting = [f'{{"{name}": [']
    for place, value in enumerate(values):
        text = json.dumps(value, ensure_ascii=False, indent=None if _piped() else 2)
        waiting.append(f"{', ' if place else ''}{text}")
        if len(waiting) == AT_ONCE:
            click.echo("".join(waiting), nl=False)
            waiting.clear()
    click.echo("".join(waiting) + "]}")


def _piped() -> bool:
    return not sys.stdout.isatty()


class Column(Struct, frozen=True):
    """A column: how wide a terminal must be for it (`ONLY_PIPED`: none is), and its side."""

    name: str
    wide: int = 0
    right: bool = False


ONLY_PIPED = 1_000_000


class Cell(Struct, frozen=True):
    """What stands in a table; on a terminal with a style and a link, and more `below`."""

    text: str
    style: str = ""
    link: str | None = None
    below: str = ""


def print_table(columns: Sequence[str | Column], rows: Iterable[Sequence[str | Cell]]) -> None:
    """A table: drawn on a terminal as far as it is wide enough, else tab-separated, whole, with a
    heading line."""
    shown = [column if isinstance(column, Column) else Column(column) for column in columns]
    filled = ([c if isinstance(c, Cell) else Cell(c) for c in row] for row in rows)
    if not _piped():
        from katana_woo_sync.cli.terminal import draw_table

        draw_table(shown, filled)
        return
    click.echo("\t".join(column.name for column in shown))
    for row in filled:
        click.echo("\t".join(safe(cell.text) for cell in row))


def print_report(report: Report) -> None:
    """What a cycle or backfill did, store by store, and the problems there are."""
    for name, store in report.stores.items():
        click.echo(f"{name}: {_store_line(store, dry_run=report.dry_run)}")
        print_unread(name, store.unread)
    print_unread("Katana", report.katana_unread)
    if report.katana_error:
        click.echo(report.katana_error)
    print_problems(report.problems)


def print_news(told: News) -> None:
    """What a quiet run has to say."""
    for name, error in told.errors.items():
        what = "" if error.startswith(UNREAD) else "NOT WORKED: "
        click.echo(f"{name}: {what}{safe(error.removeprefix(f'{name}: '))}")
    print_problems(told.problems)
    for who in told.ended:
        click.echo(f"{safe(who, 100)}: no longer a problem")


def _store_line(store: StoreReport, *, dry_run: bool) -> str:
    counted = ((getattr(store, field), word) for field, word in DONE_WORDS)
    done = [f"{n} {_one_of(word) if n == 1 else word}" for n, word in counted if n]
    wrong = [f"{store.failed} failed"] if store.failed else []
    if store.attention:
        wrong.append(f"{store.attention} {'needs' if store.attention == 1 else 'need'} a person")
    line = ("would be: " if dry_run and done else "") + ", ".join(done)
    line = "; ".join(filter(None, [line, ", ".join(wrong)]))
    if not store.error:
        return line or "nothing to do"
    error = f"NOT WORKED: {safe(store.error)}"
    return f"{line}. {error}" if line else error


def _one_of(words: str) -> str:
    return words.replace("quantities", "quantity")


def print_unread(where: str, unread: Sequence[str]) -> None:
    """What lists held and could not be read."""
    for text in unread[:MOST_PROBLEMS]:
        click.echo(f"{where}: {UNREAD}: {safe(text, 400)}")
    if len(unread) > MOST_PROBLEMS:
        click.echo(f"{where}: ... and {len(unread) - MOST_PROBLEMS} more (all with --json)")


MOST_PROBLEMS = 20


def print_problems(problems: Sequence[Problem]) -> None:
    """The orders that a person must look at: what is so, and what to do."""
    for problem in problems[:MOST_PROBLEMS]:
        again = problem.next_attempt_at
        when = f" Tried again at {moment(again)}." if again else ""
        click.echo(
            f"{problem.store}: order {safe(problem.order_number, 40)} {problem.state} "
            f"({problem.reason}): {safe(problem.sentence, 400)} {problem.remedy}{when}"
        )
    if len(problems) > MOST_PROBLEMS:
        click.echo(f"... and {len(problems) - MOST_PROBLEMS} more: katana-woo-sync orders")
