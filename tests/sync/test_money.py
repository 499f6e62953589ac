"""An order's money where the shop's data is odd: old percentages, refunds, gift cards, adoption."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

import pytest

from katana_woo_sync.domain.reasons import Reason
from katana_woo_sync.sandbox.server import Fault, FaultKind
from katana_woo_sync.sandbox.woocommerce import Fee, Item, Shipping
from tests.sync.world import ANNA, World
from tests.traps.support import total_in_katana, total_in_shop

COURIER = Shipping("Courier", Decimal("4.55"))


def rates(world: World) -> set[Decimal]:
    """The percentages of Katana's tax rates."""
    return {rate.rate for rate in world.katana.tax_rates()}


def line_of(world: World, order: int, kind: str = "item") -> int:
    """The id of the order's one line of a kind."""
    (line,) = (line for line in world.shop.state.orders[order].lines if line.kind == kind)
    return line.id


# Rule 5


@pytest.mark.parametrize("today", [0, 19])
def test_rule_05_todays_percentage_on_an_old_order_changes_nothing(
    world: World, today: int
) -> None:
    order = world.order(quantity=2)
    world.shop.rewrite_percentages({1: today})
    assert world.shop.order(order)["tax_lines"][0]["rate_percent"] == today  # type: ignore[index]
    before = rates(world)
    world.sync()
    (row,) = world.sales_order(order).rows
    assert row.price_per_unit == 10
    assert rates(world) - before == {Decimal(24)}
    assert total_in_katana(world, order) == total_in_shop(world, order)


def test_rule_05_shipping_split_by_shares_asks_for_no_rate_of_their_sum(world: World) -> None:
    book = world.shop.add_product("Book", "BOOK", "10.90", tax_class="reduced-rate")
    order = world.shop.place_order(
        [Item(world.mug["eu"], 5), Item(book, 5)],
        shipping=[Shipping("Post", Decimal("4.34"))],
        billing=ANNA,
    )
    post = line_of(world, order, "shipping")
    world.shop.set_taxes(order, {post: {1: "0.52", 2: "0.20"}})
    before = rates(world)
    world.sync()
    assert rates(world) - before <= {Decimal(24), Decimal(9)}
    assert world.state(order) == ("imported", "")
    assert total_in_katana(world, order) == total_in_shop(world, order)


def test_rule_05_taxes_of_no_rate_wait_for_the_one_that_a_person_adds(world: World) -> None:
    order = world.order(shipping=[COURIER])
    item = line_of(world, order)
    world.shop.set_taxes(order, {item: {1: "1.2345"}, line_of(world, order, "shipping"): {1: "4"}})
    world.sync()
    assert world.state(order) == ("attention", "tax_not_representable")
    assert world.in_katana(order) == []


# Rule 8


@pytest.mark.parametrize("listed", ["whole", "positive"])
def test_rule_08_a_refunded_piece_is_taken_off_whatever_its_sign(world: World, listed: str) -> None:
    order = world.order(quantity=2)
    world.shop.refund(order, lines={line_of(world, order): 1}, listed=listed)  # type: ignore[arg-type]
    world.sync()
    assert [row.quantity for row in world.sales_order(order).rows] == [1]
    assert total_in_katana(world, order) == Decimal("12.40")


@pytest.mark.parametrize("listed", ["error", "missing"])
def test_rule_08_a_refund_that_its_list_does_not_give_is_one_of_its_amount(
    world: World, listed: str
) -> None:
    order = world.order(quantity=2)
    world.shop.refund(order, lines={line_of(world, order): 1}, listed=listed)  # type: ignore[arg-type]
    world.shop.refund(order, "2.40")
    world.sync()
    assert world.state(order) == ("imported", "")
    assert [row.quantity for row in world.sales_order(order).rows] == [2]
    assert total_in_katana(world, order) == Decimal("10.00")


@pytest.mark.parametrize("tells_total", [True, False])
@pytest.mark.parametrize("most_rows", [1, 2, 100])
def test_rule_08_errors_among_refunds_do_not_hide_those_behind_them(
    world: World, most_rows: int, *, tells_total: bool
) -> None:
    world.shop.state.most_rows, world.shop.state.tells_total = most_rows, tells_total
    order = world.order(quantity=6)
    for listed in ("error", "error", "error", "whole"):
        world.shop.refund(order, lines={line_of(world, order): 1}, listed=listed)
    world.sync()
    assert world.state(order) == ("imported", "")
    assert [row.quantity for row in world.sales_order(order).rows] == [5]
    assert total_in_katana(world, order) == Decimal("24.80")


