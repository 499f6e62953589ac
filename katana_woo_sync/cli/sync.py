"""`sync`: one cycle."""

from __future__ import annotations

import click

from katana_woo_sync.cli.cycles import ENDING, Cycles
from katana_woo_sync.cli.main import Globals
from katana_woo_sync.cli.news import take_news
from katana_woo_sync.cli.output import print_json, print_news, print_report
from katana_woo_sync.cli.program import Program, exits, start
from katana_woo_sync.sync.cycle import Options
from katana_woo_sync.sync.lock import LockHeld
from katana_woo_sync.sync.report import ExitCode, Report
from katana_woo_sync.sync.wishes import Wish, wish


@click.command("sync")
@click.option("--store", metavar="S", help="Only this store.")
@click.option("--dry-run", is_flag=True, help="Ask both sides, write nothing, say what would be.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output.")
@click.option(
    "--accept-completions",
    is_flag=True,
    help="Complete orders in the shop even if it is most of them at once.",
)
@click.option(
    "--accept-stock",
    is_flag=True,
    help="Set stock even if much of the shop sells out at once.",
)
@click.pass_obj
def command(
    options: Globals,
    store: str | None,
    dry_run: bool,
    as_json: bool,
    accept_completions: bool,
    accept_stock: bool,
) -> None:
    """One cycle: import new orders, carry deliveries and completions; stock and the sweep when
    they are due.

    Where another run is at work, it is told what you accept; else this one ends with exit code 75.
    """
    program = start(options, dry_run=dry_run)
    stores = program.chosen(store)
    accepted = Options(accept_completions=accept_completions, accept_stock=accept_stock)
    wishes = set[Wish]()
    if accept_completions:
        wishes.add(Wish.ACCEPT_COMPLETIONS)
    if accept_stock:
        wishes.add(Wish.ACCEPT_STOCK)
    with exits(quiet=program.quiet):
        if wishes and not dry_run:
            with program.context() as context:
                wish(context, wishes)
        try:
            report = Cycles(program).work(stores, accepted, patience=ENDING if wishes else 0)
        except LockHeld as error:
            if not wishes or error.is_stuck:
                raise
            handed_over("It does what you accept within some minutes.", as_json=as_json)
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
