"""What a shop's stock must be, by the servers themselves."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from katana_woo_sync.domain.katana import WOOCOMMERCE
from katana_woo_sync.domain.reasons import about
from katana_woo_sync.domain.stock import holds_stock
from katana_woo_sync.ledger import Ledger
from katana_woo_sync.sandbox.woocommerce import Order
from tests.simulation.each_order import is_elsewhere
from tests.simulation.life import STORES, Life, hold


def stock_is_right(life: Life, ledger: Ledger, stores: Iterable[str]) -> None:
    """What must hold of all that these shops keep stock of. Raises `Broken`."""
    for store in stores:
        if "sync_stock = true" not in life.base[store]:
            continue
        for item in life.world.shops[store].state.products.values():
            if item.manage_stock is not True:
                continue
            skus = life.skus_of(store, item.id)
            variants = [(sku, v) for sku in skus if (v := _variant(life, store, sku)) is not None]
            if len(variants) < len(skus):
                continue
            free = at_hand = Decimal(0)
            place = life.place(store)
            for sku, variant in variants:
                here = life.world.katana.in_stock(variant, place)
                here += life.world.katana.potential(variant, place)
                at_hand += here
                free += here - _committed(life, store, variant, place)
                free -= sum(_taken(life, each, sku, ledger) for each in _beside(life, store))
            free -= 5 if "stock_reserve = 5" in life.base[store] else 0
            if 'stock_reserve = "10%"' in life.base[store] and free > 0:
                free -= max(at_hand, Decimal(0)) / 10
            found, expected = int(item.stock or 0), max(int(free), 0)
            hold(11, found == expected, f"{store}: {found} of {skus}, and not {expected}")


def _beside(life: Life, store: str) -> list[str]:
    """The stores that are where this one is, itself too."""
    return [each for each in STORES if life.places[each] == life.places[store]]


def _variant(life: Life, store: str, sku: str) -> int | None:
    """The Katana variant by which the stock of a SKU goes. None where there is none, where a person
    must say which, where it is left out, or where nobody has counted what the program created."""
    katana = life.world.katana
    found = [variant for variant in katana.variants() if variant.sku == life.sku_in_katana(sku)]
    if len(found) != 1 or found[0].id not in life.counted:
        return None
    (variant,) = found
    if life.leaves_out(store, sku):
        return None
    if variant.id == life.world.mug_variant and {
        life.world.shops[each].state.products[life.world.mug[each]].sku
        for each in _beside(life, store)
    } != {sku}:
        return None  # whether the other store's is the same mug, its orders say
    item = katana._state.items.get(variant.item_id)
    is_live = item is not None and not (item.deleted_at or item.archived_at)
    return variant.id if is_live else None


def _committed(life: Life, store: str, variant: int, place: int) -> Decimal:
    """What sales orders wait for: all, or only those of WooCommerce."""
    katana = life.world.katana
    if "count_other_commitments = false" in life.base[store]:
        return katana.committed(variant, place, WOOCOMMERCE)
    return katana.committed(variant, place)


def _taken(life: Life, store: str, sku: str, ledger: Ledger) -> Decimal:
    """What orders have taken from the shop's stock and Katana does not hold."""
    taken = Decimal(0)
    shop = life.world.shops[store]
    ids = {product.id for product in shop.state.products.values() if product.sku == sku}
    for order in shop.state.orders.values():
        is_held = any(o.deleted_at is None for o in life.world.in_katana(order.id, shop=store))
        is_over = life.is_completed(store, order.status) or not holds_stock(order.status)
        if is_over or is_held or _is_anothers(life, store, order, ledger):
            continue
        for line in order.lines:
            if (line.variation_id or line.product_id) in ids:
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
