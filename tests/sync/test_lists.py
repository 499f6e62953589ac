"""Whole commands where lists come short, hold nonsense, or do not move: all that there is, is
worked, and what could not be read is told."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal

import pytest
from werkzeug.wrappers import Request, Response

from katana_woo_sync.domain.checks import Result
from katana_woo_sync.sandbox.server import SandboxServer
from katana_woo_sync.sandbox.woocommerce import Address, Item
from katana_woo_sync.sync.customers import import_customers
from katana_woo_sync.sync.cycle import SweepWhen, finish
from katana_woo_sync.sync.initial_stock import InitialStock, import_initial_stock
from katana_woo_sync.sync.product_import import ProductsImported, import_products
from katana_woo_sync.sync.report import ExitCode, Report
from tests.sync.checking import ERROR, found
from tests.sync.world import World


def with_stock(world: World) -> None:
    world.configure(stores={"eu": "sync_stock = true"})


def products_of(world: World) -> tuple[ProductsImported, Report]:
    """`backfill --products`."""
    program = world.program()
    with program.context() as context:
        context.report.store("eu")
        done = import_products(context, program.stores["eu"], lambda _done, _total: None)
        finish(context)
        return done, context.report


def stock_of(world: World, cost_percent: int | None = None) -> tuple[InitialStock, Report]:
    """`backfill --stock`."""
    program = world.program()
    percent = None if cost_percent is None else Decimal(cost_percent)
    with program.context() as context:
        context.report.store("eu")
        done = import_initial_stock(context, program.stores["eu"], percent)
        finish(context)
        return done, context.report


def through(server: SandboxServer, change: Callable[[Request, Response], Response]) -> None:
    """From now on the server's answers come changed."""
    handle = server._handle
    server._handle = lambda request: change(request, handle(request))


@pytest.mark.parametrize("tells_total", [True, False])
@pytest.mark.parametrize("most_rows", [10, 3, 1])
def test_a_host_that_caps_its_pages_hides_nothing(
    world: World, most_rows: int, tells_total: bool
) -> None:
    world.shop.state.most_rows, world.shop.state.tells_total = most_rows, tells_total
    orders = [world.order() for _ in range(23)]
    report = world.backfill()
    assert (report.exit_code, report.store("eu").imported) == (ExitCode.DONE, 23)
    later = [world.order() for _ in range(13)]
    report = world.sync()
    assert {len(world.in_katana(order)) for order in orders + later} == {1}
    for number in range(30):
        world.shop.add_product(f"Bowl {number}", f"BOWL-{number}", 5)
    done, report = products_of(world)
    assert (done.there, report.exit_code) == (32, ExitCode.DONE)


def test_many_orders_asked_for_by_their_ids_come_whole_from_a_host_that_caps_its_pages(
    world: World,
) -> None:
    orders = [world.order() for _ in range(30)]
    with world.down(world.katana.server):
        world.sync()
    world.shop.state.most_rows = 10
    world.sync(minutes=30)  # no copy is fresh any more
    assert {len(world.in_katana(order)) for order in orders} == {1}


@pytest.mark.parametrize("most_rows", [50, 7])
def test_katana_may_give_fewer_rows_than_asked_for(world: World, most_rows: int) -> None:
    world.katana._state.most_rows = most_rows
    people = [world.katana.add_customer(f"Customer {number}") for number in range(120)]
    with world.program().context() as context:
        read = context.katana.customers_changed(None)
    assert {int(customer.id) for customer in read.customers} >= set(people)
    assert len(read.customers) == 120
    assert read.mark is not None


def test_orders_that_do_not_come_are_told_of_and_no_cursor_moves_over_them(world: World) -> None:
    with_stock(world)
    world.sync()
    hidden, seen = world.order(), world.order()
    world.shop.state.held_back.add(hidden)
    report = world.sync()
    assert world.state(seen)[0] == "imported"
    assert report.exit_code is ExitCode.PROBLEMS
    assert "only 1 of 2 came" in str(report.to_json()["stores"])
    # once more than the overlap has passed, it is still asked for
    world.sync(minutes=60)
    assert world.find(hidden) is None
    world.shop.state.held_back.clear()
    report = world.sync(minutes=60, sweep=SweepWhen.NEVER)
    assert world.state(hidden)[0] == "imported"
    assert report.exit_code is ExitCode.DONE


