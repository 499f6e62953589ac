"""What every part of the sync works with: settings, ledger, clients, clock, lock."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta

from msgspec import Struct, field
from msgspec.structs import replace

from katana_woo_sync.clients.katana import KatanaClient
from katana_woo_sync.clients.together import Together
from katana_woo_sync.clients.woocommerce import WooCommerceClient
from katana_woo_sync.config import Settings, StoreSettings
from katana_woo_sync.domain.order_record import OrderRecord, State
from katana_woo_sync.domain.order_rules import Note, Rules, grace
from katana_woo_sync.domain.reasons import Reason, about
from katana_woo_sync.domain.sales_order import Terms
from katana_woo_sync.domain.sub_orders import are_cancelled, ended_unimported, to_be_imported
from katana_woo_sync.domain.woocommerce import Order, StoreFacts
from katana_woo_sync.ledger import Ledger
from katana_woo_sync.ledger.sqlite import read_time, time_text
from katana_woo_sync.sync.lines import Lines
from katana_woo_sync.sync.lock import LockHeld, RunLock
from katana_woo_sync.sync.report import ExitCode, Problem, Report, in_words

log = logging.getLogger("katana_woo_sync")

AT_WORK = "at_work"
"""Where the ledger keeps when the run that holds the lock got on last."""

A_SLICE = timedelta(seconds=30)
"""How long completions, shipments or notes go on in a shop before other work has its turn."""

STUCK = timedelta(minutes=15)
"""How long a run may hold the lock without getting on until that is said aloud."""


class Stopped(Exception):
    """The program was asked to stop; the step in hand is finished."""


class StoreProblem(Exception):
    """A store that cannot be worked until a person changes something; the text says what.

    `exit_code` is what that alone makes of the program's exit code.
    """

    def __init__(self, text: str, exit_code: ExitCode = ExitCode.USAGE) -> None:
        super().__init__(text)
        self.exit_code = exit_code


class OtherAccount(Exception):
    """The ledger belongs to another Katana account than the config's key; nothing was done."""


class Store(Struct, frozen=True):
    """A configured store with its client."""

    settings: StoreSettings
    shop: WooCommerceClient

    @property
    def name(self) -> str:
        """The store's name in the config."""
        return self.settings.name

    @property
    def identity(self) -> str:
        """What the store is called in Katana."""
        return self.settings.identity


ROUNDED = timedelta(seconds=2)
"""How much two clocks may seem to differ: an answer's `Date` is in whole seconds."""


