"""Creating and changing sales orders, their shipping fees and their fulfilments.

What keeps the contract can still be refused here, with a 422 that names the field.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal, InvalidOperation

from msgspec import UNSET, UnsetType

from katana_woo_sync.sandbox.katana import contract, money
from katana_woo_sync.sandbox.katana import fulfillment as picking
from katana_woo_sync.sandbox.katana.checks import (
    check_currency,
    check_length,
    new_addresses,
    read_time,
)
from katana_woo_sync.sandbox.katana.errors import Checks, not_found
from katana_woo_sync.sandbox.katana.records import Row, SalesOrder, ShippingFee
from katana_woo_sync.sandbox.katana.state import ZERO, State

DELIVERY_DAYS = 14


def create(state: State, body: contract.NewSalesOrder) -> SalesOrder:
    """`POST /sales_orders`."""
    checks = Checks()
    location_id = body.location_id or state.primary_location().id
    number = body.order_no or f"SO-{next(state.order_numbers)}"
    _check_head(state, checks, body, number)
    created = read_time(checks, "/order_created_date", body.order_created_date)
    delivery = read_time(checks, "/delivery_date", body.delivery_date)
    for index, row in enumerate(body.sales_order_rows):
        _check_row(state, checks, row, f"/sales_order_rows/{index}")
    checks.done()
    now = state.now()
    return state.orders.put(
        SalesOrder(
            id=state.orders.new_id(),
            created_at=now,
            updated_at=now,
            order_no=number,
            customer_id=body.customer_id,
            location_id=location_id,
            currency=body.currency or state.base_currency,
            status=body.status or "NOT_SHIPPED",
            order_created_date=created or now,
            delivery_date=delivery or now + timedelta(days=DELIVERY_DAYS),
            rows=tuple(_new_row(state, row, location_id) for row in body.sales_order_rows),
            addresses=new_addresses(state, body.addresses or ()),
            additional_info=body.additional_info or None,
            customer_ref=body.customer_ref or None,
            tracking_number=body.tracking_number or None,
            tracking_number_url=body.tracking_number_url or None,
            ecommerce_order_type=body.ecommerce_order_type or None,
            ecommerce_store_name=body.ecommerce_store_name or None,
            ecommerce_order_id=body.ecommerce_order_id or None,
        )
    )


def patch(
    state: State, order_id: int, body: contract.SalesOrderPatch, *, shortage_refused: bool
) -> SalesOrder:
    """`PATCH /sales_orders/{id}`: only what was sent changes."""
    order = live_order(state, order_id)
    checks = Checks()
    _check_head(state, checks, body, body.order_no or None, order.id)
    target = body.status or order.status
    created = read_time(checks, "/order_created_date", body.order_created_date)
    delivery = read_time(checks, "/delivery_date", body.delivery_date)
    picked = read_time(checks, "/picked_date", body.picked_date)
    converted = read_time(checks, "/conversion_date", body.conversion_date)
    may_convert = target in ("PACKED", "DELIVERED")
    message = "conversion_rate can be set only when the order is PACKED or DELIVERED"
    for field, value in (
        ("conversion_rate", body.conversion_rate),
        ("conversion_date", body.conversion_date),
    ):
        checks.require(value is UNSET or may_convert, f"/{field}", "notAllowed", message)
    checks.done()
    changed = replace(
        order,
        order_no=body.order_no or order.order_no,
        customer_id=body.customer_id or order.customer_id,
        location_id=body.location_id or order.location_id,
        currency=body.currency or order.currency,
        order_created_date=created or order.order_created_date,
        delivery_date=delivery or order.delivery_date,
        additional_info=_kept(body.additional_info, order.additional_info),
        customer_ref=_kept(body.customer_ref, order.customer_ref),
        tracking_number=_kept(body.tracking_number, order.tracking_number),
        tracking_number_url=_kept(body.tracking_number_url, order.tracking_number_url),
        conversion_rate=body.conversion_rate or order.conversion_rate,
        conversion_date=converted or order.conversion_date,
    )
    if body.status and body.status != order.status:
        return picking.set_status(
            state, changed, body.status, picked_date=picked, shortage_refused=shortage_refused
        )
    return state.touch(state.orders, replace(changed, picked_date=picked or order.picked_date))


def delete(state: State, order_id: int) -> SalesOrder:
    """`DELETE /sales_orders/{id}`: kept for `include_deleted`; its goods go back into stock."""
    order = live_order(state, order_id)
    picking.return_goods(state, order)
    return state.delete(state.orders, order)


def live_order(state: State, order_id: int) -> SalesOrder:
    """The order. Raises the 404 for one that is deleted or never was."""
    order = state.orders.live(order_id)
    if order is None:
        raise not_found("SalesOrder", order_id)
    return order


def add_fee(state: State, body: contract.NewShippingFee) -> ShippingFee:
    """`POST /sales_order_shipping_fee`; the order counts as changed."""
    checks = Checks()
    order = state.orders.live(body.sales_order_id)
    message = f"Sales order {body.sales_order_id} does not exist"
    checks.require(order, "/sales_order_id", "notFound", message)
    amount = _fee_amount(checks, body.amount)
    tax_rate_id = _tax_rate(state, checks, body.tax_rate_id, "/tax_rate_id")
    checks.done()
    if order is not None:
        state.touch(state.orders, order)
    now = state.now()
    return state.fees.put(
        ShippingFee(
            id=state.fees.new_id(),
            created_at=now,
            updated_at=now,
            sales_order_id=int(body.sales_order_id),
            amount=amount,
            tax_rate_id=tax_rate_id,
            description=body.description or None,
        )
    )


def patch_fee(state: State, fee_id: int, body: contract.ShippingFeePatch) -> ShippingFee:
    """`PATCH /sales_order_shipping_fee/{id}`."""
    fee = live_fee(state, fee_id)
    checks = Checks()
    amount = _fee_amount(checks, body.amount)
    tax_rate_id = _tax_rate(state, checks, body.tax_rate_id, "/tax_rate_id")
    checks.done()
    _touch_order_of(state, fee)
    changed = replace(
        fee,
        amount=amount,
        description=body.description or fee.description,
        tax_rate_id=fee.tax_rate_id if body.tax_rate_id is UNSET else tax_rate_id,
    )
    return state.touch(state.fees, changed)


def delete_fee(state: State, fee_id: int) -> None:
    """`DELETE /sales_order_shipping_fee/{id}`."""
    fee = live_fee(state, fee_id)
    _touch_order_of(state, fee)
    state.delete(state.fees, fee)


def live_fee(state: State, fee_id: int) -> ShippingFee:
    """The shipping fee. Raises the 404 for one that is deleted or never was."""
    fee = state.fees.live(fee_id)
    if fee is None:
        raise not_found("SalesOrderShippingFee", fee_id)
    return fee


def _touch_order_of(state: State, fee: ShippingFee) -> None:
    state.touch(state.orders, live_order(state, fee.sales_order_id))


def _kept(value: str | UnsetType | None, old: str | None) -> str | None:
    return old if isinstance(value, UnsetType) else value


def _check_head(
    state: State,
    checks: Checks,
    body: contract.NewSalesOrder | contract.SalesOrderPatch,
    number: str | None,
    own_id: int = 0,
) -> None:
    """What a new order and a changed one are both held to."""
    if body.customer_id is not UNSET:
        customer = state.customers.live(body.customer_id)
        message = f"Customer {body.customer_id} does not exist"
        checks.require(customer, "/customer_id", "notFound", message)
    _check_location(state, checks, body.location_id, "/location_id")
    check_currency(checks, "/currency", body.currency)
    check_length(checks, "/customer_ref", body.customer_ref, 255)
    # Deleted orders hold their numbers too: whoever restores one must find its number free.
    taken = any(order.order_no == number and order.id != own_id for order in state.orders)
    message = f"Sales order with order_no {number} already exists"
    checks.require(not taken, "/order_no", "unique", message, orderNo=number)


def _check_location(state: State, checks: Checks, location_id: int | UnsetType, path: str) -> None:
    if location_id is UNSET:
        return
    place = state.locations.live(location_id)
    if place is None:
        checks.add(path, "notFound", f"Location {location_id} does not exist")
    elif not place.sales_allowed:
        checks.add(path, "salesNotAllowed", f"Sales are not allowed at location {location_id}")


def _check_row(state: State, checks: Checks, row: contract.NewRow, path: str) -> None:
    _check_location(state, checks, row.location_id, f"{path}/location_id")
    _tax_rate(state, checks, row.tax_rate_id, f"{path}/tax_rate_id")
    variant = state.variants.live(row.variant_id)
    item = None if variant is None else state.items.live(variant.item_id)
    if item is None:
        message = f"Variant {row.variant_id} does not exist"
        checks.add(f"{path}/variant_id", "notFound", message)
    elif item.archived_at:
        message = f"Variant {row.variant_id} is archived"
        checks.add(f"{path}/variant_id", "archived", message)
    elif not item.is_sellable:
        message = f"Variant {row.variant_id} is not sellable"
        checks.add(f"{path}/variant_id", "notSellable", message)


def _tax_rate(
    state: State, checks: Checks, key: int | Decimal | UnsetType, path: str
) -> int | None:
    """The tax rate to use: the one named, else the default."""
    if isinstance(key, UnsetType):
        default = state.default_tax_rate()
        return None if default is None else default.id
    rate = state.tax_rates.live(key)
    checks.require(rate, path, "notFound", f"Tax rate {key} does not exist")
    return None if rate is None else rate.id


def _fee_amount(checks: Checks, text: str) -> Decimal:
    try:
        amount = Decimal(text)
    except InvalidOperation:
        amount = Decimal("NaN")
    valid = amount.is_finite() and amount >= 0
    checks.require(valid, "/amount", "amount", "amount must be a decimal number that is >= 0")
    return amount


def _new_row(state: State, row: contract.NewRow, location_id: int) -> Row:
    return Row(
        id=next(state.row_ids),
        variant_id=row.variant_id,
        quantity=Decimal(row.quantity),
        price_per_unit=money.price(_price_of(state, row)),
        total_discount=money.price(row.total_discount or ZERO),
        tax_rate_id=_tax_rate(state, Checks(), row.tax_rate_id, ""),
        location_id=row.location_id or location_id,
        attributes=tuple((pair.key, pair.value) for pair in row.attributes or ()),
    )


def _price_of(state: State, row: contract.NewRow) -> Decimal:
    """The row's price, else the variant's own."""
    if not isinstance(row.price_per_unit, UnsetType):
        return row.price_per_unit
    variant = state.variants.get(row.variant_id)
    return (variant and variant.sales_price) or ZERO
