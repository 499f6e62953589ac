"""The ping to a monitor: where it goes, and that its failure is a sentence without the address."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator

import pytest

from katana_woo_sync.clients.ping import START, SUCCESS, Pings, ping
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


@pytest.mark.parametrize("kind", [FaultKind.DRIP_HEAD, FaultKind.CONTINUES, FaultKind.SILENT])
def test_a_monitor_whose_answer_drips_or_never_comes_is_given_up(
    ear: Listener, monkeypatch: pytest.MonkeyPatch, kind: FaultKind
) -> None:
    monkeypatch.setattr("katana_woo_sync.clients.ping.TIMEOUT", 0.4)
    ear.add_fault(Fault(kind, times=9, seconds=0.03 if kind is not FaultKind.SILENT else 1))
    began = time.monotonic()
    error = ping(ear.ping_url, SUCCESS)
    assert error == "no answer within 5 seconds"
    assert time.monotonic() - began < 0.9


@pytest.mark.parametrize("kind", [FaultKind.DRIP_BODY, FaultKind.DRIP_CHUNK])
def test_the_body_of_a_monitors_answer_is_never_read(ear: Listener, kind: FaultKind) -> None:
    ear.add_fault(Fault(kind, times=9, seconds=0.03))
    began = time.monotonic()
    assert ping(ear.ping_url, SUCCESS) is None
    assert time.monotonic() - began < 1


def test_a_monitor_that_moved_is_followed(ear: Listener) -> None:
    there = {"Location": f"/moved/ping/{TOKEN}"}
    ear.add_fault(Fault(FaultKind.STATUS, path="/ping", status=301, headers=there))
    assert ping(ear.ping_url, SUCCESS) is None
    assert [r.path for r in ear.requests] == [f"/ping/{TOKEN}", f"/moved/ping/{TOKEN}"]


def test_a_monitor_that_redirects_for_ever_is_given_up(ear: Listener) -> None:
    there = {"Location": ear.ping_url}
    ear.add_fault(Fault(FaultKind.STATUS, status=302, headers=there, times=99))
    error = ping(ear.ping_url, SUCCESS)
    assert error == "it cannot be reached (TooManyRedirects)"


def test_pings_are_sent_aside_and_in_their_order(ear: Listener) -> None:
    ear.add_fault(Fault(FaultKind.DELAY, path="/start", seconds=0.5))
    pings = Pings(ear.ping_url)
    began = time.monotonic()
    pings.send(START)
    pings.send(SUCCESS)
    assert time.monotonic() - began < 0.3
    assert pings.errors() == []
    assert ear.pings == ["/start", ""]


def test_pings_are_waited_for_a_few_seconds_in_all(
    ear: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    ear.add_fault(Fault(FaultKind.DRIP_HEAD, times=9, seconds=0.03))
    pings = Pings(ear.ping_url)
    monkeypatch.setattr("katana_woo_sync.clients.ping.TIMEOUT", 0.4)
    pings.send(START)
    pings.send(SUCCESS)
    began = time.monotonic()
    errors = pings.errors()
    assert time.monotonic() - began < 0.7
    assert set(errors) == {"no answer within 5 seconds"}
