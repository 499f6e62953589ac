"""Some histories of the simulation, each as its number says; `python -m tests.simulation` tries
many. Each part runs as a process of its own, as by hand, so that a number means the same."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
PARTS, IN_A_PART = 10, 20
TRACES = """
import hashlib, sys
from tests.simulation.history import drawn, run
for seed in map(int, sys.argv[1:]):
    print(seed, hashlib.sha256("\\n".join(run(drawn(seed)).trace).encode()).hexdigest())
"""


def started(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=CHECKOUT,
        env={**os.environ, "PYTHONHASHSEED": "0"},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


@pytest.mark.parametrize("part", range(PARTS))
def test_in_every_history_the_promises_hold(part: int) -> None:
    first = 1 + part * IN_A_PART
    seeds = f"{first}..{first + IN_A_PART - 1}"
    ended = started("-m", "tests.simulation", "--seeds", seeds, "--jobs", "1")
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_a_number_is_the_same_history_each_time() -> None:
    first, second = started("-c", TRACES, "3", "121"), started("-c", TRACES, "121", "3")
    assert len(first.stdout.splitlines()) == 2, first.stderr
    assert sorted(first.stdout.splitlines()) == sorted(second.stdout.splitlines())


@pytest.mark.parametrize("name", ["fee_forgotten", "cursor_before_the_record"])
def test_a_sabotaged_program_is_found_out(name: str) -> None:
    ended = started("-m", "tests.simulation.sabotages", name, "--most", "20")
    assert ended.returncode == 0, ended.stdout + ended.stderr


BROKEN = """
import sys
from unittest import mock
from katana_woo_sync.sync import fulfilment
from tests.simulation.__main__ import main
with mock.patch.object(fulfilment.Fulfilment, "_complete", lambda *_arguments: None):
    sys.exit(main())
"""


def test_what_breaks_a_promise_is_shortened_and_shown() -> None:
    ended = started("-c", BROKEN, "--seeds", "11..12", "--jobs", "1")
    assert ended.returncode == 1, ended.stderr
    lines = [line.strip() for line in ended.stdout.splitlines()]
    (again,) = [line for line in lines if line.startswith("again: ")]
    words = again.split()
    assert words[1:4] == ["python", "-m", "tests.simulation"]
    assert any("warehouse" in line and "deliver" in line for line in lines)
    steps = words[words.index("--steps") + 1].strip("'")
    assert len(steps.split(",")) < 8
    replayed = started("-c", BROKEN, "--seed", words[words.index("--seed") + 1], "--steps", steps)
    assert replayed.returncode == 1
    assert replayed.stdout.splitlines()[-1] in lines
