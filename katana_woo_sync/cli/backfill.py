"""`backfill`: the first import after connecting."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from functools import partial

import click

from katana_woo_sync.cli.cycles import AfterCycle
from katana_woo_sync.cli.dates import Date
from katana_woo_sync.cli.main import Globals
from katana_woo_sync.cli.output import moment, money, safe
from katana_woo_sync.cli.program import exits, start
from katana_woo_sync.cli.sync import show
from katana_woo_sync.clients.errors import ServiceError
from katana_woo_sync.domain.dates import words
from katana_woo_sync.sync.backfill import (
    Found,
    Prepared,
    decline,
    guarded_store,
    import_all,
    prepare,
    what_is_open,
)
from katana_woo_sync.sync.context import Context, Store, StoreProblem
from katana_woo_sync.sync.customers import import_customers
from katana_woo_sync.sync.cycle import Options, Progress, finish
from katana_woo_sync.sync.estimate import requests_needed
from katana_woo_sync.sync.failures import is_katana_down
from katana_woo_sync.sync.initial_stock import import_initial_stock
from katana_woo_sync.sync.integration import HOW_TO_LEAVE, LATELY, last_adopted
from katana_woo_sync.sync.product_import import import_products
from katana_woo_sync.sync.report import ExitCode
from katana_woo_sync.sync.wishes import next_run

LINE_EVERY = 10
"""Of how many things done a line tells in a pipe."""


@click.command("backfill")
@click.option("--store", metavar="S", help="Only this store.")
@click.option(
    "--since",
    type=Date(),
    help='Never import orders placed before this date (2026-01-31, "1 Nov"). It is remembered.',
)
@click.option("--products", is_flag=True, help="Import all products too.")
@click.option("--customers", is_flag=True, help="Import all registered customers too.")
@click.option(
    "--stock",
    is_flag=True,
    help="Set Katana's stock to what the shop has, once for each store. docs/stock.md says how.",
)
@click.option(
    "--cost-percent",
    type=click.FloatRange(0, 1000),
    help="With --stock: what a piece cost, in percent of its price without tax.",
)
@click.option("--yes", is_flag=True, help="Do not ask, go on.")
@click.option("--dry-run", is_flag=True, help="Change nothing; say what would be done.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for programs.")
@click.option(
    "--accept-completions",
    is_flag=True,
    help="Confirm what stopped for you: complete orders in the shop though it is most of the open "
    "ones at once.",
)
@click.pass_obj
def command(
    options: Globals,
    store: str | None,
    since: datetime | None,
    products: bool,
    customers: bool,
    stock: bool,
    cost_percent: float | None,
    yes: bool,
    dry_run: bool,
    as_json: bool,
    accept_completions: bool,
) -> None:
    """The first import: every order that is Processing in the shop comes into Katana.

    Orders that Katana has already (from its own integration, say) are recognised and kept. What is
    open is shown first, and you are asked. It can be stopped and run again at any point: nothing is
    imported twice.
    """
    if cost_percent is not None and not stock:
        raise click.UsageError("--cost-percent goes with --stock.")
    if since is not None and options.verbosity >= 0:
        click.echo(f"Orders placed before {words(since)} are left out.", err=True)
    program, after = start(options, dry_run=dry_run), AfterCycle()
    with exits(), program.context() as context:
        run = context.ledger.journal.begin_run("backfill", context.clock())
        try:
            is_looked_at = dry_run or (sys.stdin.isatty() and not yes)
            with next_run(context, say):
                stores = program.chosen(store)
                prepared = prepare(context, stores, since, wholly=is_looked_at)
            stores = prepared.stores
            tell(context, prepared)
            # nothing is held while a person thinks
            _ask_about_the_integration(context, stores, yes=yes or dry_run)
            if not (yes or dry_run) and stores and not confirmed():
                decline(context, stores)
                click.echo("Nothing was imported. The stores are not connected.", err=True)
                raise SystemExit(int(ExitCode.DONE))
            with next_run(context, say):
                # what the shop has goes into Katana before Katana's goes into the shop
                _import(
                    context,
                    prepared,
                    Options(accept_completions=accept_completions, stock=not stock),
                    partial(after.refresh, context),
                )
                if products:
                    _import_products(context, stores)
                if customers:
                    _import_customers(context, stores)
            if stock and (yes or dry_run or confirmed_stock(stores)):
                with next_run(context, say):
                    _import_stock(context, stores, cost_percent)
        except ServiceError as error:
            context.report.katana_failed(error)
        finish(context)
        report = context.report
        context.ledger.journal.end_run(run, context.clock(), int(report.exit_code), "")
        after.done(context)
    show(program, report, as_json=as_json)


def _ask_about_the_integration(context: Context, stores: Sequence[Store], *, yes: bool) -> None:
    """Katana's own integration, if it is still connected to a store, pushes stock and completes
    orders beside this program: customers are mailed twice. Ends the program unless a person says
    that it is disconnected."""
    since, found = context.clock() - LATELY, list[str]()
    for store in stores:
        if context.is_connected(store):
            continue
        last = last_adopted(context.ledger, store.identity, since)
        if last is not None:
            found.append(
                f"{store.name}: another program, most likely Katana's own integration, put order "
                f"{safe(last.number, 40)} into Katana at {moment(last.at)}."
            )
    if not found:
        return
    for text in found:
        say(text)
    say(HOW_TO_LEAVE)
    if yes or (
        sys.stdin.isatty() and click.confirm("Is it disconnected?", default=False, err=True)
    ):
        return
    decline(context, stores)
    say(
        "Nothing was imported. If it is disconnected, or if it was this program itself before its "
        "ledger was lost, run it again with --yes."
    )
    raise SystemExit(int(ExitCode.PROBLEMS))


def say(text: str) -> None:
    """A sentence for the person at the terminal."""
    click.echo(text, err=True)


def _import(
    context: Context, prepared: Prepared, options: Options, meanwhile: Callable[[], None]
) -> None:
    if prepared.stores:
        with progress_bar(context) as progress:
            import_all(
                context,
                prepared.stores,
                options,
                progress,
                reading=prepared.reading,
                read=partial(tell_rest, context),
                meanwhile=meanwhile,
            )


def _import_products(context: Context, stores: Sequence[Store]) -> None:
    for store in stores:
        guarded_store(context, store, partial(_import_products_of, context, store))


def _import_products_of(context: Context, store: Store) -> None:
    with progress_bar(context, f"Products of {store.name}", "products") as progress:
        done = import_products(context, store, progress)
    would = "would be " if context.dry_run else ""
    click.echo(
        f"{store.name}: {done.there} products and variations are in Katana, {done.created} "
        f"items {would}created for them",
        err=True,
    )
    _tell_left_out(store, done.left_out)


def _tell_left_out(store: Store, left_out: Sequence[str]) -> None:
    for left in left_out:
        click.echo(f"{store.name}: left out: {safe(left, 300)}", err=True)


def _import_customers(context: Context, stores: Sequence[Store]) -> None:
    for store in stores:
        guarded_store(context, store, partial(_import_customers_of, context, store))


def _import_customers_of(context: Context, store: Store) -> None:
    with progress_bar(context, f"Customers of {store.name}", "customers") as progress:
        done = import_customers(context, store, progress)
    would = "would be " if context.dry_run else ""
    click.echo(
        f"{store.name}: {done.created} customers {would}created in Katana, {done.matched} "
        f"matched, {done.known} known already",
        err=True,
    )
    _tell_left_out(store, done.left_out)


def _import_stock(context: Context, stores: Sequence[Store], cost_percent: float | None) -> None:
    percent = None if cost_percent is None else Decimal(str(cost_percent))
    for store in stores:
        try:
            done = import_initial_stock(context, store, percent)
        except (StoreProblem, ServiceError) as error:
            if is_katana_down(error):
                raise
            context.report.store_failed(store.name, error)
            click.echo(f"{store.name}: no stock was imported: {error}", err=True)
            continue
        would = "would be " if context.dry_run else ""
        if done.number:
            pieces = f"{done.pieces.normalize():+f}"
            click.echo(
                f"{store.name}: stock {would}corrected in Katana, items: {done.items}, pieces: "
                f"{pieces} (stock adjustment {safe(done.number)})",
                err=True,
            )
        else:
            click.echo(f"{store.name}: Katana has the shop's stock already", err=True)
        _tell_left_out(store, done.left_out)


def confirmed_stock(stores: Sequence[Store]) -> bool:
    """Ask before Katana's stock is changed, on a terminal."""
    if not sys.stdin.isatty():
        return True
    names = " and ".join(safe(store.name) for store in stores)
    return click.confirm(
        f"Set Katana's stock to what {names} has, as one stock adjustment for each store?",
        err=True,
    )


