"""Lists that change while they are read: is any order missed?

    python -m tests.faults.readers               # 60 shops, 40 Katanas
    python -m tests.faults.readers --runs 500

Every run is a shop of its own: a site somewhere between UTC-11 and UTC+14, a clock that is hours
off, hundreds of orders of which many share a second. Before every page of every list that it
answers, and right after the last, orders are placed, paid, edited, completed, cancelled, trashed,
restored and deleted; between the polls the shop's clock may jump and its daylight saving switch.
After each poll there is a quiet one: then no Processing order may be unknown. Where the shop's
clock was set back, orders may have got times that were read already; those the sweep must find.

Katana's list of sales orders is read likewise while people deliver, revert and delete.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from unittest import mock

from werkzeug.wrappers import Request, Response

from katana_woo_sync.clients.katana import KatanaClient
from katana_woo_sync.domain.cursors import KATANA_OVERLAP, Cursor, advance, read_from
from katana_woo_sync.sync.backfill import prepare
from katana_woo_sync.sync.connect import connect
from katana_woo_sync.sync.context import Context
from katana_woo_sync.sync.poll import apply_poll, cursor_name, poll
from katana_woo_sync.sync.sweep import sweep
from tests.faults.points import quiet, say
from tests.sync.world import World

ZONES = (-11, -9.5, -5, -3.5, 0, 1, 2, 5.5, 5.75, 8, 10.5, 13, 14)
VERSIONS = ((11, 0, 1), (10, 3, 6), (8, 2, 2))
STATUSES = ("processing", "on-hold", "completed", "cancelled", "pending")
ORDERS = 230
"""Three pages."""


@dataclass(frozen=True)
class Missed:
    """Processing orders that the ledger did not know, after ordinary polls and after the sweep;
    `set_back` tells that the shop's clock had been."""

    seed: int
    by_polls: int
    by_sweep: int
    set_back: bool


class BusyShop:
    """A shop in which something happens before every page."""

    def __init__(self, world: World, seed: int) -> None:
        self.world = world
        self.dice = random.Random(seed)
        self.skew = timedelta(hours=self.dice.choice((-7, -1, 0, 0, 0, 1, 5)))
        self.set_back = False
        state = world.shop.state
        state.clock = self.now
        state.offset = timedelta(hours=self.dice.choice(ZONES))
        state.version = self.dice.choice(VERSIONS)
        state.hpos = state.version >= (10,) and self.dice.random() < 0.7
        world.shop.add_generated_orders(ORDERS, seed=seed)
        for order in list(state.orders.values()):
            order.modified = self.now() - timedelta(seconds=self.dice.choice((0, 0, 1, 400)))
            order.status = self.dice.choice(STATUSES)

    def now(self) -> datetime:
        """The shop's own time."""
        return self.world.clock.now + self.skew

    def happen(self) -> None:
        """A few things, in the same second or the next."""
        shop, dice = self.world.shop, self.dice
        self.world.clock.tick(seconds=dice.choice((0, 0, 1)))
        for order_id in dice.sample(sorted(shop.state.orders), dice.randint(0, 12)):
            order = shop.state.orders[order_id]
            what = dice.random()
            if order.status == "trash":
                shop.restore(order_id)
            elif what < 0.5:
                shop.set_status(order_id, dice.choice(STATUSES))
            elif what < 0.7:
                shop.edit_order(order_id, customer_note=str(what))
            elif what < 0.9:
                shop.trash(order_id)
            else:
                shop.delete_order(order_id)
        for _ in range(dice.choice((0, 1, 3))):
            self.world.order(status=dice.choice(STATUSES))

    def jump(self) -> None:
        """The shop's clock, or its zone, is set otherwise."""
        change = self.dice.choice((-2, -1, 0, 0, 1, 2))
        self.skew += timedelta(hours=change)
        self.set_back = self.set_back or change < 0
        self.world.shop.state.offset += timedelta(hours=self.dice.choice((-1, 0, 0, 1)))


def missed_in_a_shop(seed: int) -> Missed:
    """Backfill's reading, then polls with all that happens, then a sweep."""
    with tempfile.TemporaryDirectory() as directory, ExitStack() as stack:
        world = World(Path(directory), stack)
        shop = BusyShop(world, seed)
        program = world.program()
        with program.context() as context:
            store = context.stores["eu"]
            with _happening(shop):
                prepare(context, [store], None)
            connect(context, store)
            _poll(context)
            by_polls = len(_unknown(context, world))
            for _ in range(3):
                shop.jump()
                world.clock.tick(minutes=5)
                with _happening(shop):
                    _poll(context)
                    shop.happen()
                world.clock.tick(minutes=5)
                _poll(context)
                by_polls = max(by_polls, len(_unknown(context, world)))
            sweep(context, store)
            return Missed(seed, by_polls, len(_unknown(context, world)), shop.set_back)


