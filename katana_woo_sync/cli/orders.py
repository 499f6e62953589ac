"""`orders`: the ledger, readable."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import click

from katana_woo_sync.cli.dates import Date
from katana_woo_sync.cli.main import Globals
from katana_woo_sync.cli.names import complete_store
from katana_woo_sync.cli.output import (
    Cell,
    Column,
    iso,
    moment,
    money,
    print_json_list,
    print_table,
)
from katana_woo_sync.cli.program import exits, read_settings
from katana_woo_sync.cli.spreadsheet import csv_lines
from katana_woo_sync.cli.terminal import STYLES, is_terminal
from katana_woo_sync.config import Settings, StoreSettings
from katana_woo_sync.domain.dates import read_end
from katana_woo_sync.domain.order_record import OrderRecord, State, with_its_complaint
from katana_woo_sync.domain.reasons import about
from katana_woo_sync.domain.shop_notes import KATANA_LINK
from katana_woo_sync.ledger import Ledger
from katana_woo_sync.sync.report import Problem

MOST = 100
"""Orders that are listed for people where they don't say how many."""


COLUMNS = (
    Column("STORE"),
    Column("NUMBER"),
    Column("CREATED", 80),
    Column("TOTAL", right=True),
    Column("STATE"),
    Column("REASON", 80),
    Column("IN KATANA AS", 110),
    Column("SHOP", 110),
    Column("KATANA", 110),
)

CSV_COLUMNS = (
    *("store", "order_number", "order_id", "created", "paid", "currency", "total"),
    *("state", "reason", "sentence", "remedy", "shop_status"),
    *("sales_order_no", "katana_status", "katana_total"),
    *("imported_at", "delivered_at", "completed_at", "next_attempt_at"),
)
"""As `--json` calls them."""


@click.command("orders")
@click.option("--state", type=click.Choice([str(s) for s in State]), help="Only in this state.")
@click.option("--store", metavar="S", help="Only this store.", shell_complete=complete_store)
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    help="At most so many; 100 if left out, all with --json and --csv.",
)
@click.option(
    "--since",
    type=Date(),
    help='Only placed then or later (2026-01-31, "1 Nov"; a day begins at midnight in UTC).',
)
@click.option(
    "--until", type=Date(read_end), help="Only placed until then; the day or month belongs to it."
)
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV, for spreadsheets.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for programs.")
@click.pass_obj
def command(
    options: Globals,
    state: str | None,
    store: str | None,
    limit: int | None,
    since: datetime | None,
    until: datetime | None,
    as_csv: bool,
    as_json: bool,
) -> None:
    """List orders, newest first: state, why, and the number in Katana.

    Those that need a person: --state attention. A month as a table for a spreadsheet: --since
    2026-10-01 --until 2026-10-31 --csv.
    """
    settings = read_settings(options)
    names = store_names(settings, store)
    if as_csv and as_json:
        raise click.UsageError("Name one of --csv and --json.")
    with exits(), Ledger.open_to_read(settings.ledger) as ledger:
        most = limit or (-1 if as_json or as_csv else MOST)
        found = ledger.orders.each(
            identities=list(names), state=state or "", limit=most, since=since, until=until
        )
        if as_csv:
            rows = (
                as_dict(names[r.identity], r)
                for r in (with_its_complaint(record) for record in found)
            )
            for text in csv_lines(CSV_COLUMNS, (_csv_row(row) for row in rows)):
                click.echo(text, nl=False)
            return
        total = _count(ledger, names, state, since, until)
        if as_json:
            shown = (with_its_complaint(record) for record in found)
            print_json_list("orders", (as_dict(names[r.identity], r) for r in shown))
            return
        records = [with_its_complaint(record) for record in found]
        more = total - len(records)
    stores = {store.identity: store for store in settings.stores}
    if records or not is_terminal():
        print_table(COLUMNS, [_row(stores[r.identity], r) for r in records])
    else:
        click.echo("No orders.")
    if more > 0:
        click.echo(f"{more} older ones are left out; --limit {total} shows all.", err=True)


def _csv_row(order: Mapping[str, object]) -> list[str]:
    """An order as a row of a spreadsheet, in the columns' order."""
    return ["" if order[name] is None else str(order[name]) for name in CSV_COLUMNS]


def _count(
    ledger: Ledger,
    names: Mapping[str, str],
    state: str | None,
    since: datetime | None,
    until: datetime | None,
) -> int:
    """How many orders there are in the state, of the stores, placed in the span."""
    if since or until:
        return ledger.orders.count(
            identities=list(names), state=state or "", since=since, until=until
        )
    counts = [ledger.orders.counts(identity) for identity in names]
    return sum(n for of_store in counts for s, n in of_store.items() if state in (None, s))


def _row(store: StoreSettings, record: OrderRecord) -> list[str | Cell]:
    """An order as a row of the table."""
    where = links(store, record)
    return [
        store.name,
        Cell(record.number, link=where["shop"]),
        moment(record.created),
        money(record.total, record.currency),
        Cell(str(record.state), STYLES.get(str(record.state), "")),
        str(record.reason) or "-",
        Cell(record.sales_order_no or "-", link=where["katana"]),
        record.shop_status,
        record.katana_status or "-",
    ]


def links(store: StoreSettings, record: OrderRecord) -> dict[str, str | None]:
    """Where a person sees the order on both sides."""
    sales_order = record.sales_order_id
    return {
        "shop": f"{store.api_url}/wp-admin/post.php?post={record.order_id}&action=edit",
        "katana": KATANA_LINK.format(sales_order) if sales_order else None,
    }


def store_names(settings: Settings, name: str | None) -> dict[str, str]:
    """The stores' names by identity: all, or the one of this name."""
    names = {s.identity: s.name for s in settings.stores if name in (None, s.name)}
    if not names:
        known = ", ".join(s.name for s in settings.stores)
        raise click.UsageError(f'There is no store "{name}" in the config; it has {known}.')
    return names


def as_dict(store: str, record: OrderRecord) -> dict[str, object]:
    """An order for `--json`; amounts are decimal text with tax, times ISO 8601 in UTC."""
    total = record.katana_total
    return {
        "store": store,
        "order_id": record.order_id,
        "order_number": record.number,
        "created": iso(record.created),
        "currency": record.currency,
        "total": str(record.total),
        "state": str(record.state),
        "reason": str(record.reason) or None,
        "detail": record.detail or None,
        "sentence": about(record.reason).sentence if record.reason else None,
        "remedy": Problem.of(store, record).remedy or None if record.reason else None,
        "in_katana": str(record.in_katana),
        "sales_order_id": record.sales_order_id,
        "sales_order_no": record.sales_order_no or None,
        "katana_total": None if total is None else str(total),
        "shop_status": record.shop_status,
        "katana_status": record.katana_status or None,
        "next_attempt_at": iso(record.next_attempt_at),
        "attempts": record.attempts,
        "paid": iso(record.paid),
        "first_seen_at": iso(record.first_seen_at),
        "imported_at": iso(record.imported_at),
        "delivered_at": iso(record.delivered_at),
        "completed_at": iso(record.completed_at),
    }
