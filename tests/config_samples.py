"""Configurations for tests: the least that loads, with what a test changes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from katana_woo_sync.config import ConfigError, Settings, load

KATANA = 'api_key = "katana-key"'
STORE = """
name = "eu"
url = "https://shop.example.com"
consumer_key = "ck_eu"
consumer_secret = "cs_eu"
"""
SECOND = """
name = "us"
url = "https://us.example.com"
consumer_key = "ck_us"
consumer_secret = "cs_us"
"""


def replaced(table: str, changes: str) -> str:
    """The table's lines, those that `changes` also has replaced by its own."""
    keys = {line.partition("=")[0].strip() for line in changes.splitlines()}
    kept = [line for line in table.splitlines() if line.partition("=")[0].strip() not in keys]
    return "\n".join([*kept, changes])


def text(*, top: str = "", katana: str = "", store: str = "", second: str | None = None) -> str:
    """A configuration with one store, or two. `top` may end in sections of its own."""
    stores = [replaced(STORE, store)] if second is None else [STORE, replaced(SECOND, second)]
    tables = "\n".join(f"[[stores]]\n{each}" for each in stores)
    return f"{top}\n[katana]\n{replaced(KATANA, katana)}\n{tables}\n"


def loaded(folder: Path, content: str, environ: Mapping[str, str] | None = None) -> Settings:
    """The settings of a file with this content."""
    path = folder / "config.toml"
    path.write_text(content, encoding="utf-8")
    return load(path, environ or {})


def problems(
    folder: Path, content: str, environ: Mapping[str, str] | None = None
) -> dict[str, str]:
    """What is wrong with a file of this content, by key."""
    with pytest.raises(ConfigError) as caught:
        loaded(folder, content, environ)
    return {problem.key: problem.message for problem in caught.value.problems}
