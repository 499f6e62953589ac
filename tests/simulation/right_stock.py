"""What a shop's stock must be, by the servers themselves."""

from __future__ import annotations

from decimal import Decimal

from katana_woo_sync.domain.reasons import about
from katana_woo_sync.domain.stock import holds_stock
from katana_woo_sync.ledger import Ledger
from katana_woo_sync.sandbox.woocommerce import Order
from tests.simulation.each_order import is_elsewhere
from tests.simulation.life import STORES, Life, hold


def stock_is_right(life: Life, ledger: Ledger) -> None:
    """What must hold of the shops' mugs. Raises `Broken`."""
    world, variant = life.world, life.world.mug_variant
    skus = {v.id: str(v.sku) for v in world.katana.variants()}
    sku = skus[variant]
    if list(skus.values()).count(sku) > 1:
        return  # another item has it too: which of them is meant, a person must say
    places = {place.name: place.id for place in world.katana.locations()}
    for store in STORES:
        shop, mug = world.shops[store], world.mug[store]
        if "sync_stock = true" not in life.base[store] or shop.state.products[mug].sku != sku:
            continue
        if sku == "MUG" and "stock_exclude" in life.base[store]:
            continue
        beside = [each for each in STORES if life.places[each] == life.places[store]]
        if any(world.shops[each].state.products[world.mug[each]].sku != sku for each in beside):
            continue  # whether that one's is the same mug, its orders say
        place = places[life.places[store]]
        free = world.katana.in_stock(variant, place) - world.katana.committed(variant, place)
        free -= sum(_taken(life, each, world.mug[each], ledger) for each in beside)
        free -= 5 if "stock_reserve = 5" in life.base[store] else 0
        if 'stock_reserve = "10%"' in life.base[store] and free > 0:
            free -= max(world.katana.in_stock(variant, place), Decimal(0)) / 10
        found, expected = shop.stock(mug), max(int(free), 0)
        hold(11, found == expected, f"{store}: {found} mugs, and not {expected}")


def _taken(life: Life, store: str, mug: int, ledger: Ledger) -> Decimal:
    """What orders have taken from the shop's stock and Katana does not hold."""
    taken = Decimal(0)
    for order in life.world.shops[store].state.orders.values():
        is_held = any(o.deleted_at is None for o in life.world.in_katana(order.id, shop=store))
        if not holds_stock(order.status) or is_held or _is_anothers(life, store, order, ledger):
            continue
        for line in order.lines:
            if line.product_id == mug:
                meta = [m.value for m in line.meta if m.key == "_reduced_stock"]
                taken += sum((Decimal(str(value)) for value in meta), Decimal(0))
    return taken


def _is_anothers(life: Life, store: str, order: Order, ledger: Ledger) -> bool:
    """Whether an order's goods are its parent's, or its sub-orders', to count. A sub-order that
    never was Processing is left to its parent, whatever becomes of that."""
    record = ledger.orders.get(life.identity(store), order.id)
    if record is None:
        return order.parent_id != 0
    return about(record.reason).goods_elsewhere and is_elsewhere(life, store, order, ledger)
