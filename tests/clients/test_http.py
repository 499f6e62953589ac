"""HTTP: what is tried again, what is an unknown outcome, and what came instead of an answer."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests
import responses
from tenacity import RetryCallState, Retrying
from werkzeug.wrappers import Request, Response

from katana_woo_sync.clients import http
from katana_woo_sync.clients.errors import (
    Moved,
    NotTheApi,
    RefusedKey,
    ServiceError,
    Temporary,
    Throttled,
    UnknownOutcome,
    Unreachable,
)
from katana_woo_sync.clients.katana_http import Bearer
from katana_woo_sync.clients.throttle import Cancelled
from katana_woo_sync.sandbox.handler import Handler
from katana_woo_sync.sandbox.server import Fault, FaultKind, SandboxServer
from tests.clients.support import KEY, SECRET, client

URL = "https://api.test/things"
USUAL_PAUSE = http.BACKOFF
"""As it is outside of the tests."""


@pytest.fixture
def server() -> Iterator[SandboxServer]:
    """A server that counts what it acted on."""

    def handle(request: Request) -> Response:
        return Response('{"ok": 1.10}', content_type="application/json")

    with SandboxServer(handle) as served:
        yield served


def closed_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


WRITES = ("POST", "PUT", "PATCH")
LOST_AFTER_SENDING = (
    FaultKind.DROP_BEFORE,
    FaultKind.DROP_AFTER,
    FaultKind.HTML,
    FaultKind.EMPTY,
    FaultKind.TRUNCATE,
    FaultKind.STATUS,
    FaultKind.STATUS_AFTER,
)


@pytest.mark.parametrize("method", WRITES)
@pytest.mark.parametrize("kind", LOST_AFTER_SENDING)
def test_a_write_whose_answer_is_lost_is_unknown_and_sent_once(
    server: SandboxServer, method: str, kind: FaultKind
) -> None:
    server.add_fault(Fault(kind, method=method, times=9, status=502))
    asked = client(server.url)
    with pytest.raises(UnknownOutcome):
        asked.request(method, "/things", body=b"{}")
    assert server.count(method) == 1
    assert asked.sent == 1


@contextmanager
def slow_server(seconds: float) -> Iterator[tuple[str, list[str]]]:
    """A server that takes its time, with the methods of what it began to act on."""
    begun: list[str] = []

    def handle(request: Request) -> Response:
        begun.append(request.method)
        time.sleep(seconds)
        return Response("{}", content_type="application/json")

    with SandboxServer(handle) as served:
        yield served.url, begun


def test_a_write_that_times_out_is_unknown_and_sent_once() -> None:
    with slow_server(0.3) as (url, begun):
        with pytest.raises(UnknownOutcome, match="no answer within the time allowed"):
            client(url, timeout=0.1).request("POST", "/things", body=b"{}")
        assert begun == ["POST"]


@pytest.mark.parametrize("kind", LOST_AFTER_SENDING)
def test_a_read_is_tried_again(server: SandboxServer, kind: FaultKind) -> None:
    server.add_fault(Fault(kind, times=3, status=502))
    asked = client(server.url)
    assert asked.get("/things").status == 200
    assert asked.sent == server.count("GET") == 4


def test_a_read_is_not_tried_for_ever(server: SandboxServer) -> None:
    server.add_fault(Fault(FaultKind.STATUS, status=500, times=99))
    with pytest.raises(Temporary, match="HTTP 500"):
        client(server.url).get("/things")
    assert server.count() == 4


def test_a_server_that_lets_time_out_is_asked_twice() -> None:
    with slow_server(0.3) as (url, begun):
        with pytest.raises(Temporary) as caught:
            client(url, timeout=0.1).get("/things")
        assert caught.value.timed_out
        assert begun == ["GET", "GET"]


def test_a_write_that_was_refused_a_connection_is_tried_again_and_never_counted() -> None:
    naps: list[float] = []
    asked = client(f"http://127.0.0.1:{closed_port()}", naps=naps)
    with pytest.raises(Unreachable, match="the connection was refused"):
        asked.request("POST", "/things", body=b"{}")
    assert naps
    assert asked.sent == 0


def test_an_unknown_host_is_unreachable() -> None:
    with pytest.raises(Unreachable, match="host name is not known"):
        client("http://nowhere.invalid", attempts=1).request("POST", "/x", body=b"{}")


def test_tls_that_fails_is_certainly_not_sent(server: SandboxServer) -> None:
    secure = server.url.replace("http:", "https:")
    with pytest.raises(Unreachable, match="does not speak https") as caught:
        client(secure).request("POST", "/things", body=b"{}")
    assert "allow_http" in caught.value.remedy
    assert server.count() == 0


@pytest.mark.parametrize(
    ("why", "remedy"),
    [
        ("self-signed certificate", "ca_file"),
        ("certificate has expired", "renewed"),
        ("Hostname mismatch, certificate is not valid for 'shop.test'.", "without www"),
    ],
)
@responses.activate
def test_a_certificate_is_refused_in_words_for_people(why: str, remedy: str) -> None:
    said = f"[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: {why} (_ssl.c:1006)"
    refused = requests.exceptions.SSLError(ssl.SSLCertVerificationError(1, said))
    responses.get("https://service.test/things", body=refused)
    with pytest.raises(Unreachable) as caught:
        client("https://service.test").get("/things")
    assert why.rstrip(".") in caught.value.reason
    assert remedy in caught.value.remedy
    assert "_ssl.c" not in str(caught.value)


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_a_useless_ca_file_is_named(
    server: SandboxServer, tmp_path: Path, content: str | None
) -> None:
    authorities = tmp_path / "ca.pem"
    if content is not None:
        authorities.write_text(content)
    asked = client(server.url.replace("http:", "https:"), verify=str(authorities))
    with pytest.raises(Unreachable, match="ca_file"):
        asked.request("POST", "/things", body=b"{}")


def test_an_earlier_failure_is_no_proof_that_a_write_was_not_sent(server: SandboxServer) -> None:
    # The error being handled hangs on to the new one (`__context__`); it says nothing about it.
    server.add_fault(Fault(FaultKind.DROP_AFTER, times=9))
    try:
        requests.get(f"http://127.0.0.1:{closed_port()}", timeout=1)
    except requests.ConnectionError:
        with pytest.raises(UnknownOutcome):
            client(server.url).request("POST", "/things", body=b"{}")
    assert server.count("POST") == 1


@responses.activate
def test_429_is_tried_again_even_for_a_write_after_the_time_it_asks() -> None:
    responses.post(URL, status=429, headers={"Retry-After": "7"}, json={})
    responses.post(URL, json={"id": 1})
    naps: list[float] = []
    asked = client(naps=naps)
    assert asked.request("POST", "/things", body=b"{}").data == {"id": 1}
    assert sum(naps) >= 7
    assert asked.sent == 2


@responses.activate
def test_429_that_persists_is_throttled() -> None:
    responses.get(URL, status=429, headers={"Retry-After": "1"}, json={})
    with pytest.raises(Throttled) as caught:
        client().get("/things")
    assert caught.value.retry_after == 1
    assert len(responses.calls) == 4


@responses.activate
@pytest.mark.parametrize("pause", ["600", "Wed, 21 Oct 2125 07:28:00 GMT"])
def test_a_long_pause_is_left_to_the_next_cycle(pause: str) -> None:
    responses.get(URL, status=503, headers={"Retry-After": pause}, json={"message": "Maintenance"})
    with pytest.raises(Temporary, match="Maintenance") as caught:
        client().get("/things")
    assert caught.value.retry_after is not None
    assert caught.value.retry_after >= 600
    assert len(responses.calls) == 1


@responses.activate
def test_a_retry_after_in_the_past_is_no_pause() -> None:
    responses.get(URL, status=503, headers={"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"})
    responses.get(URL, json={"ok": 1})
    assert client().get("/things").status == 200


def test_pauses_grow_up_to_twenty_seconds() -> None:
    state = RetryCallState(Retrying(), None, (), {})
    longest = []
    for state.attempt_number in range(1, 9):
        longest.append(max(USUAL_PAUSE(state) for _ in range(200)))
    assert longest[0] <= 1
    assert longest[:4] == sorted(longest[:4])
    assert 15 < max(longest) <= 20


def test_a_stop_ends_the_waiting() -> None:
    asked = client(f"http://127.0.0.1:{closed_port()}", cancelled=lambda: True)
    with pytest.raises(Cancelled):
        asked.get("/things")


# Connections that stay open


@pytest.fixture
def ports() -> Iterator[tuple[str, list[str]]]:
    """A server that notes the port of each request's other end: one for each connection."""
    seen: list[str] = []

    def handle(request: Request) -> Response:
        seen.append(str(request.environ["REMOTE_PORT"]))
        return Response("{}", content_type="application/json")

    with SandboxServer(handle) as server:
        yield server.url, seen


