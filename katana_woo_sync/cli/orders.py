"""`orders`: the ledger, readable."""

from __future__ import annotations

import click

from katana_woo_sync.cli.main import Globals
from katana_woo_sync.cli.output import ORDER_COLUMNS, order_row, print_json, print_table
from katana_woo_sync.cli.setup import exits, read_settings
from katana_woo_sync.config import Settings
from katana_woo_sync.domain.reasons import words
from katana_woo_sync.domain.records import OrderRecord, State
from katana_woo_sync.domain.transitions import with_its_complaint
from katana_woo_sync.ledger import Ledger


@click.command("orders")
@click.option("--state", type=click.Choice([str(s) for s in State]), help="Only in this state.")
@click.option("--store", metavar="S", help="Only this store.")
@click.option(
    "--limit", type=click.IntRange(min=1), default=100, show_default=True, help="At most so many."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output.")
@click.pass_obj
def command(
    options: Globals, state: str | None, store: str | None, limit: int, as_json: bool
) -> None:
    """List orders, newest first."""
    settings = read_settings(options)
    names = store_names(settings, store)
    with exits(), Ledger.open_to_read(settings.ledger) as ledger:
        found = ledger.orders.find(identities=list(names), state=state or "", limit=limit)
    records = [with_its_complaint(record) for record in found]
    if as_json:
        print_json({"orders": [as_dict(names[r.identity], r) for r in records]})
    else:
        print_table(ORDER_COLUMNS, [order_row(names[r.identity], r) for r in records])


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
        "created": record.created.isoformat() if record.created else None,
        "currency": record.currency,
        "total": str(record.total),
        "state": str(record.state),
        "reason": str(record.reason) or None,
        "detail": record.detail or None,
        "sentence": words(record.reason).sentence if record.reason else None,
        "remedy": words(record.reason).remedy or None if record.reason else None,
        "in_katana": str(record.in_katana),
        "sales_order_id": record.sales_order_id,
        "sales_order_no": record.sales_order_no or None,
        "katana_total": None if total is None else str(total),
        "shop_status": record.shop_status,
        "katana_status": record.katana_status or None,
        "next_attempt_at": record.next_attempt_at.isoformat() if record.next_attempt_at else None,
    }
