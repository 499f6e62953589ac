"""A month of two shops' orders in a ledger, with everything that a page must bear."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from katana_woo_sync.cli.page import gather, write
from katana_woo_sync.config import Settings, load
from katana_woo_sync.domain.order_record import InKatana, OrderRecord, State
from katana_woo_sync.domain.reasons import Reason
from katana_woo_sync.ledger import Ledger
from katana_woo_sync.ledger.statistics import Tally

HOSTILE = "<script>window.owned=1</script><img src=x onerror='window.owned=1'>\u202e\"'&{{7*7}}"
CONFIG = """\
[katana]
api_key = "key"

[[stores]]
name = "eu"
url = "https://shop.example.com"
consumer_key = "ck_1"
consumer_secret = "cs_1"
sync_stock = true

[[stores]]
name = "us"
url = "https://shop.example.com/us"
consumer_key = "ck_2"
consumer_secret = "cs_2"
"""
REASONS = (
    Reason.UNKNOWN_SKU,
    Reason.UNKNOWN_SKU,
    Reason.BATCH_SHORTAGE,
    Reason.TOTAL_DIFFERS,
    Reason.TEMPORARY,
)
DAYS = 35


def sample_settings(folder: Path) -> Settings:
    """Two stores."""
    path = folder / "config.toml"
    path.write_text(CONFIG, encoding="utf-8")
    path.chmod(0o600)
    return load(path, {})


def fill(ledger: Ledger, settings: Settings, now: datetime, *, problems: bool = True) -> None:
    """A month of orders until now, some of which need a person."""
    begin = now - timedelta(days=DAYS)
    for store in settings.stores:
        ledger.stores.add(store.identity, store.name)
        ledger.stores.connect(store.identity, begin)
        ledger.stores.succeeded(store.identity, now)
    for day in range(DAYS):
        at = begin + timedelta(days=day, hours=20)
        for n, store in enumerate(settings.stores):
            for each in range((day * 7 + n * 5) % 11 // (n + 1)):
                order_id = day * 100 + n * 20 + each
                ledger.orders.save([_order(store.identity, order_id, at, day)])
        ledger.statistics.count(Tally.KATANA_REQUESTS, "", at, 300 + day * 13 % 170)
        ledger.statistics.count(Tally.STOCK_UPDATED, settings.stores[0].identity, at, day % 9)
    if problems:
        _add_problems(ledger, settings, now)


def _order(identity: str, order_id: int, at: datetime, day: int) -> OrderRecord:
    created = at - timedelta(hours=order_id % 12)
    waited = timedelta(days=1) if day == 20 else timedelta(minutes=1 + order_id % 7)
    state = State.FULFILLED if day < DAYS - 6 else State.IMPORTED
    return OrderRecord(
        identity=identity,
        order_id=order_id,
        number=str(10_000 + order_id),
        order_key=f"wc_order_{identity}{order_id}",
        created=created,
        currency="EUR",
        total=Decimal(order_id % 90) + Decimal("12.40"),
        shop_status="completed" if state is State.FULFILLED else "processing",
        state=state,
        in_katana=InKatana.YES,
        sales_order_id=order_id * 2 + (1 if "/" in identity else 0),
        sales_order_no=f"SO-{10_000 + order_id}",
        katana_status="DELIVERED" if state is State.FULFILLED else "NOT_SHIPPED",
        first_seen_at=created + timedelta(minutes=1),
        imported_at=created + timedelta(minutes=1) + waited,
        paid=created + timedelta(seconds=20),
    )


def _add_problems(ledger: Ledger, settings: Settings, now: datetime) -> None:
    identity = settings.stores[0].identity
    for n, reason in enumerate(REASONS):
        created = now - timedelta(hours=3 * n + 1)
        detail = (
            "SKU MUG-RED of “Mug, red”",
            HOSTILE,
            "lot 7 holds 2 of 5",
            "x" * 300,
            "it answered 503",
        )[n]
        ledger.orders.save(
            [
                OrderRecord(
                    identity=identity,
                    order_id=90_000 + n,
                    number=HOSTILE if n == 1 else f"{20_000 + n}",
                    order_key=f"wc_order_problem{n}",
                    created=created,
                    currency="EUR",
                    total=Decimal("1049.90"),
                    shop_status=HOSTILE if n == 1 else "processing",
                    state=State.FAILED if reason is Reason.TEMPORARY else State.ATTENTION,
                    reason=reason,
                    detail=detail,
                    in_katana=InKatana.YES if n in (2, 3) else InKatana.NO,
                    sales_order_id=800_000 + n if n in (2, 3) else None,
                    sales_order_no=f"SO-{20_000 + n}" if n in (2, 3) else "",
                    katana_status="NOT_SHIPPED" if n in (2, 3) else "",
                    first_seen_at=created,
                    next_attempt_at=now + timedelta(hours=1),
                )
            ]
        )
        ledger.journal.add(
            created, "ledger", "attention", str(reason), identity=identity, order_id=90_000 + n
        )
    ledger.stores.went_wrong(settings.stores[1].identity, f"It answered 503: {HOSTILE}")


def sample_page(folder: Path, *, problems: bool = True) -> Path:
    """The page of such a month, as a file."""
    settings, now = sample_settings(folder), datetime.now(UTC)
    with Ledger.open(settings.ledger) as ledger:
        fill(ledger, settings, now, problems=problems)
        write(gather(settings, ledger, now, UTC), folder / "page.html")
    return folder / "page.html"
