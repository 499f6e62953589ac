"""The world of `demo` and `sandbox`: one Katana, and two stores at one location of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

from katana_woo_sync.sandbox.katana import KatanaSandbox
from katana_woo_sync.sandbox.woocommerce import (
    Address,
    Coupon,
    Fee,
    Item,
    Shipping,
    TaxRate,
    WooCommerceSandbox,
)

EU_RATES = (
    TaxRate(Decimal(24), "VAT 24%"),
    TaxRate(Decimal(9), "VAT 9%", "reduced-rate", shipping=False),
)
US_RATES = (
    TaxRate(Decimal(4), "State Tax"),
    TaxRate(Decimal("4.5"), "City Tax"),
    TaxRate(Decimal("0.375"), "MCTD"),
)
COURIER = Shipping("Courier", Decimal("4.90"))

ELENI = Address(
    first_name="Ελένη",
    last_name="Παπαδάκη",
    address_1="Ερμού 12",
    city="Αθήνα",
    state="I",
    postcode="10552",
    country="GR",
    email="eleni@example.test",
    phone="+30 690 0000000",
)
JURGEN = Address(
    first_name="Jürgen",
    last_name="Groß",
    company="Groß & Söhne",
    address_1="Hauptstraße 5",
    city="München",
    state="DE-BY",
    postcode="80331",
    country="DE",
    email="juergen@example.test",
)
ADA = Address(
    first_name="Ada",
    last_name="Brook",
    address_1="350 5th Ave",
    city="New York",
    state="NY",
    postcode="10001",
    country="US",
    email="ada@example.test",
)


@dataclass(frozen=True)
class World:
    """The servers, and the ids of what the stores sell."""

    katana: KatanaSandbox
    eu: WooCommerceSandbox
    us: WooCommerceSandbox
    katana_mug: int
    mug: int
    book: int
    shirt: int
    red_shirt: int
    us_mug: int
    us_lamp: int

    def config(self, ledger: Path, *, unknown_wait: str = "3m") -> str:
        """A config for these servers, as a person would write it."""
        return f"""\
# Made by katana-woo-sync for its own sandbox.
ledger = "{ledger}"

[katana]
api_key = "{self.katana.api_key}"
url = "{self.katana.url}"
requests_per_minute = 6000        # the sandbox allows it; Katana allows 60
unknown_wait = "{unknown_wait}"

[[stores]]
name = "eu"                       # prices include tax, EUR
url = "{self.eu.url}"
consumer_key = "{self.eu.consumer_key}"
consumer_secret = "{self.eu.consumer_secret}"
location = "Main location"
sync_stock = true

[[stores]]
name = "us"                       # prices without tax, USD
url = "{self.us.url}"
consumer_key = "{self.us.consumer_key}"
consumer_secret = "{self.us.consumer_secret}"
location = "Main location"        # the same stock as the other's
sync_stock = true
order_number_prefix = "US-"
"""


@contextmanager
def open_world(*, ports: tuple[int, int, int] = (0, 0, 0)) -> Iterator[World]:
    """Serve Katana and both stores on loopback, with some products and past orders."""
    with ExitStack() as stack:
        katana = stack.enter_context(KatanaSandbox(requests_per_minute=6000, port=ports[0]))
        eu = stack.enter_context(
            WooCommerceSandbox(name="eu", tax_rates=EU_RATES, utc_offset_hours=2, port=ports[1])
        )
        us = stack.enter_context(
            WooCommerceSandbox(
                name="us",
                tax_rates=US_RATES,
                prices_include_tax=False,
                currency="USD",
                utc_offset_hours=-5,
                port=ports[2],
            )
        )
        yield _furnish(katana, eu, us)


def _furnish(katana: KatanaSandbox, eu: WooCommerceSandbox, us: WooCommerceSandbox) -> World:
    katana.add_location("Warehouse US")
    katana_mug = katana.add_product("Mug", "MUG-01", in_stock=Decimal(100))
    katana.add_customer("Ada Brook", first_name="Ada", last_name="Brook", email="ada@example.test")
    shirt, (red, _blue) = eu.add_variable_product(
        "T-Shirt",
        "TS",
        [("TS-RED", "19.90", {"Colour": "Red"}), ("TS-BLUE", "21.90", {"Colour": "Blue"})],
    )
    world = World(
        katana=katana,
        eu=eu,
        us=us,
        katana_mug=katana_mug,
        mug=eu.add_product("Mug", "MUG-01", "12.40", stock=100),
        book=eu.add_product("Book & pencil", "BOOK-09", "10.90", tax_class="reduced-rate"),
        shirt=shirt,
        red_shirt=red,
        us_mug=us.add_product("Mug", "MUG-01", "13.50", stock=100),
        us_lamp=us.add_product("Desk lamp", "LAMP-7", "48.00"),
    )
    _open_orders(world)
    return world


def _open_orders(world: World) -> None:
    """What is open when the stores are connected, and what must not be imported; placed in the last
    weeks."""
    now = world.eu.state.clock()

    def ago(**duration: float) -> datetime:
        return now - timedelta(**duration)

    world.eu.place_order(
        [Item(world.mug, 3), Item(world.book, 2)],
        billing=ELENI,
        customer_id=7,
        created=ago(days=12, hours=3),
    )
    world.eu.place_order(
        [Item(world.shirt, 2, world.red_shirt)],
        billing=JURGEN,
        coupons=[Coupon("summer10", "percent", Decimal(10))],
        shipping=[COURIER],
        fees=[Fee("Gift wrap", Decimal("2.50"))],
        customer_note="Please ring twice",
        created=ago(days=2, hours=7),
    )
    world.eu.place_order([Item(world.mug, 1)], status="on-hold", billing=ELENI, created=ago(days=5))
    world.eu.place_order(
        [Item(world.mug, 1)], status="completed", billing=ELENI, created=ago(days=19)
    )
    world.us.place_order(
        [Item(world.us_mug, 2)], billing=ADA, shipping=[COURIER], created=ago(days=8, hours=1)
    )
    world.us.place_order(
        [Item(world.us_lamp, 1), Item(world.us_mug, 7)],
        billing=ADA,
        fees=[Fee("Loyalty", Decimal("-3.00"))],
        created=ago(hours=5),
    )
