"""The documentation says what is so: commands and options exist, reasons are all listed."""

from __future__ import annotations

import importlib
import re
import runpy
from pathlib import Path

import click
import pytest

from katana_woo_sync.cli.main import COMMANDS, cli
from katana_woo_sync.config.settings import known_keys
from katana_woo_sync.domain.probe import QUESTIONS
from katana_woo_sync.domain.reasons import Reason

ROOT = Path(__file__).resolve().parents[1]
BENCHMARKS = ROOT / "benchmarks"
TEXTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), ROOT / "cron" / "README.md"]


def commands_in(text: str) -> list[list[str]]:
    """What follows the program's name, wherever it is called: in code blocks, in `backticks`."""
    blocks = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    spans = re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))
    called = []
    for line in [*spans, *(line for block in blocks for line in re.split(r"\n|&&|;", block))]:
        words = line.split("#")[0].split()
        for at, word in enumerate(words):
            is_program = word.rpartition("/")[2] == "katana-woo-sync"
            following = words[at + 1 : at + 2]
            if is_program and following and re.fullmatch(r"--?[a-z-]+|[a-z][a-z-]*", following[0]):
                if at and words[at - 1].startswith("-"):
                    continue  # the user of the same name
                called.append(words[at + 1 :])
                break
    return called


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.name)
def test_commands_and_options_in_the_documentation_exist(path: Path) -> None:
    context = click.Context(cli)
    for words in commands_in(path.read_text(encoding="utf-8")):
        line = " ".join(words)
        named = [word for word in words if word in COMMANDS]
        assert named, f"{path.name}: no command in: katana-woo-sync {line}"
        command = cli.get_command(context, named[0])
        assert command is not None
        options = {o for p in [*command.params, *cli.params] for o in p.opts} | {"--help"}
        for word in words:
            if re.fullmatch(r"--?[a-z][a-z-]*", word):
                assert word in options, f"{path.name}: {word} in: katana-woo-sync {line}"


def test_the_readme_names_every_command() -> None:
    called = commands_in((ROOT / "README.md").read_text(encoding="utf-8"))
    assert set(COMMANDS) <= {word for words in called for word in words}


def test_every_command_that_help_lists_can_be_imported_and_has_its_name() -> None:
    context = click.Context(cli)
    for name in COMMANDS:
        command = cli.get_command(context, name)
        assert command is not None
        assert command.name == name


def test_every_reason_has_words_and_stands_in_the_list() -> None:
    text = (ROOT / "docs" / "problems.md").read_text(encoding="utf-8")
    for reason in Reason:
        row = reason.about
        assert f"| `{reason}` | {row.sentence} | {row.remedy} |" in text


def test_every_answer_to_the_probe_stands_in_its_page() -> None:
    text = (ROOT / "docs" / "probe.md").read_text(encoding="utf-8")
    for question in QUESTIONS:
        assert f"| {question.asks} | {question.expected} | " in text
        for answer, means in question.others.items():
            assert f" | {answer}: {means} |" in text


def test_the_pages_that_follow_from_the_code_are_up_to_date() -> None:
    """If this fails: python docs/generate.py"""
    made = runpy.run_path(str(ROOT / "docs" / "generate.py"))["pages"]()
    for path, text in made.items():
        assert path.read_text(encoding="utf-8") == text, path.name


def test_every_option_stands_in_the_list() -> None:
    text = (ROOT / "docs" / "options.md").read_text(encoding="utf-8")
    for section, keys in known_keys().items():
        named = [key for key in keys if section or key == "ledger"]
        assert all(f"`{key}`" in text for key in named), section


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.name)
def test_links_between_the_pages_lead_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)", path.read_text(encoding="utf-8")):
        assert target.startswith("https://") or (path.parent / target).exists(), target


def test_the_index_leads_to_every_page() -> None:
    index = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    for path in (ROOT / "docs").glob("*.md"):
        assert path.name == "README.md" or f"]({path.name})" in index, path.name


def test_pictures_are_small_fetch_nothing_and_are_shown() -> None:
    shown = "".join(path.read_text(encoding="utf-8") for path in TEXTS)
    pictures = list((ROOT / "docs" / "pictures").iterdir())
    assert {path.suffix for path in pictures} == {".png", ".svg"}
    for path in pictures:
        assert f"pictures/{path.name}" in shown
        assert path.stat().st_size < 250_000, path.name
        if path.suffix == ".svg":
            assert not re.findall(
                r"@import|url\(\W?http|<image|@font-face", path.read_text("utf-8")
            )


def test_the_readme_has_two_lines_to_paste() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for marker, end in (("the demo", "katana-woo-sync demo"), ("the tests", "pytest -n 3")):
        block = text.split(f"<!-- {marker} -->\n```sh\n")[1].split("\n```")[0]
        assert "\n" not in block
        assert block.endswith(end)


def test_every_benchmark_is_documented_and_every_documented_one_is_there() -> None:
    page = (ROOT / "docs" / "performance.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`python -m benchmarks\.(\w+)`", page))
    modules = {path.stem: path.read_text(encoding="utf-8") for path in BENCHMARKS.glob("*.py")}
    commands = {name for name, text in modules.items() if "options(__doc__)" in text}
    assert named == commands


@pytest.mark.parametrize("name", sorted(path.stem for path in BENCHMARKS.glob("*.py")))
def test_every_benchmark_can_be_loaded(name: str) -> None:
    assert importlib.import_module(f"benchmarks.{name}").__doc__


@pytest.mark.parametrize("page", ["architecture.md", "contributing.md"])
def test_files_that_the_pages_for_developers_name_are_there(page: str) -> None:
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    named = re.findall(r"`((?:[\w.]+/)+[\w.]+\.(?:py|html|md|toml))`|`(\w+\.py)`", text)
    places = ["", "katana_woo_sync", "katana_woo_sync/domain", "katana_woo_sync/sync"]
    places += ["katana_woo_sync/config", "katana_woo_sync/clients", "docs"]
    for whole, short in named:
        name = whole or short
        assert any((ROOT / place / name).exists() for place in places), name