def test_a_connection_serves_many_requests(ports: tuple[str, list[str]]) -> None:
    url, seen = ports
    asked = client(url)
    asked.get("/things")
    asked.request("POST", "/things", body=b"{}")
    asked.get("/things")
    assert len(seen) == 3
    assert len(set(seen)) == 1


def test_nothing_is_written_on_a_connection_that_was_idle_for_long(
    ports: tuple[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server may be closing it at this very moment, and then nobody knew what became of it."""
    monkeypatch.setattr(http, "KEPT_OPEN", 0.05)
    url, seen = ports
    asked = client(url)
    asked.get("/things")
    time.sleep(0.1)
    asked.get("/things")
    time.sleep(0.1)
    asked.request("POST", "/things", body=b"{}")
    assert seen[0] == seen[1] != seen[2]


def test_a_connection_that_the_server_closed_is_noticed(
    ports: tuple[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Handler, "timeout", 0.05)
    url, seen = ports
    asked = client(url, attempts=1)
    for _ in range(3):
        asked.get("/things")
        asked.request("POST", "/things", body=b"{}")
        time.sleep(0.2)
    assert len(seen) == 6
    assert len(set(seen)) == 3


GARBAGE: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "the answer was empty"),
    "spaces": (b" \n", "the answer was empty"),
    "challenge": (b"<html><title>Just a moment...</title></html>", "challenge page"),
    "login": (b'<html><form action="/wp-login.php"></form></html>', "login page"),
    "html": (b"<!DOCTYPE html><title>Hello &amp; welcome</title>", '"Hello & welcome"'),
    "truncated": (b'[{"id": 1}, {"id"', "cut off"),
    "text": (b"OK", "text that is no JSON"),
    "null": (b"null", "wrong type"),
    "text in JSON": (b'"x"', "wrong type"),
    "nested": (b"[" * 100_000 + b"]" * 100_000, "cut off, or its JSON is broken"),
    "absurd": (b'{"a": 1e99999999999999999999}', "cut off, or its JSON is broken"),
    "long": (b'{"a": ' + b"9" * 100_000 + b"}", "cut off, or its JSON is broken"),
    "NaN": (b'{"a": NaN}', "cut off, or its JSON is broken"),
}


@responses.activate
@pytest.mark.parametrize("name", GARBAGE)
def test_what_is_no_json_is_named(name: str) -> None:
    body, words = GARBAGE[name]
    responses.get(URL, body=body)
    with pytest.raises(NotTheApi) as caught:
        client().get("/things")
    assert words in caught.value.reason
    assert len(responses.calls) == 4


@responses.activate
@pytest.mark.parametrize("name", GARBAGE)
def test_what_is_no_json_leaves_a_write_unknown(name: str) -> None:
    responses.post(URL, body=GARBAGE[name][0])
    with pytest.raises(UnknownOutcome):
        client().request("POST", "/things", body=b"{}")
    assert len(responses.calls) == 1


RECOVERED: dict[str, bytes] = {
    "byte order mark": b'\xef\xbb\xbf[{"id": 1}]',
    "line and mark": b'\n\xef\xbb\xbf\n[{"id": 1}]',
    "warning": b'<br />\n<b>Warning</b>:  Undefined [x] {y} on line <b>2</b><br />\n[{"id": 1}]',
    "plain warning": b'Warning: Undefined array key "a[0]" in /srv/x.php on line 3\n[{"id": 1}]',
}


@responses.activate
@pytest.mark.parametrize("method", ["GET", "PUT"])
@pytest.mark.parametrize("name", RECOVERED)
def test_json_behind_a_byte_order_mark_or_php_warnings_is_read(name: str, method: str) -> None:
    responses.add(method, URL, body=RECOVERED[name], content_type="text/html")
    body = None if method == "GET" else b"{}"
    assert client().request(method, "/things", body=body).data == [{"id": 1}]


@responses.activate
def test_half_an_emoji_does_not_spoil_a_list() -> None:
    responses.get(URL, body=rb'["\ud83d", "\ud83d\ude00", "\\ud83d"]')
    assert client().get("/things").data == ["\ufffd", "\U0001f600", r"\ud83d"]


@responses.activate
def test_a_firewall_that_refuses_a_write_has_not_done_it() -> None:
    responses.post(URL, status=403, body="<html><title>Just a moment...</title></html>")
    with pytest.raises(NotTheApi, match="firewall or the CDN"):
        client().request("POST", "/things", body=b"{}")


@responses.activate
def test_a_redirect_is_not_followed_and_names_the_address() -> None:
    where = "https://user:pass@www.api.test/v2/things?token=secret"
    responses.post(URL, status=301, headers={"Location": where})
    with pytest.raises(Moved) as caught:
        client(auth=lambda: Bearer(SECRET)).request("POST", "/things", body=b"{}")
    assert caught.value.remedy == "Set url in the config to https://www.api.test/v2"
    assert "secret" not in str(caught.value)
    assert len(responses.calls) == 1


@responses.activate
@pytest.mark.parametrize("where", ["/things/", "/wp-login.php?redirect_to=x"])
def test_a_redirect_to_a_page_of_the_site_is_not_the_api(where: str) -> None:
    responses.get(URL, status=302, headers={"Location": where})
    with pytest.raises(NotTheApi, match="redirects"):
        client().get("/things")


@responses.activate
def test_every_request_says_who_asks_and_wants_json() -> None:
    responses.put(URL, json={})
    client().request("PUT", "/things", body=b"{}")
    sent = responses.calls[0].request.headers
    assert sent["Accept"] == "application/json"
    assert sent["Content-Type"] == "application/json"
    assert sent["User-Agent"].startswith("katana-woo-sync/")
    assert "python-requests" not in sent["User-Agent"]  # which firewalls look for


def test_credentials_of_the_environment_never_take_the_place_of_ours(
    server: SandboxServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login someone password else")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    seen: list[str | None] = []

    def handle(request: Request) -> Response:
        seen.append(request.headers.get("Authorization"))
        return Response("{}", content_type="application/json")

    with SandboxServer(handle) as other:
        client(other.url, auth=lambda: Bearer(SECRET)).get("/x")
        client(other.url).get("/x")
    assert seen == [f"Bearer {SECRET}", None]


def test_ca_file_holds_whatever_the_environment_says(
    server: SandboxServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = tmp_path / "ours.pem"
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "environment.pem"))
    with pytest.raises(Unreachable) as caught:
        client(server.url.replace("http:", "https:"), verify=str(ours), attempts=1).get("/x")
    assert "ours.pem" in caught.value.reason


@pytest.mark.parametrize("key", ["ключ-из-кириллицы", "two\nlines-of-a-key"])
def test_a_key_that_no_header_can_hold_is_refused_in_words(server: SandboxServer, key: str) -> None:
    with pytest.raises(RefusedKey, match="characters that no key has"):
        client(server.url, auth=lambda: Bearer(key)).request("POST", "/x", body=b"{}")
    assert server.count() == 0


def test_cookies_are_not_kept(server: SandboxServer) -> None:
    seen: list[str | None] = []

    def handle(request: Request) -> Response:
        seen.append(request.headers.get("Cookie"))
        return Response("{}", headers={"Set-Cookie": "a=b"}, content_type="application/json")

    with SandboxServer(handle) as other:
        asked = client(other.url)
        asked.get("/x")
        asked.get("/x")
    assert seen == [None, None]


ODD_ANSWERS: tuple[Callable[[], None], ...] = (
    lambda: responses.get(URL, status=500, json={"message": f"failed for {SECRET}"}) and None,
    lambda: responses.get(URL, body=f"<title>consumer_key={KEY}</title><html>") and None,
    lambda: responses.get(URL, status=302, headers={"Location": f"https://x/{SECRET}"}) and None,
    lambda: responses.get(URL, body=requests.ConnectionError(f"lost {SECRET}")) and None,
)


@responses.activate
@pytest.mark.parametrize("number", range(len(ODD_ANSWERS)))
def test_no_error_holds_a_secret(number: int) -> None:
    ODD_ANSWERS[number]()
    with pytest.raises(ServiceError) as caught:
        client(attempts=1).get("/things")
    assert SECRET not in str(caught.value)
    assert KEY not in str(caught.value)
    assert "[hidden]" in str(caught.value)


@responses.activate
def test_what_the_other_side_says_is_no_terminal_escape() -> None:
    responses.get(URL, status=500, json={"message": "a\x1b[2Jb\nc"})
    with pytest.raises(Temporary) as caught:
        client(attempts=1).get("/things")
    assert r"a\x1b[2Jb c" in str(caught.value)
