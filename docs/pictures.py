"""Makes the pictures of the documentation: the status page and the terminal, after a month's work.

    python docs/pictures.py

Two shops and a Katana (the sandbox) live through thirty days with orders, deliveries, an outage and
a mistake, and the program works them as it would. Then Chromium takes the page's picture
(`apt install chromium chromium-driver`), and the commands are run at a terminal.
"""

from __future__ import annotations

import os
import random
import re
import shutil
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

import pexpect

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from katana_woo_sync.cli.cycles import Cycles  # noqa: E402
from katana_woo_sync.cli.page import gather, write  # noqa: E402
from katana_woo_sync.ledger import Ledger  # noqa: E402
from katana_woo_sync.sandbox.server import Fault, FaultKind  # noqa: E402
from katana_woo_sync.sandbox.woocommerce import Item  # noqa: E402
from katana_woo_sync.sync.cycle import Options  # noqa: E402
from tests.in_process import in_process  # noqa: E402
from tests.sync.world import ANNA, Clock, World  # noqa: E402

PICTURES = HERE / "pictures"
DAYS = 30
OUTAGE = 17
"""The day on which Katana is away for some hours."""
NAMES = {"eu": "shop.example.com", "us": "us.shop.example.com"}
WIDTH = 100
"""Columns of the terminal."""


class Month:
    """Thirty days that end now."""

    def __init__(self, world: World) -> None:
        self._world, self._chance = world, random.Random(7)  # noqa: S311 (always the same month)
        self._open: list[tuple[str, int]] = []
        self.done = ("eu", 0)
        """The order that was done last, by store and id."""

    def live(self) -> None:
        """Live through it."""
        world = self._world
        world.backfill()
        cups = {
            n: shop.add_product("Cup", "CUP", "9.80", stock=0) for n, shop in world.shops.items()
        }
        end = datetime.now(UTC) - timedelta(minutes=4)
        for day in range(DAYS):
            for at in self._times(end - timedelta(days=DAYS - 1 - day), end):
                world.clock.now = max(world.clock.now, at)
                self._order(cups)
                if self._open and self._chance.random() < 0.75:
                    self._done(*self._open.pop(self._chance.randrange(len(self._open))))
                self._work(away=day == OUTAGE)
        world.clock.now = max(world.clock.now, end)
        self._mistakes()
        self._work()

    def _times(self, day: datetime, end: datetime) -> list[datetime]:
        """When orders come on a day: fewer at the weekend."""
        count = self._chance.randint(3, 6) if day.weekday() > 4 else self._chance.randint(7, 14)
        begin = day.replace(hour=6, minute=0)
        times = (begin + timedelta(minutes=self._chance.randrange(900)) for _ in range(count))
        return sorted(at for at in times if at < end)

    def _order(self, cups: dict[str, int]) -> None:
        shop = "eu" if self._chance.random() < 0.7 else "us"
        world = self._world
        items = [Item(world.mug[shop], self._chance.randint(1, 4))]
        if self._chance.random() < 0.4:
            items.append(Item(self._chance.choice([world.lamp, cups])[shop], 1))
        self._open.append((shop, world.shops[shop].place_order(items, billing=ANNA)))

    def _done(self, shop: str, order: int) -> None:
        """Delivered in Katana, or completed in the shop."""
        held = self._world.in_katana(order, shop=shop)
        if held and shop == "eu":
            self.done = (shop, order)
        if held and self._chance.random() < 0.6:
            self._world.katana.deliver(held[0].id)
        elif held:
            self._world.shops[shop].set_status(order, "completed")
        else:
            self._open.append((shop, order))

    def _mistakes(self) -> None:
        """A product that Katana does not know is sold twice."""
        bowl = self._world.shop.add_product("Bowl, blue", "BOWL-BLUE", "18.50")
        for count in (1, 4):
            self._world.shop.place_order([Item(bowl, count)], billing=ANNA)

    def _work(self, *, away: bool = False) -> None:
        """The cycle that follows within five minutes."""
        world = self._world
        world.clock.tick(minutes=self._chance.randint(1, 5))
        if away:
            world.katana.server.add_fault(Fault(FaultKind.STATUS, status=503, times=3))
        program = world.program()
        Cycles(program).work(list(program.stores.values()), Options())


