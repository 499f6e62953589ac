"""Requests to the sandbox's servers of this process, without sockets: the same application answers
the same request. It costs a third of the CPU.

Whatever the network itself does (delays, drops, drips, TLS, proxies) goes over real sockets.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache, lru_cache
from typing import Any, NamedTuple
from urllib.parse import unquote_to_bytes, urlsplit

import pytest
import requests
from werkzeug.http import http_date

from katana_woo_sync.clients.deadline import DeadlineAdapter
from katana_woo_sync.sandbox.server import FaultKind, SandboxServer

WITHOUT_NETWORK = {
    FaultKind.STATUS,
    FaultKind.STATUS_AFTER,
    FaultKind.HTML,
    FaultKind.EMPTY,
}


@contextmanager
def in_process() -> Iterator[None]:
    """Meanwhile the program asks the sandboxes that are started here without sockets."""
    servers: dict[str, SandboxServer] = {}
    here = os.getpid()  # not that of a process that a test forks
    start, stop, send = SandboxServer.start, SandboxServer.stop, DeadlineAdapter.send

    def started(server: SandboxServer) -> SandboxServer:
        start(server)
        servers[server.url] = server
        return server

    def stopped(server: SandboxServer) -> None:
        for place in [place for place, known in servers.items() if known is server]:
            del servers[place]
        stop(server)

    def sent(
        adapter: DeadlineAdapter, request: requests.PreparedRequest, *args: Any, **kwargs: Any
    ) -> requests.Response:
        address = urlsplit(request.url or "")
        server = servers.get(f"{address.scheme}://{address.netloc}")
        if (
            server is None
            or os.getpid() != here
            or kwargs.get("proxies")
            or _needs_network(server, request)
        ):
            return send(adapter, request, *args, **kwargs)
        body: Any = request.body
        return response_of(
            request, answer_of(server, request, b"" if body is None else body.read())
        )

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SandboxServer, "start", started)
        patch.setattr(SandboxServer, "stop", stopped)
        patch.setattr(DeadlineAdapter, "send", sent)
        yield


def _needs_network(server: SandboxServer, request: requests.PreparedRequest) -> bool:
    path = urlsplit(request.url or "").path
    return server.url.startswith("https:") or any(
        fault.kind not in WITHOUT_NETWORK and fault.matches(request.method or "", path)
        for fault in list(server.faults)
    )


def _environ(request: requests.PreparedRequest, body: bytes) -> dict[str, Any]:
    """What a server tells its WSGI application of the request. werkzeug's `EnvironBuilder` makes
    the same, and takes longer than the answer does."""
    address = urlsplit(request.url or "")
    environ: dict[str, Any] = {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(address.path).decode("latin-1"),
        "QUERY_STRING": address.query,
        "SERVER_PROTOCOL": "HTTP/1.1",
        "SERVER_NAME": address.hostname,
        "SERVER_PORT": str(address.port),
        "HTTP_HOST": address.netloc,
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": address.scheme,
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for name, value in request.headers.items():
        environ[_key_of(name)] = str(value)
    return environ


@cache
def _key_of(header: str) -> str:
    """What a header's value stands under in a WSGI environment."""
    key = header.upper().replace("-", "_")
    return key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"


class Answer(NamedTuple):
    """What a server answers."""

    status: int
    headers: dict[str, str]
    content: bytes


def answer_of(server: SandboxServer, request: requests.PreparedRequest, body: bytes) -> Answer:
    """Have the server act on the request; its answer."""
    _fault, response = server.respond(_environ(request, body))
    assert response is not None
    headers = dict(response.headers)
    if "Date" not in headers:
        headers["Date"] = date_of(server)
    return Answer(response.status_code, headers, response.get_data())


def response_of(request: requests.PreparedRequest, answer: Answer) -> requests.Response:
    """An answer as requests gives it, whole. What it makes of what urllib3 makes of a connection
    says the same, and takes longer."""
    response = requests.Response()
    response.request = request
    response.url = request.url or ""
    response.status_code = answer.status
    response.headers.update(answer.headers)
    response._content = answer.content
    response._content_consumed = True  # type: ignore[attr-defined]
    return response


def date_of(server: SandboxServer) -> str:
    """How the server dates an answer now."""
    return _http_date(int(server.clock().timestamp() + server.seconds_ahead))


_http_date = lru_cache(maxsize=8)(http_date)
