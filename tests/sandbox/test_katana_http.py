"""The sandbox Katana's transport: key, quota, lists, filters, errors."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
import requests

from katana_woo_sync.sandbox.server import Fault, FaultKind
from tests.sandbox.katana_support import KEY, Shop, open_shop


@pytest.fixture
def shop() -> Iterator[Shop]:
    with open_shop() as shop:
        yield shop


def test_the_address_includes_the_version(shop: Shop) -> None:
    assert shop.katana.url.startswith("http://127.0.0.1:")
    assert shop.katana.url.endswith("/v1")


def test_a_wrong_key_is_401(shop: Shop) -> None:
    answer = shop.send("GET", "factory", key="wrong")
    assert answer.status_code == 401
    assert answer.json() == {
        "statusCode": 401,
        "name": "UnauthorizedError",
        "message": "Unauthorized",
    }
    assert "X-Ratelimit-Limit" in answer.headers


def test_no_key_is_401(shop: Shop) -> None:
    assert requests.get(f"{shop.katana.url}/factory", timeout=10).status_code == 401


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "purchase_orders"),
        ("PUT", "factory"),
        ("GET", "sales_orders/x"),
        ("POST", "factory"),
    ],
)
def test_anything_else_is_a_404_in_json(shop: Shop, method: str, path: str) -> None:
    answer = shop.send(method, path)
    assert (answer.status_code, answer.json()["name"]) == (404, "NotFoundError")


def test_a_body_that_is_no_json_is_400_and_no_body_type_is_415(shop: Shop) -> None:
    url, headers = f"{shop.katana.url}/customers", {"Authorization": f"Bearer {KEY}"}
    form = requests.post(url, data={"name": "A"}, headers=headers, timeout=10)
    headers["Content-Type"] = "application/json"
    broken = requests.post(url, data=b'{"name": ', headers=headers, timeout=10)
    assert (broken.status_code, form.status_code) == (400, 415)


def test_the_quota_is_a_fixed_window_of_60_seconds() -> None:
    with open_shop(requests_per_minute=2) as shop:
        shop.send("GET", "factory")
        shop.clock.tick(20.5)
        assert shop.send("GET", "factory").headers["X-Ratelimit-Remaining"] == "0"
        late = shop.send("GET", "factory")
        assert (late.status_code, late.headers["Retry-After"]) == (429, "40")
        shop.clock.tick(39.5)
        assert shop.send("GET", "factory").headers["X-Ratelimit-Remaining"] == "1"


def test_a_request_beyond_the_quota_is_not_acted_on() -> None:
    with open_shop(requests_per_minute=1) as shop:
        for _ in range(2):
            answer = shop.send("POST", "customers", {"name": "Bo"})
        assert answer.json()["statusCode"] == 429
        assert len(shop.katana.customers()) == 2


def test_the_window_ends_at_a_time_in_milliseconds(shop: Shop) -> None:
    headers = shop.send("GET", "factory").headers
    ends = (shop.clock.now.timestamp() + 60) * 1000
    assert headers["X-Ratelimit-Reset"] == str(int(ends))
    assert int(headers["X-Ratelimit-Limit"]) > 10_000


def test_the_window_can_end_at_a_time_in_seconds() -> None:
    with open_shop(requests_per_minute=60, reset_in_seconds=True) as shop:
        headers = shop.send("GET", "factory").headers
        assert headers["X-Ratelimit-Reset"] == str(int(shop.clock.now.timestamp() + 60))
        assert headers["X-Ratelimit-Limit"] == "60"


def test_lists_come_newest_first_in_pages(shop: Shop) -> None:
    made = [shop.order() for _ in range(3)]
    answer = shop.send("GET", "sales_orders?limit=2&page=2")
    assert [order["id"] for order in answer.json()["data"]] == [made[0]]
    assert json.loads(answer.headers["X-Pagination"]) == {
        "total_records": "3",
        "total_pages": "2",
        "offset": "2",
        "page": "2",
        "first_page": "false",
        "last_page": "true",
    }


def test_a_list_answers_fifty_unless_told(shop: Shop) -> None:
    for number in range(51):
        shop.katana.add_customer(f"Customer {number}")
    assert len(shop.get("customers")) == 50
    assert len(shop.get("customers?limit=250")) == 52


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ("limit=251", ("/limit", "maximum")),
        ("page=0", ("/page", "minimum")),
        ("ids=1,2", ("/ids/0", "type")),
        ("include_deleted=yes", ("/include_deleted", "type")),
        ("updated_at_min=yesterday", ("/updated_at_min", "format")),
    ],
)
def test_bad_query_parameters_are_refused(shop: Shop, query: str, problem: tuple[str, str]) -> None:
    assert shop.refused("GET", f"sales_orders?{query}", None) == [problem]


def test_unknown_query_parameters_are_ignored(shop: Shop) -> None:
    assert len(shop.get("customers?colour=red")) == 1


def test_array_filters_repeat_their_key(shop: Shop) -> None:
    made = [shop.order() for _ in range(3)]
    found = shop.get(f"sales_orders?ids={made[0]}&ids={made[2]}")
    assert [order["id"] for order in found] == [made[2], made[0]]


def test_dates_are_inclusive_at_both_ends(shop: Shop) -> None:
    shop.order()
    shop.clock.tick(1)
    second = shop.order()
    at = "2026-03-01T12:00:01.000Z"
    for name in ("created_at", "updated_at"):
        found = shop.get(f"sales_orders?{name}_min={at}&{name}_max={at}")
        assert [order["id"] for order in found] == [second]
    assert shop.get("sales_orders?updated_at_min=2026-03-01T12:00:01.001Z") == []


def test_an_order_is_found_by_its_hidden_id_with_its_case(shop: Shop) -> None:
    hidden = {
        "ecommerce_order_type": "wooCommerce",
        "ecommerce_store_name": "shop.example.com",
        "ecommerce_order_id": "57",
    }
    order = shop.order(**hidden)
    query = "&".join(f"{name}={value}" for name, value in hidden.items())
    assert [found["id"] for found in shop.get(f"sales_orders?{query}")] == [order]
    assert shop.get(f"sales_orders?{query.replace('wooC', 'WooC')}") == []


def test_deleted_orders_come_only_when_asked_for(shop: Shop) -> None:
    order = shop.order()
    assert shop.send("DELETE", f"sales_orders/{order}").status_code == 204
    assert shop.get("sales_orders") == []
    assert [o["id"] for o in shop.get("sales_orders?include_deleted=true")] == [order]


def test_times_have_milliseconds_and_z(shop: Shop) -> None:
    shop.clock.tick(0.1239)
    order = shop.one("GET", f"sales_orders/{shop.order()}")
    assert order["created_at"] == "2026-03-01T12:00:00.123Z"


def test_a_dropped_answer_was_acted_on_all_the_same(shop: Shop) -> None:
    shop.katana.server.add_fault(Fault(FaultKind.DROP_AFTER, method="POST"))
    with pytest.raises(requests.ConnectionError):
        shop.order()
    assert len(shop.katana.sales_orders()) == 1


def test_requests_are_answered_side_by_side(shop: Shop) -> None:
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: shop.order(), range(24)))
    assert len(set(made)) == len(shop.katana.sales_orders()) == 24
