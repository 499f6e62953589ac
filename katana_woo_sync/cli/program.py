"""From the command line's options to a context to work with, and from errors to exit codes."""

from __future__ import annotations

import os
import signal
import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from types import FrameType

import click
from msgspec import Struct

from katana_woo_sync.cli import logs
from katana_woo_sync.cli.main import Globals
from katana_woo_sync.clients import messenger
from katana_woo_sync.clients.errors import ServiceError
from katana_woo_sync.clients.katana import KatanaClient
from katana_woo_sync.clients.redact import Redactor, one_line
from katana_woo_sync.clients.throttle import Cancelled
from katana_woo_sync.clients.woocommerce import WooCommerceClient
from katana_woo_sync.config import (
    ConfigError,
    Settings,
    find,
    home_folder,
    load,
    permission_warnings,
    working_folder,
)
from katana_woo_sync.config.problems import Problem
from katana_woo_sync.ledger import Ledger, LedgerError
from katana_woo_sync.sync.context import Context, OtherAccount, Stopped, Store, log
from katana_woo_sync.sync.dry_run import DryRunKatana, DryRunShop
from katana_woo_sync.sync.hosts import (
    keep_connections,
    keep_quota,
    look_again,
    restore_connections,
    restore_quota,
)
from katana_woo_sync.sync.lines import Lines
from katana_woo_sync.sync.lock import LedgerLock, LockHeld, NoLock
from katana_woo_sync.sync.notify import Notifier
from katana_woo_sync.sync.report import ExitCode, Report, code_of


def utc_now() -> datetime:
    """The time now, UTC."""
    return datetime.now(UTC)


