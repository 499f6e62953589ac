"""The JSON schema says of a configuration what loading it says."""

from __future__ import annotations

import json
import tomllib
from datetime import date, datetime
from pathlib import Path

import pytest
from jsonschema import Draft7Validator

from katana_woo_sync.config import ConfigError
from katana_woo_sync.config.schema import schema
from katana_woo_sync.config.settings import SECTIONS, keys_of
from katana_woo_sync.sandbox.world import open_world
from tests.config_samples import loaded, text

ROOT = Path(__file__).resolve().parents[1]
VALIDATOR = Draft7Validator(json.loads(schema()))


def as_editors_see(value: object) -> object:
    """A TOML document as editors give it to a JSON schema: dates are texts."""
    match value:
        case dict():
            return {key: as_editors_see(each) for key, each in value.items()}
        case list():
            return [as_editors_see(each) for each in value]
        case datetime() | date():
            return value.isoformat()
    return value


def errors(content: str) -> list[str]:
    """What the schema has against a configuration."""
    document = as_editors_see(tomllib.loads(content))
    return [error.message for error in VALIDATOR.iter_errors(document)]


def test_it_is_a_schema() -> None:
    Draft7Validator.check_schema(json.loads(schema()))


def test_every_key_is_explained() -> None:
    described = json.loads(schema())["properties"]
    for section, kind in SECTIONS.items():
        table = described[section]
        properties = (table["items"] if section == "stores" else table)["properties"]
        for name, key in keys_of(kind).items():
            assert properties[name]["description"] == key.words


def test_the_example_validates() -> None:
    assert errors((ROOT / "config.example.toml").read_text(encoding="utf-8")) == []


def test_the_sandboxs_configuration_validates() -> None:
    with open_world() as world:
        assert errors(world.config(Path("sandbox.db"))) == []


@pytest.mark.parametrize(
    "content",
    [
        text(),
        text(katana='api_key = "${KEY}"\nrequests_per_minute = "${RATE}"'),
        text(top='[orders]\nimport_note = "${NOTE}"\nsince = "${SINCE}"'),
        text(top="[orders]\nsince = 2026-01-01"),
        text(top="[orders]\nsince = 2026-01-01T08:00:00+02:00"),
        text(top='[schedule]\norders = "1h30m"\nstock = 900\nsweep = "24h"'),
        text(top='[taxes]\n"24" = "VAT"\n[sku_aliases]\n"A" = "B"'),
        text(store='location = 5\nstock_reserve = "10%"\ntimeout = 2.5\nstock_exclude = ["A"]'),
        text(second='order_number_prefix = "US-"'),
    ],
)
def test_what_loads_validates(tmp_path: Path, content: str) -> None:
    variables = {"KEY": "k", "RATE": "120", "NOTE": "true", "SINCE": "2026-01-01"}
    loaded(tmp_path, content, variables)
    assert errors(content) == []


@pytest.mark.parametrize(
    "content",
    [
        text(top="ledgr = 1"),
        text(katana='api-key = "x"'),
        text(katana="requests_per_minute = 0"),
        text(katana="multi_currency = 1"),
        text(top="[orders]\ndelivery_days = 400"),
        text(top='[orders]\ndiscounts = "nett"'),
        text(top='[orders]\nsince = "yesterday"'),
        text(top='[schedule]\norders = "5 minutes"'),
        text(top='[taxes]\n"24 %" = "VAT"'),
        text(store='consumer_key_file = "key.txt"'),
        text(store="locaton = 1"),
        text(store="complete_from = []"),
        text(store='bundles = "none"'),
        text(store='stock_reserve = "a few"'),
        text(store='name = "my shop"'),
        "[katana]\napi_key = 'x'\n",
    ],
)
def test_typing_errors_do_neither_load_nor_validate(tmp_path: Path, content: str) -> None:
    with pytest.raises(ConfigError):
        loaded(tmp_path, content)
    assert errors(content) != []


def test_a_variable_may_hold_a_number_or_a_flag(tmp_path: Path) -> None:
    content = text(
        katana='requests_per_minute = "${RATE}"\nmulti_currency = "${MULTI}"',
        store='timeout = "${TIMEOUT}"',
    )
    variables = {"RATE": "120", "MULTI": "false", "TIMEOUT": "2.5"}
    settings = loaded(tmp_path, content, variables)
    assert settings.katana.requests_per_minute == 120
    assert settings.katana.multi_currency is False
    assert settings.stores[0].timeout == 2.5
    with pytest.raises(ConfigError, match="requests_per_minute: must be a whole number"):
        loaded(tmp_path, content, {**variables, "RATE": "many"})
    with pytest.raises(ConfigError, match="requests_per_minute: must be a whole number"):
        loaded(tmp_path, text(katana='requests_per_minute = "120"'))
