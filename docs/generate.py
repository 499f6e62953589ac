"""Writes what follows from the code: config.example.toml, options.md, commands.md, problems.md, and
the man page.

    python docs/generate.py

Keys, defaults and meanings come from the settings, commands from their help, reasons from their
table. A test compares the files with what this makes.
"""

from __future__ import annotations

import inspect
import sys
import textwrap
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import click
from msgspec import NODEFAULT, Struct
from msgspec.structs import fields

from katana_woo_sync import __version__
from katana_woo_sync.cli.main import COMMANDS, PROGRAM, cli
from katana_woo_sync.config.forms import Key
from katana_woo_sync.config.settings import SECTIONS, Settings, keys_of
from katana_woo_sync.config.values import StockReserve, written
from katana_woo_sync.domain.reasons import Kind, Reason

HERE = Path(__file__).resolve().parent
MADE = "<!-- Made by docs/generate.py -->"
WIDTH = 88

PREFACE = """\
# katana-woo-sync: an example configuration. Made by docs/generate.py from the program's settings.
#
# Copy it to config.toml (or to /etc/katana-woo-sync/config.toml), change what is yours, and let
# nobody else read it:   chmod 600 config.toml
#
# The format is TOML: texts stand in "quotes"; numbers, true and false do not; what follows a # is a
# remark. Every key that is a remark below has the value that is shown as its default.
#
# ${NAME} in any text is replaced by the environment variable NAME, so that keys need not stand in
# this file. A ${ that is meant as such is written $${. A key can also be read from a file of its
# own, as systemd's credentials and Docker's secrets are: api_key_file, consumer_key_file,
# consumer_secret_file, urls_file, ping_url_file. File names are relative to the folder of this file
# (of the file itself, where --config names a link to it); ~ is your home folder.
#
# Durations: "90s", "5m", "1h30m", "24h", or a bare number of seconds.
#
# Editors complete and explain these keys where this file begins with the line that `init` writes,
# "#:schema ./katana-woo-sync.schema.json"; `katana-woo-sync config schema` prints that schema.

"""

KINDS = {
    Kind.ATTENTION: ("Attention", "The order needs a person."),
    Kind.FAILED: ("Failed", "The program tries again by itself."),
    Kind.SKIPPED: ("Skipped", "The order is not imported, and nothing needs to be done."),
    Kind.NOTE: ("Notes", "They change neither the order's state nor the exit code."),
}
"""The parts of problems.md: title and first sentence."""

REASONS_HEAD = """\
| code | what is so | what to do | tried again by itself | ends by itself |
|---|---|---|---|---|"""

FREE_TABLES = {
    "taxes": (
        (
            "Only if Katana has several tax rates of one percentage: which of them to use, by "
            "name. The percentage stands in quotes, with a point and without the % sign."
        ),
        ('"24" = "VAT 24 %"', '"8.875" = "New York sales tax"'),
    ),
    "sku_aliases": (
        'SKUs that are written differently in the shop and in Katana: "in the shop" = "in Katana".',
        ('"MUG-RED" = "MUG-01-R"',),
    ),
}

SECOND_STORE = """

[[stores]]
name = "us"
url = "https://us.example.com"
consumer_key = "${WOO_US_KEY}"
consumer_secret = "${WOO_US_SECRET}"
location = "New York"
order_number_prefix = "US-"
"""


def example() -> str:
    """The example file: every key with what it means and its default."""
    parts = [PREFACE, *_example_key("ledger", keys_of(Settings)["ledger"], NODEFAULT)]
    for name in Settings.__struct_fields__:
        if name in FREE_TABLES:
            words, lines = FREE_TABLES[name]
            parts += ["\n", _remark(words), f"[{name}]\n", *(f"# {line}\n" for line in lines), "\n"]
        elif name in SECTIONS:
            kind = SECTIONS[name]
            head = f"[[{name}]]" if name == "stores" else f"[{name}]"
            parts += ["\n", _remark(" ".join((kind.__doc__ or "").split())), f"{head}\n"]
            for each in fields(kind):
                parts += _example_key(each.name, keys_of(kind)[each.name], each.default)
    return "".join(parts).rstrip() + "\n" + SECOND_STORE


def _example_key(name: str, key: Key, default: object) -> Iterator[str]:
    bounds = f" {key.form.bounds}." if key.form.bounds else ""
    yield _remark(f"{key.words}{bounds}")
    shown = bool(key.example) and default is not None  # what everybody sets
    yield f"{'' if shown else '# '}{name} = {key.example or _toml(default)}\n"
    if key.file_example:
        yield f'# {name}_file = "{key.file_example}"    # instead of {name}\n'
    yield "\n"


def _remark(words: str) -> str:
    lines = textwrap.wrap(words, 98, break_long_words=False, break_on_hyphens=False)
    return "".join(f"# {line}\n" for line in lines)


def options() -> str:
    """The page of every option."""
    ledger = keys_of(Settings)["ledger"]
    parts = [
        "# Every option\n",
        f"{MADE}\n",
        (
            "The configuration is a TOML file; [config.example.toml](../config.example.toml) shows "
            "it whole, and `katana-woo-sync init` writes one. Unknown keys are errors that name "
            "the nearest known key. `${NAME}` in any text is the environment's value. Durations "
            'are texts such as `"90s"`, `"5m"` or `"1h30m"`. `katana-woo-sync config schema` '
            "prints a JSON schema, with which editors complete and explain the keys; `init` "
            "writes it beside the configuration.\n"
        ),
        "## At the top\n",
        _entry("ledger", "file name", ledger.example, ledger.words),
    ]
    for name, kind in SECTIONS.items():
        parts.append(f"## [[{name}]]\n" if name == "stores" else f"## [{name}]\n")
        parts += list(_section(kind))
    for name, (words, lines) in FREE_TABLES.items():
        parts += [f"## [{name}]\n", f"{words} For instance `{lines[0]}`.\n"]
    return "\n".join(parts)


