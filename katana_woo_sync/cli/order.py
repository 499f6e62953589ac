"""`order`: one order's whole history on both sides."""

from __future__ import annotations

import click

from katana_woo_sync.cli.main import Globals
from katana_woo_sync.cli.orders import as_dict, store_names
from katana_woo_sync.cli.output import moment, money, print_json, safe
from katana_woo_sync.cli.setup import exits, read_settings
from katana_woo_sync.config import StoreSettings
from katana_woo_sync.domain.reasons import words
from katana_woo_sync.domain.records import OrderRecord
from katana_woo_sync.domain.shop_notes import KATANA_LINK
from katana_woo_sync.domain.transitions import with_its_complaint
from katana_woo_sync.ledger import Ledger


@click.command("order")
@click.argument("store")
@click.argument("number")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output.")
@click.pass_obj
def command(options: Globals, store: str, number: str, as_json: bool) -> None:
    """Show one order. NUMBER is the shop's order number, or id:57 for its WooCommerce id."""
    settings = read_settings(options)
    store_names(settings, store)
    chosen = next(s for s in settings.stores if s.name == store)
    with exits(), Ledger.open_to_read(settings.ledger) as ledger:
        record = with_its_complaint(find_order(ledger, chosen, number))
        if as_json:
            print_json(_whole(ledger, chosen, record))
        else:
            _print(ledger, chosen, record)


def find_order(ledger: Ledger, store: StoreSettings, number: str) -> OrderRecord:
    """The order that a person named. Ends the program where there is none, or several."""
    text = number.removeprefix("id:")
    if number.startswith("id:"):
        if not (text.isascii() and text.isdigit()):
            raise click.UsageError(f'"{number}" is no WooCommerce id; write it like id:57.')
        found = [r for r in [ledger.orders.get(store.identity, int(text))] if r]
    else:
        plain = number.removeprefix("#")
        found = ledger.orders.find(identities=[store.identity], number=plain)
    if not found:
        raise click.UsageError(f"The ledger knows no order {number} of store {store.name}.")
    if len(found) > 1:
        ids = ", ".join(f"id:{r.order_id} (of {moment(r.created)})" for r in found)
        raise click.UsageError(f"Several orders have the number {number}: {ids}. Name one by id.")
    return found[0]


def links(store: StoreSettings, record: OrderRecord) -> dict[str, str | None]:
    """Where a person sees the order on both sides."""
    sales_order = record.sales_order_id
    return {
        "shop": f"{store.api_url}/wp-admin/post.php?post={record.order_id}&action=edit",
        "katana": KATANA_LINK.format(sales_order) if sales_order else None,
    }


def _whole(ledger: Ledger, store: StoreSettings, record: OrderRecord) -> dict[str, object]:
    notes = ledger.orders.notes(record.identity, record.order_id)
    history = ledger.journal.of_order(record.identity, record.order_id)
    return {
        **as_dict(store.name, record),
        "links": links(store, record),
        "notes": [
            {
                "at": at.isoformat() if at else None,
                "reason": str(note.reason),
                "sentence": words(note.reason).sentence,
                "detail": note.detail or None,
            }
            for at, note in notes
        ],
        "history": [
            {
                "at": event.at.isoformat() if event.at else None,
                "side": event.side,
                "action": event.action,
                "detail": event.detail or None,
            }
            for event in history
        ],
    }


def _print(ledger: Ledger, store: StoreSettings, record: OrderRecord) -> None:
    where = links(store, record)
    click.echo(f"Order {safe(record.number, 60)} (id:{record.order_id}) of {store.name}")
    click.echo(f"  placed   {moment(record.created)}, {money(record.total, record.currency)}")
    click.echo(f"  shop     {safe(record.shop_status, 40)}  {where['shop']}")
    if record.sales_order_id:
        number, total = safe(record.sales_order_no, 60), record.katana_total
        status = record.katana_status if str(record.in_katana) == "yes" else "deleted"
        click.echo(
            f"  Katana   {status}  as {number}, {money(total, record.currency)}  {where['katana']}"
        )
    else:
        click.echo("  Katana   not there")
    click.echo(f"  state    {record.state}{f' ({record.reason})' if record.reason else ''}")
    if record.reason:
        said = words(record.reason)
        click.echo(f"           {said.sentence} {safe(record.detail, 400)}".rstrip())
        if said.remedy:
            click.echo(f"           {said.remedy}")
    events = [
        (event.at, f"{event.side}: {event.action} {safe(event.detail, 300)}".rstrip())
        for event in ledger.journal.of_order(record.identity, record.order_id)
    ] + [
        (at, f"note: {words(note.reason).sentence} {safe(note.detail, 300)}".rstrip())
        for at, note in ledger.orders.notes(record.identity, record.order_id)
    ]
    for at, line in sorted(events, key=lambda event: (event[0] is None, event[0])):
        click.echo(f"  {at.astimezone().strftime('%Y-%m-%d %H:%M:%S') if at else '-'}  {line}")
