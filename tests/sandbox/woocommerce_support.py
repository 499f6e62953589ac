"""What the tests of the sandbox store share: a served store, signed requests, recorded answers."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
import requests
from requests_oauthlib import OAuth1

from katana_woo_sync.sandbox.woocommerce import TaxRate, WooCommerceSandbox
from katana_woo_sync.sandbox.woocommerce.resource import Json

RECORDED = Path(__file__).resolve().parents[3] / "shared" / "woocommerce"
needs_recorded = pytest.mark.skipif(
    not RECORDED.is_dir(), reason="no recorded answers beside this checkout"
)
VAT = (TaxRate(Decimal(24), "VAT 24%"), TaxRate(Decimal(9), "VAT 9%", "reduced-rate"))
Params = Mapping[str, str] | Sequence[tuple[str, str]]


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 23, 3, 50, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def move(self, seconds: float = 1) -> None:
        """Let time pass."""
        self.now += timedelta(seconds=seconds)


def signed(store: WooCommerceSandbox, method: str = "HMAC-SHA256") -> OAuth1:
    """OAuth 1.0a in the query, as WooCommerce's own examples have it."""
    return OAuth1(
        store.consumer_key,
        store.consumer_secret,
        signature_method=method,
        signature_type="query",
    )


def ask(
    store: WooCommerceSandbox,
    path: str,
    params: Params = (),
    *,
    method: str = "GET",
    body: object = None,
) -> requests.Response:
    """A signed request for a path under wc/v3; a body is sent as JSON."""
    return requests.request(
        method,
        f"{store.url}/wp-json/wc/v3/{path}",
        params=[*(params.items() if isinstance(params, Mapping) else params)],
        json=body,
        auth=signed(store),
        timeout=5,
    )


def ids(answer: requests.Response) -> list[int]:
    """The ids in a list that was answered."""
    assert answer.status_code == 200, answer.text
    return [row["id"] for row in answer.json()]


def send(
    store: WooCommerceSandbox, order_id: int, body: bytes, content_type: str
) -> requests.Response:
    """A PUT of an order with a body just as it is, over what the store takes for https: a form's
    fields would have to be signed."""
    store.gate.https = True
    return requests.put(
        f"{store.url}/wp-json/wc/v3/orders/{order_id}",
        data=body,
        headers={"Content-Type": content_type},
        auth=(store.consumer_key, store.consumer_secret),
        timeout=5,
    )


def recorded(name: str) -> Json:
    """A recorded answer that is one object."""
    found = json.loads((RECORDED / f"{name}.json").read_text())
    assert isinstance(found, dict)
    return found


def recorded_rows(name: str) -> list[Json]:
    """A recorded answer that is a list."""
    found = json.loads((RECORDED / f"{name}.json").read_text())
    assert isinstance(found, list)
    return found


def rows_of(record: Json, name: str) -> list[Json]:
    """A list in an answer."""
    found = record[name]
    assert isinstance(found, list)
    return found


def keys(value: object) -> object:
    """The names in an answer at every level, and where it says yes or no; of lists, those of the
    first element, but nothing of lists of plain values."""
    if isinstance(value, dict):
        return {name: keys(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [keys(value[0])] if value and isinstance(value[0], dict) else []
    return type(value) if isinstance(value, bool) else None
