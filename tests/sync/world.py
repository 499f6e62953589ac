"""A Katana, some stores and the program between them, all real but for the clock."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache, lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from time import sleep

import requests
from werkzeug.wrappers import Request, Response

from katana_woo_sync.cli.program import Program, StopSignals
from katana_woo_sync.clients.katana import KatanaClient
from katana_woo_sync.clients.redact import Redactor
from katana_woo_sync.clients.throttle import Throttle
from katana_woo_sync.clients.woocommerce import WooCommerceClient
from katana_woo_sync.config import Settings, load
from katana_woo_sync.domain.order_record import OrderRecord
from katana_woo_sync.domain.reasons import Reason
from katana_woo_sync.ledger import Ledger
from katana_woo_sync.sandbox.katana import KatanaSandbox, SalesOrder
from katana_woo_sync.sandbox.server import Fault, FaultKind, SandboxServer
from katana_woo_sync.sandbox.woocommerce import Address, Item, Order, TaxRate, WooCommerceSandbox
from katana_woo_sync.sync.backfill import Found, import_all, prepare
from katana_woo_sync.sync.context import Store
from katana_woo_sync.sync.cycle import Options, SweepWhen, finish, run_cycle
from katana_woo_sync.sync.dry_run import DryRunKatana, DryRunShop
from katana_woo_sync.sync.report import Report
from tests.config_samples import replaced

VAT = (TaxRate(Decimal(24), "VAT"), TaxRate(Decimal(9), "Reduced", "reduced-rate", shipping=False))
US_TAXES = (
    TaxRate(Decimal(4), "State"),
    TaxRate(Decimal("4.5"), "City"),
    TaxRate(Decimal("0.375"), "MCTD"),
)
ANNA = Address(
    first_name="Anna",
    last_name="Kosta",
    address_1="Ermou 12",
    city="Athens",
    postcode="10552",
    country="GR",
    email="anna@example.test",
)
LOGIN = """\
name = "{name}"
url = "{url}"
consumer_key = "{key}"
consumer_secret = "{secret}"
location = "Main location"
timeout = 5
"""


class Clock:
    """The time of the program and of both services: it stands still until told otherwise."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
        self.before_moving: Callable[[], object] = lambda: None
        """Called before time moves on."""

    def __call__(self) -> datetime:
        return self.now

    def tick(self, **duration: float) -> datetime:
        """Move on by so many `seconds`, `minutes`, `hours` or `days`."""
        self.before_moving()
        self.now += timedelta(**duration)
        return self.now


class RealClock(Clock):
    """The machine's time, and what it was moved on by; for tests of whole processes."""

    def __init__(self) -> None:
        super().__init__()
        self._start = self.now

    def __call__(self) -> datetime:
        return datetime.now(UTC) + (self.now - self._start)


class Hurry(StopSignals):
    """Waiting moves the clock on instead."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock

    def wait(self, seconds: float) -> None:
        self._clock.tick(seconds=seconds)


@cache
def new_ledger() -> bytes:
    """A new ledger: making one takes a third as long as a test. `tests/ledger` sees them made."""
    with TemporaryDirectory() as directory:
        path = Path(directory) / "ledger.db"
        Ledger.open(path).close()
        return path.read_bytes()


_redactor = lru_cache(maxsize=64)(Redactor)
"""What hides these secrets: the program makes it once, and a test's world for each cycle."""


@lru_cache(maxsize=64)
def loaded(path: Path, _text: bytes) -> Settings:
    """The config, read once for each text that it has."""
    return load(path, {})


@cache
def connected_ledger(
    names: tuple[str, ...], order: tuple[int, ...]
) -> tuple[bytes, tuple[str, ...]]:
    """The ledger after a backfill of stores with nothing in them, and their identities, which
    SQLite sorts in this order. It only reads, and would be half of what a test takes."""
    while True:
        with TemporaryDirectory() as directory, ExitStack() as stack:
            world = World(Path(directory), stack, names=names)
            if _order(world.identities) == order:
                world.backfill()
                return world.ledger.read_bytes(), world.identities


def _order(identities: Sequence[str]) -> tuple[int, ...]:
    return tuple(map(sorted(identities).index, identities))


