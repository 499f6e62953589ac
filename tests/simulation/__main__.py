"""Tries histories, or replays one.

python -m tests.simulation --seeds 1..2000
python -m tests.simulation --seed 17 --steps 3,8,9      # what a failure prints
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import Counter

from tests.simulation.history import LENGTH, Told, drawn, run
from tests.simulation.many import all_tried, begin_again
from tests.simulation.shrinking import shrunk

A_LINE_EACH = 1000


def say(words: str) -> None:
    """Print a line at once."""
    print(words, flush=True)  # noqa: T201


def main() -> int:
    """Try histories; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation")
    parser.add_argument("--seeds", default="1..200", help="1..200: so many histories")
    parser.add_argument("--seed", type=int, help="one history, with its trace")
    parser.add_argument("--steps", help="only these of its steps: 3,8,9")
    parser.add_argument("--length", type=int, default=LENGTH)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--whole", action="store_true", help="show no shorter history")
    options = parser.parse_args()
    if options.seed is not None:
        return _replay(options.seed, options.length, options.steps)
    first, _dots, last = options.seeds.partition("..")
    seeds = range(int(first), int(last or first) + 1)
    begun, occurred = time.monotonic(), Counter[str]()
    broken: list[Told] = []
    for count, told in enumerate(all_tried(seeds, options.length, options.jobs), 1):
        occurred.update(told.occurred)
        if count % A_LINE_EACH == 0:
            speed = count / (time.monotonic() - begun)
            say(f"{count} tried, {len(broken)} broken, {speed:.1f} a second")
        if told.broken:
            broken.append(told)
            say(f"seed {told.seed}: {told.broken[:600]}")
    took = time.monotonic() - begun
    for told in broken[:1] if not options.whole else []:
        _show(told, options.length)
    say(", ".join(f"{kind} {count}" for kind, count in sorted(occurred.items())))
    say(f"{len(seeds)} histories, {len(broken)} broken, {len(seeds) / took:.1f} a second")
    return 1 if broken else 0


def _replay(seed: int, length: int, chosen: str | None) -> int:
    history = drawn(seed, length)
    numbers = (
        range(len(history.steps)) if chosen is None else map(int, filter(None, chosen.split(",")))
    )
    told = run(history, [history.steps[number] for number in numbers])
    for line in told.trace:
        say(line)
    say(told.broken or "every promise held")
    return 1 if told.broken else 0


def _show(told: Told, length: int) -> None:
    """The shortest history that breaks the same promise, and how it is replayed."""
    history = drawn(told.seed, length)
    numbers, least = shrunk(history, told.promise)
    for line in least.trace:
        say(f"    {line}")
    say(f"    {least.broken}")
    more = "" if length == LENGTH else f" --length {length}"
    steps = ",".join(map(str, numbers))
    say(f"again: python -m tests.simulation --seed {told.seed} --steps '{steps}'{more}")


if __name__ == "__main__":
    begin_again("tests.simulation")
    sys.exit(main())
