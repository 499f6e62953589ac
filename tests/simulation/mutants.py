"""Small random changes of the program, and which of them the histories find out.

    python -m tests.simulation.mutants --count 50 --most 60

Each mutant is one change in one function of the loop, the orders, or the ledger: a comparison
turned, a condition negated, a number off by one, a call left out, an answer of None. Some change
nothing that can be seen (a limit that is never reached, say); those that survive are listed, to be
looked at.
"""

from __future__ import annotations

import argparse
import ast
import importlib.abc
import importlib.machinery
import importlib.util
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random
from types import ModuleType

CHECKOUT = Path(__file__).resolve().parents[2]
MODULES = (
    "sync/create_once.py",
    "sync/cycle.py",
    "sync/fulfilment.py",
    "sync/import_slices.py",
    "sync/orders.py",
    "sync/poll.py",
    "sync/shipping_fees.py",
    "sync/sweep.py",
    "domain/cursors.py",
    "domain/order_record.py",
    "domain/order_rules.py",
    "ledger/intents.py",
    "ledger/orders.py",
    "ledger/shipping_fees.py",
    "ledger/stores.py",
)
TURNED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}


class Mutation(ast.NodeTransformer):
    """Changes one place of a module, the one of this number; `words` says what was changed."""

    def __init__(self, number: int) -> None:
        self._number = number
        self._seen = -1
        self._depth = 0
        self.words = ""

    @property
    def places(self) -> int:
        """How many places there are."""
        return self._seen + 1

    def _is_it(self, node: ast.AST, what: str) -> bool:
        if not self._depth:
            return False
        self._seen += 1
        if self._seen == self._number:
            self.words = f"line {getattr(node, 'lineno', 0)}: {what}"
            return True
        return False

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        """Only what is in functions is changed."""
        self._depth += 1
        node.body = [part for each in node.body for part in self._visited(each)]
        self._depth -= 1
        return node

    def _visited(self, node: ast.stmt) -> Iterator[ast.stmt]:
        changed = self.visit(node)
        yield from changed if isinstance(changed, list) else [changed]

    def visit_Compare(self, node: ast.Compare) -> ast.AST:
        """A comparison is turned."""
        self.generic_visit(node)
        turned = TURNED.get(type(node.ops[0]))
        if turned is not None and self._is_it(node, f"{ast.unparse(node)} turned"):
            node.ops[0] = turned()
        return node

    def visit_BoolOp(self, node: ast.BoolOp) -> ast.AST:
        """And becomes or."""
        self.generic_visit(node)
        if self._is_it(node, f"and/or in {ast.unparse(node)}"):
            node.op = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        return node

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.AST:
        """A not is left out."""
        self.generic_visit(node)
        if isinstance(node.op, ast.Not) and self._is_it(node, f"without not: {ast.unparse(node)}"):
            return node.operand
        return node

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        """Yes becomes no; a number is off by one."""
        if isinstance(node.value, bool) and self._is_it(node, f"not {node.value}"):
            return ast.copy_location(ast.Constant(not node.value), node)
        if type(node.value) is int and self._is_it(node, f"{node.value} + 1"):
            return ast.copy_location(ast.Constant(node.value + 1), node)
        return node

    def visit_Expr(self, node: ast.Expr) -> ast.AST:
        """A call is left out."""
        if isinstance(node.value, ast.Constant):
            return node
        text = ast.unparse(node)
        is_call = isinstance(node.value, ast.Call) and not text.startswith("log.")
        if is_call and self._is_it(node, f"without {text}"):
            return ast.copy_location(ast.Pass(), node)
        self.generic_visit(node)
        return node

    def visit_Return(self, node: ast.Return) -> ast.AST:
        """An answer of None."""
        self.generic_visit(node)
        if node.value is not None and self._is_it(node, f"None for {ast.unparse(node)}"):
            node.value = None
        return node


def mutated(path: str, number: int) -> tuple[ast.Module, Mutation]:
    """A module with one of its places changed."""
    source = (CHECKOUT / "katana_woo_sync" / path).read_text(encoding="utf-8")
    mutation = Mutation(number)
    tree = mutation.visit(ast.parse(source))
    return ast.fix_missing_locations(tree), mutation


class _Mutant(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Loads the changed module in the place of the real one."""

    def __init__(self, name: str, tree: ast.Module) -> None:
        self._name, self._tree = name, tree

    def find_spec(
        self, name: str, _path: Sequence[str] | None, _target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """The changed one's."""
        return importlib.util.spec_from_loader(name, self) if name == self._name else None

    def exec_module(self, module: ModuleType) -> None:
        """Run the changed code."""
        exec(compile(self._tree, self._name, "exec"), module.__dict__)


def try_one(path: str, number: int, most: int) -> str:
    """In this process: by which history a mutant is found out, "" where by none."""
    tree, _mutation = mutated(path, number)
    name = "katana_woo_sync." + path.removesuffix(".py").replace("/", ".")
    sys.meta_path.insert(0, _Mutant(name, tree))
    from tests.simulation.history import drawn, run

    for count in range(1, most + 1):
        told = run(drawn(count))
        if told.broken:
            return f"by history {count}: {told.broken[:80]}"
    return ""


def _tried(place: tuple[str, int], most: int) -> tuple[str, str]:
    """In a process of its own: what was changed, and how it was found out."""
    path, number = place
    words = f"{path}, {mutated(path, number)[1].words[:120]}"
    arguments = ["--one", path, str(number), "--most", str(most)]
    ended = subprocess.run(
        [sys.executable, "-m", "tests.simulation.mutants", *arguments],
        cwd=CHECKOUT,
        env={**os.environ, "PYTHONHASHSEED": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    if ended.returncode:
        return words, f"at once: {ended.stderr.strip().splitlines()[-1][:80]}"
    return words, ended.stdout.strip()


def main() -> int:
    """Try mutants; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.mutants")
    parser.add_argument("--count", type=int, default=50)
    parser.add_argument("--most", type=int, default=60, help="histories for each")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--one", nargs=2, metavar=("MODULE", "PLACE"))
    options = parser.parse_args()
    if options.one:
        print(try_one(options.one[0], int(options.one[1]), options.most))  # noqa: T201
        return 0
    places = [(path, n) for path in MODULES for n in range(mutated(path, -1)[1].places)]
    chosen = Random(options.seed).sample(places, options.count)
    survivors = 0
    with ThreadPoolExecutor(options.jobs) as pool:
        for words, found in pool.map(lambda place: _tried(place, options.most), chosen):
            survivors += not found
            print(f"{'found' if found else 'SURVIVES'}: {words}: {found}", flush=True)  # noqa: T201
    print(f"{len(places)} places, {len(chosen)} tried, {survivors} survive")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
