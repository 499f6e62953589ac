"""Several programs, or several people, at the same time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

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
        world.backfill()
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
