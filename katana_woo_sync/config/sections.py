"""Each section of the file: its keys, what they may hold, and its settings."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType
from typing import get_args

from katana_woo_sync.config import address, values
from katana_woo_sync.config.files import check_readable
from katana_woo_sync.config.problems import printable, shown_key
from katana_woo_sync.config.reader import Reader
from katana_woo_sync.config.secret_urls import secret_urls, secret_web_url
from katana_woo_sync.config.settings import (
    LEDGER_NAME,
    Bundles,
    Cancelled,
    CompletedUnseen,
    Discounts,
    KatanaSettings,
    NotifySettings,
    OrderSettings,
    Pos,
    ReportSettings,
    ScheduleSettings,
    StoreSettings,
    SubOrders,
    TrackingNote,
)

LONGEST_STORENAME_IN_KATANA = 256
"""Katana's contract for `ecommerce_store_name`."""

LONGEST_PREFIX = 20

NAME = re.compile(r"[A-Za-z0-9_-]{1,40}")
_SECOND = timedelta(seconds=1)
_DAY = timedelta(days=1)

_KATANA = KatanaSettings(api_key="")
_ORDERS = OrderSettings()
_SCHEDULE = ScheduleSettings()
_NOTIFY = NotifySettings()
_STORE = StoreSettings(name="", url="", consumer_key="", consumer_secret="")


def ledger(top: Reader, folder: Path) -> Path:
    """Where the ledger is, or will be."""

    def not_a_folder(value: object) -> Path:
        if value == "":
            raise ValueError("must name a file")
        path = top.absolute(value)
        if os.path.isdir(path):  # Path.is_dir raises where a folder above is closed to us
            raise ValueError("must name a file, and this is a folder")
        return path

    # whatever it is called by: its lock lies beside it
    return Path(os.path.realpath(top.convert("ledger", folder / LEDGER_NAME, not_a_folder)))


def katana(section: Reader) -> KatanaSettings:
    """[katana]"""
    section.refuse_unknown("katana")
    api_key = section.secret("api_key")
    if api_key.startswith(("ck_", "cs_")):
        section.problem("api_key", "is a key of WooCommerce (ck_… or cs_…), not of Katana")
    return KatanaSettings(
        api_key=api_key,
        url=section.text("url", _KATANA.url, _katana_url),
        requests_per_minute=section.whole(
            "requests_per_minute", _KATANA.requests_per_minute, 1, 6000
        ),
        multi_currency=section.flag("multi_currency", _KATANA.multi_currency),
        unknown_wait=_duration(section, "unknown_wait", _KATANA.unknown_wait, 0 * _SECOND, _DAY),
    )


def _katana_url(text: str) -> str:
    example = f'must be the address of Katana\'s API, such as "{_KATANA.url}"'
    try:
        where = address.parse(text)
    except ValueError:
        raise ValueError(example) from None
    if where.scheme == "http" and not where.is_loopback:
        raise ValueError(f"{example}, with https (http is for this machine alone)")
    return where.url


def orders(section: Reader) -> OrderSettings:
    """[orders]"""
    section.refuse_unknown("orders")
    return OrderSettings(
        delivery_days=section.whole("delivery_days", _ORDERS.delivery_days, 0, 365),
        discounts=section.choice("discounts", _ORDERS.discounts, get_args(Discounts)),
        import_shipping=section.flag("import_shipping", _ORDERS.import_shipping),
        import_fees=section.flag("import_fees", _ORDERS.import_fees),
        match_totals=section.flag("match_totals", _ORDERS.match_totals),
        create_products=section.flag("create_products", _ORDERS.create_products),
        completed_unseen=section.choice(
            "completed_unseen", _ORDERS.completed_unseen, get_args(CompletedUnseen)
        ),
        pos=section.choice("pos", _ORDERS.pos, get_args(Pos)),
        sub_orders=section.choice("sub_orders", _ORDERS.sub_orders, get_args(SubOrders)),
        since=section.convert("since", None, values.moment),
        import_delay=_duration(section, "import_delay", _ORDERS.import_delay, 0 * _SECOND, _DAY),
        import_note=section.flag("import_note", _ORDERS.import_note),
        tracking_note=section.choice(
            "tracking_note", _ORDERS.tracking_note, get_args(TrackingNote)
        ),
        cancelled=section.choice("cancelled", _ORDERS.cancelled, get_args(Cancelled)),
    )


def schedule(section: Reader) -> ScheduleSettings:
    """[schedule]"""
    section.refuse_unknown("schedule")
    return ScheduleSettings(
        orders=_duration(section, "orders", _SCHEDULE.orders, 30 * _SECOND, 7 * _DAY),
        stock=_duration(section, "stock", _SCHEDULE.stock, 60 * _SECOND, 7 * _DAY),
        sweep=_duration(section, "sweep", _SCHEDULE.sweep, 300 * _SECOND, 31 * _DAY),
    )


def report(section: Reader) -> ReportSettings:
    """[report]"""
    section.refuse_unknown("report")
    days = section.whole("history_days", 0, 1, 36500)
    return ReportSettings(path=section.file("path"), history_days=days or None)


def notify(section: Reader) -> NotifySettings:
    """[notify]"""
    section.refuse_unknown("notify")
    return NotifySettings(
        urls=secret_urls(section, "urls"),
        store_failing_after=_duration(
            section, "store_failing_after", _NOTIFY.store_failing_after, 0 * _SECOND, 31 * _DAY
        ),
        ping_url=secret_web_url(section, "ping_url"),
    )