@pytest.mark.parametrize("listed", ["error", "missing", "positive"])
def test_rule_08_what_was_wholly_refunded_is_skipped_though_it_is_not_listed(
    world: World, listed: str
) -> None:
    order = world.order()
    world.shop.refund(order, listed=listed)  # type: ignore[arg-type]
    world.shop.edit_order(order, status="processing")
    world.sync()
    assert world.state(order) == ("skipped", "refunded_before_import")


# Rule 20: gift cards and store credit


def official(world: World, order: int) -> None:
    """WooCommerce Gift Cards."""
    world.shop.set_plugin_field(order, "gift_cards", [{"id": 3, "code": "SECRET", "amount": 10}])


def pimwick(world: World, order: int) -> None:
    """PW Gift Cards."""
    cards = [{"number": "SECRET", "amount": "6.00"}, {"number": "SECRET2", "amount": "4.00"}]
    world.shop.set_plugin_field(order, "pw_gift_cards_redeemed", cards)


def yith(world: World, order: int) -> None:
    """YITH Gift Cards."""
    world.shop.set_meta(order, "_ywgc_applied_gift_cards", {"SECRET": "10"})
    world.shop.set_meta(order, "_ywgc_applied_gift_cards_totals", "10")


def smart_coupons(world: World, order: int) -> None:
    """Smart Coupons: one credit lowered the lines, the other the total."""
    world.shop.set_meta(order, "smart_coupons_contribution", {"secret": 10, "other": 3})


def advanced_coupons(world: World, order: int) -> None:
    """Advanced Coupons."""
    world.shop.set_meta(order, "acfw_store_credits_order_paid", {"amount": 10, "currency": "EUR"})


def account_funds(world: World, order: int) -> None:
    """Account Funds."""
    world.shop.set_meta(order, "_funds_used", "10.00")


PLUGINS = (official, pimwick, yith, smart_coupons, advanced_coupons, account_funds)


@pytest.mark.parametrize("plugin", PLUGINS)
def test_rule_20_what_a_gift_card_paid_is_a_payment(
    world: World, plugin: Callable[[World, int], None]
) -> None:
    order = world.order(total=Decimal("2.40"))
    plugin(world, order)
    world.sync()
    assert world.state(order) == ("imported", "")
    assert world.notes(order) == [Reason.PAID_BY_GIFT_CARD]
    assert total_in_katana(world, order) == Decimal("12.40")
    assert "secret" not in world.ledger.read_bytes().decode("latin-1").lower()


def test_rule_20_an_order_that_a_gift_card_paid_wholly_is_imported(world: World) -> None:
    order = world.order(total=Decimal(0), shipping=[COURIER])
    cards = [{"id": 3, "code": "A", "amount": 18.04}]
    world.shop.set_plugin_field(order, "gift_cards", cards)
    world.sync()
    assert world.state(order) == ("imported", "")
    assert total_in_katana(world, order) == Decimal("18.04")


def test_rule_20_a_credit_that_does_not_explain_the_difference_is_none(world: World) -> None:
    order = world.order(total=Decimal("2.40"))
    world.shop.set_meta(order, "_funds_used", "7.00")
    world.sync()
    assert world.state(order) == ("attention", "total_differs")
    assert world.notes(order) == [Reason.TOTAL_DIFFERS]


def test_rule_20_a_credit_that_lowered_the_lines_is_not_taken_out_again(world: World) -> None:
    order = world.shop.place_order([Item(world.mug["eu"], total=Decimal(5))], billing=ANNA)
    world.shop.set_meta(order, "smart_coupons_contribution", {"gift": "6.20"})
    world.sync()
    assert world.state(order) == ("imported", "")
    assert (world.notes(order), total_in_katana(world, order)) == ([], Decimal("6.20"))


def test_rule_20_a_fee_that_a_plugin_made_of_a_gift_card_is_a_payment(world: World) -> None:
    order = world.order(fees=[Fee("Gift Card (SECRET)", Decimal(-10), None)])
    world.shop.set_meta(order, "ywgc_gift_card_updated_as_fee", "1")
    world.sync()
    assert world.notes(order) == [Reason.PAID_BY_GIFT_CARD]
    assert total_in_katana(world, order) == Decimal("12.40")


