"""`status --bundle`: what a report of a fault needs, and nothing secret."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from msgspec.structs import replace

from katana_woo_sync import __version__
from katana_woo_sync.ledger import Ledger
from katana_woo_sync.sandbox.server import Fault, FaultKind
from tests.cli.support import inside, run, run_json
from tests.sync.world import ANNA, World


def bundle(world: World, path: Path) -> dict[str, object]:
    """What the file holds."""
    ended = run(world, "status", "--bundle", str(path))
    assert ended.exit_code == 0, ended.output
    assert str(path) in ended.output
    content: dict[str, object] = json.loads(path.read_text())
    return content


def test_it_holds_what_is_asked_for(world: World, tmp_path: Path) -> None:
    world.katana.add_product("Another mug", "MUG")
    order = world.order()
    run(world, "sync")
    found = bundle(world, tmp_path / "bundle.json")
    assert found["katana_woo_sync_bundle"] == __version__
    assert inside(found, "versions", "python")
    assert inside(found, "config", "stores", 0, "url") == world.shop.url
    assert inside(found, "status", "problems", 0, "order_id") == order
    assert found["findings"] == run_json(world, "check", code=1)["findings"]
    assert inside(found, "runs", -1, "command") == "sync"
    history = found["history"]
    assert isinstance(history, list)
    assert [(line["order_id"], line["action"]) for line in history if line["order_id"]] == [
        (order, "attention")
    ]
    assert (tmp_path / "bundle.json").stat().st_mode & 0o777 == 0o600


def test_only_the_last_days_history_is_in_it(world: World, tmp_path: Path) -> None:
    with Ledger.open(world.ledger) as ledger:
        for hours in (30, 20):
            world.clock.tick(hours=-hours)
            ledger.journal.add(world.clock(), "ledger", f"{hours} h ago")
            world.clock.tick(hours=hours)
    history = bundle(world, tmp_path / "bundle.json")["history"]
    assert isinstance(history, list)
    assert [line["action"] for line in history] == ["20 h ago"]


def test_no_secret_and_no_address_is_in_it(world: World, tmp_path: Path) -> None:
    ping = "https://hc.example.test/ping/5f3a9c77-11"
    world.configure(top=f'[notify]\nping_url = "{ping}"')
    order = world.order()
    run(world, "sync")
    secrets = (world.katana.api_key, world.shop.consumer_key, world.shop.consumer_secret, ping)
    with Ledger.open(world.ledger) as ledger, ledger.atomic():
        record = world.record(order)
        told = f"call {ANNA.email} with {' '.join(secrets)}"
        ledger.orders.save([replace(record, note_failed=told)])
        ledger.journal.add(world.clock(), "ledger", "noted", told)
    path = tmp_path / "bundle.json"
    bundle(world, path)
    text = path.read_text()
    assert "[e-mail]" in text
    for part in (*secrets, ANNA.email, ANNA.last_name, "5f3a9c77-11"):
        assert part not in text


def test_it_is_written_where_nothing_answers(world: World, tmp_path: Path) -> None:
    refused = Fault(FaultKind.STATUS, status=401, body="{}", times=1000)
    for server in (world.katana.server, world.shop.server):
        server.add_fault(refused)
    findings = bundle(world, tmp_path / "bundle.json")["findings"]
    assert isinstance(findings, list)
    assert {f["where"] for f in findings if f["result"] == "error"} >= {"Katana", "eu"}


def test_it_is_written_before_the_first_import(unconnected: World, tmp_path: Path) -> None:
    assert bundle(unconnected, tmp_path / "bundle.json")["history"] == []
    assert not unconnected.ledger.exists()


def test_it_changes_nothing(world: World, tmp_path: Path) -> None:
    world.order()
    world.reset_counts()
    bundle(world, tmp_path / "bundle.json")
    assert {r.method for r in world.katana.server.requests} == {"GET"}
    assert not world.in_katana(max(world.shop.orders()))


def test_another_file_is_left_alone_and_an_older_bundle_is_not(
    world: World, tmp_path: Path
) -> None:
    before = world.config.read_bytes()
    ended = run(world, "status", "--bundle", str(world.config))
    assert (ended.exit_code, world.config.read_bytes()) == (2, before)
    assert run(world, "status", "--bundle", str(world.ledger)).exit_code == 2
    for _ in range(2):
        bundle(world, tmp_path / "bundle.json")
    ended = run(world, "status", "--bundle", str(tmp_path / "no" / "bundle.json"))
    assert (ended.exit_code, "could not be written" in ended.stderr) == (2, True)


@pytest.mark.parametrize("other", ["--json", "--watch", "--healthcheck"])
def test_it_goes_with_no_other_option(world: World, tmp_path: Path, other: str) -> None:
    path = tmp_path / "bundle.json"
    assert run(world, "status", "--bundle", str(path), other).exit_code == 2
    assert not path.exists()
