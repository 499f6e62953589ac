"""The settings: the one place that says which keys the file has, what they may hold, what they mean
and what holds where they are left out. Loading, config.example.toml, docs/options.md and the JSON
schema follow from it.

Times are aware UTC, durations are timedelta, paths are absolute.
"""

# Without `from __future__ import annotations`: the declarations are read at every start, and would
# have to be compiled then.

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Literal, get_args

from msgspec import Struct, field

from katana_woo_sync.config import address, forms, values
from katana_woo_sync.config.forms import LEDGER_NAME, Key
from katana_woo_sync.config.url_secrets import secrets_in
from katana_woo_sync.config.values import KATANA_URL, NO_RESERVE, StockReserve

Discounts = Literal["net", "separate"]
ShippingAs = Literal["fee", "row"]
CompletedUnseen = Literal["attention", "skip", "import"]
Pos = Literal["", "import", "skip", "attention"]
SubOrders = Literal["skip", "children"]
Bundles = Literal["parent", "children", "both"]
TrackingNote = Literal["none", "private", "customer"]
Shipments = Literal["off", "auto"]
Cancelled = Literal["attention", "delete"]

SECOND, DAY = timedelta(seconds=1), timedelta(days=1)


class Section(Struct, frozen=True, kw_only=True):
    """A table of the file, or what is to stand in one. Its `repr` leaves out what is secret."""

    def __repr__(self) -> str:
        secret = secret_keys()
        names = (name for name in self.__struct_fields__ if name not in secret)
        shown = ", ".join(f"{name}={getattr(self, name)!r}" for name in names)
        return f"{type(self).__name__}({shown})"


class KatanaSettings(Section, frozen=True, kw_only=True):
    """The Katana account."""

    api_key: Annotated[
        str,
        Key(
            forms.secret(),
            "Made in Katana under Settings > API.",
            '"${KATANA_API_KEY}"',
            "katana-api-key.txt",
        ),
    ]
    url: Annotated[
        str,
        Key(
            forms.text(values.katana_url, format="uri"),
            "Where Katana's API is. Only ever changed to try the program against its own sandbox.",
        ),
    ] = KATANA_URL
    requests_per_minute: Annotated[
        int,
        Key(
            forms.whole(1, 6000),
            "At most so many requests a minute. Katana allows 60 unless your account has more. If "
            "other programs use the same key, leave them some. If Katana itself allows less, the "
            "program keeps to that.",
        ),
    ] = 60
    multi_currency: Annotated[
        bool,
        Key(
            forms.flag(),
            "false: an order in another currency than Katana's base currency is not imported but "
            "shown to you. Katana's base currency can no longer be changed once it holds an order "
            "in a foreign one.",
        ),
    ] = True
    unknown_wait: Annotated[
        timedelta,
        Key(
            forms.duration(0 * SECOND, DAY),
            "When an answer of Katana got lost, how long to wait until asking what became of the "
            "request.",
        ),
    ] = timedelta(minutes=3)


