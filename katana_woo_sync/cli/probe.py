"""`probe`: find out by trying how the user's own Katana account behaves."""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path

import click

from katana_woo_sync import __version__
from katana_woo_sync.cli.main import Globals
from katana_woo_sync.cli.output import ONLY_PIPED, Cell, Column, iso, print_json, print_table, safe
from katana_woo_sync.cli.program import Program, code_and_words, exits, start
from katana_woo_sync.clients.recording import harmless, recorded, written
from katana_woo_sync.clients.throttle import Cancelled
from katana_woo_sync.domain.probe import (
    DELIVERY,
    FEE,
    NUMBER,
    PREFIX,
    QUESTIONS,
    STEPS,
    STORE_NAME,
    Step,
    differing,
)
from katana_woo_sync.sync.context import Context, Stopped, StoreProblem
from katana_woo_sync.sync.create_once import StillUnknown
from katana_woo_sync.sync.probe import Probed, place, probe
from katana_woo_sync.sync.probe_records import Left
from katana_woo_sync.sync.probed import left
from katana_woo_sync.sync.report import ExitCode
from katana_woo_sync.sync.wishes import next_run

COLUMNS = (*map(Column, ("QUESTION", "EXPECTED", "FOUND")), Column("WHAT IT MEANS", ONLY_PIPED))

WARNINGS = """\
Before you say yes:
- Webhooks and automations of yours that a new, changed, delivered or deleted sales order sets off
  are set off by this one too.
- Where sales orders need an approval, somebody is asked for it.
- Where Katana hands orders or deliveries to your accounting by itself, it may hand over this one.
- What is deleted is out of your lists, but stays in Katana's history."""


def _leaving_out(command: Callable[..., None]) -> Callable[..., None]:
    """Add an option for each step that leaves it out."""
    for step in reversed(STEPS):
        option = click.option(f"--no-{step.name}", is_flag=True, help=f"Do not {step.does}.")
        command = option(command)
    return command


@click.command("probe")
@_leaving_out
@click.option(
    "--record",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write requests and answers to this file, without secrets and personal data, to show "
    "them to others. `sandbox --replay FILE` behaves as it tells.",
)
@click.option("--yes", is_flag=True, help="Do not ask first.")
@click.option("--dry-run", is_flag=True, help="Change nothing; say what would be done.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for programs.")
@click.pass_obj
def command(
    options: Globals,
    /,
    record: Path | None,
    yes: bool,
    dry_run: bool,
    as_json: bool,
    **left_out: bool,
) -> None:
    """Find out by trying what Katana's documentation does not say of your account.

    It creates a customer, a service item and a sales order of zero value, looks what becomes of
    them, and deletes them again. What it finds is kept, and the sync begins with it; docs/probe.md
    tells what each answer means. It asks first. What a probe that was interrupted has left, the
    next one deletes.

    Exit code 0: done. 1: Katana did not delete something, which is named with what to press, or
    refused to create something. 2: the config is wrong, or the key refused. 75: Katana cannot be
    worked now.
    """
    program = start(options, dry_run=dry_run)
    without = tuple(step for step in STEPS if left_out[f"no_{step.name}"])
    say = partial(click.echo, err=True)
    name = f"{PREFIX}{secrets.token_hex(4)}"
    with exits():
        if record is not None:
            _write(record, "")
        if not (program.quiet and yes):
            say(_plan(name, without))
        with program.context() as context:
            if left(context.ledger):
                say("What an earlier probe has left in Katana is deleted first.")
            if dry_run:
                _say_where(context, say)
                raise SystemExit(int(ExitCode.DONE))
            if not yes and not _confirmed():
                say("Nothing was created.")
                raise SystemExit(int(ExitCode.DONE))
            with next_run(context, say):
                begun = context.clock()
                run = context.ledger.journal.begin_run("probe", begun)
                tell = (lambda _what: None) if program.quiet else lambda what: say(f"{what} …")
                done = probe(context, name, without=without, tell=tell)
                code, why = _ending(done)
                context.ledger.journal.end_run(run, context.clock(), int(code), why)
                ended = context.clock()
    if record is not None:
        _write(record, _recording(program, done, begun))
    if as_json:
        print_json(_json(done, begun, ended, why))
    else:
        print_table(COLUMNS, _rows(done))
        for each in done.left:
            click.echo(_words_of(each))
        if not done.error and not done.left:
            click.echo(_summary(done))
    if why:
        say(safe(why))
    raise SystemExit(int(code))


