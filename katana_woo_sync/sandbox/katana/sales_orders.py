"""Sales orders with their rows, and their shipping fees.

Prices and discounts are without tax, in the order's currency. What keeps the contract can still be
refused, with a 422 that names the field.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation

from katana_woo_sync.sandbox.katana import fulfillments, money
from katana_woo_sync.sandbox.katana.api import call, lists
from katana_woo_sync.sandbox.katana.customers import Address, address_times, check_currency
from katana_woo_sync.sandbox.katana.errors import Checks, Json, not_found, refuse
from katana_woo_sync.sandbox.katana.fulfillments import Fulfillment
from katana_woo_sync.sandbox.katana.resource import (
    body_of,
    changed,
    create,
    exists,
    field,
    longest,
    padded,
    quantity_text,
    read,
    sent,
    shown,
    time_text,
)
from katana_woo_sync.sandbox.katana.schema import (
    FLAG,
    ID,
    ID_OR_ZERO,
    IDS,
    INTEGER,
    NON_EMPTY,
    NUMBER,
    OBJECT,
    PRICE,
    QUANTITY,
    TEXT,
    array,
    fields,
    need,
    nullable,
    one_of,
    text,
)
from katana_woo_sync.sandbox.katana.state import ZERO, Controls, Record, State

DELIVERY_DAYS = 14
KATANAS_OWN_TYPE = "wooCommerce"
"""`ecommerce_order_type` as Katana's own WooCommerce integration writes it."""
CREATED_ONCE = nullable(NON_EMPTY)
TEXT_OR_NULL = nullable(TEXT)
OBJECT_OR_NULL = nullable(OBJECT)

_check_tax_rate = exists("tax_rates", "Tax rate")


def _check_location(checks: Checks, path: str, location_id: int) -> None:
    place = checks.state.locations.live(location_id)
    checks.require(place, path, "notFound", f"Location {location_id} does not exist")
    allowed = place is None or place.sales_allowed
    message = f"Sales are not allowed at location {location_id}"
    checks.require(allowed, path, "salesNotAllowed", message)


def _check_variant(checks: Checks, path: str, variant_id: int) -> None:
    variant = checks.state.variants.live(variant_id)
    item = None if variant is None else checks.state.items.live(variant.item_id)
    if item is None:
        checks.require(False, path, "notFound", f"Variant {variant_id} does not exist")
    elif item.archived_at:
        checks.require(False, path, "archived", f"Variant {variant_id} is archived")
    elif not item.is_sellable:
        checks.require(False, path, "notSellable", f"Variant {variant_id} is not sellable")


def _check_number(checks: Checks, path: str, number: str) -> None:
    """Deleted orders hold their numbers too: whoever restores one must find its number free."""
    orders = checks.state.orders if checks.state.numbers_are_unique else ()
    taken = any(order.order_no == number and order.id != checks.key for order in orders)
    message = f"Sales order with order_no {number} already exists"
    checks.require(not taken, path, "unique", message, orderNo=number)


def _check_amount(checks: Checks, path: str, amount: str) -> None:
    message = "amount must be a decimal number that is >= 0"
    checks.require(_amount(amount) >= 0, path, "amount", message)


def _amount(value: str) -> Decimal:
    """The decimal in a text; less than nothing where it is none."""
    try:
        amount = Decimal(value)
    except InvalidOperation:
        return Decimal(-1)
    return amount if amount.is_finite() else Decimal(-1)


@dataclass(frozen=True, kw_only=True)
class Row:
    """A row of a sales order; `total_discount` is for the whole row."""

    id: int
    location_id: int = field(new=ID, check=_check_location)
    tax_rate_id: int | None = field(new=ID, check=_check_tax_rate)
    variant_id: int = field(new=need(ID), check=_check_variant)
    quantity: Decimal = field(new=need(QUANTITY))
    price_per_unit: Decimal = field(new=PRICE)
    total_discount: Decimal = field(new=PRICE, show=padded, default=ZERO)
    attributes: tuple[tuple[str, str], ...] = field(
        new=array(fields({"key": need(TEXT), "value": need(TEXT)})),
        pairs=("key", "value"),
        default=(),
    )
    custom_fields: object = field(new=OBJECT_OR_NULL, stored=False)


