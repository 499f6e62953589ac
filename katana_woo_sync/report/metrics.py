"""Figures for Prometheus, as a text file that its node exporter reads.

Ages are given as the times that they count from: the file stays as it is where the program no
longer runs, and it is just then that an age must grow.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from msgspec import Struct
from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

_Family = GaugeMetricFamily | CounterMetricFamily

PREFIX = "katana_woo_sync_"
MARK = f"# HELP {PREFIX}"
"""How the file begins."""


class StoreFigures(Struct, frozen=True):
    """A store; times UTC. `works` tells whether it could be worked last."""

    name: str
    orders: Mapping[str, int]
    oldest_waiting: datetime | None
    last_good_cycle: datetime | None
    stock_updated: datetime | None
    works: bool
    requests: int
    pushes: int


class Figures(Struct, frozen=True):
    """What is to be told; times UTC. Requests, and quantities that were set in shops, are counted
    since metrics are written."""

    version: str
    cycle_ended: datetime
    cycle_seconds: float
    exit_code: int
    katana_works: bool
    quota: int
    quota_used: int
    requests: int
    stores: tuple[StoreFigures, ...]


class _Families(Collector):
    """The metrics of one file, by name."""

    def __init__(self, account: str) -> None:
        self._account = account
        self._found = dict[str, _Family]()

    def gauge(self, name: str, words: str, value: float, **labels: str) -> None:
        self._add(GaugeMetricFamily, name, words, value, labels)

    def counter(self, name: str, words: str, value: float, **labels: str) -> None:
        # the ledger counts, not this process: there is no time at which the counter was created
        self._add(CounterMetricFamily, name, words, value, labels)

    def _add(
        self,
        kind: type[_Family],
        name: str,
        words: str,
        value: float,
        labels: Mapping[str, str],
    ) -> None:
        if name not in self._found:
            self._found[name] = kind(PREFIX + name, words, labels=["account", *labels])
        self._found[name].add_metric([self._account, *labels.values()], value)

    def collect(self) -> Iterable[Metric]:
        return self._found.values()


def text_of(figures: Figures, account: str) -> str:
    """The figures in Prometheus' own format, with a label that tells them from another account's:
    an exporter refuses two files that hold the same."""
    found = _Families(account)
    found.gauge("info", "The program's version.", 1, version=figures.version)
    found.gauge("last_cycle_timestamp_seconds", LAST_CYCLE, figures.cycle_ended.timestamp())
    found.gauge("last_cycle_duration_seconds", "How long it took.", figures.cycle_seconds)
    found.gauge("last_cycle_exit_code", "How it ended: 0, 1, 2 or 75.", figures.exit_code)
    found.gauge("katana_up", "Whether Katana could be worked last.", figures.katana_works)
    found.gauge("katana_quota_per_minute", "Requests a minute that Katana allows.", figures.quota)
    found.gauge("katana_quota_used", "Requests to Katana in the last minute.", figures.quota_used)
    found.counter("katana_requests", "Requests that were sent to Katana.", figures.requests)
    for each in figures.stores:
        store = each.name
        found.gauge("store_up", "Whether it could be worked last.", each.works, store=store)
        found.counter("store_requests", "Requests to the shop.", each.requests, store=store)
        found.counter("stock_pushes", "Quantities set in the shop.", each.pushes, store=store)
        for state, count in each.orders.items():
            found.gauge("orders", "Orders in the ledger.", count, store=store, state=state)
        for name, words, at in (
            ("oldest_waiting_order", OLDEST_WAITING, each.oldest_waiting),
            ("last_good_cycle", "When the store was last worked well.", each.last_good_cycle),
            ("stock_updated", "When its stock was last as in Katana.", each.stock_updated),
        ):
            seconds = at.timestamp() if at else 0
            found.gauge(f"{name}_timestamp_seconds", words, seconds, store=store)
    registry = CollectorRegistry()
    registry.register(found)
    return generate_latest(registry).decode()


LAST_CYCLE = "When the last cycle ended, or was at work last."
OLDEST_WAITING = "When the oldest order that waits for its import was placed; 0 where none waits."
