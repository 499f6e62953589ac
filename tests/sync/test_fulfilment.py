"""Rules 10 and 12: what Katana delivered is completed in the shop; the brakes of both ways."""

from __future__ import annotations

from datetime import timedelta

import pytest

from katana_woo_sync.config import ConfigError
from katana_woo_sync.sync.cycle import SweepWhen
from tests.sync.world import World


def imported(world: World, quantity: int = 2) -> tuple[int, int]:
    """An order in Katana: its ids there and in the shop."""
    order = world.order(quantity=quantity)
    world.sync()
    return order, world.sales_order(order).id


def test_rule_10_delivered_in_katana_completes_in_the_shop(world: World) -> None:
    order, there = imported(world)
    world.katana.deliver(there)
    report = world.sync()
    assert world.status(order) == "completed"
    assert report.store("eu").completed_in_store == 1
    assert world.state(order)[0] == "fulfilled"


@pytest.mark.parametrize("what", ["deliver_part", "pack_part", "pack"])
def test_rule_10_partly_delivered_or_packed_is_nothing(world: World, what: str) -> None:
    order, there = imported(world)
    getattr(world.katana, what)(there)
    report = world.sync()
    assert world.status(order) == "processing"
    assert (report.store("eu").completed_in_store, int(report.exit_code)) == (0, 0)


def test_rule_10_delivered_part_by_part_completes_at_last(world: World) -> None:
    order, there = imported(world)
    for _ in range(2):
        world.katana.deliver_part(there)
        world.sync()
    assert world.status(order) == "completed"


def test_rule_10_the_customer_is_mailed_once(world: World) -> None:
    order, there = imported(world)
    world.katana.deliver(there)
    for _ in range(3):
        world.sync()
    assert world.completions(order) == 1


@pytest.mark.parametrize("status", ["cancelled", "on-hold", "completed"])
def test_rule_10_the_status_is_read_again_right_before(world: World, status: str) -> None:
    order, there = imported(world)
    world.katana.deliver(there)
    # the first list is the poll; what comes between it and the completion must be seen
    world.shop.app.before_list += [lambda: None, lambda: world.shop.set_status(order, status)]
    world.sync()
    assert world.status(order) == status
    assert world.completions(order) == (1 if status == "completed" else 0)


@pytest.mark.parametrize("status", ["cancelled", "refunded", "on-hold"])
def test_rule_10_another_status_needs_a_person(world: World, status: str) -> None:
    order, there = imported(world)
    world.shop.set_status(order, status)
    world.katana.deliver(there)
    report = world.sync()
    assert world.status(order) == status
    assert world.state(order) == ("attention", "shop_status")
    assert int(report.exit_code) == 1


def test_rule_10_complete_from_allows_other_statuses(world: World) -> None:
    world.configure(stores={"eu": 'complete_from = ["processing", "on-hold"]'})
    order, there = imported(world)
    world.shop.set_status(order, "on-hold")
    world.katana.deliver(there)
    world.sync()
    assert world.status(order) == "completed"


def test_rule_10_that_attention_ends_with_its_cause(world: World) -> None:
    order, there = imported(world)
    world.shop.set_status(order, "on-hold")
    world.katana.deliver(there)
    world.sync()
    world.shop.set_status(order, "processing")
    report = world.sync()
    assert world.status(order) == "completed"
    assert int(report.exit_code) == 0


def test_rule_10_in_the_trash_needs_a_person(world: World) -> None:
    order, there = imported(world)
    world.shop.trash(order)
    world.katana.deliver(there)
    world.sync()
    assert world.state(order) == ("attention", "gone_in_shop")
    assert world.status(order) == "trash"


def test_rule_10_deleted_for_good_needs_a_person(world: World) -> None:
    order, there = imported(world)
    world.shop.delete_order(order)
    world.katana.deliver(there)
    world.sync()
    assert world.state(order) == ("attention", "gone_in_shop")


def test_rule_10_one_order_that_breaks_the_shops_answers_holds_up_no_completion(
    world: World,
) -> None:
    good, bad = world.order(), world.order()
    world.sync()
    for order in (good, bad):
        world.katana.deliver(world.sales_order(order).id)
    world.shop.app.broken_orders.add(bad)
    world.sync()
    assert world.status(good) == "completed"
    assert world.status(bad) == "processing"
    assert world.state(bad) == ("attention", "unreadable")
    world.shop.app.broken_orders.clear()
    world.sync(minutes=61)
    assert world.state(bad) == ("fulfilled", "")


def test_rule_10_a_copy_that_makes_no_sense_is_shown_and_heals(world: World) -> None:
    order = world.order()
    world.sync()
    world.katana.deliver(world.sales_order(order).id)
    world.shop.edit_order(order, number=["57"])
    world.sync()
    assert world.state(order) == ("attention", "unreadable")
    world.shop.edit_order(order, number=None)
    world.sync(minutes=61)
    assert world.state(order) == ("fulfilled", "")


