"""Who asks: HTTP Basic or keys in the query over https, OAuth 1.0a over http, as WooCommerce does.

Written after WooCommerce's own way of checking, not with an OAuth library, so that it proves
something about the client.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import quote, unquote

from werkzeug.wrappers import Request

WINDOW = 15 * 60
READS = frozenset({"GET", "HEAD"})
OAUTH_PARAMS = (
    "oauth_consumer_key",
    "oauth_timestamp",
    "oauth_nonce",
    "oauth_signature",
    "oauth_signature_method",
)


class Refused(Exception):
    """A 401 with WooCommerce's code and words."""

    def __init__(self, message: str, code: str = "woocommerce_rest_authentication_error") -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass
class Gate:
    """A store's key. `permission` is read, write or read_write; `https` makes the store believe
    that every request came over https; `address` is what the site takes for its own and signs with
    (empty: the one that was asked for). `clock` gives aware UTC."""

    consumer_key: str
    consumer_secret: str
    clock: Callable[[], datetime]
    permission: str = "read_write"
    https: bool = False
    address: str = ""
    strips_header: bool = False
    """Whether the host keeps the Authorization header from PHP, as some do."""
    nonces: dict[int, str] = field(default_factory=dict)

    def is_https(self, request: Request) -> bool:
        """Whether the store takes this request for one over https."""
        return self.https or request.is_secure

    def admits(self, request: Request, path: str) -> bool:
        """Whether the request carries the key; False where it carries none that is known.

        `path` is the one asked for, which is signed. Raises `Refused` for a known key with
        anything wrong about it.
        """
        known = self.is_https(request) and self._basic(request)
        if not known and not self._oauth(request, path):
            return False
        needs = "read" if request.method in READS else "write"
        if needs not in self.permission.split("_"):
            raise Refused(f"The API key provided does not have {needs} permissions.")
        return True

    def _basic(self, request: Request) -> bool:
        """The key in the query, which wins, or in the header. Raises `Refused`."""
        key, secret = request.args.get("consumer_key"), request.args.get("consumer_secret")
        header = None if self.strips_header else request.authorization
        if not (key and secret) and header is not None:
            key, secret = header.username, header.password
        if not key or not secret or key != self.consumer_key:
            return False
        if not hmac.compare_digest(secret.encode(), self.consumer_secret.encode()):
            raise Refused("Consumer secret is invalid.")
        return True

    def _oauth(self, request: Request, path: str) -> bool:
        """Check an OAuth signature; False where there is none. Raises `Refused`."""
        params = {key: values[-1] for key, values in request.args.lists()}
        params.update(_header_params(request.headers.get("Authorization", "").strip()))
        missing = [name for name in OAUTH_PARAMS if not params.get(name)]
        if len(missing) == len(OAUTH_PARAMS):
            return False
        if missing:
            names = "parameter" if len(missing) == 1 else "parameters"
            raise Refused(
                f"Missing OAuth {names} {', '.join(missing)}",
                "woocommerce_rest_authentication_missing_parameter",
            )
        if params["oauth_consumer_key"] != self.consumer_key:
            raise Refused("Consumer key is invalid.")
        given = unquote(params.pop("oauth_signature").replace(" ", "+"))
        if not hmac.compare_digest(self._signature(request, path, params).encode(), given.encode()):
            raise Refused("Invalid signature - provided signature does not match.")
        self._check_freshness(params["oauth_timestamp"], params["oauth_nonce"])
        return True

    def _signature(self, request: Request, path: str, params: dict[str, str]) -> str:
        method = params["oauth_signature_method"]
        if method not in ("HMAC-SHA1", "HMAC-SHA256"):
            raise Refused("Invalid signature - signature method is invalid.")
        address = (self.address or request.host_url.rstrip("/")) + path
        joined = "%26".join(_signed(_php_names(params)))
        text = f"{request.method}&{quote(address, safe='~')}&{joined}"
        algorithm = hashlib.sha1 if method == "HMAC-SHA1" else hashlib.sha256
        digest = hmac.new(f"{self.consumer_secret}&".encode(), text.encode(), algorithm).digest()
        return base64.b64encode(digest).decode()

    def _check_freshness(self, stamp: str, nonce: str) -> None:
        """A request is good for a quarter of an hour, and once."""
        now = self.clock().timestamp()
        at = int(stamp) if stamp.isdigit() else 0
        if abs(now - at) > WINDOW:
            raise Refused("Invalid timestamp.")
        if nonce in self.nonces.values():
            raise Refused("Invalid nonce - nonce has already been used.")
        # one nonce for each second is kept, as WooCommerce does
        self.nonces[at] = nonce
        for old in [kept for kept in self.nonces if kept < now - WINDOW]:
            del self.nonces[old]


def _php_names(params: dict[str, str]) -> list[tuple[str, str]]:
    """The parameters in the order of their bytes, with the names that PHP gives them: `a[]` is
    `a[0]`, which a client has not signed."""
    found = [(re.sub(r"\[\]$", "[0]", name), value) for name, value in params.items()]
    return sorted(found, key=lambda pair: pair[0].encode())


def _signed(params: list[tuple[str, str]]) -> list[str]:
    return [_twice(name) + "%3D" + _twice(value) for name, value in params]


def _twice(text: str) -> str:
    return quote(quote(text, safe="~"), safe="~")


def _header_params(header: str) -> dict[str, str]:
    if not header.startswith("OAuth "):
        return {}
    found = re.findall(r'(oauth_[a-z_-]*)="?([^",]*)"?', header)
    return {name: unquote(value) for name, value in found}
