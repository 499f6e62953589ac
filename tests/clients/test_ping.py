"""The ping to a monitor: where it goes, and that its failure is a sentence without the address."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from katana_woo_sync.clients.ping import START, SUCCESS, ping
from katana_woo_sync.sandbox.server import Fault, FaultKind
from tests.listening import TOKEN, Listener


@pytest.fixture
def ear() -> Iterator[Listener]:
    with Listener() as listener:
        yield listener


@pytest.mark.parametrize(("what", "path"), [(START, "/start"), (SUCCESS, ""), ("75", "/75")])
def test_start_success_and_exit_code(ear: Listener, what: str, path: str) -> None:
    assert ping(ear.ping_url, what) is None
    assert ear.pings == [path]


def test_what_is_said_stands_before_the_query_and_without_doubled_slashes(ear: Listener) -> None:
    assert ping(f"{ear.ping_url}/?rid=1", START) is None
    (request,) = ear.requests
    assert (request.path, request.query) == (f"/ping/{TOKEN}/start", "rid=1")


def test_a_monitor_that_fails_once_is_asked_again(ear: Listener) -> None:
    ear.add_fault(Fault(FaultKind.STATUS, status=503))
    assert ping(ear.ping_url, SUCCESS) is None
    assert len(ear.requests) == 2


@pytest.mark.parametrize("status", [404, 503])
def test_a_monitor_that_refuses_is_a_sentence(ear: Listener, status: int) -> None:
    ear.add_fault(Fault(FaultKind.STATUS, status=status, times=9))
    error = ping(ear.ping_url, SUCCESS)
    assert error
    assert TOKEN not in error


def test_a_monitor_that_is_not_there_is_a_sentence() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        error = ping(f"http://127.0.0.1:{taken.getsockname()[1]}/{TOKEN}", START)
    assert error == "it cannot be reached (ConnectionError)"