DEFAULT_FACTOR = Decimal("1.22")
"""Katana's default tax rate in the sandbox."""


class World:
    """One Katana, stores "eu" (prices with tax, EUR) and maybe "us" (without, USD), one ledger.

    Each store sells a mug (SKU MUG) and a lamp (LAMP); Katana knows the mug.
    """

    attempts = 1
    """How often the program sends what may be repeated."""

    def __init__(
        self,
        directory: Path,
        stack: ExitStack,
        *,
        clock: Clock | None = None,
        names: Sequence[str] = ("eu",),
        timeout: float = 5,
        requests_per_minute: int | None = None,
        katana: KatanaSandbox | None = None,
    ) -> None:
        self.directory = directory
        self.timeout = timeout
        self.clock = clock or Clock()
        self.katana = katana or stack.enter_context(
            KatanaSandbox(clock=self.clock, requests_per_minute=requests_per_minute)
        )
        self.mug_variant = self.katana.add_product("Mug", "MUG", in_stock=Decimal(10_000))
        self.shops = {name: stack.enter_context(self._shop(name)) for name in names}
        self.mug = {n: s.add_product("Mug", "MUG", "12.40") for n, s in self.shops.items()}
        self.lamp = {n: s.add_product("Lamp", "LAMP", "49.90") for n, s in self.shops.items()}
        self.config = directory / "config.toml"
        self.ledger = directory / "ledger.db"
        self.configure()

    def _shop(self, name: str) -> WooCommerceSandbox:
        if name == "us":
            return WooCommerceSandbox(
                name=name,
                tax_rates=US_TAXES,
                prices_include_tax=False,
                currency="USD",
                clock=self.clock,
                consumer_key="ck_" + "6c" * 20,
                consumer_secret="cs_" + "8d" * 20,
            )
        return WooCommerceSandbox(name=name, tax_rates=VAT, clock=self.clock, utc_offset_hours=2)

    @property
    def shop(self) -> WooCommerceSandbox:
        """The store "eu"."""
        return self.shops["eu"]

    def configure(
        self, *, top: str = "", katana: str = "", stores: Mapping[str, str] | None = None
    ) -> None:
        """Write the config, with these lines added or in place of the usual ones. `top` may end in
        sections of its own."""
        own = replaced(
            f'api_key = "{self.katana.api_key}"\nurl = "{self.katana.url}"\n'
            "requests_per_minute = 6000",
            katana,
        )
        text = f'ledger = "{self.ledger}"\n{top}\n[katana]\n{own}\n'
        for name, shop in self.shops.items():
            login = LOGIN.format(
                name=name, url=shop.url, key=shop.consumer_key, secret=shop.consumer_secret
            )
            login = replaced(login, f"timeout = {self.timeout}")
            text += f"\n[[stores]]\n{replaced(login, (stores or {}).get(name, ''))}\n"
        self.config.write_text(text, encoding="utf-8")
        self.config.chmod(0o600)

    # The program

    def program(self, *, dry_run: bool = False) -> Program:
        """The program as a new process has it; its requests are sent once."""
        settings = self.settings
        if not dry_run and not self.ledger.exists():
            self.ledger.touch(mode=0o600)
            self.ledger.write_bytes(new_ledger())
        redactor = _redactor(settings.secrets())
        stores = {}
        for store in settings.stores:
            kind = DryRunShop if dry_run else WooCommerceClient
            stores[store.name] = Store(
                store,
                kind(
                    store,
                    redactor=redactor,
                    attempts=self.attempts,
                    sleep=self.sleep,
                    clock=self.program_clock,
                ),
            )
        of_katana = DryRunKatana if dry_run else KatanaClient
        return Program(
            settings=settings,
            redactor=redactor,
            stop=self.stop_signals(),
            katana=of_katana(
                settings.katana,
                redactor=redactor,
                throttle=self._throttle(settings.katana.requests_per_minute),
                timeout=self.timeout,
                attempts=self.attempts,
                sleep=self.sleep,
                clock=self.program_clock,
            ),
            stores=stores,
            dry_run=dry_run,
            clock=self.program_clock,
        )

    def program_clock(self) -> datetime:
        """The time as the program's machine has it."""
        return self.clock()

    def stop_signals(self) -> StopSignals:
        """What the program waits by."""
        return Hurry(self.clock)

    def sleep(self, seconds: float) -> None:
        """How the program waits before it sends a request again."""
        sleep(seconds)

    def _throttle(self, per_minute: int) -> Throttle:
        """The quota by this world's clock: waiting for it moves the clock on."""

        def seconds() -> float:
            return self.clock().timestamp()

        def pass_time(wait: float) -> None:
            self.clock.tick(seconds=wait)

        return Throttle(per_minute, monotonic=seconds, sleep=pass_time, wall=seconds)

    @property
    def settings(self) -> Settings:
        """The config as it stands."""
        return loaded(self.config, self.config.read_bytes())

    def sync(
        self,
        *,
        minutes: float = 5,
        dry_run: bool = False,
        accept_completions: bool = False,
        accept_stock: bool = False,
        sweep: SweepWhen = SweepWhen.DUE,
        only: str | None = None,
    ) -> Report:
        """One cycle, so many minutes later, of all stores or only one."""
        self.clock.tick(minutes=minutes)
        program = self.program(dry_run=dry_run)
        with program.context() as context:
            options = Options(
                accept_completions=accept_completions, sweep=sweep, accept_stock=accept_stock
            )
            run_cycle(context, program.chosen(only), options)
            return context.report

    def connect(self) -> None:
        """The backfill of stores with nothing in them: one is made once for each kind of world,
        and its ledger is written again with this world's addresses and time."""
        ledger, before = connected_ledger(tuple(self.shops), _order(self.identities))
        then, now = Clock().now, self.clock()
        changes = [
            *zip(before, self.identities, strict=True),
            (f"{then:%Y-%m-%dT%H:%M:%S}", f"{now:%Y-%m-%dT%H:%M:%S}"),
            (f"{then.timestamp():.0f}", f"{int(now.timestamp())}"),
        ]
        if any(len(old) != len(new) for old, new in changes):  # a short port
            self.backfill()
            return
        for old, new in changes:
            ledger = ledger.replace(old.encode(), new.encode())
        self.ledger.touch(mode=0o600)
        self.ledger.write_bytes(ledger)

    def backfill(self, *, since: datetime | None = None, dry_run: bool = False) -> Report:
        """The whole first import."""
        return self.backfill_found(since=since, dry_run=dry_run)[0]

    def backfill_found(
        self, *, since: datetime | None = None, dry_run: bool = False
    ) -> tuple[Report, list[Found]]:
        """The whole first import, and what it found beforehand."""
        program = self.program(dry_run=dry_run)
        with program.context() as context:
            prepared = prepare(context, program.chosen(None), since)
            import_all(context, prepared.stores, Options(), lambda _done, _total: None)
            finish(context)
            return context.report, prepared.found

    def lose_ledger(self) -> None:
        """The ledger's files are gone."""
        for file in self.directory.glob("ledger.db*"):
            file.unlink()

    def settle(self, cycles: int = 12) -> Report:
        """Cycles until every wait is over: for a lost answer, and between attempts."""
        for _ in range(cycles - 1):
            self.sync(minutes=13)
        return self.sync(minutes=13)

    # What goes wrong

    @contextmanager
    def cached(self, copies: dict[int, Order], *, shop: str = "eu") -> Iterator[None]:
        """Meanwhile a cache answers for the shop's lists of orders, as these copies say."""
        server, state = self.shops[shop].server, self.shops[shop].state
        handle = server._handle

        def answer(request: Request) -> Response:
            is_list = request.method == "GET" and request.path.endswith("/orders")
            if not is_list or "nocache" in request.args:
                return handle(request)
            now, state.orders = state.orders, copies
            try:
                return handle(request)
            finally:
                state.orders = now

        server._handle = answer
        try:
            yield
        finally:
            server._handle = handle

    @contextmanager
    def down(self, *servers: SandboxServer) -> Iterator[None]:
        """Meanwhile these answer 503 to everything."""
        for server in servers:
            server.add_fault(Fault(FaultKind.STATUS, status=503, times=1_000_000))
        yield
        for server in servers:
            server.faults.clear()

    def before(
        self,
        server: SandboxServer,
        method: str,
        path: str,
        action: Callable[[], object],
        *,
        skip: int = 0,
    ) -> None:
        """Do this right before the server answers the next request of this kind, or one later."""
        handle, left = server._handle, skip + 1

        def first(request: Request) -> Response:
            nonlocal left
            if left and request.method == method and request.path.endswith(path):
                left -= 1
                if not left:
                    action()
            return handle(request)

        server._handle = first

    def send_to_katana(self, method: str, path: str, body: bytes) -> int:
        """Send a request of another's, or of before; returns its status."""
        headers = {
            "Authorization": f"Bearer {self.katana.api_key}",
            "Content-Type": "application/json",
        }
        url = self.katana.url + path
        return requests.request(method, url, data=body, headers=headers, timeout=5).status_code

    # What is to be seen

    def order(self, *, shop: str = "eu", quantity: int = 1, **details: object) -> int:
        """Place an order for mugs by Anna, as Processing unless said otherwise."""
        place = self.shops[shop].place_order
        item = Item(self.mug[shop], quantity)
        return place([item], **{"billing": ANNA, **details})  # type: ignore[arg-type]

    def in_katana(self, order_id: int, *, shop: str = "eu") -> list[SalesOrder]:
        """The sales orders with the order's hidden ID, deleted ones too."""
        identity = next(s.identity for s in self.settings.stores if s.name == shop)
        return [
            found
            for found in self.katana.sales_orders()
            if found.ecommerce_order_type == "wooCommerce"
            and found.ecommerce_store_name == identity
            and found.ecommerce_order_id == str(order_id)
        ]

    def sales_order(self, order_id: int, *, shop: str = "eu") -> SalesOrder:
        """The one sales order with the order's hidden ID."""
        (found,) = self.in_katana(order_id, shop=shop)
        return found

    def record(self, order_id: int, *, shop: str = "eu") -> OrderRecord:
        """What the ledger knows of an order."""
        found = self.find(order_id, shop=shop)
        assert found is not None, f"the ledger does not know order {order_id}"
        return found

    def find(self, order_id: int, *, shop: str = "eu") -> OrderRecord | None:
        """What the ledger knows of an order, if anything."""
        identity = next(s.identity for s in self.settings.stores if s.name == shop)
        with Ledger.open_to_read(self.ledger) as ledger:
            return ledger.orders.get(identity, order_id)

    def state(self, order_id: int, *, shop: str = "eu") -> tuple[str, str]:
        """An order's state, and its reason."""
        record = self.record(order_id, shop=shop)
        return str(record.state), str(record.reason)

    def notes(self, order_id: int, *, shop: str = "eu") -> list[Reason]:
        """The reasons of an order's notes."""
        record = self.record(order_id, shop=shop)
        with Ledger.open_to_read(self.ledger) as ledger:
            return [note.reason for _at, note in ledger.orders.notes(record.identity, order_id)]

    def status(self, order_id: int, *, shop: str = "eu") -> str:
        """An order's status in the shop."""
        return self.shops[shop].state.orders[order_id].status

    def completions(self, order_id: int, *, shop: str = "eu") -> int:
        """How often the customer was told that the order is completed."""
        mails = self.shops[shop].mails
        return sum(m.order_id == order_id and m.after == "completed" for m in mails)

    def reset_counts(self) -> None:
        """Forget the requests of before."""
        for server in (self.katana.server, *(s.server for s in self.shops.values())):
            server.reset_counts()

    def foreign(self, order_id: int, *, store_name: str, **details: object) -> int:
        """A sales order for this order that another program made, with its total (in one row, at
        Katana's default tax rate). Returns its id."""
        order = self.shop.state.orders[order_id]
        whole = {
            "customer_id": self.katana.add_customer("Someone"),
            "rows": [(self.mug_variant, Decimal(1), order.totals.total / DEFAULT_FACTOR)],
            "order_no": order.number,
            "ecommerce_store_name": store_name,
            "ecommerce_order_id": str(order_id),
            "order_created_date": order.created,
            **details,
        }
        return self.katana.create_foreign_order(**whole)  # type: ignore[arg-type]

    @property
    def identity(self) -> str:
        """The identity of the store "eu"."""
        return self.identities[0]

    @property
    def identities(self) -> tuple[str, ...]:
        """The stores' identities."""
        return tuple(store.identity for store in self.settings.stores)
