"""The REST API of the sandbox store: who may ask, which route answers, and the orders' routes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar

from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Request, Response

from katana_woo_sync.sandbox.woocommerce import lists
from katana_woo_sync.sandbox.woocommerce.answers import (
    Json,
    View,
    note_json,
    order_json,
    refund_json,
)
from katana_woo_sync.sandbox.woocommerce.oauth import Gate, Refused
from katana_woo_sync.sandbox.woocommerce.records import Order
from katana_woo_sync.sandbox.woocommerce.responses import (
    ApiError,
    answer,
    body_of,
    error,
    invalid_params,
    listing,
    no_route,
    page_of_html,
    single,
)
from katana_woo_sync.sandbox.woocommerce.store import StoreState, valid_status

R = TypeVar("R")
INVALID_ID = "woocommerce_rest_shop_order_invalid_id"
BATCH_LIMIT = 100
CACHED = re.compile(r"/wc/v3/(products|variations|taxes)\b")


class Call:
    """One request on its way to a route. `found` holds the ids in its address."""

    def __init__(self, app: StoreApp, request: Request, found: re.Match[str]) -> None:
        self.app = app
        self.state = app.state
        self.request = request
        self.found = found
        dp = request.args.get("dp", "")
        self.view = View(app.state, app.url_for(request), int(dp) if dp.isdigit() else None)

    @property
    def query(self) -> MultiDict[str, str]:
        """The parameters in the address."""
        return self.request.args

    @property
    def url(self) -> str:
        """The address without its parameters."""
        return self.view.url + self.request.path[len(self.app.path) :]

    def id(self, name: str = "id") -> int:
        """A number in the address."""
        return int(self.found[name])

    def listing(self, rows: list[Json]) -> Response:
        """The page that is asked for, of these rows. Raises `BadParameters`."""
        return self.listing_of(rows, lambda row: row)

    def listing_of(self, records: list[R], shown: Callable[[R], Json]) -> Response:
        """The page that is asked for, of these records; only its own are made into rows. Raises
        `BadParameters`."""
        checked = lists.Checked(self.query)
        page = checked.page(self.state)
        checked.check()
        chosen = [shown(record) for record in records[page.start : page.start + page.per_page]]
        given = [row for row in chosen if row.get("id") not in self.state.held_back]
        return self.page_of(given, len(records), page)

    def page_of(self, rows: Sequence[Json], total: int, page: lists.Page) -> Response:
        """A page's rows, as plugins leave them."""
        rows = [self.spoilt(row) for row in rows]
        told = total if self.state.tells_total else None
        return listing(rows, told, page, self.request, self.url)

    def spoilt(self, row: Json) -> Json:
        """A record as plugins leave it."""
        record_id = row.get("id")
        return {**row, **self.state.spoilt.get(record_id if isinstance(record_id, int) else 0, {})}

    def single(self, row: Json) -> Response:
        """One record, as plugins leave it."""
        return single(self.spoilt(row), self.request)


Route = Callable[[Call], Response]
Routes = tuple[tuple[re.Pattern[str], Mapping[str, Route]], ...]


def routes(table: Mapping[str, Mapping[str, Route]]) -> Routes:
    """Routes by pattern and method."""
    return tuple((re.compile(pattern), methods) for pattern, methods in table.items())


