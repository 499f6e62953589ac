"""Lists of orders lose nothing: the traps of WooCommerce's lists, one by one.

Each test shows the trap with a request that falls into it, and that the program does not. Tested
elsewhere already (the trap in the first file, the program in the second):

| trap | where |
|---|---|
| 1 `orderby=modified` has no tie-break before 10.4 | sandbox/test_woocommerce_lists; here |
| 2 paging drifts | sandbox/test_woocommerce_lists; clients/test_order_reader, sync/test_reading |
| 3 `modified_after` is exclusive, in whole seconds | sandbox/test_woocommerce_lists; here |
| 4 a suffix and `dates_are_gmt` are shifted | sandbox/test_woocommerce_lists; here |
| 5 `status[]=` breaks the signature | sandbox/test_woocommerce_auth; here |
| 5 an unknown status fails the request | sandbox/test_woocommerce_lists; sync/test_hosts |
| 5 trash is in no list | sandbox/test_woocommerce_lists; here, sync/test_orders (rule 9) |
| 5 a deleted order is 404 | sandbox/test_woocommerce_orders; clients/test_woocommerce |
| 6 unknown filters are ignored | sandbox/test_woocommerce_lists; clients/test_woocommerce |
| 7 100 full orders time out on weak hosts | clients/test_order_reader, sync/test_hosts |
| 8 what moves the modification time | sandbox/test_woocommerce_orders; here |
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal

import pytest
import requests

from katana_woo_sync.domain.woocommerce import Order
from katana_woo_sync.sandbox.woocommerce import Item, WooCommerceSandbox
from tests.sandbox.woocommerce_support import Clock, ask, ids
from tests.sync.world import World
from tests.traps.support import client_of, page_by_page, total_in_katana, variants_in_katana

OLD_AND_NEW = [("8.2.2", False), ("10.3.6", True), ("11.0.1", True)]


@pytest.fixture
def clock() -> Clock:
    """A clock that stands still."""
    return Clock()


@pytest.fixture
def store(clock: Clock) -> Iterator[WooCommerceSandbox]:
    """A served store, empty, two hours east of GMT."""
    with WooCommerceSandbox(clock=clock, utc_offset_hours=2) as served:
        yield served


def place(store: WooCommerceSandbox, count: int, *, status: str = "processing") -> list[int]:
    return [store.place_order(status=status) for _ in range(count)]


@pytest.mark.parametrize(("version", "hpos"), OLD_AND_NEW)
def test_1_ordering_by_modified_with_page_numbers_loses_orders_before_10_4(
    version: str, hpos: bool, clock: Clock
) -> None:
    with WooCommerceSandbox(version=version, hpos=hpos, clock=clock) as store:
        placed = set(place(store, 250))  # a bulk edit: all in one second
        naive = page_by_page(store, {"orderby": "modified", "per_page": "100"})
        read = client_of(store).changed_orders(None, None)
    assert (naive == placed) is (version == "11.0.1")
    assert [int(order.id) for order in read.orders] == sorted(placed)


@pytest.mark.parametrize("hpos", [True, False])
def test_2_an_order_that_leaves_the_list_between_two_pages_hides_another(
    hpos: bool, clock: Clock
) -> None:
    with WooCommerceSandbox(hpos=hpos, clock=clock) as store:
        placed = place(store, 250)
        params = {"orderby": "id", "order": "asc", "per_page": "100", "status": "processing"}
        store.before_list_answer.extend([lambda: None, lambda: store.trash(placed[3])])
        naive = page_by_page(store, params)
        store.before_list_answer.extend([lambda: None, lambda: store.trash(placed[4])])
        pages = list(client_of(store).open_orders(["processing"]))
    assert placed[100] not in naive
    assert set(placed) - {placed[3]} == {int(order.id) for page in pages for order in page}


def test_2_katanas_lists_by_page_numbers_hide_a_row_too_when_another_is_deleted(
    world: World,
) -> None:
    katana = world.katana
    there = [katana.add_customer(f"Customer {number}") for number in range(300)]
    bearer = {"Authorization": f"Bearer {katana.api_key}"}

    def listed(page: int) -> list[int]:
        params = {"limit": "250", "page": str(page)}
        answer = requests.get(f"{katana.url}/customers", params=params, headers=bearer, timeout=5)
        return [row["id"] for row in answer.json()["data"]]

    first = listed(1)
    katana.delete_customer(there[-1])
    naive = {*first, *listed(2)}

    def before_the_second_page() -> None:
        world.before(katana.server, "GET", "/customers", lambda: katana.delete_customer(there[-2]))

    world.before(katana.server, "GET", "/customers", before_the_second_page)
    with world.program().context() as context:
        read = {int(customer.id) for customer in context.katana.customers_changed(None).customers}
    assert len(set(there) - naive) == 1
    assert set(there) <= read


def test_3_modified_after_leaves_out_what_changed_in_the_same_second(world: World) -> None:
    first = world.order()
    world.sync(minutes=0)
    mark = world.clock().strftime("%Y-%m-%dT%H:%M:%S")
    second = world.order()  # within the second that was read already
    params = {"modified_after": mark, "dates_are_gmt": "true"}
    assert ids(ask(world.shop, "orders", params)) == []
    world.sync(minutes=0)
    world.sync(minutes=0)
    assert [len(world.in_katana(order)) for order in (first, second)] == [1, 1]


def test_3_many_orders_of_one_second_are_read_again_and_imported_once(world: World) -> None:
    orders = [world.order() for _ in range(30)]
    for seconds in (2, 3, 4, 30):
        world.sync(minutes=seconds / 60)
    assert {len(world.in_katana(order)) for order in orders} == {1}


@pytest.mark.parametrize(("offset", "naive"), [(2, "none"), (5.5, "none"), (-5, "all")])
def test_4_a_z_together_with_dates_are_gmt_is_shifted_by_the_sites_offset(
    offset: float, naive: str, clock: Clock
) -> None:
    with WooCommerceSandbox(clock=clock, utc_offset_hours=offset) as store:
        before = place(store, 1)
        mark = clock()
        clock.move(3600)
        after = place(store, 1)
        params = {"modified_after": f"{mark:%Y-%m-%dT%H:%M:%SZ}", "dates_are_gmt": "true"}
        shifted = ids(ask(store, "orders", params))
        read = client_of(store).changed_orders(mark, None)
    assert shifted == ([] if naive == "none" else after + before)
    assert [int(order.id) for order in read.orders] == after


def test_4_without_a_suffix_and_dates_are_gmt_a_time_is_site_local(
    store: WooCommerceSandbox, clock: Clock
) -> None:
    mark = clock() - timedelta(seconds=1)
    placed = place(store, 1)
    assert ids(ask(store, "orders", {"modified_after": f"{mark:%Y-%m-%dT%H:%M:%S}"})) == placed
    assert [int(o.id) for o in client_of(store).changed_orders(mark, None).orders] == placed
    later = clock() + timedelta(minutes=30)  # an hour and a half ago by the site's own clock
    assert ids(ask(store, "orders", {"modified_after": f"{later:%Y-%m-%dT%H:%M:%S}"})) == placed
    assert client_of(store).changed_orders(later, None).orders == ()


def test_5_of_a_repeated_status_only_the_last_counts(clock: Clock) -> None:
    with WooCommerceSandbox(clock=clock, behind_https=True) as store:
        open_, held = place(store, 1), place(store, 1, status="on-hold")
        naive = requests.get(
            f"{store.url}/wp-json/wc/v3/orders",
            params={"status": ["processing", "on-hold"]},
            auth=(store.consumer_key, store.consumer_secret),
            timeout=5,
        )
        (page,) = client_of(store).open_orders(["processing", "on-hold"])
        assert ids(naive) == held
        assert [int(order.id) for order in page] == open_ + held


def test_5_empty_brackets_break_the_signature(store: WooCommerceSandbox) -> None:
    place(store, 1)
    assert ask(store, "orders", {"status[]": "processing"}).status_code == 401
    list(client_of(store).open_orders(["processing", "on-hold"]))
    assert "[]" not in store.server.requests[-1].query
    assert store.server.requests[-1].status == 200


def test_5_a_trashed_order_is_in_no_list_but_answers_by_id(world: World) -> None:
    order = world.order()
    world.sync()
    world.shop.trash(order)
    include = {"include": str(order), "status": "any"}
    assert ids(ask(world.shop, "orders", include)) == []
    assert ask(world.shop, f"orders/{order}").json()["status"] == "trash"
    world.sync(minutes=25 * 60)  # the sweep misses it in the list, and asks
    assert world.state(order) == ("attention", "cancelled_in_shop")


def test_6_a_list_has_ten_rows_unless_it_is_told_and_never_more_than_a_hundred(
    store: WooCommerceSandbox,
) -> None:
    placed = place(store, 130)
    included = {"include": ",".join(map(str, placed[:15]))}
    assert len(ids(ask(store, "orders", included))) == 10
    assert ask(store, "orders", {"per_page": "101"}).status_code == 400
    assert len(client_of(store).orders(placed[:15], None)) == 15
    assert len(client_of(store).orders(placed, None)) == 130


@pytest.mark.parametrize("hpos", [True, False])
def test_6_a_page_past_the_end_is_empty_and_proves_nothing(hpos: bool, clock: Clock) -> None:
    with WooCommerceSandbox(hpos=hpos, clock=clock) as store:
        placed = place(store, 150)

        def trash() -> None:
            for order in placed[80:140]:  # the second page is past the end from now on
                store.trash(order)

        store.before_list_answer.extend([lambda: None, trash])
        read = client_of(store).changed_orders(None, None)
        past = ask(store, "orders", {"page": "2", "per_page": "100"})
    assert (past.json(), past.headers["X-WP-Total"]) == ([], "0" if hpos else "90")
    assert set(placed[:80]) <= {int(order.id) for order in read.orders}


def test_6_include_leaves_unknown_ids_out(store: WooCommerceSandbox) -> None:
    (order,) = place(store, 1)
    assert ids(ask(store, "orders", {"include": f"{order},999999"})) == [order]
    assert [int(o.id) for o in client_of(store).orders([999_999, order], None)] == [order]


def test_6_what_a_shop_does_not_filter_by_is_ignored(store: WooCommerceSandbox) -> None:
    placed = place(store, 2)
    store.set_meta(placed[0], "_katana_id", "5")
    asked = {"meta_key": "_katana_id", "meta_value": "5"}
    assert ids(ask(store, "orders", asked)) == placed[::-1]


def test_7_fields_do_not_reach_into_lists(store: WooCommerceSandbox) -> None:
    order = store.place_order([Item(store.add_product("Mug", "MUG", 5))])
    (row,) = ask(store, "orders", {"_fields": "id,line_items.sku"}).json()
    assert row == {"id": order}
    (read,) = client_of(store).changed_orders(None, None).orders
    assert isinstance(read, Order)
    assert [line.sku for line in read.line_items] == ["MUG"]


def test_8_on_order_tables_our_own_writes_come_round_again(world: World) -> None:
    order = world.order()
    world.sync()
    world.katana.deliver(world.sales_order(order).id)
    world.sync()
    mark = (world.clock() - timedelta(seconds=1)).strftime("%Y-%m-%dT%H:%M:%S")
    params = {"modified_after": mark, "dates_are_gmt": "true"}
    assert ids(ask(world.shop, "orders", params)) == [order]
    world.sync()
    assert world.state(order)[0] == "fulfilled"
    assert (world.notes(order), world.completions(order)) == ([], 1)


@pytest.mark.parametrize("hpos", [True, False])
def test_8_an_empty_put_is_a_change_on_order_tables_only_and_never_an_edit(
    world: World, hpos: bool
) -> None:
    world.shop.state.hpos = hpos
    order = world.order()
    world.sync()
    before = world.shop.order(order)["date_modified_gmt"]
    assert ask(world.shop, f"orders/{order}", method="PUT", body={}).status_code == 200
    assert (world.shop.order(order)["date_modified_gmt"] != before) is hpos
    world.sync()
    assert world.notes(order) == []


def test_8_a_refund_that_is_deleted_before_the_import_moves_no_time_and_counts_no_more(
    world: World,
) -> None:
    order = world.order(quantity=3)
    line = world.shop.state.orders[order].lines[0].id
    refund = world.shop.refund(order, lines={line: 1})
    with world.down(world.katana.server):
        world.sync()  # seen with its refund, and not imported
    before = world.shop.order(order)["date_modified_gmt"]
    world.shop.delete_refund(order, refund)
    assert world.shop.order(order)["date_modified_gmt"] == before
    world.sync()
    assert total_in_katana(world, order) == Decimal("37.20")


def test_8_a_product_that_is_renamed_before_the_import_moves_no_time_and_has_its_new_sku(
    world: World,
) -> None:
    variant = world.katana.add_product("Lamp", "LAMP-2")
    order = world.shop.place_order([Item(world.lamp["eu"])])
    with world.down(world.katana.server):
        world.sync()
    before = world.shop.order(order)["date_modified_gmt"]
    world.shop.rename_sku(world.lamp["eu"], "LAMP-2")
    assert world.shop.order(order)["date_modified_gmt"] == before
    world.sync()
    assert variants_in_katana(world, order) == {variant}


def test_8_a_note_moves_no_time_and_is_no_edit(world: World) -> None:
    order = world.order()
    world.sync()
    before = world.shop.order(order)["date_modified_gmt"]
    world.clock.tick(seconds=30)
    ask(world.shop, f"orders/{order}/notes", method="POST", body={"note": "Packed by Eve"})
    assert world.shop.order(order)["date_modified_gmt"] == before
    world.sync()
    assert world.notes(order) == []
