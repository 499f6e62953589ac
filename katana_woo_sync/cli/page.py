"""The status page: what it shows is gathered from the ledger, and it is written as a file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta, tzinfo
from itertools import repeat
from pathlib import Path

from msgspec import Struct

from katana_woo_sync import __version__
from katana_woo_sync.cli.next_steps import next_of_cycle, next_of_order
from katana_woo_sync.cli.orders import links
from katana_woo_sync.cli.output import words_of_others
from katana_woo_sync.cli.story import FIRST_SEEN, PLACED, TRIED_AGAIN, Happening, stories
from katana_woo_sync.config import Settings, StoreSettings
from katana_woo_sync.config.files import may_replace, replacing
from katana_woo_sync.domain.order_record import (
    OrderRecord,
    State,
    is_tried_again,
    with_its_complaint,
)
from katana_woo_sync.domain.reasons import about
from katana_woo_sync.ledger import Ledger
from katana_woo_sync.ledger.statistics import Tally
from katana_woo_sync.report import Page, render
from katana_woo_sync.report.days import backlog, begin_of, last_days, minutes, per_day
from katana_woo_sync.report.page import MARK
from katana_woo_sync.report.values import (
    Happened,
    OrderShown,
    Plot,
    ProblemGroup,
    StoreShown,
    Trouble,
)
from katana_woo_sync.sync.cycle import KATANA_ERROR
from katana_woo_sync.sync.integration import still_at_work
from katana_woo_sync.sync.report import Problem, in_words, unread_lately

DAYS = 30
MOST_ORDERS = 10_000
"""As many as a page bears: it stays under 5 MB, and a browser paints it within a second."""
MOST_PROBLEMS = 500
"""More are counted in the stores' figures, and listed by `orders --state attention`."""


class NotWritten(Exception):
    """The page could not be written; the text says where, why and what to do."""


def gather(settings: Settings, ledger: Ledger, now: datetime, zone: tzinfo | None = None) -> Page:
    """What the page shows; times in the zone (None: the machine's)."""
    identities = [store.identity for store in settings.stores]
    problems = ledger.orders.find(identities=identities, problems=True, limit=MOST_PROBLEMS)
    orders = ledger.orders.find(identities=identities, limit=MOST_ORDERS)
    shown = _Shown(settings, zone, now, ledger)
    counts = [ledger.orders.counts(identity).values() for identity in identities]
    rows = shown.rows(orders)
    return Page(
        made_at=now.astimezone(zone),
        version=__version__,
        zone=now.astimezone(zone).tzname() or "UTC",
        troubles=troubles(settings, ledger, now),
        problems=_groups(problems, shown),
        stores=[_store(settings, ledger, store, now, zone) for store in settings.stores],
        plots=_plots(settings, ledger, now, zone),
        orders=rows,
        known=sum(map(sum, counts)),
        reasons={row.reason: about(row.reason).sentence for row in rows if row.reason},
    )


def write(page: Page, path: Path) -> None:
    """Write the page for its owner alone; whoever reads the file meanwhile sees the old page whole.

    Raises `NotWritten` where it cannot be written, or another file than a page stands there.
    """
    try:
        if not may_replace(path, MARK):
            raise NotWritten(
                f"{path} holds something else than a status page, and was left as it is; name "
                "another file, or remove it."
            )
        with replacing(path, errors="replace") as file:
            file.write(render(page))
    except OSError as error:
        raise _not_written(path, error) from error


def _not_written(path: Path, error: OSError) -> NotWritten:
    return NotWritten(
        f"The status page {path} could not be written ({error.strerror or error}). Name a file in "
        "a folder that exists and that the user who runs katana-woo-sync may write to."
    )


def problem_groups(
    settings: Settings, records: Sequence[OrderRecord], zone: tzinfo | None = None
) -> list[ProblemGroup]:
    """These problems by reason, with what to do and links, without their stories; times in the
    zone."""
    return _groups(records, _Shown(settings, zone))


