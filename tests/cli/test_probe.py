"""`probe` on the command line: what it says before, what it prints, and what it records."""

from __future__ import annotations

import json
import signal
import stat
import sys
from contextlib import ExitStack
from decimal import Decimal
from pathlib import Path

import pytest
from click.testing import CliRunner
from werkzeug import Request, Response

from katana_woo_sync.cli.main import cli
from katana_woo_sync.clients.recording import harmless, recorded
from katana_woo_sync.clients.redact import Redactor
from katana_woo_sync.ledger import Ledger
from katana_woo_sync.sandbox.replay import read_recording, replay
from katana_woo_sync.sandbox.server import Fault, FaultKind
from katana_woo_sync.sync import probed
from katana_woo_sync.sync.probe import _Probe
from tests.cli.support import inside, run, run_json, start
from tests.sync.test_probe import WAYS, left_over, living, tried, words
from tests.sync.world import World

ALL = [f"--no-{step}" for step in ("number", "list", "filters", "fee", "delivery")]


def test_where_nobody_can_be_asked_nothing_is_created(world: World) -> None:
    result = run(world, "probe")
    assert result.exit_code == 2
    assert "say --yes" in result.stderr
    assert world.katana.server.count("POST") == 0


def test_it_says_what_it_creates_and_what_that_sets_off(world: World) -> None:
    result = run(world, "probe", "--dry-run")
    assert result.exit_code == 0
    for said in ("a customer", "a service item", "a sales order probe-", "of zero value"):
        assert said in result.stderr
    for said in ("Webhooks", "approval", "accounting", "stays in Katana's history"):
        assert said in result.stderr
    assert "at Main location, in EUR, with the tax rate Default tax (22 %)" in result.stderr
    assert {each.method for each in world.katana.server.requests} == {"GET"}


def test_what_is_left_out_is_not_announced(world: World) -> None:
    result = run(world, "probe", "--dry-run", *ALL)
    assert "same number" not in result.stderr
    assert "shipping fee" not in result.stderr
    assert "It delivers" not in result.stderr


@pytest.mark.parametrize("answer", ["n", "y"])
def test_it_asks_first(world: World, monkeypatch: pytest.MonkeyPatch, answer: str) -> None:
    runner = CliRunner()
    with runner.isolation(f"{answer}\n"):
        kind = type(sys.stdin)
    monkeypatch.setattr(kind, "isatty", lambda _stdin: True)
    result = runner.invoke(cli, ["--config", str(world.config), "probe", *ALL], f"{answer}\n")
    assert result.exit_code == 0
    assert "Try it on your Katana account now?" in result.stderr
    assert len(living(world)) == (3 if answer == "y" else 0)


def test_it_prints_expected_and_found(world: World) -> None:
    world.katana.take_numbers_twice()
    result = run(world, "probe", "--yes")
    assert result.exit_code == 0, result.output
    head, *rows = result.stdout.splitlines()
    assert head == "QUESTION\tEXPECTED\tFOUND\tWHAT IT MEANS"
    cells = [row.split("\t") for row in rows[:-1]]
    assert cells[0][1:3] == ["refused", "taken twice"]
    assert cells[0][3].startswith("Numbers of other programs")
    assert cells[1] == ["A created order is in Katana's list", "at once", "at once", ""]
    assert len(cells) == 14
    assert rows[-1] == "1 of 14 differ. What was created is deleted again."
    assert left_over(world) == []


def test_json(world: World) -> None:
    world.reset_counts()
    told = run_json(world, "probe", "--yes", *ALL)
    assert set(told) == {"started_at", "finished_at", "found", "left", "requests", "error"}
    assert (told["left"], told["error"]) == ([], None)
    found = {each["name"]: each for each in told["found"]}  # type: ignore[attr-defined]
    assert found["deletion_moves"]["found"] == "yes"
    assert (found["status"]["found"], found["status"]["detail"]) == (None, "left out")
    assert told["requests"] == len(world.katana.server.requests)


