"""What the sandbox Katana does for each endpoint."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TypeVar

import msgspec
from werkzeug.wrappers import Request

from katana_woo_sync.sandbox.katana import (
    answers,
    catalogue,
    contract,
    inventory,
    lists,
    orders,
    parts,
    queries,
)
from katana_woo_sync.sandbox.katana.errors import (
    INVALID_BODY,
    VALIDATION_FAILED,
    Refusal,
    not_found,
)
from katana_woo_sync.sandbox.katana.schema import Json, problems_of, schema_of
from katana_woo_sync.sandbox.katana.state import State

B = TypeVar("B", bound=contract.Body)
Q = TypeVar("Q", bound=queries.ListQuery)


@dataclass(frozen=True)
class Call:
    """One request: on what, and about which record (`key`, 0 where the path names none)."""

    state: State
    request: Request
    key: int
    shortage_refused: bool

    def body(self, kind: type[B]) -> B:
        """The request's body. Raises the 4xx that says all that is wrong with it."""
        value = _parsed(self.request)
        problems = problems_of(value, schema_of(kind))
        if problems:
            raise Refusal(422, INVALID_BODY, code=VALIDATION_FAILED, details=problems)
        return msgspec.convert(value, kind)

    def query(self, kind: type[Q]) -> Q:
        """The request's query parameters; unknown ones are ignored."""
        return lists.read_query(self.request.args.to_dict(flat=False), kind)


@dataclass(frozen=True)
class Reply:
    """An answer before it is encoded; a body of None is a 204."""

    body: object
    headers: dict[str, str] = field(default_factory=dict)


Handler = Callable[[Call], Reply]


def _exact(text: str) -> int | Decimal:
    """A JSON number with a point or exponent; 5.0 is the integer 5, as JSON Schema sees it."""
    number = Decimal(text)
    return int(number) if number == number.to_integral_value() else number


_decoder = msgspec.json.Decoder(float_hook=_exact)


def _parsed(request: Request) -> object:
    if request.mimetype != "application/json":
        raise Refusal(415, f"Content-type {request.mimetype or 'none'} is not supported.")
    try:
        value: object = _decoder.decode(request.get_data())
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise Refusal(400, "The request body is not valid JSON.") from None
    return value


def _listed(call: Call, rows: Iterable[Json], query: queries.ListQuery) -> Reply:
    page, header = lists.page_of(lists.selected(rows, query), query, call.state.most_rows)
    return Reply({"data": _spoilt(call, page, "id")}, {"X-Pagination": header})


def _spoilt(call: Call, rows: Iterable[Json], key: str) -> list[Json]:
    """Rows as `State.spoilt` has them, by the number that is their key."""
    spoilt = call.state.spoilt
    return [{**row, **spoilt.get(int(str(row.get(key, 0))), {})} for row in rows]


def _list_orders(call: Call) -> Reply:
    listed = call.state.now() - call.state.list_lag
    orders_there = (order for order in call.state.orders if order.created_at <= listed)
    rows = (answers.sales_order(order, call.state, as_text=True) for order in orders_there)
    return _listed(call, rows, call.query(queries.SalesOrdersQuery))


def _post_order(call: Call) -> Reply:
    order = orders.create(call.state, call.body(contract.NewSalesOrder))
    return Reply(answers.sales_order(order, call.state))


def _get_order(call: Call) -> Reply:
    return Reply(answers.sales_order(orders.live_order(call.state, call.key), call.state))


def _patch_order(call: Call) -> Reply:
    orders.live_order(call.state, call.key)
    body = call.body(contract.SalesOrderPatch)
    order = orders.patch(call.state, call.key, body, shortage_refused=call.shortage_refused)
    return Reply(answers.sales_order(order, call.state))


def _delete_order(call: Call) -> Reply:
    orders.delete(call.state, call.key)
    return Reply(None)


def _list_fees(call: Call) -> Reply:
    rows = (answers.shipping_fee(fee) for fee in call.state.fees)
    return _listed(call, rows, call.query(queries.ShippingFeesQuery))


