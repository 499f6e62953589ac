"""`config show`: the configuration that holds, without its secrets."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from jsonschema import Draft7Validator
from msgspec.structs import replace

from katana_woo_sync.cli.main import cli
from katana_woo_sync.config.schema import schema
from katana_woo_sync.config.settings import SECTIONS, keys_of
from tests.config_samples import SECOND, loaded, text
from tests.test_config_schema import as_editors_see

SECRETS = {
    "KATANA": "katana-key-5f3a",
    "KEY": "ck_" + "1a" * 20,
    "NTFY": "ntfy://user:pa55word@ntfy.example.com/topic",
    "PING": "https://hc.example.com/ping/3f8a9c77-11",
}
WHOLE = text(
    top="""
[orders]
since = 2026-01-01T08:00:00+02:00
import_delay = "90s"
[taxes]
"8.875" = "New York ${RATE} $${x}"
[sku_aliases]
"MUG \\"red\\"" = "MUG-01"
[report]
metrics = "a.prom"
history_days = 30
[notify]
urls = ["${NTFY}", "json://b.example.com"]
ping_url = "${PING}"
""",
    katana='api_key = "${KATANA}"',
    store="""
consumer_key = "${KEY}"
location = 5
stock_reserve = "10%"
stock_exclude = ["A", "B \\"x\\""]
timeout = 2.5
""",
)
WHOLE += f"[[stores]]\n{SECOND}\nstock_reserve = 2.5\n"


def shown(path: Path) -> Result:
    """What the command prints of this file."""
    environ = {**SECRETS, "RATE": "rate"}
    return CliRunner().invoke(cli, ["--config", str(path), "config", "show"], env=environ)


def test_it_is_a_configuration_that_means_the_same(tmp_path: Path) -> None:
    before = loaded(tmp_path, WHOLE, {**SECRETS, "RATE": "rate"})
    printed = shown(before.path).stdout
    again = printed.replace('"[hidden]"', '"${KATANA}"', 1)
    for each in ("${NTFY}", "json://b.example.com", "${PING}"):
        again = again.replace('"[hidden]"', f'"{each}"', 1)
    for each in ("${KEY}", "cs_eu", "ck_us", "cs_us"):
        again = again.replace('"[hidden]"', f'"{each}"', 1)
    assert "[hidden]" not in again
    after = loaded(tmp_path, again, SECRETS)
    assert after == replace(before, path=after.path)


def test_every_key_is_in_it(tmp_path: Path) -> None:
    found = tomllib.loads(shown(loaded(tmp_path, WHOLE, {**SECRETS, "RATE": "rate"}).path).stdout)
    for section, kind in SECTIONS.items():
        table = found["stores"][0] if section == "stores" else found[section]
        assert keys_of(kind).keys() - table.keys() <= {"path", "since", "ca_file"}
    assert found["schedule"]["orders"] == "5m"


def test_what_it_prints_validates(tmp_path: Path) -> None:
    printed = shown(loaded(tmp_path, WHOLE, {**SECRETS, "RATE": "rate"}).path).stdout
    document = as_editors_see(tomllib.loads(printed))
    assert [e.message for e in Draft7Validator(json.loads(schema())).iter_errors(document)] == []


def test_no_secret_is_in_it(tmp_path: Path) -> None:
    printed = shown(loaded(tmp_path, WHOLE, {**SECRETS, "RATE": "rate"}).path).output
    for part in (*SECRETS.values(), "pa55word", "3f8a9c77-11", "b.example.com", "cs_eu"):
        assert part not in printed


@pytest.mark.parametrize("content", ["[katana]", "nonsense"])
def test_what_does_not_load_is_said(tmp_path: Path, content: str) -> None:
    path = tmp_path / "config.toml"
    path.write_text(content)
    ended = shown(path)
    assert (ended.exit_code, ended.stdout) == (2, "")
    assert str(path) in ended.stderr
