"""Writes the pages that follow from the code: options.md, commands.md, and problems.md's table.

    python docs/generate.py

Types and defaults come from the settings, meanings from the remarks of config.example.toml,
commands from their help, reasons from their words. A test compares the pages with what this makes.
"""

from __future__ import annotations

import re
import sys
import typing
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import get_args, get_origin, get_type_hints

import click
from msgspec import NODEFAULT, Struct
from msgspec.structs import fields

from katana_woo_sync.cli.main import COMMANDS, cli
from katana_woo_sync.config.settings import (
    SECRET_KEYS,
    KatanaSettings,
    NotifySettings,
    OrderSettings,
    ReportSettings,
    ScheduleSettings,
    StockReserve,
    StoreSettings,
)
from katana_woo_sync.domain.reasons import WORDS

HERE = Path(__file__).resolve().parent
MADE = "<!-- Made by docs/generate.py -->"
WIDTH = 88

SECTIONS: Mapping[str, type] = {
    "katana": KatanaSettings,
    "orders": OrderSettings,
    "schedule": ScheduleSettings,
    "report": ReportSettings,
    "notify": NotifySettings,
    "stores": StoreSettings,
}
_KEY = re.compile(r"^(?:# )?([a-z_]+) = (.*)$")
_SECTION = re.compile(r"^\[+([a-z_]+)\]+$")


def meanings(example: str) -> dict[tuple[str, str], str]:
    """What the remarks of the example file say of each key: the paragraph above it, which keys that
    stand together share, with what stands behind the key."""
    found: dict[tuple[str, str], str] = {}
    section, remarks, is_open = "", list[str](), True
    for line in example.splitlines():
        header, key = _SECTION.match(line), _KEY.match(line)
        if header:
            section, remarks = header[1], []
        elif key:
            is_open = False
            found.setdefault((section, key[1]), " ".join(remarks))
        elif line.startswith("# "):
            remarks = remarks if is_open else []
            is_open = True
            remarks.append(line.removeprefix("# ").strip())
        elif not line:
            remarks = []
    return found


def options() -> str:
    """The page of every option."""
    example = (HERE.parent / "config.example.toml").read_text(encoding="utf-8")
    said = meanings(example)
    parts = [
        "# Every option\n",
        f"{MADE}\n",
        (
            "The configuration is a TOML file; [config.example.toml](../config.example.toml) shows "
            "it whole, and `katana-woo-sync init` writes one. Unknown keys are errors that name "
            "the nearest known key. `${NAME}` in any text is the environment's value. Durations "
            'are texts such as `"90s"`, `"5m"` or `"1h30m"`.\n'
        ),
        "## At the top\n",
        _entry("ledger", "text", '"katana-woo-sync.db"', said["", "ledger"]),
    ]
    for name, kind in SECTIONS.items():
        parts.append(f"## [[{name}]]\n" if name == "stores" else f"## [{name}]\n")
        parts += list(_section(name, kind, said))
    parts += [
        "## [taxes]\n",
        (
            "Percentage (in quotes) → name of the Katana tax rate to take, as in "
            '`"24" = "VAT 24 %"`. Only needed where Katana has several rates of one percentage.\n'
        ),
        "## [sku_aliases]\n",
        'SKU in the shop → SKU in Katana, as in `"MUG-RED" = "MUG-01-R"`.\n',
    ]
    return "\n".join(parts)


def _section(name: str, kind: type[Struct], said: Mapping[tuple[str, str], str]) -> Iterator[str]:
    hints = get_type_hints(kind)
    for each in fields(kind):
        key = (name, each.name)
        is_needed = each.default is NODEFAULT
        default = "" if is_needed else _toml(each.default)
        words = said[key]
        if each.name in SECRET_KEYS:
            words += f" Or `{each.name}_file`, the name of a file that holds it."
        yield _entry(each.name, _kind(hints[each.name]), default, words)


def _entry(name: str, kind: str, default: str, words: str) -> str:
    how = f"{kind}, default `{default}`" if default else f"{kind}, needed"
    if default == "-":
        how = f"{kind}, not set by default"
    return f"**`{name}`** ({how})\n\n{words}\n"


def _kind(hint: object) -> str:
    if get_origin(hint) is typing.Literal:
        return " or ".join(f'`"{choice}"`' for choice in get_args(hint))
    inner = [kind for kind in get_args(hint) if kind is not type(None)]
    if get_origin(hint) is tuple:
        return "list of texts"
    if inner:
        return _kind(inner[0])
    names: Mapping[object, str] = {
        bool: "true or false",
        int: "whole number",
        float: "seconds",
        timedelta: "duration",
        datetime: "date or moment",
        StockReserve: "whole number, or percentage as text",
        Path: "file name",
    }
    return names.get(hint, "text")


def _toml(value: object) -> str:
    match value:
        case None:
            return "-"
        case bool():
            return str(value).lower()
        case timedelta():
            return f'"{_duration(value)}"'
        case tuple():
            return "[" + ", ".join(f'"{each}"' for each in value) + "]"
        case StockReserve():
            return f"{value.quantity:f}"
        case int() | Decimal():
            return str(value)
        case float():
            return f"{value:g}"
    return f'"{value}"'


def _duration(value: timedelta) -> str:
    seconds = int(value.total_seconds())
    for unit, length in (("h", 3600), ("m", 60)):
        if seconds and seconds % length == 0:
            return f"{seconds // length}{unit}"
    return f"{seconds}s"


def commands() -> str:
    """The page of every command."""
    parts = ["# Every command\n", f"{MADE}\n"]
    parts.append(
        "Exit codes: 0 all done; 1 done, but something needs a person; 2 usage, configuration or "
        "key refused; 75 not now, and trying later is right.\n"
    )
    parts.append(f"```\n{_help(cli, 'katana-woo-sync')}\n```\n")
    context = click.Context(cli, info_name="katana-woo-sync")
    for name in COMMANDS:
        command = cli.get_command(context, name)
        if command is not None:
            parts.append(f"## {name}\n\n```\n{_help(command, f'katana-woo-sync {name}')}\n```\n")
    return "\n".join(parts)


def _help(command: click.Command, name: str) -> str:
    # -h stands in the help of every command, as it does for a person
    names = ["-h", "--help"]
    context = click.Context(
        command,
        info_name=name,
        terminal_width=WIDTH,
        max_content_width=WIDTH,
        help_option_names=names,
    )
    return command.get_help(context).rstrip()


def problems(page: str) -> str:
    """The page of problems with its table made anew."""
    above = page.split("|---|---|---|\n", maxsplit=1)[0]
    rows = [f"| `{code}` | {w.sentence} | {w.remedy} |" for code, w in WORDS.items()]
    return above + "|---|---|---|\n" + "\n".join(rows) + "\n"


def pages() -> dict[Path, str]:
    """Every page that is made, with its text."""
    of_problems = HERE / "problems.md"
    return {
        HERE / "options.md": options(),
        HERE / "commands.md": commands(),
        of_problems: problems(of_problems.read_text(encoding="utf-8")),
    }


if __name__ == "__main__":
    for path, text in pages().items():
        path.write_text(text, encoding="utf-8")
        sys.stdout.write(f"{path.name}: {len(text.splitlines())} lines\n")
