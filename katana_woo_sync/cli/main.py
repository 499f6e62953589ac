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
    "demo": "The whole job against an embedded sandbox; no account, no network.",
    "sandbox": "Serve that sandbox, and print a config to try the real commands with.",
    "init": "Write a config by asking; each answer is tested against the live store and Katana.",
    "check": "Test everything without writing; each finding says what to do.",
    "backfill": "The first import after connecting; can be stopped and run again.",
    "sync": "One cycle, for cron and systemd timers.",
    "run": "The loop in the foreground, for a systemd service.",
    "status": "At a glance: orders, problems, and what comes next.",
    "orders": "The orders in the ledger.",
    "report": "The status page: one HTML file with plots, problems and recent orders.",
    "order": "One order's whole history on both sides.",
    "reconcile": "A month in the shop against Katana, for the accountant.",
    "retry": "Try failed orders and those that need attention again now.",
    "ignore": "Stop trying an order.",
    "config": "The JSON schema of the configuration, for editors.",
    "notify-test": "Send a test message to everybody who is to be told.",
    "completion": "Print what lets a shell complete commands, stores and states.",
    "rebuild-ledger": "Make a lost or broken ledger again from what Katana holds.",
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
    help="How log lines are written to standard error.",
)
@click.option("-v", "--verbose", count=True, help="Log more.")
@click.option(
    "-q",
    "--quiet",
    count=True,
    help="Log only warnings; print problems when they begin, change or end, and once a day.",
)
@click.version_option(__version__, prog_name=PROGRAM)
@click.pass_context
def cli(ctx: click.Context, config: str | None, log_format: str, verbose: int, quiet: int) -> None:
    """Keeps WooCommerce stores and Katana in step.

    Paid orders become sales orders in Katana, once and to the cent; deliveries and completions are
    carried both ways. The config is looked for in $KATANA_WOO_SYNC_CONFIG, ./config.toml,
    ~/.config/katana-woo-sync/config.toml and /etc/katana-woo-sync/config.toml.
    """
    ctx.obj = Globals(config, log_format, verbose - quiet)


def main() -> None:
    """Run the program; it ends with the exit codes that the README lists."""
    output = streams.open_streams()
    try:
        cli.main(prog_name=PROGRAM)
    except SystemExit as ended:
        if streams.tell(output) or ended.code:
            raise
        raise SystemExit(NOT_PRINTED) from None