@dataclass(frozen=True, kw_only=True)
class SalesOrder(Record):
    """A sales order. `status` follows its fulfilments."""

    customer_id: int = field(
        new=need(ID_OR_ZERO), change=ID, find=INTEGER, check=exists("customers", "Customer")
    )
    location_id: int = field(new=ID_OR_ZERO, change=ID, find=INTEGER, check=_check_location)
    currency: str = field(new=TEXT, change=TEXT, find=TEXT, check=check_currency)
    customer_ref: str | None = field(new=TEXT_OR_NULL, change=TEXT_OR_NULL, check=longest(255))
    order_no: str = field(new=NON_EMPTY, change=NON_EMPTY, find=TEXT, check=_check_number)
    order_created_date: datetime = field(new=TEXT, change=TEXT)
    delivery_date: datetime | None = field(new=TEXT, change=TEXT)
    picked_date: datetime | None = field(change=TEXT)
    status: str = field(
        new=one_of("PENDING", "NOT_SHIPPED"),
        change=one_of("PENDING", "NOT_SHIPPED", "PACKED", "DELIVERED"),
        find=TEXT,
        default="NOT_SHIPPED",
    )
    conversion_rate: Decimal | None = field(change=NUMBER)
    conversion_date: datetime | None = field(change=TEXT)
    additional_info: str | None = field(new=TEXT_OR_NULL, change=TEXT_OR_NULL)
    tracking_number: str | None = field(new=nullable(text(most=256)), change=nullable(text(1, 256)))
    tracking_number_url: str | None = field(
        new=nullable(text(most=2048)), change=nullable(text(1, 2048))
    )
    ecommerce_order_type: str | None = field(new=CREATED_ONCE, find=TEXT)
    ecommerce_store_name: str | None = field(new=CREATED_ONCE, find=TEXT)
    ecommerce_order_id: str | None = field(new=CREATED_ONCE, find=TEXT)
    production_status: str = field(
        find=one_of("NOT_STARTED", "NONE", "NOT_APPLICABLE", "IN_PROGRESS", "BLOCKED", "DONE"),
        default="NOT_APPLICABLE",
    )
    rows: tuple[Row, ...] = field(
        name="sales_order_rows", new=need(array(body_of(Row, "new"), 1)), shown=False
    )
    addresses: tuple[Address, ...] = field(
        new=array(body_of(Address, "new")), shown=False, default=()
    )
    custom_fields: object = field(new=OBJECT_OR_NULL, change=OBJECT_OR_NULL, stored=False)


@dataclass(frozen=True, kw_only=True)
class ShippingFee(Record):
    """A sales order's shipping fee; `amount` is without tax, in JSON a text."""

    sales_order_id: int = field(
        new=need(NUMBER), find=INTEGER, check=exists("orders", "Sales order")
    )
    amount: Decimal = field(
        new=need(TEXT), change=need(TEXT), read=_amount, show=padded, check=_check_amount
    )
    tax_rate_id: int | None = field(new=NUMBER, change=NUMBER, check=_check_tax_rate)
    description: str | None = field(new=TEXT, change=TEXT)


def show(state: State, order: SalesOrder, query: Json | None = None) -> Json:
    """A sales order with its rows, addresses and shipping fee.

    As Katana does, decimals come as numbers here and text there: a list writes the quantities and
    prices of rows as text with trailing zeros. Totals are numbers, unrounded.
    """
    rate, total = money.rate_of(order, state), money.order_total(order, state)
    fees = state.fees_of(order.id)
    parts = [row for part in state.fulfillments_of(order.id) for row in part.rows]
    rows = [_show_row(state, row, order, rate, parts) for row in order.rows]
    if query is not None:
        for row in rows:
            row["quantity"] = quantity_text(row["quantity"])
            row["price_per_unit"] = padded(row["price_per_unit"])
    availabilities = [row["product_availability"] for row in rows]
    address_ids = {address.entity_type: address.id for address in reversed(order.addresses)}
    return {
        **shown(order),
        "source": order.ecommerce_order_type,
        "conversion_rate": rate,
        "status": _status_shown(state, order),
        "invoicing_status": "notInvoiced",
        "total": total,
        "total_in_base_currency": money.converted(total, rate),
        "sales_order_rows": rows,
        "product_availability": _worst(availabilities),
        "product_expected_date": None,
        "ingredient_availability": "NOT_APPLICABLE",
        "ingredient_expected_date": None,
        "billing_address_id": address_ids.get("billing"),
        "shipping_address_id": address_ids.get("shipping"),
        "linked_manufacturing_order_id": None,
        "shipping_fee": shown(fees[0]) if fees else None,
        "addresses": [
            {"sales_order_id": order.id, **shown(address), **address_times(order)}
            for address in order.addresses
        ],
    }


