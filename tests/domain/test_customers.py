"""Rule 7: customers are matched by reference, e-mail and name, in this order, else created."""

from __future__ import annotations

from msgspec.structs import replace

from katana_woo_sync.domain.customers import (
    LONGEST_REFERENCE,
    KnownCustomer,
    customer_draft,
    match_customer,
    person_of_customer,
    person_of_order,
    reference_id,
)
from katana_woo_sync.domain.fields import convert
from katana_woo_sync.domain.katana import Customer, encode
from katana_woo_sync.domain.woocommerce import Order
from tests.domain.samples import ANN, IDENTITY, make_order

SALT = "salt"


def order_of(customer_id: int = 0, /, **changes: str) -> Order:
    """An order of Ann's, or of somebody who differs."""
    return make_order(customer_id=customer_id, billing=ANN | changes)


def known(customer_id: int, reference: str = "", /, **changes: str) -> KnownCustomer:
    """Ann, or somebody who differs, as Katana holds her."""
    return KnownCustomer(customer_id, reference, person_of_order(order_of(**changes), SALT))


def match(order: Order, *candidates: KnownCustomer) -> int | None:
    """The customer that an order's is."""
    reference = reference_id(IDENTITY, order)
    return match_customer(reference, person_of_order(order, SALT), candidates)


def test_rule_07_the_reference_comes_first() -> None:
    stranger = known(9, f"{IDENTITY}#7", email="x@y.z", first_name="Bo")
    assert match(order_of(7), known(3), stranger) == 9


def test_rule_07_one_customer_with_the_email_matches_whatever_the_name() -> None:
    assert match(order_of(), known(3, first_name="Anna"), known(4, email="x@y.z")) == 3


def test_rule_07_emails_are_compared_trimmed_and_in_lower_case() -> None:
    assert match(order_of(email=" ANN@example.COM "), known(3, first_name="Anna")) == 3


def test_rule_07_an_email_that_several_have_is_a_new_customer() -> None:
    assert match(order_of(), known(3), known(4)) is None


def test_rule_07_one_customer_with_the_name_matches_if_nothing_contradicts() -> None:
    assert match(order_of(email=""), known(3)) == 3
    assert match(order_of(), known(3, email="")) == 3
    assert match(order_of(email=""), known(3), known(4)) is None


def test_rule_07_a_match_by_name_is_not_contradicted_by_email_phone_or_postcode() -> None:
    assert match(order_of(), known(3, email="other@example.com")) is None
    assert match(order_of(email=""), known(3, phone="+1 619 555 0199")) is None
    assert match(order_of(email=""), known(3, postcode="10001")) is None
    assert match(order_of(email="", phone="", postcode=""), known(3)) == 3


def test_rule_07_phones_agree_with_and_without_the_countrys_prefix() -> None:
    assert match(order_of(email="", phone="0619 555-0100"), known(3)) == 3


def test_rule_07_the_company_is_no_key() -> None:
    assert match(order_of(email="", first_name="Bo"), known(3)) is None


def test_rule_07_deleted_customers_are_not_matched() -> None:
    assert match(order_of(7), replace(known(3, f"{IDENTITY}#7"), deleted=True)) is None


def test_rule_07_people_without_name_and_email_do_not_match_each_other() -> None:
    nobody = {"first_name": "", "last_name": "", "email": ""}
    assert match(order_of(**nobody), known(3, **nobody)) is None


def test_rule_07_a_guest_seen_before_is_the_same_customer() -> None:
    first = reference_id(IDENTITY, order_of())
    again = reference_id(IDENTITY, order_of(email="ann@example.com ", first_name="ANN "))
    assert first == again
    assert first.startswith(f"{IDENTITY}#guest-")
    assert first != reference_id(IDENTITY, order_of(first_name="Bo"))
    assert first != reference_id("other.example.com", order_of())


def test_rule_07_the_reference_of_a_customer_is_identity_and_id() -> None:
    assert reference_id(IDENTITY, order_of(7)) == "shop.example.com#7"


def test_rule_07_guests_who_give_nothing_are_one_per_store() -> None:
    nobody = order_of(first_name="", last_name="", email="", company="")
    assert reference_id(IDENTITY, nobody) == "shop.example.com#guest"


def test_a_reference_is_never_longer_than_katana_takes() -> None:
    long = reference_id("shop.example.com/" + "x" * 200, order_of())
    assert len(long) <= LONGEST_REFERENCE
    assert long != reference_id("shop.example.com/" + "x" * 199, order_of())


def test_no_personal_data_is_in_a_reference_or_a_person() -> None:
    kept = repr(person_of_order(order_of(), SALT)) + reference_id(IDENTITY, order_of())
    for word in ("Ann", "ann@", "Lee", "619", "92101"):
        assert word not in kept


def test_digests_of_another_ledger_differ() -> None:
    one, other = (person_of_order(order_of(), salt) for salt in ("a", "b"))
    assert one.email != other.email
    assert one.email == person_of_order(order_of(), "a").email


def test_a_katana_customer_is_the_person_of_its_orders() -> None:
    there = convert(
        {
            "id": 3,
            "name": "Ann Lee",
            "email": "ann@example.com",
            "phone": "16195550100",
            "addresses": [{"zip": "92101"}],
        },
        Customer,
    )
    assert person_of_customer(there, SALT) == person_of_order(order_of(), SALT)


def test_rule_07_the_customer_to_create() -> None:
    draft = customer_draft(order_of(7), "shop.example.com#7", "eu")
    assert (draft.name, draft.first_name, draft.last_name) == ("Ann Lee", "Ann", "Lee")
    assert (draft.email, draft.company) == ("Ann@Example.com", "Lee Pottery")
    assert draft.reference_id == "shop.example.com#7"
    assert [address.entity_type for address in draft.addresses] == ["billing", "shipping"]
    assert b'"reference_id":"shop.example.com#7"' in encode(draft)


def test_rule_07_the_name_falls_back_to_company_email_and_guest() -> None:
    names = []
    changes: dict[str, str] = {}
    for empty in ("first_name", "last_name", "company", "email"):
        changes[empty] = ""
        names.append(customer_draft(order_of(**changes), "x", "eu").name)
    assert names == ["Lee", "Lee Pottery", "Ann@Example.com", "Guest eu"]
