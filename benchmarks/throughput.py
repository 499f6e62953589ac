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


@dataclass(frozen=True)
class Run:
    """An import: what it cost, how many requests it sent, and how many orders Katana has of it."""

    cost: Cost
    requests: int


def main() -> None:
    """Measure and print."""
    quick = options(__doc__).quick
    heading("Throughput")
    orders = 200 if quick else 1_000
    rows: list[tuple[object, ...]] = []
    for name, how in (("this program", backfill), ("a plain script", plain_script)):
        alone = measure(how, 1, 0.0)
        for latency in (0.0, 0.05) if quick else (0.0, 0.05, 0.3):
            number = orders if latency < 0.1 else orders // 5
            run = measure(how, number, latency)
            cpu = (run.cost.cpu - alone.cost.cpu) / (number - 1) * 1000
            one_by_one = run.requests * latency
            wall = run.cost.wall
            rows.append((name, round(latency * 1000), number, wall, one_by_one, number / wall, cpu))
    table(
        ("who", "latency ms", "orders", "wall s", "one by one s", "orders a second", "CPU ms each"),
        sorted(rows, key=lambda row: int(str(row[1]))),
    )


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
