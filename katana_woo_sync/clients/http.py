"""HTTP with time-outs, retries, redaction, and errors that say what is known.

What matters most is whether a request that failed may have been carried out. A read is simply tried
again. A write is tried again only where it certainly was not: the name did not resolve, the
connection was refused, TLS failed, its body never began to be sent, or the service said 429.
Everything else that goes wrong with a write is an unknown outcome. (That the other side hung up is
no proof: it does so after a crash half-way too.)
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Mapping, MutableMapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from http.cookiejar import DefaultCookiePolicy
from io import BytesIO
from types import MappingProxyType
from urllib.parse import quote_plus, urlencode, urljoin, urlsplit

import requests
import urllib3
from msgspec import Struct
from requests.auth import AuthBase
from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception,
    wait_random_exponential,
)

from katana_woo_sync import __version__
from katana_woo_sync.clients import deadline, failures
from katana_woo_sync.clients.answers import (
    Garbage,
    JsonAnswer,
    TooManyValues,
    as_of,
    is_challenge,
    is_challenge_path,
    parse_json,
    retry_after,
    skew_of,
    what_is,
    words_of,
)
from katana_woo_sync.clients.errors import (
    Locked,
    Moved,
    NoTls,
    NotTheApi,
    RefusedKey,
    ServiceError,
    Temporary,
    Throttled,
    TooLarge,
    UnknownOutcome,
    Unreachable,
)
from katana_woo_sync.clients.redact import Redactor, one_line
from katana_woo_sync.clients.throttle import Cancelled, Throttle

CONNECT_TIMEOUT = 10.0
LARGEST_ANSWER = 32 * 1024 * 1024
LONGEST_PAUSE = 60.0
"""A service that asks for a longer pause (maintenance: 600 s) is left for the next cycle."""

_quoted = lru_cache(maxsize=256)(quote_plus)
"""Names and values of parameters, as they stand in an address: most are the same each time."""

KEPT_OPEN = 2.0
"""Seconds after which a write opens a connection anew: servers close idle ones after some seconds,
and a write that is lost in that is an unknown outcome."""

BACKOFF = wait_random_exponential(multiplier=1, max=20)
NO_CONTENT = 204
TOO_MANY = 429
LOCKS = ("basic", "digest", "negotiate", "ntlm")
"""How a web server, before any program of the site, asks for a name and password."""

LATER = "It is tried again with the next cycle"
RECENT = 5
"""How many answers tell how long a service takes."""

NAP = 0.5
"""How often a waiting request looks whether it should stop."""

Params = Sequence[tuple[str, str]]


def utc_now() -> datetime:
    """The time now, UTC."""
    return datetime.now(UTC)


class _Body(BytesIO):
    """A request's body that knows whether any of it was taken to be sent."""

    begun = False

    def read(self, size: int | None = -1, /) -> bytes:
        self.begun = True
        return super().read(size)


class _Route(Struct, frozen=True):
    """The proxies and the certificate authorities for a service."""

    proxies: MutableMapping[str, str]
    verify: bool | str | None


class NoKey(AuthBase):
    """No credentials; given all the same, so that no netrc entry takes their place."""

    def __call__(self, r: requests.PreparedRequest) -> requests.PreparedRequest:
        """Leave the request as it is."""
        return r


class WriteInDryRun(Exception):
    """A write was asked of a client that may only read: a fault of this program."""


class Exchange(Struct, frozen=True):
    """A request and its answer, whose `status` is 0 where none came."""

    method: str
    path: str
    params: Params
    body: bytes | None
    status: int = 0
    headers: Mapping[str, str] = MappingProxyType({})
    content: bytes = b""


