"""What a sales order says of an order that nobody has changed: its money, its goods, its buyer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal

from katana_woo_sync.sandbox.katana import SalesOrder
from katana_woo_sync.sandbox.katana.sales_orders import Row
from katana_woo_sync.sandbox.woocommerce import Order
from katana_woo_sync.sandbox.woocommerce.lines import Line
from tests.simulation.life import NAMED_RATE, SLOT, WHEN, Life, hold
from tests.simulation.money import (
    Worth,
    Worths,
    in_cents,
    kinds_left_out,
    most_rounded,
    worths_of,
)


def is_the_order(life: Life, store: str, order: Order, held: SalesOrder, name: str) -> None:
    """What a sales order says of an order that nobody has changed since."""
    prefix = "P-" if "order_number_prefix" in life.base[store] else ""
    numbers = (f"{prefix}{order.number}", f"X-{order.number}")  # what a person sets for a while
    hold(19, held.order_no.startswith(numbers), f"{name} is {held.order_no}")
    hold(19, held.currency == order.currency, f"{name}: {held.currency}, not {order.currency}")
    created = order.created.replace(microsecond=0)
    when = held.order_created_date.replace(microsecond=0)
    hold(19, when == created, f"{name} was placed {created}, not {when}")
    due, days = held.delivery_date, 3 if "delivery_days = 3" in life.top else 14
    in_time = due is not None and due.replace(microsecond=0) == created + timedelta(days=days)
    hold(19, in_time, f"{name} is to be delivered {due}")
    ship_to = order.shipping if order.shipping.address_1 else order.billing
    for kind, address in (("billing", order.billing), ("shipping", ship_to)):
        whose = [a for a in held.addresses if a.entity_type == kind]
        parts = ((a.first_name, a.last_name, a.line_1, a.city, a.zip) for a in whose)
        said = [_letters("".join(part or "" for part in each)) for each in parts]
        wanted = _letters(
            f"{address.first_name}{address.last_name}{address.address_1}{address.city}"
            f"{address.postcode}"
        )
        hold(19, said == [wanted], f"{name}: {kind} {said}, not {wanted}")
    info = _letters(held.additional_info or "")
    hold(19, _letters(order.customer_note) in info, f"{name}: {held.additional_info}")
    if "additional_info_meta" in life.base[store] and SLOT in order.meta:
        hold(19, _letters(WHEN) in info, f"{name}: {WHEN} is not in {held.additional_info}")
    for text in (order.payment_method_title, *(c.coupon.code for c in order.coupon_lines)):
        hold(19, _letters(text) in info, f"{name}: {text} is not in {held.additional_info}")
    buyer = next(c for c in life.world.katana.customers() if c.id == held.customer_id)
    theirs, ours = (buyer.email or "").lower(), order.billing.email.lower()
    is_known = buyer.reference_id == f"{life.identity(store)}#{order.customer_id}"
    is_theirs = is_known or not theirs or not ours or theirs == ours
    hold(19, is_theirs, f"{name}, of {ours}, is of {buyer}")
    rates, as_rows = life.world.shops[store].state.rates, 'shipping = "row"' in life.top
    worths = worths_of(order, rates, kinds_left_out(life), shipping_rows=as_rows)
    _is_the_money(life, store, order, held, worths, name)
    items = [line for line in order.lines if line.kind == "item"]
    if all(line.product_id for line in items):
        _are_the_goods(life, store, worths.goods, held, name)


def _is_the_money(
    life: Life, store: str, order: Order, held: SalesOrder, worths: Worths, name: str
) -> None:
    """What is at which tax rate, and each row's price and discount."""
    shop, katana = life.world.shops[store].state, life.world.katana
    as_rows, matched = 'shipping = "row"' in life.top, "match_totals = true" in life.top
    fees = katana.shipping_fees(held.id)
    hold(5, not (fees and as_rows), f"{name} has a shipping fee and no row for it: {fees}")
    percents = {rate.id: rate.rate for rate in katana.tax_rates()}
    if "[taxes]" in life.top:
        others = {r.id for r in katana.tax_rates() if r.rate == 24 and r.name != NAMED_RATE}
        of_others = [row for row in held.rows if row.tax_rate_id in others]
        hold(6, not of_others, f"{name}: not at {NAMED_RATE}: {of_others}")
    parts = [(row.tax_rate_id, _of_row(row)) for row in held.rows]
    theirs: dict[Decimal, Decimal] = {}
    for rate_id, net in (*parts, *((fee.tax_rate_id, fee.amount) for fee in fees)):
        percent = percents[rate_id or 0]
        theirs[percent] = theirs.get(percent, Decimal(0)) + net * (1 + percent / 100)
    ours, most = worths.by_percent, most_rounded(order)
    for percent in ours.keys() | theirs.keys():
        wanted, found = ours.get(percent, Decimal(0)), theirs.get(percent, Decimal(0))
        words = f"{name}: at {percent} % it is {wanted} in the shop, and {found} in Katana"
        hold(6, abs(wanted - found) <= most, words)
    if any(_is_tied(line) for line in order.lines):
        return  # the bundle's row has the money of all
    is_plain = not order.refunds and all(line.gross >= 0 for line in order.lines)
    for worth, row in zip(worths.goods, held.rows, strict=False):
        factor, line = 1 + worth.percent / 100, worth.line
        found = _of_row(row) * factor
        words = f"{name}: {worth.pieces} of {line.name} come to {worth.gross}, and not {found}"
        hold(6, abs(worth.gross - found) <= most, words)
        if not is_plain or matched:
            continue
        full, net = in_cents(line.subtotal), in_cents(line.total)
        if shop.rounding.prices_include_tax:
            full, net = (full + line.subtotal_tax) / factor, worth.gross / factor
        hold(6, abs(net - _of_row(row)) <= EXACT, f"{name}: {net} without tax: {row}")
        discount = max(full - net, Decimal(0)) if 'discounts = "separate"' in life.top else 0
        hold(6, abs(discount - row.total_discount) <= EXACT, f"{name}: {discount} off: {row}")


