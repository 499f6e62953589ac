"""HTTP of the sandbox servers: connections stay open between requests, as real servers have it."""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain

from werkzeug.exceptions import ClientDisconnected
from werkzeug.serving import WSGIRequestHandler

CLOCK = "katana_woo_sync.clock"
"""Where the environment of a request has the clock that its answer is dated by."""

NO_CONTENT = 204

Headers = list[tuple[str, str]]


class Handler(WSGIRequestHandler):
    """Answers the requests of one connection, one after the other, and logs nothing.

    werkzeug's own handler closes the connection after each answer, since it does not know whether
    the request was read to its end; `SandboxServer` always reads it.
    """

    protocol_version = "HTTP/1.1"
    timeout = 5.0
    """Seconds after which a connection that nobody uses is closed, as web servers do."""
    disable_nagle_algorithm = True  # an answer's head and body are two writes

    def run_wsgi(self) -> None:
        """Answer a request."""
        self.environ = environ = self.make_environ()
        begun: list[tuple[str, Headers]] = []

        def start_response(
            status: str, headers: Headers, _exc_info: object = None
        ) -> Callable[[bytes], object]:
            begun.append((status, headers))
            return self.wfile.write

        try:
            parts = iter(self.server.app(environ, start_response))
            first = next(parts, b"")
            if not begun:  # hung up on
                self.close_connection = True
                return
            self._head(*begun[-1])
            for part in chain([first], parts):
                self.wfile.write(part)
        except (OSError, ClientDisconnected):  # the client went away, or was hung up on
            self.close_connection = True

    def _head(self, status: str, headers: Headers) -> None:
        code, _space, words = status.partition(" ")
        self.send_response_only(int(code), words)
        self.send_header("Server", self.version_string())
        if not any(name.lower() == "date" for name, _value in headers):
            self.send_header("Date", self.date_time_string())
        for name, value in headers:
            self.send_header(name, value)
        has_length = any(name.lower() == "content-length" for name, _value in headers)
        if not has_length and int(code) != NO_CONTENT:
            self.send_header("Connection", "close")
        self.end_headers()

    def date_time_string(self, timestamp: float | None = None) -> str:
        """The `Date` of the answer."""
        if timestamp is None and CLOCK in self.__dict__.get(
            "environ", {}
        ):  # none before it is read
            timestamp = self.environ[CLOCK]()
        return super().date_time_string(None if timestamp is None else int(timestamp))

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Nothing."""

    def log(self, type: str, message: str, *args: object) -> None:  # noqa: A002 (werkzeug's name)
        """Nothing."""