class HttpClient:
    """One service. Safe to use from several threads; each has a session of its own.

    `auth` makes what signs one request. `verify` is passed with every request, since requests
    ignores the session's own where REQUESTS_CA_BUNDLE is set. Redirects are never followed, and
    cookies never kept. A subclass has the service's own words (`refusal`).
    """

    API_PATHS: tuple[str, ...] = ()
    """What `base_url` may add to the address that stands in the config."""

    HARMLESS: Collection[tuple[str, str]] = ()
    """Methods and paths of writes that can change nothing: who only reads may send them too."""

    def __init__(
        self,
        service: str,
        base_url: str,
        *,
        redactor: Redactor,
        timeout: float = 30.0,
        verify: bool | str = True,
        auth: Callable[[], AuthBase] = NoKey,
        headers: Mapping[str, str] | None = None,
        throttle: Throttle | None = None,
        attempts: int = 4,
        sleep: Callable[[float], None] = time.sleep,
        cancelled: Callable[[], bool] = lambda: False,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self.service = service
        self._clock = clock
        self.base_url = base_url.rstrip("/")
        self._redactor = redactor
        self._timeout = (min(CONNECT_TIMEOUT, timeout), timeout)
        self._verify = verify
        self._auth = auth
        self._headers = {
            **requests.utils.default_headers(),
            "Accept": "application/json",
            "User-Agent": f"katana-woo-sync/{__version__}",
            **(headers or {}),
        }
        self._throttle = throttle
        self._attempts = attempts
        self._sleep = sleep
        self._cancelled = cancelled
        self._local = threading.local()
        self._routes: dict[str, _Route] = {}
        self._retrying = Retrying(
            stop=self._is_enough,
            wait=_pause,
            retry=retry_if_exception(_may_be_repeated),
            sleep=self._nap,
            reraise=True,
        )
        self.reads_only = False
        """Whether no request but GET is sent: a dry run writes nothing, whatever asks it to."""
        self.waiting: Callable[[], AbstractContextManager[None]] = nullcontext
        """Entered while an answer, or the quota, is waited for: others may work meanwhile."""
        self.listen: Callable[[Exchange], None] = lambda _exchange: None
        """Called with each request that was sent."""
        self._count_lock = threading.Lock()
        self._sent = 0
        self._took: deque[float] = deque(maxlen=RECENT)
        self.clock_skew: timedelta | None = None
        """How far the service's clock is ahead of ours, by its last answer."""

    @property
    def sent(self) -> int:
        """How many requests were sent, retries included; those that never left are not counted."""
        return self._sent

    @property
    def latency(self) -> float:
        """How many seconds the last answers took, in the middle of them; 0 before the first."""
        took = sorted(self._took)
        return took[len(took) // 2] if took else 0.0

    def get(self, path: str, params: Params = ()) -> JsonAnswer:
        """Read. Raises a `ServiceError`."""
        return self.request("GET", path, params=params)

    def page(self, path: str) -> tuple[str, str]:
        """A page of the site as people see it: its HTML, and the address that it redirects to (""
        where it does not). Raises a `ServiceError`."""
        action = f"GET {path}"
        deadline.begin(self._timeout[1])
        try:
            response = self._send("GET", path, (), None)
        except failures.FAILURES as error:
            raise self._lost(action, error, is_read=True, never_left=False) from None
        with response:
            self._count()
            content = self._content(action, response, is_read=True)
        return content.decode("utf-8", "replace"), response.headers.get("Location", "")

    def request(
        self, method: str, path: str, *, params: Params = (), body: bytes | None = None
    ) -> JsonAnswer:
        """Send a request and return its JSON. Raises a `ServiceError`; for a write whose outcome is
        not known that is `UnknownOutcome`, and any other says that nothing was done. Raises
        `Cancelled` where a stop is asked for while it waits; nothing was done then either."""
        if self.reads_only and method != "GET" and (method, path) not in self.HARMLESS:
            raise WriteInDryRun(f"{method} {path}: a dry run writes nothing")
        with self.waiting():
            return self._retrying(self._once, method, path, params, body)

    def _is_enough(self, state: RetryCallState) -> bool:
        """A server that lets a request time out is asked twice at most: it takes the longest."""
        error = state.outcome.exception() if state.outcome is not None else None
        slow = isinstance(error, Temporary) and error.timed_out
        return state.attempt_number >= (min(2, self._attempts) if slow else self._attempts)

    def _nap(self, seconds: float) -> None:
        while seconds > 0:
            if self._cancelled():
                raise Cancelled
            self._sleep(min(seconds, NAP))
            seconds -= NAP

    def _once(self, method: str, path: str, params: Params, body: bytes | None) -> JsonAnswer:
        if self._throttle is not None:
            self._throttle.acquire(self._cancelled)
        action, is_read = f"{method} {path}", method == "GET"
        begun = time.monotonic()
        deadline.begin(self._timeout[1])
        sent_body = None if body is None else _Body(body)
        try:
            response = self._send(method, path, params, sent_body)
        except failures.FAILURES as error:
            never_left = sent_body is not None and not sent_body.begun
            lost = self._lost(action, error, is_read=is_read, never_left=never_left)
            if not isinstance(lost, (Unreachable, RefusedKey)):
                self._count()
                self.listen(Exchange(method, path, params, body))
            raise lost from None
        finally:
            self._took.append(time.monotonic() - begun)
        self._count()
        with response:
            if self._throttle is not None:
                self._throttle.observe(response.headers)
            content = self._content(action, response, is_read=is_read)
            status, headers = response.status_code, response.headers
            self.listen(Exchange(method, path, params, body, status, headers, content))
            self._local.used_at = time.monotonic()
            now = self._clock()
            skew = skew_of(response.headers, now)
            self.clock_skew = self.clock_skew if skew is None else skew
            at = as_of(response.headers, now)
            if not is_read:
                # some servers date an answer by when its request came: before what it wrote
                at += timedelta(seconds=time.monotonic() - begun)
            return self._read(action, response, content, at, is_read=is_read)

    def _count(self) -> None:
        with self._count_lock:
            self._sent += 1

    def _send(
        self, method: str, path: str, params: Params, body: _Body | None
    ) -> requests.Response:
        headers = dict(self._headers)
        if body is not None:
            headers["Content-Type"] = "application/json"
        request = requests.Request(
            method,
            self._url(path),
            params=urlencode(params, quote_via=_quoted),
            data=body,
            headers=headers,
            auth=self._auth(),
        )
        route = self._route()
        return self._session(for_write=method != "GET").send(
            request.prepare(),
            timeout=self._timeout,
            verify=route.verify,
            proxies=route.proxies,
            allow_redirects=False,
            stream=True,
        )

    def _url(self, path: str) -> str:
        return self.base_url + path

    def _route(self) -> _Route:
        """How the environment says the service is reached. requests would look through the whole
        of it for each request, which costs more than sending it."""
        route = self._routes.get(self.base_url)
        if route is None:
            said = self._session(for_write=False).merge_environment_settings(
                self.base_url, {}, None, self._verify, None
            )
            route = _Route(said["proxies"], said["verify"])
            self._routes[self.base_url] = route
        return route

    def _session(self, *, for_write: bool) -> requests.Session:
        session: requests.Session | None = getattr(self._local, "session", None)
        if session is None:
            session = requests.Session()
            session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=()))
            adapter = deadline.DeadlineAdapter(max_retries=urllib3.Retry(0, read=False))
            session.mount("https://", adapter)
            session.mount("http://", adapter)
            self._local.session = session
        used_at: float = getattr(self._local, "used_at", 0.0)
        if for_write and time.monotonic() - used_at > KEPT_OPEN:
            session.close()  # its connections; it opens others
        return session

    def _content(self, action: str, response: requests.Response, *, is_read: bool) -> bytes:
        chunks, size = [], 0
        try:
            for chunk in response.iter_content(64 * 1024):
                chunks.append(chunk)
                size += len(chunk)
                if size > LARGEST_ANSWER:
                    raise self._too_large(action, is_read=is_read)
        except failures.FAILURES as error:
            if is_read and failures.is_timeout(error):
                reason = "the answer did not end within the time allowed"
                raise Temporary(self.service, action, reason, LATER, timed_out=True) from None
            reason = f"the answer was cut off ({self.words(failures.reason(error))})"
            raise self._garbage(action, reason, is_read=is_read, passing=True) from None
        return b"".join(chunks)

    def words(self, text: object) -> str:
        """Text of the other side's, for a message: without secrets, on one line, not too long."""
        line = one_line(self._redactor.text(str(text)))
        return line if len(line) <= 1000 else f"{line[:999]}…"

    def _lost(
        self, action: str, error: Exception, *, is_read: bool, never_left: bool
    ) -> ServiceError:
        """The error for a request that brought no answer."""
        reason = self.words(failures.reason(error))
        if failures.is_unsendable_key(error):
            return RefusedKey(
                self.service,
                action,
                "the key cannot be sent: it holds characters that no key has",
                "Copy the key into the config again",
            )
        if failures.is_about_tls(error) and failures.speaks_no_tls(error):
            return NoTls(
                self.service,
                action,
                "this address does not speak https: it answers unencrypted",
                "Set url to the https address. If the shop has none, set url to the http address "
                "and allow_http = true: requests are then signed, which keeps the keys secret, but "
                "customers' data can be read on the way",
                passing=False,
            )
        if failures.is_about_tls(error) and (never_left or failures.was_not_sent(error)):
            return Unreachable(
                self.service,
                action,
                f"TLS failed ({reason})",
                _remedy_for_tls(reason),
                passing=failures.is_passing(error),
            )
        if never_left or failures.was_not_sent(error):
            remedy = "Check the address and the network; it is tried again with the next cycle"
            return Unreachable(self.service, action, reason, remedy)
        if is_read:
            slow = failures.is_timeout(error)
            return Temporary(self.service, action, reason, LATER, timed_out=slow)
        return self.unknown(action, reason)

    def unknown(self, action: str, reason: str) -> UnknownOutcome:
        """The error for a write whose answer was lost, or does not say what became of it."""
        remedy = "The program asks whether it was done before it does it again"
        return UnknownOutcome(self.service, action, f"the answer was lost: {reason}", remedy)

    def _too_large(self, action: str, *, is_read: bool) -> ServiceError:
        """The error for an answer of a size that no page of a list has."""
        reason = "the answer is far too large"
        if not is_read:
            return self.unknown(action, reason)
        return TooLarge(self.service, action, reason, self.remedy_for_garbage(reason))

    def _garbage(
        self, action: str, reason: str, *, is_read: bool, passing: bool = False
    ) -> ServiceError:
        """The error for something that came in the place of an answer that said yes."""
        if not is_read:
            return self.unknown(action, reason)
        remedy = self.remedy_for_garbage(reason)
        return NotTheApi(self.service, action, reason, remedy, passing=passing)

    def _read(
        self,
        action: str,
        response: requests.Response,
        content: bytes,
        at: datetime,
        *,
        is_read: bool,
    ) -> JsonAnswer:
        status = response.status_code
        if 300 <= status < 400:
            raise self._redirected(action, response)
        if status == TOO_MANY and not is_challenge(content):
            raise self._too_many(action, response)
        if status >= 500 or status in (408, 425):
            raise self._server_error(action, response, content, is_read=is_read)
        if status == NO_CONTENT and not is_read:
            # a yes that has no body, and says so
            return JsonAnswer(status, response.headers, None, at)
        try:
            data = parse_json(content)
        except TooManyValues:
            raise self._too_large(action, is_read=is_read) from None
        except Garbage as error:
            said = self.words(error)
            if status < 300:
                raise self._garbage(action, said, is_read=is_read, passing=True) from None
            raise self._refused_in_html(action, response, said) from None
        if status < 300:
            return JsonAnswer(status, response.headers, data, at)
        raise self.refusal(action, status, data)

    def _refused_in_html(self, action: str, response: requests.Response, said: str) -> ServiceError:
        """The error for a 4xx that is not the API's own: nothing was done."""
        status = response.status_code
        lock = response.headers.get("WWW-Authenticate", "").partition(" ")[0].strip(",")
        if status == 401 and lock.lower() in LOCKS:
            return Locked(
                self.service,
                action,
                "the site asks for a user name and password of its own before it lets anybody in "
                f"(HTTP 401, {lock}), as staging sites do; the keys never reached WooCommerce",
                "Have it let this machine's address, or /wp-json/, through without that password",
            )
        if status == 401:
            return self.refusal(action, status, {"message": f"HTTP 401: {said}"})
        reason = f"HTTP {status}: {said}"
        return NotTheApi(self.service, action, reason, self.remedy_for_garbage(said))

    def _too_many(self, action: str, response: requests.Response) -> Throttled:
        pause = retry_after(response.headers, self._clock())
        if self._throttle is not None and pause is not None:
            self._throttle.block(pause)
        return Throttled(
            self.service, action, "too many requests (HTTP 429)", LATER, retry_after=pause
        )

    def _server_error(
        self, action: str, response: requests.Response, content: bytes, *, is_read: bool
    ) -> ServiceError:
        reason = f"HTTP {response.status_code}: {self._said(content)}"
        if not is_read:
            return self.unknown(action, reason)
        if is_challenge(content):
            return NotTheApi(self.service, action, reason, self.remedy_for_garbage(reason))
        pause = retry_after(response.headers, self._clock())
        return Temporary(self.service, action, reason, LATER, retry_after=pause)

    def _redirected(self, action: str, response: requests.Response) -> ServiceError:
        """Nothing was done, and nothing is sent to where it leads."""
        asked = urlsplit(response.url)
        target = urlsplit(urljoin(response.url, response.headers.get("Location", "")))
        path, status = target.path.rstrip("/"), response.status_code
        same_place = (asked.scheme, asked.netloc) == (target.scheme, target.netloc)
        if same_place and path in ("", asked.path.rstrip("/")):
            reason = f"it redirects within the site (HTTP {status}), as an HTML page would"
            return NotTheApi(self.service, action, reason, self.remedy_for_garbage("an HTML page"))
        if is_challenge_path(path):
            reason = f"it redirects to a challenge page of a firewall (HTTP {status})"
            return NotTheApi(self.service, action, reason, self.remedy_for_garbage(reason))
        if "login" in path or "signup" in path:
            reason = f"it redirects to a login page (HTTP {status})"
            return NotTheApi(self.service, action, reason, self.remedy_for_garbage("a login page"))
        host = target.netloc.rpartition("@")[2]
        base = path.removesuffix(action.partition(" ")[2])
        for api in self.API_PATHS:
            base = base.removesuffix(api)
        there = f"{target.scheme}://{host}{base}"
        where = self.words(there)
        return Moved(
            self.service,
            action,
            f"it redirects to {where} (HTTP {status}), and credentials are never sent along",
            f"Set url in the config to {where}",
            target=there,
        )

    def _said(self, content: bytes) -> str:
        try:
            data = parse_json(content)
        except Garbage:
            return self.words(what_is(content))
        said = data.get("message") if isinstance(data, dict) else None
        return self.words(words_of(str(said or "no message"), 300))

    def remedy_for_garbage(self, reason: str) -> str:
        """What to do about an answer that is no JSON."""
        if "challenge" in reason:
            return "Allow this machine's address in the firewall or the CDN before the service"
        return LATER

    def refusal(self, action: str, status: int, data: object) -> ServiceError:
        """The error for a 4xx answer; each service has its own words."""
        raise NotImplementedError


def _remedy_for_tls(reason: str) -> str:
    """What to do about an encrypted connection that could not be made, by OpenSSL's words."""
    if "expired" in reason:
        return "Have its certificate renewed; if it is not expired, set this machine's clock"
    if "mismatch" in reason or "doesn't match" in reason:
        return "Its certificate is for another address: check url, such as with or without www."
    return (
        "Check the address and the clock of this machine; for a certificate of your own "
        "authority set ca_file to a file that holds it"
    )


def _pause(state: RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome is not None else None
    asked = error.retry_after if isinstance(error, (Temporary, Throttled)) else None
    return max(asked or 0.0, float(BACKOFF(state)))


def _may_be_repeated(error: BaseException) -> bool:
    """Whether the request may be sent again at once: it was not acted on, or is only a read."""
    if isinstance(error, (Temporary, Throttled)):
        return error.retry_after is None or error.retry_after <= LONGEST_PAUSE
    return isinstance(error, (Unreachable, NotTheApi)) and error.passing
