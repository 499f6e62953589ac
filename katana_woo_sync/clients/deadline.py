"""One deadline for a whole request: sending it, the answer's head, and its body.

The libraries' time-outs are for one wait each. An answer that drips a byte a second keeps every one
of them, and would hold up the program for as long as the other side likes.
"""

from __future__ import annotations

import io
import math
import threading
import time
from functools import cache
from http.client import HTTPResponse
from typing import TYPE_CHECKING, Any

from requests.adapters import HTTPAdapter

if TYPE_CHECKING:
    import socket


class _Until(threading.local):
    """When the request of this thread must be over; sessions are not shared by threads."""

    moment = math.inf


_until = _Until()


def begin(seconds: float) -> None:
    """Whatever this thread asks for from now on must be over in so many seconds."""
    _until.moment = time.monotonic() + seconds


def left() -> float | None:
    """The seconds until the deadline; None where there is none. Raises `TimeoutError` after it."""
    if _until.moment == math.inf:
        return None
    seconds = _until.moment - time.monotonic()
    if seconds <= 0:
        raise TimeoutError("timed out")
    return seconds


class _Reader(io.RawIOBase):
    """A connection's bytes, each piece of which must come before the deadline."""

    def __init__(self, raw: io.RawIOBase, connection: socket.socket) -> None:
        self._raw = raw
        self._connection = connection

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int | None:
        seconds = left()
        if seconds is not None:
            self._connection.settimeout(seconds)
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Answer(HTTPResponse):
    """An answer, also a proxy's to CONNECT, that is read until the deadline and no longer."""

    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp = io.BufferedReader(_Reader(self.fp.detach(), sock))


class _Connection:
    """What is put before urllib3's connections, of whichever kind."""

    response_class = _Answer
    sock: socket.socket | None

    def send(self, data: Any) -> None:
        """Send some bytes before the deadline."""
        seconds = left()
        if self.sock is not None and seconds is not None:
            self.sock.settimeout(seconds)
        super().send(data)  # type: ignore[misc]


@cache
def _with_deadline(pool: Any) -> Any:
    connection = type(pool.ConnectionCls.__name__, (_Connection, pool.ConnectionCls), {})
    return type(pool.__name__, (pool,), {"ConnectionCls": connection})


class DeadlineAdapter(HTTPAdapter):
    """requests' adapter, whose connections keep the deadline; also through proxies."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Make what opens connections."""
        super().init_poolmanager(*args, **kwargs)
        _replace(self.poolmanager)

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        """What opens connections through a proxy."""
        known = proxy in self.proxy_manager
        manager = super().proxy_manager_for(proxy, **kwargs)
        if not known:
            _replace(manager)
        return manager


def _replace(manager: Any) -> None:
    pools = manager.pool_classes_by_scheme
    manager.pool_classes_by_scheme = {name: _with_deadline(kind) for name, kind in pools.items()}
