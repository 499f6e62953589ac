"""How many accounts a machine carries: as timers, each cycle a process, and as `run` processes.

    python -m benchmarks.accounts [--quick]

Each account has services, config and ledger of its own; as many timers' cycles run at once as the
machine has cores. The least: what the same cycles would take with the cores doing nothing else. A
`run` process has a cycle every thirty seconds here; its start is not in what it costs.
"""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

from benchmarks.processes import Cost, program, running, usage
from benchmarks.services import services
from benchmarks.shop import furnish, mix_of
from benchmarks.table import heading, options, table

INTERVAL = 300.0
"""Seconds between an account's cycles: the default of `[schedule] orders`."""

OFTEN = "30s"
"""The shortest interval that the config takes."""


def main() -> None:
    """Measure and print."""
    quick = options(__doc__).quick
    accounts, rounds, minutes = (4, 2, 1) if quick else (8, 10, 5)
    with ExitStack() as stack:
        configs = [_account(stack) for _ in range(accounts)]
        as_timers(configs, rounds)
        as_processes(configs, minutes)


def as_timers(configs: list[Path], rounds: int) -> None:
    """Cycles as timers start them."""
    heading("Accounts as timers")
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


def as_processes(configs: list[Path], minutes: int) -> None:
    """The same accounts as `run` processes, idle for so many minutes."""
    heading("Accounts as `run` processes")
    cores = os.cpu_count() or 1
    with ExitStack() as stack:
        processes = [stack.enter_context(running(config)) for config in configs]
        time.sleep(10)  # their start is over
        before = [usage(process) for process in processes]
        time.sleep(60 * minutes)
        after = [usage(process) for process in processes]
    cycles = 2 * minutes * len(configs)
    cpu = sum(b.cpu - a.cpu for a, b in zip(before, after, strict=True)) / cycles
    table(
        ("processes", "cycles", "CPU of one (s)", "memory (MB)", "of its own (MB)", "most by CPU"),
        [
            (
                len(configs),
                cycles,
                cpu,
                max(each.memory for each in after),
                max(each.own for each in after),
                int(INTERVAL * cores / cpu) if cpu else 0,
            )
        ],
    )


def _account(stack: ExitStack) -> Path:
    served = stack.enter_context(services())
    served.ask(furnish, mix_of(10))
    config = served.config(every=OFTEN)
    program(config, "backfill", "--yes", "--json", good=(0,))
    program(config, "sync", "--json", good=(0,))
    return config


def _cycle(config: Path) -> Cost:
    return program(config, "sync", "--json", good=(0,))


if __name__ == "__main__":
    main()
