"""WooCommerce's side of HTTP: how a store is reached, and its own words for what it refuses."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from katana_woo_sync.clients.answers import JsonAnswer, words_of
from katana_woo_sync.clients.connection import (
    ALMOST_PRETTY,
    PRETTY,
    Connection,
    StoreAccess,
    authentication,
    other_ways,
)
from katana_woo_sync.clients.errors import (
    BadRequest,
    Detail,
    MissingPermission,
    Moved,
    NoRoute,
    NotFound,
    NotTheApi,
    RefusedKey,
    ServiceError,
)
from katana_woo_sync.clients.http import LATER, HttpClient, Params, utc_now

if TYPE_CHECKING:
    from katana_woo_sync.clients.redact import Redactor

INVALID_ID = "woocommerce_rest_shop_order_invalid_id"
NO_ORDER = "/orders/0"
"""No shop has an order 0: a write to it tells whether the key may write."""

AUTHENTICATION = "woocommerce_rest_authentication_error"
OWN_API = "/wc/v3"
OF_PLUGINS = "/wc-"
"""How the paths begin of what plugins add beside WooCommerce's own API, for the same keys."""

CLOSED_BY_A_PLUGIN = ("rest_", "itsec_")
"""How the codes of those begin who close WordPress's REST API. WooCommerce's own are others."""

CACHED = ("/products", "/variations", "/taxes")
"""What WooCommerce's REST cache (10.5, where it is switched on) answers from its memory."""

PAST_CACHE = ("_skip_cache", "1")

MOST_WAYS = 4
"""How many other ways to reach a store are tried: some hosts are odd in two ways at once."""

_LINK = re.compile(r"""<a\b[^<>]*?\bhref\s*=\s*["']?([^"'\s<>]+)""", re.IGNORECASE)
_FOLDER = re.compile(r"[A-Za-z0-9_-]+")

log = logging.getLogger("katana_woo_sync.clients")


