"""Whatever stands in the file: settings or a ConfigError, and never a secret in the latter."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from katana_woo_sync.config import ConfigError, load
from katana_woo_sync.config.settings import known_keys, secret_keys

SECRET = "fRqZ7hidden7vQ"  # in every form of secret below
SECRETS = [SECRET, f"ck_{SECRET}", f"cs_{SECRET}", f"x {SECRET}", f"{SECRET}\n", f"“{SECRET}”"]
ENVIRON = {"KEY": SECRET, "URL": f"https://u:{SECRET}@shop.example/?k={SECRET}", "EMPTY": ""}

SECTIONS: Mapping[str, tuple[str, ...]] = known_keys()
PLACES = [(section, key) for section, keys in SECTIONS.items() for key in keys]

texts = st.text(st.characters(codec="utf-8"), max_size=30)
scalars = (
    texts
    | st.sampled_from(
        ["${KEY}", "x${KEY}", "${URL}", "${EMPTY}", "${NO}", "${", "$${KEY}", "~", "/"]
    )
    | st.sampled_from(["processing", "5m", "10%", "net", "https://[", "http://x", "2026-01-01"])
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats()
    | st.booleans()
    | st.dates()
    | st.datetimes(timezones=st.sampled_from([None, UTC]))
    | st.times()
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=5,
)
Value = str | int | float | bool | date | datetime | time | list[object] | dict[str, object]


def toml(value: object) -> str:
    """The value as TOML writes it. A string of JSON is one of TOML, but for DEL."""
    match value:
        case bool():
            return str(value).lower()
        case str():
            return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
        case list():
            return f"[{', '.join(toml(item) for item in value)}]"
        case dict():
            inner = ", ".join(f"{toml(key)} = {toml(item)}" for key, item in value.items())
            return f"{{{inner}}}"
        case date() | time():
            return value.isoformat()
        case _:
            return str(value)


def document(changes: list[tuple[tuple[str, str], Value]]) -> str:
    """A configuration that loads, but for the changes."""
    store: dict[str, object] = {
        "name": "eu",
        "url": "https://shop.example",
        "consumer_key": f"ck_{SECRET}",
        "consumer_secret": f"cs_{SECRET}",
    }
    content: dict[str, object] = {"katana": {"api_key": SECRET}, "stores": [store]}
    for (section, key), value in changes:
        table = content if not section else store if section == "stores" else content.get(section)
        if table is None:
            table = content[section] = {}
        if isinstance(table, dict):
            table[key] = value
    return "\n".join(f"{key} = {toml(value)}" for key, value in content.items())


def said_about(path: Path, environ: Mapping[str, str]) -> str:
    """The error's text; "" if there is none."""
    try:
        load(path, environ)
    except ConfigError as error:
        return str(error)
    return ""


def errors_of(folder: Path, content: str) -> str:
    path = folder / "config.toml"
    path.write_text(content, encoding="utf-8")
    return said_about(path, ENVIRON)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.tuples(st.sampled_from(PLACES), values), min_size=1, max_size=4))
def test_any_value_at_any_key_gives_settings_or_a_config_error(
    tmp_path: Path, changes: list[tuple[tuple[str, str], Value]]
) -> None:
    errors = errors_of(tmp_path, document(changes))
    assert SECRET not in errors
    assert all(line.isprintable() for line in errors.split("\n"))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.sampled_from([place for place in PLACES if place[1] in secret_keys()]),
    st.sampled_from(SECRETS).flatmap(lambda s: st.sampled_from([s, [s], {"a": s}, {s: 1}])),
)
def test_no_form_of_a_secret_shows(tmp_path: Path, place: tuple[str, str], value: Value) -> None:
    assert SECRET not in errors_of(tmp_path, document([(place, value)]))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.binary(max_size=200) | texts.map(lambda text: text.encode()))
def test_any_bytes_give_a_config_error(tmp_path: Path, content: bytes) -> None:
    # So short, it cannot be a configuration.
    (tmp_path / "config.toml").write_bytes(content)
    assert said_about(tmp_path / "config.toml", {})
