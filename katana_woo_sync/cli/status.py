"""`status`: at a glance, from the ledger alone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from katana_woo_sync.cli.health import complaints
from katana_woo_sync.cli.main import Globals
from katana_woo_sync.cli.next_steps import next_of_cycle
from katana_woo_sync.cli.output import (
    iso,
    moment,
    print_json,
    print_problems,
    print_unread,
    safe,
    words_of_others,
)
from katana_woo_sync.cli.program import exits, read_settings, start, utc_now
from katana_woo_sync.cli.terminal import console, is_terminal
from katana_woo_sync.clients.katana_http import KATANA
from katana_woo_sync.config import Settings, StoreSettings
from katana_woo_sync.domain.checks import in_the_future, words_of_the_future
from katana_woo_sync.domain.order_record import OrderRecord
from katana_woo_sync.domain.stock import LEFT_OUT_WORDS
from katana_woo_sync.ledger import Ledger
from katana_woo_sync.ledger.stock import StockState
from katana_woo_sync.ledger.stores import StoreRecord
from katana_woo_sync.sync.cycle import KATANA_ERROR
from katana_woo_sync.sync.integration import still_at_work
from katana_woo_sync.sync.poll import cursor_name
from katana_woo_sync.sync.report import ExitCode, Problem, in_one_line, unread_lately

if TYPE_CHECKING:
    from rich.console import Console

SHOWN = 10
"""Items whose stock is left alone that are named one by one."""


@click.command("status")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for programs.")
@click.option(
    "--healthcheck",
    is_flag=True,
    help="Only say whether the program works: exit code 0 if every store had a good cycle, or a "
    "part of a long one, within three [schedule] orders, whatever orders need; else 1.",
)
@click.option(
    "--watch", "is_watched", is_flag=True, help="Draw it anew every two seconds, until Ctrl-C."
)
@click.option(
    "--bundle",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write what a report of a fault needs: versions, the config without secrets, what check "
    "finds, the last day's history.",
)
@click.pass_obj
def command(
    options: Globals, as_json: bool, healthcheck: bool, is_watched: bool, bundle: Path | None
) -> None:
    """How things are: for each store when it last worked, how many orders, what comes next; and
    each order that needs a person, with why and what to do.

    It only reads the ledger: no request is sent, but for --bundle.
    """
    if is_watched + (bundle is not None) + (as_json or healthcheck) > 1:
        raise click.UsageError("--watch and --bundle go with none of the other options.")
    if healthcheck:
        _end_healthcheck(options, as_json=as_json)
    if bundle is not None:
        _write_bundle(options, bundle)
        return
    settings = read_settings(options)
    with exits():
        if is_watched:
            from katana_woo_sync.cli.watch import watch

            code = watch(lambda screen: _look(settings, as_json=False, screen=screen))
        else:
            code = _look(settings, as_json=as_json)
    raise SystemExit(int(code))


def _look(settings: Settings, *, as_json: bool, screen: Console | None = None) -> ExitCode:
    """Show how things are; on this screen, or where a person or a program looks."""
    with Ledger.open_to_read(settings.ledger) as ledger:
        records = _records(settings, ledger)
        problems = [Problem.of(name, record) for name in records for record in records[name]]
        if as_json:
            print_json(_whole(settings, ledger, problems))
        elif screen is not None or is_terminal():
            _draw(settings, ledger, [r for each in records.values() for r in each], screen)
        else:
            _print(settings, ledger, problems)
        known = [ledger.stores.get(s.identity) for s in settings.stores]
        wrong = bool(problems or ledger.stores.meta(KATANA_ERROR))
        wrong = wrong or any(
            _stock_error(s, ledger.stock.state(s.identity)) for s in settings.stores
        )
        places = (KATANA, *(store.identity for store in settings.stores))
        wrong = wrong or any(unread_lately(ledger, place, utc_now()) for place in places)
    wrong = wrong or any(store is None or store.last_error for store in known)
    return ExitCode.PROBLEMS if wrong else ExitCode.DONE


def _records(settings: Settings, ledger: Ledger) -> dict[str, list[OrderRecord]]:
    """The orders that need a person or are tried again, by their stores' names."""
    return {
        store.name: ledger.orders.find(identities=[store.identity], problems=True)
        for store in settings.stores
    }


