"""Orders a second without Katana's limit, on loopback and with latency, and CPU for each order.

    python -m benchmarks.throughput [--quick]

The least with latency: the requests that were sent, one after the other (`wall, least`). CPU is the
program's own, less that of a backfill of one order. The program's own ceiling is 6,000 requests a
minute.
"""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.processes import Cost, program
from benchmarks.services import Setup, services
from benchmarks.shop import Mix, count, furnish
from benchmarks.table import heading, options, table


@dataclass(frozen=True)
class Run:
    """A backfill: what it cost, and how many requests it sent."""

    cost: Cost
    requests: int


def main() -> None:
    """Measure and print."""
    quick = options(__doc__).quick
    heading("Throughput")
    orders = 200 if quick else 1_000
    alone = measure(1, 0.0)
    rows = []
    for latency in (0.0, 0.05) if quick else (0.0, 0.05, 0.3):
        number = orders if latency < 0.1 else orders // 5
        run = measure(number, latency)
        cpu = (run.cost.cpu - alone.cost.cpu) / (number - 1) * 1000
        least = run.requests * latency
        rows.append(
            (round(latency * 1000), number, run.cost.wall, least, number / run.cost.wall, cpu)
        )
    table(
        ("latency ms", "orders", "wall s", "wall, least s", "orders a second", "CPU ms an order"),
        rows,
    )


def measure(orders: int, latency: float) -> Run:
    """A backfill of so many orders of two customers, half of them with shipping."""
    with services(Setup(latency=latency)) as served:
        served.ask(furnish, Mix(orders, customers=2, products=10, known=10))
        config = served.config(per_minute=6_000)
        served.ask(count)
        cost = program(config, "backfill", "--yes")
        katana, store = served.ask(count)
    return Run(cost, sum(katana.values()) + sum(store.values()))


if __name__ == "__main__":
    main()
