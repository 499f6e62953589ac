"""The import of all customers: each once, by the same matching as with orders."""

from __future__ import annotations

from dataclasses import replace

from katana_woo_sync.domain.fields import convert
from katana_woo_sync.domain.woocommerce import Customer
from katana_woo_sync.sandbox.server import Fault, FaultKind
from katana_woo_sync.sandbox.woocommerce import Address
from katana_woo_sync.sync.customers import CustomersImported, import_customers
from tests.sync.world import ANNA, World

BO = Address(first_name="Bo", last_name="Lund", email="bo@example.test", postcode="11122")


def imported(world: World, *, dry_run: bool = False) -> CustomersImported:
    """The import, as a new process does it."""
    program = world.program(dry_run=dry_run)
    with program.context() as context:
        return import_customers(context, program.stores["eu"], lambda _done, _total: None)


def names(world: World) -> list[str]:
    """Katana's customers."""
    return sorted(customer.name for customer in world.katana.customers())


def test_customers_are_created_with_both_addresses_and_known_again(world: World) -> None:
    number = world.shop.add_customer(ANNA)
    done = imported(world)
    assert (done.created, done.matched, done.left_out) == (1, 0, [])
    (anna,) = world.katana.customers()
    assert {address.entity_type for address in anna.addresses} == {"billing", "shipping"}
    world.reset_counts()
    assert imported(world).known == 1
    assert world.katana.server.requests == []
    order = world.order(customer_id=number)
    world.sync()
    assert world.sales_order(order).customer_id == anna.id


def test_who_katana_has_is_matched(world: World) -> None:
    world.katana.add_customer("Bo", email="bo@example.test")
    world.shop.add_customer(BO)
    assert imported(world).matched == 1
    assert names(world) == ["Bo"]


def test_a_guest_of_several_orders_who_registered_since_is_no_second_person(world: World) -> None:
    world.order()
    world.order()
    world.sync()
    world.shop.add_customer(ANNA)
    assert imported(world).matched == 1
    assert names(world) == ["Anna Kosta"]


def test_a_customer_without_name_or_mail_is_left_out_with_a_word(world: World) -> None:
    world.shop.add_customer(replace(BO, first_name="", last_name="", email=""))
    (left,) = imported(world).left_out
    assert "no name, company or e-mail" in left
    assert names(world) == []


def test_one_whom_katana_refuses_stops_no_other(world: World) -> None:
    world.shop.add_customer(ANNA)
    world.shop.add_customer(BO)
    world.katana.server.add_fault(Fault(FaultKind.STATUS, "POST", "/customers", status=422))
    done = imported(world)
    assert (done.created, len(done.left_out)) == (1, 1)
    assert imported(world).created == 1
    assert names(world) == ["Anna Kosta", "Bo Lund"]


def test_a_lost_answer_makes_nobody_twice(world: World) -> None:
    world.shop.add_customer(ANNA)
    world.katana.server.add_fault(Fault(FaultKind.DROP_AFTER, "POST", "/customers"))
    assert len(imported(world).left_out) == 1
    world.clock.tick(minutes=10)
    imported(world)
    assert names(world) == ["Anna Kosta"]


def test_a_dry_run_creates_nobody(world: World) -> None:
    world.shop.add_customer(ANNA)
    assert imported(world, dry_run=True).created == 1
    assert names(world) == []


def test_staff_who_never_bought_is_no_customer() -> None:
    assert not convert({"id": 1, "role": "administrator"}, Customer).is_buyer
    assert convert({"id": 1, "role": "editor", "is_paying_customer": True}, Customer).is_buyer
    assert convert({"id": 1, "role": "subscriber"}, Customer).is_buyer


def test_what_the_billing_address_lacks_the_account_says() -> None:
    person = convert({"id": 5, "email": "bo@example.test", "first_name": "Bo"}, Customer)
    billing = person.as_order().billing
    assert (billing.email, billing.first_name) == ("bo@example.test", "Bo")
    assert not person.is_nobody


def test_those_who_are_nobody_that_katana_has_are_created(world: World) -> None:
    for name in "abcd":
        world.shop.add_customer(replace(BO, first_name=name, email=f"{name}@example.test"))
    done = imported(world)
    assert (done.created, done.matched, done.known, done.left_out) == (4, 0, 0, [])
    assert len(names(world)) == 4


def test_who_registered_twice_is_one_customer(world: World) -> None:
    for name in ("Ada", "Bo", "Robert"):
        mail = "bo@example.test" if name in ("Bo", "Robert") else "ada@example.test"
        world.shop.add_customer(replace(BO, first_name=name, email=mail))
    done = imported(world)
    assert (done.created, done.matched) == (2, 1)
    assert len(names(world)) == 2
