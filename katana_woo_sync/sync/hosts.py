"""What is odd about the stores' hosts: remembered between runs, and told to a person."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime

from msgspec.structs import asdict, replace

from katana_woo_sync.clients.connection import Connection
from katana_woo_sync.clients.katana import KatanaClient
from katana_woo_sync.clients.katana_http import KATANA
from katana_woo_sync.domain.checks import MOST_SKEW, is_ours, words_of_skew
from katana_woo_sync.ledger import Ledger
from katana_woo_sync.sync.context import Context, Store, log, once_a_day

SENT = "katana_sent"
"""Where the ledger keeps when the last requests to Katana were sent, in seconds since the epoch."""

FOR = "for"
"""The key under which the ledger keeps which address a connection was found out for."""


def restore_connections(ledger: Ledger, stores: Iterable[Store]) -> None:
    """Reach each store as it was reached last, so that nothing is found out anew in every run."""
    for store in stores:
        reach_as_before(ledger, store)


def look_again(ledger: Ledger, stores: Iterable[Store], now: datetime) -> None:
    """Once a day tell of a store that has moved, and try whether a host still takes the header away
    that the key belongs in: in the query it stands in the host's access log."""
    for store in stores:
        connection = store.shop.connection
        if connection.url and once_a_day(ledger, f"moved {store.identity}", now):
            log.warning(
                "%s: its address redirects to %s; set url in the config to that",
                store.name,
                connection.url,
                extra={"store": store.name},
            )
        if connection.key_in_query and once_a_day(ledger, f"header {store.identity}", now):
            store.shop.connection = replace(connection, key_in_query=False)


def reach_as_before(ledger: Ledger, store: Store) -> bool:
    """Reach a store as it was reached last; False where nothing is remembered for its address."""
    kept = dict(ledger.stores.connection(store.identity))
    if kept.pop(FOR, None) != store.settings.api_url:
        return False
    try:
        store.shop.connection = Connection(**kept)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return False  # of another version, or http is no longer allowed: it is found out anew
    return True


def keep_connections(ledger: Ledger, stores: Iterable[Store]) -> None:
    """Remember what was found out about reaching the stores that the ledger knows."""
    for store in stores:
        found = {FOR: store.settings.api_url, **asdict(store.shop.connection)}
        known = ledger.stores.get(store.identity) is not None
        if known and dict(ledger.stores.connection(store.identity)) != found:
            ledger.stores.set_connection(store.identity, found)


def restore_quota(ledger: Ledger, katana: KatanaClient) -> None:
    """Count what other processes on this ledger have sent to Katana within the last minute."""
    kept = ledger.stores.meta(SENT)
    if kept:
        katana.remember_requests(json.loads(kept))


def keep_quota(ledger: Ledger, katana: KatanaClient) -> None:
    """Let the next process know what was sent to Katana within the last minute."""
    recent = katana.recent_requests
    if recent:
        ledger.stores.set_meta(SENT, json.dumps(recent))


def warn_of_clocks(context: Context) -> None:
    """Tell of clocks that are off. No cursor depends on them, but signatures over http do, and a
    person who compares times."""
    skews = {store.name: store.shop.clock_skew for store in context.stores.values()}
    skews[KATANA] = context.katana.clock_skew
    known = {name: skew for name, skew in skews.items() if skew is not None}
    off = any(abs(skew) > MOST_SKEW for skew in known.values())
    if not off or not once_a_day(context.ledger, "clocks", context.clock()):
        return
    if len(known) > 1 and is_ours(known):
        skew = -next(iter(known.values()))
        log.warning("this machine's clock is %s everybody else's; set it", words_of_skew(skew))
        return
    for name, skew in known.items():
        if abs(skew) > MOST_SKEW:
            log.warning("%s: its clock is %s this machine's", name, words_of_skew(skew))