def _whole(settings: Settings, ledger: Ledger, problems: Sequence[Problem]) -> dict[str, object]:
    """What `--json` prints."""
    return {
        "stores": {s.name: _as_json(ledger, s) for s in settings.stores},
        "problems": [problem.to_json() for problem in problems],
        "error": ledger.stores.meta(KATANA_ERROR)
        or in_one_line(unread_lately(ledger, KATANA, utc_now())),
    }


def _write_bundle(options: Globals, path: Path) -> None:
    from katana_woo_sync.cli.bundle import write_bundle

    def status(ledger: Ledger) -> dict[str, object]:
        records = _records(settings, ledger)
        problems = [Problem.of(name, record) for name in records for record in records[name]]
        return _whole(settings, ledger, problems)

    program = start(options, dry_run=True)  # clients that cannot write
    settings = program.settings
    with exits():
        write_bundle(program, path, status)
    click.echo(
        f"Written: {path.absolute()}. Look through it before you send it: it names your shops, "
        "order numbers and SKUs."
    )


def _end_healthcheck(options: Globals, *, as_json: bool) -> NoReturn:
    """Exit code 0 or 1, also where the config or the ledger cannot be read: to Docker, others mean
    nothing."""
    try:
        settings = read_settings(options)
        with exits(), Ledger.open_to_read(settings.ledger) as ledger:
            said = complaints(settings, ledger, utc_now())
    except SystemExit:
        raise SystemExit(int(ExitCode.PROBLEMS)) from None
    if as_json:
        print_json({"healthy": not said, "complaints": said})
    elif said or options.verbosity >= 0:
        click.echo("\n".join(said) or "healthy")
    raise SystemExit(int(ExitCode.PROBLEMS if said else ExitCode.DONE))


def _as_json(ledger: Ledger, store: StoreSettings) -> dict[str, object]:
    known, stock = ledger.stores.get(store.identity), ledger.stock.state(store.identity)
    return {
        "last_success_at": iso(known.last_success_at if known else None),
        "orders": ledger.orders.counts(store.identity),
        "stock_updated_at": iso(stock.updated_at if stock else None),
        "stock_left_out": [
            {"sku": each.sku, "reason": each.reason, "detail": each.detail}
            for each in ledger.stock.left_out(store.identity)
        ],
        "error": (
            known.last_error
            or _stock_error(store, stock)
            or in_one_line(unread_lately(ledger, store.identity, utc_now()))
        )
        if known
        else "never connected: run backfill",
        **_besides(ledger, store),
    }


def _besides(ledger: Ledger, store: StoreSettings) -> dict[str, object]:
    """What most stores do not have at most times: orders that are left out, or wait."""
    left, sold = (
        ledger.orders.left_to_parents(store.identity),
        ledger.orders.sold_at_till(store.identity),
    )
    found: dict[str, object] = {"left_to_parents": left} if left else {}
    oldest = ledger.orders.oldest_queued(store.identity)
    if oldest:
        found["oldest_queued_at"] = iso(oldest)
    other = still_at_work(ledger, store.identity, utc_now())
    if other:
        found["another_importer"] = {"last_order": other.number, "at": iso(other.at)}
    if sold.orders:
        found["sold_at_till"] = {"orders": sold.orders, "pieces": f"{sold.pieces.normalize():f}"}
    return found


def _stock_error(store: StoreSettings, stock: StockState | None) -> str:
    return f"stock: {stock.error}" if stock and stock.error and store.sync_stock else ""


