"""How a store is reached and how requests to it are signed: found out once, then remembered.

Hosts differ: some strip the Authorization header, some have "almost pretty" permalinks, some moved
to https or www, some sign with another address than the one that is asked for (a proxy).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from ipaddress import ip_address
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit, urlunsplit

import requests
from msgspec import Struct
from msgspec.structs import replace
from requests.auth import AuthBase, HTTPBasicAuth

from katana_woo_sync.clients.errors import Moved, NotTheApi, RefusedKey, ServiceError

PRETTY = "/wp-json/wc/v3"
ALMOST_PRETTY = "/index.php/wp-json/wc/v3"
NO_KEY_SEEN = "woocommerce_rest_cannot_view"
"""What WooCommerce answers to a reader whose key did not arrive."""


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
    @property
    def additional_info_meta(self) -> tuple[str, ...]: ...
    @property
    def completed_statuses(self) -> tuple[str, ...]: ...
    @property
    def complete_to(self) -> str: ...


class Connection(Struct, frozen=True):
    """What was found out about reaching a store; the defaults are what nearly all of them want.

    `url` is where its address redirects to ("": nowhere), `signed_as` the address that the site
    itself believes to have and signs with ("": the one that is asked).
    """

    url: str = ""
    almost_pretty: bool = False
    key_in_query: bool = False
    signed_as: str = ""

    def __str__(self) -> str:
        """In words, for a person."""
        ways = [
            f"at {self.url}" if self.url else "",
            "through almost pretty permalinks (/index.php/wp-json)" if self.almost_pretty else "",
            "with the key in the query" if self.key_in_query else "",
            f"signed for {self.signed_as}" if self.signed_as else "",
        ]
        return ", ".join(filter(None, ways)) or "in the usual way"

    @property
    def path(self) -> str:
        """The path of WooCommerce's API under the shop's address."""
        return ALMOST_PRETTY if self.almost_pretty else PRETTY


def authentication(store: StoreAccess, connection: Connection) -> Callable[[], AuthBase]:
    """How requests are signed: Basic over https; OAuth 1.0a over http, which is all that
    WooCommerce takes there. Raises `ValueError` for http where it is not allowed."""
    where = urlsplit(connection.url or store.api_url)
    if where.scheme == "https":
        kind = KeyInQuery if connection.key_in_query else HTTPBasicAuth
        return partial(kind, store.consumer_key, store.consumer_secret)
    if not (store.allow_http or is_loopback(where.hostname or "")):
        raise ValueError(f"{store.name}: http is not allowed for {where.hostname}")
    # made anew for each request: a nonce and timestamp are good for one
    return partial(Signed, store.consumer_key, store.consumer_secret, connection.signed_as)


def is_loopback(host: str) -> bool:
    """Whether the host is this machine, where http leaks nothing."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:  # a name, such as 127.example.com, may be anywhere
        return False


class KeyInQuery(AuthBase):
    """Key and secret as parameters, for hosts that strip the Authorization header. Over https only:
    there the address is encrypted too."""

    def __init__(self, key: str, secret: str) -> None:
        self._parameters = {"consumer_key": key, "consumer_secret": secret}

    def __call__(self, r: requests.PreparedRequest) -> requests.PreparedRequest:
        """Add the parameters."""
        r.prepare_url(r.url or "", self._parameters)
        return r


class Signed(AuthBase):
    """OAuth 1.0a in the query, for the address that the site believes to have."""

    def __init__(self, key: str, secret: str, signed_as: str) -> None:
        self._key = key
        self._secret = secret
        self._signed_as = signed_as

    def __call__(self, r: requests.PreparedRequest) -> requests.PreparedRequest:
        """Add the signature's parameters; the request goes where it went."""
        from oauthlib.oauth1 import SIGNATURE_HMAC_SHA256, SIGNATURE_TYPE_QUERY, Client

        asked = urlsplit(r.url or "")
        site = urlsplit(self._signed_as) if self._signed_as else asked
        believed = urlunsplit((site.scheme, site.netloc, asked.path, asked.query, ""))
        client = Client(
            self._key,
            client_secret=self._secret,
            signature_method=SIGNATURE_HMAC_SHA256,
            signature_type=SIGNATURE_TYPE_QUERY,
        )
        signed, _headers, _body = client.sign(believed, http_method=r.method or "GET")  # type: ignore[arg-type]
        query = urlsplit(str(signed)).query
        r.url = urlunsplit((asked.scheme, asked.netloc, asked.path, query, ""))
        return r


def other_ways(
    connection: Connection, error: ServiceError, store: StoreAccess, home: Callable[[], str]
) -> Iterator[Connection]:
    """Ways to reach the store that may avoid this error, best first.

    `home` asks the site for its own address; it is called only where that may help.
    """
    if connection != Connection():
        yield Connection()  # what was remembered may have changed for the better
    if isinstance(error, Moved):
        here = connection.url or store.api_url
        if is_same_shop(here, error.target):
            yield replace(connection, url=error.target)
    elif isinstance(error, RefusedKey):
        secure = urlsplit(connection.url or store.api_url).scheme == "https"
        if secure and NO_KEY_SEEN in error.reason:
            yield replace(connection, key_in_query=not connection.key_in_query)
        if not secure and "signature" in error.reason.lower() and not connection.signed_as:
            believed = home()
            if believed:
                yield replace(connection, signed_as=believed)
    elif isinstance(error, NotTheApi) and "HTML" in error.reason and not connection.almost_pretty:
        yield replace(connection, almost_pretty=True)


def is_same_shop(here: str, there: str) -> bool:
    """Whether an address redirects within one shop: to https or not away from it, the same host
    with or without www., the same path. Anything else may be anybody's."""
    old, new = urlsplit(here), urlsplit(there)
    hosts = [(part.hostname or "").removeprefix("www.") for part in (old, new)]
    if hosts[0] != hosts[1] or not hosts[0] or old.path.rstrip("/") != new.path.rstrip("/"):
        return False
    if new.scheme == "https":
        return True
    return old.scheme == new.scheme == "http" and old.port == new.port