EXACT = Decimal("0.00001")


def _of_row(row: Row) -> Decimal:
    return row.quantity * row.price_per_unit - row.total_discount


def _are_the_goods(
    life: Life, store: str, goods: Sequence[Worth], held: SalesOrder, name: str
) -> None:
    """How many of what a sales order is of, and what is to be engraved."""
    katana, products = life.world.katana, life.world.shops[store].state.products
    pieces: Counter[str] = Counter()
    parents: Counter[str] = Counter()
    wanted: set[str] = set()
    for worth in goods:
        line = worth.line
        sku = usual_sku(products[line.variation_id or line.product_id].sku)
        (parents if _is_bundle(line) else pieces)[sku] += int(worth.pieces)
        wanted |= {meta.display_key for meta in line.meta if not meta.key.startswith("_")}
    fees = {each.id for each in katana.services() if each.name.startswith("WooCommerce ")}
    variants = {v.id: v for v in katana.variants()}
    if life.sku_in_katana("MUG") != "MUG" and not life.occurred["rename_in_katana"]:
        by_alias = "MUG" not in {variants[row.variant_id].sku for row in held.rows}
        hold(19, by_alias, f"{name}: its mugs are not what the options call them: {held.rows}")
    rows: Counter[str] = Counter()
    for row in held.rows:
        if variants[row.variant_id].item_id not in fees:
            rows[usual_sku(variants[row.variant_id].sku or "")] += int(row.quantity)
    if 'bundles = "both"' in life.base[store]:
        pieces += parents
    elif parents and 'bundles = "children"' not in life.base[store] and rows == parents:
        pieces = parents  # Katana knows it
    hold(19, rows == pieces, f"{name} is of {pieces}, and not of {rows}")
    said = {key for row in held.rows for key, _value in row.attributes}
    hold(19, wanted <= said, f"{name}: {wanted} of its lines, and {said} of its rows")


def usual_sku(sku: str) -> str:
    """The mug's is changed now and then, in the shop or in Katana."""
    return "MUG" if sku in ("MUG-2", "CUP") else sku


def _letters(text: str) -> str:
    """What is left of a text whatever is cleaned of it."""
    return "".join(c for c in text if c.isalnum() and c.isascii())


def _is_tied(line: Line) -> bool:
    """Whether a line is a bundle, or a part of one."""
    return _is_bundle(line) or any(meta.key == "_bundled_by" for meta in line.meta)


def _is_bundle(line: Line) -> bool:
    return any(meta.key == "_bundled_items" for meta in line.meta)
