"""What others do while a cycle is at work: another run is refused, and whatever a person changes at
any of its steps undoes and doubles nothing, though what the cycle has read is old by then."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from decimal import Decimal
from pathlib import Path

import pytest

from katana_woo_sync.cli.retry import prepare
from katana_woo_sync.sandbox.server import Fault, FaultKind
from katana_woo_sync.sync.context import Context
from katana_woo_sync.sync.cycle import Options, run_cycle
from katana_woo_sync.sync.lock import LockHeld
from tests.sync.test_lost_answers import rich_order
from tests.sync.world import World

MOST_STEPS = 100


def overtaken(context: Context, at: int, other: Callable[[], object]) -> list[int]:
    """Let `other` go first, when this run begins a group of writes for the given time. Returns a
    list that holds how often it has begun one."""
    atomic, count = context.ledger.atomic, [0]

    @contextmanager
    def after_the_other() -> Iterator[None]:
        if not context.ledger._db.conn.in_transaction:
            count[0] += 1
            if count[0] == at:
                other()
        with atomic():
            yield

    context.ledger.atomic = after_the_other  # type: ignore[method-assign]
    return count


class Scenario:
    """A store's orders, of which each has something to be done in the next cycle."""

    def __init__(self, world: World) -> None:
        self._world = world
        world.backfill()
        world.configure(top='[orders]\ntracking_note = "customer"\nimport_note = true')
        fault = world.katana.server.add_fault
        self.delivered = [world.order() for _ in range(2)]
        self.completed = world.order()
        self.without_fee = rich_order(world)
        fees = Fault(FaultKind.STATUS, "POST", "/v1/sales_order_shipping_fee", status=503)
        fault(fees)
        world.sync()
        fees.times = 0
        self.lost = rich_order(world)
        fault(Fault(FaultKind.DROP_BEFORE, "POST", "/v1/sales_orders"))
        world.sync(minutes=1)
        for order in self.delivered:
            world.katana.deliver(world.sales_order(order).id)
            world.katana.track(world.sales_order(order).id, f"RR{order}")
        world.shop.set_status(self.completed, "completed")
        self.new = rich_order(world)
        world.clock.tick(minutes=5)

    def others(self) -> None:
        """Another run, which is refused while one is at work, and a person who retries all that
        failed."""
        program = self._world.program()
        with program.context() as context:
            prepare(program, None, None, context)
            with pytest.raises(LockHeld):
                run_cycle(context, program.chosen(None), Options())

    def check(self) -> None:
        """Everything was done, and once."""
        world = self._world
        for order in (*self.delivered, self.completed):
            assert world.state(order) == ("fulfilled", "")
            assert world.completions(order) == 1
        for order in (self.without_fee, self.lost, self.new):
            assert world.state(order) == ("imported", "")
            there = world.sales_order(order).id
            assert len(world.katana.shipping_fees(there)) == 1
            assert round(world.katana.order_total(there), 2) == Decimal("109.10")
        for order in world.shop.orders():
            told = [str(n["note"]) for n in world.shop.notes(order) if n["author"] == "admin"]
            assert len(told) == 1 + (order in self.delivered), told
        patches = [r for r in world.katana.server.requests if r.method == "PATCH"]
        assert len(patches) == 1


@pytest.mark.parametrize(
    ("first", "every"), [(5, 15), (10, 15), pytest.param(1, 1, marks=pytest.mark.sweep)]
)
def test_a_cycle_that_is_overtaken_at_any_step_undoes_and_doubles_nothing(
    tmp_path: Path, first: int, every: int
) -> None:
    for at in range(first, MOST_STEPS, every):
        with ExitStack() as stack:
            folder = tmp_path / str(at)
            folder.mkdir()
            world = World(folder, stack)
            scenario = Scenario(world)
            program = world.program()
            with program.context() as context, context.only_run():
                count = overtaken(context, at, scenario.others)
                run_cycle(context, program.chosen(None), Options())
            world.settle(4)
            scenario.check()
        if count[0] < at:
            return
    pytest.fail("the cycle has more steps than are tried")


def test_a_retry_that_waits_for_an_import_undoes_nothing_of_it(world: World) -> None:
    """What the cycle has learnt of the fee that is due was overwritten, and forgotten."""
    world.backfill()
    order = rich_order(world)
    world.katana.server.add_fault(Fault(FaultKind.STATUS, "POST", "/v1/customers", status=422))
    world.sync()
    assert world.state(order)[0] == "attention"
    fee = Fault(FaultKind.STATUS, "POST", "/v1/sales_order_shipping_fee", status=503, times=9)
    world.katana.server.add_fault(fee)
    program = world.program()
    with program.context() as context:
        overtaken(context, 1, lambda: world.sync(minutes=61))
        prepare(program, "eu", None, context)
    record = world.record(order)
    assert (record.in_katana, record.shipping_fee_due) == ("yes", True)
    world.katana.server.faults.clear()
    world.settle(3)
    there = world.sales_order(order).id
    assert round(world.katana.order_total(there), 2) == Decimal("109.10")
    assert world.state(order) == ("imported", "")
