"""`init`: write a config by asking, testing each answer against the live store and Katana."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from shlex import quote

import click
from msgspec import Struct

from katana_woo_sync.cli import init_questions as questions
from katana_woo_sync.cli import logs
from katana_woo_sync.cli.init_questions import CannotAsk, StoreOptions
from katana_woo_sync.cli.main import Globals
from katana_woo_sync.cli.output import safe
from katana_woo_sync.clients.errors import NoTls, ServiceError, Unavailable
from katana_woo_sync.clients.katana_http import KATANA
from katana_woo_sync.clients.redact import Redactor
from katana_woo_sync.config import ConfigError, Settings, find, home_folder, load, working_folder
from katana_woo_sync.config.files import read_secret
from katana_woo_sync.config.settings import KatanaSettings, StoreSettings
from katana_woo_sync.config.values import KATANA_URL
from katana_woo_sync.config.writer import Keeping, NotWritten, Written, write
from katana_woo_sync.sync.checks.new_store import Account, ask_katana
from katana_woo_sync.sync.report import ExitCode

SECRET_FILE = click.Path(dir_okay=False, path_type=Path)


class _Place(Struct, frozen=True):
    """Where the config is to be, and what it holds already."""

    path: Path
    settings: Settings | None


@click.command("init")
@click.option(
    "--store-name",
    metavar="NAME",
    help="A short name for the store, such as eu. It stands in all messages.",
)
@click.option("--store-url", metavar="URL", help="The shop's address, as in the browser.")
@click.option(
    "--location",
    metavar="L",
    help="The location in Katana that its orders go to, and whose stock it sells.",
)
@click.option(
    "--order-number-prefix",
    metavar="P",
    help="What stands before its order numbers in Katana, such as US-.",
)
@click.option(
    "--stock/--no-stock",
    "sync_stock",
    default=None,
    help="Whether Katana's stock is written into the shop (left out: no).",
)
@click.option("--allow-http", is_flag=True, help="Ask the shop over http: it has no https.")
@click.option(
    "--ca-file",
    type=SECRET_FILE,
    help="A file of certificates to trust, where the shop's is not a public one.",
)
@click.option(
    "--katana-key-file",
    type=SECRET_FILE,
    help="A file that holds Katana's API key. Left out: $KATANA_API_KEY, else you are asked.",
)
@click.option(
    "--consumer-key-file",
    type=SECRET_FILE,
    help="The same for the consumer key: left out, $WOO_CONSUMER_KEY.",
)
@click.option(
    "--consumer-secret-file",
    type=SECRET_FILE,
    help="The same for the consumer secret: left out, $WOO_CONSUMER_SECRET.",
)
@click.option("--katana-url", default=KATANA_URL, hidden=True, help="For the sandbox.")
@click.option(
    "--secrets",
    "keeping",
    type=click.Choice(["config", "files", "environment"]),
    help="Where the keys are kept: in the config, in files beside it, or in the environment.",
)
@click.option(
    "--no-input", is_flag=True, help="Ask nothing. What is needed and not given is an error."
)
@click.pass_obj
def command(
    options: Globals,
    store_name: str | None,
    store_url: str | None,
    location: str | None,
    order_number_prefix: str | None,
    sync_stock: bool | None,
    allow_http: bool,
    ca_file: Path | None,
    katana_key_file: Path | None,
    consumer_key_file: Path | None,
    consumer_secret_file: Path | None,
    katana_url: str,
    keeping: Keeping | None,
    no_input: bool,
) -> None:
    """Write a config by asking, or add a store to the one that is there.

    Each answer is tested at once against the store and Katana; nothing is changed there.

    Without a terminal, or with --no-input, the answers are the options. Keys come from files or the
    environment: others on this machine can read what stands on a command line.
    """
    _working_folder()
    given = StoreOptions(
        name=store_name,
        url=store_url,
        consumer_key=_secret(consumer_key_file, "WOO_CONSUMER_KEY"),
        consumer_secret=_secret(consumer_secret_file, "WOO_CONSUMER_SECRET"),
        location=location,
        order_number_prefix=order_number_prefix,
        sync_stock=sync_stock,
        allow_http=allow_http,
        ca_file=ca_file.absolute() if ca_file else None,
    )
    # a hidden question must give the terminal its echo back when Ctrl-C ends it
    signal.signal(signal.SIGINT, signal.default_int_handler)
    asks = not no_input and sys.stdin.isatty()
    api_key = _secret(katana_key_file, "KATANA_API_KEY")
    logs.set_up(options.log_format, min(options.verbosity, -1), Redactor(given.secrets()))
    try:
        place = _place(options)
        katana, account = _katana(place, api_key, katana_url, asks=asks)
        stores = _stores(place, account, given, asks=asks)
        kept = keeping or (questions.keeping(place.path) if asks else "config")
        written = write(place.path, None if place.settings else katana, stores, kept)
    except click.Abort:
        click.echo("\nStopped, as asked: nothing was written.", err=True)
        raise SystemExit(int(ExitCode.TRY_LATER)) from None
    except CannotAsk as error:
        raise click.UsageError(str(error)) from None
    except (ConfigError, NotWritten) as error:
        click.echo(str(error), err=True)
        raise SystemExit(int(ExitCode.USAGE)) from None
    except ServiceError as error:
        words = questions.words_of(error, None if error.service == KATANA else given, asks=False)
        click.echo(safe(f"{error.service}: {words}"), err=True)
        is_later = isinstance(error, Unavailable) and not isinstance(error, NoTls)
        code = ExitCode.TRY_LATER if is_later else ExitCode.USAGE
        raise SystemExit(int(code)) from None
    _say_what_is_next(written, options)


def _working_folder() -> Path:
    """The folder that files are named from. Ends the program where it is gone."""
    folder = working_folder()
    if folder is None:
        raise click.UsageError("The folder that the program was started in is gone: cd to another.")
    return folder


def _secret(file: Path | None, variable: str) -> str:
    if file is None:
        return os.environ.get(variable, "").strip()
    try:
        return read_secret(file).strip()
    except ValueError as error:
        raise click.UsageError(f"{file}: {error}") from None


def _place(options: Globals) -> _Place:
    """The config to write: the one that is named or found, else ./config.toml."""
    try:
        path = find(options.config, os.environ, working_folder(), home_folder())
    except ConfigError:
        path = _working_folder() / "config.toml"
    if not path.exists():
        return _Place(path, None)
    settings = load(path, os.environ)
    names = ", ".join(store.name for store in settings.stores)
    click.echo(f"{path} is there already, with the stores {names}: another one is added to it.")
    return _Place(path, settings)


def _katana(place: _Place, api_key: str, url: str, *, asks: bool) -> tuple[KatanaSettings, Account]:
    if place.settings is not None:
        return place.settings.katana, _account(place.settings.katana)
    return questions.katana(api_key, url, _account, asks=asks)


def _account(settings: KatanaSettings) -> Account:
    from katana_woo_sync.clients.katana import KatanaClient
    from katana_woo_sync.clients.throttle import Throttle

    throttle = Throttle(settings.requests_per_minute)
    redactor = Redactor([settings.api_key])
    return ask_katana(KatanaClient(settings, redactor=redactor, throttle=throttle, attempts=1))


def _stores(
    place: _Place, account: Account, given: StoreOptions, *, asks: bool
) -> list[StoreSettings]:
    known = [(s.name, s.url) for s in (place.settings.stores if place.settings else ())]
    stores: list[StoreSettings] = []
    while True:
        others = known + [(store.name, store.url) for store in stores]
        stores.append(questions.store(given, account, others, asks=asks))
        if not asks or not click.confirm("\nAdd another store?", default=False):
            return stores
        given = StoreOptions()


def _say_what_is_next(written: Written, options: Globals) -> None:
    path = written.settings.path
    click.echo(f"\nWritten: {path} (only you can read it)")
    for file in written.files:
        click.echo(f"         {file}")
    if written.variables:
        click.echo(
            "Have these variables in the environment of whatever runs the program (cron, systemd): "
            + ", ".join(written.variables)
        )
    in_its_place = (
        path.name == "config.toml" and path.parent == working_folder() and not options.config
    )
    program = "katana-woo-sync" if in_its_place else f"katana-woo-sync --config {quote(str(path))}"
    steps = [
        (f"{program} check", "tests everything once more, and changes nothing"),
        (f"{program} backfill", "shows what is open, asks, and imports it"),
        (f"{program} status", "how things are, at any time"),
    ]
    click.echo("\nWhat comes next:")
    width = max(len(step) for step, _why in steps)
    for step, why in steps:
        click.echo(f"  {step.ljust(width)}  {why}")
    click.echo(
        "\nThen have a cycle run every five minutes, with this line in `crontab -e` "
        f"(or by systemd: docs/running.md):\n  */5 * * * * {_installed()} "
        f"--config {quote(str(path))} sync"
    )


def _installed() -> str:
    """How cron, which knows no PATH of ours, calls this program."""
    script = Path(sys.executable).with_name("katana-woo-sync")
    return quote(str(script)) if script.exists() else f"{quote(sys.executable)} -m katana_woo_sync"
