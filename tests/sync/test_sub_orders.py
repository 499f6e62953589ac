"""Rule 20: orders that hold again what another holds, and the till."""

from __future__ import annotations

from decimal import Decimal

import pytest

from katana_woo_sync.domain.order_record import ignored, retried
from katana_woo_sync.ledger import Ledger
from katana_woo_sync.sandbox.woocommerce import Address, Item
from tests.sync.world import ANNA, World
from tests.traps.support import total_in_katana


def sub_order(world: World, parent: int, *, via: str = "dokan") -> int:
    return world.order(parent_id=parent, created_via=via)


def family(world: World, *, status: str = "processing") -> tuple[int, int, int]:
    """A marketplace's order of a mug and a lamp, and a sub-order of each."""
    items = [Item(world.mug["eu"]), Item(world.lamp["eu"])]
    place = world.shop.place_order
    parent = place(items, billing=ANNA, status=status, meta={"has_sub_order": "1"})
    one, other = (
        place([item], billing=ANNA, status=status, parent_id=parent, created_via="dokan")
        for item in items
    )
    return parent, one, other


def retry(world: World, order_id: int) -> None:
    """What `retry STORE NUMBER` does to an order before its cycle."""
    with Ledger.open(world.ledger) as ledger:
        again = retried(world.record(order_id), by_number=True)
        assert again is not None
        ledger.orders.save([again])


@pytest.mark.parametrize(
    "via",
    [
        "dokan",
        "mvx_vendor_order",
        "multivendorx_store_order",
        "wcmp_vendor_order",
        "yith_wcmv_vendor_suborder",
        "yith_wcdp_balance_order",
        "wc_deposits",
    ],
)
def test_rule_20_what_another_order_holds_is_left_out(world: World, via: str) -> None:
    parent = world.order()
    child = sub_order(world, parent, via=via)
    report = world.sync()
    assert [len(world.in_katana(order)) for order in (parent, child)] == [1, 0]
    assert world.state(child) == ("skipped", "sub_order")
    assert world.record(child).detail == f"order {parent}"
    assert [str(note) for note in world.notes(child)] == ["sub_order"]
    assert (report.store("eu").skipped, int(report.exit_code)) == (1, 0)


def test_rule_20_a_backfill_leaves_them_out_too(unconnected: World) -> None:
    parent, *children = family(unconnected)
    unconnected.backfill()
    assert len(unconnected.in_katana(parent)) == 1
    assert [unconnected.in_katana(child) for child in children] == [[], []]


@pytest.mark.parametrize("via", ["checkout", "subscription", "admin", "rest-api", ""])
def test_rule_20_a_parent_alone_says_nothing(world: World, via: str) -> None:
    orders = [world.order()]
    orders.append(sub_order(world, orders[0], via=via))
    world.sync()
    assert [len(world.in_katana(order)) for order in orders] == [1, 1]


def test_rule_20_an_order_of_dokans_without_a_parent_is_its_own(world: World) -> None:
    order = world.order(created_via="dokan")  # a vendor's subscription
    world.sync()
    assert len(world.in_katana(order)) == 1


def test_rule_20_a_child_that_comes_again_stays_left_out(world: World) -> None:
    parent, child, _ = family(world)
    world.sync()
    world.shop.edit_order(child, customer_note="ring twice")
    world.sync()
    world.shop.set_status(child, "completed")
    report = world.sync()
    assert world.state(child) == ("skipped", "sub_order")
    assert len(world.in_katana(parent)) == 1
    assert report.store("eu").attention == 0


def test_rule_20_the_parent_may_be_one_that_the_ledger_does_not_know_yet(world: World) -> None:
    parent = world.order(status="on-hold")
    world.sync()
    child = sub_order(world, parent)
    # the parent became Processing in a way that leaves its time as it was
    world.shop.edit_order(parent, status="processing", modified=world.clock())
    world.shop.state.orders[parent].modified = world.shop.state.orders[parent].created
    world.sync()
    world.sync()
    assert [len(world.in_katana(order)) for order in (parent, child)] == [1, 0]


def test_rule_20_a_child_whose_parent_is_older_than_the_connection_is_imported(
    unconnected: World,
) -> None:
    parent = unconnected.order(status="completed")
    unconnected.clock.tick(days=1)
    unconnected.order(status="cancelled")
    unconnected.backfill()
    child = sub_order(unconnected, parent)
    unconnected.sync()
    assert [len(unconnected.in_katana(order)) for order in (parent, child)] == [0, 1]


