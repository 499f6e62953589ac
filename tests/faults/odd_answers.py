"""The sweep of odd answers: any value in any field of any answer of both services.

A plugin, a proxy or a new version may change what an answer holds. Whatever it is, the program ends
with a message and an exit code, and no order is in Katana twice.

    python -m tests.faults.odd_answers              # 300 fields of each service, each in an odd way
    python -m tests.faults.odd_answers --tries 5000 --seed 7
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from werkzeug.wrappers import Request, Response

from katana_woo_sync.sandbox.server import SandboxServer
from katana_woo_sync.sandbox.woocommerce import Fee, Item, Shipping
from katana_woo_sync.sync.cycle import SweepWhen
from tests.faults.points import quiet, say
from tests.sync.world import ANNA, World

ODD: tuple[object, ...] = (
    *(None, True, 0, -1, 2**31, 2**63, 10**30, 1.5, -0.0, 1e308, "", " ", "x", "0", "-1", "1e999"),
    *("NaN", "12,40", "1.234,56", "<b>5</b>", "'; DROP TABLE orders; --", "0000-00-00T00:00:00"),
    *("9999-12-31T23:59:59Z", "0001-01-01T00:00:00+14:00", "\0", "\u202e", "\ud800", "a" * 100_000),
    *([], [[]], [None], ["x"], {}, {"id": None}, {"0": {}}, [{}], [{"id": 1}], [[[[[[1]]]]]]),
)


@dataclass(frozen=True)
class Oddity:
    """One field of one answer, and what stands there instead. `place` and `value` are numbers from
    0 to 1: how far into the answer's fields, and into the odd values."""

    server: str
    request: int
    place: float
    value: float


def fields(data: object) -> Iterator[tuple[list[object] | dict[str, object], int | str]]:
    """Every place in a JSON value: its container, and the key there."""
    places = enumerate(data) if isinstance(data, list) else []
    if isinstance(data, dict):
        places = data.items()
    for key, value in places:
        yield data, key  # type: ignore[misc]
        yield from fields(value)


def spoil(server: SandboxServer, oddity: Oddity) -> None:
    """Have the server put the odd value into its answer."""
    handle, seen = server._handle, [0]

    def odd(request: Request) -> Response:
        response = handle(request)
        seen[0] += 1
        if seen[0] - 1 != oddity.request:
            return response
        whole = [json.loads(response.get_data() or b"null")]
        places = list(fields(whole))
        container, key = places[int(oddity.place * len(places))]
        container[key] = ODD[int(oddity.value * len(ODD))]  # type: ignore[index]
        response.set_data(json.dumps(whole[0]))
        return response

    server._handle = odd


def wrong(oddity: Oddity) -> str:
    """Run cycles with this oddity; what goes wrong that must not, empty where nothing does."""
    with tempfile.TemporaryDirectory() as directory, ExitStack() as stack:
        world = World(Path(directory), stack)
        first = world.order()
        world.backfill()
        world.katana.deliver(world.sales_order(first).id)
        orders = [first, _rich(world), world.order()]
        spoil(world.katana.server if oddity.server == "katana" else world.shop.server, oddity)
        return "; ".join(filter(None, _cycles(world, orders)))


def _rich(world: World) -> int:
    return world.shop.place_order(
        [Item(world.lamp["eu"], 2)],
        billing=ANNA,
        shipping=[Shipping("Courier", Decimal(5))],
        fees=[Fee("Gift", Decimal(3))],
    )


def _cycles(world: World, orders: list[int]) -> Iterator[str]:
    for _ in range(3):
        try:
            report = world.sync(sweep=SweepWhen.NOW)
        except Exception as error:  # noqa: BLE001 (whatever it is, it is the finding)
            yield f"raised {type(error).__name__}: {error}"
            return
        yield from _unexpected(world, report.to_json())
    yield from (f"order {i} is doubled" for i in orders if len(world.in_katana(i)) > 1)


def _unexpected(world: World, report: object) -> Iterator[str]:
    """What the program had no word of its own for."""
    text = json.dumps(report)
    if "unexpected:" in text or '"unexpected"' in text:
        yield text


def oddities(server: str, tries: int, seed: int) -> list[Oddity]:
    """So many, the same for the same seed."""
    chance = random.Random(f"{server} {seed}")
    return [
        Oddity(server, chance.randrange(14), chance.random(), chance.random()) for _ in range(tries)
    ]


def sweep(
    tries: int, seed: int, tell: Callable[[str], object] = lambda _words: None
) -> tuple[int, list[str]]:
    """Spoil so many fields of each service; how many were, and what went wrong."""
    failed = []
    chosen = [*oddities("katana", tries, seed), *oddities("shop", tries, seed)]
    for oddity in chosen:
        words = wrong(oddity)
        if words:
            failed.append(f"{oddity} {ODD[int(oddity.value * len(ODD))]!r:.60}: {words}")
            tell(failed[-1])
    return len(chosen), failed


def main() -> int:
    """Run the sweep; returns the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n", maxsplit=1)[0])
    parser.add_argument("--tries", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    quiet()
    tried, failed = sweep(options.tries, options.seed, say)
    say(f"{tried} odd answers, {len(failed)} of them without a clear word or with a doubled order")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
