"""The initial stock: what a shop has, put into Katana once as one stock adjustment.

Katana's stock = the shop's quantity + what the shop's open orders have already taken from it
(article 425): 7 in the shop and 3 on an open order are 10 in stock, 3 of them committed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal

from msgspec import Struct, field, structs

from katana_woo_sync.domain.deliveries import rows_to_deliver
from katana_woo_sync.domain.fields import Text
from katana_woo_sync.domain.katana import Variant
from katana_woo_sync.domain.order_record import InKatana, OrderRecord
from katana_woo_sync.domain.product_drafts import net_price
from katana_woo_sync.domain.products import (
    VARIABLE,
    as_order,
    no_price,
    pick_variant,
    price_factor,
    skus_in_katana,
)
from katana_woo_sync.domain.sales_order import Unmappable
from katana_woo_sync.domain.stock import (
    ZERO,
    AdjustmentRowDraft,
    ReducedStock,
    StockAdjustment,
    StockAdjustmentDraft,
    are_one_product,
    holds_stock,
    reduced_stock,
)
from katana_woo_sync.domain.text import plain
from katana_woo_sync.domain.woocommerce import Order, StockItem
from katana_woo_sync.ledger.intents import IntentKind
from katana_woo_sync.sync.context import Context, Store, StoreProblem, log
from katana_woo_sync.sync.create_once import StillUnknown, create_once
from katana_woo_sync.sync.katana_facts import KatanaFacts
from katana_woo_sync.sync.report import ExitCode
from katana_woo_sync.sync.stock_levels import shop_stock

NUMBER = "WOO-INITIAL-"
"""How the numbers of these stock adjustments begin; the store's identity follows."""

REASON = "Initial stock from WooCommerce"
COST_DECIMALS = Decimal("0.0001")
HUNDRED = Decimal(100)
MOST_READINGS = 5
"""How often a busy shop is read until no order came between its orders and its products."""


class InitialStock(Struct):
    """What was put into Katana: how many items, how many pieces more than it had, and of each item
    that was left out why. `number` is the stock adjustment's; "" where there was nothing to do."""

    number: str = ""
    items: int = 0
    pieces: Decimal = ZERO
    left_out: list[str] = field(default_factory=list)


class _Wanted(Struct, frozen=True):
    """What an item of the shop says that Katana has of a variant."""

    variant: Variant
    item: StockItem
    quantity: Decimal


def import_initial_stock(
    context: Context, store: Store, cost_percent: Decimal | None
) -> InitialStock:
    """Make Katana's stock at the store's location what the shop has, with what its orders took.

    Raises `StoreProblem` where it was done before for this store, a `ServiceError` where a side
    cannot be worked, and `LockHeld`.
    """
    with context.only_run():
        return _import(context, store, cost_percent)


def _import(context: Context, store: Store, cost_percent: Decimal | None) -> InitialStock:
    location_id = KatanaFacts(context).location(store)
    number = f"{NUMBER}{store.identity}"
    is_begun = context.ledger.intents.open(IntentKind.STOCK_ADJUSTMENT, number) is not None
    covered = _covered(context, store, location_id, number, is_begun=is_begun)
    done = InitialStock(number)
    items, taken = _read_shop(context, store)
    wanted = _wanted(context, store, items, taken, done)
    stock = {
        int(row.variant_id): Decimal(row.quantity_in_stock)
        for row in context.katana.stock_of([int(w.variant.id) for w in wanted], location_id)
    }
    if covered is not None:
        wanted = [each for each in wanted if not _is_there(each, covered, stock, done)]
    rows = _rows(context, store, stock, wanted, cost_percent)
    if not rows:
        done.number = ""
        return done
    done.items = len(rows)
    done.pieces = sum((row.quantity for row in rows), ZERO)
    draft = StockAdjustmentDraft(
        stock_adjustment_number=number,
        location_id=location_id,
        stock_adjustment_rows=tuple(rows),
        stock_adjustment_date=f"{context.clock():%Y-%m-%dT%H:%M:%S}.000Z",
        reason=REASON,
        additional_info=f"What {store.identity} had, and what its open orders had taken",
    )
    _create(context, store, draft, [int(w.variant.id) for w in wanted])
    return done