def taxes(section: Reader) -> Mapping[Decimal, str]:
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
        name = section.text(key, "", _not_empty)
        try:
            percentage = values.percentage(key)
        except ValueError as error:
            section.problem(shown_key(key), str(error))
            continue
        if percentage in found:
            section.problem(shown_key(key), "is a percentage that stands here twice")
        found[percentage] = name
    return MappingProxyType(found)


def sku_aliases(section: Reader) -> Mapping[str, str]:
    """[sku_aliases]: SKU in the shop → SKU in Katana."""
    found: dict[str, str] = {}
    for key in section.table:
        if not key.strip():
            section.problem(shown_key(key), "must be a SKU of the shop, and is empty")
        found[key] = section.text(key, "", _not_empty)
    return MappingProxyType(found)


def store(section: Reader, common_since: datetime | None) -> StoreSettings:
    """One [[stores]] table."""
    section.refuse_unknown("stores")
    allow_http = section.flag("allow_http", _STORE.allow_http)
    consumer_key, consumer_secret = _keys(section)
    for required in ("name", "url"):
        if required not in section.table:
            section.problem(required, "is missing")
    return StoreSettings(
        name=section.text("name", "", _store_name),
        url=section.text("url", "", lambda text: _store_url(text, allow_http)),
        consumer_key=consumer_key,
        consumer_secret=consumer_secret,
        location=section.convert("location", _STORE.location, _location),
        katana_store_name=section.text(
            "katana_store_name",
            _STORE.katana_store_name,
            lambda text: _one_line(text, LONGEST_STORENAME_IN_KATANA),
        ),
        order_number_prefix=section.text(
            "order_number_prefix",
            _STORE.order_number_prefix,
            lambda text: _one_line(text, LONGEST_PREFIX, strip=False),
        ),
        since=section.convert("since", common_since, values.moment),
        paused=section.flag("paused", _STORE.paused),
        additional_info_meta=section.texts(
            "additional_info_meta", (), _not_empty, '["_billing_vat_number"]'
        ),
        sync_fulfillment=section.flag("sync_fulfillment", _STORE.sync_fulfillment),
        complete_from=_statuses(section, "complete_from", _STORE.complete_from),
        import_statuses=_statuses(section, "import_statuses", _STORE.import_statuses),
        sync_stock=section.flag("sync_stock", _STORE.sync_stock),
        count_other_commitments=section.flag(
            "count_other_commitments", _STORE.count_other_commitments
        ),
        stock_reserve=section.convert("stock_reserve", _STORE.stock_reserve, values.reserve),
        stock_exclude=section.texts("stock_exclude", (), _not_empty, '["GIFT-CARD"]'),
        bundles=section.choice("bundles", _STORE.bundles, get_args(Bundles)),
        allow_http=allow_http,
        ca_file=_ca_file(section),
        timeout=section.convert(
            "timeout", _STORE.timeout, lambda value: values.seconds(value, 1, 600)
        ),
    )


def _keys(section: Reader) -> tuple[str, str]:
    key, secret = section.secret("consumer_key"), section.secret("consumer_secret")
    if key.startswith("cs_") and secret.startswith("ck_"):
        section.problem(
            "consumer_key",
            "is swapped with consumer_secret: the key begins with ck_, the secret with cs_",
        )
    elif key.startswith("cs_"):
        section.problem("consumer_key", "is a consumer secret (cs_…); the key begins with ck_")
    elif secret.startswith("ck_"):
        section.problem("consumer_secret", "is a consumer key (ck_…); the secret begins with cs_")
    return key, secret


def _store_name(text: str) -> str:
    if not NAME.fullmatch(text):
        raise ValueError("must be 1 to 40 letters (A to Z), digits, - or _")
    return text


def _store_url(text: str, allow_http: bool) -> str:
    where = address.parse(text)
    if where.scheme == "http" and not (allow_http or where.is_loopback):
        raise ValueError(
            "must begin with https:// (or, if the shop cannot be reached that way, set "
            "allow_http = true for this store: everything but the keys then travels unencrypted)"
        )
    return text.strip()


def _location(value: object) -> str:
    match value:
        case bool():
            pass
        case int() if 0 < value < 10**15:
            return str(value)
        case str():
            return _one_line(value, 255)
    raise ValueError("must be a Katana location's name or id")


def _statuses(section: Reader, name: str, default: tuple[str, ...]) -> tuple[str, ...]:
    found = section.texts(name, default, values.status, '["processing"]')
    if section.table.get(name) == []:
        other = " (to carry nothing, set sync_fulfillment = false)"
        section.problem(
            name, f"must name one status at least{other if name == 'complete_from' else ''}"
        )
    return found


def _ca_file(section: Reader) -> Path | None:
    def readable(value: object) -> Path | None:
        if value == "":
            return None
        path = section.absolute(value)
        check_readable(path)
        return path

    return section.convert("ca_file", _STORE.ca_file, readable)


def _duration(
    section: Reader, name: str, default: timedelta, least: timedelta, most: timedelta
) -> timedelta:
    return section.convert(name, default, lambda value: values.duration(value, least, most))


def _one_line(text: str, longest: int, *, strip: bool = True) -> str:
    if printable(text) != text or len(text) > longest:
        raise ValueError(f"must be one line of at most {longest} characters")
    return text.strip() if strip else text


def _not_empty(text: str) -> str:
    if not text.strip() or printable(text) != text:
        raise ValueError("must be a text of one line that is not empty")
    return text