def _status_shown(state: State, order: SalesOrder) -> str:
    until, before = state.late.get(order.id, (state.clock(), ""))
    return before if state.clock() < until else order.status


def _show_row(
    state: State,
    row: Row,
    order: SalesOrder,
    rate: Decimal,
    parts: Sequence[fulfillments.FulfillmentRow],
) -> Json:
    total = money.row_total(row)
    picked = [part for part in parts if part.row_id == row.id]
    return {
        **shown(row),
        **address_times(order),
        "sales_order_id": order.id,
        "product_availability": _availability(state, row, order),
        "product_expected_date": None,
        "price_per_unit_in_base_currency": money.converted(row.price_per_unit, rate),
        "total": total,
        "total_in_base_currency": money.converted(total, rate),
        "cogs_value": None,
        "batch_transactions": [
            {"batch_id": batch_id, "quantity": quantity}
            for part in picked
            for batch_id, quantity in part.batches
        ],
        "serial_numbers": [number for part in picked for number in part.serial_numbers]
        or list(state.reserved_serials.get(row.id, ())),
        "linked_manufacturing_order_id": None,
        "conversion_rate": rate,
        "conversion_date": time_text(order.conversion_date),
    }


def _availability(state: State, row: Row, order: SalesOrder) -> str:
    owner = state.item_of(row.variant_id)
    if owner is None or owner.kind == "service":
        return "NOT_APPLICABLE"
    if order.status in ("PACKED", "DELIVERED"):
        return "PICKED"
    enough = state.in_stock(row.variant_id, row.location_id) >= row.quantity
    return "IN_STOCK" if enough else "NOT_AVAILABLE"


def _worst(availabilities: Sequence[object]) -> str:
    ranking = ("NOT_AVAILABLE", "IN_STOCK", "PICKED")
    return next((name for name in ranking if name in availabilities), "NOT_APPLICABLE")


@lists(
    "/sales_orders",
    SalesOrder,
    answers=show,
    ids=IDS,
    source=TEXT,
    invoicing_status=TEXT,
    product_availability=one_of(
        "IN_STOCK", "EXPECTED", "PICKED", "NOT_AVAILABLE", "NOT_APPLICABLE"
    ),
    ingredient_availability=one_of(
        "PROCESSED", "IN_STOCK", "NOT_AVAILABLE", "EXPECTED", "NO_RECIPE", "NOT_APPLICABLE"
    ),
    include_deleted=FLAG,
)
def listed(state: State, _query: Json) -> Iterable[SalesOrder]:
    """Every order that came to be in lists."""
    latest = state.now() - state.list_lag
    return (order for order in state.orders if order.created_at <= latest)


@call("GET", "/sales_orders/{id}", answers=show)
def live_order(state: State, order_id: int) -> SalesOrder:
    """The order. Raises the 404 for one that is deleted or never was."""
    order = state.orders.live(order_id)
    if order is None:
        raise not_found("SalesOrder", order_id)
    return order


@call("POST", "/sales_orders", takes=body_of(SalesOrder, "new"), answers=show)
def new_order(state: State, body: Json) -> SalesOrder:
    """Create a sales order; what is left out is as the account is set up."""
    checks = Checks(state)
    if not body.get("order_no"):
        body = {**body, "order_no": f"SO-{next(state.order_numbers)}"}
    values = read(SalesOrder, checks, body)
    checks.done()
    now = state.now()
    location_id = values.get("location_id") or state.primary_location().id
    default = state.default_tax_rate()
    tax_rate_id = None if default is None else default.id
    made = create(
        state.orders,
        SalesOrder,
        state,
        values,
        location_id=location_id,
        currency=values.get("currency") or state.base_currency,
        order_created_date=values.get("order_created_date") or now,
        delivery_date=values.get("delivery_date") or now + timedelta(days=DELIVERY_DAYS),
        rows=tuple(
            Row(
                id=next(state.row_ids),
                **{
                    "location_id": location_id,
                    "tax_rate_id": tax_rate_id,
                    **sent(Row, row),
                    "price_per_unit": money.price(_price_of(state, row)),
                    "total_discount": money.price(row.get("total_discount", ZERO)),
                },
            )
            for row in values["rows"]
        ),
        addresses=tuple(
            Address(id=next(state.address_ids), **sent(Address, address))
            for address in values.get("addresses", ())
        ),
    )
    if state.approval_is_needed:
        state.awaits_approval.add(made.id)
    return made


