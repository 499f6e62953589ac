"""`run` under systemd: ready, status, signs of life; over the real socket."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from katana_woo_sync.cli.run import STUCK, Pulse
from katana_woo_sync.cli.systemd import Systemd
from tests.cli.support import wait_until
from tests.forked import forked
from tests.sync.world import World

HALF_A_SECOND = "500000"


class Manager:
    """The socket that systemd listens on."""

    def __init__(self, address: str | bytes) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(address)
        self._socket.setblocking(False)
        self.heard: list[str] = []

    def has_heard(self, start: str) -> bool:
        """Whether a line that begins so has arrived by now."""
        while True:
            try:
                self.heard += self._socket.recv(4096).decode().split("\n")
            except BlockingIOError:
                return any(line.startswith(start) for line in self.heard)

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    listening = Manager(str(tmp_path / "notify"))
    yield listening
    listening.close()


def test_run_says_that_it_is_ready_alive_and_stopping(
    world: World, manager: Manager, tmp_path: Path
) -> None:
    process = subprocess.Popen(
        ["katana-woo-sync"],
        preexec_fn=forked(  # noqa: PLW1509
            ["--config", str(world.config), "run"],
            {
                **os.environ,
                "NOTIFY_SOCKET": str(tmp_path / "notify"),
                "WATCHDOG_USEC": HALF_A_SECOND,
            },
        ),
        stderr=subprocess.DEVNULL,
    )
    for line in ("READY=1", "WATCHDOG=1", "STATUS=Last cycle 20"):
        wait_until(lambda line=line: manager.has_heard(line))  # type: ignore[misc]
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=30) == 0
    assert manager.has_heard("STOPPING=1")
    assert any(line.endswith(": all well") for line in manager.heard)


def test_a_configuration_that_is_wrong_is_never_ready(
    world: World, manager: Manager, tmp_path: Path
) -> None:
    world.config.write_text("nonsense = 1", encoding="utf-8")
    done = subprocess.run(
        ["katana-woo-sync"],
        preexec_fn=forked(
            ["--config", str(world.config), "run"],
            {**os.environ, "NOTIFY_SOCKET": str(tmp_path / "notify")},
        ),
        stderr=subprocess.DEVNULL,
        check=False,
    )
    assert done.returncode == 2
    assert not manager.has_heard("READY")


def test_an_abstract_socket_is_reached() -> None:
    name = f"katana-woo-sync-test-{os.getpid()}"
    manager = Manager(b"\0" + name.encode())
    Systemd({"NOTIFY_SOCKET": f"@{name}"}).status("one\nline")
    assert manager.has_heard("STATUS=one\\nline")
    manager.close()


@pytest.mark.parametrize("address", ["", "nonsense", "/nowhere/notify", "@nobody-listens"])
def test_without_systemd_nothing_happens(address: str) -> None:
    systemd = Systemd({"NOTIFY_SOCKET": address})
    systemd.ready()
    systemd.alive()


@pytest.mark.parametrize(
    ("usec", "pid", "seconds"),
    [("300000000", "", 300.0), ("300000000", "1", None), ("", "", None), ("x", "", None)],
)
def test_the_watchdog_is_for_this_process_alone(usec: str, pid: str, seconds: float | None) -> None:
    assert Systemd({"WATCHDOG_USEC": usec, "WATCHDOG_PID": pid}).watchdog_seconds == seconds


class Time:
    """Seconds, and requests, that a test counts up."""

    def __init__(self) -> None:
        self.seconds, self.sent = 0.0, 0

    def made(self) -> Pulse:
        return Pulse(lambda: self.sent, timedelta(minutes=5), lambda: self.seconds)


def test_a_cycle_that_sends_nothing_for_long_is_stuck() -> None:
    time = Time()
    pulse = time.made()
    with pulse.cycle():
        time.seconds += STUCK.total_seconds() - 1
        assert pulse.beats()
        time.seconds += 2
        assert not pulse.beats()


def test_a_cycle_of_hours_that_gets_on_is_alive() -> None:
    time = Time()
    pulse = time.made()
    with pulse.cycle():
        for _ in range(100):
            time.seconds += 600
            time.sent += 1
            assert pulse.beats()


def test_cycles_that_no_longer_begin_are_noticed() -> None:
    time = Time()
    pulse = time.made()
    time.seconds += STUCK.total_seconds() + 60
    assert pulse.beats()
    time.seconds += 15 * 60
    assert not pulse.beats()
