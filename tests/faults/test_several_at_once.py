"""Several programs, or several people, at the same time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from werkzeug.wrappers import Request, Response

from katana_woo_sync.domain.reasons import Reason
from tests.sync.world import World


class Machine:
    """Another machine with a ledger and a config of its own, on the same services."""

    def __init__(self, world: World, **settings: str) -> None:
        self._world = world
        self._own = (world.directory / "other.toml", world.directory / "other.db")
        self._settings = settings
        with self:
            world.configure(stores={"eu": "\n".join(settings.values())})
            world.backfill()

    def __enter__(self) -> Machine:
        world = self._world
        self._kept = (world.config, world.ledger)
        world.config, world.ledger = self._own
        return self

    def __exit__(self, *_error: object) -> None:
        self._world.config, self._world.ledger = self._kept

    def sync(self, minutes: float = 0) -> None:
        """A cycle there."""
        with self:
            self._world.sync(minutes=minutes)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """One store, connected with nothing in it."""
    with ExitStack() as stack:
        world = World(tmp_path, stack)
        world.connect()
        yield world


def test_a_second_machine_adopts_what_the_first_imported(world: World) -> None:
    other = Machine(world)
    order = world.order()
    world.sync()
    other.sync(minutes=1)
    assert len(world.in_katana(order)) == 1
    with other:
        assert world.state(order) == ("imported", "")


def test_in_the_very_same_moment_katana_refuses_the_number(world: World) -> None:
    other = Machine(world)
    order = world.order()
    world.before(world.katana.server, "POST", "/sales_orders", other.sync)
    world.sync()
    world.sync()
    assert len(world.in_katana(order)) == 1
    assert world.state(order)[0] == "imported"


def test_with_other_numbers_it_is_doubled_and_told_of(world: World) -> None:
    """The race that remains: Katana has no idempotency key."""
    other = Machine(world, prefix='order_number_prefix = "B-"')
    order = world.order()
    world.before(world.katana.server, "POST", "/sales_orders", other.sync)
    world.sync()
    assert len(world.in_katana(order)) == 2
    world.sync()
    assert world.state(order) == ("attention", Reason.DOUBLED_IN_KATANA)


@pytest.mark.parametrize("deleted", ["ours", "theirs"])
def test_once_a_person_deleted_one_all_is_well(world: World, deleted: str) -> None:
    other = Machine(world, prefix='order_number_prefix = "B-"')
    order = world.order()
    world.before(world.katana.server, "POST", "/sales_orders", other.sync)
    world.sync()
    world.sync()
    is_theirs = deleted == "theirs"
    gone, kept = sorted(
        world.in_katana(order), key=lambda o: o.order_no.startswith("B-") is not is_theirs
    )
    world.katana.delete_order(gone.id)
    for _ in range(3):
        world.sync(minutes=60)
        other.sync(minutes=1)
    living = [o.id for o in world.in_katana(order) if o.deleted_at is None]
    assert living == [kept.id]
    assert (world.state(order)[0], world.record(order).sales_order_id) == ("imported", kept.id)
    world.katana.deliver(kept.id)
    world.sync()
    assert world.status(order) == "completed"


def test_both_carry_a_delivery_and_the_customer_hears_of_it_once(world: World) -> None:
    other = Machine(world)
    order = world.order()
    world.sync()
    other.sync()
    world.katana.deliver(world.sales_order(order).id)
    world.before(world.shop.server, "PUT", f"/orders/{order}", other.sync)
    world.sync()
    other.sync(minutes=1)
    assert (world.status(order), world.completions(order)) == ("completed", 1)


@pytest.fixture
def live(tmp_path: Path) -> Iterator[World]:
    """A store whose live address is another than the one that answers here: a copy, or moved."""
    with ExitStack() as stack:
        world = World(tmp_path, stack)
        world.configure(stores={"eu": 'katana_store_name = "shop.example.com"'})
        world.backfill()
        yield world


def test_with_a_new_ledger_a_copy_and_a_moved_shop_are_refused(live: World) -> None:
    orders = [live.order() for _ in range(3)]
    live.sync()
    with Machine(live):
        error = str(live.backfill().store("eu").error)
        assert "Katana holds 3 of its open orders already" in error
        assert 'katana_store_name = "shop.example.com"' in error
        live.sync()
        assert live.state(orders[0])[0] == "queued"
        assert len(live.katana.sales_orders()) == 3
        live.configure(stores={"eu": 'katana_store_name = "shop.example.com"'})
        live.backfill()
        assert live.state(orders[0]) == ("imported", "")
    assert len(live.katana.sales_orders()) == 3


def test_what_was_deleted_under_another_name_may_be_imported_under_this_one(live: World) -> None:
    order = live.order()
    live.sync()
    live.katana.delete_order(live.sales_order(order).id)
    with Machine(live):
        assert live.state(order) == ("imported", "")


def test_two_machines_in_turns_double_nothing(world: World) -> None:
    other = Machine(world)
    orders = []
    for turn in range(6):
        orders.append(world.order())
        if turn % 2:
            other.sync(minutes=5)
        else:
            world.sync()
    assert [len(world.in_katana(order)) for order in orders] == [1] * 6


def test_another_integration_in_the_same_second_is_adopted(world: World) -> None:
    order = world.order()
    world.before(
        world.katana.server,
        "POST",
        "/sales_orders",
        lambda: world.foreign(order, store_name=world.identity),
    )
    world.sync()
    world.settle(3)
    assert len(world.in_katana(order)) == 1
    assert world.state(order) == ("imported", "")


@pytest.mark.parametrize("status", ["completed", "cancelled", "refunded", "on-hold"])
def test_a_person_changes_the_shops_order_while_it_is_being_completed(
    world: World, status: str
) -> None:
    order = world.order()
    world.sync()
    world.katana.deliver(world.sales_order(order).id)
    handle = world.shop.server._handle

    def just_before(request: Request) -> Response:
        if "include" in request.args and world.status(order) == "processing":
            world.shop.set_status(order, status)
        return handle(request)

    world.shop.server._handle = just_before
    world.sync()
    world.settle(3)
    assert world.status(order) == status
    assert world.completions(order) == (status == "completed")


def delivered_while(world: World, do: Callable[[int], object]) -> int:
    """An order that the program delivers in Katana; right before, a person does this with its
    sales order."""
    order = world.order()
    world.sync()
    world.shop.set_status(order, "completed")
    sales_order = world.sales_order(order).id
    path = f"/sales_orders/{sales_order}"
    world.before(world.katana.server, "PATCH", path, lambda: do(sales_order))
    world.sync()
    return order


def test_a_person_delivers_in_katana_while_the_program_does(world: World) -> None:
    order = delivered_while(world, world.katana.deliver)
    world.settle(3)
    assert world.state(order) == ("fulfilled", "")
    assert world.sales_order(order).status == "DELIVERED"


def test_a_person_deletes_in_katana_while_the_program_delivers(world: World) -> None:
    order = delivered_while(world, world.katana.delete_order)
    world.settle(2)
    assert len(world.in_katana(order)) == 1
    assert world.record(order).in_katana == "deleted"


def test_a_shop_restored_from_a_backup_touches_no_earlier_order(world: World) -> None:
    order = world.order()
    world.sync()
    world.shop.edit_order(order, order_key="wc_order_another")
    world.shop.set_status(order, "completed")
    world.sync()
    assert len(world.in_katana(order)) == 1
    assert world.sales_order(order).status != "DELIVERED"
    assert world.state(order)[0] == "attention"
