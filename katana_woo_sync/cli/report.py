"""`report`: the status page."""

from __future__ import annotations

from pathlib import Path

import click

from katana_woo_sync.cli.main import Globals
from katana_woo_sync.cli.page import NotWritten, gather, write
from katana_woo_sync.cli.program import exits, read_settings, utc_now
from katana_woo_sync.ledger import Ledger
from katana_woo_sync.report import render
from katana_woo_sync.sync.report import ExitCode

DEFAULT = Path("katana-woo-sync.html")


@click.command("report")
@click.option(
    "--output",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help=f"Where to write it; - is standard output. Default: [report] path, else {DEFAULT} here.",
)
@click.pass_obj
def command(options: Globals, output: Path | None) -> None:
    """Write the status page: one HTML file with what needs a person, plots and recent orders."""
    settings = read_settings(options)
    with exits():
        with Ledger.open_to_read(settings.ledger) as ledger:
            page = gather(settings, ledger, utc_now())
        if output == Path("-"):
            click.echo(render(page).encode("utf-8", "replace"))
            return
        path = output or settings.report.path or DEFAULT
        try:
            write(page, path)
        except NotWritten as error:
            click.echo(str(error), err=True)
            raise SystemExit(int(ExitCode.USAGE)) from None
        click.echo(f"Written: {path.absolute()}")
