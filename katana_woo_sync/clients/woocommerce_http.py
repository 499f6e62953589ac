"""WooCommerce's side of HTTP: how requests are signed, and its own words for what it refuses."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from ipaddress import ip_address
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from requests.auth import AuthBase, HTTPBasicAuth

from katana_woo_sync.clients.answers import JsonAnswer, words_of
from katana_woo_sync.clients.errors import (
    BadRequest,
    Detail,
    MissingPermission,
    NotFound,
    NotTheApi,
    RefusedKey,
    ServiceError,
)
from katana_woo_sync.clients.http import LATER, HttpClient, Params

API = "/wp-json/wc/v3"
INVALID_ID = "woocommerce_rest_shop_order_invalid_id"
AUTHENTICATION = "woocommerce_rest_authentication_error"


class StoreAccess(Protocol):
    """What the client needs of a store's settings."""

    @property
    def name(self) -> str: ...
    @property
    def api_url(self) -> str: ...
    @property
    def consumer_key(self) -> str: ...
    @property
    def consumer_secret(self) -> str: ...
    @property
    def allow_http(self) -> bool: ...
    @property
    def ca_file(self) -> Path | None: ...
    @property
    def timeout(self) -> float: ...


def authentication(store: StoreAccess) -> Callable[[], AuthBase]:
    """How requests are signed: Basic over https; OAuth 1.0a over http, which is all that
    WooCommerce takes there. Raises `ValueError` for http where it is not allowed."""
    where = urlsplit(store.api_url)
    if where.scheme == "https":
        return partial(HTTPBasicAuth, store.consumer_key, store.consumer_secret)
    if not (store.allow_http or is_loopback(where.hostname or "")):
        raise ValueError(f"{store.name}: http is not allowed for {where.hostname}")
    from requests_oauthlib import OAuth1

    # made anew for each request: a nonce and timestamp are good for one
    return partial(
        OAuth1,
        client_key=store.consumer_key,
        client_secret=store.consumer_secret,
        signature_method="HMAC-SHA256",
        signature_type="query",
    )


def is_loopback(host: str) -> bool:
    """Whether the host is this machine, where http leaks nothing."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:  # a name, such as 127.example.com, may be anywhere
        return False


class WooCommerceHttp(HttpClient):
    """HTTP with WooCommerce's own words for what it refuses."""

    API_PATH = API
    _has_read = False

    def get(self, path: str, params: Params = ()) -> JsonAnswer:
        """Read. Raises a `ServiceError`."""
        answer = super().get(path, params)
        self._has_read = True
        return answer

    def refusal(self, action: str, status: int, data: object) -> ServiceError:
        """The error for a 4xx answer, by its `code` and message."""
        answer: Mapping[str, object] = data if isinstance(data, dict) else {}
        code = str(answer.get("code", ""))
        said = self.words(words_of(str(answer.get("message") or f"HTTP {status}"), 300))
        if status == 401:
            return self._unauthorised(action, code, said)
        if status == 403:
            remedy = "Give the key's user the role of administrator or shop manager"
            return MissingPermission(self.service, action, said, remedy)
        if code == "rest_no_route":
            return NotTheApi(
                self.service,
                action,
                f"WordPress answers, but WooCommerce's API is not there ({said})",
                "Is WooCommerce switched on? Are Settings, Permalinks anything but Plain?",
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
                "Check consumer_secret; a proxy may also make the shop sign another address: use "
                "the shop's https address"
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
        if "HTML" in reason:
            return (
                "Check url in the config; in WordPress, Settings, Permalinks must be anything but "
                "Plain, and nothing before the shop may answer in its place"
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
