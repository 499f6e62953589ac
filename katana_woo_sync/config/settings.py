"""The settings, typed and frozen. Names are the keys of the file; defaults are the file's defaults.

Times are aware UTC, durations are timedelta, paths are absolute.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from msgspec import Struct, field

from katana_woo_sync.config import address
from katana_woo_sync.config.url_secrets import secrets_in

KATANA_URL = "https://api.katanamrp.com/v1"
LEDGER_NAME = "katana-woo-sync.db"

Discounts = Literal["net", "separate"]
CompletedUnseen = Literal["attention", "skip", "import"]
Pos = Literal["", "import", "skip", "attention"]
SubOrders = Literal["skip", "children"]
Bundles = Literal["parent", "children", "both"]
TrackingNote = Literal["none", "private", "customer"]
Cancelled = Literal["attention", "delete"]


class StockReserve(Struct, frozen=True):
    """What the shop must not sell of the stock at its location: pieces, or a percentage of it."""

    quantity: Decimal = Decimal(0)
    is_percentage: bool = False


NO_RESERVE = StockReserve()

SECRET_KEYS = frozenset({"api_key", "consumer_key", "consumer_secret", "urls", "ping_url"})


class Section(Struct, frozen=True, kw_only=True):
    """A table of the file, or what is to stand in one. Its `repr` leaves out what is secret."""

    def __repr__(self) -> str:
        names = (name for name in self.__struct_fields__ if name not in SECRET_KEYS)
        shown = ", ".join(f"{name}={getattr(self, name)!r}" for name in names)
        return f"{type(self).__name__}({shown})"


class KatanaSettings(Section, frozen=True, kw_only=True):
    """The Katana account."""

    api_key: str
    url: str = KATANA_URL
    requests_per_minute: int = 60
    """A ceiling; what Katana's own answer headers allow rules below it."""
    multi_currency: bool = True
    unknown_wait: timedelta = timedelta(minutes=3)
    """After a lost answer: how long until Katana is asked what became of the request."""


class OrderSettings(Section, frozen=True, kw_only=True):
    """How orders are imported, for all stores."""

    delivery_days: int = 14
    discounts: Discounts = "net"
    import_shipping: bool = True
    import_fees: bool = True
    match_totals: bool = False
    create_products: bool = True
    completed_unseen: CompletedUnseen = "attention"
    pos: Pos = ""
    """What becomes of sales of WooCommerce's Point of Sale; "" is as `completed_unseen`."""
    sub_orders: SubOrders = "skip"
    """Of a marketplace's parent order and its sub-orders, which are left out: the sub-orders, or
    ("children") the parent."""
    since: datetime | None = None
    """Orders created before are never imported. UTC; a store's own `since` takes its place."""
    import_delay: timedelta = timedelta(0)
    """How long after its payment an order may still be corrected in the shop before its import."""
    import_note: bool = False
    """Whether the shop's order gets a private note with its number and link in Katana."""
    tracking_note: TrackingNote = "none"
    """Who reads the tracking number and carrier of Katana's delivery in a note on the order."""
    cancelled: Cancelled = "attention"
    """What becomes of a sales order whose order was cancelled in the shop."""


class ScheduleSettings(Section, frozen=True, kw_only=True):
    """How often each part of the work is done."""

    orders: timedelta = timedelta(minutes=5)
    stock: timedelta = timedelta(minutes=15)
    sweep: timedelta = timedelta(hours=24)


class ReportSettings(Section, frozen=True, kw_only=True):
    """The status page."""

    path: Path | None = None
    history_days: int | None = None
    """None keeps the whole history."""


class NotifySettings(Section, frozen=True, kw_only=True):
    """Who is told, and what watches over the program."""

    urls: tuple[str, ...] = ()
    """Addresses as apprise understands them. Each holds secrets."""
    store_failing_after: timedelta = timedelta(hours=1)
    """How long a store, or Katana, must have failed until people are told."""
    ping_url: str = ""
    """A monitor's address, in the manner of healthchecks; "" where there is none."""