class OrderSettings(Section, frozen=True, kw_only=True):
    """How orders are imported, for all stores."""

    delivery_days: Annotated[
        int,
        Key(forms.whole(0, 365), "Delivery date in Katana = date of the order + so many days."),
    ] = 14
    discounts: Annotated[
        Discounts,
        Key(
            forms.choice(*get_args(Discounts)),
            '"net": a discount lowers the price per unit. "separate": the undiscounted price, with '
            "the discount beside it as the row's discount. The total is the same.",
        ),
    ] = "net"
    import_shipping: Annotated[
        bool,
        Key(
            forms.flag(),
            "Whether what the customer paid for shipping comes into Katana, as the order's "
            "shipping fee. Without it Katana's total is not the shop's.",
        ),
    ] = True
    shipping: Annotated[
        ShippingAs,
        Key(
            forms.choice(*get_args(ShippingAs)),
            '"fee": shipping is the shipping fee of the sales order, which takes a second request. '
            '"row": it is a row of the service item "WooCommerce shipping", created with the '
            "order: one request, and the order is never without it. docs/money.md says what that "
            "means in Katana.",
        ),
    ] = "fee"
    import_fees: Annotated[
        bool,
        Key(
            forms.flag(),
            "Whether other fees (gift wrapping, payment fees) come into Katana, as rows. Without "
            "them Katana's total is not the shop's.",
        ),
    ] = True
    match_totals: Annotated[
        bool,
        Key(
            forms.flag(),
            "true: the shop's own cent roundings go onto the largest row, so that both totals "
            "agree exactly. What roundings do not explain (a plugin took something off the total) "
            "is shown to you either way.",
        ),
    ] = False
    create_products: Annotated[
        bool,
        Key(
            forms.flag(),
            "A product that Katana does not have: true creates it there; false leaves the order to "
            "you.",
        ),
    ] = True
    completed_unseen: Annotated[
        CompletedUnseen,
        Key(
            forms.choice(*get_args(CompletedUnseen)),
            "An order that was completed in the shop before this program ever saw it as Processing "
            '(after an outage, or with quick staff): "attention" shows it to you, "skip" leaves it '
            'out, "import" imports it and marks it delivered.',
        ),
    ] = "attention"
    pos: Annotated[
        Pos,
        Key(
            forms.choice(*get_args(Pos)),
            "Sales of WooCommerce's Point of Sale (POS), which are completed at once: "
            '"import" imports and delivers them, "skip" leaves them out (Katana\'s stock then has '
            'their pieces until you count it), "attention" shows them to you, "" does as '
            "completed_unseen says.",
        ),
    ] = ""
    sub_orders: Annotated[
        SubOrders,
        Key(
            forms.choice(*get_args(SubOrders)),
            "A marketplace plugin (Dokan, MultiVendorX, YITH Multi Vendor) makes a sub-order for "
            "each vendor, with goods that are on the customer's order (the parent) too: "
            '"skip" imports the parent and leaves out its sub-orders, "children" imports the '
            "sub-orders and leaves out the parent.",
        ),
    ] = "skip"
    import_delay: Annotated[
        timedelta,
        Key(
            forms.duration(0 * SECOND, DAY),
            "How long after its payment an order waits before it is imported: the customer may "
            "still have it corrected in the shop, since edits never cross afterwards.",
        ),
    ] = timedelta(0)
    import_note: Annotated[
        bool,
        Key(
            forms.flag(),
            'true: the shop\'s order gets a private note "In Katana as …" with a link once it is '
            "imported.",
        ),
    ] = False
    tracking_note: Annotated[
        TrackingNote,
        Key(
            forms.choice(*get_args(TrackingNote)),
            'When a delivery in Katana completes the order in the shop: "private" writes carrier '
            'and tracking number as a note that only the shop sees, "customer" mails them to the '
            "customer.",
        ),
    ] = "none"
    cancelled: Annotated[
        Cancelled,
        Key(
            forms.choice(*get_args(Cancelled)),
            'An order that is cancelled in the shop while it is open in Katana: "attention" shows '
            'it to you, "delete" deletes it in Katana, if nothing was made, packed, delivered or '
            "invoiced for it yet.",
        ),
    ] = "attention"
    since: Annotated[
        datetime | None,
        Key(
            forms.moment(),
            "Orders created before this date are never imported, in any way. A date means its "
            "midnight in UTC; a moment can be given as 2026-01-01T08:00:00+02:00. Also possible "
            "per store.",
            "2026-01-01",
        ),
    ] = None


class ScheduleSettings(Section, frozen=True, kw_only=True):
    """How often each part of the work is done."""

    orders: Annotated[
        timedelta,
        Key(
            forms.duration(30 * SECOND, 7 * DAY),
            "How often to look for new and changed orders. `run` keeps to it by itself; `sync` "
            "does one round each time that cron or systemd starts it.",
        ),
    ] = timedelta(minutes=5)
    stock: Annotated[
        timedelta,
        Key(
            forms.duration(60 * SECOND, 7 * DAY),
            "How often to bring the stock into the shops that have sync_stock = true.",
        ),
    ] = timedelta(minutes=15)
    sweep: Annotated[
        timedelta,
        Key(
            forms.duration(300 * SECOND, 31 * DAY),
            "How often to compare all open orders with the ledger, and the whole stock, so that "
            "nothing that was missed once stays missed.",
        ),
    ] = timedelta(hours=24)


