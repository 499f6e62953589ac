"""What a ledger's size costs: cycles and commands beside ledgers of more and more orders.

    python -m benchmarks.growth [--quick]

A real order is imported and fulfilled; the ledger is then filled with copies of it, history
included, that differ in what has to differ. The services hold only the real ones, so that what is
measured is the program's own. Cycles and commands are whole processes. The least: what the same
costs beside a ledger of one order.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from benchmarks.processes import Cost, least, program
from benchmarks.services import Services, World, services
from benchmarks.shop import Mix, complete_in_shop, furnish, place
from benchmarks.table import heading, options, table

REAL = 1
"""Orders that the services hold as well."""

FIRST_COPY = 10_000_000
"""Ids of copies begin here: no real order reaches it."""

REPEATS = 3


@dataclass(frozen=True)
class Measured:
    """What one kind of work cost beside a ledger of so many orders."""

    work: str
    orders: int
    cost: Cost


def main() -> None:
    """Measure and print."""
    quick = options(__doc__).quick
    heading("Growth")
    sizes = (0, 10_000) if quick else (0, 10_000, 100_000, 1_000_000)
    measured: list[Measured] = []
    for size in sizes:
        with services() as served:
            measured += beside(served, size)
    base = {each.work: each.cost for each in measured if each.orders == 0}
    table(
        ("work", "orders in the ledger", "wall (s)", "CPU (s)", "memory (MB)", "CPU, ratio"),
        [
            (m.work, m.orders + REAL, *figures(m.cost, base[m.work]))
            for m in sorted(measured, key=lambda m: (list(base).index(m.work), m.orders))
        ],
    )


def figures(cost: Cost, bare: Cost) -> tuple[object, ...]:
    """A row's figures, and the ratio to the same work beside the smallest ledger."""
    return (cost.wall, cost.cpu, cost.memory, f"{cost.cpu / bare.cpu:.2f}")


def beside(served: Services, size: int) -> list[Measured]:
    """All kinds of work beside a ledger of so many copies."""
    served.ask(furnish, Mix(REAL, customers=1, products=1, known=1))
    config = served.config()
    program(config, "backfill", "--yes", "--json", good=(0,))
    served.ask(complete_in_shop, [served.ask(only_order)])
    program(config, "sync", "--json", good=(0,))
    program(config, "sync", "--json", good=(0,))
    fill(served.ledger, size)
    page = str(served.directory / "page.html")

    def one_order() -> Cost:
        served.ask(place, 1)
        return program(config, "sync", "--json", good=(0,))

    def sweep() -> Cost:
        with closing(sqlite3.connect(served.ledger)) as ledger, ledger:
            ledger.execute("UPDATE stores SET swept_at = '2000-01-01T00:00:00.000000Z'")
        return program(config, "sync", "--json", good=(0,))

    kinds = {
        "an idle cycle": lambda: program(config, "sync", "--json", good=(0,)),
        "a cycle with one order": one_order,
        "a cycle with the sweep": sweep,
        "`status`": lambda: program(config, "status"),
        "`orders`": lambda: program(config, "orders"),
        "`report`": lambda: program(config, "report", "--output", page),
    }
    return [Measured(work, size, least(REPEATS, run)) for work, run in kinds.items()]


def only_order(world: World) -> int:
    """The id of the first store's order."""
    return world.shops[0].orders()[0]


def fill(path: Path, size: int) -> None:
    """Add so many copies of the ledger's order, with its history, a minute apart into the past."""
    with closing(sqlite3.connect(path)) as ledger, ledger:
        ledger.execute("PRAGMA synchronous = OFF")
        columns = [row[1] for row in ledger.execute("PRAGMA table_info(orders)")]
        values = ", ".join(COPIED.get(name, f"o.{name}") for name in columns)
        ledger.execute(
            f"{NUMBERS} INSERT INTO orders ({', '.join(columns)}) "  # noqa: S608 (our own names)
            f"SELECT {values} FROM numbers, (SELECT * FROM orders LIMIT 1) AS o",
            {"size": size, "first": FIRST_COPY},
        )
        ledger.execute(HISTORY, {"size": size, "first": FIRST_COPY})
    with closing(sqlite3.connect(path)) as ledger:
        ledger.execute("PRAGMA wal_checkpoint(TRUNCATE)")


NUMBERS = (
    "WITH RECURSIVE numbers(n) AS "
    "(SELECT 1 WHERE :size > 0 UNION ALL SELECT n + 1 FROM numbers WHERE n < :size)"
)


def _earlier(column: str) -> str:
    return (
        f"CASE WHEN {column} IS NULL THEN NULL ELSE "
        f"strftime('%Y-%m-%dT%H:%M:%S.000000Z', {column}, '-' || n || ' minutes') END"
    )


COPIED = {
    "order_id": ":first + n",
    "number": "CAST(:first + n AS TEXT)",
    "order_key": "o.order_key || n",
    "sales_order_id": ":first + n",
    "sales_order_no": "CAST(:first + n AS TEXT)",
    **{name: _earlier(f"o.{name}") for name in ("created", "imported_at", "paid")},
    **{name: _earlier(f"o.{name}") for name in ("shop_modified", "shop_completed")},
    **{name: _earlier(f"o.{name}") for name in ("delivered_at", "first_seen_at")},
}
"""What differs between the copies."""

HISTORY = (
    f"{NUMBERS} INSERT INTO history (at, identity, order_id, side, action, detail) "  # noqa: S608
    f"SELECT {_earlier('h.at')}, h.identity, :first + n, h.side, h.action, h.detail FROM numbers, "
    "(SELECT * FROM history WHERE order_id IS NOT NULL) AS h"
)


if __name__ == "__main__":
    main()