def confirmed() -> bool:
    """Ask on a terminal; in a pipe or from a script, running the command is the answer."""
    if not sys.stdin.isatty():
        return True
    return click.confirm("Import these orders into Katana now?", err=True)


def tell(context: Context, prepared: Prepared) -> None:
    """Say what each store holds, and how long Katana's limit will make it take."""
    for name in prepared.reading:
        click.echo(
            f"{name}: a long list of open orders; they are imported while it is read", err=True
        )
    _tell_found(prepared.found)
    read = {each.store for each in prepared.found if each.orders}
    _tell_time(context, [store for store in prepared.stores if store.name in read])


def tell_rest(context: Context, store: Store) -> None:
    """Say what is left of a long list when all of it was read."""
    left = what_is_open(context, store)
    click.echo(f"{store.name}: its list of open orders is read; what is left:", err=True)
    _tell_found([left])
    _tell_time(context, [store] if left.orders else [])


def _tell_found(found: Sequence[Found]) -> None:
    for each in found:
        sums = " + ".join(money(total, currency) for currency, total in each.sums.items())
        lines = [f"{each.store}: {each.orders} open orders to import"]
        if each.orders:
            ages = ", ".join(f"{count} {age}" for age, count in each.by_age.items() if count)
            lines.append(f"  {ages}; oldest of {moment(each.oldest)}; {sums} in all")
        if each.adopted:
            lines.append(f"  {each.adopted} orders are in Katana already and were adopted")
        click.echo("\n".join(lines), err=True)


