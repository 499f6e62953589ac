"""`export`: all that the ledger keeps about one customer."""

from __future__ import annotations

import json
from pathlib import Path

import click

from katana_woo_sync.cli.main import Globals
from katana_woo_sync.cli.order import whole_order
from katana_woo_sync.cli.output import print_json
from katana_woo_sync.cli.own_file import own_file
from katana_woo_sync.cli.program import Program, exits, start
from katana_woo_sync.sync.context import Context
from katana_woo_sync.sync.customer_data import CustomerData, find_customer

MARK = '{\n  "katana_customers"'
"""How the file begins."""


@click.command("export")
@click.argument("email")
@click.option(
    "--output",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write it there, for this user alone; else it is printed.",
)
@click.pass_obj
def command(options: Globals, email: str, output: Path | None) -> None:
    """All that the ledger keeps about the customer with this e-mail address, as JSON.

    Shops and Katana are asked which orders are hers: the ledger holds no names. What they hold
    themselves is not in it; docs/personal-data.md says where that is exported. Exit code 75: one of
    them could not be asked.
    """
    program = start(options, dry_run=True)  # clients that cannot write
    refuse_no_address(email)
    with exits(), program.context(to_read=True) as context:
        found = customer_of(program, context, email)
        kept = everything(context, found)
    if output is None:
        print_json(kept)
        return
    with own_file(output, MARK) as file:
        json.dump(kept, file, ensure_ascii=False, indent=2)
    click.echo(f"Written: {output.absolute()}")


def refuse_no_address(email: str) -> None:
    """End the program where this is no e-mail address: a part of one is in others' too."""
    name, _at, host = email.strip().partition("@")
    if not (name and host):
        raise click.UsageError(f'"{email}" is no e-mail address.')


def customer_of(program: Program, context: Context, email: str) -> CustomerData:
    """What is known of the customer; of stores that are left alone only Katana tells."""
    stores = program.chosen(None)
    for store in context.stores.values():
        if store not in stores:
            click.echo(f"{store.name} is paused: Katana is asked for its orders alone.", err=True)
    return find_customer(context, stores, email)


def everything(context: Context, found: CustomerData) -> dict[str, object]:
    """What the ledger holds of the customer, table by table, and order by order."""
    ledger, stores = context.ledger, {s.identity: s for s in context.settings.stores}
    orders = []
    for record in found.orders:
        order = whole_order(ledger, stores[record.identity], record)
        key = record.identity, record.order_id
        order |= {
            "order_key": record.order_key,
            "fingerprint": record.fingerprint,
            "note_failed": record.note_failed,
            "adoptable": ledger.personal.adoptable(key),
            "shipments": ledger.personal.shipments(key),
        }
        orders.append(order)
    return {
        **ledger.personal.rows(found.ids, found.references),
        "orders": orders,
    }