class StoreSettings(Section, frozen=True, kw_only=True):
    """One WooCommerce store."""

    name: str
    url: str
    consumer_key: str
    consumer_secret: str
    location: str = ""
    """Katana location, by name or id; "" where left out, which is right if Katana has one."""
    katana_store_name: str = ""
    order_number_prefix: str = ""
    since: datetime | None = None
    """This store's, else the one of [orders]. UTC."""
    paused: bool = False
    """Whether the store is left alone for now: neither asked nor written to."""
    additional_info_meta: tuple[str, ...] = ()
    """Keys of order meta that go into the sales order's `additional_info`."""
    sync_fulfillment: bool = True
    complete_from: tuple[str, ...] = ("processing",)
    """WooCommerce statuses, without `wc-`, that a delivery in Katana may complete."""
    import_statuses: tuple[str, ...] = ("processing",)
    """WooCommerce statuses, without `wc-`, whose orders are imported."""
    sync_stock: bool = False
    count_other_commitments: bool = True
    stock_reserve: StockReserve = NO_RESERVE
    stock_exclude: tuple[str, ...] = ()
    bundles: Bundles = "parent"
    allow_http: bool = False
    ca_file: Path | None = None
    timeout: float = 30.0
    """Seconds that an answer may take."""

    @property
    def identity(self) -> str:
        """The store's name in Katana (`ecommerce_store_name`): host, port if not standard, path if
        any, or `katana_store_name` where that is set."""
        return self.katana_store_name or address.identity(self.url)

    @property
    def twins(self) -> tuple[str, ...]:
        """Other names under which Katana may hold this store's orders: the www or non-www twin, the
        bare host and its twin, and, where `katana_store_name` is set, what the address itself would
        have been known as. Never the identity itself."""
        where = address.parse(self.url)
        named = address.www_twin(self.katana_store_name) if self.katana_store_name else None
        names = (*((named,) if named else ()), where.identity, *where.other_names)
        return tuple(dict.fromkeys(name for name in names if name != self.identity))

    @property
    def api_url(self) -> str:
        """The address to build API addresses on: scheme kept, host in ASCII, no slash at end."""
        return address.parse(self.url).url


class Settings(Struct, frozen=True, kw_only=True):
    """The whole configuration."""

    path: Path
    """The file it came from."""
    ledger: Path
    katana: KatanaSettings
    stores: tuple[StoreSettings, ...]
    orders: OrderSettings = OrderSettings()
    taxes: Mapping[Decimal, str] = field(default_factory=lambda: MappingProxyType({}))
    """Percentage → name of the Katana tax rate to take, where several share the percentage."""
    sku_aliases: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """SKU in the shop → SKU in Katana."""
    schedule: ScheduleSettings = ScheduleSettings()
    report: ReportSettings = ReportSettings()
    notify: NotifySettings = NotifySettings()

    def secrets(self) -> frozenset[str]:
        """Every secret value, for whoever must keep them out of logs."""
        of_stores = {
            secret
            for store in self.stores
            for secret in (store.consumer_key, store.consumer_secret)
        }
        urls = (*self.notify.urls, self.notify.ping_url)
        of_urls = {secret for url in urls for secret in secrets_in(url)}
        return frozenset({self.katana.api_key, *of_stores, *of_urls} - {""})

    def twins(self, store: StoreSettings) -> tuple[str, ...]:
        """The store's twins less the identities of the other stores: where a shop lives at
        `shop.example` and another at `shop.example/us`, the first one's orders are its own."""
        taken = {other.identity for other in self.stores}
        return tuple(name for name in store.twins if name not in taken)


def known_keys() -> Mapping[str, tuple[str, ...]]:
    """Every key that a file may hold, by section; "" is the top of the file. A secret can also be
    given as the name of a file (`*_file`)."""
    top = {"ledger", "taxes", "sku_aliases", "katana", "orders", "schedule", "report", "notify"}
    keys = {
        "": tuple(sorted({*top, "stores"})),
        "katana": _names(KatanaSettings),
        "orders": _names(OrderSettings),
        "schedule": _names(ScheduleSettings),
        "report": _names(ReportSettings),
        "notify": _names(NotifySettings),
        "stores": _names(StoreSettings),
    }
    return {
        section: (*names, *(f"{name}_file" for name in names if name in SECRET_KEYS))
        for section, names in keys.items()
    }


def _names(kind: type[Section]) -> tuple[str, ...]:
    return kind.__struct_fields__
