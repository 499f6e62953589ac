"""The command line: global options, and the commands, each imported when it is called."""

from __future__ import annotations

import gc
import importlib

import click
from msgspec import Struct

from katana_woo_sync import __version__
from katana_woo_sync.cli import streams

NOT_PRINTED = 1
"""The exit code of a command that did all but print it."""

PROGRAM = "katana-woo-sync"
"""Its name however it was started, which a shell's completion asks by."""

COMMANDS = {
    "demo": "See it work: a WooCommerce and a Katana come with it; no account, no network.",
    "sandbox": "Start those two, and print a config to try the other commands with.",
    "init": "Write a config by asking; each answer is tested against the store and Katana.",
    "check": "Test everything, change nothing; what is wrong is said with what to do.",
    "probe": "Find out by trying how your Katana account behaves; it asks first, and tidies up.",
    "backfill": "The first import: every open order. It shows them and asks first.",
    "sync": "Do once what is to be done now: for cron and systemd timers.",
    "run": "Do the same every few minutes, until stopped: for a systemd service.",
    "status": "At a glance: what works, how many orders, what needs a person.",
    "orders": "List orders, such as those that need a person.",
    "report": "Write the status page: one HTML file with problems, plots and recent orders.",
    "order": "One order: its state, why, what to do, and its history on both sides.",
    "reconcile": "Compare a month in the shop with Katana, for the accountant.",
    "retry": "Try again now: all orders that failed or need a person, or one of them.",
    "ignore": "Leave one order alone from now on.",
    "backup": "Copy the ledger into a file, also while a run is at work.",
    "export": "Print all that the ledger keeps about one customer.",
    "erase": "Erase from the ledger what it keeps about one customer.",
    "config": "Print the config that holds, secrets masked; or its JSON schema, for editors.",
    "notify-test": "Send a test message to everybody who is told of problems.",
    "completion": "Print what makes the Tab key complete commands, stores and states.",
    "rebuild-ledger": "Make the program's lost or broken memory (the ledger) again, from Katana.",
}


OF_THE_DEMO = ("werkzeug", "jsonschema")
"""Packages that only the sandbox needs: a server that works real accounts has no use for them."""


class Globals(Struct, frozen=True):
    """The options that come before the command."""

    config: str | None
    log_format: str
    verbosity: int


class LazyGroup(click.Group):
    """Imports a command's module only when the command is called: starting stays quick."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands in the order in which a newcomer needs them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, imported now; None for one that does not exist."""
        if cmd_name not in COMMANDS:
            return None
        try:
            module = importlib.import_module(f"katana_woo_sync.cli.{cmd_name.replace('-', '_')}")
        except ModuleNotFoundError as error:
            missing = (error.name or "").partition(".")[0]
            if missing not in OF_THE_DEMO:
                raise
            raise click.UsageError(
                f"`{cmd_name}` needs the package {missing}, which is not installed; run: "
                'pip install "katana-woo-sync[demo]"'
            ) from None
        command: click.Command = module.command
        if not gc.isenabled():
            gc.freeze()  # what was loaded stays: no collection looks at it, nor the one at the end
            gc.enable()
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands for `--help`, without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.command(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--config", metavar="FILE", help="The configuration file (TOML).")
@click.option(
    "--log-format",
    type=click.Choice(["text", "json"]),
    default="text",
    help="How log lines on standard error are written.",
)
@click.option("-v", "--verbose", count=True, help="Log more.")
@click.option(
    "-q",
    "--quiet",
    count=True,
    help="For timers: log only warnings; print a problem when it is new, changes or ends, and once "
    "a day as long as it lasts.",
)
@click.version_option(__version__, prog_name=PROGRAM)
@click.pass_context
def cli(ctx: click.Context, config: str | None, log_format: str, verbose: int, quiet: int) -> None:
    """Keeps WooCommerce stores and Katana in step.

    Each paid order becomes a sales order in Katana, once and to the cent. An order delivered in
    Katana is completed in the shop, and the other way round. If you want, the shop's stock is what
    Katana says.

    To begin: `demo`, then `init`, `check`, `backfill`, and `sync` from a timer.

    The config is the file named by --config, else by $KATANA_WOO_SYNC_CONFIG, else the first of
    ./config.toml, ~/.config/katana-woo-sync/config.toml and /etc/katana-woo-sync/config.toml.
    """
    ctx.obj = Globals(config, log_format, verbose - quiet)


def main() -> None:
    """Run the program; it ends with the exit codes that docs/day-by-day.md lists."""
    output = streams.open_streams()
    try:
        cli.main(prog_name=PROGRAM)
    except SystemExit as ended:
        if streams.tell(output) or ended.code:
            raise
        raise SystemExit(NOT_PRINTED) from None
