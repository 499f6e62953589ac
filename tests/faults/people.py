"""Whatever people, shops and networks do, in any order, over two stores and two locations.

    python -m tests.faults.people                   # 200 histories of up to 30 steps
    python -m tests.faults.people --examples 1000 --steps 50

A history is followed by quiet: faults end, keys work again, and the program is left to itself until
every wait is over. Then the promises of docs/rules.md must hold, and two more cycles write nothing.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from contextlib import ExitStack
from decimal import Decimal
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from katana_woo_sync.domain.order_record import InKatana, OrderRecord, State
from katana_woo_sync.ledger import Ledger
from katana_woo_sync.sandbox.katana import Refusal, SalesOrder
from katana_woo_sync.sandbox.server import Fault, FaultKind, SandboxServer
from katana_woo_sync.sandbox.woocommerce import Item, Order, Shipping
from katana_woo_sync.sync.cycle import SweepWhen
from tests.faults.points import in_a_child, quiet, say
from tests.sync.world import ANNA, World

STORES = ("eu", "us")
COURIER = Shipping("Courier", Decimal(5))
SHOWN = frozenset({State.ATTENTION, State.FAILED, State.SKIPPED, State.IGNORED})
REVOKED = "ck_" + "0" * 40
HALF_A_CENT = Decimal("0.005")

which = st.integers(0, 9)
stores = st.sampled_from(STORES)
faults = st.sampled_from(
    [
        FaultKind.STATUS,
        FaultKind.STATUS_AFTER,
        FaultKind.DROP_BEFORE,
        FaultKind.DROP_AFTER,
        FaultKind.HTML,
        FaultKind.TRUNCATE,
        FaultKind.EMPTY,
    ]
)
settings_of_a_store = st.sampled_from(
    [
        "",
        "sync_stock = true",
        "sync_fulfillment = false",
        'sync_stock = true\nstock_reserve = "10%"',
        'order_number_prefix = "X-"',
    ]
)


class People(RuleBasedStateMachine):
    """Two stores with locations of their own, one Katana, and everybody who works in them."""

    def __init__(self) -> None:
        super().__init__()
        self._stack = ExitStack()
        directory = self._stack.enter_context(tempfile.TemporaryDirectory())
        self.world = World(Path(directory), self._stack, names=STORES)
        self.world.katana.add_location("Second")
        self.own = dict.fromkeys(STORES, "")
        self.processing: dict[tuple[str, int], bool] = {}
        """Orders that ever were Processing, and whether a person has changed them since."""
        self.completed: dict[tuple[str, int], int] = {}
        """How often people completed an order."""
        self.reverted: set[int] = set()
        self.keys = {name: shop.gate.consumer_key for name, shop in self.world.shops.items()}

    @initialize()
    def connect(self) -> None:
        for name, shop in self.world.shops.items():
            shop.set_stock(self.world.mug[name], 50)
        self._configure()
        self.world.backfill()

    def _configure(self) -> None:
        extra = {"eu": self.own["eu"], "us": f'location = "Second"\n{self.own["us"]}'}
        self.world.configure(stores=extra)

    def teardown(self) -> None:
        try:
            if self.processing or self.world.shops["eu"].state.orders:
                self._be_quiet()
                self._hold_promises()
        finally:
            self._stack.close()

    # In the shops

    @rule(
        store=stores,
        quantity=st.integers(1, 3),
        lamp=st.booleans(),
        status=st.sampled_from(["processing", "on-hold", "pending", "completed"]),
    )
    def place(self, store: str, quantity: int, lamp: bool, status: str) -> None:
        shop = self.world.shops[store]
        items = [Item(self.world.mug[store], quantity)]
        items += [Item(self.world.lamp[store], 1)] if lamp else []
        self.world.clock.tick(seconds=3)
        shipping = [COURIER] if lamp else []
        order_id = shop.place_order(items, billing=ANNA, status=status, shipping=shipping)
        if status == "processing":
            self.processing[store, order_id] = False

    def _order(self, store: str, number: int) -> Order | None:
        orders = sorted(self.world.shops[store].state.orders)
        if not orders:
            return None
        self.world.clock.tick(seconds=3)
        return self.world.shops[store].state.orders[orders[number % len(orders)]]

    @rule(
        store=stores,
        number=which,
        status=st.sampled_from(
            ["processing", "on-hold", "cancelled", "completed", "refunded", "failed"]
        ),
    )
    def set_status(self, store: str, number: int, status: str) -> None:
        order = self._order(store, number)
        if order is not None and order.status != "trash":
            if status == "completed" != order.status:
                self.completed[store, order.id] = self.completed.get((store, order.id), 0) + 1
            self.world.shops[store].set_status(order.id, status)
            if status == "processing":
                self.processing.setdefault((store, order.id), False)
            self._edited(store, order.id)

    @rule(store=stores, number=which)
    def edit(self, store: str, number: int) -> None:
        order = self._order(store, number)
        if order is not None:
            self.world.shops[store].edit_order(order.id, customer_note="Changed my mind")
            self._edited(store, order.id)

    @rule(store=stores, number=which)
    def refund(self, store: str, number: int) -> None:
        order = self._order(store, number)
        if order is not None and order.refundable > 1 and order.status != "trash":
            self.world.shops[store].refund(order.id, "1.00")
            self._edited(store, order.id)

    @rule(store=stores, number=which)
    def trash_or_restore(self, store: str, number: int) -> None:
        order = self._order(store, number)
        if order is None:
            return
        if order.status == "trash":
            self.world.shops[store].restore(order.id)
        else:
            self.world.shops[store].trash(order.id)
        self._edited(store, order.id)

    @rule(store=stores, sku=st.sampled_from(["MUG", "MUG-2", "LAMP"]))
    def rename_sku(self, store: str, sku: str) -> None:
        others = [p.sku for p in self.world.shops[store].state.products.values()]
        if sku not in others:
            self.world.shops[store].rename_sku(self.world.mug[store], sku)

    def _edited(self, store: str, order_id: int) -> None:
        if (store, order_id) in self.processing:
            self.processing[store, order_id] = True

    # In Katana

    def _sales_order(self, number: int) -> SalesOrder | None:
        orders = [o for o in self.world.katana.sales_orders() if o.deleted_at is None]
        self.world.clock.tick(seconds=3)
        return orders[number % len(orders)] if orders else None

    @rule(number=which, what=st.sampled_from(["deliver", "pack", "deliver_part", "revert"]))
    def work_on(self, number: int, what: str) -> None:
        order = self._sales_order(number)
        if order is None:
            return
        try:
            getattr(self.world.katana, what)(order.id)
        except Refusal:
            return
        if what == "revert":
            self.reverted.add(order.id)

    @rule(number=which)
    def delete_in_katana(self, number: int) -> None:
        order = self._sales_order(number)
        if order is not None:
            self.world.katana.delete_order(order.id)

    @rule(quantity=st.integers(0, 90))
    def count(self, quantity: int) -> None:
        place = self.world.katana.main_location_id
        self.world.clock.tick(seconds=3)
        self.world.katana.set_stock(self.world.mug_variant, place, Decimal(quantity))

    @rule(sku=st.sampled_from(["MUG", "CUP"]))
    def rename_in_katana(self, sku: str) -> None:
        self.world.clock.tick(seconds=3)
        self.world.katana.rename_sku(self.world.mug_variant, sku)

    # The administrator, the network, the machine

    @rule(store=stores, own=settings_of_a_store)
    def change_config(self, store: str, own: str) -> None:
        self.own[store] = own
        self._configure()

    @rule(store=stores)
    def revoke_or_restore_key(self, store: str) -> None:
        gate = self.world.shops[store].gate
        given = self.keys[store]
        gate.consumer_key = REVOKED if gate.consumer_key == given else given

    @rule(at=st.sampled_from(["katana", *STORES]), kind=faults, skip=st.integers(0, 5))
    def break_something(self, at: str, kind: FaultKind, skip: int) -> None:
        self._server(at).add_fault(Fault(kind, skip=skip, status=500))

    @rule(
        store=stores,
        kind=faults,
        path=st.sampled_from(
            ["/sales_orders", "/products", "/customers", "/sales_order_shipping_fee"]
        ),
    )
    def lose_a_write(self, store: str, kind: FaultKind, path: str) -> None:
        """An order comes in, and the answer to what is sent to Katana for it goes wrong."""
        fault = Fault(kind, method="POST", path=path, status=502)
        self.world.katana.server.add_fault(fault)
        self.place(store=store, quantity=1, lamp=True, status="processing")
        self.world.sync(minutes=5)

    def _server(self, at: str) -> SandboxServer:
        return self.world.katana.server if at == "katana" else self.world.shops[at].server

    @rule(minutes=st.sampled_from([1, 5, 15, 200]))
    def cycle(self, minutes: int) -> None:
        self.world.sync(minutes=minutes)

    @rule(point=st.integers(1, 80))
    def crash(self, point: int) -> None:
        self.world.clock.tick(minutes=5)
        in_a_child(lambda: self.world.sync(minutes=0), point)

    # Afterwards

    def _be_quiet(self) -> None:
        world = self.world
        for server in (world.katana.server, *(shop.server for shop in world.shops.values())):
            server.faults.clear()
        for name, shop in world.shops.items():
            shop.gate.consumer_key = self.keys[name]
        self.own = dict.fromkeys(STORES, "")
        self._configure()
        world.clock.tick(minutes=10)
        for _ in range(8):
            world.sync(minutes=60 * 7, accept_completions=True, sweep=SweepWhen.NOW)

    def _hold_promises(self) -> None:
        world = self.world
        for _ in range(2):
            world.sync(minutes=5)
        world.reset_counts()
        world.sync(minutes=5)
        self._nothing_was_written()
        for store in STORES:
            for order in world.shops[store].state.orders.values():
                self._holds_for(store, order)

    def _nothing_was_written(self) -> None:
        for name in ("katana", *STORES):
            writes = [r for r in self._server(name).requests if r.method != "GET"]
            assert not writes, f"a quiet cycle wrote to {name}: {writes}"

    def _holds_for(self, store: str, order: Order) -> None:
        held = self.world.in_katana(order.id, shop=store)
        record = self.world.find(order.id, shop=store)
        name = f"{store} order {order.id} ({order.status})"
        assert len(held) <= 1, f"{name} is {len(held)} times in Katana"
        was_processing = (store, order.id) in self.processing
        assert was_processing or not held, f"{name} never was Processing and is in Katana"
        if order.status == "processing":
            assert held or _is_shown(record), f"{name} is neither in Katana nor shown: {record}"
        fees = [len(self.world.katana.shipping_fees(each.id)) for each in held]
        assert all(count <= 1 for count in fees), f"{name} has {fees} shipping fees"
        mails = self.world.completions(order.id, shop=store)
        if held and record is not None:
            self._agrees(store, order, held[0], record, name)
            by_people = self.completed.get((store, order.id), 0)
            assert mails <= 1 + by_people, f"{name} was completed {mails} times"

    def _agrees(
        self, store: str, order: Order, held: SalesOrder, record: OrderRecord, name: str
    ) -> None:
        """Statuses agree, or the record says why not; totals of what nobody edited agree."""
        if held.deleted_at is not None or record.in_katana is not InKatana.YES:
            return
        delivered, completed = held.status == "DELIVERED", order.status == "completed"
        carried = record.completed_at or record.delivered_at
        explained = record.state in SHOWN or held.id in self.reverted
        explained = explained or carried is not None or record.state is State.FULFILLED
        assert delivered == completed or explained, f"{name}: {held.status}, {record}"
        if not self.processing[store, order.id]:
            ours, theirs = self._total(store, order), self.world.katana.order_total(held.id)
            noted = record.money_differs or self._notes(record)
            assert abs(ours - theirs) < HALF_A_CENT or noted, f"{name}: {ours}, {theirs}"

    def _total(self, store: str, order: Order) -> Decimal:
        return Decimal(str(self.world.shops[store].order(order.id)["total"]))

    def _notes(self, record: OrderRecord) -> list[str]:
        with Ledger.open_to_read(self.world.ledger) as ledger:
            notes = ledger.orders.notes(record.identity, record.order_id)
        return [str(note.reason) for _at, note in notes]


def _is_shown(record: OrderRecord | None) -> bool:
    return record is not None and record.state in SHOWN and bool(record.reason)


def profile(examples: int, steps: int) -> settings:
    """So many histories of up to so many steps."""
    return settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        print_blob=True,
    )


def main() -> int:
    """Try many histories; the shortest that breaks a promise is printed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n", maxsplit=1)[0])
    parser.add_argument("--examples", type=int, default=200)
    parser.add_argument("--steps", type=int, default=30)
    options = parser.parse_args()
    quiet()
    run_state_machine_as_test(People, settings=profile(options.examples, options.steps))
    say(f"{options.examples} histories, every promise held")
    return 0


if __name__ == "__main__":
    sys.exit(main())
