"""Rule 17: each delivery in Katana is told to the shop, where its buyers and its mails look.

What a shop has is looked at before anything is written, so that a delivery is told once, also
after a crash, a lost answer, or with a new ledger.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from decimal import Decimal

from msgspec.structs import replace

from katana_woo_sync.clients.errors import BadRequest, NoRoute, NotFound
from katana_woo_sync.domain.cursors import (
    FULFILLMENTS,
    KATANA_OVERLAP,
    advance,
    is_beyond,
    read_from,
)
from katana_woo_sync.domain.deliveries import Fulfillment
from katana_woo_sync.domain.katana import SalesOrderRow
from katana_woo_sync.domain.order_record import OrderRecord, State
from katana_woo_sync.domain.order_rules import COMPLETED, Note
from katana_woo_sync.domain.products import in_katana
from katana_woo_sync.domain.reasons import Reason
from katana_woo_sync.domain.shipments import (
    Parcel,
    ShipmentWay,
    fulfillment_body,
    is_told,
    items_of,
    parcel_of,
    tracking_body,
)
from katana_woo_sync.domain.woocommerce import LineItem
from katana_woo_sync.ledger.shipments import UNREAD, UNTRACKED, Shipment
from katana_woo_sync.ledger.sqlite import read_time, time_text
from katana_woo_sync.sync.context import A_SLICE, Context, Store, log
from katana_woo_sync.sync.deliveries import is_delivering
from katana_woo_sync.sync.failures import part_of_order

AGAIN_AFTER = tuple(timedelta(minutes=m) for m in (3, 30, 120, 360, 720))
"""How long after an attempt the next one comes, where it brought no answer: not before the shop
could have carried it out. Then it is let go."""

FIRST_LOOK = timedelta(days=1)
"""How far back the first reading goes: what a lost ledger had not told yet."""

ASKED_EVERY = timedelta(days=1)
"""How often a shop is asked where it shows shipments."""


def read_shipments(context: Context) -> None:
    """Ask Katana which fulfilments changed, and keep what shops are to be told: one request, where
    a store wants it. Raises a `ServiceError`."""
    stores = {s.identity: s for s in context.stores.values() if s.settings.shipments == "auto"}
    if not stores:
        return
    ledger, cursor = context.ledger, context.ledger.stores.cursor(FULFILLMENTS)
    first, is_first_look = context.now_in_katana() - FIRST_LOOK, cursor is None
    since = read_from(cursor, KATANA_OVERLAP)
    changed = context.katana.fulfillments_changed(since or first)
    if is_beyond(cursor, changed.as_of, KATANA_OVERLAP):
        cursor, changed = None, context.katana.fulfillments_changed(first)
    with ledger.atomic():
        known = ledger.orders.by_sales_order([int(part.sales_order_id) for part in changed.parts])
        for part in changed.parts:
            record = known.get(int(part.sales_order_id))
            if record is not None and record.identity in stores:
                store = stores[record.identity]
                _keep(context, store, record, part, is_first_look=is_first_look)
        mark = changed.mark
        if cursor is None or cursor.mark is None:
            mark = mark or first  # an empty list: the next look begins where this one did
        moved = advance(cursor, mark, context.clock(), KATANA_OVERLAP)
        ledger.stores.set_cursor(FULFILLMENTS, moved)


def _keep(
    context: Context, store: Store, record: OrderRecord, part: Fulfillment, *, is_first_look: bool
) -> None:
    """What becomes of a fulfilment that changed; call inside a step."""
    shipments, key = context.ledger.shipments, (store.identity, record.order_id, int(part.id))
    known, parcel = shipments.find(*key), parcel_of(part)
    if parcel is None:
        if known is not None:
            shipments.forget(*key)
            if known.entry:
                detail = known.parcel.words
                context.note(store, record, Note(Reason.SHIPMENT_TAKEN_BACK, detail))
        return
    if known is not None:
        if known.parcel != parcel:
            shipments.keep(*key, parcel)
            shipments.hasten(*key[:2], context.clock() + AGAIN_AFTER[0])
        return
    is_own = record.delivered_at is not None or is_delivering(context, record)
    if is_own and not parcel.is_tracked:
        return  # the shop completed it, and this program delivered it for that
    shipments.keep(*key, parcel, is_early=is_first_look)


def read_later(context: Context, store: Store, record: OrderRecord) -> None:
    """What was delivered of an order before the ledger knew it is asked for before the order is
    completed: when its list told of it, it was nobody's. Not where the store is only just being
    connected: then the first look goes back far enough. Call inside a group of writes."""
    if store.settings.shipments == "auto" and context.is_connected(store):
        context.ledger.shipments.keep(store.identity, record.order_id, UNREAD, Parcel())


def way_of(context: Context, store: Store, *, anew: bool = False) -> ShipmentWay:
    """Where the shop shows shipments, as it was found in the last day, or is found `anew`. Raises
    a `ServiceError`."""
    kept, now = context.ledger.stores.meta(_way_name(store)), context.clock()
    way, asked_at = json.loads(kept) if kept else ("", None)
    at = read_time(asked_at)
    if not anew and at is not None and timedelta(0) <= now - at < ASKED_EVERY:
        return ShipmentWay(way)
    found = store.shop.shipment_way()
    if kept is None or found != way:
        log.info("%s: shipments are shown by %s", store.name, found.words)
    context.ledger.stores.set_meta(_way_name(store), json.dumps([found, time_text(now)]))
    return found


def _way_name(store: Store) -> str:
    return f"shipments:{store.identity}"


class ShipmentTelling:
    """Tells one store of deliveries, in one cycle."""

    def __init__(self, context: Context, store: Store) -> None:
        self._context = context
        self._store = store

    @property
    def held(self) -> set[int]:
        """The orders whose completion waits, so that the completed mail holds their shipments:
        those that were not tried yet, or failed once."""
        if self._store.settings.shipments == "off":
            return set()
        shipments, now = self._context.ledger.shipments, self._context.clock()
        return shipments.first_tries(self._store.identity, now)

    def tell(self) -> bool:
        """Tell the shop what is due, for about half a minute; returns whether more is left. What is
        wrong with one of them stops no other; raises a `ServiceError` where a whole side cannot be
        worked."""
        context, store = self._context, self._store
        if store.settings.shipments == "off":
            return False
        begun = context.clock()
        for shipment in context.ledger.shipments.due(store.identity, begun):
            if context.clock() - begun >= A_SLICE:
                return True
            context.go_on()

            def fail(error: Exception, shipment: Shipment = shipment) -> None:
                self._fail(shipment, error)

            with part_of_order(context, store, shipment.order_id, fail):
                self._tell(shipment)
        return False

    def _tell(self, shipment: Shipment) -> None:
        context, identity = self._context, self._store.identity
        record = context.ledger.orders.get(identity, shipment.order_id)
        if record is None or record.state is State.IGNORED or shipment.attempts > len(AGAIN_AFTER):
            self._end(shipment, has_entry=False, refusal=record.note_failed if record else "")
            return
        if shipment.is_early and record.shop_status == COMPLETED:
            context.ledger.shipments.told(identity, shipment, has_entry=False)
            return
        again_after = AGAIN_AFTER[min(shipment.attempts, len(AGAIN_AFTER) - 1)]
        context.ledger.shipments.sending(identity, shipment, context.clock() + again_after)
        try:
            if shipment.fulfillment_id == UNREAD:
                self._read(record)
                return
            try:
                has_entry = self._write(way_of(context, self._store), record, shipment)
            except NoRoute:
                # switched off, or the plugin is gone: the shop is asked what it has now
                now_is = way_of(context, self._store, anew=True)
                has_entry = self._write(now_is, record, shipment)
        except (BadRequest, NotFound) as error:
            self._end(shipment, has_entry=False, refusal=error.reason)
            return
        self._end(shipment, has_entry=has_entry)

    def _read(self, record: OrderRecord) -> None:
        """Ask what was delivered of the order, and tell the shop of it."""
        context, key = self._context, (self._store.identity, record.order_id)
        parts = context.katana.fulfillments(record.sales_order_id or 0)
        with context.ledger.atomic():
            context.ledger.shipments.forget(*key, UNREAD)
            for part in parts:
                _keep(context, self._store, record, part, is_first_look=False)
        for shipment in context.ledger.shipments.of_order(*key):
            if shipment.is_due:
                self._tell(shipment)

    def _write(self, way: ShipmentWay, record: OrderRecord, shipment: Shipment) -> bool:
        """Have the shop show the shipment; whether it has an entry for it."""
        match way:
            case ShipmentWay.NONE:
                return False  # the order's note tells of it once the order is completed
            case ShipmentWay.FULFILLMENTS:
                return self._write_fulfillment(record, shipment)
            case _:
                return self._write_tracking(way, record, shipment)

    def _write_fulfillment(self, record: OrderRecord, shipment: Shipment) -> bool:
        shop, parcel = self._store.shop, shipment.parcel
        there = shop.fulfillments(record.order_id)
        own = next((each for each in there if each.is_of(shipment.fulfillment_id, parcel)), None)
        taken: dict[int, Decimal] = {}
        for each in there:
            for line, quantity in each.quantities.items() if each is not own else ():
                taken[line] = taken.get(line, Decimal(0)) + quantity
        sales_order = self._context.katana.sales_order(record.sales_order_id or 0)
        lines = shop.order(record.order_id, self._context.facts(self._store).dp).line_items
        rows = sales_order.sales_order_rows
        variants_of, lost = self._variants_of(lines, rows)
        items = items_of(parcel, rows, lines, variants_of, taken)
        inside = {row_id for row_id, _quantity in parcel.rows}
        is_lost = any(int(row.id) in inside and int(row.variant_id) in lost for row in rows)
        if is_lost or (parcel.is_tracked and not items):
            which = "some of its goods" if items else "its goods"
            detail = f"{parcel.words}: {which} are no line of the order"
            self._context.note(self._store, record, Note(Reason.SHIPMENT_NOT_TOLD, detail))
        if not items:  # nothing that the shop's order has as a line of its own
            return False
        if own is None or not is_told(own, parcel, items):
            mail = self._store.settings.shipment_mail
            body = fulfillment_body(shipment.fulfillment_id, parcel, items, mail=mail)
            shop.put_fulfillment(record.order_id, body, None if own is None else int(own.id))
            self._did(record, parcel)
        return True

    def _variants_of(
        self, lines: Sequence[LineItem], rows: Sequence[SalesOrderRow]
    ) -> tuple[Mapping[int, int], set[int]]:
        """The Katana variant of each line, as the ledger has matched it; else by its SKU. Where an
        item was matched anew since the import, what is left of lines and of rows is the same goods,
        in their order, if the quantities say so too. Also the variants of goods that are one of
        the lines left, and nobody knows which."""
        catalogue, katana = self._context.ledger.catalogue, self._context.katana
        found = {}
        for line in lines:
            ids = (int(line.product_id), int(line.variation_id))
            known = catalogue.product(self._store.identity, *ids)
            found[int(line.id)] = 0 if known is None else known[1]
        sold = {int(row.variant_id) for row in rows}
        left = [line for line in lines if found[int(line.id)] not in sold]
        unknown = sorted(sold - set(found.values()))
        if not (left and unknown):
            return found, set()
        variants = {int(v.id): v for v in katana.variants_by_id(unknown)}
        by_sku = {str(variant.sku): id_ for id_, variant in variants.items()}
        for line in left:
            sku = in_katana(str(line.sku), self._context.settings.sku_aliases)
            found[int(line.id)] = by_sku.get(sku, 0)
        # of what was deleted since, Katana does not say what it was
        goods = {id_ for id_ in unknown if id_ not in variants or not variants[id_].is_service}
        goods -= set(found.values())
        left = [line for line in left if not found[int(line.id)]]
        of_goods = [row for row in rows if int(row.variant_id) in goods]
        if [line.quantity for line in left] == [row.quantity for row in of_goods]:
            found |= {
                int(line.id): int(row.variant_id) for line, row in zip(left, of_goods, strict=True)
            }
            return found, set()
        return found, goods if left else set()

    def _write_tracking(self, way: ShipmentWay, record: OrderRecord, shipment: Shipment) -> bool:
        shop, parcel = self._store.shop, shipment.parcel
        there = {
            str(e.tracking_number): str(e.tracking_id) for e in shop.trackings(way, record.order_id)
        }
        if parcel.number and parcel.number not in there:
            shop.add_tracking(way, record.order_id, tracking_body(parcel))
            self._did(record, parcel)
        if shipment.entry not in ("", UNTRACKED, parcel.number) and shipment.entry in there:
            shop.remove_tracking(way, record.order_id, there[shipment.entry])
        return bool(parcel.number)

    def _did(self, record: OrderRecord, parcel: Parcel) -> None:
        self._context.did(self._store, record, "shop", "told of a shipment", parcel.words)

    def _fail(self, shipment: Shipment, error: Exception) -> None:
        """Show with the order what keeps the shop from being told."""
        context = self._context
        record = context.ledger.orders.get(self._store.identity, shipment.order_id)
        if record is not None:
            why = f"shipment: {error}"
            log.warning("%s: order %s: the %s", self._store.name, record.number, why)
            context.save(self._store, replace(record, note_failed=why), record)

    def _end(self, shipment: Shipment, *, has_entry: bool, refusal: str = "") -> None:
        """The shop knows, or has nothing to show it by, or it is given up."""
        context, identity = self._context, self._store.identity
        with context.ledger.atomic():
            context.ledger.shipments.told(identity, shipment, has_entry=has_entry)
            record = context.ledger.orders.get(identity, shipment.order_id)
            if record is None:
                return
            if record.note_failed:
                record = context.save(self._store, replace(record, note_failed=""), record)
            if refusal:
                detail = f"{shipment.parcel.words}: {refusal}"
                context.note(self._store, record, Note(Reason.SHIPMENT_NOT_TOLD, detail))
