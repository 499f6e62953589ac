"""`check`: every part tested for itself, nothing written to Katana, the stores or the ledger."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from datetime import datetime, timedelta

from katana_woo_sync.clients.errors import ServiceError
from katana_woo_sync.clients.katana import KatanaClient
from katana_woo_sync.clients.katana_http import KATANA
from katana_woo_sync.config import Settings
from katana_woo_sync.domain.checks import (
    WAITING,
    Cause,
    Finding,
    Numbered,
    causes,
    clocks,
    order_numbers,
)
from katana_woo_sync.ledger import Ledger
from katana_woo_sync.sync.checks.asking import Findings
from katana_woo_sync.sync.checks.katana import KatanaSide, check_katana
from katana_woo_sync.sync.checks.machine import (
    CONFIG,
    LEDGER,
    check_config,
    check_schedule,
    open_ledger,
)
from katana_woo_sync.sync.checks.store import StoreCheck
from katana_woo_sync.sync.checks.waiting import asked_for, lost_answers, store_waits
from katana_woo_sync.sync.context import Store
from katana_woo_sync.sync.hosts import reach_as_before
from katana_woo_sync.sync.report import ExitCode

MACHINE = "this machine"

Tell = Callable[[str], None]


def check(
    settings: Settings,
    katana: KatanaClient,
    stores: Sequence[Store],
    clock: Callable[[], datetime],
    tell: Tell = lambda _what: None,
) -> list[Finding]:
    """Test everything. `tell` hears what is being asked next.

    Raises `Cancelled` where a stop is asked for, and nothing else: whatever goes wrong with one
    part is a finding, and the other parts are tested all the same.
    """
    machine, about_katana = Findings(MACHINE), Findings(KATANA)
    of_config, of_ledger = Findings(CONFIG), Findings(LEDGER)
    of_stores = [Findings(store.name) for store in stores]
    of_config.add(*(of_config.ask("can be used", lambda: check_config(settings)) or ()))
    with ExitStack() as opened:
        ledger = _ledger(settings, of_ledger)
        if ledger is not None:
            opened.enter_context(ledger)
            _look_at_the_schedule(ledger, settings, stores, clock(), machine)
            _look_at_what_waits(ledger, clock(), about_katana, machine)
        tell("asking Katana")
        side = about_katana.ask(
            "account", lambda: check_katana(katana, settings, ledger, clock(), about_katana)
        )
        for store, findings in zip(stores, of_stores, strict=True):
            tell(f"asking {store.name}")
            if ledger is not None:
                reach_as_before(ledger, store)
            one = StoreCheck(store, settings, ledger, side or KatanaSide(), clock(), findings)
            findings.ask("the store", one.run)
            if ledger is not None:
                _look_at_the_stores(ledger, settings, store, clock(), findings)
        if len(stores) > 1:
            of_config.add(order_numbers([_numbered(store, ledger) for store in stores]))
    machine.add(*clocks(_skews(katana, stores)))
    parts = [of_config, of_ledger, machine, about_katana, *of_stores]
    return [finding for part in parts for finding in part.found]


def _ledger(settings: Settings, findings: Findings) -> Ledger | None:
    opened = findings.ask("can be used", lambda: open_ledger(settings.ledger))
    if opened is None:
        return None
    ledger, found = opened
    findings.add(*found)
    return ledger


def _look_at_the_schedule(
    ledger: Ledger, settings: Settings, stores: Sequence[Store], now: datetime, machine: Findings
) -> None:
    tested = "schedule"
    machine.add(machine.ask(tested, lambda: check_schedule(ledger, settings, stores, now)))


def _look_at_what_waits(
    ledger: Ledger, now: datetime, about_katana: Findings, machine: Findings
) -> None:
    lost = about_katana.ask(WAITING, lambda: lost_answers(ledger, KATANA, now))
    about_katana.add(*(lost or ()))
    machine.add(*(machine.ask(WAITING, lambda: asked_for(ledger, MACHINE, now)) or ()))


def _look_at_the_stores(
    ledger: Ledger, settings: Settings, store: Store, now: datetime, findings: Findings
) -> None:
    waits = findings.ask(WAITING, lambda: store_waits(ledger, settings, store.settings, now))
    findings.add(*(waits or ()))


def _numbered(store: Store, ledger: Ledger | None) -> Numbered:
    """A store's newest order numbers: as the ledger has them, else as the shop says."""
    identity, prefix = store.settings.identity, store.settings.order_number_prefix
    records = ledger.orders.find(identities=[identity], limit=NEWEST) if ledger else ()
    numbers = [record.number for record in records]
    if not numbers:
        # one that does not answer has findings that say so
        with suppress(ServiceError):
            numbers = store.shop.newest_numbers()
    known = frozenset(int(number) for number in numbers if number.isdecimal())
    return Numbered(store.name, prefix, known)


NEWEST = 200
"""Orders of each store whose numbers are compared."""


def _skews(katana: KatanaClient, stores: Sequence[Store]) -> Mapping[str, timedelta]:
    """How far each clock that was heard is ahead of ours."""
    skews = {KATANA: katana.clock_skew, **{s.name: s.shop.clock_skew for s in stores}}
    return {name: skew for name, skew in skews.items() if skew is not None}


def exit_code(findings: Sequence[Finding], stores: Sequence[str]) -> ExitCode:
    """2 before 1 before 75; warnings never count."""
    codes = {
        Cause.CONFIG: ExitCode.USAGE,
        Cause.PERSON: ExitCode.PROBLEMS,
        Cause.LATER: ExitCode.TRY_LATER,
    }
    found = causes(findings, stores)
    return next((code for cause, code in codes.items() if cause in found), ExitCode.DONE)