class Context(Struct):
    """One run of a command.

    `clock` gives aware UTC; `stopping` tells that a stop was asked for; `wait` waits some seconds,
    or until then.
    """

    settings: Settings
    ledger: Ledger
    katana: KatanaClient
    stores: Mapping[str, Store]
    clock: Callable[[], datetime]
    lock: RunLock
    report: Report
    stopping: Callable[[], bool] = field(default=lambda: False)
    wait: Callable[[float], None] = time.sleep
    dry_run: bool = False
    together: Together = field(default_factory=Together)
    """For requests to several stores at once."""
    lines: Lines = field(default_factory=Lines)
    """For orders that are imported side by side."""
    has_lock: bool = False
    """Whether this run holds the lock."""
    at_work: datetime | None = None
    """When the ledger was last told that this run gets on (UTC)."""
    copies: dict[str, dict[int, FreshCopy]] = field(default_factory=dict)
    """The orders that lists of changes held, by store identity and id, for imports; each until it
    is read again."""
    silent: set[str] = field(default_factory=set)
    """The names of the stores that have not answered in this cycle yet."""
    listed: set[str] = field(default_factory=set)
    """What Katana was asked for as a whole in this run ("locations", "tax_rates"): it is not again.
    """

    @contextmanager
    def only_run(self, *, patience: float = 0.0) -> Iterator[None]:
        """Hold the lock. Raises `LockHeld` where another run has it, after so many seconds, and
        says where that one does not get on."""
        try:
            self.lock.acquire(patience)
        except LockHeld as error:
            at_work = read_time(self.ledger.stores.meta(AT_WORK))
            if at_work is None or self.clock() - at_work < STUCK:
                raise
            minutes = int((self.clock() - at_work).total_seconds() // 60)
            text = (
                f"{error} It has not got on for {minutes} minutes: look at it, and end it if it "
                "hangs; nothing is lost."
            )
            raise LockHeld(text, is_stuck=True) from None
        before = self.has_lock
        try:
            self.has_lock = True
            self._got_on(timedelta(0))
            yield
        finally:
            self.has_lock = before
            self.lock.release()

    def go_on(self) -> None:
        """Raise `Stopped` where a stop was asked for. Called before whatever may take long, so
        that it also tells that this run gets on."""
        if self.stopping():
            raise Stopped
        if self.has_lock:
            self._got_on(timedelta(minutes=1))

    def _got_on(self, interval: timedelta) -> None:
        now = self.clock()
        if not self.dry_run and (self.at_work is None or now - self.at_work >= interval):
            self.at_work = now
            self.ledger.stores.set_meta(AT_WORK, time_text(now) or "")

    @property
    def katana_ahead(self) -> timedelta:
        """How far Katana's clock is before this machine's."""
        ahead = self.katana.clock_skew
        return timedelta(0) if ahead is None or abs(ahead) <= ROUNDED else ahead

    def now_in_katana(self) -> datetime:
        """The time by Katana's clock (UTC): this machine's may be wrong, or be set while something
        is on its way, which takes no less time for that."""
        return self.clock() + self.katana_ahead

    def rules(self, store: Store) -> Rules:
        """The settings that decide which of the store's orders are imported."""
        known = self.ledger.stores.get(store.identity)
        dates = (known.since if known else None, store.settings.since)
        since = max((date for date in dates if date is not None), default=None)
        return Rules(
            import_statuses=frozenset(store.settings.import_statuses),
            complete_from=frozenset(store.settings.complete_from),
            sync_fulfillment=store.settings.sync_fulfillment,
            completed_unseen=self.settings.orders.completed_unseen,
            pos=self.settings.orders.pos,
            sub_orders=self.settings.orders.sub_orders,
            since=since,
            connected_at=known.connected_at if known else None,
            import_delay=self.settings.orders.import_delay,
            deletes_cancelled=self.settings.orders.cancelled == "delete",
        )

    def terms(self, store: Store) -> Terms:
        """The settings that shape the store's sales orders."""
        orders, facts = self.settings.orders, self.facts(store)
        return Terms(
            identity=store.identity,
            order_number_prefix=store.settings.order_number_prefix,
            delivery_days=orders.delivery_days,
            import_shipping=orders.import_shipping,
            shipping_rows=orders.shipping == "row",
            import_fees=orders.import_fees,
            decimals=facts.decimals,
            rounds_each_line=not facts.round_at_subtotal,
            bundles=store.settings.bundles,
            separate_discounts=orders.discounts == "separate",
            match_totals=orders.match_totals,
            info_meta=store.settings.additional_info_meta,
        )

    def is_connected(self, store: Store) -> bool:
        """Whether the store was ever connected as what it is called now."""
        known = self.ledger.stores.get(store.identity)
        return known is not None and known.connected_at is not None

    def facts(self, store: Store) -> StoreFacts:
        """What is known of the store's settings; WooCommerce's defaults before it was asked."""
        known = self.ledger.stores.get(store.identity)
        return known.facts if known and known.facts else StoreFacts()

    def did(
        self, store: Store, record: OrderRecord, side: str, action: str, detail: str = ""
    ) -> None:
        """Write the history and a line of log for a thing done with an order."""
        self.ledger.journal.add(
            self.clock(),
            side,
            action,
            detail,
            identity=store.identity,
            order_id=record.order_id,
        )
        would = "would be " if self.dry_run else ""
        log.info(
            "%s: order %s: %s%s",
            store.name,
            record.number,
            would,
            f"{action} ({detail})" if detail else action,
            extra={"store": store.name, "order": record.number, "order_id": record.order_id},
        )

    def save(
        self, store: Store, record: OrderRecord, before: OrderRecord | None = None
    ) -> OrderRecord:
        """Keep a record that follows from what the ledger had before, and tell of an order that
        came to be a problem or was skipped. Returns it as it is saved.

        Raises `StaleRecord` where another run has written it since it was read.
        """
        version = record.version if before is None else before.version
        record = replace(record, identity=store.identity, version=version)
        (record,) = self.ledger.orders.save([record])
        if ended_unimported(record):
            self._release_others(store, record, before)
        if before is not None and (before.state, before.reason) == (record.state, record.reason):
            return record
        if record.state is State.SKIPPED:
            self.report.store(store.name).skipped += 1
            self.did(store, record, "ledger", "skipped", about(record.reason).sentence)
        elif record.state in (State.FAILED, State.ATTENTION):
            problem = Problem.of(store.name, record)
            self.ledger.journal.add(
                self.clock(),
                "ledger",
                str(record.state),
                f"{record.reason}: {record.detail}" if record.detail else str(record.reason),
                identity=store.identity,
                order_id=record.order_id,
            )
            log.warning(
                "%s: order %s: %s (%s): %s %s",
                store.name,
                record.number,
                record.state,
                record.reason,
                problem.sentence,
                problem.remedy,
                extra={"store": store.name, "order": record.number, "order_id": record.order_id},
            )
        return record

    def _release_others(
        self, store: Store, record: OrderRecord, before: OrderRecord | None
    ) -> None:
        """Have those imported that were left to an order which will not be."""
        orders, left = self.ledger.orders, list[OrderRecord]()
        if before is None or not ended_unimported(before):
            children = orders.sub_orders(store.identity, record.order_id)
            left += [child for child in children if child.reason == Reason.SUB_ORDER]
        parent = orders.get(store.identity, record.parent_id) if record.parent_id else None
        if parent is not None and parent.reason == Reason.HAS_SUB_ORDERS:
            all_of_it = orders.sub_orders(store.identity, parent.order_id)
            left += [parent] if are_cancelled(all_of_it) else []
        for each in left:
            if each.state is State.SKIPPED:
                at = grace(each, self.rules(store), self.clock())
                self.save(store, to_be_imported(each, at), each)
                self.did(store, each, "ledger", "queued", f"order {record.number} was not imported")

    def note(self, store: Store, record: OrderRecord, *notes: Note) -> None:
        """Keep notes, each once, and log those that are new."""
        new = self.ledger.orders.add_notes(store.identity, record.order_id, notes, self.clock())
        for note in new:
            log.info(
                "%s: order %s: note (%s): %s",
                store.name,
                record.number,
                note.reason,
                in_words(note.reason, note.detail),
                extra={"store": store.name, "order": record.number, "order_id": record.order_id},
            )


def once_a_day(ledger: Ledger, what: str, now: datetime) -> bool:
    """Whether this is to be logged, since it was not yet today (UTC): what lasts for weeks must not
    flood the log."""
    today = f"{now:%Y-%m-%d}"
    if ledger.stores.meta(f"told:{what}") == today:
        return False
    ledger.stores.set_meta(f"told:{what}", today)
    return True


class FreshCopy(Struct, frozen=True):
    """An order as the shop gave it at `read_at` (UTC)."""

    order: Order
    read_at: datetime
