"""`reconcile`: a month in the shop against Katana, for the accountant."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import click

from katana_woo_sync.cli.main import Globals
from katana_woo_sync.cli.output import print_json, print_table, safe
from katana_woo_sync.cli.program import exits, start
from katana_woo_sync.cli.spreadsheet import write_csv
from katana_woo_sync.clients.errors import ServiceError
from katana_woo_sync.domain.dates import read_month
from katana_woo_sync.domain.reconciliation import Amounts, Before, Cell, Pair, cells, differing
from katana_woo_sync.sync.reconciliation import reconcile
from katana_woo_sync.sync.report import UNREAD, ExitCode

SUM_COLUMNS = (
    *("store", "day", "currency", "tax_rate", "shop_orders", "shop_net", "shop_tax", "shop_total"),
    *("katana_orders", "katana_net", "katana_tax", "katana_total", "difference"),
)
ORDER_COLUMNS = (
    *("store", "day", "order_number", "order_id", "currency"),
    *("shop_total", "katana_total", "difference", "why"),
)


@click.command("reconcile")
@click.option(
    "--month", required=True, metavar="YYYY-MM", help="The month, by the shop's calendar."
)
@click.option("--store", metavar="S", help="Only this store.")
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the sums as CSV here, and the orders that differ beside it (…-orders.csv).",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for programs.")
@click.pass_obj
def command(
    options: Globals, month: str, store: str | None, output: Path | None, as_json: bool
) -> None:
    """Compare a month's orders in the shop with Katana: sums by store, day, currency and tax rate,
    and each order that differs, with the reason where it is known.

    Only reads. Exit code 0: all agrees; 1: something differs.
    """
    try:
        first, last = read_month(month)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    program = start(options, dry_run=True)  # clients that cannot write
    pairs: list[Pair] = []
    failed = False
    unread: list[str] = []
    with exits(), program.context(to_read=True) as context:
        for each in program.chosen(store):
            try:
                pairs += reconcile(context, each, first, last)
            except ServiceError as error:
                if error.service != each.name or len(program.stores) == 1:
                    raise
                failed = True
                click.echo(f"{each.name}: not compared: {safe(str(error))}", err=True)
            unread += [f"{each.name}: {text}" for text in each.shop.take_unread()]
        unread += [f"Katana: {text}" for text in program.katana.take_unread()]
    for text in unread:
        click.echo(f"{UNREAD}: {safe(text, 400)}", err=True)
    sums, wrong = cells(pairs), differing(pairs)
    left_out = {
        kind: Counter(pair.store for pair in pairs if pair.before is kind) for kind in Before
    }
    for kind, counts in left_out.items():
        for name, count in counts.items():
            orders = f"{count} orders were" if count > 1 else "1 order was"
            click.echo(f"{name}: {orders} {BEFORE_WORDS[kind]}; not compared.", err=True)
    if output is not None:
        write_csv(output, SUM_COLUMNS, [_sum_row(cell) for cell in sums])
        beside = output.with_name(f"{output.stem}-orders{output.suffix}")
        write_csv(beside, ORDER_COLUMNS, [_order_row(pair) for pair in wrong])
    if as_json:
        print_json(
            {
                "sums": [dict(zip(SUM_COLUMNS, _sum_row(cell), strict=True)) for cell in sums],
                "orders": [dict(zip(ORDER_COLUMNS, _order_row(p), strict=True)) for p in wrong],
                **{str(kind): dict(counts) for kind, counts in left_out.items() if counts},
            }
        )
    else:
        _show(sums, wrong, len(pairs) - sum(counts.total() for counts in left_out.values()))
    raise SystemExit(int(ExitCode.PROBLEMS if wrong or failed or unread else ExitCode.DONE))


BEFORE_WORDS = {
    Before.CONNECTION: "completed before the store was connected",
    Before.SINCE: "placed before the store's import-from date (since)",
}


def _sum_row(cell: Cell) -> list[str]:
    return [
        cell.store,
        cell.day.isoformat(),
        cell.currency,
        f"{cell.rate.normalize():f}",
        str(cell.shop_orders),
        *_money(cell.shop),
        str(cell.katana_orders),
        *_money(cell.katana),
        f"{cell.difference:.2f}",
    ]


def _order_row(pair: Pair) -> list[str]:
    return [
        pair.store,
        pair.day.isoformat(),
        pair.number,
        str(pair.order_id),
        pair.currency,
        _side(pair.shop_total),
        _side(pair.katana_total),
        f"{pair.difference:.2f}",
        pair.why,
    ]


def _side(total: Decimal | None) -> str:
    return "" if total is None else f"{total:.2f}"


def _money(amounts: Amounts) -> tuple[str, str, str]:
    return f"{amounts.net:.2f}", f"{amounts.tax:.2f}", f"{amounts.total:.2f}"


def _show(sums: Sequence[Cell], wrong: Sequence[Pair], orders: int) -> None:
    by_rate: dict[tuple[str, str, Decimal], tuple[Amounts, Amounts]] = {}
    for cell in sums:
        key = (cell.store, cell.currency, cell.rate)
        shop, katana = by_rate.get(key, (Amounts(), Amounts()))
        by_rate[key] = (shop + cell.shop, katana + cell.katana)
    rows = [
        [store, safe(currency, 3), f"{rate.normalize():f} %", *_pair_of(shop, katana)]
        for (store, currency, rate), (shop, katana) in sorted(by_rate.items())
    ]
    print_table(("STORE", "CURRENCY", "TAX RATE", "SHOP", "KATANA", "DIFFERENCE"), rows)
    if wrong:
        click.echo("")
        print_table(
            ("STORE", "DAY", "ORDER", "SHOP", "KATANA", "WHY"),
            [[safe(row[i], 200) for i in (0, 1, 2, 5, 6, 8)] for row in map(_order_row, wrong)],
        )
    click.echo(f"{orders} orders, {len(wrong)} of them differ.")


def _pair_of(shop: Amounts, katana: Amounts) -> tuple[str, str, str]:
    return f"{shop.total:.2f}", f"{katana.total:.2f}", f"{katana.total - shop.total:+.2f}"
