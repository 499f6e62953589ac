"""How many requests Katana and the store are sent, against the least possible.

    python -m benchmarks.requests [--quick]

Katana's least for a backfill: one create for each order, shipping fee, new customer, product and
tax rate, and the lists that must be read once before anything may be created: locations, tax rates,
customers, what Katana holds of the store, and what changed in it right before the first create; the
SKUs, as many at a time as an address of 2,000 characters holds, and those of the other variations
of what Katana lacks. The store's least: its lists of open orders and of their products, a hundred
at a time, and the variations of each product that Katana lacks.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from benchmarks.processes import program, settle
from benchmarks.services import Services, services
from benchmarks.shop import (
    Counts,
    complete_in_shop,
    count,
    deliver_in_katana,
    furnish,
    mix_of,
    place,
)
from benchmarks.stock_runs import CHANGED, IDLE, stock_runs
from benchmarks.table import heading, options, say, table

PAGE = 250
"""The longest page of Katana's lists; one of the store's is 100."""

TAX_RATES = 2
"""What the mix's lines have, and Katana lacks."""

SETTINGS = 2
"""Requests by which a store's settings are learnt."""


@dataclass(frozen=True)
class Row:
    """Requests of one kind of work: those sent, and the least."""

    work: str
    katana: int
    katana_least: int
    store: int
    store_least: int

    def cells(self) -> tuple[object, ...]:
        """The row as it is printed."""
        ratio = f"{self.katana / self.katana_least:.3f}"
        return (self.work, self.katana, self.katana_least, ratio, self.store, self.store_least)


def main() -> None:
    """Measure and print."""
    quick = options(__doc__).quick
    heading("Requests")
    rows = []
    for orders in (10, 100) if quick else (10, 100, 1_000, 10_000):
        with services() as served:
            rows.append(backfill(served, orders))
            if orders == 100:
                rows += cycles(served)
    with services() as served:
        rows.append(backfill(served, 100 if quick else 1_000, variable=True))
    with services() as served:
        rows += stock(served, 100 if quick else 1_000)
    table(("work", "Katana", "least", "ratio", "store", "least"), [row.cells() for row in rows])


def backfill(served: Services, orders: int, *, variable: bool = False) -> Row:
    """The first import of so many orders."""
    mix = mix_of(orders, variable=variable)
    served.ask(furnish, mix)
    config = served.config()
    served.ask(count)
    program(config, "backfill", "--yes", "--json", good=(0,))
    katana, store = served.ask(count)
    show(katana, store)
    created = mix.orders + mix.fees + mix.customers_met + (mix.products - mix.known) + TAX_RATES
    new = mix.products - mix.known
    lists = 5 + math.ceil(mix.products / PAGE) + (math.ceil(2 * new / PAGE) if variable else 0)
    of_store = SETTINGS + math.ceil(mix.orders / 100) + math.ceil(mix.products / 100)
    of_store += new if variable else 0
    work = f"backfill of {orders:,} orders{' of variations' if variable else ''}"
    return Row(work, total(katana), created + lists, total(store), of_store)


def cycles(served: Services) -> list[Row]:
    """Single cycles of a connected store, each after the changes before it were read to their end.

    The least: a list of each side, which tells of everything; a create for an order; a request for
    each delivery; for completions one that reads the statuses again (a mail goes out with each),
    and a request for each.
    """
    config = served.directory / "config.toml"

    def cycle(work: str, katana_least: int, store_least: int) -> Row:
        served.ask(count)
        program(config, "sync", "--json", good=(0,))
        katana, store = served.ask(count)
        show(katana, store)
        return Row(work, total(katana), katana_least, total(store), store_least)

    settle(config)
    rows = [cycle("an idle cycle", 1, 1)]
    served.ask(place, 1)
    rows.append(cycle("a cycle with one order", 2, 1))
    first, second = served.ask(place, 10), served.ask(place, 10)
    program(config, "sync", "--json", good=(0,))
    settle(config)
    served.ask(deliver_in_katana, first)
    rows.append(cycle("ten deliveries in Katana, completed in the store", 1, 1 + 1 + 10))
    settle(config)
    served.ask(complete_in_shop, second)
    rows.append(cycle("ten completions in the store, delivered in Katana", 1 + 10, 1))
    return rows


def stock(served: Services, skus: int) -> list[Row]:
    """Stock that changed in Katana since it was last compared, carried to the store.

    Katana's least: the cycle's own list, what changed in sales orders and in stock movements, and
    the numbers of what changed; the store's: a list of its orders and one of its products, then
    what it has and a write for each hundred.
    """
    pages, hundreds = math.ceil(skus / PAGE), math.ceil(skus / 100)
    least = {
        IDLE: ("a cycle with an idle stock run", 3, 2),
        CHANGED: (f"{skus:,} changed SKUs", 2 + 2 * pages, 2 + 2 * hundreds),
    }
    rows = []
    for run in stock_runs(served, skus, count):
        katana, store = served.ask(count)
        show(katana, store)
        if run in least:
            work, katana_least, store_least = least[run]
            rows.append(Row(work, total(katana), katana_least, total(store), store_least))
    return rows


def total(counts: Counts) -> int:
    """How many requests there are in all."""
    return sum(counts.values())


def show(katana: Counts, store: Counts) -> None:
    """Print what the requests were, for whoever looks for one too many."""
    for name, counts in (("Katana", katana), ("store", store)):
        listed = ", ".join(f"{number:,} {kind}" for kind, number in sorted(counts.items()))
        say(f"- {name}: {listed}")
    say("")


if __name__ == "__main__":
    main()