def _post_fee(call: Call) -> Reply:
    fee = orders.add_fee(call.state, call.body(contract.NewShippingFee))
    return Reply(answers.shipping_fee(fee))


def _get_fee(call: Call) -> Reply:
    return Reply(answers.shipping_fee(orders.live_fee(call.state, call.key)))


def _patch_fee(call: Call) -> Reply:
    orders.live_fee(call.state, call.key)
    fee = orders.patch_fee(call.state, call.key, call.body(contract.ShippingFeePatch))
    return Reply(answers.shipping_fee(fee))


def _delete_fee(call: Call) -> Reply:
    orders.delete_fee(call.state, call.key)
    return Reply(None)


def _list_fulfillments(call: Call) -> Reply:
    rows = (answers.fulfillment(part) for part in call.state.fulfillments)
    return _listed(call, rows, call.query(queries.FulfillmentsQuery))


def _post_fulfillment(call: Call) -> Reply:
    body = call.body(contract.NewFulfillment)
    part = parts.create(call.state, body, shortage_refused=call.shortage_refused)
    return Reply(answers.fulfillment(part))


def _list_customers(call: Call) -> Reply:
    rows = (answers.customer(customer) for customer in call.state.customers)
    return _listed(call, rows, call.query(queries.CustomersQuery))


def _post_customer(call: Call) -> Reply:
    customer = catalogue.create_customer(call.state, call.body(contract.NewCustomer))
    return Reply(answers.customer(customer))


def _patch_customer(call: Call) -> Reply:
    body = call.body(contract.CustomerPatch)
    return Reply(answers.customer(catalogue.patch_customer(call.state, call.key, body)))


def _list_variants(call: Call) -> Reply:
    query = call.query(queries.VariantsQuery)
    rows = (
        answers.variant(variant, call.state, extended=bool(query.extend))
        for variant in call.state.variants
        if query.include_archived or not _is_archived(variant.id, call.state)
        if call.state.lists_service_variants or not _is_of_service(variant.id, call.state)
    )
    return _listed(call, rows, query)


def _post_variant(call: Call) -> Reply:
    variant = catalogue.create_variant(call.state, call.body(contract.NewVariant))
    return Reply(answers.variant(variant, call.state))


def _list_products(call: Call) -> Reply:
    query = call.query(queries.ProductsQuery)
    return _listed(call, _items(call.state, "product"), query)


def _post_product(call: Call) -> Reply:
    item = catalogue.create_product(call.state, call.body(contract.NewProduct))
    return Reply(answers.item(item, call.state))


def _get_product(call: Call) -> Reply:
    item = call.state.items.live(call.key)
    if item is None or item.kind != "product":
        raise not_found("Product", call.key)
    return Reply(answers.item(item, call.state))


def _patch_product(call: Call) -> Reply:
    item = catalogue.patch_product(call.state, call.key, call.body(contract.ProductPatch))
    return Reply(answers.item(item, call.state))


def _list_services(call: Call) -> Reply:
    query = call.query(queries.ServicesQuery)
    return _listed(call, _items(call.state, "service"), query)


def _post_service(call: Call) -> Reply:
    item = catalogue.create_service(call.state, call.body(contract.NewService))
    return Reply(answers.item(item, call.state))


def _list_tax_rates(call: Call) -> Reply:
    rows = (answers.tax_rate(rate) for rate in call.state.tax_rates)
    return _listed(call, rows, call.query(queries.TaxRatesQuery))


def _post_tax_rate(call: Call) -> Reply:
    rate = catalogue.create_tax_rate(call.state, call.body(contract.NewTaxRate))
    return Reply(answers.tax_rate(rate))


def _list_locations(call: Call) -> Reply:
    rows = (answers.location(place) for place in call.state.locations)
    return _listed(call, rows, call.query(queries.LocationsQuery))


