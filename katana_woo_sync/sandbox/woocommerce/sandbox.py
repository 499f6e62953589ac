"""A WooCommerce store on loopback, and the hands that work in it."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from types import TracebackType
from typing import Literal

from katana_woo_sync.sandbox.server import SandboxServer, utc_now
from katana_woo_sync.sandbox.woocommerce import generated
from katana_woo_sync.sandbox.woocommerce.answers import Json, View, note_json, order_json
from katana_woo_sync.sandbox.woocommerce.app import ORDER_ROUTES, StoreApp
from katana_woo_sync.sandbox.woocommerce.catalogue import Catalogue
from katana_woo_sync.sandbox.woocommerce.oauth import Gate
from katana_woo_sync.sandbox.woocommerce.placing import Cart, place, set_taxes
from katana_woo_sync.sandbox.woocommerce.records import (
    Address,
    Coupon,
    Fee,
    Item,
    Mail,
    Shipping,
)
from katana_woo_sync.sandbox.woocommerce.refunds import Part, refund
from katana_woo_sync.sandbox.woocommerce.shop_routes import SHOP_ROUTES
from katana_woo_sync.sandbox.woocommerce.store import StoreState
from katana_woo_sync.sandbox.woocommerce.tax_rates import Place, TaxRate, numbered
from katana_woo_sync.sandbox.woocommerce.totals import Rounding

CONSUMER_KEY = "ck_" + "5a" * 20
CONSUMER_SECRET = "cs_" + "7b" * 20
EDITABLE = frozenset(
    {
        "status",
        "billing",
        "shipping",
        "currency",
        "customer_note",
        "customer_id",
        "number",
        "created",
        "modified",
        "completed",
        "paid",
        "needs_processing",
        "payment_method_title",
        "order_key",
        "lost_gmt",
    }
)


class WooCommerceSandbox(Catalogue):
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
        )
        super().__init__(state)
        self.gate = Gate(
            consumer_key, consumer_secret, utc_now, permission, https=behind_https, address=address
        )
        table = (*ORDER_ROUTES, *SHOP_ROUTES)
        self.app = StoreApp(state, self.gate, path, table, permalinks=permalinks)
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

    def start(self) -> WooCommerceSandbox:
        """Serve until `stop`."""
        self.server.start()
        return self

    def stop(self) -> None:
        """Stop serving."""
        self.server.stop()

    def __enter__(self) -> WooCommerceSandbox:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def set_clock(self, clock: Callable[[], datetime]) -> None:
        """The clock of the shop's machine is another from now on: its stamps and its answers' dates
        are by it."""
        self.state.clock = self.server.clock = clock

    def buyer(self) -> Address:
        """An address of the shop's own country, which orders have that are given none."""
        base = self.state.base
        return Address(
            first_name="Test",
            last_name="Buyer",
            address_1="Ermou 12",
            city="Athens",
            state=base.state,
            postcode=base.postcode or "10552",
            country=base.country,
            email="buyer@example.test",
            phone="+30 690 0000000",
        )

    def place_order(
        self,
        items: Sequence[Item] = (),
        *,
        status: str = "processing",
        customer_id: int = 0,
        billing: Address | None = None,
        shipping_address: Address | None = None,
        coupons: Sequence[Coupon] = (),
        fees: Sequence[Fee] = (),
        shipping: Sequence[Shipping] = (),
        currency: str | None = None,
        customer_note: str = "",
        payment_method_title: str = "Direct bank transfer",
        number: str | None = None,
        created: datetime | None = None,
        vat_exempt: bool = False,
        order_id: int | None = None,
        order_key: str | None = None,
        total: Decimal | None = None,
        created_via: str = "checkout",
        parent_id: int = 0,
        meta: Mapping[str, object] | None = None,
    ) -> int:
        """Place an order, in any status; no mail is noted. Returns its id.

        Taxes are those of the shipping address (without one, the billing address). `total`
        overrides the sum with tax, as gift card plugins do. `order_id` and `order_key` are for
        restored and cloned shops. `created_via` and `parent_id` are what plugins write: Dokan's
        sub-orders, balance orders, the till. Raises `ValueError` for an id that is taken.
        """
        buyer = self.buyer() if billing is None else billing
        cart = Cart(
            items=items,
            billing=buyer,
            shipping_address=buyer if shipping_address is None else shipping_address,
            coupons=coupons,
            fees=fees,
            shipping=shipping,
            vat_exempt=vat_exempt,
            status=status,
            customer_id=customer_id,
            currency=currency or "",
            customer_note=customer_note,
            payment_method_title=payment_method_title,
            number=number,
            order_id=order_id,
            order_key=order_key,
            created=created,
            total=total,
            created_via=created_via,
            parent_id=parent_id,
            meta=meta or {},
        )
        with self.state.lock:
            return place(self.state, cart).id

    def add_generated_orders(
        self,
        count: int,
        *,
        seed: int = 1,
        status: str = "processing",
        start: datetime | None = None,
        gap: timedelta = timedelta(minutes=7),
    ) -> list[int]:
        """Place varied orders, the same ones for the same seed; a store without products gets
        some. With `start` they were created from then on, a `gap` apart. Returns their ids."""
        with self.state.lock:
            if not self.state.products:
                for sku, name, price in generated.CATALOGUE:
                    self.add_product(name, sku, price)
            sold = [p for p in self.state.products.values() if p.type != "variable"]
            customers = [*self.state.customers]
            ids = []
            carts = generated.carts(count, seed, sold, customers, self.buyer())
            for index, cart in enumerate(carts):
                at = None if start is None else start + index * gap
                order = place(self.state, _placed(cart, status, at))
                ids.append(order.id)
            return ids

    def order(self, order_id: int) -> Json:
        """An order as the API shows it, with the store's decimals."""
        with self.state.lock:
            view = View(self.state, "http://127.0.0.1" + self.app.path)
            return order_json(self.state.orders[order_id], view)

    def orders(self) -> list[int]:
        """The ids of all orders, those in the trash too."""
        with self.state.lock:
            return [*self.state.orders]

    def notes(self, order_id: int) -> list[Json]:
        """An order's notes as the API shows them, oldest first."""
        with self.state.lock:
            view = View(self.state, "http://127.0.0.1" + self.app.path)
            order = self.state.orders[order_id]
            return [note_json(note, order, view) for note in order.notes]

    def set_status(self, order_id: int, status: str) -> None:
        """Change an order's status in the shop's screens, which sends mails."""
        with self.state.lock:
            self.state.change_status(self.state.orders[order_id], status)

    def edit_order(self, order_id: int, **changes: object) -> None:
        """Change fields of an order in the shop's screens, by the names of `records.Order`.

        A status set here sends no mail, as when a plugin writes it. The modification time moves,
        unless it is given as `modified`. Raises `AttributeError` for a field that cannot be edited.
        """
        with self.state.lock:
            order = self.state.orders[order_id]
            for name, value in changes.items():
                if name not in EDITABLE:
                    raise AttributeError(f"an order's {name} is not edited so")
                setattr(order, name, value)
            if "modified" not in changes:
                order.modified = self.state.clock()

    def set_meta(self, order_id: int, key: str, value: object) -> None:
        """Set a meta entry of an order, as plugins do; its modification time stays."""
        with self.state.lock:
            self.state.set_meta(self.state.orders[order_id], key, value)

    def set_plugin_field(self, order_id: int, name: str, value: object) -> None:
        """Give an order a field of a plugin's own in the API, such as `gift_cards`."""
        with self.state.lock:
            self.state.orders[order_id].plugin_fields[name] = value

    def set_taxes(self, order_id: int, taxes: Mapping[int, Mapping[int, Decimal | str]]) -> None:
        """Set what lines bear of each tax rate, as plugins do (German shops split the tax of
        shipping by shares): {line id: {rate id: tax}}. Lines, rates and total follow."""
        with self.state.lock:
            set_taxes(self.state, self.state.orders[order_id], taxes)

    def rewrite_percentages(self, percents: Mapping[int, Decimal | int]) -> None:
        """Have the orders show these percentages of their tax rates, by the rates' ids: WooCommerce
        writes today's into old orders when they are saved, and 0 for a rate that is gone."""
        with self.state.lock:
            self.state.percent_today.update({i: Decimal(p) for i, p in percents.items()})

    def refund(
        self,
        order_id: int,
        amount: Decimal | str | None = None,
        *,
        lines: Mapping[int, int | Decimal | tuple[int | Decimal, Decimal | None]] | None = None,
        reason: str = "",
        listed: Literal["whole", "positive", "error", "missing"] = "whole",
    ) -> int:
        """Refund an amount (with tax), or lines: {line id: quantity} with the quantity's share of
        the money, or {line id: (quantity, money with tax)}. Returns the refund's id.

        Neither refunds all that is left; that makes the order refunded. Stock stays. `listed` is
        how the order's list of refunds shows it. Raises `ValueError` for more than is left.
        """
        parts = {}
        for line_id, given in (lines or {}).items():
            quantity, money = given if isinstance(given, tuple) else (given, None)
            parts[line_id] = Part(Decimal(quantity), money)
        with self.state.lock:
            order = self.state.orders[order_id]
            due = None if amount is None else Decimal(amount)
            if due is None and not parts:
                due = order.refundable
            done = replace(refund(self.state, order, parts, due, reason), listed=listed)
            order.refunds[0] = done
            return done.id

    def delete_refund(self, order_id: int, refund_id: int) -> None:
        """Delete a refund; no modification time moves."""
        with self.state.lock:
            order = self.state.orders[order_id]
            order.refunds[:] = [kept for kept in order.refunds if kept.id != refund_id]

    def trash(self, order_id: int) -> None:
        """Move an order to the trash; its stock stays taken."""
        with self.state.lock:
            order = self.state.orders[order_id]
            order.status_before_trash, order.status = order.status, "trash"
            order.modified = self.state.clock()

    def restore(self, order_id: int) -> None:
        """Take an order out of the trash."""
        with self.state.lock:
            order = self.state.orders[order_id]
            order.status = order.status_before_trash
            order.modified = self.state.clock()

    def delete_order(self, order_id: int) -> None:
        """Delete an order for good."""
        with self.state.lock:
            del self.state.orders[order_id]


def _placed(cart: Cart, status: str, created: datetime | None) -> Cart:
    return Cart(**{**vars(cart), "status": status, "created": created})


def _base(country: str, state: str, rates: Sequence[TaxRate]) -> Place:
    """The shop's own place: the one given, or its first rate's."""
    if country:
        return Place(country, state)
    first = rates[0] if rates else TaxRate(Decimal(0))
    postcode = first.postcodes[0] if first.postcodes else ""
    return Place(first.country or "GR", first.state, postcode)