@contextmanager
def a_month(folder: Path) -> Iterator[tuple[World, tuple[str, int]]]:
    """A month in the sandbox, and one of its orders by store and id."""
    with ExitStack() as stack:
        stack.enter_context(in_process())
        clock = Clock()
        clock.now = datetime.now(UTC) - timedelta(days=DAYS)
        world = World(folder, stack, clock=clock, names=("eu", "us"))
        for name, sku in (("Lamp", "LAMP"), ("Cup", "CUP")):
            world.katana.add_product(name, sku, in_stock=Decimal(5_000))
        settings = {
            name: f'katana_store_name = "{host}"\nsync_stock = true\n'
            f'order_number_prefix = "{name.upper()}-"'
            for name, host in NAMES.items()
        }
        world.configure(
            top="[orders]\ncreate_products = false",
            katana="requests_per_minute = 60",
            stores=settings,
        )
        month = Month(world)
        month.live()
        yield world, month.done


def page_pictures(world: World, order: tuple[str, int]) -> None:
    """The page on a screen and on a telephone."""
    from selenium import webdriver

    path = world.directory / "page.html"
    with Ledger.open_to_read(world.ledger) as ledger:
        write(gather(world.settings, ledger, datetime.now(UTC), UTC), path)
    options = webdriver.ChromeOptions()
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"):
        options.add_argument(argument)
    options.binary_location = shutil.which("chromium") or ""
    service = webdriver.ChromeService(shutil.which("chromedriver"))
    browser = webdriver.Chrome(options=options, service=service)
    try:
        for name, width, height, address in (
            ("page", 1100, 1165, ""),
            ("telephone", 390, 700, f"#order={order[0]}-{order[1]}"),
        ):
            metrics = {"width": width, "height": height, "deviceScaleFactor": 1}
            browser.execute_cdp_cmd(
                "Emulation.setDeviceMetricsOverride", {**metrics, "mobile": width < 500}
            )
            browser.get("about:blank")
            browser.get(path.as_uri() + address)
            browser.save_screenshot(str(PICTURES / f"{name}.png"))
    finally:
        browser.quit()


def terminal_picture(world: World, order: tuple[str, int]) -> None:
    """What a person sees at a terminal, drawn by rich; without the fonts that it would fetch."""
    from rich.console import Console
    from rich.text import Text

    screen = Console(record=True, width=WIDTH, file=open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
    store, order_id = order
    for command in ("status", f"order {store} id:{order_id}"):
        screen.print(Text.assemble(("$ ", "green"), (f"katana-woo-sync {command}", "bold")))
        shown = at_terminal(world, command).rstrip()
        shown = re.sub(r"http://127\.0\.0\.1:\d+", f"https://{NAMES[store]}", shown)
        screen.print(Text.from_ansi(shown))
        screen.print()
    svg = screen.export_svg(title="katana-woo-sync", clear=False)
    svg = re.sub(r"\s*@font-face \{.*?\}", "", svg, flags=re.DOTALL)
    (PICTURES / "terminal.svg").write_text(svg, encoding="utf-8")


def at_terminal(world: World, command: str) -> str:
    """What a command prints at a terminal, with its colours."""
    environment = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "LINES", "NO_COLOR")}
    return str(
        pexpect.run(
            f"{sys.executable} -m katana_woo_sync --config {world.config} {command}",
            env={**environment, "PYTHONPATH": str(HERE.parent), "TERM": "xterm-256color"},
            encoding="utf-8",
            timeout=60,
            dimensions=(60, WIDTH),
        )
    ).replace("\r\n", "\n")


def main() -> None:
    """Make them."""
    PICTURES.mkdir(exist_ok=True)
    with TemporaryDirectory() as folder, a_month(Path(folder)) as (world, order):
        page_pictures(world, order)
        terminal_picture(world, order)
    for path in sorted(PICTURES.iterdir()):
        size = path.stat().st_size / 1000
        sys.stdout.write(f"{path.relative_to(HERE.parent)}: {size:.0f} kB\n")


if __name__ == "__main__":
    main()