class ReportSettings(Section, frozen=True, kw_only=True):
    """The status page, one HTML file with what needs a person, plots, and the recent orders; and
    figures for Prometheus."""

    path: Annotated[
        Path | None,
        Key(
            forms.file(),
            "Every `sync`, and every cycle of `run`, writes the page anew to this file, whose name "
            "is relative to the configuration. Only the user who runs the program may read it. "
            "Without this, `katana-woo-sync report` writes one when you ask.",
            '"katana-woo-sync.html"',
        ),
    ] = None
    metrics: Annotated[
        Path | None,
        Key(
            forms.metrics_file(),
            "Every cycle also writes figures for Prometheus to this file, for the textfile "
            "collector of its node exporter: orders by state, times of the oldest waiting order "
            "and of the last good cycle, requests, quota, stock. Every user may read it. The "
            "file's name, without .prom, is the label `account` of each.",
            '"katana-woo-sync.prom"',
        ),
    ] = None
    history_days: Annotated[
        int | None,
        Key(
            forms.whole(1, 36500),
            "Once a day erase what is older than so many days from the ledger's history, and from "
            "the notes and details of orders that are done with. Order ids, numbers, totals and "
            "digests stay: they keep an order from being imported twice. See "
            "docs/personal-data.md. By default everything is kept.",
            "365",
        ),
    ] = None


class NotifySettings(Section, frozen=True, kw_only=True):
    """Being told. All of it only warns when it fails: orders go on."""

    urls: Annotated[
        tuple[str, ...],
        Key(
            forms.secret_addresses(),
            "Where to write to when an order newly needs you, when a store has been failing for a "
            "while, and when it works again: mail, Slack, Telegram, ntfy and a hundred others, as "
            "addresses of apprise (https://github.com/caronc/apprise/wiki). Needs: pip install "
            '"katana-woo-sync[notify]". They are secrets: ["${NTFY_URL}"], or a file with one '
            "address a line.",
            file_example="notify-urls.txt",
        ),
    ] = ()
    store_failing_after: Annotated[
        timedelta,
        Key(
            forms.duration(0 * SECOND, 31 * DAY),
            "How long a store, or Katana, must have been failing until you are told.",
        ),
    ] = timedelta(hours=1)
    ping_url: Annotated[
        str,
        Key(
            forms.secret_address(),
            "A monitor that tells you when the program itself no longer runs, such as "
            "healthchecks.io or your own: asked for /start before each cycle, for the address "
            "itself after one that worked every store, and for /1, /2 or /75 (the exit code) after "
            "one that did not.",
            file_example="ping-url.txt",
        ),
    ] = ""