def test_a_sweep_that_did_not_read_all_is_done_again(world: World) -> None:
    world.sync()
    hidden = world.order()
    world.shop.state.held_back.add(hidden)
    report = world.sync(sweep=SweepWhen.NOW)
    assert report.exit_code is ExitCode.PROBLEMS
    world.shop.state.held_back.clear()
    world.sync()
    assert world.state(hidden)[0] == "imported"


def test_a_cache_that_drops_the_offset_is_told_of_after_a_few_requests(world: World) -> None:
    world.sync()
    world.shop.state.drops_offset = True
    for _ in range(150):
        world.order()
    world.reset_counts()
    report = world.sync()
    assert "the same rows come again and again" in str(report.store("eu").error)
    assert report.exit_code is not ExitCode.DONE
    assert len(world.shop.server.requests) < 6


@pytest.mark.parametrize(
    ("switch", "value", "result", "words"),
    [
        ("most_rows", 100, Result.OK, "page by page"),
        ("most_rows", 10, Result.WARNING, "at most 10 rows"),
        ("drops_offset", True, Result.ERROR, "the rows of the first"),
    ],
)
def test_check_tries_the_lists(
    world: World, switch: str, value: object, result: Result, words: str
) -> None:
    for _ in range(15):
        world.order()
    setattr(world.shop.state, switch, value)
    (finding, *_) = found(world, "eu", "lists")
    assert (finding.result, words in finding.found) == (result, True)


def test_check_names_what_makes_no_sense(world: World) -> None:
    bad = world.shop.add_product("Odd", "ODD", 5)
    world.shop.state.spoilt[bad] = {"parent_id": "x"}
    named = [finding.found for finding in found(world, "eu", "lists") if finding.result is ERROR]
    assert [f'id:{bad} "Odd"' in each for each in named] == [True]


def test_rows_of_orders_without_an_id_are_told_of(world: World) -> None:
    world.sync()
    order, bad = world.order(), world.order()
    world.shop.state.spoilt[bad] = {"id": "none"}
    report = world.sync()
    assert world.state(order)[0] == "imported"
    assert "rows without an id, passed over: 1" in report.store("eu").unread[0]
    assert report.exit_code is ExitCode.PROBLEMS


@pytest.mark.parametrize(
    "behind",
    [
        b"\n<!-- Cached page generated by a cache on 2026-11-27 -->",
        b"<script>track([1, 2, {}]);</script>",
        b"<br />\n<b>Notice</b>:  Undefined index: x[0] in <b>/a.php</b> on line <b>3</b><br />",
        b'{"ok":true}',
        b"\xff\xfe",
    ],
)
def test_what_stands_behind_the_json_stops_nothing(world: World, behind: bytes) -> None:
    for server in (world.shop.server, world.katana.server):
        server.behind = behind
    order = world.order()
    world.sync()
    world.katana.deliver(world.sales_order(order).id)
    report = world.sync()
    assert world.state(order)[0] == "fulfilled"
    assert report.exit_code is ExitCode.DONE


@pytest.mark.parametrize("price", ["1..23", "12,50"])
def test_a_price_that_is_no_number_stops_nothing_but_itself(world: World, price: str) -> None:
    with_stock(world)
    bad = world.shop.add_product("Odd", "ODD", 5, stock=7)
    good = world.shop.add_product("Even", "EVEN", 5, stock=3)
    world.shop.state.spoilt[bad] = {"price": price, "regular_price": price}
    done, _report = products_of(world)
    assert done.there == 3
    (left,) = done.left_out
    assert all(each in left for each in ("Odd", f"id:{bad}", price))
    orders = [world.shop.place_order([Item(product)]) for product in (bad, good)]
    world.sync()
    assert [world.state(order)[0] for order in orders] == ["imported", "imported"]
    prices = {v.sku: v.sales_price for v in world.katana.variants()}
    assert prices["ODD"] is None
    stock, _report = stock_of(world, 50)
    assert not [each for each in stock.left_out if "Odd" in each]
    assert stock.items >= 2