def test_rule_10_not_where_fulfilment_is_off(world: World) -> None:
    world.configure(stores={"eu": "sync_fulfillment = false"})
    order, there = imported(world)
    other, _there = imported(world)
    world.katana.deliver(there)
    world.shop.set_status(other, "completed")
    report = world.sync()
    assert world.status(order) == "processing"
    assert world.sales_order(other).status == "NOT_SHIPPED"
    assert int(report.exit_code) == 0


def test_fulfilled_is_final_and_a_revert_in_katana_is_a_note(world: World) -> None:
    order, there = imported(world)
    world.katana.deliver(there)
    world.sync()
    world.katana.revert(there)
    report = world.sync()
    assert world.state(order)[0] == "fulfilled"
    assert world.notes(order) == ["reverted_in_katana"]
    assert world.katana.sales_order(there).status == "NOT_SHIPPED"
    assert int(report.exit_code) == 0


def test_fulfilled_is_final_and_a_revert_in_the_shop_is_a_note(world: World) -> None:
    order, there = imported(world)
    world.katana.deliver(there)
    world.sync()
    world.shop.set_status(order, "processing")
    for _ in range(2):
        world.sync()
    assert world.notes(order) == ["reverted_in_shop"]
    assert (world.status(order), world.completions(order)) == ("processing", 1)


def test_fulfilled_order_whose_two_reverts_agree_is_not_carried_again(world: World) -> None:
    order, there = imported(world)
    world.katana.deliver(there)
    world.sync()
    world.katana.revert(there)
    world.shop.set_status(order, "processing")
    world.sync()
    world.katana.deliver(there)
    world.sync()
    assert world.completions(order) == 1


def test_both_sides_done_by_people_is_fulfilled_without_a_request(world: World) -> None:
    order, there = imported(world)
    world.katana.deliver(there)
    world.shop.set_status(order, "completed")
    report = world.sync()
    assert world.state(order)[0] == "fulfilled"
    counts = report.store("eu")
    assert (counts.completed_in_store, counts.delivered_in_katana) == (0, 0)


@pytest.mark.parametrize(("days", "carried"), [(3, True), (9, False)])
def test_rule_12_adopted_pair_delivered_in_katana(
    unconnected: World, days: int, carried: bool
) -> None:
    order = unconnected.order()
    there = unconnected.foreign(order, store_name=unconnected.identity)
    unconnected.katana.deliver(there)
    unconnected.clock.tick(days=days)
    unconnected.backfill()
    unconnected.sync()
    assert unconnected.status(order) == ("completed" if carried else "processing")
    expected = ("fulfilled", "") if carried else ("attention", "disagreed_at_adoption")
    assert unconnected.state(order) == expected


@pytest.mark.parametrize(("days", "carried"), [(3, True), (9, False)])
def test_rule_12_adopted_pair_completed_in_the_shop(
    unconnected: World, days: int, carried: bool
) -> None:
    order = unconnected.order()
    there = unconnected.foreign(order, store_name=unconnected.identity)
    unconnected.shop.set_status(order, "completed")
    unconnected.clock.tick(days=days)
    unconnected.backfill()
    delivered = unconnected.katana.sales_order(there).status == "DELIVERED"
    assert delivered is carried


def test_rule_12_a_lost_ledger_mails_nobody(world: World) -> None:
    order, there = imported(world)
    world.katana.deliver(there)
    world.sync()
    world.ledger.unlink()
    world.clock.tick(days=30)
    world.sync()
    assert world.state(order)[0] == "fulfilled"
    assert world.completions(order) == 1


def test_rule_12_more_than_fifty_and_half_wait_for_a_person(unconnected: World) -> None:
    orders = [unconnected.order() for _ in range(51)]
    unconnected.backfill()
    for order in orders:
        unconnected.katana.deliver(unconnected.sales_order(order).id)
    report = unconnected.sync()
    assert [m for m in unconnected.shop.mails if m.after == "completed"] == []
    assert "--accept-completions" in str(report.store("eu").error)
    assert int(report.exit_code) == 1
    report = unconnected.sync(accept_completions=True)
    assert report.store("eu").completed_in_store == 51
    assert int(report.exit_code) == 0


def test_rule_12_fifty_are_completed_without_asking(unconnected: World) -> None:
    orders = [unconnected.order() for _ in range(50)]
    unconnected.backfill()
    for order in orders:
        unconnected.katana.deliver(unconnected.sales_order(order).id)
    assert unconnected.sync().store("eu").completed_in_store == 50


def test_rule_12_the_brake_holds_no_import_and_no_delivery(unconnected: World) -> None:
    orders = [unconnected.order() for _ in range(53)]
    unconnected.backfill()
    for order in orders[:52]:
        unconnected.katana.deliver(unconnected.sales_order(order).id)
    unconnected.shop.set_status(orders[52], "completed")
    new = unconnected.order()
    unconnected.sync()
    assert unconnected.state(orders[52])[0] == "fulfilled"
    assert unconnected.state(new)[0] == "imported"