class StoreSettings(Section, frozen=True, kw_only=True):
    """One [[stores]] table for each WooCommerce store."""

    name: Annotated[
        str,
        Key(
            forms.text(values.store_name, pattern=f"^{values.NAME.pattern}$"),
            "What you call this store: letters, digits, - and _. It stands in all messages.",
            '"eu"',
        ),
    ]
    url: Annotated[
        str,
        Key(
            forms.text(values.store_url, format="uri"),
            "The address of the shop itself, without /wp-admin or the like. A shop in a "
            'subdirectory works: "https://example.com/shop".',
            '"https://shop.example.com"',
        ),
    ]
    consumer_key: Annotated[
        str,
        Key(
            forms.secret(),
            "Made in WordPress under WooCommerce > Settings > Advanced > REST API, with the "
            "permission Read/Write. The key begins with ck_.",
            '"${WOO_EU_KEY}"',
            "woo-eu-key.txt",
        ),
    ]
    consumer_secret: Annotated[
        str,
        Key(
            forms.secret(),
            "Shown with the consumer key. The secret begins with cs_.",
            '"${WOO_EU_SECRET}"',
            "woo-eu-secret.txt",
        ),
    ]
    location: Annotated[
        str,
        Key(
            forms.of(
                values.location,
                "text",
                {"anyOf": [forms.TEXT, {"type": "integer", "minimum": 1}]},
            ),
            "The Katana location whose stock this store sells, by name or id. May be left out if "
            "Katana has only one. Several stores may have the same.",
            '"Main location"',
        ),
    ] = ""
    katana_store_name: Annotated[
        str,
        Key(
            forms.one_line(256),  # Katana's contract for `ecommerce_store_name`
            "The name under which Katana knows this store's orders; "
            '"" is the host of its address. '
            "When the shop moves to a new address, set the old host here: otherwise every open "
            "order is a new one.",
        ),
    ] = ""
    order_number_prefix: Annotated[
        str,
        Key(
            forms.one_line(20, strip=False),
            "Put before the shop's order number in Katana, so that you see which shop an order is "
            "from.",
        ),
    ] = ""
    since: Annotated[
        datetime | None,
        Key(
            forms.moment(),
            "Orders of this store created before are never imported; takes the place of the one in "
            "[orders].",
            "2026-01-01",
        ),
    ] = None
    paused: Annotated[
        bool,
        Key(
            forms.flag(),
            "true: the store is left alone for now, neither asked nor written to; what changes "
            "meanwhile is caught up with later.",
        ),
    ] = False
    additional_info_meta: Annotated[
        tuple[str, ...],
        Key(
            forms.texts_of_a_line('["_billing_vat_number"]'),
            "Keys of order meta (a delivery slot, a VAT number) that a plugin keeps and that shall "
            "stand in the sales order's additional info.",
        ),
    ] = ()
    sync_fulfillment: Annotated[
        bool,
        Key(
            forms.flag(),
            "Delivered in Katana completes the order in the shop, and the other way round. "
            "Completing an order sends the customer the shop's mail.",
        ),
    ] = True
    complete_from: Annotated[
        tuple[str, ...],
        Key(
            forms.statuses(" (to carry nothing, set sync_fulfillment = false)"),
            "Only orders with one of these statuses are ever completed in the shop.",
        ),
    ] = ("processing",)
    completed_statuses: Annotated[
        tuple[str, ...],
        Key(
            forms.done_statuses(),
            'Orders with one of these statuses count as completed in the shop; "completed" always '
            'does. For shops whose plugins say "shipped", say.',
        ),
    ] = ("completed",)
    complete_to: Annotated[
        str,
        Key(
            forms.done_status(),
            "The status that an order gets in the shop once it is delivered in Katana; one of "
            "completed_statuses.",
        ),
    ] = "completed"
    shipments: Annotated[
        Shipments,
        Key(
            forms.choice(*get_args(Shipments)),
            '"auto": each delivery in Katana, partial ones too, is told to the shop with its goods '
            "and its tracking: as one of WooCommerce's Fulfillments if that feature is on, else as "
            "an entry of the plugin Shipment Tracking or Advanced Shipment Tracking. Where the "
            "shop has none of them, tracking_note alone counts. docs/shipments.md has more.",
        ),
    ] = "off"
    shipment_mail: Annotated[
        bool,
        Key(
            forms.flag(),
            "true: WooCommerce mails the customer about each of its Fulfillments that is written "
            "(shipments).",
        ),
    ] = False
    import_statuses: Annotated[
        tuple[str, ...],
        Key(
            forms.statuses(),
            "Orders with one of these statuses are imported. Only for shops whose plugins add a "
            "paid status of their own. One that the shop does not know (any more) is left out with "
            "a warning.",
        ),
    ] = ("processing",)
    bundles: Annotated[
        Bundles,
        Key(
            forms.choice(*get_args(Bundles)),
            'What becomes of a bundle or composite product of a plugin. "parent": one row of the '
            "bundle, with the money of all that is in it, if Katana has the bundle; else a row for "
            'each thing in it. "children": always a row for each thing in it. "both": both, each '
            "with the money that it has in the shop. Money that no row can hold is a row of the "
            'item "WooCommerce fee".',
        ),
    ] = "parent"
    sync_stock: Annotated[
        bool,
        Key(
            forms.flag(),
            "Write Katana's stock into the shop: what is in stock, less what is committed and what "
            "open orders took. It overwrites the shop's numbers; docs/stock.md has the rule.",
        ),
    ] = False
    count_other_commitments: Annotated[
        bool,
        Key(
            forms.flag(),
            "false: orders in Katana that are not from WooCommerce do not lower what the shop may "
            "sell.",
        ),
    ] = True
    stock_reserve: Annotated[
        StockReserve,
        Key(
            forms.of(
                values.reserve,
                "whole number, or percentage as text",
                {
                    "anyOf": [
                        {"type": "number", "minimum": 0},
                        {"type": "string", "pattern": r"^ *\d{1,9}(\.\d{1,6})? *%? *$"},
                    ]
                },
            ),
            'Pieces, or a percentage such as "10%", that the shop must not sell.',
        ),
    ] = NO_RESERVE
    stock_exclude: Annotated[
        tuple[str, ...],
        Key(forms.texts_of_a_line('["GIFT-CARD"]'), "SKUs in the shop whose stock is left alone."),
    ] = ()
    allow_http: Annotated[
        bool,
        Key(
            forms.flag(),
            "true: WooCommerce is asked over http, with signed requests, because the shop has no "
            "https. Everything but the keys then travels unencrypted. Shops on this machine need "
            "no permission.",
        ),
    ] = False
    ca_file: Annotated[
        Path | None,
        Key(
            forms.readable_file(),
            "A file of certificates to trust, for a shop whose certificate is not a public one.",
        ),
    ] = None
    timeout: Annotated[
        float,
        Key(
            forms.seconds(1, 600),
            "Seconds that an answer of the shop may take, to its last byte. More for a slow host.",
        ),
    ] = 30.0

    @property
    def identity(self) -> str:
        """The store's name in Katana (`ecommerce_store_name`): host, port if not standard, path if
        any, or `katana_store_name` where that is set."""
        return self.katana_store_name or address.identity(self.url)

    @property
    def alternative_names(self) -> tuple[str, ...]:
        """Other names under which Katana may hold this store's orders: its name with or without
        www, the bare host likewise, and, where `katana_store_name` is set, what the address itself
        would have been known as. Never the identity itself."""
        where = address.parse(self.url)
        named = address.www_alternative(self.katana_store_name) if self.katana_store_name else None
        names = (*((named,) if named else ()), where.identity, *where.other_names)
        return tuple(dict.fromkeys(name for name in names if name != self.identity))

    @property
    def api_url(self) -> str:
        """The address to build API addresses on: scheme kept, host in ASCII, no slash at end."""
        return address.parse(self.url).url


