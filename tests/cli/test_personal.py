"""`export` and `erase`: what is kept about one customer, also beside a running cycle."""

from __future__ import annotations

import json
import os
from contextlib import closing
from pathlib import Path
from sqlite3 import connect

from msgspec.structs import replace

from katana_woo_sync.domain.order_rules import Note
from katana_woo_sync.domain.reasons import Reason
from katana_woo_sync.domain.shipments import Parcel
from katana_woo_sync.ledger import Ledger
from katana_woo_sync.sandbox.server import Fault, FaultKind
from katana_woo_sync.sandbox.woocommerce import Address
from tests.cli.support import inside, run, run_json, wait_until
from tests.cli.test_one_run import at_work
from tests.sync.world import ANNA, World

OTHER = Address(first_name="Ben", last_name="Smith", country="GR", email="ben@example.test")
PARCEL = Parcel(number="RR123456785GR", carrier="ELTA")
TYPED = "please engrave Anna Kosta"


def told(world: World, *orders: int) -> None:
    """A detail, a note and a line of history that hold what a customer typed."""
    with Ledger.open(world.ledger) as ledger, ledger.atomic():
        for order in orders:
            record = ledger.orders.get(world.identity, order)
            assert record is not None
            ledger.orders.save([replace(record, detail=TYPED, note_failed=TYPED)])
            ledger.shipments.keep(world.identity, order, order, PARCEL)
            ledger.orders.add_notes(
                world.identity,
                order,
                [Note(Reason.EDITED, TYPED), Note(Reason.EDITED, f"{TYPED} 2")],
                world.clock(),
            )
            ledger.journal.add(
                world.clock(), "ledger", "noted", TYPED, identity=world.identity, order_id=order
            )


def whole(world: World) -> str:
    """Everything that the ledger's file holds, as text."""
    with closing(connect(world.ledger)) as connection:
        return "\n".join(connection.iterdump())


def raw(world: World) -> bytes:
    """The bytes of the ledger's files."""
    return b"".join(path.read_bytes() for path in sorted(world.directory.glob("ledger.db*")))


def test_export_tells_of_her_orders_and_of_nobody_elses(world: World, tmp_path: Path) -> None:
    hers, others = world.order(), world.order(billing=OTHER)
    run(world, "sync")
    told(world, hers)
    ended = run(world, "export", "Anna@example.test ")
    assert ended.exit_code == 0, ended.output
    kept = json.loads(ended.stdout)
    assert [order["order_id"] for order in kept["orders"]] == [hers]
    assert inside(kept, "orders", 0, "detail") == TYPED
    assert inside(kept, "orders", 0, "notes", 0, "detail") == TYPED
    assert inside(kept, "orders", 0, "note_failed") == TYPED
    assert inside(kept, "orders", 0, "shipments", 0, "parcel", "number") == PARCEL.number
    assert inside(kept, "katana_customers", 0, "email")
    assert inside(kept, "customers", 0, "customer_id") == world.sales_order(hers).customer_id
    assert inside(kept, "history", 0, "action") == "created customer"
    assert others not in [order["order_id"] for order in kept["orders"]]
    file, before = tmp_path / "anna.json", os.umask(0)
    try:
        run(world, "export", ANNA.email, "--output", str(file))
    finally:
        os.umask(before)
    assert json.loads(file.read_text()) == kept
    assert oct(file.stat().st_mode & 0o777) == "0o600"


def test_export_changes_nothing(world: World) -> None:
    world.order()
    run(world, "sync")
    before = whole(world)
    run(world, "export", ANNA.email)
    assert whole(world) == before


def test_erase_leaves_no_text_and_no_digest_of_hers_and_imports_nothing_twice(
    world: World,
) -> None:
    hers, others = world.order(), world.order(billing=OTHER)
    run(world, "sync")
    told(world, hers)
    kept = json.loads(run(world, "export", ANNA.email).stdout)
    person = kept["katana_customers"][0]
    before = world.record(hers)
    ended = run(world, "erase", ANNA.email, "--yes")
    assert ended.exit_code == 0, ended.output
    assert "Erased: the texts and digests of 1 order and customer" in ended.output
    assert TYPED.encode() not in raw(world)
    for digest in (person["email"], person["name"], person["postcodes"]):
        assert digest.encode() not in raw(world)
    after = world.record(hers)
    assert after == replace(before, detail="", note_failed="", version=before.version + 1)
    again = json.loads(run(world, "export", ANNA.email).stdout)
    assert [order["order_id"] for order in again["orders"]] == [hers]
    assert {event["detail"] for event in again["orders"][0]["history"]} == {None}
    run(world, "sync", "--now", "sweep")
    second = world.order()
    run(world, "sync")
    assert [len(world.in_katana(each)) for each in (hers, others, second)] == [1, 1, 1]
    assert len(world.katana.customers()) == 2
    assert world.record(others).detail == ""