def test_rule_20_goods_that_were_refunded_onto_the_gift_card_are_taken_off(world: World) -> None:
    order = world.order(quantity=2, total=Decimal("14.80"))
    official(world, order)
    world.shop.refund(order, "2.40", lines={line_of(world, order): 1})
    world.sync()
    assert world.state(order) == ("imported", "")
    assert [row.quantity for row in world.sales_order(order).rows] == [1]
    assert total_in_katana(world, order) == Decimal("12.40")


def test_an_orders_meta_is_asked_for_only_where_its_total_is_odd(world: World) -> None:
    world.order()
    world.reset_counts()
    world.sync()
    plain = len(world.shop.server.requests)
    odd = world.order(total=Decimal("2.40"))
    yith(world, odd)
    world.reset_counts()
    world.sync()
    assert len(world.shop.server.requests) <= plain + 1


# Adoption (rules 2 and 4)


def restored(world: World, **details: object) -> int:
    """An order that was imported after the backup from which the ledger is restored."""
    backup = world.ledger.with_suffix(".backup")
    shutil.copy(world.ledger, backup)
    order = world.order(**details)  # type: ignore[arg-type]
    world.sync()
    shutil.copy(backup, world.ledger)
    for other in ("-wal", "-shm"):
        world.ledger.with_name(world.ledger.name + other).unlink(missing_ok=True)
    return order


def test_rule_04_an_adopted_order_gets_the_shipping_fee_that_it_lacks_once(world: World) -> None:
    lost = Fault(FaultKind.STATUS, "POST", "/sales_order_shipping_fee", status=503, times=99)
    world.katana.server.add_fault(lost)
    order = restored(world, shipping=[COURIER])
    assert world.katana.shipping_fees(world.sales_order(order).id) == []
    world.katana.server.faults.clear()
    world.settle(3)
    assert world.state(order) == ("imported", "")
    assert len(world.katana.shipping_fees(world.sales_order(order).id)) == 1
    assert round(total_in_katana(world, order), 2) == total_in_shop(world, order)


def test_rule_04_also_where_the_answer_to_the_fee_is_lost(world: World) -> None:
    lost = Fault(FaultKind.STATUS, "POST", "/sales_order_shipping_fee", status=503, times=99)
    world.katana.server.add_fault(lost)
    order = restored(world, shipping=[COURIER])
    world.katana.server.faults.clear()
    dropped = Fault(FaultKind.DROP_AFTER, "POST", "/sales_order_shipping_fee")
    world.katana.server.add_fault(dropped)
    world.settle(4)
    assert world.state(order) == ("imported", "")
    assert len(world.katana.shipping_fees(world.sales_order(order).id)) == 1


def test_rule_04_an_adopted_order_that_has_its_fee_gets_no_other(world: World) -> None:
    order = restored(world, shipping=[COURIER])
    world.settle(3)
    assert world.state(order) == ("imported", "")
    assert len(world.katana.shipping_fees(world.sales_order(order).id)) == 1


def test_rule_04_an_adopted_order_whose_total_differs_needs_a_person(world: World) -> None:
    order = world.order(quantity=3)
    rows = [(world.mug_variant, Decimal(3), Decimal(9))]
    world.foreign(order, store_name=world.identity, rows=rows)
    world.sync()
    assert world.state(order) == ("attention", "total_differs")


def test_rule_04_what_was_refunded_since_the_import_explains_an_adopted_orders_total(
    world: World,
) -> None:
    order = restored(world, quantity=2)
    world.shop.refund(order, "12.40")
    world.settle(2)
    assert world.state(order) == ("imported", "")


def test_rule_04_what_was_delivered_long_ago_is_not_looked_at(unconnected: World) -> None:
    world = unconnected
    order = world.order(shipping=[COURIER])
    rows = [(world.mug_variant, Decimal(1), Decimal(9))]
    world.foreign(order, store_name=world.identity, rows=rows, status="DELIVERED")
    world.shop.set_status(order, "completed")
    world.clock.tick(days=30)
    world.backfill(since=world.clock() - timedelta(days=60))
    world.sync()
    assert world.state(order) == ("fulfilled", "")
    assert world.katana.shipping_fees(world.sales_order(order).id) == []
