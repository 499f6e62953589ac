"""Stock runs of a store with many SKUs, for the benchmarks that look at what they cost."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from benchmarks.processes import program
from benchmarks.services import Services, World
from benchmarks.shop import count_in_katana, furnish_stock

STOCK_DUE = 61.0
"""Seconds after which stock is due again: a minute is the least that the config takes."""

FIRST, IDLE, CHANGED = "the first comparison", "an idle stock run", "changed"


def stock_runs(served: Services, skus: int, forget: Callable[[World], object]) -> Iterator[str]:
    """Do the runs, and say after each which it was. `forget` is asked before each of them, so that
    what was counted afterwards is the run's own."""
    served.ask(furnish_stock, skus)
    config = served.config(of_stores="sync_stock = true\n")
    served.ask(forget)
    program(config, "backfill", "--yes", "--json", good=(0,))
    yield FIRST
    for _ in range(2):  # the first one still reads what was just put on sale
        time.sleep(STOCK_DUE)
        served.ask(forget)
        program(config, "sync", "--json", good=(0,))
    yield IDLE
    served.ask(count_in_katana, 7)
    time.sleep(STOCK_DUE)
    program(config, "sync", "--json", good=(0,))
    yield CHANGED
