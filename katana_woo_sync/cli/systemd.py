"""What systemd is told by `run`: ready, a line of status, signs of life, and that it stops.

The protocol of sd_notify(3): a datagram to the socket that $NOTIFY_SOCKET names. Without one (no
systemd, or a unit of another Type) nothing is sent.
"""

from __future__ import annotations

import logging
import os
import socket
import sys
from collections.abc import Mapping

from katana_woo_sync.clients.redact import one_line

LONGEST_STATUS = 200
log = logging.getLogger("katana_woo_sync")


class Systemd:
    """The service manager, if there is one. Raises nothing: it is told, not asked."""

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        self._address = environ.get("NOTIFY_SOCKET", "")
        self.watchdog_seconds = _watchdog_seconds(environ)
        """How long it may hear nothing until it restarts the service; None where it does not."""

    def ready(self) -> None:
        """The service has started."""
        self._send("READY=1")

    def stopping(self) -> None:
        """The service is about to end."""
        self._send("STOPPING=1\nSTATUS=Stopping after the step in hand")

    def alive(self) -> None:
        """A sign of life."""
        self._send("WATCHDOG=1")

    def status(self, text: str) -> None:
        """The line that `systemctl status` shows."""
        self._send(f"STATUS={one_line(text)[:LONGEST_STATUS]}")

    def _send(self, text: str) -> None:
        if sys.platform == "win32" or not self._address.startswith(("/", "@")):
            return
        # "@" stands for the zero byte of a name in the abstract namespace.
        address = "\0" + self._address[1:] if self._address[0] == "@" else self._address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
                sender.sendto(text.encode("utf-8", "replace"), address)
        except OSError as error:
            log.debug("systemd could not be told: %s", error)


def _watchdog_seconds(environ: Mapping[str, str]) -> float | None:
    meant_for = environ.get("WATCHDOG_PID", "")
    text = environ.get("WATCHDOG_USEC", "")
    if not text.isdecimal() or int(text) <= 0 or meant_for not in {"", str(os.getpid())}:
        return None
    return int(text) / 1_000_000
