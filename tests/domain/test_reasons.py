"""The table of reasons: complete, used, and the only list of reasons in the program."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from pathlib import Path

import pytest

import katana_woo_sync
from katana_woo_sync.cli.retry import command as retry
from katana_woo_sync.domain.reasons import Kind, Reason, Retry, TriedAgain, about

PACKAGE = Path(katana_woo_sync.__file__).parent
TABLE = PACKAGE / "domain" / "reasons.py"
MODULES = sorted(set(PACKAGE.rglob("*.py")) - {TABLE})
CODES = {str(reason) for reason in Reason}


def reasons_in(nodes: Iterable[ast.AST | None]) -> list[str]:
    """The names of those of the nodes that are reasons: `Reason.EDITED`."""
    return [
        node.attr
        for node in nodes
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "Reason"
    ]


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_has_a_sentence_and_every_problem_a_remedy(reason: Reason) -> None:
    row = reason.about
    assert row.sentence.endswith(".")
    assert row.remedy or row.kind in (Kind.NOTE, Kind.SKIPPED)
    assert reason.name.lower() == str(reason)


def test_a_reason_of_another_version_is_shown_as_it_is_and_may_be_tried_again() -> None:
    row = about("of_a_newer_version")
    assert (row.sentence, row.remedy) == ("of_a_newer_version", "")
    assert (row.retry, row.tried_again) == (Retry.ALL, TriedAgain.HOURLY)


def test_the_reasons_of_the_table_are_those_that_the_program_gives() -> None:
    trees = (ast.parse(path.read_text(encoding="utf-8")) for path in MODULES)
    given = {name for tree in trees for name in reasons_in(ast.walk(tree))}
    assert given == set(Reason.__members__)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_other_file_lists_reasons(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        listed: list[str] = []
        if isinstance(node, ast.Tuple | ast.List | ast.Set):
            listed = reasons_in(node.elts)
        elif isinstance(node, ast.Dict):
            listed = reasons_in(node.keys)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):  # perhaps SQL
            listed = [code for code in re.findall(r"'([a-z_]+)'", node.value) if code in CODES]
        assert len(set(listed)) < 2, f"line {getattr(node, 'lineno', 0)}"


def test_the_help_of_retry_names_what_must_be_named_to_be_tried_again() -> None:
    named = {
        str(reason)
        for reason in Reason
        if reason.about.retry is Retry.NAMED
        or (reason.about.retry is Retry.WANTED and reason.about.kind is Kind.SKIPPED)
    }
    assert CODES & set(re.findall(r"[a-z_]+", retry.help or "")) == named
