"""`sync`: one cycle."""

from __future__ import annotations

from collections.abc import Sequence

import click

from katana_woo_sync.cli.cycles import ENDING, Cycles
from katana_woo_sync.cli.main import Globals
from katana_woo_sync.cli.news import take_news
from katana_woo_sync.cli.output import print_json, print_news, print_report
from katana_woo_sync.cli.program import Program, exits, start
from katana_woo_sync.sync.cycle import Options, SweepWhen
from katana_woo_sync.sync.lock import LockHeld
from katana_woo_sync.sync.report import ExitCode, Report
from katana_woo_sync.sync.wishes import Wish, wish

STOCK, SWEEP = NOW = ("stock", "sweep")
"""What may be asked for at once."""


@click.command("sync")
@click.option("--store", metavar="S", help="Only this store.")
@click.option("--dry-run", is_flag=True, help="Change nothing; say what would be done.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for programs.")
@click.option(
    "--accept-completions",
    is_flag=True,
    help="Confirm what stopped for you: complete orders in the shop though it is most of the open "
    "ones at once.",
)
@click.option(
    "--accept-stock",
    is_flag=True,
    help="Confirm what stopped for you: set stock though it sells out much of the shop at once.",
)
@click.option(
    "--now",
    type=click.Choice(NOW),
    multiple=True,
    help="stock: set stock at once, whenever it is due. sweep: compare all open orders, and the "
    "whole stock, at once. May be given twice.",
)
@click.pass_obj
def command(
    options: Globals,
    store: str | None,
    dry_run: bool,
    as_json: bool,
    accept_completions: bool,
    accept_stock: bool,
    now: Sequence[str],
) -> None:
    """Do once what is to be done now, and end: a cycle, for cron and systemd timers.

    New orders are imported. Orders delivered in Katana are completed in the shop, and the other way
    round. Stock, and the daily comparison of all open orders (the sweep), have their own intervals
    in the config.

    Only one run works at a time. Where another one is at work, this one ends with exit code 75; an
    --accept-… or --now is handed over to it.
    """
    program = start(options, dry_run=dry_run)
    stores = program.chosen(store)
    if STOCK in now and not any(each.settings.sync_stock for each in stores):
        raise click.UsageError(
            "No store has sync_stock = true in the config: there is no stock to set."
        )
    accepted = Options(
        accept_completions=accept_completions,
        accept_stock=accept_stock,
        stock_now=STOCK in now,
        # else the ledger knows of it: it is due once
        sweep=SweepWhen.NOW if dry_run and SWEEP in now else SweepWhen.DUE,
    )
    asked = {
        Wish.ACCEPT_COMPLETIONS: accept_completions,
        Wish.ACCEPT_STOCK: accept_stock,
        Wish.STOCK: STOCK in now,
        Wish.SWEEP: SWEEP in now,
    }
    wishes = {each for each, is_asked in asked.items() if is_asked}
    with exits(quiet=program.quiet):
        if wishes and not dry_run:
            with program.context() as context:
                wish(context, wishes)
        try:
            report = Cycles(program).work(stores, accepted, patience=ENDING if wishes else 0)
        except LockHeld as error:
            if not wishes or error.is_stuck:
                raise
            handed_over("It does what you ask for within some minutes.", as_json=as_json)
    show(program, report, as_json=as_json)


def handed_over(what: str, *, as_json: bool) -> None:
    """Say that the run that is at work takes over what was asked for, and end well."""
    if as_json:
        print_json({"handed_over": True})
    click.echo(f"Another run of katana-woo-sync is at work. {what}", err=True)
    raise SystemExit(int(ExitCode.DONE))


def show(program: Program, report: Report, *, as_json: bool) -> None:
    """Print the report (if quiet, what is new of it), and end with its exit code."""
    if as_json:
        print_json(report.to_json())
    elif program.quiet:
        with exits(), program.context() as context:
            told = take_news(context.ledger, report, context.clock())
        print_news(told)
    else:
        print_report(report)
    raise SystemExit(int(report.exit_code))
