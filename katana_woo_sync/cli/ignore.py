"""`ignore`: leave an order alone from now on."""

from __future__ import annotations

import click

from katana_woo_sync.cli.main import Globals
from katana_woo_sync.cli.order import find_order
from katana_woo_sync.cli.orders import as_dict, store_names
from katana_woo_sync.cli.output import print_json, safe
from katana_woo_sync.cli.program import exits, start
from katana_woo_sync.domain.order_record import OrderRecord, State, ignored
from katana_woo_sync.sync.report import ExitCode


@click.command("ignore")
@click.argument("store")
@click.argument("number")
@click.option("--dry-run", is_flag=True, help="Change nothing; say what would be done.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for programs.")
@click.pass_obj
def command(options: Globals, store: str, number: str, dry_run: bool, as_json: bool) -> None:
    """Leave one order alone from now on: it is not imported, delivered or completed any more.

    If the only thing wrong is that its total differs, only the difference is accepted: deliveries
    and completions go on.
    NUMBER is the shop's order number, the number in Katana, or id:57 for WooCommerce's id 57.
    `retry STORE NUMBER` takes it back.
    """
    program = start(options, dry_run=dry_run)
    store_names(program.settings, store)
    chosen = program.stores[store]
    with exits(), program.context() as context, context.ledger.atomic():
        known = find_order(context.ledger, chosen.settings, number)
        record = ignored(known)
        if record is None:
            raise click.UsageError(_refusal(known))
        context.save(chosen, record, known)
        context.did(chosen, record, "ledger", "ignored by hand", str(known.reason))
    if as_json:
        print_json(as_dict(store, record))
    else:
        would = "would be" if dry_run else "is"
        click.echo(f"{store}: order {safe(record.number, 40)}: {_told(record).format(would)}")
    raise SystemExit(int(ExitCode.DONE))


def _told(record: OrderRecord) -> str:
    if record.state is State.IGNORED:
        return "it {} left alone from now on; `retry` with its number takes that back."
    return "that its total differs {} set aside; its fulfilment goes on."


def _refusal(record: OrderRecord) -> str:
    number = safe(record.number, 40)
    if record.state is State.IMPORTING:
        return (
            f"Order {number} is just being imported: what became of it is asked for within "
            "minutes. Try again then."
        )
    return f"Order {number} is {record.state}: there is nothing to ignore."
