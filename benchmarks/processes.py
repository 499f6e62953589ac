"""Running a command as a whole process, and what it cost."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

BYTECODE = Path(tempfile.gettempdir()) / f"benchmark-bytecode-{os.getuid()}"
"""Where processes keep compiled modules, as an installed program has them beside its own."""

SETTLED = 21.0
"""Seconds after which the last changes are read no more (`domain.cursors.KATANA_OVERLAP`)."""

GOOD = (0, 1)
"""Exit codes of a run that went through (1: some orders need a person)."""


@dataclass(frozen=True)
class Cost:
    """What a process took: seconds of wall and of CPU, its peak memory in MB, what it printed.

    Linux counts what the process had before it became this program, about 32 MB, as its memory:
    less than that cannot be seen.
    """

    wall: float
    cpu: float
    memory: float
    output: str

    def json(self) -> dict[str, object]:
        """What it printed, read as JSON."""
        read: dict[str, object] = json.loads(self.output)
        return read


def program(config: Path, *arguments: str, good: Iterable[int] = GOOD) -> Cost:
    """Run katana-woo-sync with this config. Raises `RuntimeError` where it fails."""
    return python("-m", "katana_woo_sync", "-q", "--config", str(config), *arguments, good=good)


def settle(config: Path) -> None:
    """Let the last changes be read to their end: a list is read with an overlap until then."""
    for _ in range(2):
        time.sleep(SETTLED)
        program(config, "sync", "--json", good=(0,))


def python(
    *arguments: str, good: Iterable[int] = (0,), given: Mapping[str, str] | None = None
) -> Cost:
    """Run this Python with these arguments, and these in its environment. Raises `RuntimeError`
    where it fails."""
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        begun = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, *arguments],
            stdout=output,
            stderr=errors,
            stdin=subprocess.DEVNULL,
            env={**_environment(), **(given or {})},
        )
        _pid, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - begun
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        errors.seek(0)
        if process.returncode not in tuple(good):
            said = errors.read().decode(errors="replace")[-2000:]
            raise RuntimeError(f"{arguments} ended with {process.returncode}: {said}")
        return Cost(
            wall=wall,
            cpu=usage.ru_utime + usage.ru_stime,
            memory=usage.ru_maxrss / 1024,
            output=output.read().decode(),
        )


def _environment() -> dict[str, str]:
    environment = {**os.environ, "PYTHONPYCACHEPREFIX": str(BYTECODE)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    return environment


ONE_BY_ONE = (
    "import sys; from katana_woo_sync.sync import import_slices; import_slices.MOST = 1; "
    "from katana_woo_sync.__main__ import main; main()"
)
"""The program, but that orders are imported one after the other, however slow Katana is."""


def _started(config: Path, *arguments: str, side_by_side: bool = True) -> subprocess.Popen[bytes]:
    """katana-woo-sync with this config, started and left to itself."""
    program = ("-m", "katana_woo_sync") if side_by_side else ("-c", ONE_BY_ONE)
    return subprocess.Popen(
        [sys.executable, *program, "-q", "--config", str(config), *arguments],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        stdin=subprocess.DEVNULL,
        env=_environment(),
    )


@contextmanager
def backfilling(config: Path, *, side_by_side: bool = True) -> Iterator[Callable[[], float]]:
    """A backfill in a process of its own, until the block is left (SIGTERM). What is given ends it
    and tells its peak memory in MB."""
    process = _started(config, "backfill", "--yes", side_by_side=side_by_side)

    def end() -> float:
        process.send_signal(signal.SIGTERM)
        _pid, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        return usage.ru_maxrss / 1024

    try:
        yield end
    finally:
        if process.returncode is None:
            end()


@contextmanager
def running(config: Path) -> Iterator[int]:
    """`run` in a process of its own until the block is left (SIGTERM); gives its process id."""
    process = _started(config, "run")
    try:
        yield process.pid
        if process.poll() is not None:
            raise RuntimeError(f"`run` ended with {process.returncode}")
    finally:
        process.terminate()
        process.wait()


@dataclass(frozen=True)
class Usage:
    """What a living process has taken: seconds of CPU, memory in MB, what of that is its own."""

    cpu: float
    memory: float
    own: float


def usage(pid: int) -> Usage:
    """What a living process has taken so far (Linux)."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    ticks = int(fields[11]) + int(fields[12])
    sizes = dict.fromkeys(("Rss", "Private_Clean", "Private_Dirty"), 0)
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="utf-8").splitlines():
        name, _, rest = line.partition(":")
        if name in sizes:
            sizes[name] = int(rest.split()[0])
    own = sizes["Private_Clean"] + sizes["Private_Dirty"]
    return Usage(ticks / os.sysconf("SC_CLK_TCK"), sizes["Rss"] / 1024, own / 1024)


def least(times: int, run: Callable[[], Cost]) -> Cost:
    """The run that took the least CPU of so many: what else the machine does only adds to it."""
    return min((run() for _ in range(times)), key=lambda cost: cost.cpu)