def _tell_time(context: Context, stores: Sequence[Store]) -> None:
    requests_per_minute = context.settings.katana.requests_per_minute
    if stores:
        minutes = requests_needed(context, stores) / requests_per_minute
        click.echo(
            f"Katana takes {requests_per_minute} requests a minute: this needs about "
            f"{max(1, round(minutes))} min.",
            err=True,
        )


@contextmanager
def progress_bar(
    context: Context, title: str = "Importing", things: str = "orders"
) -> Iterator[Progress]:
    """A bar with rate and time left on a terminal; a line for each part in a pipe."""
    if not sys.stderr.isatty():
        yield _progress_lines(context, things)
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn(title),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(compact=True, elapsed_when_finished=True),
    )
    started = context.clock()
    with Bar(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("", total=None, rate="")

        def show_bar(done: int, total: int) -> None:
            minutes = (context.clock() - started).total_seconds() / 60
            rate = f"{done / minutes:.0f} a minute" if done and minutes > 0 else ""
            bar.update(task, completed=done, total=total, rate=rate)

        yield show_bar


def _progress_lines(context: Context, things: str) -> Progress:
    started = context.clock()

    last = -LINE_EVERY

    def show_line(done: int, total: int) -> None:
        nonlocal last
        if done - last < LINE_EVERY and (done != total or done == last):
            return
        last = done
        seconds = (context.clock() - started).total_seconds()
        minutes = round(seconds / done * (total - done) / 60) if done else 0
        left = f", about {minutes} min left" if minutes else ""
        click.echo(f"{done} of {total} {things}{left}", err=True)

    return show_line
