"""The whole file → settings, or everything that is wrong with it."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from contextlib import suppress
from decimal import Decimal, InvalidOperation
from pathlib import Path

from katana_woo_sync.config import address, sections
from katana_woo_sync.config.files import read_config
from katana_woo_sync.config.problems import ConfigError, Problem, masked, printable, shown
from katana_woo_sync.config.reader import Reader, Surroundings
from katana_woo_sync.config.settings import Settings, StoreSettings

_PLACE = re.compile(
    r"^(?P<what>.*) \(at (?:line (?P<line>\d+), column (?P<column>\d+)|end of document)\)$", re.S
)


def load(path: Path, environ: Mapping[str, str]) -> Settings:
    """Read the configuration. `environ` fills in `${VAR}`.

    Reads the files that `*_file` keys name, and looks whether `ca_file` can be read; asks nobody
    else. Raises ConfigError with all problems at once.
    """
    document = _document(path)
    # by whichever name it is called: two names must not make two ledgers
    folder = path.resolve().parent
    surroundings = Surroundings(folder, environ)
    settings = _settings(Reader(document, "", surroundings), path.absolute(), folder)
    if surroundings.problems:
        raise ConfigError(path, surroundings.problems)
    return settings


def _document(path: Path) -> dict[str, object]:
    try:
        text = read_config(path)
    except ValueError as error:
        raise ConfigError(path, [Problem("", str(error))]) from None
    try:
        return tomllib.loads(text, parse_float=_decimal)
    except tomllib.TOMLDecodeError as error:
        message = _syntax_error(str(error), text)
    except (ValueError, RecursionError):
        message = "is not TOML that can be read: a number is absurdly long, or tables lie too deep"
    raise ConfigError(path, [Problem("", message)])


def _decimal(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        raise ValueError("a number out of all bounds") from None


def _syntax_error(message: str, text: str) -> str:
    found = _PLACE.match(message)
    if found is None:
        return printable(message)
    line = found["line"] or str(text.count("\n") + 1)
    column = found["column"] or str(len(text) - text.rfind("\n"))
    what = printable(found["what"])
    hint = " (a text must stand in quotes)" if what == "Invalid value" else ""
    return f"line {line}, column {column}: {what[:1].lower()}{what[1:]}{hint}"


def _settings(top: Reader, path: Path, folder: Path) -> Settings:
    # In the order of the example file, since the problems come out in this order.
    top.refuse_unknown("")
    ledger = sections.ledger(top, folder)
    _refuse_beside_link(top, path, ledger)
    katana = sections.katana(top.subtable("katana"))
    orders = sections.orders(top.subtable("orders"))
    taxes = sections.taxes(top.subtable("taxes"))
    sku_aliases = sections.sku_aliases(top.subtable("sku_aliases"))
    schedule = sections.schedule(top.subtable("schedule"))
    report = sections.report(top.subtable("report"))
    notify = sections.notify(top.subtable("notify"))
    stores = tuple(sections.store(reader, orders.since) for reader in _store_readers(top))
    _refuse_doubles(top, stores)
    return Settings(
        path=path,
        ledger=ledger,
        katana=katana,
        orders=orders,
        taxes=taxes,
        sku_aliases=sku_aliases,
        schedule=schedule,
        report=report,
        notify=notify,
        stores=stores,
    )


def _refuse_beside_link(top: Reader, path: Path, ledger: Path) -> None:
    """A ledger that lies beside a link to the config was this config's own, as long as names were
    taken from the link's folder."""
    folder = path.resolve().parent
    if not ledger.is_relative_to(folder):
        return
    beside = path.parent / ledger.relative_to(folder)
    with suppress(OSError):
        if beside.exists() and beside.resolve() != ledger.resolve():
            top.problem(
                "ledger",
                f"lies beside the link {printable(str(path))}, but is looked for beside the file "
                f"that the link leads to: move {printable(str(beside))} (with its -wal, if there "
                f"is one) to {printable(str(ledger))}, or set ledger to its full path",
            )


def _store_readers(top: Reader) -> list[Reader]:
    raw = top.table.get("stores", [])
    if isinstance(raw, dict):
        top.problem("stores", "must be written [[stores]], with double brackets")
        return []
    if not isinstance(raw, list):
        top.problem("stores", f"must be [[stores]] tables, not {shown(raw)}")
        return []
    if not raw:
        top.problem("stores", "is missing: add a [[stores]] table for each WooCommerce store")
    readers = []
    for index, table in enumerate(raw):
        key = f"stores[{index}]"
        if isinstance(table, dict):
            readers.append(Reader(table, key, top.surroundings, _name_for_people(table)))
        else:
            top.problem(key, f"must be a [[stores]] table, not {shown(table)}")
    return readers


def _name_for_people(table: Mapping[str, object]) -> str:
    name = table.get("name")
    is_name = isinstance(name, str) and sections.NAME.fullmatch(name) and masked(name) == name
    return str(name) if is_name else ""


def _refuse_doubles(top: Reader, stores: tuple[StoreSettings, ...]) -> None:
    """Stores of one name, one identity in Katana, or one address: their orders would be mixed up,
    or imported twice."""
    names: dict[str, int] = {}
    identities: dict[str, int] = {}
    shops: dict[str, int] = {}
    for index, store in enumerate(stores):
        key = f"stores[{index}]"
        first = names.setdefault(store.name.lower(), index)
        if store.name and first != index:
            top.problem(f"{key}.name", f"is the name of stores[{first}] too")
        if not store.url:
            continue
        shop = address.parse(store.url).identity
        first = shops.setdefault(shop.removeprefix("www."), index)
        if first != index:
            top.problem(f"{key}.url", f"is the shop of stores[{first}] again")
            continue
        first = identities.setdefault(store.identity.casefold(), index)
        if first != index:
            which = "katana_store_name" if store.katana_store_name else "url"
            top.problem(
                f"{key}.{which}",
                f"gives this store the name in Katana that stores[{first}] has; set another "
                "katana_store_name for one of them",
            )
