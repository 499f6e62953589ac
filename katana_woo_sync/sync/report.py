"""What a command did: counts per store, requests, and problems, in the shape of `--json`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import IntEnum

from msgspec import Struct, field

from katana_woo_sync.clients.errors import (
    BadRequest,
    MissingPermission,
    Moved,
    NotFound,
    NoTls,
    RefusedKey,
    ServiceError,
)
from katana_woo_sync.domain.order_record import (
    OrderRecord,
    State,
    is_tried_again,
    with_its_complaint,
)
from katana_woo_sync.domain.reasons import about
from katana_woo_sync.ledger import Ledger
from katana_woo_sync.ledger.sqlite import read_time

A_DAY = timedelta(days=1)
UNREAD = "COULD NOT BE READ"
"""How it begins that something in a store's lists, or Katana's, could not be read."""


class ExitCode(IntEnum):
    """How a command ended, for cron and systemd."""

    DONE = 0
    PROBLEMS = 1
    USAGE = 2
    TRY_LATER = 75


def code_of(error: Exception) -> ExitCode:
    """What an error that ended a part of the work makes of the exit code: only a refused key, or an
    address that is another's, is for the configuration to change."""
    if isinstance(error, (RefusedKey, MissingPermission, Moved, NoTls)):
        return ExitCode.USAGE
    if isinstance(error, (BadRequest, NotFound)):
        return ExitCode.PROBLEMS
    code = getattr(error, "exit_code", ExitCode.TRY_LATER)
    return code if isinstance(code, ExitCode) else ExitCode.TRY_LATER


def unread_lately(ledger: Ledger, place: str, now: datetime) -> dict[str, str]:
    """What a store's lists (by its identity), or Katana's, held and could not be read in the last
    day, and when that was."""
    kept: dict[str, str] = json.loads(ledger.stores.meta(f"unread:{place}") or "{}")
    return {text: at for text, at in kept.items() if now - (read_time(at) or now) <= A_DAY}


def in_one_line(unread: Iterable[str]) -> str | None:
    """What could not be read, as an error; None where nothing is."""
    said = "; ".join(unread)
    return f"{UNREAD}: {said}" if said else None


class StoreReport(Struct):
    """What happened with one store."""

    seen: int = 0
    imported: int = 0
    adopted: int = 0
    skipped: int = 0
    completed_in_store: int = 0
    delivered_in_katana: int = 0
    stock_updated: int = 0
    failed: int = 0
    attention: int = 0
    unread: list[str] = field(default_factory=list)
    """What the store's lists held and could not be read: rows that make no sense, and rows that did
    not come."""
    lacks_orders: bool = False
    """Whether orders are among what did not come."""
    error: str | None = None
    error_code: ExitCode = ExitCode.DONE
    """What the error alone would make of the exit code: TRY_LATER for an outage, USAGE for what the
    configuration must change, PROBLEMS for what a person must decide."""

    def to_json(self) -> dict[str, object]:
        """The store's part of `sync --json`."""
        return {
            "seen": self.seen,
            "imported": self.imported,
            "adopted": self.adopted,
            "skipped": self.skipped,
            "completed_in_store": self.completed_in_store,
            "delivered_in_katana": self.delivered_in_katana,
            "stock_updated": self.stock_updated,
            "failed": self.failed,
            "attention": self.attention,
            "error": self.error or in_one_line(self.unread),
        }


_NUMBER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]*")
"""An order number that a shell takes as it stands."""


def with_names(remedy: str, store: str, number: str, order_id: int) -> str:
    """A remedy whose commands name the order, so that they can be copied as they stand."""
    name = number if _NUMBER.fullmatch(number) else f"id:{order_id}"
    return remedy.replace("STORE NUMBER", f"{store} {name}")


def in_words(reason: str, detail: str) -> str:
    """A reason's sentence, with what exactly is meant."""
    sentence = about(reason).sentence
    return f"{sentence.rstrip('.')}: {detail.rstrip('.')}." if detail else sentence


