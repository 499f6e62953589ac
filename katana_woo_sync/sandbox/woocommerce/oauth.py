"""Who asks: HTTP Basic or keys in the query over https, OAuth 1.0a over http, as WooCommerce does.

Written after WooCommerce's own way of checking, not with an OAuth library, so that it proves
something about the client.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from dataclasses import dataclass, field
from urllib.parse import quote, unquote

from werkzeug.wrappers import Request

WINDOW = 15 * 60
READS = frozenset({"GET", "HEAD", "OPTIONS"})


class Refused(Exception):
    """A 401 with WooCommerce's code and words."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def cannot_view() -> Refused:
    """What an unknown key, no key and a stripped header all get."""
    return Refused("woocommerce_rest_cannot_view", "Sorry, you cannot list resources.")


def wrong(message: str) -> Refused:
    """What a known key gets that may not do what it asks."""
    return Refused("woocommerce_rest_authentication_error", message)


@dataclass
class Gate:
    """A store's key: `permission` is read, write or read_write."""

    consumer_key: str
    consumer_secret: str
    permission: str = "read_write"
    https: bool = False
    address: str = ""
    """The address that the site signs with; empty for the one that was asked for."""
    nonces: set[tuple[str, str]] = field(default_factory=set)

    def check(self, request: Request) -> None:
        """Raise `Refused` unless the request is signed and allowed."""
        if self.https:
            self._check_https(request)
        else:
            self._check_oauth(request)
        needs = "read" if request.method in READS else "write"
        if needs not in self.permission:
            raise wrong(f"The API key provided does not have {needs} permissions.")

    def _check_https(self, request: Request) -> None:
        key = request.args.get("consumer_key")
        secret = request.args.get("consumer_secret")
        if key is None and request.authorization is not None:
            key, secret = request.authorization.username, request.authorization.password
        if key != self.consumer_key:
            raise cannot_view()
        if secret != self.consumer_secret:
            raise wrong("Consumer secret is invalid.")

    def _check_oauth(self, request: Request) -> None:
        params = {k: v[-1] for k, v in request.args.lists()}
        params.update(_header_params(request.headers.get("Authorization", "")))
        if params.get("oauth_consumer_key") != self.consumer_key:
            raise cannot_view()
        signature = params.pop("oauth_signature", "")
        if not hmac.compare_digest(self._signature(request, params), signature):
            raise wrong("Invalid signature - provided signature does not match.")
        stamp, nonce = params.get("oauth_timestamp", ""), params.get("oauth_nonce", "")
        if not stamp.isdigit() or abs(time.time() - int(stamp)) > WINDOW:
            raise wrong("Invalid timestamp.")
        if (stamp, nonce) in self.nonces:
            raise wrong("Invalid nonce - nonce has already been used.")
        self.nonces.add((stamp, nonce))

    def _signature(self, request: Request, params: dict[str, str]) -> str:
        address = f"{self.address or request.host_url.rstrip('/')}{request.path}"
        pairs = sorted((quote(unquote(k), safe="~"), v) for k, v in params.items())
        joined = "%26".join(f"{_twice(unquote(key))}%3D{_twice(value)}" for key, value in pairs)
        text = f"{request.method}&{quote(address, safe='~')}&{joined}"
        name = params.get("oauth_signature_method", "").removeprefix("HMAC-").lower()
        if name not in ("sha1", "sha256"):
            raise wrong("Invalid signature - signature method is invalid.")
        key = f"{self.consumer_secret}&".encode()
        return base64.b64encode(
            hmac.new(key, text.encode(), getattr(hashlib, name)).digest()
        ).decode()


def _twice(text: str) -> str:
    return quote(quote(text, safe="~"), safe="~")


def _header_params(header: str) -> dict[str, str]:
    if not header.startswith("OAuth "):
        return {}
    pairs = (part.strip().split("=", 1) for part in header[6:].split(","))
    return {p[0]: unquote(p[1].strip('"')) for p in pairs if len(p) == 2}
