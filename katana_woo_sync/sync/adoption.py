"""Rule 2: adopting what Katana holds already, where it agrees with the shop's own copy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from katana_woo_sync.clients.order_reader import ReadOrder, UnreadableOrder
from katana_woo_sync.domain.adoption import (
    AdoptedTotal,
    adopt,
    adopted_total,
    agrees,
    evidence,
    mismatch,
)
from katana_woo_sync.domain.fields import utc_time
from katana_woo_sync.domain.katana import SalesOrder
from katana_woo_sync.domain.order_record import (
    InKatana,
    OrderRecord,
    State,
    imported,
    known_elsewhere,
    needs_attention,
)
from katana_woo_sync.domain.order_rules import (
    ADOPTION_GRACE,
    COMPLETED,
    Note,
    new_record,
    with_state,
)
from katana_woo_sync.domain.reasons import Reason
from katana_woo_sync.domain.same_order import is_identified_by_total, is_of_moment
from katana_woo_sync.domain.woocommerce import Order
from katana_woo_sync.ledger.intents import IntentKind
from katana_woo_sync.sync.context import Context, Store
from katana_woo_sync.sync.create_once import intent_key
from katana_woo_sync.sync.poll import candidates
from katana_woo_sync.sync.shipments import read_later
from katana_woo_sync.sync.shipping_fees import keep_shipping_fee
from katana_woo_sync.sync.totals import compare_total, with_payments

AT_ONCE = 100
"""Sales orders that are asked for by their ids in one request."""


def adopt_waiting(context: Context, store: Store) -> None:
    """Adopt the sales orders that wait for this store's word. Raises a `ServiceError`."""
    waiting = context.ledger.adoptables.waiting(store.identity)
    if not waiting:
        return
    know_tax_rates(context)
    copies = _copies(context, store, sorted(waiting))
    waiting = whole(context, waiting, copies)
    for order_id, found in sorted(waiting.items()):
        order = copies.get(order_id)
        if isinstance(order, UnreadableOrder):
            continue  # it is there, but makes no sense today: neither lost nor adopted
        context.go_on()
        with context.ledger.atomic():
            adopt_order(context, store, order_id, found, order)


def _copies(context: Context, store: Store, order_ids: Sequence[int]) -> dict[int, ReadOrder]:
    dp = context.facts(store).dp
    return {
        int(order.id): with_payments(context, store, order) if isinstance(order, Order) else order
        for order in store.shop.orders(order_ids, dp)
    }


def know_tax_rates(context: Context) -> None:
    """Ask Katana for its tax rates, once in a run: adopted orders' totals are compared with them,
    and a ledger that needs to adopt may be an old one."""
    if "tax_rates" not in context.listed:
        context.ledger.catalogue.set_tax_rates(context.katana.tax_rates())
        context.listed.add("tax_rates")


def whole(
    context: Context,
    waiting: Mapping[int, Sequence[SalesOrder]],
    copies: Mapping[int, ReadOrder],
) -> dict[int, list[SalesOrder]]:
    """The sales orders, by WooCommerce order id, with rows and addresses where the total does not
    tell whose they are: those are asked for again, since the ledger keeps neither.

    Raises a `ServiceError`; not to be called inside a group of writes.
    """
    doubtful: list[int] = []
    for order_id, found in waiting.items():
        order = copies.get(order_id)
        if isinstance(order, Order):
            doubtful += (int(s.id) for s in found if not is_identified_by_total(order, evidence(s)))
    fresh: dict[int, SalesOrder] = {}
    for start in range(0, len(doubtful), AT_ONCE):
        answered = context.katana.sales_orders_by_id(doubtful[start : start + AT_ONCE])
        fresh.update((int(s.id), s) for s in answered)
    return {
        order_id: [fresh.get(int(s.id), s) for s in found] for order_id, found in waiting.items()
    }


def adopt_order(
    context: Context, store: Store, order_id: int, found: Sequence[SalesOrder], order: Order | None
) -> None:
    """Adopt those of the sales orders that are the order's; call inside a group of writes.

    `order` is the shop's copy, None where the shop has lost it. A sales order under a name that
    several stores share is the order's only if both were made in the same minute; else it is left
    for the others. Where several are the order's, the living one (else the first made) is adopted,
    and the others are told of.
    """
    names, prefix = candidates(context), store.settings.order_number_prefix
    own = [
        each
        for each in found
        if len(names.get(each.ecommerce_store_name.lower(), ())) < 2
        or (
            order is not None
            and is_of_moment(order, each.created_date)
            and agrees(each, order, prefix)
        )
    ]
    if own:
        _adopt(context, store, order_id, own, order)
        record = context.ledger.orders.get(store.identity, order_id)
        if record is None or record.reason != Reason.DOUBLED_IN_KATANA:
            context.ledger.adoptables.settled(own)  # duplicates stay until one is left
    context.ledger.adoptables.leave(store.identity, order_id)