class StoreApp:
    """Answers requests from a store's state. One request at a time, under the state's lock.

    `permalinks` is WordPress's setting: "pretty", "index" (`/index.php/wp-json`), or "plain", under
    which keys do not work.
    """

    def __init__(
        self, state: StoreState, gate: Gate, path: str, table: Routes, *, permalinks: str = "pretty"
    ) -> None:
        self.state = state
        self.gate = gate
        self.path = path.rstrip("/")
        self.permalinks = permalinks
        self.before_list: list[Callable[[], None]] = []
        self.on_list: Callable[[], None] | None = None
        self.broken_orders: set[int] = set()
        """Orders on which a plugin fails: every answer that holds one is a 500."""
        self._table = table
        self.rest_cache: dict[str, Response] | None = None
        """What WooCommerce's REST cache (10.5, off unless switched on) keeps: answers about
        products, variations and taxes, which it gives again whatever was changed since."""

    def _past_cache(
        self, request: Request, route: str, work: Route, found: re.Match[str]
    ) -> Response:
        cache = self.rest_cache
        if cache is None or request.method != "GET" or not CACHED.match(route):
            return work(Call(self, request, found))
        asked = sorted(
            (name, value)
            for name, value in request.args.items(multi=True)
            if not name.startswith("oauth_")
        )
        if ("_skip_cache", "1") in asked:
            return work(Call(self, request, found))
        key = f"{route}?{asked}"
        hit = "HIT" if key in cache else "MISS"
        if key not in cache:
            cache[key] = work(Call(self, request, found))
        kept = cache[key]
        answered = Response(kept.get_data(), kept.status_code, headers=kept.headers)
        answered.headers["X-WC-Cache"] = hit
        return answered

    def url_for(self, request: Request) -> str:
        """The shop's own idea of its address."""
        scheme = "https" if self.gate.is_https(request) else "http"
        return (self.gate.address or f"{scheme}://{request.host}") + self.path

    def handle(self, request: Request) -> Response:
        """Answer a request."""
        if not request.path.startswith(f"{self.path}/"):
            return page_of_html("Page not found", 404)
        route = self._route_of(request, request.path[len(self.path) :])
        if isinstance(route, Response):
            return route
        try:
            return self._answer(request, route)
        except ApiError as problem:
            return error(problem)
        except lists.BadParameters as bad:
            return error(invalid_params(bad))

    def _route_of(self, request: Request, path: str) -> str | Response:
        """The route that WordPress makes of an address; a page where it is none of the API's."""
        if self.permalinks == "plain":
            return self._plain_route(request, path)
        prefix = "/index.php/wp-json" if self.permalinks == "index" else "/wp-json"
        if path == prefix or path.startswith(f"{prefix}/"):
            return path[len(prefix) :] or "/"
        if path in ("/", "/index.php"):
            return self._home(request, f"{self.url_for(request)}{prefix}/")
        return page_of_html("Page not found", 404)

    def _plain_route(self, request: Request, path: str) -> str | Response:
        route = request.args.get("rest_route")
        if path in ("/", "/index.php") and route:
            return route
        if not path.endswith("/"):
            query = request.query_string.decode()
            location = f"{request.path}/?{query}" if query else f"{request.path}/"
            return Response("", 301, headers={"Location": location, "X-Redirect-By": "WordPress"})
        return self._home(request, f"{self.url_for(request)}/index.php?rest_route=/")

    def _home(self, request: Request, api: str) -> Response:
        page = page_of_html(self.state.name, 200)
        page.headers["Link"] = f'<{api}>; rel="https://api.w.org/"'
        return page

    def _answer(self, request: Request, route: str) -> Response:
        if not route.startswith("/wc/"):
            return self._index(request, route)
        try:
            with self.state.lock:
                admitted = self._knows_key(request)
        except Refused as refused:
            raise ApiError(401, refused.code, refused.message) from None
        for pattern, methods in self._table:
            found = pattern.fullmatch(route.rstrip("/"))
            if found and request.method in methods:
                if not admitted:
                    raise _not_allowed(request.method, route)
                return self._past_cache(request, route, methods[request.method], found)
        raise no_route()

    def _knows_key(self, request: Request) -> bool:
        """Whether the key is good. Under plain permalinks WooCommerce looks for its own address in
        the request's, and looks at no key where it does not find it."""
        if self.permalinks == "plain" and "wp-json/wc/" not in request.full_path:
            if self.gate.is_https(request) and request.authorization is not None:
                raise Refused(UNKNOWN_USER, "invalid_username")
            return False
        return self.gate.admits(request, request.path)

    def _index(self, request: Request, route: str) -> Response:
        """What is not WooCommerce's. A key sent there is taken for a user of WordPress."""
        if self.gate.is_https(request) and request.authorization is not None:
            raise ApiError(401, "invalid_username", UNKNOWN_USER)
        if route != "/":
            raise no_route()
        url = self.url_for(request)
        return answer(
            {
                "name": self.state.name,
                "description": "",
                "url": url,
                "home": url,
                "gmt_offset": self.state.offset.total_seconds() / 3600,
                "timezone_string": "",
                "namespaces": ["oembed/1.0", "wc/v3", "wc/v1", "wc/v2", "wc/store", "wp/v2"],
                "authentication": {},
                "routes": {},
            }
        )


