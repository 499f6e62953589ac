"""Being told: what is new after a cycle, once, in one message; what goes wrong there only warns."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from katana_woo_sync.domain.order_record import retried
from katana_woo_sync.ledger import Ledger
from katana_woo_sync.sandbox.server import Fault, FaultKind
from katana_woo_sync.sandbox.woocommerce import Item
from katana_woo_sync.sync.cycle import Options, run_cycle
from katana_woo_sync.sync.report import Report
from tests.listening import TOKEN, Listener
from tests.sync.world import ANNA, World


@pytest.fixture
def ear() -> Iterator[Listener]:
    with Listener() as listener:
        yield listener


@pytest.fixture
def told(world: World, ear: Listener) -> World:
    """A store whose unknown products need attention, and somebody who is told."""
    configure(world, ear)
    return world


def configure(world: World, *ears: Listener, more: str = "") -> None:
    urls = ", ".join(f'"{each.notify_url}"' for each in ears)
    world.configure(top=f"[orders]\ncreate_products = false\n[notify]\nurls = [{urls}]\n{more}")


def lamp(world: World) -> int:
    """An order that needs attention: Katana does not know the lamp."""
    return world.shop.place_order([Item(world.lamp["eu"], 1)], billing=ANNA)


def sync(world: World, *, minutes: float = 5, dry_run: bool = False) -> Report:
    """A cycle as `sync` does it, people told after it."""
    world.clock.tick(minutes=minutes)
    program = world.program(dry_run=dry_run)
    with program.context() as context:
        run_cycle(context, list(program.stores.values()), Options())
        program.notifier.tell(context)
        return context.report


def test_an_order_that_needs_attention_is_told_once_with_its_remedy(
    told: World, ear: Listener
) -> None:
    order = lamp(told)
    for _ in range(4):
        sync(told, minutes=60)
    ((title, body),) = ear.messages
    assert title == "katana-woo-sync: 1 order needs you"
    assert body.startswith(f"eu: order {order}: ")
    assert "LAMP" in body


def test_a_cycle_in_which_nothing_is_new_tells_nothing(told: World, ear: Listener) -> None:
    told.order()
    sync(told)
    assert ear.requests == []


def test_many_orders_are_one_message(told: World, ear: Listener) -> None:
    for _ in range(14):
        lamp(told)
    sync(told)
    ((title, body),) = ear.messages
    assert title == "katana-woo-sync: 14 orders need you"
    assert len(body.splitlines()) == 11
    assert "4 more" in body


def test_an_order_tried_again_in_vain_is_not_told_again(told: World, ear: Listener) -> None:
    order = lamp(told)
    sync(told)
    for _ in range(2):
        again = retried(told.record(order))
        assert again is not None
        with Ledger.open(told.ledger) as ledger:
            ledger.orders.save([again])
        sync(told, minutes=24 * 60)
        assert told.state(order) == ("attention", "unknown_sku")
    assert len(ear.messages) == 1


def test_a_store_that_fails_for_an_hour_is_told_and_that_it_works_again(
    told: World, ear: Listener
) -> None:
    with told.down(told.shop.server):
        sync(told)
        sync(told, minutes=55)
        assert ear.messages == []
        sync(told, minutes=5)
        sync(told, minutes=60)
    sync(told)
    titles = [title for title, _body in ear.messages]
    assert titles == ["katana-woo-sync: 1 failing", "katana-woo-sync: 1 working again"]
    assert ear.messages[0][1].startswith("eu: could not be worked for 1 hour: ")
    assert ear.messages[1][1] == "eu: works again, after 2 hours 5 minutes."


def test_katana_that_is_down_is_told_as_katana(told: World, ear: Listener) -> None:
    with told.down(told.katana.server):
        sync(told)
        sync(told, minutes=60)
    sync(told)
    assert [body.split(":")[0] for _title, body in ear.messages] == ["Katana", "Katana"]


def test_katana_being_down_does_not_make_a_store_work_again(told: World, ear: Listener) -> None:
    with told.down(told.shop.server):
        sync(told)
        sync(told, minutes=60)
    with told.down(told.katana.server):
        sync(told)
    assert len(ear.messages) == 1


def test_store_failing_after_is_configurable(told: World, ear: Listener) -> None:
    configure(told, ear, more='store_failing_after = "0s"')
    with told.down(told.shop.server):
        sync(told)
    assert len(ear.messages) == 1


def test_what_nobody_took_is_told_after_the_next_cycle(
    told: World, ear: Listener, caplog: pytest.LogCaptureFixture
) -> None:
    lamp(told)
    ear.add_fault(Fault(FaultKind.STATUS, times=1))
    sync(told)
    assert ear.messages == []
    assert "notify.urls[0] (json): the message was not delivered" in caplog.text
    assert TOKEN not in caplog.text
    sync(told)
    assert len(ear.messages) == 1


def test_a_target_that_is_down_holds_up_neither_the_other_nor_orders(
    told: World, ear: Listener, caplog: pytest.LogCaptureFixture
) -> None:
    with Listener() as gone:
        configure(told, gone, ear)
    order, unknown = told.order(), lamp(told)
    sync(told)
    sync(told)
    assert told.state(order) == ("imported", "")
    assert len(ear.messages) == 1
    assert f"order {unknown}" in ear.messages[0][1]
    assert TOKEN not in caplog.text


def test_warnings_of_a_dead_target_come_once_a_day(
    told: World, ear: Listener, caplog: pytest.LogCaptureFixture
) -> None:
    lamp(told)
    ear.add_fault(Fault(FaultKind.STATUS, times=100))
    for _ in range(5):
        sync(told)
    warned = [
        r for r in caplog.records if "not delivered" in r.message and r.levelname == "WARNING"
    ]
    assert len(warned) == 1


def test_two_processes_tell_a_thing_once(told: World, ear: Listener) -> None:
    lamp(told)
    programs = [told.program() for _ in range(2)]
    with programs[0].context() as first, programs[1].context() as second:
        run_cycle(first, list(programs[0].stores.values()), Options())
        run_cycle(second, list(programs[1].stores.values()), Options())
        told.before(ear, "POST", "", lambda: programs[1].notifier.tell(second))
        programs[0].notifier.tell(first)
    assert len(ear.messages) == 1


def test_what_a_crash_left_unsaid_is_told_later(told: World, ear: Listener) -> None:
    lamp(told)
    sync(told)
    with Ledger.open(told.ledger) as ledger:
        ((key, memory),) = ledger.notifications.all().items()
        ledger.notifications.forget([key])
        ledger.notifications.keep(type(memory)(key, memory.kind, memory.who, memory.since))
        assert ledger.notifications.claim(key, told.clock())
    ear.requests.clear()
    sync(told)
    assert ear.messages == []
    sync(told, minutes=10)
    assert len(ear.messages) == 1


def test_a_dry_run_tells_nobody(told: World, ear: Listener) -> None:
    lamp(told)
    sync(told, dry_run=True)
    assert ear.requests == []


def test_a_customers_text_calls_nobody(told: World, ear: Listener) -> None:
    product = told.shop.add_product("@everyone <!channel>", "@everyone <!channel>", "5.00")
    told.shop.place_order([Item(product, 1)], billing=ANNA)
    sync(told)
    ((_title, body),) = ear.messages
    assert "@everyone" not in body
    assert "<!channel>" not in body


def test_an_address_that_apprise_does_not_know_is_said(
    told: World, caplog: pytest.LogCaptureFixture
) -> None:
    told.configure(
        top=f'[orders]\ncreate_products = false\n[notify]\nurls = ["nonsense://{TOKEN}"]'
    )
    lamp(told)
    sync(told)
    assert "notify.urls[0] (nonsense)" in caplog.text
    assert "does not understand" in caplog.text
    assert TOKEN not in caplog.text