def _adopt(
    context: Context, store: Store, order_id: int, found: list[SalesOrder], order: Order | None
) -> None:
    known = context.ledger.orders.get(store.identity, order_id)
    chosen = min(found, key=lambda s: (s.is_deleted, int(s.id)))
    living = {int(s.id): str(s.order_no) for s in found if not s.is_deleted}
    if known is not None and known.in_katana is not InKatana.NO:
        living.pop(known.sales_order_id or 0, None)
        if known.in_katana is InKatana.YES:
            _show_duplicates(context, store, known, [*living.values()])
            return
        if not living:
            return
        # of two, a person deleted the one that the ledger knows: the other is the order now
    now = context.clock()
    for same in context.ledger.orders.by_sales_order([int(s.id) for s in found]).values():
        if same.identity != store.identity:
            if order is not None:
                where = f'sales order {same.sales_order_no} of "{same.identity}"'
                record = known_elsewhere(known or new_record(order, now), where)
                _show(context, store, record, known)
            return
    sent = known is not None and (known.state is State.IMPORTING or bool(known.sent_as))
    ours = sent and chosen.ecommerce_store_name == store.identity
    prefix = store.settings.order_number_prefix
    if order is not None and not ours and not agrees(chosen, order, prefix):
        _show(context, store, mismatch(chosen, order, store.identity, now), known)
        return
    record = adopt(chosen, order, store.identity, context.rules(store), now)
    if known is not None:
        record = _keep(record, known, ours=ours)
    held = None if ours or order is None else _total_of(context, store, chosen, order)
    if held is not None:
        record = replace(
            record,
            expected=held.expected,
            tolerance=held.tolerance,
            shipping_fee_due=held.fee is not None,
        )
    record = context.save(store, record, known)
    context.ledger.intents.end(IntentKind.SALES_ORDER, intent_key(record))
    if ours:
        record = _imported_by_us(context, store, record, chosen)
    else:
        record = _made_by_another(context, store, record, chosen, held)
    if len(living) > 1:
        _doubled(context, store, record, [*living.values()])


def _show(context: Context, store: Store, record: OrderRecord, known: OrderRecord | None) -> None:
    """Have a person look at an order, unless one has left it alone."""
    if known is None or known.state is not State.IGNORED:
        context.save(store, record, known)


def _made_by_another(
    context: Context,
    store: Store,
    record: OrderRecord,
    sales_order: SalesOrder,
    held: AdoptedTotal | None,
) -> OrderRecord:
    """What another program, or this one with a ledger that is lost, has created is taken over;
    returns its record as it is saved."""
    # of one that was completed before, whoever imported it may have told the shop
    if sales_order.is_sent and record.shop_status not in ("", COMPLETED):
        read_later(context, store, record)
    keep_shipping_fee(context, record, held.fee if held is not None else None)
    context.note(store, record, Note(Reason.ADOPTED, f"as {sales_order.order_no}"))
    context.did(store, record, "katana", "adopted", f"as {sales_order.order_no}")
    context.report.store(store.name).adopted += 1
    if held is not None and held.fee is None and sales_order.total is not None:
        return compare_total(context, store, record, sales_order.total)
    return record


def _total_of(
    context: Context, store: Store, sales_order: SalesOrder, order: Order
) -> AdoptedTotal | None:
    """What the total of a sales order that is adopted should be, and the fee that it lacks; None
    where it is not looked at.

    What was delivered long ago is settled: the books that hold it are closed.
    """
    made = utc_time(sales_order.created_at)
    is_old = made is not None and context.clock() - made > ADOPTION_GRACE
    if sales_order.is_deleted or sales_order.total is None:
        return None
    if is_old and sales_order.is_delivered:
        return None
    return adopted_total(
        order,
        sales_order.total,
        replace(context.terms(store), shipping_rows=False),  # what it lacks is a fee
        context.ledger.catalogue.tax_rates(),
        context.settings.taxes,
    )


def _show_duplicates(context: Context, store: Store, known: OrderRecord, living: list[str]) -> None:
    """Show an order that Katana holds more than once, until it does so no more."""
    if living:
        _doubled(context, store, known, [known.sales_order_no, *living])
    elif known.reason == Reason.DOUBLED_IN_KATANA and _is_single(context, known):
        context.save(
            store, with_state(imported(known, State.IMPORTED), context.rules(store)), known
        )


def _is_single(context: Context, known: OrderRecord) -> bool:
    """Whether Katana holds an order once again, after a person deleted the duplicate."""
    held = context.katana.sales_orders(store_name=known.identity, order_id=str(known.order_id))
    return [int(s.id) for s in held if not s.is_deleted] == [known.sales_order_id]


def _imported_by_us(
    context: Context, store: Store, record: OrderRecord, sales_order: SalesOrder
) -> OrderRecord:
    """A create of ours whose answer was lost turns out to have happened; returns its record as it
    is saved."""
    if sales_order.is_sent:
        read_later(context, store, record)
    tell_of_import(context, store, record, f"as {sales_order.order_no}, found there")
    if sales_order.total is not None and not record.shipping_fee_due:
        return compare_total(context, store, record, sales_order.total)
    return record


def _doubled(context: Context, store: Store, record: OrderRecord, numbers: list[str]) -> None:
    """Two writers within seconds: Katana has nothing that prevents it, so it is shown."""
    doubled = needs_attention(
        record, Reason.DOUBLED_IN_KATANA, "sales orders " + ", ".join(numbers), context.clock()
    )
    context.save(store, doubled, record)


def _keep(record: OrderRecord, known: OrderRecord, *, ours: bool) -> OrderRecord:
    """What the ledger knew before the order was found in Katana, and that a person has left it
    alone."""
    kept = replace(record, first_seen_at=known.first_seen_at)
    if known.state is State.IGNORED:
        kept = replace(kept, state=known.state, reason=known.reason)
    if not ours:
        return kept
    return replace(
        kept,
        shipping_fee_due=known.shipping_fee_due,
        refunds=known.refunds,
        expected=known.expected,
        tolerance=known.tolerance,
    )


def tell_of_import(context: Context, store: Store, imported: OrderRecord, detail: str) -> None:
    """Write down that an order came into Katana, and where it got another number than the shop's,
    since that was taken; call inside a group of writes."""
    context.did(store, imported, "katana", "imported", detail)
    plain, given = store.settings.order_number_prefix + imported.number, imported.sales_order_no
    if given.startswith(f"{plain}-{store.name}"):
        context.note(store, imported, Note(Reason.NUMBER_TAKEN, given))
    context.report.store(store.name).imported += 1
