"""What both sandbox servers share: real HTTP on loopback, counted requests, faults on demand."""

from __future__ import annotations

import socket
import ssl
import threading
import time
import weakref
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum
from typing import TYPE_CHECKING, Self
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from werkzeug.serving import BaseWSGIServer, make_server
from werkzeug.wrappers import Request, Response

from katana_woo_sync.sandbox.handler import CLOCK
from katana_woo_sync.sandbox.handler import Handler as RequestHandler

if TYPE_CHECKING:
    from types import TracebackType

HTML_ERROR_PAGE = (
    "<!DOCTYPE html><html><head><title>502 Bad Gateway</title></head>"
    "<body><center><h1>502 Bad Gateway</h1></center><hr><center>nginx</center></body></html>"
)

POLL_SECONDS = 0.005
"""How soon `stop` is noticed; socketserver's own half a second would be most of a test's time."""


def utc_now() -> datetime:
    """The time now, UTC."""
    return datetime.now(UTC)


class FaultKind(Enum):
    """The ways in which a server, or the network before it, misbehaves."""

    STATUS = "status"
    """Answer with `Fault.status`, `Fault.body` and `Fault.headers`; the request is not acted on."""
    STATUS_AFTER = "status_after"
    """Act on the request, then answer with `Fault.status` all the same."""
    DELAY = "delay"
    """Wait `Fault.seconds`, then act and answer normally (a client may have given up by then)."""
    DELAY_AFTER = "delay_after"
    """Act, then wait `Fault.seconds` before answering."""
    SILENT = "silent"
    """Wait `Fault.seconds`, then close the connection; the request is never acted on."""
    DROP_BEFORE = "drop_before"
    """Close the connection without acting."""
    DROP_AFTER = "drop_after"
    """Act, then close the connection without an answer."""
    HTML = "html"
    """Answer 200 with an HTML page; the request is not acted on."""
    TRUNCATE = "truncate"
    """Act, then send only the first half of the body."""
    EMPTY = "empty"
    """Act, then answer 200 with no body."""
    DRIP_HEAD = "drip_head"
    """Act, then send the head of an answer, a byte each `Fault.seconds`, without end."""
    DRIP_BODY = "drip_body"
    """Act, then drip the body so, after a head that came whole."""
    DRIP_CHUNK = "drip_chunk"
    """The same as one chunk of 64 KB."""
    CONTINUES = "continues"
    """Act, then send `100 Continue` each `Fault.seconds`, without end."""