def test_a_product_that_makes_no_sense_is_named_and_passed_over(world: World) -> None:
    bad = world.shop.add_product("Odd", "ODD", 5, stock=7)
    world.shop.add_product("Even", "EVEN", 5, stock=3)
    world.shop.state.spoilt[bad] = {"stock_quantity": "many", "parent_id": "x"}
    for ask in (products_of, stock_of):
        _done, report = ask(world)
        assert report.exit_code is ExitCode.PROBLEMS
        (unread,) = report.store("eu").unread
        assert f'id:{bad} "Odd"' in unread
    assert "EVEN" in {variant.sku for variant in world.katana.variants()}


def test_an_order_of_a_product_that_makes_no_sense_stops_no_other(world: World) -> None:
    bad = world.shop.add_product("Odd", "ODD", 5)
    world.shop.state.spoilt[bad] = {"parent_id": "x"}
    orders = [world.shop.place_order([Item(product)]) for product in (bad, world.lamp["eu"])]
    report = world.sync()
    assert [world.state(order)[0] for order in orders] == ["failed", "imported"]
    assert f"/products/{bad}" in world.record(orders[0]).detail
    assert report.exit_code is ExitCode.PROBLEMS


def test_a_customer_and_a_tax_rate_that_make_no_sense_are_passed_over(world: World) -> None:
    people = [
        world.shop.add_customer(Address(first_name=f"P{n}", email=f"p{n}@example.test"))
        for n in range(3)
    ]
    world.shop.state.spoilt[people[1]] = {"billing": "none"}
    program = world.program()
    with program.context() as context:
        context.report.store("eu")
        done = import_customers(context, program.stores["eu"], lambda _done, _total: None)
        finish(context)
    assert done.created == 2
    assert f"id:{people[1]}" in context.report.store("eu").unread[0]


@pytest.mark.parametrize("what", ["customer", "variant", "tax rate", "order"])
def test_a_row_of_katana_that_makes_no_sense_is_named_and_passed_over(
    world: World, what: str
) -> None:
    katana = world.katana
    first = world.order()
    world.sync()
    row = {
        "customer": lambda: katana.add_customer("Odd"),
        "variant": lambda: katana.add_product("Odd", "LAMP-X"),
        "tax rate": lambda: katana.add_tax_rate(Decimal("9.99"), "Odd"),
        "order": lambda: world.sales_order(first).id,
    }[what]()
    nonsense = {"created_at": [1], "rate": "many", "total": "a lot", "internal_barcode": [2]}
    katana._state.spoilt[row] = {**nonsense, "reference_id": {"x": 1}, "product_id": "x"}
    order = world.order()
    report = world.sync(sweep=SweepWhen.NOW)
    assert world.state(order)[0] == "imported"
    assert report.exit_code in (ExitCode.DONE, ExitCode.PROBLEMS)
    if report.katana_unread:
        assert f"id:{row}" in report.katana_unread[0]
        assert report.exit_code is ExitCode.PROBLEMS
    assert {len(world.in_katana(each)) for each in (first, order)} == {1}


def test_a_sales_order_that_makes_no_sense_is_not_created_again(world: World) -> None:
    order = world.order()
    world.sync()
    world.katana._state.spoilt[world.sales_order(order).id] = {"total": "a lot"}
    world.ledger.unlink()
    report = world.backfill()
    assert len(world.in_katana(order)) == 1
    assert any("only its number counts" in text for text in report.katana_unread)