def _price_of(state: State, row: Json) -> Decimal:
    """The row's price, else the variant's own."""
    if "price_per_unit" in row:
        price: Decimal = row["price_per_unit"]
        return price
    variant = state.variants.get(row["variant_id"])
    return (variant and variant.sales_price) or ZERO


@call(
    "PATCH",
    "/sales_orders/{id}",
    takes=body_of(SalesOrder, "change"),
    answers=show,
    first=live_order,
)
def patch(state: State, order_id: int, body: Json) -> SalesOrder:
    """Only what was sent changes; another status packs, delivers or takes back."""
    order = live_order(state, order_id)
    checks = Checks(state, order_id)
    values = read(SalesOrder, checks, body)
    status = values.pop("status", order.status)
    for name in ("conversion_rate", "conversion_date"):
        message = "conversion_rate can be set only when the order is PACKED or DELIVERED"
        may_convert = name not in body or status in ("PACKED", "DELIVERED")
        checks.require(may_convert, f"/{name}", "notAllowed", message)
    checks.done()
    if status == "DELIVERED" and order.id in state.awaits_approval:
        raise refuse("/status", "approvalRequired", f"Sales order {order.id} awaits its approval")
    is_ignored = status == "DELIVERED" and not state.delivers_by_status
    if status == order.status or is_ignored:
        return state.update(state.orders, changed(order, values))
    if status == "DELIVERED":
        if state.blanks_information and "additional_info" not in values:
            values["additional_info"] = None
        if state.delivered_after:
            state.late[order.id] = (state.clock() + state.delivered_after, order.status)
    picked = values.pop("picked_date", None)
    return fulfillments.set_status(state, changed(order, values), status, picked_date=picked)


@call("DELETE", "/sales_orders/{id}", answers=show)
def delete(state: State, order_id: int) -> SalesOrder:
    """Keep the order for `include_deleted` only; its goods go back into stock."""
    order = live_order(state, order_id)
    fulfillments.return_goods(state, order)
    return state.delete(state.orders, order)


@lists("/sales_order_shipping_fee", ShippingFee, include_deleted=FLAG)
def listed_fees(state: State, _query: Json) -> Iterable[ShippingFee]:
    """Every shipping fee."""
    return state.fees


@call("GET", "/sales_order_shipping_fee/{id}")
def live_fee(state: State, fee_id: int) -> ShippingFee:
    """The shipping fee. Raises the 404 for one that is deleted or never was."""
    fee = state.fees.live(fee_id)
    if fee is None:
        raise not_found("SalesOrderShippingFee", fee_id)
    return fee


@call("POST", "/sales_order_shipping_fee", takes=body_of(ShippingFee, "new"))
def new_fee(state: State, body: Json) -> ShippingFee:
    """Add a shipping fee; the order counts as changed, as a rule."""
    checks = Checks(state)
    values = read(ShippingFee, checks, body)
    checks.done()
    default = state.default_tax_rate()
    if default is not None:
        values.setdefault("tax_rate_id", default.id)
    order = live_order(state, values["sales_order_id"])
    if state.fees_are_changes:
        state.update(state.orders, order)
    return create(state.fees, ShippingFee, state, values)


@call(
    "PATCH",
    "/sales_order_shipping_fee/{id}",
    takes=body_of(ShippingFee, "change"),
    first=live_fee,
)
def patch_fee(state: State, fee_id: int, body: Json) -> ShippingFee:
    """Change a shipping fee; the order counts as changed."""
    fee = live_fee(state, fee_id)
    checks = Checks(state, fee_id)
    values = read(ShippingFee, checks, body)
    checks.done()
    state.update(state.orders, live_order(state, fee.sales_order_id))
    return state.update(state.fees, changed(fee, values, amount=values["amount"]))


@call("DELETE", "/sales_order_shipping_fee/{id}")
def delete_fee(state: State, fee_id: int) -> ShippingFee:
    """Delete a shipping fee; the order counts as changed."""
    fee = live_fee(state, fee_id)
    state.update(state.orders, live_order(state, fee.sales_order_id))
    return state.delete(state.fees, fee)