class _Shown(Struct, frozen=True):
    """Orders as the page shows them; with a ledger also their stories and, at `now` (UTC), what is
    next."""

    settings: Settings
    zone: tzinfo | None
    now: datetime | None = None
    ledger: Ledger | None = None

    def rows(self, records: Sequence[OrderRecord]) -> list[OrderShown]:
        """Orders of the list, with why they are skipped or need somebody."""
        shown = [with_its_complaint(record) for record in records]
        sentences = [in_words(r.reason, r.detail) if r.reason else "" for r in shown]
        return self._orders(shown, sentences)

    def problems(self, records: Sequence[OrderRecord]) -> list[OrderShown]:
        """Orders under their reason: only what the reason does not say."""
        return self._orders(records, [record.detail for record in records])

    def remedy(self, records: Sequence[OrderRecord]) -> str:
        """What to do about orders with the same reason; for a single one it names the order."""
        if len(records) > 1:
            return about(records[0].reason).remedy
        return Problem.of(self._stores[records[0].identity].name, records[0]).remedy

    @property
    def _stores(self) -> dict[str, StoreSettings]:
        return {store.identity: store for store in self.settings.stores}

    def _orders(self, records: Sequence[OrderRecord], sentences: Sequence[str]) -> list[OrderShown]:
        stores = self._stores
        told: Iterable[Sequence[Happening]] = repeat((), len(records))
        if self.ledger is not None:
            told = stories(self.ledger, records)
        return [
            self._order(stores[record.identity], record, sentence, story)
            for record, sentence, story in zip(records, sentences, told, strict=True)
        ]

    def _order(
        self,
        store: StoreSettings,
        record: OrderRecord,
        sentence: str,
        story: Sequence[Happening],
    ) -> OrderShown:
        where = links(store, record)
        return OrderShown(
            store=store.name,
            order_id=record.order_id,
            number=record.number,
            created=_local(record.created, self.zone),
            total=record.total,
            currency=record.currency,
            state=str(record.state),
            reason=str(record.reason),
            sentence=sentence,
            in_katana_as=record.sales_order_no,
            shop_status=record.shop_status,
            katana_status=record.katana_status,
            shop_link=where["shop"] or "",
            katana_link=where["katana"],
            next_attempt_at=_local(record.next_attempt_at, self.zone),
            next=next_of_order(self.settings, store, record, self.now, self.zone)
            if self.now
            else "",
            story=[
                Happened(_local(each.at, self.zone), _without_number(each.line, record))
                for each in story
                if not _is_said(each, record)
            ],
        )


def _without_number(line: str, record: OrderRecord) -> str:
    """A line of an order's story without its number in Katana, which stands beside it."""
    number = record.sales_order_no
    return line.removesuffix(f" as {number}").removesuffix(f" to {number}") if number else line


def _is_said(happening: Happening, record: OrderRecord) -> bool:
    """Whether a line of an order's story repeats what else the page says of it: when it was placed,
    when it is tried again; and when it was seen, once it is in Katana."""
    if happening.what in (PLACED, TRIED_AGAIN):
        return True
    return happening.what == FIRST_SEEN and record.imported_at is not None


def _local(at: datetime | None, zone: tzinfo | None) -> datetime | None:
    return at.astimezone(zone) if at else None


def _groups(records: Sequence[OrderRecord], shown: _Shown) -> list[ProblemGroup]:
    """The problems by reason: what needs a person first, and what concerns most orders first."""
    groups: dict[tuple[bool, str], list[OrderRecord]] = {}
    for record in map(with_its_complaint, records):
        groups.setdefault((is_tried_again(record), str(record.reason)), []).append(record)
    return [
        ProblemGroup(
            reason,
            about(reason).sentence,
            shown.remedy(orders),
            shown.problems(orders),
            is_tried_again=again,
        )
        for (again, reason), orders in sorted(
            groups.items(), key=lambda group: (group[0][0], -len(group[1]))
        )
    ]


