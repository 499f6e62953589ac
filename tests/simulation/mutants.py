"""Small random changes of the program, and which of them the histories find out.

    python -m tests.simulation.mutants --count 50 --most 60

Each mutant is one change in one function of the loop, the orders, or the ledger: a comparison
turned, a condition negated, a number off by one, a call left out, an answer of None. What is only
said (the log, texts) is not changed. First the histories are run once with all places marked: a
mutant can be found out only by those that reach its place, so only these are tried. Some change
nothing that can be seen (a limit that is never reached, say); those that survive are listed, to be
looked at.
"""

from __future__ import annotations

import argparse
import ast
import importlib.abc
import importlib.machinery
import importlib.util
import json
import operator
import os
import signal
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random
from types import FrameType, ModuleType
from typing import Any

CHECKOUT = Path(__file__).resolve().parents[2]
MODULES = (
    "sync/create_once.py",
    "sync/cycle.py",
    "sync/deletions.py",
    "sync/deliveries.py",
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


COMPARED: dict[type[ast.cmpop], Callable[[Any, Any], object]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
TEXTS = ("__repr__", "__str__", "words")
"""Functions that only say something."""

LONGEST = 15
"""Seconds of this machine's work after which a history never ends."""


class Places(ast.NodeTransformer):
    """Goes through the places of a module where something can be changed."""

    def __init__(self) -> None:
        self.count = 0
        self._depth = 0

    def at(self, node: ast.expr, _words: str, _changed: Callable[[], ast.expr]) -> ast.expr:
        """What stands at the place that is counted now."""
        return node

    def _place(
        self, node: ast.expr, words: str, changed: Callable[[], ast.expr], of: ast.AST | None = None
    ) -> ast.expr:
        if not self._depth:
            return node
        instead = self.at(node, f"line {(of or node).lineno}: {words}", changed)  # type: ignore[attr-defined]
        self.count += 1
        return ast.copy_location(instead, node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        """Only what is in functions is changed."""
        if node.name in TEXTS:
            return node
        self._depth += 1
        node.body = [part for each in node.body for part in self._visited(each)]
        self._depth -= 1
        return node

    def _visited(self, node: ast.stmt) -> Iterator[ast.stmt]:
        changed = self.visit(node)
        yield from changed if isinstance(changed, list) else [changed]

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.AST:
        """A text."""
        return node

    def visit_Compare(self, node: ast.Compare) -> ast.AST:
        """A comparison is turned."""
        self.generic_visit(node)
        turned = TURNED.get(type(node.ops[0]))
        if turned is None:
            return node
        ops: list[ast.cmpop] = [turned(), *node.ops[1:]]
        return self._place(
            node,
            f"{ast.unparse(node)} turned",
            lambda: ast.Compare(node.left, ops, node.comparators),
        )

    def visit_BoolOp(self, node: ast.BoolOp) -> ast.AST:
        """And becomes or."""
        self.generic_visit(node)
        other = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        return self._place(
            node, f"and/or in {ast.unparse(node)}", lambda: ast.BoolOp(other, node.values)
        )

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.AST:
        """A not is left out."""
        self.generic_visit(node)
        if not isinstance(node.op, ast.Not):
            return node
        return self._place(node, f"without not: {ast.unparse(node)}", lambda: node.operand)

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        """Yes becomes no; a number is off by one."""
        value = node.value
        if isinstance(value, bool):
            return self._place(node, f"not {value}", lambda: ast.Constant(not value))
        if isinstance(value, int):
            return self._place(node, f"{value} + 1", lambda: ast.Constant(value + 1))
        return node

    def visit_Expr(self, node: ast.Expr) -> ast.AST:
        """A call is left out."""
        text = ast.unparse(node)
        if text.startswith("log."):
            return node
        self.generic_visit(node)
        if isinstance(node.value, ast.Call):
            node.value = self._place(node.value, f"without {text}", lambda: ast.Constant(None))
        return node

    def visit_Return(self, node: ast.Return) -> ast.AST:
        """An answer of None."""
        text, value = ast.unparse(node), node.value
        self.generic_visit(node)
        if value is None or (isinstance(value, ast.Constant) and not value.value):
            return node
        assert node.value is not None
        node.value = self._place(node.value, f"None for {text}", lambda: ast.Constant(None), node)
        return node


class Mutation(Places):
    """Changes the place of this number; `words` says what was changed."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self._number = number
        self.words = ""

    def at(self, node: ast.expr, words: str, changed: Callable[[], ast.expr]) -> ast.expr:
        """The change, at its place."""
        if self.count != self._number:
            return node
        self.words = words
        return changed()


class Marking(Places):
    """Marks the places, so that it is known when they are reached: when the change would make
    another value of a comparison by size."""

    def at(self, node: ast.expr, _words: str, _changed: Callable[[], ast.expr]) -> ast.expr:
        """The same, marked."""
        number = ast.Constant(self.count)
        if isinstance(node, ast.Compare) and len(node.ops) == 1 and type(node.ops[0]) in COMPARED:
            op = ast.Constant(type(node.ops[0]).__name__)
            return ast.Call(
                ast.Name("_compared", ast.Load()), [number, op, node.left, *node.comparators], []
            )
        mark = ast.Call(ast.Name("_reached", ast.Load()), [number], [])
        return ast.BoolOp(ast.And(), [mark, node])


def changed_by(path: str, changes: Places) -> ast.Module:
    """A module as it is with these changes."""
    source = (CHECKOUT / "katana_woo_sync" / path).read_text(encoding="utf-8")
    tree = ast.parse(source)
    changes.visit(tree)
    return ast.fix_missing_locations(tree)


def places(path: str) -> int:
    """How many places a module has."""
    counted = Places()
    changed_by(path, counted)
    return counted.count


class _Changed(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Loads a changed module in the place of the real one, with these names in it."""

    def __init__(self, path: str, tree: ast.Module, **names: object) -> None:
        self._name = "katana_woo_sync." + path.removesuffix(".py").replace("/", ".")
        self._tree, self._names = tree, names
        sys.meta_path.insert(0, self)

    def find_spec(
        self, name: str, _path: Sequence[str] | None, _target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """The changed one's."""
        return importlib.util.spec_from_loader(name, self) if name == self._name else None

    def exec_module(self, module: ModuleType) -> None:
        """Run the changed code."""
        module.__dict__.update(self._names)
        exec(compile(self._tree, self._name, "exec"), module.__dict__)


def reached(most: int) -> dict[str, dict[int, list[int]]]:
    """In this process: the histories that reach a place, by module and place."""
    by_module: dict[str, dict[int, list[int]]] = {}
    now = [0]
    for path in MODULES:
        found = by_module[path] = defaultdict(list)
        _Changed(path, changed_by(path, Marking()), **_marks(found, now))
    from tests.simulation.history import drawn, run

    for seed in range(1, most + 1):
        now[0] = seed
        run(drawn(seed))
    return by_module


def _marks(found: Mapping[int, list[int]], now: Sequence[int]) -> dict[str, Callable[..., object]]:
    def mark(number: int) -> bool:
        if now[0] and now[0] not in found[number][-1:]:
            found[number].append(now[0])
        return True

    def compared(number: int, name: str, left: Any, right: Any) -> object:
        if left == right:
            mark(number)
        return COMPARED[getattr(ast, name)](left, right)

    return {"_reached": mark, "_compared": compared}


def try_one(path: str, number: int, seeds: Sequence[int]) -> str:
    """In this process: by which history a mutant is found out, "" where by none."""
    _Changed(path, changed_by(path, Mutation(number)))
    from tests.simulation.history import drawn, run

    def never_ends(_signal: int, _frame: FrameType | None) -> None:
        print(f"by history {seed}: it never ends", flush=True)  # noqa: T201
        os._exit(0)

    signal.signal(signal.SIGVTALRM, never_ends)
    for seed in seeds:
        signal.setitimer(signal.ITIMER_VIRTUAL, LONGEST)
        try:
            broken = run(drawn(seed)).broken
        except Exception as error:  # noqa: BLE001 (in what people and services do, which takes from the program)
            broken = repr(error)
        if broken:
            return f"by history {seed}: {broken[:80]}"
    return ""


def _started(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tests.simulation.mutants", *arguments],
        cwd=CHECKOUT,
        env={**os.environ, "PYTHONHASHSEED": "0"},
        capture_output=True,
        text=True,
        check=False,
    )


def _tried(left: list[tuple[str, int, Sequence[int]]]) -> bool:
    """Try the next of these, in a process of its own, and say what came of it; whether it was found
    out. What cannot even be loaded is no mutant."""
    while True:
        path, number, seeds = left.pop()
        ended = _started("--one", path, str(number), *map(str, seeds))
        if not ended.returncode:
            break
    mutation = Mutation(number)
    changed_by(path, mutation)
    found = ended.stdout.strip()
    words = f"{path}, place {number}, {mutation.words[:150]}"
    print(f"{found or f'SURVIVES {len(seeds)} histories'}: {words}", flush=True)  # noqa: T201
    return bool(found)


def main() -> int:
    """Try mutants; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.mutants")
    parser.add_argument("--count", type=int, default=50)
    parser.add_argument("--most", type=int, default=60, help="histories for each")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--one", nargs="+", metavar=("MODULE", "PLACE"), help="and histories")
    parser.add_argument("--reached", action="store_true", help="show what histories reach, as JSON")
    options = parser.parse_args()
    if options.one:
        path, number, *seeds = options.one
        print(try_one(path, int(number), list(map(int, seeds))))  # noqa: T201
        return 0
    if options.reached:
        print(json.dumps(reached(options.most)))  # noqa: T201
        return 0
    by_module = json.loads(_started("--reached", "--most", str(options.most)).stdout)
    left = []
    for path in MODULES:
        count, found = places(path), by_module[path]
        left += [(path, int(number), seeds) for number, seeds in sorted(found.items())]
        print(f"{path}: {count} places, {count - len(found)} not reached", flush=True)  # noqa: T201
    Random(options.seed).shuffle(left)
    with ThreadPoolExecutor(options.jobs) as pool:
        found_out = sum(pool.map(lambda _number: _tried(left), range(options.count)))
    print(f"{options.count} tried, {options.count - found_out} survive")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
