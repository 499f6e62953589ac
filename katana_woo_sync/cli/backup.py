"""`backup`: a copy of the ledger, also while a run works with it."""

from __future__ import annotations

from pathlib import Path

import click

from katana_woo_sync.cli.main import Globals
from katana_woo_sync.cli.output import print_json
from katana_woo_sync.cli.program import exits, read_settings
from katana_woo_sync.ledger import Ledger


@click.command("backup")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for programs.")
@click.pass_obj
def command(options: Globals, file: Path, as_json: bool) -> None:
    """Copy the ledger into FILE, also while a run is at work.

    The copy is one file, which only this user can read, and is tested. A backup that FILE holds
    already is replaced, once the new one is whole; any other file is left alone. To go back to a
    backup, put it in the ledger's place while nothing runs.
    """
    settings = read_settings(options)
    with exits():
        Ledger.backup(settings.ledger, file)
    size = file.stat().st_size
    if as_json:
        print_json({"file": str(file.absolute()), "bytes": size})
    elif options.verbosity >= 0:
        click.echo(f"Written: {file.absolute()} ({size:,} bytes)")
