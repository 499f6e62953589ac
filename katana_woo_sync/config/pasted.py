"""What people paste as their shop's address, and the addresses that they may mean by it."""

from __future__ import annotations

import re

from katana_woo_sync.config import address

_INNER = re.compile(rf"/({address.INNER_PAGES}|wp-includes|xmlrpc\.php)(/.*)?$", re.I)
_GENERIC = {"www", "shop", "store", "shops", "webshop", "my"}
_NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9_-]+")


def shop_addresses(pasted: str) -> tuple[str, ...]:
    """Where the shop may be, the most special first: a page of the shop is pasted as often as its
    address, and a shop may live in a subdirectory.

    Raises ValueError, with a sentence, for what is no address.
    """
    text = pasted.strip().strip("<>\"'").strip().lstrip("/")
    if not text:
        raise ValueError(f"must be the shop's address such as {address.EXAMPLE}")
    if "://" not in text:
        host = re.split(r"[/:?#]", text, maxsplit=1)[0].lower()
        is_local = host == "localhost" or host.startswith("127.")
        text = f"{'http' if is_local else 'https'}://{text}"
    text = re.split(r"[?#]", text, maxsplit=1)[0]
    scheme, _, rest = text.partition("://")
    host, slash, path = rest.partition("/")
    path = _INNER.sub("", re.sub(r"/{2,}", "/", slash + path)).rstrip("/")
    root = f"{scheme.lower()}://{host}"
    segments = path.split("/")[1:]
    found = [
        f"{root}{''.join('/' + s for s in segments[:n])}" for n in range(len(segments), -1, -1)
    ]
    return tuple(dict.fromkeys(address.parse(each).url for each in found))


def store_name(url: str) -> str:
    """A short name for the shop of this address: `eu` for eu.example.com, `example` for
    www.example.com."""
    where = address.parse(url)
    labels = where.host.split(".")
    if all(label.isdigit() for label in labels) or len(labels) == 1:
        return "shop"
    kept = [label for label in labels[:-1] if label not in _GENERIC] or labels[:1]
    name = kept[0]
    if where.path:
        name += "-" + where.path.strip("/").split("/")[-1]
    return _NOT_IN_A_NAME.sub("-", name).strip("-")[:40] or "shop"