@pytest.mark.parametrize("status", ["cancelled", "failed", "refunded", "on-hold"])
def test_rule_20_where_the_parent_ends_unimported_the_children_are_imported(
    world: World, status: str
) -> None:
    parent, *children = family(world)
    with world.down(world.katana.server):
        world.sync()
    assert [world.state(child) for child in children] == [("skipped", "sub_order")] * 2
    world.shop.set_status(parent, status)
    world.sync()
    assert world.state(parent)[0] == "skipped"
    assert [len(world.in_katana(order)) for order in (parent, *children)] == [0, 1, 1]


@pytest.mark.parametrize("minutes", [5, 61])
def test_rule_20_parent_and_children_may_change_together(world: World, minutes: int) -> None:
    parent, *children = family(world)
    with world.down(world.katana.server):
        world.sync()
    world.shop.set_status(parent, "cancelled")
    world.shop.edit_order(children[0], customer_note="still wanted")
    world.shop.set_status(children[1], "cancelled")
    report = world.sync(minutes=minutes)
    assert [len(world.in_katana(order)) for order in (parent, *children)] == [0, 1, 0]
    assert world.state(children[1]) == ("skipped", "cancelled_before_import")
    assert report.store("eu").error is None


def test_rule_20_where_the_parent_is_ignored_the_children_are_imported(world: World) -> None:
    parent, *children = family(world)
    with world.down(world.katana.server):
        world.sync()
    program = world.program()
    with program.context() as context:
        known = world.record(parent)
        record = ignored(known)
        assert record is not None
        context.save(context.stores["eu"], record, known)
    world.sync()
    assert [len(world.in_katana(order)) for order in (parent, *children)] == [0, 1, 1]


def test_rule_20_a_parent_deleted_in_katana_was_imported(world: World) -> None:
    parent, *children = family(world)
    world.sync()
    world.katana.delete_order(world.sales_order(parent).id)
    for child in children:
        world.shop.edit_order(child, customer_note="again")
    world.sync()
    assert [world.in_katana(child) for child in children] == [[], []]


def test_rule_20_a_parent_whose_children_are_in_katana_needs_a_person(world: World) -> None:
    parent, *children = family(world)
    with world.down(world.katana.server):
        world.sync()
    world.shop.set_status(parent, "on-hold")
    world.sync()
    assert [len(world.in_katana(child)) for child in children] == [1, 1]
    world.shop.set_status(parent, "processing")
    world.sync()
    assert world.state(parent) == ("attention", "partly_in_sub_orders")
    assert world.in_katana(parent) == []
    retry(world, parent)
    world.sync()
    assert len(world.in_katana(parent)) == 1


def test_rule_20_retry_imports_a_child_that_was_left_out(world: World) -> None:
    parent, child, other = family(world)
    world.sync()
    retry(world, child)
    world.sync()
    world.sync()
    assert [len(world.in_katana(order)) for order in (parent, child, other)] == [1, 1, 0]


def test_rule_20_what_was_completed_unseen_is_shown_once(world: World) -> None:
    parent, *children = family(world, status="completed")
    report = world.sync()
    assert world.state(parent) == ("attention", "completed_unseen")
    assert [world.state(child) for child in children] == [("skipped", "sub_order")] * 2
    assert report.store("eu").attention == 1


def test_rule_20_children_may_be_imported_in_place_of_their_parent(world: World) -> None:
    world.configure(top='[orders]\nsub_orders = "children"')
    parent, *children = family(world)
    report = world.sync()
    world.sync()
    assert [len(world.in_katana(order)) for order in (parent, *children)] == [0, 1, 1]
    assert world.state(parent) == ("skipped", "has_sub_orders")
    assert int(report.exit_code) == 0


@pytest.mark.parametrize("status", ["cancelled", "failed", "refunded"])
def test_rule_20_a_parent_whose_sub_orders_are_cancelled_is_imported(
    world: World, status: str
) -> None:
    world.configure(top='[orders]\nsub_orders = "children"')
    parent = world.order()
    child = sub_order(world, parent)
    world.shop.set_status(child, "completed")  # before it was seen: a person must say
    world.sync()
    assert world.state(child) == ("attention", "completed_unseen")
    assert world.state(parent) == ("skipped", "has_sub_orders")
    world.shop.set_status(child, "on-hold")
    world.sync()
    assert world.state(parent) == ("skipped", "has_sub_orders")
    world.shop.set_status(child, status)
    world.sync()
    assert [len(world.in_katana(order)) for order in (parent, child)] == [1, 0]
    assert world.state(parent) == ("imported", "")


