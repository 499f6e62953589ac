"""`status --bundle`: one file for whoever is to find a fault, without secrets."""

from __future__ import annotations

import json
import platform
import re
import sqlite3
from collections.abc import Callable, Mapping
from datetime import timedelta
from importlib import metadata
from pathlib import Path

from katana_woo_sync import __version__
from katana_woo_sync.cli.check import as_dict, tell
from katana_woo_sync.cli.health import complaints
from katana_woo_sync.cli.own_file import own_file, refuse_other
from katana_woo_sync.cli.program import Program
from katana_woo_sync.clients.redact import Redactor
from katana_woo_sync.config.shown import as_document
from katana_woo_sync.ledger import Ledger
from katana_woo_sync.sync.checks.check import check

LATELY = timedelta(days=1)
MOST_LINES = 5000
"""Lines of history: those of some 1,500 orders."""

PACKAGE = "katana-woo-sync"
MARK = '{\n "katana_woo_sync_bundle"'
"""How the file begins."""

_EMAIL = re.compile(r"[^\s@\"'<>:=,;]+@[^\s@\"'<>:=,;]+\.[A-Za-z]{2,}")
_REQUIREMENT = re.compile(r"[A-Za-z0-9._-]+")


def write_bundle(
    program: Program,
    path: Path,
    status: Callable[[Ledger], Mapping[str, object]],
) -> None:
    """Write the file, for this user alone. Both sides are asked, as `check` asks them; `status`
    makes of the ledger what `status --json` prints. Ends the program where the file cannot be
    written."""
    settings, now = program.settings, program.clock()
    refuse_other(path, MARK)  # before both sides are asked
    findings = check(settings, program.katana, list(program.stores.values()), program.clock, tell)
    content: dict[str, object] = {
        "katana_woo_sync_bundle": __version__,
        "made_at": now.isoformat(),
        "versions": _versions(),
        "config": as_document(settings),
        "findings": [as_dict(finding) for finding in findings],
    }
    with Ledger.open_to_read(settings.ledger) as ledger:
        content |= {
            "status": status(ledger),
            "unhealthy": complaints(settings, ledger, now),
            "runs": ledger.journal.runs(now - LATELY, MOST_LINES),
            "history": ledger.journal.lately(now - LATELY, MOST_LINES),
        }
    with own_file(path, MARK) as file:
        json.dump(_redacted(content, program.redactor), file, ensure_ascii=False, indent=1)
        file.write("\n")


def _versions() -> dict[str, str]:
    """Of what runs here."""
    found = {
        PACKAGE: __version__,
        "python": platform.python_version(),
        "system": platform.platform(),
        "sqlite": sqlite3.sqlite_version,
    }
    try:
        needed = metadata.requires(PACKAGE) or []
    except metadata.PackageNotFoundError:  # run from a folder
        return found
    for line in needed:
        named = _REQUIREMENT.match(line)
        if named is None or "extra ==" in line:
            continue
        try:
            found[named.group()] = metadata.version(named.group())
        except metadata.PackageNotFoundError:
            found[named.group()] = "missing"
    return found


def _redacted(value: object, redactor: Redactor) -> object:
    """The value with secrets and e-mail addresses masked in all of its texts."""
    match value:
        case str():
            return _EMAIL.sub("[e-mail]", redactor.text(value))
        case dict():
            return {key: _redacted(each, redactor) for key, each in value.items()}
        case list() | tuple():
            return [_redacted(each, redactor) for each in value]
        case None | bool() | int() | float():
            return value
    return _redacted(str(value), redactor)
