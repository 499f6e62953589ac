"""`erase`: what is kept about one customer, but for what keeps orders from being doubled."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from katana_woo_sync.cli.cycles import refresh_page
from katana_woo_sync.cli.export import customer_of, refuse_no_address
from katana_woo_sync.cli.main import Globals
from katana_woo_sync.cli.output import print_json
from katana_woo_sync.cli.program import exits, start
from katana_woo_sync.ledger.copies import kept_beside
from katana_woo_sync.sync.context import Context
from katana_woo_sync.sync.customer_data import CustomerData
from katana_woo_sync.sync.report import ExitCode


@click.command("erase")
@click.argument("email")
@click.option("--yes", is_flag=True, help="Do not ask, go on.")
@click.option("--dry-run", is_flag=True, help="Change nothing; say what would be done.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for programs.")
@click.pass_obj
def command(options: Globals, email: str, yes: bool, dry_run: bool, as_json: bool) -> None:
    """Erase from the ledger what it keeps about the customer with this e-mail address.

    Texts about her orders go, and the digests by which she is recognised; also while a run is at
    work. Ids, numbers (of parcels too), totals, the orders' digests and states stay, so that
    nothing is imported twice. The status page is written anew. Do this first, then erase her in the
    shops and in Katana: they are asked which orders are hers. Exit code 75: one of them could not
    be asked, and nothing was erased.
    """
    program = start(options, dry_run=dry_run)
    refuse_no_address(email)
    with exits(), program.context() as context:
        found = customer_of(program, context, email)
        if not (found.is_empty or dry_run or yes):
            _ask(found)
        if not found.is_empty:
            erase(context, found)
    copies = kept_beside(program.settings.ledger)
    if as_json:
        print_json(
            {
                "dry_run": dry_run,
                "orders": len(found.orders),
                "customers": list(found.ids),
                "copies": [str(path) for path in copies],
            }
        )
    else:
        _print(found, copies, dry_run=dry_run)


def erase(context: Context, found: CustomerData) -> None:
    """Erase it in one transaction, and write the page anew."""
    orders = [(record.identity, record.order_id) for record in found.orders]
    with context.ledger.atomic():
        context.ledger.personal.erase(found.ids, orders)
    if not context.dry_run:
        context.ledger.personal.overwrite()
    refresh_page(context)


def _ask(found: CustomerData) -> None:
    if not sys.stdin.isatty():
        raise click.UsageError("Nobody is there to be asked; --yes erases without.")
    if not click.confirm(f"Erase what is kept about {_words(found)}?", err=True):
        click.echo("Nothing was erased.", err=True)
        raise SystemExit(int(ExitCode.PROBLEMS))


def _words(found: CustomerData) -> str:
    orders = "1 order" if len(found.orders) == 1 else f"{len(found.orders)} orders"
    ids = ", ".join(map(str, found.ids))
    return f"{orders} and {f'customer {ids} of Katana' if ids else 'no customer of Katana'}"


def _print(found: CustomerData, copies: list[Path], *, dry_run: bool) -> None:
    if found.is_empty:
        click.echo("The ledger keeps nothing about this address.")
    else:
        would = "Would be erased" if dry_run else "Erased"
        click.echo(f"{would}: the texts and digests of {_words(found)}.")
    if copies:
        click.echo("These copies of the ledger are as they were; delete those you need no more:")
        for path in copies:
            click.echo(f"  {path}")
    click.echo("Your own back-ups, logs and exported pages are yours to erase.")
