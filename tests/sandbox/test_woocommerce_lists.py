"""Lists of orders, with the traps that real stores have."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import requests

from katana_woo_sync.sandbox.woocommerce import Item, WooCommerceSandbox
from tests.sandbox.woocommerce_support import Clock, ask, ids, signed


@pytest.fixture
def clock() -> Clock:
    """A clock that stands still."""
    return Clock()


@pytest.fixture
def store(clock: Clock) -> Iterator[WooCommerceSandbox]:
    """A served store, empty, two hours east of GMT."""
    with WooCommerceSandbox(clock=clock, utc_offset_hours=2) as served:
        yield served


def place(store: WooCommerceSandbox, count: int, **details: str) -> list[int]:
    return [store.place_order(status=details.get("status", "processing")) for _ in range(count)]


def test_a_list_has_ten_newest_first(store: WooCommerceSandbox) -> None:
    placed = place(store, 12)
    answer = ask(store, "orders")
    assert ids(answer) == placed[:1:-1]
    assert answer.headers["X-WP-Total"] == "12"
    assert answer.headers["X-WP-TotalPages"] == "2"
    assert 'rel="next"' in answer.headers["Link"]


def test_pages_and_offsets_name_places(store: WooCommerceSandbox) -> None:
    placed = place(store, 7)
    common = {"orderby": "id", "order": "asc", "per_page": "3"}
    assert ids(ask(store, "orders", {**common, "page": "2"})) == placed[3:6]
    assert ids(ask(store, "orders", {**common, "offset": "5"})) == placed[5:]
    assert ids(ask(store, "orders", {**common, "offset": "1", "page": "2"})) == placed[1:4]


@pytest.mark.parametrize(("hpos", "total"), [(True, "0"), (False, "3")])
def test_past_the_end_is_an_empty_page(hpos: bool, total: str) -> None:
    with WooCommerceSandbox(hpos=hpos) as store:
        place(store, 3)
        answer = ask(store, "orders", {"page": "9"})
    assert ids(answer) == []
    assert answer.headers["X-WP-Total"] == total


def test_statuses_come_as_a_comma_list_or_indexed(store: WooCommerceSandbox) -> None:
    (open_,), (done,) = place(store, 1), place(store, 1, status="completed")
    place(store, 1, status="on-hold")
    assert ids(ask(store, "orders", {"status": "processing,completed"})) == [done, open_]
    indexed = {"status[0]": "processing", "status[1]": "completed"}
    assert ids(ask(store, "orders", indexed)) == [done, open_]


def test_of_a_repeated_plain_status_the_last_is_kept() -> None:
    with WooCommerceSandbox(behind_https=True) as store:
        place(store, 1)
        (done,) = place(store, 1, status="completed")
        auth = (store.consumer_key, store.consumer_secret)
        url = f"{store.url}/wp-json/wc/v3/orders"
        params = {"status": ["processing", "completed"]}
        assert ids(requests.get(url, params=params, auth=auth, timeout=5)) == [done]


def test_one_unknown_status_fails_the_request(store: WooCommerceSandbox) -> None:
    store.add_status("shipped")
    (order,) = place(store, 1, status="shipped")
    asked = {"status": "processing,shipped"}
    assert ids(ask(store, "orders", asked)) == [order]
    store.remove_status("shipped")
    answer = ask(store, "orders", asked)
    assert answer.status_code == 400
    assert answer.json()["data"]["params"]["status"].startswith("status[1] is not one of any, ")


def test_the_trash_is_in_no_list_unless_it_is_asked_for(store: WooCommerceSandbox) -> None:
    kept, trashed, deleted = place(store, 3)
    store.trash(trashed)
    store.delete_order(deleted)
    assert ids(ask(store, "orders", {"status": "any"})) == [kept]
    asked = {"include": f"{kept},{trashed},{deleted},999"}
    assert ids(ask(store, "orders", asked)) == [kept]
    assert ids(ask(store, "orders", {"status": "trash"})) == [trashed]


def test_modified_after_is_exclusive_and_in_whole_seconds(
    store: WooCommerceSandbox, clock: Clock
) -> None:
    place(store, 1)
    clock.move(1.4)
    (later,) = place(store, 1)
    for asked in ("2026-11-23T03:50:00", "2026-11-23T03:50:00.900"):
        params = {"modified_after": asked, "dates_are_gmt": "true"}
        assert ids(ask(store, "orders", params)) == [later]
    params = {"modified_after": "2026-11-23T03:50:01", "dates_are_gmt": "true"}
    assert ids(ask(store, "orders", params)) == []


@pytest.mark.parametrize(
    ("text", "gmt", "offset", "found"),
    [
        ("2026-11-23T03:49:59", "true", 2, True),
        ("2026-11-23T03:50:00", "true", 2, False),
        ("2026-11-23T03:49:59Z", "", 2, True),
        ("2026-11-23T05:49:59+02:00", "", 2, True),
        ("2026-11-23T05:49:59", "", 2, True),
        ("2026-11-23T05:50:00", "", 2, False),
        # the trap: a suffix and dates_are_gmt are shifted by the site's offset
        ("2026-11-23T03:49:59Z", "true", 2, False),
        ("2026-11-23T01:49:59Z", "true", 2, True),
        ("2026-11-23T05:00:00Z", "true", -5, True),
    ],
)
def test_times_are_understood_as_measured(text: str, gmt: str, offset: float, found: bool) -> None:
    with WooCommerceSandbox(clock=Clock(), utc_offset_hours=offset) as store:
        placed = place(store, 1)
        params = {"modified_after": text, "after": text, **({"dates_are_gmt": gmt} if gmt else {})}
        assert ids(ask(store, "orders", params)) == (placed if found else [])


def test_before_is_exclusive_too(store: WooCommerceSandbox) -> None:
    placed = place(store, 1)
    gmt = {"dates_are_gmt": "true"}
    assert ids(ask(store, "orders", {"before": "2026-11-23T03:50:00", **gmt})) == []
    assert ids(ask(store, "orders", {"modified_before": "2026-11-23T03:50:01", **gmt})) == placed


def test_filters_that_are_not_known_are_ignored(store: WooCommerceSandbox) -> None:
    placed = place(store, 1)
    assert ids(ask(store, "orders", {"changed_since": "2030-01-01", "meta_key": "x"})) == placed


def read_all(store: WooCommerceSandbox, orderby: str, per_page: int) -> set[int]:
    found: set[int] = set()
    for page in range(1, 50):
        params = {"orderby": orderby, "per_page": str(per_page), "page": str(page)}
        rows = ids(ask(store, "orders", params))
        if not rows:
            break
        found.update(rows)
    return found


@pytest.mark.parametrize(
    ("version", "orderby", "whole"),
    [
        ("10.3.6", "modified", False),
        ("8.2.2", "modified", False),
        ("10.4.0", "modified", True),
        ("10.3.6", "id", True),
        ("8.2.2", "date", True),
    ],
)
def test_order_by_modified_loses_rows_before_10_4(version: str, orderby: str, whole: bool) -> None:
    with WooCommerceSandbox(version=version, clock=Clock()) as store:
        placed = place(store, 122)
        assert (read_all(store, orderby, 5) == set(placed)) is whole


def test_a_page_drifts_when_an_order_leaves_the_list_meanwhile(store: WooCommerceSandbox) -> None:
    placed = place(store, 6)
    store.before_list_answer.extend([lambda: None, lambda: store.trash(placed[5])])
    first = ids(ask(store, "orders", {"per_page": "3"}))
    second = ids(ask(store, "orders", {"per_page": "3", "page": "2"}))
    assert placed[2] not in first + second
    assert store.before_list_answer == []


def test_every_list_can_be_watched(store: WooCommerceSandbox) -> None:
    seen: list[int] = []
    store.on_list(lambda: seen.append(store.place_order()))
    assert ids(ask(store, "orders")) == seen
    ask(store, "orders")
    store.on_list(None)
    ask(store, "orders")
    assert len(seen) == 2


def test_fields_trim_the_top_and_drop_lists(store: WooCommerceSandbox) -> None:
    mug = store.add_product("Mug", "MUG", 5)
    order = store.place_order([Item(mug)])
    (row,) = ask(store, "orders", {"_fields": "id,billing.email,line_items.sku"}).json()
    assert row == {"id": order, "billing": {"email": "buyer@example.test"}}
    single = ask(store, f"orders/{order}", {"_fields": "id"}).json()
    assert set(single) == {"id", "_links"}


def test_a_list_of_a_hundred_is_quick() -> None:
    with WooCommerceSandbox() as store:
        store.add_generated_orders(1000)
        session = requests.Session()
        session.auth = signed(store)
        begin = datetime.now(UTC)
        params = {"per_page": "100", "page": "5"}
        answer = session.get(f"{store.url}/wp-json/wc/v3/orders", params=params, timeout=5)
        took = datetime.now(UTC) - begin
        session.close()
    assert len(answer.json()) == 100
    assert took < timedelta(seconds=1)
