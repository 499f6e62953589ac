"""Killing the program at a point where it touches the world, in a process of its own.

The points: each request before it is sent, after the server acted and before the answer is read,
after the answer; each commit of the ledger before and after. They are counted as they come, and
the process kills itself (SIGKILL: nothing is tidied up) at the one that it is told.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import sqlite3
import sys
import threading
from collections.abc import Callable
from typing import NamedTuple
from unittest import mock

import requests

from katana_woo_sync.clients.http import HttpClient

PART = "RELEASE part"
"""No commit: `Ledger.part` is always inside of a group of writes."""


class Told(NamedTuple):
    """What became of a child: whether it was killed, how many points it passed as far as it could
    tell, and the number of the point at which each kind of request was first sent."""

    killed: bool
    passed: int
    first_sent: dict[str, int]


class Points:
    """Counts points, and kills this process at one of them (0: never)."""

    def __init__(self, kill_at: int) -> None:
        self._kill_at = kill_at
        self._lock = threading.Lock()
        self._committing = False
        self.passed = 0
        self.first_sent: dict[str, int] = {}

    def here(self) -> None:
        """A point."""
        with self._lock:
            self.passed += 1
            if self.passed == self._kill_at:
                os.kill(os.getpid(), signal.SIGKILL)

    def statement(self, sql: str) -> None:
        """SQLite is about to run this: a commit is a point, and so is what comes after it."""
        if self._committing:
            self._committing = False
            self.here()
        if sql.strip().upper().startswith(("COMMIT", "RELEASE")) and sql != PART:
            self._committing = True
            self.here()

    def watch(self) -> None:
        """Watch this process from now on: its requests and its ledgers."""
        send, content = HttpClient._send, HttpClient._content
        connect = sqlite3.connect

        def sending(
            client: HttpClient, method: str, path: str, *arguments: object
        ) -> requests.Response:
            self.here()
            self.first_sent.setdefault(f"{method} {path}", self.passed)
            response = send(client, method, path, *arguments)  # type: ignore[arg-type]
            self.here()
            return response

        def reading(client: HttpClient, *arguments: object, **named: object) -> bytes:
            whole = content(client, *arguments, **named)  # type: ignore[arg-type]
            self.here()
            return whole

        def opening(*arguments: object, **named: object) -> sqlite3.Connection:
            opened: sqlite3.Connection = connect(*arguments, **named)  # type: ignore[call-overload]
            opened.set_trace_callback(self.statement)
            return opened

        mock.patch.object(HttpClient, "_send", sending).start()
        mock.patch.object(HttpClient, "_content", reading).start()
        mock.patch.object(sqlite3, "connect", opening).start()


def in_a_child(work: Callable[[], object], kill_at: int) -> Told:
    """Do this in a process of its own that is killed at a point (0: at none)."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        _as_child(work, kill_at, writer)
    os.close(writer)
    with os.fdopen(reader) as told:
        passed = told.read()
    _pid, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return Told(True, kill_at, {})
    if os.WEXITSTATUS(status):
        raise RuntimeError(f"the child failed: {passed}")
    return Told(False, **json.loads(passed))


def _as_child(work: Callable[[], object], kill_at: int, writer: int) -> None:
    points = Points(kill_at)
    try:
        points.watch()
        work()
        told = {"passed": points.passed, "first_sent": points.first_sent}
        os.write(writer, json.dumps(told).encode())
        os._exit(0)
    except BaseException as error:  # noqa: BLE001 (the parent raises it)
        os.write(writer, f"{type(error).__name__}: {error}".encode()[:4000])
        os._exit(1)


def quiet() -> None:
    """Keep the program's log to itself: hundreds of planned failures are no news."""
    logging.getLogger("katana_woo_sync").setLevel(logging.CRITICAL)


def say(text: str) -> None:
    """A line for a person."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
