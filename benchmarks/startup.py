"""What starting costs: `--version` and an idle `sync`, as whole processes, against bare imports.

    python -m benchmarks.startup [--quick]

`--version` is held against importing click, an idle cycle against importing the libraries that the
cycle cannot do without. Runs alternate, and the least of each counts: what else the machine does
only adds to it.
"""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.processes import Cost, program, python
from benchmarks.services import Services, services
from benchmarks.shop import furnish, mix_of
from benchmarks.table import heading, options, table

LIBRARIES = "import requests, sqlite_utils, tenacity, click"


def main() -> None:
    """Measure and print."""
    quick = options(__doc__).quick
    heading("Start-up and idle")
    with services() as served:
        costs = measure(served, 4 if quick else 20)
    version, click, idle, libraries = costs.values()
    rows = [
        row("`import click`", click, click),
        row("`--version` of this program", version, click),
        row(f"`{LIBRARIES}`", libraries, libraries),
        row("an idle `sync`", idle, libraries),
    ]
    table(("process", "wall (s)", "CPU (s)", "memory (MB)", "CPU, ratio"), rows)


def measure(served: Services, times: int) -> dict[str, Cost]:
    """The least of each kind of process."""
    served.ask(furnish, mix_of(10))
    config = served.config()
    program(config, "backfill", "--yes", "--json", good=(0,))
    program(config, "sync", "--json", good=(0,))
    kinds: dict[str, Callable[[], Cost]] = {
        "version": lambda: python("-m", "katana_woo_sync", "--version"),
        "click": lambda: python("-c", "import click"),
        "idle": lambda: program(config, "sync", "--json", good=(0,)),
        "libraries": lambda: python("-c", LIBRARIES),
    }
    runs = [{name: run() for name, run in kinds.items()} for _ in range(times)]
    return {name: min((run[name] for run in runs), key=lambda cost: cost.cpu) for name in kinds}


def row(name: str, cost: Cost, bare: Cost) -> tuple[object, ...]:
    """A row of the table."""
    return (name, cost.wall, cost.cpu, cost.memory, f"{cost.cpu / bare.cpu:.2f}")


if __name__ == "__main__":
    main()
