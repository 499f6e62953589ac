"""A request has one deadline, however slowly its answer drips, through TLS and proxies too."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from werkzeug.wrappers import Response

from katana_woo_sync.clients.errors import ServiceError, Temporary, UnknownOutcome, Unreachable
from katana_woo_sync.sandbox.server import DRIPPED, Fault, FaultKind, SandboxServer
from tests.clients.support import client

ALLOWED = 0.4
"""Seconds that an answer may take here."""

ENDS = 10.0
"""Seconds after which it would not have ended at all; a busy machine takes some."""

DROP = 0.03
"""Seconds between two bytes."""


@pytest.fixture
def server() -> Iterator[SandboxServer]:
    with SandboxServer(lambda _request: Response("{}", content_type="application/json")) as served:
        yield served


def seconds_of(work: Callable[[], object], expected: type[ServiceError]) -> float:
    """How long it takes until it fails as expected."""
    began = time.monotonic()
    with pytest.raises(expected, match="within the time allowed"):
        work()
    return time.monotonic() - began


@pytest.mark.parametrize("kind", DRIPPED)
def test_a_read_whose_answer_drips_ends_in_its_time(server: SandboxServer, kind: FaultKind) -> None:
    server.add_fault(Fault(kind, times=9, seconds=DROP))
    asked = client(server.url, timeout=ALLOWED)
    assert ALLOWED <= seconds_of(lambda: asked.get("/things"), Temporary) < ENDS
    assert server.count() == 2  # a server that lets time out is asked twice at most


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
@pytest.mark.parametrize("kind", DRIPPED)
def test_a_write_whose_answer_drips_is_unknown(
    server: SandboxServer, kind: FaultKind, method: str
) -> None:
    server.add_fault(Fault(kind, times=9, seconds=DROP))
    asked = client(server.url, timeout=ALLOWED)
    took = seconds_of(lambda: asked.request(method, "/things", body=b"{}"), UnknownOutcome)
    assert ALLOWED <= took < ENDS
    assert server.count() == 1


@pytest.mark.parametrize("kind", DRIPPED)
def test_it_is_the_same_through_tls(certificate: tuple[str, str], kind: FaultKind) -> None:
    def answer(_request: object) -> Response:
        return Response("{}", content_type="application/json")

    with SandboxServer(answer, ssl_context=certificate) as server:
        asked = client(server.url, timeout=ALLOWED, verify=certificate[0])
        assert asked.get("/things").data == {}  # its shake of hands is not measured
        server.add_fault(Fault(kind, times=9, seconds=DROP))
        took = seconds_of(lambda: asked.request("POST", "/things", body=b"{}"), UnknownOutcome)
    assert ALLOWED <= took < ENDS


@contextmanager
def dripping(first: bytes, drop: bytes) -> Iterator[str]:
    """A raw server that reads little, answers `first`, and drips; its host and port."""
    stopped = threading.Event()

    def serve(connection: socket.socket) -> None:
        with connection:
            try:
                connection.recv(4096)
                connection.sendall(first)
                while not stopped.wait(DROP):
                    connection.sendall(drop)
            except OSError:
                return

    def accept() -> None:
        while True:
            try:
                connection, _address = listener.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(connection,), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=accept, daemon=True).start()
        try:
            yield f"127.0.0.1:{listener.getsockname()[1]}"
        finally:
            stopped.set()
            listener.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize(
    ("method", "expected"), [("GET", Temporary), ("POST", Unreachable)], ids=["read", "write"]
)
def test_a_proxy_that_drips_its_yes_to_connect(
    monkeypatch: pytest.MonkeyPatch, method: str, expected: type[ServiceError]
) -> None:
    with dripping(b"HTTP/1.1 200 OK\r\nX-Drip: ", b"x") as place:
        monkeypatch.setenv("HTTPS_PROXY", f"http://{place}")
        asked = client("https://api.test", timeout=ALLOWED, attempts=1)
        body = None if method == "GET" else b"{}"
        took = seconds_of(lambda: asked.request(method, "/things", body=body), expected)
    assert took < ENDS


def test_an_answer_that_drips_through_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    with dripping(b"HTTP/1.1 200 OK\r\nContent-Length: 65536\r\n\r\n[", b" ") as place:
        monkeypatch.setenv("HTTP_PROXY", f"http://{place}")
        asked = client("http://api.test", timeout=ALLOWED)
        took = seconds_of(lambda: asked.request("POST", "/things", body=b"{}"), UnknownOutcome)
    assert took < ENDS


def test_tls_whose_first_words_drip() -> None:
    with dripping(b"\x16\x03\x03\x40\x00\x02", b"\0") as place:
        asked = client(f"https://{place}", timeout=ALLOWED, attempts=1)
        assert seconds_of(lambda: asked.get("/things"), Temporary) < ENDS


def test_a_server_that_takes_a_long_body_slowly() -> None:
    """It reads 4 kB, no more, and says nothing."""
    with dripping(b"", b"") as place:
        asked = client(f"http://{place}", timeout=ALLOWED)
        body = b"x" * 30_000_000
        took = seconds_of(lambda: asked.request("POST", "/things", body=body), UnknownOutcome)
    assert took < ENDS


def test_a_deadline_is_one_requests_own(server: SandboxServer) -> None:
    asked = client(server.url, timeout=ALLOWED)
    for _ in range(3):
        assert asked.get("/things").data == {}
        time.sleep(ALLOWED / 2)
    assert server.count() == 3


def test_threads_have_a_deadline_each(server: SandboxServer, tmp_path: Path) -> None:
    asked = client(server.url, timeout=ALLOWED)
    server.add_fault(Fault(FaultKind.DRIP_BODY, path="/drips", times=9, seconds=DROP))
    dripped = threading.Thread(
        target=lambda: seconds_of(lambda: asked.get("/drips"), Temporary), daemon=True
    )
    dripped.start()
    while dripped.is_alive():
        assert asked.get("/things").data == {}
    assert server.count("GET", "/drips") == 2
