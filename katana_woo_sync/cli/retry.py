"""`retry`: try failed orders, and those in attention, again now."""

from __future__ import annotations

from functools import partial

import click

from katana_woo_sync.cli.cycles import ENDING, Cycles
from katana_woo_sync.cli.main import Globals
from katana_woo_sync.cli.order import find_order
from katana_woo_sync.cli.orders import store_names
from katana_woo_sync.cli.output import safe
from katana_woo_sync.cli.program import Program, exits, start
from katana_woo_sync.cli.sync import handed_over, show
from katana_woo_sync.domain.order_record import OrderRecord, retried
from katana_woo_sync.sync.connect import RETRIED
from katana_woo_sync.sync.context import Context
from katana_woo_sync.sync.cycle import Options
from katana_woo_sync.sync.lock import LockHeld
from katana_woo_sync.sync.wishes import Wish, wish


@click.command("retry")
@click.argument("store", required=False)
@click.argument("number", required=False)
@click.option("--dry-run", is_flag=True, help="Change nothing; say what would be done.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for programs.")
@click.pass_obj
def command(
    options: Globals, store: str | None, number: str | None, dry_run: bool, as_json: bool
) -> None:
    """Try again now: all orders that failed or need a person, those of one store, or one order.

    NUMBER is the shop's order number, the number in Katana, or id:57 for WooCommerce's id 57.
    An order that was completed before it was ever seen as Processing is imported and delivered.

    Orders that you must look at first (not_listed, known_elsewhere), and orders that are left out
    (sub_order, has_sub_orders, pos_skipped) or ignored, are tried only if you name STORE and
    NUMBER.
    """
    program = start(options, dry_run=dry_run)
    stores = program.chosen(store)
    with exits(quiet=program.quiet):
        if not dry_run:  # which has a copy of the ledger for itself
            with program.context() as context:
                prepare(program, store, number, context)
                wish(context, {Wish.AGAIN})
        first = partial(prepare, program, store, number) if dry_run else None
        try:
            report = Cycles(program).work(
                stores, Options(), command="retry", first=first, patience=ENDING
            )
        except LockHeld as error:
            if error.is_stuck:
                raise
            handed_over("It takes the orders up within some minutes.", as_json=as_json)
    show(program, report, as_json=as_json)


def prepare(program: Program, store: str | None, number: str | None, context: Context) -> None:
    """Give the orders a clean slate, in one group of writes: the cycle that is at work, or follows,
    takes them up."""
    names = store_names(program.settings, store)
    with context.ledger.atomic():
        if number is not None:
            chosen = next(s for s in program.settings.stores if s.name == store)
            records = [find_order(context.ledger, chosen, number)]
        else:
            records = context.ledger.orders.find(identities=list(names), problems=True)
        for record in records:
            _retry_one(context, names[record.identity], record, asked_for=number is not None)


def _retry_one(context: Context, store: str, record: OrderRecord, *, asked_for: bool) -> None:
    again = retried(record, by_number=asked_for)
    if record.note_failed:
        context.ledger.shop_notes.retry(record.identity, record.order_id)
        context.ledger.shipments.retry(record.identity, record.order_id)
    if again is not None:
        context.ledger.orders.save([again])
    if again is not None or record.note_failed:
        context.did(context.stores[store], record, "ledger", RETRIED)
    elif asked_for:
        click.echo(
            f"{store}: order {safe(record.number, 40)} is {record.state}"
            f"{f' ({record.reason})' if record.reason else ''}: there is nothing to try again.",
            err=True,
        )