def test_what_is_left_is_named_with_its_link_and_what_to_press(world: World) -> None:
    world.katana.refuse_deletions("/sales_orders")
    result = run(world, "probe", "--yes", *ALL)
    assert result.exit_code == 1
    (left,) = left_over(world)
    assert "Left in Katana: sales order probe-" in result.stdout
    assert f"https://factory.katanamrp.com/salesorder/{left.id}" in result.stdout  # type: ignore[attr-defined]
    assert "and Delete." in result.stdout
    assert "still in Katana: sales_order probe-" in run(world, "check").stdout
    world.katana.refuse_deletions()
    again = run(world, "probe", "--yes", *ALL)
    assert "What an earlier probe has left in Katana is deleted first." in again.stderr
    assert (again.exit_code, left_over(world)) == (0, [])


SIGNALLED_AT = [
    ("POST", "/customers"),
    ("POST", "/sales_orders"),
    ("PATCH", "/sales_orders"),
    ("DELETE", "/services"),
]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
@pytest.mark.parametrize(("method", "path"), SIGNALLED_AT)
def test_a_signal_to_the_program(world: World, method: str, path: str, number: int) -> None:
    """The request is carried out, and the signal comes before its answer."""
    server = world.katana.server
    signalled: list[bool] = []
    handle = server._handle

    def answer(request: Request) -> Response:
        response = handle(request)
        if not signalled and request.method == method and path in request.path:
            signalled.append(True)
            program.send_signal(number)
        return response

    server._handle = answer
    program = start(world, "probe", "--yes", "--no-list")
    _said, told = program.communicate(timeout=60)
    assert "Traceback" not in told
    assert signalled
    if number == signal.SIGINT:
        assert program.returncode == (75 if method != "DELETE" else 0)
        assert left_over(world) == []
    else:
        assert program.returncode == -number
        assert left_over(world) != []
        again = run(world, "probe", "--yes", *ALL)
        assert again.exit_code == 0, again.output
        assert "What an earlier probe has left in Katana is deleted first." in again.stderr
    assert left_over(world) == []
    with Ledger.open_to_read(world.ledger) as ledger:
        assert probed.left(ledger) == {}


def test_a_refused_key_and_an_outage(world: World) -> None:
    world.katana.server.add_fault(Fault(FaultKind.STATUS, status=401))
    assert run(world, "probe", "--yes").exit_code == 2
    world.configure(katana='url = "http://127.0.0.1:9/v1"')
    result = run(world, "probe", "--yes")
    assert result.exit_code == 75
    assert "Traceback" not in result.output


def test_check_says_that_it_was_not_run_before_there_is_a_ledger(unconnected: World) -> None:
    assert "not run: `katana-woo-sync probe`" in run(unconnected, "check").stdout
    assert not unconnected.ledger.exists()
    told = run_json(unconnected, "check")
    assert "not run: `katana-woo-sync probe`" in json.dumps(told)


def test_check_says_whether_it_was_run(world: World) -> None:
    assert "not run: `katana-woo-sync probe`" in run(world, "check").stdout
    world.katana.share_quota(1)
    run(world, "probe", "--yes", *ALL)
    said = run(world, "check").stdout
    assert "1 not as expected, 4 of 14 questions answered" in said
    assert "The key's quota is used by somebody else" in said
    assert "lower requests_per_minute" in said


# Recordings


def others(world: World) -> None:
    """What the account holds of other people, which lists may answer."""
    katana = world.katana
    katana.add_location("Villa Secret")
    customer = katana.add_customer("Maria Beispiel", email="maria@example.org", phone="+49 30 777")
    row = (world.mug_variant, Decimal(3), Decimal("77.77"))
    katana.create_foreign_order(
        customer_id=customer,
        rows=[row],
        order_no="SO-MARIA",
        ecommerce_store_name="maria.example.org",
        ecommerce_order_id="77",
        additional_info="for Maria",
        bill_to=("Maria", "Beispiel"),
    )


