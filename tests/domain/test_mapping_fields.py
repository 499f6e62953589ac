"""Rules 2 and 3: what goes into which field of Katana's sales order."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from tests.domain.samples import ANN, TERMS, fee, item, make_order, mapped, row_of


def test_rule_03_fields() -> None:
    terms = replace(TERMS, order_number_prefix="EU-", delivery_days=14)
    draft = mapped(make_order(number="1057"), terms=terms).draft
    assert (draft.order_no, draft.customer_id, draft.location_id) == ("EU-1057", 7, 5)
    assert draft.order_created_date == "2026-11-20T09:30:00.000Z"
    assert draft.delivery_date == "2026-12-04T09:30:00.000Z"
    assert draft.status == "NOT_SHIPPED"
    row = draft.sales_order_rows[0]
    assert (row.variant_id, row.location_id, str(row.quantity)) == (1001, 5, "1")


def test_rule_02_the_hidden_woocommerce_id() -> None:
    draft = mapped(make_order(id=57, number="1057")).draft
    assert draft.ecommerce_order_type == "wooCommerce"
    assert draft.ecommerce_store_name == "shop.example.com"
    assert draft.ecommerce_order_id == "57"


def test_rule_03_an_order_without_a_number_has_its_id() -> None:
    assert mapped(make_order(number="")).draft.order_no == "57"


def test_rule_03_additional_info() -> None:
    order = make_order(
        customer_note="Ring twice\nplease",
        payment_method_title="Card &amp; more",
        coupon_lines=[{"code": "cart5"}, {"code": ""}, {"code": "müge"}],
    )
    assert mapped(order).draft.additional_info == (
        "Customer's note: Ring twice\nplease\nPayment method: Card & more\nCoupons: cart5, müge"
    )
    assert mapped(make_order()).draft.additional_info is None


def test_rule_03_addresses_as_people_read_them() -> None:
    draft = mapped(make_order(billing=ANN, shipping=ANN | {"city": "Reno", "state": "NV"})).draft
    bill, ship = draft.addresses
    assert (bill.entity_type, bill.state, bill.country) == (
        "billing",
        "California",
        "United States",
    )
    assert (bill.line_1, bill.line_2, bill.zip) == ("1 Mill Road", "Flat 2", "92101")
    assert (ship.entity_type, ship.city, ship.state) == ("shipping", "Reno", "Nevada")


def test_rule_03_shipping_address_falls_back_to_billing() -> None:
    bill, ship = mapped(make_order(billing=ANN, shipping={"country": "US"})).draft.addresses
    assert (ship.entity_type, ship.line_1, ship.city) == ("shipping", bill.line_1, bill.city)


def test_rule_03_an_empty_address_is_left_out() -> None:
    assert mapped(make_order(billing={"country": "US", "email": "a@b.c"})).draft.addresses == ()


@pytest.mark.parametrize(
    ("country", "state", "expected"),
    [
        ("DE", "DE-BY", ("Germany", "Bayern")),
        ("JP", "JP13", ("Japan", "Tokyo")),
        ("us", "ca", ("United States", "California")),
        ("GB", "Yorkshire", ("United Kingdom", "Yorkshire")),
        ("XX", "", ("XX", None)),
        ("", "CA", (None, "CA")),
    ],
)
def test_rule_03_states_and_countries_have_names(
    country: str, state: str, expected: tuple[str | None, str | None]
) -> None:
    address = mapped(make_order(billing=ANN | {"country": country, "state": state}))
    bill = address.draft.addresses[0]
    assert (bill.country, bill.state) == expected


def test_rule_03_visible_meta_are_row_attributes() -> None:
    meta = [
        {"key": "Engraving", "value": "To &lt;Ann&gt; 💍"},
        {"key": "pa_colour", "display_key": "Colour", "display_value": "<p>Red</p>"},
        {"key": "_reduced_stock", "value": "3"},
        {"key": "addons", "value": {"a": 1}},
    ]
    row = row_of(make_order(item(1, "10", meta_data=meta)))
    assert [(a.key, a.value) for a in row.attributes] == [
        ("Engraving", "To <Ann> 💍"),
        ("Colour", "Red"),
    ]


def test_texts_that_no_system_can_hold_are_cleaned() -> None:
    person = ANN | {"first_name": "A\x00nn\ud83d", "last_name": "😀" * 3, "company": "x" * 200}
    draft = mapped(make_order(billing=person, customer_note="a\x1b[31m\r\nb")).draft
    bill = draft.addresses[0]
    assert (bill.first_name, bill.last_name, bill.company) == ("Ann", "😀😀😀", "x" * 200)
    assert draft.additional_info == "Customer's note: a[31m\nb"


def test_a_name_of_200_characters_stays_and_a_longer_one_is_cut() -> None:
    rows = mapped(make_order(fees=[fee(1, "1", name="x" * 200), fee(2, "1", name="y" * 201)]))
    first, second = (row.attributes[0].value for row in rows.draft.sales_order_rows)
    assert (first, second) == ("x" * 200, "y" * 199 + "…")