def test_rule_10_a_delivery_that_leaves_updated_at_alone_is_found_by_the_sweep(
    world: World,
) -> None:
    first, second = world.order(), world.order()
    world.sync()
    world.katana.leave_updated_at_alone()
    world.clock.tick(days=3)
    world.order()  # the newest change: the list begins with it from now on
    for _ in range(3):
        world.sync(sweep=SweepWhen.NEVER)
    world.katana.deliver(world.sales_order(first).id)
    for _ in range(6):
        world.sync(sweep=SweepWhen.NEVER)
    assert world.status(first) == "processing"  # no list of changes tells of it
    world.sync(sweep=SweepWhen.NOW)
    assert world.status(first) == "completed"
    assert world.completions(first) == 1
    # it is known now that the list does not tell of all: the stock interval is as long as it takes
    world.katana.deliver(world.sales_order(second).id)
    for _ in range(3):
        world.sync(sweep=SweepWhen.NEVER)
    assert world.status(second) == "completed"


@pytest.mark.parametrize("days", [0.5, 30])
def test_rule_10_the_sweeps_longer_look_shows_it_too(world: World, days: float) -> None:
    orders = [world.order(), world.order()]
    world.sync()
    world.katana.leave_updated_at_alone()
    world.clock.tick(days=days)
    world.order()
    for _ in range(2):
        world.sync(sweep=SweepWhen.NEVER)
    for order, sweep in zip(orders, (SweepWhen.NOW, SweepWhen.NEVER), strict=True):
        world.katana.deliver(world.sales_order(order).id)
        world.sync(minutes=16, sweep=sweep)
        assert world.status(order) == "completed"


def test_rule_10_where_the_list_tells_of_all_the_open_orders_are_asked_for_by_the_sweep_alone(
    world: World,
) -> None:
    orders = [world.order() for _ in range(3)]
    world.sync()
    world.katana.deliver(world.sales_order(orders[0]).id)
    world.sync()
    world.katana.deliver(world.sales_order(orders[1]).id)
    world.sync(sweep=SweepWhen.NOW)
    world.reset_counts()
    for _ in range(5):
        world.sync(sweep=SweepWhen.NEVER)
    assert not any("ids=" in sent.query for sent in world.katana.server.requests)
    world.sync(sweep=SweepWhen.NOW)
    asked = [sent.query for sent in world.katana.server.requests if "ids=" in sent.query]
    assert len(asked) == 1
    assert f"ids={world.sales_order(orders[2]).id}" in asked[0]


def says_shipped(world: World) -> None:
    """A shop whose plugin says "shipped"."""
    world.shop.add_status("shipped")
    world.configure(
        stores={"eu": 'completed_statuses = ["completed", "shipped"]\ncomplete_to = "shipped"'}
    )


def test_rule_21_another_word_for_completed_delivers_in_katana(world: World) -> None:
    says_shipped(world)
    order = world.order()
    world.sync()
    world.shop.set_status(order, "shipped")
    world.sync()
    assert world.state(order) == ("fulfilled", "")
    assert world.katana.sales_order(world.sales_order(order).id).status == "DELIVERED"
    for _ in range(3):  # no echo
        world.sync(minutes=60)
    assert world.shop.server.count("PUT", "/orders/") == 0
    assert world.shop.order(order)["status"] == "shipped"


def test_rule_21_delivered_in_katana_sets_the_shops_own_word(world: World) -> None:
    says_shipped(world)
    order = world.order()
    world.sync()
    world.katana.deliver(world.sales_order(order).id)
    world.sync()
    assert world.shop.order(order)["status"] == "shipped"
    assert world.state(order) == ("fulfilled", "")
    world.reset_counts()
    for _ in range(3):
        world.sync(minutes=60)
    assert world.shop.server.count("PUT", "/orders/") == 0
    assert world.katana.server.count("PATCH", "/sales_orders") == 0


def test_rule_21_completed_always_counts(world: World) -> None:
    says_shipped(world)
    order = world.order()
    world.sync()
    world.shop.set_status(order, "completed")
    world.sync()
    assert world.state(order) == ("fulfilled", "")


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ('complete_to = "shipped"', "must be one of completed_statuses"),
        ('completed_statuses = ["processing"]', "import_statuses has too"),
        ('completed_statuses = ["cancelled"]', "must be a status that means"),
    ],
)
def test_rule_21_words_that_contradict_are_refused(world: World, settings: str, words: str) -> None:
    world.configure(stores={"eu": settings})
    with pytest.raises(ConfigError, match=words):
        world.program()


@pytest.mark.parametrize("status", ["cancelled", "completed"])
def test_rule_10_what_the_shop_says_of_an_order_counts_though_its_clock_was_set_back(
    world: World, status: str
) -> None:
    order = world.order()
    world.sync()
    world.katana.deliver(world.sales_order(order).id)
    world.shop.set_clock(lambda: world.clock() - timedelta(hours=26))
    world.shop.set_status(order, status)
    world.shop.set_clock(world.clock)
    mails = world.completions(order)
    world.sync()
    assert (world.status(order), world.completions(order)) == (status, mails)
    expected = ("attention", "shop_status") if status == "cancelled" else ("fulfilled", "")
    assert world.state(order) == expected