def test_a_recording_holds_neither_secrets_nor_other_peoples_data(
    world: World, tmp_path: Path
) -> None:
    others(world)
    world.reset_counts()
    world.katana.ignore_filters(
        "ecommerce_order_type", "ecommerce_store_name", "ecommerce_order_id", "order_no", "name"
    )
    path = tmp_path / "probe.json"
    assert run(world, "probe", "--yes", "--record", str(path)).exit_code == 0
    text = path.read_text(encoding="utf-8")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    secrets = (world.katana.api_key, world.shop.consumer_key, world.shop.consumer_secret)
    for hidden in (
        *secrets,
        "Maria",
        "maria",
        "SO-MARIA",
        "77.77",
        "Secret",
        "Tallinn",
        "Peetri",
        "Bearer",
    ):
        assert hidden not in text, hidden
    told = json.loads(text)
    assert len(told["exchanges"]) == len(world.katana.server.requests)
    created = [e for e in told["exchanges"] if e["request"] == "POST /sales_orders"]
    assert created[0]["answer"]["ecommerce_store_name"] == "probe.invalid"
    assert created[1]["status"] == 422
    assert "already exists" in created[1]["answer"]["message"]
    listed = [e for e in told["exchanges"] if e["request"] == "GET /sales_orders"]
    assert {e["answer"]["rows_of_others"] for e in listed} == {1}
    assert inside(told, "found", "filter_store_name", "found") == "is ignored"


def test_what_the_program_was_not_made_for_is_recorded_and_deleted(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def astonished(_self: object, _order: object) -> None:
        raise KeyError("nobody thought of this")

    monkeypatch.setattr(_Probe, "_filters", astonished)
    path = tmp_path / "probe.json"
    result = run(world, "probe", "--yes", "--record", str(path))
    assert result.exit_code == 75
    assert "Something unexpected went wrong: KeyError" in result.stderr
    told = json.loads(path.read_text(encoding="utf-8"))
    assert "nobody thought of this" in told["error"]
    assert len(told["exchanges"]) > 10
    assert left_over(world) == []


def test_a_file_that_cannot_be_written_is_said_before_anything_is_created(world: World) -> None:
    result = run(world, "probe", "--yes", "--record", "/nowhere/probe.json")
    assert result.exit_code == 2
    assert "/nowhere/probe.json cannot be written" in result.stderr
    assert world.katana.server.count("POST") == 0


def test_what_an_error_names_is_made_harmless() -> None:
    said = harmless("key 123456-secret of ann@example.org\nrefused", Redactor(["123456-secret"]))
    assert said == "key [hidden] of [e-mail]\\nrefused"
    assert recorded([], Redactor()) == []


@pytest.mark.parametrize("way", [*WAYS, "not deleted"])
def test_the_sandbox_replays_what_was_recorded(tmp_path: Path, way: str) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    with ExitStack() as stack:
        account = World(tmp_path / "a", stack)
        if way == "not deleted":
            account.katana.refuse_deletions("/services", "/customers")
        else:
            WAYS[way][0](account.katana)
        first = tried(account)
        told = {
            "found": {
                name: {"found": f.found, "at": f.at.isoformat(), "amount": f.amount}
                for name, f in first.found.items()
            },
            "left": [{"kind": each.kind} for each in first.left],
        }
        (tmp_path / "probe.json").write_text(json.dumps(told))
        sandbox = World(tmp_path / "b", stack)
        replay(sandbox.katana, read_recording(tmp_path / "probe.json"))
        second = tried(sandbox)
    assert words(second) == words(first)
    assert [each.kind for each in second.left] == [each.kind for each in first.left]


def test_a_file_of_the_command_is_replayed(world: World, tmp_path: Path) -> None:
    for way in ("numbers", "store", "fee", "blanked", "no services", "200 empty"):
        WAYS[way][0](world.katana)
    world.katana.refuse_deletions("/customers")
    path = tmp_path / "probe.json"
    assert run(world, "probe", "--yes", "--record", str(path)).exit_code == 1
    told = json.loads(path.read_text(encoding="utf-8"))
    (tmp_path / "b").mkdir()
    with ExitStack() as stack:
        sandbox = World(tmp_path / "b", stack)
        ways = replay(sandbox.katana, read_recording(path))
        done = tried(sandbox)
    assert "order_number: taken twice" in ways
    assert "not deleted: /customers" in ways
    assert words(done) == {name: each["found"] for name, each in told["found"].items()}
    assert [each.kind for each in done.left] == ["customer"]


def test_a_file_that_is_no_recording_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    for text in ("", "[]", '{"found": 3}'):
        path.write_text(text)
        result = CliRunner().invoke(cli, ["sandbox", "--replay", str(path)])
        assert result.exit_code == 2
        assert "is no file of `probe --record`" in result.stderr
