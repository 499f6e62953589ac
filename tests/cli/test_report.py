"""`report`, and the page that `sync` keeps up to date."""

from __future__ import annotations

import json
import re
import stat
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from katana_woo_sync.cli.cycles import AfterCycle
from katana_woo_sync.ledger import Ledger
from katana_woo_sync.ledger.statistics import Tally
from tests.cli.support import run, start, wait_until
from tests.cli.test_safety import FORBIDDEN, hostile_order
from tests.sync.world import World

PAGE = '[report]\npath = "page.html"'


def page_of(world: World) -> str:
    """The page, made anew."""
    result = run(world, "report", "--output", str(world.directory / "asked.html"))
    assert result.exit_code == 0, result.output
    return (world.directory / "asked.html").read_text(encoding="utf-8")


def configure(world: World, *, report: str) -> None:
    """Add a [report] section to the config."""
    world.config.write_text(f"{world.config.read_text()}\n{report}\n", encoding="utf-8")


def test_a_page_has_the_orders_with_links_into_both_systems(world: World) -> None:
    order = world.order()
    run(world, "sync")
    page = page_of(world)
    assert f"/wp-admin/post.php?post={order}&amp;action=edit" in page
    assert f"/salesorder/{world.sales_order(order).id}" in page
    assert "Nothing needs a person" in page


def test_what_needs_a_person_has_its_reason_and_remedy(world: World) -> None:
    hostile_order(world)
    run(world, "sync")
    page = page_of(world)
    assert "Needs a person" in page
    assert "What to do:" in page


def test_stock_that_is_not_worked_is_a_trouble(world: World) -> None:
    world.configure(stores={"eu": "sync_stock = true"})
    for number in range(21):
        world.shop.add_product(f"P{number}", f"P-{number}", "5.00", stock=5)
        world.katana.add_product(f"P{number}", f"P-{number}", in_stock=Decimal(0))
    run(world, "sync")
    page = page_of(world)
    assert "Its stock is not worked" in page
    assert "--accept-stock" in page


def test_a_store_that_is_left_alone_is_no_trouble(world: World) -> None:
    world.clock.tick(days=3)
    world.configure(stores={"eu": "paused = true"})
    assert "Its last good cycle" not in page_of(world)


def test_what_people_typed_is_text_in_the_page(world: World) -> None:
    hostile_order(world)
    run(world, "sync")
    page = page_of(world)
    assert page.count("<script>") == 1
    assert [c for c in FORBIDDEN if c in page] == []


def test_a_page_holds_no_customer_and_no_secret(world: World) -> None:
    world.order()
    run(world, "sync")
    page = page_of(world)
    for text in ("Kosta", "anna@example", world.katana.api_key, world.shop.consumer_key):
        assert text not in page


def test_a_page_fetches_nothing_and_forbids_it(world: World) -> None:
    page = page_of(world)
    assert "default-src 'none'" in page.replace("&#39;", "'")
    assert re.findall(r"<(?:link|img|iframe|object|base)\b|@import|url\(", page) == []
    assert re.findall(r"\son[a-z]+\s*=|\sstyle\s*=|<script[^>]*src|<script[^>]*type", page) == []


def test_only_its_owner_may_read_the_page(world: World) -> None:
    page_of(world)
    path = world.directory / "asked.html"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    page_of(world)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [p.name for p in world.directory.glob(".*")] == []


def test_no_other_file_is_replaced_by_a_page(world: World) -> None:
    before = world.ledger.read_bytes()
    result = run(world, "report", "--output", str(world.ledger))
    assert result.exit_code == 2
    assert "was left as it is" in result.output
    assert world.ledger.read_bytes() == before


def test_a_folder_that_is_not_there_is_told(world: World) -> None:
    result = run(world, "report", "--output", str(world.directory / "no" / "page.html"))
    assert result.exit_code == 2
    assert "could not be written (No such file or directory)" in result.output


def test_a_page_on_standard_output(world: World) -> None:
    assert run(world, "report", "--output", "-").stdout.startswith("<!doctype html>")


def test_a_store_that_was_never_connected_is_named_with_what_to_do(unconnected: World) -> None:
    assert "katana-woo-sync backfill --store eu" in page_of(unconnected)


def test_sync_keeps_the_page_up_to_date(world: World) -> None:
    configure(world, report=PAGE)
    order = world.order()
    assert run(world, "sync").exit_code == 0
    assert f"post={order}&amp;" in (world.directory / "page.html").read_text(encoding="utf-8")


def test_a_dry_run_writes_no_page(world: World) -> None:
    configure(world, report=PAGE)
    run(world, "sync", "--dry-run")
    assert not (world.directory / "page.html").exists()


@pytest.mark.parametrize("path", ["no/page.html", "config.toml", "."])
def test_a_page_that_cannot_be_written_only_warns(world: World, path: str) -> None:
    configure(world, report=f'[report]\npath = "{path}"')
    order = world.order()
    result = run(world, "sync", "--json")
    assert result.exit_code == 0
    assert "page" in result.stderr
    assert json.loads(result.stdout)["stores"]["eu"]["imported"] == 1
    assert world.sales_order(order)


def test_history_days_thins_the_history_once_a_day(world: World) -> None:
    configure(world, report="[report]\nhistory_days = 30")
    program = world.program()
    with program.context() as context:
        for days in (31, 29):
            context.ledger.journal.add(world.clock() - timedelta(days=days), "shop", f"{days}")
        AfterCycle().done(context)
        context.ledger.journal.add(world.clock() - timedelta(days=31), "shop", "next day")
        AfterCycle().done(context)
    with Ledger.open(world.ledger) as ledger:
        assert ledger.statistics.thin(world.clock() - timedelta(days=30)) == 1


def test_requests_are_counted_once_however_often_the_client_is_asked(world: World) -> None:
    after, program = AfterCycle(), world.program()
    with program.context() as context:
        context.katana.locations()
        for _ in range(2):
            after.done(context)
        counted = context.ledger.statistics.counted(
            Tally.KATANA_REQUESTS, world.clock() - timedelta(days=1)
        )
        assert sum(moment.count for moment in counted) == context.katana.sent


def test_the_ledger_knows_when_an_order_was_paid(world: World) -> None:
    order = world.order()
    run(world, "sync")
    paid = world.shop.state.orders[order].paid
    assert world.record(order).paid == (paid.replace(microsecond=0) if paid else None)


def test_a_broken_ledger_is_told_and_not_painted_over(world: World, tmp_path: Path) -> None:
    world.ledger.write_bytes(b"no ledger" * 1000)
    result = run(world, "report", "--output", str(tmp_path / "asked.html"))
    assert result.exit_code == 2
    assert not (tmp_path / "asked.html").exists()


def test_run_keeps_the_page_up_to_date(world: World) -> None:
    configure(world, report=PAGE)
    order, page = world.order(), world.directory / "page.html"
    loop = start(world, "run")
    wait_until(lambda: page.exists() and f"post={order}&amp;" in page.read_text("utf-8"))
    loop.terminate()
    _out, err = loop.communicate(timeout=20)
    assert loop.returncode == 0, err


def test_a_command_on_the_page_is_code_and_names_its_order(world: World) -> None:
    order = world.order(status="completed", created=world.clock() + timedelta(seconds=1))
    run(world, "sync")
    page = page_of(world)
    number = world.shop.order(order)["number"]
    shown = page.split("<script>", 1)[0]
    assert "`" not in shown
    assert f"<code>katana-woo-sync retry eu {number}</code>" in shown
