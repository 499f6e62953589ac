"""Telling people and a monitor what became of a cycle. Whatever goes wrong here only warns."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from katana_woo_sync.clients import messenger, ping
from katana_woo_sync.clients.katana_http import KATANA
from katana_woo_sync.clients.messenger import Delivery
from katana_woo_sync.clients.redact import Redactor, one_line
from katana_woo_sync.config import Settings
from katana_woo_sync.domain.notices import Kind, Notice, Remembered, Trouble, message, plan
from katana_woo_sync.ledger import Ledger, LedgerError
from katana_woo_sync.sync.context import Context, log, once_a_day
from katana_woo_sync.sync.report import ExitCode, Report

SIDE = "side:"
"""With a store's identity: its key among what is remembered. Alone: Katana's."""

TITLE_OF_TEST = "katana-woo-sync: a test"
BODY_OF_TEST = (
    "This is how you will be told when an order needs you, when a store has been failing for a "
    "while, and when it works again. Nothing is wrong."
)


class Notifier:
    """Tells people, by [notify] urls, and a monitor, by its ping_url."""

    def __init__(
        self,
        settings: Settings,
        redactor: Redactor,
        clock: Callable[[], datetime],
        *,
        dry_run: bool = False,
    ) -> None:
        self._settings = settings
        self._redactor = redactor
        self._clock = clock
        self._urls = () if dry_run else settings.notify.urls
        self._ping_url = "" if dry_run else settings.notify.ping_url
        self._pings = ping.Pings(self._ping_url)

    def begin(self) -> None:
        """Tell the monitor that a cycle begins; nothing waits for it."""
        if self._ping_url:
            self._pings.send(ping.START)

    def end(self, exit_code: int, report: Report | None = None) -> None:
        """Tell the monitor how the cycle ended: well if every store was worked, even if orders
        need a person; else with the exit code. Call without the lock: it waits some seconds."""
        all_worked = report is not None and works(report)
        good = exit_code == ExitCode.DONE or (exit_code == ExitCode.PROBLEMS and all_worked)
        if self._ping_url:
            self._pings.send(ping.SUCCESS if good else str(exit_code))
            for error in self._pings.errors():
                self._warn("notify.ping_url", f"the monitor was not told: {error}")

    def tell(self, context: Context) -> None:
        """Tell people what is new after a cycle, in one message. A message that no address took is
        tried again after the next cycle; one that some took is told."""
        if not self._urls:
            return
        try:
            notices = _new(context, self._settings.notify.store_failing_after)
            if notices:
                self._deliver(context.ledger, notices)
        except Exception as error:  # noqa: BLE001 (being told must never stop the work)
            self._warn("notify.urls", f"nobody could be told what is new: {error}")

    def _deliver(self, ledger: Ledger, notices: Sequence[Notice]) -> None:
        told = message(notices)
        try:
            deliveries = self._send(told.title, told.body)
            if any(not delivery.error for delivery in deliveries):
                with ledger.atomic():
                    ledger.notifications.forget(n.key for n in notices if n.then is None)
                    for notice in notices:
                        if notice.then is not None:
                            ledger.notifications.keep(notice.then)
        finally:
            ledger.notifications.release(notice.key for notice in notices)
        for delivery in deliveries:
            if delivery.error:
                self._warn(delivery.target, f"the message was not delivered: {delivery.error}")

    def test(self) -> list[Delivery]:
        """Send a test message to every address, and a start and a success to the monitor."""
        deliveries = self._send(TITLE_OF_TEST, BODY_OF_TEST) if self._urls else []
        if self._ping_url:
            errors = (ping.ping(self._ping_url, what) for what in (ping.START, ping.SUCCESS))
            error = next((error for error in errors if error), "")
            deliveries.append(Delivery("notify.ping_url", error))
        return deliveries

    def _send(self, title: str, body: str) -> list[Delivery]:
        body = "\n".join(one_line(line) for line in self._redactor.text(body).split("\n"))
        return messenger.send(self._urls, title, body, self._redactor)

    def _warn(self, what: str, text: str) -> None:
        """Warn once a day (UTC): a monitor that is down for a week floods no log and no mailbox."""
        try:
            with Ledger.open(self._settings.ledger) as ledger:
                first = once_a_day(ledger, what, self._clock())
        except LedgerError:
            first = True
        say = log.warning if first else log.info
        say("%s: %s. Orders are not held up by it.", what, text)


def works(report: Report) -> bool:
    """Whether Katana and every store could be worked."""
    return not report.katana_error and not any(part.error for part in report.stores.values())


def _new(context: Context, wait: timedelta) -> list[Notice]:
    """What is to be told now and by nobody else; remembers what is so."""
    ledger, now = context.ledger, context.clock()
    with ledger.atomic():  # looked at and claimed in one: two processes never tell the same
        remembered = ledger.notifications.all()
        troubles = [*_sides(context, wait), *_orders(context)]
        there = {trouble.key for trouble in troubles}
        well = [key for key in _looked_at(context, remembered) if key not in there]
        found = plan(now, troubles, well, remembered)
        for each in found.keep:
            ledger.notifications.keep(each)
        ledger.notifications.forget(found.forget)
        return [n for n in found.notices if ledger.notifications.claim(n.key, now)]


def _sides(context: Context, wait: timedelta) -> Iterator[Trouble]:
    report = context.report
    if report.katana_error:
        text = report.katana_error.removeprefix(f"{KATANA}: ")
        yield Trouble(SIDE, Kind.SIDE, KATANA, text, wait)
    for name, part in report.stores.items():
        if part.error:
            key = SIDE + context.stores[name].identity
            yield Trouble(key, Kind.SIDE, name, part.error, wait)


def _orders(context: Context) -> Iterator[Trouble]:
    """Orders that need a person; one that failed is tried again first."""
    for problem in context.report.problems:
        if not problem.is_tried_again:
            yield Trouble(
                f"{_order_prefix(context.stores[problem.store].identity)}"
                f"{problem.order_id}:{problem.reason}",
                Kind.ORDER,
                f"{problem.store}: order {problem.order_number}",
                f"{problem.sentence} {problem.remedy}",
            )


def _order_prefix(identity: str) -> str:
    return f"order:{identity}#"


def _looked_at(context: Context, remembered: Mapping[str, Remembered]) -> Iterator[str]:
    """The remembered keys that this cycle can speak of: orders of its stores, and each side that
    it worked. Of a store whose poll went well while Katana is down it cannot say that it works."""
    identities = [context.stores[name].identity for name in context.report.stores]
    prefixes = tuple(map(_order_prefix, identities))
    sides = set() if context.report.katana_error else {SIDE, *(SIDE + i for i in identities)}
    for key in remembered:
        if key.startswith(prefixes) or key in sides:
            yield key
