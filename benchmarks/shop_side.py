"""What a cycle costs WooCommerce's side: requests, and bytes of the answers' bodies.

    python -m benchmarks.shop_side [--quick]

The least: one list that is empty or holds what is new. Answers are as long as the store makes them,
not compressed; `_fields` leaves out what is not used.
"""

from __future__ import annotations

from werkzeug.wrappers import Request, Response

from benchmarks.processes import program, settle
from benchmarks.services import Services, World, services
from benchmarks.shop import furnish, mix_of, place
from benchmarks.stock_runs import CHANGED, FIRST, stock_runs
from benchmarks.table import heading, options, table


def main() -> None:
    """Measure and print."""
    orders = skus = 100 if options(__doc__).quick else 1_000
    heading("WooCommerce's side")
    rows: list[tuple[object, ...]] = []
    with services() as served:
        served.ask(furnish, mix_of(orders))
        served.ask(weigh)
        config = served.config()
        program(config, "backfill", "--yes", "--json", good=(0,))
        rows.append((f"backfill of {orders:,} orders", *served.ask(weighed)))
        settle(config)
        served.ask(weighed)
        for new in (0, 1, 10):
            served.ask(place, new)
            program(config, "sync", "--json", good=(0,))
            rows.append((f"a cycle with {new} new orders", *served.ask(weighed)))
    with services() as served:
        rows += stock(served, skus)
    table(("work", "requests", "bytes", "bytes of the largest"), rows)


def stock(served: Services, skus: int) -> list[tuple[object, ...]]:
    """A store's first comparison of stock, an idle stock run, and one that sets everything."""
    named = {FIRST: f"the first comparison of {skus:,} SKUs", CHANGED: f"{skus:,} changed SKUs"}
    served.ask(weigh)
    runs = stock_runs(served, skus, weighed)
    return [(named.get(run, run), *served.ask(weighed)) for run in runs]


SIZES: list[int] = []
"""Bytes of the answers since they were last asked for; in the services' process."""


def weigh(world: World) -> None:
    """From now on note how long the answers of the stores are."""
    for shop in world.shops:
        handle = shop.server._handle

        def weighing(request: Request) -> Response:
            answer = handle(request)  # noqa: B023 (one store)
            SIZES.append(len(answer.get_data()))
            return answer

        shop.server._handle = weighing


def weighed(_world: World) -> tuple[int, int, int]:
    """How many answers there were since this was last asked, their bytes, and the longest's."""
    found = (len(SIZES), sum(SIZES), max(SIZES, default=0))
    SIZES.clear()
    return found


if __name__ == "__main__":
    main()
