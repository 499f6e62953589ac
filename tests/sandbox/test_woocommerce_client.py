"""What the sandbox store answers is what the program makes right sales orders of; and the program's
own client against the store as https."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from katana_woo_sync.clients.answers import record
from katana_woo_sync.clients.errors import RefusedKey, ServiceError
from katana_woo_sync.clients.redact import Redactor
from katana_woo_sync.clients.woocommerce import WooCommerceClient
from katana_woo_sync.domain.woocommerce import Order, StoreFacts
from katana_woo_sync.sandbox.woocommerce import (
    Coupon,
    Fee,
    Item,
    Shipping,
    TaxRate,
    WooCommerceSandbox,
)
from katana_woo_sync.sandbox.woocommerce.orders import show
from katana_woo_sync.sandbox.woocommerce.resource import View
from tests.clients.support import KEY, SECRET, StoreSettings
from tests.domain.samples import mapped

RATES: dict[str, tuple[TaxRate, ...]] = {
    "none": (),
    "one": (TaxRate(Decimal(24)), TaxRate(Decimal(9), tax_class="reduced-rate", shipping=False)),
    "several": (TaxRate(Decimal(4)), TaxRate(Decimal("4.5")), TaxRate(Decimal("0.375"))),
    "compound": (TaxRate(Decimal(5)), TaxRate(Decimal("9.975"), compound=True, priority=2)),
}
PRICES = st.integers(1, 20_000).map(lambda cents: Decimal(cents) / 100)
LINES = st.lists(
    st.tuples(PRICES, st.integers(1, 9), st.sampled_from(("", "reduced-rate"))),
    min_size=1,
    max_size=4,
)
COUPONS = st.lists(
    st.one_of(
        st.builds(Coupon, st.just("p"), st.just("percent"), st.integers(1, 90).map(Decimal)),
        st.builds(Coupon, st.just("c"), st.just("fixed_cart"), PRICES),
        st.builds(Coupon, st.just("q"), st.just("fixed_product"), PRICES),
    ),
    max_size=2,
)
FEES = st.lists(
    st.builds(
        Fee,
        st.just("Fee"),
        st.integers(-300, 900).filter(bool).map(lambda cents: Decimal(cents) / 100),
        st.sampled_from(("", "reduced-rate", None)),
    ),
    max_size=2,
)
SHIPPING = st.lists(st.builds(Shipping, st.just("Courier"), PRICES), max_size=2)


@settings(max_examples=150, deadline=None)
@given(
    lines=LINES,
    coupons=COUPONS,
    fees=FEES,
    shipping=SHIPPING,
    rates=st.sampled_from(sorted(RATES)),
    with_tax=st.booleans(),
    at_subtotal=st.booleans(),
)
def test_an_order_comes_to_the_shops_total_in_katana(
    lines: list[tuple[Decimal, int, str]],
    coupons: list[Coupon],
    fees: list[Fee],
    shipping: list[Shipping],
    rates: str,
    with_tax: bool,
    at_subtotal: bool,
) -> None:
    store = WooCommerceSandbox(
        tax_rates=RATES[rates], prices_include_tax=with_tax, round_at_subtotal=at_subtotal
    )
    items = [
        Item(store.add_product(f"P{n}", f"P{n}", price, tax_class=tax_class), quantity)
        for n, (price, quantity, tax_class) in enumerate(lines)
    ]
    order_id = store.place_order(items, coupons=coupons, fees=fees, shipping=shipping)
    order = answered(store, order_id, StoreFacts(round_at_subtotal=at_subtotal).dp)
    assume(order.total > 0)
    result = mapped(order)
    assert result.expected == order.total
    assert abs(result.total - result.expected) <= result.tolerance


def answered(store: WooCommerceSandbox, order_id: int, dp: int | None) -> Order:
    """The order as the store answers it to a request for so many decimals, but for the network."""
    shown = show(store.state.orders[order_id], View(store.state, "http://127.0.0.1", dp))
    return record(msgspec.json.decode(msgspec.json.encode(shown)), Order)


@pytest.fixture
def store(certificate: tuple[str, str]) -> Iterator[WooCommerceSandbox]:
    with WooCommerceSandbox(
        consumer_key=KEY, consumer_secret=SECRET, ssl_context=certificate
    ) as served:
        yield served


def client(url: str, ca_file: str | None, secret: str = SECRET) -> WooCommerceClient:
    trusted = Path(ca_file) if ca_file else None
    access = StoreSettings(url, consumer_secret=secret, ca_file=trusted)
    return WooCommerceClient(access, redactor=Redactor([KEY, SECRET]), attempts=1)


def test_over_https_the_client_reads_and_completes(
    store: WooCommerceSandbox, certificate: tuple[str, str]
) -> None:
    order = store.place_order()
    shop = client(store.url, certificate[0])
    assert shop.order(order, None).status == "processing"
    assert shop.complete(order).status == "completed"
    assert [mail.after for mail in store.mails] == ["completed"]


def test_over_https_no_key_is_in_the_address(
    store: WooCommerceSandbox, certificate: tuple[str, str]
) -> None:
    client(store.url, certificate[0]).newest_modified()
    (request,) = store.server.requests
    assert "consumer" not in request.query
    assert "oauth" not in request.query


def test_a_certificate_that_nobody_vouches_for_is_refused(store: WooCommerceSandbox) -> None:
    with pytest.raises(ServiceError, match="certificate"):
        client(store.url, None).newest_modified()
    assert store.server.count() == 0


def test_the_stores_ca_file_holds_whatever_the_environment_says(
    store: WooCommerceSandbox,
    certificate: tuple[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    other = tmp_path / "other.pem"
    other.write_text("")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(other))
    assert client(store.url, certificate[0]).newest_modified() is None


def test_a_wrong_secret_is_told_over_https(
    store: WooCommerceSandbox, certificate: tuple[str, str]
) -> None:
    with pytest.raises(RefusedKey, match="Consumer secret is invalid"):
        client(store.url, certificate[0], "cs_" + "0" * 40).newest_modified()