def _get_location(call: Call) -> Reply:
    place = call.state.locations.live(call.key)
    if place is None:
        raise not_found("Location", call.key)
    return Reply(answers.location(place))


def _get_factory(call: Call) -> Reply:
    return Reply(answers.factory(call.state))


def _list_batch_stocks(call: Call) -> Reply:
    query = call.query(queries.BatchStocksQuery)
    rows = []
    for (batch_id, location_id), quantity in sorted(call.state.batch_stock.items(), reverse=True):
        batch = call.state.batches.live(batch_id)
        if batch is not None and (quantity or query.include_empty):
            rows.append(answers.batch_stock(batch, location_id, quantity))
    return _listed(call, rows, query)


def _list_inventory(call: Call) -> Reply:
    page, header = inventory.listed(call.state, call.query(queries.InventoryQuery))
    return Reply({"data": _spoilt(call, page, "variant_id")}, {"X-Pagination": header})


def _list_movements(call: Call) -> Reply:
    rows = (answers.movement(movement) for movement in call.state.movements)
    return _listed(call, rows, call.query(queries.MovementsQuery))


def _list_adjustments(call: Call) -> Reply:
    rows = (answers.stock_adjustment(record) for record in call.state.adjustments)
    return _listed(call, rows, call.query(queries.StockAdjustmentsQuery))


def _post_adjustment(call: Call) -> Reply:
    made = inventory.create_adjustment(call.state, call.body(contract.NewStockAdjustment))
    return Reply(answers.stock_adjustment(made))


def _items(state: State, kind: str) -> Iterable[Json]:
    return (answers.item(item, state) for item in state.items if item.kind == kind)


def _is_of_service(variant_id: int, state: State) -> bool:
    item = state.item_of(variant_id)
    return item is not None and item.kind == "service"


def _is_archived(variant_id: int, state: State) -> bool:
    item = state.item_of(variant_id)
    return item is not None and item.archived_at is not None


ROUTES: list[tuple[str, str, Handler]] = [
    ("GET", "/sales_orders", _list_orders),
    ("POST", "/sales_orders", _post_order),
    ("GET", "/sales_orders/<int:key>", _get_order),
    ("PATCH", "/sales_orders/<int:key>", _patch_order),
    ("DELETE", "/sales_orders/<int:key>", _delete_order),
    ("GET", "/sales_order_shipping_fee", _list_fees),
    ("POST", "/sales_order_shipping_fee", _post_fee),
    ("GET", "/sales_order_shipping_fee/<int:key>", _get_fee),
    ("PATCH", "/sales_order_shipping_fee/<int:key>", _patch_fee),
    ("DELETE", "/sales_order_shipping_fee/<int:key>", _delete_fee),
    ("GET", "/sales_order_fulfillments", _list_fulfillments),
    ("POST", "/sales_order_fulfillments", _post_fulfillment),
    ("GET", "/customers", _list_customers),
    ("POST", "/customers", _post_customer),
    ("PATCH", "/customers/<int:key>", _patch_customer),
    ("GET", "/variants", _list_variants),
    ("POST", "/variants", _post_variant),
    ("GET", "/products", _list_products),
    ("POST", "/products", _post_product),
    ("GET", "/products/<int:key>", _get_product),
    ("PATCH", "/products/<int:key>", _patch_product),
    ("GET", "/services", _list_services),
    ("POST", "/services", _post_service),
    ("GET", "/tax_rates", _list_tax_rates),
    ("POST", "/tax_rates", _post_tax_rate),
    ("GET", "/locations", _list_locations),
    ("GET", "/locations/<int:key>", _get_location),
    ("GET", "/factory", _get_factory),
    ("GET", "/batch_stocks", _list_batch_stocks),
    ("GET", "/inventory", _list_inventory),
    ("GET", "/inventory_movements", _list_movements),
    ("GET", "/stock_adjustments", _list_adjustments),
    ("POST", "/stock_adjustments", _post_adjustment),
]
"""Every endpoint under the base address; anything else is a 404."""
