"""`check`: test everything without writing."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence

import click

from katana_woo_sync.cli import logs
from katana_woo_sync.cli.main import Globals
from katana_woo_sync.cli.output import ONLY_PIPED, Cell, Column, print_json, print_table, safe
from katana_woo_sync.cli.program import StopSignals, exits, make_katana, make_stores, utc_now
from katana_woo_sync.clients.redact import Redactor
from katana_woo_sync.config import ConfigError, find, home_folder, load, working_folder
from katana_woo_sync.domain.checks import Cause, Finding, Result, causes, error, summary
from katana_woo_sync.sync.checks.check import check, exit_code
from katana_woo_sync.sync.context import Store

COLUMNS = (
    *map(Column, ("WHERE", "TESTED", "RESULT", "FOUND")),
    Column("WHAT TO DO", ONLY_PIPED),
)
STYLES = {Result.OK: "green", Result.WARNING: "yellow", Result.ERROR: "bold red"}


@click.command("check")
@click.option("--store", metavar="S", help="Only this store (and what all of them need).")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for programs.")
@click.pass_obj
def command(options: Globals, store: str | None, as_json: bool) -> None:
    """Test everything and change nothing: config, ledger, Katana, each store, SKUs on both sides;
    and say what waits, since when, and for what.

    Each finding says what to do. Exit code 0: it works (warnings are worth a look). 1: something
    needs a person. 2: the config is wrong, or a key is refused. 75: Katana or every store cannot
    be reached now; try later.
    """
    try:
        path = find(options.config, os.environ, working_folder(), home_folder())
        settings = load(path, os.environ)
    except ConfigError as wrong:
        _end(_of_config(wrong), [], as_json=as_json, quiet=options.verbosity < 0)
        return
    redactor = Redactor(settings.secrets())
    logs.set_up(options.log_format, options.verbosity, redactor)
    stop = StopSignals()
    stop.install()
    with exits():
        # the clients of a dry run: what they would write, they answer themselves
        stores = _chosen(make_stores(settings, redactor, stop, dry_run=True), store)
        katana = make_katana(settings, redactor, stop, dry_run=True)
        findings = check(settings, katana, stores, utc_now, tell)
    _end(findings, [s.name for s in stores], as_json=as_json, quiet=options.verbosity < 0)


def _chosen(stores: dict[str, Store], name: str | None) -> list[Store]:
    if name is None:
        return list(stores.values())
    if name not in stores:
        known = ", ".join(stores)
        raise click.UsageError(f'There is no store "{name}" in the config; it has {known}.')
    return [stores[name]]


def tell(what: str) -> None:
    """Say on a terminal what is being asked."""
    if sys.stderr.isatty():
        click.echo(f"{what} …", err=True)


def _of_config(wrong: ConfigError) -> list[Finding]:
    where = f"{wrong.path}: " if wrong.path is not None else ""
    return [
        error(
            "config",
            "can be used",
            f"{where}{problem}",
            "" if wrong.path is None else "Correct it; config.example.toml explains every key",
            Cause.CONFIG,
        )
        for problem in wrong.problems
    ]


def _end(findings: Sequence[Finding], stores: Sequence[str], *, as_json: bool, quiet: bool) -> None:
    """Print the findings and the one sentence, and end with the exit code."""
    said = summary(findings, causes(findings, stores))
    if as_json:
        print_json({"findings": [as_dict(finding) for finding in findings], "summary": said})
    else:
        shown = [f for f in findings if not (quiet and f.result is Result.OK)]
        if shown:
            print_table(COLUMNS, _rows(shown))
        if shown or not quiet:
            click.echo(safe(said))
    raise SystemExit(int(exit_code(findings, stores)))


def as_dict(finding: Finding) -> dict[str, str]:
    """A finding for `--json`."""
    return {
        "where": finding.where,
        "tested": finding.tested,
        "result": str(finding.result),
        "found": finding.found,
        "remedy": finding.remedy,
    }


def _rows(findings: Sequence[Finding]) -> Iterator[list[str | Cell]]:
    """Each place once; on a terminal what is to be done stands below what was found."""
    before, is_drawn = "", sys.stdout.isatty()
    for finding in findings:
        where = "" if is_drawn and finding.where == before else finding.where
        before = finding.where
        found, remedy = safe(finding.found, 400), safe(finding.remedy, 400)
        result = finding.result.upper() if finding.result is not Result.OK else "ok"
        yield [
            Cell(where, "cyan"),
            finding.tested,
            Cell(result, STYLES[finding.result]),
            Cell(found, below=remedy),
            remedy,
        ]
