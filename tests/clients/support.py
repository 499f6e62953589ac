"""What the tests of the clients share: short ways to a client, an answer, a server."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests
from requests.auth import AuthBase

from katana_woo_sync.clients.errors import BadRequest, NotFound, ServiceError
from katana_woo_sync.clients.http import HttpClient, NoKey
from katana_woo_sync.clients.katana import KatanaClient
from katana_woo_sync.clients.redact import Redactor
from katana_woo_sync.clients.throttle import Throttle
from katana_woo_sync.clients.woocommerce import WooCommerceClient
from katana_woo_sync.sandbox.katana import KatanaSandbox
from katana_woo_sync.sandbox.woocommerce import WooCommerceSandbox

SECRET = "cs_0123456789abcdef0123456789abcdef01234567"
KEY = "ck_0123456789abcdef0123456789abcdef01234567"


class PlainHttp(HttpClient):
    """A service without words of its own."""

    def refusal(self, action: str, status: int, data: object) -> ServiceError:
        kind = NotFound if status == 404 else BadRequest
        return kind(self.service, action, f"HTTP {status}")


def client(
    url: str = "https://api.test",
    *,
    attempts: int = 4,
    timeout: float = 5.0,
    verify: bool | str = True,
    auth: Callable[[], AuthBase] = NoKey,
    naps: list[float] | None = None,
    cancelled: Callable[[], bool] = lambda: False,
) -> PlainHttp:
    """A client that naps without sleeping; how long is noted in `naps`."""
    noted = [] if naps is None else naps
    return PlainHttp(
        "Service",
        url,
        redactor=Redactor([SECRET, KEY]),
        attempts=attempts,
        timeout=timeout,
        verify=verify,
        auth=auth,
        sleep=noted.append,
        cancelled=cancelled,
    )


@dataclass(frozen=True)
class StoreSettings:
    """What a store's client needs of the settings."""

    api_url: str = "https://shop.test"
    name: str = "eu"
    consumer_key: str = KEY
    consumer_secret: str = SECRET
    allow_http: bool = False
    ca_file: Path | None = None
    timeout: float = 5.0
    additional_info_meta: tuple[str, ...] = ()
    completed_statuses: tuple[str, ...] = ("completed",)
    complete_to: str = "completed"


@dataclass(frozen=True)
class KatanaSettings:
    """What Katana's client needs of the settings."""

    url: str = "https://katana.test/v1"
    api_key: str = "katana-key-0123456789"


def katana(url: str = "https://katana.test/v1", *, attempts: int = 1) -> KatanaClient:
    """Katana's client; without a sandbox, for `responses`."""
    redactor = Redactor([KatanaSettings.api_key])
    throttle = Throttle(10_000)
    return KatanaClient(
        KatanaSettings(url),
        redactor=redactor,
        throttle=throttle,
        timeout=5.0,
        attempts=attempts,
    )


def store(url: str = "https://shop.test", *, attempts: int = 1) -> WooCommerceClient:
    """A store's client; without a sandbox, for `responses`."""
    redactor = Redactor([KEY, SECRET])
    return WooCommerceClient(StoreSettings(url), redactor=redactor, attempts=attempts)


@contextmanager
def served_katana() -> Iterator[tuple[KatanaSandbox, KatanaClient]]:
    """A sandbox Katana without a limit, and its client."""
    with KatanaSandbox(requests_per_minute=None, api_key=KatanaSettings.api_key) as sandbox:
        yield sandbox, katana(sandbox.url)


@contextmanager
def served_store(**options: str) -> Iterator[tuple[WooCommerceSandbox, WooCommerceClient]]:
    """A sandbox store and its client."""
    sandbox = WooCommerceSandbox(consumer_key=KEY, consumer_secret=SECRET, **options)  # type: ignore[arg-type]
    with sandbox:
        yield sandbox, store(sandbox.url)


def headers_of(request: requests.PreparedRequest) -> Mapping[str, str]:
    """A request's headers, any case."""
    return request.headers