def _covered(
    context: Context, store: Store, location_id: int, number: str, *, is_begun: bool
) -> dict[int, str] | None:
    """Where another store's initial stock is at the location: which variants have got theirs by a
    stock adjustment there, and its number. None where there is no such store.

    Raises `StoreProblem` where this store's was imported before: doing it twice doubles nothing
    here, but makes Katana follow the shop where people count in Katana by now. So the ledger and
    the numbers in Katana are both asked. One that `is_begun` may be there, of this import.
    """
    remedy = "To do it again, delete that stock adjustment in Katana first"
    found = context.katana.stock_adjustments(location_id=location_id)
    own = [*context.katana.stock_adjustments(number=number), *found]
    ids = {each: identity for identity, each in context.ledger.stock.initial_at(location_id)}
    for known in own:
        said = str(known.stock_adjustment_number)
        if not is_begun and (said == number or ids.get(int(known.id)) == store.identity):
            raise StoreProblem(
                "the initial stock of this store was imported before, as the stock adjustment "
                f"{plain(said, 200)}. {remedy}",
                ExitCode.PROBLEMS,
            )
    others = [each for each in found if each.stock_adjustment_number != number]
    is_second = False
    for known in others:
        said = str(known.stock_adjustment_number)
        if not (said.startswith(NUMBER) or int(known.id) in ids):
            continue
        is_second = True
        if not known.stock_adjustment_rows:
            of = ids.get(int(known.id)) or plain(said.removeprefix(NUMBER), 200)
            raise StoreProblem(
                "the initial stock of this store's location was imported before, from "
                f"{of} (stock adjustment {plain(said, 200)}), and Katana does not say for which "
                f"items. {remedy}",
                ExitCode.PROBLEMS,
            )
    if not is_second:
        return None
    return {
        int(row.variant_id): plain(str(each.stock_adjustment_number), 200)
        for each in others
        for row in each.stock_adjustment_rows
    }


def _is_there(
    wanted: _Wanted, covered: Mapping[int, str], stock: Mapping[int, Decimal], done: InitialStock
) -> bool:
    """Whether Katana has got an item's stock already; it is listed then."""
    variant_id = int(wanted.variant.id)
    there = stock.get(variant_id, ZERO)
    if variant_id in covered:
        why = f"its stock is in Katana already, by the stock adjustment {covered[variant_id]}"
    elif there > 0:
        why = f"Katana has {there.normalize():f} in stock already"
    else:
        return False
    done.left_out.append(f"{_name(wanted.item)}: {why}")
    return True


def _read_shop(
    context: Context, store: Store
) -> tuple[Sequence[StockItem], Sequence[ReducedStock]]:
    """The shop's items, and what its orders have taken, as of one moment: if an order came while
    the items were read, they are read again."""
    before = _taken(context, store)
    for _ in range(MOST_READINGS):
        items = _with_tax_class(shop_stock(context, store, (), whole=True))
        after = _taken(context, store)
        if after == before:
            return items, after
        before = after
    raise StoreProblem(
        "orders came in faster than its products could be read; import its stock in a quieter hour"
    )


def _with_tax_class(items: Sequence[StockItem]) -> list[StockItem]:
    """Variations may have their product's tax class ("parent")."""
    of_products = {int(item.id): item.tax_class for item in items}
    return [
        structs.replace(i, tax_class=of_products.get(int(i.parent_id), Text()))
        if i.tax_class == "parent"
        else i
        for i in items
    ]


def _taken(context: Context, store: Store) -> list[ReducedStock]:
    """What open orders have taken from the shop's stock and has not left Katana's."""
    in_use = store.shop.statuses_in_use()
    usual = {"processing", "on-hold", *store.settings.import_statuses}
    statuses = sorted(filter(holds_stock, usual if in_use is None else in_use))
    found: list[ReducedStock] = []
    for page in store.shop.whole_orders(statuses) if statuses else ():
        orders = [order for order in page if isinstance(order, Order)]
        known = context.ledger.orders.known(store.identity, [int(o.id) for o in orders])
        for order in orders:
            record = known.get(int(order.id))
            found += _still_there(context, store, reduced_stock(store.identity, order), record)
    return found


