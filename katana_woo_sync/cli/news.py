"""What a quiet run prints, for cron's mail: a problem of a store, of Katana or of an order when it
begins, when its reason changes, when it ends, and once a day as long as it lasts."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

import msgspec
from msgspec import Struct

from katana_woo_sync.clients.katana_http import KATANA
from katana_woo_sync.domain.fields import convert
from katana_woo_sync.ledger import Ledger
from katana_woo_sync.sync.report import Problem, Report, in_one_line

SHOWN = "shown"
"""Where the ledger keeps what was printed."""

A_DAY = timedelta(days=1)


class Shown(Struct, frozen=True):
    """A problem as it was printed last: who has it, the reason or the error, and when (UTC)."""

    who: str
    what: str
    at: datetime


class News(Struct, frozen=True):
    """What is to be printed: stores and Katana by name with their error, orders that have a
    problem, and who has none any more (of those that were printed before)."""

    errors: dict[str, str]
    problems: list[Problem]
    ended: list[str]


def news(
    report: Report, shown: Mapping[str, Shown], now: datetime
) -> tuple[News, dict[str, Shown]]:
    """What of a report is news at `now` (UTC), and what will have been shown then.

    What a report says nothing of (the orders of a store that was not worked) stays as it was.
    """
    after = {key: each for key, each in shown.items() if not _is_looked_at(key, report)}
    said = News({}, [], [])
    for name, error in _errors(report):
        key = f"{name}/"
        after[key] = Shown(name, error, now)
        if _is_news(shown.get(key), error, now):
            said.errors[name] = error
        else:
            after[key] = shown[key]
    for problem in report.problems:
        key = f"{problem.store}/{problem.order_id}"
        who = f"{problem.store}: order {problem.order_number}"
        after[key] = Shown(who, problem.reason, now)
        if _is_news(shown.get(key), problem.reason, now):
            said.problems.append(problem)
        else:
            after[key] = shown[key]
    said.ended.extend(each.who for key, each in shown.items() if key not in after)
    return said, after


def _errors(report: Report) -> Iterator[tuple[str, str]]:
    if report.katana_error:
        yield KATANA, report.katana_error
    elif unread := in_one_line(report.katana_unread):
        yield KATANA, unread
    for name, store in report.stores.items():
        if store.error:
            yield name, store.error
        elif unread := in_one_line(store.unread):
            yield name, unread


def _is_news(before: Shown | None, what: str, now: datetime) -> bool:
    return before is None or before.what != what or not timedelta(0) <= now - before.at < A_DAY


def _is_looked_at(key: str, report: Report) -> bool:
    """Whether the report could tell that a trouble goes on: of an order where its store was among
    those worked, of a store where Katana did not stand in the way."""
    name, _, order_id = key.partition("/")
    if name == KATANA and not order_id:
        return True
    return name in report.stores and (bool(order_id) or not report.katana_error)


def take_news(ledger: Ledger, report: Report, now: datetime) -> News:
    """What of a report is news, which counts as shown from now on."""
    with ledger.atomic():
        kept = ledger.stores.meta(SHOWN)
        shown = convert(json.loads(kept), dict[str, Shown]) if kept else {}
        said, after = news(report, shown, now)
        if after != shown:
            ledger.stores.set_meta(SHOWN, msgspec.json.encode(after).decode())
    return said
