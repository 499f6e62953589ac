"""`check`: each thing that it looks for is found where it is so, and not where it isn't."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from decimal import Decimal

import pytest

from katana_woo_sync.domain.checks import Result
from katana_woo_sync.sandbox.server import Fault, FaultKind
from katana_woo_sync.sandbox.woocommerce import Item, WooCommerceSandbox
from katana_woo_sync.sync.checks.asking import Findings
from katana_woo_sync.sync.checks.check import exit_code
from katana_woo_sync.sync.report import ExitCode
from tests.sync.checking import (
    ERROR,
    FOREVER,
    OK,
    WARNING,
    always,
    checked,
    code,
    found,
    keeps_answers,
    one,
    result,
    with_headers,
)
from tests.sync.world import World


def test_nothing_wrong_is_found_where_nothing_is(two: World) -> None:
    two.order()
    assert [f for f in checked(two) if f.result is not OK] == []
    assert code(two) is ExitCode.DONE


def test_what_was_sold_at_the_till_and_left_out_is_a_warning(world: World) -> None:
    world.configure(top='[orders]\npos = "skip"', stores={"eu": "sync_stock = true"})
    assert found(world, "eu", "till") == []
    world.order(quantity=3, status="completed", created_via="pos-rest-api")
    world.sync()
    finding = one(world, "eu", "till")
    assert finding.result is WARNING
    assert "3 pieces" in finding.found
    assert "pos" in finding.remedy


def kept(world: World) -> list[str]:
    """Everything that the ledger holds."""
    with closing(sqlite3.connect(world.ledger)) as ledger:
        return list(ledger.iterdump())


def test_nothing_is_written(two: World) -> None:
    order = two.order()
    two.sync()
    two.order(shop="us")
    two.reset_counts()
    before = kept(two), two.shop.order(order)
    two.clock.tick(days=2)
    checked(two)
    assert (kept(two), two.shop.order(order)) == before
    assert {r.method for r in two.katana.server.requests} == {"GET"}
    written = [r for r in two.shop.server.requests if r.method != "GET"]
    assert [(r.method, r.path[-9:], r.status) for r in written] == [("PUT", "/orders/0", 400)]


# The store


def test_a_key_without_write_permission(world: World) -> None:
    assert result(world, "eu", "write permission") is OK
    world.shop.gate.permission = "read"
    finding = one(world, "eu", "write permission")
    assert finding.result is ERROR
    assert "Read/Write" in finding.remedy
    assert code(world) is ExitCode.PROBLEMS


def test_a_key_that_may_not_read(world: World) -> None:
    world.shop.gate.permission = "write"
    finding = one(world, "eu", "connection")
    assert finding.result is ERROR
    assert "Read/Write" in finding.remedy
    assert code(world) is ExitCode.USAGE


def test_a_firewall_that_lets_no_put_through(world: World) -> None:
    world.shop.server.add_fault(
        Fault(FaultKind.STATUS, "PUT", status=403, body="<html>Denied</html>", times=FOREVER)
    )
    assert result(world, "eu", "write permission") is ERROR
    assert result(world, "eu", "connection") is OK


def test_plain_permalinks(world: World) -> None:
    world.shop.app.permalinks = "plain"
    finding = one(world, "eu", "connection")
    assert finding.result is ERROR
    assert "Permalinks" in finding.remedy


def test_almost_pretty_permalinks_are_said_and_do(world: World) -> None:
    world.shop.app.permalinks = "index"
    finding = one(world, "eu", "connection")
    assert (finding.result, "almost pretty" in finding.found) == (OK, True)


def test_a_plugin_that_closes_the_rest_api(world: World) -> None:
    body = '{"code": "rest_cannot_access", "message": "Only for users.", "data": {"status": 401}}'
    always(world.shop.server, body, 401, "application/json")
    finding = one(world, "eu", "connection")
    assert finding.result is ERROR
    assert "/wp-json/wc" in finding.remedy


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("<html><title>Just a moment...</title></html>", "challenge page"),
        ("<html><title>Coming soon</title></html>", "Coming soon"),
    ],
)
def test_a_page_in_the_place_of_the_api(world: World, body: str, words: str) -> None:
    always(world.shop.server, body, 200)
    finding = one(world, "eu", "connection")
    assert (finding.result, words in finding.found) == (ERROR, True)
    assert finding.remedy
    assert code(world) is ExitCode.PROBLEMS


def test_a_certificate_that_is_not_trusted(world: World, certificate: tuple[str, str]) -> None:
    with WooCommerceSandbox(ssl_context=certificate) as secure:
        world.configure(stores={"eu": f'url = "{secure.url}"'})
        finding = one(world, "eu", "connection")
        assert (finding.result, "ca_file" in finding.remedy) == (ERROR, True)
        assert code(world) is ExitCode.PROBLEMS
        own = f'url = "{secure.url}"\nca_file = "{certificate[0]}"'
        world.configure(stores={"eu": own})
        assert result(world, "eu", "connection") is OK


def test_an_address_that_redirects(world: World, certificate: tuple[str, str]) -> None:
    assert found(world, "eu", "address") == []
    with WooCommerceSandbox(ssl_context=certificate) as secure:
        there = f"{secure.url}/wp-json/wc/v3/orders"
        moved = Fault(FaultKind.STATUS, status=301, headers={"Location": there}, times=FOREVER)
        world.shop.server.add_fault(moved)
        world.configure(stores={"eu": f'ca_file = "{certificate[0]}"'})
        finding = one(world, "eu", "address")
        assert (finding.result, f'url = "{secure.url}"' in finding.remedy) == (WARNING, True)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("CF_Cache_Status", "HIT", ERROR),
        ("X_LiteSpeed_Cache", "hit,private", ERROR),
        ("Age", "37", ERROR),
        ("X_Cache", "TCP_HIT from edge", ERROR),
        ("CF_Cache_Status", "REVALIDATED", ERROR),
        ("X_Cache", "MISS", OK),
        ("X_Cache_Enabled", "True", OK),
        ("X_Cache_Info", "whitelisted", OK),
        ("CF_Cache_Status", "DYNAMIC", OK),
        ("Age", "0", OK),
    ],
)
def test_a_cache_before_the_shop(world: World, name: str, value: str, expected: Result) -> None:
    with_headers(world.shop.server, **{name: value})
    assert result(world, "eu", "cache") is expected


def test_a_store_that_is_down_leaves_the_other_to_be_tested(two: World) -> None:
    with two.down(two.shop.server):
        findings = checked(two)
    assert exit_code(findings, ["eu", "us"]) is ExitCode.PROBLEMS
    assert [f.where for f in findings if f.result is ERROR] == ["eu"]
    assert sum(f.where == "us" for f in findings) > 5


def test_every_store_down_is_for_later(two: World) -> None:
    with two.down(two.shop.server, two.shops["us"].server):
        assert code(two) is ExitCode.TRY_LATER


def test_a_wrong_key_of_the_only_store_is_for_the_config(world: World) -> None:
    world.configure(stores={"eu": 'consumer_secret = "cs_wrong"'})
    assert code(world) is ExitCode.USAGE


def test_a_wrong_key_of_one_of_two_stores_is_for_a_person(two: World) -> None:
    two.configure(stores={"eu": 'consumer_secret = "cs_wrong"'})
    assert code(two) is ExitCode.PROBLEMS


# Location and currency


def test_a_location_that_katana_does_not_have(world: World) -> None:
    assert result(world, "eu", "location") is OK
    world.configure(stores={"eu": 'location = "Attic"'})
    finding = one(world, "eu", "location")
    assert finding.result is ERROR
    assert '"Main location"' in finding.found


def test_a_location_that_is_not_set(world: World) -> None:
    world.configure(stores={"eu": 'location = ""'})
    assert result(world, "eu", "location") is OK  # Katana has one
    world.katana.add_location("Warehouse")
    assert result(world, "eu", "location") is ERROR


def test_a_location_without_sales(world: World) -> None:
    world.katana.set_sales_allowed(world.katana.main_location_id, False)
    finding = one(world, "eu", "location")
    assert finding.result is ERROR
    assert "Allow them in Katana" in finding.remedy


@pytest.mark.parametrize(("multi", "expected"), [("true", OK), ("false", ERROR)])
def test_another_currency_than_the_base(two: World, multi: str, expected: Result) -> None:
    two.configure(katana=f"multi_currency = {multi}")
    assert result(two, "eu", "currency") is OK
    assert result(two, "us", "currency") is expected


# Katana's own integration


def test_orders_that_another_program_imports(world: World) -> None:
    world.order()
    world.sync()
    assert result(world, "eu", "Katana's integration") is OK
    other = world.order()
    world.foreign(other, store_name=world.identity)
    finding = one(world, "eu", "Katana's integration")
    assert finding.result is ERROR
    number = world.shop.state.orders[other].number
    assert number in finding.found
    assert f"the last was {number} at {world.clock():%Y-%m-%d}" in finding.found


def test_orders_of_another_program_that_were_adopted_meanwhile(world: World) -> None:
    world.clock.tick(minutes=5)
    world.foreign(world.order(), store_name=world.identity)
    assert world.sync().store("eu").adopted == 1
    assert result(world, "eu", "Katana's integration") is ERROR
    world.clock.tick(days=8)
    world.sync()
    assert result(world, "eu", "Katana's integration") is OK


def test_what_was_taken_over_is_no_sign_of_another_program(unconnected: World) -> None:
    order = unconnected.order()
    unconnected.foreign(order, store_name=unconnected.identity)
    assert result(unconnected, "eu", "Katana's integration") is WARNING
    unconnected.clock.tick(days=1)
    unconnected.order()
    unconnected.backfill()
    assert result(unconnected, "eu", "Katana's integration") is OK


def test_another_stores_orders_are_no_sign(world: World) -> None:
    world.foreign(world.order(), store_name="elsewhere.example")
    assert result(world, "eu", "Katana's integration") is OK


def test_an_order_whose_answer_was_lost_is_our_own(world: World) -> None:
    world.order()
    lost = Fault(FaultKind.DROP_AFTER, "POST", "/sales_orders")
    world.katana.server.add_fault(lost)
    world.sync()
    assert len(world.katana.sales_orders()) == 1
    assert result(world, "eu", "Katana's integration") is OK


# SKUs


def test_a_sku_on_several_items_of_katana(world: World) -> None:
    world.katana.add_product("A part", "PART")
    world.katana.add_product("Another part", "PART")
    assert result(world, "Katana", "SKUs") is WARNING
    assert result(world, "eu", "SKUs in both") is OK  # the shop does not sell it
    world.katana.add_product("Another mug", "MUG")
    assert "MUG" in one(world, "eu", "SKUs in both").found
    assert result(world, "eu", "SKUs in both") is ERROR


def test_archived_items_are_not_double(world: World) -> None:
    world.katana.add_product("Old mug", "MUG", archived=True)
    assert result(world, "Katana", "SKUs") is OK
    assert result(world, "eu", "SKUs in both") is OK


def test_a_sku_that_katana_writes_in_another_case(world: World) -> None:
    world.katana.add_product("Lamp", "lamp")
    finding = one(world, "eu", "SKUs in both")
    assert finding.result is ERROR
    assert "LAMP (Katana: lamp)" in finding.found
    world.configure(top='[sku_aliases]\nLAMP = "lamp"')
    assert result(world, "eu", "SKUs in both") is OK


def test_skus_of_katana_that_differ_in_case(world: World) -> None:
    assert result(world, "Katana", "SKUs") is OK
    world.katana.add_product("Little mug", "mug")
    assert "MUG" in one(world, "Katana", "SKUs").found
    assert result(world, "Katana", "SKUs") is WARNING


def test_translations_of_a_product_are_no_double(world: World) -> None:
    world.shop.set_stock(world.mug["eu"], 4)
    cup = world.shop.translate(world.mug["eu"], "Kupa")
    assert result(world, "eu", "SKUs in the shop") is OK
    world.shop.state.products[cup].stock = Decimal(5)
    assert result(world, "eu", "SKUs in the shop") is WARNING
    assert "MUG" in one(world, "eu", "SKUs in the shop").found


def test_a_sku_on_several_products_of_the_shop(world: World) -> None:
    assert result(world, "eu", "SKUs in the shop") is OK
    world.shop.add_product("Mug again", "mug", 9)
    finding = one(world, "eu", "SKUs in the shop")
    assert (finding.result, "MUG / mug" in finding.found) == (WARNING, True)


@pytest.mark.parametrize("version", [(11, 0, 1), (8, 2, 2)])
def test_variations_without_a_sku_of_their_own(world: World, version: tuple[int, ...]) -> None:
    world.shop.state.version = version
    sizes = [("TS-S", "19.90", {"Size": "S"}), ("TS-M", "19.90", {"Size": "M"})]
    world.shop.add_variable_product("T-Shirt", "TS", sizes)
    assert result(world, "eu", "SKUs in the shop") is OK
    world.shop.add_variable_product("Cap", "CAP", [("", "9.90", {"Size": "S"})])
    finding = one(world, "eu", "SKUs in the shop")
    assert finding.result is WARNING
    assert "Cap (S)" in finding.found


@pytest.mark.parametrize(("creates", "expected"), [("true", WARNING), ("false", ERROR)])
def test_products_on_open_orders_that_katana_lacks(
    world: World, creates: str, expected: Result
) -> None:
    world.configure(top=f"[orders]\ncreate_products = {creates}")
    world.order()
    assert result(world, "eu", "open orders") is OK
    world.shop.place_order([Item(world.lamp["eu"])])
    finding = one(world, "eu", "open orders")
    assert (finding.result, "LAMP" in finding.found) == (expected, True)


def test_products_of_orders_that_were_imported_are_no_finding(world: World) -> None:
    nameless = world.shop.add_product("Surprise", "", 5)
    world.shop.place_order([Item(nameless)])
    assert result(world, "eu", "open orders") is WARNING
    world.sync()
    world.shop.place_order([Item(nameless)])
    assert result(world, "eu", "open orders") is OK


def test_skus_that_katana_lacks_are_named(world: World) -> None:
    finding = one(world, "eu", "SKUs in both")
    assert (finding.result, finding.found) == (
        OK,
        "1 of 2 are in Katana, each one item; not there yet: LAMP",
    )
    world.katana.add_product("Lamp", "LAMP")
    assert one(world, "eu", "SKUs in both").found == "2 of 2 are in Katana, each one item"


# Katana


def test_katana_that_allows_less_than_is_configured(world: World) -> None:
    assert result(world, "Katana", "requests a minute") is OK
    with_headers(world.katana.server, X_Ratelimit_Limit="60")
    finding = one(world, "Katana", "requests a minute")
    assert finding.result is WARNING
    assert "requests_per_minute = 60" in finding.remedy


def test_a_key_that_katana_refuses(world: World) -> None:
    world.configure(katana='api_key = "wrong-key-of-katana"')
    finding = one(world, "Katana", "connection")
    assert finding.result is ERROR
    assert "api_key" in finding.remedy
    assert code(world) is ExitCode.USAGE


def test_katana_down_leaves_the_stores_to_be_tested(world: World) -> None:
    with world.down(world.katana.server):
        findings = checked(world)
    assert exit_code(findings, ["eu"]) is ExitCode.TRY_LATER
    assert {f.result for f in findings if f.where == "eu"} == {OK}


# Whatever happens


def test_what_nobody_foresaw_is_a_finding() -> None:
    findings = Findings("eu")
    assert findings.ask("something", lambda: 1 // 0) is None
    assert [(f.result, "ZeroDivisionError" in f.found) for f in findings.found] == [(ERROR, True)]


@pytest.mark.parametrize("kind", [FaultKind.HTML, FaultKind.TRUNCATE, FaultKind.DROP_BEFORE])
@pytest.mark.parametrize("number", range(10))
def test_any_answer_may_be_odd(world: World, kind: FaultKind, number: int) -> None:
    world.order()
    world.shop.server.add_fault(Fault(kind, skip=number))
    world.katana.server.add_fault(Fault(kind, skip=number))
    findings = checked(world)
    assert {f.where for f in findings} >= {"config", "ledger", "this machine", "Katana", "eu"}
    assert not any("unexpected went wrong" in f.found for f in findings)


def test_two_stores_with_the_same_order_numbers_get_a_prefix_proposed(
    make_world: Callable[..., World],
) -> None:
    world = make_world(names=("eu", "us"))
    world.order()
    world.order(shop="us")
    assert not world.ledger.exists()
    before = one(world, "config", "order numbers")
    assert before.result is WARNING
    assert 'order_number_prefix = "US-" for us' in before.remedy
    world.backfill()
    assert result(world, "config", "order numbers") is WARNING
    world.configure(stores={"us": 'order_number_prefix = "US-"'})
    assert result(world, "config", "order numbers") is OK


def test_order_numbers_that_are_apart_are_fine(make_world: Callable[..., World]) -> None:
    world = make_world(names=("eu", "us"))
    world.order(number="17")
    world.order(shop="us", number="9017")
    assert result(world, "config", "order numbers") is OK


def test_open_orders_of_before_since_are_not_looked_at(world: World) -> None:
    gone = world.shop.add_product("Gone", "GONE", "5.00")
    world.shop.place_order([Item(gone)], created=world.clock() - timedelta(days=400))
    assert result(world, "eu", "open orders") is WARNING
    world.configure(stores={"eu": "since = 2026-01-01"})
    finding = one(world, "eu", "open orders")
    assert finding.result is OK
    assert "none waits" in finding.found


@pytest.mark.parametrize("orders", [0, 1, 3])
def test_a_cache_that_takes_no_notice_of_the_query(world: World, orders: int) -> None:
    for _ in range(orders):
        world.order()
    assert result(world, "eu", "cache") is OK
    keeps_answers(world.shop.server)
    finding = one(world, "eu", "cache")
    assert finding.result is ERROR
    assert "takes no notice" in finding.found


def test_keys_in_the_query_are_said(world: World, certificate: tuple[str, str]) -> None:
    with WooCommerceSandbox(ssl_context=certificate) as secure:
        secure.gate.strips_header = True
        keys = f"""url = "{secure.url}"
            ca_file = "{certificate[0]}"
            consumer_key = "{secure.consumer_key}"
            consumer_secret = "{secure.consumer_secret}\""""
        world.configure(stores={"eu": keys})
        finding = one(world, "eu", "connection")
    assert finding.result is WARNING
    assert "access log" in finding.found


def test_it_says_where_a_shop_shows_deliveries(world: World) -> None:
    assert found(world, "eu", "shipments") == []
    world.configure(stores={"eu": 'shipments = "auto"'})
    nothing = one(world, "eu", "shipments")
    assert (nothing.result, "tracking_note" in nothing.remedy) == (WARNING, True)
    world.shop.install("wc-shipment-tracking/v3")
    plugin = one(world, "eu", "shipments")
    assert (plugin.result, plugin.found) == (OK, "told by the plugin Shipment Tracking")
    world.shop.switch_on_fulfillments()
    assert "WooCommerce's own Fulfillments" in one(world, "eu", "shipments").found


def test_order_notes_alone_are_said_too(world: World) -> None:
    world.configure(top='[orders]\ntracking_note = "private"', stores={"eu": 'shipments = "auto"'})
    notes = one(world, "eu", "shipments")
    assert (notes.result, "tracking_note" in notes.found) == (OK, True)
