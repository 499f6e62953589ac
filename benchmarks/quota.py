"""What of Katana's 60 requests a minute is used during a backlog, and the 429s that are met.

    python -m benchmarks.quota [--quick]

A backfill against the real limit, alone on the key and beside another program that sends a request
every six seconds and takes a 429 as it comes. Counted over whole windows of a minute; the most
possible is 60 requests in each. The least is no 429 alone on the key; beside another program, which
takes what had just become free, one in each window.
"""

from __future__ import annotations

import threading
import time

import requests

from benchmarks.processes import backfilling
from benchmarks.services import Setup, World, services
from benchmarks.shop import Mix, furnish
from benchmarks.table import heading, options, table

PER_MINUTE = 60
TOO_MANY = 429
OTHERS = "/services"
OTHERS_PATH = f"/v1{OTHERS}"
"""What the other program asks for, and this one does not: so they are told apart."""

OTHER_EVERY = 6.0
"""Seconds between the other program's requests."""


def main() -> None:
    """Measure and print."""
    minutes = 2 if options(__doc__).quick else 8
    heading("The quota")
    rows = [(name, minutes, *measure(minutes, shared=shared)) for name, shared in KINDS]
    table(("on the key", "minutes", "answered", "allowed", "share", "our 429s", "its 429s"), rows)


KINDS = (("alone", False), ("with another program", True))


def measure(minutes: int, *, shared: bool) -> tuple[int, int, str, int, int]:
    """Requests answered in so many minutes, those allowed, their share, and the 429s that the
    program met, and the other one."""
    with services(Setup(per_minute=PER_MINUTE)) as served:
        served.ask(furnish, Mix(PER_MINUTE * (minutes + 2), customers=20, products=20, known=20))
        config = served.config(per_minute=PER_MINUTE)
        url, key, _stores = served.ask(addresses)
        done = threading.Event()
        with backfilling(config):
            while not served.ask(statuses):
                time.sleep(0.05)
            if shared:
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


def statuses(world: World) -> list[tuple[str, int]]:
    """What Katana was asked for, and the status of each answer."""
    return [(sent.path, sent.status) for sent in world.katana.server.requests]


def _other(url: str, key: str, done: threading.Event) -> None:
    headers = {"Authorization": f"Bearer {key}"}
    while not done.wait(OTHER_EVERY):
        requests.get(f"{url}{OTHERS}", headers=headers, timeout=30)


if __name__ == "__main__":
    main()