def _still_there(
    context: Context, store: Store, taken: Sequence[ReducedStock], record: OrderRecord | None
) -> Sequence[ReducedStock]:
    """What of it Katana still has to pick: what was packed or delivered has left its stock."""
    if record is None or record.in_katana is not InKatana.YES or record.sales_order_id is None:
        return taken
    if record.katana_status in ("PACKED", "DELIVERED"):
        return ()
    if not record.katana_status.startswith("PARTIALLY"):
        return taken
    order = context.katana.sales_order(record.sales_order_id)
    left = rows_to_deliver(order, context.katana.fulfillments(record.sales_order_id))
    rest = {row.variant_id: ZERO for row in left}
    for row in left:
        rest[row.variant_id] += row.quantity
    kept = []
    for each in taken:
        known = context.ledger.catalogue.product(store.identity, each.product_id, each.variation_id)
        variant_id = known[1] if known is not None else 0
        quantity = min(each.quantity, rest.get(variant_id, ZERO))
        rest[variant_id] = rest.get(variant_id, ZERO) - quantity
        if quantity > 0:
            kept.append(structs.replace(each, quantity=quantity))
    return kept


def _wanted(
    context: Context,
    store: Store,
    items: Sequence[StockItem],
    taken: Sequence[ReducedStock],
    done: InitialStock,
) -> list[_Wanted]:
    by_id = {int(item.id): item for item in items}
    kept = [i for i in items if i.keeps_stock and i.stock_quantity is not None]
    kept = [item for item in kept if item.sku not in store.settings.stock_exclude]
    members = {
        int(i.id): [m for m in items if m.parent_id == i.id and m.uses_parents_stock] for i in kept
    }
    kept = [i for i in kept if i.type not in VARIABLE or members[int(i.id)]]
    variants = _variants(context, store, items, done)
    by_variant: dict[int, list[_Wanted]] = {}
    for item in kept:
        sources = [item, *members[int(item.id)]]
        ids = {int(v.id): v for each in sources if (v := variants.get(int(each.id))) is not None}
        own = variants.get(int(item.id))
        if own is not None:
            ids = {int(own.id): own}
        if len(ids) != 1:
            why = (
                "several of Katana's items share its stock"
                if ids
                else "Katana does not have it (--products imports products)"
            )
            done.left_out.append(f"{_name(item)}: {why}")
            continue
        (variant,) = ids.values()
        holder = int(item.id)
        took = sum((t.quantity for t in taken if _holder(t, by_id) == holder), ZERO)
        quantity = Decimal(item.stock_quantity or 0) + took
        by_variant.setdefault(int(variant.id), []).append(_Wanted(variant, item, quantity))
    return list(filter(None, (_one(found, done) for found in by_variant.values())))


def _one(found: Sequence[_Wanted], done: InitialStock) -> _Wanted | None:
    """What is wanted of a variant, unless it cannot be told or set. Translations of a product are
    one: what was taken of each comes to the quantity that they share."""
    first = found[0]
    parent = first.variant.product_or_material
    problem = ""
    shared = Decimal(first.item.stock_quantity or 0)
    taken = sum((each.quantity - shared for each in found), ZERO)
    if len(found) > 1 and not are_one_product([each.item for each in found]):
        others = ", ".join(_name(each.item) for each in found[1:])
        problem = f"it is one item in Katana with {others}"
    elif parent is not None and parent.serial_tracked:
        problem = "its serial numbers are to be entered in Katana"
    elif parent is not None and parent.batch_tracked:
        problem = "its batches are to be entered in Katana"
    if problem:
        done.left_out.append(f"{_name(first.item)}: {problem}")
        return None
    return structs.replace(first, quantity=shared + taken)


def _holder(taken: ReducedStock, by_id: Mapping[int, StockItem]) -> int:
    """The item whose stock a line was taken from."""
    item = by_id.get(taken.variation_id or taken.product_id)
    if item is None:
        return 0
    return int(item.parent_id) if item.uses_parents_stock else int(item.id)


def _name(item: StockItem) -> str:
    return f"{plain(item.name, 100) or 'product'} (id:{int(item.id)}, SKU {item.sku or '-'})"


