"""Each fault of the sandbox server does what it says, over real HTTP, and does it so many times."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from http.client import HTTPConnection, RemoteDisconnected

import pytest
import requests
from werkzeug.wrappers import Request, Response

from katana_woo_sync.sandbox.handler import Handler
from katana_woo_sync.sandbox.server import DRIPPED, Fault, FaultKind, SandboxServer

BODY = b'{"answer":"yes","padding":"................................................"}'
BRIEF = 0.15


class Counter:
    """What stands behind the server: it counts what it acted on."""

    def __init__(self) -> None:
        self.acted = 0

    def __call__(self, _request: Request) -> Response:
        self.acted += 1
        return Response(BODY, 200, content_type="application/json")


@pytest.fixture
def behind() -> Counter:
    return Counter()


@pytest.fixture
def server(behind: Counter) -> Iterator[SandboxServer]:
    with SandboxServer(behind) as served:
        yield served


def get(server: SandboxServer, path: str = "/things", timeout: float = 5) -> requests.Response:
    return requests.get(server.url + path, timeout=timeout)


def test_without_a_fault_it_answers_and_records(server: SandboxServer, behind: Counter) -> None:
    answer = requests.post(f"{server.url}/things?a=1", data=b"sent", timeout=5)
    assert answer.content == BODY
    (recorded,) = server.requests
    assert (recorded.method, recorded.path, recorded.query) == ("POST", "/things", "a=1")
    assert (recorded.body, recorded.status, behind.acted) == (b"sent", 200, 1)


def test_status_answers_in_its_place(server: SandboxServer, behind: Counter) -> None:
    headers = {"Retry-After": "7"}
    server.add_fault(Fault(FaultKind.STATUS, status=429, body='{"no":1}', headers=headers))
    answer = get(server)
    assert (answer.status_code, answer.json(), answer.headers["Retry-After"]) == (
        429,
        {"no": 1},
        "7",
    )
    assert behind.acted == 0


def test_status_after_acts_first(server: SandboxServer, behind: Counter) -> None:
    server.add_fault(Fault(FaultKind.STATUS_AFTER, status=502))
    assert get(server).status_code == 502
    assert behind.acted == 1


def test_an_html_status_has_a_page(server: SandboxServer) -> None:
    server.add_fault(Fault(FaultKind.STATUS, status=503, content_type="text/html"))
    answer = get(server)
    assert (answer.status_code, answer.headers["Content-Type"]) == (503, "text/html")
    assert answer.text.startswith("<!DOCTYPE html>")


@pytest.mark.parametrize("kind", [FaultKind.DELAY, FaultKind.DELAY_AFTER])
def test_a_delay_answers_late(server: SandboxServer, behind: Counter, kind: FaultKind) -> None:
    server.add_fault(Fault(kind, seconds=BRIEF))
    start = time.monotonic()
    assert get(server).content == BODY
    assert time.monotonic() - start >= BRIEF
    assert behind.acted == 1


@pytest.mark.parametrize(("kind", "acted"), [(FaultKind.DELAY, 0), (FaultKind.DELAY_AFTER, 1)])
def test_a_client_that_gave_up_cannot_tell_whether_it_was_acted_on(
    server: SandboxServer, behind: Counter, kind: FaultKind, acted: int
) -> None:
    server.add_fault(Fault(kind, seconds=3 * BRIEF))
    with pytest.raises(requests.exceptions.ReadTimeout):
        get(server, timeout=BRIEF)
    assert behind.acted == acted


@pytest.mark.parametrize(("kind", "acted"), [(FaultKind.DROP_BEFORE, 0), (FaultKind.DROP_AFTER, 1)])
def test_a_drop_hangs_up(
    server: SandboxServer, behind: Counter, kind: FaultKind, acted: int
) -> None:
    server.add_fault(Fault(kind))
    with pytest.raises(requests.exceptions.ConnectionError):
        get(server)
    assert behind.acted == acted
    assert server.requests[0].status == 0


def test_html_answers_200_without_acting(server: SandboxServer, behind: Counter) -> None:
    server.add_fault(Fault(FaultKind.HTML))
    answer = get(server)
    assert answer.status_code == 200
    assert "text/html" in answer.headers["Content-Type"]
    assert behind.acted == 0


def test_a_truncated_body_breaks_off_in_the_middle(server: SandboxServer, behind: Counter) -> None:
    server.add_fault(Fault(FaultKind.TRUNCATE))
    with requests.get(f"{server.url}/things", timeout=5, stream=True) as answer:
        assert int(answer.headers["Content-Length"]) == len(BODY)
        with pytest.raises(requests.exceptions.ChunkedEncodingError):
            _ = answer.content
    assert behind.acted == 1


def test_empty_acts_and_says_nothing(server: SandboxServer, behind: Counter) -> None:
    server.add_fault(Fault(FaultKind.EMPTY))
    answer = get(server)
    assert (answer.status_code, answer.content, behind.acted) == (200, b"", 1)


@pytest.mark.parametrize("kind", [kind for kind in FaultKind if kind not in DRIPPED])
def test_a_fault_is_over_after_its_times(server: SandboxServer, kind: FaultKind) -> None:
    server.add_fault(Fault(kind, status=500, times=1))
    with suppress(requests.exceptions.RequestException):
        get(server)
    assert server.faults[0].times == 0
    assert get(server).content == BODY


@pytest.mark.parametrize("kind", DRIPPED)
def test_a_drip_acts_and_does_not_end(
    server: SandboxServer, behind: Counter, kind: FaultKind
) -> None:
    server.add_fault(Fault(kind, seconds=BRIEF / 10))
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=5) as asking:
        asking.sendall(b"GET /things HTTP/1.1\r\nHost: x\r\n\r\n")
        until, pieces = time.monotonic() + 5 * BRIEF, 0
        while time.monotonic() < until:
            assert asking.recv(100)
            pieces += 1
    assert pieces > 5
    assert behind.acted == 1
    assert get(server).content == BODY


def test_a_fault_is_for_its_method_and_path(server: SandboxServer) -> None:
    server.add_fault(Fault(FaultKind.STATUS, "POST", "/orders", status=500))
    assert get(server, "/orders").status_code == 200
    assert requests.post(f"{server.url}/things", timeout=5).status_code == 200
    assert requests.post(f"{server.url}/v1/orders/7", timeout=5).status_code == 500


def test_a_fault_may_let_some_pass_and_then_strike_several_times(server: SandboxServer) -> None:
    server.add_fault(Fault(FaultKind.STATUS, status=500, skip=1, times=2))
    assert [get(server).status_code for _ in range(4)] == [200, 500, 500, 200]


def test_faults_strike_in_their_order(server: SandboxServer) -> None:
    for status in (503, 429):
        server.add_fault(Fault(FaultKind.STATUS, status=status))
    assert [get(server).status_code for _ in range(3)] == [503, 429, 200]


def test_requests_are_counted_by_method_and_path(server: SandboxServer) -> None:
    for path in ("/orders", "/orders/7", "/things"):
        get(server, path)
    requests.post(f"{server.url}/orders", timeout=5)
    assert (server.count(), server.count("GET"), server.count("GET", "/orders")) == (4, 3, 2)
    server.reset_counts()
    assert server.count() == 0


def test_a_stopped_server_lets_go_of_its_port(behind: Counter) -> None:
    with SandboxServer(behind) as first:
        port = int(first.url.rsplit(":", 1)[1])
    with pytest.raises(requests.exceptions.ConnectionError):
        requests.get(f"http://127.0.0.1:{port}", timeout=1)
    with SandboxServer(behind, port=port) as second:
        assert get(second).content == BODY
    with pytest.raises(RuntimeError, match="not started"):
        _ = second.url


def test_several_are_served_at_once(server: SandboxServer) -> None:
    server.add_fault(Fault(FaultKind.DELAY, path="/slow", seconds=2 * BRIEF))
    with pytest.raises(requests.exceptions.ReadTimeout):
        get(server, "/slow", timeout=0.02)
    start = time.monotonic()
    assert get(server, "/quick").content == BODY
    assert time.monotonic() - start < BRIEF


# Connections


def test_one_connection_serves_many_requests_and_is_closed_when_idle(
    server: SandboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Handler, "timeout", BRIEF)
    with closing(HTTPConnection("127.0.0.1", port_of(server))) as connection:
        for _ in range(3):
            assert ask(connection, "POST", b"sent") == BODY
        time.sleep(4 * BRIEF)
        with pytest.raises((RemoteDisconnected, ConnectionError)):
            ask(connection)
    assert len(server.requests) == 3


def test_a_stopped_server_hangs_up_on_connections_that_are_open(behind: Counter) -> None:
    with SandboxServer(behind) as server:
        connection = HTTPConnection("127.0.0.1", port_of(server))
        assert ask(connection) == BODY
    with closing(connection), pytest.raises((RemoteDisconnected, ConnectionError)):
        ask(connection)
    assert behind.acted == 1


def test_a_client_that_dies_in_the_middle_of_its_request_is_no_news(
    server: SandboxServer, behind: Counter, capfd: pytest.CaptureFixture[str]
) -> None:
    with socket.create_connection(("127.0.0.1", port_of(server))) as client:
        client.sendall(b"POST /things HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf")
    assert get(server).status_code == 200
    time.sleep(BRIEF)
    assert behind.acted == 1
    assert capfd.readouterr().err == ""


def ask(connection: HTTPConnection, method: str = "GET", body: bytes | None = None) -> bytes:
    connection.request(method, "/things", body=body)
    return connection.getresponse().read()


def port_of(server: SandboxServer) -> int:
    return int(server.url.rpartition(":")[2])
