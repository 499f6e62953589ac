"""The REST API of a sandbox store: who may ask, which route answers, and WordPress's answers.

A resource's file declares its routes with `route`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlencode

import msgspec
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Request, Response

from katana_woo_sync.sandbox.woocommerce.oauth import Gate, Refused
from katana_woo_sync.sandbox.woocommerce.parameters import BadParameters, Checked, Page
from katana_woo_sync.sandbox.woocommerce.resource import Json, View
from katana_woo_sync.sandbox.woocommerce.state import StoreState

if TYPE_CHECKING:
    from katana_woo_sync.sandbox.woocommerce.orders import Order

R = TypeVar("R")
BATCH_LIMIT = 100
CACHED = re.compile(r"/wc/v3/(products|variations|taxes)\b")
JSON_TYPE = "application/json; charset=UTF-8"
HTML_TYPE = "text/html; charset=UTF-8"


class ApiError(Exception):
    """An error that the API answers with."""

    def __init__(self, status: int, code: str | int, message: str, **data: object) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.data: Json = {"status": status, **data}

    def body(self) -> Json:
        """The error as JSON."""
        return {"code": self.code, "message": self.message, "data": self.data}


def answer(value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON answer."""
    found = {"X-Robots-Tag": "noindex", "X-Content-Type-Options": "nosniff", **(headers or {})}
    return Response(_encoded(value), status, headers=found, content_type=JSON_TYPE)


def _encoded(value: object) -> bytes:
    """The value as JSON; half an emoji, which a plugin cut, as the escape that PHP's JSON has."""
    try:
        return msgspec.json.encode(value)
    except UnicodeEncodeError:
        return json.dumps(msgspec.to_builtins(value)).encode()


def error(problem: ApiError) -> Response:
    """An error's answer."""
    return answer(problem.body(), problem.status)


def page_of_html(title: str, status: int) -> Response:
    """A page of the shop, which is no answer of its API."""
    text = f'<!DOCTYPE html>\n<html lang="en-US"><head><title>{title}</title></head><body></body>'
    return Response(text + "</html>\n", status, content_type=HTML_TYPE)


def no_route() -> ApiError:
    """What there is no route for."""
    message = "No route was found matching the URL and request method."
    return ApiError(404, "rest_no_route", message)


def invalid_params(bad: BadParameters) -> ApiError:
    """Parameters that WordPress refuses."""
    return ApiError(
        400,
        "rest_invalid_param",
        f"Invalid parameter(s): {', '.join(bad.params)}",
        params={name: wrong.message for name, wrong in bad.params.items()},
        details={
            name: {"code": wrong.code, "message": wrong.message, "data": wrong.data}
            for name, wrong in bad.params.items()
        },
    )


def invalid_json(body: bytes) -> ApiError:
    """A body that is announced as JSON and is none."""
    try:
        body.decode()
    except UnicodeDecodeError:
        number, text = 5, "Malformed UTF-8 characters, possibly incorrectly encoded"
    else:
        number, text = 4, "Syntax error"
    return ApiError(
        400,
        "rest_invalid_json",
        "Invalid JSON body passed.",
        json_error_code=number,
        json_error_message=text,
    )


def body_of(request: Request) -> dict[str, object]:
    """The parameters in the body: JSON if it is announced as such, or a form. Anything else, and
    JSON that is no object, is ignored. Raises `ApiError` for broken JSON."""
    if request.mimetype == "application/x-www-form-urlencoded":
        return dict(request.form.items())
    raw = request.get_data()
    if request.mimetype != "application/json" or not raw:
        return {}
    try:
        data = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise invalid_json(raw) from None
    return data if isinstance(data, dict) else {}


def fields_of(request: Request) -> list[str]:
    """The names in `_fields`."""
    text = request.args.get("_fields", "")
    return [name.strip() for name in text.split(",") if name.strip()]


def trimmed(record: Json, names: Sequence[str]) -> Json:
    """Only the fields asked for. `billing.email` reaches into an object; into a list nothing does:
    `line_items.sku` drops the list."""
    if not names:
        return record
    inner: dict[str, list[str]] = {}
    for name in names:
        key, _dot, rest = name.partition(".")
        inner.setdefault(key, []).append(rest)
    found: Json = {}
    for key, value in record.items():
        if key in inner:
            if "" in inner[key]:
                found[key] = value
            elif isinstance(value, dict):
                found[key] = trimmed(value, inner[key])
    return found


