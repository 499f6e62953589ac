"""Copies of the ledger: backups, and what is kept before an upgrade changes it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from tempfile import NamedTemporaryFile

BEFORE_UPGRADE = ".before-upgrade-"
BROKEN = ".broken-"


def write_copy(source: sqlite3.Connection, target: Path) -> None:
    """Copy a database while others write to it: one file, for its owner alone, that takes the place
    of `target` whole at the end. On failure nothing is left behind.

    Raises OSError, and sqlite3.Error where the database cannot be read or the copy is not sound.
    """
    with NamedTemporaryFile(  # mode 0600
        dir=target.parent, prefix=f".{target.name}.", delete=False
    ) as file:
        beside = Path(file.name)
    try:
        with closing(sqlite3.connect(beside)) as copy:
            source.backup(copy)
            # the ledger's own mode would want two more files beside the copy to read it
            copy.execute("PRAGMA journal_mode = DELETE")
            found = copy.execute("PRAGMA integrity_check(1)").fetchone()[0]
            if found != "ok":
                raise sqlite3.DatabaseError(f"malformed: {found}")
        beside.replace(target)
    finally:
        for suffix in ("", "-journal", "-wal", "-shm"):
            beside.with_name(beside.name + suffix).unlink(missing_ok=True)


def kept_beside(ledger: Path) -> list[Path]:
    """The copies of the ledger that the program itself has left in its folder, by name."""
    found = [
        path
        for kind in (BEFORE_UPGRADE, BROKEN)
        for path in ledger.parent.glob(f"{_escaped(ledger.name)}{kind}*")
        if not path.name.endswith(("-wal", "-shm"))
    ]
    return sorted(found)


def _escaped(name: str) -> str:
    return "".join(f"[{c}]" if c in "*?[" else c for c in name)