UNKNOWN_USER = "<strong>Error:</strong> Unknown username. Check again or try your email address."


def _not_allowed(method: str, route: str) -> ApiError:
    """What a request without a known key gets."""
    if route.endswith("/batch"):
        action, text = "batch", "are not allowed to batch manipulate this resource"
    elif method == "GET" and re.search(r"/\d+$", route):
        action, text = "view", "cannot view this resource"
    elif method == "GET":
        action, text = "view", "cannot list resources"
    elif method == "POST" and not re.search(r"/\d+$", route):
        action, text = "create", "are not allowed to create resources"
    else:
        action, text = "edit", "are not allowed to edit this resource"
    return ApiError(401, f"woocommerce_rest_cannot_{action}", f"Sorry, you {text}.")


def list_orders(call: Call) -> Response:
    """GET /orders."""
    hooks = call.app.before_list
    if hooks:
        hooks.pop(0)()
    if call.app.on_list is not None:
        call.app.on_list()
    with call.state.lock:
        found, page = lists.list_orders(call.state, call.query)
        _break(call, (order.id for order in found.rows))
        rows = [order_json(order, call.view) for order in found.rows]
        return call.page_of(rows, found.total, page)


def get_order(call: Call) -> Response:
    """GET /orders/{id}: one in the trash answers too."""
    with call.state.lock:
        order = _order(call, "Invalid ID.")
        _break(call, [order.id])
        return call.single(order_json(order, call.view))


def _break(call: Call, order_ids: Iterable[int]) -> None:
    """Fail as PHP does when a plugin's code dies on one of the orders."""
    if call.app.broken_orders.intersection(order_ids):
        message = "There has been a critical error on this website."
        raise ApiError(500, "internal_server_error", message)


def _order(call: Call, message: str, code: str = INVALID_ID) -> Order:
    order = call.state.orders.get(call.id())
    if order is None:
        raise ApiError(404, code, message)
    return order


def unknown_to_write(state: StoreState) -> ApiError:
    """What writing to an unknown order gets: a 400."""
    return ApiError(400, INVALID_ID, "ID is invalid." if state.is_at_least(10) else "Invalid ID.")


def put_order(call: Call) -> Response:
    """PUT /orders/{id}."""
    body = body_of(call.request)
    with call.state.lock:
        status = body.get("status")
        if status is not None and not valid_status(call.state, status):
            wrong = lists.not_one_of("status", call.state.statuses)
            raise lists.BadParameters({"status": wrong})
        order = call.state.orders.get(call.id())
        if order is None:
            raise unknown_to_write(call.state)
        call.state.put(order, body)
        return single(order_json(order, call.view), call.request)


def delete_order(call: Call) -> Response:
    """DELETE /orders/{id}: to the trash, with `force` for good."""
    with call.state.lock:
        order = _order(call, "Invalid ID.")
        if call.query.get("force") == "true":
            del call.state.orders[order.id]
        elif order.status != "trash":
            order.status_before_trash, order.status = order.status, "trash"
            order.modified = call.state.clock()
        return single(order_json(order, call.view), call.request)


def batch_items(call: Call) -> dict[str, list[object]]:
    """A batch's items by what is to be done with them. Raises `ApiError` above a hundred."""
    body = body_of(call.request)
    items: dict[str, list[object]] = {}
    for name in ("create", "update", "delete"):
        value = body.get(name)
        if isinstance(value, list) and value:
            items[name] = value
    if sum(len(rows) for rows in items.values()) > BATCH_LIMIT:
        raise ApiError(
            413,
            "woocommerce_rest_request_entity_too_large",
            f"Unable to accept more than {BATCH_LIMIT} items for this request.",
        )
    return items