def _plan(name: str, without: Sequence[Step]) -> str:
    """What will be created, and what that may set off."""
    made = [
        f'a customer and a service item "katana-woo-sync {name}" (SKU {name})',
        f"a sales order {name} of zero value, with the store name {STORE_NAME}",
    ]
    if NUMBER not in without:
        made.append("a second one with the same number, which Katana should refuse")
    if FEE not in without:
        made.append("a shipping fee of 0.00 on the order")
    delivered = DELIVERY not in without
    lines = [
        "This finds out by trying what Katana's documentation does not say of your account.",
        "It creates in Katana, and deletes again:",
        *(f"- {each}" for each in made),
        *(["It delivers the order, by its status and then by a fulfilment."] if delivered else []),
        "It uses a location and a tax rate that are there, and does nothing in your shop. It takes",
        "about 40 requests and a minute; on some accounts several minutes.",
        WARNINGS,
    ]
    return "\n".join(lines)


def _say_where(context: Context, say: Callable[[str], None]) -> None:
    """What the order would be created with; only asks."""
    try:
        where = place(context)
    except StoreProblem as problem:
        say(str(problem))
        raise SystemExit(int(ExitCode.PROBLEMS)) from None
    say(
        f"The order would be at {safe(where.location, 80)}, in {safe(where.currency, 3)}, with the "
        f"tax rate {safe(where.tax_rate, 80)}. Nothing was created: this is a dry run."
    )


def _confirmed() -> bool:
    if not sys.stdin.isatty():
        raise click.UsageError("Nobody can be asked here: say --yes if it is to be done.")
    return click.confirm("Try it on your Katana account now?", err=True)


def _ending(done: Probed) -> tuple[ExitCode, str]:
    """The exit code, and what ended the probe before its time."""
    error = done.error
    if error is None:
        return (ExitCode.PROBLEMS if done.left else ExitCode.DONE), ""
    if isinstance(error, StillUnknown):
        what = str(error)
        return ExitCode.TRY_LATER, f"An answer of Katana's was lost: {what}. Run probe again."
    if isinstance(error, StoreProblem):
        return ExitCode.PROBLEMS, str(error)
    if isinstance(error, (Stopped, Cancelled)):
        rest = "" if done.left else " What was created is deleted."
        return ExitCode.TRY_LATER, f"Stopped, as asked.{rest}"
    return code_and_words(error)


def _rows(done: Probed) -> Iterator[list[str | Cell]]:
    for question in QUESTIONS:
        found = done.found.get(question.name)
        if found is None:
            words = f"not found out: {done.unanswered.get(question.name, '')}"
            yield [question.asks, question.expected, Cell(safe(words, 300), "dim"), ""]
            continue
        is_expected = found.found == question.expected
        words = f"{found.found} ({found.detail})" if found.detail else found.found
        means = "" if is_expected else question.others.get(found.found, "")
        style = "green" if is_expected else "yellow"
        yield [question.asks, question.expected, Cell(safe(words, 300), style, None, means), means]


def _words_of(left: Left) -> str:
    what = left.kind.replace("_", " ")
    return (
        f"Left in Katana: {what} {left.name}: {safe(left.why, 300)}. The next probe tries again to "
        f"delete it; or open {left.link} and {left.what_to_press}."
    )


def _summary(done: Probed) -> str:
    differ, missing = len(differing(done.found)), len(done.unanswered)
    told = "All is as expected" if not differ else f"{differ} of {len(QUESTIONS)} differ"
    rest = f", {missing} not found out" if missing else ""
    return f"{told}{rest}. What was created is deleted again."


def _json(done: Probed, begun: datetime, ended: datetime, why: str) -> dict[str, object]:
    return {
        "started_at": iso(begun),
        "finished_at": iso(ended),
        "found": [
            {
                "name": question.name,
                "question": question.asks,
                "expected": question.expected,
                "found": found.found if found else None,
                "detail": found.detail if found else done.unanswered.get(question.name, ""),
                "amount": found.amount if found else None,
            }
            for question in QUESTIONS
            for found in (done.found.get(question.name),)
        ],
        "left": [
            {
                "kind": each.kind,
                "name": each.name,
                "id": each.id or None,
                "why": each.why,
                "link": each.link,
                "what_to_press": each.what_to_press,
            }
            for each in done.left
        ],
        "requests": len(done.exchanges),
        "error": why or None,
    }


def _recording(program: Program, done: Probed, begun: datetime) -> str:
    clean = partial(harmless, redactor=program.redactor)
    return written(
        {
            "recorded_by": f"katana-woo-sync {__version__}",
            "recorded_at": iso(begun),
            "found": {
                name: {
                    "found": each.found,
                    "at": iso(each.at),
                    "detail": clean(each.detail),
                    "amount": each.amount,
                }
                for name, each in done.found.items()
            },
            "unanswered": {n: clean(why) for n, why in done.unanswered.items()},
            "left": [{"kind": each.kind, "why": clean(each.why)} for each in done.left],
            "error": clean(str(done.error)) if done.error else None,
            "exchanges": recorded(done.exchanges, program.redactor),
        }
    )


def _write(path: Path, text: str) -> None:
    """Write a file that only its owner may read. Ends the program where it cannot be written."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        click.echo(f"{path} cannot be written: {error.strerror or error}", err=True)
        raise SystemExit(int(ExitCode.USAGE)) from None