def _section(kind: type[Struct]) -> Iterator[str]:
    for each in fields(kind):
        key = keys_of(kind)[each.name]
        default = "" if each.default is NODEFAULT else _toml(each.default)
        words = key.words
        if key.form.is_secret:
            words += f" Or `{each.name}_file`, the name of a file that holds it."
        yield _entry(each.name, key.form.kind, default, words)


def _entry(name: str, kind: str, default: str, words: str) -> str:
    how = f"{kind}, default `{default}`" if default else f"{kind}, needed"
    if default == "-":
        how = f"{kind}, not set by default"
    return f"**`{name}`** ({how})\n\n{words}\n"


def _toml(value: object) -> str:
    match value:
        case None:
            return "-"
        case bool():
            return str(value).lower()
        case timedelta():
            return f'"{written(value)}"'
        case tuple():
            return "[" + ", ".join(f'"{each}"' for each in value) + "]"
        case StockReserve():
            return f"{value.quantity:f}"
        case int() | Decimal():
            return str(value)
        case float():
            return f"{value:g}"
    return f'"{value}"'


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


MANUAL = """\
.TH KATANA-WOO-SYNC 1 "" "{name} {version}" "User commands"
.SH NAME
{name} \\- keep WooCommerce stores and Katana in step
.SH SYNOPSIS
.B {name}
[options] command [arguments]
.SH DESCRIPTION
{description}
.SH OPTIONS
{options}
.SH COMMANDS
{commands}
.SH EXIT STATUS
.TP
.B 0
All done.
.TP
.B 1
Done, but something needs a person.
.TP
.B 2
Usage or configuration is wrong, or a key was refused.
.TP
.B 75
Not now; trying later is right.
"""


def manual() -> str:
    """The man page: every command with its help and options."""
    context = click.Context(cli, info_name=PROGRAM, help_option_names=["-h", "--help"])
    found = ((name, cli.get_command(context, name)) for name in COMMANDS)
    return MANUAL.format(
        name=_roff(PROGRAM),
        version=__version__,
        description=_paragraphs(cli),
        options=_manual_options(cli, context),
        commands="\n".join(_manual_command(name, each, context) for name, each in found if each),
    )


def _manual_command(name: str, command: click.Command, above: click.Context) -> str:
    context = click.Context(command, info_name=name, parent=above)
    usage = " ".join([name, *command.collect_usage_pieces(context)])
    parts = [f".SS {_roff(usage)}", _paragraphs(command), _manual_options(command, context)]
    if isinstance(command, click.Group):
        for each in command.list_commands(context):
            below = command.get_command(context, each)
            parts += [_manual_command(f"{name} {each}", below, context)] if below else []
    return "\n".join(part for part in parts if part)


def _manual_options(command: click.Command, context: click.Context) -> str:
    records = (each.get_help_record(context) for each in command.params)
    return "\n".join(f".TP\n.B {_roff(of[0])}\n{_roff(of[1])}" for of in records if of and of[1])


def _paragraphs(command: click.Command) -> str:
    texts = inspect.cleandoc(command.help or "").split("\n\n")
    return "\n.PP\n".join(map(_paragraph, texts))


def _paragraph(text: str) -> str:
    """A paragraph; click's mark of one whose lines stay as they are is roff's `nf`."""
    kept = text.removeprefix("\b\n")
    return _roff(text) if kept == text else f".nf\n{_roff(kept)}\n.fi"


def _roff(text: str) -> str:
    """A text as it is, for roff: no line of it is a request."""
    lines = text.replace("\\", "\\e").replace("-", "\\-").splitlines()
    return "\n".join(f"\\&{line}" if line.startswith((".", "'")) else line for line in lines)


def problems() -> str:
    """docs/problems.md: every reason with its remedy, those that need a person first."""
    parts = [
        "# Problems and remedies",
        MADE,
        "Every reason that `status`, `orders` and `--json` show. The codes are stable.",
    ]
    for kind, (title, preface) in KINDS.items():
        rows = [_reason(each) for each in Reason if each.about.kind is kind]
        parts.append(f"## {title}\n\n{preface}")
        parts.append("\n".join((REASONS_HEAD, *rows)))
    return "\n\n".join(parts) + "\n"


def _reason(reason: Reason) -> str:
    row = reason.about
    cells = f"`{reason}`", row.sentence, row.remedy, row.tried_again.value, row.ends.value
    return f"| {' | '.join(cells)} |"


def pages() -> dict[Path, str]:
    """Every page that is made, with its text."""
    return {
        HERE.parent / "config.example.toml": example(),
        HERE / "options.md": options(),
        HERE / "commands.md": commands(),
        HERE / "problems.md": problems(),
        HERE / "katana-woo-sync.1": manual(),
    }


if __name__ == "__main__":
    for path, text in pages().items():
        path.write_text(text, encoding="utf-8")
        sys.stdout.write(f"{path.name}: {len(text.splitlines())} lines\n")
