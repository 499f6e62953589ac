"""Orders a second without Katana's limit, on loopback and with latency, and CPU for each order.

    python -m benchmarks.throughput [--quick]

Beside the program a plain script with `katana-openapi-client` and `woocommerce` does the least of
the same job, one request after the other (`benchmarks.plain_script`). `one by one`: the latency of
the requests that the program sent, if each waited for the one before. CPU is each one's own, less
that of a run with one order. The program's own ceiling is 6,000 requests a minute.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.processes import Cost, program, python
from benchmarks.services import Services, Setup, addresses, services
from benchmarks.shop import Mix, count, furnish
from benchmarks.table import heading, options, table

How = Callable[[Services], Cost]

REPEATS = 4
"""Runs alternate, and the one that took least CPU counts: what else the machine does only adds."""


@dataclass(frozen=True)
class Run:
    """An import: what it cost, and how many requests it sent."""

    cost: Cost
    requests: int


def main() -> None:
    """Measure and print."""
    quick = options(__doc__).quick
    heading("Throughput")
    orders = 200 if quick else 1_000
    alone = both(1, 0.0, REPEATS)
    rows: list[tuple[object, ...]] = []
    for latency in (0.0, 0.05) if quick else (0.0, 0.05, 0.3):
        number = orders if latency < 0.1 else orders // 5
        # what latency costs does not vary with what else the machine does
        for name, run in both(number, latency, 1 if latency else REPEATS).items():
            cpu = (run.cost.cpu - alone[name].cost.cpu) / (number - 1) * 1000
            one_by_one, wall = run.requests * latency, run.cost.wall
            rows.append((name, round(latency * 1000), number, wall, one_by_one, number / wall, cpu))
    table(
        ("who", "latency ms", "orders", "wall s", "one by one s", "orders a second", "CPU ms each"),
        rows,
    )


def both(orders: int, latency: float, times: int) -> dict[str, Run]:
    """Imports by the program and by the script in turn; of each the one that took least CPU."""
    who: dict[str, How] = {"this program": backfill, "a plain script": plain_script}
    runs = [
        {name: measure(how, orders, latency) for name, how in who.items()} for _ in range(times)
    ]
    return {name: min((run[name] for run in runs), key=lambda run: run.cost.cpu) for name in who}


def measure(how: How, orders: int, latency: float) -> Run:
    """An import of so many orders of two customers, half of them with shipping."""
    with services(Setup(latency=latency)) as served:
        served.ask(furnish, Mix(orders, customers=2, products=10, known=10))
        served.ask(count)
        cost = how(served)
        katana, store = served.ask(count)
    if katana.get("POST /sales_orders") != orders:
        raise RuntimeError(f"of {orders} orders, Katana was sent {katana}")
    return Run(cost, sum(katana.values()) + sum(store.values()))


def backfill(served: Services) -> Cost:
    """The program's own first import."""
    return program(served.config(per_minute=6_000), "backfill", "--yes")


def plain_script(served: Services) -> Cost:
    """The same by the plain script."""
    katana, key, ((_name, url, consumer_key, secret),) = served.ask(addresses)
    given = {
        "KATANA_URL": katana,
        "KATANA_KEY": key,
        "STORE_URL": url,
        "STORE_KEY": consumer_key,
        "STORE_SECRET": secret,
    }
    return python("-m", "benchmarks.plain_script", given=given)


if __name__ == "__main__":
    main()
