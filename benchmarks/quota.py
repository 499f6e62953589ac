"""What of Katana's 60 requests a minute is used during a backlog, and the 429s that are met.

    python -m benchmarks.quota [--quick]

A backfill against the real limit, alone on the key and beside another program that sends a request
every six seconds. Counted over whole windows of a minute; the least possible is no 429, the most
60 requests in each.
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
OTHER_EVERY = 6.0
"""Seconds between the other program's requests."""


def main() -> None:
    """Measure and print."""
    minutes = 2 if options(__doc__).quick else 5
    heading("The quota")
    rows = [(name, minutes, *measure(minutes, shared=shared)) for name, shared in KINDS]
    table(("on the key", "minutes", "answered", "allowed", "share", "429s"), rows)


KINDS = (("alone", False), ("with another program", True))


def measure(minutes: int, *, shared: bool) -> tuple[int, int, str, int]:
    """Requests answered in so many minutes, those allowed, their share, and the 429s."""
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
    refused = found.count(429)
    allowed = PER_MINUTE * minutes
    answered = len(found) - refused
    return answered, allowed, f"{answered / allowed:.1%}", refused


def addresses(world: World) -> tuple[str, str, int]:
    """Katana's address and key, and how many stores there are."""
    return world.katana.url, world.katana.api_key, len(world.shops)


def statuses(world: World) -> list[int]:
    """The statuses of all answers of Katana's."""
    return [sent.status for sent in world.katana.server.requests]


def _other(url: str, key: str, done: threading.Event) -> None:
    headers = {"Authorization": f"Bearer {key}"}
    while not done.wait(OTHER_EVERY):
        requests.get(f"{url}/locations", headers=headers, timeout=30)


if __name__ == "__main__":
    main()
