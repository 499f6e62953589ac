"""Finding out about a shop and an account that are about to be connected; nothing is written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import TypeVar

from msgspec import Struct

from katana_woo_sync.clients.errors import (
    BadRequest,
    MissingPermission,
    NotFound,
    NotTheApi,
    RefusedKey,
    ServiceError,
)
from katana_woo_sync.clients.http import utc_now
from katana_woo_sync.clients.katana import KatanaClient
from katana_woo_sync.clients.woocommerce import WooCommerceClient
from katana_woo_sync.domain.katana import Location, SalesOrder
from katana_woo_sync.domain.woocommerce import About, PriceSettings, StoreFacts
from katana_woo_sync.sync.integration import LATELY

T = TypeVar("T")


class Account(Struct, frozen=True):
    """A Katana account: its name, base currency, and the locations that may sell."""

    name: str
    base_currency: str
    locations: tuple[Location, ...]
    recent: tuple[SalesOrder, ...] = ()
    """WooCommerce's orders that changed in Katana lately."""


class FoundShop(Struct, frozen=True):
    """A shop that answered: its address, how it is reached, and what it told. None: it did not say.

    `clock_skew` is how far its clock is ahead of ours, `utc_offset` its time zone's."""

    url: str
    reached: str
    may_write: bool
    facts: StoreFacts | None
    prices: PriceSettings | None
    about: About | None
    clock_skew: timedelta | None
    utc_offset: timedelta | None


def ask_katana(katana: KatanaClient) -> Account:
    """What the key's account is. Raises a `ServiceError`."""
    factory = katana.factory()
    selling = [place for place in katana.locations() if place.sales_allowed]
    changed = _said(lambda: katana.sales_orders_changed(utc_now() - LATELY))
    recent = changed.orders if changed is not None else ()
    return Account(
        str(factory.display_name), str(factory.base_currency_code), tuple(selling), recent
    )


FOLDERS = ("shop", "store", "wordpress", "wp")
"""Where shops are below a home page that is none."""

SHOP_WORDS = (
    *FOLDERS,
    *("webshop", "onlineshop", "online-shop", "eshop", "e-shop", "boutique", "tienda", "loja"),
    *("negozio", "winkel", "butik", "kauppa", "sklep", "pood", "obchod", "shop-2", "wp2"),
)
"""The same in several languages: folders of these names are tried first."""

MOST_FOLDERS = 12


def find_shop(addresses: Sequence[str], client: Callable[[str], WooCommerceClient]) -> FoundShop:
    """The first of these addresses (one at least) at which WooCommerce's API answers with the key;
    else a folder below the last of them, where a company's home page has its shop.

    Raises the `ServiceError` that tells most: a refused key (the address was right), else what the
    first address answered.
    """
    failed: list[ServiceError] = []
    for url in addresses:
        try:
            return _asked(url, client(url))
        except (NotTheApi, NotFound, BadRequest) as error:
            failed.append(error)
    first = failed[0]
    if "challenge" in first.reason:
        raise first  # a firewall would take more attempts amiss
    folders = _folders(client(addresses[-1]))
    for name in folders:
        url = f"{addresses[-1]}/{name}"
        try:
            return _asked(url, client(url))
        except RefusedKey:
            if name.lower() in SHOP_WORDS:
                raise
        except ServiceError:
            pass
    if isinstance(first, NotTheApi):
        looked = ", ".join(f"/{name}" for name in folders)
        reason = f"{first.reason}; nor is the shop in one of the folders {looked}"
        raise NotTheApi(first.service, first.action, reason, first.remedy)
    raise first


def _folders(shop: WooCommerceClient) -> Sequence[str]:
    """Folders in which the shop may be: what the home page links to, shops' names first."""
    linked = shop.folders()
    named = [name for name in linked if name.lower() in SHOP_WORDS]
    return list(dict.fromkeys([*named, *FOLDERS, *linked]))[:MOST_FOLDERS]


def _asked(url: str, shop: WooCommerceClient) -> FoundShop:
    shop.ping()
    return _learn(shop.connection.url or url, shop)


def _learn(url: str, shop: WooCommerceClient) -> FoundShop:
    return FoundShop(
        url=url,
        reached=str(shop.connection),
        may_write=_may_write(shop),
        facts=_said(shop.facts),
        prices=_said(shop.price_settings),
        about=_said(shop.about),
        clock_skew=shop.clock_skew,
        utc_offset=_said(shop.utc_offset),
    )


def _may_write(shop: WooCommerceClient) -> bool:
    try:
        shop.may_write()
    except MissingPermission:
        return False
    return True


def _said(ask: Callable[[], T]) -> T | None:
    """What the shop says, where it does: an account without all rights may still do the job."""
    try:
        return ask()
    except ServiceError:
        return None
