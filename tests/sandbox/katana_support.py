"""What the tests of the sandbox Katana share: a client without manners, a clock, a small shop."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import requests

from katana_woo_sync.sandbox.katana import KatanaSandbox

KEY = "sandbox-katana-key"


class Clock:
    """A clock that stands still until told otherwise."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def tick(self, seconds: float) -> datetime:
        """Move on."""
        self.now += timedelta(seconds=seconds)
        return self.now


@dataclass(frozen=True)
class Shop:
    """A served sandbox with one product, one customer and a tax rate of 24 %."""

    katana: KatanaSandbox
    clock: Clock
    customer: int
    variant: int
    tax: int

    def send(
        self, method: str, path: str, json: object = None, key: str = KEY
    ) -> requests.Response:
        """A request as it stands; nothing is raised."""
        headers = {"Authorization": f"Bearer {key}"}
        url = f"{self.katana.url}/{path}"
        return requests.request(method, url, json=json, headers=headers, timeout=10)

    def get(self, path: str) -> list[dict[str, object]]:
        """The data of a list."""
        answer = self.send("GET", path)
        assert answer.status_code == 200, answer.text
        data: list[dict[str, object]] = answer.json(parse_float=Decimal)["data"]
        return data

    def one(self, method: str, path: str, json: object = None) -> dict[str, object]:
        """The record that a request answers."""
        answer = self.send(method, path, json)
        assert answer.status_code == 200, answer.text
        record: dict[str, object] = answer.json(parse_float=Decimal)
        return record

    def refused(self, method: str, path: str, json: object) -> list[tuple[str, str]]:
        """The path and code of each detail of a 422."""
        answer = self.send(method, path, json)
        assert answer.status_code == 422, answer.text
        return sorted((d["path"], d["code"]) for d in answer.json()["details"])

    def draft(self, **changes: object) -> dict[str, object]:
        """The body of an ordinary order: two pieces at 10.00 without tax, 24 %."""
        row = {
            "variant_id": self.variant,
            "quantity": 2,
            "price_per_unit": 10,
            "tax_rate_id": self.tax,
        }
        return {"customer_id": self.customer, "sales_order_rows": [row], **changes}

    def row(self, **changes: object) -> dict[str, object]:
        """A row of an ordinary order."""
        row = {"variant_id": self.variant, "quantity": 1, "price_per_unit": 10}
        return {**row, "tax_rate_id": self.tax, **changes}

    def order(self, **changes: object) -> int:
        """Create an ordinary order and give its id."""
        key = self.one("POST", "sales_orders", self.draft(**changes))["id"]
        assert isinstance(key, int)
        return key


@contextmanager
def open_shop(
    *,
    requests_per_minute: int | None = None,
    batch_shortage_refused: bool = True,
    reset_in_seconds: bool = False,
) -> Iterator[Shop]:
    """Serve a sandbox with a little in it."""
    clock = Clock()
    katana = KatanaSandbox(
        clock=clock,
        requests_per_minute=requests_per_minute,
        batch_shortage_refused=batch_shortage_refused,
        reset_in_seconds=reset_in_seconds,
    )
    variant = katana.add_product("Mug", "MUG-1", sales_price=Decimal(12), in_stock=Decimal(10))
    customer = katana.add_customer("Ann Lee", email="ann@example.com", reference_id="shop#7")
    tax = katana.add_tax_rate(Decimal(24), "VAT 24 %")
    with katana:
        yield Shop(katana, clock, customer, variant, tax)
