"""The commands: what they print, `--json` as designed, exit codes."""

from __future__ import annotations

import json
import stat
from datetime import datetime, timedelta
from decimal import Decimal
from time import sleep

from katana_woo_sync.sandbox.server import Fault, FaultKind
from tests.cli.support import inside, run, run_json
from tests.sync.world import World

REPORT = {"started_at", "finished_at", "dry_run", "stores", "requests", "problems"}
OF_A_STORE = {
    "seen",
    "imported",
    "adopted",
    "skipped",
    "completed_in_store",
    "delivered_in_katana",
    "stock_updated",
    "failed",
    "attention",
    "error",
}
PROBLEM = {"store", "order_id", "order_number", "state", "reason", "next_attempt_at"}


def test_backfill_imports_and_says_so(unconnected: World) -> None:
    order = unconnected.order()
    result = run(unconnected, "backfill", "--yes")
    assert result.exit_code == 0
    assert "eu: 1 open orders to import" in result.stderr
    assert "1 imported" in result.stdout
    assert len(unconnected.in_katana(order)) == 1


def test_backfill_json(unconnected: World) -> None:
    unconnected.order()
    report = run_json(unconnected, "backfill")
    assert set(report) >= REPORT
    store = inside(report, "stores", "eu")
    assert isinstance(store, dict)
    assert set(store) == OF_A_STORE
    assert inside(report, "stores", "eu", "imported") == 1


def test_a_backfill_with_stock_sets_none_in_the_shop(unconnected: World) -> None:
    unconnected.configure(stores={"eu": "sync_stock = true"})
    unconnected.shop.set_stock(unconnected.mug["eu"], 5)
    run(unconnected, "backfill", "--stock", "--yes")
    assert unconnected.shop.stock(unconnected.mug["eu"]) == 5


def test_backfill_since(unconnected: World) -> None:
    order = unconnected.order(created=unconnected.clock() - timedelta(days=3))
    yesterday = unconnected.clock() - timedelta(days=1)
    result = run(unconnected, "backfill", "--since", f"{yesterday.day} {yesterday:%b %Y}")
    assert result.exit_code == 0
    assert unconnected.in_katana(order) == []
    said = f"before {yesterday.day} {yesterday:%B %Y}, 00:00 UTC are left out"
    assert said in result.stderr


def test_backfill_since_a_day_to_come_or_one_of_several(unconnected: World) -> None:
    order = unconnected.order()
    for text, said in (("2099-01-01", "is still to come"), ("01/02/2026", "may be 2 January 2026")):
        result = run(unconnected, "backfill", "--since", text)
        assert result.exit_code == 2
        assert said in result.stderr
    assert unconnected.in_katana(order) == []


def test_backfill_with_a_date_that_is_none(unconnected: World) -> None:
    result = run(unconnected, "backfill", "--since", "yesterday")
    assert result.exit_code == 2
    assert '"yesterday" is no date' in result.stderr


def test_sync_json(two: World) -> None:
    two.order(shop="us")
    report = run_json(two, "sync")
    assert set(report) >= REPORT
    assert report["dry_run"] is False
    requests = report["requests"]
    assert isinstance(requests, dict)
    assert set(requests) == {"katana", "stores"}
    assert set(requests["stores"]) == {"eu", "us"}


def test_sync_of_one_store(two: World) -> None:
    eu, us = two.order(), two.order(shop="us")
    assert run(two, "sync", "--store", "us").exit_code == 0
    assert (len(two.in_katana(eu)), len(two.in_katana(us, shop="us"))) == (0, 1)


def test_sync_of_a_store_that_is_not_there(world: World) -> None:
    result = run(world, "sync", "--store", "nope")
    assert result.exit_code == 2
    assert "it has eu" in result.stderr


def test_sync_json_problems(world: World) -> None:
    order = world.order(total=Decimal(1))
    report = run_json(world, "sync", code=1)
    problem = inside(report, "problems", 0)
    assert isinstance(problem, dict)
    assert set(problem) >= PROBLEM
    assert (problem["order_id"], problem["reason"]) == (order, "total_differs")


def test_a_problem_is_told_with_its_remedy(world: World) -> None:
    order = world.order(total=Decimal(1))
    result = run(world, "sync")
    assert result.exit_code == 1
    assert f"eu: order {order} attention (total_differs)" in result.stdout
    assert "Compare the two orders" in result.stdout


def test_dry_run_json(world: World) -> None:
    order = world.order()
    assert run_json(world, "sync", "--dry-run")["dry_run"] is True
    assert world.in_katana(order) == []


def test_quiet_prints_nothing_on_a_good_day(world: World) -> None:
    world.order()
    result = run(world, "-q", "sync")
    assert (result.exit_code, result.output) == (0, "")


def test_quiet_still_tells_of_problems(world: World) -> None:
    world.order(total=Decimal(1))
    result = run(world, "-q", "sync")
    assert result.exit_code == 1
    assert "total_differs" in result.stdout


