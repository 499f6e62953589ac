"""How an order was sent: WooCommerce's own Fulfillments, and the entries of tracking plugins.

Measured on 11.0.1: quantities are not checked, the same POST again makes a second one, a PUT
replaces all meta, and the feature is off unless somebody switches it on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from werkzeug.wrappers import Response

from katana_woo_sync.sandbox.woocommerce.api import ApiError, Call, answer, body_of, no_route, route
from katana_woo_sync.sandbox.woocommerce.lines import Meta
from katana_woo_sync.sandbox.woocommerce.orders import Order, add_note
from katana_woo_sync.sandbox.woocommerce.resource import Json, field, shown
from katana_woo_sync.sandbox.woocommerce.state import Controls, StoreState

NO_ORDER = ("Invalid order ID.", "woocommerce_rest_order_invalid_id")
STATUS_META = "_fulfillment_status"
SHIPMENT_TRACKING, AST = "wc-shipment-tracking/v3", "wc-ast/v3"
"""The namespaces of the tracking plugins."""


def _gmt(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"


@dataclass(frozen=True, kw_only=True)
class Fulfillment:
    """A part of an order that was sent."""

    id: int
    entity_type: str = field(stored=False, default="WC_Order")
    order_id: int = field(name="entity_id", show=lambda part, _view: str(part.order_id))
    status: str
    is_fulfilled: bool
    updated: datetime = field(name="date_updated", show=lambda part, _view: _gmt(part.updated))
    date_deleted: None = None
    meta: tuple[Meta, ...] = field(
        name="meta_data",
        show=lambda part, _view: [
            {"id": each.id, "key": each.key, "value": each.value} for each in part.meta
        ],
    )

    @property
    def values(self) -> dict[str, object]:
        """Its meta by key."""
        return {each.key: each.value for each in self.meta}


@dataclass(frozen=True, kw_only=True)
class Tracking:
    """An entry of a tracking plugin."""

    tracking_id: str
    tracking_provider: str
    tracking_link: str
    tracking_number: str
    date_shipped: str


def _bad(message: str) -> ApiError:
    """A refusal of the Fulfillments: its code is 0."""
    return ApiError(400, 0, message)


def _order(call: Call) -> Order:
    if not call.state.has_fulfillments:
        raise no_route()
    try:
        return call.order(*NO_ORDER)
    except ApiError as error:
        error.data["status"] = str(error.status)  # a text, here alone
        raise


def _part(call: Call) -> Fulfillment:
    order = _order(call)
    part = call.state.fulfillments.get(call.id("part"))
    if part is None or part.order_id != order.id:
        raise ApiError(404, "woocommerce_rest_invalid_fulfillment_id", "Invalid fulfillment ID.")
    return part


def _read(call: Call, order: Order, part_id: int) -> Fulfillment:
    """A fulfilment as a POST or PUT sends it. Raises `ApiError`."""
    body = body_of(call.request)
    sent = body.get("meta_data")
    given = [each for each in sent if isinstance(each, dict)] if isinstance(sent, list) else []
    values = {str(each.get("key")): each.get("value") for each in given}
    items = values.get("_items")
    if not isinstance(items, list) or not items:
        raise _bad("The fulfillment should contain at least one item.")
    known = {line.id for line in order.lines}
    for item in items:
        item_id = item.get("item_id") if isinstance(item, dict) else None
        if type(item_id) is not int or item_id not in known:
            raise _bad("Invalid item.")
    now = call.state.clock()
    if body.get("is_fulfilled"):
        values.setdefault("_date_fulfilled", _gmt(now))
    return Fulfillment(
        id=part_id,
        order_id=order.id,
        status=str(body.get("status", "unfulfilled")),
        is_fulfilled=bool(body.get("is_fulfilled")),
        updated=now,
        meta=tuple(Meta(call.state.next_meta(), key, value, key) for key, value in values.items()),
    )


def _keep(call: Call, order: Order, part: Fulfillment, done: str) -> None:
    """Keep a fulfilment. The order's meta and modification follow, its status does not."""
    state = call.state
    state.fulfillments[part.id] = part
    _follow(state, order)
    mailed = body_of(call.request).get("notify_customer") is True
    state.shipment_mails += [part.id] if mailed else []
    add_note(state, order, f"Fulfillment #{part.id} {done}.")


def _follow(state: StoreState, order: Order) -> None:
    parts = [p for p in state.fulfillments.values() if p.order_id == order.id and p.is_fulfilled]
    sent = sum((Decimal(str(i["qty"])) for p in parts for i in _items(p)), Decimal(0))
    wanted = sum((line.quantity for line in order.lines if line.kind == "item"), Decimal(0))
    order.modified = state.clock()
    if parts:
        status = "fulfilled" if sent >= wanted else "partially_fulfilled"
        entry = order.meta.get(STATUS_META, (state.next_meta(), ""))
        order.meta[STATUS_META] = (entry[0], status)
    else:
        order.meta.pop(STATUS_META, None)


def _items(part: Fulfillment) -> Sequence[Mapping[str, object]]:
    items = part.values["_items"]
    return items if isinstance(items, list) else []


def _listed(call: Call, part: Fulfillment) -> Json:
    """A fulfilment as GET answers it: there a flag is a text."""
    return {**shown(part, call.view), "is_fulfilled": "1" if part.is_fulfilled else ""}


