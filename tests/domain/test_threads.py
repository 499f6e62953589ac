"""msgspec looks through a type at its first use, and two threads that do so at once crash the
process: every typed reading goes through `fields.convert`, which has one do it first."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import katana_woo_sync
from katana_woo_sync.domain import fields

PACKAGE = Path(katana_woo_sync.__file__).parent
BUILT_IN = ("dict[str, object]",)
"""Types in which there is nothing to look through."""

FIRST_USES = """
import sys, threading
from msgspec import Struct
from katana_woo_sync.domain.fields import Amount, Text, Whole, convert

sys.setswitchinterval(1e-6)
TYPES = '''
class Tax(Struct, frozen=True):
    total: Amount = Amount(0)
class Line(Struct, frozen=True):
    id: Whole = Whole(0)
    tax: Tax = Tax()
    taxes: tuple[Tax, ...] = ()
class Order(Struct, frozen=True):
    line: Line = Line()
    lines: tuple[Line, ...] = ()
    name: Text = Text("")
'''
ORDER = {"line": {"id": 1, "tax": {"total": "2.50"}}, "lines": [{"taxes": [{"total": 1}]}]}
right = []

def read(kind, barrier):
    barrier.wait()
    right.append(convert(ORDER, kind).line.tax.total == Amount("2.50"))

for _ in range(100):
    made = dict(globals())
    exec(TYPES, made)
    barrier = threading.Barrier(4)
    threads = [threading.Thread(target=read, args=(made["Order"], barrier)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
print(sum(right))
"""


def test_threads_that_meet_at_the_first_use_of_a_type_crash_nothing() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", FIRST_USES], capture_output=True, text=True, check=False, timeout=120
    )
    assert (ended.returncode, ended.stdout.strip()) == (0, "400"), ended.stderr


def _typed(call: ast.Call) -> bool:
    """Whether a call has msgspec make a typed value."""
    match call.func:
        case ast.Attribute(attr="convert", value=ast.Name(id="msgspec")):
            return True
        case ast.Attribute(attr="decode", value=ast.Attribute(value=ast.Name("msgspec"))):
            kinds = [word.value for word in call.keywords if word.arg == "type"]
            return any(ast.unparse(kind) not in BUILT_IN for kind in kinds)
        case ast.Attribute(attr="Decoder", value=ast.Attribute(value=ast.Name("msgspec"))):
            return bool(call.args) or any(word.arg == "type" for word in call.keywords)
    return False


def test_nothing_but_convert_makes_typed_values() -> None:
    found = [
        f"{path.relative_to(PACKAGE)}:{node.lineno}"
        for path in PACKAGE.rglob("*.py")
        if PACKAGE / "sandbox" not in path.parents  # it answers one request at a time, in a lock
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and _typed(node)
    ]
    assert {place.partition(":")[0] for place in found} == {
        str(Path(fields.__file__).relative_to(PACKAGE))
    }, found
