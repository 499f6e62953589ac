"""Writing a configuration: a new one with remarks, or a store added to one that keeps its own."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import tomlkit
from msgspec import Struct
from tomlkit.items import AoT, Item, Table

from katana_woo_sync.config.files import read_config, replacing
from katana_woo_sync.config.forms import LEDGER_NAME
from katana_woo_sync.config.load import load
from katana_woo_sync.config.schema import FILE_NAME, FIRST_LINE, schema
from katana_woo_sync.config.settings import KatanaSettings, Settings, StoreSettings
from katana_woo_sync.config.values import KATANA_URL

Keeping = Literal["config", "files", "environment"]
"""Where secrets are kept: in the file itself, in files beside it, or in the environment."""

HEAD = f"""\
# katana-woo-sync. Only you may read this file: chmod 600
# Every option there is, with its default: docs/options.md and config.example.toml

ledger = "{LEDGER_NAME}"            # what was done is remembered here; keep it, back it up

"""

SECTIONS = """\
[orders]
# delivery_days = 14              # delivery date in Katana = date of the order + so many days
# create_products = true          # false: an order with a product that Katana lacks waits for you
# since = 2026-01-01              # orders placed before are never imported

[schedule]
# orders = "5m"
# stock = "15m"
"""


class NotWritten(Exception):
    """The configuration was not written; the text says where and why."""


class Written(Struct, frozen=True):
    """A configuration that was written, as it is read; the variables that the environment must
    have, and the files that hold secrets."""

    settings: Settings
    variables: tuple[str, ...]
    files: tuple[Path, ...]


def write(
    path: Path, katana: KatanaSettings | None, stores: Sequence[StoreSettings], keeping: Keeping
) -> Written:
    """Write a new configuration, or add the stores to the one that is there (`katana` None).

    Everything is for its owner's eyes only, and the file is replaced whole, after it was read once
    as the program reads it. Raises `NotWritten`; nothing is left behind then.
    """
    path = path.resolve()
    secrets = _Secrets(path.parent, keeping)
    if katana is None:
        document = tomlkit.parse(read_config(path))
    else:
        document = tomlkit.parse(FIRST_LINE + HEAD)
        table = _katana_table(katana, secrets)
        document.append("katana", table)
        document.update(tomlkit.parse(SECTIONS))
    for store in stores:
        _add(document, _store_table(store, secrets))
    try:
        with _undone_on_failure(secrets):
            settings = _replace(path, tomlkit.dumps(document), secrets.environment)
            if katana is not None:
                with replacing(path.parent / FILE_NAME) as file:
                    file.write(schema())
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise NotWritten(f"{error.filename or path} could not be written: {reason}") from None
    except ValueError as error:
        raise NotWritten(str(error)) from None
    return Written(settings, tuple(secrets.environment), tuple(secrets.written))


def _katana_table(katana: KatanaSettings, secrets: _Secrets) -> Table:
    table = tomlkit.table()
    secrets.add(table, "api_key", katana.api_key, "katana", "made in Katana: Settings > API")
    if katana.url != KATANA_URL:
        table.add("url", katana.url)
    table.add(tomlkit.nl())
    return table


def _add(document: tomlkit.TOMLDocument, table: Table) -> None:
    there = document.get("stores")
    if isinstance(there, AoT):
        there[-1].add(tomlkit.nl())
        there.append(table)
    else:
        stores = tomlkit.aot()
        stores.append(table)
        document.append("stores", stores)


def _store_table(store: StoreSettings, secrets: _Secrets) -> Table:
    table = tomlkit.table()
    table.add("name", _said(store.name, "stands in all messages"))
    table.add("url", store.url)
    secrets.add(table, "consumer_key", store.consumer_key, store.name)
    secrets.add(table, "consumer_secret", store.consumer_secret, store.name)
    if store.location:
        table.add("location", _said(store.location, "the Katana location whose stock it sells"))
    if store.order_number_prefix:
        table.add("order_number_prefix", store.order_number_prefix)
    table.add("sync_stock", _said(store.sync_stock, "true: the shop's stock is what Katana says"))
    if store.allow_http:
        table.add("allow_http", _said(True, "the shop has no https: orders travel unencrypted"))
    if store.ca_file:
        table.add("ca_file", str(store.ca_file))
    return table


def _said(value: str | bool, remark: str) -> Item:
    item: Item = tomlkit.item(value)
    return item.comment(remark)


class _Secrets:
    """Puts each secret where it is to be kept."""

    def __init__(self, folder: Path, keeping: Keeping) -> None:
        self._folder = folder
        self._keeping = keeping
        self.environment: dict[str, str] = {}
        self.files: dict[Path, str] = {}
        self.written: list[Path] = []

    def add(self, table: Table, key: str, secret: str, whose: str, remark: str = "") -> None:
        """Add the key of a secret to a table."""
        match self._keeping:
            case "config":
                item = tomlkit.item(secret.replace("${", "$${"))
            case "files":
                name = f"{whose}-{key.replace('_', '-')}.txt"
                self.files[self._folder / name] = secret
                key, item = f"{key}_file", tomlkit.item(name)
            case "environment":
                of_store = f"WOO_{whose}_{key.removeprefix('consumer_')}"
                variable = "KATANA_API_KEY" if key == "api_key" else of_store
                variable = variable.upper().replace("-", "_")
                self.environment[variable] = secret
                item = tomlkit.item(f"${{{variable}}}")
        table.add(key, item.comment(remark) if remark else item)

    def write(self) -> None:
        """Write the files beside the config; one that is there already is never overwritten."""
        for file, secret in self.files.items():
            handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            self.written.append(file)
            with os.fdopen(handle, "w", encoding="utf-8") as opened:
                opened.write(secret + "\n")


@contextmanager
def _undone_on_failure(secrets: _Secrets) -> Iterator[None]:
    try:
        secrets.write()
        yield
    except BaseException:
        for file in secrets.written:
            file.unlink(missing_ok=True)
        raise


def _replace(path: Path, text: str, environment: Mapping[str, str]) -> Settings:
    """Write beside it, read that as the program does, and put it in its place."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    environ = {**os.environ, **environment}
    with replacing(path) as file:
        file.write(text)
        file.flush()
        load(Path(file.name), environ)
    return load(path, environ)
