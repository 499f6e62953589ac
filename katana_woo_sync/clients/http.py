"""HTTP with time-outs, retries, redaction, and errors that say what is known.

What matters most is whether a request that failed may have been carried out. A read is simply tried
again. A write is tried again only where it certainly was not: the name did not resolve, the
connection was refused, TLS failed, or the service said 429. Everything else that goes wrong with a
write is an unknown outcome.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from urllib.parse import urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception,
    stop_after_attempt,
    wait_random_exponential,
)

from katana_woo_sync import __version__
from katana_woo_sync.clients.answers import Garbage, JsonAnswer, parse_json, retry_after, what_is
from katana_woo_sync.clients.errors import (
    Moved,
    NotTheApi,
    ServiceError,
    Temporary,
    Throttled,
    UnknownOutcome,
    Unreachable,
)
from katana_woo_sync.clients.redact import Redactor, one_line
from katana_woo_sync.clients.throttle import Throttle

CONNECT_TIMEOUT = 10.0
LARGEST_ANSWER = 64 * 1024 * 1024
LONGEST_PAUSE = 60.0
"""A service that asks for a longer pause (maintenance: 600 s) is left for the next cycle."""

BACKOFF = wait_random_exponential(multiplier=1, max=20)
SERVER_ERRORS = range(500, 600)
TOO_MANY = 429
LATER = "It is tried again with the next cycle"

Params = Sequence[tuple[str, str]]


class HttpClient:
    """One service. Safe to use from several threads; each has a session of its own.

    `verify` is passed with every request, since requests ignores the session's own where
    REQUESTS_CA_BUNDLE is set. Redirects are never followed.
    """

    def __init__(
        self,
        service: str,
        base_url: str,
        *,
        redactor: Redactor,
        timeout: float = 30.0,
        verify: bool | str = True,
        auth: Callable[[], AuthBase] | None = None,
        headers: Mapping[str, str] | None = None,
        throttle: Throttle | None = None,
        attempts: int = 4,
        sleep: Callable[[float], None] = time.sleep,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> None:
        self.service = service
        self.base_url = base_url.rstrip("/")
        self._redactor = redactor
        self._timeout = (min(CONNECT_TIMEOUT, timeout), timeout)
        self._verify = verify
        self._auth = auth
        self._headers = {
            "Accept": "application/json",
            "User-Agent": f"katana-woo-sync/{__version__} {requests.utils.default_user_agent()}",
            **(headers or {}),
        }
        self._throttle = throttle
        self._attempts = attempts
        self._sleep = sleep
        self._cancelled = cancelled
        self._local = threading.local()
        self._count_lock = threading.Lock()
        self._sent = 0

    @property
    def sent(self) -> int:
        """How many requests were sent, retries included."""
        return self._sent

    def get(self, path: str, params: Params = ()) -> JsonAnswer:
        """Read. Raises a `ServiceError`."""
        return self.request("GET", path, params=params)

    def request(
        self, method: str, path: str, *, params: Params = (), body: bytes | None = None
    ) -> JsonAnswer:
        """Send a request and return its JSON. Raises a `ServiceError`; for a write whose outcome is
        not known that is `UnknownOutcome`, and any other says that nothing was done."""
        retrying = Retrying(
            stop=stop_after_attempt(self._attempts),
            wait=_pause,
            retry=retry_if_exception(_may_be_repeated),
            sleep=self._sleep,
            reraise=True,
        )
        return retrying(self._once, method, path, params, body)

    def _once(self, method: str, path: str, params: Params, body: bytes | None) -> JsonAnswer:
        if self._throttle is not None:
            self._throttle.acquire(self._cancelled)
        with self._count_lock:
            self._sent += 1
        action = f"{method} {path}"
        is_read = method == "GET"
        try:
            response, content = self._send(method, path, params, body)
        except requests.RequestException as error:
            raise self._lost(action, error, is_read=is_read) from error
        if self._throttle is not None:
            self._throttle.observe(response.headers)
        return self._read(action, response, content, is_read=is_read)

    def _send(
        self, method: str, path: str, params: Params, body: bytes | None
    ) -> tuple[requests.Response, bytes]:
        headers = dict(self._headers)
        if body is not None:
            headers["Content-Type"] = "application/json"
        with self._session().request(
            method,
            f"{self.base_url}{path}",
            params=list(params),
            data=body,
            headers=headers,
            auth=self._auth() if self._auth is not None else None,
            timeout=self._timeout,
            verify=self._verify,
            allow_redirects=False,
            stream=True,
        ) as response:
            chunks, size = [], 0
            for chunk in response.iter_content(256 * 1024):
                chunks.append(chunk)
                size += len(chunk)
                if size > LARGEST_ANSWER:
                    raise requests.exceptions.ContentDecodingError("the answer is too large")
            return response, b"".join(chunks)

    def _session(self) -> requests.Session:
        session: requests.Session | None = getattr(self._local, "session", None)
        if session is None:
            session = requests.Session()
            adapter = HTTPAdapter(max_retries=urllib3.Retry(0, read=False))
            session.mount("https://", adapter)
            session.mount("http://", adapter)
            self._local.session = session
        return session

    def words(self, text: object) -> str:
        """Text of the other side's, for a message: without secrets, on one line."""
        return one_line(self._redactor.text(str(text)))

    def _lost(
        self, action: str, error: requests.RequestException, *, is_read: bool
    ) -> ServiceError:
        """The error for a request that brought no answer."""
        reason = self.words(_reason(error))
        if _is_certificate(error):
            return Unreachable(
                self.service,
                action,
                f"the certificate was not accepted ({reason})",
                "Check the address and the clock of this machine; for a certificate of your own "
                "authority set ca_file",
            )
        if _was_not_sent(error):
            remedy = "Check the address and the network; it is tried again with the next cycle"
            return Unreachable(self.service, action, reason, remedy)
        if is_read:
            return Temporary(self.service, action, reason, LATER)
        return self._unknown(action, reason)

    def _unknown(self, action: str, reason: str) -> UnknownOutcome:
        remedy = "Whether it happened is asked for before anything is repeated"
        return UnknownOutcome(self.service, action, f"the answer was lost: {reason}", remedy)

    def _read(
        self, action: str, response: requests.Response, content: bytes, *, is_read: bool
    ) -> JsonAnswer:
        status = response.status_code
        if 300 <= status < 400:
            raise self._moved(action, response)
        pause = retry_after(response.headers, datetime.now(UTC))
        if status == TOO_MANY:
            if self._throttle is not None:
                self._throttle.block(pause if pause is not None else LONGEST_PAUSE / 2)
            throttled = Throttled(self.service, action, "too many requests (429)", LATER)
            throttled.__dict__["retry_after"] = pause
            raise throttled
        if status in SERVER_ERRORS:
            reason = f"HTTP {status}: {self._said(content)}"
            if not is_read:
                raise self._unknown(action, reason)
            raise Temporary(self.service, action, reason, LATER, pause)
        try:
            data = parse_json(content)
        except Garbage as error:
            raise self._not_the_api(action, status, str(error), is_read=is_read) from None
        if 200 <= status < 300:
            return JsonAnswer(status, response.headers, data)
        raise self.refusal(action, status, data)

    def _moved(self, action: str, response: requests.Response) -> Moved:
        target = urlsplit(response.headers.get("Location", ""))
        where = self.words(f"{target.scheme}://{target.netloc}") if target.netloc else "elsewhere"
        return Moved(
            self.service,
            action,
            f"it redirects to {where} (HTTP {response.status_code})",
            f"Set the url in the config to the address it redirects to ({where}); credentials are "
            "never sent along",
        )

    def _said(self, content: bytes) -> str:
        try:
            data = parse_json(content)
        except Garbage:
            return self.words(what_is(content) if content.strip() else "no text")
        said = data.get("message") if isinstance(data, dict) else None
        return self.words(said or "no message")

    def _not_the_api(self, action: str, status: int, reason: str, *, is_read: bool) -> ServiceError:
        if not is_read and status < 400:
            return self._unknown(action, self.words(reason))
        said = reason if status < 400 else f"HTTP {status}: {reason}"
        return NotTheApi(self.service, action, self.words(said), self.remedy_for_garbage(reason))

    def remedy_for_garbage(self, reason: str) -> str:
        """What to do about an answer that is no JSON."""
        if "challenge" in reason:
            return "Allow this machine's address in the firewall or the CDN before the shop"
        return LATER

    def refusal(self, action: str, status: int, data: object) -> ServiceError:
        """The error for a 4xx answer; each service has its own words."""
        raise NotImplementedError


