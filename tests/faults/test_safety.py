"""Secrets stay secret and hostile text stays text, while everything else goes wrong."""

from __future__ import annotations

import base64
import json
import os
from decimal import Decimal
from pathlib import Path

import pytest

from katana_woo_sync.sandbox.server import Fault, FaultKind
from katana_woo_sync.sandbox.woocommerce import Address, Fee, Item, Shipping
from tests.cli.support import run, start, wait_until
from tests.faults.lost_answers import ways
from tests.faults.secrets import forms, leaks, written
from tests.sync.world import World

HOSTILE = {
    "markup": "<script>alert(1)</script><img src=x onerror=y>{{7*7}}${7*7}",
    "SQL": "'; DROP TABLE orders; -- \" OR 1=1 /*",
    "terminal": "\x1b]0;owned\x07\x1b[2J\x9b31m",
    "lines": "one\r\n2026-01-01 ERROR  forged: line\n\u2028\u2029",
    "right to left": "\u202egpj.exe\u2066\u200f",
    "NUL": "a\0b",
    "surrogate": "half \ud83d emoji",
    "1 MB": "Ä" * 500_000,  # two bytes each
    "path": "../../etc/passwd",
    "formula": '=HYPERLINK("http://x")',
    "format": "%s%n{0}{name!r}%(x)s",
}
FIELDS = ("first_name", "last_name", "company", "address_1", "address_2", "city", "postcode")
UNSAFE = ("\x1b", "\x07", "\x9b", "\0", "\u202e", "\u2066", "\u2028", "\nforged", "\r")


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_text_in_every_field_is_imported_or_shown(world: World, kind: str) -> None:
    text = HOSTILE[kind]
    person = Address(**dict.fromkeys(FIELDS, text), email="x@example.test", country="GR")
    item = Item(world.mug["eu"], 1, meta=((text[:1000], text),))
    order = world.shop.place_order(
        [item],
        billing=person,
        shipping=[Shipping(text[:1000], Decimal(5))],
        fees=[Fee(text[:1000], Decimal(3))],
        customer_note=text,
        number="77",
    )
    other = world.order()
    for command in (["-v", "sync"], ["status"], ["orders"], ["order", "eu", f"id:{order}"]):
        output = run(world, *command).output
        assert "Traceback" not in output
        assert "unexpected" not in output.lower()
        assert [mark for mark in UNSAFE if mark in output] == []
    assert len(world.in_katana(other)) == 1
    assert world.state(order) == ("imported", "")
    assert len(world.in_katana(order)) == 1
    assert world.katana.contract_violations == []


def test_no_secret_leaves_in_any_way_an_answer_is_lost(world: World) -> None:
    shop, shown = world.shop, ""
    echo = {"message": f"{world.katana.api_key} {shop.consumer_key}:{shop.consumer_secret}"}
    odd = {name: fault for name, fault in ways().items() if not fault.seconds}
    odd["an echo"] = Fault(FaultKind.STATUS, status=422, body=json.dumps(echo))
    odd["an echo, 500"] = Fault(FaultKind.STATUS_AFTER, status=500, body=json.dumps(echo))
    for number, fault in enumerate(odd.values()):
        world.order()
        server = world.katana.server if number % 2 else shop.server
        fault.skip = number % 3
        server.add_fault(fault)
        form = "json" if number % 2 else "text"
        shown += run(world, "--log-format", form, "-vv", "sync", "--json").output
    shown += run(world, "-vv", "rebuild-ledger").output
    assert [secret for secret in forms(world) if secret in shown + written(world)] == []
    assert leaks(world) == []


def test_a_secret_that_was_told_is_found_in_whatever_form(world: World) -> None:
    told = base64.b64encode(b"xy" + world.shop.consumer_secret.encode()).decode()
    (world.directory / "log.txt").write_text(f"Authorization {told}")
    assert leaks(world) != []


def test_no_secret_in_the_process_list_and_no_file_for_others(world: World) -> None:
    before = os.umask(0)
    try:
        world.lose_ledger()
        world.order()
        world.katana.server.add_fault(Fault(FaultKind.DELAY, seconds=0.4))
        sync = start(world, "backfill", "--yes")
        wait_until(lambda: world.katana.server.in_hand > 0)
        line = Path(f"/proc/{sync.pid}/cmdline").read_bytes().decode()
        sync.communicate(timeout=30)
    finally:
        os.umask(before)
    assert [secret for secret in forms(world) if secret in line] == []
    modes = {file.name: file.stat().st_mode & 0o077 for file in world.directory.iterdir()}
    assert set(modes.values()) == {0}


def test_a_redirect_to_another_host_gets_no_credentials(world: World) -> None:
    other = world.katana.server
    world.reset_counts()
    target = other.url.replace("127.0.0.1", "localhost") + "/stolen"
    fault = Fault(FaultKind.STATUS, status=307, headers={"Location": target}, times=100)
    world.shop.server.add_fault(fault)
    result = run(world, "sync")
    assert result.exit_code in (1, 2, 75)
    assert other.count(path="stolen") == 0


def test_http_to_another_machine_is_refused(world: World) -> None:
    world.configure(stores={"eu": 'url = "http://shop.example.com"'})
    result = run(world, "sync")
    assert result.exit_code == 2
    assert "allow_http" in result.output
