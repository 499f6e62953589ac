"""Who else may read the configuration and the ledger."""

from __future__ import annotations

import shlex
import stat
import sys
import tomllib
from pathlib import Path

from katana_woo_sync.config import template
from katana_woo_sync.config.files import read_config
from katana_woo_sync.config.problems import printable
from katana_woo_sync.config.settings import secret_keys


def permission_warnings(path_config: Path, path_ledger: Path) -> list[str]:
    """A sentence, with the command that corrects it, for each file that others on this machine can
    read and should not: a configuration with secrets written into it, and the ledger. On Windows
    a file's mode does not say that; none is found there."""
    warnings = list[str]()
    if sys.platform == "win32":
        return warnings
    if _others_can_read(path_config) and _holds_secrets(path_config):
        warnings.append(_warning(path_config, "holds keys and"))
    if _others_can_read(path_ledger):
        warnings.append(_warning(path_ledger, "holds customers' orders and"))
    return warnings


def _warning(path: Path, what: str) -> str:
    return (
        f"{printable(str(path))} {what} can be read by others on this machine; "
        f"run: chmod 600 {printable(shlex.quote(str(path)))}"
    )


def _others_can_read(path: Path) -> bool:
    try:
        return bool(path.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH))
    except OSError:
        return False


def _holds_secrets(path: Path) -> bool:
    try:
        document = tomllib.loads(read_config(path))
    except (ValueError, RecursionError):
        return False
    stores = document.get("stores", [])
    sections = [document.get("katana"), document.get("notify")]
    tables = [*sections, *(stores if isinstance(stores, list) else [])]
    found = [table.get(key) for table in tables if isinstance(table, dict) for key in secret_keys()]
    secrets = [s for each in found for s in (each if isinstance(each, list) else [each])]
    return any(isinstance(s, str) and s and not template.names(s) for s in secrets)
