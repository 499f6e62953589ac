"""`order`: one order's whole history on both sides."""

from __future__ import annotations

from datetime import datetime

import click

from katana_woo_sync.cli.main import Globals
from katana_woo_sync.cli.names import complete_store
from katana_woo_sync.cli.next_steps import next_of_order
from katana_woo_sync.cli.orders import as_dict, links, store_names
from katana_woo_sync.cli.output import iso, moment, money, print_json, safe
from katana_woo_sync.cli.program import exits, read_settings, utc_now
from katana_woo_sync.cli.story import story
from katana_woo_sync.cli.terminal import is_terminal
from katana_woo_sync.config import StoreSettings
from katana_woo_sync.domain.order_record import OrderRecord, with_its_complaint
from katana_woo_sync.ledger import Ledger
from katana_woo_sync.sync.report import Problem


@click.command("order")
@click.argument("store", shell_complete=complete_store)
@click.argument("number")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for programs.")
@click.pass_obj
def command(options: Globals, store: str, number: str, as_json: bool) -> None:
    """Show one order.

    NUMBER is the shop's order number, the number in Katana, or id:57 for WooCommerce's id 57.
    """
    settings = read_settings(options)
    store_names(settings, store)
    chosen = next(s for s in settings.stores if s.name == store)
    with exits(), Ledger.open_to_read(settings.ledger) as ledger:
        record = with_its_complaint(find_order(ledger, chosen, number))
        if as_json:
            print_json(whole_order(ledger, chosen, record))
            return
        step = next_of_order(settings, chosen, record, utc_now())
        if is_terminal():
            _draw(ledger, chosen, record, step)
        else:
            _print(ledger, chosen, record, step)


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
        found = found or ledger.orders.by_number_in_katana(store.identity, plain)
    if not found:
        raise click.UsageError(
            f"The ledger knows no order {number} of store {store.name}. It knows those "
            "that were open when the store was connected, and those that came since: "
            "`katana-woo-sync orders` lists them."
        )
    if len(found) > 1:
        ids = ", ".join(f"id:{r.order_id} (of {moment(r.created)})" for r in found)
        raise click.UsageError(f"Several orders have the number {number}: {ids}. Name one by id.")
    return found[0]


def whole_order(ledger: Ledger, store: StoreSettings, record: OrderRecord) -> dict[str, object]:
    """An order with all that the ledger knows of it, for `--json`."""
    notes = ledger.orders.notes(record.identity, record.order_id)
    history = ledger.journal.of_order(record.identity, record.order_id)
    return {
        **as_dict(store.name, record),
        "links": links(store, record),
        "notes": [
            {
                "at": iso(at),
                "reason": str(note.reason),
                "sentence": note.reason.about.sentence,
                "detail": note.detail or None,
            }
            for at, note in notes
        ],
        "history": [
            {
                "at": iso(event.at),
                "side": event.side,
                "action": event.action,
                "detail": event.detail or None,
            }
            for event in history
        ],
        "story": [
            {
                "at": iso(each.at),
                "side": each.side,
                "what": each.what,
                "detail": each.detail or None,
            }
            for each in story(ledger, record)
        ],
    }


def _print(ledger: Ledger, store: StoreSettings, record: OrderRecord, step: str) -> None:
    """The order in a pipe: a line for each thing, nothing left out."""
    where = links(store, record)
    click.echo(f"Order {safe(record.number)} (id:{record.order_id}) of {store.name}")
    click.echo(f"  placed   {moment(record.created)}, {money(record.total, record.currency)}")
    click.echo(f"  shop     {safe(record.shop_status)}  {where['shop']}")
    click.echo(f"  Katana   {_in_katana(record)}  {where['katana'] or ''}".rstrip())
    click.echo(f"  state    {record.state}{f' ({record.reason})' if record.reason else ''}")
    for line in _why(store, record):
        click.echo(f"           {safe(line)}")
    if step:
        click.echo(f"  next     {step}")
    for each in story(ledger, record):
        click.echo(f"  {_second(each.at)}  {safe(each.line)}")


def _draw(ledger: Ledger, store: StoreSettings, record: OrderRecord, step: str) -> None:
    """The order on a terminal."""
    from katana_woo_sync.cli.terminal import STYLES, ago, console, facts, text

    where, to, now, style = links(store, record), console(), utc_now(), STYLES.get(record.state, "")
    to.print(text(f"Order {record.number} of {store.name} (id:{record.order_id})", "bold"))
    grid = facts()
    grid.add_row("Placed", text(f"{moment(record.created)}, {ago(record.created, now)}"))
    grid.add_row("Total", text(money(record.total, record.currency)))
    grid.add_row("State", text(str(record.state), style))
    for line in _why(store, record):
        grid.add_row("", text(line))
    if step:
        grid.add_row("Next", text(step))
    grid.add_row("Shop", text(record.shop_status))
    grid.add_row("", text(where["shop"] or "", "underline", where["shop"]))
    grid.add_row("Katana", text(_in_katana(record)))
    if where["katana"]:
        grid.add_row("", text(where["katana"], "underline", where["katana"]))
    to.print(grid)
    to.print()
    drawn = facts()
    for each in story(ledger, record):
        colour = STYLES.get(each.what, "")
        drawn.add_row(text(_second(each.at), "dim"), text(each.line, colour))
    to.print(drawn)


def _in_katana(record: OrderRecord) -> str:
    if not record.sales_order_id:
        return "not there"
    there = str(record.in_katana) == "yes"
    status = safe(record.katana_status).replace("_", " ").lower() if there else "deleted"
    total = money(record.katana_total, record.currency)
    return f"{status}, as {safe(record.sales_order_no)}, {total}"


def _why(store: StoreSettings, record: OrderRecord) -> list[str]:
    """Why it is in its state, and what to do."""
    if not record.reason:
        return []
    said = Problem.of(store.name, record)
    return [said.sentence, said.remedy] if said.remedy else [said.sentence]


def _second(at: datetime | None) -> str:
    return at.astimezone().strftime("%Y-%m-%d %H:%M:%S") if at else "-"