@route("GET", r"/orders/(?P<id>\d+)/fulfillments")
def list_fulfillments(call: Call) -> Response:
    """GET /orders/{id}/fulfillments."""
    with call.state.lock:
        order = _order(call)
        parts = [p for p in call.state.fulfillments.values() if p.order_id == order.id]
        return answer([_listed(call, part) for part in parts])


@route("POST", r"/orders/(?P<id>\d+)/fulfillments")
def post_fulfillment(call: Call) -> Response:
    """POST /orders/{id}/fulfillments."""
    with call.state.lock:
        order = _order(call)
        part = _read(call, order, call.state.next_meta())  # no post: it takes none of their ids
        _keep(call, order, part, "created")
        return answer(shown(part, call.view), 201)


@route("GET", r"/orders/(?P<id>\d+)/fulfillments/(?P<part>\d+)")
def get_fulfillment(call: Call) -> Response:
    """GET /orders/{id}/fulfillments/{part}."""
    with call.state.lock:
        return answer(_listed(call, _part(call)))


@route("PUT", r"/orders/(?P<id>\d+)/fulfillments/(?P<part>\d+)")
def put_fulfillment(call: Call) -> Response:
    """PUT /orders/{id}/fulfillments/{part}: all its meta is what is sent."""
    with call.state.lock:
        before, order = _part(call), _order(call)
        part = _read(call, order, before.id)
        kept = {each.key: each.id for each in before.meta}
        meta = tuple(replace(each, id=kept.get(each.key, each.id)) for each in part.meta)
        part = replace(part, meta=meta)
        _keep(call, order, part, "updated")
        return answer(shown(part, call.view))


@route("DELETE", r"/orders/(?P<id>\d+)/fulfillments/(?P<part>\d+)")
def delete_fulfillment(call: Call) -> Response:
    """DELETE /orders/{id}/fulfillments/{part}."""
    with call.state.lock:
        part = _part(call)
        del call.state.fulfillments[part.id]
        _follow(call.state, _order(call))
        return answer({"message": "Fulfillment deleted successfully."})


PLUGINS = r"(?P<plugin>wc-shipment-tracking|wc-ast)/v3"
TRACKINGS = r"/orders/(?P<id>\d+)/shipment-trackings"


def _trackings(call: Call) -> list[Tracking]:
    if f"{call.found['plugin']}/v3" not in call.state.tracking_plugins:
        raise no_route()
    return call.state.trackings.setdefault(call.order(*NO_ORDER).id, [])


@route("GET", TRACKINGS, namespace=PLUGINS)
def list_trackings(call: Call) -> Response:
    """GET /orders/{id}/shipment-trackings of a plugin."""
    with call.state.lock:
        return answer([shown(entry, call.view) for entry in _trackings(call)])


@route("POST", TRACKINGS, namespace=PLUGINS)
def post_tracking(call: Call) -> Response:
    """POST /orders/{id}/shipment-trackings of a plugin. The same again makes a second one."""
    with call.state.lock:
        entries, body = _trackings(call), body_of(call.request)
        tracking_number = body.get("tracking_number")
        if not isinstance(tracking_number, str) or not tracking_number:
            message = "Missing parameter(s): tracking_number"
            raise ApiError(400, "rest_missing_callback_param", message, params=["tracking_number"])
        carrier = body.get("tracking_provider") or body.get("custom_tracking_provider")
        entry = Tracking(
            tracking_id=f"{call.state.next_meta():032x}",
            tracking_provider=str(carrier or ""),
            tracking_link=str(body.get("custom_tracking_link") or ""),
            tracking_number=tracking_number,
            date_shipped=str(body.get("date_shipped") or f"{call.state.clock():%Y-%m-%d}"),
        )
        entries.append(entry)
        return answer(shown(entry, call.view), 201)


@route("DELETE", TRACKINGS + r"/(?P<entry>\w+)", namespace=PLUGINS)
def delete_tracking(call: Call) -> Response:
    """DELETE /orders/{id}/shipment-trackings/{entry} of a plugin."""
    with call.state.lock:
        entries, wanted = _trackings(call), call.found["entry"]
        found = [entry for entry in entries if entry.tracking_id == wanted]
        if not found:
            code = "woocommerce_rest_shipment_tracking_invalid_id"
            raise ApiError(404, code, "Invalid shipment tracking ID.")
        entries.remove(found[0])
        return answer(shown(found[0], call.view))


class ShipmentControls(Controls):
    """What people switch on, and what they see of an order's shipments."""

    def switch_on_fulfillments(self, *, on: bool = True) -> None:
        """WooCommerce's feature, which is off by default."""
        self.state.has_fulfillments = on

    def install(self, namespace: str) -> None:
        """Install a tracking plugin."""
        self.state.tracking_plugins.add(namespace)

    def fulfillments(self, order_id: int) -> list[Fulfillment]:
        """An order's Fulfillments, oldest first."""
        with self.state.lock:
            return [p for p in self.state.fulfillments.values() if p.order_id == order_id]

    def trackings(self, order_id: int) -> list[Tracking]:
        """What a tracking plugin has of an order, oldest first."""
        with self.state.lock:
            return list(self.state.trackings.get(order_id, ()))

    @property
    def shipment_mails(self) -> list[int]:
        """The Fulfillments whose buyers were mailed, by their ids."""
        return self.state.shipment_mails
