"""Hosts that are odd: found out at the first failure, then remembered; nothing goes astray."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import responses

from katana_woo_sync.clients.connection import Connection, is_same_shop
from katana_woo_sync.clients.errors import Moved, NotTheApi, RefusedKey, ServiceError
from katana_woo_sync.clients.redact import Redactor
from katana_woo_sync.clients.woocommerce import WooCommerceClient
from katana_woo_sync.sandbox.server import Fault, FaultKind
from katana_woo_sync.sandbox.woocommerce import WooCommerceSandbox
from tests.clients.support import KEY, SECRET, StoreSettings, store

Files = tuple[str, str]
ORDERS = "/wp-json/wc/v3/orders"


@pytest.fixture
def secure(certificate: Files) -> Iterator[WooCommerceSandbox]:
    """A store over https."""
    with WooCommerceSandbox(
        consumer_key=KEY, consumer_secret=SECRET, ssl_context=certificate
    ) as served:
        yield served


def client(url: str, certificate: Files) -> WooCommerceClient:
    """A client that trusts the certificate."""
    access = StoreSettings(url, ca_file=Path(certificate[0]))
    return WooCommerceClient(access, redactor=Redactor([KEY, SECRET]), attempts=1)


def test_the_usual_host_is_asked_once(secure: WooCommerceSandbox, certificate: Files) -> None:
    client(secure.url, certificate).newest_modified()
    assert len(secure.server.requests) == 1


def test_a_host_that_strips_the_header_gets_the_key_in_the_query(
    secure: WooCommerceSandbox, certificate: Files
) -> None:
    secure.gate.strips_header = True
    order = secure.place_order(status="processing")
    reached = client(secure.url, certificate)
    assert reached.newest_modified() is not None
    assert reached.connection == Connection(key_in_query=True)
    assert reached.complete(order).status == "completed"
    again = client(secure.url, certificate)
    again.connection = reached.connection
    secure.server.reset_counts()
    again.newest_modified()
    assert len(secure.server.requests) == 1


def test_a_header_that_is_tried_again_and_still_stripped_costs_nothing_but_requests(
    secure: WooCommerceSandbox, certificate: Files
) -> None:
    """Also in a process that has read in the other way before."""
    secure.gate.strips_header = True
    reached = client(secure.url, certificate)
    reached.newest_modified()
    reached.connection = Connection()
    reached.newest_modified()
    assert reached.connection == Connection(key_in_query=True)
    secure.gate.strips_header = False
    reached.connection = Connection()
    secure.server.reset_counts()
    reached.newest_modified()
    assert reached.connection == Connection()
    assert len(secure.server.requests) == 1


def test_a_wrong_key_is_still_a_wrong_key(secure: WooCommerceSandbox, certificate: Files) -> None:
    secure.gate.consumer_key = "ck_another"
    reached = client(secure.url, certificate)
    with pytest.raises(RefusedKey) as caught:
        reached.newest_modified()
    assert KEY not in str(caught.value)
    assert reached.connection == Connection()


def test_almost_pretty_permalinks_are_found_out() -> None:
    with WooCommerceSandbox(
        consumer_key=KEY, consumer_secret=SECRET, permalinks="index"
    ) as sandbox:
        reached = store(sandbox.url)
        reached.newest_modified()
        assert reached.connection == Connection(almost_pretty=True)


def test_plain_permalinks_are_answered_with_the_remedy() -> None:
    with WooCommerceSandbox(
        consumer_key=KEY, consumer_secret=SECRET, permalinks="plain"
    ) as sandbox:
        with pytest.raises(NotTheApi) as caught:
            store(sandbox.url).newest_modified()
        assert "Permalinks must be anything but Plain" in str(caught.value)


def test_a_store_behind_a_proxy_is_signed_for_as_the_site_believes_to_be_called() -> None:
    with WooCommerceSandbox(
        consumer_key=KEY, consumer_secret=SECRET, address="http://shop.internal:8080"
    ) as sandbox:
        order = sandbox.place_order(status="processing")
        reached = store(sandbox.url)
        assert reached.newest_modified() is not None
        assert reached.connection == Connection(signed_as="http://shop.internal:8080")
        assert reached.complete(order).status == "completed"


def test_a_wrong_secret_over_http_is_still_that() -> None:
    with (
        WooCommerceSandbox(consumer_key=KEY, consumer_secret="cs_another_one") as sandbox,
        pytest.raises(RefusedKey, match="consumer_secret"),
    ):
        store(sandbox.url).newest_modified()


def redirect(to: str, *, times: int = 1000) -> Fault:
    """Every request is redirected to this address."""
    path = {"Location": f"{to}{ORDERS}"}
    return Fault(FaultKind.STATUS, "", "", times=times, status=301, headers=path)


def test_a_redirect_to_https_of_the_same_host_is_followed(
    secure: WooCommerceSandbox, certificate: Files
) -> None:
    order = secure.place_order(status="processing")
    with WooCommerceSandbox(consumer_key=KEY, consumer_secret=SECRET) as old:
        old.server.add_fault(redirect(secure.url))
        reached = client(old.url, certificate)
        assert reached.newest_modified() is not None
        assert reached.connection == Connection(url=secure.url)
        old.server.reset_counts()
        assert reached.complete(order).status == "completed"
        assert old.server.requests == []
    assert [mail.after for mail in secure.mails] == ["completed"]


def test_a_write_that_is_redirected_is_done_once_where_it_leads(
    secure: WooCommerceSandbox, certificate: Files
) -> None:
    order = secure.place_order(status="processing")
    with WooCommerceSandbox(consumer_key=KEY, consumer_secret=SECRET) as old:
        reached = client(old.url, certificate)
        reached.newest_modified()
        moved = {"Location": f"{secure.url}{ORDERS}/{order}"}
        old.server.add_fault(Fault(FaultKind.STATUS, "PUT", "", times=9, status=301, headers=moved))
        assert reached.complete(order).status == "completed"
    assert len(secure.mails) == 1


@responses.activate
@pytest.mark.parametrize(
    "target", ["https://evil.test", "http://shop.test", "https://shop.test.evil.test"]
)
def test_nothing_is_sent_to_another_host_or_away_from_https(target: str) -> None:
    responses.get(
        f"https://shop.test{ORDERS}", status=301, headers={"Location": f"{target}{ORDERS}"}
    )
    with pytest.raises(Moved) as caught:
        store("https://shop.test").newest_modified()
    assert f"Set url in the config to {target}" in str(caught.value)
    assert [call.request.url.split("/")[2] for call in responses.calls] == ["shop.test"]  # type: ignore[union-attr]


@responses.activate
def test_the_www_name_is_followed() -> None:
    responses.get(
        f"https://shop.test{ORDERS}",
        status=301,
        headers={"Location": f"https://www.shop.test{ORDERS}"},
    )
    responses.get(f"https://www.shop.test{ORDERS}", json=[])
    reached = store("https://shop.test")
    reached.newest_modified()
    assert reached.connection == Connection(url="https://www.shop.test")


SAME = [
    ("http://shop.test", "https://shop.test", True),
    ("https://shop.test", "https://www.shop.test", True),
    ("http://www.shop.test/a", "https://shop.test/a/", True),
    ("https://shop.test", "http://shop.test", False),
    ("https://shop.test", "https://shop.test/en", False),
    ("http://shop.test:81", "http://shop.test:82", False),
    ("https://shop.test", "https://shop.example", False),
    ("https://shop.test", "https://", False),
]


@pytest.mark.parametrize(("here", "there", "same"), SAME)
def test_which_redirects_stay_within_one_shop(here: str, there: str, same: bool) -> None:
    assert is_same_shop(here, there) is same


@responses.activate
def test_clocks_are_heard_by_every_answer() -> None:
    headers = {"Date": "Mon, 02 Mar 2020 09:00:00 GMT"}
    responses.get(f"https://shop.test{ORDERS}", json=[], headers=headers)
    reached = store("https://shop.test")
    assert reached.clock_skew is None
    reached.newest_modified()
    assert reached.clock_skew is not None
    assert reached.clock_skew.days < -365


def test_secrets_in_the_query_show_in_no_error(
    secure: WooCommerceSandbox, certificate: Files
) -> None:
    secure.gate.strips_header = True
    reached = client(secure.url, certificate)
    reached.newest_modified()
    secure.server.add_fault(Fault(FaultKind.DROP_BEFORE, "GET", times=9))
    with pytest.raises(ServiceError) as caught:
        reached.newest_modified()
    chain: BaseException | None = caught.value
    while chain is not None:
        assert SECRET not in str(chain)
        chain = chain.__cause__
