"""The whole file → settings, or everything that is wrong with it."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from decimal import Decimal, InvalidOperation
from functools import cache
from pathlib import Path
from types import MappingProxyType

from msgspec import NODEFAULT, Struct
from msgspec.structs import fields, replace

from katana_woo_sync.config import address, values
from katana_woo_sync.config.files import read_config
from katana_woo_sync.config.problems import (
    ConfigError,
    Problem,
    masked,
    printable,
    shown,
    shown_key,
    shown_url,
)
from katana_woo_sync.config.reader import Reader, Surroundings
from katana_woo_sync.config.settings import (
    SECTIONS,
    KatanaSettings,
    OrderSettings,
    Settings,
    StoreSettings,
    keys_of,
    known_keys,
)

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
    settings = _settings(Reader(document, "", surroundings), path.absolute())
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


def _settings(top: Reader, path: Path) -> Settings:
    # In the order of the example file, since the problems come out in this order.
    _refuse_unknown(top, "")
    read: dict[str, object] = _read(top, Settings)
    _refuse_beside_link(top, path, Path(str(read["ledger"])))
    for name in Settings.__struct_fields__:
        if name == "taxes":
            read[name] = _taxes(top.subtable(name))
        elif name == "sku_aliases":
            read[name] = _sku_aliases(top.subtable(name))
        elif name == "stores":
            common = read["orders"]
            since = common.since if isinstance(common, OrderSettings) else None
            read[name] = tuple(_store(reader, since) for reader in _store_readers(top))
        elif name in SECTIONS:
            section = top.subtable(name)
            _refuse_unknown(section, name)
            read[name] = made = SECTIONS[name](**_read(section, SECTIONS[name]))
            if (
                isinstance(made, OrderSettings)
                and made.shipping == "row"
                and not made.import_shipping
            ):
                section.problem("shipping", 'is "row", which needs import_shipping = true')
            if isinstance(made, KatanaSettings) and made.api_key.startswith(("ck_", "cs_")):
                wrong = "is a key of WooCommerce (ck_… or cs_…), not of Katana"
                section.problem("api_key", wrong)
    settings = Settings(path=path, **read)  # type: ignore[arg-type]  # each key gives its type
    _refuse_doubles(top, settings.stores)
    return settings


def _refuse_unknown(section: Reader, name: str) -> None:
    section.refuse_unknown(name, known_keys())


def _read(section: Reader, kind: type[Struct]) -> dict[str, object]:
    """The values of a section's keys, each in its own form; what is wrong with one keeps no other
    from being read."""
    defaults = _defaults(kind)
    return {
        name: key.form.read(section, name, defaults[name]) for name, key in keys_of(kind).items()
    }


@cache
def _defaults(kind: type[Struct]) -> Mapping[str, object]:
    """What each field of a section is where the file says nothing; "" where it must say it."""
    return {f.name: "" if f.default is NODEFAULT else f.default for f in fields(kind)}


def _taxes(section: Reader) -> Mapping[Decimal, str]:
    """[taxes]: percentage → name of the Katana tax rate."""
    found: dict[Decimal, str] = {}
    for key, value in section.table.items():
        if isinstance(value, dict):
            # TOML reads an unquoted 8.875 as the key 875 of a table 8.
            section.problem(
                shown_key(key),
                "must be the name of a Katana tax rate; a percentage with decimals needs quotes, "
                'as in "8.875" = "Sales tax"',
            )
            continue
        name = section.text(key, "", values.not_empty)
        try:
            percentage = values.percentage(key)
        except ValueError as error:
            section.problem(shown_key(key), str(error))
            continue
        if percentage in found:
            section.problem(shown_key(key), "is a percentage that stands here twice")
        found[percentage] = name
    return MappingProxyType(found)


def _sku_aliases(section: Reader) -> Mapping[str, str]:
    """[sku_aliases]: SKU in the shop → SKU in Katana."""
    found: dict[str, str] = {}
    for key in section.table:
        if not key.strip():
            section.problem(shown_key(key), "must be a SKU of the shop, and is empty")
        found[key] = section.text(key, "", values.not_empty)
    return MappingProxyType(found)


def _store(section: Reader, common_since: datetime | None) -> StoreSettings:
    """One [[stores]] table."""
    _refuse_unknown(section, "stores")
    for required in ("name", "url"):
        if required not in section.table:
            section.problem(required, "is missing")
    store = StoreSettings(**_read(section, StoreSettings))  # type: ignore[arg-type]
    _refuse_swapped(section, store.consumer_key, store.consumer_secret)
    done = {"completed", *store.completed_statuses}
    if store.complete_to not in done:
        section.problem("complete_to", "must be one of completed_statuses")
    both = sorted(done & set(store.import_statuses))
    if both:
        section.problem("completed_statuses", f'holds "{both[0]}", which import_statuses has too')
    if store.url:
        where = address.parse(store.url)
        if where.scheme == "http" and not (store.allow_http or where.is_loopback):
            section.problem(
                "url",
                "must begin with https:// (or, if the shop cannot be reached that way, set "
                "allow_http = true for this store: everything but the keys then travels "
                f"unencrypted), not {shown_url(str(section.table['url']))}",
            )
    return store if "since" in section.table else replace(store, since=common_since)


def _refuse_swapped(section: Reader, key: str, secret: str) -> None:
    if key.startswith("cs_") and secret.startswith("ck_"):
        section.problem(
            "consumer_key",
            "is swapped with consumer_secret: the key begins with ck_, the secret with cs_",
        )
    elif key.startswith("cs_"):
        section.problem("consumer_key", "is a consumer secret (cs_…); the key begins with ck_")
    elif secret.startswith("ck_"):
        section.problem("consumer_secret", "is a consumer key (ck_…); the secret begins with cs_")


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
    is_name = isinstance(name, str) and values.NAME.fullmatch(name) and masked(name) == name
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
