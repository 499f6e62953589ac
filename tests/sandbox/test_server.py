"""Each fault does what it says, to the requests that it is meant for and no others."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
import requests
from werkzeug.wrappers import Request, Response

from katana_woo_sync.sandbox.server import Fault, FaultKind, SandboxServer

BODY = '{"so": "it is"}'


class Acted:
    """A service that counts what it did."""

    def __init__(self) -> None:
        self.times = 0

    def handle(self, _request: Request) -> Response:
        self.times += 1
        return Response(BODY, content_type="application/json")


@pytest.fixture
def acted() -> Acted:
    return Acted()


@pytest.fixture
def server(acted: Acted) -> Iterator[SandboxServer]:
    with SandboxServer(acted.handle) as serving:
        yield serving


def post(server: SandboxServer, path: str = "/x") -> requests.Response:
    return requests.post(server.url + path, data=b"{}", timeout=5)


@pytest.mark.parametrize(("kind", "times"), [(FaultKind.STATUS, 0), (FaultKind.STATUS_AFTER, 1)])
def test_a_status_with_and_without_acting(
    server: SandboxServer, acted: Acted, kind: FaultKind, times: int
) -> None:
    server.add_fault(Fault(kind, status=503, headers={"Retry-After": "600"}))
    answer = post(server)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "600")
    assert acted.times == times


@pytest.mark.parametrize(("kind", "times"), [(FaultKind.DROP_BEFORE, 0), (FaultKind.DROP_AFTER, 1)])
def test_a_dropped_connection_with_and_without_acting(
    server: SandboxServer, acted: Acted, kind: FaultKind, times: int
) -> None:
    server.add_fault(Fault(kind))
    with pytest.raises(requests.ConnectionError):
        post(server)
    assert acted.times == times
    assert server.requests[-1].status == 0


@pytest.mark.parametrize("kind", [FaultKind.DELAY, FaultKind.DELAY_AFTER])
def test_a_delay(server: SandboxServer, acted: Acted, kind: FaultKind) -> None:
    server.add_fault(Fault(kind, seconds=0.2))
    began = time.monotonic()
    assert post(server).text == BODY
    assert time.monotonic() - began >= 0.2
    assert acted.times == 1


def test_html_without_acting(server: SandboxServer, acted: Acted) -> None:
    server.add_fault(Fault(FaultKind.HTML))
    answer = post(server)
    assert (answer.status_code, acted.times) == (200, 0)
    assert answer.headers["Content-Type"].startswith("text/html")


def test_half_of_an_answer(server: SandboxServer, acted: Acted) -> None:
    server.add_fault(Fault(FaultKind.TRUNCATE))
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        post(server)
    assert acted.times == 1


def test_an_empty_answer(server: SandboxServer, acted: Acted) -> None:
    server.add_fault(Fault(FaultKind.EMPTY))
    assert (post(server).text, acted.times) == ("", 1)


def test_a_fault_is_used_up_and_matches_method_path_and_place(server: SandboxServer) -> None:
    server.add_fault(Fault(FaultKind.STATUS, "POST", "/orders", times=1, skip=1))
    assert post(server, "/other").status_code == 200
    assert requests.get(server.url + "/orders", timeout=5).status_code == 200
    assert post(server, "/orders").status_code == 200
    assert post(server, "/orders").status_code == 500
    assert post(server, "/orders").status_code == 200


def test_requests_are_counted_by_method_and_path(server: SandboxServer) -> None:
    post(server, "/orders/1")
    requests.get(server.url + "/orders?page=2", timeout=5)
    assert (server.count(), server.count("POST"), server.count("GET", "/orders")) == (2, 1, 1)
    assert server.requests[-1].query == "page=2"
    server.reset_counts()
    assert server.count() == 0
