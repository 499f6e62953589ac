"""How many accounts a machine carries as timers: idle cycles side by side, one process each.

    python -m benchmarks.accounts [--quick]

Each account has services, config and ledger of its own; as many run at once as the machine has
cores. The least: what the same cycles would take with the cores doing nothing else.
"""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

from benchmarks.processes import Cost, program
from benchmarks.services import services
from benchmarks.shop import furnish, mix_of
from benchmarks.table import heading, options, table

INTERVAL = 300.0
"""Seconds between an account's cycles: the default of `[schedule] orders`."""


def main() -> None:
    """Measure and print."""
    accounts, rounds = (4, 2) if options(__doc__).quick else (8, 10)
    heading("Accounts as timers")
    with ExitStack() as stack:
        configs = [_account(stack) for _ in range(accounts)]
        cores = os.cpu_count() or 1
        begun = time.perf_counter()
        with ThreadPoolExecutor(cores) as pool:
            costs = list(pool.map(_cycle, configs * rounds))
        wall = time.perf_counter() - begun
    cycles = len(costs)
    cpu = sum(cost.cpu for cost in costs) / cycles
    table(
        ("cycles", "a second", "CPU of one (s)", "memory (MB)", "accounts", "most by CPU"),
        [
            (
                cycles,
                cycles / wall,
                cpu,
                max(cost.memory for cost in costs),
                int(INTERVAL * cycles / wall),
                int(INTERVAL * cores / cpu),
            )
        ],
    )


def _account(stack: ExitStack) -> Path:
    served = stack.enter_context(services())
    served.ask(furnish, mix_of(10))
    config = served.config()
    program(config, "backfill", "--yes", "--json", good=(0,))
    program(config, "sync", "--json", good=(0,))
    return config


def _cycle(config: Path) -> Cost:
    return program(config, "sync", "--json", good=(0,))


if __name__ == "__main__":
    main()