def single(record: Json, request: Request, status: int = 200) -> Response:
    """One record. `_fields` does not take its `_links` away."""
    names = fields_of(request)
    return answer(trimmed(record, [*names, "_links"] if names else []), status)


def listing(
    rows: Sequence[Json], total: int | None, page: Page, request: Request, url: str
) -> Response:
    """A page of a list, with its totals; without them where they are lost on the way."""
    names = fields_of(request)
    if total is None:
        return answer([trimmed(row, names) for row in rows])
    pages = -(-total // page.per_page)
    headers = {"X-WP-Total": str(total), "X-WP-TotalPages": str(pages), "Allow": "GET, POST"}
    links = []
    if page.number > 1:
        links.append(_page_link(request, url, min(page.number - 1, pages), "prev"))
    if page.number < pages:
        links.append(_page_link(request, url, page.number + 1, "next"))
    if links:
        headers["Link"] = ", ".join(links)
    return answer([trimmed(row, names) for row in rows], headers=headers)


def _page_link(request: Request, url: str, number: int, rel: str) -> str:
    query = [(key, value) for key, value in request.args.items(multi=True) if key != "page"]
    return f'<{url}?{urlencode([*query, ("page", str(number))])}>; rel="{rel}"'


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

    def order(self, message: str, code: str) -> Order:
        """The order in the address. Raises the 404 for one that is not there."""
        order = self.state.orders.get(self.id())
        if order is None:
            raise ApiError(404, code, message)
        return order

    def listing(self, rows: list[Json]) -> Response:
        """The page that is asked for, of these rows. Raises `BadParameters`."""
        return self.listing_of(rows, lambda row: row)

    def listing_of(self, records: list[R], shown: Callable[[R], Json]) -> Response:
        """The page that is asked for, of these records; only its own are made into rows. Raises
        `BadParameters`."""
        checked = Checked(self.query)
        page = checked.page(self.state)
        checked.check()
        chosen = [shown(record) for record in records[page.start : page.start + page.per_page]]
        given = [row for row in chosen if row.get("id") not in self.state.held_back]
        return self.page_of(given, len(records), page)

    def page_of(self, rows: Sequence[Json], total: int, page: Page) -> Response:
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

ROUTES: list[tuple[re.Pattern[str], dict[str, Route]]] = []
"""The routes that the resources declared, by pattern and method."""


def route(methods: str, pattern: str, namespace: str = "wc/v3") -> Callable[[Route], Route]:
    """Declare what answers the route in these methods."""
    compiled = re.compile(f"/{namespace}{pattern}")

    def declared(work: Route) -> Route:
        known = next((found for each, found in ROUTES if each == compiled), None)
        if known is None:
            known = {}
            ROUTES.append((compiled, known))
        known.update(dict.fromkeys(methods.split(), work))
        return work

    return declared


class StoreApp:
    """Answers requests from a store's state. One request at a time, under the state's lock.

    `permalinks` is WordPress's setting: "pretty", "index" (`/index.php/wp-json`), or "plain", under
    which keys do not work.
    """

    def __init__(self, state: StoreState, gate: Gate, *, permalinks: str = "pretty") -> None:
        self.state = state
        self.gate = gate
        self.path = state.path
        self.permalinks = permalinks
        self.before_list: list[Callable[[], None]] = []
        self.on_list: Callable[[], None] | None = None
        self.broken_orders: set[int] = set()
        """Orders on which a plugin fails: every answer that holds one is a 500."""
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
        except BadParameters as bad:
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
        if not route.startswith(("/wc/", "/wc-")):
            return self._index(request, route)
        try:
            with self.state.lock:
                admitted = self._knows_key(request)
        except Refused as refused:
            raise ApiError(401, refused.code, refused.message) from None
        for pattern, methods in ROUTES:
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
        own = ["oembed/1.0", "wc/v3", "wc/v1", "wc/v2", "wc/store", "wp/v2"]
        about: Json = {
            "name": self.state.name,
            "description": "",
            "url": url,
            "home": url,
            "gmt_offset": self.state.offset.total_seconds() / 3600,
            "timezone_string": "",
            "namespaces": [*own, *sorted(self.state.tracking_plugins)],
            "authentication": {},
            "routes": {},
        }
        return answer(trimmed(about, fields_of(request)))


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