class Settings(Struct, frozen=True, kw_only=True):
    """The whole configuration. Fields with a `Key` stand at the top of the file; each `Section` is
    a table of it."""

    path: Path
    """The file it came from."""
    ledger: Annotated[
        Path,
        Key(
            forms.ledger_file(),
            "Where the program remembers what it has done: which order is which in Katana, and "
            "what is still to do. Keep it, back it up, and never use one ledger for two Katana "
            "accounts.",
            f'"{LEDGER_NAME}"',
        ),
    ]
    katana: KatanaSettings
    orders: OrderSettings = OrderSettings()
    taxes: Mapping[Decimal, str] = field(default_factory=lambda: MappingProxyType({}))
    """Percentage → name of the Katana tax rate to take, where several share the percentage."""
    sku_aliases: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """SKU in the shop → SKU in Katana."""
    schedule: ScheduleSettings = ScheduleSettings()
    report: ReportSettings = ReportSettings()
    notify: NotifySettings = NotifySettings()
    stores: tuple[StoreSettings, ...]

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

    def alternative_names(self, store: StoreSettings) -> tuple[str, ...]:
        """The store's alternative names less the identities of the other stores: where a shop lives
        at `shop.example` and another at `shop.example/us`, the first one's orders are its own."""
        taken = {other.identity for other in self.stores}
        return tuple(name for name in store.alternative_names if name not in taken)


SECTIONS: Mapping[str, type[Section]] = {
    "katana": KatanaSettings,
    "orders": OrderSettings,
    "schedule": ScheduleSettings,
    "report": ReportSettings,
    "notify": NotifySettings,
    "stores": StoreSettings,
}
"""The tables of the file that have keys of their own, in the order of the example."""

FREE_TABLES = ("taxes", "sku_aliases")
"""Tables whose keys are the user's."""


@cache
def keys_of(kind: type[Struct]) -> Mapping[str, Key]:
    """The keys of a section, or of the top of the file, as they are declared above."""
    found = {}
    for name, hint in kind.__annotations__.items():
        for each in getattr(hint, "__metadata__", ()):
            if isinstance(each, Key):
                found[name] = each
    return found


@cache
def secret_keys() -> frozenset[str]:
    """The keys whose values are secret."""
    declared = (keys_of(kind).items() for kind in SECTIONS.values())
    return frozenset(name for keys in declared for name, key in keys if key.form.is_secret)


@cache
def known_keys() -> Mapping[str, tuple[str, ...]]:
    """Every key that a file may hold, by section; "" is the top of the file. A secret can also be
    given as the name of a file (`*_file`)."""
    found = {"": tuple(sorted({"ledger", *FREE_TABLES, *SECTIONS}))}
    for section, kind in SECTIONS.items():
        keys = keys_of(kind)
        files = (f"{name}_file" for name, key in keys.items() if key.form.is_secret)
        found[section] = (*keys, *files)
    return found
