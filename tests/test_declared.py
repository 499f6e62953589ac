"""What is imported is declared, where it is needed."""

from __future__ import annotations

import ast
import configparser
import re
import sys
from collections.abc import Iterator
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SETUP = configparser.ConfigParser()
SETUP.read(ROOT / "setup.cfg", encoding="utf-8")


distributions = cache(packages_distributions)


def declared(text: str) -> set[str]:
    """The names of distributions in a list of requirements."""
    lines = (line.strip() for line in text.splitlines())
    return {re.split(r"[ \[<>=!;]", line)[0].lower() for line in lines if line}


def imported(folder: Path) -> Iterator[tuple[Path, str]]:
    """The distributions that the modules below a folder import, each with the module."""
    of_module = distributions()
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names: list[str] = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and not node.level:
                names = [node.module or ""]
            for name in names:
                top = name.partition(".")[0]
                if top not in sys.stdlib_module_names and top in of_module:
                    yield path, of_module[top][0].lower().replace("_", "-")


def test_what_the_program_imports_is_declared() -> None:
    base = declared(SETUP["options"]["install_requires"])
    extras = SETUP["options.extras_require"]
    demo = base | declared(extras["demo"])
    notify = base | declared(extras["notify"])
    own = {"katana-woo-sync", "typeshed-client"}
    for path, name in imported(ROOT / "katana_woo_sync"):
        allowed = base
        if "sandbox" in path.parts or path.stem in ("demo", "sandbox"):
            allowed = demo
        elif path.stem == "messenger":
            allowed = notify
        assert name in allowed | own, (path, name)


def test_what_the_tests_import_is_declared() -> None:
    extras = SETUP["options.extras_require"]
    known = declared(SETUP["options"]["install_requires"])
    known |= declared(extras["test"]) | declared(extras["dev"]) | {"katana-woo-sync"}
    for path, name in (*imported(ROOT / "tests"), *imported(ROOT / "benchmarks")):
        assert name in known, (path, name)
