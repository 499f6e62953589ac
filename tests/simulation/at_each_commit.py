"""What must hold of the ledger after each commit, since the process may die there, and after each
step."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Collection, Mapping
from contextlib import closing
from datetime import datetime
from typing import Any, NamedTuple

from katana_woo_sync.domain.cursors import KATANA_OVERLAP, SALES_ORDERS, SHOP_OVERLAP
from katana_woo_sync.domain.order_record import InKatana
from katana_woo_sync.ledger.sqlite import read_time
from katana_woo_sync.sandbox.woocommerce import Order
from tests.simulation.life import STORES, Broken, Life, hold


class AtEachCommit:
    """Looks at the ledger whenever it was committed: a process may die there."""

    def __init__(self, life: Life) -> None:
        self._life = life
        self._read: list[tuple[Any, ...]] = []
        self._cursors: dict[str, datetime] = {}

    def look(self, ledger: sqlite3.Connection, written: str) -> None:
        """What must hold. What does not is raised after the step: the program shall not hear it."""
        life = self._life
        if life.is_odd or life.broken:
            return
        importing = _rows(ledger, IMPORTING) if "intents" in written or " orders" in written else []
        cursors = _rows(ledger, CURSORS) if "cursors" in written else self._read
        try:
            if importing:
                lone = [key for key, count in Counter(importing).items() if count != 2]
                hold(15, not lone, f"being imported, or an intent is open, not both: {lone}")
            if cursors != self._read:
                self._read, before = cursors, self._cursors
                self._cursors = _limits(cursors)
                moved = {n: at for n, at in self._cursors.items() if before.get(n) != at}
                _nothing_is_passed(life, moved, _swept(ledger), _known(ledger))
        except Broken as error:
            life.breaks(str(error))


def look_at_ledger(life: Life) -> None:
    """What must hold of the ledger after a step, when what happened in it is known. Raises
    `Broken`."""
    with closing(sqlite3.connect(life.world.ledger)) as ledger:
        known = _known(ledger)
        was_processing = (k for k in known if k.was_processing)
        life.seen.update((life.names[k.identity], k.order_id) for k in was_processing)
        _nothing_is_passed(life, _limits(_rows(ledger, CURSORS)), _swept(ledger), known)


IMPORTING = (
    "SELECT key FROM intents WHERE kind = 'sales_order' UNION ALL "
    "SELECT identity || '#' || order_id FROM orders WHERE state = 'importing'"
)
CURSORS = "SELECT name, mark, is_complete FROM cursors"


class Known(NamedTuple):
    """What the ledger knows of an order."""

    identity: str
    order_id: int
    shop_status: str
    was_processing: int
    in_katana: str
    sales_order_id: int | None
    katana_status: str


def _rows(ledger: sqlite3.Connection, sql: str) -> list[tuple[Any, ...]]:
    """By the shortest way: this is asked at each commit."""
    return sqlite3.Connection.execute(ledger, sql).fetchall()


def _known(ledger: sqlite3.Connection) -> list[Known]:
    return [Known(*row) for row in _rows(ledger, f"SELECT {', '.join(Known._fields)} FROM orders")]


def _swept(ledger: sqlite3.Connection) -> set[str]:
    """The stores whose open orders were compared. Where the ledger was made again, the next cycle
    compares them."""
    found = _rows(ledger, "SELECT identity FROM stores WHERE swept_at IS NOT NULL")
    return {identity for (identity,) in found}


def _limits(cursors: Collection[tuple[Any, ...]]) -> dict[str, datetime]:
    """Up to when all is said to be read."""
    found = {}
    for name, mark, is_complete in cursors:
        at = read_time(mark)
        if at is not None:
            overlap = KATANA_OVERLAP if name == SALES_ORDERS else SHOP_OVERLAP
            found[name] = at if is_complete else at - overlap
    return found


def _nothing_is_passed(
    life: Life, cursors: Mapping[str, datetime], swept: Collection[str], known: Collection[Known]
) -> None:
    for store in STORES:
        identity = life.identity(store)
        of_store = {each.order_id: each for each in known if each.identity == identity}
        limit = cursors.get(f"shop:{identity}")
        if identity not in swept:
            continue
        if limit is not None and store not in life.shops_set:
            for order in life.world.shops[store].state.orders.values():
                is_told = (store, order.id) not in life.unannounced
                is_wanted = life.imports(store, order.status) and not life.is_before_since(order)
                if is_told and is_wanted:
                    _shop_passed(store, order, of_store.get(order.id), limit)
        limit = cursors.get(SALES_ORDERS)
        if limit is not None:
            for each in of_store.values():
                _katana_passed(life, store, each, limit)


def _shop_passed(store: str, order: Order, known: Known | None, limit: datetime) -> None:
    if order.modified.replace(microsecond=0) > limit:
        return
    if known is None or known.shop_status != order.status:
        words = f"the cursor passed {store} order {order.id}: {order.modified} {limit} {known}"
        raise Broken(f"P3 {words}")


def _katana_passed(life: Life, store: str, known: Known, limit: datetime) -> None:
    if known.in_katana == InKatana.NO or known.sales_order_id is None:
        return
    real = life.world.katana.sales_order(known.sales_order_id)
    if real.updated_at - real.created_at < life.longest_lag:
        return  # the list did not tell of it in time; the sweep does
    if real.updated_at > limit:
        return
    if real.status == "DELIVERED" and life.world.katana._state.delivered_after:
        return  # on some accounts the status shows later, and by nothing else
    is_deleted = known.in_katana == InKatana.DELETED
    is_known = known.katana_status == real.status
    if is_deleted != (real.deleted_at is not None) or not (is_deleted or is_known):
        # put into words only here: this is asked thousands of times
        words = f"Katana's cursor passed {store} order {known.order_id}: {real}, {limit}, {known}"
        raise Broken(f"P3 {words}")
