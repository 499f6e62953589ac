"""The commands that the documentation shows are run, one page after the other, in a sandbox."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from tests.cli.support import run
from tests.sync.world import World
from tests.test_docs import TEXTS, commands_in

ELSEWHERE = frozenset({"demo", "sandbox", "run", "init"})
"""Commands that last, or ask: each has tests of its own."""


ASK = frozenset({"backfill", "probe"})
"""Commands that ask a person first."""

IN_PLACE_OF = {"STORE": "eu", "NUMBER": "1234", "/var/backups/katana-woo-sync.db": "copy.db"}
"""What a reader puts in the place of a word in capitals; and no test writes outside of its folder.
"""


def to_run(path: Path) -> list[list[str]]:
    """A page's commands, without options that come before them."""
    found = []
    for called in commands_in(path.read_text(encoding="utf-8")):
        words = [IN_PLACE_OF.get(word, word) for word in shlex.split(" ".join(called))]
        words = words[2:] if words[0] == "--config" else words
        if words and words[0] not in ELSEWHERE and words not in found:
            found.append(words)
    return found


PAGES = [path for path in TEXTS if to_run(path)]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_the_commands_of_a_page_run(
    world: World, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(world.directory)
    world.configure(top='[notify]\nping_url = "http://127.0.0.1:9/x"')
    order = world.order(number="1234")
    run(world, "sync")
    for words in to_run(path):
        asked = [*words, "--yes"] if words[0] in ASK else words
        result = run(world, *asked)
        shown = f"katana-woo-sync {' '.join(words)}: {result.exit_code} {result.output[-800:]}"
        assert result.exit_code in (0, 1), shown
        assert "Traceback" not in result.output, shown
    assert len(world.in_katana(order)) == 1


def test_there_is_something_to_run() -> None:
    assert sum(len(to_run(path)) for path in PAGES) > 20
