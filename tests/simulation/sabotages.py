"""Programs that are broken on purpose, and how many histories it takes to find each out.

    python -m tests.simulation.sabotages            # each, in up to 300 histories
    python -m tests.simulation.sabotages --most 1000 fee_twice lock_not_taken

A simulation that finds none of them out proves nothing.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from decimal import ROUND_CEILING, Decimal
from multiprocessing import get_context
from typing import Any
from unittest import mock

from msgspec.structs import replace

from katana_woo_sync.clients import katana_http, order_reader, woocommerce
from katana_woo_sync.clients.http import HttpClient
from katana_woo_sync.clients.katana import KatanaClient
from katana_woo_sync.clients.katana_http import KatanaApi
from katana_woo_sync.clients.throttle import Throttle
from katana_woo_sync.clients.woocommerce import WooCommerceClient
from katana_woo_sync.clients.woocommerce_http import WooCommerceHttp
from katana_woo_sync.domain import (
    charges,
    cursors,
    deliveries,
    order_rules,
    rows,
    sales_order,
    stock,
    taxes,
)
from katana_woo_sync.domain.addresses import address_drafts
from katana_woo_sync.domain.adoption import woocommerce_id
from katana_woo_sync.domain.bundles import as_rows
from katana_woo_sync.domain.charges import ChargeKind
from katana_woo_sync.domain.katana import SalesOrder
from katana_woo_sync.domain.order_record import InKatana, OrderRecord, State
from katana_woo_sync.domain.shipments import ShopFulfillment, items_of
from katana_woo_sync.domain.stock import Sellable, plan
from katana_woo_sync.ledger import Ledger
from katana_woo_sync.ledger import orders as orders_of_ledger
from katana_woo_sync.ledger.intents import Intents
from katana_woo_sync.ledger.orders import _WANTS_FULFILMENT, Orders
from katana_woo_sync.ledger.shipping_fees import ShippingFees
from katana_woo_sync.ledger.stock import Stock
from katana_woo_sync.sync import (
    adoption,
    create_once,
    customers,
    cycle,
    fulfilment,
    katana_facts,
    new_products,
    orders,
    poll,
    products,
    shipments,
    shipping_fees,
    stock_levels,
    sweep,
)
from katana_woo_sync.sync.context import Context
from katana_woo_sync.sync.dry_run import DryRunKatana
from katana_woo_sync.sync.katana_facts import KatanaFacts
from katana_woo_sync.sync.lock import LedgerLock
from katana_woo_sync.sync.products import LineItems
from katana_woo_sync.sync.report import ExitCode, Report, StoreReport
from tests.simulation.history import Told, drawn, run
from tests.simulation.many import begin_again

MOST = 300
Patch = tuple[Any, str, Any]


def _nothing(*_arguments: object, **_named: object) -> None:
    return None


def _always(value: object) -> Callable[..., object]:
    return lambda *_arguments, **_named: value


@contextmanager
def _each_write_by_itself(_ledger: Ledger) -> Iterator[None]:
    yield


def _cursor_moves_first(context: Any, store: Any, polled: Any) -> None:
    """The cursor is committed before what was read is."""
    name = poll.cursor_name(store)
    cursor = context.ledger.stores.cursor(name)
    moved = cursors.advance(cursor, polled.changed.mark, polled.read_at, cursors.SHOP_OVERLAP)
    context.ledger.stores.set_cursor(name, moved)
    _apply_poll(context, store, polled)


_apply_poll = poll.apply_poll


def _keep_what_others_sent(context: Any, sales_order: Any, names: Any) -> None:
    """What this program sent itself is not heard of."""
    order_id, name = woocommerce_id(sales_order), sales_order.ecommerce_store_name.lower()
    for identity in names.get(name, ()):
        record = None if order_id is None else context.ledger.orders.get(identity, order_id)
        if record is not None and record.sent_as:
            return
    _keep_for_adoption(context, sales_order, names)


_keep_for_adoption = poll.keep_for_adoption


def _is_what_others_sent(imports: Any, record: Any, order: Any) -> bool:
    return not record.sent_as and _is_in_katana(imports, record, order)


_is_in_katana = orders.OrderImports._is_in_katana


def _newest_of_all(times: Any, _as_of: Any) -> Any:
    return max((each for each in times if each is not None), default=None)


def _first_location(facts: Any, _store: Any) -> int:
    return min(int(each.id) for each in facts._context.katana.locations())


def _without_prefix(order: Any, rows: Any, resolved: Any, terms: Any) -> Any:
    return _draft(order, rows, resolved, replace(terms, order_number_prefix=""))


_draft = sales_order._draft


def _with_the_first_tax(order_plan: Any, resolved: Any, terms: Any) -> Any:
    rates = dict.fromkeys(resolved.tax_rates, next(iter(resolved.tax_rates.values())))
    return sales_order.map_order(order_plan, replace(resolved, tax_rates=rates), terms)


def _without_fees(kind: ChargeKind, line: Any, parts: Any) -> Any:
    charge = _other_charge(kind, line, parts)
    return replace(charge, net=Decimal(0), tax=Decimal(0)) if kind is ChargeKind.FEE else charge


_other_charge = charges._other


def _without_discount(line: Any, parts: Any) -> Any:
    charge = _item(line, parts)
    return replace(charge, net=charge.full_net, tax=charge.full_tax)


_item = charges._item


def _sent_to_the_buyer(billing: Any, _shipping: Any) -> Any:
    return address_drafts(billing, billing)


def _from_any_status(context: Any, store: Any) -> Any:
    return replace(_rules(context, store), complete_from=frozenset({"processing", "on-hold"}))


def _of_processing_alone(context: Any, store: Any) -> Any:
    return replace(_rules(context, store), import_statuses=frozenset({"processing"}))


_rules = Context.rules


def _of_products_alone(*arguments: Any) -> Any:
    made = plan(*arguments)
    return replace(made, targets=tuple(each for each in made.targets if not each.parent_id))


def _of_one_size(item: Any, members: Any, *others: Any) -> Any:
    return _target(item, members[:1], *others)


_target = stock._target


def _of_all_items(items: Any, variant_of: Any, what: Any, reserve: Any, _excluded: Any) -> Any:
    return plan(items, variant_of, what, reserve)


def _the_same_name(reference: str, person: Any, candidates: Any) -> int | None:
    known = [each for each in candidates if not each.deleted]
    own = [each.id for each in known if each.reference_id == reference]
    called_so = [each.id for each in known if each.person.name == person.name]
    return next(iter([*own, *called_so]), None)


def _of_the_first_sibling(items: Any, order: Any, line_ids: Any) -> dict[int, int]:
    found = _variants_of(items, order, line_ids)
    first: dict[int, int] = {}
    lines = [line for line in order.line_items if int(line.id) in found]
    return {
        int(line.id): first.setdefault(int(line.product_id), found[int(line.id)]) for line in lines
    }


_variants_of = LineItems.variants_of


def _as_parents(charges: Any, tied: Any, _mode: Any, knows: Any) -> Any:
    return _as_rows(charges, tied, "parent", knows)


_as_rows = as_rows


def _ignored_no_more(record: Any, order: Any, rules: Any, now: Any) -> Any:
    if record.state is State.IGNORED:
        record = replace(record, state=State.QUEUED)
    return _before_import(record, order, rules, now)


_before_import = order_rules._before_import


def _one_piece_more(charge: Any, line: Any) -> Any:
    return _less(charge, replace(line, quantity=line.quantity + 1))


_less = charges._less


def _without_coupons(order: Any, meta_keys: Any = ()) -> str:
    return _additional_info(replace(order, coupon_lines=()), meta_keys)


_additional_info = sales_order.additional_info


def _over_all_rates(discount: Any, priced: Any, shipping: Any, *, inclusive: bool) -> Decimal:
    """A negative fee comes off rows of whatever tax rate, as an amount that is refunded."""
    of_all = replace(discount, kind=ChargeKind.REFUND)
    return _spread(of_all, priced, shipping, inclusive=inclusive)


_spread = rows.spread


def _off_the_dearest(amount: Decimal, priced: Any, *, with_tax: bool) -> Decimal:
    left = amount
    for row in sorted(priced, key=lambda each: -each.discounted):
        left -= _subtract(left, [row], with_tax=with_tax)
    return amount - left


_subtract = rows._subtract


def _by_net_amounts(charge: Any, _plan: Any, resolved: Any) -> Any:
    rate = resolved.tax_rates[charge.need].rate
    return rows.DiscountableRow(charge, rate, charge.net, charge.full_net)


def _one_fee(lines: Any) -> tuple[Any, list[Any]]:
    """Shipping of two tax rates is one fee."""
    fee, others = _shipping_fee(lines)
    if fee is None:
        return fee, others
    more = [(each.net, each.tax) for each in others]
    net, tax = (sum(amounts, Decimal(0)) for amounts in zip((fee.net, fee.tax), *more, strict=True))
    return replace(fee, net=net, tax=tax), []


_shipping_fee = sales_order._shipping_fee


def _terms_with(**changed: Any) -> Callable[..., Any]:
    return lambda context, store: replace(_terms(context, store), **changed)


_terms = Context.terms


def _by_percentage(need: Any, rates: Any, _names: Any) -> Any:
    return _choose_rate(need, rates, {})


_choose_rate = taxes.choose_rate


def _as_in_the_shop(sku: str, _aliases: Mapping[str, str]) -> str:
    return sku.strip()


def _only_as_in_the_shop(sku: str, _aliases: Mapping[str, str]) -> list[str]:
    return [sku] if sku else []


def _newest_first(found: Any) -> Any:
    return _in_order(found)[::-1]


_in_order = deliveries._in_order


def _first_line_of(*arguments: Any) -> dict[int, Decimal]:
    return dict(list(_items_of(*arguments).items())[:1])


_items_of = items_of


def _as_first_told(
    context: Any, store: Any, record: Any, part: Any, *, is_first_look: bool
) -> None:
    """What becomes of a parcel after it was heard of first is not told."""
    if context.ledger.shipments.find(store.identity, record.order_id, int(part.id)) is None:
        _keep_parcel(context, store, record, part, is_first_look=is_first_look)


_keep_parcel = shipments._keep


def _once_it_is_completed(telling: Any, shipment: Any) -> None:
    """The last parcel is told of after the order was completed."""
    identity = telling._store.identity
    record = telling._context.ledger.orders.get(identity, shipment.order_id)
    if not (record and record.is_delivered and record.shop_status == "processing"):
        _tell_parcel(telling, shipment)


_tell_parcel = shipments.ShipmentTelling._tell


def _left_alone_too(record: OrderRecord, rules: Any, now: Any) -> Any:
    if record.state is State.IGNORED:
        record = replace(record, state=State.IMPORTED)
    return _next_step(record, rules, now)


_next_step = order_rules.next_step
LEFT_ALONE_TOO = _WANTS_FULFILMENT.replace("'attention')", "'attention', 'ignored')")


def _fulfilment_on(context: Any, store: Any) -> Any:
    return replace(_rules(context, store), sync_fulfillment=True)


def _none_that_failed(orders: Orders, identity: str, now: Any, limit: int) -> list[OrderRecord]:
    due = _due_for_import(orders, identity, now, limit)
    return [each for each in due if each.state is not State.FAILED]


_due_for_import = Orders.due_for_import


def _percent_as_pieces(what: Any, reserve: Any, *, backorders: bool) -> int:
    return _pieces(what, replace(reserve, is_percentage=False), backorders=backorders)


_pieces = stock.pieces


def _rounded_up(what: Any, reserve: Any, *, backorders: bool) -> int:
    quantity = what.quantity.to_integral_value(ROUND_CEILING)
    return _pieces(replace(what, quantity=quantity), reserve, backorders=backorders)


def _of_goods_alone(found: Any, refunds: Any) -> Any:
    goods = {charge.line_id for charge in found if charge.kind is ChargeKind.ITEM}
    kept = []
    for refund in refunds:
        lines = tuple(line for line in refund.lines if line.line_id in goods)
        others = sum((line.gross for line in refund.lines if line not in lines), Decimal(0))
        kept.append(charges._Refunded(refund.amount - others, lines))
    return _after_refunds(found, kept)


_after_refunds = charges._after_refunds


PACKED_TOO = _WANTS_FULFILMENT.replace(
    "(katana_status = 'DELIVERED'", "(katana_status IN ('DELIVERED', 'PACKED')"
)


def _is_packed(record: OrderRecord) -> bool:
    is_there = record.in_katana is InKatana.YES
    return is_there and record.katana_status in ("DELIVERED", "PACKED")


SABOTAGES: Mapping[str, tuple[Patch, ...]] = {
    "no_intent_is_kept": ((Intents, "begin", _nothing),),
    "intent_never_ends": ((Intents, "end", _nothing),),
    "lost_answer_means_not_done": ((create_once, "is_certain", _always(True)),),
    "asked_at_once_after_a_lost_answer": ((create_once, "_wait", _always(timedelta(0))),),
    # each alone is harmless: before it is asked for, the list of changes has brought it; the next
    # attempt looks for it too; and where Katana takes a number once, that tells of it
    "lost_order_is_not_looked_for": (
        (orders, "_find", _always(None)),
        (poll, "keep_for_adoption", _keep_what_others_sent),
        (orders.OrderImports, "_is_in_katana", _is_what_others_sent),
    ),
    "fee_twice": (
        (shipping_fees, "_find", _always(None)),
        (shipping_fees, "_is_not_missed", _always(False)),
    ),
    "fee_forgotten": (
        (orders, "add_shipping_fee", _nothing),
        (cycle, "add_missing_shipping_fees", _nothing),
    ),
    "fee_not_kept": ((ShippingFees, "due", _always(None)),),
    "writes_not_in_one_group": ((Ledger, "atomic", _each_write_by_itself),),
    "cursor_before_the_record": ((cycle, "apply_poll", _cursor_moves_first),),
    "mark_beyond_the_date": (
        (order_reader.Times, "_sifted", lambda _times, order, _as_of: order),
        (woocommerce, "newest", _newest_of_all),
        (katana_http, "newest", _newest_of_all),
        (cursors, "is_beyond", _always(False)),
        (poll, "is_beyond", _always(False)),
    ),
    "no_overlap_with_katana": ((poll, "KATANA_OVERLAP", timedelta(0)),),
    "no_overlap_with_shops": ((poll, "SHOP_OVERLAP", timedelta(0)),),
    "no_sweep": ((cycle, "sweep", _nothing),),
    "stale_copies_are_believed": (
        (poll, "_is_old", _always(False)),
        (order_rules, "is_stale", _always(False)),
        (orders, "is_stale", _always(False)),
        (fulfilment, "is_stale", _always(False)),
    ),
    "lock_not_taken": ((LedgerLock, "acquire", _nothing),),
    "retry_is_never_due": ((Orders, "due_for_import", _always([])),),
    "every_store_at_the_first_location": ((KatanaFacts, "location", _first_location),),
    "shops_own_orders_take_no_stock": ((Stock, "set_taken", _nothing),),
    "stock_of_nobody_else": (
        (stock_levels, "sellable", lambda row, **_named: Sellable(row.at_hand, row.at_hand)),
    ),
    "delivered_orders_are_not_completed": ((fulfilment.Fulfilment, "_complete", _nothing),),
    "completed_orders_are_not_delivered": ((fulfilment, "deliver_order", _nothing),),
    "totals_are_taken_for_0": ((orders, "_total", _always(Decimal(0))),),
    "differing_totals_are_not_noticed": tuple(
        (place, "compare_total", lambda _context, _store, record, _total: record)
        for place in (orders, adoption, shipping_fees)
    ),
    "what_another_imported_is_not_adopted": (
        (cycle, "adopt_waiting", _nothing),
        (orders.OrderImports, "_is_in_katana", _always(False)),
    ),
    "gone_orders_stay": ((sweep, "apply_missing", _nothing),),
    "prefix_forgotten": ((sales_order, "_draft", _without_prefix),),
    "tax_rate_of_another_row": ((orders, "map_order", _with_the_first_tax),),
    "fee_lines_forgotten": ((charges, "_other", _without_fees),),
    "discounts_forgotten": ((charges, "_item", _without_discount),),
    "refunds_before_the_import_forgotten": ((sales_order, "refunds_of", _always(())),),
    "sent_to_the_buyer": ((sales_order, "address_drafts", _sent_to_the_buyer),),
    "customers_note_forgotten": ((sales_order, "additional_info", _always("")),),
    "completed_from_any_status": ((Context, "rules", _from_any_status),),
    "commitments_to_woocommerce_forgotten": ((Stock, "set_committed", _nothing),),
    "bundles_do_not_follow_their_components": ((Stock, "bundles", _always([])),),
    "stock_of_variations_is_left": ((stock_levels, "plan", _of_products_alone),),
    "shared_stock_is_of_one_size": ((stock, "_target", _of_one_size),),
    "what_nobody_counted_is_set": (
        (Stock, "uncounted", _always(frozenset())),
        (stock_levels, "find_uncounted", _always(False)),
    ),
    "excluded_items_are_set": ((stock_levels, "plan", _of_all_items),),
    "edits_are_not_noted": ((order_rules, "what_was_edited", _always("")),),
    "refunds_are_not_noted": ((order_rules, "_refunds_since", _always(())),),
    "counts_are_lost": ((Report, "store", lambda _report, _name: StoreReport()),),
    "requests_without_a_key_are_not_counted": ((WooCommerceHttp, "sent", HttpClient.sent),),
    "quota_is_not_kept": ((Throttle, "acquire", _nothing),),
    "exit_code_says_all_is_well": ((Report, "exit_code", ExitCode.DONE),),
    # what is looked at is all that the shop has, of others too: goods are not sent twice
    "shipments_are_not_recognised": (
        (ShopFulfillment, "is_of", _always(False)),
        (WooCommerceClient, "fulfillments", _always(())),
        (WooCommerceClient, "trackings", _always(())),
        (shipments, "AGAIN_AFTER", (timedelta(0),) * 9),
    ),
    "namesakes_are_one_customer": ((customers, "match_customer", _the_same_name),),
    "variations_are_one_item": ((LineItems, "variants_of", _of_the_first_sibling),),
    "bundles_option_forgotten": ((sales_order, "as_rows", _as_parents),),
    "one_piece_more_refunded": ((charges, "_less", _one_piece_more),),
    "prices_in_cents": ((rows, "TEN_DECIMALS", Decimal("0.01")),),
    "coupon_codes_forgotten": ((sales_order, "additional_info", _without_coupons),),
    "engravings_forgotten": ((charges, "visible_meta", _always(())),),
    "sub_orders_too": ((orders, "left_to_others", _always(None)),),
    "cancelled_before_its_turn_is_imported": (
        (orders, "may_be_imported", _always(True)),
        (order_rules, "skipped_before_import", lambda record: record),
    ),
    "what_was_completed_before_is_imported": (
        (order_rules, "_placed_since_connection", _always(True)),
    ),
    "ignored_orders_come_back": ((order_rules, "_before_import", _ignored_no_more),),
    # the ledger gives none that is packed only
    "completed_when_packed": (
        (OrderRecord, "is_delivered", property(_is_packed)),
        (orders_of_ledger, "_WANTS_FULFILMENT", PACKED_TOO),
    ),
    "cancelled_orders_stay": ((fulfilment, "delete_cancelled", _nothing),),
    "deleted_though_begun": ((SalesOrder, "begun", ""),),
    "tracking_note_forgotten": ((fulfilment, "due_at_completion", _nothing),),
    "notes_forgotten": ((cycle, "write_notes", _always(False)),),
    "refunded_shipping_forgotten": ((charges, "_after_refunds", _of_goods_alone),),
    "negative_fees_off_all_tax_rates": ((sales_order, "spread", _over_all_rates),),
    "discounts_off_one_row": ((rows, "_subtract", _off_the_dearest),),
    "prices_by_net_amounts": ((sales_order, "_discountable", _by_net_amounts),),
    "shipping_of_two_rates_is_one_fee": ((sales_order, "_shipping_fee", _one_fee),),
    "discounts_are_not_separate": ((Context, "terms", _terms_with(separate_discounts=False)),),
    "totals_are_not_matched": ((Context, "terms", _terms_with(match_totals=False)),),
    "shipping_is_no_row": ((Context, "terms", _terms_with(shipping_rows=False)),),
    "newest_batches_first": ((deliveries, "_in_order", _newest_first),),
    "half_a_shipment": ((shipments, "items_of", _first_line_of),),
    "later_tracking_is_not_told": ((shipments, "_keep", _as_first_told),),
    "shipments_are_told_after_the_mail": (
        (shipments.ShipmentTelling, "_tell", _once_it_is_completed),
        (shipments.ShipmentTelling, "held", frozenset()),
    ),
    # the ledger gives none that is left alone
    "ignored_orders_are_carried": (
        (fulfilment, "next_step", _left_alone_too),
        (orders_of_ledger, "_WANTS_FULFILMENT", LEFT_ALONE_TOO),
    ),
    "fulfilment_cannot_be_switched_off": ((Context, "rules", _fulfilment_on),),
    "import_delay_forgotten": ((order_rules, "grace", _always(None)),),
    "what_failed_waits_for_a_person": ((Orders, "due_for_import", _none_that_failed),),
    "reserve_of_percent_is_of_pieces": ((stock, "pieces", _percent_as_pieces),),
    "stock_is_rounded_up": ((stock, "pieces", _rounded_up),),
    "since_forgotten": ((order_rules, "is_before_since", _always(False)),),
    "foreign_currencies_are_imported": ((KatanaFacts, "check_currency", _nothing),),
    "named_tax_rates_forgotten": ((katana_facts, "choose_rate", _by_percentage),),
    "aliases_forgotten": (
        (products, "in_katana", _as_in_the_shop),
        (products, "skus_in_katana", _only_as_in_the_shop),
        (new_products, "in_katana", _as_in_the_shop),
    ),
    "stock_is_without_aliases": ((stock_levels, "skus_in_katana", _only_as_in_the_shop),),
    "own_statuses_are_not_imported": ((Context, "rules", _of_processing_alone),),
    "shipped_is_not_completed": ((WooCommerceClient, "_completed", lambda _shop, order: order),),
    "meta_forgotten": ((Context, "terms", _terms_with(info_meta=())),),
    # the session refuses it too
    "dry_run_writes": (
        (DryRunKatana, "create_sales_order", KatanaClient.create_sales_order),
        (KatanaApi, "only_read", _nothing),
    ),
}
"""Each by what is put in the place of what."""


@contextmanager
def sabotaged(name: str) -> Iterator[None]:
    """Meanwhile the program is broken in this way."""
    with ExitStack() as stack:
        for place, what, instead in SABOTAGES[name]:
            stack.enter_context(mock.patch.object(place, what, instead))
        yield


def found_out(name: str, most: int, first: int = 1) -> tuple[int, Told] | None:
    """After how many histories the sabotage is found out, and by which; None where it is not."""
    with sabotaged(name):
        for count, seed in enumerate(range(first, first + most), 1):
            told = run(drawn(seed), with_trace=False)
            if told.broken:
                return count, told
    return None


def _found_out(name: str, most: int) -> str:
    begun = time.monotonic()
    found = found_out(name, most)
    took = time.monotonic() - begun
    if found is None:
        return f"{name}: NOT found out in {most} histories ({took:.0f} s)"
    count, told = found
    return f"{name}: by history {count} ({took:.0f} s): {told.broken[:100]}"


def main() -> int:
    """Try each; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.sabotages")
    parser.add_argument("names", nargs="*", default=list(SABOTAGES))
    parser.add_argument("--most", type=int, default=MOST)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    survivors = 0
    with ProcessPoolExecutor(options.jobs, get_context("spawn")) as pool:
        work = [pool.submit(_found_out, name, options.most) for name in options.names]
        for each in work:
            words = each.result()
            survivors += "NOT found out" in words
            print(words, flush=True)  # noqa: T201
    return 1 if survivors else 0


if __name__ == "__main__":
    begin_again("tests.simulation.sabotages")
    sys.exit(main())
