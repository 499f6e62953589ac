"""Every error that real stores were made to give comes out as the right class, in a sentence."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import responses

from katana_woo_sync.clients.errors import (
    BadRequest,
    MissingPermission,
    NoRoute,
    NotFound,
    NotTheApi,
    RefusedKey,
    ServiceError,
    Temporary,
    UnknownOutcome,
)
from katana_woo_sync.clients.redact import Redactor
from katana_woo_sync.clients.woocommerce_http import WooCommerceHttp
from tests.clients.support import StoreSettings

RECORDED = Path(__file__).resolve().parents[3] / "shared" / "woocommerce"
NAMES = sorted(path.name.removesuffix(".headers.txt") for path in RECORDED.glob("error-*.headers*"))

EXPECTED: dict[str, type[ServiceError] | None] = {
    "bad-json": BadRequest,
    "bad-utf8-json": BadRequest,
    "batch-101": BadRequest,
    "db-down": Temporary,
    "db-down-accept-json": Temporary,
    "double-slash": NoRoute,
    "duplicate-sku": BadRequest,
    "form-body": None,
    "garbage-auth": RefusedKey,
    "http-basic": RefusedKey,
    "http-query-keys": RefusedKey,
    "https-to-http-port": NotTheApi,
    "invalid-status-put": BadRequest,
    "json-array-body": None,
    "json-no-content-type": None,
    "key-only": RefusedKey,
    "maintenance-503": Temporary,
    "maintenance-503-accept-json": Temporary,
    "method-404": NoRoute,
    "namespace-404": NoRoute,
    "no-auth": RefusedKey,
    "oauth-bad-signature": RefusedKey,
    "oauth-nonce-reused": RefusedKey,
    "oauth-timestamp-future": RefusedKey,
    "oauth-timestamp-old": RefusedKey,
    "order-bad-coupon": BadRequest,
    "order-gone": NotFound,
    "order-id-text": NoRoute,
    "order-id-zero": NotFound,
    "per-page-101": BadRequest,
    "php-bom": None,
    "php-exit": NotTheApi,
    "php-fatal": Temporary,
    "php-fatal-init-acceptjson": Temporary,
    "php-fatal-init-noaccept": Temporary,
    "php-fatal-prepare-acceptjson": Temporary,
    "php-fatal-prepare-noaccept": Temporary,
    "php-notice": None,
    "plain-permalinks-restroute": RefusedKey,
    "plain-permalinks-wpjson": NotTheApi,
    "product-id-as-order": NotFound,
    "query-keys-ok": None,
    "query-wrong-secret": RefusedKey,
    "readonly-batch": MissingPermission,
    "readonly-delete": MissingPermission,
    "readonly-get-ok": None,
    "readonly-post": MissingPermission,
    "readonly-put": MissingPermission,
    "refund-id-as-order": NotFound,
    "route-404": NoRoute,
    "trailing-slash": None,
    "two-bad-params": BadRequest,
    "unknown-order": NotFound,
    "unknown-order-delete": NotFound,
    "unknown-order-put": NotFound,
    "unknown-param-ok": None,
    "upper-case": NotTheApi,
    "woocommerce-deactivated": NoRoute,
    "writeonly-get": MissingPermission,
    "writeonly-put-ok": None,
    "wrong-key": RefusedKey,
    "wrong-secret": RefusedKey,
}
METHOD = re.compile(r"^# (GET|PUT|POST|DELETE) ", re.MULTILINE)
pytestmark = pytest.mark.skipif(
    not NAMES, reason="the recorded answers are not beside the checkout"
)


def replay(name: str) -> tuple[str, ServiceError | None]:
    """Answer a request as it was recorded; its method, and the error that is raised."""
    text = (RECORDED / f"{name}.headers.txt").read_text()
    found = METHOD.search(text)
    method = found.group(1) if found else "GET"
    status = re.search(r"^HTTP (\d+)", text, re.MULTILINE)
    headers = dict(re.findall(r"^([\w-]+): (.*)$", text, re.MULTILINE))
    body = next(p for s in ("json", "body.txt") if (p := RECORDED / f"{name}.{s}").exists())
    kept = {k: v for k, v in headers.items() if k in ("Location", "Retry-After", "X-WP-Total")}
    site = re.search(r"https://127\.0\.0\.1:\d+", text)
    url = f"{site.group() if site else 'https://shop.test'}/wp-json/wc/v3/orders"
    responses.add(
        method,
        url,
        body=body.read_bytes(),
        status=int(status.group(1)) if status else 200,
        headers=kept,
        content_type=headers.get("Content-Type", "text/html"),
    )
    settings = StoreSettings(url.removesuffix("/wp-json/wc/v3/orders"))
    asked = WooCommerceHttp(settings, redactor=Redactor(), attempts=1, sleep=lambda _s: None)
    try:
        asked.request(method, "/orders", body=None if method in ("GET", "DELETE") else b"{}")
    except ServiceError as error:
        return method, error
    return method, None


@responses.activate
@pytest.mark.parametrize("name", NAMES)
def test_a_recorded_answer_is_understood(name: str) -> None:
    case = name.removeprefix("error-").rpartition("-")[0]
    method, error = replay(name)
    expected = EXPECTED[case]
    if method != "GET" and expected in (Temporary,):
        expected = UnknownOutcome
    assert type(error) is (expected or type(None))


@responses.activate
@pytest.mark.parametrize("name", [n for n in NAMES if EXPECTED.get(n[6:].rpartition("-")[0])])
def test_a_recorded_error_is_a_clear_sentence(name: str) -> None:
    _method, error = replay(name)
    assert error is not None
    assert re.match(r"eu: (GET|PUT|POST|DELETE) /orders: \S.*[.]$", str(error))
    assert "<" not in str(error)
    assert len(str(error)) < 700
