"""Who may ask the sandbox store: what WooCommerce takes and refuses, in its own words."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
import requests

from katana_woo_sync.sandbox.woocommerce import WooCommerceSandbox
from tests.sandbox.woocommerce_support import ask, needs_recorded, recorded, signed

CANNOT_VIEW = "woocommerce_rest_cannot_view"
REFUSED = "woocommerce_rest_authentication_error"


def orders_url(store: WooCommerceSandbox) -> str:
    return f"{store.url}/wp-json/wc/v3/orders"


def basic(store: WooCommerceSandbox, method: str = "GET", path: str = "") -> requests.Response:
    auth = (store.consumer_key, store.consumer_secret)
    return requests.request(method, orders_url(store) + path, auth=auth, timeout=5)


def refusal(answer: requests.Response) -> tuple[str, str]:
    assert answer.status_code == 401
    return answer.json()["code"], answer.json()["message"]


def prepared(store: WooCommerceSandbox) -> str:
    """The address of a signed request, unsent."""
    request = requests.Request("GET", orders_url(store), params={"per_page": "1"})
    url = request.prepare().url
    assert url is not None
    signed_url = requests.Request("GET", url, auth=signed(store)).prepare().url
    assert signed_url is not None
    return signed_url


def with_param(url: str, name: str, value: str) -> str:
    parts = urlsplit(url)
    params = {**dict(parse_qsl(parts.query)), name: value}
    return parts._replace(query=urlencode(params)).geturl()


@pytest.mark.parametrize("method", ["HMAC-SHA256", "HMAC-SHA1"])
def test_http_takes_a_signed_request(method: str) -> None:
    with WooCommerceSandbox() as store:
        answer = requests.get(orders_url(store), auth=signed(store, method), timeout=5)
    assert answer.status_code == 200


def test_http_takes_neither_basic_nor_keys_in_the_query() -> None:
    with WooCommerceSandbox() as store:
        keys = {"consumer_key": store.consumer_key, "consumer_secret": store.consumer_secret}
        in_query = requests.get(orders_url(store), params=keys, timeout=5)
        assert refusal(basic(store)) == (CANNOT_VIEW, "Sorry, you cannot list resources.")
        assert refusal(in_query) == (CANNOT_VIEW, "Sorry, you cannot list resources.")


def test_https_takes_basic_and_keys_in_the_query() -> None:
    with WooCommerceSandbox(behind_https=True) as store:
        keys = {"consumer_key": store.consumer_key, "consumer_secret": store.consumer_secret}
        assert basic(store).status_code == 200
        assert requests.get(orders_url(store), params=keys, timeout=5).status_code == 200


def test_keys_in_the_query_win_over_the_header() -> None:
    with WooCommerceSandbox(behind_https=True) as store:
        wrong = {"consumer_key": store.consumer_key, "consumer_secret": "cs_wrong"}
        auth = (store.consumer_key, store.consumer_secret)
        answer = requests.get(orders_url(store), params=wrong, auth=auth, timeout=5)
    assert refusal(answer) == (REFUSED, "Consumer secret is invalid.")


@pytest.mark.parametrize(
    ("case", "key", "secret"),
    [
        ("wrong-key", "ck_other", ""),
        ("wrong-secret", "", "cs_other"),
        ("no-auth", None, None),
        ("key-only", "", None),
    ],
)
@needs_recorded
def test_wrong_keys_are_refused_as_by_real_stores(
    case: str, key: str | None, secret: str | None
) -> None:
    with WooCommerceSandbox(behind_https=True) as store:
        user = store.consumer_key if key == "" else key
        password = store.consumer_secret if secret == "" else secret
        auth = None if user is None else (user, password or "")
        answer = requests.get(orders_url(store), auth=auth, timeout=5)
    assert answer.status_code == 401
    assert answer.json() == recorded(f"error-{case}-eu")


@needs_recorded
def test_permissions_are_refused_as_by_real_stores() -> None:
    with WooCommerceSandbox(behind_https=True, permission="read") as store:
        order = store.place_order()
        assert basic(store).status_code == 200
        assert basic(store, "PUT", f"/{order}").json() == recorded("error-readonly-put-eu")
        assert basic(store, "POST", "/batch").json() == recorded("error-readonly-batch-eu")
        store.gate.permission = "write"
        assert basic(store).json() == recorded("error-writeonly-get-eu")
        assert basic(store, "PUT", f"/{order}").status_code == 200


@needs_recorded
@pytest.mark.parametrize(
    ("case", "name", "value"),
    [
        ("bad-signature", "oauth_signature", "c2lnbmF0dXJl"),
        ("bad-signature", "per_page", "2"),
    ],
)
def test_a_changed_request_has_a_bad_signature(case: str, name: str, value: str) -> None:
    with WooCommerceSandbox() as store:
        answer = requests.get(with_param(prepared(store), name, value), timeout=5)
    assert answer.status_code == 401
    assert answer.json() == recorded(f"error-oauth-{case}-eu")


def test_a_wrong_secret_is_a_bad_signature_over_http() -> None:
    with WooCommerceSandbox() as store:
        url = prepared(store)
        store.gate.consumer_secret = "cs_other"
        assert "Invalid signature" in refusal(requests.get(url, timeout=5))[1]


@needs_recorded
def test_a_request_is_good_once() -> None:
    with WooCommerceSandbox() as store:
        url = prepared(store)
        assert requests.get(url, timeout=5).status_code == 200
        assert requests.get(url, timeout=5).json() == recorded("error-oauth-nonce-reused-eu")


@needs_recorded
@pytest.mark.parametrize(("case", "seconds"), [("old", -1000), ("future", 1000)])
def test_a_clock_that_is_wrong_by_a_quarter_of_an_hour_is_refused(case: str, seconds: int) -> None:
    with WooCommerceSandbox() as store:
        auth = signed(store)
        auth.client.timestamp = str(int(time.time()) + seconds)
        answer = requests.get(orders_url(store), auth=auth, timeout=5)
    assert answer.json() == recorded(f"error-oauth-timestamp-{case}-eu")


def test_an_unknown_key_is_named_when_signed() -> None:
    with WooCommerceSandbox() as store:
        store.gate.consumer_key = "ck_other"
        answer = ask(store, "orders")
    assert refusal(answer) == (REFUSED, "Consumer key is invalid.")


def test_half_a_signature_names_what_is_missing() -> None:
    with WooCommerceSandbox() as store:
        params = {"oauth_consumer_key": store.consumer_key, "oauth_nonce": "n"}
        code, message = refusal(requests.get(orders_url(store), params=params, timeout=5))
    assert code == "woocommerce_rest_authentication_missing_parameter"
    assert "oauth_timestamp, oauth_signature, oauth_signature_method" in message


def test_a_site_that_thinks_it_is_elsewhere_refuses_every_signature() -> None:
    with WooCommerceSandbox(address="https://www.shop.test") as store:
        assert "Invalid signature" in refusal(ask(store, "orders"))[1]


def test_indexed_parameters_are_signed_and_empty_brackets_break_it() -> None:
    with WooCommerceSandbox() as store:
        good = ask(store, "orders", {"status[0]": "processing", "status[1]": "completed"})
        bad = ask(store, "orders", {"status[]": "processing"})
    assert good.status_code == 200
    assert "Invalid signature" in refusal(bad)[1]


def test_a_store_in_a_subdirectory_is_signed_with_it() -> None:
    with WooCommerceSandbox(path="/shop") as store:
        assert store.url.endswith("/shop")
        assert ask(store, "orders").status_code == 200
        assert requests.get(store.server.url + "/wp-json/", timeout=5).status_code == 404


def test_the_index_needs_no_key_and_takes_none() -> None:
    with WooCommerceSandbox(name="A shop", behind_https=True) as store:
        index = requests.get(f"{store.url}/wp-json/", timeout=5).json()
        auth = (store.consumer_key, store.consumer_secret)
        refused = requests.get(f"{store.url}/wp-json/", auth=auth, timeout=5)
    assert index["name"] == "A shop"
    assert "wc/v3" in index["namespaces"]
    assert refusal(refused)[0] == "invalid_username"


def test_under_plain_permalinks_keys_do_not_work() -> None:
    with WooCommerceSandbox(behind_https=True, permalinks="plain") as store:
        auth = (store.consumer_key, store.consumer_secret)
        page = requests.get(orders_url(store), auth=auth, timeout=5)
        route = f"{store.url}/?rest_route=/wc/v3/orders"
        refused = requests.get(route, auth=auth, timeout=5)
        trick = requests.get(f"{route}&_=wp-json/wc/", auth=auth, timeout=5)
        home = requests.head(store.url + "/", timeout=5)
    assert (page.status_code, page.headers["Content-Type"][:9]) == (200, "text/html")
    assert refusal(refused)[0] == "invalid_username"
    assert trick.status_code == 200
    assert "index.php?rest_route=/" in home.headers["Link"]


def test_almost_pretty_permalinks_work() -> None:
    with WooCommerceSandbox(permalinks="index") as store:
        home = requests.head(store.url + "/", timeout=5)
        url = f"{store.url}/index.php/wp-json/wc/v3/orders"
        assert requests.get(url, auth=signed(store), timeout=5).status_code == 200
    assert "/index.php/wp-json/" in home.headers["Link"]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """A self-signed certificate for loopback, and its key."""
    folder: Path = tmp_path_factory.mktemp("tls")
    cert, key = str(folder / "cert.pem"), str(folder / "key.pem")
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2"
    names = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run(
        [*command.split(), "-keyout", key, "-out", cert, *names], check=True, capture_output=True
    )
    return cert, key


def test_https_with_the_shops_own_certificate(certificate: tuple[str, str]) -> None:
    with WooCommerceSandbox(ssl_context=certificate) as store:
        assert store.url.startswith("https://")
        auth = (store.consumer_key, store.consumer_secret)
        answer = requests.get(orders_url(store), auth=auth, verify=certificate[0], timeout=5)
        with pytest.raises(requests.exceptions.SSLError):
            requests.get(orders_url(store), auth=auth, verify=True, timeout=5)
    assert answer.status_code == 200