class StopSignals:
    """SIGTERM and SIGINT: the first one finishes the step in hand, a second one stops now."""

    def __init__(self) -> None:
        self.soon = threading.Event()

    def install(self) -> None:
        """Listen for the signals (in the main thread)."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        if self.soon.is_set():
            # Nothing to clean up: every write is one that a crash may interrupt.
            os._exit(int(ExitCode.TRY_LATER))
        self.soon.set()
        with suppress(OSError):
            # not by sys.stderr: the signal may have come in the middle of its writing
            os.write(2, b"Stopping after the step in hand; once more stops now.\n")

    def wait(self, seconds: float) -> None:
        """Wait, or until a stop is asked for."""
        self.soon.wait(seconds)


class Program(Struct, frozen=True):
    """The program with its settings and clients, ready to work."""

    settings: Settings
    redactor: Redactor
    stop: StopSignals
    katana: KatanaClient
    stores: Mapping[str, Store]
    dry_run: bool
    quiet: bool = False
    clock: Callable[[], datetime] = utc_now

    @contextmanager
    def context(self, *, to_read: bool = False) -> Iterator[Context]:
        """A context with the ledger open; with `--dry-run` on a copy of it, and `to_read` as it is,
        for commands that write nothing to it."""
        path = self.settings.ledger
        if to_read:
            ledger = Ledger.open_to_read(path)
        else:
            ledger = Ledger.open_copy(path) if self.dry_run else Ledger.open(path)
        stores = list(self.stores.values())
        lines = Lines()
        self.katana.let_others_work(lines.waiting)
        for store in stores:
            store.shop.let_others_work(lines.waiting)
        with ledger:
            restore_connections(ledger, stores)
            if not to_read:
                look_again(ledger, stores, self.clock())
            restore_quota(ledger, self.katana)
            try:
                yield Context(
                    settings=self.settings,
                    ledger=ledger,
                    katana=self.katana,
                    stores=self.stores,
                    clock=self.clock,
                    lock=NoLock() if self.dry_run else LedgerLock(path),
                    report=Report(self.clock(), dry_run=self.dry_run),
                    stopping=self.stop.soon.is_set,
                    wait=self.stop.wait,
                    dry_run=self.dry_run,
                    lines=lines,
                )
            finally:
                if not to_read:
                    # what went wrong before is what is told
                    with suppress(LedgerError, sqlite3.DatabaseError):
                        keep_quota(ledger, self.katana)
            if not to_read:
                keep_connections(ledger, stores)

    @property
    def notifier(self) -> Notifier:
        """Who tells people and a monitor; nobody with `--dry-run`."""
        return Notifier(self.settings, self.redactor, self.clock, dry_run=self.dry_run)

    def chosen(self, name: str | None) -> list[Store]:
        """The store of this name, or all that are not paused. Ends the program where there is none
        of the name, or it is paused."""
        if name is None:
            return [store for store in self.stores.values() if not store.settings.paused]
        if name not in self.stores:
            known = ", ".join(self.stores)
            raise click.UsageError(f'There is no store "{name}" in the config; it has {known}.')
        if self.stores[name].settings.paused:
            raise click.UsageError(
                f'The store "{name}" is left alone: {self.settings.path} has paused = true for it.'
            )
        return [self.stores[name]]


def read_settings(options: Globals) -> Settings:
    """Find and load the config. Ends the program with all that is wrong with it."""
    try:
        path = find(options.config, os.environ, working_folder(), home_folder())
        return load(path, os.environ)
    except ConfigError as error:
        click.echo(str(error), err=True)
        raise SystemExit(int(ExitCode.USAGE)) from None


def require_apprise(settings: Settings) -> None:
    """End the program where people are to be told and the package for it is missing."""
    if settings.notify.urls and not messenger.is_installed():
        text = f"needs the package apprise, which is not installed; run: {messenger.HOW_TO_INSTALL}"
        click.echo(str(ConfigError(settings.path, [Problem("notify.urls", text)])), err=True)
        raise SystemExit(int(ExitCode.USAGE))


def start(options: Globals, *, dry_run: bool = False) -> Program:
    """Load the config, set up logging, and make the clients; sends no request."""
    settings = read_settings(options)
    require_apprise(settings)
    redactor = Redactor(settings.secrets())
    logs.set_up(options.log_format, options.verbosity, redactor)
    for warning in permission_warnings(settings.path, settings.ledger):
        log.warning("%s", warning)
    stop = StopSignals()
    stop.install()
    return Program(
        settings=settings,
        redactor=redactor,
        stop=stop,
        katana=make_katana(settings, redactor, stop, dry_run=dry_run),
        stores=make_stores(settings, redactor, stop, dry_run=dry_run),
        dry_run=dry_run,
        quiet=options.verbosity < 0,
    )


def make_katana(
    settings: Settings, redactor: Redactor, stop: StopSignals, *, dry_run: bool
) -> KatanaClient:
    """The client of Katana, with the throttle that all threads share."""
    from katana_woo_sync.clients.katana import KatanaClient
    from katana_woo_sync.clients.throttle import Throttle

    throttle = Throttle(settings.katana.requests_per_minute)
    kind = DryRunKatana if dry_run else KatanaClient
    katana = kind(settings.katana, redactor=redactor, throttle=throttle, cancelled=stop.soon.is_set)
    if dry_run:
        katana.only_read()
    return katana


def make_stores(
    settings: Settings,
    redactor: Redactor,
    stop: StopSignals,
    *,
    dry_run: bool,
) -> dict[str, Store]:
    """The configured stores with their clients, by name."""
    from katana_woo_sync.clients.woocommerce import WooCommerceClient

    kind = DryRunShop if dry_run else WooCommerceClient
    stores: dict[str, Store] = {}
    for store in settings.stores:
        shop: WooCommerceClient = kind(store, redactor=redactor, cancelled=stop.soon.is_set)
        if dry_run:
            shop.only_read()
        stores[store.name] = Store(store, shop)
    return stores


def code_and_words(error: Exception) -> tuple[ExitCode, str]:
    """The exit code of what ends a run, and what is said of it."""
    if isinstance(error, (Stopped, Cancelled)):
        return ExitCode.TRY_LATER, "Stopped, as asked. Nothing is lost; run it again to go on."
    if isinstance(error, LockHeld):
        return ExitCode.TRY_LATER, str(error)
    if isinstance(error, LedgerError):
        return ExitCode.TRY_LATER if error.for_later else ExitCode.USAGE, str(error)
    if isinstance(error, OtherAccount):
        return ExitCode.USAGE, str(error)
    if isinstance(error, ServiceError):
        return code_of(error), str(error)
    return ExitCode.TRY_LATER, (
        f"Something unexpected went wrong: {type(error).__name__}: {one_line(str(error))}. "
        "Nothing is lost; run it again, and with -v to see more."
    )


@contextmanager
def exits(*, quiet: bool = False) -> Iterator[None]:
    """Turn what ends a run into a message and the designed exit code, never a traceback. That
    another run is at work, and gets on, is not said if `quiet`."""
    try:
        yield
    except click.ClickException:
        raise
    except Exception as error:  # noqa: BLE001 (a person never meets a traceback)
        code, words = code_and_words(error)
        log.debug("ended", exc_info=error)
        if not (quiet and isinstance(error, LockHeld) and not error.is_stuck):
            click.echo(words, err=True)
        raise SystemExit(int(code)) from None
