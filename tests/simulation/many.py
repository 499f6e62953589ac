"""Many histories, in several processes; and how a command begins in which they mean the same."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from tests.simulation.history import Told, drawn, run

CHUNK = 20


def tried(seeds: Sequence[int], length: int) -> list[Told]:
    """Try these; the traces are left out, since a seed tells them again."""
    return [run(drawn(seed, length), with_trace=False) for seed in seeds]


def all_tried(seeds: Sequence[int], length: int, jobs: int) -> Iterator[Told]:
    """Try these, in so many processes."""
    chunks = [seeds[i : i + CHUNK] for i in range(0, len(seeds), CHUNK)]
    if jobs == 1:
        for chunk in chunks:
            yield from tried(chunk, length)
        return
    with ProcessPoolExecutor(jobs, get_context("spawn")) as pool:
        for found in pool.map(tried, chunks, [length] * len(chunks)):
            yield from found


def begin_again(module: str) -> None:
    """Start the command anew where sets would be gone through in an order of its own: that is a
    part of a history."""
    if os.environ.get("PYTHONHASHSEED") != "0":
        os.execve(
            sys.executable,
            [sys.executable, "-m", module, *sys.argv[1:]],
            {**os.environ, "PYTHONHASHSEED": "0"},
        )