def _variants(
    context: Context, store: Store, items: Sequence[StockItem], done: InitialStock
) -> dict[int, Variant]:
    """Katana's variant of each of the shop's items, by the item's id: by SKU, exact case, else by
    the ids remembered."""
    aliases = context.settings.sku_aliases
    parents = {int(item.id): str(item.sku) for item in items}
    own = {
        int(i.id): "" if i.parent_id and parents.get(int(i.parent_id)) == i.sku else str(i.sku)
        for i in items
        if i.keeps_stock or i.uses_parents_stock
    }
    wanted = {sku for each in own.values() for sku in skus_in_katana(each, aliases)}
    answered = context.katana.variants(sorted(wanted))
    found: dict[int, Variant] = {}
    remembered: dict[int, int] = {}
    for item in items:
        sku = own.get(int(item.id))
        if sku is None:
            continue
        try:
            picks = (pick_variant(each, answered) for each in skus_in_katana(sku, aliases))
            picked = next((variant for variant in picks if variant is not None), None)
        except Unmappable as error:
            done.left_out.append(f"{_name(item)}: {error.reason.about.sentence}")
            continue
        if picked is not None:
            found[int(item.id)] = picked
        elif not sku:
            place = (int(item.parent_id), int(item.id)) if item.parent_id else (int(item.id), 0)
            known = context.ledger.catalogue.product(store.identity, *place)
            if known is not None:
                remembered[int(item.id)] = known[1]
    by_id = {int(v.id): v for v in context.katana.variants_by_id(sorted(set(remembered.values())))}
    found.update((i, by_id[v]) for i, v in remembered.items() if v in by_id)
    return found


def _rows(
    context: Context,
    store: Store,
    stock: Mapping[int, Decimal],
    wanted: Sequence[_Wanted],
    cost_percent: Decimal | None,
) -> list[AdjustmentRowDraft]:
    """What is to come in, or go out, so that Katana, which has this `stock`, has what is wanted."""
    cost = _costs(context, store, cost_percent)
    rows = []
    for each in wanted:
        quantity = each.quantity - stock.get(int(each.variant.id), ZERO)
        if quantity:
            price = cost(each.item) if quantity > 0 else None
            rows.append(
                AdjustmentRowDraft(
                    variant_id=int(each.variant.id), quantity=quantity, cost_per_unit=price
                )
            )
    return rows


def _costs(
    context: Context, store: Store, cost_percent: Decimal | None
) -> Callable[[StockItem], Decimal]:
    """The cost of a piece: a percentage of the sales price without tax; 0 where none was asked for,
    or the shop's prices are in another currency than Katana's costs."""
    currency = str(context.facts(store).currency)
    if not cost_percent or currency.upper() != KatanaFacts(context).base_currency().upper():
        if cost_percent:
            log.warning(
                "%s: its prices are in %s, Katana's costs are not: the cost is 0",
                store.name,
                currency or "an unknown currency",
            )
        return lambda _item: ZERO
    settings, rates = store.shop.price_settings(), store.shop.tax_rates()
    percent: Decimal = cost_percent

    def cost(item: StockItem) -> Decimal:
        if no_price(item):
            log.warning("%s: %s: %s: its cost is 0", store.name, _name(item), no_price(item))
        order = as_order(item, (), rates, settings, currency)
        price = net_price(item.price, price_factor(order, order.line_items[0], item.price))
        share = (price or ZERO) * percent / HUNDRED
        return share.quantize(COST_DECIMALS, ROUND_HALF_UP)

    return cost


def _create(
    context: Context, store: Store, draft: StockAdjustmentDraft, variant_ids: Sequence[int]
) -> None:
    number = draft.stock_adjustment_number

    def find(_begun: datetime) -> StockAdjustment | None:
        return next(iter(context.katana.stock_adjustments(number=number)), None)

    def record(adjustment: StockAdjustment) -> None:
        stock = context.ledger.stock
        stock.initial(store.identity, int(adjustment.id), draft.location_id)
        stock.counted(variant_ids)
        context.ledger.journal.add(
            context.clock(), "katana", "created stock adjustment", number, identity=store.identity
        )

    def once() -> None:
        context.go_on()
        create_once(
            context,
            IntentKind.STOCK_ADJUSTMENT,
            number,
            find=find,
            create=lambda: context.katana.create_stock_adjustment(draft),
            record=record,
        )

    try:
        once()
    except StillUnknown as error:
        seconds = max(0.0, (error.ask_at - context.clock()).total_seconds())
        log.info("waiting %.0f s to ask Katana what became of the stock adjustment", seconds)
        context.wait(seconds)
        once()
