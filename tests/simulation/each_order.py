"""What must hold for each order once all has come to rest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from datetime import timedelta
from decimal import Decimal
from typing import Any, TypeGuard

from katana_woo_sync.domain.order_record import InKatana, OrderRecord, State
from katana_woo_sync.domain.reasons import Reason, about
from katana_woo_sync.domain.stock import holds_stock
from katana_woo_sync.domain.taxes import HALF_A_CENT
from katana_woo_sync.ledger import Ledger
from katana_woo_sync.sandbox.katana import SalesOrder
from katana_woo_sync.sandbox.woocommerce import Order
from tests.simulation.at_each_request import A_MINUTE
from tests.simulation.life import SHIPPED, Life, hold
from tests.simulation.money import (
    left_out_of,
    most_rounded,
    refunded_of,
    total_of_lines,
)
from tests.simulation.same_order import EXACT, is_the_order, usual_sku

SHOWN = frozenset({State.ATTENTION, State.FAILED, State.SKIPPED, State.IGNORED})
BY_STATUS = frozenset(reason for reason in Reason if reason.about.by_status)
WHERE_NOT_PROCESSING = BY_STATUS | {Reason.COMPLETED_UNSEEN_SKIPPED}


def holds_for(life: Life, ledger: Ledger, store: str, order: Order) -> None:
    """What must hold of an order, in Katana or not. Raises `Broken`."""
    world = life.world
    held = world.in_katana(order.id, shop=store)
    record = ledger.orders.get(life.identity(store), order.id)
    name = f"{store} order {order.id} ({order.status})"
    is_over = life.is_before_since(order)
    if life.imports(store, order.status) and not is_over:
        is_told = held or (is_shown(record) and record.reason not in WHERE_NOT_PROCESSING)
        if record is not None and about(record.reason).goods_elsewhere:
            is_told = is_elsewhere(life, store, order, ledger)
        hold(4, is_told, f"{name} is neither in Katana nor shown: {record}")
        is_gone = held and all(each.deleted_at and each.id in life.deleted for each in held)
        is_told = not is_gone or life.has_forgotten or is_shown(record)
        hold(4, is_told, f"{name} was deleted in Katana, and is not shown: {record}")
    is_new = order.created > life.connected and not is_over
    if life.is_completed(store, order.status) and is_new and not life.has_forgotten:
        is_told = held or (is_shown(record) and record.reason not in BY_STATUS)
        is_told = is_told or store in life.shops_set
        hold(4, is_told, f"{name} was never seen, and is not shown: {record}")
    if order.created < life.connected and not life.has_forgotten and record is not None:
        is_old = record.reason == Reason.COMPLETED_UNSEEN
        hold(4, not is_old, f"{name} is from before its shop was connected, and is shown")
    if not held:
        return
    (there,) = held
    is_part = order.parent_id and not there.deleted_at and not life.has_forgotten
    if is_part and not (
        life.processing[store, order.id] or life.processing[store, order.parent_id]
    ):
        whole = [o for o in world.in_katana(order.parent_id, shop=store) if not o.deleted_at]
        hold(1, not whole, f"{name}: its goods are in Katana with its parent's: {whole}")
    fees = world.katana.shipping_fees(there.id)
    hold(5, len(fees) <= 1, f"{name} has {len(fees)} shipping fees")
    where = {there.location_id, *(row.location_id for row in there.rows)}
    hold(10, where == {life.place(store)}, f"{name} is at {where}")
    if record is not None:
        said = {note.reason for _at, note in ledger.orders.notes(record.identity, order.id)}
        _agrees(life, store, order, there, record, said, name)
        is_heard = order.status != "trash" and store not in life.shops_set
        for reason in [r for s, i, r in life.to_be_noted if (s, i) == (store, order.id)]:
            hold(26, reason in said or not is_heard, f"{name}: {reason} is not noted: {said}")
        mails, by_people = world.completions(order.id, shop=store), life.completed[store, order.id]
        hold(8, mails <= 1 + by_people, f"{name} was completed {mails} times")
        notes = world.shops[store].notes(order.id)
        written = Counter(str(note["note"]) for note in notes if note["author"] == "admin")
        is_once = set(written.values()) <= {1} or life.is_hasty or life.has_forgotten
        hold(8, is_once, f"{name}: a note is there twice: {written}")
        is_left_alone = (store, order.id) in life.ignored
        if "import_note = true" in life.top and not life.has_forgotten and not is_left_alone:
            is_noted = any(text.startswith("In Katana as ") for text in written)
            is_noted = is_noted or not said.isdisjoint((Reason.ADOPTED, Reason.NOTE_NOT_WRITTEN))
            hold(
                8, is_noted or record.note_failed, f"{name}: no note tells of its import: {record}"
            )


def _agrees(
    life: Life,
    store: str,
    order: Order,
    held: SalesOrder,
    record: OrderRecord,
    said: Collection[Reason],
    name: str,
) -> None:
    """What must hold of an order in Katana; `said` are the reasons of its notes."""
    if held.deleted_at is not None or record.in_katana is not InKatana.YES:
        return
    delivered, completed = held.status == "DELIVERED", life.is_completed(store, order.status)
    carried = record.completed_at or record.delivered_at
    explained = record.state in SHOWN or held.id in life.reverted
    explained = explained or carried is not None or record.state is State.FULFILLED
    hold(7, delivered == completed or explained, f"{name}: {held.status}, {record}")
    is_known = record.katana_status == held.status
    hold(18, is_known, f"{name} is {held.status} in Katana, and not {record.katana_status}")
    was_delivered = delivered or held.id in life.reverted
    was_completed = order.completed or SHIPPED in life.own_statuses(store)  # which has no date
    hold(7, was_delivered or not record.completed_at, f"{name} is completed: {record}")
    hold(7, was_completed or not record.delivered_at, f"{name} is delivered: {record}")
    is_untouched = held.status == "NOT_SHIPPED" and held.id not in life.worked_on
    is_to_go = 'cancelled = "delete"' in life.top and order.status == "cancelled"
    left_alone = record.state is State.IGNORED or not is_untouched
    hold(7, left_alone or not is_to_go, f"{name} is not deleted in Katana: {record}")
    if (store, order.id) in life.refunded and not life.has_forgotten:
        hold(20, record.delivered_at is None, f"{name} is delivered, and was refunded: {record}")
    if not life.processing[store, order.id]:
        ours = Decimal(str(life.world.shops[store].order(order.id)["total"]))
        refunded = refunded_of(life, order)  # before the import
        ours -= left_out_of(life, order) + refunded
        theirs = life.world.katana.order_total(held.id)
        agrees, words = abs(ours - theirs) < HALF_A_CENT, f"{name}: {ours}, {theirs}, {record}"
        noted = any(about(reason).explains_total for reason in said)
        hold(6, agrees or noted or record.money_differs, words)
        most = most_rounded(order)
        is_near = abs(ours - theirs) <= most or (
            abs(total_of_lines(life, order) - refunded - theirs) <= most
        )
        is_anothers = Reason.ADOPTED in said
        hold(6, is_near or is_anothers, f"not near: {words}")
        hold(6, not agrees or not record.money_differs, words)
        is_matched = abs(ours - theirs) < EXACT or record.money_differs or is_anothers
        hold(6, is_matched or "match_totals = true" not in life.top, f"not matched: {words}")
        is_the_order(life, store, order, held, name)
    _is_told(life, store, order, held, record, said, name)


def _is_told(
    life: Life,
    store: str,
    order: Order,
    held: SalesOrder,
    record: OrderRecord,
    said: Collection[Reason],
    name: str,
) -> None:
    """What a shop shows of deliveries, by entries and by notes."""
    is_explained = bool(record.note_failed) or record.state is State.IGNORED or life.has_forgotten
    is_explained = is_explained or Reason.NOTE_NOT_WRITTEN in said or life.set_back > timedelta(0)
    shop = life.world.shops[store]
    parcels = [part.values.get("_katana_fulfillment_id") for part in shop.fulfillments(order.id)]
    numbers = [entry.tracking_number for entry in shop.trackings(order.id)]
    shown = [*parcels, *numbers]
    is_once = len(shown) == len(set(shown)) or life.is_hasty
    hold(13, is_once, f"{name}: shown twice: {shown}")
    is_untold = record.state is State.IGNORED or Reason.SHIPMENT_NOT_TOLD in said
    # what was completed before it was adopted may have been shown before
    is_untold = is_untold or (Reason.ADOPTED in said and life.completed[store, order.id] > 0)
    if 'shipments = "auto"' in life.base[store] and not life.has_forgotten:
        for part in life.world.katana.fulfillments(held.id):
            if part.status == "DELIVERED" and part.tracking_number:
                is_told = part.tracking_number in numbers or str(part.id) in map(str, parcels)
                hold(13, is_told or is_untold, f"{name}: {part} is not shown: {shown}")
                in_time = part.id not in life.told_late or is_untold
                hold(13, in_time, f"{name}: {part} is shown after the order was completed")
        if not (life.processing[store, order.id] or is_untold):
            _is_shown_whole(life, store, order, held, name)
    is_noted = "tracking_note" in life.top and bool(record.completed_at) and not parcels
    if is_noted and order.status == "completed" and order.completed and store not in life.shops_set:
        for part in life.world.katana.fulfillments(held.id):
            number = part.tracking_number
            if number and part.updated_at < order.completed - A_MINUTE:
                told = [*numbers, *(str(note["note"]) for note in shop.notes(order.id))]
                is_told = is_explained or any(number in text for text in told)
                hold(8, is_told, f"{name}: {part} is not noted")
    is_own = record.shop_status == "completed" and not record.completed_at
    if is_own and held.id not in life.worked_on and not life.has_forgotten:
        hold(13, not shown, f"{name}: what this program delivered is shown: {shown}")


def _is_shown_whole(life: Life, store: str, order: Order, held: SalesOrder, name: str) -> None:
    """What a shop shows of a parcel is all of its goods, and how it is sent by now."""
    katana, shop = life.world.katana, life.world.shops[store]
    products, variants = shop.state.products, {v.id: v for v in katana.variants()}
    skus = {
        line.id: usual_sku(products[line.variation_id or line.product_id].sku)
        for line in order.lines
        if line.product_id
    }
    rows = {row.id: usual_sku(variants[row.variant_id].sku or "") for row in held.rows}
    parts = {str(part.id): part for part in katana.fulfillments(held.id)}
    for shown in shop.fulfillments(order.id):
        part = parts.get(str(shown.values.get("_katana_fulfillment_id")))
        if part is None or part.status != "DELIVERED":
            continue
        number = str(shown.values.get("_tracking_number") or "")
        hold(13, number == (part.tracking_number or ""), f"{name}: {part}, shown as {number}")
        inside, wanted = Counter[str](), Counter[str]()
        items: Any = shown.values.get("_items")
        for item in items:
            if item["item_id"] in skus:  # not a line without a product
                inside[skus[item["item_id"]]] += int(item["qty"])
        for row in part.rows:
            if rows[row.row_id] in skus.values():
                wanted[rows[row.row_id]] += int(row.quantity)
        hold(13, inside == wanted or order.refunds, f"{name}: {inside} is shown of {wanted}")


def is_shown(record: OrderRecord | None) -> TypeGuard[OrderRecord]:
    """Whether a person sees that something is with an order, and what."""
    if record is None or record.state not in SHOWN:
        return False
    return bool(record.reason) or record.state is State.IGNORED


def is_elsewhere(life: Life, store: str, order: Order, ledger: Ledger) -> bool:
    """Whether an order's parent, or a sub-order, is in Katana, may still come there, or was
    completed. The shop may have deleted it since."""
    orders = life.world.shops[store].state.orders
    others = {each.id for each in orders.values() if each.parent_id == order.id}
    others |= {r.order_id for r in ledger.orders.sub_orders(life.identity(store), order.id)}
    others |= {order.parent_id} - {0}
    there = [orders[each] for each in others & orders.keys()]
    is_there = [holds_stock(o.status) or life.is_completed(store, o.status) for o in there]
    return any(is_there) or any(life.world.in_katana(each, shop=store) for each in others)