def _pause(state: RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome is not None else None
    asked = getattr(error, "retry_after", None)
    return max(asked or 0.0, float(BACKOFF(state)))


def _may_be_repeated(error: BaseException) -> bool:
    """Whether the request may be sent again at once: it was not acted on, or is only a read."""
    asked = getattr(error, "retry_after", None)
    if asked is not None and asked > LONGEST_PAUSE:
        return False
    if isinstance(error, Unreachable):
        return "certificate" not in error.reason
    return isinstance(error, (Temporary, Throttled, NotTheApi))


def _causes(error: BaseException) -> list[BaseException]:
    """The error and what it was raised for, through requests' and urllib3's wrappings."""
    found: list[BaseException] = []
    queue: list[object] = [error]
    while queue and len(found) < 20:
        current = queue.pop(0)
        if isinstance(current, BaseException) and current not in found:
            found.append(current)
            queue += [getattr(current, "reason", None), current.__cause__, *current.args]
    return found


def _was_not_sent(error: requests.RequestException) -> bool:
    never = (
        urllib3.exceptions.NewConnectionError,
        urllib3.exceptions.ConnectTimeoutError,
        requests.exceptions.ConnectTimeout,
        requests.exceptions.InvalidURL,
    )
    return any(isinstance(cause, never) for cause in _causes(error))


def _is_certificate(error: requests.RequestException) -> bool:
    if not isinstance(error, requests.exceptions.SSLError):
        return False
    return "CERTIFICATE" in str(error).upper() or "hostname" in str(error)


def _reason(error: requests.RequestException) -> str:
    """The innermost cause in short words; requests' own text holds the whole url."""
    if isinstance(error, requests.exceptions.ReadTimeout):
        return "no answer within the time allowed"
    if isinstance(error, requests.exceptions.ConnectTimeout):
        return "no connection within the time allowed"
    innermost = _causes(error)[-1]
    text = str(innermost)
    return text.split(": ", 1)[-1] if "object at 0x" in text else text or type(innermost).__name__