def _happening(shop: BusyShop) -> ExitStack:
    stack = ExitStack()
    shop.world.shop.on_list(shop.happen)
    stack.callback(shop.world.shop.on_list, None)
    return stack


def _poll(context: Context) -> None:
    store = context.stores["eu"]
    cursor = context.ledger.stores.cursor(cursor_name(store))
    apply_poll(context, store, poll(store, cursor, context.facts(store), context.clock()))


def _unknown(context: Context, world: World) -> set[int]:
    """Orders that are Processing in the shop and not in the ledger."""
    state = world.shop.state
    open_now = {o.id for o in state.orders.values() if o.status == "processing"}
    identity = context.stores["eu"].identity
    known = context.ledger.orders.known(identity, sorted(open_now))
    return {i for i in open_now if i not in known or known[i].shop_status != "processing"}


def missed_in_katana(seed: int) -> int:
    """Sales orders whose last change was not heard, by a read while things happen and a quiet
    one."""
    dice = random.Random(seed)
    with tempfile.TemporaryDirectory() as directory, ExitStack() as stack:
        world = World(Path(directory), stack)
        ids = [_foreign(world, number) for number in range(260)]
        client = world.program().katana
        assert isinstance(client, KatanaClient)
        heard: dict[int, tuple[str, bool]] = {}
        cursor: Cursor | None = None
        for is_busy in (True, True, False):
            world.clock.tick(minutes=1)

            def happen() -> None:
                world.clock.tick(milliseconds=dice.choice((0, 1, 900)))
                for order_id in dice.sample(ids, 8):
                    _work_on(world, dice, order_id)

            with _before_lists(world, happen if is_busy else lambda: None):
                changed = client.sales_orders_changed(read_from(cursor, KATANA_OVERLAP))
            heard.update((int(o.id), (str(o.status), o.is_deleted)) for o in changed.orders)
            cursor = advance(cursor, changed.mark, world.clock(), KATANA_OVERLAP)
        real = {o.id: (o.status, o.deleted_at is not None) for o in world.katana.sales_orders()}
        return sum(heard.get(order_id) != is_so for order_id, is_so in real.items())


def _foreign(world: World, number: int) -> int:
    return world.katana.create_foreign_order(
        customer_id=world.katana.customers()[0].id
        if world.katana.customers()
        else world.katana.add_customer("A"),
        rows=[(world.mug_variant, Decimal(2), Decimal(5))],
        order_no=f"F-{number}",
        ecommerce_store_name="elsewhere.test",
        ecommerce_order_id=str(number),
    )


def _work_on(world: World, dice: random.Random, order_id: int) -> None:
    order = world.katana.sales_order(order_id)
    if order.deleted_at is None:
        what = dice.choice(("deliver", "revert", "pack", "delete_order"))
        getattr(world.katana, what)(order_id)


def _before_lists(world: World, happen: Callable[[], None]) -> ExitStack:
    """Before every page of Katana's sales orders, this happens."""
    server, stack = world.katana.server, ExitStack()
    handle = server._handle

    def first(request: Request) -> Response:
        if request.path.endswith("/sales_orders"):
            happen()
        return handle(request)

    stack.enter_context(mock.patch.object(server, "_handle", first))
    return stack


def main() -> int:
    """Try many shops; returns the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n", maxsplit=1)[0])
    parser.add_argument("--runs", type=int, default=60)
    parser.add_argument("--first", type=int, default=1)
    options = parser.parse_args()
    quiet()
    runs = [missed_in_a_shop(seed) for seed in range(options.first, options.first + options.runs)]
    steady = [run for run in runs if not run.set_back]
    late = sum(run.by_polls > 0 for run in runs if run.set_back)
    lost = [run for run in runs if run.by_sweep or (run.by_polls and not run.set_back)]
    of_katana = range(options.first, options.first + options.runs * 2 // 3)
    katanas = [missed_in_katana(seed) for seed in of_katana]
    for run in lost:
        say(f"{run}")
    say(
        f"{len(runs)} shops: of {len(steady)} whose clock went forward none missed by the next "
        f"poll; of {len(runs) - len(steady)} whose clock was set back, {late} needed the sweep; "
        f"{len(lost)} lost an order. {len(katanas)} Katanas: {sum(katanas)} changes missed"
    )
    return 1 if lost or any(katanas) else 0


if __name__ == "__main__":
    sys.exit(main())
