"""A shop's address: what may stand in the config, where the API is, and the names that Katana may
know the shop by."""

from __future__ import annotations

import re
from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from urllib.parse import SplitResult, quote, urlsplit

import idna
from msgspec import Struct

from katana_woo_sync.config.problems import NotAllowedError, shown_url

_STANDARD_PORTS = {"http": 80, "https": 443}
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
INNER_PAGES = r"wp-admin|wp-json|wp-login\.php|wp-content|index\.php"
"""What a shop's address never ends in, or goes on from."""

_NOT_THE_SHOP = re.compile(rf"/({INNER_PAGES})(/.*)?$", re.I)
_LONGEST_HOST = 253

EXAMPLE = '"https://shop.example.com"'
_EXPECTED = f"must be the shop's address such as {EXAMPLE}"


class Address(Struct, frozen=True):
    """A web address taken apart. Host in lower case and in its ASCII form; IPv6 without brackets.

    `port` is None where it is the scheme's standard one; `path` has no slash at its end.
    """

    scheme: str
    host: str
    port: int | None
    path: str

    @property
    def url(self) -> str:
        """The address to build API addresses on, without a slash at its end."""
        return f"{self.scheme}://{self.identity}"

    @property
    def identity(self) -> str:
        """Host, port if not standard, path if any: how Katana's own integration names a shop."""
        port = f":{self.port}" if self.port is not None else ""
        return f"{self._host_in_url}{port}{self.path}"

    @property
    def other_names(self) -> tuple[str, ...]:
        """The name with or without www, and the bare host without port and path, likewise."""
        host = self._host_in_url
        names = www_alternative(self.identity), host, www_alternative(host)
        return tuple(name for name in names if name)

    @property
    def is_loopback(self) -> bool:
        """Whether requests to it stay on this machine: localhost, 127.0.0.0/8, ::1."""
        if self.host == "localhost":
            return True
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return False

    @property
    def _host_in_url(self) -> str:
        return f"[{self.host}]" if ":" in self.host else self.host


def www_alternative(name: str) -> str | None:
    """`www.shop.example` for `shop.example` and the other way round; None if there is none (an IP
    address, a host of this network such as `localhost`, a name that is no host)."""
    if name.startswith("www."):
        return name.removeprefix("www.")
    host = re.split(r"[:/]", name, maxsplit=1)[0]
    dotted = "." in host and all(_LABEL.fullmatch(label) for label in host.split("."))
    return f"www.{name}" if dotted and not host.rsplit(".", 1)[1].isdigit() else None


@lru_cache(maxsize=256)
def parse(url: str) -> Address:
    """Take a shop's address apart. Raises ValueError with what is allowed, as in "must begin with
    https://"; the sentence never holds a password or a query."""
    url = url.strip()
    parts, port = _split(url)
    if "@" in parts.netloc:
        raise ValueError(
            "must not hold a user name or password (the shop is asked with consumer_key and "
            "consumer_secret alone)"
        )
    if "?" in url or "#" in url:
        raise ValueError(f"must be the shop's own address such as {EXAMPLE}, without ? or #")
    path = _path(url, parts)
    if port == _STANDARD_PORTS[parts.scheme]:
        port = None
    return Address(parts.scheme, _host(parts.hostname or ""), port, path)


@lru_cache(maxsize=256)
def identity(url: str) -> str:
    """`parse(url).identity`; an import asks for it dozens of times."""
    return parse(url).identity


def _split(url: str) -> tuple[SplitResult, int | None]:
    # urlsplit would drop tabs and line breaks silently, and requests would then go elsewhere.
    if not url or not url.isprintable() or " " in url or "\\" in url:
        raise ValueError(f"must be the shop's address such as {EXAMPLE}, without spaces")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ValueError(_EXPECTED) from None
    if parts.scheme not in _STANDARD_PORTS or not url.lower().startswith(f"{parts.scheme}://"):
        has_scheme = "://" in url or url.lower().startswith(("http:", "https:"))
        proposal = EXAMPLE if has_scheme else shown_url(f"https://{url}")
        raise NotAllowedError("must begin with https://", f"for instance {proposal}")
    if not parts.hostname or port == 0:
        raise ValueError(_EXPECTED)
    return parts, port


def _host(given: str) -> str:
    host = given.rstrip(".").lower()
    try:
        if ":" in host and "%" not in host:
            return str(IPv6Address(host))
        if not host.isascii():
            # The reading of international names that requests has: the identity names the host
            # that is asked.
            host = idna.encode(host, uts46=True).decode("ascii")
    except ValueError:
        raise ValueError(_EXPECTED) from None
    if len(host) > _LONGEST_HOST or not all(_LABEL.fullmatch(label) for label in host.split(".")):
        raise ValueError(_EXPECTED)
    return host


def _path(url: str, parts: SplitResult) -> str:
    path = quote(parts.path.rstrip("/"), safe="/%:@!$&'()*+,;=~-._")
    if _NOT_THE_SHOP.search(path):
        shop = url[: len(url) - len(parts.path)] + _NOT_THE_SHOP.sub("", path)
        raise NotAllowedError(
            "must be the address of the shop itself and not of one of its inner pages",
            f"here {shown_url(shop)}",
        )
    if any(segment in {"", ".", ".."} for segment in path.split("/")[1:]):
        raise ValueError(f"{_EXPECTED}, without //, /./ or /../")
    return path
