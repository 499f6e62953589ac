"""What is released: the same wheel twice, a sdist that the tests run from, and the man page."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from katana_woo_sync import __version__

ROOT = Path(__file__).resolve().parents[1]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
MANUAL = ROOT / "docs" / "katana-woo-sync.1"
LEFT_BEHIND = shutil.ignore_patterns(".git", ".venv", ".*_cache", "node_modules", "build", "*.pyc")


def built(kind: str, folder: Path) -> Path:
    """The wheel or sdist of a copy of this source, built in the folder, with times of its own."""
    source = folder / "source"
    shutil.copytree(ROOT, source, ignore=LEFT_BEHIND, copy_function=shutil.copyfile)
    command = [sys.executable, "-m", "build", "--no-isolation", f"--{kind}"]
    command += ["--outdir", str(folder), str(source)]
    env = {"SOURCE_DATE_EPOCH": "1790000000", "PYTHONWARNINGS": "ignore"}
    subprocess.run(command, check=True, capture_output=True, env=env)
    (made,) = folder.glob("katana_woo_sync-*")
    return made


def test_the_same_source_is_the_same_wheel_and_has_the_man_page(tmp_path: Path) -> None:
    first, second = (built("wheel", tmp_path / name) for name in ("one", "another"))
    assert first.name == second.name == f"katana_woo_sync-{__version__}-py3-none-any.whl"
    assert first.read_bytes() == second.read_bytes()
    names = zipfile.ZipFile(first).namelist()
    assert [name for name in names if name.endswith("/share/man/man1/katana-woo-sync.1")]


def test_the_sdist_has_every_file(tmp_path: Path) -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("only a checkout says which files there are")
    listed = subprocess.run(
        ["git", "-C", ROOT, "ls-files"], check=True, capture_output=True, text=True
    ).stdout
    with tarfile.open(built("sdist", tmp_path)) as sdist:
        held = {name.partition("/")[2] for name in sdist.getnames()}
    assert set(listed.splitlines()) - held == {".gitignore"}


def test_the_changelog_begins_with_this_version() -> None:
    titles = [
        line.split()[1]
        for line in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8").splitlines()
        if line.startswith("## ")
    ]
    assert titles[0] in (__version__, "Unreleased")
    assert __version__ in titles


def test_the_workflows_are_right_by_their_schema() -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema"]
    command += ["vendor.github-workflows", *map(str, WORKFLOWS)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.skipif(not shutil.which("mandoc"), reason="mandoc is not installed")
def test_mandoc_finds_nothing_wrong_with_the_man_page() -> None:
    command = ["mandoc", "-Tlint", "-Wwarning", str(MANUAL)]
    said = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    assert [line for line in said.splitlines() if "missing date" not in line] == []