class WooCommerceHttp(HttpClient):
    """HTTP with WooCommerce's own words for what it refuses.

    `connection` is how the store is reached. It is found out when the first request fails in a way
    that another one may avoid; nothing is asked twice where the usual way works.
    """

    API_PATHS = (ALMOST_PRETTY, PRETTY)
    HARMLESS = (("PUT", NO_ORDER),)

    def __init__(
        self,
        store: StoreAccess,
        *,
        redactor: Redactor,
        attempts: int = 4,
        sleep: Callable[[float], None] = time.sleep,
        cancelled: Callable[[], bool] = lambda: False,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        super().__init__(
            store.name,
            store.api_url + PRETTY,
            redactor=redactor,
            timeout=store.timeout,
            verify=str(store.ca_file) if store.ca_file else True,
            auth=authentication(store, Connection()),
            # caches between here and the shop must not answer in its place
            headers={"Cache-Control": "no-cache"},
            attempts=attempts,
            sleep=sleep,
            cancelled=cancelled,
            clock=clock,
        )
        self._store = store
        self._connection = Connection()
        self._has_read = False
        self._without_keys: dict[str, HttpClient] = {}

    @property
    def sent(self) -> int:
        """How many requests were sent, those without the key too."""
        return super().sent + sum(site.sent for site in self._without_keys.values())

    @property
    def connection(self) -> Connection:
        """How the store is reached."""
        return self._connection

    @connection.setter
    def connection(self, connection: Connection) -> None:
        self._auth = authentication(self._store, connection)
        self.base_url = (connection.url or self._store.api_url) + connection.path
        self._connection = connection
        self._has_read = False  # in this way

    def get(self, path: str, params: Params = ()) -> JsonAnswer:
        """Read, past WooCommerce's own cache of answers. Raises a `ServiceError`."""
        if path.startswith(CACHED):
            params = (*params, PAST_CACHE)
        answer = super().get(path, params)
        self._has_read = True
        return answer

    def request(
        self, method: str, path: str, *, params: Params = (), body: bytes | None = None
    ) -> JsonAnswer:
        """Send a request, in another way where the usual one does not reach the API.

        Nothing was done by a request that was redirected, refused for its key, or answered by a
        page of WordPress: it may be sent again.
        """
        try:
            return super().request(method, path, params=params, body=body)
        except (RefusedKey, NotTheApi, Moved) as error:
            if method != "GET" and not isinstance(error, Moved):
                raise
            if self._has_read and not isinstance(error, Moved):
                raise
            answer = self._otherwise(error, method, path, params, body)
            if answer is None:
                raise
            return answer

    def _otherwise(
        self, error: ServiceError, method: str, path: str, params: Params, body: bytes | None
    ) -> JsonAnswer | None:
        """Try other ways to reach the store; None, and the way as it was, where none works."""
        before, tried = self._connection, {self._connection}
        for _ in range(MOST_WAYS):
            ways = other_ways(self._connection, error, self._store, self._own_address)
            way = next((way for way in ways if way not in tried), None)
            if way is None:
                break
            tried.add(way)
            self.connection = way
            try:
                answer = super().request(method, path, params=params, body=body)
            except (RefusedKey, NotTheApi, Moved) as another:
                error = another
            except ServiceError:
                break
            else:
                log.info("%s: from now on it is reached %s", self.service, self.words(way))
                return answer
        self.connection = before
        return None

    def _without_key(self) -> HttpClient:
        """The site as anybody sees it."""
        url = self._connection.url or self._store.api_url
        if url not in self._without_keys:
            self._without_keys[url] = HttpClient(
                self.service,
                url,
                redactor=self._redactor,
                timeout=self._store.timeout,
                verify=self._verify,
                attempts=1,
            )
        return self._without_keys[url]

    def folders(self) -> list[str]:
        """The folders on the same host that the site's home page links or redirects to, in the
        order of the page; none where there is no such page."""
        site = self._without_key()
        try:
            html, target = site.page("/")
        except ServiceError:
            return []
        home = f"{site.base_url}/"
        links = [urlsplit(urljoin(home, link)) for link in (target, *_LINK.findall(html)) if link]
        host = urlsplit(home).netloc
        paths = [link.path.split("/")[1] for link in links if link.netloc == host and link.path]
        return [name for name in dict.fromkeys(paths) if _FOLDER.fullmatch(name)]

    def namespaces(self) -> list[str]:
        """The APIs that WordPress and its plugins have, such as "wc/v3"; none where the site does
        not say. Raises a `ServiceError` where it does not answer, or with something else: a page of
        the moment would be taken for a site without plugins."""
        index = self._connection.path.removesuffix(OWN_API)
        try:
            data = self._without_key().get(f"{index}/", (("_fields", "namespaces"),)).data
        except (MissingPermission, RefusedKey, NotFound):
            return []  # closed to those without a login, say
        names = data.get("namespaces") if isinstance(data, dict) else None
        return [str(name) for name in names] if isinstance(names, list) else []

    def _url(self, path: str) -> str:
        base = self.base_url
        return base.removesuffix(OWN_API) + path if path.startswith(OF_PLUGINS) else base + path

    def _own_address(self) -> str:
        """The address that the site itself believes to have; "" where it does not say."""
        try:
            data = self._without_key().get("/wp-json/", (("_fields", "home,url"),)).data
        except (ServiceError, NotImplementedError):
            return ""
        return str(data.get("home") or "") if isinstance(data, dict) else ""

    def refusal(self, action: str, status: int, data: object) -> ServiceError:
        """The error for a 4xx answer, by its `code` and message."""
        answer: Mapping[str, object] = data if isinstance(data, dict) else {}
        code = str(answer.get("code", ""))
        said = self.words(words_of(str(answer.get("message") or f"HTTP {status}"), 300))
        if status in (401, 403) and code.startswith(CLOSED_BY_A_PLUGIN):
            reason = f"the REST API is closed: {said} ({code})"
            remedy = (
                "Let /wp-json/wc through in the plugin (or at the host) that closes the REST API"
            )
            return MissingPermission(self.service, action, reason, remedy)
        if status == 401:
            return self._unauthorised(action, code, said)
        if status == 403:
            remedy = "Give the key's user the role of administrator or shop manager"
            return MissingPermission(self.service, action, said, remedy)
        if code == "rest_no_route":
            return NoRoute(
                self.service,
                action,
                f"WordPress answers, but WooCommerce's API is not there ({said})",
                "Switch WooCommerce on, and set Settings, Permalinks to anything but Plain",
            )
        if code == INVALID_ID or status in (404, 410):
            return NotFound(self.service, action, said)
        details = _details(answer)
        named = self.words("; ".join(detail.message for detail in details[:5]))
        reason = f"{said.rstrip('.')}: {named}" if named else said
        return BadRequest(
            self.service, action, f"{reason} ({code or status})", "", status, code, details
        )

    def _unauthorised(self, action: str, code: str, said: str) -> ServiceError:
        # The message is in the shop's language. A key that could read has the right secret.
        is_write = not action.startswith("GET ")
        refused_write = is_write and self._has_read and code == AUTHENTICATION
        if "permission" in said.lower() or refused_write:
            remedy = "Make a key with the permission Read/Write (WooCommerce, Settings, Advanced)"
            return MissingPermission(self.service, action, said, remedy)
        if "signature" in said.lower():
            remedy = (
                "Check consumer_secret. If it is right, a proxy before the shop changes the "
                "address that is signed: set url to the shop's https address"
            )
        elif "nonce" in said.lower() or "timestamp" in said.lower():
            remedy = "Set the clocks of this machine and of the shop's"
        elif "secret" in said.lower():
            remedy = "Check consumer_secret in the config"
        else:
            remedy = (
                "Check consumer_key and consumer_secret; the key may have been revoked, the host "
                "may strip the Authorization header, or permalinks may be Plain"
            )
        reason = f"the key was refused: {said} ({code or 401})"
        return RefusedKey(self.service, action, reason, remedy)

    def remedy_for_garbage(self, reason: str) -> str:
        """Permalinks and firewalls are the usual causes."""
        if "challenge" in reason:
            return (
                "Allow this machine's address, or everything under /wp-json, in the firewall "
                "before the shop (at the host, at a CDN, or in a security plugin)"
            )
        if "HTML" in reason:
            return (
                "Check url in the config. In WordPress, Settings, Permalinks must be anything but "
                "Plain. A maintenance page or a cache must not answer in the shop's place"
            )
        if "login" in reason:
            return "Let this machine read /wp-json without a login (password or members' plugins)"
        if "empty" in reason or "cut off" in reason or "JSON" in reason:
            return f"A plugin may break the shop's answers; look into its PHP log. {LATER}"
        return super().remedy_for_garbage(reason)


def _details(answer: Mapping[str, object]) -> tuple[Detail, ...]:
    data = answer.get("data")
    params = data.get("params") if isinstance(data, dict) else None
    if not isinstance(params, dict):
        return ()
    return tuple(Detail(str(name), "", words_of(str(text), 300)) for name, text in params.items())