def test_log_lines_are_json(world: World) -> None:
    order = world.order()
    result = run(world, "--log-format", "json", "sync")
    lines = [json.loads(line) for line in result.stderr.splitlines()]
    (imported,) = [line for line in lines if "imported" in line["message"]]
    assert (imported["store"], imported["order_id"], imported["level"]) == ("eu", order, "info")


def test_status(world: World) -> None:
    world.order()
    run(world, "sync")
    result = run(world, "status")
    assert result.exit_code == 0
    assert "1 imported" in result.stdout
    assert "No order needs a person." in result.stdout


def test_an_order_is_found_by_the_number_that_katana_shows(world: World) -> None:
    world.configure(stores={"eu": 'order_number_prefix = "EU-"'})
    order = world.order()
    run(world, "sync")
    number = str(world.shop.order(order)["number"])
    for name in (number, f"EU-{number}", f"#{number}", f"id:{order}"):
        shown = run_json(world, "order", "eu", name)
        assert shown["order_id"] == order
    assert run(world, "ignore", "eu", f"EU-{number}").exit_code == 0


def test_status_json(world: World) -> None:
    world.order()
    run(world, "sync")
    status = run_json(world, "status")
    assert set(status) >= {"stores", "problems"}
    store = inside(status, "stores", "eu")
    assert isinstance(store, dict)
    assert set(store) == {
        "last_success_at",
        "orders",
        "stock_updated_at",
        "stock_left_out",
        "error",
    }
    assert store["orders"] == {"imported": 1}


def test_status_says_how_old_what_waits_is(world: World) -> None:
    world.order()
    run(world, "sync")
    assert "oldest_queued_at" not in str(inside(run_json(world, "status"), "stores", "eu"))
    placed = world.clock()
    for _ in range(2):
        world.order()
    world.katana.server.add_fault(Fault(FaultKind.STATUS, status=503, times=1000))
    run(world, "sync")
    status = run_json(world, "status", code=1)
    shown = str(inside(status, "stores", "eu", "oldest_queued_at"))
    assert abs(datetime.fromisoformat(shown) - placed) < timedelta(minutes=1)
    assert "oldest order waiting: placed" in run(world, "status").stdout


def test_status_counts_what_is_left_to_parent_orders(world: World) -> None:
    parent = world.order()
    world.order(parent_id=parent, created_via="dokan")
    run(world, "sync")
    assert "1 of them are left out: their parent orders hold" in run(world, "status").stdout
    assert inside(run_json(world, "status"), "stores", "eu", "left_to_parents") == 1


def test_status_tells_of_what_katana_does_not_know_was_sold_at_the_till(world: World) -> None:
    world.configure(top='[orders]\npos = "skip"', stores={"eu": "sync_stock = true"})
    sleep(1)  # what was placed in the second of the connection was there before it
    world.order(quantity=3, status="completed", created_via="pos-rest-api")
    world.order(quantity=2, status="completed", created_via="pos-rest-api")
    run(world, "sync")
    result = run(world, "status")
    assert (
        "does not know of 5 pieces that were sold at the shop's Point of Sale (2 sales since"
        in result.stdout
    )
    sold = inside(run_json(world, "status"), "stores", "eu", "sold_at_till")
    assert (sold, result.exit_code) == ({"orders": 2, "pieces": "5"}, 0)


def test_retry_with_a_number_imports_a_sub_order(world: World) -> None:
    parent = world.order()
    child = world.order(parent_id=parent, created_via="dokan")
    run(world, "sync")
    run(world, "retry")
    assert world.in_katana(child) == []
    assert run(world, "retry", "eu", str(child)).exit_code == 0
    assert len(world.in_katana(child)) == 1


def test_ignoring_a_parent_queues_its_sub_orders(world: World) -> None:
    parent = world.order()
    child = world.order(parent_id=parent, created_via="dokan")
    with world.down(world.katana.server):
        run(world, "sync")
    run(world, "ignore", "eu", str(parent))
    assert world.state(child)[0] == "queued"


def test_status_of_a_store_that_was_never_connected(unconnected: World) -> None:
    result = run(unconnected, "status")
    assert "backfill --store eu" in result.stdout
    assert not unconnected.ledger.exists()


def test_status_tells_of_katanas_outage(world: World) -> None:
    world.configure(katana='api_key = "wrong"')
    assert run(world, "sync").exit_code == 2
    result = run(world, "status")
    assert result.exit_code == 1
    assert "NOT WORKED" in result.stdout


def test_orders(two: World) -> None:
    first, second = two.order(), two.order(shop="us")
    run(two, "sync")
    listed = run_json(two, "orders")
    ids = {inside(listed, "orders", n, "order_id") for n in (0, 1)}
    assert ids == {first, second}
    assert str(first) in run(two, "orders", "--store", "eu").stdout
    assert run_json(two, "orders", "--state", "failed") == {"orders": []}


def test_order_shows_both_sides(world: World) -> None:
    order = world.order()
    run(world, "sync")
    result = run(world, "order", "eu", str(order))
    sales_order = world.sales_order(order)
    assert result.exit_code == 0
    assert f"{world.shop.url}/wp-admin/" in result.stdout
    assert f"salesorder/{sales_order.id}" in result.stdout
    assert "katana: imported" in result.stdout