def test_rule_20_a_parent_one_of_whose_sub_orders_is_imported_stays_left_out(world: World) -> None:
    world.configure(top='[orders]\nsub_orders = "children"')
    parent, one, other = family(world)
    world.shop.set_status(other, "completed")
    world.sync()
    world.shop.set_status(other, "cancelled")
    world.sync()
    assert [len(world.in_katana(order)) for order in (parent, one, other)] == [0, 1, 0]
    assert world.state(parent) == ("skipped", "has_sub_orders")


def test_rule_20_a_parent_that_holds_more_than_its_children_needs_a_person(world: World) -> None:
    world.configure(top='[orders]\nsub_orders = "children"')
    items = [Item(world.mug["eu"], 2), Item(world.lamp["eu"])]
    parent = world.shop.place_order(items, billing=ANNA)
    child = sub_order(world, parent, via="mvx_vendor_order")  # the lamp is the shop's own
    world.sync()
    assert world.state(parent) == ("attention", "partly_in_sub_orders")
    assert [len(world.in_katana(order)) for order in (parent, child)] == [0, 1]


def test_rule_20_the_rest_of_a_deposit_is_never_imported_for_its_parent(world: World) -> None:
    world.configure(top='[orders]\nsub_orders = "children"')
    parent = world.order()
    child = sub_order(world, parent, via="yith_wcdp_balance_order")
    world.sync()
    assert [len(world.in_katana(order)) for order in (parent, child)] == [1, 0]


def test_rule_20_what_was_imported_before_stays(world: World) -> None:
    parent, *children = family(world)
    world.sync()
    world.configure(top='[orders]\nsub_orders = "children"')
    for order in (parent, *children):
        world.shop.edit_order(order, customer_note="again")
    world.sync()
    assert [len(world.in_katana(order)) for order in (parent, *children)] == [1, 0, 0]


STOCK = {"eu": "sync_stock = true"}


@pytest.mark.parametrize("status", ["processing", "on-hold"])
def test_rule_20_a_child_takes_no_stock(world: World, status: str) -> None:
    world.configure(stores=STOCK)
    bowl = world.shop.add_product("Bowl", "BOWL", "5.00", stock=50)
    variant = world.katana.add_product("Bowl", "BOWL", in_stock=Decimal(50))
    parent = world.shop.place_order([Item(bowl, 3)], billing=ANNA, status=status)
    child = world.shop.place_order(
        [Item(bowl, 3)], billing=ANNA, status=status, parent_id=parent, created_via="dokan"
    )
    world.sync()
    world.sync(minutes=20)
    assert world.shop.stock(bowl) == 47
    world.shop.set_status(child, "on-hold")
    (place,) = world.katana.locations()
    world.katana.set_stock(variant, place.id, Decimal(40))
    world.sync(minutes=20)
    assert world.shop.stock(bowl) == 37


# Deposits


def deposit(world: World, *meta: tuple[str, object], price: str = "30.00", **more: object) -> int:
    item = Item(world.lamp["eu"], price=Decimal(price), meta=meta)
    return world.shop.place_order([item], billing=ANNA, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "meta",
    [
        (
            ("_is_deposit", "yes"),
            ("_deposit_full_amount", "99.99"),
            ("_deposit_full_amount_ex_tax", "80.637096774194"),
        ),
        (("_deposit", "1"), ("_deposit_value", "30"), ("_deposit_balance", "69.99")),
        (
            (
                "awcdp_deposit_meta",
                {"enable": "yes", "deposit": 30, "remaining": 69.99, "total": 99.99},
            ),
        ),
    ],
)
def test_rule_20_a_deposit_is_imported_at_the_full_price(
    world: World, meta: tuple[tuple[str, object], ...]
) -> None:
    order = deposit(world, *meta)
    rest = deposit(world, price="69.99", parent_id=order, created_via="yith_wcdp_balance_order")
    world.sync()
    assert world.state(order) == ("imported", "")
    assert total_in_katana(world, order) == Decimal("99.99")
    (row,) = world.sales_order(order).rows
    assert [r.rate for r in world.katana.tax_rates() if r.id == row.tax_rate_id] == [Decimal(24)]
    assert world.in_katana(rest) == []


def test_rule_20_a_total_without_the_rest_of_a_deposit(world: World) -> None:
    table = {"enable": "yes", "deposit": 30, "remaining": 69.99, "total": 99.99}
    order = deposit(world, ("wc_deposit_meta", table), price="99.99", total=Decimal(30))
    world.sync()
    assert world.state(order) == ("imported", "")
    assert total_in_katana(world, order) == Decimal("99.99")


