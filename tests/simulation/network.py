"""The network between the program and the services, and what goes wrong with either.

A request reaches the sandbox's own WSGI application after some virtual time, and its answer comes
back after some more; meanwhile others have their turn, so requests overtake each other. What goes
wrong does so by `Trouble`s, which end after some requests or at a time.
"""

from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http import HTTPStatus
from random import Random
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import requests
import urllib3
from urllib3 import HTTPResponse
from urllib3.exceptions import IncompleteRead, NameResolutionError, NewConnectionError

from katana_woo_sync.sandbox.server import HTML_ERROR_PAGE, SandboxServer
from tests.in_process import Answer, answer_of, date_of, response_of
from tests.simulation.scheduler import Heard

if TYPE_CHECKING:
    from datetime import datetime

    from tests.simulation.scheduler import Scheduler

ODD: tuple[object, ...] = (
    *(None, True, 0, -1, 2**31, 2**63, 10**30, 1.5, -0.0, 1e308, "", " ", "x", "0", "-1", "1e999"),
    *("NaN", "12,40", "1.234,56", "<b>5</b>", "'; DROP TABLE orders; --", "0000-00-00T00:00:00"),
    *("9999-12-31T23:59:59Z", "0001-01-01T00:00:00+14:00", "\0", "\u202e", "\ud800", "a" * 20_000),
    *([], [[]], [None], ["x"], {}, {"id": None}, {"0": {}}, [{}], [{"id": 1}], [[[[[[1]]]]]]),
)
"""What stands in a field in the place of what belongs there."""

NOT_SENT = ("unknown_host", "refused")
LOST_BEFORE = ("reset_before", "silent")
LOST_AFTER = ("reset_after", "silent_after", "acts_late", "cut_off")
ANSWERS = ("500", "502", "503", "504", "500_after", "502_after", "429", "html", "empty_after")
ODDITIES = ("repeated", "odd_value")
TWICE = (
    *("/sales_order_shipping_fee", "/fulfillments", "/shipment-trackings", "/notes"),
    *("/customers", "/tax_rates", "/services"),
)
"""What a service makes again when it is asked for it again."""

QUOTA_USED_UP = "quota_used_up"
"""How it is counted that Katana answers that it was asked too often."""

BODY_SHOWN = 200
"""How much of what is sent stands in a trace."""

KINDS = (*NOT_SENT, *LOST_BEFORE, *LOST_AFTER, *ANSWERS, *ODDITIES)


@dataclass
class Trouble:
    """What goes wrong with the next `times` requests that match, until a time at most."""

    kind: str
    server: str = ""
    method: str = ""
    path: str = ""
    times: int = 1
    skip: int = 0
    until: datetime | None = None
    dice: Random = field(default_factory=lambda: Random(0))

    def takes(self, server: str, method: str, path: str, now: datetime) -> bool:
        """Whether it is this request's; it is used up by that."""
        if (
            self.times <= 0
            or self.server not in ("", server)
            or self.method not in ("", method)
            or self.path not in path
            or (self.until is not None and now >= self.until)
        ):
            return False
        if self.skip > 0:
            self.skip -= 1
            return False
        self.times -= 1
        return True