def test_others_are_as_they_were(world: World) -> None:
    hers, others = world.order(), world.order(billing=OTHER)
    run(world, "sync")
    told(world, hers, others)
    before = json.loads(run(world, "export", OTHER.email).stdout)
    run(world, "erase", ANNA.email, "--yes")
    assert json.loads(run(world, "export", OTHER.email).stdout) == before


def test_an_order_that_the_shop_has_anonymised_is_found_by_katana(world: World) -> None:
    hers = world.order()
    run(world, "sync")
    told(world, hers)
    world.shop.edit_order(hers, billing=Address(email="deleted@site.invalid"))
    assert run_json(world, "erase", ANNA.email, "--yes")["orders"] == 1
    assert world.record(hers).detail == ""


def test_an_order_that_is_not_in_katana_is_found_by_the_shop(world: World) -> None:
    world.katana.add_product("Another mug", "MUG")
    hers = world.order()
    run(world, "sync")
    assert world.state(hers) == ("attention", "sku_ambiguous")
    assert world.record(hers).detail
    assert run_json(world, "erase", ANNA.email, "--yes")["orders"] == 1
    assert world.record(hers).detail == ""
    assert world.state(hers) == ("attention", "sku_ambiguous")


def test_a_dry_run_and_an_unanswered_question_erase_nothing(world: World) -> None:
    hers = world.order()
    run(world, "sync")
    told(world, hers)
    before = whole(world)
    said = run(world, "erase", ANNA.email, "--dry-run")
    assert "Would be erased: the texts and digests of 1 order" in said.output
    assert whole(world) == before
    assert run(world, "erase", ANNA.email).exit_code == 2
    assert world.record(hers).detail == TYPED


def test_nothing_is_erased_where_one_side_cannot_be_asked(world: World) -> None:
    hers = world.order()
    run(world, "sync")
    told(world, hers)
    world.shop.server.add_fault(Fault(FaultKind.STATUS, "GET", "/orders", status=503, times=99))
    assert run(world, "erase", ANNA.email, "--yes").exit_code == 75
    assert world.record(hers).detail == TYPED


def test_the_page_is_written_anew_and_copies_are_named(world: World) -> None:
    page = world.directory / "page.html"
    world.configure(top=f'[report]\npath = "{page}"')
    world.katana.add_product("Another mug", "MUG")
    hers = world.order()
    run(world, "sync")
    told(world, hers)
    run(world, "report")
    assert TYPED in page.read_text()
    copy = Path(f"{world.ledger}.before-upgrade-20260101-000000")
    copy.touch()
    ended = run(world, "erase", ANNA.email, "--yes")
    assert TYPED not in page.read_text()
    assert str(copy) in ended.output


def test_it_is_erased_beside_a_running_cycle(world: World) -> None:
    first = [world.order() for _ in range(3)]
    run(world, "sync")
    told(world, *first)
    with at_work(world, orders=40, seconds=0.1) as sync:
        ended = run(world, "erase", ANNA.email, "--yes")
        assert ended.exit_code == 0, ended.output
        assert sync.poll() is None
        assert all(world.record(order).detail == "" for order in first)
        assert TYPED not in whole(world)
        wait_until(lambda: sync.poll() is not None, 60)
        assert sync.returncode == 0
    assert TYPED not in whole(world)
    assert all(len(world.in_katana(order)) == 1 for order in world.shop.orders())
    assert len(world.katana.customers()) == 1


def test_what_is_no_address_is_refused(world: World) -> None:
    """A part of one is in others' too."""
    for typed in ("", "@", "anna", "@example.test", "anna@"):
        assert run(world, "erase", typed, "--yes").exit_code == 2


def test_of_a_stranger_nothing_is_kept(world: World) -> None:
    world.order()
    run(world, "sync")
    ended = run(world, "erase", "nobody@example.test", "--yes")
    assert (ended.exit_code, "keeps nothing about this address" in ended.output) == (0, True)


def test_an_export_takes_no_other_files_place(world: World, tmp_path: Path) -> None:
    world.order()
    run(world, "sync")
    before = world.config.read_bytes()
    assert run(world, "export", ANNA.email, "--output", str(world.config)).exit_code == 2
    assert world.config.read_bytes() == before
    for _ in range(2):
        ended = run(world, "export", ANNA.email, "--output", str(tmp_path / "anna.json"))
        assert ended.exit_code == 0