DRIPPED = {
    FaultKind.DRIP_HEAD: (b"HTTP/1.1 200 OK\r\nX-Drip: ", b"x"),
    FaultKind.DRIP_BODY: (b"HTTP/1.1 200 OK\r\nContent-Length: 65536\r\n\r\n[", b" "),
    FaultKind.DRIP_CHUNK: (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10000\r\n[",
        b" ",
    ),
    FaultKind.CONTINUES: (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
}
"""What each dripping fault sends at once, and then again and again."""

LEAST_PAUSE = 0.01
"""Seconds between two drips at least."""


@dataclass
class Fault:
    """A misbehaviour for the next `times` requests that match.

    `method` and `path` are matched exactly and by substring; empty matches everything.
    """

    kind: FaultKind
    method: str = ""
    path: str = ""
    times: int = 1
    skip: int = 0
    status: int = 500
    body: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = "application/json"
    seconds: float = 0.0

    def matches(self, method: str, path: str) -> bool:
        """Tell whether this fault applies to the request (without using it up)."""
        return self.times > 0 and self.method in ("", method) and self.path in path


@dataclass(frozen=True)
class RecordedRequest:
    """One request that the sandbox received, and the status it answered (0: connection dropped)."""

    method: str
    path: str
    query: str
    body: bytes
    status: int


Handler = Callable[[Request], Response]


class SandboxServer:
    """Serves one sandbox application on 127.0.0.1 in background threads.

    Use it as a context manager, or call `start` and `stop`. `handle` is called for every request
    that no fault answers; it may be called from several threads at once. With an `ssl_context` (or
    the files of a certificate and its key) it speaks https. Answers are dated by `clock`.
    """

    def __init__(
        self,
        handle: Handler,
        *,
        port: int = 0,
        host: str = "127.0.0.1",
        ssl_context: ssl.SSLContext | tuple[str, str] | None = None,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._handle = handle
        self.clock = clock
        self._ssl_context = ssl_context
        self._host = host
        self._port = port
        self._lock = threading.Lock()
        self._server: BaseWSGIServer | None = None
        self._thread: threading.Thread | None = None
        self._connections: weakref.WeakSet[socket.socket] = weakref.WeakSet()
        self.faults: list[Fault] = []
        self.seconds_ahead = 0.0
        """How far the answers' dates are ahead of the clock."""
        self.requests: list[RecordedRequest] = []
        self.behind = b""
        """What stands behind the JSON of every answer: a cache's comment, a notice at shutdown."""
        self.in_hand = 0
        """Requests that came and are not answered yet: a client may have given up on them."""

    @property
    def url(self) -> str:
        """The address that the server listens on, without a trailing slash."""
        if self._server is None:
            raise RuntimeError("the sandbox server is not started")
        scheme = "http" if self._ssl_context is None else "https"
        return f"{scheme}://{self._host}:{self._server.server_port}"

    def start(self) -> SandboxServer:
        """Bind the port and serve until `stop`."""
        self._server = make_server(
            self._host,
            self._port,
            self.wsgi,
            threaded=True,
            request_handler=RequestHandler,
            ssl_context=self._ssl_context,
        )
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(POLL_SECONDS,), daemon=True
        )
        self._thread.start()
        return self

    def stop(self) -> None:
        """Stop serving and release the port."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None
        with self._lock:
            connections = list(self._connections)
        for connection in connections:
            _hang_up(connection)
        if self._thread is not None:
            self._thread.join(timeout=5)
            self._thread = None

    def __enter__(self) -> SandboxServer:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def add_fault(self, fault: Fault) -> None:
        """Misbehave for the next matching requests; earlier faults are used up first."""
        with self._lock:
            self.faults.append(fault)

    def count(self, method: str = "", path: str = "") -> int:
        """How many recorded requests match (method exactly, path by substring)."""
        with self._lock:
            return sum(r.method in (method or r.method,) and path in r.path for r in self.requests)

    def reset_counts(self) -> None:
        """Forget the recorded requests."""
        with self._lock:
            self.requests.clear()

    def wsgi(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """The WSGI application: faults first, then the sandbox itself."""
        connection: socket.socket = environ["werkzeug.socket"]
        with self._lock:
            self._connections.add(connection)
        fault, response = self.respond(environ)
        if fault is not None and fault.kind in DRIPPED:
            self._drip(fault, connection)
            response = None
        if response is None:
            _hang_up(connection)
            return ()
        if fault is not None and fault.kind is FaultKind.TRUNCATE:
            return _truncated(response, connection, start_response)
        application: WSGIApplication = response
        return application(environ, start_response)

    def respond(self, environ: WSGIEnvironment) -> tuple[Fault | None, Response | None]:
        """Act on a request: what goes wrong with its answer, and the answer, None for none."""
        environ[CLOCK] = lambda: self.clock().timestamp() + self.seconds_ahead
        request = Request(environ)
        body = request.get_data()
        with self._lock:
            self.in_hand += 1
        try:
            fault = self._take_fault(request.method, request.path)
            response = self._answer(request, fault)
            self._record(request, body, 0 if response is None else response.status_code)
        finally:
            with self._lock:
                self.in_hand -= 1
        if self.behind and response is not None and response.mimetype == "application/json":
            response.set_data(response.get_data() + self.behind)
        return fault, response

    def _answer(self, request: Request, fault: Fault | None) -> Response | None:
        """The answer to send, or None where the connection is to be dropped."""
        if fault is None:
            return self._handle(request)
        match fault.kind:
            case FaultKind.STATUS:
                return _fault_response(fault)
            case FaultKind.STATUS_AFTER:
                self._handle(request)
                return _fault_response(fault)
            case FaultKind.DELAY:
                time.sleep(fault.seconds)
                return self._handle(request)
            case FaultKind.DELAY_AFTER:
                response = self._handle(request)
                time.sleep(fault.seconds)
                return response
            case FaultKind.SILENT:
                time.sleep(fault.seconds)
                return None
            case FaultKind.DROP_BEFORE:
                return None
            case FaultKind.DROP_AFTER:
                self._handle(request)
                return None
            case FaultKind.HTML:
                return Response(HTML_ERROR_PAGE, 200, content_type="text/html; charset=UTF-8")
            case FaultKind.EMPTY:
                self._handle(request)
                return Response(b"", 200, content_type="text/html; charset=UTF-8")
            case _:  # cut off or dripped
                return self._handle(request)

    def _drip(self, fault: Fault, connection: socket.socket) -> None:
        """Drip until the client has gone, or the server stops."""
        at_once, drop = DRIPPED[fault.kind]
        with suppress(OSError):
            connection.sendall(at_once)
            while self._server is not None:
                time.sleep(max(fault.seconds, LEAST_PAUSE))
                connection.sendall(drop)

    def _take_fault(self, method: str, path: str) -> Fault | None:
        with self._lock:
            for fault in self.faults:
                if fault.matches(method, path):
                    if fault.skip > 0:
                        fault.skip -= 1
                        continue
                    fault.times -= 1
                    return fault
        return None

    def _record(self, request: Request, body: bytes, status: int) -> None:
        query = request.query_string.decode("latin-1")
        with self._lock:
            self.requests.append(RecordedRequest(request.method, request.path, query, body, status))


class Served:
    """What is served by a `SandboxServer`, from `start` to `stop`, or as a context manager."""

    server: SandboxServer

    def start(self) -> Self:
        """Serve until `stop`."""
        self.server.start()
        return self

    def stop(self) -> None:
        """Stop serving; the state can still be read, and `start` serves it again."""
        self.server.stop()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


def _fault_response(fault: Fault) -> Response:
    body = fault.body or (HTML_ERROR_PAGE if "html" in fault.content_type else "{}")
    return Response(body, fault.status, headers=fault.headers, content_type=fault.content_type)


def _hang_up(connection: socket.socket) -> None:
    """Hang up as a broken network does: no status line, no body."""
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


def _truncated(
    response: Response, connection: socket.socket, start_response: StartResponse
) -> Iterable[bytes]:
    """Announce the whole body, send half of it, and hang up."""
    body = response.get_data()
    start_response(response.status, list(response.headers.items()))
    yield body[: len(body) // 2]
    _hang_up(connection)
