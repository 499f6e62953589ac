"""`rebuild-ledger`: make a lost or broken ledger again from what Katana holds."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path

import click
from msgspec.structs import asdict, replace

from katana_woo_sync.cli.main import Globals
from katana_woo_sync.cli.output import print_json, safe
from katana_woo_sync.cli.program import Program, exits, start
from katana_woo_sync.ledger import Ledger, LedgerError
from katana_woo_sync.sync.connect import NOT_KNOWN, Rebuilt, rebuild
from katana_woo_sync.sync.cycle import finish
from katana_woo_sync.sync.lock import LedgerLock
from katana_woo_sync.sync.wishes import next_run

PATIENCE = 30.0
"""Seconds that a broken ledger waits for a run that still has it open."""

SIDECARS = ("", "-wal", "-shm")
"""The files that SQLite keeps of one database."""


@click.command("rebuild-ledger")
@click.option("--store", metavar="S", help="Only this store.")
@click.option("--dry-run", is_flag=True, help="Change nothing; say what would be done.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for programs.")
@click.pass_obj
def command(options: Globals, store: str | None, dry_run: bool, as_json: bool) -> None:
    """Make the ledger again, if it was lost or is broken, from what Katana holds.

    The ledger is the file in which the program remembers which orders it has imported. In Katana
    each of them has a hidden WooCommerce ID: from these it is made again. Nothing is imported,
    delivered or completed; the next sync goes on. A broken ledger is kept beside the new one. A
    ledger that is in order only gets what it lacks.
    """
    program = start(options, dry_run=dry_run)
    with exits():
        program, kept = _with_a_sound_ledger(program)
        with program.context() as context, next_run(context, partial(click.echo, err=True)):
            run = context.ledger.journal.begin_run("rebuild-ledger", context.clock())
            rebuilt = rebuild(context, program.chosen(store))
            finish(context)
            report = context.report
            context.ledger.journal.end_run(run, context.clock(), int(report.exit_code), "")
        if as_json:
            said = {name: asdict(each) for name, each in rebuilt.items()}
            kept_as = str(kept) if kept else None
            print_json({**report.to_json(), "rebuilt": said, "kept_broken_ledger": kept_as})
        else:
            _print(rebuilt, dry_run=dry_run)
            for name, part in report.stores.items():
                if part.error:
                    click.echo(f"{name}: NOT WORKED: {safe(part.error)}")
        raise SystemExit(int(report.exit_code))


def _with_a_sound_ledger(program: Program) -> tuple[Program, Path | None]:
    """The program with a ledger that can be worked with, and where a broken one is kept.

    A broken one is moved aside; a dry run leaves it, and works with none."""
    path = program.settings.ledger
    try:
        Ledger.check(path)
    except LedgerError as error:
        if not error.is_broken:
            raise
        kept = path.with_name(f"{path.name}.broken-{program.clock():%Y%m%d-%H%M%S}")
        if program.dry_run:
            click.echo(f"The ledger is broken; it would be kept as {kept}.", err=True)
            return replace(program, settings=replace(program.settings, ledger=kept)), None
        lock = LedgerLock(path)
        lock.acquire(PATIENCE)
        try:
            set_aside(path, kept)
        finally:
            lock.release()
        click.echo(f"The ledger was broken; it is kept as {kept}, and a new one is made.", err=True)
        return program, kept
    return program, None


def set_aside(path: Path, kept: Path) -> None:
    """Give a ledger's files another name, for their owner's eyes only."""
    for suffix in SIDECARS:
        file = path.with_name(path.name + suffix)
        if file.exists():
            file.chmod(0o600)
            file.rename(kept.with_name(kept.name + suffix))


def _print(rebuilt: Mapping[str, Rebuilt], *, dry_run: bool) -> None:
    for name, each in rebuilt.items():
        states = ", ".join(f"{count} {state}" for state, count in sorted(each.states.items()))
        would = "would be " if dry_run else ""
        click.echo(f"{name}: {each.adopted} orders {would}taken over; now {states or 'no orders'}")
        if each.deleted:
            click.echo(f"  {each.deleted} of them are deleted in Katana and will not come back")
    if rebuilt:
        click.echo("What Katana cannot tell, and is lost:")
        for thing in NOT_KNOWN:
            click.echo(f"  - {thing}")
        click.echo("Run `katana-woo-sync sync` (or wait for it) to go on.")