def troubles(settings: Settings, ledger: Ledger, now: datetime) -> list[Trouble]:
    """What stops a store or everything, and what to do."""
    found = []
    error = ledger.stores.meta(KATANA_ERROR)
    if error:
        found.append(Trouble("Katana", f"NOT WORKED: {error}"))
    for text in unread_lately(ledger, "Katana", now):
        found.append(Trouble("Katana", f"It could not be read: {text}"))
    for store in settings.stores:
        known = ledger.stores.get(store.identity)
        if store.paused:
            continue
        if known is None or known.connected_at is None:
            remedy = f"run `katana-woo-sync backfill --store {store.name}`."
            found.append(Trouble(store.name, f"It was never connected; {remedy}"))
        elif known.last_error:
            found.append(Trouble(store.name, f"NOT WORKED: {known.last_error}"))
        elif known.last_success_at and now - known.last_success_at > _late(settings):
            found.append(
                Trouble(
                    store.name, "Its last good cycle is long ago. Is cron or the timer running?"
                )
            )
        for text in unread_lately(ledger, store.identity, now):
            found.append(Trouble(store.name, f"It could not be read: {text}"))
        other = still_at_work(ledger, store.identity, now)
        if other is not None:
            found.append(Trouble(store.name, words_of_others(other)))
        stock = ledger.stock.state(store.identity)
        if store.sync_stock and stock is not None and stock.error:
            found.append(Trouble(store.name, f"Its stock is not worked: {stock.error}"))
    return found


def _late(settings: Settings) -> timedelta:
    return 3 * settings.schedule.orders


def _store(
    settings: Settings, ledger: Ledger, store: StoreSettings, now: datetime, zone: tzinfo | None
) -> StoreShown:
    known = ledger.stores.get(store.identity)
    counts = ledger.orders.counts(store.identity)
    problems = ledger.orders.find(identities=[store.identity], problems=True)
    stock = ledger.stock.state(store.identity) if store.sync_stock else None
    return StoreShown(
        name=store.name,
        identity=store.identity,
        last_success_at=_local(known.last_success_at if known else None, zone),
        oldest_waiting=_local(ledger.orders.oldest_queued(store.identity), zone),
        stock_as_of=_local(stock.updated_at if stock else None, zone),
        waiting=counts.get(State.QUEUED, 0) + counts.get(State.IMPORTING, 0),
        open_in_katana=ledger.orders.open_in_katana(store.identity),
        done=counts.get(State.FULFILLED, 0),
        problems=sum(not is_tried_again(record) for record in problems),
        next="" if store.paused else next_of_cycle(settings, ledger, store, now),
    )


def _plots(
    settings: Settings, ledger: Ledger, now: datetime, zone: tzinfo | None
) -> Sequence[Plot]:
    days = last_days(now, zone, DAYS)
    since = begin_of(days[0], zone)
    names = {store.identity: store.name for store in settings.stores}
    asked = ledger.statistics
    plots = [
        Plot(
            title="Orders placed",
            caption="In the shops, by day.",
            days=days,
            series=per_day(asked.placed(since), days, zone, names),
        ),
        Plot(
            title="From payment to Katana",
            caption="The most that half of the orders, and nine of ten, took; by day of import.",
            days=days,
            series=minutes(
                [wait for wait in asked.from_payment(since) if wait.identity in names], days, zone
            ),
            unit="minutes",
            overlaid=True,
        ),
        Plot(
            title="Backlog",
            caption="Orders that waited for their import when the day ended.",
            days=days,
            series=backlog(asked.in_backlog(since), days, now, zone, names),
        ),
        Plot(
            title="What went wrong",
            caption="How often an order failed or came to need a person.",
            days=days,
            series=per_day(asked.went_wrong(since), days, zone, names),
        ),
    ]
    if any(store.sync_stock for store in settings.stores):
        plots.append(_stock(ledger, days, since, zone, names))
    return [*plots, _requests(settings, ledger, days, since, zone)]


def _stock(
    ledger: Ledger,
    days: Sequence[date],
    since: datetime,
    zone: tzinfo | None,
    names: Mapping[str, str],
) -> Plot:
    counted = ledger.statistics.counted(Tally.STOCK_UPDATED, since)
    return Plot(
        title="Stock set",
        caption="Products and variations whose quantity in the shop was set.",
        days=days,
        series=per_day(counted, days, zone, names),
    )


def _requests(
    settings: Settings, ledger: Ledger, days: Sequence[date], since: datetime, zone: tzinfo | None
) -> Plot:
    counted = ledger.statistics.counted(Tally.KATANA_REQUESTS, since)
    most = settings.katana.requests_per_minute
    return Plot(
        title="Requests to Katana",
        caption=f"Sent by this program. {most} a minute allow {most * 1440:,} a day.",
        days=days,
        series=per_day(counted, days, zone, {"": "requests"}),
    )
