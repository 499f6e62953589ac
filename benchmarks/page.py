"""The status page with 10,000 orders: how long making it takes, how large it is, and when a browser
has painted it.

    python -m benchmarks.page [--quick]

The orders are those of two shops, each with its history as the sync writes it, and every fiftieth
of them has a problem. The browser is Chromium, started anew for each time that the page is opened.
Where there is none (`apt install chromium chromium-driver`), its rows are left out.
"""

from __future__ import annotations

import shutil
import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.table import heading, options, table
from katana_woo_sync.cli.page import gather, write
from katana_woo_sync.config import Settings, load
from katana_woo_sync.domain.order_record import InKatana, OrderRecord, State
from katana_woo_sync.domain.reasons import Reason
from katana_woo_sync.ledger import Ledger

ORDERS = 10_000
CONFIG = """\
[katana]
api_key = "key"

[[stores]]
name = "eu"
url = "https://shop.example.com"
consumer_key = "ck_1"
consumer_secret = "cs_1"

[[stores]]
name = "us"
url = "https://us.shop.example.com"
consumer_key = "ck_2"
consumer_secret = "cs_2"
"""
WIDTHS = {"a screen": (1280, 800), "a telephone": (390, 844)}
PAINTED = "return performance.getEntriesByName('first-contentful-paint')[0].startTime"
READY = "return performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd"
FILTERED = """
const begin = performance.now(), field = document.getElementById("q");
field.value = "59401";
field.dispatchEvent(new Event("input"));
document.body.offsetHeight;
return performance.now() - begin;
"""


def main() -> None:
    """Measure and print."""
    quick = options(__doc__).quick
    heading("The status page")
    count, times = (1_000, 1) if quick else (ORDERS, 5)
    with TemporaryDirectory() as folder:
        path, made = make(Path(folder), count)
        rows = [(f"making it, {count:,} orders (CPU)", f"{made:.2f} s")]
        rows.append(("its size", f"{path.stat().st_size / 1e6:.2f} MB"))
        for name, size in WIDTHS.items():
            rows += opened(path, name, size, times)
    table(("what", "measured"), rows)


def make(folder: Path, count: int) -> tuple[Path, float]:
    """A page of so many orders, and the seconds that it took to make."""
    config, now = folder / "config.toml", datetime.now(UTC)
    config.write_text(CONFIG, encoding="utf-8")
    config.chmod(0o600)
    settings = load(config, {})
    with Ledger.open(settings.ledger) as ledger:
        fill(ledger, settings, now, count)
        begin = time.process_time()
        write(gather(settings, ledger, now, UTC), folder / "page.html")
        return folder / "page.html", time.process_time() - begin


def fill(ledger: Ledger, settings: Settings, now: datetime, count: int) -> None:
    """So many orders of the last three months, with their histories."""
    for store in settings.stores:
        ledger.stores.add(store.identity, store.name)
        ledger.stores.connect(store.identity, now - timedelta(days=90))
        ledger.stores.succeeded(store.identity, now)
    with ledger.atomic():
        for n in range(count):
            record = order(settings.stores[n % 2].identity, n, now - timedelta(days=90) * n / count)
            ledger.orders.save([record])
            for at, side, action, detail in history(record):
                ledger.journal.add(
                    at,
                    side,
                    action,
                    detail,
                    identity=record.identity,
                    order_id=record.order_id,
                )


def order(identity: str, n: int, created: datetime) -> OrderRecord:
    """The nth newest order: the newest 500 are open, every fiftieth needs a person."""
    state = State.IMPORTED if n < 500 else State.FULFILLED
    state = State.ATTENTION if n % 50 == 7 else state
    is_problem, is_done = state is State.ATTENTION, state is State.FULFILLED
    return OrderRecord(
        identity=identity,
        order_id=60_000 - n,
        number=str(60_000 - n),
        order_key=f"wc_order_{n}",
        created=created,
        currency="EUR",
        total=Decimal(n % 900) + Decimal("12.40"),
        shop_status="completed" if is_done else "processing",
        state=state,
        reason=Reason.UNKNOWN_SKU if is_problem else "",
        detail="SKU MUG-RED of “Mug, red”" if is_problem else "",
        in_katana=InKatana.NO if is_problem else InKatana.YES,
        sales_order_id=None if is_problem else 8_000_000 - n,
        sales_order_no="" if is_problem else f"SO-{60_000 - n}",
        katana_status="" if is_problem else "DELIVERED" if is_done else "NOT_SHIPPED",
        first_seen_at=created + timedelta(minutes=3),
        imported_at=None if is_problem else created + timedelta(minutes=4),
        paid=created + timedelta(minutes=1),
        delivered_at=created + timedelta(days=2) if is_done and n % 2 else None,
        completed_at=created + timedelta(days=2) if is_done and not n % 2 else None,
    )


def history(record: OrderRecord) -> list[tuple[datetime, str, str, str]]:
    """What the sync writes of such an order."""
    imported, number = record.imported_at, record.sales_order_no
    if imported is None:
        detail = f"{record.reason}: {record.detail}"
        return [(record.first_seen_at, "ledger", "attention", detail)]
    lines = [
        (imported, "katana", "imported", f"as {number}"),
        (imported, "katana", "shipping fee", number),
    ]
    if record.delivered_at:
        lines.append((record.delivered_at, "katana", "delivered", f"as {number}"))
    if record.completed_at:
        lines.append((record.completed_at, "shop", "completed", "delivered in Katana"))
    return lines


def opened(path: Path, name: str, size: tuple[int, int], times: int) -> list[tuple[str, str]]:
    """When a browser has painted the page first, when its script has run, and how long a search
    takes; the least of so many times, as rows."""
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if chromium is None or driver is None:
        return []
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    measured = []
    for _ in range(times):
        browser = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
        try:
            width, height = size
            metrics = {"width": width, "height": height, "deviceScaleFactor": 1}
            browser.execute_cdp_cmd(
                "Emulation.setDeviceMetricsOverride", {**metrics, "mobile": width < 500}
            )
            browser.get(path.as_uri())
            time.sleep(1)
            scripts = (PAINTED, READY, FILTERED)
            measured.append([browser.execute_script(each) / 1000 for each in scripts])
        finally:
            browser.quit()
    least = [min(each) for each in zip(*measured, strict=True)]
    steps = ("painted", "list and filters ready", "a search")
    return [(f"{name}: {step}", f"{n:.2f} s") for step, n in zip(steps, least, strict=True)]


if __name__ == "__main__":
    main()