def test_an_answer_that_is_too_large_is_halved_down_to_the_row(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("katana_woo_sync.clients.http.LARGEST_ANSWER", 300_000)
    world.sync()
    huge, *orders = [world.order() for _ in range(30)]
    product = world.shop.add_product("Huge", "HUGE", 5)
    for row in (huge, product):
        world.shop.state.spoilt[row] = {"customer_note": "x" * 400_000, "name": "y" * 400_000}
    report = world.sync()
    assert {world.state(order)[0] for order in orders} == {"imported"}
    assert world.state(huge) == ("attention", "unreadable")
    assert report.store("eu").error is None
    done, report = products_of(world)
    assert done.there == 2
    assert any("far too large" in text for text in report.store("eu").unread)


def test_a_list_of_millions_of_nothings_is_refused_unread(world: World) -> None:
    def flood(request: Request, response: Response) -> Response:
        if request.path.endswith("/products"):
            response.set_data(b"[" + b"[]," * 9_000_000 + b"[]]")
        return response

    world.sync()
    through(world.shop.server, flood)
    program = world.program()
    with program.context() as context, pytest.raises(Exception, match="far too large"):
        import_products(context, program.stores["eu"], lambda _done, _total: None)


def test_a_host_that_fails_for_large_pages_completes_orders(world: World) -> None:
    orders = [world.order() for _ in range(3)]
    world.sync()

    def fail(request: Request, response: Response) -> Response:
        if int(request.args.get("per_page", "1")) > 50:
            body = json.dumps({"code": "internal_server_error", "message": "", "data": {}})
            return Response(body, 500, content_type="application/json")
        return response

    through(world.shop.server, fail)
    for order in orders:
        world.katana.deliver(world.sales_order(order).id)
    world.sync()
    assert {world.status(order) for order in orders} == {"completed"}


def test_an_order_whose_list_fails_is_asked_for_by_itself(world: World) -> None:
    order = world.order()
    world.sync()

    def fail(request: Request, response: Response) -> Response:
        if request.args.get("include", "0") != "0":
            return Response("{}", 500, content_type="application/json")
        return response

    through(world.shop.server, fail)
    world.katana.deliver(world.sales_order(order).id)
    world.sync()
    assert world.status(order) == "completed"


def test_an_order_that_the_shop_failed_for_is_asked_for_again_soon(world: World) -> None:
    order = world.order()
    world.sync()
    world.katana.deliver(world.sales_order(order).id)
    world.shop.app.broken_orders.add(order)
    report = world.sync()
    assert world.state(order) == ("attention", "unreadable")
    assert report.exit_code is ExitCode.PROBLEMS
    world.shop.app.broken_orders.clear()
    world.sync()
    assert world.status(order) == "completed"


def test_an_order_that_was_never_read_is_imported_once_it_makes_sense(world: World) -> None:
    """Though nothing changed in it, so that no list of changes tells of it."""
    order = world.order()
    world.clock.tick(minutes=5)
    world.order()  # the list of changes goes on from here
    world.shop.state.spoilt[order] = {"shipping_lines": [{"id": 1, "meta_data": 5}]}
    world.sync()
    assert world.state(order) == ("attention", "unreadable")
    world.shop.state.spoilt.clear()
    world.sync(minutes=61)
    assert world.state(order) == ("imported", "")


@pytest.mark.parametrize("is_imported", [True, False])
def test_a_moment_in_which_the_shop_has_nothing_is_over_with_the_next_cycle(
    world: World, is_imported: bool
) -> None:
    world.sync()
    orders = [world.order() for _ in range(4)]
    if is_imported:
        world.sync()
    else:
        with world.down(world.katana.server):
            world.sync()

    def nothing(request: Request, response: Response) -> Response:
        if request.path.endswith("/orders"):
            return Response("[]", 200, {"X-WP-Total": "0"}, content_type="application/json")
        if "/orders/" in request.path:
            body = json.dumps({"code": "woocommerce_rest_shop_order_invalid_id", "message": ""})
            return Response(body, 404, content_type="application/json")
        return response

    handle = world.shop.server._handle
    through(world.shop.server, nothing)
    world.sync(minutes=30, sweep=SweepWhen.NOW)
    world.shop.server._handle = handle
    report = world.sync()
    assert {world.state(order)[0] for order in orders} == {"imported"}
    assert {len(world.in_katana(order)) for order in orders} == {1}
    assert report.exit_code is ExitCode.DONE


def test_an_order_that_is_gone_is_looked_for_less_and_less(world: World) -> None:
    order = world.order()
    world.sync()
    world.shop.trash(order)
    world.sync(sweep=SweepWhen.NOW)
    assert world.state(order) == ("attention", "cancelled_in_shop")
    world.reset_counts()
    for _ in range(4 * 20):
        world.sync(minutes=15, sweep=SweepWhen.NEVER)
    asked = [r for r in world.shop.server.requests if f"include={order}" in r.query]
    assert 1 <= len(asked) <= 6
    assert world.state(order) == ("attention", "cancelled_in_shop")
