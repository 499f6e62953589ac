"""Products are told apart and stock is not spoilt: the traps of WooCommerce's catalogue.

Each test shows the trap, and where the program reads or writes there, that it does not fall into
it. Tested elsewhere already (the trap in the first file, the program in the second):

| trap | where |
|---|---|
| `?sku=` ignores case and accents | sandbox/test_woocommerce_shop; here, domain/test_products |
| lists hold no variations | sandbox/test_woocommerce_shop; here, clients/test_woocommerce |
| batches check nothing in their items | sandbox/test_woocommerce_shop, test_woocommerce_orders |
| a single PUT refuses fractions | sandbox/test_woocommerce_shop |
| stock that is not managed is ignored | sandbox/test_woocommerce_shop; here |
| a batch of 101 is a 413 | sandbox/test_woocommerce_recorded |
| which statuses take stock and give it back | sandbox/test_woocommerce_orders; here |
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest

from katana_woo_sync.sandbox.woocommerce import Item, Variation, WooCommerceSandbox
from katana_woo_sync.sandbox.woocommerce.resource import Json
from tests.sandbox.woocommerce_support import ask, ids, rows_of
from tests.sync.world import ANNA, World
from tests.traps.support import client_of, variants_in_katana

SIZES = [("H-S", 20, {"Size": "S"}), ("H-L", 20, {"Size": "L"})]


@pytest.fixture
def store() -> Iterator[WooCommerceSandbox]:
    """A served store."""
    with WooCommerceSandbox() as served:
        yield served


@pytest.fixture(params=["8.2.2", "10.3.6", "11.0.1"])
def any_version(request: pytest.FixtureRequest) -> Iterator[WooCommerceSandbox]:
    """A served store of each version."""
    with WooCommerceSandbox(version=request.param) as served:
        yield served


def batch(store: WooCommerceSandbox, path: str, *rows: Mapping[str, object]) -> list[Json]:
    """What a batch answers, which is always 200."""
    answer = ask(store, path, method="POST", body={"update": rows})
    assert answer.status_code == 200
    return rows_of(answer.json(), "update")


def test_skus_are_compared_without_case_and_accents_by_the_shop_and_exactly_by_us(
    world: World,
) -> None:
    small = world.shop.add_product("Small mug", "mug", 5)
    for asked in ("MUG", "mug", "MÜG"):
        assert set(ids(ask(world.shop, "products", {"sku": asked}))) == {small, world.mug["eu"]}
    order = world.shop.place_order([Item(small)], billing=ANNA)
    world.sync()
    assert world.mug_variant not in variants_in_katana(world, order)


def test_a_space_after_the_comma_belongs_to_the_sku(store: WooCommerceSandbox) -> None:
    mug, lamp = store.add_product("Mug", "MUG", 5), store.add_product("Lamp", "LAMP", 5)
    assert ids(ask(store, "products", {"sku": "MUG, LAMP"})) == [mug]
    assert set(ids(ask(store, "products", {"sku": "MUG,LAMP"}))) == {mug, lamp}


def test_a_sku_is_found_by_the_whole_of_it(store: WooCommerceSandbox) -> None:
    store.add_product("Mug", "MUG-01", 5)
    assert ids(ask(store, "products", {"sku": "MUG"})) == []


def test_a_list_by_sku_holds_variations_too(any_version: WooCommerceSandbox) -> None:
    hoodie, (small, _large) = any_version.add_variable_product("Hoodie", "H", SIZES)
    (row,) = ask(any_version, "products", {"sku": "H-S"}).json()
    assert (row["id"], row["type"], row["parent_id"]) == (small, "variation", hoodie)


def test_other_lists_hold_no_variations_which_are_at_their_parent(
    any_version: WooCommerceSandbox,
) -> None:
    hoodie, sizes = any_version.add_variable_product("Hoodie", "H", SIZES)
    client = client_of(any_version)
    assert ids(ask(any_version, "products")) == [hoodie]
    assert client.products(sizes) == ()
    assert [int(variation.id) for variation in client.variations(hoodie)] == sizes


def test_variations_of_8_2_have_no_type_parent_or_name(any_version: WooCommerceSandbox) -> None:
    hoodie, _sizes = any_version.add_variable_product("Hoodie", "H", SIZES)
    rows = ask(any_version, f"products/{hoodie}/variations").json()
    named = {name for row in rows for name in ("type", "parent_id", "name") if name in row}
    is_old = any_version.state.version < (10,)
    assert named == (set() if is_old else {"type", "parent_id", "name"})
    for variation in client_of(any_version).variations(hoodie):
        assert (variation.parent_id, variation.type) == (hoodie, "variation")


def test_all_variations_are_in_one_list_on_11_only(any_version: WooCommerceSandbox) -> None:
    hoodie, sizes = any_version.add_variable_product("Hoodie", "H", SIZES)
    shoe, shoes = any_version.add_variable_product("Shoe", "S", [("S-1", 5, {"Size": "1"})])
    answer = ask(any_version, "variations", {"orderby": "id", "order": "asc"})
    if any_version.state.version >= (11,):
        assert ids(answer) == [*sizes, *shoes]
    else:
        assert (answer.status_code, answer.json()["code"]) == (404, "rest_no_route")
    client = client_of(any_version)
    found = [int(v.id) for parent in (hoodie, shoe) for v in client.variations(parent)]
    assert found == [*sizes, *shoes]


def test_more_than_a_hundred_variations_come_in_pages(store: WooCommerceSandbox) -> None:
    many = [(f"S-{n}", 5, {"Size": str(n)}) for n in range(130)]
    shoe, sizes = store.add_variable_product("Shoe", "SHOE", many)
    assert len(ids(ask(store, f"products/{shoe}/variations"))) == 10
    assert [int(v.id) for v in client_of(store).variations(shoe)] == sizes


def test_products_in_the_trash_are_in_no_list(store: WooCommerceSandbox) -> None:
    mug = store.add_product("Mug", "MUG", 5)
    store.trash_product(mug)
    include = {"include": str(mug), "status": "any"}
    assert ids(ask(store, "products", include)) == []
    assert client_of(store).products([mug]) == ()
    assert ask(store, f"products/{mug}").json()["sku"] == "MUG"


def test_stock_that_is_sent_to_a_parent_managed_variation_is_ignored_with_200(
    store: WooCommerceSandbox,
) -> None:
    metre = Variation("ROPE-1", 2, {"Length": "1 m"}, "parent")
    rope, (one,) = store.add_variable_product("Rope", "ROPE", [metre], stock=5)
    (row,) = batch(store, f"products/{rope}/variations/batch", {"id": one, "stock_quantity": 9})
    assert (row["manage_stock"], row["stock_quantity"], store.stock(rope)) == ("parent", 5, 5)


def test_stock_that_is_sent_where_it_is_not_managed_is_ignored_with_200(
    store: WooCommerceSandbox,
) -> None:
    mug = store.add_product("Mug", "MUG", 5)
    answer = ask(store, f"products/{mug}", method="PUT", body={"stock_quantity": 9})
    assert (answer.status_code, answer.json()["manage_stock"]) == (200, False)
    assert store.stock(mug) is None


def test_a_variation_in_the_batch_of_products_is_a_404_for_that_item_alone(
    any_version: WooCommerceSandbox,
) -> None:
    _hoodie, (small, _large) = any_version.add_variable_product("Hoodie", "H", SIZES)
    any_version.set_stock(small, 1)
    mug = any_version.add_product("Mug", "MUG", 5, stock=1)
    items = [{"id": each, "stock_quantity": 9} for each in (small, 999_999, mug)]
    refused, unknown, done = batch(any_version, "products/batch", *items)
    assert refused["error"]["code"] == "woocommerce_rest_invalid_product_id"  # type: ignore[index]
    assert "error" in unknown
    assert (done["stock_quantity"], any_version.stock(small), any_version.stock(mug)) == (9, 1, 9)


def test_8_2_takes_a_simple_product_in_a_batch_of_variations_and_breaks_it(
    any_version: WooCommerceSandbox,
) -> None:
    hoodie, _sizes = any_version.add_variable_product("Hoodie", "H", SIZES)
    mug = any_version.add_product("Mug", "MUG", 5, stock=1)
    item = {"id": mug, "stock_quantity": 9}
    (row,) = batch(any_version, f"products/{hoodie}/variations/batch", item)
    is_broken = mug not in ids(ask(any_version, "products"))
    assert is_broken is (any_version.state.version < (10,))
    assert ("error" in row) is not is_broken


def test_a_put_of_stock_overwrites_what_was_sold_since_it_was_read(
    store: WooCommerceSandbox,
) -> None:
    mug = store.add_product("Mug", "MUG", 5, stock=10)
    read = store.stock(mug)
    store.place_order([Item(mug, 4)])
    assert store.stock(mug) == 6
    ask(store, f"products/{mug}", method="PUT", body={"stock_quantity": read})
    assert store.stock(mug) == 10


@pytest.mark.parametrize(
    ("status", "left"),
    [("pending", 10), ("on-hold", 8), ("processing", 8), ("completed", 8), ("failed", 10)],
)
def test_processing_completed_and_on_hold_take_stock(
    store: WooCommerceSandbox, status: str, left: int
) -> None:
    mug = store.add_product("Mug", "MUG", 5, stock=10)
    store.place_order([Item(mug, 2)], status=status)
    assert store.stock(mug) == left


def test_cancelling_gives_stock_back_and_trash_and_deletion_do_not(
    store: WooCommerceSandbox,
) -> None:
    mug = store.add_product("Mug", "MUG", 5, stock=10)
    cancelled, trashed, deleted = (store.place_order([Item(mug)]) for _ in range(3))
    store.trash(trashed)
    store.delete_order(deleted)
    assert store.stock(mug) == 7
    store.set_status(cancelled, "cancelled")
    assert store.stock(mug) == 8


def test_a_variation_deleted_between_two_pages_hides_no_other(world: World) -> None:
    many = [(f"S-{n}", 5, {"Size": str(n)}) for n in range(130)]
    shoe, sizes = world.shop.add_variable_product("Shoe", "SHOE", many)
    path = f"/products/{shoe}/variations"

    def after_the_first_page() -> None:
        world.before(world.shop.server, "GET", path, lambda: world.shop.delete_product(sizes[3]))

    world.before(world.shop.server, "GET", path, after_the_first_page)
    client = client_of(world.shop)
    assert {int(v.id) for v in client.variations(shoe)} >= {*sizes} - {sizes[3]}


def test_the_rest_cache_answers_what_was_unless_it_is_skipped(store: WooCommerceSandbox) -> None:
    store.app.rest_cache = {}
    mug = store.add_product("Mug", "MUG", 5, stock=3)
    path, asked = f"products/{mug}", {"_fields": "stock_quantity"}
    assert ask(store, path, asked).json()["stock_quantity"] == 3
    store.set_stock(mug, 8)
    kept = ask(store, path, asked)
    assert (kept.json()["stock_quantity"], kept.headers["X-WC-Cache"]) == (3, "HIT")
    assert ask(store, path, {**asked, "_skip_cache": "1"}).json()["stock_quantity"] == 8
    order = store.place_order([Item(mug)])
    store.set_status(order, "completed")
    assert ask(store, f"orders/{order}").json()["status"] == "completed"


def test_products_are_read_past_the_rest_cache(store: WooCommerceSandbox) -> None:
    store.app.rest_cache = {}
    mug = store.add_product("Mug", "OLD", 5)
    hat, (small, *_) = store.add_variable_product("Hat", "H", SIZES)
    shop = client_of(store)

    def skus() -> list[str]:
        read = [
            shop.product(mug),
            *shop.products([mug]),
            *(each for each in shop.all_products() if each.id == mug),
            shop.variation(hat, small),
            *(each for each in shop.variations(hat) if each.id == small),
        ]
        return [str(each.sku) for each in read]

    assert skus() == ["OLD"] * 3 + ["H-S"] * 2
    store.rename_sku(mug, "NEW")
    store.rename_sku(small, "NEW-S")
    assert skus() == ["NEW"] * 3 + ["NEW-S"] * 2
    shop.tax_rates()
    asked = [r for r in store.server.requests if r.path.endswith("/taxes")]
    assert all("_skip_cache=1" in request.query for request in asked)