def _draw(
    settings: Settings, ledger: Ledger, records: list[OrderRecord], screen: Console | None
) -> None:
    from katana_woo_sync.cli.status_drawn import draw

    now = utc_now()
    draw(
        settings,
        ledger,
        records,
        {s.name: next_of_cycle(settings, ledger, s, now) for s in settings.stores},
        now,
        screen or console(),
    )


def _print(settings: Settings, ledger: Ledger, problems: list[Problem]) -> None:
    now = utc_now()
    for store in settings.stores:
        known = ledger.stores.get(store.identity)
        if store.paused:
            click.echo(f"{store.name}: left alone (paused = true in the config)")
        if known is None or known.connected_at is None:
            click.echo(
                f"{store.name}: never connected; "
                f"run `katana-woo-sync backfill --store {store.name}`"
            )
            continue
        _print_store(settings, ledger, store, known)
        if store.sync_stock:
            _print_stock(settings, ledger, store, now)
        click.echo(f"  next cycle: {next_of_cycle(settings, ledger, store, now)}")
    print_unread(KATANA, list(unread_lately(ledger, KATANA, now)))
    katana_error = ledger.stores.meta(KATANA_ERROR)
    if katana_error:
        click.echo(f"NOT WORKED: {safe(katana_error)}")
    print_problems(problems)
    if not problems:
        click.echo("No order needs a person.")


def _print_store(
    settings: Settings, ledger: Ledger, store: StoreSettings, known: StoreRecord
) -> None:
    counts = ledger.orders.counts(store.identity)
    shown = ", ".join(f"{n} {state}" for state, n in sorted(counts.items())) or "no orders yet"
    click.echo(f"{store.name} ({store.identity}): {shown}")
    oldest = ledger.orders.oldest_queued(store.identity)
    if oldest:
        click.echo(f"  oldest order waiting: placed {moment(oldest)}")
    left = ledger.orders.left_to_parents(store.identity)
    if left:
        click.echo(f"  {left} of them are left out: their parent orders hold the same goods")
    late = (
        known.last_success_at and utc_now() - known.last_success_at > 3 * settings.schedule.orders
    )
    warning = " - is cron or the timer running?" if late else ""
    click.echo(f"  last good cycle {moment(known.last_success_at)}{warning}")
    times = in_the_future(ledger.stores.ahead(cursor_name(store)).values(), utc_now())
    if times:
        click.echo(f"  {words_of_the_future(times)}")
    other = still_at_work(ledger, store.identity, utc_now())
    if other:
        click.echo(f"  {safe(words_of_others(other))}")
    if known.last_error:
        click.echo(f"  NOT WORKED: {safe(known.last_error)}")
    print_unread(f"  {store.name}", list(unread_lately(ledger, store.identity, utc_now())))


def _print_stock(settings: Settings, ledger: Ledger, store: StoreSettings, now: datetime) -> None:
    stock = ledger.stock.state(store.identity)
    at = stock.updated_at if stock else None
    late = at is not None and now - at > 3 * max(settings.schedule.stock, settings.schedule.orders)
    due = len(ledger.stock.due(store.identity).variant_ids)
    parts = [f"stock as in Katana {moment(at)}"]
    parts += ["that is late"] if late else []
    parts += [f"{due} items to look at"] if due else []
    click.echo(f"  {', '.join(parts)}")
    if stock and stock.error:
        click.echo(f"  STOCK NOT WORKED: {safe(stock.error)}")
    sold = ledger.orders.sold_at_till(store.identity)
    if sold.orders:
        click.echo(f"  {sold.words}")
    left_out = ledger.stock.left_out(store.identity)
    for each in left_out[:SHOWN]:
        words = LEFT_OUT_WORDS.get(each.reason, each.reason)
        detail = f" ({safe(each.detail, 200)})" if each.detail else ""
        click.echo(f"  stock of {safe(each.sku, 60)} is left alone: {words}{detail}")
    if len(left_out) > SHOWN:
        click.echo(f"  and of {len(left_out) - SHOWN} more (all in `status --json`)")