def batch_orders(call: Call) -> Response:
    """POST /orders/batch checks nothing in its items: an unknown status becomes pending."""
    items = batch_items(call)
    if "create" in items:
        message = "This sandbox places orders by its own methods only."
        raise ApiError(501, "sandbox_cannot_create", message)
    with call.state.lock:
        done: dict[str, list[Json]] = {}
        for name, rows in items.items():
            one = _update_one if name == "update" else _delete_one
            done[name] = [one(call, row) for row in rows]
        return answer(done)


def _update_one(call: Call, item: object) -> Json:
    body = item if isinstance(item, dict) else {}
    order_id = body.get("id")
    order = call.state.orders.get(order_id) if isinstance(order_id, int) else None
    if order is None:
        return {"id": order_id, "error": unknown_to_write(call.state).body()}
    status = body.get("status")
    if status is not None and not valid_status(call.state, status):
        body = {**body, "status": "pending"}
    call.state.put(order, body)
    return order_json(order, call.view)


def _delete_one(call: Call, order_id: object) -> Json:
    order = call.state.orders.get(order_id) if isinstance(order_id, int) else None
    if order is None:
        problem = ApiError(404, INVALID_ID, "Invalid ID.")
        return {"id": order_id, "error": problem.body()}
    del call.state.orders[order.id]  # a batch deletes for good
    return order_json(order, call.view)


LOST_REFUND: Json = {
    "code": "woocommerce_rest_invalid_order_refund_id",
    "message": "Invalid order refund ID.",
    "data": {"status": 404},
}
"""What stands in the list for a refund that the shop lost a part of."""


def list_refunds(call: Call) -> Response:
    """GET /orders/{id}/refunds, newest first unless it says otherwise."""
    with call.state.lock:
        order = _order(call, "Invalid order ID.", "woocommerce_rest_invalid_order_id")
        oldest_first = call.query.get("order", "desc") == "asc"
        refunds = sorted(order.refunds, key=lambda r: r.id, reverse=not oldest_first)
        return call.listing(
            [
                LOST_REFUND if refund.listed == "error" else refund_json(refund, order, call.view)
                for refund in refunds
                if refund.listed != "missing"
            ]
        )


def list_notes(call: Call) -> Response:
    """GET /orders/{id}/notes, newest first."""
    with call.state.lock:
        order = _order(call, "Invalid order ID.", "woocommerce_rest_order_invalid_id")
        notes = sorted(order.notes, key=lambda note: note.id)
        notes.sort(key=lambda note: note.created.replace(microsecond=0), reverse=True)
        return answer([note_json(note, order, call.view) for note in notes])


def post_note(call: Call) -> Response:
    """POST /orders/{id}/notes."""
    body = body_of(call.request)
    text = body.get("note")
    if not isinstance(text, str):
        message = "Missing parameter(s): note"
        raise ApiError(400, "rest_missing_callback_param", message, params=["note"])
    with call.state.lock:
        order = _order(call, "Invalid order ID.", "woocommerce_rest_order_invalid_id")
        mailed = body.get("customer_note") is True
        note = call.state.add_note(order, text, author="admin", to_customer=mailed)
        return answer(note_json(note, order, call.view), 201)


ORDER_ROUTES = routes(
    {
        r"/wc/v3/orders": {"GET": list_orders},
        r"/wc/v3/orders/batch": {"POST": batch_orders},
        r"/wc/v3/orders/(?P<id>\d+)": {
            "GET": get_order,
            "PUT": put_order,
            "PATCH": put_order,
            "POST": put_order,
            "DELETE": delete_order,
        },
        r"/wc/v3/orders/(?P<id>\d+)/refunds": {"GET": list_refunds},
        r"/wc/v3/orders/(?P<id>\d+)/notes": {"GET": list_notes, "POST": post_note},
    }
)