@pytest.mark.parametrize(
    "meta",
    [
        (("_is_deposit", "yes"),),
        (("_deposit", "1"), ("_deposit_value", "30")),
        (("_deposit", "1"), ("_deposit_value", "0"), ("_deposit_balance", "70")),
        (("awcdp_deposit_meta", {"enable": "yes", "deposit": 12, "total": 99.99}),),
    ],
)
def test_rule_20_a_deposit_of_unknown_price_needs_a_person(
    world: World, meta: tuple[tuple[str, object], ...]
) -> None:
    order = deposit(world, *meta)
    world.sync()
    assert world.state(order) == ("attention", "deposit")
    assert world.in_katana(order) == []
    retry(world, order)
    world.sync()
    assert total_in_katana(world, order) == Decimal("30.00")


def test_rule_20_the_rest_of_a_deposit_alone_needs_a_person(unconnected: World) -> None:
    parent = unconnected.order(status="completed")
    unconnected.clock.tick(days=1)
    unconnected.order(status="cancelled")
    unconnected.backfill()
    rest = sub_order(unconnected, parent, via="yith_wcdp_balance_order")
    unconnected.sync()
    assert unconnected.state(rest) == ("attention", "deposit")
    assert unconnected.in_katana(rest) == []


# The till


def test_rule_20_a_sale_of_the_till_is_like_what_was_completed_unseen(world: World) -> None:
    order = world.order(status="completed", created_via="pos-rest-api")
    world.sync()
    assert world.state(order) == ("attention", "completed_unseen")


@pytest.mark.parametrize(
    ("lines", "state"),
    [
        ('pos = "import"', ("fulfilled", "")),
        ('pos = "skip"', ("skipped", "pos_skipped")),
        ('pos = "attention"\ncompleted_unseen = "skip"', ("attention", "completed_unseen")),
        ('completed_unseen = "skip"', ("skipped", "pos_skipped")),
        ('completed_unseen = "import"', ("fulfilled", "")),
    ],
)
def test_rule_20_what_becomes_of_sales_of_the_till(
    world: World, lines: str, state: tuple[str, str]
) -> None:
    world.configure(top=f"[orders]\n{lines}")
    order = world.order(status="completed", created_via="pos-rest-api")
    world.sync()
    assert world.state(order) == state


def test_rule_20_one_sale_of_the_till_is_imported_by_retry(world: World) -> None:
    world.configure(top='[orders]\npos = "skip"')
    order = world.order(status="completed", created_via="pos-rest-api")
    world.sync()
    retry(world, order)
    world.sync()
    assert world.state(order) == ("fulfilled", "")


def test_rule_20_pos_is_for_the_till_alone(world: World) -> None:
    world.configure(top='[orders]\npos = "import"')
    order = world.order(status="completed")
    world.sync()
    assert world.state(order) == ("attention", "completed_unseen")


# Dates and addresses


def test_an_order_without_its_creation_in_utc_is_imported_with_a_note(world: World) -> None:
    order = world.order()
    world.shop.edit_order(order, lost_gmt=True)
    placed = world.shop.state.orders[order].created
    world.sync()
    assert world.sales_order(order).order_created_date == placed
    assert [str(note) for note in world.notes(order)] == ["creation_date_lost"]


def test_an_address_without_a_street_is_none_to_send_to(world: World) -> None:
    names = Address(first_name="Anna", last_name="Kosta", city="Athens", country="GR")
    order = world.order(shipping_address=names)
    world.sync()
    billed, sent = world.sales_order(order).addresses
    assert (billed.line_1, sent.line_1) == ("Ermou 12", "Ermou 12")


def test_people_without_a_billing_address_are_told_apart_by_the_other(world: World) -> None:
    place = world.shop.place_order
    item = Item(world.mug["eu"])
    people = ("Anna", "Kosta", "Ermou 1"), ("Nikos", "Pappas", "Ermou 2")
    orders = [
        place(
            [item],
            billing=Address(),
            shipping_address=Address(
                first_name=first, last_name=last, address_1=street, city="Athens", country="GR"
            ),
        )
        for first, last, street in people
    ]
    world.sync()
    sales = [world.sales_order(order) for order in orders]
    names = {c.id: c.name for c in world.katana.customers()}
    assert [names[s.customer_id] for s in sales] == ["Anna Kosta", "Nikos Pappas"]
    assert [[a.line_1 for a in s.addresses] for s in sales] == [["Ermou 1"] * 2, ["Ermou 2"] * 2]
