"""What must hold of each request that is sent, as it is sent."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any

from katana_woo_sync.sandbox.katana import SalesOrder
from katana_woo_sync.sandbox.woocommerce import Order
from katana_woo_sync.sync.import_slices import FRESH
from tests.simulation.life import Life


def look_at_request(life: Life, server: str, method: str, path: str, body: bytes) -> None:
    """What the program may never ask for. What it may not is raised after the step."""
    resource, _slash, last = path.rpartition("/")
    sent = json.loads(body) if body else {}
    if method == "DELETE" and resource.endswith("/sales_orders"):
        life.deleted.add(int(last))
        _look_at_deletion(life, int(last))
    if method == "POST" and path.endswith("/sales_orders"):
        _look_at_import(life, sent)
    if method == "POST" and path.endswith("/sales_order_fulfillments"):
        _look_at_delivery(life, int(sent["sales_order_id"]))
        _look_at_batches(life, sent)
    if method == "PATCH" and resource.endswith("/sales_orders") and "status" in sent:
        _look_at_delivery(life, int(last))
    shop = life.world.shops.get(server)
    if shop is None or life.is_odd or life.broken:
        return
    if resource.endswith("/orders") and "status" in sent:
        if sent["status"] != life.complete_to(server):
            life.breaks(f"P22 {server} order {last} becomes {sent['status']}")
        order = shop.state.orders.get(int(last))
        _is_to_be_carried(life, server, int(last))
        _look_for_shipments(life, server, int(last))
        if (
            order is not None
            and not life.is_completed(server, order.status)
            and not life.completes_from(server, order.status)
            and _is_known(life, server, order)  # else it changed since it was read
        ):
            life.breaks(f"P22 {server} order {last} is completed, and was {order.status}")
    if resource.endswith(("/products", "/variations")) and last == "batch":
        for each in sent["update"]:
            _look_at_stock(life, server, int(each["id"]))


def _look_at_stock(life: Life, store: str, item_id: int) -> None:
    """What is excluded is not set, nor what is not in Katana, or was counted by nobody there."""
    katana, place = life.world.katana, life.place(store)
    for sku in life.skus_of(store, item_id):
        there = life.sku_in_katana(sku)
        of_sku = [v.id for v in katana.variants() if v.sku == there and not v.deleted_at]
        is_counted = any(v in life.counted or katana.in_stock(v, place) > 0 for v in of_sku)
        if life.leaves_out(store, sku) or not is_counted:
            life.breaks(f"P11 {store}: the stock of {sku} is set")


def _look_at_import(life: Life, sent: Mapping[str, Any]) -> None:
    store = life.names[sent["ecommerce_store_name"]]
    order = life.world.shops[store].state.orders.get(int(sent["ecommerce_order_id"]))
    if order is not None and 'import_delay = "2m"' in life.top and not life.occurred["retry"]:
        age = life.world.clock.now - (order.paid or order.created)
        is_right = not life.shops_set and not life.set_back and not life.world.ours.ahead
        if is_right and order.status == "processing" and age < timedelta(minutes=2) - A_SECOND:
            life.breaks(f"P14 {store} order {order.id} is sent to Katana {age} after it was placed")
    if "multi_currency = false" in life.katana and sent["currency"] != "EUR":
        life.breaks(f"P2 {store} order {sent['order_no']} is sent to Katana in {sent['currency']}")
    if order is None or life.is_odd:
        return
    if life.imports(store, order.status) or life.is_completed(store, order.status):
        return
    if _is_known(life, store, order, OLDEST_COPY):
        life.breaks(f"P2 {store} order {order.id} is sent to Katana, and is {order.status}")


def _is_to_be_carried(life: Life, store: str, order_id: int) -> None:
    """What a person has left alone is neither delivered nor completed, nor is any order where that
    is switched off. (A request from before may still be on its way.)"""
    if life.is_odd or life.network.late:
        return
    if (store, order_id) in life.ignored:
        life.breaks(f"P4 {store} order {order_id} is carried over, and is to be left alone")
    if life.own[store] in ("sync_fulfillment = false", "paused = true"):
        life.breaks(f"P7 {store} order {order_id} is carried over in spite of {life.own[store]}")


def _look_for_shipments(life: Life, store: str, order_id: int) -> None:
    """The mail of a completion has the numbers of what was delivered before the run. (A shipment
    that cannot be told holds the order up once.)"""
    has_failed = life.network.occurred or any(life.occurred[name] for name in IN_THE_WAY)
    if has_failed or 'shipments = "auto"' not in life.base[store]:
        return
    shop, katana = life.world.shops[store], life.world.katana
    shown = {str(entry.tracking_number) for entry in shop.trackings(order_id)}
    shown |= {str(part.values.get("_tracking_number")) for part in shop.fulfillments(order_id)}
    for held in life.world.in_katana(order_id, shop=store):
        for part in katana.fulfillments(held.id):
            is_known = part.updated_at < life.begun and part.status == "DELIVERED"
            if is_known and part.tracking_number and part.tracking_number not in shown:
                life.told_late.add(part.id)


IN_THE_WAY = (
    *("crash", "late_commit", "stale_lists", "outage", "disk_full", "disk_fails", "set_our_clock"),
    *("drift", "two_at_once", "revoke_or_restore_key", "another_program_imports", "odd_answer"),
)
"""Steps after which a request may have been sent in vain, or something been heard of later."""


def _look_at_delivery(life: Life, sales_order_id: int) -> None:
    held = life.world.katana.sales_order(sales_order_id)
    _is_to_be_carried(life, life.names[str(held.ecommerce_store_name)], _shop_id(held))


def _shop_id(held: SalesOrder) -> int:
    return int(held.ecommerce_order_id or 0)


def _look_at_batches(life: Life, sent: Mapping[str, Any]) -> None:
    """The oldest batches go first, as they were a minute ago."""
    state, now = life.world.katana._state, life.world.clock.now
    rows = {row.id: row for row in life.world.katana.sales_order(sent["sales_order_id"]).rows}
    taken: dict[tuple[int, int], dict[int | None, Decimal]] = {}
    for part in sent["sales_order_fulfillment_rows"]:
        row = rows[part["sales_order_row_id"]]
        of_place = taken.setdefault((row.variant_id, row.location_id), {})
        for each in part.get("batch_transactions", ()):
            batch = each["batch_id"]
            of_place[batch] = of_place.get(batch, Decimal(0)) + Decimal(str(each["quantity"]))
    moved = {m.variant_id for m in state.movements if now - m.updated_at < A_MINUTE}
    for (variant, place), of_place in taken.items():
        oldest_first = [b.id for b in state.batches_of(variant)]
        left = {b: state.batch_stock.get((b, place), Decimal(0)) for b in oldest_first}
        for number, batch in enumerate(oldest_first):
            later = {*oldest_first[number + 1 :], None} & of_place.keys()
            if later and left[batch] > of_place.get(batch, 0) and variant not in moved:
                life.breaks(f"P20 goods of batches {of_place} are sent, and there are {left}")


def _look_at_deletion(life: Life, sales_order_id: int) -> None:
    """A person may have begun with it, or have moved the order on, after it was read."""
    held = life.world.katana.sales_order(sales_order_id)
    if life.is_odd or life.broken or held.deleted_at is not None:
        return
    if held.status != "NOT_SHIPPED" and life.world.clock.now - held.updated_at > A_MINUTE:
        life.breaks(f"P22 {held.order_no} is deleted in Katana, and was {held.status}")
    store = life.names[str(held.ecommerce_store_name)]
    order = life.world.shops[store].state.orders.get(_shop_id(held))
    if order is not None and _is_known(life, store, order) and order.status != "cancelled":
        life.breaks(f"P22 {store} order {order.id} is deleted in Katana, and is {order.status}")


A_SECOND, A_MINUTE = timedelta(seconds=1), timedelta(minutes=1)
OLDEST_COPY = FRESH + A_MINUTE
"""How old a copy may be that an order is imported from, by the time that it is sent."""


def _is_known(life: Life, store: str, order: Order, within: timedelta = A_MINUTE) -> bool:
    """Whether the program should have read an order as it is. (Both times are the shop's.)"""
    return life.world.shops[store].state.clock() - order.modified > within
