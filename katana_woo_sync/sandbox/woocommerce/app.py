"""The REST API of the sandbox store: routes, errors, and answers as WooCommerce gives them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

import msgspec
from werkzeug.wrappers import Request, Response

from katana_woo_sync.sandbox.woocommerce import lists
from katana_woo_sync.sandbox.woocommerce.answers import (
    STATUSES,
    Json,
    order_json,
    product_json,
    refund_json,
)
from katana_woo_sync.sandbox.woocommerce.oauth import Gate, Refused
from katana_woo_sync.sandbox.woocommerce.records import Order
from katana_woo_sync.sandbox.woocommerce.store import StoreState

API = "/wp-json/wc/v3"
INVALID_ID = "woocommerce_rest_shop_order_invalid_id"

Route = Callable[["StoreApp", Request, re.Match[str]], Response]


def error(status: int, code: str, message: str, **data: object) -> Response:
    """An error in WordPress's shape."""
    return answer({"code": code, "message": message, "data": {"status": status, **data}}, status)


def answer(value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON answer."""
    body = msgspec.json.encode(value)
    return Response(body, status, headers=headers, content_type="application/json; charset=UTF-8")


class StoreApp:
    """Answers requests from a store's state. One request at a time, under the state's lock."""

    def __init__(self, state: StoreState, gate: Gate, path: str) -> None:
        self.state = state
        self.gate = gate
        self._path = path.rstrip("/")
        self.before_list: list[Callable[[], None]] = []
        """Called one by one, each before a list of orders is answered: what others do meanwhile."""

    def handle(self, request: Request) -> Response:
        """Answer a request."""
        path = request.path
        if not path.startswith(self._path):
            return Response("<!DOCTYPE html><html><title>Not found</title></html>", 404)
        path = path[len(self._path) :]
        if path in ("/wp-json", "/wp-json/"):
            return answer({"name": self.state.name, "namespaces": ["wc/v3"], "routes": {}})
        for pattern, methods in ROUTES:
            found = re.fullmatch(API + pattern, path)
            if found and request.method in methods:
                return self._guarded(methods[request.method], request, found)
        return error(
            404, "rest_no_route", "No route was found matching the URL and request method."
        )

    def _guarded(self, route: Route, request: Request, found: re.Match[str]) -> Response:
        with self.state.lock:
            try:
                self.gate.check(request)
            except Refused as refused:
                return error(401, refused.code, refused.message)
        try:
            return trimmed(route(self, request, found), request)
        except lists.BadParameters as wrong:
            names = ", ".join(wrong.params)
            return error(
                400, "rest_invalid_param", f"Invalid parameter(s): {names}", params=wrong.params
            )

    def dp(self, request: Request) -> int:
        """The decimals that are asked for, else the store's."""
        text = request.args.get("dp", "")
        return int(text) if text.isdigit() else self.state.rounding.decimals

    def json(self, order: Order, request: Request) -> Json:
        """An order as this request wants it."""
        return order_json(order, self.state.products.get, self.dp(request), self.state.offset)


def trimmed(response: Response, request: Request) -> Response:
    """Only the top-level `_fields` asked for; one with a point drops a list whole."""
    fields = request.args.get("_fields")
    if not fields or response.status_code != 200:
        return response
    wanted = {name.strip() for name in fields.split(",")}
    data = msgspec.json.decode(response.get_data())

    def trim(row: object) -> object:
        return {k: v for k, v in row.items() if k in wanted} if isinstance(row, dict) else row

    response.set_data(
        msgspec.json.encode([trim(row) for row in data] if isinstance(data, list) else trim(data))
    )
    return response


def body_of(request: Request) -> dict[str, object]:
    """The JSON body; one that is not announced as JSON is ignored."""
    if "json" not in (request.content_type or ""):
        return {}
    data = msgspec.json.decode(request.get_data() or b"{}")
    return data if isinstance(data, dict) else {}


def list_orders(app: StoreApp, request: Request, _found: re.Match[str]) -> Response:
    """GET /orders."""
    if app.before_list:
        app.before_list.pop(0)()
    with app.state.lock:
        orders = [*app.state.orders.values()]
        page = lists.list_orders(orders, request.args, app.state.offset, app.state.version)
        pages = -(-page.total // page.per_page)
        headers = {"X-WP-Total": str(page.total), "X-WP-TotalPages": str(pages)}
        return answer([app.json(order, request) for order in page.rows], headers=headers)


def get_order(app: StoreApp, request: Request, found: re.Match[str]) -> Response:
    """GET /orders/{id}: one in the trash answers too."""
    with app.state.lock:
        order = app.state.orders.get(int(found["id"]))
        if order is None:
            return error(404, INVALID_ID, "Invalid ID.")
        return answer(app.json(order, request))


def put_order(app: StoreApp, request: Request, found: re.Match[str]) -> Response:
    """PUT /orders/{id}: an unknown one is a 400."""
    with app.state.lock:
        order = app.state.orders.get(int(found["id"]))
        if order is None:
            return error(400, INVALID_ID, "ID is invalid.")
        body = body_of(request)
        status = body.get("status")
        if status is not None and status not in STATUSES:
            listed = ", ".join(STATUSES)
            raise lists.BadParameters({"status": f"status is not one of {listed}."})
        app.state.put(order, body)
        return answer(app.json(order, request))


def batch_orders(app: StoreApp, request: Request, _found: re.Match[str]) -> Response:
    """POST /orders/batch checks nothing in its items: an unknown status becomes pending."""
    with app.state.lock:
        items = body_of(request).get("update", [])
        if not isinstance(items, list) or len(items) > 100:
            return error(
                413,
                "woocommerce_rest_request_entity_too_large",
                "Unable to accept more than 100 items for this request.",
            )
        done: list[Json] = []
        for item in items:
            order = app.state.orders.get(int(item.get("id", 0)))
            if order is None:
                problem = {"code": INVALID_ID, "message": "Invalid ID.", "data": {"status": 400}}
                done.append({"id": item.get("id"), "error": problem})
                continue
            status = item.get("status", order.status)
            app.state.put(order, {**item, "status": status if status in STATUSES else "pending"})
            done.append(app.json(order, request))
        return answer({"update": done})


def refunds(app: StoreApp, request: Request, found: re.Match[str]) -> Response:
    """GET /orders/{id}/refunds."""
    with app.state.lock:
        order = app.state.orders.get(int(found["id"]))
        if order is None:
            return error(404, INVALID_ID, "Invalid order ID.")
        rows = [refund_json(r, app.dp(request), app.state.offset) for r in order.refunds]
        return _paged(rows, request)


def notes(app: StoreApp, request: Request, found: re.Match[str]) -> Response:
    """GET and POST /orders/{id}/notes."""
    with app.state.lock:
        order = app.state.orders.get(int(found["id"]))
        if order is None:
            return error(404, "woocommerce_rest_order_invalid_id", "Invalid order ID.")
        if request.method == "POST":
            order.notes.append(str(body_of(request).get("note", "")))
            return answer({"id": len(order.notes), "note": order.notes[-1]}, 201)
        return answer([{"id": n, "note": note} for n, note in enumerate(order.notes, 1)])


def list_products(app: StoreApp, request: Request, _found: re.Match[str]) -> Response:
    """GET /products: by SKU variations too, otherwise none; SKUs are compared without case."""
    with app.state.lock:
        found = [p for p in app.state.products.values() if p.status != "trash"]
        skus = {sku.casefold() for sku in request.args.get("sku", "").split(",") if sku}
        if skus:
            found = [p for p in found if p.sku.casefold() in skus]
        else:
            found = [p for p in found if not p.parent_id]
        include = {int(i) for i in request.args.get("include", "").split(",") if i.isdigit()}
        if include:
            found = [p for p in found if p.id in include]
        return _paged([_product(app, p.id) for p in found], request)


def get_product(app: StoreApp, _request: Request, found: re.Match[str]) -> Response:
    """GET /products/{id}."""
    with app.state.lock:
        if int(found["id"]) not in app.state.products:
            return error(404, "woocommerce_rest_product_invalid_id", "Invalid ID.")
        return answer(_product(app, int(found["id"])))


def variations(app: StoreApp, request: Request, found: re.Match[str]) -> Response:
    """GET /products/{id}/variations."""
    with app.state.lock:
        rows = [
            _product(app, p.id)
            for p in app.state.products.values()
            if p.parent_id == int(found["id"]) and p.status != "trash"
        ]
        return _paged(rows, request)


def _product(app: StoreApp, product_id: int) -> Json:
    product = app.state.products[product_id]
    parent = app.state.products.get(product.parent_id) if product.parent_id else None
    children = [p for p in app.state.products.values() if p.parent_id == product_id]
    return product_json(product, parent, children)


def _paged(rows: list[Json], request: Request) -> Response:
    per_page, page, offset = lists.page_numbers(request.args)
    start = offset if offset is not None else (page - 1) * per_page
    headers = {"X-WP-Total": str(len(rows)), "X-WP-TotalPages": str(-(-len(rows) // per_page))}
    return answer(rows[start : start + per_page], headers=headers)


def setting(app: StoreApp, _request: Request, found: re.Match[str]) -> Response:
    """GET /settings/{group}/{id}."""
    for row in app.state.settings(found["group"]):
        if row["id"] == found["id"]:
            return answer(row)
    return error(404, "rest_setting_setting_invalid", "Invalid setting.")


def settings(app: StoreApp, _request: Request, found: re.Match[str]) -> Response:
    """GET /settings/{group}."""
    return answer(app.state.settings(found["group"]))


def taxes(app: StoreApp, request: Request, _found: re.Match[str]) -> Response:
    """GET /taxes."""
    rows: list[Json] = [
        {
            "id": rate.id,
            "rate": f"{rate.percent:.4f}",
            "name": rate.label,
            "compound": rate.compound,
            "shipping": rate.shipping,
            "class": rate.tax_class or "standard",
        }
        for rate in app.state.rates
    ]
    return _paged(rows, request)


ROUTES: tuple[tuple[str, Mapping[str, Route]], ...] = (
    (r"/orders/?", {"GET": list_orders}),
    (r"/orders/batch", {"POST": batch_orders}),
    (r"/orders/(?P<id>\d+)", {"GET": get_order, "PUT": put_order}),
    (r"/orders/(?P<id>\d+)/refunds", {"GET": refunds}),
    (r"/orders/(?P<id>\d+)/notes", {"GET": notes, "POST": notes}),
    (r"/products/?", {"GET": list_products}),
    (r"/products/(?P<id>\d+)", {"GET": get_product}),
    (r"/products/(?P<id>\d+)/variations", {"GET": variations}),
    (r"/settings/(?P<group>\w+)", {"GET": settings}),
    (r"/settings/(?P<group>\w+)/(?P<id>\w+)", {"GET": setting}),
    (r"/taxes", {"GET": taxes}),
)