def test_order_json(world: World) -> None:
    order = world.order()
    run(world, "sync")
    shown = run_json(world, "order", "eu", f"id:{order}")
    assert (shown["state"], shown["in_katana"]) == ("imported", "yes")
    assert shown["history"]


def test_an_ambiguous_number_is_listed_and_the_id_works(world: World) -> None:
    first, second = world.order(number="7"), world.order(number="7")
    run(world, "sync")
    result = run(world, "order", "eu", "7")
    assert result.exit_code == 2
    assert f"id:{first}" in result.stderr
    assert f"id:{second}" in result.stderr
    assert run(world, "order", "eu", f"id:{first}").exit_code == 0


def test_an_order_that_the_ledger_does_not_know(world: World) -> None:
    for number in ("4711", "id:4711", "id:x"):
        assert run(world, "order", "eu", number).exit_code == 2


def test_retry_imports_what_was_set_right(world: World) -> None:
    world.katana.add_product("Lamp", "MUG")
    order = world.order()
    assert run(world, "sync").exit_code == 1
    double = next(v.id for v in world.katana.variants() if v.sku == "MUG")
    world.katana.delete_variant(double)
    assert run(world, "sync").exit_code == 1
    assert run(world, "retry", "eu", str(order)).exit_code == 0
    assert len(world.in_katana(order)) == 1


def test_retry_imports_what_was_completed_unseen(world: World) -> None:
    order = world.order(status="completed", created=world.clock() + timedelta(seconds=1))
    run(world, "sync")
    report = run_json(world, "retry")
    assert inside(report, "stores", "eu", "imported") == 1
    assert world.sales_order(order).status == "DELIVERED"


def test_retry_of_a_good_order_says_that_there_is_nothing(world: World) -> None:
    order = world.order()
    run(world, "sync")
    result = run(world, "retry", "eu", str(order))
    assert result.exit_code == 0
    assert "nothing to try again" in result.stderr


def test_exit_code_for_later(world: World) -> None:
    fault = Fault(FaultKind.STATUS, status=429, headers={"Retry-After": "3600"}, times=1000)
    world.katana.server.add_fault(fault)
    assert run(world, "sync").exit_code == 75


def test_a_bad_config_tells_every_problem(world: World) -> None:
    world.configure(katana='api_keey = "x"', stores={"eu": 'loction = "x"\ntimeout = "soon"'})
    result = run(world, "sync")
    assert result.exit_code == 2
    for word in ("api_keey", "api_key", "loction", "location", "timeout"):
        assert word in result.stderr
    assert "Traceback" not in result.output


def test_a_config_that_is_not_there(world: World) -> None:
    world.config.unlink()
    for command in (["sync"], ["backfill"], ["status"], ["orders"], ["run"]):
        result = run(world, *command)
        assert result.exit_code == 2
        assert "Traceback" not in result.output


def test_a_ledger_that_is_none(world: World) -> None:
    world.ledger.write_text("not a database at all, " * 100)
    for command in (["sync"], ["status"]):
        result = run(world, *command)
        assert result.exit_code in (2, 75)
        assert "ledger" in result.stderr
        assert "Traceback" not in result.output


def test_the_ledger_is_its_owners_alone(unconnected: World) -> None:
    run(unconnected, "backfill")
    assert stat.S_IMODE(unconnected.ledger.stat().st_mode) == 0o600


def test_another_program_that_imports_too_is_said_by_status_and_page(world: World) -> None:
    run(world, "sync")
    assert "Another program" not in run(world, "status").stdout
    other = world.order(created=world.clock() + timedelta(seconds=1))
    world.foreign(other, store_name=world.identity)
    run(world, "sync")
    said = run(world, "status").stdout
    assert "Another program, most likely Katana's own integration" in said
    assert "customers are mailed twice" in said
    shown = run_json(world, "status")
    number = world.sales_order(other).order_no
    assert inside(shown, "stores", "eu", "another_importer", "last_order") == number
    page = world.directory / "page.html"
    assert run(world, "report", "--output", str(page)).exit_code == 0
    assert "customers are mailed twice" in page.read_text(encoding="utf-8")


def test_retry_has_the_shop_told_of_a_delivery_at_once(world: World) -> None:
    world.configure(stores={"eu": 'shipments = "auto"'})
    world.shop.switch_on_fulfillments()
    order = world.order()
    world.sync()
    world.katana.deliver(world.sales_order(order).id)
    fault = Fault(FaultKind.STATUS, method="POST", path="fulfillments", status=500)
    world.shop.server.add_fault(fault)
    world.sync(minutes=0.1)
    world.sync(minutes=0.1)
    assert world.shop.fulfillments(order) == []
    assert run(world, "retry", "eu", str(order)).exit_code == 0
    assert len(world.shop.fulfillments(order)) == 1
    assert world.record(order).note_failed == ""