class Problem(Struct, frozen=True):
    """An order that failed or needs attention. `next_attempt_at` is UTC."""

    store: str
    order_id: int
    order_number: str
    state: State
    reason: str
    detail: str
    next_attempt_at: datetime | None
    is_tried_again: bool = False
    """Whether the program tries to end it by itself; else a person must act."""

    @classmethod
    def of(cls, store: str, record: OrderRecord) -> Problem:
        """The problem that a record shows; of one that is fulfilled, that its totals differ."""
        record = with_its_complaint(record)
        return cls(
            store,
            record.order_id,
            record.number,
            record.state,
            str(record.reason),
            record.detail,
            record.next_attempt_at,
            is_tried_again(record),
        )

    @property
    def sentence(self) -> str:
        """What is so, in a sentence, with what exactly is meant."""
        return in_words(self.reason, self.detail)

    @property
    def remedy(self) -> str:
        """What to do about it; a command in it names this order."""
        return with_names(about(self.reason).remedy, self.store, self.order_number, self.order_id)

    def to_json(self) -> dict[str, object]:
        """An element of `problems`."""
        at = self.next_attempt_at
        return {
            "store": self.store,
            "order_id": self.order_id,
            "order_number": self.order_number,
            "state": str(self.state),
            "reason": self.reason,
            "detail": self.detail,
            "sentence": self.sentence,
            "remedy": self.remedy,
            "next_attempt_at": None if at is None else at.isoformat(),
        }


class Report(Struct):
    """What a command did."""

    started_at: datetime
    dry_run: bool = False
    finished_at: datetime | None = None
    stores: dict[str, StoreReport] = field(default_factory=dict)
    katana_requests: int = 0
    store_requests: dict[str, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    katana_unread: list[str] = field(default_factory=list)
    """What Katana's lists held and could not be read."""
    katana_error: str | None = None
    katana_error_code: ExitCode = ExitCode.DONE
    """What Katana's error alone makes of the exit code."""

    def store(self, name: str) -> StoreReport:
        """The part of one store."""
        return self.stores.setdefault(name, StoreReport())

    @property
    def exit_code(self) -> ExitCode:
        """2 before 1 before 75, as users script against it. Notes never count."""
        unread = self.katana_unread or any(store.unread for store in self.stores.values())
        codes = {ExitCode.PROBLEMS} if self.problems or unread else set()
        if self.katana_error:
            codes.add(self.katana_error_code)
        failed = [store.error_code for store in self.stores.values() if store.error]
        if failed and len(failed) == len(self.stores):
            codes.update(failed)
        elif failed:
            codes.add(ExitCode.PROBLEMS)
        for code in (ExitCode.USAGE, ExitCode.PROBLEMS, ExitCode.TRY_LATER):
            if code in codes:
                return code
        return ExitCode.DONE

    def store_failed(self, name: str, error: Exception) -> str:
        """Record that a store could not be worked, and why; returns that in words."""
        part = self.store(name)
        part.error = str(error).removeprefix(f"{name}: ")
        if not isinstance(error, ServiceError) and not hasattr(error, "exit_code"):
            part.error = f"unexpected: {type(error).__name__}: {part.error}"
        part.error_code = code_of(error)
        return part.error

    def katana_failed(self, error: ServiceError) -> None:
        """Record that Katana could not be worked, and why."""
        self.katana_error = str(error)
        self.katana_error_code = code_of(error)

    def to_json(self) -> dict[str, object]:
        """The object that `sync --json` and `backfill --json` print."""
        return {
            "started_at": self.started_at.isoformat(),
            "finished_at": None if self.finished_at is None else self.finished_at.isoformat(),
            "dry_run": self.dry_run,
            "stores": {name: store.to_json() for name, store in self.stores.items()},
            "requests": {"katana": self.katana_requests, "stores": self.store_requests},
            "problems": [problem.to_json() for problem in self.problems],
            "error": self.katana_error or in_one_line(self.katana_unread),
        }
