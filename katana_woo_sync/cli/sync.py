"""`sync`: one cycle."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

from katana_woo_sync.cli.after_cycle import AfterCycle
from katana_woo_sync.cli.main import Globals
from katana_woo_sync.cli.news import take_news
from katana_woo_sync.cli.output import print_json, print_news, print_report
from katana_woo_sync.cli.program import Program, exits, start
from katana_woo_sync.sync.context import Context
from katana_woo_sync.sync.cycle import Options, run_cycle
from katana_woo_sync.sync.report import ExitCode, Report


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
    they are due."""
    program = start(options, dry_run=dry_run)
    accepted = Options(accept_completions=accept_completions, accept_stock=accept_stock)
    with _told(program) as ended:
        report = work(program, store, accepted, "sync", tell=True)
        ended.append(report)
    show(program, report, as_json=as_json, quiet=options.verbosity < 0)


@contextmanager
def _told(program: Program) -> Iterator[list[Report]]:
    """Tell the monitor that a cycle begins and how it ended; its report is put into the list."""
    notifier, reports = program.notifier, list[Report]()
    notifier.begin()
    try:
        yield reports
    except click.ClickException as error:
        notifier.end(error.exit_code)
        raise
    except SystemExit as ended:
        notifier.end(int(str(ended.code)))
        raise
    notifier.end(int(reports[0].exit_code), reports[0])


def work(
    program: Program,
    store: str | None,
    options: Options,
    name: str,
    *,
    first: Callable[[Context], None] | None = None,
    tell: bool = False,
) -> Report:
    """Run one cycle, after `first`, record the run, and `tell` people what is new if asked to."""
    with exits(), program.context() as context:
        run = context.ledger.journal.begin_run(name, context.clock())
        if first is not None:
            first(context)
        run_cycle(context, program.chosen(store), options)
        report = context.report
        context.ledger.journal.end_run(run, context.clock(), int(report.exit_code), "")
        AfterCycle().done(context)
        if tell:
            program.notifier.tell(context)
        return report
    raise SystemExit(int(ExitCode.TRY_LATER))


def show(program: Program, report: Report, *, as_json: bool, quiet: bool) -> None:
    """Print the report (if quiet, what is new of it), and end with its exit code."""
    if as_json:
        print_json(report.to_json())
    elif quiet:
        with exits(), program.context() as context:
            told = take_news(context.ledger, report, context.clock())
        print_news(told)
    else:
        print_report(report)
    raise SystemExit(int(report.exit_code))
