"""A server on loopback that records what people and monitors are told."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Self

from werkzeug.wrappers import Request, Response

from katana_woo_sync.sandbox.server import SandboxServer

TOKEN = "s3cr3tT0k3n99"


class Listener(SandboxServer):
    """Takes apprise's json:// messages under /TOKEN, and pings under /ping/TOKEN."""

    def __init__(self) -> None:
        super().__init__(self._hear)
        self.on_ping: Callable[[], object] = lambda: None
        """Called when a ping is answered."""

    def _hear(self, request: Request) -> Response:
        if request.path.startswith("/ping/"):
            self.on_ping()
        return Response("ok")

    def __enter__(self) -> Self:
        super().__enter__()
        return self

    @property
    def place(self) -> str:
        """Host and port."""
        return self.url.removeprefix("http://")

    @property
    def notify_url(self) -> str:
        """An address for [notify] urls."""
        return f"json://{self.place}/{TOKEN}"

    @property
    def ping_url(self) -> str:
        """An address for [notify] ping_url."""
        return f"{self.url}/ping/{TOKEN}"

    @property
    def messages(self) -> list[tuple[str, str]]:
        """Title and body of each message that was answered with 200."""
        bodies = [
            json.loads(r.body) for r in self.requests if r.method == "POST" and r.status == 200
        ]
        return [(body["title"], body["message"]) for body in bodies]

    @property
    def pings(self) -> list[str]:
        """What follows the monitor's address in each ping: "/start", "", "/75"."""
        start = f"/ping/{TOKEN}"
        return [r.path.removeprefix(start) for r in self.requests if r.path.startswith(start)]
