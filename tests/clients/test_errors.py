"""What errors say, and which field a refusal is about."""

from __future__ import annotations

import pytest

from katana_woo_sync.clients.errors import BadRequest, Detail, NotTheApi, ServiceError, Unavailable


def test_an_error_says_who_what_why_and_what_to_do() -> None:
    error = ServiceError("Katana", "POST /sales_orders", "It was refused.", "Do this.")
    assert str(error) == "Katana: POST /sales_orders: It was refused. Do this."
    assert (error.service, error.action) == ("Katana", "POST /sales_orders")
    assert (error.reason, error.remedy) == ("It was refused", "Do this")


def test_an_answer_that_is_not_the_api_is_for_later() -> None:
    assert isinstance(NotTheApi("eu", "GET /orders", "an HTML page came"), Unavailable)


def refused(message: str, *paths: str) -> BadRequest:
    details = tuple(Detail(path, "x", "must be right") for path in paths)
    return BadRequest("Katana", "POST /sales_orders", message, details=details)


@pytest.mark.parametrize(
    ("error", "field"),
    [
        (refused("invalid", "/order_no"), "order_no"),
        (refused("Sales order with order_no 5 already exists"), "order_no"),
        (refused("Order number 5 is taken"), "order_no"),
        (refused("orderNo must be unique"), "order_no"),
        (refused("invalid", "/customer_id"), "customer"),
        (refused("Customer not found"), "customer"),
        (refused("invalid", "/sales_order_rows/0/tax_rate_id"), "tax_rate"),
        (refused("Tax rate 7 does not exist"), "tax_rate"),
    ],
)
def test_a_refusal_concerns_a_field(error: BadRequest, field: str) -> None:
    assert error.concerns(field)


@pytest.mark.parametrize(
    ("error", "field"),
    [
        (refused("invalid", "/order_notes"), "order_no"),
        (refused("invalid", "/order_created_date"), "order_no"),
        (refused("invalid", "/sales_order_rows/0/variant_id"), "customer"),
        (refused("variant not found"), "order_no"),
        (refused("in this order no row has a variant"), "order_no"),
        (refused("invalid", "/tax_rate_id"), "order_no"),
    ],
)
def test_a_refusal_does_not_concern_another_field(error: BadRequest, field: str) -> None:
    assert not error.concerns(field)