class Network:
    """Carries requests. `tell` is told of each: who asked, and what came of it."""

    def __init__(
        self, scheduler: Scheduler, dice: Random, tell: Callable[[str, str], None]
    ) -> None:
        self._scheduler = scheduler
        self._dice = dice
        self._tell = tell
        self.look: Callable[[str, str, str, bytes], None] = lambda *_asked: None
        """Called before a service acts on what it is asked: server, method, path and body."""
        self.servers: dict[str, tuple[str, SandboxServer]] = {}
        """By their addresses, with the names that steps give them."""
        self.troubles: list[Trouble] = []
        self.quickest, self.slowest = 0.02, 0.3
        """Seconds that a way takes."""
        self.twice: tuple[str, ...] = TWICE
        self.occurred: Counter[str] = Counter()
        self.late = 0
        """Requests that a service will act on after the program has given them up."""

    def start(self, server: SandboxServer, name: str) -> None:
        """Serve it, without a socket."""
        port = 20_001 + len(self.servers)
        server._server = _Unbound(port)  # type: ignore[assignment]
        # https: so that no request has to be signed, which takes long
        server._ssl_context = ("", "")
        self.servers[f"127.0.0.1:{port}"] = (name, server)

    def send(
        self, adapter: Any, request: requests.PreparedRequest, *_arguments: Any, **named: Any
    ) -> requests.Response:
        """As `requests.adapters.HTTPAdapter.send`."""
        address = urlsplit(request.url or "")
        name, server = self.servers[address.netloc]
        method, path = request.method or "", address.path
        allowed: float = named["timeout"][1]
        body = b"" if request.body is None else request.body.read()  # type: ignore[union-attr]
        sleep, clock = self._scheduler.sleep, self._scheduler.clock
        process = self._scheduler.process()
        self._scheduler.point()
        if process is not None:
            process.asked[name] += 1
        trouble = next((t for t in self.troubles if t.takes(name, method, path, clock.now)), None)
        kind = "" if trouble is None else trouble.kind
        if kind:
            self.occurred[kind] += 1
        asked = f"{method} {path}?{address.query}" if address.query else f"{method} {path}"
        asked += f" {body[:BODY_SHOWN].decode(errors='replace')}" if body else ""
        if kind in NOT_SENT:
            self._tell(name, f"{asked}: {kind}")
            raise _not_sent(kind, request)
        sleep(self._way())
        if kind in LOST_BEFORE:
            self._tell(name, f"{asked}: {kind}")
            if kind == "silent":
                sleep(allowed)
                raise requests.ReadTimeout("Read timed out.", request=request)
            raise _reset(request)
        if kind == "acts_late":
            self._act_late(name, server, request, body, asked)
            sleep(allowed)
            raise requests.ReadTimeout("Read timed out.", request=request)
        acts = not kind.isdigit() and kind != "html"
        if acts and method != "GET":
            self.look(name, method, path, body)
        answer = answer_of(server, request, body) if acts else None
        if kind == "repeated" and not (method == "POST" and path.endswith(self.twice)):
            # else it would be there twice: see "What cannot be promised"
            answer = answer_of(server, request, body)
        self._scheduler.point()
        if answer is not None and answer.status == HTTPStatus.TOO_MANY_REQUESTS:
            self.occurred[QUOTA_USED_UP] += 1
        said = kind or (str(answer.status) if answer is not None else "")
        self._tell(name, f"{asked}: {said}")
        if kind == "silent_after":
            sleep(allowed)
            raise requests.ReadTimeout("Read timed out.", request=request)
        if kind == "reset_after":
            raise _reset(request)
        arrived = self._disturbed(kind, answer, trouble, server)
        way = self._way()
        if way > allowed:
            sleep(allowed)
            self.occurred["too_slow"] += 1
            raise requests.ReadTimeout("Read timed out.", request=request)
        sleep(way)
        self._scheduler.point()
        if kind == "cut_off":
            half = _CutOff(arrived.content)
            broken = HTTPResponse(half, arrived.headers, arrived.status, preload_content=False)
            built: requests.Response = adapter.build_response(request, broken)
            return built
        if process is not None and not kind and arrived.status < HTTPStatus.MULTIPLE_CHOICES:
            sent = json.loads(body) if body else None
            process.did.append(Heard(name, method, path, sent))
        return response_of(request, arrived)

    def _way(self) -> float:
        return self.quickest + (self.slowest - self.quickest) * self._dice.random() ** 3

    def _act_late(
        self,
        name: str,
        server: SandboxServer,
        request: requests.PreparedRequest,
        body: bytes,
        asked: str,
    ) -> None:
        """The service acts on a request that nobody waits for any more, within two minutes."""
        self.late += 1
        wait = self._dice.choice((8, 30, 100))

        def later() -> None:
            self._scheduler.sleep(wait)
            answer = answer_of(server, request, body)
            self.late -= 1
            self._tell(name, f"{asked}: {answer.status}, {wait} seconds late")

        self._scheduler.begin_alone(later)

    def _disturbed(
        self, kind: str, answer: Answer | None, trouble: Trouble | None, server: SandboxServer
    ) -> Answer:
        """The answer as it arrives."""
        page = HTML_ERROR_PAGE.encode()
        if kind in ("html", "empty_after"):
            content = page if kind == "html" else b""
            return _answer(server, 200, content, "text/html; charset=UTF-8")
        if kind in ANSWERS:
            status = int(kind[:3])
            again = {"Retry-After": "7"} if status in (429, 503) else {}
            return _answer(server, status, page, "text/html", again)
        assert answer is not None
        if kind == "odd_value" and trouble is not None:
            odd = _with_odd_value(answer.content, trouble.dice)
            headers = {name: v for name, v in answer.headers.items() if name != "Content-Length"}
            return Answer(answer.status, headers, odd)
        return answer


def _answer(
    server: SandboxServer,
    status: int,
    content: bytes,
    content_type: str,
    more: dict[str, str] | None = None,
) -> Answer:
    headers = {"Content-Type": content_type, "Date": date_of(server), **(more or {})}
    return Answer(status, headers, content)


class _Unbound:
    """What stands where a server would have its socket."""

    def __init__(self, port: int) -> None:
        self.server_port = port


class _CutOff(io.BytesIO):
    """An answer's body that breaks off in the middle."""

    def __init__(self, whole: bytes) -> None:
        super().__init__(whole[: len(whole) // 2])
        self._missing = len(whole) - len(whole) // 2

    def read(self, size: int | None = -1, /) -> bytes:
        part = super().read(size)
        if not part:
            raise urllib3.exceptions.ProtocolError(
                "Connection broken", IncompleteRead(self.tell(), self._missing)
            )
        return part


def _reset(request: requests.PreparedRequest) -> requests.ConnectionError:
    broken = urllib3.exceptions.ProtocolError(
        "Connection aborted.", ConnectionResetError(104, "Connection reset by peer")
    )
    return requests.ConnectionError(broken, request=request)


def _not_sent(kind: str, request: requests.PreparedRequest) -> requests.ConnectionError:
    pool = urllib3.HTTPConnectionPool("127.0.0.1")
    connection: Any = urllib3.connection.HTTPConnection("127.0.0.1")
    reason: Exception
    if kind == "unknown_host":
        reason = NameResolutionError("127.0.0.1", connection, OSError("Name not known"))  # type: ignore[arg-type]
    else:
        reason = NewConnectionError(connection, "[Errno 111] Connection refused")
        reason.__cause__ = ConnectionRefusedError(111, "Connection refused")
    error = urllib3.exceptions.MaxRetryError(pool, request.url or "", reason)
    return requests.ConnectionError(error, request=request)


def _with_odd_value(content: bytes, dice: Random) -> bytes:
    """An odd value in any place of an answer."""
    whole = [json.loads(content or b"null")]
    places = list(_fields(whole))
    container, key = places[dice.randrange(len(places))]
    container[key] = ODD[dice.randrange(len(ODD))]
    return json.dumps(whole[0]).encode()


def _fields(data: object) -> Iterator[tuple[Any, int | str]]:
    """Every place in a JSON value: its container, and the key there."""
    places: Any = enumerate(data) if isinstance(data, list) else []
    if isinstance(data, dict):
        places = data.items()
    for key, value in places:
        yield data, key
        yield from _fields(value)
