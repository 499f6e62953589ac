"""Delivering in Katana what the shop completed (rule 11)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from katana_woo_sync.clients.errors import BadRequest
from katana_woo_sync.domain.deliveries import (
    BatchStock,
    Fulfillment,
    FulfillmentDraft,
    Left,
    Place,
    Short,
    assign,
    left_to_deliver,
    without_batch,
)
from katana_woo_sync.domain.katana import SalesOrder, Variant
from katana_woo_sync.domain.reasons import Reason
from katana_woo_sync.domain.sales_order import katana_time
from katana_woo_sync.ledger.intents import IntentKind
from katana_woo_sync.sync.context import Context
from katana_woo_sync.sync.create_once import create_once


class CannotDeliver(Exception):
    """A delivery that a person must see to; `detail` says what is missing."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


def deliver(context: Context, sales_order_id: int) -> SalesOrder:
    """Deliver all that is left of a sales order; returns it, delivered.

    Katana assigns batches by itself, first in, first out. Where it refuses, the oldest batches at
    the order's location are named to it. Raises `CannotDeliver`, `StillUnknown`, and a
    `ServiceError`.
    """
    if context.ledger.intents.open(IntentKind.FULFILLMENT, str(sales_order_id)) is None:
        try:
            return context.katana.deliver(sales_order_id)
        except BadRequest as error:
            refusal = error
    else:
        refusal = None
    _deliver_from_batches(context, sales_order_id, refusal)
    order = context.katana.sales_order(sales_order_id)
    # what was packed before is delivered with the order itself
    return order if order.is_delivered else context.katana.deliver(sales_order_id)


def _deliver_from_batches(
    context: Context, sales_order_id: int, refusal: BadRequest | None
) -> None:
    order = context.katana.sales_order(sales_order_id)
    parts = context.katana.fulfillments(sales_order_id)
    rows = left_to_deliver(order, parts)
    if not rows:
        context.ledger.intents.end(IntentKind.FULFILLMENT, str(sales_order_id))
        if refusal is not None and not order.is_delivered:
            _explain_serials(context, order)
            raise refusal
        return
    variants = {int(v.id): v for v in context.katana.variants_by_id(_variant_ids(rows))}
    _refuse_serials(variants.values())
    tracked = frozenset(key for key, variant in variants.items() if _is_batched(variant))
    if refusal is not None and not tracked:
        raise refusal
    draft = _with_batches(context, sales_order_id, rows, tracked, variants)

    def find(_begun: object) -> Fulfillment | None:
        # what is left was asked for just now: if it were there, nothing would be left
        return None

    create_once(
        context,
        IntentKind.FULFILLMENT,
        str(sales_order_id),
        find=find,
        create=lambda: context.katana.create_fulfillment(draft),
        record=lambda _made: None,
    )


def _explain_serials(context: Context, order: SalesOrder) -> None:
    ids = [int(row.variant_id) for row in order.sales_order_rows]
    _refuse_serials(context.katana.variants_by_id(ids))


def _refuse_serials(variants: Iterable[Variant]) -> None:
    """Serial numbers are never made up: they say which piece a customer got."""
    named = [_name(v) for v in variants if v.product_or_material and _is_serial(v)]
    if named:
        raise CannotDeliver(Reason.SERIAL_NUMBERS_NEEDED, ", ".join(sorted(named)))


def _is_serial(variant: Variant) -> bool:
    return variant.product_or_material is not None and variant.product_or_material.serial_tracked


def _is_batched(variant: Variant) -> bool:
    return variant.product_or_material is not None and variant.product_or_material.batch_tracked


def _name(variant: Variant) -> str:
    item = variant.product_or_material
    return str(variant.sku) or (str(item.name) if item else f"variant {variant.id}")


def _variant_ids(rows: Sequence[Left]) -> list[int]:
    return sorted({row.variant_id for row in rows})


def _with_batches(
    context: Context,
    sales_order_id: int,
    rows: Sequence[Left],
    tracked: frozenset[int],
    variants: dict[int, Variant],
) -> FulfillmentDraft:
    places = sorted({row.place for row in rows if row.variant_id in tracked})
    stocks = {place: list(context.katana.batch_stocks(*place)) for place in places}
    drafts, short = assign(rows, tracked, stocks)
    if short:
        _add_loose_stock(context, short, stocks)
        drafts, short = assign(rows, tracked, stocks)
    if short:
        raise CannotDeliver(Reason.BATCH_SHORTAGE, "; ".join(_words(s, variants) for s in short))
    return FulfillmentDraft(
        sales_order_id=sales_order_id,
        status="DELIVERED",
        picked_date=katana_time(context.clock()),
        sales_order_fulfillment_rows=drafts,
    )


def _add_loose_stock(
    context: Context, short: Sequence[Short], stocks: dict[Place, list[BatchStock]]
) -> None:
    """Add what is in stock without a batch, for the variants whose batches do not suffice."""
    wanted = {each.variant_id for each in short}
    for place in [place for place in stocks if place[0] in wanted]:
        for found in context.katana.inventory([place[0]], place[1]):
            stocks[place].append(without_batch(found, stocks[place]))


def _words(short: Short, variants: dict[int, Variant]) -> str:
    name = _name(variants[short.variant_id])
    needed, there = (f"{amount.normalize():f}" for amount in (short.needed, short.available))
    return f"{name}: {needed} needed, {there} in batches"
