"""Orders, refunds and records for the tests, made from JSON as the services send it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from msgspec.structs import replace

from katana_woo_sync.domain.fields import Amount, Text, Whole, convert
from katana_woo_sync.domain.katana import RowDraft, SalesOrder, TaxRate
from katana_woo_sync.domain.order_record import InKatana, OrderRecord, State
from katana_woo_sync.domain.order_rules import Rules, Step, next_step, see_in_shop
from katana_woo_sync.domain.reasons import Reason
from katana_woo_sync.domain.sales_order import (
    Mapped,
    Plan,
    Resolved,
    Terms,
    Unmappable,
    map_order,
    plan_order,
)
from katana_woo_sync.domain.taxes import TaxNeed, new_rate
from katana_woo_sync.domain.woocommerce import Order, Refund

Json = dict[str, object]
Taxes = Mapping[int, str]
"""What a line bears of each tax rate, by the rate's id."""

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
IDENTITY = "shop.example.com"
TERMS = Terms(identity=IDENTITY)
RULES = Rules(connected_at=NOW - 30 * DAY)
VAT = {1: "24"}
SERVICE = 999
"""The variant of the service item in these tests."""

ANN: Json = {
    "first_name": "Ann",
    "last_name": "Lee",
    "company": "Lee Pottery",
    "address_1": "1 Mill Road",
    "address_2": "Flat 2",
    "city": "San Diego",
    "state": "CA",
    "postcode": "92101",
    "country": "US",
    "email": "Ann@Example.com",
    "phone": "+1 619 555 0100",
}


def _money(line_id: int, net: str, taxes: Taxes) -> Json:
    return {
        "id": line_id,
        "total": net,
        "total_tax": str(sum(map(Decimal, taxes.values()), Decimal(0))),
        "taxes": [{"id": rate_id, "total": tax} for rate_id, tax in taxes.items()],
    }


def item(
    line_id: int, net: str, taxes: Taxes | None = None, quantity: str = "1", **more: object
) -> Json:
    """A line item; `net` is without tax, after discounts, for the whole quantity."""
    known: Json = {"name": "Mug", "product_id": 10, "sku": "MUG-01", "quantity": quantity}
    return known | _money(line_id, net, taxes or {}) | more


def fee(line_id: int, net: str, taxes: Taxes | None = None, name: str = "Gift wrap") -> Json:
    """A fee line."""
    return _money(line_id, net, taxes or {}) | {"name": name}


def shipping(line_id: int, net: str, taxes: Taxes | None = None, name: str = "Courier") -> Json:
    """A shipping line."""
    return _money(line_id, net, taxes or {}) | {"method_title": name}


def tax_line(rate_id: int, percent: object, *, compound: bool = False) -> Json:
    """A tax rate that an order uses."""
    return {
        "rate_id": rate_id,
        "label": f"VAT {percent}%",
        "compound": compound,
        "rate_percent": percent,
    }


def order_json(
    *,
    items: Sequence[Json] = (),
    fees: Sequence[Json] = (),
    ships: Sequence[Json] = (),
    rates: Mapping[int, object] | None = None,
    inclusive: bool = True,
    **more: object,
) -> Json:
    """An order as WooCommerce sends it; its total is the sum of its lines."""
    lines = [*items, *fees, *ships]
    total = sum((Decimal(str(x["total"])) + Decimal(str(x["total_tax"])) for x in lines), Decimal())
    known: Json = {
        "id": 57,
        "number": "57",
        "order_key": "wc_order_a",
        "status": "processing",
        "currency": "EUR",
        "prices_include_tax": inclusive,
        "date_created_gmt": "2026-11-20T09:30:00",
        "date_modified_gmt": "2026-11-20T09:31:00",
        "date_completed_gmt": None,
        "total": str(total),
        "needs_processing": True,
        "line_items": list(items),
        "fee_lines": list(fees),
        "shipping_lines": list(ships),
        "tax_lines": [tax_line(i, p) for i, p in (rates or VAT).items()],
    }
    return known | more


def make_order(*items: Json, **parts: object) -> Order:
    """An order of these line items (one mug at 24 % where none are given and no other line)."""
    chosen = items or (() if "fees" in parts or "ships" in parts else (item(1, "10", {1: "2.40"}),))
    return convert(order_json(items=chosen, **parts), Order)  # type: ignore[arg-type]


