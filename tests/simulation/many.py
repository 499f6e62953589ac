"""Many histories, in several processes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from tests.simulation.history import Told, drawn, run

CHUNK = 20


def tried(seeds: Sequence[int], length: int) -> list[Told]:
    """Try these; the traces are left out, since a seed tells them again."""
    found = []
    for seed in seeds:
        told = run(drawn(seed, length))
        found.append(Told(told.seed, told.broken, (), told.occurred))
    return found


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
