"""`check` as a command: the table, `--json`, the sentence at the end, exit codes, no secrets."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from katana_woo_sync.cli.main import cli
from katana_woo_sync.sandbox.server import Fault, FaultKind
from tests.cli.support import ROOT, inside, run, run_json
from tests.cli.test_safety import FORBIDDEN, HOSTILE
from tests.sync.world import World

FINDING = {"where", "tested", "result", "found", "remedy"}


def last_line(text: str) -> str:
    """The one sentence at the end."""
    return text.strip().splitlines()[-1]


def test_all_is_well(world: World) -> None:
    result = run(world, "check")
    assert result.exit_code == 0
    lines = result.stdout.strip().splitlines()
    assert lines[0] == "WHERE\tTESTED\tRESULT\tFOUND\tWHAT TO DO"
    assert {line.split("\t")[2] for line in lines[1:-1]} == {"ok"}
    assert last_line(result.stdout).startswith("All is well, in ")


def test_before_the_first_import_nothing_is_wrong(unconnected: World) -> None:
    assert run(unconnected, "check").exit_code == 0
    assert not unconnected.ledger.exists()


def test_a_warning_is_worth_a_look_and_no_more(world: World) -> None:
    world.config.chmod(0o644)
    result = run(world, "check")
    assert result.exit_code == 0
    assert last_line(result.stdout) == "It works, and 1 finding is worth a look."


def test_what_needs_a_person(world: World) -> None:
    world.shop.gate.permission = "read"
    result = run(world, "check")
    assert result.exit_code == 1
    assert "ERROR" in result.stdout
    assert last_line(result.stdout) == "1 finding needs you (eu)."


def test_json(two: World) -> None:
    two.shop.gate.permission = "read"
    report = run_json(two, "check", code=1)
    assert set(report) == {"findings", "summary"}
    findings = report["findings"]
    assert isinstance(findings, list)
    assert all(set(finding) == FINDING for finding in findings)
    assert {finding["result"] for finding in findings} == {"ok", "error"}


def test_only_one_store(two: World) -> None:
    two.reset_counts()
    report = run_json(two, "check", "--store", "us")
    assert not any(inside(f, "where") == "eu" for f in report["findings"])  # type: ignore[attr-defined]
    assert two.shop.server.requests == []


def test_a_store_that_is_not_there(world: World) -> None:
    result = run(world, "check", "--store", "nope")
    assert result.exit_code == 2
    assert 'no store "nope"' in result.stderr


def test_quiet_shows_only_what_is_wrong(world: World) -> None:
    assert run(world, "-q", "check").stdout == ""
    world.shop.gate.permission = "read"
    lines = run(world, "-q", "check").stdout.strip().splitlines()
    assert len(lines) == 3


@pytest.mark.parametrize("as_json", [True, False])
def test_a_config_that_cannot_be_used_is_a_finding(world: World, as_json: bool) -> None:
    world.configure(katana="requests_per_minut = 5", stores={"eu": "timeout = -1"})
    if as_json:
        findings = run_json(world, "check", code=2)["findings"]
        assert isinstance(findings, list)
        assert len(findings) == 2
    result = run(world, "check")
    assert result.exit_code == 2
    assert "requests_per_minute" in result.stdout


def test_no_config_at_all(tmp_path: Path) -> None:
    result = CliRunner().invoke(cli, ["--config", str(tmp_path / "none.toml"), "check"])
    assert result.exit_code == 2
    assert "does not exist" in result.stdout


def test_what_cannot_be_reached_is_for_later(world: World) -> None:
    world.shop.stop()
    result = run(world, "check")
    assert result.exit_code == 75
    assert last_line(result.stdout) == (
        "Not everything could be reached (eu): run check again later."
    )


def test_a_refused_key_comes_before_all_else(world: World) -> None:
    world.shop.gate.permission = "read"
    world.configure(katana='api_key = "wrong-key-of-katana"')
    assert run(world, "check").exit_code == 2


def test_no_secret_and_no_escape_is_shown(world: World) -> None:
    world.shop.add_product(HOSTILE, HOSTILE, 5)
    world.shop.add_product(HOSTILE, HOSTILE, 5)
    world.katana.add_location(HOSTILE)
    world.configure(stores={"eu": 'location = "nowhere"'})
    body = f"<html><title>{world.shop.consumer_secret} {HOSTILE}</title></html>"
    world.shop.server.add_fault(Fault(FaultKind.STATUS, "PUT", status=403, body=body))
    output = run(world, "-v", "check").output
    assert [text for text in FORBIDDEN if text in output] == []
    assert world.shop.consumer_secret not in output
    assert world.katana.api_key not in output
    assert "Traceback" not in output


def test_on_a_terminal_it_is_a_table_with_the_remedy_below(world: World) -> None:
    world.shop.gate.permission = "read"
    main, terminal = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "katana_woo_sync", "--config", str(world.config), "check"],
        env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "200", "TERM": "xterm"},
        stdout=terminal,
        stderr=subprocess.DEVNULL,
    )
    os.close(terminal)
    shown = _all_of(main)
    assert process.wait(timeout=20) == 1
    assert "\x1b[1;31mERROR" in shown
    assert "→ Make a key with the permission Read/Write" in shown


def _all_of(terminal: int) -> str:
    parts = []
    try:
        while part := os.read(terminal, 4096):
            parts.append(part)
    except OSError:
        pass  # how Linux says that the other end was closed
    os.close(terminal)
    return b"".join(parts).decode()
