"""Leaving out steps of a history as long as it breaks the same promise."""

from __future__ import annotations

from tests.simulation.history import History, Told, run

MOST_TRIES = 200


def shrunk(history: History, promise: str) -> tuple[list[int], Told]:
    """The numbers of the steps that are enough, and what becomes of them alone."""
    numbers = list(range(len(history.steps)))
    least, tries = _of(history, numbers), 1
    part = max(1, len(numbers) // 2)
    while tries < MOST_TRIES:
        shorter = False
        for start in range(0, len(numbers), part):
            fewer = numbers[:start] + numbers[start + part :]
            told, tries = _of(history, fewer), tries + 1
            if told.promise == promise:
                numbers, least, shorter = fewer, told, True
                break
        if not shorter and part == 1:
            break
        if not shorter:
            part = max(1, part // 2)
    return numbers, least


def _of(history: History, numbers: list[int]) -> Told:
    return run(history, [history.steps[number] for number in numbers])
