"""A WooCommerce store on loopback, and the hands that work in it."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Literal

from katana_woo_sync.sandbox.server import SandboxServer, Served, utc_now
from katana_woo_sync.sandbox.woocommerce import settings  # noqa: F401 (its routes)
from katana_woo_sync.sandbox.woocommerce.api import StoreApp
from katana_woo_sync.sandbox.woocommerce.customers import CustomerControls
from katana_woo_sync.sandbox.woocommerce.generated import GeneratedControls
from katana_woo_sync.sandbox.woocommerce.oauth import Gate
from katana_woo_sync.sandbox.woocommerce.orders import Mail, OrderControls
from katana_woo_sync.sandbox.woocommerce.shipments import ShipmentControls
from katana_woo_sync.sandbox.woocommerce.state import StoreState
from katana_woo_sync.sandbox.woocommerce.taxes import Place, TaxRate, numbered
from katana_woo_sync.sandbox.woocommerce.totals import Rounding

CONSUMER_KEY = "ck_" + "5a" * 20
CONSUMER_SECRET = "cs_" + "7b" * 20


class WooCommerceSandbox(
    OrderControls, ShipmentControls, CustomerControls, GeneratedControls, Served
):
    """A store with its REST API over real HTTP, and methods for what people do in it.

    `tax_rates` apply by the customer's country and state; the shop itself is in `base_country`
    (and `base_state`), by default where its first rate applies. `utc_offset_hours` is the site's
    time zone. `version` and `hpos` (order tables, not posts) choose which of the measured
    behaviours it shows. `behind_https` makes it believe that it is reached over https, so that
    Basic and keys in the query work; `ssl_context` (a context, or files of certificate and key)
    serves real https. `permission` is read, write or read_write; `path` a subdirectory such as
    "/shop"; `address` what the site takes for its own address where that is another than the one
    asked for (a proxy); `permalinks` pretty, index or plain. `clock` gives aware UTC; OAuth's
    timestamps are always held against the real time.
    """

    def __init__(
        self,
        *,
        name: str = "shop",
        prices_include_tax: bool = True,
        currency: str = "EUR",
        tax_rates: Sequence[TaxRate] = (),
        base_country: str = "",
        base_state: str = "",
        round_at_subtotal: bool = False,
        price_decimals: int = 2,
        utc_offset_hours: float = 0,
        version: str = "11.0.1",
        hpos: bool = True,
        consumer_key: str = CONSUMER_KEY,
        consumer_secret: str = CONSUMER_SECRET,
        permission: Literal["read", "write", "read_write"] = "read_write",
        behind_https: bool = False,
        ssl_context: ssl.SSLContext | tuple[str, str] | None = None,
        path: str = "",
        address: str = "",
        permalinks: Literal["pretty", "index", "plain"] = "pretty",
        clock: Callable[[], datetime] = utc_now,
        port: int = 0,
        host: str = "127.0.0.1",
    ) -> None:
        self.consumer_key = consumer_key
        self.consumer_secret = consumer_secret
        state = StoreState(
            name=name,
            rounding=Rounding(round_at_subtotal, price_decimals, prices_include_tax),
            currency=currency,
            rates=numbered(tax_rates),
            base=_base(base_country, base_state, tax_rates),
            clock=clock,
            offset=timedelta(hours=utc_offset_hours),
            version=tuple(int(part) for part in version.split(".")),
            hpos=hpos,
            path=path.rstrip("/"),
        )
        super().__init__(state)
        self.gate = Gate(
            consumer_key, consumer_secret, utc_now, permission, https=behind_https, address=address
        )
        self.app = StoreApp(state, self.gate, permalinks=permalinks)
        self.server = SandboxServer(
            self.app.handle, port=port, host=host, ssl_context=ssl_context, clock=clock
        )

    @property
    def url(self) -> str:
        """The store's address."""
        return self.server.url + self.app.path

    @property
    def mails(self) -> list[Mail]:
        """The mails that changes of status sent, oldest first."""
        return self.state.mails

    @property
    def before_list_answer(self) -> list[Callable[[], None]]:
        """A queue: each entry is called once, before one list of orders is answered, so that
        orders can change between two pages. An entry that is to pass a page is `lambda: None`."""
        return self.app.before_list

    def on_list(self, call: Callable[[], None] | None) -> None:
        """Call this before every list of orders is answered; None ends it."""
        self.app.on_list = call

    def set_clock(self, clock: Callable[[], datetime]) -> None:
        """The clock of the shop's machine is another from now on: its stamps and its answers' dates
        are by it."""
        self.state.clock = self.server.clock = clock


def _base(country: str, state: str, rates: Sequence[TaxRate]) -> Place:
    """The shop's own place: the one given, or its first rate's."""
    if country:
        return Place(country, state)
    first = rates[0] if rates else TaxRate(Decimal(0))
    postcode = first.postcodes[0] if first.postcodes else ""
    return Place(first.country or "GR", first.state, postcode)