class OrderControls(Controls):
    """Working on and reading sales orders."""

    def create_foreign_order(
        self,
        *,
        customer_id: int,
        rows: Sequence[tuple[int, Decimal, Decimal]],
        order_no: str | None = None,
        ecommerce_order_type: str | None = KATANAS_OWN_TYPE,
        ecommerce_store_name: str | None = None,
        ecommerce_order_id: str | None = None,
        currency: str | None = None,
        location_id: int | None = None,
        tax_rate_id: int | None = None,
        status: str = "NOT_SHIPPED",
        order_created_date: datetime | None = None,
        additional_info: str | None = None,
        bill_to: tuple[str, str] | None = None,
    ) -> int:
        """Add an order as another program does, such as Katana's own integration; give its id.

        `rows` holds variant id, quantity and price per unit without tax. With a `status` of PACKED
        or DELIVERED it is worked on at once. `bill_to` is a first and last name. Raises `Refusal`
        where Katana would refuse it.
        """
        body: Json = {
            "customer_id": customer_id,
            "sales_order_rows": [
                {
                    "variant_id": variant_id,
                    "quantity": quantity,
                    "price_per_unit": price,
                    "tax_rate_id": tax_rate_id,
                }
                for variant_id, quantity, price in rows
            ],
            "order_no": order_no,
            "order_created_date": time_text(order_created_date),
            "currency": currency,
            "location_id": location_id,
            "status": "PENDING" if status == "PENDING" else "NOT_SHIPPED",
            "additional_info": additional_info,
            "ecommerce_order_type": ecommerce_order_type,
            "ecommerce_store_name": ecommerce_store_name,
            "ecommerce_order_id": ecommerce_order_id,
        }
        if bill_to is not None:
            first, last = bill_to
            address = {"entity_type": "billing", "first_name": first, "last_name": last}
            body["addresses"] = [address]
        with self._state.lock:
            order = new_order(self._state, body)
            if status in ("PACKED", "DELIVERED"):
                self._set_status(order.id, status)
            return order.id

    def compute_status_from_fulfillments(self) -> None:
        """From now on a sales order is delivered by its fulfilments alone."""
        self._state.delivers_by_status = False

    def deliver_late(self, lag: timedelta) -> None:
        """From now on a delivered sales order shows what its status was for so long."""
        self._state.delivered_after = lag

    def blank_information(self) -> None:
        """From now on delivering by the status empties `additional_info`."""
        self._state.blanks_information = True

    def refuse_services(self) -> None:
        """From now on a fulfilment may not hold rows of services."""
        self._state.refuses_services = True

    def await_approval(self, order_id: int, *, approved: bool = False) -> None:
        """Nothing of the order is delivered until it is approved."""
        (self._state.awaits_approval.discard if approved else self._state.awaits_approval.add)(
            order_id
        )

    def reserve_serials(self, row_id: int, numbers: Sequence[int]) -> None:
        """What a person has chosen for a row of a sales order."""
        self._state.reserved_serials[row_id] = tuple(numbers)

    def leave_batches_to_others(self) -> None:
        """From now on refuse to deliver orders of batch-tracked goods that name no batches."""
        self._state.assigns_batches = False

    def leave_updated_at_alone(self) -> None:
        """From now on packing and delivering do not move the `updated_at` of a sales order."""
        self._state.deliveries_are_changes = False

    def leave_updated_at_alone_by(self, *, fees: bool = False, deletions: bool = False) -> None:
        """From now on these do not move the `updated_at` of a sales order."""
        self._state.fees_are_changes = not fees
        self._state.deletions_are_changes = not deletions

    def take_numbers_twice(self) -> None:
        """From now on an order number that is taken is taken again."""
        self._state.numbers_are_unique = False

    def await_approvals(self) -> None:
        """From now on nothing of a new sales order is delivered until it is approved."""
        self._state.approval_is_needed = True

    def lag_lists(self, lag: timedelta) -> None:
        """From now on list a sales order only so long after its creation; its number is taken, and
        it answers by its id, at once."""
        self._state.list_lag = lag

    def deliver(self, order_id: int, *, picked_date: datetime | None = None) -> None:
        """Deliver all that is left. Raises `Refusal` where Katana would refuse it."""
        self._set_status(order_id, "DELIVERED", picked_date)

    def pack(self, order_id: int) -> None:
        """Pack all that is left. Raises `Refusal` where Katana would refuse it."""
        self._set_status(order_id, "PACKED")

    def revert(self, order_id: int) -> None:
        """Take back all that was packed or delivered."""
        self._set_status(order_id, "NOT_SHIPPED")

    def deliver_part(self, order_id: int, quantity: Decimal = Decimal(1), *, row: int = 0) -> None:
        """Deliver so much of the order's row (0 is the first). Raises `Refusal` as Katana would."""
        self._add_part(order_id, quantity, row, "DELIVERED")

    def pack_part(self, order_id: int, quantity: Decimal = Decimal(1), *, row: int = 0) -> None:
        """Pack so much of the order's row (0 is the first). Raises `Refusal` as Katana would."""
        self._add_part(order_id, quantity, row, "PACKED")

    def delete_order(self, order_id: int) -> None:
        """Delete the order."""
        with self._state.lock:
            delete(self._state, order_id)

    def set_production(self, order_id: int, status: str) -> None:
        """Have production of the order's items begin or end, such as "IN_PROGRESS" or "DONE"."""
        with self._state.lock:
            order = self.sales_order(order_id)
            self._state.orders.put(replace(order, production_status=status))

    def track(self, order_id: int, number: str, *, carrier: str = "", url: str = "") -> None:
        """Enter how the order's parcels were sent."""
        with self._state.lock:
            for part in self._state.fulfillments_of(order_id):
                sent = replace(
                    part,
                    tracking_number=number,
                    tracking_carrier=carrier or None,
                    tracking_url=url or None,
                )
                self._state.update(self._state.fulfillments, sent)

    def rename_order(self, order_id: int, order_no: str) -> None:
        """Give the order another number. Raises `Refusal` if another order has it."""
        self._patch(order_id, {"order_no": order_no})

    def edit_order(self, order_id: int, *, additional_info: str) -> None:
        """Change something about the order that no other program should mind."""
        self._patch(order_id, {"additional_info": additional_info})

    def set_price(self, order_id: int, price_per_unit: Decimal, *, row: int = 0) -> None:
        """Change the price of the order's row (0 is the first), which changes its total."""
        with self._state.lock:
            order = self.sales_order(order_id)
            changed = list(order.rows)
            changed[row] = replace(changed[row], price_per_unit=money.price(price_per_unit))
            self._state.update(self._state.orders, replace(order, rows=tuple(changed)))

    def sales_orders(self) -> list[SalesOrder]:
        """Every order, deleted ones too, newest first."""
        with self._state.lock:
            return list(self._state.orders)

    def sales_order(self, order_id: int) -> SalesOrder:
        """The order, also when it is deleted. Raises `LookupError` if there never was one."""
        with self._state.lock:
            order = self._state.orders.get(order_id)
        if order is None:
            raise LookupError(f"the sandbox has no sales order {order_id}")
        return order

    def shipping_fees(self, order_id: int) -> list[ShippingFee]:
        """The order's shipping fees, newest first, without deleted ones."""
        with self._state.lock:
            return self._state.fees_of(order_id)

    def fulfillments(self, order_id: int) -> list[Fulfillment]:
        """The order's fulfilments, oldest first, without those taken back."""
        with self._state.lock:
            return self._state.fulfillments_of(order_id)

    def order_total(self, order_id: int) -> Decimal:
        """The order's total with tax and shipping, unrounded, in the order's currency."""
        with self._state.lock:
            return money.order_total(self.sales_order(order_id), self._state)

    def _set_status(self, order_id: int, status: str, picked_date: datetime | None = None) -> None:
        with self._state.lock:
            order = live_order(self._state, order_id)
            fulfillments.set_status(self._state, order, status, picked_date=picked_date)

    def _add_part(self, order_id: int, quantity: Decimal, row: int, status: str) -> None:
        with self._state.lock:
            row_id = live_order(self._state, order_id).rows[row].id
            picked = {"sales_order_row_id": row_id, "quantity": quantity}
            body: Json = {
                "sales_order_id": order_id,
                "status": status,
                "sales_order_fulfillment_rows": [picked],
            }
            fulfillments.new_fulfillment(self._state, body)

    def _patch(self, order_id: int, body: Json) -> None:
        with self._state.lock:
            patch(self._state, order_id, body)
