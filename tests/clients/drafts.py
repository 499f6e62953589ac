"""Drafts with every field, so that all that can be sent is sent."""

from __future__ import annotations

from decimal import Decimal

from katana_woo_sync.domain.katana import (
    WOOCOMMERCE,
    AddressDraft,
    AttributeDraft,
    CustomerDraft,
    RowDraft,
    SalesOrderDraft,
)

ADDRESS = AddressDraft(
    entity_type="billing",
    first_name="Ann",
    last_name="Lee",
    company="Lee Ltd",
    phone="1",
    line_1="Ermou 12",
    line_2="2nd floor",
    city="Athens",
    state="Attica",
    zip="10552",
    country="Greece",
)

CUSTOMER = CustomerDraft(
    name="Ann Lee",
    reference_id="shop.test#7",
    first_name="Ann",
    last_name="Lee",
    company="Lee Ltd",
    email="ann@example.com",
    phone="1",
    currency="EUR",
    addresses=(ADDRESS,),
)


def sales_order(
    number: str, customer_id: int, variant_id: int, tax_rate_id: int, location_id: int
) -> SalesOrderDraft:
    """An order of one piece at 12.00 less 2.00, without tax; of shop.test, with this number."""
    row = RowDraft(
        variant_id=variant_id,
        quantity=Decimal(1),
        price_per_unit=Decimal("12.0000000000"),
        tax_rate_id=tax_rate_id,
        location_id=location_id,
        total_discount=Decimal("2.00"),
        attributes=(AttributeDraft(key="Engraving", value="Ann"),),
    )
    return SalesOrderDraft(
        order_no=number,
        customer_id=customer_id,
        location_id=location_id,
        currency="EUR",
        order_created_date="2026-03-01T12:00:00.000Z",
        delivery_date="2026-03-15T12:00:00.000Z",
        ecommerce_order_type=WOOCOMMERCE,
        ecommerce_store_name="shop.test",
        ecommerce_order_id=number,
        status="NOT_SHIPPED",
        sales_order_rows=(row,),
        addresses=(ADDRESS,),
        additional_info="Please ring",
    )
