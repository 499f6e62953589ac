"""What of Katana's 60 requests a minute is used during a backlog, and the 429s that are met.

    python -m benchmarks.quota [--quick]

A backfill against the real limit, alone on the key and beside another program that sends a request
every six seconds and takes a 429 as it comes; then with a Katana that takes 0.3 to 3 seconds for
each answer, with orders side by side and one after the other. Counted over whole windows of a
minute; the most possible is 60 requests in each. The least is no 429 alone on the key; beside
another program, which takes what had just become free, one in each window.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

import requests

from benchmarks.processes import backfilling
from benchmarks.services import Setup, World, services
from benchmarks.shop import Mix, furnish
from benchmarks.table import heading, options, table
from katana_woo_sync.sandbox.server import Fault, FaultKind

PER_MINUTE = 60
TOO_MANY = 429
OTHERS = "/services"
OTHERS_PATH = f"/v1{OTHERS}"
"""What the other program asks for, and this one does not: so they are told apart."""

OTHER_EVERY = 6.0
"""Seconds between the other program's requests."""


def main() -> None:
    """Measure and print."""
    quick = options(__doc__).quick
    minutes = 2 if quick else 8
    heading("The quota")
    columns = ("minutes", "answered", "allowed", "share", "our 429s", "its 429s")
    rows = [(kind.name, minutes, *measure(minutes, kind)) for kind in KINDS]
    table(("on the key", *columns), rows)
    heading("The quota, with a Katana that is slow")
    minutes = 2 if quick else 4
    found: list[tuple[object, ...]] = []
    for latency in (1.5,) if quick else (0.3, 0.8, 1.5, 3.0):
        for side_by_side in (True, False):
            kind = Kind("alone", latency=latency, side_by_side=side_by_side)
            orders = "side by side" if side_by_side else "one after the other"
            found.append((latency, orders, minutes, *measure(minutes, kind)))
    table(("seconds an answer", "orders", *columns), found)


@dataclass(frozen=True)
class Kind:
    """Who is on the key; how long Katana takes, in seconds; whether orders may be side by side."""

    name: str
    shared: bool = False
    latency: float = 0.0
    side_by_side: bool = True


KINDS = (Kind("alone"), Kind("with another program", shared=True))


def measure(minutes: int, kind: Kind) -> tuple[int, int, str, int, int]:
    """Requests answered in so many minutes, those allowed, their share, and the 429s that the
    program met, and the other one."""
    with services(Setup(per_minute=PER_MINUTE)) as served:
        served.ask(furnish, Mix(PER_MINUTE * (minutes + 2), customers=20, products=20, known=20))
        served.ask(slow_katana_down, kind.latency)
        config = served.config(per_minute=PER_MINUTE)
        url, key, _stores = served.ask(addresses)
        done = threading.Event()
        with backfilling(config, side_by_side=kind.side_by_side):
            while not served.ask(statuses):
                time.sleep(0.05)
            if kind.shared:
                threading.Thread(target=_other, args=(url, key, done), daemon=True).start()
            time.sleep(60.0 * minutes - 0.5)
            found = served.ask(statuses)
            done.set()
    refused = [path for path, status in found if status == TOO_MANY]
    allowed = PER_MINUTE * minutes
    answered = len(found) - len(refused)
    of_other = refused.count(OTHERS_PATH)
    return answered, allowed, f"{answered / allowed:.1%}", len(refused) - of_other, of_other


def addresses(world: World) -> tuple[str, str, int]:
    """Katana's address and key, and how many stores there are."""
    return world.katana.url, world.katana.api_key, len(world.shops)


def slow_katana_down(world: World, latency: float) -> None:
    """From here on each of Katana's answers takes so many seconds longer."""
    if latency:
        delay = Fault(FaultKind.DELAY, times=1_000_000_000, seconds=latency)
        world.katana.server.add_fault(delay)


def statuses(world: World) -> list[tuple[str, int]]:
    """What Katana was asked for, and the status of each answer."""
    return [(sent.path, sent.status) for sent in world.katana.server.requests]


def _other(url: str, key: str, done: threading.Event) -> None:
    headers = {"Authorization": f"Bearer {key}"}
    while not done.wait(OTHER_EVERY):
        requests.get(f"{url}{OTHERS}", headers=headers, timeout=30)


if __name__ == "__main__":
    main()
