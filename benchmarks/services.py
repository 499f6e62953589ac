"""Katana and the stores in a process of their own: what is measured never shares one with them."""

from __future__ import annotations

import multiprocessing
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

from benchmarks.shop import VAT
from katana_woo_sync.sandbox.katana import KatanaSandbox
from katana_woo_sync.sandbox.server import Fault, FaultKind, SandboxServer
from katana_woo_sync.sandbox.woocommerce import WooCommerceSandbox

P = ParamSpec("P")
T = TypeVar("T")

STORE = """
[[stores]]
name = "{name}"
url = "{url}"
consumer_key = "{key}"
consumer_secret = "{secret}"
location = "Main location"
order_number_prefix = "{name}-"
"""
STOP = "stop"


@dataclass(frozen=True)
class Setup:
    """The services: how many stores, Katana's quota (None: no limit), and the seconds that each
    answer takes longer than it would."""

    stores: int = 1
    per_minute: int | None = None
    latency: float = 0.0


@dataclass(frozen=True)
class World:
    """The services as the process that serves them has them."""

    katana: KatanaSandbox
    shops: list[WooCommerceSandbox]

    @property
    def servers(self) -> list[SandboxServer]:
        """Katana's and the stores' servers."""
        return [self.katana.server, *(shop.server for shop in self.shops)]


@dataclass(frozen=True)
class Services:
    """The services as the one who measures has them: `ask` has them do something."""

    directory: Path
    _line: Connection

    def ask(self, what: Callable[Concatenate[World, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call a function of a module with the services, in their process; raises what it does."""
        self._line.send((what, args, kwargs))
        error, answer = self._line.recv()
        if error is not None:
            raise error
        result: T = answer
        return result

    def config(self, *, per_minute: int = 6000, of_stores: str = "", every: str = "5m") -> Path:
        """Write a config for them, with these lines for each store and a cycle in each such
        interval, and return where it is. Its ledger stands beside it."""
        katana_url, key, stores = self.ask(addresses)
        text = (
            f'ledger = "{self.ledger}"\n[katana]\napi_key = "{key}"\nurl = "{katana_url}"\n'
            f'requests_per_minute = {per_minute}\n[schedule]\nstock = "1m"\norders = "{every}"\n'
        )
        for name, url, consumer_key, secret in stores:
            text += STORE.format(name=name, url=url, key=consumer_key, secret=secret) + of_stores
        path = self.directory / "config.toml"
        path.touch(mode=0o600)
        path.write_text(text, encoding="utf-8")
        return path

    @property
    def ledger(self) -> Path:
        """Where the config says that the ledger is."""
        return self.directory / "ledger.db"


def addresses(world: World) -> tuple[str, str, list[tuple[str, str, str, str]]]:
    """Katana's address and key; each store's name, address, key and secret."""
    stores = [
        (shop.state.name, shop.url, shop.consumer_key, shop.consumer_secret) for shop in world.shops
    ]
    return world.katana.url, world.katana.api_key, stores


def slow_down(world: World, latency: float) -> None:
    """From here on each answer takes so many seconds longer."""
    for server in world.servers:
        if latency:
            server.add_fault(Fault(FaultKind.DELAY, times=1_000_000_000, seconds=latency))


@contextmanager
def services(setup: Setup | None = None) -> Iterator[Services]:
    """Serve Katana and the stores in a new process, with a directory for config and ledger."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=_serve, args=(there, setup or Setup()), daemon=True)
    process.start()
    with tempfile.TemporaryDirectory(prefix="benchmark-") as directory:
        try:
            yield Services(Path(directory), here)
        finally:
            here.send(STOP)
            process.join(timeout=10)


def _serve(line: Connection, setup: Setup) -> None:
    with ExitStack() as stack:
        katana = KatanaSandbox(requests_per_minute=setup.per_minute)
        shops = [
            WooCommerceSandbox(name=f"store{number}", tax_rates=VAT, utc_offset_hours=2)
            for number in range(1, setup.stores + 1)
        ]
        world = World(katana, shops)
        slow_down(world, setup.latency)
        for server in world.servers:
            stack.enter_context(server)
        while (message := line.recv()) != STOP:
            what, args, kwargs = message
            try:
                line.send((None, what(world, *args, **kwargs)))
            except Exception as error:  # noqa: BLE001 (raised again where it was asked)
                line.send((error, None))
