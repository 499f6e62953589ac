"""Backlogs of open orders: memory, and how long it takes until the first is in Katana.

    python -m benchmarks.backlog [--quick]

A backfill is stopped (SIGTERM) once 300 orders are in Katana. Neither the time until then nor the
memory may grow with the backlog: the list of open orders is read while the first are imported.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from benchmarks.processes import backfilling
from benchmarks.services import Services, World, services
from benchmarks.shop import Mix, furnish
from benchmarks.table import heading, options, table

ENOUGH = 300
"""Orders in Katana after which the backfill is stopped."""


@dataclass(frozen=True)
class Backlog:
    """What a backlog cost until so many orders were in Katana: seconds and MB."""

    orders: int
    first: float
    enough: float
    memory: float


def main() -> None:
    """Measure and print."""
    quick = options(__doc__).quick
    heading("Backlogs")
    rows = [measure(orders) for orders in ((1_000,) if quick else (1_000, 10_000, 100_000))]
    table(
        ("open orders", "first in Katana after s", f"{ENOUGH} after s", "peak memory MB"),
        [(row.orders, row.first, row.enough, row.memory) for row in rows],
    )


def measure(orders: int) -> Backlog:
    """A backfill of so many open orders, until enough are in Katana."""
    with services() as served:
        served.ask(furnish, Mix(orders, customers=50, products=50, known=50))
        config = served.config(per_minute=6_000)
        begun = time.perf_counter()
        with backfilling(config) as end:
            first = _wait_for(served, 1, begun)
            enough = _wait_for(served, ENOUGH, begun)
            memory = end()
    return Backlog(orders, first, enough, memory)


def _wait_for(served: Services, count: int, begun: float) -> float:
    while served.ask(imported) < count:
        time.sleep(0.05)
    return time.perf_counter() - begun


def imported(world: World) -> int:
    """How many sales orders Katana has."""
    return len(world.katana.sales_orders())


if __name__ == "__main__":
    main()
