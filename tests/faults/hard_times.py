"""Harder histories than those of `tests.faults.people`, and ordinary ones with stricter promises.

    python -m tests.faults.hard_times                      # 200 histories of up to 30 steps
    python -m tests.faults.hard_times --ordinary           # the same, where nothing breaks
    python -m tests.faults.hard_times --examples 1000 --steps 50

In hard times, besides all else, clocks are set (a shop's, this machine's), the ledger is lost,
orders are deleted for good, another program imports an order first, a person says `retry`, and
people work in the shop while its lists are read. After every step no order may be twice in Katana,
and no cursor may have passed work that the ledger does not know.

On ordinary days people do whatever they like, but nothing breaks: then two cycles settle all, and
the second of them writes nothing.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal

from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule, run_state_machine_as_test

from katana_woo_sync.cli.rebuild_ledger import SIDECARS
from katana_woo_sync.config import load
from katana_woo_sync.domain.cursors import KATANA_OVERLAP, SALES_ORDERS, SHOP_OVERLAP
from katana_woo_sync.domain.order_record import InKatana, OrderRecord, retried
from katana_woo_sync.domain.reasons import Reason
from katana_woo_sync.ledger import Ledger
from katana_woo_sync.sandbox.katana import SalesOrder
from katana_woo_sync.sandbox.server import FaultKind
from katana_woo_sync.sandbox.woocommerce import Order
from tests.faults.people import SHOWN, STORES, People, profile, stores, which
from tests.faults.points import quiet, say

PLACES = {"eu": "Main location", "us": "Second"}
JUMPS = st.sampled_from([-26, -7, -1, 1, 3, 26])


class Watched(People):
    """People whose every step is looked at."""

    def __init__(self) -> None:
        super().__init__()
        self.losses = 0
        self.shops_set: set[str] = set()
        """Shops whose clock was set: the times of their orders tell nothing of their order."""
        self.seen: set[tuple[str, int]] = set()
        """Orders that the program has seen as Processing."""

    @invariant()
    def once_in_katana(self) -> None:
        """No order is twice in Katana, and none is there that never was Processing."""
        held = Counter(
            (o.ecommerce_store_name, o.ecommerce_order_id) for o in self.world.katana.sales_orders()
        )
        assert all(count == 1 for count in held.values()), f"twice in Katana: {held}"
        names = {store.identity: store.name for store in self.world.settings.stores}
        for name, order_id in held:
            place = (names[str(name)], int(order_id or 0))
            assert place in self.processing, f"{place} never was Processing"

    @invariant()
    def nothing_is_passed(self) -> None:
        """Whatever a cursor has passed is in the ledger as it is."""
        if not self.world.ledger.exists():
            return
        identities = {store.name: store.identity for store in self.world.settings.stores}
        with Ledger.open_to_read(self.world.ledger) as ledger:
            heard = ledger.stores.cursor(SALES_ORDERS)
            katana_mark = heard.mark if heard is not None else None
            for name, identity in identities.items():
                cursor = ledger.stores.cursor(f"shop:{identity}")
                mark = cursor.mark if cursor is not None else None
                orders = self.world.shops[name].state.orders
                known = ledger.orders.known(identity, sorted(orders))
                self.seen.update((name, r.order_id) for r in known.values() if r.was_processing)
                for order in orders.values():
                    if name not in self.shops_set:
                        _shop_passed(name, order, known.get(order.id), mark)
                for record in known.values():
                    self._katana_passed(name, record, katana_mark)

    def _katana_passed(self, name: str, record: OrderRecord, mark: datetime | None) -> None:
        if mark is None or record.in_katana is InKatana.NO or record.sales_order_id is None:
            return
        real = self.world.katana.sales_order(record.sales_order_id)
        if real.updated_at > mark - KATANA_OVERLAP:
            return
        is_deleted = record.in_katana is InKatana.DELETED
        told = f"Katana's cursor passed {name} order {record.order_id}: {real}, {record}"
        assert is_deleted == (real.deleted_at is not None), told
        assert is_deleted or record.katana_status == real.status, told

    def _hold_promises(self) -> None:
        super()._hold_promises()
        for store, order_id in sorted(self.seen):
            record = self.world.find(order_id, shop=store)
            name = f"{store} order {order_id}"
            assert record is not None, f"{name} was seen and is forgotten"
            shown = record.state in SHOWN and bool(record.reason)
            held = self.world.in_katana(order_id, shop=store)
            assert held or shown, f"{name} was seen as Processing: {record}"
        places = {place.name: place.id for place in self.world.katana.locations()}
        for store in STORES:
            for order in self.world.shops[store].state.orders.values():
                for sales_order in self.world.in_katana(order.id, shop=store):
                    self._is_in_its_place(store, sales_order, places[PLACES[store]])

    def _is_in_its_place(self, store: str, held: SalesOrder, place: int) -> None:
        where = {held.location_id, *(row.location_id for row in held.rows)}
        assert where == {place}, f"{store}: {held.order_no} is at {where}"


def _shop_passed(
    name: str, order: Order, record: OrderRecord | None, mark: datetime | None
) -> None:
    if mark is None or order.status != "processing" or order.modified > mark - SHOP_OVERLAP:
        return
    told = f"the cursor passed {name} order {order.id}: {order.modified} {record}"
    assert record is not None, told
    assert record.shop_status == order.status, told


class OrdinaryDays(Watched):
    """Whatever people do, nothing breaks: no faults, no crashes, no new settings or keys."""

    @initialize()
    def connect(self) -> None:
        self.own = dict.fromkeys(STORES, "sync_stock = true")
        super().connect()

    # no rules here:

    def change_config(self, store: str, own: str) -> None:
        """Not on an ordinary day."""

    def revoke_or_restore_key(self, store: str) -> None:
        """Not on an ordinary day."""

    def break_something(self, at: str, kind: FaultKind, skip: int) -> None:
        """Not on an ordinary day."""

    def lose_a_write(self, store: str, kind: FaultKind, path: str) -> None:
        """Not on an ordinary day."""

    def crash(self, point: int) -> None:
        """Not on an ordinary day."""

    def _be_quiet(self) -> None:
        """The first of two quiet cycles: all that people did is settled by it."""
        self.world.sync(minutes=15)

    def _hold_promises(self) -> None:
        self.world.reset_counts()
        self.world.sync(minutes=15)
        self._nothing_was_written()
        super()._hold_promises()


class HardTimes(Watched):
    """All that people can do, and what befalls machines."""

    def __init__(self) -> None:
        super().__init__()
        self.ours = timedelta(0)
        """How far this machine's clock is before the true time."""
        self.skews = dict.fromkeys(STORES, timedelta(0))
        self.world.katana._state.clock = self._true_time
        for name, shop in self.world.shops.items():
            shop.state.clock = self._clock_of(name)

    def _true_time(self) -> datetime:
        return self.world.clock.now - self.ours

    def _clock_of(self, store: str) -> Callable[[], datetime]:
        return lambda: self._true_time() + self.skews[store]

    @rule(store=stores, hours=JUMPS)
    def set_the_shops_clock(self, store: str, hours: int) -> None:
        self.skews[store] += timedelta(hours=hours)
        self.shops_set.add(store)

    @rule(hours=JUMPS)
    def set_our_clock(self, hours: int) -> None:
        self.ours += timedelta(hours=hours)
        self.world.clock.tick(hours=hours)

    @rule()
    def lose_the_ledger(self) -> None:
        """It is made again by `backfill`, once all works."""
        self._all_works()
        for suffix in SIDECARS:
            path = self.world.ledger.with_name(self.world.ledger.name + suffix)
            path.unlink(missing_ok=True)
        self.losses += 1
        self.seen.clear()
        for place in self.processing:
            self.processing[place] = True  # what its total lacked is forgotten
            self.completed[place] = self.completed.get(place, 0) + 1
        self.world.clock.tick(minutes=5)
        self.world.backfill()

    def _all_works(self) -> None:
        for server in (self.world.katana.server, *(s.server for s in self.world.shops.values())):
            server.faults.clear()
        for name, shop in self.world.shops.items():
            shop.gate.consumer_key = self.keys[name]

    @rule(store=stores, number=which)
    def delete_for_good(self, store: str, number: int) -> None:
        order = self._order(store, number)
        if order is not None:
            self.world.shops[store].delete_order(order.id)

    @rule(store=stores, number=which)
    def another_program_imports(self, store: str, number: int) -> None:
        order = self._order(store, number)
        if order is None or order.status != "processing":
            return
        if self.world.in_katana(order.id, shop=store):
            return
        settings = load(self.world.config, {})
        self.world.katana.create_foreign_order(
            customer_id=self.world.katana.add_customer("Anna"),
            rows=[(self.world.mug_variant, Decimal(1), Decimal(10))],
            order_no=f"K-{store}-{order.id}",
            ecommerce_store_name=next(s.identity for s in settings.stores if s.name == store),
            ecommerce_order_id=str(order.id),
            order_created_date=order.created,
            location_id=self._place(store),
        )
        self.processing[store, order.id] = True  # its total is the other's affair

    def _place(self, store: str) -> int:
        places = self.world.katana.locations()
        return next(place.id for place in places if place.name == PLACES[store])

    @rule()
    def retry(self) -> None:
        with self.world.program().context() as context:
            identities = [store.identity for store in context.stores.values()]
            records = context.ledger.orders.find(identities=identities, problems=True)
            names = {store.identity: name for name, store in context.stores.items()}
            for record in records:
                if record.reason == Reason.COMPLETED_UNSEEN:  # imported because a person says so
                    self.processing.setdefault((names[record.identity], record.order_id), True)
            again = [record for record in map(retried, records) if record is not None]
            context.ledger.orders.save(again)
        self.world.sync(minutes=1)

    @rule(
        store=stores,
        number=which,
        status=st.sampled_from(["processing", "on-hold", "completed", "cancelled"]),
    )
    def work_while_it_is_read(self, store: str, number: int, status: str) -> None:
        shop = self.world.shops[store]
        shop.on_list(lambda: self.set_status(store=store, number=number, status=status))
        try:
            self.world.sync(minutes=5)
        finally:
            shop.on_list(None)


MACHINES = {False: HardTimes, True: OrdinaryDays}


def main() -> int:
    """Try many histories; the shortest that breaks a promise is printed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n", maxsplit=1)[0])
    parser.add_argument("--examples", type=int, default=200)
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--ordinary", action="store_true")
    options = parser.parse_args()
    quiet()
    machine = MACHINES[options.ordinary]
    run_state_machine_as_test(machine, settings=profile(options.examples, options.steps))
    say(f"{options.examples} histories, every promise held")
    return 0


if __name__ == "__main__":
    sys.exit(main())
