"""A WooCommerce store on loopback, and the hands that work in it."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from types import TracebackType

from katana_woo_sync.sandbox.server import SandboxServer
from katana_woo_sync.sandbox.woocommerce.answers import Json, order_json
from katana_woo_sync.sandbox.woocommerce.app import StoreApp
from katana_woo_sync.sandbox.woocommerce.oauth import Gate
from katana_woo_sync.sandbox.woocommerce.records import (
    Address,
    Coupon,
    Fee,
    Item,
    Order,
    Product,
    Refund,
    RefundLine,
    Shipping,
)
from katana_woo_sync.sandbox.woocommerce.store import Mail, StoreState, numbered
from katana_woo_sync.sandbox.woocommerce.totals import Rounding, TaxRate

CONSUMER_KEY = "ck_" + "5a" * 20
CONSUMER_SECRET = "cs_" + "7b" * 20
BUYER = Address(
    first_name="Test",
    last_name="Buyer",
    address_1="Ermou 12",
    city="Athens",
    state="I",
    postcode="10552",
    country="GR",
    email="buyer@example.test",
)


def utc_now() -> datetime:
    """The time now, UTC."""
    return datetime.now(UTC)


class WooCommerceSandbox:
    """A store with its REST API over real HTTP, and methods for what people do in it.

    `utc_offset_hours` is the site's time zone; `version` and `hpos` (order tables, not posts)
    choose which of the measured behaviours it shows; `behind_https` makes it believe that it is
    reached over https, so that Basic and keys in the query work; `permission` is read, write or
    read_write.
    """

    def __init__(
        self,
        *,
        name: str = "shop",
        prices_include_tax: bool = True,
        currency: str = "EUR",
        tax_rates: Sequence[TaxRate] = (),
        round_at_subtotal: bool = False,
        price_decimals: int = 2,
        utc_offset_hours: float = 0,
        version: str = "11.0.1",
        hpos: bool = True,
        consumer_key: str = CONSUMER_KEY,
        consumer_secret: str = CONSUMER_SECRET,
        permission: str = "read_write",
        behind_https: bool = False,
        path: str = "",
        clock: Callable[[], datetime] = utc_now,
        port: int = 0,
    ) -> None:
        self.consumer_key = consumer_key
        self.consumer_secret = consumer_secret
        self.state = StoreState(
            name=name,
            rounding=Rounding(round_at_subtotal, price_decimals, prices_include_tax),
            currency=currency,
            rates=numbered(tax_rates),
            clock=clock,
            offset=timedelta(hours=utc_offset_hours),
            version=tuple(int(part) for part in version.split(".")),
            hpos=hpos,
        )
        self.gate = Gate(consumer_key, consumer_secret, permission, https=behind_https)
        self.app = StoreApp(self.state, self.gate, path)
        self.server = SandboxServer(self.app.handle, port=port)
        self._path = path.rstrip("/")

    @property
    def url(self) -> str:
        """The store's address."""
        return self.server.url + self._path

    @property
    def mails(self) -> list[Mail]:
        """The mails that changes of status sent."""
        return self.state.mails

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
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def add_product(
        self,
        name: str,
        sku: str,
        price: Decimal | str | int,
        *,
        tax_class: str = "",
        virtual: bool = False,
    ) -> int:
        """Add a simple product; the price is as entered, with or without tax. Returns its id."""
        with self.state.lock:
            product = Product(
                self.state.next_id(),
                name,
                sku,
                Decimal(price),
                tax_class=tax_class,
                virtual=virtual,
            )
            self.state.products[product.id] = product
            return product.id

    def add_variable_product(
        self,
        name: str,
        sku: str,
        variations: Sequence[tuple[str, Decimal | str | int, Mapping[str, str]]],
        *,
        tax_class: str = "",
    ) -> tuple[int, list[int]]:
        """Add a variable product; each variation is (sku, price, its options by name). Returns the
        product's id and those of its variations."""
        with self.state.lock:
            values: dict[str, dict[str, None]] = {}
            for _sku, _price, options in variations:
                for option, value in options.items():
                    values.setdefault(option, {})[value] = None
            parent = Product(
                self.state.next_id(),
                name,
                sku,
                Decimal(0),
                type="variable",
                tax_class=tax_class,
                attributes={option: tuple(found) for option, found in values.items()},
            )
            self.state.products[parent.id] = parent
            ids = []
            for own_sku, price, options in variations:
                child = Product(
                    self.state.next_id(),
                    name,
                    own_sku,
                    Decimal(price),
                    type="variation",
                    parent_id=parent.id,
                    tax_class=tax_class,
                    options=dict(options),
                )
                self.state.products[child.id] = child
                ids.append(child.id)
            return parent.id, ids

    def place_order(
        self,
        items: Sequence[Item] = (),
        *,
        status: str = "processing",
        customer_id: int = 0,
        billing: Address = BUYER,
        shipping_address: Address | None = None,
        coupons: Sequence[Coupon] = (),
        fees: Sequence[Fee] = (),
        shipping: Sequence[Shipping] = (),
        currency: str | None = None,
        customer_note: str = "",
        number: str | None = None,
        created: datetime | None = None,
        vat_exempt: bool = False,
        total: Decimal | None = None,
    ) -> int:
        """Place an order; returns its id. `total` overrides what the lines add up to, as gift card
        plugins do."""
        state = self.state
        with state.lock:
            lines = state.lines(items, fees, shipping, coupons, exempt=vat_exempt)
            now = created or state.clock()
            order_id = state.next_id()
            key = random.Random(f"{state.name} {order_id}").randbytes(6).hex()
            discount = sum((x.subtotal - x.net for x in lines if x.kind == "item"), Decimal(0))
            virtual = [state.products[i.variation_id or i.product_id].virtual for i in items]
            paid = status in ("processing", "completed", "refunded")
            state.orders[order_id] = Order(
                id=order_id,
                number=number or str(order_id),
                order_key=f"wc_order_{key}",
                status=status,
                currency=currency or state.currency,
                prices_include_tax=state.rounding.prices_include_tax,
                created=now,
                modified=now,
                lines=lines,
                rates=state.used_rates(lines),
                coupons=list(coupons),
                total=state.total(lines) if total is None else total,
                discount=discount,
                billing=billing,
                shipping=shipping_address if shipping_address is not None else billing,
                customer_id=customer_id,
                customer_note=customer_note,
                needs_processing=not (virtual and all(virtual)),
                paid=now if paid else None,
                completed=now if status == "completed" else None,
            )
            return order_id

    def order(self, order_id: int) -> Json:
        """An order as the API shows it."""
        with self.state.lock:
            state = self.state
            order = state.orders[order_id]
            return order_json(order, state.products.get, state.rounding.decimals, state.offset)

    def set_status(self, order_id: int, status: str) -> None:
        """Change an order's status in the shop's screens."""
        with self.state.lock:
            self.state.change_status(self.state.orders[order_id], status)

    def edit_order(self, order_id: int, **changes: object) -> None:
        """Change fields of an order in the shop's screens, by the names of `records.Order`."""
        with self.state.lock:
            order = self.state.orders[order_id]
            for name, value in changes.items():
                if not hasattr(order, name):
                    raise AttributeError(name)
                setattr(order, name, value)
            if "modified" not in changes:
                order.modified = self.state.clock()

    def refund(
        self,
        order_id: int,
        amount: Decimal | str | None = None,
        *,
        lines: Mapping[int, int] | None = None,
        reason: str = "",
    ) -> int:
        """Refund an amount, or lines by (line id: quantity) with their money; returns its id.

        A full refund makes the order refunded."""
        with self.state.lock:
            order = self.state.orders[order_id]
            refunded = [_refund_line(order, i, n, self.state) for i, n in (lines or {}).items()]
            of_lines = sum((r.net + sum(r.taxes.values()) for r in refunded), Decimal(0))
            refund = Refund(
                self.state.next_id(),
                Decimal(amount) if amount is not None else of_lines,
                self.state.clock(),
                refunded,
                reason,
            )
            order.refunds.append(refund)
            order.modified = self.state.clock()
            if sum((r.amount for r in order.refunds), Decimal(0)) >= order.total:
                self.state.change_status(order, "refunded")
            return refund.id

    def trash(self, order_id: int) -> None:
        """Move an order to the trash."""
        with self.state.lock:
            order = self.state.orders[order_id]
            order.status_before_trash = order.status
            order.status = "trash"
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

    def rename_sku(self, product_id: int, sku: str) -> None:
        """Give a product or variation another SKU; orders show it at once."""
        with self.state.lock:
            self.state.products[product_id].sku = sku

    def delete_product(self, product_id: int) -> None:
        """Delete a product or variation; the lines that held it keep name and money."""
        with self.state.lock:
            gone = self.state.products.pop(product_id)
            for order in self.state.orders.values():
                for line in order.lines:
                    if line.variation_id == product_id:
                        line.variation_id = 0
                    if line.product_id == product_id and not gone.parent_id:
                        line.product_id = line.variation_id = 0

    def add_generated_orders(
        self, count: int, *, seed: int = 1, status: str = "processing"
    ) -> list[int]:
        """Place varied orders for the store's simple products, the same ones for the same seed."""
        chance = random.Random(seed)
        products = [p for p in self.state.products.values() if p.type == "simple"]
        return [self._generated(chance, products, status) for _ in range(count)]

    def _generated(self, chance: random.Random, products: list[Product], status: str) -> int:
        chosen = chance.sample(products, k=min(len(products), chance.randint(1, 4)))
        first, last = chance.choice(NAMES)
        number = chance.randint(1, 5000)
        address = replace(
            BUYER, first_name=first, last_name=last, email=f"buyer{number}@example.test"
        )
        coupons = [
            Coupon("pct10", "percent", Decimal(10)),
            Coupon("five", "fixed_cart", Decimal(5)),
        ]
        fees = [Fee("Gift wrap", Decimal("2.50")), Fee("Loyalty", Decimal("-1.20"))]
        return self.place_order(
            [Item(p.id, chance.randint(1, 7)) for p in chosen],
            status=status,
            customer_id=number if chance.random() < 0.5 else 0,
            billing=address,
            coupons=[coupons[chance.randint(0, 1)]] if chance.random() < 0.3 else [],
            fees=[fees[chance.randint(0, 1)]] if chance.random() < 0.2 else [],
            shipping=[Shipping("Courier", Decimal("4.90"))] if chance.random() < 0.6 else [],
        )


NAMES = (
    ("Anna", "Müller"),
    ("Γιώργος", "Παπαδόπουλος"),
    ("O'Brien", "& Söhne"),
    ("🦄 Zoë", "Nuñez"),
    ("Li", "李"),
    ("A" * 100, "B" * 100),
)


def _refund_line(order: Order, line_id: int, quantity: int, state: StoreState) -> RefundLine:
    line = next(line for line in order.lines if line.id == line_id)
    share = Decimal(quantity) / line.quantity
    shown = state.rounding.shown
    taxes = {i: shown(tax * share) for i, tax in line.taxes.items()}
    return RefundLine(line, Decimal(quantity), shown(line.net * share), taxes)
