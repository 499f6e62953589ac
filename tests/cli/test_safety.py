"""What customers type stays text; secrets stay secret."""

from __future__ import annotations

import base64
import json
from decimal import Decimal

import pytest

from katana_woo_sync.sandbox.server import Fault, FaultKind
from katana_woo_sync.sandbox.woocommerce import Address, Item
from tests.cli.support import run
from tests.sync.world import World

HOSTILE = "\x1b]0;owned\x07\x1b[31m[red]x[/red]\u202e<script>\r\nfake: line\x00\x9b2J"
FORBIDDEN = ("\x1b", "\x07", "\u202e", "\x00", "\x9b", "\r", "\nfake")


def hostile_order(world: World) -> int:
    """An order of somebody who types odd things, which needs a person."""
    person = Address(first_name=HOSTILE, last_name=HOSTILE, email="x@example.test")
    product = world.shop.add_product(HOSTILE, "", 5)
    order = world.shop.place_order(
        [Item(product, 1, meta=(("Engraving", HOSTILE),))],
        billing=person,
        number=f"7{HOSTILE}",
        customer_note=HOSTILE,
        total=Decimal(1),
    )
    world.shop.delete_product(product)
    return order


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_hostile_text_is_escaped_everywhere(world: World, log_format: str) -> None:
    order = hostile_order(world)
    commands = [
        ["--log-format", log_format, "-v", "sync"],
        ["status"],
        ["orders"],
        ["order", "eu", f"id:{order}"],
        ["retry", "eu", f"id:{order}"],
    ]
    for command in commands:
        output = run(world, *command).output
        assert [c for c in FORBIDDEN if c in output] == [], command
        assert "Traceback" not in output


def test_hostile_text_reaches_katana_as_text(world: World) -> None:
    person = Address(first_name=HOSTILE, email="x@example.test")
    order = world.shop.place_order(
        [Item(world.mug["eu"])], billing=person, customer_note=HOSTILE, number="8"
    )
    assert run(world, "sync").exit_code == 0
    assert len(world.in_katana(order)) == 1
    assert world.katana.contract_violations == []


def test_json_stays_one_line(world: World) -> None:
    hostile_order(world)
    result = run(world, "sync", "--json")
    assert len(result.stdout.splitlines()) == 1
    assert json.loads(result.stdout)["problems"]


def secret_forms(world: World) -> set[str]:
    """Each secret, and what it looks like in a header."""
    secrets = {
        world.katana.api_key + "-that-is-long",
        world.katana.api_key,
        world.shop.consumer_key,
        world.shop.consumer_secret,
    }
    pair = f"{world.shop.consumer_key}:{world.shop.consumer_secret}"
    encoded = {base64.b64encode(text.encode()).decode() for text in (*secrets, pair)}
    return secrets | encoded


def test_no_secret_in_any_output_or_in_the_ledger(world: World) -> None:
    world.order()
    world.shop.server.add_fault(Fault(FaultKind.HTML, "GET", "/orders"))
    echo = json.dumps({"message": f"bad {world.katana.api_key} {world.shop.consumer_key}"})
    world.katana.server.add_fault(
        Fault(FaultKind.STATUS, "POST", "/sales_orders", status=422, body=echo)
    )
    shown = ""
    for command in (["sync"], ["sync"], ["status"], ["orders", "--json"], ["sync", "--dry-run"]):
        shown += run(world, "-v", *command).output
    world.katana.api_key += "-wrong"
    world.configure()
    shown += run(world, "-v", "sync").output
    world.shop.server.stop()
    shown += run(world, "-v", "sync", "--json").output
    kept = "".join(
        path.read_bytes().decode("latin-1") for path in world.directory.glob("ledger.db*")
    )
    assert "refused_by_katana" in shown
    assert [secret for secret in secret_forms(world) if secret in shown] == []
    assert [secret for secret in secret_forms(world) if secret in kept] == []