def make_refund(amount: str, *lines: Json, refund_id: int = 900) -> Refund:
    """A refund of an amount with tax, with its refunded product lines."""
    return convert({"id": refund_id, "amount": amount, "line_items": list(lines)}, Refund)


def refunded(line_id: int, net: str, taxes: Taxes | None = None, quantity: int = 0) -> Json:
    """A refunded line: amounts and quantity are negative."""
    meta = [{"key": "_refunded_item_id", "value": str(line_id)}]
    return _money(9000 + line_id, net, taxes or {}) | {"quantity": quantity, "meta_data": meta}


def rate_id(percent: str | int | Decimal) -> int:
    """The id of the Katana tax rate of a percentage in these tests."""
    return 1 + int(Decimal(percent) * 100_000)


def tax_rate(need: TaxNeed) -> TaxRate:
    """The Katana tax rate that holds a need, as it would be created."""
    draft = new_rate(need, {})
    if draft is None:
        raise Unmappable(Reason.TAX_NOT_REPRESENTABLE, need.label)
    return TaxRate(id=Whole(rate_id(draft.rate)), name=Text(draft.name), rate=Amount(draft.rate))


def resolve(plan: Plan) -> Resolved:
    """Katana ids: the variant of each item of the plan is 1000 + its line's id."""
    return Resolved(
        customer_id=7,
        location_id=5,
        variants={item.line_id: 1000 + item.line_id for item in plan.items},
        service_variant_id=SERVICE,
        tax_rates={need: tax_rate(need) for need in plan.needs},
    )


def mapped(order: Order, *refunds: Refund, terms: Terms = TERMS) -> Mapped:
    """The order as it would be sent to Katana."""
    plan = plan_order(order, refunds, terms)
    return map_order(plan, resolve(plan), terms)


def row_of(order: Order, *refunds: Refund) -> RowDraft:
    """The one row of an order that has but one."""
    (row,) = mapped(order, *refunds).draft.sales_order_rows
    return row


def make_record(**changes: object) -> OrderRecord:
    """The record of an order that is Processing and queued."""
    record = OrderRecord(
        identity=IDENTITY,
        order_id=57,
        number="57",
        order_key="wc_order_a",
        created=datetime(2026, 11, 20, 9, 30, tzinfo=UTC),
        currency="EUR",
        total=Decimal("12.40"),
        shop_status="processing",
        was_processing=True,
        first_seen_at=NOW,
    )
    return replace(record, **changes)


def imported(shop: str = "processing", katana: str = "NOT_SHIPPED", **more: object) -> OrderRecord:
    """The record of an order that is in Katana, by the status on each side."""
    known: Json = {
        "state": State.IMPORTED,
        "in_katana": InKatana.YES,
        "sales_order_id": 501,
        "shop_status": shop,
        "katana_status": katana,
    }
    return make_record(**(known | more))


def make_sales_order(status: str = "NOT_SHIPPED", **more: object) -> SalesOrder:
    """The sales order of order 57 as Katana answers it."""
    known: Json = {
        "id": 501,
        "order_no": "57",
        "status": status,
        "total": "12.4000000000",
        "currency": "EUR",
        "order_created_date": "2026-11-20T09:30:00.000Z",
        "updated_at": "2026-11-20T10:00:00.000Z",
        "ecommerce_order_type": "wooCommerce",
        "ecommerce_store_name": IDENTITY,
        "ecommerce_order_id": "57",
    }
    return convert(known | more, SalesOrder)


def seen(known: OrderRecord | None, rules: Rules = RULES, **order: object) -> OrderRecord | None:
    """The record after the shop's order was seen."""
    return see_in_shop(make_order(**order), known, rules, NOW).record


def still(known: OrderRecord, rules: Rules = RULES, **order: object) -> OrderRecord:
    """The record of a known order after the shop's order was seen."""
    record = seen(known, rules, **order)
    assert record is not None
    return record


def step(record: OrderRecord, rules: Rules = RULES) -> Step:
    """What is done next."""
    return next_step(record, rules, NOW)
